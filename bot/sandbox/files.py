"""Files: what a sender gives, what Telegram makes of it, and how it is named to a bot."""

import hashlib
import io
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from PIL import Image, ImageOps

from bot.sandbox.errors import Impossible, bad_request

PHOTO_BYTES = 10_485_760  # source: Bot API, sendPhoto
PHOTO_SIDES = 10_000  # width and height together
PHOTO_RATIO = 20
DOWNLOAD_BYTES = 20 << 20  # source: Bot API, getFile
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_SIDES = (90, 320, 800, 1280)  # pixels of the longer side, as clients ask for them
_BOT_SIDE = 2560
_KEPT_RENDERINGS = 256
_PREFIXES = {
    "photo": "AgACAgIAAxkB",
    "document": "BQACAgIAAxkB",
    "sticker": "CAACAgIAAxkB",
    "voice": "AwACAgIAAxkB",
}
_FILE_ID = re.compile(r"(?:AgAC|BQAC|CAAC|AwAC)[A-Za-z0-9_-]{30,}")
_SAFE_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Upload:
    """One file part of a request."""

    data: bytes
    file_name: str = ""
    mime_type: str = "application/octet-stream"


@dataclass(slots=True, eq=False)
class StoredFile:
    """One file a bot can name. A photo's size is drawn when first asked for: `read` may be slow, `ready` says so."""

    file_id: str
    unique_id: str
    kind: str
    path: str
    mime_type: str
    source: bytes
    side: int | None = None
    described: dict[str, Any] = field(default_factory=dict)
    album: list["StoredFile"] = field(default_factory=list)

    @property
    def ready(self) -> bool:
        return self.side is None or _renderings.has(self.source, self.side)

    def read(self) -> bytes:
        """The bytes a download gives."""
        return self.source if self.side is None else _renderings.get(self.source, self.side)


class Files:
    """Every file of one local Telegram, by file_id and by file_unique_id."""

    def __init__(self) -> None:
        self._by_id: dict[str, StoredFile] = {}
        self._by_unique: dict[str, StoredFile] = {}
        self._by_path: dict[str, StoredFile] = {}

    def document(self, upload: Upload) -> dict[str, Any]:
        """A Document; bytes, name and type as the sender claims them."""
        stored = self._store("document", upload.data, upload.mime_type, suffix=_suffix(upload.file_name))
        described = {"file_name": upload.file_name, "mime_type": upload.mime_type} if upload.file_name else {}
        stored.described = {**described, **_named(stored), "file_size": len(upload.data)}
        return stored.described

    def persons_photo(self, data: bytes) -> list[dict[str, Any]]:
        """The sizes a client's photo arrives in: re-compressed, without EXIF. Raises Impossible."""
        try:
            width, height = _dimensions(data)
            return self._sizes(data, width, height, exact=True)
        except _NoPicture:
            raise Impossible("this is not a picture; send it as a file") from None

    def bots_photo(self, upload: Upload) -> list[dict[str, Any]]:
        """The sizes of a photo a bot uploads. Raises Refusal."""
        if not upload.data:
            raise bad_request("file must be non-empty")
        if len(upload.data) > PHOTO_BYTES:
            size = len(upload.data)
            raise bad_request(
                f"file of size {size} bytes is too big for a photo; the maximum size is {PHOTO_BYTES} bytes"
            )
        try:
            width, height = _dimensions(upload.data)
        except _NoPicture:
            raise bad_request("IMAGE_PROCESS_FAILED") from None
        if width + height > PHOTO_SIDES or max(width, height) > PHOTO_RATIO * min(width, height):
            raise bad_request("PHOTO_INVALID_DIMENSIONS")
        return self._sizes(upload.data, width, height, exact=False)

    def other(
        self, kind: str, data: bytes, mime_type: str, suffix: str, /, **described: Any
    ) -> dict[str, Any]:
        """A sticker or a voice message."""
        stored = self._store(kind, data, mime_type, suffix=suffix)
        stored.described = {**described, **_named(stored), "file_size": len(data)}
        return stored.described

    def by_id(self, file_id: str) -> StoredFile | None:
        return self._by_id.get(file_id)

    def by_unique_id(self, unique_id: str) -> StoredFile | None:
        return self._by_unique.get(unique_id)

    def by_path(self, path: str) -> StoredFile | None:
        return self._by_path.get(path)

    def again(self, file_id: str, kind: str) -> StoredFile:
        """A file sent again by its id. Raises Refusal."""
        stored = self._by_id.get(file_id)
        if stored is None:
            if _FILE_ID.fullmatch(file_id):
                raise bad_request("wrong file identifier/HTTP URL specified")
            if file_id.startswith(("http://", "https://")):
                raise bad_request("failed to get HTTP URL content")
            reason = "can't unserialize it. Wrong last symbol"
            raise bad_request(f"wrong remote file identifier specified: {reason}")
        if stored.kind != kind:
            raise bad_request(f"can't use file of type {stored.kind.title()} as {kind.title()}")
        return stored

    def _sizes(self, data: bytes, width: int, height: int, *, exact: bool) -> list[dict[str, Any]]:
        longest = max(width, height)
        sides = [side for side in _SIDES if side < longest]
        if not exact and longest > _SIDES[-1]:
            sides.append(min(longest, _BOT_SIDE))
        elif longest <= _SIDES[-1]:
            sides.append(longest)
        album = [self._store("photo", data, "image/jpeg", suffix=".jpg", side=side) for side in sides]
        for stored, side in zip(album, sides, strict=True):
            stored.album = album
            stored.described = {
                **_named(stored),
                "width": _scaled(width, side, longest),
                "height": _scaled(height, side, longest),
            }
            if exact:
                stored.described["file_size"] = len(stored.read())
        return [stored.described for stored in album]

    def _store(
        self, kind: str, data: bytes, mime_type: str, *, suffix: str, side: int | None = None
    ) -> StoredFile:
        unique_id = "AQAD" + secrets.token_urlsafe(9)
        file_id = _PREFIXES[kind] + secrets.token_urlsafe(36)
        path = f"{kind}s/file_{len(self._by_id)}{suffix}"
        stored = StoredFile(file_id, unique_id, kind, path, mime_type, data, side)
        self._by_id[file_id] = self._by_unique[unique_id] = self._by_path[path] = stored
        return stored


