"""A sheet of numbers -> a PNG for a phone: big type on a ground of its own, the same on dark and light.

Runs in the short-lived child only: what it imports takes time and memory. Everything is placed in pixels by hand;
colour never says anything alone: every bar has its number or its hatching.
"""

import io
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.patches import FancyBboxPatch, Rectangle

Sheet = dict[str, Any]

WIDTH = 1080  # pixels
MARGIN, PAD, GAP = 32, 36, 24
DPI = 100
TITLE, PERIOD, HEAD, NOTE, ROW = 46, 29, 34, 25, 28  # heights of letters, in pixels
STEP, THIN = 44, 54  # from row to row, of the funnel and of the small panels
PAGE, CARD, LINE = "#E4E9F0", "#FFFFFF", "#C9D1DC"
INK, MUTED = "#17202B", "#47525F"
BLUE, GREEN, RED, TRACK = "#1F5FA8", "#2B7A4B", "#B23A1E", "#E9EDF3"

LATIN = "DejaVu Sans"  # comes with matplotlib
# Fonts that have Chinese, the most usual first.
CHINESE = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Noto Sans CJK TC",
    "Noto Sans CJK JP",
    "Noto Serif CJK SC",
    "SimHei",
    "Droid Sans Fallback",
)
OTHERS = 300  # further fonts that are looked through for letters which none of these has
_ORNAMENTS = {
    "So",
    "Sk",
    "Mn",
    "Me",
    "Cf",
    "Co",
    "Cs",
    "Cn",
    "Cc",
}  # what may be left out: emoji and the like


def png(sheets: Sequence[Sheet]) -> bytes:
    """The first sheet whose letters some font here has, drawn; the last one when there is none."""
    for sheet in sheets:
        if fonts := _fonts(_letters(sheet)):
            break
    else:
        sheet, fonts = sheets[-1], [LATIN]
    return _Drawing(sheet, fonts).png()


# fonts


def _letters(value: Any) -> set[str]:
    """Every letter of every word in there."""
    match value:
        case str():
            return set(value)
        case dict():
            return _letters(list(value.values()))
        case list():
            return set().union(*(_letters(one) for one in value)) if value else set()
    return set()


def _fonts(letters: set[str]) -> list[str]:
    """Families that have all of these together, the best first; none when no font has them."""
    wanted = {
        letter for letter in letters if letter.strip() and unicodedata.category(letter) not in _ORNAMENTS
    }
    missing = wanted - _has(LATIN)
    if not missing:
        return [LATIN]
    known = {entry.name for entry in font_manager.fontManager.ttflist}
    usual = [name for name in CHINESE if name in known]
    others = sorted(known.difference(CHINESE))[:OTHERS]
    for name in (*usual, *others):
        if missing <= _has(name):
            return [name, LATIN]
    return []


def _has(family: str) -> set[str]:
    """The letters a family has."""
    entry = next((one for one in font_manager.fontManager.ttflist if one.name == family), None)
    if entry is None:
        return set()
    try:
        font = FT2Font(entry.fname, face_index=entry.index)
    except (OSError, RuntimeError):  # gone, or broken
        return set()
    return {chr(code) for code in font.get_charmap()}


# drawing


