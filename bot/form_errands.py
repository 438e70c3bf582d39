"""Errands about the forms in which reviewers compose decisions: brought to their chats, and kept up to date there."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from bot.carrying import shown_place
from bot.errands import FORM, REMOVE, Errand, removal
from bot.forms import Forms
from bot.messages import Body, Messages
from bot.people import FORM_PLACE, FORMS, QUESTION_PLACE, People, Person
from bot.places import keep_place
from bot.plan import Outcome, Write
from bot.wording import Wording
from conversations.asking import is_question, key_of
from storage import outgoing, store
from storage.engine import Engine, Transaction
from storage.store import OPEN_STATUSES, ApplicationRow
from storage.vault import Vault

_NOBODYS = {FORM_PLACE: "", QUESTION_PLACE: key_of("")}  # forms that nobody composes with any more


class FormErrands:
    """Their messages are remembered like shown photos, so that the end of a review and an erasure remove them."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        people: People,
        wording: Wording,
        forms: Forms,
        messages: Messages,
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._people = people
        self._wording = wording
        self._forms = forms
        self._messages = messages
        self._clock = clock
        self.is_erased: Callable[[str | None], bool]
        self.accept: Callable[[Sequence[Errand]], None]

    async def follow(self, errand: Errand) -> Outcome:
        """One form, as a new message at the end of its chat in the place of an older one, or where it was pressed."""
        found, receipt = await self._read(errand), errand.body["receipt"]
        is_over = found is None or found[0].status not in OPEN_STATUSES or self.is_erased(errand.person_id)
        if not errand.body["message_id"]:
            place = {"text": self._named("form_comes", receipt=receipt)}
            if found is None or is_over:
                stands = await self._messages.lost(errand, place)
                return Outcome() if stands is None else self._away(errand.chat, stands)
            if "posted" not in errand.body:
                errand.body["posted"] = await self._messages.send(errand, errand.chat, place)
            if not await self._keep_place(errand, found[1]):
                return self._away(errand.chat, errand.body["posted"])
        if found is None:
            return Outcome()
        person, number, now = found[1], errand.body["message_id"], self._clock()
        body = self._forms.render(person.applicant, receipt, errand.body["by"], errand.chat, now)
        if not await self._messages.edit(errand.chat, number, body):
            return Outcome([_forgotten(person.person_id, number, place_of(errand))])
        if is_over or self.is_erased(person.person_id):
            return self._away(errand.chat, number)
        chat = person.key.seal(shown_place(person.person_id), str(errand.chat).encode())
        known = _known(person.person_id, number, receipt, chat, now, place_of(errand))
        return Outcome([known])  # a copy may have been pressed

    async def _keep_place(self, errand: Errand, person: Person) -> bool:
        """The message is known before the form is in it, and the removal of the older one planned: so no form can stand
        where nobody knows. False when the person was erased meanwhile."""
        number, person_id, key = errand.body["posted"], person.person_id, person.key
        place, standing = place_of(errand), await self._standing(errand, person)
        older = [one for chat, one, of in standing if (chat, of) == (errand.chat, place)]
        removals = [_removal(errand.chat, person_id, one, place) for one in older if one != number]
        now, done = self._clock(), {"message_id": number}
        if not await keep_place(self._engine, errand, key, number, place, now, removals, **done):
            return False
        self.accept(removals)
        return True

    async def follow_all(self, errand: Errand) -> Outcome:
        """Every form of an application, in the order of its chat; nobody is composing anything any more."""
        found = await self._read(errand)
        if found is None:
            return Outcome()
        _, person = found
        body = {"receipt": errand.body["receipt"]}
        edits = [
            Errand(FORM, chat, person.person_id, {**body, "by": _NOBODYS[place], "message_id": number})
            for chat, number, place in await self._standing(errand, person)
        ]
        return Outcome(errands=[(one, person.key) for one in edits])

    async def _read(self, errand: Errand) -> tuple[ApplicationRow, Person] | None:
        receipt, person_id = errand.body["receipt"], errand.person_id or ""
        row, people = await self._engine.read(
            lambda tx: (store.application(tx, receipt), store.people_by_id(tx, [person_id]))
        )
        if row is None or not people:
            return None
        return row, self._people.open_person(people[0])

    async def _standing(self, errand: Errand, person: Person) -> list[tuple[int, int, str]]:
        """(chat, message id, place) of the forms of that application."""
        messages = await self._engine.read(lambda tx: outgoing.messages_of(tx, person.person_id))
        return [
            (int(person.key.open(shown_place(person.person_id), sealed_chat)), number, place)
            for place, number, _, sealed_chat, receipt in messages
            if place in FORMS and receipt == errand.body["receipt"]
        ]

    def _away(self, chat: int, number: int) -> Outcome:
        """A message that must go, since its review is over or its person erased."""
        gone: Body = {"text": self._named("form_removed"), "keyboard": []}
        return Outcome(errands=[(removal(chat, number, gone), self._vault)])

    def _named(self, name: str, **values: Any) -> str:
        return self._wording.named(name, self._wording.programme.review.language, **values)


def place_of(errand: Errand) -> str:
    """Of which kind that form is: in a chat one of each can stand beside the other."""
    return QUESTION_PLACE if is_question(errand.body["by"]) else FORM_PLACE


def _removal(chat: int, person_id: str, number: int, place: str) -> Errand:
    return Errand(REMOVE, chat, person_id, {"message_id": number, "place": place})


def _known(person_id: str, number: int, receipt: str, sealed_chat: bytes, now: datetime, place: str) -> Write:
    def write(tx: Transaction) -> None:
        outgoing.shown(tx, person_id, number, receipt, sealed_chat, now, place)

    return write


def _forgotten(person_id: str, number: int, place: str) -> Write:
    return lambda tx: outgoing.forget_message(tx, person_id, place, number)
