"""What cannot be read or handled is set aside, and never stops the next one."""

import asyncio
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from bot.sandbox.server import Sandbox
from bot.sandbox.updates import UpdateQueue
from tests.applying import agree, has, steps
from tests.bot.nonsense import nonsense
from tests.bot.poisoned import POISON
from tests.cast import Cast, Group, RunningBot, running_bot


async def emptied(queue: UpdateQueue) -> None:
    """Every update is confirmed. A confirmation is no event that wakes who waits, so it is looked for."""
    async with asyncio.timeout(10):
        while len(queue):
            await asyncio.sleep(0.02)


WAYS = pytest.mark.parametrize("webhook", [False, True], ids=["polling", "webhook"])


@pytest.fixture
def group(cast: Cast) -> Group:
    return cast.group()


async def fuzz(
    sandbox: Sandbox, cast: Cast, group: Group, folder: Path, *, webhook: bool, count: int, seed: int = 7
) -> list[float]:
    """So many fuzzed updates between the steps of real people; the seconds that each real step took."""
    taken = []
    async with running_bot(sandbox, group, folder, webhook=webhook) as bot:
        bodies, queue = list(nonsense(seed, count)), cast.telegram.queue
        while bodies:
            mei = cast.applicant(f"Mei{len(bodies)}")
            for step in steps(mei):
                for body in bodies[:10]:
                    queue.add_raw("message", body, ("chat", 5_550_000 + len(queue) % 7))
                del bodies[:10]
                began = time.monotonic()
                await step()
                taken.append(time.monotonic() - began)
        await bot.settled()
        assert not has_ended(bot)
        await emptied(queue)
        assert await bot.terminate() == 0
    with sqlite3.connect(folder / "data" / "intake.sqlite") as database:
        parked = database.execute("SELECT COUNT(*) FROM parked").fetchone()[0]
    taken.sort()
    print(
        f"{count} fuzzed, {parked} parked; a step takes {taken[len(taken) // 2]:.3f} s, at most {taken[-1]:.3f} s"
    )
    assert 0 < parked <= count
    return taken


@WAYS
async def test_nonsense_between_real_updates_stops_none_of_them(
    webhook: bool, sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path
) -> None:
    await fuzz(sandbox, cast, group, tmp_path, webhook=webhook, count=300)


@WAYS
async def test_an_update_that_kills_the_process_is_set_aside_and_all_others_are_served(
    webhook: bool, sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path
) -> None:
    mei, lin, noor = cast.applicant("Mei"), cast.applicant("Lin"), cast.applicant("Noor")
    async with running_bot(sandbox, group, tmp_path, webhook=webhook, module="tests.bot.poisoned") as bot:
        await agree(mei)
        await bot.settled()
        mei.say("Mei Okafor")
        noor.say(f"/start {POISON}")
        lin.start()
        deaths, queue = 0, cast.telegram.queue
        while len(queue):
            await cast.telegram.changes.until(lambda: not len(queue) or has_ended(bot), 10)
            if has_ended(bot):
                deaths += 1
                assert deaths <= 4
                assert await bot.terminate() == -signal.SIGKILL
                await bot.start(serving=False)
        await mei.sees("2 of 9")
        await lin.sees(has("tick"))
        noor.say("/start")
        await noor.hears(has("tick"))
        assert await bot.terminate() == 0
    # what was on its way at a death may stand there twice
    assert 1 <= sum("2 of 9" in one.text for one in mei.messages()) <= deaths + 1
    assert 1 <= sum(has("tick")(one) for one in lin.messages()) <= deaths + 1
    with sqlite3.connect(tmp_path / "data" / "intake.sqlite") as database:
        assert [reason for (reason,) in database.execute("SELECT reason FROM parked")] == [
            "in hand at 2 unclean ends"
        ]


def has_ended(bot: RunningBot) -> bool:
    return bot.process is not None and bot.process.returncode is not None