class _Drawing:
    """One picture, from the top to the bottom; `y` grows downwards, as in a text."""

    def __init__(self, sheet: Sheet, fonts: list[str]) -> None:
        self._sheet = sheet
        self._fonts = fonts
        self._drawable = set().union(*(_has(name) for name in fonts)) | set(" \n")
        self._figure = Figure(figsize=(WIDTH / DPI, 10), dpi=DPI, facecolor=PAGE)
        canvas = FigureCanvasAgg(self._figure)
        self._renderer: RendererAgg = canvas.get_renderer()  # type: ignore[no-untyped-call]
        self._axes = self._figure.add_axes((0, 0, 1, 1))
        self._axes.axis("off")

    def png(self) -> bytes:
        height = self._everything()
        self._figure.set_size_inches(WIDTH / DPI, height / DPI)
        self._axes.set_xlim(0, WIDTH)
        self._axes.set_ylim(height, 0)
        out = io.BytesIO()
        self._figure.savefig(out, format="png", dpi=DPI, facecolor=PAGE, metadata={"Software": None})
        return out.getvalue()

    def _everything(self) -> int:
        """Draw all; how high it became."""
        sheet, left = self._sheet, MARGIN + 8
        y: float = MARGIN + 8
        self._text(left, y + TITLE / 2, sheet["title"], TITLE, bold=True, width=WIDTH - 2 * left)
        y += TITLE + 18
        self._text(left, y + PERIOD / 2, sheet["period"], PERIOD, colour=MUTED, width=WIDTH - 2 * left)
        y += PERIOD + 12
        self._text(left, y + PERIOD / 2, sheet["waiting"], PERIOD, bold=True, width=WIDTH - 2 * left)
        y += PERIOD + GAP + 4
        y = self._funnel(y) + GAP
        y = self._flow(y) + GAP
        half = (WIDTH - 2 * MARGIN - GAP) // 2
        rows = max(self._rows("times") * THIN + 2 * 38 + 12, self._rows("reasons") * THIN)
        height = 2 * PAD + HEAD + 26 + max(rows, 3 * THIN) - 14
        self._times(MARGIN, y, half, height)
        self._reasons(MARGIN + half + GAP, y, half, height)
        return round(y + height + MARGIN)

    def _rows(self, name: str) -> int:
        panel = self._sheet[name]
        return 0 if panel["empty"] else len(panel["rows"])

    # the panels

    def _funnel(self, top: float) -> float:
        panel = self._sheet["funnel"]
        rows = [] if panel["empty"] else panel["rows"]
        notes = self._wrapped(panel["note"], NOTE, WIDTH - 2 * (MARGIN + PAD), lines=3)
        head = PAD + HEAD + 14 + len(notes) * (NOTE + 8) + 16
        height = head + (len(rows) * STEP if rows else STEP) + PAD - 12
        x, y = self._card(MARGIN, top, WIDTH - 2 * MARGIN, height, panel["title"])
        for line in notes:
            self._text(x, y + NOTE / 2, line, NOTE, colour=MUTED)
            y += NOTE + 8
        y = top + head
        if panel["empty"]:
            self._text(x, y + STEP / 2, panel["empty"], ROW, width=WIDTH - 2 * (MARGIN + PAD))
            return top + height
        names = min(420.0, max(self._wide(row["name"], ROW) for row in rows))
        right = WIDTH - MARGIN - PAD
        lost = 16 + max(self._wide(self._loss(row["lost"]), ROW) for row in rows)
        counts = 14 + max(self._wide(self._counted(row), ROW, bold=True) for row in rows)
        start = x + names + 20
        room = right - lost - counts - start
        most = max(row["count"] for row in rows) or 1
        for row in rows:
            middle = y + STEP / 2
            self._text(x, middle, row["name"], ROW, width=names)
            self._bar(start, middle - 14, room, 28, row["count"] / most, BLUE)
            self._text(start + room + 14, middle, self._counted(row), ROW, bold=True)
            self._text(right, middle, self._loss(row["lost"]), ROW, colour=RED, align="right")
            y += STEP
        return top + height

    def _counted(self, row: dict[str, Any]) -> str:
        return f"{row['count']:,}  {row['share']}".rstrip()

    def _loss(self, lost: int) -> str:
        return f"−{lost:,}" if lost else ""

    def _flow(self, top: float) -> float:
        panel = self._sheet["flow"]
        chart = 260 if not panel["empty"] else 0
        height = 2 * PAD + HEAD + 24 + (STEP if panel["empty"] else chart + 96)
        x, y = self._card(MARGIN, top, WIDTH - 2 * MARGIN, height, panel["title"], panel["note"])
        y += 10
        if panel["empty"]:
            self._text(x, y + STEP / 2, panel["empty"], ROW, width=WIDTH - 2 * (MARGIN + PAD))
            return top + height
        series = [panel[name] for name in ("submitted", "approved", "rejected")]
        self._legend(x, y + 14, panel["names"])
        self._bars(x, y + 52, chart, series, panel["labels"])
        return top + height

    def _legend(self, x: float, middle: float, names: Sequence[str]) -> None:
        arrows, colours, hatches = ("▲", "▼", "▼"), (BLUE, GREEN, RED), ("", "", "///")
        said = [f"{arrow} {name}" for arrow, name in zip(arrows, names, strict=True)]
        room = WIDTH - 2 * (MARGIN + PAD) - 3 * 40
        size = ROW if sum(self._wide(one, ROW) for one in said) + 2 * 30 <= room else NOTE
        gap = max(16.0, min(60.0, (room - sum(self._wide(one, size) for one in said)) / 2))
        for place, one in enumerate(said):
            self._box(x, middle - 14, 28, 28, colours[place], hatches[place])
            self._text(x + 40, middle, one, size, width=room / 2)
            x += 40 + self._wide(one, size) + gap

    def _bars(
        self, x: float, top: float, height: float, series: Sequence[Sequence[int]], labels: Sequence[str]
    ) -> None:
        """Upwards what was submitted, downwards what was decided, on one scale."""
        submitted, approved, rejected = series
        decided = [one + other for one, other in zip(approved, rejected, strict=True)]
        up, down = max(submitted), max(decided)
        right = WIDTH - MARGIN - PAD
        is_numbered = len(labels) <= 12
        scale = (height - (60 if is_numbered else 16)) / (up + down)
        zero = top + (30 if is_numbered else 8) + up * scale
        left = x + 8
        if not is_numbered:
            left = x + 16 + max(self._wide(f"{up:,}", NOTE), self._wide(f"{down:,}", NOTE))
            for value in (up, -down):
                if value:
                    level = zero - value * scale
                    self._rule(left, right, level)
                    self._text(left - 10, level, f"{abs(value):,}", NOTE, colour=MUTED, align="right")
        slot = (right - left) / len(labels)
        wide = min(0.72 * slot, 90)
        for place in range(len(labels)):
            start = left + place * slot + (slot - wide) / 2
            self._box(start, zero - submitted[place] * scale, wide, submitted[place] * scale, BLUE)
            good, bad = approved[place] * scale, rejected[place] * scale
            self._box(start, zero, wide, good, GREEN)
            self._box(start, zero + good, wide, bad, RED, "///")
            if is_numbered:
                middle = start + wide / 2
                if submitted[place]:
                    said = f"{submitted[place]:,}"
                    self._text(middle, zero - submitted[place] * scale - 16, said, NOTE, align="center")
                if decided[place]:
                    self._text(middle, zero + good + bad + 16, f"{decided[place]:,}", NOTE, align="center")
        self._rule(left, right, zero, INK)
        self._under(left, slot, top + height + 26, labels)

    def _under(self, left: float, slot: float, middle: float, labels: Sequence[str]) -> None:
        """As many labels as there is room for, the last one always."""
        widest = max(self._wide(label, NOTE) for label in labels)
        shifted = max(0.0, widest - slot) / 2  # so far the last one is moved from the edge
        room = widest + max(24.0, 12.0 + shifted)
        every = next(step for step in range(1, len(labels) + 2) if step * slot >= room or step > len(labels))
        for place in range(len(labels) - 1, -1, -every):
            at = left + (place + 0.5) * slot
            half = self._wide(labels[place], NOTE) / 2
            at = min(max(at, MARGIN + PAD + half), WIDTH - MARGIN - PAD - half)
            self._text(at, middle, labels[place], NOTE, colour=MUTED, align="center")

    def _times(self, left: float, top: float, width: float, height: float) -> None:
        panel = self._sheet["times"]
        x, y = self._card(left, top, width, height, panel["title"])
        y += 12
        if panel["empty"]:
            self._lines(x, y + 16, panel["empty"], width - 2 * PAD)
            return
        for fact in panel["facts"]:
            self._text(x, y + ROW / 2, fact, ROW, bold=True, width=width - 2 * PAD)
            y += 38
        self._named_bars(x, y + 12, width - 2 * PAD, panel["rows"], BLUE)

    def _reasons(self, left: float, top: float, width: float, height: float) -> None:
        panel = self._sheet["reasons"]
        x, y = self._card(left, top, width, height, panel["title"])
        y += 12
        if panel["empty"]:
            self._lines(x, y + 16, panel["empty"], width - 2 * PAD)
            return
        self._named_bars(x, y, width - 2 * PAD, panel["rows"], RED, "///")

    def _named_bars(
        self, x: float, y: float, width: float, rows: Sequence[dict[str, Any]], colour: str, hatch: str = ""
    ) -> None:
        """A name and its number, and below them a thin bar."""
        most = max(row["count"] for row in rows) or 1
        for row in rows:
            said = f"{row['count']:,}"
            room = width - self._wide(said, ROW, bold=True) - 20
            size = ROW if self._wide(row["name"], ROW) <= room else NOTE
            self._text(x, y + 14, row["name"], size, width=room)
            self._text(x + width, y + 14, said, ROW, bold=True, align="right")
            self._bar(x, y + 35, width, 10, row["count"] / most, colour, hatch)
            y += THIN

    # the pieces

    def _card(
        self, x: float, y: float, width: float, height: float, title: str, note: str = ""
    ) -> tuple[float, float]:
        """A white ground with its title; where what stands on it begins."""
        style = "round,pad=0,rounding_size=24"
        box = FancyBboxPatch(
            (x, y), width, height, boxstyle=style, facecolor=CARD, edgecolor=LINE, linewidth=1.2
        )
        self._axes.add_artist(box)
        room = width - 2 * PAD
        self._text(x + PAD, y + PAD + HEAD / 2, title, HEAD, bold=True, width=room)
        if note:
            start = x + PAD + self._wide(title, HEAD, bold=True) + 16
            self._text(start, y + PAD + HEAD / 2 + 2, note, NOTE, colour=MUTED)
        return x + PAD, y + PAD + HEAD + 14

    def _bar(
        self, x: float, y: float, width: float, height: float, share: float, colour: str, hatch: str = ""
    ) -> None:
        """A bar on its track; a little more than nothing is seen to be more than nothing."""
        self._box(x, y, width, height, TRACK)
        self._box(x, y, max(4.0, share * width) if share else 0, height, colour, hatch)

    def _box(self, x: float, y: float, width: float, height: float, colour: str, hatch: str = "") -> None:
        if width <= 0 or height <= 0:
            return
        edge = {"edgecolor": "#FFFFFF", "hatch": hatch, "linewidth": 0} if hatch else {"linewidth": 0}
        self._axes.add_artist(Rectangle((x, y), width, height, facecolor=colour, **edge))

    def _rule(self, left: float, right: float, y: float, colour: str = LINE) -> None:
        self._axes.plot([left, right], [y, y], color=colour, linewidth=1.4, solid_capstyle="butt")

    def _lines(self, x: float, y: float, text: str, width: float) -> None:
        for line in self._wrapped(text, ROW, width, lines=4):
            self._text(x, y, line, ROW)
            y += ROW + 12

    def _text(
        self,
        x: float,
        middle: float,
        text: str,
        size: float,
        *,
        bold: bool = False,
        colour: str = INK,
        align: str = "left",
        width: float = 0,
    ) -> None:
        """One line about that height; cut short with an ellipsis where it is wider than `width`."""
        text = self._cut(text, size, width, bold=bold) if width else self._clean(text)
        self._axes.text(
            x,
            middle,
            text,
            color=colour,
            ha=align,
            va="center_baseline",
            parse_math=False,
            fontproperties=self._properties(size, bold=bold),
        )

    def _properties(self, size: float, *, bold: bool) -> font_manager.FontProperties:
        weight = "bold" if bold else "normal"
        return font_manager.FontProperties(family=self._fonts, size=_points(size), weight=weight)

    def _clean(self, text: str) -> str:
        """Without what no font here has, on one line."""
        return "".join(letter for letter in " ".join(text.split(" ")) if letter in self._drawable)

    def _cut(self, text: str, size: float, width: float, *, bold: bool = False) -> str:
        text = self._clean(text)
        if self._wide(text, size, bold=bold) <= width:
            return text
        fits, breaks = 0, len(text)
        while breaks - fits > 1:
            middle = (fits + breaks) // 2
            if self._wide(f"{text[:middle].rstrip()}…", size, bold=bold) <= width:
                fits = middle
            else:
                breaks = middle
        return f"{text[:fits].rstrip()}…"

    def _wrapped(self, text: str, size: float, width: float, lines: int) -> list[str]:
        """In lines that fit, at blanks or between Chinese letters; what is too much is cut short."""
        found: list[str] = [""]
        for piece in _pieces(self._clean(text)):
            if found[-1] and self._wide((found[-1] + piece).rstrip(), size) > width and len(found) < lines:
                found.append("")
            found[-1] += piece if found[-1] else piece.lstrip()
        return [self._cut(line.rstrip(), size, width) for line in found]

    def _wide(self, text: str, size: float, *, bold: bool = False) -> float:
        """How many pixels a line takes."""
        text = self._clean(text)
        if not text:
            return 0.0
        style = self._properties(size, bold=bold)
        width, _, _ = self._renderer.get_text_width_height_descent(text, style, False)  # type: ignore[no-untyped-call]
        return float(width)


def _points(pixels: float) -> float:
    """A size in points, of letters that many pixels high."""
    return pixels * 72 / DPI


def _pieces(text: str) -> Iterable[str]:
    """Where a line may break: after a blank, and after a Chinese letter that no sign follows."""
    piece = ""
    for place, letter in enumerate(text):
        piece += letter
        following = text[place + 1 : place + 2]
        is_wide = unicodedata.east_asian_width(letter) in "WF"
        if letter == " " or (is_wide and following not in "，。；：！？、）”"):
            yield piece
            piece = ""
    yield piece
