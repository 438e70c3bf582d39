"""The files of a backup: two of one moment, ciphertext only, so that they can be kept apart and for different times.

`NAME.data` is the database without what is needed to read it; `NAME.keys` is that: people's wrapped keys, and what the
operator's key seals itself (nobody's errands, parked updates). Both are a line with the format's version and the
SHA-256 of all that follows, a line of JSON, and zstd. Inside the data stand the tombstones (lines as in the journal),
an empty line, and a SQLite file; inside the keys a line each: kind, id, keyed hash, `since` and base64, `-` for none.

A file has its name only when it was written whole, is on the disk, and was read back. The keys get theirs first, so
that data never stand there without their keys.
"""

import base64
import contextlib
import fcntl
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import zstandard

from storage import journal, store
from storage.errors import BackupUnusable
from storage.rotation import FINGERPRINT, SECRETS
from storage.sqlite import Handle
from storage.store import Tombstone
from storage.vault import sync

DATA, KEYS = ".data", ".keys"
VERSION = 1
_MAGIC = b"intake-backup "
_FIRST = re.compile(rb"intake-backup (\d{1,6}) ([0-9a-f]{64})\n")
_FIRST_BYTES = len(_MAGIC) + 2 + 64 + 1
_NAME = re.compile(r"intake-(\d{8}T\d{6}Z)-[0-9a-f]{6}")
_AT = "%Y%m%dT%H%M%SZ"
_HEADER_LIMIT = 65_536
_PIECE = 1 << 20  # bytes
_ROWS = 5_000
_WORKSHOP = ".writing-"  # how the folder begins in which a backup is made
_BLANKED = {
    ("people", "wrapped_key"): "x''",
    ("parked", "sealed"): "x''",
    ("errands", "sealed"): "CASE WHEN person_id IS NULL THEN x'' ELSE sealed END",
}

Tell = Callable[[int, int], None]  # done and total, in bytes


