"""JSON as it goes over the wire."""

import json
from typing import Any

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode(value: Any) -> bytes:
    """Compact UTF-8."""
    return _encode(value).encode()
