"""The journal of erasures and withdrawals, in a folder apart from the data, so that it outlives them.

A line of an erasure is the keyed hash, when he was erased, until when he is barred (`-` for not) and the beginning of
the SHA-256 of all that, between blanks. A line of a consent that was taken back is the word `withdrawn`, the keyed
hash, when, the document (`-` for all), and the same sum: one part more, so that a version which does not know it takes
it for no erasure, but says that it cannot read the line. So does this one with what a newer version has brought.
Lines are only added. The table of tombstones and the audit log are the truth; what the journal lacks is added later.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from storage.erasure import Tombstone, Withdrawal
from storage.errors import BackupUnusable
from storage.vault import sync

NAME = "erased.journal"  # in the folder for backups
_WITHDRAWN = "withdrawn"
_CHECK = 16  # hexadecimal digits


Entry = Tombstone | Withdrawal


def line(entry: Entry) -> str:
    """An entry as a line of text, without its end."""
    if isinstance(entry, Tombstone):
        said = f"{entry.ref} {entry.erased_at} {entry.barred_until or '-'}"
    else:
        said = f"{_WITHDRAWN} {entry.ref} {entry.withdrawn_at} {entry.document or '-'}"
    return f"{said} {_check(said)}"


def parsed(text: str) -> Tombstone | None:
    """The tombstone of a line; None when the line is none, or not as it was written."""
    parts = _parts(text)
    return Tombstone(parts[0], parts[1], parts[2].removeprefix("-")) if len(parts) == 3 else None


def _parts(text: str) -> list[str]:
    """Without the sum; nothing of a line that is not as it was written."""
    said, _, check = text.rpartition(" ")
    return said.split(" ") if check == _check(said) else []


def newest(stones: Iterable[Tombstone]) -> dict[str, Tombstone]:
    """By the keyed hash, the last erasure of each."""
    found: dict[str, Tombstone] = {}
    for stone in stones:
        if stone.ref not in found or stone.erased_at > found[stone.ref].erased_at:
            found[stone.ref] = stone
    return found


class Journal:
    """The journal in a folder for backups."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def entries(self) -> Iterator[Entry]:
        """All that stands there; none when there is no journal. A last line without its end was cut short, and is left
        out. Raises BackupUnusable when another line cannot be read, and OSError."""
        with contextlib.suppress(FileNotFoundError), self.path.open("rb") as lines:
            for number, one in enumerate(lines, 1):
                if one.endswith(b"\n"):
                    yield self._entry(number, one[:-1].decode("ascii", errors="replace"))

    def read(self) -> list[Tombstone]:
        """The erasures. Raises as `entries` does."""
        return [one for one in self.entries() if isinstance(one, Tombstone)]

    def withdrawals(self) -> list[Withdrawal]:
        """The consents that were taken back. Raises as `entries` does."""
        return [one for one in self.entries() if isinstance(one, Withdrawal)]

    def _entry(self, number: int, text: str) -> Entry:
        if stone := parsed(text):
            return stone
        match _parts(text):
            case [kind, ref, at, document] if kind == _WITHDRAWN:
                return Withdrawal(ref, at, document.removeprefix("-"))
            case []:
                raise BackupUnusable(
                    f"line {number} of {self.path} is damaged; put back a whole copy, or take the line out,"
                    " and whoever it stands for may come back"
                )
        raise BackupUnusable(
            f"line {number} of {self.path} was written by a newer version of Intake; install that one"
        )

    def state(self) -> tuple[int, ...]:
        """Something that changes when anybody changes the file."""
        try:
            found = self.path.stat()
        except OSError:
            return ()
        return found.st_ino, found.st_size, found.st_mtime_ns

    def add(self, entries: Iterable[Entry]) -> None:
        """Returns when they would outlast a power cut. What an earlier end has cut short is taken away first.

        Raises OSError.
        """
        text = "".join(f"{line(one)}\n" for one in entries).encode()
        is_new = not self.path.exists()
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "r+b", buffering=0) as out:
            fcntl.flock(out, fcntl.LOCK_EX)
            whole = out.read().rfind(b"\n") + 1
            out.truncate(whole)
            try:
                if out.write(text) < len(text):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(out.fileno())
            except OSError:
                out.truncate(whole)
                raise
        if is_new:
            sync(self.path.parent)


def _check(said: str) -> str:
    return hashlib.sha256(said.encode()).hexdigest()[:_CHECK]
