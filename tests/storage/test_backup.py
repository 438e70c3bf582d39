"""Pruning: whoever was erased leaves a set of keys of any size, and nothing else of it changes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from storage import backup
from storage.backup_files import PIECE, KeyRow, chunks, keys_of, opened
from storage.erasure import Tombstone
from tests.storage.sets import ERASED_AT, digest, ref, rows, stones, written

MANY = 200_000
MEMORY_KB = 16_000  # by which a process may grow; the set is twice as large


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "backups"
    found.mkdir(mode=0o700)
    return found


def test_of_very_many_keys_those_of_the_erased_go_in_little_memory_and_all_others_stay_as_they_were(
    folder: Path, tmp_path: Path
) -> None:
    path = written(folder, rows(MANY))
    (tmp_path / "wanted").mkdir()
    wanted = written(tmp_path / "wanted", (line for number, line in enumerate(rows(MANY)) if number % 1_000))
    arguments = ("-m", "tests.storage.sets", str(folder), str(MANY), "1000")
    said = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True).stdout
    gone, grew = map(int, said.split())
    assert gone == MANY / 1_000
    assert 0 < grew < MEMORY_KB
    assert digest(path) == digest(wanted)
    with opened(path, "keys") as (_, inside):
        size = sum(len(chunk) for chunk in chunks(inside))
    assert size > 2 * MEMORY_KB * 1024
    assert list(folder.iterdir()) == [path]


def test_a_set_that_holds_nobody_who_was_erased_is_not_made_anew(folder: Path) -> None:
    """Neither is one whose people came back after their erasure."""
    again = KeyRow("person", "1" * 24, ref(1), ERASED_AT, b"key").line()
    path = written(folder, iter([again, *list(rows(1))]))
    before = path.stat()
    assert backup.prune(folder, [Tombstone(ref(1), ERASED_AT), Tombstone(ref(5), ERASED_AT)], [path]) == (
        0,
        {},
    )
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    later = Tombstone(ref(1), ERASED_AT.replace("03-03", "03-04"))
    assert backup.prune(folder, [later], [path]) == (1, {})
    assert path.stat().st_ino != before.st_ino
    assert [row.ref for row in keys_of(path)[1]] == [ref(0)]


@pytest.mark.parametrize("place", ["first", "last", "every", "over the edge of a piece"])
def test_wherever_in_a_set_the_erased_stand_exactly_they_go(folder: Path, place: str) -> None:
    lines = list(rows(9_000))
    edge = next(number for number in count() if sum(map(len, lines[: number + 1])) > PIECE)
    chosen = {"first": {0}, "last": {8_999}, "every": set(range(9_000)), "over the edge of a piece": {edge}}[
        place
    ]
    path = written(folder, iter(lines))
    erased = [Tombstone(ref(number), ERASED_AT) for number in chosen]
    assert backup.prune(folder, erased, [path]) == (len(chosen), {})
    with opened(path, "keys") as (_, inside):
        left = b"".join(chunks(inside))
    assert left == b"".join(line for number, line in enumerate(lines) if number not in chosen)


def test_one_line_longer_than_a_piece_is_one_line(folder: Path) -> None:
    """A parked update may be."""
    long = KeyRow("parked", "p", ref(1), "", os.urandom(2 * PIECE)).line()
    others = list(rows(3))
    path = written(folder, iter([others[0], long, others[2]]))
    assert backup.prune(folder, stones(1, 1), [path]) == (1, {})
    with opened(path, "keys") as (_, inside):
        assert b"".join(chunks(inside)) == long + others[2]
    assert backup.prune(folder, [Tombstone(ref(1), ERASED_AT)], [path]) == (1, {})
    with opened(path, "keys") as (_, inside):
        assert b"".join(chunks(inside)) == others[2]


def test_killed_at_any_moment_pruning_leaves_the_old_set_or_the_new_one_whole(folder: Path) -> None:
    path = written(folder, rows(5_000))
    first, before = path.read_bytes(), digest(path)
    erased = stones(5_000, 100)
    ends = set()
    for step in count(1):
        path.write_bytes(first)
        died = _dies(lambda: backup.prune(folder, erased, [path]), step)
        ends.add(digest(path))  # which raises when it is not whole
        if not died:
            break
    assert step > 8
    assert len(ends) == 2
    assert before in ends
    assert len(keys_of(path)[1]) == 5_000 - 50
    backup.prune(folder, [], [path])
    assert list(folder.iterdir()) == [path]  # what the killed ones have left is cleared away


def _dies(work: Callable[[], object], step: int) -> bool:
    """A process that does this, and dies at its `step`th call that opens, renames, removes, writes or syncs; whether it
    came to die."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    try:
        steps = count(1)

        def die(*_: object) -> None:
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)

        plain = os.fsync

        def fsync(file: int) -> None:
            die()
            plain(file)

        os.fsync = fsync  # type: ignore[assignment]
        sys.addaudithook(
            lambda event, arguments: (
                die()
                if event in {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "fcntl.flock"}
                else None
            )
        )
        work()
    finally:
        os._exit(0)
