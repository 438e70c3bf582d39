"""What kind of file this is, by its first bytes; its name and its claimed type are the sender's word only."""

import re

_PREFIXES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"8BPS", "Photoshop"),
)
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
_ANIMATED = 0x02  # flag of a VP8X chunk (WebP container specification)
_BMP = re.compile(rb"BM.{4}\0\0\0\0", re.DOTALL)  # two letters alone would take text for a picture


def kind_of(data: bytes) -> str:
    """One of KINDS; empty for anything that is neither a known picture nor a PDF."""
    for prefix, kind in _PREFIXES:
        if data.startswith(prefix):
            return kind
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WebP"
    if data[4:8] == b"ftyp":
        return _kind_of_container(data)
    if _BMP.match(data):
        return "BMP"
    if b"%PDF-" in data[:1024]:  # readers of PDF allow that much before it
        return "PDF"
    return ""


def _kind_of_container(data: bytes) -> str:
    length = min(int.from_bytes(data[:4]), 256)
    brands = {data[8:12], *(data[place : place + 4] for place in range(16, length, 4))}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIC" if brands & _HEIC_BRANDS else ""


def webp_canvas(data: bytes) -> tuple[int, int, bool] | None:
    """Width, height and whether it moves, from the header; None if there is no such header.

    Pillow's decoder sets aside two canvases as soon as it is opened, so the size is needed before.
    """
    chunk, head = data[12:16], data[20:30]
    if len(head) < 10:
        return None
    if chunk == b"VP8X":
        width, height = int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1
        return width, height, bool(head[0] & _ANIMATED)
    if chunk == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, False
    if chunk == b"VP8 ":
        width, height = int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
        return width & 0x3FFF, height & 0x3FFF, False
    return None
