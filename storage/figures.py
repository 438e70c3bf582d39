"""How many people, applications and photos there are, and since when the oldest waits."""

from datetime import datetime

from storage.engine import Transaction
from storage.values import unstamp


def count_people(tx: Transaction) -> int:
    row = tx.fetchone("SELECT COUNT(*) FROM people")
    return int(row[0]) if row else 0


def count_by_state(tx: Transaction) -> dict[str, int]:
    """How many people stand in each state."""
    return {row[0]: row[1] for row in tx.fetchall("SELECT state, COUNT(*) FROM people GROUP BY state")}


def count_by_status(tx: Transaction) -> dict[str, int]:
    return {
        row[0]: row[1] for row in tx.fetchall("SELECT status, COUNT(*) FROM applications GROUP BY status")
    }


def oldest_waiting(tx: Transaction) -> datetime | None:
    """When the application was submitted that has waited longest for a decision."""
    row = tx.fetchone("SELECT MIN(submitted_at) FROM applications WHERE status IN ('waiting', 'rejecting')")
    return unstamp(row[0]) if row and row[0] else None


def counts(tx: Transaction) -> tuple[int, int, int]:
    """People, applications and photos."""
    row = tx.fetchone(
        "SELECT (SELECT COUNT(*) FROM people), (SELECT COUNT(*) FROM applications), (SELECT COUNT(*) FROM photos)"
    )
    assert row is not None
    return int(row[0]), int(row[1]), int(row[2])
