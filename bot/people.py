"""People between storage and dialogue: found by their account, unsealed, and sealed again."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import TypeAdapter

from conversations.application import Record
from conversations.state import Applicant, State
from storage import erasure, store
from storage.engine import Engine, Transaction
from storage.store import ApplicationRow, PersonRow
from storage.vault import PersonKey, Vault

ACCOUNT = "telegram"  # the kind of value an account's id is hashed as
_STATE: TypeAdapter[State] = TypeAdapter(State)
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that is read for another (after Crockford)
_MISREAD = str.maketrans("OIL", "011")  # and what they are read for all the same
# where a message about a person stands besides his own chat: in a reviewer's, with a photo or with a form
PHOTO_PLACE, FORM_PLACE = "reviewer", "form"
QUESTION_PLACE, NOTICE_PLACE = (
    "question",
    "notice",
)  # where a reviewer asks; what the group is told of an answer
FORMS = (FORM_PLACE, QUESTION_PLACE)


@dataclass(slots=True)
class Person:
    """One person in memory. `is_new`: no row of his stands in the database yet."""

    applicant: Applicant
    key: PersonKey
    prompt_message: int | None = None
    reachable: bool = True
    is_new: bool = False
    asked: bool = False  # in this very batch: the prompt has not left yet

    @property
    def person_id(self) -> str:
        return self.applicant.person_id


@dataclass(slots=True)
class Crowd:
    """The people of one batch, by id, by the hash of their account, and by receipt."""

    by_id: dict[str, Person] = field(default_factory=dict)
    ids_by_ref: dict[str, str] = field(default_factory=dict)
    ids_by_receipt: dict[str, str] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    barred: dict[str, datetime] = field(default_factory=dict)
    cards: dict[tuple[int, int], str] = field(default_factory=dict)  # receipts, by chat and message
    heard: set[int] = field(default_factory=set)  # accounts of which something was taken in this very batch

    def of_ref(self, ref: str) -> Person | None:
        return self.by_id.get(self.ids_by_ref.get(ref, ""))

    def of_receipt(self, receipt: str) -> Person | None:
        return self.by_id.get(self.ids_by_receipt.get(receipt, ""))

    def add(self, person: Person) -> None:
        self.by_id[person.person_id] = person
        self.ids_by_ref[person.applicant.ref] = person.person_id

    def remove(self, person: Person, barred_until: datetime | None) -> None:
        """He was erased; what is known of his account is until when a new application is barred."""
        self.by_id.pop(person.person_id, None)
        self.ids_by_ref.pop(person.applicant.ref, None)
        if barred_until is not None:
            self.barred[person.applicant.ref] = barred_until


class People:
    """Loads and seals. Who is known is looked up by a keyed hash; the account's id itself is sealed."""

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    @property
    def fingerprint(self) -> str:
        """Of the operator's key that it uses."""
        return self._vault.fingerprint

    def ref(self, user_id: int) -> str:
        return self._vault.lookup(ACCOUNT, str(user_id))

    def meet(self, user_id: int, language: str, barred_until: datetime | None, now: datetime) -> Person:
        """Someone new. His key is made here, and stored with his first turn."""
        person_id, key = secrets.token_hex(12), self._vault.new_person_key()
        applicant = Applicant(
            person_id=person_id,
            ref=self.ref(user_id),
            chat_id=user_id,
            language=language,
            barred_until=barred_until,
            heard_at=now,
            created_at=now,
        )
        return Person(applicant, key, is_new=True)

    async def load(
        self,
        refs: Iterable[str],
        ids: Iterable[str],
        receipts: Iterable[str],
        updates: Iterable[int],
        pressed: Iterable[tuple[int, int]] = (),
    ) -> Crowd:
        """Everyone a batch is about, which of its updates were handled before, and which cards were pressed (chat and
        message id), in one read."""
        wanted_refs, wanted_ids, wanted, numbers = list(refs), list(ids), list(receipts), list(updates)
        places = list(pressed)
        crowd = Crowd()

        def work(tx: Transaction) -> None:
            if numbers:
                crowd.seen = store.seen_among(tx, numbers)
            rows: list[PersonRow] = []
            if wanted_refs:
                rows += store.people_by_ref(tx, wanted_refs)
            if wanted_ids:
                rows += store.people_by_id(tx, wanted_ids)
            if wanted:
                for receipt, row in store.people_by_receipt(tx, wanted):
                    rows.append(row)
                    crowd.ids_by_receipt[receipt] = row.person_id
            if places:
                crowd.cards = store.cards_at(tx, places)
            known = {row.ref for row in rows}
            if strangers := [ref for ref in wanted_refs if ref not in known]:
                crowd.barred = erasure.barred_until(tx, strangers)
            found.extend(rows)

        found: list[PersonRow] = []
        await self._engine.read(work)
        for row in found:
            if row.person_id not in crowd.by_id:
                crowd.add(self.open_person(row))
        return crowd

    def open_person(self, row: PersonRow) -> Person:
        """Raises Unreadable."""
        key, applicant = self._opened(row.person_id, row.wrapped_key, row.sealed)
        return Person(applicant, key, row.prompt_message, row.reachable)

    def open_applicant(self, person_id: str, wrapped: bytes, sealed: bytes) -> Applicant:
        """Raises Unreadable."""
        return self._opened(person_id, wrapped, sealed)[1]

    def _opened(self, person_id: str, wrapped: bytes, sealed: bytes) -> tuple[PersonKey, Applicant]:
        key = self._vault.unwrap(person_id, wrapped)
        return key, Applicant.model_validate_json(key.open(_place(person_id), sealed))

    def seal(self, key: PersonKey, applicant: Applicant) -> bytes:
        return key.seal(_place(applicant.person_id), applicant.model_dump_json().encode())

    def seal_state(self, key: PersonKey, receipt: str, state: Record) -> bytes:
        return key.seal(_application(receipt), state.model_dump_json().encode())

    def open_state(self, row: ApplicationRow) -> tuple[PersonKey, State]:
        """The key of the application's person, and the application's state as it was last saved."""
        key = self._vault.unwrap(row.person_id, row.wrapped_key)
        return key, _STATE.validate_json(key.open(_application(row.receipt), row.sealed))


def _place(person_id: str) -> str:
    return f"people/{person_id}"


def _application(receipt: str) -> str:
    return f"applications/{receipt}"


def photo_place(photo_id: str) -> str:
    """The place a photo is sealed for."""
    return f"photos/{photo_id}"


def receipt_in_words(text: str, prefix: str) -> str:
    """The receipt number that somebody means who types it, in whatever case, with its prefix or without; nothing
    when it is none."""
    found = re.fullmatch(rf"(?:{prefix}[-–—\s]*)?([0-9A-Z]{{8}})", text.strip().upper())
    token = found[1].translate(_MISREAD) if found else ""
    return f"{prefix}-{token}" if token and set(token) <= set(_LETTERS) else ""


def receipt_token() -> str:
    """Eight characters that are told over a telephone without mistakes: 40 bits."""
    drawn = secrets.randbits(40)
    return "".join(_LETTERS[drawn >> shift & 31] for shift in range(35, -1, -5))
