"""A transcript on the pure machine: no Telegram, no storage, a clock that moves only when told."""

from datetime import UTC, datetime

from bot.heard import News, Verdict
from bot.programmes import Loaded
from bot.rehearsal import Rehearsal
from conversations.application import Reviewer
from conversations.events import MessageEdited, SomethingElse
from tests.transcripts.changing import loaded_after
from tests.transcripts.script import (
    HEARD,
    SENT,
    Heard,
    Script,
    Step,
    as_text,
    find,
    gone,
    span,
    steady,
    typed,
    walk,
)

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
VALUES: dict[str, dict[str, str | int]] = {
    "photo_unsupported_kind": {"kind": "TIFF"},
    "photo_animated": {"kind": "WebP"},
    "photo_too_long": {"width": 2100, "height": 100, "limit_ratio": 20},
    "photo_too_many_pixels": {
        "kind": "PNG",
        "width": 8000,
        "height": 6000,
        "megapixels": 48,
        "limit_megapixels": 40,
    },
}


class Stage:
    """Plays steps and collects what followed, in the order of `HEARD`."""

    def __init__(self, loaded: Loaded, language: str) -> None:
        self.rehearsal = Rehearsal(loaded, language, start=START)
        self._language = language
        self._place = ""
        self._changes: tuple[str, ...] = ()

    def play(self, script: Script) -> Script:
        """The same script with what was really heard."""
        steps = [Step(step.line, step.who, step.verb, step.what, self.do(step)) for step in script.steps]
        return Script(script.title, script.language, steps, script.whole)

    def do(self, step: Step) -> list[Heard]:
        if step.verb == "is at":
            return self._walk(step)
        try:
            self._act(step)
        except AssertionError as error:
            raise AssertionError(f"{step.line!r}: {error}") from None
        news, self.rehearsal.news = self.rehearsal.news, []
        return in_order(news)

    def _walk(self, step: Step) -> list[Heard]:
        heard: list[Heard] = []
        for one in walk(step, self._language, self._place):
            heard = self.do(one)
        self._place = step.what
        return heard

    def _act(self, step: Step) -> None:
        rehearsal = self.rehearsal
        match step.verb:
            case "" if step.who == "time":
                rehearsal.wait(span(step.what))
            case "" if step.who == "programme":
                self._changes = (*self._changes, step.what)
                rehearsal.change(loaded_after(self._changes))
            case "types":
                rehearsal.say(typed(step.what))
            case "edits":
                rehearsal.happen(MessageEdited())
            case "sends":
                self._send(step.what)
            case "opens the photo":
                self._follow("View ID", step)
            case "opens":
                self._follow(step.what, step)
            case "presses on the form":
                form = rehearsal.form_of(step.who)
                assert form is not None, "there is no form"
                _, data = find([(form, form.buttons)], step.what)
                rehearsal.press(data, form, reviewer(step.who))
            case "writes":
                rehearsal.write(typed(step.what), reviewer(step.who))
            case "presses on the card":
                self._press_card(step.what, step)
            case verb if step.who in ("Ana", "Ben"):
                self._press_card(step.what, step, old=verb == "presses old")
            case verb:
                shown, data = find(
                    [(shown, shown.buttons) for shown in rehearsal.shown],
                    step.what,
                    old=verb == "presses old",
                )
                rehearsal.press(data, shown)

    def _send(self, what: str) -> None:
        kind = SENT[what]
        if what == "a file of 25 MB":
            self.rehearsal.photo(size=25 << 20)
        elif kind == "album":
            self.rehearsal.photo(album="album")
            self.rehearsal.photo(album="album")
        elif kind in ("photo_dark", "photo_small", "photo_blurred"):
            self.rehearsal.photo(Verdict(warnings=(kind,)))
        elif not kind or kind.startswith("photo_"):
            self.rehearsal.photo(Verdict(kind, values=tuple(sorted(VALUES.get(kind, {}).items()))))
        else:
            self.rehearsal.happen(SomethingElse(kind))

    def _follow(self, label: str, step: Step) -> None:
        """Press a button of the card, and follow the link that opens."""
        self.rehearsal.link = None
        self._press_card(label, step)
        if self.rehearsal.link is not None:
            self.rehearsal.follow(self.rehearsal.link, reviewer(step.who))

    def _press_card(self, label: str, step: Step, *, old: bool = False) -> None:
        card = self.rehearsal.card
        if card is None:
            raise AssertionError("there is no card")
        _, data = find([(card, card.earlier if old else card.buttons)], label)
        self.rehearsal.press(data, card, reviewer(step.who))


def reviewer(name: str) -> Reviewer:
    """Ana, Ben, or the applicant, who is a member too."""
    return Reviewer(ref=name if name in ("Ana", "Ben") else "applicant", name=name)


def in_order(news: list[News]) -> list[Heard]:
    """What was heard in one step, a card as it reads at the end, and what went in one entry."""
    heard = {
        (one.what, 0 if one.what == "card" else id(one.shown) if one.what == "form" else place): said(one)
        for place, one in enumerate(news)
        if one.what != "gone"
    }
    removed = [one.shown.where for one in news if one.what == "gone" and one.shown]
    if removed:
        text = gone(*(removed.count(where) for where in ("bot", "reviewer", "form", "card", "notice")))
        heard["gone", 0] = Heard("gone", text)
    return sorted(heard.values(), key=lambda one: HEARD.index(one.where))


def said(one: News) -> Heard:
    return Heard(one.what, steady(as_text(one.shown.text, one.shown.buttons) if one.shown else one.text))
