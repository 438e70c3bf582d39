"""A clock that is wrong or jumps makes nothing due: Telegram's time counts, and waits are measured apart."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import clock
from bot.clock import Clock
from tests.applying import apply, decide
from tests.bot.test_time import scene

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "wall", lambda: NOON)


@pytest.mark.parametrize("off", [SECOND, -SECOND, clock.TOLERANCE, -clock.TOLERANCE])
def test_a_clock_near_telegrams_is_believed(here: None, off: timedelta) -> None:
    assert Clock(lambda: NOON + off)() == NOON


@pytest.mark.parametrize("off", [DAY, -DAY, clock.TOLERANCE + SECOND, -clock.TOLERANCE - SECOND])
def test_a_clock_that_is_minutes_off_gives_way_to_telegrams(here: None, off: timedelta) -> None:
    told = Clock(lambda: NOON + off)
    assert told() == NOON + off
    assert told.error() == -off.total_seconds()


def test_until_telegram_has_spoken_ours_is_all_there_is(here: None) -> None:
    silent = Clock(lambda: None)
    assert (silent(), silent.error()) == (NOON, 0.0)


@pytest.mark.parametrize("jump", [DAY, -DAY])
async def test_a_jump_neither_ends_the_time_to_undo_nor_deletes_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    async with scene(tmp_path, clock_is_set=False) as on:
        mei = on.cast.applicant("Mei")
        card = await apply(mei, on.group)
        await decide(on.ana, card, "approve")
        monkeypatch.setattr(clock, "wall", lambda: datetime.now(UTC) + jump)
        lin = on.cast.applicant("Lin")
        other = await apply(lin, on.group)  # meanwhile the errands' clock is looked at again and again
        assert await on.app.jobs.sweep() == 0
        await asyncio.sleep(0.2)
        assert not any("is approved" in one.text for one in mei.messages())
        assert abs(on.app.clock() - datetime.now(UTC)) < timedelta(seconds=5)
        assert (await decide(on.ana, card, "undo")).text
        await decide(on.ana, other, "approve")
        await decide(on.ana, other, "tell")
        await lin.sees("is approved")
