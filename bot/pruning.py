"""The keys of whoever was erased are taken out of the sets of keys in the folder for backups."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import structlog

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
) -> tuple[int, dict[Path, str]]:
    """Take the keys of whoever was erased, at that time or later, out of these sets: how many went, and what is wrong
    with sets that cannot be read. Raises StorageError, OSError."""
    gone, wrong = 0, dict[Path, str]()
    if sets:
        async for page in tombstones(engine, earliest):
            count, faults = await asyncio.to_thread(backup.prune, folder, page, sets)
            gone += count
            wrong |= faults
    return gone, wrong


class Pruning:
    """A set that is new in the folder is looked through for everybody; later for whoever was erased since.

    `clock`: the right time, whatever this machine's says; None where it is not known, and no set has its time.
    """

    def __init__(self, engine: Engine, folder: Path, clock: Callable[[], datetime] | None) -> None:
        self._engine = engine
        self._folder = folder
        self._clock = clock
        self._last: Row | None = None  # of the tombstones that were looked for
        self._pruned: dict[Path, int] = {}  # the sets, by inode, that hold nobody's key of these

    async def prune(self) -> tuple[bool, list[str]]:
        """No set holds a key of anybody who is erased, and none has had its time: whether any had to be read for that,
        and what is wrong with sets for which that is not so. Raises StorageError, OSError."""
        ahead = await asyncio.to_thread(self._expire)
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
        wrong |= faults  # which may be read the next time
        self._last = last
        self._pruned = {path: inode for path, inode in inodes.items() if path in sets and path not in wrong}
        return bool(new or old), [*wrong.values(), *map(dated_ahead, ahead)]

    def _sets(self) -> dict[Path, int]:
        """Each with its inode, which another file of that name has not."""
        found = {}
        for _, path in backup.files(self._folder, KEYS):
            try:
                found[path] = path.stat().st_ino
            except FileNotFoundError:  # a backup that is made meanwhile lets older ones go
                continue
        return found

    def _expire(self) -> list[Path]:
        """Sets of keys go after their time also when nobody makes backups any more, but for the newest; those that
        never will."""
        if self._clock is None:
            return []
        now, keep = self._clock(), timedelta(days=KEYS_DAYS)
        if any(now - moment > keep for moment, _ in backup.files(self._folder, KEYS)[:-1]):
            backup.expire(self._folder, KEYS, keep, now)
        return backup.ahead(self._folder, KEYS, now)


def dated_ahead(path: Path) -> str:
    """What the operator is told of it."""
    return (
        f"{path} was made while this machine's clock was ahead; it is never deleted by itself, so delete it"
    )
