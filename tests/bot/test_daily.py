"""The daily digest and the cards that are late: each comes once, at its time, through restarts and kills."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from bot.app import App
from bot.daily import last_due
from bot.programmes import load
from bot.sandbox.deeds import set_status
from bot.sandbox.faults import Fault
from bot.sandbox.state import Member, Message
from bot.wording import Wording
from conversations import ProgrammeMistakes
from conversations.programme import Review
from storage import audit_log, facts
from storage.chain import Head
from tests.applying import apply, decide, has, press, receipt_in
from tests.bot.exactly import setting, world
from tests.bot.exactly.life import Trap
from tests.bot.exactly.setting import TIME
from tests.bot.exactly.world import World
from tests.bot.folders import change, copy_of_the_shipped
from tests.bot.stage import Stage, playing
from tests.bot.test_desk import HAN, links
from tests.bot.test_time import Clock, Scene, scene
from tests.cast import Group

DAY = timedelta(days=1)


def digests(group: Group) -> list[Message]:
    return [one for one in group.messages if one.from_bot and "📅" in one.text]


def ours(folder: Path, **changes: str) -> Path:
    """The shipped programme with other rules; its digest is at nine in Shanghai."""
    copy = copy_of_the_shipped(folder / "programme")
    change(copy, "programme.toml", {'time_zone = "UTC"': 'time_zone = "Asia/Shanghai"', **changes})
    return copy


async def goes_on(play: Scene, span: timedelta) -> None:
    """Time passes, minute for minute as far as anybody looks."""
    play.clock.now += span
    await play.app._publish()
    await play.app.outbox.settle()


# when


@pytest.mark.parametrize(
    ("zone", "at", "now", "day", "due"),
    [
        ("UTC", "09:00", "2026-03-02T09:00", "2026-03-02", "2026-03-02T09:00"),
        ("UTC", "09:00", "2026-03-02T08:59", "2026-03-01", "2026-03-01T09:00"),
        ("Asia/Shanghai", "09:00", "2026-03-02T01:00", "2026-03-02", "2026-03-02T01:00"),
        ("Asia/Shanghai", "07:30", "2026-03-01T23:30", "2026-03-02", "2026-03-01T23:30"),
        (
            "Asia/Shanghai",
            "23:30",
            "2026-03-02T16:10",
            "2026-03-02",
            "2026-03-02T15:30",
        ),  # past midnight there
        ("America/Los_Angeles", "20:00", "2026-03-03T04:00", "2026-03-02", "2026-03-03T04:00"),
        ("Europe/Paris", "09:00", "2026-03-28T08:00", "2026-03-28", "2026-03-28T08:00"),
        ("Europe/Paris", "09:00", "2026-03-29T07:00", "2026-03-29", "2026-03-29T07:00"),  # summer time
        ("Europe/Paris", "02:30", "2026-03-29T01:30", "2026-03-29", "2026-03-29T01:30"),  # there is no 02:30
        ("Europe/Paris", "02:30", "2026-10-25T00:30", "2026-10-25", "2026-10-25T00:30"),  # and here two
        ("Europe/Paris", "02:30", "2026-10-25T01:30", "2026-10-25", "2026-10-25T00:30"),
    ],
)
def test_the_time_is_that_of_the_programmes_zone(zone: str, at: str, now: str, day: str, due: str) -> None:
    review = Review(time_zone=zone, digest_at=at)
    found = last_due(review, datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert found == (date.fromisoformat(day), datetime.fromisoformat(due).replace(tzinfo=UTC))


def test_a_year_has_a_digest_for_each_of_its_days_whatever_the_clocks_do() -> None:
    for zone in ("Europe/Paris", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe"):
        for at in ("00:00", "01:30", "02:30", "09:00", "23:59"):
            review, days = Review(time_zone=zone, digest_at=at), []
            now = datetime(2026, 1, 1, 12, tzinfo=UTC)
            while now.year == 2026:
                found = last_due(review, now)
                assert found is not None
                assert timedelta() <= now - found[1] < timedelta(hours=25, minutes=30)
                days.append(found[0])
                now += timedelta(minutes=30)
            seen = list(dict.fromkeys(days))
            assert seen == [seen[0] + n * DAY for n in range(len(seen))]
            assert days == sorted(days)


def test_without_a_time_there_is_none() -> None:
    assert last_due(Review(), datetime(2026, 3, 2, tzinfo=UTC)) is None


@pytest.mark.parametrize("wrong", ['"9:00"', '"24:00"', '"09:60"', "9", '"nine"'])
def test_a_time_that_is_none_is_named_at_the_start(tmp_path: Path, wrong: str) -> None:
    folder = ours(tmp_path, **{'digest_at = "09:00"': f"digest_at = {wrong}"})
    with pytest.raises(ProgrammeMistakes) as raised:
        load(folder)
    assert [mistake.key for mistake in raised.value.mistakes] == ["review.digest_at"]


# what


async def test_each_day_names_what_waits_what_is_late_and_what_was_decided(tmp_path: Path) -> None:
    async with scene(tmp_path, programme=ours(tmp_path)) as play:  # it is 17:00 in Shanghai
        await goes_on(play, timedelta())
        first, second = [await apply(play.cast.applicant(name), play.group) for name in ("Mei", "Lin")]
        await goes_on(play, timedelta(hours=15, minutes=59))
        assert not digests(play.group)
        await goes_on(play, timedelta(minutes=1))
        (shown,) = digests(play.group)
        assert "3 March 2026" in shown.text
        assert "2 waiting; the oldest was submitted 16 h ago" in shown.text
        assert "2 submitted, 0 approved, 0 rejected, 0 withdrawn" in shown.text
        assert "⏰" not in shown.text
        count, _ = await play.app.engine.read(audit_log.head)
        said = re.search(r"Audit log: (\S+)", shown.text)
        assert said is not None
        told = Head.of(said[1])
        assert told is not None and told.number <= count
        rows = await play.app.engine.read(lambda tx: audit_log.rows(tx, told.number - 1, 1))
        assert told.digits == rows[0][5]
        for _ in range(5):
            await goes_on(play, timedelta(minutes=30))
        assert digests(play.group) == [shown]
        await decide(play.ana, first, "reject")
        await decide(play.ana, first, "because", "duplicate")
        await decide(play.ana, first, "undo")
        await decide(play.ana, first, "approve")
        await decide(play.ana, first, "tell")
        await decide(play.ana, second, "claim")
        await goes_on(play, timedelta(hours=21, minutes=30))
        assert "0 submitted, 1 approved, 0 rejected, 0 withdrawn" in digests(play.group)[-1].text
        for _ in range(4):
            await goes_on(play, DAY)
        late = digests(play.group)[-1]
        assert len(digests(play.group)) == 6
        assert "Longer than the promised 5 days: 1" in late.text
        assert f"{receipt_in(second)} · 5 days ago · claimed by Ana" in late.text
        card = next(
            one
            for one in play.group.chat.newest_first()
            if receipt_in(second) in one.text and has("approve")(one)
        )
        assert links(late) == {receipt_in(second): f"https://t.me/c/{-play.group.id - 10**12}/{card.id}"}


@pytest.mark.parametrize("always", [False, True])
async def test_a_day_with_nothing_to_say_is_silent_unless_it_is_wanted(tmp_path: Path, always: bool) -> None:
    changes = {"digest_when_quiet = false": f"digest_when_quiet = {str(always).lower()}"}
    async with scene(tmp_path, programme=ours(tmp_path, **changes)) as play:
        await goes_on(play, timedelta())
        await goes_on(play, timedelta(hours=16))
        await goes_on(play, DAY)
        assert [("No application is waiting" in one.text) for one in digests(play.group)] == [
            True
        ] * 2 * always
        mei = play.cast.applicant("Mei")
        await apply(mei, play.group)
        mei.say("/withdraw")
        await press(mei, "leave")
        await goes_on(play, DAY)
        assert "1 submitted, 0 approved, 0 rejected, 1 withdrawn" in digests(play.group)[-1].text


async def test_it_is_said_in_the_groups_language(tmp_path: Path) -> None:
    folder = ours(tmp_path, **{'language = "en"': 'language = "zh"'})
    async with scene(tmp_path, programme=folder) as play:
        await goes_on(play, timedelta())
        await apply(play.cast.applicant("Mei"), play.group)
        await goes_on(play, 5 * DAY + timedelta(hours=16))
        (shown,) = digests(play.group)
        assert all(HAN.search(line) for line in shown.text.splitlines() if line)
        assert "超过承诺的5天：1份" in shown.text


# once


@asynccontextmanager
async def stage(folder: Path, clock: Clock, **options: Any) -> AsyncIterator[Stage]:
    """A bot that is stopped and started on the same data, with a clock that is set."""
    original = App.open

    def opened(settings: Any, _: Any = None) -> Any:
        return original(settings, clock)

    with patch.object(App, "open", opened):
        async with playing(folder, **options) as play:
            await play.stop()
            await play.start(programme=ours(folder))
            yield play


async def looked(play: Stage) -> None:
    await play.app._publish()
    await play.settled()


async def test_a_digest_that_fell_into_a_downtime_comes_up_to_an_hour_late_and_then_not(
    tmp_path: Path,
) -> None:
    clock = Clock()
    async with stage(tmp_path, clock) as play:
        await looked(play)
        await apply(play.cast.applicant("Mei"), play.group)
        for hours, count in ((16 + 0.9, 1), (24, 2), (24.2, 2), (23.9, 3)):
            await play.stop()
            clock.now += timedelta(hours=hours)
            await play.start()
            for _ in range(2):
                await looked(play)
            assert len(digests(play.group)) == count, hours
        assert "1 submitted" in digests(play.group)[0].text


@pytest.mark.parametrize("answer", ["lost", "cut", "429", "502", "refuse"])
async def test_one_whose_sending_fails_or_was_not_answered_stands_once(tmp_path: Path, answer: Any) -> None:
    clock = Clock()
    async with stage(tmp_path, clock) as play:
        await looked(play)
        await apply(play.cast.applicant("Mei"), play.group)
        await play.settled()
        clock.now += timedelta(hours=16)
        fault = play.sandbox.faults.add(
            Fault(answer, "sendMessage", chat_id=play.group.id, count=1, retry_after=1)
        )
        await play.app._publish()
        await play.until(lambda: fault.struck)
        play.ana.say("/help", play.group.chat)
        await play.group.shows("Every application is one card")
        for _ in range(3):
            clock.now += timedelta(minutes=1)
            await asyncio.sleep(0.5)
            await play.app.outbox.settle()
        assert len(digests(play.group)) == 1
        assert sum("Every application is one card" in one.text for one in play.group.messages) == 1
        rows = await play.app.engine.read(lambda tx: tx.fetchall("SELECT kind FROM errands"))
        assert rows == []
        left = await play.app.engine.read(lambda tx: facts.beginning_with(tx, "posting"))
        assert left == []


@pytest.mark.parametrize(("minutes", "count"), [(50, 1), (70, 0)])
async def test_a_group_that_is_closed_gets_it_when_it_opens_but_not_too_late(
    tmp_path: Path, minutes: int, count: int
) -> None:
    clock = Clock()
    async with stage(tmp_path, clock) as play:
        await looked(play)
        await apply(play.cast.applicant("Mei"), play.group)
        await play.settled()
        clock.now += timedelta(hours=16)
        bot, admin = play.cast.telegram.bot, Member("administrator")
        set_status(play.cast.telegram, play.group.chat, bot, Member("restricted"), play.ana.user)
        await play.app._publish()
        await play.until(lambda: any(one.method == "sendMessage" and not one.ok for one in play.calls))
        for _ in range(minutes):
            clock.now += timedelta(minutes=1)
            await play.app.outbox.settle()
        assert not digests(play.group)
        set_status(play.cast.telegram, play.group.chat, bot, admin, play.ana.user)
        await play.taken()
        clock.now += timedelta(minutes=1)
        await play.app.outbox.settle()
        assert len(digests(play.group)) == count
        assert await play.app.engine.read(lambda tx: tx.fetchall("SELECT kind FROM errands")) == []


@pytest.fixture
def mortal(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world in which a process can be killed at any call and any commit, with a digest at nine."""
    review = setting.loaded().programme.review.model_copy(
        update={"digest_at": "09:00", "digest_when_quiet": True}
    )
    programme = setting.loaded().programme.model_copy(update={"review": review})
    daily = replace(setting.loaded(), programme=programme)
    words = Wording(daily, setting.SIGNER, lambda: TIME.now)
    monkeypatch.setattr(world, "loaded", lambda: daily)
    monkeypatch.setattr(world, "wording", lambda: words)
    made = World()
    yield made
    made.close()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("what", ["call", "commit"])
