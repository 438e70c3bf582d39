"""What waits for the reviewers, oldest first, and how much of it has waited too long."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.engine import Row, Transaction
from storage.store import OPEN_STATUSES, ApplicationRow
from storage.values import marks, stamp, unstamp

UNDECIDED = ("waiting", "rejecting")

Queued = tuple[str, ApplicationRow]  # when it was submitted, as it is stored, and the row, still sealed

_ROWS = (
    "SELECT a.submitted_at, a.receipt, a.person_id, p.wrapped_key, a.status, a.card_chat,"
    " a.card_message, a.card_topic, a.sealed"
    " FROM applications a JOIN people p ON p.person_id = a.person_id WHERE "
)
_OLDEST_FIRST = " ORDER BY a.submitted_at, a.receipt"


@dataclass(frozen=True, slots=True)
class Load:
    """How many wait for a decision, how many of them were submitted before some time, and when the oldest was."""

    waiting: int
    late: int
    oldest: datetime | None


def load(tx: Transaction, before: datetime) -> Load:
    """`before`: what was submitted by then is late."""
    row = tx.fetchone(
        "SELECT COUNT(*), SUM(CASE WHEN submitted_at <= ? THEN 1 ELSE 0 END), MIN(submitted_at)"
        f" FROM applications WHERE status IN ({marks(UNDECIDED)})",
        (stamp(before), *UNDECIDED),
    )
    waiting, late, oldest = row or (0, 0, None)
    return Load(int(waiting), int(late or 0), unstamp(oldest) if oldest else None)


def count_open(tx: Transaction) -> int:
    """How many the reviewers have before them, those included that are decided and not told."""
    row = tx.fetchone(
        f"SELECT COUNT(*) FROM applications WHERE status IN ({marks(OPEN_STATUSES)})", OPEN_STATUSES
    )
    return int(row[0]) if row else 0


def _queued(rows: Sequence[Row]) -> list[Queued]:
    return [(row[0], ApplicationRow(*row[1:])) for row in rows]


def open_from(tx: Transaction, start: int, limit: int) -> list[Queued]:
    """What the reviewers have before them, oldest first: so many from that place on."""
    rows = tx.fetchall(
        f"{_ROWS} a.status IN ({marks(OPEN_STATUSES)}){_OLDEST_FIRST} LIMIT ? OFFSET ?",
        (*OPEN_STATUSES, limit, start),
    )
    return _queued(rows)


def late_from(tx: Transaction, before: datetime, start: int, limit: int) -> list[Queued]:
    """What waits for a decision and was submitted by then, oldest first: so many from that place on."""
    rows = tx.fetchall(
        f"{_ROWS} a.status IN ({marks(UNDECIDED)}) AND a.submitted_at <= ?{_OLDEST_FIRST} LIMIT ? OFFSET ?",
        (*UNDECIDED, stamp(before), limit, start),
    )
    return _queued(rows)


def undecided_after(tx: Transaction, after: tuple[str, str], limit: int) -> list[Queued]:
    """What waits for a decision, oldest first: the next behind (time of submission, receipt)."""
    rows = tx.fetchall(
        f"{_ROWS} a.status IN ({marks(UNDECIDED)}) AND (a.submitted_at, a.receipt) > (?, ?){_OLDEST_FIRST}"
        " LIMIT ?",
        (*UNDECIDED, *after, limit),
    )
    return _queued(rows)


def one(tx: Transaction, receipt: str) -> Queued | None:
    """An application by its receipt, whatever became of it."""
    row = tx.fetchone(f"{_ROWS} a.receipt = ?", (receipt,))
    return _queued([row])[0] if row else None


def submitted_between(tx: Transaction, after: datetime, until: datetime) -> Sequence[str]:
    """The receipts of what waits for a decision and was submitted in that time, oldest first."""
    rows = tx.fetchall(
        f"SELECT receipt FROM applications WHERE status IN ({marks(UNDECIDED)}) AND submitted_at > ?"
        " AND submitted_at <= ? ORDER BY submitted_at, receipt",
        (*UNDECIDED, stamp(after), stamp(until)),
    )
    return [row[0] for row in rows]
