"""Conversations as plain text: parsing, and writing them anew.

A transcript is a title, a language, and steps. A step is one line that says who does what; what follows from it is
indented under who hears it. Lines:

    Mei: /start                     an applicant types
    Mei presses: Continue           a button under one of the bot's messages, by its label
    Mei presses old: Continue       the same button, under the earlier message
    Mei sends: a photo              also: a bad photo, a dark photo, a file, an album, a sticker, a voice, ...
    Mei edits: another text         the last message she typed
    Ana presses: Approve            a reviewer, on the card (Ana and Ben are reviewers)
    Ana opens the photo             follows the link of View ID
    time: 25h                       time passes

    bot:       a message to the applicant, with its [buttons]
    edited:    one of the bot's messages, as it now reads
    toast:     what a press is answered with; `alert:` when it must be closed
    card:      the card in the reviewers' group, as it now reads
    reviewer:  a message in the reviewer's own chat
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

HEARD = ("toast", "alert", "edited", "bot", "reviewer", "card")
_STEP = re.compile(
    r"^(?P<who>[A-Z][a-z]+)(?: (?P<verb>presses old|presses|sends|edits|opens the photo))?:? ?(?P<what>.*)$"
)
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing that followed: where, and its text with buttons as lines in brackets."""

    where: str
    text: str


@dataclass(slots=True)
class Step:
    """Who does what. `who` is "time" for the clock."""

    line: str
    who: str
    verb: str
    what: str
    heard: list[Heard] = field(default_factory=list)


@dataclass(slots=True)
class Script:
    """A whole conversation."""

    title: str
    language: str
    steps: list[Step]


def parse(path: Path) -> Script:
    """Read a transcript. Raises ValueError with the line that is none."""
    title, language = "", "en"
    steps: list[Step] = []
    where, body = "", list[str]()

    def close() -> None:
        if where:
            steps[-1].heard.append(Heard(where, "\n".join(body).strip("\n")))

    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("    ") or (not line.strip() and where):
            body.append(line[4:])
            continue
        close()
        where, body = "", []
        if not line.strip():
            continue
        head, _, rest = line.partition(":")
        if line.startswith("# "):
            title = line[2:]
        elif head == "language":
            language = rest.strip()
        elif head in HEARD:
            where, body = head, [rest.strip()] if rest.strip() else []
        else:
            steps.append(_step(line, number))
    close()
    return Script(title, language, steps)


def _step(line: str, number: int) -> Step:
    if line.startswith("time: "):
        return Step(line, "time", "", line.removeprefix("time: "))
    match = _STEP.match(line)
    if match is None:
        raise ValueError(f"line {number} is no step: {line!r}")
    return Step(line, match["who"], match["verb"] or "types", match["what"])


def write(script: Script) -> str:
    """The transcript as text."""
    lines = [f"# {script.title}", f"language: {script.language}"]
    for step in script.steps:
        lines += ["", step.line]
        for heard in step.heard:
            lines.append(f"{heard.where}:")
            lines += [f"    {line}".rstrip() for line in heard.text.splitlines()]
    return "\n".join([*lines, ""])


def steady(text: str) -> str:
    """A text without what differs from run to run: receipts, dates, ages."""
    text = re.sub(r"\b([A-Z]{1,4})-[0-9A-Z]{8}\b", r"\1-RECEIPT", text)
    text = re.sub(rf"\b\d{{1,2}} ({_MONTHS}) \d{{4}}\b", "DATE", text)
    text = re.sub(r"\d{4}年\d{1,2}月\d{1,2}日", "DATE", text)
    text = re.sub(r"\b\d{2}:\d{2}\b", "TIME", text)
    return shorten(text)


def shorten(text: str, limit: int = 12) -> str:
    """A long message by its beginning and end; its buttons whole."""
    lines = text.splitlines()
    words = [line for line in lines if not line.startswith("[")]
    buttons = [line for line in lines if line.startswith("[")]
    if len(words) > limit:
        words = [*words[:5], "(...)", *words[-3:]]
    return "\n".join([*words, *buttons])
