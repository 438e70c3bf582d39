"""The audit log looked through: whether every entry is as it was written, in its place, and none is missing.

Each entry's hash covers its fields and the hash before it, so that a change anywhere shows. Who can write the
database can write the log anew from some entry on, or cut its end off; that shows by a head known from before:
the one that was published last stands in the database, all that were published stand in the operators' chat.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

from storage import store
from storage.engine import Engine, Row, Transaction
from storage.errors import StorageUnavailable

PUBLISHED = "audit_published"  # the fact: day, number of entries and head of the last time
PIECE = 2_000  # entries in memory at once


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
    return Published.of(store.get_fact(tx, PUBLISHED))


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many entries are sound, the last one's hash, and what is wrong with the next, in one line."""

    entries: int
    head: str
    fault: str = ""


async def entries(engine: Engine, since: str = "") -> AsyncGenerator[Row, None]:
    """(seq, at, action, subject, detail, hash) in order, read in pieces. Raises StorageUnavailable."""
    after = 0
    while piece := await engine.read(lambda tx, after=after: store.audit_rows(tx, after, PIECE, since)):  # type: ignore[misc]
        for row in piece:
            yield row
        after = piece[-1][0]


async def verify(
    engine: Engine, heads: Sequence[str] = (), tell: Callable[[int], None] = lambda done: None
) -> Verdict:
    """Look through the whole log. `heads`: hashes that it must have, or their beginnings; `tell`: how far it is.

    Raises StorageUnavailable when the database cannot be read at all.
    """
    misplaced, last = await engine.read(lambda tx: (store.audit_misplaced(tx), published(tx)))
    if misplaced:
        return Verdict(0, "", f"{misplaced} of its entries have no number that an entry can have")
    seq, head, missing = 0, "", list(heads)
    while True:
        piece, unreadable = await _piece(engine, seq)
        for row in piece:
            if fault := _fault(seq, head, row):
                return Verdict(seq, head, fault)
            seq, head = row[0], row[5]
            missing = [one for one in missing if not head.startswith(one)]
            if last is not None and last.entries == seq and last.head != head:
                return Verdict(seq - 1, "", f"entry {seq} is not the one that was published on {last.day}")
        if unreadable:
            return Verdict(seq, head, f"entry {seq + 1} cannot be read: {unreadable}")
        if not piece:
            break
        tell(seq)
    if last is not None and last.entries > seq:
        fault = f"entries {seq + 1} to {last.entries} are missing at its end: it had them on {last.day}"
        return Verdict(seq, head, fault)
    if missing:
        fault = f"it has no entry with the hash {missing[0]}: its end was cut off or written anew"
        return Verdict(seq, head, fault)
    return Verdict(seq, head)


async def _piece(engine: Engine, after: int) -> tuple[list[Row], str]:
    """The next entries; and, when the one behind them cannot even be read, why."""
    try:
        return await engine.read(lambda tx: store.audit_rows(tx, after, PIECE)), ""
    except StorageUnavailable:
        await engine.check()  # raises when it is the whole database
    found: list[Row] = []
    while True:
        try:
            row = await engine.read(lambda tx, after=after: store.audit_rows(tx, after, 1))  # type: ignore[misc]
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
        return f"an entry behind {before} has the number {seq!r}"
    if seq != before + 1:
        gone = str(before + 1) if seq == before + 2 else f"{before + 1} to {seq - 1}"
        return f"{'entry' if seq == before + 2 else 'entries'} {gone} missing before entry {seq}"
    if any(type(one) is not str for one in (*fields, found)):
        return f"entry {seq} was changed: not all of it is text"
    if store.audit_hash(previous, (str(seq), *fields)) != found:
        return f"entry {seq} was changed, or does not follow on entry {before}"
    return ""