class _NoPicture(Exception):
    """The bytes hold no picture Telegram would show."""


class _Renderings:
    """Sizes already drawn. The same picture sent a thousand times is drawn once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[bytes, int], bytes] = OrderedDict()

    def has(self, source: bytes, side: int) -> bool:
        return (hashlib.sha256(source).digest(), side) in self._kept

    def get(self, source: bytes, side: int) -> bytes:
        key = (hashlib.sha256(source).digest(), side)
        drawn = self._kept.get(key)
        if drawn is None:
            drawn = self._kept[key] = _draw(source, side)
            while len(self._kept) > _KEPT_RENDERINGS:
                self._kept.popitem(last=False)
        return drawn


_renderings = _Renderings()


def _dimensions(data: bytes) -> tuple[int, int]:
    """Width and height as shown; only the header is read."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
            width, height = picture.size
            turned = picture.format == "JPEG" and picture.getexif().get(0x0112, 1) >= 5
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _NoPicture from None
    return (height, width) if turned else (width, height)


def _draw(source: bytes, side: int) -> bytes:
    try:
        with Image.open(io.BytesIO(source), formats=_FORMATS) as picture:
            picture.draft("RGB", (side, side))
            flat = ImageOps.exif_transpose(picture).convert("RGB")
            flat.thumbnail((side, side))
            out = io.BytesIO()
            flat.save(out, "JPEG", quality=85)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _NoPicture from error
    return out.getvalue()


def _scaled(length: int, side: int, longest: int) -> int:
    return max(1, round(length * side / longest))


def _named(stored: StoredFile) -> dict[str, Any]:
    return {"file_id": stored.file_id, "file_unique_id": stored.unique_id}


def _suffix(file_name: str) -> str:
    suffix = PurePosixPath(file_name).suffix
    return suffix if _SAFE_SUFFIX.fullmatch(suffix) else ""
