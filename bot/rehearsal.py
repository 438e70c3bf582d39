"""A programme without Telegram or storage: the pure machine and its words, for `intake try` and the transcripts.

The person is saved and loaded again between every two steps, so that whatever a state forgets shows at once.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from markupsafe import Markup

from bot.buttons import Signer
from bot.cards import Cards
from bot.people import receipt_token
from bot.programmes import Loaded
from bot.reading import command_event
from bot.wording import Place, Wording
from conversations import Applicant, Scene, advance
from conversations.application import Picture, Reviewer
from conversations.effects import (
    Answer,
    Effect,
    Erase,
    FetchPhoto,
    Redraw,
    Refresh,
    Say,
    SendData,
    ShowPhoto,
    Wake,
)
from conversations.events import (
    PRESSES,
    REVIEW_PRESSES,
    TIMELESS,
    Event,
    FellSilent,
    PhotoArrived,
    PhotoChecked,
    PressOutdated,
    Replied,
    StalePressed,
    UndoWindowPassed,
)
from conversations.rights import due_at
from conversations.state import State, application_of, draft_of

CHAT, GROUP = 1, -1


@dataclass(slots=True)
class Shown:
    """A message as it stands in a chat. `buttons`: label and signed data, row by row."""

    where: str  # "private", "card" or "reviewer"
    text: str
    buttons: list[list[tuple[str, str]]] = field(default_factory=list)
    was_edited: bool = False


class Rehearsal:
    """One applicant, one group, a clock that only moves when told."""

    def __init__(
        self,
        loaded: Loaded,
        language: str,
        *,
        start: datetime | None = None,
        token: Callable[[], str] = receipt_token,
    ) -> None:
        self.now = start or datetime.now(UTC)
        self._signer = Signer(b"rehearsal")
        self._programme = loaded.programme
        self._token = token
        self._wording = Wording(loaded, self._signer, lambda: self.now)
        self._cards = Cards(loaded.programme, self._wording, self._signer)
        self._language = language
        self._wakes: list[Wake] = []
        self.applicant = self._stranger()
        self.shown: list[Shown] = []
        self.toasts: list[tuple[str, bool]] = []
        self.card: Shown | None = None
        self.news: list[Shown | str] = []

    def _stranger(self) -> Applicant:
        return Applicant(
            person_id="rehearsal",
            ref="applicant",
            chat_id=CHAT,
            language=self._language,
            heard_at=self.now,
            created_at=self.now,
        )

    # what people do

    def say(self, text: str) -> None:
        """The applicant types."""
        self._advance(command_event(text, "") or Replied(text))

    def happen(self, event: Event) -> None:
        """Anything else the applicant does."""
        self._advance(event)

    def photo(self, *, refusal: str = "", warnings: tuple[str, ...] = (), **values: str | int) -> None:
        """The applicant sends a photo, which is taken or refused at once."""
        self._verdict = (refusal, warnings, tuple(sorted(values.items())))
        self._advance(PhotoArrived("file", 1000))

    _verdict: tuple[str, tuple[str, ...], tuple[tuple[str, str | int], ...]] = ("", (), ())

    def press(self, data: str, shown: Shown, by: Reviewer | None = None) -> None:
        """Someone presses a button: the applicant, or a reviewer on the card."""
        if shown.where == "card":
            self._review(data, by or Reviewer(ref="reviewer", name="A reviewer"))
            return
        press = self._signer.read(CHAT, data, self.applicant.person_id)
        event: Event = StalePressed()
        if press and (press.stamp == str(self.applicant.step) or press.verb in TIMELESS):
            kind = PRESSES[press.verb]
            event = kind(*(press.arg,) * len(dataclasses.fields(kind)))
        self._advance(event, pressed=shown)

    def _review(self, data: str, by: Reviewer) -> None:
        press = self._signer.read(GROUP, data)
        if press is None:
            return
        application = application_of(self.applicant.state)
        kind = REVIEW_PRESSES[press.verb]
        event = kind(by, *((press.arg,) if press.arg else ()))
        if application is None or press.stamp != f"{application.revision}.{application.round}":
            event = PressOutdated(by)
        self._advance(event, pressed=self.card)

    def wait(self, span: timedelta) -> None:
        """Time passes; whatever becomes due happens on the way, in order."""
        end = self.now + span
        while True:
            due = due_at(self._programme, self.applicant)
            moments = [(wake.at, wake) for wake in self._wakes if wake.at <= end]
            first = min(moments, default=None, key=lambda moment: moment[0])
            if due is not None and due <= end and (first is None or due < first[0]):
                self.now = max(self.now, due)
                before = self.applicant
                self._advance(FellSilent())
                if self.applicant == before:
                    break
            elif first is not None:
                self.now = max(self.now, first[0])
                self._wakes.remove(first[1])
                self._advance(UndoWindowPassed(first[1].receipt, first[1].round))
            else:
                break
        self.now = end

    # what follows

    def _advance(self, event: Event, pressed: Shown | None = None) -> None:
        scene = Scene(self._programme, self.applicant, self.now, self._token(), pressed is not None)
        turn = advance(scene, event)
        self.applicant = Applicant.model_validate_json(turn.applicant.model_dump_json())
        for effect in turn.effects:
            self._carry(effect, pressed)

    def _carry(self, effect: Effect, pressed: Shown | None) -> None:
        match effect:
            case Say():
                self._show(Shown("private", *self._worded(effect)))
            case Redraw() if pressed is not None:
                pressed.text, pressed.buttons = self._worded(Say(effect.name, effect.values, effect.buttons))
                pressed.was_edited = True
                self.news.append(pressed)
            case Answer():
                self._answer(effect, pressed)
            case Refresh():
                self._refresh()
            case FetchPhoto(question=question, part=part, attempt=attempt):
                refusal, warnings, values = self._verdict
                picture = (
                    None
                    if refusal
                    else Picture(photo_id=f"p{attempt}", width=1600, height=1000, warnings=warnings)
                )
                self._advance(PhotoChecked(question, part, attempt, picture, refusal, values))
            case Wake():
                self._wakes.append(effect)
            case SendData():
                self._show(Shown("private", "[intake-data.json]"))
            case ShowPhoto():
                self._show(Shown("reviewer", "[photo]"))
            case Erase():
                self._erase(effect)

    def _show(self, shown: Shown) -> None:
        self.shown.append(shown)
        self.news.append(shown)

    def _worded(self, say: Say) -> tuple[str, list[list[tuple[str, str]]]]:
        place = Place(CHAT, self.applicant.person_id, str(self.applicant.step))
        language = self.applicant.language
        text = self._wording.message(say, language)
        keyboard = self._wording.keyboard(self._wording.page_buttons(say, language), language, place)
        return plain(text), _rows(keyboard)

    def _answer(self, effect: Answer, pressed: Shown | None) -> None:
        if pressed is None:
            return
        language = self._programme.review.language if pressed.where == "card" else self.applicant.language
        text = self._wording.toast(effect.name, language, effect.values)
        if effect.open_photo:
            text = "[opens the private chat]"
        self.toasts.append((text, effect.alert))
        if text:
            self.news.append(text)

    def _refresh(self) -> None:
        state: State = self.applicant.state
        draft = draft_of(state)
        if application_of(state) is None and draft is not None and draft.recalled:
            return
        status = getattr(getattr(state, "closed", None), "outcome", state.kind)
        card = self._cards.render(state, status, GROUP)
        shown = self.card or Shown("card", "")
        shown.text, shown.buttons = plain(card["text"]), _rows(card["keyboard"])
        shown.was_edited = self.card is not None
        self.card = shown
        self.news.append(shown)

    def _erase(self, effect: Erase) -> None:
        say, language = effect.say, self.applicant.language
        self.applicant = self._stranger().model_copy(
            update={"barred_until": effect.barred_until, "language": language}
        )
        self.shown.clear()
        self.card = None
        if say:
            text = self._wording.named(say, language, receipt="REHEARSAL", at=self.now, left=0)
            self._show(Shown("private", plain(text)))


def _rows(keyboard: list[list[dict[str, Any]]]) -> list[list[tuple[str, str]]]:
    return [[(button["text"], button["callback_data"]) for button in row] for row in keyboard]


def plain(html: str) -> str:
    """A message as one reads it: tags gone, quotations marked."""
    marked = (
        html.replace("<blockquote expandable>", "\n> ")
        .replace("<blockquote>", "\n> ")
        .replace("</blockquote>", "\n")
    )
    lines = [str(Markup(line).striptags()) for line in marked.split("\n")]  # noqa: S704
    text = "\n".join(line.rstrip() for line in lines)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip()
