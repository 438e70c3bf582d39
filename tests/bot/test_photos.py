"""What becomes of a picture: each kind, each limit, nothing of the sender's left in it, and 500 hostile files."""

import io
import random
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image, ImageCms, ImageEnhance, ImageFilter

from bot.photos import FILE_LIMIT, REFUSALS, WARNINGS, Darkroom, Photo, Refusal
from tests.bot import hostile
from tests.bot.hostile import card, heic, png, resized_jpeg, saved, sound, webp_claiming
from tests.pictures import locked_pdf, sample_pdf, whole_pdf

pytestmark = pytest.mark.asyncio(loop_scope="module")

BROWN, WHITE = (90, 70, 50), (255, 255, 255)
MEMORY_LIMIT = 512 << 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def darkroom() -> AsyncIterator[Darkroom]:
    async with Darkroom(seconds=60, photos_per_child=10_000) as room:  # other tests may hold the processor
        yield room


def opened(outcome: Photo | Refusal) -> Image.Image:
    assert isinstance(outcome, Photo), outcome
    picture = Image.open(io.BytesIO(outcome.jpeg))
    assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (outcome.width, outcome.height))
    return picture


def near(picture: Image.Image, place: tuple[int, int], colour: tuple[int, int, int], by: int = 12) -> bool:
    found = picture.getpixel(place)
    assert isinstance(found, tuple)
    return all(abs(one - other) <= by for one, other in zip(found, colour, strict=True))


def peak_memory(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    assert found
    return int(found[1]) << 10


# ---- kinds


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("jpeg", (480, 640)),  # its EXIF says: turn by 90 degrees
        ("jpeg progressive", (640, 480)),
        ("jpeg cmyk", (640, 480)),
        ("jpeg grey", (640, 480)),
        ("mpo", (640, 480)),
        ("png", (640, 480)),
        ("png grey alpha", (640, 480)),
        ("png two colours", (640, 480)),
        ("png 16 bit colour", (640, 480)),
        ("webp", (480, 640)),
        ("heic", (640, 480)),
        ("heic several", (640, 480)),
    ],
)
async def test_picture_of_an_allowed_kind_becomes_an_rgb_jpeg(
    darkroom: Darkroom, name: str, size: tuple[int, int]
) -> None:
    assert opened(await darkroom.develop(sound()[name])).size == size


@pytest.mark.parametrize("name", ["jpeg progressive", "jpeg cmyk", "mpo", "heic"])
async def test_colours_are_kept(darkroom: Darkroom, name: str) -> None:
    assert near(opened(await darkroom.develop(sound()[name])), (5, 5), BROWN)


async def test_sixteen_bit_grey_keeps_its_shades(darkroom: Darkroom) -> None:
    picture = opened(await darkroom.develop(sound()["png 16 bit grey"]))
    assert near(picture, (5, 5), (74, 74, 74))  # the luma of brown
    assert near(picture, (70, 60), (234, 234, 234))


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
async def test_transparent_parts_become_white(darkroom: Darkroom, form: str) -> None:
    clear = Image.new("RGBA", (640, 480), (255, 0, 0, 0))
    clear.paste((0, 0, 255, 255), (320, 0, 640, 480))
    picture = opened(await darkroom.develop(saved(clear, form, lossless=True)))
    assert near(picture, (100, 100), WHITE)
    assert near(picture, (500, 100), (0, 0, 255))


async def test_transparent_palette_colour_becomes_white(darkroom: Darkroom) -> None:
    picture = Image.new("P", (640, 480))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    assert near(opened(await darkroom.develop(saved(picture, "PNG", transparency=0))), (9, 9), WHITE)


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("svg", Refusal("photo_not_a_picture")),
        ("zip", Refusal("photo_not_a_picture")),
        ("html", Refusal("photo_not_a_picture")),
        ("text", Refusal("photo_not_a_picture")),
        ("video", Refusal("photo_not_a_picture")),
        ("gif", Refusal("photo_unsupported_kind", {"kind": "GIF"})),
        ("bmp", Refusal("photo_unsupported_kind", {"kind": "BMP"})),
        ("tiff", Refusal("photo_unsupported_kind", {"kind": "TIFF"})),
        ("avif", Refusal("photo_unsupported_kind", {"kind": "AVIF"})),
        ("apng", Refusal("photo_animated", {"kind": "PNG"})),
        ("webp moving", Refusal("photo_animated", {"kind": "WebP"})),
    ],
)
async def test_file_of_another_kind_is_refused_by_name(
    darkroom: Darkroom, name: str, refusal: Refusal
) -> None:
    assert await darkroom.develop(sound()[name]) == refusal


