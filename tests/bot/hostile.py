"""Files a stranger might send as a photo: sound ones of every kind, and 500 hostile ones, the same every time."""

import io
import random
import struct
import zipfile
import zlib
from functools import cache
from itertools import chain
from typing import Any

import pillow_heif
from PIL import Image, ImageCms, ImageDraw, ImageFont

COUNT = 500
Files = dict[str, bytes]


def card(width: int = 640, height: int = 480) -> Image.Image:
    """A drawn student card of an invented person: sharp, bright, large enough to raise no warning."""
    picture = Image.new("RGB", (width, height), (90, 70, 50))
    draw = ImageDraw.Draw(picture)
    unit = width / 12
    draw.rectangle((unit, unit, width - unit, height - unit), fill=(235, 235, 228))
    draw.rectangle((2 * unit, 3 * unit, 4 * unit, 6 * unit), fill=(200, 160, 140))
    font = ImageFont.load_default(width / 28)
    for line, text in enumerate(("SAMPLE UNIVERSITY", "Ada Example", "No. 2023-114-552")):
        draw.text((5 * unit, (3 + line) * unit), text, font=font, fill=(20, 20, 20))
    return picture


def saved(picture: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def heic(first: Image.Image, *others: Image.Image) -> bytes:
    out = io.BytesIO()
    file = pillow_heif.from_pillow(first)
    for picture in others:
        file.add_from_pillow(picture)
    file.save(out, quality=50, enc_params={"preset": "ultrafast"})
    return out.getvalue()


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("zeros"), bytes(1 << 16))
    return out.getvalue()


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, colour: int = 2, bits: int = 8, extra: bytes = b"", rows: int = 0) -> bytes:
    """A PNG by hand, black, of any claimed size; only `rows` rows of it are there."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = bytes(1 + (width * channels * bits + 7) // 8) if rows else b""
    squeeze = zlib.compressobj(1)
    body = b"".join([*(squeeze.compress(row) for _ in range(rows)), squeeze.flush()])
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    palette = png_chunk(b"PLTE", bytes(range(48))) if colour == 3 else b""
    chunks = (png_chunk(b"IHDR", header), extra, palette, png_chunk(b"IDAT", body), png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def resized_jpeg(data: bytes, width: int, height: int) -> bytes:
    """The same JPEG claiming another size."""
    place = next(data.index(marker) for marker in (b"\xff\xc0", b"\xff\xc2") if marker in data)
    return data[: place + 5] + struct.pack(">HH", height, width) + data[place + 9 :]


def two_sizes(data: bytes, width: int, height: int) -> bytes:
    """The same JPEG with a second header of another size behind the first."""
    start = data.index(b"\xff\xc0")
    end = start + 2 + int.from_bytes(data[start + 2 : start + 4])
    return data[:end] + resized_jpeg(data, width, height)[start:end] + data[end:]


def webp_claiming(width: int, height: int, flags: int = 0) -> bytes:
    """A WebP whose header claims a canvas; the picture in it is small."""
    inner = saved(card(), "WEBP")[12:]
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<II", 10, flags) + size + inner
    return b"RIFF" + struct.pack("<I", len(body)) + body


def heic_claiming(width: int, height: int) -> bytes:
    data = sound()["heic"]
    place = data.index(b"ispe") + 8
    return data[:place] + struct.pack(">II", width, height) + data[place + 8 :]


def many_scans(side: int = 4096, scans: int = 2000) -> bytes:
    """A progressive JPEG that says the same scan again and again: small to send, minutes to decode."""
    data = saved(Image.new("L", (side, side), 128), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    return data[:-2] + data[start:-2] * scans + data[-2:]


def _with_exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = "described by a stranger"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    return exif


@cache
def sound() -> Files:
    base = card()
    small = base.resize((64, 48))
    frames = [small, small.rotate(90), small.rotate(180)]
    moving: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": 50}
    alpha = base.copy()
    alpha.putalpha(base.convert("L"))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {
        "jpeg": saved(base, "JPEG", exif=_with_exif(6), icc_profile=profile, comment=b"a comment"),
        "jpeg progressive": saved(base, "JPEG", progressive=True),
        "jpeg cmyk": saved(base.convert("CMYK"), "JPEG"),
        "jpeg grey": saved(base.convert("L"), "JPEG"),
        "mpo": saved(base, "MPO", save_all=True, append_images=[small]),
        "png": saved(base, "PNG", exif=_with_exif(3)),
        "png alpha": saved(alpha, "PNG"),
        "png grey alpha": saved(alpha.convert("LA"), "PNG"),
        "png palette": saved(base.quantize(16), "PNG", transparency=0),
        "png two colours": saved(base.convert("1"), "PNG"),
        "png 16 bit grey": saved(base.convert("L").convert("I;16").point(lambda value: value * 256), "PNG"),
        "png 16 bit colour": png(640, 480, colour=2, bits=16, rows=480),
        "webp": saved(base, "WEBP", exif=_with_exif(8)),
        "webp lossless": saved(alpha, "WEBP", lossless=True),
        "heic": heic(base),
        "heic several": heic(base, small),
        "gif": saved(small, "GIF"),
        "bmp": saved(small, "BMP"),
        "tiff": saved(small, "TIFF"),
        "pdf": saved(small, "PDF"),
        "ico": saved(small, "ICO"),
        "apng": saved(small, "PNG", **moving),
        "webp moving": saved(small, "WEBP", **moving),
        "gif moving": saved(small, "GIF", **moving),
        "zip": zipped(),
        "svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><rect width="9"/></svg>',
        "html": b"<!doctype html><script>alert(1)</script>",
        "text": b"BMany people would call this a picture. " * 20,
        "avif": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(64),
        "video": b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(64),
    }


def _bombs() -> Files:
    sizes = [(65_000, 65_000), (65_500, 600), (600, 65_500), (40_000, 2), (1, 65_535), (0, 0), (7000, 6000)]
    bombs = {}
    for width, height in sizes:
        bombs[f"png {width}x{height}"] = png(width, height)
        bombs[f"jpeg {width}x{height}"] = resized_jpeg(sound()["jpeg"], width, height)
        bombs[f"progressive {width}x{height}"] = resized_jpeg(sound()["jpeg progressive"], width, height)
        bombs[f"webp {width}x{height}"] = webp_claiming(max(width, 1), max(height, 1))
        bombs[f"heic {width}x{height}"] = heic_claiming(width, height)
    for colour, bits in ((0, 16), (2, 16), (3, 8), (4, 8), (6, 8), (6, 16), (0, 1)):
        bombs[f"png bomb {colour}/{bits}"] = png(6000, 6000, colour, bits, rows=6000)
    bombs["png 4 billion"] = png(2**31 - 1, 2**31 - 1)
    bombs["jpeg 36 megapixels of one"] = resized_jpeg(sound()["jpeg"], 6000, 6000)
    bombs["progressive 36 megapixels of one"] = resized_jpeg(sound()["jpeg progressive"], 6000, 6000)
    bombs["webp 24 megapixels of one"] = webp_claiming(4898, 4898)
    bombs["heic 24 megapixels of one"] = heic_claiming(4898, 4898)
    return bombs


def _poisoned() -> Files:
    """Sound pictures with something nasty in the parts around them."""
    squeezed = zlib.compress(bytes(50_000_000), 9)
    poison = random.Random(7).randbytes(3000)
    loop = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x08\0\0\0\x08"
    base = card()
    files = {
        "png profile bomb": png(64, 64, extra=png_chunk(b"iCCP", b"p\0\0" + squeezed), rows=64),
        "png text bomb": png(64, 64, extra=png_chunk(b"zTXt", b"t\0\0" + squeezed), rows=64),
        "png text bombs": png(64, 64, extra=png_chunk(b"zTXt", b"t\0\0" + squeezed[:40_000]) * 40, rows=64),
        "png exif loop": png(64, 64, extra=png_chunk(b"eXIf", loop[6:]), rows=64),
        "png many frames": png(64, 64, extra=png_chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)), rows=64),
        "png transparent beyond its palette": png(64, 64, 3, extra=png_chunk(b"tRNS", bytes(300)), rows=64),
        "jpeg of two sizes": two_sizes(saved(base, "JPEG"), 60_000, 60_000),
        "jpeg exif loop": saved(base, "JPEG", exif=loop),
        "jpeg profile of noise": saved(base, "JPEG", icc_profile=poison),
        "png profile of noise": saved(base, "PNG", icc_profile=poison),
        "webp profile of noise": saved(base, "WEBP", icc_profile=poison),
        "webp exif of noise": saved(base, "WEBP", exif=poison),
        "webp claims to move": webp_claiming(640, 480, flags=2),
        "webp canvas of another size": webp_claiming(1000, 1000),
    }
    files |= {
        f"orientation {turn}": saved(base, "JPEG", exif=_with_exif(turn)) for turn in (0, 9, 255, 65_535)
    }
    return files


def _polyglots() -> Files:
    heads = {
        "gif": b"GIF89a/*",
        "pdf": b"%PDF-1.7\n",
        "html": sound()["html"],
        "zip": zipped(),
        "elf": b"\x7fELF\2\1\1",
    }
    pictures = ("jpeg", "png", "webp", "heic")
    before = {
        f"{name} before {kind}": head + sound()[kind] for name, head in heads.items() for kind in pictures
    }
    after = {
        f"{name} after {kind}": sound()[kind] + head for name, head in heads.items() for kind in pictures
    }
    magic = {kind: sound()[kind][:16] for kind in pictures}
    wrong = {f"{a} dressed as {b}": magic[b] + sound()[a][16:] for a in pictures for b in pictures if a != b}
    bare = {f"magic of {kind}": head for kind, head in magic.items()}
    return before | after | wrong | bare


def _cut() -> Files:
    kinds = ("jpeg", "jpeg progressive", "png", "webp", "heic", "mpo", "png palette")
    shares = (0.001, 0.01, 0.1, 0.5, 0.9, 0.999)
    return {
        f"{kind} cut at {share}": sound()[kind][: int(len(sound()[kind]) * share)]
        for kind in kinds
        for share in shares
    }


def _mutant(data: bytes, dice: random.Random) -> bytes:
    """One of the ways in which fuzzers break files; hit most is the head, where the structure is."""
    body = bytearray(data[12:])  # behind what tells the kind, so that the decoder sees it
    for _ in range(dice.choice((1, 2, 8, 40))):
        place = int(len(body) * dice.random() ** dice.choice((1, 3)))
        span = dice.choice((1, 2, 4, 30))
        match dice.randrange(5):
            case 0:
                body[place : place + 1] = dice.randbytes(1)
            case 1:
                body[place : place + span] = dice.choice((b"\xff", b"\0", b"\x7f")) * span
            case 2:
                del body[place : place + span]
            case 3:
                body[place:place] = body[place : place + span * 20]
            case _:
                body[place : place + span] = dice.randbytes(span)
    broken = data[:12] + bytes(body)
    return _resealed(broken) if data.startswith(b"\x89PNG") and dice.random() < 0.8 else broken


def _resealed(data: bytes) -> bytes:
    """A PNG with every checksum right again, so that the damage gets past the first gate."""
    place, whole = 8, data[:8]
    while place + 12 <= len(data):
        end = place + 8 + min(int.from_bytes(data[place : place + 4]), len(data) - place - 12)
        whole += png_chunk(data[place + 4 : place + 8], data[place + 8 : end])
        place = end + 4
    return whole + data[place:]


def _mutants(count: int) -> Files:
    dice = random.Random(20_250_101)
    names = [name for name in sound() if name.split()[0] in {"jpeg", "png", "webp", "heic", "mpo", "apng"}]
    chosen = (names[place % len(names)] for place in range(count))
    return {f"{name} mutant {place}": _mutant(sound()[name], dice) for place, name in enumerate(chosen)}


@cache
def hostile_files() -> Files:
    """Exactly COUNT of them, by a name that says what is wrong with each."""
    plain = {f"plain {name}": data for name, data in sound().items()}
    dice = random.Random(3)
    noise = {f"noise {size}": dice.randbytes(size) for size in (1, 2, 11, 12, 30, 1000, 100_000)}
    crafted = dict(
        chain.from_iterable(
            each.items() for each in (plain, noise, _bombs(), _poisoned(), _polyglots(), _cut())
        )
    )
    return crafted | _mutants(COUNT - len(crafted))
