"""The child process behind the photos: locked up, replaced when it fails, ended for sure."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from bot.photos import Darkroom, DarkroomClosed, Photo, Refusal
from tests.bot.hostile import card, many_scans, saved

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds; a deadline for what must happen, not a measurement


@pytest.fixture(scope="module")
def jpeg() -> bytes:
    return saved(card(), "JPEG")


def worker(body: str) -> tuple[str, ...]:
    """A worker that says it is ready, takes one file and then does something else."""
    start = "import os, sys, struct, time\nsys.stdout.buffer.write(b'\\x01')\nsys.stdout.flush()\n"
    take = "sys.stdin.buffer.read(*struct.unpack('>I', sys.stdin.buffer.read(4)))\n"
    return (sys.executable, "-c", start + take + textwrap.dedent(body))


def gone(pid: int) -> bool:
    """Ended; where nobody collects orphans a zombie is left."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.01)


async def test_one_child_serves_many_photos(jpeg: bytes) -> None:
    async with Darkroom(seconds=PATIENCE) as darkroom:
        assert darkroom.pid is None
        await darkroom.warm()
        child = darkroom.pid
        outcomes = await asyncio.gather(*(darkroom.develop(jpeg) for _ in range(8)))
        assert [type(outcome) for outcome in outcomes] == [Photo] * 8
        assert darkroom.pid == child


async def test_child_is_replaced_after_its_number_of_photos(jpeg: bytes) -> None:
    async with Darkroom(seconds=PATIENCE, photos_per_child=2) as darkroom:
        children = []
        for _ in range(5):
            assert isinstance(await darkroom.develop(jpeg), Photo)
            children.append(darkroom.pid)
    assert [children.count(child) for child in dict.fromkeys(children)] == [2, 2, 1]


async def test_child_killed_at_work_is_answered_for_and_replaced(jpeg: bytes) -> None:
    async with Darkroom(seconds=PATIENCE) as darkroom:
        await darkroom.warm()
        child = darkroom.pid
        assert child
        os.kill(child, signal.SIGSTOP)
        job = asyncio.create_task(darkroom.develop(jpeg))
        await asyncio.sleep(0)
        os.kill(child, signal.SIGKILL)
        assert await job == Refusal("photo_not_checked")
        assert isinstance(await darkroom.develop(jpeg), Photo)
        assert darkroom.pid != child


async def test_child_killed_while_idle_is_not_noticed_by_the_next_photo(jpeg: bytes) -> None:
    async with Darkroom(seconds=PATIENCE) as darkroom:
        await darkroom.warm()
        child = darkroom.pid
        assert child
        os.kill(child, signal.SIGKILL)
        await until(lambda: darkroom.pid is None)
        assert isinstance(await darkroom.develop(jpeg), Photo)


async def test_photo_that_takes_too_long_is_refused_and_its_child_ended(jpeg: bytes) -> None:
    async with Darkroom(seconds=0.2) as darkroom:
        await darkroom.warm()
        child = darkroom.pid
        assert child
        assert await darkroom.develop(many_scans()) == Refusal("photo_took_too_long")
        assert gone(child)
        assert darkroom.pid is None


async def test_cancelled_photo_does_not_leave_its_answer_to_the_next(jpeg: bytes) -> None:
    async with Darkroom(seconds=PATIENCE) as darkroom:
        await darkroom.warm()
        child = darkroom.pid
        assert child
        os.kill(child, signal.SIGSTOP)
        job = asyncio.create_task(darkroom.develop(jpeg))
        await asyncio.sleep(0)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        small = await darkroom.develop(saved(card(320, 240), "JPEG"))
        assert isinstance(small, Photo)
        assert (small.width, small.height) == (320, 240)
        assert gone(child)


