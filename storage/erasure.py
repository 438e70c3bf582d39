"""Who was erased and what was taken back: what has to hold also after a backup was restored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storage import ledger
from storage.engine import Row, Transaction
from storage.values import marks, stamp, unstamp

# erasures


def erase_person(
    tx: Transaction, person_id: str, ref: str, barred_until: datetime | None, now: datetime
) -> None:
    """Rows, photos and key go in one step; what remains is a keyed hash and the proof of consent, which ends now."""
    ledger.end_consents(tx, person_id, now)
    tx.execute("DELETE FROM people WHERE person_id = ?", (person_id,))
    tx.execute("DELETE FROM parked WHERE ref = ?", (ref,))
    tx.execute("DELETE FROM reviewers WHERE ref = ?", (ref,))  # if he was one too
    tx.execute(
        "INSERT INTO tombstones (ref, erased_at, barred_until) VALUES (?, ?, ?) ON CONFLICT (ref) DO UPDATE SET"
        " erased_at = excluded.erased_at, barred_until = excluded.barred_until",
        (ref, stamp(now), stamp(barred_until) if barred_until else None),
    )


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A row of `tombstones`; both times as text (`stamp`), `barred_until` empty when nothing is barred."""

    ref: str
    erased_at: str
    barred_until: str = ""


def barred_until(tx: Transaction, refs: Sequence[str]) -> dict[str, datetime]:
    rows = tx.fetchall(
        f"SELECT ref, barred_until FROM tombstones WHERE barred_until IS NOT NULL AND ref IN ({marks(refs)})",
        refs,
    )
    return {row[0]: unstamp(row[1]) for row in rows}


def tombstones(tx: Transaction) -> list[Tombstone]:
    rows = tx.fetchall(
        "SELECT ref, erased_at, COALESCE(barred_until, '') FROM tombstones ORDER BY erased_at, ref"
    )
    return [Tombstone(*row) for row in rows]


def tombstone(tx: Transaction, ref: str) -> Tombstone | None:
    row = tx.fetchone(
        "SELECT ref, erased_at, COALESCE(barred_until, '') FROM tombstones WHERE ref = ?", (ref,)
    )
    return None if row is None else Tombstone(*row)


def next_tombstones(tx: Transaction, after: str, since: str, limit: int) -> list[Tombstone]:
    """Those set at that time or later: the next in the order of the keyed hashes."""
    rows = tx.fetchall(
        "SELECT ref, erased_at, COALESCE(barred_until, '') FROM tombstones WHERE ref > ? AND erased_at >= ?"
        " ORDER BY ref LIMIT ?",
        (after, since, limit),
    )
    return [Tombstone(*row) for row in rows]


def last_tombstones(tx: Transaction) -> Row:
    """How many there are, and when the last was set: whether there are others than before."""
    return tx.fetchone("SELECT COUNT(*), MAX(erased_at) FROM tombstones") or (0, None)


# withdrawals


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Somebody who is still known took back his consents, or that to one document; when as text (`stamp`)."""

    ref: str
    withdrawn_at: str
    document: str = ""


_ENTERED = (
    "SELECT a.seq, a.at, a.subject, p.ref, CASE WHEN a.detail LIKE '% again' THEN 1 ELSE 0 END AS is_again,"
    " CASE WHEN a.action = 'withdrawn' THEN '' ELSE replace(a.detail, ' again', '') END AS document"
    " FROM audit a JOIN people p ON p.person_id = a.subject WHERE a.seq > ? AND a.seq <= ?"
    " AND a.action IN ('withdrawn', 'consent_withdrawn')"
)


def withdrawals(tx: Transaction, after: int, until: int, limit: int) -> list[tuple[int, Withdrawal]]:
    """The next that the audit log has entered, with the numbers of the entries, which are above `after` and not above
    `until`. The ledger has the same moments, and those at which consents ended otherwise too.

    What was entered again after a restore has its true moment in the ledger only: the last end of such a consent until
    then of which no entry tells, since that is lost."""
    rows = tx.fetchall(
        "SELECT seq, ref, ended_at, document FROM (SELECT w.seq, w.ref, w.document, CASE WHEN w.is_again = 0 THEN w.at"
        " ELSE (SELECT MAX(c.withdrawn_at) FROM consents c WHERE c.person_id = w.subject AND c.withdrawn_at <= w.at"
        " AND w.document IN ('', c.document) AND NOT EXISTS"
        " (SELECT 1 FROM audit b WHERE b.subject = w.subject AND b.at = c.withdrawn_at)) END AS ended_at"
        f" FROM ({_ENTERED}) w) e WHERE ended_at IS NOT NULL ORDER BY seq LIMIT ?",
        (after, until, limit),
    )
    return [(row[0], Withdrawal(*row[1:])) for row in rows]
