"""Making backups, and the folder they lie in: their names, their end, and the keys of the erased in them."""

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from storage import erasure, facts, figures, journal, parking, upkeep
from storage.backup_files import DATA, KEYS, PIECE, Draft, Header, KeyRow, Tell, chunks, opened, unsound
from storage.erasure import Tombstone
from storage.errors import BackupUnread, BackupUnusable
from storage.rotation import FINGERPRINT, SECRETS
from storage.sqlite import Handle
from storage.values import stamp
from storage.vault import sync

_NAME = re.compile(r"intake-(\d{8}T\d{6}Z)-[0-9a-f]{6}")
_AT = "%Y%m%dT%H%M%SZ"
_ROWS = 5_000
_A_DAY = timedelta(days=1)
_WORKSHOP = ".writing-"  # how the folder begins in which a backup is made
_BLANKED = {
    ("people", "wrapped_key"): "x''",
    ("parked", "sealed"): "x''",
    ("reviewers", "sealed"): "x''",  # kept nowhere: whoever reviews is met again
    ("errands", "sealed"): "CASE WHEN person_id IS NULL THEN x'' ELSE sealed END",
}


@dataclass(frozen=True, slots=True)
class Written:
    """A backup that has its names."""

    data: Path
    keys: Path
    header: Header


# writing


def write(database: Path, folder: Path, now: datetime, tell: Tell) -> Written:
    """Both files, from a snapshot of a database that may be in use. Raises BackupUnusable."""
    with _in_words(folder), _workshop(folder) as workshop:
        copy, draft = workshop / "copy.sqlite", workshop / "backup"
        header, stones = _copied(database, copy, draft.with_suffix(KEYS), now, tell)
        with Draft(draft.with_suffix(DATA), header) as out, copy.open("rb") as rows:
            for stone in stones:
                out.write(journal.line(stone).encode() + b"\n")
            out.write(b"\n")
            while piece := rows.read(PIECE):
                out.write(piece)
                tell(header.bytes + rows.tell(), 2 * header.bytes)
        with locked(folder):
            name = f"intake-{now.astimezone(UTC).strftime(_AT)}-{secrets.token_hex(3)}"
            for part in (KEYS, DATA):
                draft.with_suffix(part).rename(folder / f"{name}{part}")
                sync(folder)
        return Written(folder / f"{name}{DATA}", folder / f"{name}{KEYS}", header)


def _copied(
    database: Path, copy: Path, keys: Path, now: datetime, tell: Tell
) -> tuple[Header, list[Tombstone]]:
    """One moment of the database in two files: its rows without the keys, looked through, and the keys."""
    with contextlib.closing(_opened(database)) as source:
        source.execute("ATTACH ? AS copy", (f"file:{quote(str(copy))}?mode=rwc",))
        source.execute("PRAGMA copy.journal_mode = OFF")  # whatever is cut short is thrown away
        source.execute("PRAGMA copy.synchronous = OFF")
        source.execute("BEGIN")
        (pages,), (size,) = (
            source.execute(f"PRAGMA main.{one}").fetchone() for one in ("page_count", "page_size")
        )
        total = pages * size
        source.set_progress_handler(lambda: tell(min(copy.stat().st_size, total), 2 * total), 200_000)
        tables = _copy_tables(source)
        source.set_progress_handler(None, 0)
        tx = Handle(source)
        people, applications, photos = figures.counts(tx)
        header = Header(
            part="keys",
            moment=stamp(now),
            people=people,
            applications=applications,
            photos=photos,
            key=facts.get(tx, FINGERPRINT) or "",
            secrets=facts.get(tx, SECRETS) or "",
            parked=parking.count_parked(tx),
        )
        with Draft(keys, header) as out:
            for row in _key_rows(tx):
                out.write(row.line())
        stones = erasure.tombstones(tx)
        source.execute("COMMIT")
    _look_through(copy, tables)
    size = copy.stat().st_size
    return Header(**{**asdict(header), "part": "data", "bytes": size, "secrets": ""}), stones


def _opened(database: Path) -> sqlite3.Connection:
    if not database.exists():
        raise BackupUnusable(f"there is no database at {database}; has the bot ever run on this data?")
    source = sqlite3.connect(
        f"file:{quote(str(database))}?mode=ro", uri=True, isolation_level=None, timeout=10
    )
    source.execute("PRAGMA trusted_schema = OFF")
    return source


def _copy_tables(source: sqlite3.Connection) -> dict[str, int]:
    """Every table with its rows, then the indexes; how many rows each has."""
    made = source.execute(
        "SELECT type, name, sql FROM main.sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
        " ORDER BY type = 'index'"
    ).fetchall()
    tables = {}
    for kind, name, sql in made:
        source.execute(re.sub(r"^CREATE (UNIQUE )?(TABLE|INDEX) ", r"CREATE \1\2 copy.", sql))
        if kind == "table":
            columns = [row[1] for row in source.execute(f'PRAGMA main.table_info("{name}")')]
            values = ", ".join(_BLANKED.get((name, column), f'"{column}"') for column in columns)
            found = source.execute(f'INSERT INTO copy."{name}" SELECT {values} FROM main."{name}"')
            tables[name] = found.rowcount
    return tables


def _key_rows(tx: Handle) -> Iterator[KeyRow]:
    after = ""
    while rows := upkeep.keys_with_refs(tx, after, _ROWS):
        for person_id, ref, since, wrapped in rows:
            yield KeyRow("person", person_id, ref, since, wrapped)
        after = rows[-1][0]
    after = ""
    while rows := upkeep.nobodys_errands(tx, after, _ROWS):
        for errand_id, sealed in rows:
            yield KeyRow("errand", errand_id, "", "", sealed)
        after = rows[-1][0]
    after = ""
    while rows := upkeep.parked_with_refs(tx, after, _ROWS):
        for parked_id, ref, since, sealed in rows:
            yield KeyRow("parked", parked_id, ref, since, sealed)
        after = rows[-1][0]


