"""The engine: what holds on every connection, who shares a transaction, and what happens when it cannot write."""

import asyncio
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.engine import Transaction
from storage.errors import DataInUse, DataUnusable, StorageUnavailable
from storage.folder import DataLock
from storage.sqlite import SQLite

WANTED = {
    "journal_mode": "wal",
    "synchronous": 2,  # FULL: a commit is on the disk
    "secure_delete": 1,
    "foreign_keys": 1,
    "temp_store": 2,
    "trusted_schema": 0,
    "cell_size_check": 1,
    "busy_timeout": 2000,
}


def pragmas(tx: Transaction) -> dict[str, object]:
    return {name: (tx.fetchone(f"PRAGMA {name}") or (None,))[0] for name in WANTED}


def put(name: str, value: str = "") -> Callable[[Transaction], str]:
    def work(tx: Transaction) -> str:
        tx.execute("INSERT INTO facts (name, value) VALUES (?, ?)", (name, value))
        return name

    return work


def names(tx: Transaction) -> list[str]:
    return [row[0] for row in tx.fetchall("SELECT name FROM facts ORDER BY name")]


# opening


async def test_pragmas_hold_on_every_connection(engine: SQLite) -> None:
    assert await engine.write(pragmas) == WANTED
    assert await engine.read(pragmas) == WANTED
    assert await engine.read(lambda tx: tx.fetchone("PRAGMA query_only")) == (1,)


async def test_files_are_for_their_owner_alone(engine: SQLite, path: Path) -> None:
    await engine.write(put("a"))
    modes = {one.name: oct(one.stat().st_mode & 0o777) for one in path.parent.iterdir()}
    assert modes == {f"intake.sqlite{tail}": "0o600" for tail in ("", "-wal", "-shm")}
    assert oct(path.parent.stat().st_mode & 0o777) == "0o700"


async def test_a_folder_that_stood_open_is_closed_to_others(path: Path) -> None:
    path.parent.mkdir(mode=0o755)
    path.touch(mode=0o644)
    async with SQLite.open(path):
        assert oct(path.parent.stat().st_mode & 0o777) == "0o700"
        assert oct(path.stat().st_mode & 0o777) == "0o600"


async def test_a_folder_in_which_others_live_keeps_its_mode(path: Path) -> None:
    path.parent.mkdir(mode=0o755)
    path.with_name("notes.txt").touch()
    async with SQLite.open(path):
        assert oct(path.parent.stat().st_mode & 0o777) == "0o755"
        assert oct(path.stat().st_mode & 0o777) == "0o600"


async def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(DataUnusable, match="cannot be opened as a database"):
        async with SQLite.open(path):
            pass


async def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataUnusable, match="not writable"):
        async with SQLite.open(tmp_path / "file" / "intake.sqlite"):
            pass


async def test_reading_only_needs_a_database_and_writes_nothing(engine: SQLite, path: Path) -> None:
    with pytest.raises(DataUnusable, match="has the bot ever run"):
        async with SQLite.open(path.parent / "other.sqlite", readonly=True):
            pass
    assert not (path.parent / "other.sqlite").exists()
    await engine.write(put("a"))
    async with SQLite.open(path, readonly=True) as reader:
        assert await reader.read(names) == ["a"]
        assert await reader.checkpoint() is False
        with pytest.raises(StorageUnavailable, match="reading only"):
            await reader.write(put("b"))


async def test_a_reader_cannot_write(engine: SQLite) -> None:
    with pytest.raises(StorageUnavailable, match="readonly"):
        await engine.read(put("a"))


# sharing


async def test_works_that_come_together_share_a_transaction(engine: SQLite) -> None:
    seen: list[object] = []

    def work(tx: Transaction) -> None:
        tx.execute("INSERT INTO facts (name, value) VALUES (?, '')", (f"{len(seen)}",))
        seen.append(tx)

    await asyncio.gather(*(engine.write(work) for _ in range(5)))
    assert len(set(map(id, seen))) == 1
    assert await engine.read(names) == ["0", "1", "2", "3", "4"]


