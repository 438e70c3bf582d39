"""What is still to be done outside, and which of the bot's messages stand in chats."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.engine import Row, Transaction
from storage.values import stamp

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


def reseal_errand(tx: Transaction, row: tuple[str, str | None, str, str | None, bytes]) -> None:
    """It is further than it was: a row as `add_errands` takes it."""
    tx.execute("UPDATE errands SET sealed = ? WHERE errand_id = ?", (row[4], row[0]))


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
    tx: Transaction,
    person_id: str,
    message_id: int,
    receipt: str,
    sealed_chat: bytes,
    now: datetime,
    place: str = "reviewer",
) -> bool:
    """A photo stands in a reviewer's private chat, or a form (`place`). False when there is no such person any
    more."""
    found = tx.execute(
        "INSERT INTO messages (person_id, place, message_id, receipt, sent_at, sealed_chat)"
        " SELECT person_id, ?, ?, ?, ?, ? FROM people WHERE person_id = ?"
        " ON CONFLICT (person_id, place, message_id) DO UPDATE SET receipt = excluded.receipt",
        (place, message_id, receipt, stamp(now), sealed_chat, person_id),
    )
    return found > 0


def message_numbers(tx: Transaction, above: int) -> list[int]:
    """The numbers above that one at which known messages in private chats stand."""
    rows = tx.fetchall(
        "SELECT message_id FROM messages WHERE place <> 'notice' AND message_id > ? ORDER BY message_id",
        (above,),
    )
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
