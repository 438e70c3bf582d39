"""HTML mode as the Bot API reads it: offsets in UTF-16 units, the errors' own words.

Source: Bot API, "HTML style", and the behaviour of the open server behind it.
"""

import re
from dataclasses import dataclass

from bot.sandbox.errors import Refusal, bad_request
from bot.sandbox.links import BadLink, checked_link
from bot.sandbox.utf16 import Entity, nesting, utf16_length

_TYPES = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "a": "text_link",
    "tg-emoji": "custom_emoji",
}
_REFERENCES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(r"&(?:#x([0-9A-Fa-f]{1,6})|#([0-9]{1,7})|([A-Za-z]+));?")
_MARK = re.compile(r"[<&]")
_NAME = re.compile(r"[^\s>]*")
_ATTRIBUTE_NAME = re.compile(r"[^\s=>/\"']*")
_TOKEN = re.compile(r"[A-Za-z0-9.\-]*")
_SPACE = re.compile(r"\s*")
_PERSON = re.compile(r"tg://user\?id=(\d+)")


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """Text and entities of HTML mode, neither cleaned nor trimmed. Raises Refusal."""
    return _HtmlReader(source).read()


@dataclass(slots=True)
class _OpenTag:
    name: str
    argument: str
    offset: int
    piece: int


class _HtmlReader:
    """One pass over one source; `at` is an index of characters, bytes are counted for errors only."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.pieces: list[str] = []
        self.offset = 0
        self.open: list[_OpenTag] = []
        self.entities: list[Entity] = []

    def read(self) -> tuple[str, list[Entity]]:
        while (mark := _MARK.search(self.source, self.at)) is not None:
            self._append(self.source[self.at : mark.start()])
            self.at = mark.start()
            if mark.group() == "&":
                self._append(self._reference())
            elif self.source.startswith("</", self.at):
                self._end_tag()
            else:
                self._start_tag()
        self._append(self.source[self.at :])
        if self.open:
            raise _unparsed(f'Can\'t find end tag corresponding to start tag "{self.open[-1].name}"')
        return "".join(self.pieces), sorted(self.entities, key=nesting)

    def _append(self, text: str) -> None:
        if text:
            self.pieces.append(text)
            self.offset += utf16_length(text)

    def _reference(self) -> str:
        """The character a reference means; an unknown one is its own text."""
        found = _REFERENCE.match(self.source, self.at)
        meant = _meaning(found) if found else None
        if found is None or meant is None:
            self.at += 1
            return "&"
        self.at = found.end()
        return meant

    def _start_tag(self) -> None:
        begin = self.at
        name = self._take(_NAME, begin + 1)
        if self.at >= len(self.source):
            raise self._broken("Unclosed start tag", begin)
        tag = name.lower()
        if tag not in _TYPES:
            raise _unparsed(f'Unsupported start tag "{tag}" at byte offset {self._bytes(begin)}')
        argument = self._attributes(tag, begin)
        if tag == "span" and argument != "spoiler":
            raise self._broken('Tag "span" must have class "tg-spoiler"', begin)
        self.open.append(_OpenTag(tag, argument, self.offset, len(self.pieces)))

    def _attributes(self, tag: str, begin: int) -> str:
        argument = ""
        while True:
            self._take(_SPACE, self.at)
            if self._here() == ">":
                self.at += 1
                return argument
            name = self._take(_ATTRIBUTE_NAME, self.at)
            if not name:
                reason = f'Empty attribute name in the tag "{tag}"' if self._here() else "Unclosed start tag"
                raise self._broken(reason, begin)
            argument = _argument(tag, name, self._value(begin)) or argument

    def _value(self, begin: int) -> str | None:
        self._take(_SPACE, self.at)
        if self._here() != "=":
            return None
        self._take(_SPACE, self.at + 1)
        quote = self._here()
        if quote and quote in "\"'":
            end = self.source.find(quote, self.at + 1)
            if end < 0:
                raise self._broken("Unclosed start tag", begin)
            value = _dereferenced(self.source[self.at + 1 : end])
            self.at = end + 1
            return value
        start = self.at
        value = self._take(_TOKEN, start).lower()
        if not self._here():
            raise self._broken("Unclosed start tag", begin)
        if self._here() != ">" and not self._here().isspace():
            raise self._broken("Unexpected end of name token", start)
        return value

    def _end_tag(self) -> None:
        begin = self.at
        if not self.open:
            raise self._broken("Unexpected end tag", begin)
        name = self._take(_NAME, begin + 2).lower()
        self._take(_SPACE, self.at)
        if self._here() != ">":
            raise self._broken("Unclosed end tag", begin)
        self.at += 1
        tag = self.open.pop()
        if name and name != tag.name:
            where = f"at byte offset {self._bytes(begin)}"
            raise _unparsed(f'Unmatched end tag {where}, expected "</{tag.name}>", found "</{name}>"')
        if self.offset > tag.offset:
            self._close(tag)

    def _close(self, tag: _OpenTag) -> None:
        entity: Entity = {
            "type": _TYPES[tag.name],
            "offset": tag.offset,
            "length": self.offset - tag.offset,
        }
        match tag.name:
            case "a":
                if not _link(entity, tag.argument or "".join(self.pieces[tag.piece :])):
                    return
            case "tg-emoji":
                entity["custom_emoji_id"] = tag.argument
            case "blockquote" if tag.argument:
                entity["type"] = "expandable_blockquote"
            case "code" if tag.argument and self.open and self.open[-1].name == "pre":
                self.open[-1].argument = tag.argument
                return
            case "pre" if tag.argument:
                entity["language"] = tag.argument
        self.entities.append(entity)

    def _take(self, pattern: re.Pattern[str], start: int) -> str:
        found = pattern.match(self.source, start)
        if found is None:
            return ""
        self.at = found.end()
        return found.group()

    def _here(self) -> str:
        return self.source[self.at : self.at + 1]

    def _bytes(self, index: int) -> int:
        return len(self.source[:index].encode())

    def _broken(self, what: str, index: int) -> Refusal:
        return _unparsed(f"{what} at byte offset {self._bytes(index)}")


def _unparsed(detail: str) -> Refusal:
    return bad_request("can't parse entities: " + detail)


def _meaning(reference: re.Match[str]) -> str | None:
    hexadecimal, decimal, name = reference.groups()
    if name is not None:
        return _REFERENCES.get(name)
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    return chr(code) if 0 < code < 0x10FFFF and not 0xD800 <= code < 0xE000 else None


def _dereferenced(value: str) -> str:
    return _REFERENCE.sub(lambda found: _meaning(found) or found.group(), value) if "&" in value else value


def _argument(tag: str, name: str, value: str | None) -> str:
    """What of an attribute matters to the tag, or nothing."""
    match tag, name:
        case "blockquote", "expandable":
            return "1"
        case "a", "href":
            return value or ""
        case "tg-emoji", "emoji-id":
            return value or ""
        case "code", "class" if value and value.startswith("language-"):
            return value.removeprefix("language-")
        case "span", "class" if value and value.startswith("tg-"):
            return value.removeprefix("tg-")
    return ""


def _link(entity: Entity, target: str) -> bool:
    """Point the entity at its target; a link that Telegram does not take leaves plain text."""
    person = _PERSON.fullmatch(target)
    if person:
        entity["type"] = "text_mention"
        entity["user_id"] = int(person.group(1))
        return True
    try:
        entity["url"] = checked_link(target)
    except BadLink:
        return False
    return True