async def test_closing_ends_the_child_and_tells_those_who_wait(jpeg: bytes) -> None:
    darkroom = Darkroom(seconds=PATIENCE)
    await darkroom.warm()
    child = darkroom.pid
    assert child
    os.kill(child, signal.SIGSTOP)
    jobs = [asyncio.create_task(darkroom.develop(jpeg)) for _ in range(3)]
    await asyncio.sleep(0)
    await darkroom.close()
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DarkroomClosed] * 3
    assert gone(child)
    with pytest.raises(DarkroomClosed):
        await darkroom.develop(jpeg)
    await darkroom.close()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("os.kill(os.getpid(), 11)", "photo_broken"),
        ("os.abort()", "photo_broken"),
        ("os.kill(os.getpid(), 24)", "photo_took_too_long"),  # SIGXCPU
        ("sys.exit(1)", "photo_not_checked"),
        ("os.write(1, b'\\xff' * 15)", "photo_not_checked"),
        ("os.write(1, struct.pack('>BBIIBI', 0, 1, 9, 9, 0, 1 << 30))", "photo_not_checked"),
        ("os.write(1, struct.pack('>BBIIBI', 0, 1, 9, 9, 0, 0))", "photo_not_checked"),
        ("os.write(1, struct.pack('>BBIIBI', 0, 1, 9999, 9, 0, 3) + b'abc')", "photo_not_checked"),
        ("os.write(1, struct.pack('>BBIIBI', 1, 1, 9, 9, 0, 3) + b'abc')", "photo_not_checked"),
        ("os.write(1, struct.pack('>BBIIBI', 0, 1, 9, 9, 0, 99) + b'abc')", "photo_not_checked"),
    ],
)
async def test_child_that_dies_or_talks_nonsense_costs_only_its_photo(
    body: str, reason: str, jpeg: bytes
) -> None:
    async with Darkroom(seconds=PATIENCE, command=worker(body)) as darkroom:
        assert await darkroom.develop(jpeg) == Refusal(reason)
        assert darkroom.pid is None


@pytest.mark.parametrize(
    "command", [("/nonexistent/python",), (sys.executable, "-c", "print('hello')"), ("/bin/false",)]
)
async def test_worker_that_cannot_be_started_is_answered_for(command: tuple[str, ...], jpeg: bytes) -> None:
    async with Darkroom(command=command) as darkroom:
        await darkroom.warm()
        assert await darkroom.develop(jpeg) == Refusal("photo_not_checked")


async def test_child_survives_the_signals_meant_for_the_bot(jpeg: bytes) -> None:
    async with Darkroom(seconds=PATIENCE) as darkroom:
        await darkroom.warm()
        child = darkroom.pid
        assert child
        for sent in (signal.SIGINT, signal.SIGTERM):
            os.kill(child, sent)
        assert isinstance(await darkroom.develop(jpeg), Photo)
        assert darkroom.pid == child


async def test_child_dies_with_its_parent() -> None:
    code = """
        import asyncio
        from bot.photos import Darkroom

        async def main():
            darkroom = Darkroom()
            await darkroom.warm()
            print(darkroom.pid, flush=True)
            await asyncio.sleep(600)

        asyncio.run(main())
    """
    with subprocess.Popen(
        (sys.executable, "-c", textwrap.dedent(code)), cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert not gone(child)
        os.kill(child, signal.SIGSTOP)  # so that it cannot notice the end of its input
        parent.kill()
    await until(lambda: gone(child))


def test_locked_up_process_can_open_nothing_and_grow_no_further() -> None:
    code = """
        import socket
        from bot.photo_jail import lock_up

        def refused(act):
            try:
                act()
            except (OSError, MemoryError) as error:
                return type(error).__name__
            return "allowed"

        lock_up()
        print(refused(lambda: open("/etc/hostname")))
        print(refused(lambda: open("/tmp/photo-jail-test", "w")))
        print(refused(socket.socket))
        print(refused(lambda: bytes(512 << 20)))
        print(refused(lambda: bytes(64 << 20)))
    """
    done = subprocess.run(
        (sys.executable, "-c", textwrap.dedent(code)), cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["OSError", "OSError", "OSError", "MemoryError", "allowed"]


def test_worker_imports_nothing_of_the_bots_other_business() -> None:
    code = "import sys, bot.photo_worker; print(*sorted(name.partition('.')[0] for name in sys.modules))"
    done = subprocess.run((sys.executable, "-c", code), cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"asyncio", "telegram", "aiohttp", "structlog", "pydantic", "cryptography"} & set(
        done.stdout.split()
    )
