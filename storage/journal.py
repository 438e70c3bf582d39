"""The journal of erasures: one line a tombstone, in a folder apart from the data, so that it outlives them.

A line is the keyed hash, when he was erased, until when he is barred (`-` for not) and the beginning of the SHA-256
of all that, between blanks. Lines are only added. The table of tombstones is the truth; what the journal lacks is
added later.
"""

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from storage.errors import BackupUnusable
from storage.store import Tombstone
from storage.vault import sync

NAME = "erased.journal"  # in the folder for backups
_CHECK = 16  # hexadecimal digits


def line(stone: Tombstone) -> str:
    """A tombstone as a line of text, without its end."""
    said = f"{stone.ref} {stone.erased_at} {stone.barred_until or '-'}"
    return f"{said} {_check(said)}"


def parsed(text: str) -> Tombstone | None:
    """The tombstone of a line; None when the line is not as it was written."""
    said, _, check = text.rpartition(" ")
    parts = said.split(" ")
    if len(parts) != 3 or check != _check(said):
        return None
    return Tombstone(parts[0], parts[1], parts[2].removeprefix("-"))


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

    def read(self) -> list[Tombstone]:
        """All that stands there; none when there is no journal. A last line without its end was cut short, and is left
        out. Raises BackupUnusable when another line is damaged, and OSError."""
        try:
            *lines, _ = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        stones = []
        for number, one in enumerate(lines, 1):
            stone = parsed(one.decode("ascii", errors="replace"))
            if stone is None:
                raise BackupUnusable(
                    f"line {number} of {self.path} is damaged; put back a whole copy, or take the line out,"
                    " and whoever it stands for may come back"
                )
            stones.append(stone)
        return stones

    def state(self) -> tuple[int, ...]:
        """Something that changes when anybody changes the file."""
        try:
            found = self.path.stat()
        except OSError:
            return ()
        return found.st_ino, found.st_size, found.st_mtime_ns

    def add(self, stones: Iterable[Tombstone]) -> None:
        """Returns when they would outlast a power cut. What an earlier end has cut short is taken away first.

        Raises OSError.
        """
        text = "".join(f"{line(stone)}\n" for stone in stones).encode()
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
