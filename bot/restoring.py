"""`intake restore`: a backup takes the place of lost data, without whoever was erased since (bot/rebuilding.py)."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Iterator
from importlib.resources import files as resources
from pathlib import Path

from bot import dry_runs, present, taken_back
from bot.backups import folder_of
from bot.clock import wall
from bot.mistakes import CannotStart
from bot.present import Look, Present
from bot.rebuilding import Rebuilding, Restored
from bot.settings import Settings
from bot.starting import enter_migration
from bot.unlocking import vault_for
from storage import backup as backups
from storage import backup_files, journal
from storage.backup_files import Header, KeyRow, Tell
from storage.erasure import Tombstone
from storage.errors import BackupUnusable, MigrationFailed, MigrationMismatch, Unreadable
from storage.folder import DataLock
from storage.journal import Journal
from storage.migrate import migrate
from storage.sqlite import SQLite
from storage.vault import Vault, sync

DRAFT = ".restoring"
ASIDE = ".before-"


def restore(
    settings: Settings, data: Path, keys: Path | None, *, replace: bool, dry_run: bool, tell: Tell
) -> list[str]:
    """What it says. Raises what is in MISTAKES; then the data are what they were."""
    header, rows = _keys(data, keys)
    with DataLock(settings.data, writes=not dry_run), _building(settings.database, dry_run) as draft:
        there = [path for path in _files(settings.database) if path.exists()]
        if there and not (replace or dry_run):
            raise CannotStart(
                f"there is a database in {settings.data} already;"
                " with --replace it is kept aside under another name, and this one takes its place"
            )
        vault = vault_for(settings, header, rows)
        look = present.unchanged if dry_run else present.at_rest
        restored, moment = asyncio.run(_build(settings, data, draft, header, rows, vault, look, tell))
        if not dry_run:
            aside = _put_in_place(settings.database, draft, there)
    lines = [
        f"{'would restore' if dry_run else 'restored'} {restored.people} people, {restored.applications} applications,"
        f" {restored.photos} photos, as they were at {moment[:19]}Z",
        f"left out: {restored.erased} who were deleted since, {restored.unreadable} whose keys are not kept any more",
        *restored.notes,
    ]
    if restored.dropped:
        lines.append(f"not sent again: {restored.dropped} messages that waited at that moment")
    if restored.told:
        lines.append(
            "decisions that count as told, since their time to undo was over more than an hour ago; look whether they"
            f" stand: {', '.join(restored.told)}"
        )
    if dry_run and there and not replace:
        lines.append("there is a database already; --replace is needed")
    if dry_run:
        return [*lines, "nothing was changed"]
    if aside:
        lines.append(f"kept aside: {aside}; delete it once it is not needed, deletions do not reach it")
    return [*lines, "start the bot: intake run"]


def leftovers(settings: Settings) -> list[Path]:
    """Databases that were kept aside by a restore. What one that was cut short has left is removed, a dry run's too;
    call it with the data locked."""
    _clean(settings.database)
    dry_runs.clear()
    return sorted(settings.data.glob(f"{settings.database.name}{ASIDE}*"))


# the files


def _files(database: Path) -> list[Path]:
    return [database, *(database.with_name(f"{database.name}{tail}") for tail in ("-wal", "-shm"))]


@contextlib.contextmanager
def _building(database: Path, dry_run: bool) -> Iterator[Path]:
    """Where the new database is built. A dry run does that elsewhere, and writes nothing beside the database."""
    where = Path(tempfile.gettempdir()) if dry_run else database.parent
    try:
        if dry_run:
            with dry_runs.workshop() as folder:
                yield folder / database.name
            return
        draft = _clean(database)
        try:
            yield draft
        finally:
            _clean(database)
    except OSError as error:
        raise CannotStart(f"{where} cannot be written: {error.strerror}") from error


def _clean(database: Path) -> Path:
    """Where the new database is built: nothing is there."""
    draft = database.with_name(f"{database.name}{DRAFT}")
    for path in _files(draft):
        path.unlink(missing_ok=True)
    return draft


def _keys(data: Path, keys: Path | None) -> tuple[Header, list[KeyRow]]:
    """The set of keys that is named, or that lies beside the data."""
    with backup_files.opened(data, "data"):  # what is wrong with the data is said first
        pass
    beside = keys or data.with_suffix(backup_files.KEYS)
    if not beside.exists():
        others = [path for _, path in backups.files(data.parent, backup_files.KEYS)]
        cure = f"--keys {others[-1]}" if others else "--keys FILE, with a later set of the same bot"
        raise BackupUnusable(
            f"there is no set of keys {beside}, and the data cannot be read without one;"
            f" whoever is in a later set can be restored: {cure}"
        )
    return backup_files.keys_of(beside)


def _put_in_place(database: Path, draft: Path, there: list[Path]) -> str:
    """The new database takes the name, and one that was there keeps another. Killed anywhere, one of the two has the
    name and is whole, and neither is lost."""
    aside = ""
    if there:
        aside = f"{database.name}{ASIDE}{wall():%Y%m%dT%H%M%S.%f}"
        for path in there:
            if path.exists() and not path.name.endswith("-shm"):
                os.link(path, path.with_name(path.name.replace(database.name, aside, 1)))
        sync(database.parent)
        for path in _files(database)[1:]:  # a log that stayed would be played into the new database
            path.unlink(missing_ok=True)
        sync(database.parent)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(database)
    sync(database.parent)
    return str(database.with_name(aside)) if aside else ""


# the erased


def _folders(settings: Settings, data: Path) -> set[Path]:
    """Where journals may lie: beside the backup, and where the bot keeps its own."""
    folders = {data.parent.resolve()}
    with contextlib.suppress(CannotStart):
        folders.add(folder_of(settings, None).resolve())
    return folders


def _stones(settings: Settings, data: Path) -> tuple[list[Tombstone], list[str]]:
    """All erasures that are known anywhere; and what the operator should know of that."""
    folders = _folders(settings, data)
    stones: list[Tombstone] = []
    notes: list[str] = []
    try:
        for folder in sorted(folders):
            stones += Journal(folder).read()
            for _, path in backups.files(folder, backup_files.DATA):
                try:
                    stones += backup_files.stones_of(path)
                except BackupUnusable as error:
                    notes.append(f"passed over: {error}")
    except OSError as error:
        raise BackupUnusable(f"the journal of deletions cannot be read: {error.strerror}") from error
    if not any(Journal(folder).path.exists() for folder in folders):
        notes.append(
            "there is no journal of deletions beside the backup (set INTAKE_BACKUPS for that):"
            " whoever was deleted after the newest backup there comes back, and whoever has taken a consent back after"
            " this one is decided on, unless the present database tells of it"
        )
    return stones, notes


# the new database


async def _build(
    settings: Settings,
    data: Path,
    draft: Path,
    header: Header,
    rows: list[KeyRow],
    vault: Vault,
    look: Look,
    tell: Tell,
) -> tuple[Restored, str]:
    """The new database, whole, in a file of its own; what is in it, and of which moment."""
    stones, notes = _stones(settings, data)
    before = await look(settings.database, draft.parent) if settings.database.exists() else Present()
    stones += before.stones
    if not before.is_whole:
        notes.append(
            "the present database cannot be read, or not all of it: deletions and withdrawals that only it knows are"
            " not known"
        )
    found, own = await asyncio.to_thread(backup_files.unpack, data, draft, tell)
    building = Rebuilding(
        found.moment, header, rows, vault, journal.newest(stones), journal.newest(own), before.removals
    )
    async with SQLite.open(draft) as engine:
        try:
            applied = await migrate(engine, resources("storage") / "migrations", enter_migration)
        except (MigrationFailed, MigrationMismatch) as error:
            raise BackupUnusable(f"{data} cannot be restored: {error}; nothing was changed") from error
        try:
            restored = await engine.write(building.write)
        except Unreadable:
            raise BackupUnusable(
                "the keys do not open the data: they are another bot's, or the operator's key was being changed at the"
                f" moment of the backup; then the key before belongs in {settings.key_path}, and the one after in"
                f" {settings.next_key_path}"
            ) from None
        known = [*taken_back.in_journals(_folders(settings, data)), *before.withdrawals]
        if count := await engine.write(lambda tx: taken_back.note(tx, known)):
            notes.append(
                f"who have taken consents back since, which the next start of the bot enters: {count}"
            )
        if not await engine.checkpoint():
            raise BackupUnusable(
                "the database cannot be written whole: is the disk full? Nothing was changed"
            )
    if fault := await asyncio.to_thread(backup_files.fault_of, draft):
        raise BackupUnusable(f"the database that was built is not sound: {fault}; nothing was changed")
    if applied:
        restored.notes.append(f"brought to the schema of this version: {', '.join(applied)}")
    restored.notes += notes
    return restored, found.moment
