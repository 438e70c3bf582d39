"""What a photo may be, and what can be said of it: shared by the bot and by the child that looks at photos.

Nothing here touches a picture. The child answers with a fixed-size header of small numbers and a JPEG, so that
even a child taken over by a hostile file can only pick one of the outcomes below.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

FILE_LIMIT = 20_971_520  # bytes; what a bot may download (Bot API, getFile)
JPEG_LIMIT = 10_485_760  # bytes; sendPhoto
RATIO_LIMIT = 20  # longer side over shorter; sendPhoto
SIDE_LIMIT = (
    2560  # pixels a side of what is kept; two of them stay below sendPhoto's width + height of 10,000
)
PIXEL_LIMITS = {"JPEG": 40_000_000, "PNG": 40_000_000, "WebP": 24_000_000, "HEIC": 24_000_000}
SECONDS_LIMIT = 5  # for one photo, by the clock

KINDS = (
    "", "JPEG", "PNG", "WebP", "HEIC", "PDF", "GIF", "BMP", "TIFF", "AVIF", "JPEG 2000", "JPEG XL", "Photoshop",
)  # fmt: skip

# Message name -> the values its words may use.
REFUSALS: Mapping[str, tuple[str, ...]] = {
    "photo_empty": (),
    "photo_too_big_file": ("limit_megabytes",),
    "photo_not_a_picture": (),
    "photo_pdf_locked": (),  # it asks for a password
    "photo_unsupported_kind": ("kind",),
    "photo_animated": ("kind",),
    "photo_too_many_pixels": ("kind", "width", "height", "megapixels", "limit_megapixels"),
    "photo_too_long": ("width", "height", "limit_ratio"),
    "photo_broken": (),  # cut short, damaged, or it crashed its decoder
    "photo_too_heavy": (),  # needs more memory than a photo may have
    "photo_took_too_long": (),
    "photo_not_checked": (),  # our fault: the child could not be started or was killed from outside
}
WARNINGS = ("photo_small", "photo_dark", "photo_blurred")

ACCEPTED = "accepted"
_OUTCOMES = (ACCEPTED, *REFUSALS)


@dataclass(frozen=True, slots=True)
class Photo:
    """A clean picture: a JPEG of at most 2,560 pixels a side, upright, sRGB, without any metadata."""

    jpeg: bytes = field(repr=False)
    width: int  # pixels
    height: int
    warnings: tuple[str, ...]  # message names out of WARNINGS


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file was not taken: a message name out of REFUSALS, and the values its words may use."""

    reason: str
    values: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the child says of one file; width and height are the file's when refused, the JPEG's when accepted."""

    outcome: str
    kind: str = ""
    width: int = 0
    height: int = 0
    warnings: tuple[str, ...] = ()
    jpeg: bytes = field(default=b"", repr=False)


class BadReply(ValueError):
    """The child's answer is not one a sane child gives."""


LENGTH = struct.Struct(">I")  # goes before the file on its way to the child
HEADER = struct.Struct(">BBIIBI")  # outcome, kind, width, height, warnings as bits, bytes of JPEG that follow
READY = b"\x01"  # the child's first byte, sent once it is locked up


def pack(reply: Reply) -> bytes:
    bits = sum(1 << WARNINGS.index(name) for name in reply.warnings)
    numbers = (_OUTCOMES.index(reply.outcome), KINDS.index(reply.kind), reply.width, reply.height, bits)
    return HEADER.pack(*numbers, len(reply.jpeg)) + reply.jpeg


def unpack(header: bytes) -> tuple[Reply, int]:
    """The reply without its JPEG, and how many bytes of JPEG follow; BadReply if it cannot be one."""
    outcome, kind, width, height, bits, length = HEADER.unpack(header)
    if outcome >= len(_OUTCOMES) or kind >= len(KINDS) or bits >> len(WARNINGS):
        raise BadReply("unknown outcome, kind or warning")
    if _OUTCOMES[outcome] != ACCEPTED:
        if length:
            raise BadReply("a refusal with a picture")
    elif not (0 < length <= JPEG_LIMIT and 0 < width <= SIDE_LIMIT and 0 < height <= SIDE_LIMIT):
        raise BadReply("a picture outside the limits")
    warnings = tuple(name for place, name in enumerate(WARNINGS) if bits >> place & 1)
    return Reply(_OUTCOMES[outcome], KINDS[kind], width, height, warnings), length


def verdict(reply: Reply) -> Photo | Refusal:
    if reply.outcome == ACCEPTED:
        return Photo(reply.jpeg, reply.width, reply.height, reply.warnings)
    return refusal(reply.outcome, reply.kind, reply.width, reply.height)


def refusal(reason: str, kind: str = "", width: int = 0, height: int = 0) -> Refusal:
    """A refusal with exactly the values REFUSALS promises for its reason."""
    known: dict[str, str | int] = {
        "kind": kind,
        "width": width,
        "height": height,
        "megapixels": ceil(width * height / 1_000_000),
        "limit_megapixels": PIXEL_LIMITS.get(kind, 0) // 1_000_000,
        "limit_ratio": RATIO_LIMIT,
        "limit_megabytes": FILE_LIMIT >> 20,
    }
    return Refusal(reason, {name: known[name] for name in REFUSALS[reason]})


def refused_size(kind: str, width: int, height: int) -> str | None:
    """Why a picture of this kind and size is not decoded, if so."""
    if max(width, height) > RATIO_LIMIT * min(width, height):
        return "photo_too_long"
    if width * height > PIXEL_LIMITS[kind]:
        return "photo_too_many_pixels"
    return None
