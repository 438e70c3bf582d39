"""Conversations as plain text: parsing, and writing them anew.

A transcript is a title, the language of the applicant's Telegram, and steps. A step is one line that says who does
what; what follows from it is indented under who hears it. Steps:

    Mei: /start                     an applicant types; {na *30} is "na " thirty times, \\n a line break
    Mei presses: Continue           a button under one of the bot's messages, by its label or the label's end
    Mei presses old: Continue       the same button, under the message before the newest that has it
    Mei sends: a photo              also any other of the things in SENT
    Mei edits: another text         the last message she typed
    Mei is at: department           she has agreed and answered all that comes before that question; the further
                                    places are in `walk`. Only what she hears last is shown
    Mei presses on the card: Claim  she is a member of the reviewers' group too
    Ana presses: Approve            a reviewer, on the card of the newest application (Ana and Ben are reviewers)
    Ana presses old: Approve        a button that stood on the card before it last changed
    Ana opens the photo             presses View ID and follows the link into the private chat
    Ana opens: More reasons ...     another button of the card that leads there
    Ana presses on the form: Reject the form that stands in her private chat
    Ana writes: three words         she replies to that form
    time: 25h                       time passes: s, m, h or d
    programme: the agreement is revised
                                    the operator changes it (see `changing.CHANGES`) and starts the bot anew

    bot:       a message to the applicant, with its [buttons]
    edited:    one of the bot's messages, as it now reads
    toast:     what a press is answered with; `alert:` when it must be closed
    reviewer:  a message in the reviewer's own chat
    form:      the form there in which a reviewer composes a decision, as it now reads
    gone:      messages that were removed from where they stood
    card:      the card in the reviewers' group, as it now reads
    notice:    what the group is told beside the card: that the applicant has written

What differs from run to run is masked (`steady`). Five lines and more that were heard before in the same transcript
are not repeated, and a message as long as the agreement is cut in the middle unless the third line of the file is
`whole: yes`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

M = TypeVar("M")
Buttons = list[list[tuple[str, str]]]  # label and data, row by row
HEARD = ("toast", "alert", "edited", "bot", "reviewer", "form", "gone", "card", "notice")
REVIEWERS = ("Ana", "Ben")
# What can be sent: a photo or file by what the darkroom will say of it, or the kind of another message.
SENT = {
    "a photo": "",
    "a dark photo": "photo_dark",
    "a small photo": "photo_small",
    "a blurred photo": "photo_blurred",
    "an album": "album",
    "a photo as a file": "",
    "a text file": "photo_not_a_picture",
    "a PDF": "",
    "a locked PDF": "photo_pdf_locked",
    "a damaged photo": "photo_broken",
    "an empty file": "photo_empty",
    "a TIFF file": "photo_unsupported_kind",
    "a moving WebP": "photo_animated",
    "a very long photo": "photo_too_long",
    "a photo of 48 million pixels": "photo_too_many_pixels",
    "a file of 25 MB": "photo_too_big_file",
    "a sticker": "sticker",
    "a voice message": "voice",
    "a contact": "contact",
    "a location": "location",
    "a video": "video",
    "a forwarded message": "forward",
}
ANSWERS = {
    "en": {
        "full_name": "Mei Okafor",
        "email": "mei.okafor@lakeshore.edu",
        "university": "Lakeshore University of Technology",
        "status": "Doctoral student",
        "department": "Department of Linguistics",
        "identity": "a photo",
        "api_purpose": "I compare how well language models transcribe endangered languages, for my thesis.",
        "homepage": "https://people.lakeshore.edu/okafor",
        "scenarios": "Two students in our lab run it on public recordings.",
    },
    "zh": {
        "full_name": "林知远",
        "email": "lin.zhiyuan@yunlu.edu.cn",
        "university": "云麓理工大学",
        "status": "博士生",
        "department": "语言学系",
        "identity": "a photo",
        "api_purpose": "我在比较不同的语言模型转写濒危语言录音的效果，结果将用于我的学位论文，也会随论文一起公开发表。",
        "homepage": "https://people.yunlu.edu.cn/lin",
        "scenarios": "实验室的两名学生用它处理公开的录音。",
    },
}
LABELS = {
    "en": {"tick": "I have read and agree", "go": "Continue", "agree": "I agree", "submit": "Submit Application"},
    "zh": {"tick": "我已阅读并同意", "go": "继续", "agree": "同意", "submit": "提交申请"},
}  # fmt: skip
SHORT = 45  # lines of a message that is shown whole
REPEATED = 5  # lines that are not shown again
_STEP = re.compile(
    r"^(?P<who>[A-Z][a-z]+)"
    r"(?: (?P<verb>presses on the card|presses on the form|presses old|presses|sends|edits|is at"
    r"|opens the photo|opens|writes))?"
    r":? ?(?P<what>.*)$"
)
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing that followed: where, and its text with buttons as lines in brackets."""

    where: str
    text: str


