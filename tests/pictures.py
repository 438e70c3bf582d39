"""Pictures that people send in tests."""

import io
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
