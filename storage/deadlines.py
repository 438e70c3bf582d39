"""Who is due and when, and how other dates are set."""

from collections.abc import Sequence
from datetime import datetime

from storage.engine import Row, Transaction
from storage.values import stamp


def count_due(tx: Transaction, now: datetime) -> int:
    row = tx.fetchone("SELECT COUNT(*) FROM people WHERE due_at <= ?", (stamp(now),))
    return int(row[0]) if row else 0


def due_people(tx: Transaction, now: datetime, limit: int) -> list[str]:
    rows = tx.fetchall(
        "SELECT person_id FROM people WHERE due_at <= ? ORDER BY due_at LIMIT ?", (stamp(now), limit)
    )
    return [row[0] for row in rows]


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