# ---- PDF


async def test_of_a_pdf_the_first_page_is_taken(darkroom: Darkroom) -> None:
    outcome = await darkroom.develop(sample_pdf(pages=3))
    assert isinstance(outcome, Photo)
    assert outcome.warnings == ()
    page = opened(outcome)
    assert page.size == (1810, 2560)
    corner = page.crop((0, 0, 100, 100)).convert("L")
    assert corner.getextrema()[0] > 250  # type: ignore[operator]  # the paper
    assert near(page, (200, 200), (28, 60, 130))  # the card's head, and not the blank page behind


async def test_a_pdf_that_asks_for_a_password_is_refused_for_that(darkroom: Darkroom) -> None:
    assert await darkroom.develop(locked_pdf()) == Refusal("photo_pdf_locked")


@pytest.mark.parametrize(
    ("width", "height", "said"),
    [(3000, 100, "photo_too_long"), (0, 200, "accepted"), (10**9, 10**9, "accepted"), (1, 1, "accepted")],
)
async def test_a_page_of_any_size_is_drawn_within_the_limits_or_refused(
    darkroom: Darkroom, width: int, height: int, said: str
) -> None:
    assert check(await darkroom.develop(pdf_page(b"", width, height))) == said


def pdf_page(drawn: bytes, width: int = 300, height: int = 200, resources: bytes = b"") -> bytes:
    """A PDF of one page on which that is drawn, as PDF has it."""
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents 4 0 R /Resources << %s >> >>"
    return whole_pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            page % (width, height, resources),
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream"
            % (len(squeezed := zlib.compress(drawn)), squeezed),
        ]
    )


