"""Everything kept of one person, as a file he can keep: read from the database, not from what we believe."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.errands import REMOVE, opened
from bot.parked import PARKED_DAYS
from bot.people import FORM_PLACE, NOTICE_PLACE, PHOTO_PLACE, QUESTION_PLACE, People, Person, photo_place
from bot.told import Json, Telling, agreed, answers, attempt, closed, later, moment
from conversations import Programme
from conversations.application import Closed
from conversations.keeping import all_goes_at, goings
from conversations.state import Applicant, Settled, application_of, draft_of, told_state
from storage import audit_log, erasure, ledger, likenesses, outgoing, parking, store
from storage.engine import Engine, Row, Transaction
from storage.erasure import Tombstone
from storage.errors import Unreadable
from storage.ledger import LedgerRow
from storage.likenesses import Likeness
from storage.outgoing import ErrandRow
from storage.parking import ParkedRow
from storage.store import OPEN_STATUSES, ApplicationRow, PersonRow
from storage.vault import Vault

UNREADABLE = "it cannot be read any more"
KEPT = {
    "account": "until its time is over, or you delete it; then only what is listed here as kept without limit",
    "consents": "without limit: it must be possible to prove them",
    "texts": "without limit, with the consents to them",
    "log": "without limit: nobody may change it, and your name is not in it",
    "messages": "until they are deleted with everything else, or at the time named",
    "waiting": "until it is done",
    "erased_before": "without limit: it keeps a restored backup from bringing back what was erased",
}


@dataclass(frozen=True, slots=True)
class DataFile:
    """The file's bytes, and the person's language."""

    json: bytes
    language: str


@dataclass(slots=True)
class _Rows:
    """All that the database holds of one person, of one moment."""

    person: PersonRow
    times: Row  # due_at, updated_at
    applications: list[ApplicationRow]
    likenesses: dict[str, list[Likeness]]  # by receipt
    photos: list[Row]
    consents: list[LedgerRow]
    messages: list[Row]
    errands: list[ErrandRow]
    parked: list[ParkedRow]
    tombstone: Tombstone | None
    log: list[Row]


async def data_file(
    engine: Engine, vault: Vault, people: People, programme: Programme, person_id: str
) -> DataFile | None:
    """None when the person has gone meanwhile. Keys are English and stable; reviewers are never named."""
    rows = await engine.read(lambda tx: _rows(tx, person_id))
    if rows is None:
        return None
    person = people.open_person(rows.person)
    content = _File(vault, people, programme, person, rows).content()
    text = json.dumps(content, ensure_ascii=False, indent=2)
    return DataFile(text.encode(), person.applicant.language)


def _rows(tx: Transaction, person_id: str) -> _Rows | None:
    found = store.people_by_id(tx, [person_id])
    if not found:
        return None
    (person,) = found
    parked = parking.parked_of(tx, person.ref)
    applications = store.applications_of(tx, person_id)
    return _Rows(
        person=person,
        times=store.times_of(tx, person_id),
        applications=applications,
        likenesses={row.receipt: likenesses.of(tx, row.receipt) for row in applications},
        photos=store.sealed_photos_of(tx, person_id),
        consents=ledger.rows_of(tx, person_id),
        messages=outgoing.messages_of(tx, person_id),
        errands=[*outgoing.errands(tx, person_id), *outgoing.errands_of_nobody(tx)],
        parked=parked,
        tombstone=erasure.tombstone(tx, person.ref),
        log=audit_log.about(tx, [person_id, *(one.parked_id for one in parked)]),
    )


class _File:
    """One person's file, section by section."""

    def __init__(
        self, vault: Vault, people: People, programme: Programme, person: Person, rows: _Rows
    ) -> None:
        self._vault = vault
        self._people = people
        self._programme = programme
        self._person = person
        self._applicant: Applicant = person.applicant
        self._rows = rows
        self._kept = list(goings(programme, person.applicant))
        self._telling = Telling(person.applicant)
        self._errands = [(row, self._body(row)) for row in rows.errands]

    def _body(self, row: ErrandRow) -> Json:
        try:
            return opened(row, self._vault)
        except (Unreadable, ValueError):
            return {"chat": 0, "note": UNREADABLE}

    def content(self) -> Json:
        log = [
            entry for row in self._rows.log if (entry := self._telling.entry(row))
        ]  # numbers the reviewers
        return {
            "account": self._account(),
            "draft": self._draft(),
            "applications": [self._application(row) for row in self._rows.applications],
            "earlier": [self._earlier(one) for one in self._applicant.past],
            "agreed": agreed(self._applicant.agreed),
            "consents": [_consent(row) for row in self._rows.consents],
            "texts": {row.text_hash: row.text for row in self._rows.consents},
            "photos": [self._photo(row) for row in self._rows.photos],
            "messages": [self._message(row) for row in self._rows.messages],
            "waiting": list(self._waiting()),
            "parked": [self._parked(row) for row in self._rows.parked],
            "erased_before": self._erased_before(),
            "log": log,
            "kept": KEPT,
        }

    def _when(self, *what: str, receipt: str = "") -> str | None:
        """When that goes by itself; None while nothing says so, as long as reviewers have it."""
        return next(
            (
                moment(one.at)
                for one in self._kept
                if one.what in what and (not receipt or one.receipt == receipt)
            ),
            None,
        )

    def _account(self) -> Json:
        who, (due_at, updated_at) = self._applicant, self._rows.times
        return {
            "telegram_id": who.chat_id,
            "random_id": who.person_id,
            "account_hash": who.ref,
            "language": who.language,
            "first_seen": moment(who.created_at),
            "last_heard_of": moment(who.heard_at),
            "changed_at": updated_at,
            "state": told_state(who.state),
            "place": self._telling.place(),
            "question_message": self._person.prompt_message,
            "questions_asked": who.step,
            "helps_given": list(who.said),
            "last_album": who.album,
            "typed_and_not_sent": who.unsent,
            "reminders": who.reminded,
            "counted": attempt(who.attempt),
            "can_be_reached": self._person.reachable,
            "next_look_at": due_at,
            "announced": {
                thing: {"will_be_deleted_at": moment(one.goes_at), "told_at": moment(one.told_at)}
                for thing, one in who.announced.items()
            },
            "may_apply_from": moment(who.barred_until),
            "will_be_deleted_at": moment(all_goes_at(self._programme, who)),
        }

    def _draft(self) -> Json | None:
        """One that is a recalled application's ends by its withdrawal, and goes some time after that."""
        draft = draft_of(self._applicant.state)
        if draft is None:
            return None
        content: Json = {
            "answers": answers(draft.answers),
            "left_out": list(draft.skipped),
            "hints_given": list(draft.hinted),
            "consents_not_given": list(draft.declined),
            "recalled": draft.recalled.receipt if draft.recalled else None,
            "returned": self._telling.decision(draft.returned),
            "looked_at_again": list(draft.done),
        }
        if draft.recalled is None:
            return content | {"will_be_deleted_at": self._when("draft")}
        days = {"days_after_withdrawal": self._programme.retention.withdrawn_days}
        return content | {"will_be_withdrawn_at": self._when("draft"), "will_be_deleted": days}

    def _application(self, row: ApplicationRow) -> Json:
        _, state = self._people.open_state(row)
        application = application_of(state)
        if application is None:
            return {"receipt": row.receipt, "status": row.status}
        status = told_state(state) if row.status in OPEN_STATUSES else row.status
        content = {"receipt": row.receipt, "status": status, **self._telling.application(application)}
        content["compared_by"] = [
            {"of": kind, "keyed_hash": digest} for kind, digest in self._rows.likenesses.get(row.receipt, ())
        ]
        content["card"] = {"in": "the reviewers' group", "message": row.card_message}
        content["will_be_deleted_at"] = self._when("application", "earlier application", receipt=row.receipt)
        if isinstance(state, Settled):
            content |= {"closed_at": moment(state.closed.at), "reasons": list(state.closed.reasons)}
            content |= {"decision": self._telling.decision(state.decision)}
        return content

    def _earlier(self, one: Closed) -> Json:
        return closed(one) | {"will_be_deleted_at": self._when("earlier application", receipt=one.receipt)}

    def _photo(self, row: Row) -> Json:
        """`sha256`: of the picture that comes beside this file."""
        photo_id, question, side, stored_at, sealed = row
        jpeg = self._person.key.open(photo_place(photo_id), sealed)
        return {
            "photo": photo_id,
            "question": question,
            "side": side,
            "stored_at": stored_at,
            "bytes": len(jpeg),
            "sha256": hashlib.sha256(jpeg).hexdigest(),
            "will_be_deleted_at": self._photos_go(),
        }

    def _photos_go(self) -> str | None:
        """A recalled application's go some time after its withdrawal."""
        is_recalled = any(one.outcome == "recalled" for one in self._kept)
        return self._when("photos") or (None if is_recalled else self._when("draft"))

    def _message(self, row: Row) -> Json:
        place, message_id, sent_at, _, receipt = row
        is_own = place == "private"
        where = self._telling.where(self._applicant.chat_id if is_own else -1 if place == NOTICE_PLACE else 1)
        return {
            "in": where,
            "message": message_id,
            "sent_at": sent_at,
            "photo_of": receipt if place == PHOTO_PLACE else None,
            "form_of": receipt if place == FORM_PLACE else None,
            "question_about": receipt if place == QUESTION_PLACE else None,
            "notice_of": receipt if place == NOTICE_PLACE else None,
            "will_be_deleted_at": None if is_own else self._removed_at(message_id),
        }

    def _removed_at(self, message_id: int) -> str | None:
        return next(
            (
                row.not_before
                for row, body in self._errands
                if row.kind == REMOVE and row.person_id and body.get("message_id") == message_id
            ),
            None,
        )

    def _waiting(self) -> Iterator[Json]:
        """What is still to be done for him or about him."""
        receipts = self._receipts()
        for row, body in self._errands:
            if row.person_id is None and not self._concerns(body, receipts):
                continue
            told = self._telling.errand(row.kind, (row.errand_id, row.not_before, row.attempts), body)
            if told is not None:
                yield told

    def _concerns(self, body: Json, receipts: set[str]) -> bool:
        """Whether what is nobody's is about him: in his chat, or with the number of an application of his."""
        if self._applicant.chat_id in (body["chat"], body.get("user_id")):
            return True
        said = json.dumps(body)
        return any(receipt in said for receipt in receipts)

    def _receipts(self) -> set[str]:
        """Of all his applications, those too that are known from the log alone."""
        logged = {
            row[4].split(" ")[0] for row in self._rows.log if row[2] in {"submitted", "forgotten", "recalled"}
        }
        return logged | {row.receipt for row in self._rows.applications}

    def _parked(self, row: ParkedRow) -> Json:
        return {
            "id": row.parked_id,
            "update": row.update_id,
            "at": row.at,
            "reason": row.reason,
            "content": self._update(row),
            "will_be_deleted_at": later(row.at, PARKED_DAYS),
        }

    def _update(self, row: ParkedRow) -> Any:
        try:
            return self._telling.update(self._vault.open(f"parked/{row.parked_id}", row.sealed))
        except Unreadable:
            return UNREADABLE

    def _erased_before(self) -> Json | None:
        stone = self._rows.tombstone
        if stone is None:
            return None
        return {"erased_at": stone.erased_at, "no_new_application_before": stone.barred_until or None}


def _consent(row: LedgerRow) -> Json:
    return {
        "consent": row.consent_id,
        "document": row.document,
        "text_sha256": row.text_hash,
        "language": row.language,
        "act": row.act,
        "at": row.at,
        "ended_at": row.withdrawn_at,
        "about": json.loads(row.particulars) if row.particulars else None,
    }
