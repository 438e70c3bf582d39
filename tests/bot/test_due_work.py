"""Work that falls due while the bot is down, its loop stands still or a clock jumps: late by little, never early."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Message
from tests.applying import agree, answer, apply, at, decide, has, on
from tests.bot.clocks import MINUTE, Clocks
from tests.bot.stage import playing, programme
from tests.bot.windows import times, to, writes
from tests.cast import Cast, Person, running_bot

UNDO = 1  # seconds, in the programme these tests run
DAY = 86_400.0
LATE = 4.0  # seconds that a busy machine may add
SPRING, AUTUMN = datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)  # in Berlin


def told_at(person: Person) -> list[float]:
    """When a decision was told to someone, as the local Telegram got it."""
    calls = writes(to(person.cast.telegram.witness.calls, person.id))
    return times(call for call in calls if "is approved" in str(call.params.get("text")))


def reminders(person: Person) -> list[Message]:
    return [one for one in person.messages() if "not finished yet" in one.text]


async def begun(cast: Cast, name: str) -> Person:
    """Someone with an unfinished draft, at the second question."""
    person = cast.applicant(name)
    await agree(person)
    await answer(person, 1)
    return person


async def test_what_fell_due_during_a_stop_is_done_at_once_but_after_what_waited_in_telegram(
    tmp_path: Path, clocks: Clocks
) -> None:
    clocks.both(-31 * DAY)
    async with playing(tmp_path, clock=clocks.telegrams_time, undo=UNDO) as play:
        mei, lin, kim = [await begun(play.cast, name) for name in ("Mei", "Lin", "Kim")]
        await play.settled()
        await play.stop()
        clocks.both(-29 * DAY)
        await play.start()
        await lin.sees("not finished yet")
        await kim.sees("not finished yet")
        await answer(kim, 2)
        await play.settled()
        await play.stop()
        clocks.both(60.0)
        crowd = [play.cast.applicant(f"P{number}") for number in range(220)]  # three batches of backlog
        for person in crowd:
            person.start()
        mei.say("mei.okafor@example.edu")
        await play.start()
        back = time.monotonic()
        await at(mei, 3)
        await lin.sees("has been deleted")
        assert time.monotonic() - back < MINUTE + LATE
        await kim.sees(lambda one: len(reminders(kim)) == 2)
        calls = writes(play.calls)
        assert max(times(to(calls, mei.id))) < max(times(to(calls, lin.id)))
        assert not any("has been deleted" in one.text for person in (mei, kim) for one in person.messages())
        assert all(len(person.messages()) == 2 for person in crowd)


async def test_a_clock_that_jumps_a_day_makes_nothing_early_and_nothing_late(
    tmp_path: Path, clocks: Clocks
) -> None:
    async with playing(tmp_path, clock=clocks.telegrams_time, undo=UNDO) as play:
        kim = await begun(play.cast, "Kim")
        for jump in (DAY, -DAY):
            person, _, decided = await play.approved("Mei")
            clocks.bots = jump
            await person.sees("is approved")
            (told,) = told_at(person)
            assert UNDO - 0.1 <= told - decided < UNDO + LATE
            await asyncio.sleep(2 * MINUTE)
            assert not reminders(kim)
        await play.operator.sees("clock is minutes off Telegram's")
        clocks.telegrams = DAY + 60  # a day later indeed, and ours still says yesterday
        await agree(play.cast.applicant("Mei"))  # an answer tells the time
        await kim.sees("not finished yet", timeout=MINUTE + LATE)
        assert len(reminders(kim)) == 1


async def test_a_clock_set_wrong_while_the_bot_was_down_neither_tells_early_nor_keeps_back(
    tmp_path: Path, clocks: Clocks
) -> None:
    async with playing(tmp_path, clock=clocks.telegrams_time, undo=UNDO) as play:
        kim = await begun(play.cast, "Kim")
        for jump in (DAY, -DAY):
            person, card, _ = await play.approved("Mei")
            await play.stop()
            clocks.bots = jump
            await play.start()
            back = time.monotonic()
            assert has("undo")(card)
            await person.sees("is approved")
            (told,) = told_at(person)
            assert told - back < UNDO + LATE
        assert not reminders(kim)


async def test_what_waits_goes_out_in_order_although_the_clock_went_back_meanwhile(
    tmp_path: Path, clocks: Clocks
) -> None:
    async with playing(tmp_path, clock=clocks.telegrams_time, undo=UNDO) as play:
        mei = await begun(play.cast, "Mei")
        await play.settled()
        play.sandbox.faults.add(Fault("429", chat_id=mei.id, retry_after=60))
        heard = len(mei.messages())
        mei.say("mei.okafor@example.edu")
        await play.cast.telegram.changes.until(lambda: play.cast.telegram.witness.refused[429], 10)
        clocks.both(-DAY)
        mei.say("/help")
        await play.taken()
        await play.stop()
        play.sandbox.faults.clear()
        await play.start()

        def said() -> list[str]:
            return [one.text for one in mei.messages()[heard:] if one.from_bot]

        await play.cast.telegram.changes.until(lambda: len(said()) == 2, 10, mei.id)
        question, guide = said()
        assert "3 of 9" in question
        assert "/status" in guide


@pytest.mark.parametrize("switch", [SPRING, AUTUMN], ids=["spring", "autumn"])
async def test_the_change_to_or_from_summer_time_moves_nothing(
    tmp_path: Path, clocks: Clocks, berlin: None, switch: datetime
) -> None:
    clocks.both(until(switch) - DAY + 0.3)
    async with playing(tmp_path, clock=clocks.telegrams_time, undo=UNDO) as play:
        kim = await begun(play.cast, "Kim")  # to be reminded a moment after the switch
        clocks.both(until(switch) - 1.2)
        mei, _, decided = await play.approved("Mei")
        await mei.sees("is approved")
        await kim.sees("not finished yet")
        (told,) = told_at(mei)
        assert UNDO - 0.1 <= told - decided < UNDO + LATE
        seen = datetime.fromtimestamp(clocks.telegrams_time(), UTC)
        assert timedelta() < seen - switch < timedelta(seconds=20)


async def test_a_process_that_stood_still_for_seconds_does_what_was_due_and_nothing_twice(
    sandbox: Sandbox, cast: Cast, tmp_path: Path
) -> None:
    group = cast.group()
    ana = cast.reviewer("Ana", group)
    async with running_bot(sandbox, group, tmp_path, programme=programme(UNDO)) as bot:
        mei, lin, kim = cast.applicant("Mei"), cast.applicant("Lin"), await begun(cast, "Kim")
        first, second = await asyncio.gather(apply(mei, group), apply(lin, group))
        await decide(ana, first, "approve")
        decided = time.monotonic()
        await decide(ana, second, "approve")
        await group.shows(lambda one: one is second and has("undo")(one))
        os.kill(bot.pid, signal.SIGSTOP)
        undo = ana.press_data(second, on(second, "undo"))
        kim.say("kim@example.edu")
        await asyncio.sleep(UNDO + 0.5)
        os.kill(bot.pid, signal.SIGCONT)
        await at(kim, 3)
        await mei.sees("is approved")
        assert (await ana.answer_to(undo)).text
        await bot.settled()
        assert len(told_at(mei)) == 1
        assert told_at(mei)[0] - decided >= UNDO - 0.1
        undone = has("approve")(second)
        assert len(told_at(lin)) == (0 if undone else 1)  # in time, or too late and told so


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process lives in Berlin."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def until(moment: datetime) -> float:
    """Seconds from now on; negative when it is past."""
    return (moment - datetime.now(UTC)).total_seconds()
