"""What an applicant of a transcript sends besides text, as real messages and files."""

import io
from functools import cache

from PIL import Image, ImageEnhance, ImageFilter

from tests.bot.hostile import png, saved
from tests.cast import Person, sample_jpeg
from tests.pictures import locked_pdf, sample_pdf


def send(person: Person, what: str) -> None:
    """One of the things in SENT."""
    match what:
        case "a photo" | "a dark photo" | "a small photo" | "a blurred photo":
            person.send_photo(picture(what))
        case "an album":
            person.send_album([sample_jpeg(), sample_jpeg(side="back")])
        case "a sticker":
            person.send_sticker()
        case "a voice message":
            person.send_voice()
        case "a contact":
            person.send_contact()
        case "a location":
            person.send_location()
        case "a video":
            size = {"width": 640, "height": 480, "duration": 3}
            person.send({"video": {"file_id": "video", "file_unique_id": "video", **size}})
        case "a forwarded message":
            person.forward(person.chat.messages[-1])
        case _:
            person.send_file(file(what), "card", "application/octet-stream")


@cache
def picture(what: str) -> bytes:
    """A photo with one thing about it that the darkroom warns of."""
    card = Image.open(io.BytesIO(sample_jpeg()))
    match what:
        case "a dark photo":
            return saved(ImageEnhance.Brightness(card).enhance(0.12), "JPEG", quality=95)
        case "a small photo":
            return saved(card.resize((400, 256)), "JPEG", quality=95)
        case "a blurred photo":
            return saved(card.filter(ImageFilter.GaussianBlur(12)), "JPEG", quality=95)
    return sample_jpeg()


@cache
def file(what: str) -> bytes:
    """A file of the kind that its name in SENT says."""
    card = Image.open(io.BytesIO(sample_jpeg()))
    match what:
        case "a text file":
            return b"My student card is in my wallet."
        case "a PDF":
            return sample_pdf()
        case "a locked PDF":
            return locked_pdf()
        case "a damaged photo":
            return sample_jpeg()[:4000]
        case "an empty file":
            return b""
        case "a TIFF file":
            return saved(card, "TIFF")
        case "a moving WebP":
            return saved(card, "WEBP", save_all=True, append_images=[card.rotate(90)])
        case "a very long photo":
            return saved(Image.new("RGB", (2200, 100), "white"), "JPEG")
        case "a photo of 48 million pixels":
            return png(8000, 6000)
        case "a file of 25 MB":
            return bytes(25 << 20)
    return sample_jpeg()
