"""From a stranger's file to a clean JPEG. Runs in the locked-up child only: it decodes hostile bytes."""

import gc
import io
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import accumulate

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import ExifTags, Image, ImageCms, ImageFilter, ImageOps, ImageStat
from PIL.Image import Resampling, Transpose
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile
from pillow_heif import HeifImageFile, options

from bot.photo_kinds import kind_of, webp_canvas
from bot.photo_rules import ACCEPTED, JPEG_LIMIT, RATIO_LIMIT, SIDE_LIMIT, Reply, refused_size

# Opened by class, not by Image.open: no guessing, and of an MPO (two pictures in one JPEG) the first is taken.
_OPENERS: dict[str, type[ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WebP": WebPImageFile,
    "HEIC": HeifImageFile,
}
# What Pillow would import only when it reads EXIF or writes; once locked up it could not.
import_module("PIL.TiffImagePlugin")
Image.preinit()

options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False
options.DECODE_THREADS = 1  # the child's memory is counted in address space, and each thread takes its share

_TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
_QUALITIES = (88, 70, 50)  # the next is tried only if the JPEG would be over the limit of sendPhoto
_PAGE_DPI = 300
_LONGEST = 1 << 30  # points that are told of a page's side
_WHITE = (255, 255, 255, 255)
_BAND = 256  # rows flattened at once
_PROFILE_LIMIT = 1 << 20  # bytes
_SRGB_NAMES = (b"sRGB", b"s\0R\0G\0B")  # most photos: nothing to convert
_SRGB = ImageCms.createProfile("sRGB")

_SMALL = 600  # pixels of the longer side; below it the print on a card is hardly legible
_DARK = 45  # mean luma of 255
_JUDGED_SIDE = 512  # pixels; light and sharpness are judged at this size, whatever the camera's
_SHARP = 11  # how far the edges must stand out of the noise, on the Laplacian's scale of 0..128
_LAPLACIAN = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=2, offset=128)
_MAGNITUDE = [abs(value - 128) for value in range(256)]


class _DamagedFile(Exception):
    """The decoder cannot make a whole picture of it."""


@contextmanager
def _decoding() -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:  # a decoder may raise anything
        raise _DamagedFile from error


def develop(data: bytes) -> Reply:
    """What becomes of one file; never raises."""
    try:
        return _develop(data)
    except MemoryError:
        reply = Reply("photo_too_heavy")
    except _DamagedFile:
        reply = Reply("photo_broken")
    except Exception:  # a mistake in this module; the bot logs it
        reply = Reply("photo_not_checked")
    gc.collect()  # a failed decode leaves its canvas in a cycle, and the next photo needs the room
    return reply


def _develop(data: bytes) -> Reply:
    kind = kind_of(data)
    if kind == "PDF":
        return _develop_page(data)
    if kind not in _OPENERS:
        return Reply("photo_unsupported_kind" if kind else "photo_not_a_picture", kind)
    canvas = webp_canvas(data) if kind == "WebP" else None
    if canvas and (refused := _refused(kind, *canvas)):
        return refused
    with _decoding():
        image = _OPENERS[kind](io.BytesIO(data))
    with image:
        moves = kind != "HEIC" and getattr(image, "is_animated", False)
        if refused := _refused(kind, *image.size, moves):
            return refused
        picture = _upright(_fitted(image), image)
    warnings = _warnings(picture)
    return Reply(ACCEPTED, kind, *picture.size, warnings, _encoded(picture))


def _develop_page(data: bytes) -> Reply:
    """The first page of a PDF, drawn on white as large as it may be, but no finer than it would be scanned."""
    with _decoding():
        try:
            document = pdfium.PdfDocument(data)
        except pdfium.PdfiumError as error:
            if error.err_code == pdfium_c.FPDF_ERR_PASSWORD:
                return Reply("photo_pdf_locked", "PDF")
            raise
        with document:
            page = document[0]
            size = page.get_size()  # points
            if min(size) < 1:
                raise _DamagedFile
            if max(size) > RATIO_LIMIT * min(size):
                width, height = (min(round(side), _LONGEST) for side in size)
                return Reply("photo_too_long", "PDF", width, height)
            scale = min(SIDE_LIMIT / max(size), _PAGE_DPI / 72)
            picture: Image.Image = page.render(scale=scale, may_draw_forms=False).to_pil().convert("RGB")
    picture.thumbnail((SIDE_LIMIT, SIDE_LIMIT))  # it is rounded up
    return Reply(ACCEPTED, "PDF", *picture.size, _warnings(picture), _encoded(picture))


