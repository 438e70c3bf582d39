"""Migrates copies of a database and kills itself, really, at another moment in each.

`python -m tests.storage.killed BEFORE MIGRATIONS FOLDER` leaves the copies in FOLDER: one killed before each statement
that the upgrade runs, then some killed at moments spread over its time.
"""

import asyncio
import itertools
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from storage.migrate import migrate
from storage.sqlite import SQLite

MOMENTS = 12


def copied(before: Path, folder: Path, name: str) -> Path:
    """A copy as a killed process leaves it: with its write-ahead log."""
    copy = folder / name / "intake.sqlite"
    copy.parent.mkdir(parents=True)
    for tail in ("", "-wal"):
        if (file := Path(f"{before}{tail}")).exists():
            shutil.copy(file, f"{copy}{tail}")
    return copy


async def upgrade(path: Path, migrations: Path, killed_before: int | None) -> None:
    """Migrate, and die before that statement."""
    numbers = itertools.count()

    def count(statement: str) -> None:
        if next(numbers) == killed_before:
            os.kill(os.getpid(), signal.SIGKILL)

    async with SQLite.open(path) as engine:
        assert engine._writer is not None
        await engine._writer.set_trace_callback(count)
        await migrate(engine, migrations)


def forked(work: Callable[[], None]) -> int:
    """A child that does this, and ends; its process id."""
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    return child


def ended(child: int) -> bool:
    """Whether it came to its end unkilled."""
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if not killed and status:
        raise RuntimeError(f"the upgrade failed: {status}")
    return not killed


def main(before: Path, migrations: Path, folder: Path) -> None:
    for number in itertools.count():
        copy = copied(before, folder, f"statement-{number:03}")
        began = time.monotonic()
        if ended(forked(lambda c=copy, n=number: asyncio.run(upgrade(c, migrations, n)))):  # type: ignore[misc]
            took = time.monotonic() - began
            break
    for number in range(MOMENTS):
        copy = copied(before, folder, f"moment-{number:03}")
        child = forked(lambda c=copy: asyncio.run(upgrade(c, migrations, None)))  # type: ignore[misc]
        time.sleep(took * number / MOMENTS)
        os.kill(child, signal.SIGKILL)
        ended(child)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
