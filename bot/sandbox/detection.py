"""What Telegram finds in a text by itself: links, addresses, mentions, hashtags, commands."""

import re

from bot.sandbox.utf16 import Entity, nesting, utf16_length

_SIGNED = re.compile(
    r"(?P<url>(?:https?|ftp|tg|ton)://[^\s<>\"]+)"
    r"|(?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|(?<![\w/])(?P<mention>@[A-Za-z]\w{2,31})\b"
    r"|(?<![\w/@<>])(?P<bot_command>/[A-Za-z0-9_]{1,64}(?:@[A-Za-z]\w{2,31})?)(?![\w/<>])"
    r"|(?<!\w)(?P<hashtag>#\w*[^\W\d]\w*)"
    r"|(?<!\w)(?P<cashtag>\$[A-Z]{3,8})\b"
)
_SIGN = re.compile(r"[@/#$]")
_DOMAINS = r"com|org|net|edu|gov|info|io|ai|app|dev|me|cn|hk|tw|jp|uk|de|fr|eu|ru|ch|ca|au|us"
_TOP = re.compile(rf"\.(?:{_DOMAINS})\b")
_BARE = re.compile(
    rf"(?<![\w@./-])(?P<url>(?:[\w-]+\.)+(?:{_DOMAINS})(?![\w.-]*\w)(?::\d+)?(?:/[^\s<>\"]*)?)"
)
_OPAQUE = frozenset({"code", "pre", "text_link", "text_mention"})
_PUNCTUATION = ".,:;!?'\")]}"


def found_entities(text: str, given: list[Entity]) -> list[Entity]:
    """`given` and what is found outside code and links, in order. Offsets and lengths in UTF-16 units."""
    signed = _SIGN.search(text) is not None
    bare = _TOP.search(text) is not None
    if not (signed or bare):
        return given
    patterns = [pattern for pattern, wanted in ((_SIGNED, signed), (_BARE, bare)) if wanted]
    taken = [
        (entity["offset"], entity["offset"] + entity["length"])
        for entity in given
        if entity["type"] in _OPAQUE
    ]
    found = []
    for pattern in patterns:
        for match in pattern.finditer(text):
            entity = _entity(text, match)
            begin, end = entity["offset"], entity["offset"] + entity["length"]
            if not any(begin < other_end and other < end for other, other_end in taken):
                taken.append((begin, end))
                found.append(entity)
    if not found:
        return given
    return sorted([*given, *found], key=nesting)


def _entity(text: str, match: re.Match[str]) -> Entity:
    kind = match.lastgroup or ""
    value = match.group(kind)
    if kind == "url":
        value = value.rstrip(_PUNCTUATION)
    begin = match.start(kind)
    return {"type": kind, "offset": utf16_length(text[:begin]), "length": utf16_length(value)}
