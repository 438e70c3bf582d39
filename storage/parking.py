"""Which updates could not be handled, and wait, sealed under the operator's key, to be tried again or dropped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storage import audit_log
from storage.engine import Transaction
from storage.errors import ParkedGone
from storage.values import stamp


@dataclass(slots=True)
class ParkedRow:
    """A row of `parked`, still sealed under the operator's key. `ref` is empty when the sender is not known."""

    parked_id: str
    ref: str
    at: str
    reason: str
    sealed: bytes
    update_id: int | None = None


def park(
    tx: Transaction, parked_id: str, whose: tuple[int | None, str], reason: str, sealed: bytes, now: datetime
) -> None:
    """`whose`: the update's number and the keyed hash of its sender, as far as they are known."""
    tx.execute(
        "INSERT INTO parked (parked_id, update_id, ref, at, reason, sealed) VALUES (?, ?, ?, ?, ?, ?)",
        (parked_id, *whose, stamp(now), reason, sealed),
    )


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
    audit_log.add(tx, [("parked_retried", parked_id, "failed")], now)
    tx.execute("UPDATE parked SET reason = ?, at = ? WHERE parked_id = ?", (reason, stamp(now), parked_id))


def take_parked(tx: Transaction, parked_id: str, now: datetime) -> None:
    """It is handled in this very transaction. Raises ParkedGone."""
    if not tx.execute("DELETE FROM parked WHERE parked_id = ?", (parked_id,)):
        raise ParkedGone("it is parked no longer")
    audit_log.add(tx, [("parked_retried", parked_id, "handled")], now)


def drop_parked(tx: Transaction, parked_ids: Sequence[str], now: datetime) -> int:
    """How many there were."""
    gone = [one for one in parked_ids if tx.execute("DELETE FROM parked WHERE parked_id = ?", (one,))]
    audit_log.add(tx, [("parked_dropped", one, "") for one in gone], now)
    return len(gone)


def drop_all_parked(tx: Transaction, now: datetime) -> int:
    return drop_parked(tx, [row[0] for row in tx.fetchall("SELECT parked_id FROM parked")], now)


def forget_parked(tx: Transaction, before: datetime, now: datetime) -> None:
    if gone := tx.execute("DELETE FROM parked WHERE at < ?", (stamp(before),)):
        audit_log.add(tx, [("parked_expired", "", str(gone))], now)
