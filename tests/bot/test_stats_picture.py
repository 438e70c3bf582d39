"""The picture of /stats: drawn by a child, small, whole, in letters that this machine has; without a child, no harm."""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from PIL import Image

from bot import stats_picture
from bot.statistics import period
from bot.stats_drawing import WORKER, Drawing, DrawingFailed
from bot.stats_words import Sheet, sheets
from tests.bot.figures import NOW, Made
from tests.bot.test_statistics import FUNNEL, LOADED, ZONE, of, spoken_in

LONG = "A name that is far longer than anybody would put on a button of a chat"


def busy(applications: int) -> Made:
    """So many, over 29 days: three of four decided, a third of these rejected for one of the reasons."""
    made, reasons = Made(), [one.key for one in LOADED.programme.reasons]
    for n in range(applications):
        at = 29 * (1 - n / applications)
        made.submitted(f"{n}", at)
        if n % 4:
            hours = (n * 7) % 60
            decided = max(0.0, at - hours / 24)
            if n % 3:
                made.approved(f"{n}", decided)
            else:
                made.rejected(f"{n}", decided, reasons[n % len(reasons)])
    return made


def sheet(language: str, applications: int, name: str = "30d") -> list[Sheet]:
    tallies = {step: count * applications for step, count in FUNNEL.items()}
    return sheets(spoken_in(language), of(busy(applications), name, tallies=tallies))


def opened(png: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(png))
    picture.load()
    return picture


def check(png: bytes) -> Image.Image:
    """As a phone wants it and Telegram takes it: of one width, opaque, not much longer than wide, under a megabyte."""
    picture = opened(png)
    assert picture.format == "PNG"
    assert picture.width == 1080
    assert 600 < picture.height < 2.2 * picture.width
    assert len(png) < 1_000_000
    assert picture.convert("RGBA").getchannel("A").getextrema() == (255, 255)
    return picture


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("applications", "name"), [(1, "7d"), (3, "30d"), (300, "7d"), (5_000, "30d"), (5_000, "all")]
)
def test_few_or_many_are_drawn_within_the_limits(language: str, applications: int, name: str) -> None:
    check(stats_picture.png(sheet(language, applications, name)))


def test_a_panel_without_numbers_says_so_and_takes_less_room() -> None:
    none = opened(stats_picture.png(sheets(LOADED, of(Made(), "7d"))))
    assert none.height < check(stats_picture.png(sheet("en", 3))).height


class Spied(stats_picture._Drawing):
    """Notes where each text was drawn: how far it reaches to the left and right."""

    texts: list[tuple[str, float, float]]

    def _text(self, x: float, middle: float, text: str, size: float, **how: Any) -> None:
        super()._text(x, middle, text, size, **how)
        shown = str(self._axes.texts[-1].get_text())
        wide = self._wide(shown, size, bold=bool(how.get("bold")))
        start = {"left": x, "right": x - wide, "center": x - wide / 2}[str(how.get("align", "left"))]
        self.texts.append((shown, start, start + wide))


@pytest.fixture
def spied(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, float, float]]]:
    Spied.texts = []
    monkeypatch.setattr(stats_picture, "_Drawing", Spied)
    yield Spied.texts


@pytest.mark.parametrize("language", ["en", "zh"])
def test_however_long_the_names_and_large_the_numbers_nothing_leaves_the_picture(
    language: str, spied: list[tuple[str, float, float]]
) -> None:
    long = LONG if language == "en" else "一个长得没有人会放到聊天按钮上去的名称啊" * 3
    (one, *_) = sheet(language, 5_000)
    one["title"] = long * 2
    for row in one["funnel"]["rows"]:
        row |= {"name": long, "count": row["count"] * 1_000, "lost": row["lost"] * 1_000}
    for panel in ("times", "reasons"):
        for row in one[panel]["rows"]:
            row |= {"name": long, "count": row["count"] * 100_000}
    check(stats_picture.png([one]))
    edge = stats_picture.MARGIN
    assert [found for found in spied if found[1] < edge or found[2] > stats_picture.WIDTH - edge] == []
    assert sum(text.endswith("…") for text, _, _ in spied) >= len(one["funnel"]["rows"])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_number_stands_there_in_figures(language: str, spied: list[tuple[str, float, float]]) -> None:
    (one, *_) = sheet(language, 300, "7d")
    stats_picture.png([one])
    said = " ".join(text for text, _, _ in spied)
    rows = [row for panel in ("funnel", "times", "reasons") for row in one[panel]["rows"]]
    for row in rows:
        assert f"{row['count']:,}" in said and row["name"] in said
    decided = [a + b for a, b in zip(one["flow"]["approved"], one["flow"]["rejected"], strict=True)]
    texts = [text for text, _, _ in spied]
    for count in filter(None, (*one["flow"]["submitted"], *decided)):
        assert f"{count:,}" in texts
    assert all(any(name in text for text in texts) for name in one["flow"]["names"])


