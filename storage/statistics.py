"""Numbers that tell of nobody: how far attempts to apply came, when applications were submitted and how decided."""

from collections.abc import Mapping
from dataclasses import dataclass

from storage.engine import Transaction
from storage.values import marks

_ENTRIES = ("submitted", "approved", "rejected", "undone")


def add_tallies(tx: Transaction, counts: Mapping[tuple[str, str], int]) -> None:
    """More attempts have come to a step; by the day on which they began, and the step."""
    tx.executemany(
        "INSERT INTO tallies (day, step, count) VALUES (?, ?, ?)"
        " ON CONFLICT (day, step) DO UPDATE SET count = tallies.count + excluded.count",
        [(day, step, count) for (day, step), count in counts.items()],
    )


def tallies(tx: Transaction, first: str, last: str) -> dict[str, int]:
    """How many attempts that began in these days, both included, have come to each step."""
    rows = tx.fetchall(
        "SELECT step, SUM(count) FROM tallies WHERE day >= ? AND day <= ? GROUP BY step", (first, last)
    )
    return {str(step): int(count) for step, count in rows}


def first_tally(tx: Transaction) -> str | None:
    """The first day on which an attempt began that was counted."""
    row = tx.fetchone("SELECT MIN(day) FROM tallies")
    return str(row[0]) if row and row[0] else None


@dataclass(frozen=True, slots=True)
class Entry:
    """What the audit log says of an application: its action, when (as it is stored), and its detail in parts."""

    at: str
    action: str
    detail: tuple[str, ...]


def entries(tx: Transaction, after: int, until: int) -> list[Entry]:
    """What was submitted, decided and undone, of the entries with these numbers, in their order."""
    rows = tx.fetchall(
        "SELECT at, action, detail FROM audit"
        f" WHERE seq > ? AND seq <= ? AND action IN ({marks(_ENTRIES)}) ORDER BY seq",
        (after, until, *_ENTRIES),
    )
    return [Entry(str(at), str(action), tuple(str(detail).split(" "))) for at, action, detail in rows]


def last_entry(tx: Transaction) -> int:
    """The number of the audit log's newest entry."""
    row = tx.fetchone("SELECT MAX(seq) FROM audit")
    return int(row[0]) if row and row[0] else 0
