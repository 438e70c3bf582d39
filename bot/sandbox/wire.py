"""JSON as it goes over the wire."""

import json
import re
from typing import Any

_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode(value: Any) -> bytes:
    """Compact UTF-8."""
    return _encode(value).encode()


def decode(text: str | bytes) -> Any:
    """A JSON value. Raises ValueError, also for half a surrogate pair, which no UTF-8 can carry on."""
    if isinstance(text, bytes):
        text = text.decode()
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if _HALF.search(text):
        encode(value)
    return value
