"""/healthz and /readyz: what they say when something is wrong, and that it ends by itself."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from bot import health
from bot.health import BEAT, STOOD_STILL, Health
from bot.sandbox.faults import Fault
from bot.sandbox.server import Sandbox
from bot.settings import DATABASE
from bot.transport import Transport
from storage.sqlite import SQLite
from tests.cast import Cast, Group, RunningBot, free_port, running_bot


@pytest.fixture
def group(cast: Cast) -> Group:
    return cast.group()


@pytest_asyncio.fixture
async def bot(sandbox: Sandbox, group: Group, tmp_path: Path) -> AsyncIterator[RunningBot]:
    async with running_bot(sandbox, group, tmp_path, status_port=free_port()) as running:
        await says(running, "readyz", 200, "ready")
        yield running


async def asked(bot: RunningBot, path: str) -> tuple[int, str]:
    """The status, and the page."""
    url = f"http://127.0.0.1:{bot.environment['INTAKE_STATUS_PORT']}/{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def says(bot: RunningBot, path: str, status: int, words: str, timeout: float = 30.0) -> None:
    """Returns as soon as it does."""
    found = (0, "")
    try:
        async with asyncio.timeout(timeout):
            while not (found[0] == status and words in found[1]):
                with contextlib.suppress(aiohttp.ClientError):  # it is starting
                    found = await asked(bot, path)
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"/{path} says {found}, not {words!r}") from None
    assert found[1].count("\n") == 1


async def test_while_the_database_is_locked_it_is_not_ready_and_then_it_is(
    bot: RunningBot, cast: Cast
) -> None:
    path = Path(bot.environment["INTAKE_DATA"]) / DATABASE
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await says(bot, "readyz", 503, "the database")
        assert await asked(bot, "healthz") == (200, "ok\n")
        assert "intake_parked 0" in (await asked(bot, "metrics"))[1]
    await says(bot, "readyz", 200, "ready")


async def test_while_telegram_is_away_it_is_not_ready_and_then_it_is(
    bot: RunningBot, sandbox: Sandbox, cast: Cast
) -> None:
    mei = cast.applicant("Mei")
    sandbox.faults.add(Fault("refuse"))
    mei.start()  # ends the long poll that began before
    await says(bot, "readyz", 503, "getUpdates fails (Uncertain)")
    assert await asked(bot, "healthz") == (200, "ok\n")
    sandbox.faults.clear()
    await mei.hears("", timeout=30)
    await says(bot, "readyz", 200, "ready")
    failures = (await asked(bot, "metrics"))[1].partition("\nintake_polls_failed_total ")[2]
    assert int(failures.split()[0]) >= 2


async def test_by_webhook_too_telegram_is_missed_and_its_return_is_seen(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path
) -> None:
    async with running_bot(sandbox, group, tmp_path, webhook=True, status_port=free_port()) as bot:
        await says(bot, "readyz", 200, "ready")
        sandbox.faults.add(Fault("502"))
        cast.applicant("Mei").start()
        await says(bot, "readyz", 503, "Telegram has not answered for ")
        sandbox.faults.clear()
        await says(bot, "readyz", 200, "ready")


async def test_what_came_while_it_was_down_is_handled_before_it_is_ready(
    bot: RunningBot, sandbox: Sandbox, cast: Cast
) -> None:
    await bot.terminate()
    sandbox.faults.add(Fault("502", "getUpdates"))
    await bot.start()
    assert (await asked(bot, "readyz"))[0] == 503
    await says(bot, "readyz", 503, "the backlog is not drained yet")
    sandbox.faults.clear()
    await says(bot, "readyz", 200, "ready")


@pytest_asyncio.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Health]:
    """A watch over the loop of this test."""
    async with (
        SQLite.open(tmp_path / "data" / DATABASE) as engine,
        Health(engine, Transport("1:x", "http://127.0.0.1:9"), lambda: True) as one,
    ):
        await asyncio.sleep(0)
        yield one


async def test_a_part_that_has_ended_is_no_life(watched: Health) -> None:
    part = asyncio.create_task(asyncio.sleep(60))
    watched.watch(part)
    assert watched.why_ill() == ""
    part.cancel()
    await asyncio.gather(part, return_exceptions=True)
    assert watched.why_ill() == "a part of the bot has ended"


async def test_a_loop_that_stood_still_for_long_is_no_life_for_a_minute(
    watched: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    time.sleep(BEAT + 0.5)
    await asyncio.sleep(0.1)
    assert 0.4 < watched.lag() < STOOD_STILL
    assert watched.why_ill() == ""
    monkeypatch.setattr(health, "STOOD_STILL", 0.4)
    assert watched.why_ill().startswith("the event loop stood still for ")
    monkeypatch.setattr(health, "MINUTE", 0.0)
    assert watched.lag() == 0.0
    assert watched.why_ill() == ""