@dataclass(frozen=True, slots=True)
class Header:
    """What a backup's file says of itself. `key`: the fingerprint of the operator's key that fits; `secrets`: the keys
    for hashes and buttons, sealed, once the operator's key was changed."""

    part: str
    moment: str
    people: int
    applications: int
    photos: int
    key: str
    secrets: str
    parked: int = 0
    bytes: int = 0  # of the database inside


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One line of a set of keys. `kind`: person, errand or parked. `since`: when somebody of that account was erased
    before; what was erased later is this one."""

    kind: str
    id: str
    ref: str
    since: str
    sealed: bytes

    def line(self) -> bytes:
        fields = (
            self.kind,
            self.id,
            self.ref or "-",
            self.since or "-",
            base64.b64encode(self.sealed).decode(),
        )
        return " ".join(fields).encode() + b"\n"

    @classmethod
    def of(cls, line: bytes) -> "KeyRow":
        kind, one, ref, since, sealed = line.decode().split(" ")
        return cls(kind, one, ref.removeprefix("-"), since.removeprefix("-"), base64.b64decode(sealed))


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
        with _Draft(draft.with_suffix(DATA), header) as out, copy.open("rb") as rows:
            for stone in stones:
                out.write(journal.line(stone).encode() + b"\n")
            out.write(b"\n")
            while piece := rows.read(_PIECE):
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
        people, applications, photos = store.counts(tx)
        header = Header(
            part="keys",
            moment=store.stamp(now),
            people=people,
            applications=applications,
            photos=photos,
            key=store.get_fact(tx, FINGERPRINT) or "",
            secrets=store.get_fact(tx, SECRETS) or "",
            parked=store.count_parked(tx),
        )
        with _Draft(keys, header) as out:
            for row in _key_rows(tx):
                out.write(row.line())
        stones = store.tombstones(tx)
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
    while rows := store.keys_with_refs(tx, after, _ROWS):
        for person_id, ref, since, wrapped in rows:
            yield KeyRow("person", person_id, ref, since, wrapped)
        after = rows[-1][0]
    after = ""
    while rows := store.nobodys_errands(tx, after, _ROWS):
        for errand_id, sealed in rows:
            yield KeyRow("errand", errand_id, "", "", sealed)
        after = rows[-1][0]
    after = ""
    while rows := store.parked_with_refs(tx, after, _ROWS):
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


def unsound(connection: sqlite3.Connection) -> str:
    """What is wrong with a database; nothing when it is well."""
    (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if said != "ok":
        return str(said).replace("\n", " ")
    lost = connection.execute("PRAGMA foreign_key_check").fetchone()
    return "" if lost is None else f"rows of {lost[0]} refer to rows of {lost[2]} that are not there"


class _Draft:
    """A file being written; on leaving it is on the disk, and was read back. `write` takes what goes into the zstd."""

    def __init__(self, path: Path, header: Header) -> None:
        self._path = path
        self._header = header
        self._inside = hashlib.sha256()

    def __enter__(self) -> "_Draft":
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(file, "w+b")
        self._file.write(_first_line("0" * 64))
        self._sum = _Summed(self._file)
        self._sum.write(json.dumps(asdict(self._header)).encode() + b"\n")
        self._packed = zstandard.ZstdCompressor(level=1).stream_writer(self._sum, closefd=False)  # type: ignore[arg-type]
        return self

    def write(self, piece: bytes) -> None:
        self._inside.update(piece)
        self._packed.write(piece)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._file.close()
            return
        with self._file:
            self._packed.close()  # type: ignore[no-untyped-call]
            self._file.seek(0)
            self._file.write(_first_line(self._sum.digest.hexdigest()))
            self._file.flush()
            os.fsync(self._file.fileno())
        again = hashlib.sha256()
        with opened(self._path, self._header.part) as (_said, inside):
            while piece := inside.read(_PIECE):
                again.update(piece)
        if again.digest() != self._inside.digest():
            raise BackupUnusable(
                f"what was written to {self._path.parent.parent} does not read back as it was"
            )


class _Summed(io.RawIOBase):
    """Writes on, and takes the sum."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return self._file.write(data)


def _first_line(digest: str) -> bytes:
    return b"%s%d %s\n" % (_MAGIC, VERSION, digest.encode())


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


def expire(folder: Path, part: str, keep: timedelta, now: datetime) -> list[Path]:
    """Delete what is older; what was deleted. Raises BackupUnusable."""
    with _in_words(folder), locked(folder):
        old = [path for moment, path in files(folder, part) if now - moment > keep]
        for path in old:
            path.unlink(missing_ok=True)
        sync(folder)
    return old


def prune(folder: Path, stones: Iterable[Tombstone], paths: Iterable[Path]) -> int:
    """Take the keys of whoever was erased out of these sets; how many went. A set is made anew, or stays as it is.

    Raises BackupUnusable.
    """
    erased = {stone.ref.encode(): stone.erased_at.encode() for stone in journal.newest(stones).values()}
    with _in_words(folder), _workshop(folder) as workshop, locked(folder):
        return sum(_pruned(path, erased, workshop / path.name) for path in paths if path.exists())


def _pruned(path: Path, erased: dict[bytes, bytes], draft: Path) -> int:
    header, lines = _lines(path)
    kept = [line for line in lines if not _is_erased(line, erased)]
    if len(kept) == len(lines):
        return 0
    with _Draft(draft, header) as out:
        for line in kept:
            out.write(line + b"\n")
    draft.rename(path)
    sync(path.parent)
    return len(lines) - len(kept)


def _is_erased(line: bytes, erased: dict[bytes, bytes]) -> bool:
    _, _, ref, since, _ = line.split(b" ")
    at = erased.get(ref)
    return at is not None and (since == b"-" or at > since)


# reading


