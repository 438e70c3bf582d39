"""Effects -> rows and errands: what a turn asks for, worded and made ready to be written."""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any
from zoneinfo import ZoneInfo

from bot.buttons import Press, Signer, link_payload
from bot.errands import (
    CARD,
    DATA,
    EDIT,
    FETCH,
    FORM,
    FORMS,
    HIDE,
    NOTE,
    NOTICE,
    REMOVE,
    SEND,
    SHOW,
    WAKE,
    WIPE,
    Errand,
    next_id,
    opened,
)
from bot.likenesses import likenesses_of
from bot.people import PHOTO_PLACE, People, Person, photo_place
from bot.plan import CallbackAnswer, Plan
from bot.reading import FromApplicant, FromReviewer
from bot.receipts import Particulars
from bot.wording import Place, Wording
from conversations import Programme, Turn
from conversations.application import Application, Pictured
from conversations.effects import (
    Answer,
    Audit,
    DropPhotos,
    Effect,
    EndConsents,
    Erase,
    FetchPhoto,
    ForgetApplication,
    HidePhotos,
    KeepPhoto,
    Link,
    Notify,
    RecordConsent,
    Redraw,
    Refresh,
    RefreshForm,
    RefreshForms,
    RemoveMessage,
    RemoveReply,
    Say,
    SendData,
    SendReceipt,
    ShowForm,
    ShowPhoto,
    Tally,
    Unsay,
    Wake,
)
from conversations.keeping import due_at
from conversations.state import Applicant, Settled, State, Waiting, application_of, draft_of
from storage import erasure, ledger, likenesses, outgoing, store
from storage.engine import Transaction
from storage.errors import Unreadable
from storage.outgoing import ErrandRow
from storage.store import ApplicationRow
from storage.vault import Vault

Source = FromApplicant | FromReviewer | None


