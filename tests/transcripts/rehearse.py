"""A transcript on the pure machine: no Telegram, no storage, a clock that moves only when told."""

from datetime import UTC, datetime, timedelta

from bot.programmes import Loaded
from bot.rehearsal import Rehearsal, Shown
from conversations.application import Reviewer
from conversations.events import Event, MessageEdited, PhotoArrived, SomethingElse
from tests.transcripts.script import HEARD, Heard, Script, Step, steady

REVIEWERS = {name: Reviewer(ref=name, name=name) for name in ("Ana", "Ben")}
PHOTOS: dict[str, dict[str, object]] = {
    "a photo": {},
    "a file": {},
    "a dark photo": {"warnings": ("photo_dark",)},
    "no picture": {"refusal": "photo_not_a_picture"},
    "a pdf": {"refusal": "photo_pdf"},
}


class Stage:
    """Plays steps and collects what followed, in the order of `HEARD`."""

    def __init__(self, loaded: Loaded, language: str) -> None:
        start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        self.rehearsal = Rehearsal(loaded, language, start=start)

    def play(self, script: Script) -> Script:
        """The same script with what was really heard."""
        steps = [Step(step.line, step.who, step.verb, step.what, self.do(step)) for step in script.steps]
        return Script(script.title, script.language, steps)

    def do(self, step: Step) -> list[Heard]:
        before = {id(shown): shown.text for shown in self.rehearsal.shown}
        self._act(step)
        news, self.rehearsal.news = self.rehearsal.news, []
        heard: dict[tuple[str, int], Heard] = {}
        for place, one in enumerate(news):
            if isinstance(one, str):
                alert = (one, True) in self.rehearsal.toasts
                heard["toast", place] = Heard("alert" if alert else "toast", steady(one))
                continue
            where = {"private": "bot"}.get(one.where, one.where)
            if where == "bot" and id(one) in before:
                where = "edited"
            key = (where, 0) if where == "card" else (where, place)
            heard[key] = Heard(where, steady(as_text(one)))
        self.rehearsal.toasts.clear()
        return sorted(heard.values(), key=lambda one: HEARD.index(one.where))

    def _act(self, step: Step) -> None:
        rehearsal = self.rehearsal
        if step.who == "time":
            rehearsal.wait(span(step.what))
        elif step.who in REVIEWERS:
            self._review(step)
        elif step.verb == "types":
            rehearsal.say(step.what.replace("\\n", "\n"))
        elif step.verb == "edits":
            rehearsal.happen(MessageEdited())
        elif step.verb == "sends":
            self._send(step.what)
        else:
            shown, data = find(rehearsal.shown, step.what, old=step.verb == "presses old")
            rehearsal.press(data, shown)

    def _send(self, what: str) -> None:
        if what in PHOTOS:
            self.rehearsal.photo(**PHOTOS[what])  # type: ignore[arg-type]
        elif what == "an album":
            self.rehearsal.photo()
            self.rehearsal.happen(PhotoArrived("file", 1000, album="album"))
        else:
            event: Event = SomethingElse(what.removeprefix("a "))
            self.rehearsal.happen(event)

    def _review(self, step: Step) -> None:
        card = self.rehearsal.card
        if card is None:
            raise AssertionError("there is no card")
        label = "View ID" if step.verb == "opens the photo" else step.what
        _, data = find([card], label)
        self.rehearsal.press(data, card, REVIEWERS[step.who])


def find(messages: list[Shown], label: str, *, old: bool = False) -> tuple[Shown, str]:
    """A button by its label: under the newest message that has it, or under an earlier one."""
    found = [
        (shown, data)
        for shown in messages
        for row in shown.buttons
        for text, data in row
        if text.endswith(label)
    ]
    if len(found) < 1 + old:
        raise AssertionError(
            f"no button {label!r}; there are {[text for m in messages[-2:] for r in m.buttons for text, _ in r]}"
        )
    return found[-2 if old else -1]


def as_text(shown: Shown) -> str:
    """A message with its buttons as lines."""
    rows = [" ".join(f"[{label}]" for label, _ in row) for row in shown.buttons]
    return "\n".join([shown.text, *rows])


def span(text: str) -> timedelta:
    """25h, 61s, 31d."""
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[text[-1]]
    return timedelta(**{unit: int(text[:-1])})
