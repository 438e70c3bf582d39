"""A call's parameters, whichever way they came: query, form, multipart or JSON."""

import json
from typing import Any

from bot.sandbox.errors import bad_request
from bot.sandbox.files import Upload
from bot.sandbox.wire import decode

_TRUE = frozenset({"true", "yes", "1", "t", "y"})


class Params:
    """Read by name and kind. Missing and unreadable values are the kind's zero, as the open server has it."""

    __slots__ = ("uploads", "values")

    def __init__(self, values: dict[str, Any], uploads: dict[str, Upload] | None = None) -> None:
        self.values = values
        self.uploads = uploads or {}

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def file_names(self) -> tuple[str, ...]:
        """Of what was sent along."""
        return tuple(upload.file_name for upload in self.uploads.values())

    def text(self, name: str) -> str:
        """A string; a number as it is written."""
        value = self.values.get(name)
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value)

    def integer(self, name: str, default: int = 0) -> int:
        """A whole number."""
        value = self.values.get(name)
        if isinstance(value, int):
            return int(value)
        try:
            return int(str(value).strip()) if value is not None else default
        except ValueError:
            return default

    def flag(self, name: str) -> bool:
        """A truth value."""
        value = self.values.get(name)
        return value is True or (value is not None and str(value).strip().lower() in _TRUE)

    def json(self, name: str, what: str = "") -> Any:
        """A nested value, None when missing. Raises Refusal naming `what` when it is no JSON."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return decode(value)
        except ValueError:
            raise bad_request(f"can't parse {what or name} JSON object") from None

    def upload(self, name: str) -> Upload | None:
        """The file under this name, or the one that `attach://` refers to."""
        value = self.values.get(name)
        if isinstance(value, str) and value.startswith("attach://"):
            return self.uploads.get(value.removeprefix("attach://"))
        return self.uploads.get(name)

    def chat_id(self) -> int | None:
        """The chat meant, as far as it is a number."""
        value = self.values.get("chat_id")
        if isinstance(value, int):
            return value
        try:
            return int(value) if isinstance(value, str) else None
        except ValueError:
            return None