class Carrier:
    """Turns one turn into its part of the plan. Rendering that fails says a plain sentence instead."""

    def __init__(
        self,
        programme: Programme,
        wording: Wording,
        people: People,
        vault: Vault,
        signer: Signer,
        bot_name: str,
        group: Callable[[], int],
        accept: Callable[[list[Errand]], None],
        drop: Callable[[list[str]], None],
        on_bad_word: Callable[[str], None],
    ) -> None:
        self._programme = programme
        self._zone = ZoneInfo(programme.review.time_zone)
        self._wording = wording
        self._particulars = Particulars(wording)
        self._people = people
        self._vault = vault
        self._signer = signer
        self._bot_name = bot_name
        self._group = group
        self._accept = accept
        self._drop = drop
        self._on_bad_word = on_bad_word

    def carry(self, person: Person, turn: Turn, plan: Plan, source: Source, photo: bytes = b"") -> None:
        """Add to the plan everything that follows from this turn."""
        self._save(person, turn, plan)
        for effect in turn.effects:
            self._effect(effect, person, turn.applicant, plan, source, photo)

    # what is saved

    def _save(self, person: Person, turn: Turn, plan: Plan) -> None:
        before, after = person.applicant, turn.applicant
        if person.is_new:
            person_id, ref, key, wrap = person.person_id, after.ref, person.key, self._vault.wrap
            plan.writes.append(lambda tx: store.add_person(tx, person_id, ref, wrap(person_id, key)))
        if any(isinstance(effect, Erase) for effect in turn.effects):
            return
        sealed = self._people.seal(person.key, after)
        due = due_at(self._programme, after)
        asks = any(isinstance(effect, Say) and effect.prompt for effect in turn.effects)
        kind, now = after.state.kind, plan.now
        plan.writes.append(lambda tx: store.save_person(tx, after.person_id, sealed, kind, due, asks, now))
        if before.state is not after.state:
            self._save_application(person, after.state, plan)

    def _save_application(self, person: Person, state: State, plan: Plan) -> None:
        status, kept = filed(state)
        application = application_of(kept)
        if application is None:
            return
        closed_at = state.closed.at if isinstance(state, Settled) else None
        sealed = self._people.seal_state(person.key, application.receipt, kept)
        row = application
        plan.writes.append(
            lambda tx: store.save_application(
                tx,
                row.receipt,
                person.person_id,
                status,
                (row.revision, row.round),
                (row.submitted_at, closed_at),
                sealed,
            )
        )
        known = application_of(filed(person.applicant.state)[1])
        if known is None or (known.receipt, known.answers) != (row.receipt, row.answers):
            self._compare(application, plan)

    def _compare(self, application: Application, plan: Plan) -> None:
        """What looks like it is noticed from now on; open cards of others that do say so as well."""
        receipt, found = application.receipt, likenesses_of(self._programme, self._vault, application)
        cards: list[Errand] = []

        def write(tx: Transaction) -> None:
            before = likenesses.open_alike(tx, receipt)
            likenesses.put(tx, receipt, found)
            cards[:] = self._cards_alike(tx, (*before, *likenesses.open_alike(tx, receipt)))

        plan.writes.append(write)
        plan.after.append(lambda: self._accept(cards))

    def _cards_alike(self, tx: Transaction, receipts: Iterable[str]) -> list[Errand]:
        """The errands, written, that bring the cards of those applications up to date."""
        body, chat = {"anew": False, "pressed": []}, self._group()
        cards = [Errand(CARD, chat, None, {"receipt": one, **body}) for one in dict.fromkeys(receipts)]
        outgoing.add_errands(tx, [one.row(self._vault) for one in cards])
        return cards

    # what is done

    def _effect(
        self, effect: Effect, person: Person, applicant: Applicant, plan: Plan, source: Source, photo: bytes
    ) -> None:
        errands = self._errands(effect, person, applicant, source)
        if errands:
            plan.errands += [(errand, person) for errand in errands]
            return
        match effect:
            case Answer():
                self._answer(effect, applicant, plan, source)
            case Audit(action=action, detail=detail):
                plan.audits.append((action, person.person_id, detail))
            case KeepPhoto(picture=picture, question=question, part=part):
                sealed = person.key.seal(photo_place(picture.photo_id), photo)
                place, now = (question, part), plan.now
                plan.writes.append(
                    lambda tx: store.add_photo(tx, picture.photo_id, person.person_id, place, sealed, now)
                )
            case DropPhotos(photo_ids=photo_ids):
                plan.writes.append(lambda tx: store.drop_photos(tx, photo_ids))
            case RecordConsent(record=record):
                text = self._programme.document(record.document, record.language).text
                values = (record.document, record.text_hash, record.language, record.act)
                consent_id = next_id()
                plan.writes.append(
                    lambda tx: ledger.add_text(tx, record.text_hash, record.document, record.language, text)
                )
                particulars = self._particulars.of(record.document, record.language)
                plan.writes.append(
                    lambda tx: ledger.add_consent(
                        tx,
                        consent_id,
                        person.person_id,
                        values,
                        record.at,
                        ledger.add_particulars(tx, particulars),
                    )
                )
            case EndConsents(at=at, document=document):
                plan.has_withdrawals = True
                plan.writes.append(lambda tx: ledger.end_consents(tx, person.person_id, at, document))
            case Tally(step=step, began=began):
                plan.tallies[began.astimezone(self._zone).date().isoformat(), step] += 1
            case Unsay(about=about):
                self._unsay(about, person, plan)
            case ForgetApplication(receipt=receipt):
                self._forget(receipt, applicant, plan)
            case Erase():
                self._erase(effect, person, applicant, plan, source)

    def _errands(self, effect: Effect, person: Person, applicant: Applicant, source: Source) -> list[Errand]:
        """The errands that carry an effect out, for those that need one: each sends one message at most."""
        mine, photos = person.person_id, _photos(applicant.state)
        match effect:
            case SendData():
                bodies: list[dict[str, Any]] = [{"photo_id": ""}, {"photo_id": "", "receipt": True}]
                bodies += [{"photo_id": photo_id} for photo_id, _ in photos]
                return [Errand(DATA, applicant.chat_id, mine, body) for body in bodies]
            case SendReceipt():
                return [Errand(DATA, applicant.chat_id, mine, {"photo_id": "", "receipt": True})]
            case ShowPhoto(receipt=receipt, chat_id=chat_id):
                return [
                    Errand(
                        SHOW, chat_id, mine, {"receipt": receipt, "photo_id": photo_id, "variant": variant}
                    )
                    for photo_id, variant in photos
                ]
        errand = self._errand(effect, mine, applicant, source)
        return [errand] if errand else []

    def _errand(self, effect: Effect, mine: str, applicant: Applicant, source: Source) -> Errand | None:
        match effect:
            case Say():
                return Errand(SEND, applicant.chat_id, mine, self._body(effect, applicant))
            case Redraw() if source is not None:
                say = Say(effect.name, effect.values, effect.buttons)
                body = {**self._body(say, applicant), "message_id": source.message_id}
                return Errand(EDIT, applicant.chat_id, mine, body)
            case Refresh(receipt=receipt, anew=anew):
                in_group = isinstance(source, FromReviewer) and source.chat_id == self._group()
                pressed = [source.message_id] if source and in_group else []
                body = {"receipt": receipt, "anew": anew, "pressed": pressed}
                return Errand(CARD, self._group(), mine, body)
            case FetchPhoto(file_id=file_id, question=question, part=part, attempt=attempt):
                body = {"file_id": file_id, "question": question, "part": part, "attempt": attempt}
                return Errand(FETCH, 0, mine, body)
            case Wake(at=at, receipt=receipt, round=round_):
                return Errand(WAKE, 0, mine, {"receipt": receipt, "round": round_}, not_before=at)
            case RemoveMessage(message_id=message_id):
                return Errand(REMOVE, applicant.chat_id, None, {"message_id": message_id})
            case Notify(receipt=receipt):
                return Errand(NOTICE, self._group(), mine, {"receipt": receipt})
            case HidePhotos(receipt=receipt):
                return Errand(HIDE, 0, mine, {"receipt": receipt})
            case ShowForm(receipt=receipt, chat_id=chat_id, by=by):
                return Errand(FORM, chat_id, mine, {"receipt": receipt, "by": by, "message_id": 0})
            case RefreshForm(receipt=receipt, by=by) if isinstance(source, FromReviewer):
                body = {"receipt": receipt, "by": by, "message_id": source.message_id}
                return Errand(FORM, source.chat_id, mine, body)
            case RefreshForms(receipt=receipt):
                return Errand(FORMS, 0, mine, {"receipt": receipt})
            case RemoveReply(chat_id=chat_id, message_id=message_id):
                return Errand(REMOVE, chat_id, None, {"message_id": message_id})
        return None

    def _body(self, say: Say, applicant: Applicant) -> dict[str, Any]:
        """A message, worded now for its reader."""
        place = Place(applicant.chat_id, applicant.person_id, str(applicant.step))
        try:
            text = self._wording.message(say, applicant.language)
            rows = self._wording.page_buttons(say, applicant.language)
            keyboard = self._wording.keyboard(rows, applicant.language, place)
        except Exception as error:  # a bad word must not undo a turn
            self._on_bad_word(f"{say.name} in {applicant.language}: {error}")
            text, keyboard = self._wording.named("fallback", applicant.language), []
        about = {"about": say.about} if say.about else {}
        return {"text": text, "keyboard": keyboard, "prompt": say.prompt, **about}

    def _unsay(self, about: str, person: Person, plan: Plan) -> None:
        """A message that waits, as for somebody who has blocked the bot, and does not hold any more."""
        void: list[str] = []
        vault = self._vault

        def write(tx: Transaction) -> None:
            void[:] = [
                row.errand_id for row in outgoing.errands(tx, person.person_id) if is_about(row, about, vault)
            ]
            outgoing.finish_errands(tx, void)

        plan.writes.append(write)
        plan.after.append(lambda: self._drop(void))

    def _answer(self, effect: Answer, applicant: Applicant, plan: Plan, source: Source) -> None:
        if source is None:
            return
        is_reviewer = isinstance(source, FromReviewer)
        language = self._programme.review.language if is_reviewer else applicant.language
        text = self._wording.toast(effect.name, language, effect.values)
        if source.callback_id:
            url = self._link(effect.link, source.user_id) if effect.link else ""
            plan.answers.append(CallbackAnswer(source.update_id, source.callback_id, text, effect.alert, url))
        elif is_reviewer and text:  # he came through a link, or wrote: he is told in words
            plan.errands.append((Errand(NOTE, source.user_id, None, {"text": text, "plain": True}), None))

    def _link(self, link: Link, user_id: int) -> str:
        """A link into the reviewer's private chat, good for him alone."""
        data = self._signer.sign(user_id, Press(link.verb, "", link.receipt, ""))
        return f"https://t.me/{self._bot_name}?start={link_payload(data)}"

    # erasure

    def _forget(self, receipt: str, applicant: Applicant, plan: Plan) -> None:
        """One application's row goes in this transaction, its card as an errand of nobody."""
        wipe, refreshed = Errand(WIPE, self._group(), None), list[Errand]()
        vault = self._vault

        def write(tx: Transaction) -> None:
            row = store.application(tx, receipt)
            cards = [card_of(tx, row)] if row and row.card_message else []
            wipe.body = {"say": "", "language": applicant.language, "messages": [], "cards": cards}
            refreshed[:] = self._cards_alike(tx, likenesses.open_alike(tx, receipt))
            store.drop_application(tx, receipt)
            outgoing.add_errands(tx, [wipe.row(vault)])

        plan.writes.append(write)
        plan.after.append(lambda: self._accept([wipe, *refreshed]))

    def _erase(self, effect: Erase, person: Person, applicant: Applicant, plan: Plan, source: Source) -> None:
        """Rows, photos and key go in this transaction; what stands in chats goes as an errand of nobody.

        The message he pressed stands, though a kill may have kept it from being entered.
        """
        plan.erased.append(person.person_id)
        pressed = source.message_id if source and source.callback_id else 0
        wipe, refreshed = Errand(WIPE, applicant.chat_id, None), list[Errand]()
        vault, now = self._vault, plan.now

        def write(tx: Transaction) -> None:
            rows = store.applications_of(tx, person.person_id)
            refreshed[:] = self._cards_alike(
                tx, [one for row in rows for one in likenesses.open_alike(tx, row.receipt)]
            )
            wipe.body = {
                "say": effect.say,
                "language": applicant.language,
                "receipt": _receipt_of(wipe),
                "messages": messages_about(tx, person, pressed),
                "cards": [card_of(tx, row) for row in rows if row.card_message],
            }
            wipe.above = _lowest(tx, vault, person, applicant.chat_id)
            erasure.erase_person(tx, person.person_id, applicant.ref, effect.barred_until, now)
            outgoing.add_errands(tx, [wipe.row(vault)])

        plan.writes.append(write)
        plan.audits.append(("erased", person.person_id, f"{effect.why} {_receipt_of(wipe)}"))
        plan.after.append(lambda: self._accept([wipe, *refreshed]))


