"""Pictures that people send in tests."""

import io
from collections.abc import Sequence
from functools import cache

from PIL import Image, ImageDraw, ImageFont


@cache
def sample_jpeg(width: int = 1000, height: int = 640, name: str = "MEI LIN", side: str = "front") -> bytes:
    """A student card, well lit and sharp."""
    card = Image.new("RGB", (width, height), (236, 240, 246))
    draw = ImageDraw.Draw(card)
    big, small = ImageFont.load_default(height / 11), ImageFont.load_default(height / 18)
    draw.rectangle((0, 0, width, height // 6), fill=(28, 60, 130))
    draw.text((width // 30, height // 30), "UNIVERSITY OF EXAMPLE", font=big, fill="white")
    if side == "front":
        left, top = width // 20, height // 4
        draw.rectangle(
            (left, top, left + width // 4, top + height // 2), fill=(180, 160, 140), outline="black"
        )
        draw.ellipse((left + 40, top + 30, left + width // 4 - 40, top + height // 3), fill=(90, 70, 60))
    lines = ("STUDENT CARD", name, "Matriculation 20 310 442", "Department of Physics", "valid until 09/2031")
    for place, line in enumerate(lines):
        draw.text((width // 3, height // 4 + place * height // 8), line, font=small, fill=(10, 10, 20))
    for x in range(0, width, 12):
        draw.line((x, height - 40, x, height - 10), fill="black", width=3 if x % 36 else 7)
    out = io.BytesIO()
    card.save(out, "JPEG", quality=90)
    return out.getvalue()


@cache
def sample_pdf(pages: int = 1) -> bytes:
    """The card as an office scans it: pages of a PDF, the card on the first."""
    card = Image.open(io.BytesIO(sample_jpeg()))
    sheet = Image.new("RGB", (1240, 1754), "white")
    sheet.paste(card, (120, 120))
    blank = Image.new("RGB", sheet.size, "white")
    out = io.BytesIO()
    sheet.save(out, "PDF", resolution=150, save_all=True, append_images=[blank] * (pages - 1))
    return out.getvalue()


def locked_pdf() -> bytes:
    """A PDF that nobody's password opens."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] >>",
        b"<< /Filter /Standard /V 1 /R 2 /P -44 /O <" + b"41" * 32 + b"> /U <" + b"42" * 32 + b"> >>",
    ]
    return whole_pdf(objects, b"/Encrypt 4 0 R /ID [<43> <43>]")


def whole_pdf(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of these objects, the first of which is its catalogue."""
    out, places = io.BytesIO(), []
    out.write(b"%PDF-1.4\n")
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer\n<< /Size %d /Root 1 0 R %s >>\n" % (len(objects) + 1, trailer))
    out.write(b"startxref\n%d\n%%%%EOF\n" % table)
    return out.getvalue()
