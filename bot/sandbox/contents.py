"""What a person's client puts into a message besides text."""

import io
from functools import cache
from typing import Any

from PIL import Image, ImageDraw

from bot.sandbox.files import Files, Upload
from bot.sandbox.state import User
from bot.sandbox.telegram import Telegram

_STICKER_SIDE = 512  # pixels; source: Bot API, stickers
_VOICE = b"OggS" + bytes(24)


def photo(files: Files, data: bytes) -> dict[str, Any]:
    """A picture sent as a photo. Raises Impossible when it is none."""
    return {"photo": files.persons_photo(data)}


def document(files: Files, upload: Upload) -> dict[str, Any]:
    """Anything sent as a file, untouched."""
    return {"document": files.document(upload)}


def sticker(telegram: Telegram, user: User) -> dict[str, Any]:
    kind = {"width": _STICKER_SIDE, "height": _STICKER_SIDE, "emoji": "👋", "type": "regular"}
    flags = {"is_animated": False, "is_video": False}
    return {"sticker": telegram.files.other("sticker", _drawing(), "image/webp", ".webp", **kind, **flags)}


def voice(telegram: Telegram, user: User) -> dict[str, Any]:
    return {
        "voice": telegram.files.other("voice", _VOICE, "audio/ogg", ".oga", duration=3, mime_type="audio/ogg")
    }


def location(telegram: Telegram, user: User) -> dict[str, Any]:
    return {"location": {"latitude": 48.1351, "longitude": 11.582}}


def contact(telegram: Telegram, user: User) -> dict[str, Any]:
    """One's own number; the figures are of a range kept for examples."""
    name = {"last_name": user.last_name} if user.last_name else {}
    return {
        "contact": {"phone_number": "+15550100", "first_name": user.first_name, **name, "user_id": user.id}
    }


@cache
def _drawing() -> bytes:
    picture = Image.new("RGBA", (_STICKER_SIDE, _STICKER_SIDE))
    ImageDraw.Draw(picture).ellipse((32, 32, 480, 480), fill=(255, 200, 40, 255))
    out = io.BytesIO()
    picture.save(out, "WEBP")
    return out.getvalue()