def _lowest(tx: Transaction, vault: Vault, person: Person, chat: int) -> int:
    """Above which number messages to him stand that are on their way, should this process be killed; 0 for none."""
    numbers = []
    for row in outgoing.errands(tx, person.person_id):
        with contextlib.suppress(Unreadable, ValueError):
            body = opened(row, vault)
            if row.kind in {SEND, DATA} and body["chat"] == chat:
                numbers.append(body.get("above", 0))
    return min(filter(None, numbers), default=0)


def is_about(row: ErrandRow, thing: str, vault: Vault) -> bool:
    """Whether it is a message that tells, unasked, when that thing goes."""
    if row.kind != SEND:
        return False
    try:
        return opened(row, vault).get("about") == thing
    except (Unreadable, ValueError):
        return False


def _receipt_of(wipe: Errand) -> str:
    """The number of an erasure's receipt, which the audit log has too."""
    return wipe.errand_id[-12:].upper()


def messages_about(tx: Transaction, person: Person, pressed: int = 0) -> list[list[Any]]:
    """(chat, message id, when it was sent, and its place where that is no photo's) of all the bot's messages about a
    person but the cards, `pressed` among them."""
    found: list[list[Any]] = []
    for place, message_id, sent_at, sealed_chat, _ in outgoing.messages_of(tx, person.person_id):
        if place == "private":
            found.append([person.applicant.chat_id, message_id, sent_at])
            pressed = 0 if message_id == pressed else pressed
        elif sealed_chat is not None:
            chat = int(person.key.open(shown_place(person.person_id), sealed_chat))
            found.append([chat, message_id, sent_at, *([place] if place != PHOTO_PLACE else [])])
    if pressed:
        found.append([person.applicant.chat_id, pressed, ""])
    return found


