"""A programme without Telegram or storage: the pure machine and its words, for `intake try` and the transcripts.

The person is saved and loaded again between every two steps, so that whatever a state forgets shows at once.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.buttons import Press, Signer
from bot.cards import Cards
from bot.carrying import filed
from bot.forms import Forms
from bot.heard import Buttons, News, Shown, Verdict
from bot.notices import notice_values
from bot.people import receipt_token
from bot.plain import plain
from bot.presses import applicant_event, form_event, link_event, review_event, written_event
from bot.programmes import Loaded
from bot.reading import command_event
from bot.wording import Place, Wording
from conversations import Applicant, Programme, Scene, advance
from conversations.application import Picture, Pictured, Reviewer
from conversations.asking import whose
from conversations.effects import (
    Answer,
    Effect,
    Erase,
    FetchPhoto,
    HidePhotos,
    Link,
    Notify,
    RecordConsent,
    Redraw,
    Refresh,
    RefreshForm,
    RefreshForms,
    Say,
    SendData,
    SendReceipt,
    ShowForm,
    ShowPhoto,
    Wake,
)
from conversations.events import (
    FORM_PRESSES,
    REVIEW_PRESSES,
    Event,
    FellSilent,
    FormOutdated,
    PhotoArrived,
    PhotoChecked,
    Replied,
    ReviewEvent,
    StalePressed,
    UndoWindowPassed,
)
from conversations.keeping import due_at
from conversations.state import application_of, draft_of
from storage.vault import ButtonKeys

CHAT, GROUP, REVIEWERS_CHAT = 1, -1, 2
FINE = Verdict()
REVIEWER = Reviewer(ref="reviewer", name="A reviewer")


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
        self._signer = Signer(ButtonKeys(b"rehearsal"))
        self._token = token
        self._texts: dict[str, str] = {}  # all that were agreed to, by their hashes
        self._consents = 0
        self._programme: Programme
        self._wording: Wording
        self._cards: Cards
        self.change(loaded)
        self._language = language
        self._wakes: list[Wake] = []
        self._removals: list[tuple[datetime, Shown]] = []
        self._verdict = Verdict()
        self._met = 0
        self.applicant = self._stranger(None)
        self.shown: list[Shown] = []
        self.cards: dict[str, Shown] = {}
        self.forms: dict[str, Shown] = {}  # by reviewer and kind; in his private chat
        self._notice: Shown | None = None  # in the group: that he has written
        self.news: list[News] = []
        self.link: Link | None = None  # the last that was opened

    @property
    def card(self) -> Shown | None:
        """The card of the newest application."""
        return next(reversed(self.cards.values()), None)

    def change(self, loaded: Loaded) -> None:
        """Go on with the programme as it now is, as a bot that is started anew does."""
        self._programme = loaded.programme.model_copy(update={"former": dict(self._texts)})
        self._wording = Wording(loaded, self._signer, lambda: self.now)
        self._cards = Cards(self._programme, self._wording, self._signer)
        self._forms = Forms(self._programme, self._wording, self._signer)

    def _stranger(self, barred_until: datetime | None) -> Applicant:
        self._met += 1
        return Applicant(
            person_id=f"rehearsal-{self._met}",
            ref="applicant",
            chat_id=CHAT,
            language=self._language,
            barred_until=barred_until,
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

    def photo(self, verdict: Verdict = FINE, *, size: int = 1000, album: str = "") -> None:
        """The applicant sends a photo, which is taken or refused at once."""
        self._verdict = verdict
        self._advance(PhotoArrived("file", size, message_id=1, album=album))

    def press(self, data: str, shown: Shown, by: Reviewer = REVIEWER) -> None:
        """Someone presses a button: the applicant, or a reviewer on a card."""
        if shown.where == "card":
            self._review(data, shown, by)
            return
        if shown.where == "form":
            self._press_form(data, shown, by)
            return
        press = self._signer.read(CHAT, data, self.applicant.person_id)
        self._advance(applicant_event(press, self.applicant), pressed=shown)

    def is_live(self, shown: Shown) -> bool:
        """Whether a message to the applicant has buttons, and each of them still does something."""
        presses = (
            self._signer.read(CHAT, data, self.applicant.person_id)
            for row in shown.buttons
            for _, data in row
        )
        return bool(shown.buttons) and all(
            not isinstance(applicant_event(press, self.applicant), StalePressed) for press in presses
        )

    def _review(self, data: str, shown: Shown, by: Reviewer) -> None:
        press = self._signer.read(GROUP, data)
        if press is not None and press.verb in REVIEW_PRESSES:
            self._advance(review_event(press, by, self.applicant.state), pressed=shown)

    def follow(self, link: Link, by: Reviewer) -> None:
        """A reviewer follows a link from a card into his private chat."""
        press = Press(link.verb, "", link.receipt, "")
        self._advance(link_event(press, by, REVIEWERS_CHAT, self.applicant.state))

    def _press_form(self, data: str, shown: Shown, by: Reviewer) -> None:
        press = self._signer.read(REVIEWERS_CHAT, data)
        if press is not None and press.verb in FORM_PRESSES:
            self._advance(form_event(press, by, self.applicant.state), pressed=shown)

    def write(self, text: str, by: Reviewer = REVIEWER) -> None:
        """A reviewer replies to his form."""
        form = self.form_of(by.ref)
        press = self._signer.read(REVIEWERS_CHAT, form.buttons[0][0][1]) if form and form.buttons else None
        if press is not None:
            event = form_event(press, by, self.applicant.state)
            outdated = isinstance(event, FormOutdated)
            self._advance(event if outdated else written_event(press, by, text, REVIEWERS_CHAT, 1))

    def form_of(self, by: str) -> Shown | None:
        """The form that stands last in that reviewer's chat and is not over; where all are, the last."""
        mine = [shown for key, shown in self.forms.items() if whose(key) == by]
        return next((one for one in reversed(mine) if one.buttons), mine[-1] if mine else None)

    def wait(self, span: timedelta) -> None:
        """Time passes; whatever becomes due happens on the way, in order."""
        end = self.now + span
        while (moment := self._next_moment()) is not None and moment <= end:
            self.now = max(self.now, moment)
            before = self.applicant
            if not self._pass_moment() and self.applicant == before:
                break
        self.now = end

    def _next_moment(self) -> datetime | None:
        due = due_at(self._programme, self.applicant)
        moments = [wake.at for wake in self._wakes] + [at for at, _ in self._removals]
        return min([*moments, due] if due else moments, default=None)

    def _pass_moment(self) -> bool:
        """Do what is due now; whether it was something that is not due any more."""
        for wake in [wake for wake in self._wakes if wake.at <= self.now]:
            self._wakes.remove(wake)
            self._advance(UndoWindowPassed(wake.receipt, wake.round))
            return True
        for place, (at, shown) in enumerate(self._removals):
            if at <= self.now:
                del self._removals[place]
                self.news.append(News("gone", shown=shown))
                return True
        self._advance(FellSilent())
        return False

    # what follows

    def _advance(self, event: Event, pressed: Shown | None = None) -> None:
        scene = Scene(self._programme, self.applicant, self.now, self._token(), pressed is not None)
        turn = advance(scene, event)
        self.applicant = Applicant.model_validate_json(turn.applicant.model_dump_json())
        reviewing = isinstance(event, ReviewEvent)
        for effect in turn.effects:
            self._carry(effect, pressed, reviewing=reviewing)

    def _carry(self, effect: Effect, pressed: Shown | None, *, reviewing: bool) -> None:
        match effect:
            case Say():
                self._show(Shown("bot", *self._worded(effect)))
            case Redraw() if pressed is not None:
                stood = pressed.text
                self._change(pressed, *self._worded(Say(effect.name, effect.values, effect.buttons)))
                self.news.append(News("edited", shown=pressed, only_buttons=pressed.text == stood))
            case Answer():
                self._answer(effect, pressed, reviewing=reviewing)
            case Refresh(anew=anew):
                self._refresh(anew=anew)
            case ShowForm(by=by):
                self._show_form(by)
            case RefreshForm(by=by):
                self._refresh_form(by)
            case RefreshForms():
                for by in self.forms:
                    self._refresh_form(by)
            case Notify(receipt=receipt):
                self._notify(receipt)
            case FetchPhoto():
                self._fetch(effect)
            case Wake():
                self._wakes.append(effect)
            case SendData():
                self._send_data()
            case SendReceipt():
                self._send_receipt()
            case RecordConsent(record=record):
                self._consents += 1
                text = self._programme.document(record.document, record.language)
                self._texts[text.hash] = text.text
            case ShowPhoto(receipt=receipt):
                self._show_photo(receipt)
            case HidePhotos():
                self.news += [News("gone", shown=shown) for _, shown in self._removals]
                self.news += [News("gone", shown=shown) for shown in self.forms.values()]
                self._removals.clear()
                self.forms.clear()
                self._drop_notice()
            case Erase():
                self._erase(effect)

    def _show(self, shown: Shown) -> None:
        if shown.where == "bot":
            self.shown.append(shown)
        self.news.append(News(shown.where, shown=shown))

    def _change(self, shown: Shown, text: str, buttons: Buttons) -> None:
        if buttons != shown.buttons:
            shown.earlier = shown.buttons
        shown.text, shown.buttons = text, buttons

    def _worded(self, say: Say) -> tuple[str, Buttons]:
        place = Place(CHAT, self.applicant.person_id, str(self.applicant.step))
        language = self.applicant.language
        text = self._wording.message(say, language)
        keyboard = self._wording.keyboard(self._wording.page_buttons(say, language), language, place)
        return plain(text), _rows(keyboard)

    def _answer(self, effect: Answer, pressed: Shown | None, *, reviewing: bool) -> None:
        if pressed is None and not reviewing:
            return
        language = self._programme.review.language if reviewing else self.applicant.language
        text = self._wording.toast(effect.name, language, effect.values)
        if pressed is None and text:  # a reviewer who came through a link is told in words
            self._show(Shown("reviewer", text))
        elif effect.link:
            self.link = effect.link
            self.news.append(News("toast", "(the chat with the bot opens)"))
        elif text:
            self.news.append(News("alert" if effect.alert else "toast", text))

    def _refresh(self, *, anew: bool) -> None:
        status, state = filed(self.applicant.state)
        application = application_of(state)
        if application is None:
            return
        card = self._cards.render(state, status, GROUP)
        before = self.cards.pop(application.receipt, None)
        if before is not None and anew:
            self.news.append(News("gone", shown=before))
        shown = before if before and not anew else Shown("card", "")
        self.cards[application.receipt] = shown
        stood = (shown.text, shown.buttons)
        self._change(shown, plain(card["text"]), _rows(card["keyboard"]))
        if (shown.text, shown.buttons) != stood:
            self.news.append(News("card", shown=shown))

    def _show_form(self, by: str) -> None:
        """A new message, in the place of the one that stood."""
        if by in self.forms:
            self.news.append(News("gone", shown=self.forms.pop(by)))
        self.forms[by] = Shown("form", "")
        self._refresh_form(by)

    def _refresh_form(self, by: str) -> None:
        application = application_of(self.applicant.state)
        if by not in self.forms or application is None:
            return
        form = self._forms.render(self.applicant, application.receipt, by, REVIEWERS_CHAT, self.now)
        shown = self.forms[by]
        stood = (shown.text, shown.buttons)
        self._change(shown, plain(form["text"]), _rows(form["keyboard"]))
        if (shown.text, shown.buttons) != stood:
            self.news.append(News("form", shown=shown))

    def _notify(self, receipt: str) -> None:
        """In the place of the one that stood."""
        application = application_of(self.applicant.state)
        self._drop_notice()
        if application is None or not application.unanswered:
            return
        text = self._wording.named("notice", self._programme.review.language, **notice_values(application))
        self._notice = Shown("notice", plain(text))
        self._show(self._notice)

    def _drop_notice(self) -> None:
        if self._notice is not None:
            self.news.append(News("gone", shown=self._notice))
            self._notice = None

    # photos and files

    def _fetch(self, effect: FetchPhoto) -> None:
        verdict, picture = self._verdict, None
        if not verdict.refusal:
            picture = Picture(
                photo_id=f"p{effect.attempt}", width=1600, height=1000, warnings=verdict.warnings
            )
        self._advance(
            PhotoChecked(
                effect.question, effect.part, effect.attempt, picture, verdict.refusal, verdict.values
            )
        )

    def _pictures(self) -> list[tuple[str, str, str]]:
        """Question and side of every picture kept, and which card it is of."""
        application, draft = application_of(self.applicant.state), draft_of(self.applicant.state)
        answers = application.answers if application else draft.answers if draft else {}
        return [
            (key, side, answer.variant)
            for key, answer in answers.items()
            if isinstance(answer, Pictured)
            for side in answer.sides
        ]

    def _send_data(self) -> None:
        name = self._wording.toast("data_file_name", self.applicant.language, {})
        self._show(Shown("bot", f"(file: {name}.json)"))
        self._send_receipt()
        for _ in self._pictures():
            self._show(Shown("bot", "(photo)"))

    def _send_receipt(self) -> None:
        if self._consents:
            name = self._wording.toast("receipt_file_name", self.applicant.language, {})
            self._show(Shown("bot", f"(file: {name}.json)"))

    def _show_photo(self, receipt: str) -> None:
        review = self._programme.review
        for question, part, variant in self._pictures():
            values = {"receipt": receipt, "question": question, "part": part, "variant": variant}
            values["minutes"] = str(review.photo_minutes)
            caption = plain(self._wording.named("photo_caption", review.language, **values))
            shown = Shown("reviewer", f"(photo)\n{caption}")
            self._removals.append((self.now + timedelta(minutes=review.photo_minutes), shown))
            self._show(shown)

    def _erase(self, effect: Erase) -> None:
        """Everything goes, and who comes back is a stranger; the receipt is in the language spoken last."""
        language = self.applicant.language
        brought = [*(shown for _, shown in self._removals), *self.forms.values()]
        brought += [self._notice] if self._notice else []
        standing = [*self.shown, *brought, *self.cards.values()]
        self.news += [News("gone", shown=shown) for shown in standing]
        self.applicant = self._stranger(effect.barred_until)
        self.shown.clear()
        self._removals.clear()
        self.forms.clear()
        self._notice = None
        self.cards.clear()
        self._consents = 0
        if effect.say:
            text = self._wording.named(effect.say, language, receipt="0123456789AB", at=self.now, left="")
            self._show(Shown("bot", plain(text)))
            self.shown.clear()  # nobody remembers this one


def _rows(keyboard: list[list[dict[str, Any]]]) -> Buttons:
    return [[(button["text"], button["callback_data"]) for button in row] for row in keyboard]
