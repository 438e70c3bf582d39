"""What a turn loads and saves: people, their applications and photos, and which updates were handled."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.engine import Row, Transaction
from storage.errors import ReceiptTaken
from storage.values import marks, stamp, unstamp

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
    return [_person(row) for row in tx.fetchall(f"{_PERSON} ref IN ({marks(refs)})", refs)]


def people_by_id(tx: Transaction, ids: Sequence[str]) -> list[PersonRow]:
    return [_person(row) for row in tx.fetchall(f"{_PERSON} person_id IN ({marks(ids)})", ids)]


def people_by_receipt(tx: Transaction, receipts: Sequence[str]) -> list[tuple[str, PersonRow]]:
    """(receipt, its person) for every receipt that is known."""
    columns = "a.receipt, p.person_id, p.ref, p.wrapped_key, p.sealed, p.prompt_message, p.reachable"
    rows = tx.fetchall(
        f"SELECT {columns} FROM applications a JOIN people p ON p.person_id = a.person_id"
        f" WHERE a.receipt IN ({marks(receipts)})",
        receipts,
    )
    return [(row[0], _person(row[1:])) for row in rows]


def times_of(tx: Transaction, person_id: str) -> Row:
    """(due_at, updated_at), as they are stored."""
    return tx.fetchone("SELECT due_at, updated_at FROM people WHERE person_id = ?", (person_id,)) or (
        None,
        "",
    )


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
    card_topic: int | None
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
    "SELECT a.receipt, a.person_id, p.wrapped_key, a.status, a.card_chat, a.card_message, a.card_topic,"
    " a.sealed"
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


def applications_by_receipt(tx: Transaction, receipts: Sequence[str]) -> list[ApplicationRow]:
    rows = tx.fetchall(f"{_APPLICATION} a.receipt IN ({marks(receipts)}) ORDER BY a.receipt", receipts)
    return [ApplicationRow(*row) for row in rows]


def applications_after(tx: Transaction, after: str, limit: int) -> list[tuple[str, str, str]]:
    """(receipt, status, time of submission), the next in the order of the receipts, which never change."""
    rows = tx.fetchall(
        "SELECT receipt, status, submitted_at FROM applications WHERE receipt > ? ORDER BY receipt LIMIT ?",
        (after, limit),
    )
    return [(row[0], row[1], row[2]) for row in rows]


def set_card(
    tx: Transaction, receipt: str, chat: int, message_id: int | None, topic: int | None = None
) -> bool:
    """Where the card stands; False when there is no such application any more."""
    changed = tx.execute(
        "UPDATE applications SET card_chat = ?, card_message = ?, card_topic = ? WHERE receipt = ?",
        (chat, message_id, topic, receipt),
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


def open_in_topic(tx: Transaction, chat: int, topic: int) -> list[str]:
    """The receipts of the open applications whose card stands in that topic of a forum, oldest first."""
    rows = tx.fetchall(
        f"SELECT receipt FROM applications WHERE card_chat = ? AND card_topic = ?"
        f" AND status IN ({marks(OPEN_STATUSES)}) ORDER BY submitted_at",
        (chat, topic, *OPEN_STATUSES),
    )
    return [str(row[0]) for row in rows]


def highest_card(tx: Transaction, chat: int) -> int:
    """The highest number at which a card stands in that group; 0 for none."""
    row = tx.fetchone("SELECT MAX(card_message) FROM applications WHERE card_chat = ?", (chat,))
    return int(row[0] or 0) if row else 0


def cards_of(tx: Transaction, person_id: str = "") -> list[Row]:
    """(receipt, chat, message id) of the cards that stand for open applications, or of all of one person."""
    which, params = f"status IN ({marks(OPEN_STATUSES)})", tuple[str, ...](OPEN_STATUSES)
    if person_id:
        which, params = "person_id = ?", (person_id,)
    return tx.fetchall(
        f"SELECT receipt, card_chat, card_message FROM applications WHERE card_message IS NOT NULL AND {which}"
        " ORDER BY submitted_at",
        params,
    )


def without_card(tx: Transaction, chat: int) -> list[tuple[str, datetime]]:
    """The applications that reviewers should have before them and whose card is not in that group: receipt and time
    of submission, oldest first."""
    rows = tx.fetchall(
        f"SELECT receipt, submitted_at FROM applications WHERE status IN ({marks(OPEN_STATUSES)})"
        " AND (card_message IS NULL OR card_chat <> ?) ORDER BY submitted_at",
        (*OPEN_STATUSES, chat),
    )
    return [(row[0], unstamp(row[1])) for row in rows]


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
    tx.execute(f"DELETE FROM photos WHERE photo_id IN ({marks(photo_ids)})", photo_ids)


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


# updates that were handled


def seen_among(tx: Transaction, update_ids: Sequence[int]) -> set[int]:
    rows = tx.fetchall(f"SELECT update_id FROM seen WHERE update_id IN ({marks(update_ids)})", update_ids)
    return {row[0] for row in rows}


def add_seen(tx: Transaction, update_ids: Iterable[int], now: datetime) -> None:
    tx.executemany(
        "INSERT INTO seen (update_id, at) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [(update_id, stamp(now)) for update_id in update_ids],
    )


def forget_seen(tx: Transaction, before: datetime) -> int:
    return tx.execute("DELETE FROM seen WHERE at < ?", (stamp(before),))