def test_wherever_the_process_is_killed_each_days_digest_comes_once(
    mortal: World, what: str, when: str
) -> None:
    async def look() -> None:
        assert mortal.life is not None
        await mortal.life.or_death(mortal.app._publish())
        await mortal.settle()

    async def everywhere() -> int:
        deaths = 0
        await look()
        mortal.ana.say("/help", mortal.group.chat)
        await mortal.group.shows("Every application")
        for day in range(1, 7):
            mortal.ana.say("hello", mortal.group.chat)
            await mortal.settle()
            TIME.now += DAY
            life = mortal.life
            assert life is not None
            life.trap = Trap(what, when, day)
            await look()
            if life.died.is_set():
                await mortal.kill()
                await mortal.start()
            deaths += mortal.life is not life
            life.trap = None
            await look()
            await look()
            assert len(digests(mortal.group)) == day, day
        return deaths

    assert mortal.run(everywhere()) >= (1 if what == "call" else 3)


# late


def standing(group: Group, receipt: str) -> list[Message]:
    return [one for one in group.messages if receipt in one.text and has("approve")(one)]


async def test_a_card_is_posted_anew_once_when_the_promised_time_is_over_and_names_who_has_it(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, programme=ours(tmp_path, **{'digest_at = "09:00"': ""})) as play:
        await goes_on(play, timedelta())
        first, second = [await apply(play.cast.applicant(name), play.group) for name in ("Mei", "Lin")]
        await decide(play.ana, first, "claim")
        await goes_on(play, 5 * DAY - timedelta(seconds=1))
        assert standing(play.group, receipt_in(first)) == [first]
        await goes_on(play, timedelta(seconds=1))
        for card, claimed in ((first, True), (second, False)):
            (late,) = standing(play.group, receipt_in(card))
            assert late is not card
            assert "⏰ Waiting longer than the promised 5 days" in late.text
            assert ("Claimed by Ana" in late.text) is claimed
        before = {one.id for one in play.group.messages}
        for _ in range(3):
            await goes_on(play, DAY)
        assert {one.id for one in play.group.messages if receipt_in(one)} <= before
        (late,) = standing(play.group, receipt_in(second))
        await decide(play.ana, late, "approve")
        await play.app.outbox.settle()
        assert "⏰" not in late.text


