"""While the database takes nothing (disk full or failing, locked) nothing is acknowledged, and nothing lost."""

import asyncio
import contextlib
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
import psutil
import pytest
import pytest_asyncio

from bot.sandbox.server import Sandbox
from bot.sandbox.witness import Delivery
from storage.vault import OperatorKey
from tests.applying import ANSWERS, agree, answer, at, has, steps, submit
from tests.cast import Cast, Group, Person, RunningBot, free_port, running_bot

DATABASE = "intake.sqlite"
LONG = 30.0  # seconds within which it must go on by itself
Trouble = Callable[[Path, RunningBot], AbstractContextManager[None]]


# what can be wrong


@contextlib.contextmanager
def full_disk(data: Path, bot: RunningBot) -> Iterator[None]:
    filler = data.parent / "filler"
    with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
        while file.write(b"x" * 512):
            pass
    try:
        yield
    finally:
        filler.unlink()


@contextlib.contextmanager
def failing_disk(data: Path, bot: RunningBot) -> Iterator[None]:
    """Every write beyond the first page of a file fails, in its middle."""
    process, unlimited = psutil.Process(bot.pid), psutil.RLIM_INFINITY
    process.rlimit(psutil.RLIMIT_FSIZE, (4096, unlimited))
    try:
        yield
    finally:
        process.rlimit(psutil.RLIMIT_FSIZE, (unlimited, unlimited))


@contextlib.contextmanager
def locked(data: Path, bot: RunningBot) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(data / DATABASE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextlib.contextmanager
def read_only(data: Path, bot: RunningBot) -> Iterator[None]:
    """As after an error of the file system: what is open already cannot be written any more either."""
    files = [str(data / f"{DATABASE}{tail}") for tail in ("", "-wal")]
    subprocess.run(["chattr", "+i", *files], check=True)
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *files], check=True)


SAID: dict[Trouble, str] = {
    full_disk: "database or disk is full; make room",
    failing_disk: "disk I/O error; its disk is full, failing or read-only",
    locked: "database is locked; another program holds it",
    read_only: "disk I/O error; its disk is full, failing or read-only",
}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture
def real_disk() -> Iterator[Path]:
    """A folder that does not lie in memory, if the machine has one for passing things."""
    with TemporaryDirectory(prefix="intake-disk-") as folder:
        yield Path(folder)


