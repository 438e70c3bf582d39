"""The audit log looked through: whether every entry is as it was written, in its place, and none is missing.

Each entry's hash covers its fields and the hash before it, so that a change anywhere shows. Who can write the
database can write the log anew from some entry on, or cut its end off; that shows by a head known from before:
the one that was published last stands in the database, all that were published stand in the operators' chat.

A restore goes back to the log of the backup, and is an entry of its own. A head that was told in between is not in the
log any more: that proves nothing, neither that the log is as it was nor that somebody changed it.
"""

import re
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

from conversations.audit import Action
from storage import audit_log, facts
from storage.engine import Engine, Row, Transaction
from storage.errors import StorageUnavailable

PUBLISHED = "audit_published"  # the fact: day, number of entries and head of the last time
PIECE = 2_000  # entries in memory at once
RESTORED: Action = "restored"
_HEAD = re.compile(r"(?:([1-9][0-9]{0,17}):)?([0-9a-f]{16,64})")


@dataclass(frozen=True, slots=True)
class Published:
    """The head as it was told on a day: how many entries there were, and the last one's hash."""

    day: str
    entries: int
    head: str

    def text(self) -> str:
        return f"{self.day} {self.entries} {self.head}"

    @classmethod
    def of(cls, text: str | None) -> "Published | None":
        parts = (text or "").split(" ")
        if len(parts) != 3 or not parts[1].isdecimal():
            return None
        return cls(parts[0], int(parts[1]), parts[2])


def published(tx: Transaction) -> Published | None:
    return Published.of(facts.get(tx, PUBLISHED))


@dataclass(frozen=True, slots=True)
class Head:
    """A head that was told: the hash of an entry, or its beginning, and that entry's number; 0 when only the hash is
    known."""

    digits: str
    number: int = 0

    @classmethod
    def of(cls, text: str) -> "Head | None":
        """From NUMBER:HASH, or the hash alone; None of anything else."""
        found = _HEAD.fullmatch(text.strip().lower())
        return cls(found[2], int(found[1] or 0)) if found else None

    def __str__(self) -> str:
        return f"{self.number}:{self.digits}" if self.number else self.digits

    def is_at(self, seq: int, found: str) -> bool:
        return found.startswith(self.digits) and self.number in (0, seq)


@dataclass(frozen=True, slots=True)
class Restored:
    """A restore: its entry, when it was, and of which moment the backup was."""

    seq: int
    at: str
    moment: str

    @classmethod
    def of(cls, row: Row) -> "Restored":
        """From an entry: (seq, at, action, subject, detail, ...)."""
        return cls(row[0], row[1], row[4].partition(" ")[0])


def restored_after(tx: Transaction, seq: int) -> Restored | None:
    """The last restore that is entered behind an entry."""
    row = audit_log.last_of(tx, RESTORED, seq)
    return Restored.of(row) if row else None


