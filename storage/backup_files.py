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
import hashlib
import io
import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from storage import journal
from storage.erasure import Tombstone
from storage.errors import BackupUnread, BackupUnusable

DATA, KEYS = ".data", ".keys"
VERSION = 1
PIECE = 1 << 20  # bytes
_MAGIC = b"intake-backup "
_FIRST = re.compile(rb"intake-backup (\d{1,6}) ([0-9a-f]{64})\n")
_FIRST_LIMIT = len(_MAGIC) + 6 + 1 + 64 + 1
_HEADER_LIMIT = 65_536

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


# writing


class Draft:
    """A file being written; on leaving it is on the disk, and was read back. `write` takes what goes into the zstd."""

    def __init__(self, path: Path, header: Header) -> None:
        self._path = path
        self._header = header
        self._inside = hashlib.sha256()

    def __enter__(self) -> "Draft":
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
            while piece := inside.read(PIECE):
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


# reading


@contextlib.contextmanager
def opened(path: Path, part: str) -> Iterator[tuple[Header, Any]]:
    """What the file says of itself, and its inside to read from. The whole file is looked through first.

    Raises BackupUnusable; BackupUnread when the disk does not give it.
    """
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            header = _header(file, path, part)
            start = file.tell()
            _check_sum(file, path)
            file.seek(start)
        except OSError as error:
            raise BackupUnread(f"{path} cannot be read: {error.strerror}") from error
        try:
            yield header, stack.enter_context(zstandard.ZstdDecompressor().stream_reader(file, closefd=False))
        except zstandard.ZstdError as error:
            raise BackupUnusable(f"{path} is damaged ({error})") from error


def _header(file: BinaryIO, path: Path, part: str) -> Header:
    first = _FIRST.fullmatch(file.readline(_FIRST_LIMIT))
    if first is None:
        raise BackupUnusable(f"{path} is no backup that `intake backup` has made")
    if int(first[1]) > VERSION:
        raise BackupUnusable(f"{path} was made by a newer version of Intake; install that one")
    try:
        header = Header(**json.loads(file.readline(_HEADER_LIMIT)))
    except (ValueError, TypeError):
        raise BackupUnusable(f"{path} is damaged") from None
    if header.part != part:
        raise BackupUnusable(f"{path} holds the {header.part} of a backup, and its {part} are wanted")
    return header


def _check_sum(file: BinaryIO, path: Path) -> None:
    file.seek(0)
    first = _FIRST.fullmatch(file.readline(_FIRST_LIMIT))
    assert first is not None
    digest = hashlib.sha256()
    while piece := file.read(PIECE):
        digest.update(piece)
    if digest.hexdigest().encode() != first[2]:
        raise BackupUnusable(f"{path} is damaged: its checksum does not fit")


def chunks(inside: Any) -> Iterator[bytes]:
    """The lines of a set of keys, whole ones, about as many at a time as fit in a piece."""
    rest = b""
    while piece := inside.read(PIECE):
        lines, end, rest = (rest + piece).rpartition(b"\n")
        if lines or end:
            yield lines + end
    if rest:
        yield rest


def keys_of(path: Path) -> tuple[Header, list[KeyRow]]:
    """A whole set of keys. Raises BackupUnusable."""
    with opened(path, "keys") as (header, inside):
        return header, [KeyRow.of(line) for chunk in chunks(inside) for line in chunk.splitlines()]


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
                piece = inside.read(PIECE)
    try:
        with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as found:
            fault = unsound(found)
    except sqlite3.Error as error:
        fault = str(error)
    if fault:
        raise BackupUnusable(f"{path} holds a damaged database ({fault})")
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
        piece = inside.read(PIECE)
        if not piece:
            raise BackupUnusable(f"{path} is damaged")
        text += piece
    lines, _, rest = (b"\n" + text).partition(b"\n\n")
    found = [journal.parsed(line.decode("ascii", errors="replace")) for line in lines.split(b"\n") if line]
    if None in found:
        raise BackupUnusable(f"{path} is damaged")
    return [stone for stone in found if stone is not None], rest


def fault_of(database: Path) -> str:
    """What is wrong with the file of a database, all of which must be in it; nothing when it is sound."""
    if Path(f"{database}-wal").exists():
        return "its log was not emptied"
    with contextlib.closing(sqlite3.connect(f"file:{database}?immutable=1", uri=True)) as connection:
        return unsound(connection)


def unsound(connection: sqlite3.Connection) -> str:
    """What is wrong with a database; nothing when it is well."""
    (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if said != "ok":
        return str(said).replace("\n", " ")
    lost = connection.execute("PRAGMA foreign_key_check").fetchone()
    return "" if lost is None else f"rows of {lost[0]} refer to rows of {lost[2]} that are not there"
