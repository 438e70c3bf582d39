"""`python -m tests.benchmarks.backups`: how long a set of keys takes to be read through, and to be made anew."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from storage import backup
from storage.erasure import Tombstone
from tests.benchmarks.report import machine
from tests.storage.sets import ERASED_AT, ref, rows, stones, written


@dataclass(frozen=True, slots=True)
class Pruned:
    """Of one set. Times in seconds."""

    keys: int
    size: int  # bytes
    read_through: float
    made_anew: float
    gone: int


def measure(keys: int, erased: int) -> Pruned:
    """`erased`: for how many the set is made anew."""
    with TemporaryDirectory(prefix="intake-bench-") as name:
        folder = Path(name)
        path = written(folder, rows(keys))
        strangers = [Tombstone(ref(keys + number), ERASED_AT) for number in range(erased)]
        size = path.stat().st_size
        read_through, none = _timed(lambda: backup.prune(folder, strangers, [path])[0])
        assert none == 0
        made_anew, gone = _timed(lambda: backup.prune(folder, stones(keys, keys // erased), [path])[0])
        return Pruned(keys, size, read_through, made_anew, gone)


def _timed(work: Callable[[], int]) -> tuple[float, int]:
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def line(found: Pruned) -> str:
    return (
        f"a set of {found.keys:,} keys, {found.size / 1e6:.0f} MB: read through in {found.read_through:.1f} s,"
        f" made anew without {found.gone:,} in {found.made_anew:.1f} s"
    )


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.backups", description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--erased", type=int, default=1_000)
    given = parser.parse_args(arguments)
    print(f"{line(measure(given.keys, given.erased))}; {machine()}")


if __name__ == "__main__":
    main(sys.argv[1:])
