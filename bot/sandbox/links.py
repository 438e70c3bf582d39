"""Which links Telegram takes on buttons and in text, and how it writes them."""

import re

_LINK = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://|(?P<other>mailto|javascript|data|file|tel):)?(?P<rest>.*)",
    re.DOTALL,
)
_HOST = re.compile(
    r"(?:[^\s/?#@]+@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/?#:@]+)"
    r"(?::(?P<port>\d+))?"
    r"(?P<path>/[^?#]*)?(?P<tail>[?#].*)?"
)


class BadLink(ValueError):
    """Why a link is not taken."""


def checked_link(link: str) -> str:
    """The link as Telegram keeps it: with a scheme, and a path. Raises BadLink."""
    link = link.strip()
    parts = _LINK.fullmatch(link)
    if parts is None or not link:
        raise BadLink("URL host is empty")
    scheme = (parts["scheme"] or "http").lower()
    if parts["other"] or scheme not in ("http", "https", "tg", "ton", "tonsite"):
        raise BadLink("Unsupported URL protocol")
    if scheme in ("tg", "ton", "tonsite"):
        return link
    place = _HOST.fullmatch(parts["rest"])
    if place is None or ("." not in place["host"].strip(".") and place["host"][0] != "["):
        raise BadLink("Wrong HTTP URL")
    if place["port"] and not 0 < int(place["port"]) < 65_536:
        raise BadLink("Wrong port number specified in the URL")
    return f"{scheme}://{parts['rest']}" if place["path"] else _with_path(scheme, place)


def _with_path(scheme: str, place: re.Match[str]) -> str:
    tail = place["tail"] or ""
    whole = place.group(0)
    return f"{scheme}://{whole.removesuffix(tail)}/{tail}"