@dataclass(slots=True)
class Step:
    """Who does what. `who` is "time" for the clock, "programme" for the operator."""

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
    whole: bool = False


def parse(path: Path) -> Script:
    """Read a transcript. Raises ValueError with the line that is none."""
    script = Script("", "en", [])
    where, body = "", list[str]()

    def close() -> None:
        if where:
            script.steps[-1].heard.append(Heard(where, "\n".join(body).strip("\n")))

    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("    ") or (not line.strip() and where):
            body.append(line[4:])
            continue
        close()
        where, body = "", []
        if not line.strip():
            continue
        head, _, rest = line.partition(":")
        match head:
            case _ if line.startswith("# "):
                script.title = line[2:]
            case "language":
                script.language = rest.strip()
            case "whole":
                script.whole = True
            case _ if head in HEARD:
                where = head
            case _:
                script.steps.append(_step(line, number))
    close()
    return script


def _step(line: str, number: int) -> Step:
    if line.startswith("time: "):
        return Step(line, "time", "", line.removeprefix("time: "))
    if line.startswith("programme: "):
        return Step(line, "programme", "", line.removeprefix("programme: "))
    match = _STEP.match(line)
    if match is None or (match["verb"] == "sends" and match["what"] not in SENT):
        raise ValueError(f"line {number} is no step: {line!r}")
    return Step(line, match["who"], match["verb"] or "types", match["what"])


def walk(step: Step, language: str, here: str) -> list[Step]:
    """The steps behind "is at". Places: a question's key, "the agreement", "the consent", "the summary", "submitted".

    `here` is the place where the one before it ended, so that a second one goes on from there.
    """
    labels, answers = LABELS[language], ANSWERS[language]
    way: list[tuple[str, str, str]] = [("the agreement", "types", "/start")]
    begin: list[tuple[str, str]] = [("presses", labels["tick"]), ("presses", labels["go"])]
    for key, answer in answers.items():
        place = "the consent" if key == "identity" else key
        way += [(place, *act) for act in begin]
        begin = [("sends" if key == "identity" else "types", answer)]
        if key == "identity":
            way.append((key, "presses", labels["agree"]))
    way += [("the summary", *act) for act in begin]
    way.append(("submitted", "presses", labels["submit"]))
    places = [place for place, _, _ in way]
    if step.what not in places:
        raise ValueError(
            f"{step.line!r}: there is no such place; there are {', '.join(dict.fromkeys(places))}"
        )
    end = max(number for number, place in enumerate(places) if place == step.what) + 1
    start = max((number for number, place in enumerate(places) if place == here), default=-1) + 1
    return [Step(f"{step.who} {verb}: {what}", step.who, verb, what) for _, verb, what in way[start:end]]


def typed(what: str) -> str:
    """What "types" means: repetitions and line breaks written out."""
    what = re.sub(r"\{(.+?)\*(\d+)\}", lambda match: match[1] * int(match[2]), what)
    return what.replace("\\n", "\n")


