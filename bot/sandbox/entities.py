"""Formatted text: parsed, cleaned and trimmed as Telegram does it; offsets in UTF-16 units.

Source: the behaviour of the open Bot API server.
"""

import html
import re
from typing import Any

from bot.sandbox.detection import found_entities
from bot.sandbox.errors import bad_request
from bot.sandbox.html_mode import parse_html
from bot.sandbox.utf16 import Entity, nesting, utf16_length

BYTES_BEFORE_PARSING = 32_768
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\u2028-\u202e]")
_VANISHING = re.compile(r"[\r\u2028-\u202e]")


def formatted(text: str, parse_mode: str, given: Any = None) -> tuple[str, list[Entity]]:
    """Text and entities as a client shows them: parsed, cleaned, trimmed, links and commands found.

    `given` is the method's own list of entities and counts only without a parse mode. Raises Refusal.
    """
    _check_encoding(text)
    text = _cleaned(text)
    entities: list[Entity] = []
    match parse_mode.lower():
        case "html":
            text, entities = parse_html(text)
        case "markdown" | "markdownv2":
            raise bad_request("unsupported parse_mode: this local server reads HTML only")
        case "":
            entities = [_given(entity) for entity in given] if isinstance(given, list) else []
        case _:
            raise bad_request("unsupported parse_mode")
    text, entities = _trimmed(text, entities)
    return text, found_entities(text, entities)


def plain(text: str) -> tuple[str, list[Entity]]:
    """A person's text as it is stored: cleaned, trimmed, links and commands found."""
    text = _cleaned(text).strip(" \n")
    return text, found_entities(text, [])


def escaped(text: str) -> str:
    """Text that HTML mode reads as itself."""
    return html.escape(text, quote=False)


def _check_encoding(text: str) -> None:
    if len(text) * 4 <= BYTES_BEFORE_PARSING and text.isascii():
        return
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise bad_request("strings must be encoded in UTF-8") from None
    if size > BYTES_BEFORE_PARSING:
        raise bad_request("text is too long")


def _cleaned(text: str) -> str:
    if _CONTROL.search(text) is None:
        return text
    return _CONTROL.sub(" ", _VANISHING.sub("", text))


def _given(entity: Any) -> Entity:
    """One entity of a method's own list. Raises Refusal."""
    if not isinstance(entity, dict):
        raise bad_request("can't parse MessageEntity: Expected an Object")
    for name, kind in (("type", str), ("offset", int), ("length", int)):
        if not isinstance(entity.get(name), kind):
            raise bad_request(f"can't parse MessageEntity: Can't find field \"{name}\"")
    if entity["offset"] < 0 or entity["length"] <= 0:
        raise bad_request("receive an entity with incorrect bounds")
    return dict(entity)


def _trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """White space goes at the end, and at the beginning as far as the first entity."""
    if not text or not (text[0] in " \n" or text[-1] in " \n"):
        return text, _ordered(entities, utf16_length(text)) if entities else entities
    text = text.rstrip(" \n")
    first = min((entity["offset"] for entity in entities), default=len(text))
    lead = min(len(text) - len(text.lstrip(" \n")), first)
    for entity in entities:
        entity["offset"] -= lead
    text = text[lead:]
    return text, _ordered(entities, utf16_length(text))


def _ordered(entities: list[Entity], end: int) -> list[Entity]:
    kept = []
    for entity in entities:
        entity["length"] = min(entity["length"], end - entity["offset"])
        if entity["length"] > 0:
            kept.append(entity)
    return sorted(kept, key=nesting)