async def test_what_is_decided_or_taken_back_in_time_is_not_posted_anew(tmp_path: Path) -> None:
    async with scene(tmp_path, programme=ours(tmp_path, **{'digest_at = "09:00"': ""})) as play:
        await goes_on(play, timedelta())
        mei = play.cast.applicant("Mei")
        first, second = await apply(mei, play.group), await apply(play.cast.applicant("Lin"), play.group)
        await goes_on(play, 4 * DAY)
        await press(mei, "recall")
        await press(mei, "submit")
        await decide(play.ana, second, "approve")
        await decide(play.ana, second, "tell")
        await play.app.outbox.settle()
        (again,) = standing(play.group, receipt_in(first))
        await goes_on(play, DAY)
        assert standing(play.group, receipt_in(first)) == [again]  # the same time is promised to her anew
        assert standing(play.group, receipt_in(second)) == []
        await goes_on(play, 4 * DAY)
        (late,) = standing(play.group, receipt_in(first))
        assert late is not again


async def test_the_bot_that_was_down_at_that_moment_does_it_once_it_is_back(tmp_path: Path) -> None:
    clock = Clock()
    async with stage(tmp_path, clock) as play:
        await looked(play)
        card = await apply(play.cast.applicant("Mei"), play.group)
        await play.settled()
        await play.stop()
        clock.now += 6 * DAY
        await play.start()
        for _ in range(2):
            await looked(play)
        (late,) = standing(play.group, receipt_in(card))
        assert late is not card
        await play.stop()
        await play.start()
        await looked(play)
        assert standing(play.group, receipt_in(card)) == [late]