def write(script: Script) -> str:
    """The transcript as text."""
    lines = [f"# {script.title}", f"language: {script.language}", *(["whole: yes"] if script.whole else [])]
    known: dict[bool, set[tuple[str, ...]]] = {True: set(), False: set()}  # of the cards, and of all else
    for step in script.steps:
        lines += ["", step.line]
        for heard in step.heard:
            text, before = heard.text.splitlines(), known[heard.where == "card"]
            lines.append(f"{heard.where}:")
            lines += [f"    {line}".rstrip() for line in _news(_short(text, whole=script.whole), before)]
            before |= {tuple(text[place : place + REPEATED]) for place in range(len(text))}
    return "\n".join([*lines, ""])


def _short(lines: list[str], *, whole: bool) -> list[str]:
    """A long message by its beginning and end; its buttons whole."""
    words = [line for line in lines if not line.startswith("[")]
    buttons = [line for line in lines if line.startswith("[")]
    if whole or len(words) <= SHORT:
        return lines
    warned = next((place for place, line in enumerate(words[:5]) if line.startswith("⚠️")), None)
    head = 3 if warned is None else words.index("", warned)  # what has changed is said first, and shown whole
    return [*words[:head], "(...)", *words[-2:], *buttons]


def _news(lines: list[str], before: set[tuple[str, ...]]) -> list[str]:
    """Without the runs of lines that were heard before; the first line and the buttons stay."""
    old: set[int] = set()
    for place in range(1, len(lines) - REPEATED + 1):
        run = tuple(lines[place : place + REPEATED])
        if run in before and not any(line.startswith("[") for line in run):
            old.update(range(place, place + REPEATED))
    kept = [(place, line) for place, line in enumerate(lines) if place not in old or place - 1 not in old]
    return ["(as before)" if place in old else line for place, line in kept]


def gone(messages: int, photos: int, forms: int, cards: int, notices: int) -> str:
    """What was removed: the bot's messages to the applicant (they go all at once), photos and forms of reviewers,
    cards, notices beside them."""
    lines = ["all messages of the bot"] if messages else []
    lines += ["the photo in the reviewer's chat"] * photos
    lines += ["the form in the reviewer's chat"] * forms
    lines += ["the notice in the group"] * notices
    return "\n".join([*lines, *["the card" if cards == 1 else f"{cards} cards"] * bool(cards)])


def steady(text: str) -> str:
    """A text without what differs from run to run: receipts, dates, times."""
    text = re.sub(r"(?<![A-Za-z])([A-Z]{1,4})-[0-9A-Z]{8}(?![0-9A-Za-z])", r"\1-RECEIPT", text)
    text = re.sub(r"(?<![0-9A-Za-z])[0-9A-F]{12}(?![0-9A-Za-z])", "RECEIPT", text)
    text = re.sub(rf"\b\d{{1,2}} ({_MONTHS}) \d{{4}}\b", "DATE", text)
    text = re.sub(r"\d{4}年\d{1,2}月\d{1,2}日", "DATE", text)
    return re.sub(r"\b\d{2}:\d{2}( UTC(?!\+)|（UTC）)", "TIME", text)


def find(messages: Sequence[tuple[M, Buttons]], label: str, *, old: bool = False) -> tuple[M, str]:
    """The newest message (or the one before it) with a button of that label, and its data; a label's end will do.

    Messages stand oldest first. Raises AssertionError.
    """
    for fits in (str.__eq__, str.endswith):
        found = [
            (message, data)
            for message, buttons in messages
            for row in buttons
            for text, data in row
            if fits(text, label)
        ]
        if len(found) > old:
            return found[-2 if old else -1]
    there = [text for _, buttons in messages[-2:] for row in buttons for text, _ in row]
    raise AssertionError(f"no button {label!r}; there are {there}")


def as_text(text: str, buttons: Buttons) -> str:
    """A message with its buttons as lines."""
    return "\n".join([text, *(" ".join(f"[{label}]" for label, _ in row) for row in buttons)])


def span(text: str) -> timedelta:
    """25h, 61s, 31d."""
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[text[-1]]
    return timedelta(**{unit: int(text[:-1])})
