"""The journal of erasures is kept up to the database: what it lacks is added."""

import asyncio
from pathlib import Path

from bot.tombstones import since, tombstones
from storage import store
from storage.engine import Engine, Row
from storage.journal import Journal
from storage.store import Tombstone


class Journaling:
    """At first, and when somebody else has changed the journal, all of it is compared; later what is new."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._journal = Journal(folder)
        self._last: Row | None = None  # of the tombstones that are entered
        self._recent: set[Tombstone] = set()  # those of late that stand in the journal
        self._state: tuple[int, ...] = ()  # the journal as it was left

    async def enter(self) -> None:
        """Every tombstone stands in the journal. Raises StorageError, OSError."""
        last = await self._engine.read(store.last_tombstones)
        state = await asyncio.to_thread(self._journal.state)
        is_ours = bool(state) and state == self._state
        if is_ours and last == self._last:
            return
        self._state = ()  # should it fail, all is compared again
        known = self._recent if is_ours else await asyncio.to_thread(lambda: set(self._journal.read()))
        missing = []
        async for page in tombstones(self._engine, since(self._last) if is_ours else ""):
            missing += [stone for stone in page if stone not in known]
        if missing or not state:
            missing.sort(key=lambda stone: (stone.erased_at, stone.ref))
            await asyncio.to_thread(self._journal.add, missing)
        recent = since(last)
        self._recent = {stone for stone in (*known, *missing) if stone.erased_at >= recent}
        self._last, self._state = last, await asyncio.to_thread(self._journal.state)