def data_for(trouble: Trouble, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A data folder in which there can be that trouble."""
    if trouble is full_disk:
        disk: Path = request.getfixturevalue("disk")
        return disk / "data"
    if trouble is read_only:
        folder: Path = request.getfixturevalue("real_disk")
        if not _can_be_made_immutable(folder / "probe"):
            pytest.skip("no open file can be made read-only here")
        return folder / "data"
    return tmp_path / "data"


def _can_be_made_immutable(probe: Path) -> bool:
    with probe.open("wb", buffering=0) as file:
        if subprocess.run(["chattr", "+i", probe], check=False, capture_output=True).returncode:
            return False
        try:
            file.write(b"x")
        except PermissionError:
            return True
        finally:
            subprocess.run(["chattr", "-i", probe], check=True)
    return False


# the bot


@pytest.fixture
def group(cast: Cast) -> Group:
    return cast.group()


@pytest.fixture(params=[full_disk], ids=lambda one: one.__name__)
def trouble(request: pytest.FixtureRequest) -> Trouble:
    found: Trouble = request.param
    return found


@pytest.fixture
def data(trouble: Trouble, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return data_for(trouble, request, tmp_path)


@pytest.fixture(params=["polling"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def bot(
    way: str, sandbox: Sandbox, group: Group, tmp_path: Path, data: Path
) -> AsyncIterator[RunningBot]:
    async with running_bot(
        sandbox, group, tmp_path, webhook=way == "webhook", data=data, status_port=free_port()
    ) as running:
        yield running


async def readiness(bot: RunningBot) -> tuple[int, str]:
    url = f"http://127.0.0.1:{bot.environment['INTAKE_STATUS_PORT']}/readyz"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, (await response.text()).strip()


async def said_ready(bot: RunningBot) -> None:
    async with asyncio.timeout(LONG):
        while (await readiness(bot))[0] != 200:
            await asyncio.sleep(0.1)


def deliveries(sandbox: Sandbox, since: int) -> list[Delivery]:
    """The updates that came after so many others."""
    return list(sandbox.telegram.witness.deliveries.values())[since:]


async def until_confirmed(sandbox: Sandbox, since: int) -> None:
    """All that came since is acknowledged; looked at often, as it is no change that anyone is told of."""
    async with asyncio.timeout(LONG):
        while any(one.confirmed_at is None for one in deliveries(sandbox, since)):
            await asyncio.sleep(0.005)


async def until_tried(sandbox: Sandbox, since: int, times: int) -> None:
    async with asyncio.timeout(LONG):
        while min(len(one.attempts) for one in deliveries(sandbox, since)) < times:
            await asyncio.sleep(0.02)


def asked(person: Person, number: int) -> int:
    """How often that question stands in his chat."""
    return sum(f"{number} of 9" in one.text for one in person.messages() if one.from_bot)


# while it runs


@pytest.mark.parametrize(
    ("trouble", "way"),
    [
        (full_disk, "polling"),
        (full_disk, "webhook"),
        pytest.param(failing_disk, "polling", marks=pytest.mark.soak),
        (locked, "webhook"),
        pytest.param(read_only, "polling", marks=pytest.mark.soak),
    ],
    indirect=True,
)
async def test_what_cannot_be_written_waits_and_goes_on_by_itself(
    bot: RunningBot, sandbox: Sandbox, cast: Cast, group: Group, data: Path, trouble: Trouble
) -> None:
    mei, lin, ben, ivy = (cast.applicant(name) for name in ("Mei", "Lin", "Ben", "Ivy"))
    await asyncio.gather(agree(mei), agree(ben), fill_in_to_the_photo(ivy))
    await bot.settled()
    deliveries_ = sandbox.telegram.witness.deliveries
    said, before = len(bot.output), len(deliveries_)

    sandbox.faults.latency = 0.5
    ivy.send_photo()
    ben.say(ANSWERS[1])
    await until_confirmed(sandbox, before)  # the photo and the next question are on their way
    with trouble(data, bot):
        sandbox.faults.latency = 0.0
        during = len(deliveries_)
        mei.say(ANSWERS[1])
        lin.start()
        began = time.monotonic()
        await at(ben, 2)
        await until_tried(sandbox, during, 2 if trouble is locked else 3)  # a lock is waited for, each time
        tried = sum(len(one.attempts) for one in deliveries(sandbox, during))
        assert tried <= 8 + 4 * (time.monotonic() - began)
        status, why = await readiness(bot)
        assert (status, why) == (503, f"the database cannot be written now: {SAID[trouble]}")
        assert all(one.confirmed_at is None for one in deliveries(sandbox, during))
        assert (asked(mei, 2), asked(ivy, 7), len(lin.messages())) == (0, 0, 1)
        lines = [line for line in bot.output[said:].splitlines() if "[error" in line]
        assert len(lines) == 2  # one of what comes in, one of what was done
        assert all(SAID[trouble] in line for line in lines)
        assert {line.partition("action=")[2].split()[0] for line in lines} == {"take", "record"}
    await mei.hears("2 of 9", LONG)
    await lin.hears(has("tick"), LONG)
    await ivy.hears("7 of 9", LONG)
    await until_confirmed(sandbox, before)
    await bot.settled()
    await said_ready(bot)
    assert "updates are taken again" in bot.output
    for number in (7, 8, 9):
        await answer(ivy, number)
    await submit(ivy, group)

    await bot.settled()
    assert (asked(mei, 2), asked(ben, 2), asked(ivy, 7)) == (1, 1, 1)
    assert errands_and_integrity(data) == (0, "ok")


async def fill_in_to_the_photo(person: Person) -> None:
    for step in steps(person)[:6]:
        await step()


def errands_and_integrity(data: Path) -> tuple[int, str]:
    with contextlib.closing(sqlite3.connect(data / DATABASE)) as connection:
        (errands,) = connection.execute("SELECT COUNT(*) FROM errands").fetchone()
        (integrity,) = connection.execute("PRAGMA integrity_check").fetchone()
    return errands, integrity


async def test_a_stop_or_a_kill_while_the_disk_is_full_loses_nothing(
    bot: RunningBot, sandbox: Sandbox, cast: Cast, group: Group, data: Path
) -> None:
    mei, ben = cast.applicant("Mei"), cast.applicant("Ben")
    await asyncio.gather(agree(mei), agree(ben))
    await bot.settled()
    for number, end in ((1, bot.terminate), (2, bot.kill)):
        since = len(sandbox.telegram.witness.deliveries)
        sandbox.faults.latency = 0.5
        ben.say(ANSWERS[number])
        await until_confirmed(sandbox, since)
        with full_disk(data, bot):
            sandbox.faults.latency = 0.0
            mei.say(ANSWERS[number])
            await at(ben, number + 1)
            await until_tried(sandbox, since + 1, 2)
            assert not await end()
        await bot.start()
        await at(mei, number + 1)
    await answer(ben, 3)
    await bot.settled()
    assert (asked(mei, 2), asked(mei, 3)) == (1, 1)
    assert all(1 <= asked(ben, number) <= 2 for number in (2, 3))  # their ends could not be entered


async def test_a_log_on_the_full_disk_does_not_end_the_bot(
    sandbox: Sandbox, cast: Cast, group: Group, disk: Path
) -> None:
    async with running_bot(sandbox, group, disk) as bot:  # its output goes there too
        mei = cast.applicant("Mei")
        await agree(mei)
        since = len(sandbox.telegram.witness.deliveries)
        with full_disk(disk / "data", bot):
            mei.say(ANSWERS[1])
            await until_tried(sandbox, since, 3)
        await mei.hears("2 of 9", LONG)


# at the start


async def refused_start(bot: RunningBot) -> str:
    """The one line with which a start ends."""
    said = len(bot.output)
    with pytest.raises(AssertionError, match="the bot ended with 2"):
        await bot.start()
    (line,) = bot.output[said:].splitlines()
    return line


async def test_a_start_that_cannot_write_says_so_and_the_next_one_serves(
    bot: RunningBot, cast: Cast, data: Path, disk: Path
) -> None:
    mei = cast.applicant("Mei")
    await agree(mei)
    await bot.terminate()
    mei.say(ANSWERS[1])
    with locked(data, bot):
        assert await refused_start(bot) == f"the database cannot be written now: {SAID[locked]}"
    with full_disk(data, bot):
        assert re.search("cannot be .* now: .*full", await refused_start(bot))
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    assert await refused_start(bot) == f"the data folder {data} is not writable: Read-only file system"
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    await bot.start()
    await mei.hears("2 of 9")


async def test_a_first_start_on_a_full_disk_leaves_nothing_half(
    bot: RunningBot, cast: Cast, data: Path
) -> None:
    await bot.terminate()
    shutil.rmtree(data)
    data.mkdir()
    with full_disk(data, bot):
        line = await refused_start(bot)
        assert line == f"the key file {data}/operator.key cannot be used: No space left on device"
        assert [one.name for one in data.iterdir()] == ["lock"]
    OperatorKey.create(data / "operator.key")
    with full_disk(data, bot):  # with room for the key alone
        assert re.search("cannot be .* now: .*full", await refused_start(bot))
    await bot.start()
    await agree(cast.applicant("Mei"))
