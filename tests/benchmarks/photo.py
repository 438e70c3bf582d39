"""The photo every applicant sends: a card on a desk, about 80 kB as JPEG, as a phone's camera makes it."""

import io
from random import Random

from PIL import Image, ImageDraw, ImageFilter

SIZE = (1280, 800)
_LINES = ("LAKESHORE UNIVERSITY", "STUDENT CARD", "Okafor, Mei", "No. 4471 0093", "Valid until 09/2031")


def card_photo(seed: int = 1) -> bytes:
    """A JPEG of 1280 x 800 with a grain that no encoder can leave out."""
    picture = Image.composite(_card(), _desk(), _outline())
    out = io.BytesIO()
    Image.blend(picture, _grain(Random(seed)), 0.025).save(out, "JPEG", quality=90)
    return out.getvalue()


def _desk() -> Image.Image:
    shade = Image.linear_gradient("L").resize(SIZE)
    return Image.merge(
        "RGB", [shade.point(lambda value, top=top: top - value // 4) for top in (170, 140, 110)]
    )


def _outline() -> Image.Image:
    mask = Image.new("L", SIZE, 0)
    ImageDraw.Draw(mask).rounded_rectangle((140, 90, 1140, 710), 40, fill=255)
    return mask.rotate(2, resample=Image.Resampling.BICUBIC)


def _card() -> Image.Image:
    card = Image.new("RGB", SIZE, (244, 243, 238))
    draw = ImageDraw.Draw(card)
    draw.rectangle((140, 90, 1140, 210), fill=(28, 62, 122))
    draw.rectangle((200, 270, 480, 630), fill=(196, 204, 214))
    draw.ellipse((270, 310, 410, 480), fill=(206, 164, 132))
    draw.ellipse((225, 470, 455, 690), fill=(60, 72, 96))
    for place, line in enumerate(_LINES):
        ink = (250, 250, 250) if place == 0 else (30, 30, 36)
        draw.text((200, 125) if place == 0 else (540, 200 + 85 * place), line, fill=ink, font_size=46)
    return card.rotate(2, resample=Image.Resampling.BICUBIC)


def _grain(rng: Random) -> Image.Image:
    noise = Image.frombytes("L", SIZE, rng.randbytes(SIZE[0] * SIZE[1]))
    return noise.filter(ImageFilter.GaussianBlur(1)).convert("RGB")