def all_restores(tx: Transaction) -> list[Restored]:
    """All that are entered, in order."""
    return [Restored.of(row) for row in audit_log.all_of(tx, RESTORED)]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many entries are sound, the last one's hash, and what is wrong with the next, in one line; `unproved`: why of
    a head nothing can be said."""

    entries: int
    head: str
    fault: str = ""
    unproved: str = ""


async def entries(engine: Engine, since: str = "") -> AsyncGenerator[Row, None]:
    """(seq, at, action, subject, detail, hash) in order, read in pieces. Raises StorageUnavailable."""
    after = 0
    while piece := await engine.read(lambda tx, after=after: audit_log.rows(tx, after, PIECE, since)):  # type: ignore[misc]
        for row in piece:
            yield row
        after = piece[-1][0]


async def verify(
    engine: Engine, heads: Sequence[Head] = (), tell: Callable[[int], None] = lambda done: None
) -> Verdict:
    """Look through the whole log. `heads`: those that it must have; `tell`: how far it is.

    Raises StorageUnavailable when the database cannot be read at all.
    """
    misplaced, last = await engine.read(lambda tx: (audit_log.misplaced(tx), published(tx)))
    if misplaced:
        have = "has" if misplaced == 1 else "have"
        return Verdict(0, "", f"{misplaced} of its entries {have} no number that an entry can have")
    seq, head, missing, restores = 0, "", list(heads), list[Restored]()
    while True:
        piece, unreadable = await _piece(engine, seq)
        for row in piece:
            if fault := _fault(seq, head, row):
                return Verdict(seq, head, fault)
            seq, head = row[0], row[5]
            missing = [one for one in missing if not one.is_at(seq, head)]
            if row[2] == RESTORED:
                restores.append(Restored.of(row))
            if last is not None and last.entries == seq and last.head != head:
                return Verdict(seq - 1, "", f"entry {seq} is not the one that was published on {last.day}")
        if unreadable:
            return Verdict(seq, head, f"entry {seq + 1} cannot be read: {unreadable}")
        if not piece:
            break
        tell(seq)
    if last is not None and last.entries > seq:
        one = last.entries == seq + 1
        gone = f"entry {last.entries} is" if one else f"entries {seq + 1} to {last.entries} are"
        return Verdict(seq, head, f"{gone} missing at its end: it had {last.entries} on {last.day}")
    unproved = ""
    for lost in missing:
        restored = next((one for one in restores[::-1] if not lost.number or one.seq <= lost.number), None)
        if restored is None:
            return Verdict(seq, head, _gone(lost, seq))
        unproved = unproved or _not_proved(lost, restored)
    return Verdict(seq, head, unproved=unproved)


def _gone(head: Head, last: int) -> str:
    """What it means that a head is missing that no restore can have taken away."""
    if not head.number:
        return f"it has no entry with the hash {head}: its end was cut off or written anew"
    if head.number > last:
        return f"it ends with entry {last}, and had {head.number} when {head} was told: its end was cut off"
    return f"entry {head.number} is not the one that it was when {head} was told: it was written anew from there on"


def _not_proved(head: Head, restored: Restored) -> str:
    was, at = moment(restored.moment), moment(restored.at)
    return (
        f"restored from a backup of {was}, and the head {head} is not in it. If it was told before the restore,"
        f" which was at {at}, it may have been lost then; if it was told later, the log was written anew"
    )


def moment(stamp: str) -> str:
    """A time of the log for people's eyes."""
    return f"{stamp[:10]} {stamp[11:19]}Z"


async def _piece(engine: Engine, after: int) -> tuple[list[Row], str]:
    """The next entries; and, when the one behind them cannot even be read, why."""
    try:
        return await engine.read(lambda tx: audit_log.rows(tx, after, PIECE)), ""
    except StorageUnavailable:
        await engine.check()  # raises when it is the whole database
    found: list[Row] = []
    while True:
        try:
            row = await engine.read(lambda tx, after=after: audit_log.rows(tx, after, 1))  # type: ignore[misc]
        except StorageUnavailable as error:
            return found, str(error)
        if not row or len(found) >= PIECE or type(row[0][0]) is not int:
            return [*found, *row], ""
        found += row
        after = row[0][0]


def _fault(before: int, previous: str, row: Row) -> str:
    """What is wrong with an entry, as the next after `before`; nothing when it is sound."""
    seq, *fields, found = row
    if type(seq) is not int:
        return f"behind entry {before} stands one with the number {seq!r}"
    if seq != before + 1:
        one = seq == before + 2
        gone = f"entry {before + 1} is" if one else f"entries {before + 1} to {seq - 1} are"
        return f"{gone} missing before entry {seq}"
    if any(type(one) is not str for one in (*fields, found)):
        return f"entry {seq} was changed: not all of it is text"
    if audit_log.entry_hash(previous, (str(seq), *fields)) != found:
        return f"entry {seq} was changed, or does not follow on entry {before}"
    return ""