def card_of(tx: Transaction, row: ApplicationRow) -> list[Any]:
    """(receipt, chat, message id, when the application was submitted) of its card."""
    return [row.receipt, row.card_chat, row.card_message, store.submitted_at(tx, row.receipt)]


def _photos(state: State) -> list[tuple[str, str]]:
    """The pictures a state stands on, in the order of its answers and their sides, and which card each is of."""
    application, draft = application_of(state), draft_of(state)
    answers = application.answers if application else draft.answers if draft else {}
    return [
        (picture.photo_id, answer.variant)
        for answer in answers.values()
        if isinstance(answer, Pictured)
        for picture in answer.sides.values()
    ]


def shown_place(person_id: str) -> str:
    """The place a reviewer's chat is sealed for, beside a photo or form that was shown there."""
    return f"messages/{person_id}"


def filed(state: State) -> tuple[str, State]:
    """An application's status and state as they are stored; one that is recalled or was returned waits, with its owner,
    as it was."""
    draft = draft_of(state)
    if draft is not None and draft.recalled:
        return "returned" if draft.returned else "recalled", Waiting(application=draft.recalled)
    return state.closed.outcome if isinstance(state, Settled) else state.kind, state


def stamp_of(application: Application) -> str:
    """What a card's buttons are signed with: they are stale after the next revision or decision."""
    return f"{application.revision}.{application.round}"