def _look_through(copy: Path, tables: dict[str, int]) -> None:
    """The copy is sound and whole. Raises BackupUnusable."""
    with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as found:
        if fault := unsound(found):
            raise BackupUnusable(f"the database is damaged ({fault}), and no backup was made of it")
        counted = {name: found.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0] for name in tables}
    if counted != tables:
        raise BackupUnusable("the copy has not the rows of the database; no backup was made")


# the folder


@contextlib.contextmanager
def _in_words(folder: Path) -> Iterator[None]:
    """What the disk or SQLite refuses, in one line."""
    try:
        yield
    except OSError as error:
        raise BackupUnusable(f"{folder} cannot be used for backups: {error.strerror}") from error
    except sqlite3.Error as error:
        raise BackupUnusable(f"the backup cannot be made: {error}") from error


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Files there are named, made anew and deleted by one at a time. Raises OSError."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


@contextlib.contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """A folder for drafts, held while it is needed; what an earlier process left in one is removed."""
    if not folder.is_dir():
        raise BackupUnusable(f"there is no folder {folder}; make it first: mkdir -m 700 {folder}")
    with locked(folder):
        clear(folder)
        path = Path(tempfile.mkdtemp(prefix=_WORKSHOP, dir=folder))
        held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(held)


def clear(folder: Path) -> None:
    """Remove the drafts that nobody works on any more. Call it with the folder locked."""
    for path in folder.glob(f"{_WORKSHOP}*"):
        file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path)
        except BlockingIOError:
            pass
        finally:
            os.close(file)


def files(folder: Path, part: str) -> list[tuple[datetime, Path]]:
    """The backups' files of that part and their moments, oldest first."""
    found = []
    for path in folder.glob(f"intake-*{part}"):
        if match := _NAME.fullmatch(path.stem):
            found.append((datetime.strptime(match[1], _AT).replace(tzinfo=UTC), path))
    return sorted(found)


def believed(folder: Path, now: datetime) -> datetime:
    """Until when a clock that may have jumped is believed, before a backup is added: a day after the newest that lies
    there already. With a backup each day that is now; where they are rarer, old ones go one backup later.

    Raises BackupUnusable.
    """
    with _in_words(folder):
        moments = [moment for part in (KEYS, DATA) for moment, _ in files(folder, part)]
    return min([now, max(moments) + _A_DAY]) if moments else now


def expire(folder: Path, part: str, keep: timedelta, now: datetime) -> list[Path]:
    """Delete what is older, but never the newest, without which nothing could be restored; what was deleted. What a
    wrong clock has dated ahead of `now` counts for nothing. Raises BackupUnusable."""
    with _in_words(folder), locked(folder):
        others = [(moment, path) for moment, path in files(folder, part) if moment <= now][:-1]
        old = [path for moment, path in others if now - moment > keep]
        for path in old:
            path.unlink(missing_ok=True)
        sync(folder)
    return old


def ahead(folder: Path, part: str, now: datetime) -> list[Path]:
    """What a clock that was wrong has dated later than tomorrow; it never has its time. Raises BackupUnusable."""
    with _in_words(folder):
        return [path for moment, path in files(folder, part) if moment > now + _A_DAY]


def prune(folder: Path, stones: Iterable[Tombstone], paths: Iterable[Path]) -> tuple[int, dict[Path, str]]:
    """Take the keys of whoever was erased out of these sets; how many went, and what is wrong with sets that cannot be
    read, in which they may stand yet. A set in which somebody is found is made anew, whole; none is ever in memory.
    Raises BackupUnusable."""
    erased = {stone.ref.encode(): stone.erased_at.encode() for stone in journal.newest(stones).values()}
    gone, wrong = 0, dict[Path, str]()
    with _in_words(folder), _workshop(folder) as workshop, locked(folder):
        for path in paths:
            try:
                if path.exists() and _holds(path, erased):
                    gone += _pruned(path, erased, workshop / path.name)
            except BackupUnread as error:
                wrong[path] = f"{error}; until it can be, deletions do not reach it"
            except BackupUnusable as error:
                wrong[path] = f"{error}; delete this one, for deletions do not reach it"
    return gone, wrong


def _holds(path: Path, erased: dict[bytes, bytes]) -> bool:
    """Whether anybody's key is in it who was erased."""
    with opened(path, "keys") as (_, inside):
        try:
            return any(_others(chunk, erased) != chunk for chunk in chunks(inside))
        except OSError as error:
            raise BackupUnread(f"{path} cannot be read: {error.strerror}") from error


def _pruned(path: Path, erased: dict[bytes, bytes], draft: Path) -> int:
    gone = 0
    with opened(path, "keys") as (header, inside), Draft(draft, header) as out:
        for chunk in chunks(inside):
            others = _others(chunk, erased)
            gone += chunk.count(b"\n") - others.count(b"\n")
            out.write(others)
    draft.rename(path)
    sync(path.parent)
    return gone


def _others(chunk: bytes, erased: dict[bytes, bytes]) -> bytes:
    """The lines without those of whoever was erased. Most chunks hold nobody, and are not looked at line by line."""
    if erased.keys().isdisjoint(chunk.split(b" ")):
        return chunk
    return b"".join(line for line in chunk.splitlines(keepends=True) if not _is_erased(line, erased))


def _is_erased(line: bytes, erased: dict[bytes, bytes]) -> bool:
    _, _, ref, since, _ = line.split(b" ")
    at = erased.get(ref)
    return at is not None and (since == b"-" or at > since)