def hostile_pdfs() -> Iterator[bytes]:
    """Bombs, endless loops and damage."""
    sound = sample_pdf()
    yield pdf_page(bytes(400 << 20))  # a drawing of 400 MB in 400 kB
    yield pdf_page(b"q " * 20_000_000)
    yield pdf_page(b"0 0 m 300 200 l S " * 8_000_000)  # it would be drawn for minutes
    yield pdf_page(b"/X Do", resources=b"/XObject << /X 4 0 R >>")  # that draws itself
    yield sound.replace(b"/Width 1240", b"/Width 99999").replace(b"/Height 1754", b"/Height 99999")
    yield sound.replace(b"/Kids [", b"/Kids [ 1 0 R 2 0 R ")
    yield b"%PDF-1.7\n"
    draw = random.Random(11)
    for _ in range(40):
        damaged = bytearray(sound[: draw.randrange(200, len(sound))])
        for _ in range(draw.randrange(30)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        yield bytes(damaged)


async def test_a_hostile_pdf_costs_only_itself(darkroom: Darkroom) -> None:
    for data in hostile_pdfs():
        reason = check(await darkroom.develop(data))
        assert reason != "photo_not_checked"
        if darkroom.pid:
            assert peak_memory(darkroom.pid) < MEMORY_LIMIT
        assert reason in {
            "accepted",
            "photo_broken",
            "photo_too_heavy",
            "photo_took_too_long",
            "photo_too_long",
        }
    assert isinstance(await darkroom.develop(sample_pdf()), Photo)


# ---- limits


async def test_empty_file_is_refused(darkroom: Darkroom) -> None:
    assert await darkroom.develop(b"") == Refusal("photo_empty")


async def test_file_of_20_mebibytes_is_taken_and_one_byte_more_refused(darkroom: Darkroom) -> None:
    data = sound()["jpeg"]
    padded = data + bytes(FILE_LIMIT - len(data))
    assert opened(await darkroom.develop(padded)).size == (480, 640)
    assert await darkroom.develop(padded + b"\0") == Refusal("photo_too_big_file", {"limit_megabytes": 20})


@pytest.mark.parametrize(
    ("kind", "limit", "data"),
    [
        ("JPEG", 40, resized_jpeg(saved(Image.new("RGB", (8, 8)), "JPEG"), 8000, 5001)),
        ("PNG", 40, png(8000, 5001)),
        ("WebP", 24, webp_claiming(8000, 3001)),
        ("HEIC", 24, hostile.heic_claiming(8000, 3001)),
    ],
)
async def test_picture_of_too_many_pixels_is_refused_with_the_numbers(
    darkroom: Darkroom, kind: str, limit: int, data: bytes
) -> None:
    height = 5001 if limit == 40 else 3001
    values: dict[str, str | int] = {"kind": kind, "width": 8000, "height": height}
    values |= {"megapixels": limit + 1, "limit_megapixels": limit}
    assert await darkroom.develop(data) == Refusal("photo_too_many_pixels", values)


async def test_side_ratio_of_20_is_taken_and_more_refused(darkroom: Darkroom) -> None:
    assert opened(await darkroom.develop(saved(Image.new("RGB", (4000, 200)), "PNG"))).size == (2560, 128)
    over = saved(Image.new("RGB", (200, 4001)), "PNG")
    values: dict[str, str | int] = {"width": 200, "height": 4001, "limit_ratio": 20}
    assert await darkroom.develop(over) == Refusal("photo_too_long", values)


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        ((2560, 2560), (2560, 2560)),
        ((2561, 1000), (2560, 1000)),
        ((3000, 6000), (1280, 2560)),
        ((5200, 300), (2560, 148)),
    ],
)
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
async def test_large_picture_is_shrunk_to_2560_pixels_a_side(
    darkroom: Darkroom, form: str, size: tuple[int, int], kept: tuple[int, int]
) -> None:
    picture = opened(await darkroom.develop(saved(Image.new("RGB", size, BROWN), form)))
    assert picture.size == kept
    assert near(picture, (kept[0] // 2, kept[1] // 2), BROWN)


async def test_large_palette_picture_keeps_its_place_and_colours(darkroom: Darkroom) -> None:
    picture = Image.new("RGB", (5300, 3001), BROWN)
    picture.paste(WHITE, (2650, 1500, 5300, 3001))
    kept = opened(await darkroom.develop(saved(picture.quantize(4), "PNG")))
    assert near(kept, (1000, 600), BROWN)
    assert near(kept, (1400, 800), WHITE)
    assert near(kept, (kept.width - 1, kept.height - 1), WHITE)


async def test_noise_at_full_size_stays_below_the_limit_of_sendphoto(darkroom: Darkroom) -> None:
    tile = Image.effect_noise((640, 640), 120)
    noise = Image.merge(
        "RGB", [tile, tile.transpose(Image.Transpose.ROTATE_90), tile.transpose(Image.Transpose.ROTATE_180)]
    )
    whole = Image.new("RGB", (2560, 2560))
    for place in range(16):
        whole.paste(noise, (place % 4 * 640, place // 4 * 640))
    outcome = await darkroom.develop(saved(whole, "JPEG", quality=90))
    assert isinstance(outcome, Photo)
    assert len(outcome.jpeg) <= 10_485_760


# ---- nothing of the sender's but the picture


@pytest.mark.parametrize("turn", [None, *Image.Transpose])
async def test_orientation_is_applied(darkroom: Darkroom, turn: Image.Transpose | None) -> None:
    upright = Image.new("RGB", (640, 480), BROWN)
    upright.paste((250, 0, 0), (0, 0, 160, 160))
    upright.paste((0, 0, 250), (480, 0, 640, 160))
    undo = {
        Image.Transpose.ROTATE_90: Image.Transpose.ROTATE_270,
        Image.Transpose.ROTATE_270: Image.Transpose.ROTATE_90,
    }
    stored = upright if turn is None else upright.transpose(undo.get(turn, turn))
    values = {None: 1, 0: 2, 3: 3, 1: 4, 5: 5, 4: 6, 6: 7, 2: 8}
    exif = Image.Exif()
    exif[0x0112] = values[turn]
    picture = opened(await darkroom.develop(saved(stored, "JPEG", exif=exif)))
    assert picture.size == (640, 480)
    assert near(picture, (80, 80), (250, 0, 0))
    assert near(picture, (560, 80), (0, 0, 250))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
async def test_metadata_and_trailing_bytes_are_gone(darkroom: Darkroom, form: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "SECRET description"
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0)}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    extras = {"comment": b"SECRET comment", "xmp": b"<x:xmpmeta>SECRET</x:xmpmeta>", "icc_profile": profile}
    data = saved(card(), form, exif=exif, **extras) + hostile.zipped()
    assert data.count(b"SECRET") >= (2 if form != "PNG" else 1)
    assert zipfile.is_zipfile(io.BytesIO(data))
    outcome = await darkroom.develop(data)
    picture = opened(outcome)
    assert isinstance(outcome, Photo)
    assert set(picture.info) == {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert dict(picture.getexif()) == {}
    assert b"SECRET" not in outcome.jpeg
    assert outcome.jpeg.endswith(b"\xff\xd9")
    assert not zipfile.is_zipfile(io.BytesIO(outcome.jpeg))


async def test_colours_of_another_profile_become_srgb(darkroom: Darkroom) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    unnamed = profile.replace(b"s\0R\0G\0B", b"o\0d\0d\0!")
    swapped = unnamed.replace(b"rXYZ", b"????", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"????", b"bXYZ", 1)
    red = Image.new("RGB", (640, 480), (255, 0, 0))
    assert near(opened(await darkroom.develop(saved(red, "PNG", icc_profile=swapped))), (9, 9), (0, 0, 255))


async def test_profile_that_does_not_fit_is_left_out(darkroom: Darkroom) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert near(opened(await darkroom.develop(saved(card(), "PNG", icc_profile=lab))), (5, 5), BROWN)


# ---- warnings


def rendered(name: str) -> Image.Image:
    plain = card(1280, 960)
    return {
        "fine": lambda: plain,
        "small": lambda: card(599, 450),
        "dark": lambda: ImageEnhance.Brightness(plain).enhance(0.2),
        "blurred": lambda: plain.filter(ImageFilter.GaussianBlur(8)),
    }[name]()


@pytest.mark.parametrize(
    ("name", "warnings"),
    [("fine", ()), ("small", ("photo_small",)), ("dark", ("photo_dark",)), ("blurred", ("photo_blurred",))],
)
async def test_photo_is_warned_of_what_is_wrong_with_it(
    darkroom: Darkroom, name: str, warnings: tuple[str, ...]
) -> None:
    outcome = await darkroom.develop(saved(rendered(name), "JPEG", quality=85))
    assert isinstance(outcome, Photo)
    assert outcome.warnings == warnings
    assert set(outcome.warnings) <= set(WARNINGS)


# ---- hostile files


def check(outcome: Photo | Refusal) -> str:
    if isinstance(outcome, Refusal):
        assert tuple(outcome.values) == REFUSALS[outcome.reason]
        return outcome.reason
    opened(outcome).load()
    assert max(outcome.width, outcome.height) <= min(2560, 20 * min(outcome.width, outcome.height))
    return "accepted"


async def test_five_hundred_hostile_files_are_answered_by_one_child_within_its_memory(
    darkroom: Darkroom,
) -> None:
    files = hostile.hostile_files()
    assert len(files) == 500
    await darkroom.warm()
    child = darkroom.pid
    assert child
    reasons = Counter([check(await darkroom.develop(data)) for data in files.values()])
    assert darkroom.pid == child  # not one of them crashed it
    assert reasons["photo_not_checked"] == 0
    assert peak_memory(child) < MEMORY_LIMIT


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda: png(8000, 5000, 6, rows=5000), id="png of 40 megapixels"),
        pytest.param(
            lambda: saved(Image.new("RGBA", (6000, 4000)), "WEBP", lossless=True, method=0), id="webp of 24"
        ),
        pytest.param(lambda: heic(Image.new("RGB", (6000, 4000))), id="heic of 24"),
    ],
)
async def test_largest_pictures_fit_into_the_childs_memory(darkroom: Darkroom, data: object) -> None:
    assert callable(data)
    outcome = await darkroom.develop(data())
    assert max(opened(outcome).size) == 2560
    assert darkroom.pid
    assert peak_memory(darkroom.pid) < MEMORY_LIMIT
