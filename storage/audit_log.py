"""What was done, entry by entry, none of which changes: written here, looked through in `chain`."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from conversations.audit import Action
from storage.engine import Row, Transaction
from storage.values import marks, stamp

AuditEntry = tuple[Action, str, str]  # action, subject and detail, as ACTIONS says


def add(tx: Transaction, entries: Sequence[AuditEntry], now: datetime) -> None:
    """Every row's hash covers the row before it."""
    seq, previous = head(tx)
    at = stamp(now)
    chained = []
    for action, subject, detail in entries:
        seq += 1
        previous = entry_hash(previous, (str(seq), at, action, subject, detail))
        chained.append((seq, at, action, subject, detail, previous))
    tx.executemany(
        "INSERT INTO audit (seq, at, action, subject, detail, hash) VALUES (?, ?, ?, ?, ?, ?)", chained
    )


def entry_hash(previous: str, row: Sequence[str]) -> str:
    """SHA-256 over the last row's hash and this row's fields, each with its length in front."""
    digest = hashlib.sha256(previous.encode())
    for field in row:
        digest.update(f"{len(field.encode())}:{field}".encode())
    return digest.hexdigest()


def head(tx: Transaction) -> tuple[int, str]:
    """The last entry's number, which is how many there are, and its hash; 0 and nothing of an empty log."""
    newest = tx.fetchone("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
    return (int(newest[0]), str(newest[1])) if newest else (0, "")


def rows(tx: Transaction, after: int = 0, limit: int = 1_000_000_000, since: str = "") -> list[Row]:
    """(seq, at, action, subject, detail, hash), in order: those above `after`, and not before a time."""
    return tx.fetchall(
        "SELECT seq, at, action, subject, detail, hash FROM audit WHERE seq > ? AND at >= ?"
        " ORDER BY seq LIMIT ?",
        (after, since, limit),
    )


def last_of(tx: Transaction, action: Action, after: int) -> Row | None:
    """The newest entry of that action behind another: (seq, at, action, subject, detail, hash)."""
    return tx.fetchone(
        "SELECT seq, at, action, subject, detail, hash FROM audit WHERE seq > ? AND action = ?"
        " ORDER BY seq DESC LIMIT 1",
        (after, action),
    )


def all_of(tx: Transaction, action: Action) -> list[Row]:
    """Every entry of that action, in order: (seq, at, action, subject, detail, hash)."""
    return tx.fetchall(
        "SELECT seq, at, action, subject, detail, hash FROM audit WHERE action = ? ORDER BY seq", (action,)
    )


@dataclass(frozen=True, slots=True)
class Decided:
    """How many applications were submitted, decided either way, and withdrawn."""

    submitted: int = 0
    approved: int = 0
    rejected: int = 0
    withdrawn: int = 0


def decided(tx: Transaction, after: int, until: int) -> Decided:
    """What the entries between two numbers say, the first one left out. What was undone among them does not count."""
    actions: tuple[Action, ...] = ("submitted", "approved", "rejected", "undone", "withdrawn")
    found = tx.fetchall(
        f"SELECT action, detail FROM audit WHERE seq > ? AND seq <= ? AND action IN ({marks(actions)}) ORDER BY seq",
        (after, until, *actions),
    )
    standing: dict[tuple[str, ...], str] = {}  # by receipt and round
    counts = {"submitted": 0, "withdrawn": 0}
    for action, detail in found:
        parts = tuple(detail.split(" ")[:2])
        if action in ("approved", "rejected"):
            standing[parts] = action
        elif action == "undone":
            standing.pop(parts, None)
        elif parts[0] != "-":  # a draft that is withdrawn was never submitted
            counts[action] += 1
    outcomes = list(standing.values())
    return Decided(
        counts["submitted"], outcomes.count("approved"), outcomes.count("rejected"), counts["withdrawn"]
    )


def about(tx: Transaction, subjects: Sequence[str]) -> list[Row]:
    """(seq, at, action, subject, detail, hash) of all entries about any of them, in order."""
    return tx.fetchall(
        f"SELECT seq, at, action, subject, detail, hash FROM audit WHERE subject IN ({marks(subjects)})"
        " ORDER BY seq",
        subjects,
    )


def last_about(tx: Transaction, subject: str) -> Row | None:
    """(action, detail) of the newest entry about it."""
    return tx.fetchone(
        "SELECT action, detail FROM audit WHERE subject = ? ORDER BY seq DESC LIMIT 1", (subject,)
    )


def misplaced(tx: Transaction) -> int:
    """How many entries have no number that one of the log can have."""
    row = tx.fetchone("SELECT COUNT(*) FROM audit WHERE seq IS NULL OR seq < 1")
    return int(row[0]) if row else 0