# letters


def test_without_a_font_for_it_the_picture_is_in_english(
    monkeypatch: pytest.MonkeyPatch, spied: list[tuple[str, float, float]]
) -> None:
    monkeypatch.setattr(stats_picture, "CHINESE", ())
    monkeypatch.setattr(stats_picture, "OTHERS", 0)
    check(stats_picture.png(sheet("zh", 3)))
    assert "How far they came" in [text for text, _, _ in spied]


def test_with_a_font_for_it_the_picture_is_in_chinese(spied: list[tuple[str, float, float]]) -> None:
    chinese, english = sheet("zh", 3)
    if not stats_picture._fonts(stats_picture._letters(chinese)):
        pytest.skip("no font here has Chinese; on Debian: apt install fonts-noto-cjk")
    stats_picture.png([chinese, english])
    assert chinese["funnel"]["title"] in [text for text, _, _ in spied]


def test_emoji_in_a_title_are_left_out_and_change_no_language(spied: list[tuple[str, float, float]]) -> None:
    (one,) = sheet("en", 3)
    one["title"] = "🎓 Fellowship"
    stats_picture.png([one, {**one, "title": "another"}])
    assert spied[0][0].strip() == "Fellowship"


# the child


async def test_the_child_draws_what_it_is_handed() -> None:
    check(await Drawing().draw(sheet("en", 30)))


async def refused(drawing: Drawing) -> str:
    with pytest.raises(DrawingFailed) as caught:
        await asyncio.wait_for(drawing.draw(sheet("en", 3)), 30)
    return str(caught.value)


def child(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise SystemExit(3)", "ended with 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended with -9"),
        ("import sys; sys.stdin.read()", "no picture"),
        ("import sys; sys.stdin.read(); print('<html>')", "no picture"),
        ("import os; os.close(0); os.close(1); os._exit(1)", "ended with 1"),
    ],
)
async def test_a_child_that_fails_is_said_to_have(code: str, why: str) -> None:
    assert why in await refused(Drawing(command=child(code)))


async def test_a_child_that_cannot_be_started_is_said_to_have_failed() -> None:
    assert "cannot be started" in await refused(Drawing(command=("/nowhere/python",)))


async def test_a_child_that_hangs_is_ended_in_time_and_nothing_of_it_stays() -> None:
    drawing = Drawing(seconds=1.0, command=child("import time; time.sleep(600)"))
    began = time.monotonic()
    assert "longer than 1 s" in await refused(drawing)
    assert time.monotonic() - began < 10
    assert hanging() == []


async def test_who_stops_waiting_leaves_no_child() -> None:
    task = asyncio.create_task(Drawing(command=child("import time; time.sleep(600)")).draw(sheet("en", 3)))
    async with asyncio.timeout(10):
        while not hanging():
            await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert hanging() == []


def hanging() -> list[psutil.Process]:
    """Children of this process that sleep as the tests have them do."""
    found = []
    for one in psutil.Process().children(recursive=True):
        try:
            if "time.sleep(600)" in " ".join(one.cmdline()):
                found.append(one)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


async def test_a_child_killed_in_the_middle_harms_nobody() -> None:
    drawing = Drawing(command=child("import time; time.sleep(600)"))
    task = asyncio.create_task(drawing.draw(sheet("en", 3)))
    async with asyncio.timeout(10):
        while not (found := hanging()):
            await asyncio.sleep(0.02)
    os.kill(found[0].pid, signal.SIGKILL)
    with pytest.raises(DrawingFailed):
        await task
    drawing._command = WORKER
    check(await drawing.draw(sheet("en", 3)))  # the next one is drawn


def test_the_bot_itself_imports_nothing_of_what_draws() -> None:
    code = "import sys, bot.app; print(*sorted(name.partition('.')[0] for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"matplotlib", "numpy"}.isdisjoint(done.stdout.split())


async def test_nothing_secret_is_handed_to_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTAKE_TOKEN", "42:secret")
    said = "b'\\x89PNG\\r\\n\\x1a\\n' + json.dumps(dict(os.environ)).encode()"
    code = f"import sys, os, json; sys.stdout.buffer.write({said})"
    found = await Drawing(command=child(code)).draw([])
    handed = json.loads(found[8:])
    assert "PATH" in handed and not any(name.startswith("INTAKE") for name in handed)


def test_a_period_of_one_day_is_drawn() -> None:
    assert period("all", NOW, ZONE, None).first == NOW.date()
    (one,) = sheets(LOADED, of(Made().submitted("A", 0), "all"))
    assert len(one["flow"]["labels"]) == 1
    assert opened(stats_picture.png([one])).width == 1080
