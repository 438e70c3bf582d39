"""The keys of whoever was erased are taken out of the sets of keys in the folder for backups."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from bot.clock import wall
from bot.ended import since, tombstones
from storage import backup, erasure
from storage.backup_files import KEYS
from storage.engine import Engine, Row

log = structlog.get_logger()

KEYS_DAYS = (
    7  # the longest that the key of an erased person may stand in a backup that the bot does not reach
)


async def prune(
    engine: Engine, folder: Path, sets: Sequence[Path], earliest: str = ""
) -> tuple[int, list[str]]:
    """Take the keys of whoever was erased, at that time or later, out of these sets: how many went, and what is wrong
    with sets that cannot be read. Raises StorageError, OSError."""
    gone, wrong = 0, dict[str, None]()
    if sets:
        async for page in tombstones(engine, earliest):
            count, faults = await asyncio.to_thread(backup.prune, folder, page, sets)
            gone += count
            wrong |= dict.fromkeys(faults)
    return gone, list(wrong)


class Pruning:
    """A set that is new in the folder is looked through for everybody; later for whoever was erased since."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._last: Row | None = None  # of the tombstones that were looked for
        self._pruned: dict[Path, int] = {}  # the sets, by inode, that hold nobody's key of these

    async def prune(self) -> tuple[bool, list[str]]:
        """No set holds a key of anybody who is erased, and none has had its time: whether any had to be read for that,
        and what is wrong with sets that cannot be. Raises StorageError, OSError."""
        await asyncio.to_thread(self._expire)
        last = await self._engine.read(erasure.last_tombstones)
        sets = await asyncio.to_thread(self._sets)
        known, self._pruned = self._pruned, {}  # should it fail, each is looked through for everybody again
        old = [path for path, inode in sets.items() if known.get(path) == inode]
        new = [path for path in sets if path not in old]
        old = old if last != self._last else []
        gone, wrong = await prune(self._engine, self._folder, new)
        more, faults = await prune(self._engine, self._folder, old, since(self._last))
        if gone + more:
            log.info("keys of erased people are gone from the backups", action="backups", keys=gone + more)
        inodes = await asyncio.to_thread(self._sets)
        self._last, self._pruned = last, {path: inode for path, inode in inodes.items() if path in sets}
        return bool(new or old), wrong + faults

    def _sets(self) -> dict[Path, int]:
        """Each with its inode, which another file of that name has not."""
        found = {}
        for _, path in backup.files(self._folder, KEYS):
            try:
                found[path] = path.stat().st_ino
            except FileNotFoundError:  # a backup that is made meanwhile lets older ones go
                continue
        return found

    def _expire(self) -> None:
        """Sets of keys go after their time also when nobody makes backups any more."""
        if _overdue(moment for moment, _ in backup.files(self._folder, KEYS)):
            backup.expire(self._folder, KEYS, timedelta(days=KEYS_DAYS), wall())


def _overdue(moments: Iterable[datetime]) -> bool:
    """Whether one of these has had its time."""
    return any(wall() - moment > timedelta(days=KEYS_DAYS) for moment in moments)
