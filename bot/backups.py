"""Backups: `intake backup`, and the running bot's part, which keeps erasures where they outlive the data."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from bot.clock import wall
from bot.mistakes import CannotStart
from bot.settings import Settings
from storage import backup, store
from storage.backup_files import DATA, KEYS, Tell
from storage.engine import Engine, Row
from storage.errors import StorageError
from storage.journal import Journal
from storage.sqlite import SQLite
from storage.store import Tombstone

log = structlog.get_logger()

KEEP_DAYS = 30
KEYS_DAYS = (
    7  # the longest that the key of an erased person may stand in a backup that the bot does not reach
)
EVERY = 60.0  # seconds between looks at the folder


class BackupKeeper:
    """Each tombstone is in the journal, and the key it is for in no set of keys of that folder, at once when
    `look_soon` is called, and a minute later at most when the folder could not be written; and with the end."""

    def __init__(self, engine: Engine, folder: Path, on_trouble: Callable[[str], None]) -> None:
        self._engine = engine
        self._folder = folder
        self._on_trouble = on_trouble
        self._journal = Journal(folder)
        self._due = asyncio.Event()
        self._busy = asyncio.Lock()  # held while the folder is looked at: what is being written is finished
        self._known: set[Tombstone] = set()  # what stands in the journal
        self._state: tuple[int, ...] | None = None  # the journal as it was left
        self._pruned: dict[Path, int] = {}  # the sets of keys, by inode, that hold nobody's key who is erased
        self._last: Row | None = None  # of the tombstones that were looked at
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """The first look is for what was erased while the folder could not be reached, or by a process that was
        killed."""
        self._task = asyncio.create_task(self._run())

    async def finish(self) -> None:
        """Call it when nobody can be erased any more, whether it was started or not: the last look."""
        async with self._busy:
            if self._task is not None:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
        await self._look()

    @property
    def keepers(self) -> list[asyncio.Task[None]]:
        """What runs from its start to its end."""
        return [self._task] if self._task else []

    def look_soon(self) -> None:
        """Somebody was erased."""
        self._due.set()

    async def _run(self) -> None:
        while True:
            await self._look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._due.wait()

    async def _look(self) -> None:
        async with self._busy:
            self._due.clear()
            try:
                last = await self._engine.read(store.last_tombstones)
                if last == self._last and await asyncio.to_thread(self._is_as_left):
                    return  # there may be very many, and they are read for nothing each minute
                stones = await self._engine.read(store.tombstones)
                wrong = await asyncio.to_thread(self._keep, stones)
                for line in wrong:
                    self._on_trouble(line)
                self._last = None if wrong else last
            except (StorageError, OSError) as error:
                why = error.strerror if isinstance(error, OSError) else str(error)
                self._state = None
                self._on_trouble(
                    f"INTAKE_BACKUPS: deletions cannot be entered in {self._folder}: {why};"
                    " until they are, whoever was deleted comes back should the data be lost"
                )

    def _keep(self, stones: list[Tombstone]) -> list[str]:
        """The journal first, then the keys; what is wrong with sets of keys that cannot be read."""
        is_ours = self._state is not None and self._journal.state() == self._state
        known = self._known if is_ours else set(self._journal.read())
        missing = [stone for stone in stones if stone not in known]
        if missing or not self._journal.path.exists():
            self._journal.add(missing)
        self._known = known.union(missing)
        self._expire()
        sets = {path: path.stat().st_ino for _, path in backup.files(self._folder, KEYS)}
        wanted = [path for path, inode in sets.items() if missing or self._pruned.get(path) != inode]
        self._pruned = {}  # should it fail, every set is looked through again
        gone, wrong = backup.prune(self._folder, stones, wanted) if wanted else (0, [])
        if gone:
            log.info("keys of erased people are gone from the backups", action="backups", keys=gone)
        self._pruned = {path: path.stat().st_ino for path in sets if path.exists()}
        self._state = self._journal.state()
        return wrong

    def _is_as_left(self) -> bool:
        """Whether the folder is as the last look has left it, and nothing in it has had its time."""
        sets = backup.files(self._folder, KEYS)
        inodes = {path: path.stat().st_ino for _, path in sets}
        return self._journal.state() == self._state and inodes == self._pruned and not _overdue(sets)

    def _expire(self) -> None:
        """Sets of keys go after their time also when nobody makes backups any more."""
        if _overdue(backup.files(self._folder, KEYS)):
            backup.expire(self._folder, KEYS, timedelta(days=KEYS_DAYS), wall())


def _overdue(sets: Sequence[tuple[datetime, Path]]) -> bool:
    """Whether one of these has had its time."""
    return any(wall() - moment > timedelta(days=KEYS_DAYS) for moment, _ in sets)


def folder_of(settings: Settings, folder: Path | None) -> Path:
    """Where backups lie. Raises CannotStart."""
    found = folder or settings.backups
    if found is None:
        raise CannotStart("name the folder for the backup, or set INTAKE_BACKUPS to it")
    if found.resolve().is_relative_to(settings.data.resolve()):
        raise CannotStart(f"{found} lies in the data folder, and would be lost with it; name another one")
    return found


def back_up(settings: Settings, folder: Path | None, keep_days: int, keys_days: int, tell: Tell) -> list[str]:
    """`intake backup`: what it says. Raises what is in MISTAKES."""
    target, now = folder_of(settings, folder), wall()
    written = backup.write(settings.database, target, now, tell)
    header = written.header
    lines = [
        f"wrote {written.data}, {size(written.data)}: {header.people} people,"
        f" {header.applications} applications, {header.photos} photos",
        f"wrote {written.keys}, {size(written.keys)}: their keys, without which the data cannot be read",
    ]
    for part, days in ((KEYS, keys_days), (DATA, keep_days)):
        for path in backup.expire(target, part, timedelta(days=days), now):
            lines.append(f"deleted {path}, older than {days} days")
    # whoever was erased while this was being written, or while the bot did not reach the folder
    stones = asyncio.run(_stones(settings.database))
    gone, wrong = backup.prune(target, stones, [path for _, path in backup.files(target, KEYS)])
    if gone:
        lines.append(f"took {gone} keys of erased people out of the sets there")
    return lines + wrong


async def _stones(database: Path) -> list[Tombstone]:
    async with SQLite.open(database, readonly=True) as engine:
        return await engine.read(store.tombstones)


def size(path: Path) -> str:
    """In words, as 1.3 MB."""
    count = float(path.stat().st_size)
    for unit in ("bytes", "kB", "MB"):
        if count < 1_000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1_000
    return f"{count:.1f} GB"
