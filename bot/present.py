"""What the database that a restore replaces knows, and a backup may not: who was erased, who took a consent back, and
what is still to be removed from chats."""

import contextlib
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from bot import taken_back
from bot.errands import REMOVE, WIPE
from storage import erasure, outgoing
from storage.engine import Transaction
from storage.erasure import Tombstone, Withdrawal
from storage.errors import StorageError
from storage.outgoing import ErrandRow
from storage.sqlite import Handle, SQLite


@dataclass(slots=True)
class Present:
    """Each part by itself: what is damaged must not hide the rest."""

    stones: list[Tombstone] = field(default_factory=list)
    withdrawals: list[Withdrawal] = field(default_factory=list)
    removals: list[ErrandRow] = field(default_factory=list)
    is_whole: bool = True  # False when something could not be read

    def take(self, tx: Transaction) -> None:
        """All that this database knows, of one moment."""
        for part, look in (
            (self.stones, erasure.tombstones),
            (self.withdrawals, taken_back.in_database),
            (self.removals, _removals),
        ):
            try:
                part += look(tx)  # type: ignore[operator]
            except (sqlite3.Error, ValueError):
                self.is_whole = False


def _removals(tx: Transaction) -> list[ErrandRow]:
    """Of these no backup can know, once a set of keys is without whoever they are about."""
    return [row for row in outgoing.errands_of_nobody(tx) if row.kind in {WIPE, REMOVE}]


Look = Callable[[Path, Path], Awaitable[Present]]


async def at_rest(database: Path, folder: Path) -> Present:
    """Its log is emptied where nobody reads in it, so that it is one file."""
    found = Present()
    try:
        async with SQLite.open(database) as engine:
            await engine.checkpoint()
            await engine.read(found.take)
    except StorageError:
        found.is_whole = False
    return found


async def unchanged(database: Path, folder: Path) -> Present:
    """The same, and nothing is written beside it: where a log waits to be played in, that happens to a copy in
    `folder`."""
    found = Present()
    uri = f"file:{quote(str(database))}?immutable=1"
    wal = database.with_name(f"{database.name}-wal")
    if wal.exists() and wal.stat().st_size:
        copy = folder / "present.sqlite"
        shutil.copyfile(database, copy)
        shutil.copyfile(wal, copy.with_name(f"{copy.name}-wal"))
        uri = f"file:{quote(str(copy))}"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            found.take(Handle(connection))
    except sqlite3.Error:
        found.is_whole = False
    return found
