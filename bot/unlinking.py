"""What a person typed, shown as typed: Telegram makes links of addresses, mentions and commands, except in code.

An applicant's words must not become something a reviewer can tap by mistake. What might be found is taken generously;
all it costs is another typeface.
"""

import re
import unicodedata
from collections.abc import Iterator

from markupsafe import Markup, escape

# Addresses end at blanks, and in Chinese, which has none, at its punctuation.
_RUN = re.compile(r"[^\s，。；：！？、（）《》“”]+")
_SIGN = re.compile(
    r"(?<!\w)[@#$/]\w"  # a mention, a hashtag, a cashtag, a command
    r"|\w@\w"  # an e-mail address
    r"|[\w)]\.[^\W\d_]{2}"  # a domain
    r"|://"
)
_NUMBER = re.compile(r"\+?\d(?:[ ().-]*\d){6,}")  # of a telephone or a card


def unlinked(text: str) -> Markup:
    """HTML of a text in which Telegram finds nothing to link."""
    shown, place = Markup(""), 0
    for begin, end in _spans(text):
        shown += escape(text[place:begin]) + Markup("<code>{}</code>").format(text[begin:end])
        place = end
    return shown + escape(text[place:])


def in_ascii(address: str) -> str:
    """The host of a web or e-mail address as the network knows it (punycode); nothing where it reads so already."""
    host = address.rpartition("@")[2] if "://" not in address else re.split(r"[/?#]", address, maxsplit=3)[2]
    return "" if host.isascii() else ".".join(map(_label, re.split(r"[.。．｡]", host)))


def _label(label: str) -> str:
    plain = unicodedata.normalize("NFKC", label).casefold()
    return plain if plain.isascii() else f"xn--{plain.encode('punycode').decode()}"


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Begin and end of what might be found, in order and apart. Linear in the text's length."""
    found: list[tuple[int, int]] = []
    if _SIGN.search(text):
        found += [run.span() for run in _RUN.finditer(text) if _SIGN.search(run.group())]
    found += [number.span() for number in _NUMBER.finditer(text)]
    last = 0
    for begin, end in sorted(found):
        begin = max(begin, last)
        if begin < end:
            yield begin, end
            last = end
