"""Every query, once, in SQL that SQLite and PostgreSQL both read. Functions run on the database's thread.

Times go in and come out as text (`stamp`), sealed values as bytes; nothing here can read them.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from conversations.audit import Action
from storage.engine import Row, Transaction
from storage.errors import ParkedGone, ReceiptTaken


def stamp(at: datetime) -> str:
    """A time as it is stored: UTC, microseconds, comparable as text."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def unstamp(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


# facts


def get_fact(tx: Transaction, name: str) -> str | None:
    row = tx.fetchone("SELECT value FROM facts WHERE name = ?", (name,))
    return None if row is None else str(row[0])


def put_fact(tx: Transaction, name: str, value: str) -> None:
    tx.execute(
        "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )


def drop_fact(tx: Transaction, name: str) -> None:
    tx.execute("DELETE FROM facts WHERE name = ?", (name,))


def facts_beginning(tx: Transaction, beginning: str) -> list[tuple[str, str]]:
    """(name, value) of those whose name begins so."""
    rows = tx.fetchall(
        "SELECT name, value FROM facts WHERE substr(name, 1, ?) = ? ORDER BY name",
        (len(beginning), beginning),
    )
    return [(row[0], row[1]) for row in rows]


# people


@dataclass(slots=True)
class PersonRow:
    """A row of `people`, still sealed. `prompt_message`: the id of the message now asked, once delivered."""

    person_id: str
    ref: str
    wrapped_key: bytes
    sealed: bytes
    prompt_message: int | None
    reachable: bool


_PERSON = "SELECT person_id, ref, wrapped_key, sealed, prompt_message, reachable FROM people WHERE "


def _person(row: Row) -> PersonRow:
    return PersonRow(row[0], row[1], row[2], row[3], row[4], bool(row[5]))


def people_by_ref(tx: Transaction, refs: Sequence[str]) -> list[PersonRow]:
    return [_person(row) for row in tx.fetchall(f"{_PERSON} ref IN ({_marks(refs)})", refs)]


def people_by_id(tx: Transaction, ids: Sequence[str]) -> list[PersonRow]:
    return [_person(row) for row in tx.fetchall(f"{_PERSON} person_id IN ({_marks(ids)})", ids)]


def times_of(tx: Transaction, person_id: str) -> Row:
    """(due_at, updated_at), as they are stored."""
    return tx.fetchone("SELECT due_at, updated_at FROM people WHERE person_id = ?", (person_id,)) or (
        None,
        "",
    )


def people_by_receipt(tx: Transaction, receipts: Sequence[str]) -> list[tuple[str, PersonRow]]:
    """(receipt, its person) for every receipt that is known."""
    columns = "a.receipt, p.person_id, p.ref, p.wrapped_key, p.sealed, p.prompt_message, p.reachable"
    rows = tx.fetchall(
        f"SELECT {columns} FROM applications a JOIN people p ON p.person_id = a.person_id"
        f" WHERE a.receipt IN ({_marks(receipts)})",
        receipts,
    )
    return [(row[0], _person(row[1:])) for row in rows]


def add_person(tx: Transaction, person_id: str, ref: str, wrapped_key: bytes) -> None:
    """A person's key is made here and nowhere else: only with his first turn."""
    tx.execute(
        "INSERT INTO people (person_id, ref, wrapped_key, sealed, state, updated_at) VALUES (?, ?, ?, ?, '', '')",
        (person_id, ref, wrapped_key, b""),
    )


def save_person(
    tx: Transaction,
    person_id: str,
    sealed: bytes,
    state: str,
    due_at: datetime | None,
    asks_anew: bool,
    now: datetime,
) -> None:
    """`asks_anew`: another prompt is on its way, whose message id is not known yet."""
    prompt = "prompt_message = NULL," if asks_anew else ""
    tx.execute(
        f"UPDATE people SET sealed = ?, state = ?, due_at = ?, {prompt} updated_at = ? WHERE person_id = ?",
        (sealed, state, stamp(due_at) if due_at else None, stamp(now), person_id),
    )


def set_reachable(tx: Transaction, person_id: str, reachable: bool) -> None:
    tx.execute("UPDATE people SET reachable = ? WHERE person_id = ?", (int(reachable), person_id))


def count_due(tx: Transaction, now: datetime) -> int:
    row = tx.fetchone("SELECT COUNT(*) FROM people WHERE due_at <= ?", (stamp(now),))
    return int(row[0]) if row else 0


def next_due(tx: Transaction, after: tuple[str, str], until: str, limit: int) -> list[Row]:
    """(due_at, person_id, wrapped_key, sealed) of those that are due at some time up to `until`, soonest first: the
    next after the (due_at, person_id) given."""
    return tx.fetchall(
        "SELECT due_at, person_id, wrapped_key, sealed FROM people WHERE (due_at, person_id) > (?, ?)"
        " AND due_at <= ? ORDER BY due_at, person_id LIMIT ?",
        (*after, until, limit),
    )


def next_people(tx: Transaction, after: str, limit: int) -> list[Row]:
    """(person_id, wrapped_key, sealed, due_at, updated_at), the next in the order of the ids."""
    return tx.fetchall(
        "SELECT person_id, wrapped_key, sealed, due_at, updated_at FROM people WHERE person_id > ?"
        " ORDER BY person_id LIMIT ?",
        (after, limit),
    )


def set_due(tx: Transaction, rows: Sequence[tuple[str | None, str, str]]) -> None:
    """(due_at, person_id, updated_at) each; left alone is who was saved since then."""
    tx.executemany("UPDATE people SET due_at = ? WHERE person_id = ? AND updated_at = ?", rows)


def count_people(tx: Transaction) -> int:
    row = tx.fetchone("SELECT COUNT(*) FROM people")
    return int(row[0]) if row else 0


def due_people(tx: Transaction, now: datetime, limit: int) -> list[str]:
    rows = tx.fetchall(
        "SELECT person_id FROM people WHERE due_at <= ? ORDER BY due_at LIMIT ?", (stamp(now), limit)
    )
    return [row[0] for row in rows]


def count_by_state(tx: Transaction) -> dict[str, int]:
    """How many people stand in each state."""
    return {row[0]: row[1] for row in tx.fetchall("SELECT state, COUNT(*) FROM people GROUP BY state")}


# applications


OPEN_STATUSES = ("waiting", "rejecting", "deciding")  # the reviewers have it before them


@dataclass(slots=True)
class ApplicationRow:
    """A row of `applications`, still sealed, with its person's key."""

    receipt: str
    person_id: str
    wrapped_key: bytes
    status: str
    card_chat: int | None
    card_message: int | None
    sealed: bytes


def save_application(
    tx: Transaction,
    receipt: str,
    person_id: str,
    status: str,
    counters: tuple[int, int],
    times: tuple[datetime, datetime | None],
    sealed: bytes,
) -> None:
    """`counters`: revision and round; `times`: submitted and closed. Raises ReceiptTaken."""
    submitted, closed = times
    saved = tx.execute(
        "INSERT INTO applications (receipt, person_id, status, revision, round, submitted_at, closed_at, sealed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (receipt) DO UPDATE SET status = excluded.status,"
        " revision = excluded.revision, round = excluded.round, submitted_at = excluded.submitted_at,"
        " closed_at = excluded.closed_at, sealed = excluded.sealed WHERE applications.person_id = excluded.person_id",
        (receipt, person_id, status, *counters, stamp(submitted), stamp(closed) if closed else None, sealed),
    )
    if not saved:
        raise ReceiptTaken("another person's application has this receipt")


_APPLICATION = (
    "SELECT a.receipt, a.person_id, p.wrapped_key, a.status, a.card_chat, a.card_message, a.sealed"
    " FROM applications a JOIN people p ON p.person_id = a.person_id WHERE "
)


def application(tx: Transaction, receipt: str) -> ApplicationRow | None:
    row = tx.fetchone(f"{_APPLICATION} a.receipt = ?", (receipt,))
    return None if row is None else ApplicationRow(*row)


def submitted_at(tx: Transaction, receipt: str) -> str:
    """As it is stored; nothing where there is no such application."""
    row = tx.fetchone("SELECT submitted_at FROM applications WHERE receipt = ?", (receipt,))
    return "" if row is None else str(row[0])


def drop_application(tx: Transaction, receipt: str) -> None:
    tx.execute("DELETE FROM applications WHERE receipt = ?", (receipt,))


def applications_of(tx: Transaction, person_id: str) -> list[ApplicationRow]:
    rows = tx.fetchall(f"{_APPLICATION} a.person_id = ? ORDER BY a.submitted_at", (person_id,))
    return [ApplicationRow(*row) for row in rows]


def without_card(tx: Transaction, chat: int) -> list[tuple[str, datetime]]:
    """The applications that reviewers should have before them and whose card is not in that group: receipt and time
    of submission, oldest first."""
    rows = tx.fetchall(
        f"SELECT receipt, submitted_at FROM applications WHERE status IN ({_marks(OPEN_STATUSES)})"
        " AND (card_message IS NULL OR card_chat <> ?) ORDER BY submitted_at",
        (*OPEN_STATUSES, chat),
    )
    return [(row[0], unstamp(row[1])) for row in rows]


def applications_after(tx: Transaction, after: str, limit: int) -> list[tuple[str, str, str]]:
    """(receipt, status, time of submission), the next in the order of the receipts, which never change."""
    rows = tx.fetchall(
        "SELECT receipt, status, submitted_at FROM applications WHERE receipt > ? ORDER BY receipt LIMIT ?",
        (after, limit),
    )
    return [(row[0], row[1], row[2]) for row in rows]


def applications_by_receipt(tx: Transaction, receipts: Sequence[str]) -> list[ApplicationRow]:
    rows = tx.fetchall(f"{_APPLICATION} a.receipt IN ({_marks(receipts)}) ORDER BY a.receipt", receipts)
    return [ApplicationRow(*row) for row in rows]


def count_by_status(tx: Transaction) -> dict[str, int]:
    return {
        row[0]: row[1] for row in tx.fetchall("SELECT status, COUNT(*) FROM applications GROUP BY status")
    }


def oldest_waiting(tx: Transaction) -> datetime | None:
    """When the application was submitted that has waited longest for a decision."""
    row = tx.fetchone("SELECT MIN(submitted_at) FROM applications WHERE status IN ('waiting', 'rejecting')")
    return unstamp(row[0]) if row and row[0] else None


def set_card(tx: Transaction, receipt: str, chat: int, message_id: int | None) -> bool:
    """Where the card stands; False when there is no such application any more."""
    changed = tx.execute(
        "UPDATE applications SET card_chat = ?, card_message = ? WHERE receipt = ?",
        (chat, message_id, receipt),
    )
    return changed > 0


def cards_at(tx: Transaction, places: Iterable[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """The receipt of the card at each (chat, message id), where one stands."""
    found = {}
    for place in places:
        row = tx.fetchone("SELECT receipt FROM applications WHERE card_chat = ? AND card_message = ?", place)
        if row is not None:
            found[place] = row[0]
    return found


# photos


def add_photo(
    tx: Transaction, photo_id: str, person_id: str, place: tuple[str, str], sealed: bytes, now: datetime
) -> None:
    """`place`: the question and the side it answers."""
    tx.execute(
        "INSERT INTO photos (photo_id, person_id, question, part, stored_at, sealed) VALUES (?, ?, ?, ?, ?, ?)",
        (photo_id, person_id, *place, stamp(now), sealed),
    )


def drop_photos(tx: Transaction, photo_ids: Sequence[str]) -> None:
    tx.execute(f"DELETE FROM photos WHERE photo_id IN ({_marks(photo_ids)})", photo_ids)


@dataclass(slots=True)
class PhotoRow:
    """A photo, still sealed, with its person's key."""

    question: str
    part: str
    sealed: bytes
    wrapped_key: bytes


def photo(tx: Transaction, person_id: str, photo_id: str) -> PhotoRow | None:
    """One photo of that person."""
    row = tx.fetchone(
        "SELECT f.question, f.part, f.sealed, p.wrapped_key FROM photos f"
        " JOIN people p ON p.person_id = f.person_id WHERE f.photo_id = ? AND f.person_id = ?",
        (photo_id, person_id),
    )
    return None if row is None else PhotoRow(*row)


def photos_of(tx: Transaction, person_id: str) -> list[Row]:
    """(photo_id, question, part, stored_at) of one person."""
    return tx.fetchall(
        "SELECT photo_id, question, part, stored_at FROM photos WHERE person_id = ? ORDER BY stored_at",
        (person_id,),
    )


def sealed_photos_of(tx: Transaction, person_id: str) -> list[Row]:
    """(photo_id, question, part, stored_at, sealed) of one person."""
    return tx.fetchall(
        "SELECT photo_id, question, part, stored_at, sealed FROM photos WHERE person_id = ?"
        " ORDER BY stored_at, photo_id",
        (person_id,),
    )


# consents


def add_text(tx: Transaction, text_hash: str, document: str, language: str, body: str) -> None:
    tx.execute(
        "INSERT INTO texts (text_hash, document, language, body) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (text_hash) DO NOTHING",
        (text_hash, document, language, body),
    )


def former_texts(tx: Transaction) -> dict[str, str]:
    """Every text that anybody agreed to, by its hash: a few for each version of a programme."""
    return {row[0]: row[1] for row in tx.fetchall("SELECT text_hash, body FROM texts")}


def texts_beginning(tx: Transaction, beginning: str) -> list[Row]:
    """(text_hash, document, language, body) of those whose hash begins so."""
    return tx.fetchall(
        "SELECT text_hash, document, language, body FROM texts WHERE substr(text_hash, 1, ?) = ?"
        " ORDER BY text_hash",
        (len(beginning), beginning),
    )


def add_particulars(tx: Transaction, body: str) -> str:
    """What a consent is about besides its text, as JSON; its hash."""
    particulars_hash = hashlib.sha256(body.encode()).hexdigest()
    tx.execute(
        "INSERT INTO particulars (particulars_hash, body) VALUES (?, ?) ON CONFLICT (particulars_hash) DO NOTHING",
        (particulars_hash, body),
    )
    return particulars_hash


def add_consent(
    tx: Transaction,
    consent_id: str,
    person_id: str,
    values: tuple[str, str, str, str],
    at: datetime,
    particulars_hash: str | None = None,
) -> None:
    """`values`: document, hash of its text, language, act."""
    tx.execute(
        "INSERT INTO consents (consent_id, person_id, document, text_hash, language, act, at, particulars_hash)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (consent_id, person_id, *values, stamp(at), particulars_hash),
    )


def end_consents(tx: Transaction, person_id: str, at: datetime, document: str = "") -> None:
    """All that stand, or those to one document. `withdrawn_at` is the moment of the end, whatever brought it: a
    withdrawal, a deletion, an expiry or a new application; the audit log's entry of that moment says which."""
    tx.execute(
        "UPDATE consents SET withdrawn_at = ? WHERE person_id = ? AND withdrawn_at IS NULL AND ? IN ('', document)",
        (stamp(at), person_id, document),
    )


def consents_of(tx: Transaction, person_id: str) -> list[Row]:
    """(consent_id, document, text_hash, language, act, at, withdrawn_at), in order of time."""
    return tx.fetchall(
        "SELECT consent_id, document, text_hash, language, act, at, withdrawn_at FROM consents"
        " WHERE person_id = ? ORDER BY at, consent_id",
        (person_id,),
    )


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One act of consent with all that is known of it. `particulars` is JSON; None where none were kept yet."""

    consent_id: str
    person_id: str
    document: str
    text_hash: str
    language: str
    act: str
    at: str
    withdrawn_at: str | None
    text: str
    particulars: str | None


def ledger_of(tx: Transaction, person_id: str) -> list[LedgerRow]:
    """A person's acts of consent in order of time, also of one who was erased."""
    rows = tx.fetchall(
        "SELECT c.consent_id, c.person_id, c.document, c.text_hash, c.language, c.act, c.at, c.withdrawn_at, t.body,"
        " p.body FROM consents c JOIN texts t ON t.text_hash = c.text_hash"
        " LEFT JOIN particulars p ON p.particulars_hash = c.particulars_hash"
        " WHERE c.person_id = ? ORDER BY c.at, c.consent_id",
        (person_id,),
    )
    return [LedgerRow(*row) for row in rows]


# errands


@dataclass(slots=True)
class ErrandRow:
    """A row of `errands`, still sealed; under the person's key where there is one."""

    errand_id: str
    person_id: str | None
    kind: str
    not_before: str | None
    attempts: int
    sealed: bytes
    wrapped_key: bytes | None


def add_errands(tx: Transaction, rows: Iterable[tuple[str, str | None, str, str | None, bytes]]) -> None:
    """(errand_id, person_id, kind, not_before, sealed)."""
    tx.executemany(
        "INSERT INTO errands (errand_id, person_id, kind, not_before, sealed) VALUES (?, ?, ?, ?, ?)",
        list(rows),
    )


def finish_errands(tx: Transaction, errand_ids: Sequence[str]) -> None:
    tx.executemany("DELETE FROM errands WHERE errand_id = ?", [(errand_id,) for errand_id in errand_ids])


def count_attempt(tx: Transaction, errand_id: str) -> None:
    tx.execute("UPDATE errands SET attempts = attempts + 1 WHERE errand_id = ?", (errand_id,))


def errands(tx: Transaction, person_id: str | None = None) -> list[ErrandRow]:
    """Everything still to be done, oldest first, or all of one person; without messages to the unreachable."""
    reachable = "WHERE (COALESCE(p.reachable, 1) = 1 OR e.kind NOT IN ('send', 'edit', 'data'))"
    where = reachable if person_id is None else "WHERE e.person_id = ?"
    rows = tx.fetchall(
        "SELECT e.errand_id, e.person_id, e.kind, e.not_before, e.attempts, e.sealed, p.wrapped_key"
        f" FROM errands e LEFT JOIN people p ON p.person_id = e.person_id {where} ORDER BY e.errand_id",
        () if person_id is None else (person_id,),
    )
    return [ErrandRow(*row) for row in rows]


def errands_over(tx: Transaction, kind: str, until: datetime) -> list[ErrandRow]:
    """People's errands of that kind whose time was over by then, oldest first."""
    rows = tx.fetchall(
        "SELECT e.errand_id, e.person_id, e.kind, e.not_before, e.attempts, e.sealed, p.wrapped_key"
        " FROM errands e JOIN people p ON p.person_id = e.person_id WHERE e.kind = ? AND e.not_before <= ?"
        " ORDER BY e.errand_id",
        (kind, stamp(until)),
    )
    return [ErrandRow(*row) for row in rows]


def errands_of_nobody(tx: Transaction) -> list[ErrandRow]:
    """Those that outlive whoever they were about, oldest first."""
    rows = tx.fetchall(
        "SELECT errand_id, person_id, kind, not_before, attempts, sealed, NULL FROM errands"
        " WHERE person_id IS NULL ORDER BY errand_id"
    )
    return [ErrandRow(*row) for row in rows]


# messages


def delivered(tx: Transaction, person_id: str, message_id: int, now: datetime) -> bool:
    """The bot's message stands in the person's private chat; False when there is no such person any more."""
    if tx.fetchone("SELECT 1 FROM people WHERE person_id = ?", (person_id,)) is None:
        return False
    tx.execute(
        "INSERT INTO messages (person_id, place, message_id, sent_at) VALUES (?, 'private', ?, ?)"
        " ON CONFLICT DO NOTHING",
        (person_id, message_id, stamp(now)),
    )
    return True


def prompted(tx: Transaction, person_id: str, message_id: int) -> None:
    tx.execute("UPDATE people SET prompt_message = ? WHERE person_id = ?", (message_id, person_id))


def shown(
    tx: Transaction, person_id: str, message_id: int, receipt: str, sealed_chat: bytes, now: datetime
) -> None:
    """A photo stands in a reviewer's private chat."""
    tx.execute(
        "INSERT INTO messages (person_id, place, message_id, receipt, sent_at, sealed_chat)"
        " SELECT person_id, 'reviewer', ?, ?, ?, ? FROM people WHERE person_id = ? ON CONFLICT DO NOTHING",
        (message_id, receipt, stamp(now), sealed_chat, person_id),
    )


def message_numbers(tx: Transaction, above: int) -> list[int]:
    """The numbers above that one at which known messages in private chats stand."""
    rows = tx.fetchall("SELECT message_id FROM messages WHERE message_id > ? ORDER BY message_id", (above,))
    return [number for (number,) in rows]


def messages_of(tx: Transaction, person_id: str) -> list[Row]:
    """(place, message_id, sent_at, sealed_chat, receipt) of everything that stands somewhere."""
    return tx.fetchall(
        "SELECT place, message_id, sent_at, sealed_chat, receipt FROM messages WHERE person_id = ? ORDER BY message_id",
        (person_id,),
    )


def forget_message(tx: Transaction, person_id: str, place: str, message_id: int) -> None:
    tx.execute(
        "DELETE FROM messages WHERE person_id = ? AND place = ? AND message_id = ?",
        (person_id, place, message_id),
    )


# updates


def seen_among(tx: Transaction, update_ids: Sequence[int]) -> set[int]:
    rows = tx.fetchall(f"SELECT update_id FROM seen WHERE update_id IN ({_marks(update_ids)})", update_ids)
    return {row[0] for row in rows}


def add_seen(tx: Transaction, update_ids: Iterable[int], now: datetime) -> None:
    tx.executemany(
        "INSERT INTO seen (update_id, at) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [(update_id, stamp(now)) for update_id in update_ids],
    )


def forget_seen(tx: Transaction, before: datetime) -> int:
    return tx.execute("DELETE FROM seen WHERE at < ?", (stamp(before),))


def park(
    tx: Transaction, parked_id: str, whose: tuple[int | None, str], reason: str, sealed: bytes, now: datetime
) -> None:
    """`whose`: the update's number and the keyed hash of its sender, as far as they are known."""
    tx.execute(
        "INSERT INTO parked (parked_id, update_id, ref, at, reason, sealed) VALUES (?, ?, ?, ?, ?, ?)",
        (parked_id, *whose, stamp(now), reason, sealed),
    )


def forget_parked(tx: Transaction, before: datetime, now: datetime) -> None:
    if gone := tx.execute("DELETE FROM parked WHERE at < ?", (stamp(before),)):
        add_audit(tx, [("parked_expired", "", str(gone))], now)


@dataclass(slots=True)
class ParkedRow:
    """A row of `parked`, still sealed under the operator's key. `ref` is empty when the sender is not known."""

    parked_id: str
    ref: str
    at: str
    reason: str
    sealed: bytes
    update_id: int | None = None


def parked(tx: Transaction, beginning: str = "", after: str = "", limit: int = 1_000_000) -> list[ParkedRow]:
    """Oldest first: those whose id begins so, and is above `after`."""
    rows = tx.fetchall(
        "SELECT parked_id, ref, at, reason, sealed FROM parked WHERE parked_id > ?"
        " AND substr(parked_id, 1, ?) = ? ORDER BY parked_id LIMIT ?",
        (after, len(beginning), beginning, limit),
    )
    return [ParkedRow(*row) for row in rows]


def parked_of(tx: Transaction, ref: str) -> list[ParkedRow]:
    """Those of one sender, oldest first."""
    rows = tx.fetchall(
        "SELECT parked_id, ref, at, reason, sealed, update_id FROM parked WHERE ref = ? ORDER BY parked_id",
        (ref,),
    )
    return [ParkedRow(*row) for row in rows]


def count_parked(tx: Transaction) -> int:
    row = tx.fetchone("SELECT COUNT(*) FROM parked")
    return int(row[0]) if row else 0


def park_again(tx: Transaction, parked_id: str, reason: str, now: datetime) -> None:
    """It was tried once more, in vain."""
    add_audit(tx, [("parked_retried", parked_id, "failed")], now)
    tx.execute("UPDATE parked SET reason = ?, at = ? WHERE parked_id = ?", (reason, stamp(now), parked_id))


def take_parked(tx: Transaction, parked_id: str, now: datetime) -> None:
    """It is handled in this very transaction. Raises ParkedGone."""
    if not tx.execute("DELETE FROM parked WHERE parked_id = ?", (parked_id,)):
        raise ParkedGone("it is parked no longer")
    add_audit(tx, [("parked_retried", parked_id, "handled")], now)


def drop_parked(tx: Transaction, parked_ids: Sequence[str], now: datetime) -> int:
    """How many there were."""
    gone = [one for one in parked_ids if tx.execute("DELETE FROM parked WHERE parked_id = ?", (one,))]
    add_audit(tx, [("parked_dropped", one, "") for one in gone], now)
    return len(gone)


def drop_all_parked(tx: Transaction, now: datetime) -> int:
    return drop_parked(tx, [row[0] for row in tx.fetchall("SELECT parked_id FROM parked")], now)


# what the operator's key seals


def count_sealed(tx: Transaction) -> int:
    """How many rows there are that it seals, or whose key it wraps."""
    row = tx.fetchone(
        "SELECT (SELECT COUNT(*) FROM people) + (SELECT COUNT(*) FROM parked)"
        " + (SELECT COUNT(*) FROM errands WHERE person_id IS NULL)"
    )
    return int(row[0]) if row else 0


def wrapped_keys(tx: Transaction, after: str, limit: int) -> list[Row]:
    """(person_id, wrapped_key), the next in the order of the ids."""
    return tx.fetchall(
        "SELECT person_id, wrapped_key FROM people WHERE person_id > ? ORDER BY person_id LIMIT ?",
        (after, limit),
    )


def set_wrapped_keys(tx: Transaction, rows: Sequence[tuple[str, bytes]]) -> None:
    tx.executemany(
        "UPDATE people SET wrapped_key = ? WHERE person_id = ?", [(sealed, one) for one, sealed in rows]
    )


def nobodys_errands(tx: Transaction, after: str, limit: int) -> list[Row]:
    """(errand_id, sealed) of those that no person's key seals, the next in the order of the ids."""
    return tx.fetchall(
        "SELECT errand_id, sealed FROM errands WHERE person_id IS NULL AND errand_id > ?"
        " ORDER BY errand_id LIMIT ?",
        (after, limit),
    )


def set_sealed_errands(tx: Transaction, rows: Sequence[tuple[str, bytes]]) -> None:
    tx.executemany(
        "UPDATE errands SET sealed = ? WHERE errand_id = ?", [(sealed, one) for one, sealed in rows]
    )


def set_sealed_parked(tx: Transaction, rows: Sequence[tuple[str, bytes]]) -> None:
    tx.executemany(
        "UPDATE parked SET sealed = ? WHERE parked_id = ?", [(sealed, one) for one, sealed in rows]
    )


# erasure


def erase_person(
    tx: Transaction, person_id: str, ref: str, barred_until: datetime | None, now: datetime
) -> None:
    """Rows, photos and key go in one step; what remains is a keyed hash and the proof of consent, which ends now."""
    end_consents(tx, person_id, now)
    tx.execute("DELETE FROM people WHERE person_id = ?", (person_id,))
    tx.execute("DELETE FROM parked WHERE ref = ?", (ref,))
    tx.execute(
        "INSERT INTO tombstones (ref, erased_at, barred_until) VALUES (?, ?, ?) ON CONFLICT (ref) DO UPDATE SET"
        " erased_at = excluded.erased_at, barred_until = excluded.barred_until",
        (ref, stamp(now), stamp(barred_until) if barred_until else None),
    )


def barred_until(tx: Transaction, refs: Sequence[str]) -> dict[str, datetime]:
    rows = tx.fetchall(
        f"SELECT ref, barred_until FROM tombstones WHERE barred_until IS NOT NULL AND ref IN ({_marks(refs)})",
        refs,
    )
    return {row[0]: unstamp(row[1]) for row in rows}


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A row of `tombstones`; both times as text (`stamp`), `barred_until` empty when nothing is barred."""

    ref: str
    erased_at: str
    barred_until: str = ""


def tombstones(tx: Transaction) -> list[Tombstone]:
    rows = tx.fetchall(
        "SELECT ref, erased_at, COALESCE(barred_until, '') FROM tombstones ORDER BY erased_at, ref"
    )
    return [Tombstone(*row) for row in rows]


def tombstone(tx: Transaction, ref: str) -> Tombstone | None:
    row = tx.fetchone(
        "SELECT ref, erased_at, COALESCE(barred_until, '') FROM tombstones WHERE ref = ?", (ref,)
    )
    return None if row is None else Tombstone(*row)


def next_tombstones(tx: Transaction, after: str, since: str, limit: int) -> list[Tombstone]:
    """Those set at that time or later: the next in the order of the keyed hashes."""
    rows = tx.fetchall(
        "SELECT ref, erased_at, COALESCE(barred_until, '') FROM tombstones WHERE ref > ? AND erased_at >= ?"
        " ORDER BY ref LIMIT ?",
        (after, since, limit),
    )
    return [Tombstone(*row) for row in rows]


def last_tombstones(tx: Transaction) -> Row:
    """How many there are, and when the last was set: whether there are others than before."""
    return tx.fetchone("SELECT COUNT(*), MAX(erased_at) FROM tombstones") or (0, None)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Somebody who is still known took back his consents, or that to one document; when as text (`stamp`)."""

    ref: str
    withdrawn_at: str
    document: str = ""


def withdrawals(tx: Transaction, after: int, until: int, limit: int) -> list[tuple[int, Withdrawal]]:
    """The next that the audit log has entered, with the numbers of the entries, which are above `after` and not above
    `until`. The ledger has the same moments, and those at which consents ended otherwise too."""
    rows = tx.fetchall(
        "SELECT a.seq, p.ref, a.at, CASE WHEN a.action = 'withdrawn' THEN '' ELSE a.detail END FROM audit a"
        " JOIN people p ON p.person_id = a.subject WHERE a.seq > ? AND a.seq <= ?"
        " AND a.action IN ('withdrawn', 'consent_withdrawn') AND a.detail NOT LIKE '% again'"
        " ORDER BY a.seq LIMIT ?",
        (after, until, limit),
    )
    return [(row[0], Withdrawal(*row[1:])) for row in rows]


# backups: what a person's data need to be read is kept apart from them


def keys_with_refs(tx: Transaction, after: str, limit: int) -> list[Row]:
    """(person_id, ref, since, wrapped_key), the next in the order of the ids. `since`: when somebody with that account
    was erased last, before this person came; empty when nobody was."""
    return tx.fetchall(
        "SELECT p.person_id, p.ref, COALESCE(t.erased_at, ''), p.wrapped_key FROM people p"
        " LEFT JOIN tombstones t ON t.ref = p.ref WHERE p.person_id > ? ORDER BY p.person_id LIMIT ?",
        (after, limit),
    )


def parked_with_refs(tx: Transaction, after: str, limit: int) -> list[Row]:
    """(parked_id, ref, since, sealed) in the same way."""
    return tx.fetchall(
        "SELECT u.parked_id, u.ref, COALESCE(t.erased_at, ''), u.sealed FROM parked u"
        " LEFT JOIN tombstones t ON t.ref = u.ref WHERE u.parked_id > ? ORDER BY u.parked_id LIMIT ?",
        (after, limit),
    )


def drop_person(tx: Transaction, person_id: str, ref: str) -> None:
    """Whoever cannot be read any more: his rows go, and nothing says that he wanted it."""
    tx.execute("DELETE FROM people WHERE person_id = ?", (person_id,))
    tx.execute("DELETE FROM parked WHERE ref = ?", (ref,))


def drop_sealed_empty(tx: Transaction) -> None:
    """Nobody's errands and parked updates whose content was not kept."""
    tx.execute("DELETE FROM errands WHERE person_id IS NULL AND sealed = ?", (b"",))
    tx.execute("DELETE FROM parked WHERE sealed = ?", (b"",))


def drop_errands(tx: Transaction, kinds: Sequence[str]) -> int:
    """Of these kinds, but for what waits for a person's return: whoever has blocked the bot. How many went."""
    return tx.execute(
        f"DELETE FROM errands WHERE kind IN ({_marks(kinds)}) AND NOT EXISTS"
        " (SELECT 1 FROM people p WHERE p.person_id = errands.person_id AND p.reachable = 0)",
        kinds,
    )


def count_attempts(tx: Transaction) -> None:
    """Each may have been done already."""
    tx.execute("UPDATE errands SET attempts = attempts + 1")


def ask_anew(tx: Transaction, states: Sequence[str], prompt_message: int) -> None:
    """Whatever people in these states write first answers nothing: what they are asked is said again."""
    tx.execute(
        f"UPDATE people SET prompt_message = ? WHERE state IN ({_marks(states)})", (prompt_message, *states)
    )


def cards_of(tx: Transaction, person_id: str = "") -> list[Row]:
    """(receipt, chat, message id) of the cards that stand for open applications, or of all of one person."""
    which, params = f"status IN ({_marks(OPEN_STATUSES)})", tuple[str, ...](OPEN_STATUSES)
    if person_id:
        which, params = "person_id = ?", (person_id,)
    return tx.fetchall(
        f"SELECT receipt, card_chat, card_message FROM applications WHERE card_message IS NOT NULL AND {which}"
        " ORDER BY submitted_at",
        params,
    )


def counts(tx: Transaction) -> tuple[int, int, int]:
    """People, applications and photos."""
    row = tx.fetchone(
        "SELECT (SELECT COUNT(*) FROM people), (SELECT COUNT(*) FROM applications), (SELECT COUNT(*) FROM photos)"
    )
    assert row is not None
    return int(row[0]), int(row[1]), int(row[2])


# audit


AuditEntry = tuple[Action, str, str]  # action, subject and detail, as ACTIONS says


def add_audit(tx: Transaction, entries: Sequence[AuditEntry], now: datetime) -> None:
    """Every row's hash covers the row before it."""
    seq, previous = audit_head(tx)
    at = stamp(now)
    rows = []
    for action, subject, detail in entries:
        seq += 1
        previous = audit_hash(previous, (str(seq), at, action, subject, detail))
        rows.append((seq, at, action, subject, detail, previous))
    tx.executemany(
        "INSERT INTO audit (seq, at, action, subject, detail, hash) VALUES (?, ?, ?, ?, ?, ?)", rows
    )


def audit_hash(previous: str, row: Sequence[str]) -> str:
    """SHA-256 over the last row's hash and this row's fields, each with its length in front."""
    digest = hashlib.sha256(previous.encode())
    for field in row:
        digest.update(f"{len(field.encode())}:{field}".encode())
    return digest.hexdigest()


def audit_head(tx: Transaction) -> tuple[int, str]:
    """The last entry's number, which is how many there are, and its hash; 0 and nothing of an empty log."""
    last = tx.fetchone("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
    return (int(last[0]), str(last[1])) if last else (0, "")


def audit_rows(tx: Transaction, after: int = 0, limit: int = 1_000_000_000, since: str = "") -> list[Row]:
    """(seq, at, action, subject, detail, hash), in order: those above `after`, and not before a time."""
    return tx.fetchall(
        "SELECT seq, at, action, subject, detail, hash FROM audit WHERE seq > ? AND at >= ?"
        " ORDER BY seq LIMIT ?",
        (after, since, limit),
    )


def audit_last(tx: Transaction, action: Action, after: int) -> Row | None:
    """The newest entry of that action behind another: (seq, at, action, subject, detail, hash)."""
    return tx.fetchone(
        "SELECT seq, at, action, subject, detail, hash FROM audit WHERE seq > ? AND action = ?"
        " ORDER BY seq DESC LIMIT 1",
        (after, action),
    )


def audit_about(tx: Transaction, subjects: Sequence[str]) -> list[Row]:
    """(seq, at, action, subject, detail, hash) of all entries about any of them, in order."""
    return tx.fetchall(
        f"SELECT seq, at, action, subject, detail, hash FROM audit WHERE subject IN ({_marks(subjects)})"
        " ORDER BY seq",
        subjects,
    )


def audit_misplaced(tx: Transaction) -> int:
    """How many entries have no number that one of the log can have."""
    row = tx.fetchone("SELECT COUNT(*) FROM audit WHERE seq IS NULL OR seq < 1")
    return int(row[0]) if row else 0


def audit_of(tx: Transaction, subject: str) -> Row | None:
    """(action, detail) of the newest entry about it."""
    return tx.fetchone(
        "SELECT action, detail FROM audit WHERE subject = ? ORDER BY seq DESC LIMIT 1", (subject,)
    )