async def test_a_patient_work_goes_with_the_next_one(engine: SQLite) -> None:
    seen: list[object] = []

    def work(tx: Transaction) -> None:
        seen.append(tx)

    patient = asyncio.create_task(engine.write(work, patience=3600))
    await asyncio.sleep(0)
    await engine.write(work)
    await patient
    assert len(seen) == 2
    assert len(set(map(id, seen))) == 1


async def test_a_patient_work_that_nobody_joins_is_written_when_its_time_is_over(engine: SQLite) -> None:
    await asyncio.wait_for(engine.write(lambda tx: None, patience=0.01), 5)


async def test_closing_waits_for_no_patience(tmp_path: Path) -> None:
    async with SQLite.open(tmp_path / "data.sqlite") as engine:
        await engine.write(lambda tx: tx.execute("CREATE TABLE kept (name TEXT)"))
        patient = asyncio.create_task(
            engine.write(lambda tx: tx.execute("INSERT INTO kept VALUES ('x')"), patience=3600)
        )
        await asyncio.sleep(0)
    assert await asyncio.wait_for(patient, 5) == 1


async def test_one_bad_work_fails_alone(engine: SQLite) -> None:
    def bad(tx: Transaction) -> None:
        tx.execute("INSERT INTO facts (name, value) VALUES ('half', '')")
        raise KeyError("bad")

    def breaks_a_constraint(tx: Transaction) -> None:
        tx.execute("INSERT INTO facts (name, value) VALUES ('half', '')")
        tx.execute("INSERT INTO facts (name, value) VALUES ('half', '')")

    works: list[Callable[[Transaction], object]] = [put("a"), bad, put("b"), breaks_a_constraint, put("c")]
    found = await asyncio.gather(*(engine.write(work) for work in works), return_exceptions=True)
    assert [type(one).__name__ for one in found] == ["str", "KeyError", "str", "IntegrityError", "str"]
    assert await engine.read(names) == ["a", "b", "c"]


async def test_a_work_whose_caller_has_gone_is_still_done(engine: SQLite) -> None:
    waiting = asyncio.create_task(engine.write(put("a")))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await engine.drain()
    assert await engine.read(names) == ["a"]


async def test_closing_finishes_what_was_accepted(path: Path) -> None:
    async with SQLite.open(path) as engine:
        await engine.write(lambda tx: tx.execute("CREATE TABLE facts (name TEXT, value TEXT)"))
        waiting = asyncio.create_task(engine.write(put("a")))
        await asyncio.sleep(0)
    assert await waiting == "a"
    async with SQLite.open(path) as engine:
        assert await engine.read(names) == ["a"]


async def test_a_reader_sees_one_moment(engine: SQLite) -> None:
    loop = asyncio.get_running_loop()
    both = asyncio.Event()

    def look_twice(tx: Transaction) -> list[list[str]]:
        first = names(tx)
        asyncio.run_coroutine_threadsafe(engine.write(put("between")), loop).result(5)
        loop.call_soon_threadsafe(both.set)
        return [first, names(tx)]

    assert await engine.read(look_twice) == [[], []]
    await both.wait()
    assert await engine.read(names) == ["between"]


# what cannot be written


