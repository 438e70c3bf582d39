"""Which reviewers were met: by the keyed hash of the account; its id and name are sealed with the operator's key."""

from collections.abc import Sequence
from datetime import datetime

from storage.engine import Row, Transaction
from storage.values import stamp


def place(ref: str) -> str:
    """The place a row is sealed for."""
    return f"reviewers/{ref}"


def met(tx: Transaction, ref: str, sealed: bytes, now: datetime) -> None:
    tx.execute(
        "INSERT INTO reviewers (ref, seen_at, sealed) VALUES (?, ?, ?) ON CONFLICT (ref) DO UPDATE SET"
        " seen_at = excluded.seen_at, sealed = excluded.sealed",
        (ref, stamp(now), sealed),
    )


def everyone(tx: Transaction) -> list[Row]:
    """(ref, seen_at, sealed), the one met last first."""
    return tx.fetchall("SELECT ref, seen_at, sealed FROM reviewers ORDER BY seen_at DESC, ref")


def drop(tx: Transaction, ref: str) -> None:
    tx.execute("DELETE FROM reviewers WHERE ref = ?", (ref,))


def sealed_after(tx: Transaction, after: str, limit: int) -> list[Row]:
    """(ref, sealed), the next in the order of the hashes."""
    return tx.fetchall("SELECT ref, sealed FROM reviewers WHERE ref > ? ORDER BY ref LIMIT ?", (after, limit))


def set_sealed(tx: Transaction, rows: Sequence[tuple[str, bytes]]) -> None:
    tx.executemany("UPDATE reviewers SET sealed = ? WHERE ref = ?", [(sealed, one) for one, sealed in rows])
