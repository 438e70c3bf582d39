"""`intake backup`: both files, the end of old ones, and no key of whoever was erased meanwhile."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from bot.clock import wall
from bot.mistakes import CannotStart
from bot.pruning import dated_ahead, prune
from bot.settings import Settings
from storage import backup
from storage.backup_files import DATA, KEYS, Header, Tell
from storage.sqlite import SQLite


def folder_of(settings: Settings, folder: Path | None) -> Path:
    """Where backups lie. Raises CannotStart."""
    found = folder or settings.backups
    if found is None:
        raise CannotStart("name the folder for the backup, or set INTAKE_BACKUPS to it")
    if found.resolve().is_relative_to(settings.data.resolve()):
        raise CannotStart(f"{found} lies in the data folder, and would be lost with it; name another one")
    return found


def back_up(
    settings: Settings,
    folder: Path | None,
    keep_days: int,
    keys_days: int,
    tell: Tell,
    made: Callable[[Header], None] = lambda header: None,
) -> list[str]:
    """`intake backup`: what it says. `made` is told once the files are there. Raises what is in MISTAKES."""
    target, now = folder_of(settings, folder), wall()
    until = backup.believed(target, now)
    written = backup.write(settings.database, target, now, tell)
    header = written.header
    made(header)
    lines = [
        f"wrote {written.data}, {size(written.data)}: {header.people} people,"
        f" {header.applications} applications, {header.photos} photos",
        f"wrote {written.keys}, {size(written.keys)}: their keys, without which the data cannot be read",
    ]
    for part, days in ((KEYS, keys_days), (DATA, keep_days)):
        for path in backup.expire(target, part, timedelta(days=days), until):
            lines.append(f"deleted {path}, older than {days} days")
        lines += map(dated_ahead, backup.ahead(target, part, now))
    # whoever was erased while this was being written, or while the bot did not reach the folder
    gone, wrong = asyncio.run(_pruned(settings.database, target))
    if gone:
        lines.append(f"took {gone} keys of erased people out of the sets there")
    return [*lines, *wrong.values()]


async def _pruned(database: Path, folder: Path) -> tuple[int, dict[Path, str]]:
    async with SQLite.open(database, readonly=True) as engine:
        return await prune(engine, folder, [path for _, path in backup.files(folder, KEYS)])


def size(path: Path) -> str:
    """In words, as 1.3 MB."""
    count = float(path.stat().st_size)
    for unit in ("bytes", "kB", "MB"):
        if count < 1_000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1_000
    return f"{count:.1f} GB"