@contextlib.contextmanager
def opened(path: Path, part: str) -> Iterator[tuple[Header, Any]]:
    """What the file says of itself, and its inside to read from. The whole file is looked through first.

    Raises BackupUnusable.
    """
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            header = _header(file, path, part)
            start = file.tell()
            _check_sum(file, path)
            file.seek(start)
        except OSError as error:
            raise BackupUnusable(f"{path} cannot be read: {error.strerror}") from error
        try:
            yield header, stack.enter_context(zstandard.ZstdDecompressor().stream_reader(file, closefd=False))
        except zstandard.ZstdError as error:
            raise BackupUnusable(f"{path} is damaged ({error}); take another backup") from error


def _header(file: BinaryIO, path: Path, part: str) -> Header:
    first = _FIRST.fullmatch(file.readline(_FIRST_BYTES + 6))
    if first is None:
        raise BackupUnusable(f"{path} is no backup that `intake backup` has made")
    if int(first[1]) > VERSION:
        raise BackupUnusable(f"{path} was made by a newer version of Intake; install that one")
    try:
        header = Header(**json.loads(file.readline(_HEADER_LIMIT)))
    except (ValueError, TypeError):
        raise BackupUnusable(f"{path} is damaged; take another backup") from None
    if header.part != part:
        raise BackupUnusable(f"{path} holds the {header.part} of a backup, and its {part} are wanted")
    return header


def _check_sum(file: BinaryIO, path: Path) -> None:
    file.seek(0)
    first = _FIRST.fullmatch(file.readline(_FIRST_BYTES + 6))
    assert first is not None
    digest = hashlib.sha256()
    while piece := file.read(_PIECE):
        digest.update(piece)
    if digest.hexdigest().encode() != first[2]:
        raise BackupUnusable(f"{path} is damaged: its checksum does not fit; take another backup")


def _lines(path: Path) -> tuple[Header, list[bytes]]:
    with opened(path, "keys") as (header, inside):
        return header, inside.read().splitlines()


def keys_of(path: Path) -> tuple[Header, list[KeyRow]]:
    """A whole set of keys. Raises BackupUnusable."""
    header, lines = _lines(path)
    return header, [KeyRow.of(line) for line in lines]


def unpack(path: Path, target: Path, tell: Tell) -> tuple[Header, list[Tombstone]]:
    """Put the database of a backup into a new file, mode 0600, looked through; with the tombstones beside it.

    Raises BackupUnusable, and OSError when the target cannot be written.
    """
    with opened(path, "data") as (header, inside):
        stones, rest = _stones(inside, path)
        file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "wb") as out:
            piece = rest
            while piece:
                out.write(piece)
                tell(out.tell(), header.bytes)
                piece = inside.read(_PIECE)
    try:
        with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as found:
            fault = unsound(found)
    except sqlite3.Error as error:
        fault = str(error)
    if fault:
        raise BackupUnusable(f"{path} holds a damaged database ({fault}); take another backup")
    return header, stones


def stones_of(path: Path) -> list[Tombstone]:
    """The tombstones in a backup's data; each line is checked, the rest of the file is not. Raises BackupUnusable."""
    try:
        with path.open("rb") as file:
            _header(file, path, "data")
            with zstandard.ZstdDecompressor().stream_reader(file, closefd=False) as inside:
                return _stones(inside, path)[0]
    except (OSError, zstandard.ZstdError) as error:
        raise BackupUnusable(f"{path} is damaged ({error})") from error


def _stones(inside: Any, path: Path) -> tuple[list[Tombstone], bytes]:
    """The lines up to the empty one; and what was read of the database behind it."""
    text = b""
    while not (text.startswith(b"\n") or b"\n\n" in text):
        piece = inside.read(_PIECE)
        if not piece:
            raise BackupUnusable(f"{path} is damaged; take another backup")
        text += piece
    lines, _, rest = (b"\n" + text).partition(b"\n\n")
    found = [journal.parsed(line.decode("ascii", errors="replace")) for line in lines.split(b"\n") if line]
    if None in found:
        raise BackupUnusable(f"{path} is damaged; take another backup")
    return [stone for stone in found if stone is not None], rest