def _refused(kind: str, width: int, height: int, moves: bool) -> Reply | None:
    reason = refused_size(kind, width, height) or ("photo_animated" if moves else None)
    return Reply(reason, kind, width, height) if reason else None


def _fitted(image: ImageFile) -> Image.Image:
    """A picture in sRGB that fits the limit; of the decoded original and its copy only one is ever large."""
    scale = max(image.size) / SIDE_LIMIT
    if scale > 1:  # lets a JPEG be decoded at a half, a quarter or an eighth
        image.draft(None, (int(image.width / scale), int(image.height / scale)))
    with _decoding():  # a wrong palette shows only when its colours are looked up
        image.load()
        picture = _flattened(image)
    picture.thumbnail((SIDE_LIMIT, SIDE_LIMIT), Resampling.LANCZOS, reducing_gap=None)
    return _in_srgb(picture, image.info.get("icc_profile"))


def _flattened(image: Image.Image) -> Image.Image:
    """In RGB on white, shrunk by a whole number while still too large; done in bands to save memory."""
    factor = max(1, max(image.size) // SIDE_LIMIT)
    if image.mode == "RGB" and not image.has_transparency_data:
        return image.reduce(factor) if factor > 1 else image
    whole = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    for top in range(0, image.height, _BAND * factor):
        band = image.crop((0, top, image.width, min(top + _BAND * factor, image.height)))
        whole.paste(_on_white(band).reduce(factor), (0, top // factor))
    return whole


def _on_white(band: Image.Image) -> Image.Image:
    if band.mode.startswith("I;16"):
        band = band.point(lambda value: value * (1 / 256)).convert("L")  # a plain convert would cut at 255
    if not band.has_transparency_data:
        return band.convert("RGB")
    paper = Image.new("RGBA", band.size, _WHITE)
    paper.alpha_composite(band.convert("RGBA"))
    return paper.convert("RGB")


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile or len(profile) > _PROFILE_LIMIT or any(name in profile for name in _SRGB_NAMES):
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        ImageCms.profileToProfile(picture, source, _SRGB, inPlace=True)
    except (ImageCms.PyCMSError, OSError, ValueError):
        pass  # not a profile of RGB colours: what the decoder made of them will do
    return picture


def _upright(picture: Image.Image, original: ImageFile) -> Image.Image:
    try:
        turn = _TURNS.get(int(original.getexif().get(ExifTags.Base.Orientation) or 0))
    except Exception:  # damaged EXIF says nothing about the picture
        turn = None
    return picture if turn is None else picture.transpose(turn)


def _encoded(picture: Image.Image) -> bytes:
    picture.info.clear()  # a comment would be written again
    for quality in _QUALITIES:
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality)
        if out.tell() <= JPEG_LIMIT:
            break
    return out.getvalue()


def _warnings(picture: Image.Image) -> tuple[str, ...]:
    """Facts worth a second look by the applicant; none of them refuses a photo."""
    grey = picture.convert("L")
    grey = grey.reduce(max(1, round(max(grey.size) / _JUDGED_SIDE)))
    found = {
        "photo_small": max(picture.size) < _SMALL,
        "photo_dark": ImageStat.Stat(grey).mean[0] < _DARK,
        "photo_blurred": min(grey.size) > 2 and _sharpness(grey) < _SHARP,
    }
    return tuple(name for name, true in found.items() if true)


def _sharpness(grey: Image.Image) -> int:
    """How far the strongest edges stand out of the noise, which the median shows: most of a photo is smooth."""
    edges = ImageOps.autocontrast(grey, cutoff=1).filter(_LAPLACIAN)
    inner = edges.crop((1, 1, edges.width - 1, edges.height - 1))  # the filter leaves the border as it was
    counts = list(accumulate(inner.point(_MAGNITUDE).histogram()))
    strongest, typical = (bisect_left(counts, share * counts[-1]) for share in (0.997, 0.5))
    return strongest - 4 * typical
