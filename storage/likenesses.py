"""What looks alike: applications with the same e-mail address or photo, by keyed hash, which tells nothing else."""

from collections.abc import Collection
from dataclasses import dataclass

from storage.engine import Transaction
from storage.store import OPEN_STATUSES
from storage.values import marks

FEW = 3  # open ones whose cards are brought up to date
MOST = 20  # of one kind that are looked for: many accounts with one address must cost no more

Likeness = tuple[str, str]  # of what ("email", "photo"), and its keyed hash


@dataclass(frozen=True, slots=True)
class Alike:
    """Another person's application with the same of that kind."""

    kind: str
    receipt: str


def put(tx: Transaction, receipt: str, found: Collection[Likeness]) -> None:
    """An application's, in the place of those it had."""
    tx.execute("DELETE FROM likenesses WHERE receipt = ?", (receipt,))
    for kind, digest in sorted(set(found)):
        tx.execute("INSERT INTO likenesses (kind, digest, receipt) VALUES (?, ?, ?)", (kind, digest, receipt))


def of(tx: Transaction, receipt: str) -> list[Likeness]:
    rows = tx.fetchall(
        "SELECT kind, digest FROM likenesses WHERE receipt = ? ORDER BY kind, digest", (receipt,)
    )
    return [(row[0], row[1]) for row in rows]


_ALIKE = (
    "SELECT DISTINCT other.kind, other.receipt, there.submitted_at FROM likenesses own"
    " JOIN likenesses other ON other.kind = own.kind AND other.digest = own.digest"
    " JOIN applications here ON here.receipt = own.receipt"
    " JOIN applications there ON there.receipt = other.receipt AND there.person_id <> here.person_id"
    " WHERE own.receipt = ?"
)


def alike(tx: Transaction, receipt: str) -> list[Alike]:
    """The newest first, `MOST` at most."""
    rows = tx.fetchall(
        f"{_ALIKE} ORDER BY there.submitted_at DESC, other.receipt, other.kind LIMIT ?", (receipt, MOST)
    )
    return [Alike(row[0], row[1]) for row in rows]


def open_alike(tx: Transaction, receipt: str) -> list[str]:
    """The receipts of those that the reviewers have before them and that may not say so yet: none where there are many,
    as each of those was told of the first ones."""
    rows = tx.fetchall(
        f"{_ALIKE} AND there.status IN ({marks(OPEN_STATUSES)}) ORDER BY other.receipt LIMIT ?",
        (receipt, *OPEN_STATUSES, 2 * (FEW + 1)),
    )
    found = list(dict.fromkeys(row[1] for row in rows))
    return found if len(found) <= FEW else []
