"""The journal of erasures and withdrawals is kept up to the database: what it lacks is added."""

import asyncio
from pathlib import Path

from bot.ended import since, tombstones, withdrawals
from storage import audit_log, erasure
from storage.engine import Engine, Row, Transaction
from storage.erasure import Tombstone
from storage.journal import Entry, Journal


class Journaling:
    """At first, and when somebody else has changed the journal, all of it is compared; later what is new."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._journal = Journal(folder)
        self._last: tuple[Row | None, int] = (
            None,
            0,
        )  # the tombstones, and the audit log, as far as they are entered
        self._recent: set[Entry] = set()  # those of late that stand in the journal
        self._state: tuple[int, ...] = ()  # the journal as it was left

    async def enter(self) -> None:
        """Every erasure and withdrawal stands in the journal. Raises StorageError, OSError."""
        last = await self._engine.read(_last)
        state = await asyncio.to_thread(self._journal.state)
        is_ours = bool(state) and state == self._state
        if is_ours and last == self._last:
            return
        self._state = ()  # should it fail, all is compared again
        known = self._recent if is_ours else await asyncio.to_thread(lambda: set(self._journal.entries()))
        before = self._last if is_ours else (None, 0)
        missing: dict[Entry, None] = {}
        async for stones in tombstones(self._engine, since(before[0])):
            missing |= dict.fromkeys(one for one in stones if one not in known)
        async for page in withdrawals(self._engine, before[1], last[1]):
            missing |= dict.fromkeys(one for one in page if one not in known)
        if missing or not state:
            await asyncio.to_thread(self._journal.add, sorted(missing, key=_when))
        recent = since(last[0])
        self._recent = {one for one in (*known, *missing) if _when(one) >= recent}
        self._last, self._state = last, await asyncio.to_thread(self._journal.state)


def _last(tx: Transaction) -> tuple[Row, int]:
    return erasure.last_tombstones(tx), audit_log.head(tx)[0]


def _when(entry: Entry) -> str:
    return entry.erased_at if isinstance(entry, Tombstone) else entry.withdrawn_at
