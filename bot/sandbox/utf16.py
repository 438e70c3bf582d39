"""The Bot API counts text in UTF-16 code units."""

from typing import Any

Entity = dict[str, Any]  # a MessageEntity; offset and length in UTF-16 units
_BLOCKS = frozenset({"blockquote", "expandable_blockquote", "pre"})


def nesting(entity: Entity) -> tuple[int, int, bool]:
    """Sorts entities from the outside in: of two on the same range, the block holds the other one."""
    return entity["offset"], -entity["length"], entity["type"] not in _BLOCKS


def utf16_length(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf16_slice(text: str, offset: int, length: int) -> str:
    """The part of a text that an entity covers."""
    units = text.encode("utf-16-le", "surrogatepass")[2 * offset : 2 * (offset + length)]
    return units.decode("utf-16-le", "replace")