@pytest.fixture
def held(path: Path, engine: SQLite) -> Iterator[sqlite3.Connection]:
    """Another process holds the write lock."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


async def test_a_locked_database_is_unavailable_until_it_is_free(
    engine: SQLite, held: sqlite3.Connection
) -> None:
    await _impatient(engine)
    with pytest.raises(StorageUnavailable, match="locked"):
        await engine.write(put("a"))
    held.execute("ROLLBACK")
    assert await engine.read(names) == []
    await engine.write(put("b"))
    assert await engine.read(names) == ["b"]


async def _impatient(engine: SQLite) -> None:
    """No test waits two seconds for a lock that stays."""
    assert engine._writer is not None
    await engine._writer.execute_fetchall("PRAGMA busy_timeout = 0")


async def test_a_full_disk_writes_nothing_and_works_again_when_there_is_room(
    engine: SQLite, path: Path
) -> None:
    await engine.write(put("before"))
    size = sum(one.stat().st_size for one in path.parent.iterdir())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))  # a write beyond fails, as on a full disk
    try:
        works = [put("a", "x" * 10**6), put("b")]
        found = await asyncio.gather(*(engine.write(work) for work in works), return_exceptions=True)
        assert await engine.read(names) == ["before"]
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))  # not even one page
        with pytest.raises(StorageUnavailable, match=r"cannot be written now: .*full, failing or read-only"):
            await engine.check()
        assert await engine.checkpoint() is False
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [type(one).__name__ for one in found] == ["StorageUnavailable", "StorageUnavailable"]
    await engine.check()
    await engine.write(put("after"))
    assert await engine.read(names) == ["after", "before"]


async def test_a_database_that_cannot_be_read_is_unavailable(engine: SQLite, path: Path) -> None:
    await engine.write(
        lambda tx: tx.executemany(
            "INSERT INTO facts VALUES (?, ?)", [(f"{n}", "x" * 4000) for n in range(50)]
        )
    )
    assert await engine.checkpoint()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises(StorageUnavailable, match="cannot be read now: database disk image is malformed"):
        await engine.read(names)


async def test_what_went_wrong_in_a_work_is_heard_of_also_when_its_transaction_is_gone(
    engine: SQLite,
) -> None:
    def ends_it(tx: Transaction) -> None:
        tx.execute("ROLLBACK")
        raise KeyError("wrong")

    for run in (engine.read, engine.write):
        with pytest.raises(KeyError, match="wrong"):
            await run(ends_it)


async def test_a_transaction_that_was_left_open_does_not_stop_the_next(engine: SQLite) -> None:
    assert engine._writer is not None
    for connection in (engine._reader, engine._writer):
        await connection.execute_fetchall("BEGIN")
    await engine.write(put("a"))
    assert await engine.read(names) == ["a"]


async def test_opening_what_cannot_be_written_is_refused(
    path: Path, engine: SQLite, held: sqlite3.Connection
) -> None:
    with pytest.raises(StorageUnavailable, match="locked; another program holds it"):
        async with SQLite.open(path):
            pass


# erasing


async def test_a_checkpoint_empties_the_log(engine: SQLite, path: Path) -> None:
    await engine.write(put("a"))
    assert Path(f"{path}-wal").stat().st_size > 0
    assert await engine.checkpoint() is True
    assert Path(f"{path}-wal").stat().st_size == 0
    assert await engine.write(lambda tx: tx.fetchone("PRAGMA busy_timeout")) == (2000,)


async def test_a_checkpoint_waits_for_nobody(engine: SQLite, path: Path) -> None:
    await engine.write(put("a"))
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM facts").fetchall()
    await engine.write(put("b"))
    assert await engine.checkpoint() is False
    reader.close()
    assert await engine.checkpoint() is True


# one process


HOLD = "import sys; from pathlib import Path; from storage.folder import DataLock\n"
HOLD += "with DataLock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"


def test_a_second_process_is_refused_and_told_the_first(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None and first.stdout.readline() == "held\n"
        with (
            pytest.raises(DataInUse, match=f"in use by process {first.pid}; stop it first"),
            DataLock(tmp_path),
        ):
            pass
        first.kill()
    with DataLock(tmp_path):
        assert (tmp_path / "lock").read_text() != str(first.pid)


def test_the_lock_is_free_again_after_use(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with DataLock(folder), pytest.raises(DataInUse), DataLock(folder):
        pass
    with DataLock(folder):
        assert oct((folder / "lock").stat().st_mode & 0o777) == "0o600"


def test_a_folder_that_cannot_hold_the_lock_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataUnusable, match="not writable"), DataLock(tmp_path / "file"):
        pass
