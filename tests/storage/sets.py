"""Sets of keys as large as one likes, made row by row; and a child that prunes one, for its memory or its death.

`python -m tests.storage.sets FOLDER ERASED` prunes every set in the folder, and prints by how many kB its memory grew.
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from storage import backup
from storage.backup_files import KEYS, Draft, Header, KeyRow, chunks, opened
from storage.erasure import Tombstone

HEADER = Header(
    part="keys", moment="2026-03-02T09:00:00.000000Z", people=0, applications=0, photos=0, key="k", secrets=""
)
NAME = f"intake-20260302T090000Z-aaaaaa{KEYS}"
ERASED_AT = "2026-03-03T09:00:00.000000Z"


def ref(number: int) -> str:
    """The keyed hash of the person of that number."""
    return hashlib.sha256(f"{number}".encode()).hexdigest()


def rows(count: int) -> Iterator[bytes]:
    """The lines of people with keys of their own."""
    for number in range(count):
        sealed = hashlib.sha512(f"key {number}".encode()).digest()[:60]
        yield KeyRow("person", f"{number:024x}", ref(number), "", sealed).line()


def written(folder: Path, lines: Iterator[bytes]) -> Path:
    """A set of these lines."""
    path = folder / NAME
    with Draft(path, HEADER) as out:
        for line in lines:
            out.write(line)
    return path


def digest(path: Path) -> str:
    """Of all that stands inside, which is read piece by piece."""
    found = hashlib.sha256()
    with opened(path, "keys") as (_, inside):
        for chunk in chunks(inside):
            found.update(chunk)
    return found.hexdigest()


def stones(count: int, every: int) -> list[Tombstone]:
    """Of each person whose number can be divided so."""
    return [Tombstone(ref(number), ERASED_AT) for number in range(0, count, every)]


def _memory() -> int:
    """The most that this process ever had resident, in kB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    folder, erased = Path(sys.argv[1]), stones(int(sys.argv[2]), int(sys.argv[3]))
    before = _memory()
    gone, _ = backup.prune(folder, erased, [path for _, path in backup.files(folder, KEYS)])
    print(gone, _memory() - before)
