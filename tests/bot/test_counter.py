"""The pinned count of what waits: it stands once, says what is so, and survives whatever happens to it or the bot."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import app, counter
from bot.sandbox.deeds import set_status
from bot.sandbox.faults import Fault
from bot.sandbox.state import Chat, Member, Message
from bot.wording import Wording
from tests.applying import apply, decide, fill_in, has, press, receipt_in
from tests.bot.exactly import setting, world
from tests.bot.exactly.life import Trap
from tests.bot.exactly.world import World
from tests.bot.folders import change, copy_of_the_shipped
from tests.bot.stage import playing
from tests.bot.test_time import scene
from tests.cast import Group

PAUSE = 0.05  # seconds from one change to the next, in these tests


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "PAUSE", PAUSE)


def counters(chat: Chat) -> list[Message]:
    return [one for one in chat.messages if one.from_bot and "🗂" in one.text]


async def says(group: Group, words: str) -> Message:
    """The one counter of the group, as soon as it says that."""
    found = await group.shows(lambda one: one.from_bot and "🗂" in one.text and words in one.text)
    assert counters(group.chat) == [found]
    return found


async def test_it_counts_what_waits_from_the_first_application_on_and_stands_pinned(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        assert not counters(play.group.chat)
        first = await apply(play.cast.applicant("Mei"), play.group)
        shown = await says(play.group, "1 waiting · oldest under 1 h")
        await play.app.outbox.settle()
        assert play.group.chat.pinned_message is shown
        pins = [one for one in play.cast.telegram.witness.calls if one.method == "pinChatMessage"]
        assert [one.params["disable_notification"] for one in pins] == [True]
        second = await apply(play.cast.applicant("Lin"), play.group)
        assert await says(play.group, "2 waiting") is shown
        await decide(play.ana, first, "approve")
        assert await says(play.group, "1 waiting") is shown
        await decide(play.ana, first, "undo")
        assert await says(play.group, "2 waiting") is shown
        for card in (first, second):
            await decide(play.ana, card, "approve")
        assert await says(play.group, "No application is waiting") is shown


async def test_it_goes_with_the_time_and_says_what_is_over_the_promised_time(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        await apply(play.cast.applicant("Mei"), play.group)
        await says(play.group, "under 1 h")
        for span, words in (
            (timedelta(hours=5), "1 waiting · oldest 5 h"),
            (timedelta(days=3), "1 waiting · oldest 3 days"),
            (timedelta(days=2), "1 waiting · ⏰ 1 overdue · oldest 5 days"),
        ):
            play.clock.now += span
            play.app.counting.soon()
            await says(play.group, words)


async def test_an_application_that_is_taken_back_or_erased_is_counted_no_more(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        mei, lin = play.cast.applicant("Mei"), play.cast.applicant("Lin")
        for one in (mei, lin):
            await apply(one, play.group)
        await says(play.group, "2 waiting")
        await press(mei, "recall")
        await says(play.group, "1 waiting")
        lin.say("/delete")
        await lin.sees(has("erase"))
        await press(lin, "erase")
        await says(play.group, "No application is waiting")


async def test_its_button_asks_for_the_queue_and_leaves_it_as_it_is(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        card = await apply(play.cast.applicant("Mei"), play.group)
        shown = await says(play.group, "1 waiting")
        await decide(play.ana, shown, "queue", "open")
        listed = await play.group.shows(lambda one: "Mine" in " ".join(one.keys))
        assert receipt_in(card) in listed.text
        assert listed is not shown
        assert await says(play.group, "1 waiting") is shown


async def test_changes_that_come_together_are_one_edit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "PAUSE", 1.0)
    async with scene(tmp_path) as play:
        people = [play.cast.applicant(f"P{number}") for number in range(6)]
        await asyncio.gather(*(fill_in(one) for one in people))
        await apply(play.cast.applicant("Mei"), play.group)
        shown = await says(play.group, "1 waiting")
        before = shown.edits
        await asyncio.gather(*(press(one, "submit") for one in people))
        await says(play.group, "7 waiting")
        assert shown.edits - before <= 2


async def test_a_restart_finds_it_again_and_changes_nothing(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        await apply(play.cast.applicant("Mei"), play.group)
        shown = await says(play.group, "1 waiting")
        await play.settled()
        for _ in range(2):
            await play.stop()
            await play.start()
            await asyncio.sleep(4 * PAUSE)
            await play.settled()
            assert counters(play.group.chat) == [shown]
        assert shown.edits == 0
        await apply(play.cast.applicant("Lin"), play.group)
        assert await says(play.group, "2 waiting") is shown
        assert sum(one.method == "pinChatMessage" for one in play.calls) == 1


async def test_one_that_was_deleted_is_posted_anew_and_pinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counter, "LOOK_AGAIN", 0.2)
    async with playing(tmp_path) as play:
        await apply(play.cast.applicant("Mei"), play.group)
        shown = await says(play.group, "1 waiting")
        await play.settled()
        play.cast.telegram.remove(shown)
        await asyncio.sleep(0.3)
        play.app.counting.soon()  # each minute, by itself
        again = await says(play.group, "1 waiting")
        await play.settled()
        assert again is not shown
        assert play.group.chat.pinned_message is again


async def test_one_that_a_reviewer_unpins_stays_as_he_wants_it(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        await apply(play.cast.applicant("Mei"), play.group)
        await says(play.group, "1 waiting")
        await play.settled()
        play.group.chat.pinned.clear()
        await apply(play.cast.applicant("Lin"), play.group)
        await says(play.group, "2 waiting")
        await play.settled()
        assert not play.group.chat.pinned


async def test_where_it_may_not_be_pinned_the_group_is_told_once_how_to_allow_it(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        bot = play.cast.telegram.bot
        play.group.chat.members[bot.id] = Member("administrator", rights={"can_pin_messages": False})
        await apply(play.cast.applicant("Mei"), play.group)
        await says(play.group, "1 waiting")
        await play.group.shows("allow me to pin")
        await apply(play.cast.applicant("Lin"), play.group)
        shown = await says(play.group, "2 waiting")
        await play.stop()
        await play.start()
        await play.settled()
        await asyncio.sleep(4 * PAUSE)
        assert sum("allow me to pin" in one.text for one in play.group.messages) == 1
        assert not play.group.chat.pinned
        set_status(play.cast.telegram, play.group.chat, bot, Member("administrator"), play.ana.user)
        await play.until(lambda: play.group.chat.pinned_message is shown)


async def test_after_an_upgrade_it_stands_once_in_the_supergroup(tmp_path: Path) -> None:
    async with playing(tmp_path, kind="group") as play:
        await apply(play.cast.applicant("Mei"), play.group)
        await says(play.group, "1 waiting")
        await play.settled()
        new = play.group.migrate()
        play.app.counting.soon()
        await says(new, "1 waiting")
        await apply(play.cast.applicant("Lin"), new)
        shown = await says(new, "2 waiting")
        await play.settled()
        assert new.chat.pinned_message is shown


async def test_a_programme_that_wants_none_has_none_and_takes_away_what_stood(tmp_path: Path) -> None:
    folder = copy_of_the_shipped(tmp_path / "programme")
    change(folder, "programme.toml", {"counter = true": "counter = false"})
    async with playing(tmp_path) as play:
        await apply(play.cast.applicant("Mei"), play.group)
        await says(play.group, "1 waiting")
        await play.settled()
        await play.stop()
        await play.start(programme=folder)
        await play.until(lambda: not counters(play.group.chat))
        await apply(play.cast.applicant("Lin"), play.group)
        await play.settled()
        assert not counters(play.group.chat)


# nobody knows whether it was sent


@pytest.mark.parametrize("kind", ["group", "supergroup"])
@pytest.mark.parametrize("answer", ["lost", "cut"])
async def test_one_whose_sending_was_not_answered_is_found_among_what_was_written_meanwhile(
    tmp_path: Path, kind: Any, answer: Any
) -> None:
    async with playing(tmp_path, kind=kind) as play:
        lin = play.cast.applicant("Lin")
        await fill_in(lin)
        await apply(play.cast.applicant("Mei"), play.group)
        shown = await says(play.group, "1 waiting")
        await play.settled()
        play.cast.telegram.remove(shown)
        fault = play.sandbox.faults.add(Fault(answer, "sendMessage", chat_id=play.group.id, count=1))
        play.app.counter.look_anew()
        play.app.counting.soon()
        await play.until(lambda: fault.struck)
        await play.settled()
        for number in range(4):
            play.ana.say(f"hello {number}", play.group.chat)
        play.ana.say("/help", play.group.chat)
        await play.group.shows("Every application is one card")
        await press(lin, "submit")
        await says(play.group, "2 waiting")
        await play.settled()
        assert len(counters(play.group.chat)) == 1
        assert sum("Every application is one card" in one.text for one in play.group.messages) == 1
        assert sum(has("approve")(one) for one in play.group.messages) == 2


@pytest.fixture
def mortal(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world in which a process can be killed at any call and any commit, with a counter."""
    review = setting.loaded().programme.review.model_copy(update={"counter": True})
    programme = setting.loaded().programme.model_copy(update={"review": review})
    counting = replace(setting.loaded(), programme=programme)
    words = Wording(counting, setting.SIGNER, lambda: setting.TIME.now)
    monkeypatch.setattr(world, "loaded", lambda: counting)
    monkeypatch.setattr(world, "wording", lambda: words)
    made = World()
    yield made
    made.close()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("what", ["call", "commit"])
def test_wherever_the_process_is_killed_it_stands_once(mortal: World, what: str, when: str) -> None:
    async def submitted() -> None:
        mei = mortal.people[0]
        mei.start()
        for verb in ("tick", "go"):
            await mei.sees(has(verb))
            await press(mei, verb)
        mei.say("Mei Okafor")
        await mei.sees(has("pick"))
        await press(mei, "pick", "doctoral")
        await mei.sees(has("agree"))
        await press(mei, "agree")
        await mei.hears(lambda one: "3 of" in one.text)
        mei.send_file(setting.CARD_PHOTO)
        await mei.sees(has("skip"))
        await press(mei, "skip")
        await mei.sees(has("submit"))
        await press(mei, "submit")
        await mortal.group.shows(has("approve"))
        await says(mortal.group, "1 waiting")
        await mortal.settle()

    async def killed(countdown: int) -> bool:
        """Whether the process died over posting it anew."""
        chat = mortal.group.chat
        for one in counters(chat):
            mortal.telegram.remove(one)
        assert mortal.life is not None
        life = mortal.life
        mortal.ana.say("hello", chat)
        await mortal.settle()
        life.trap = Trap(what, when, countdown)
        mortal.app.counter.look_anew()
        await life.or_death(mortal.app.counter.look())
        await mortal.settle()
        if is_dead := mortal.life is not life:
            await mortal.life.or_death(asyncio.sleep(0.02))  # the look at the start
        else:
            life.trap = None
        assert mortal.life is not None
        mortal.app.counter.look_anew()  # as after a while, though nothing has changed
        await mortal.life.or_death(mortal.app.counter.look())
        await mortal.settle()
        assert len(counters(chat)) == 1, countdown
        assert chat.pinned_message in counters(chat), countdown
        assert sum(has("approve")(one) for one in chat.messages) == 1, countdown
        return is_dead

    async def everywhere() -> int:
        await submitted()
        deaths = 0
        for countdown in range(1, 6):
            deaths += await killed(countdown)
        return deaths

    assert mortal.run(everywhere()) >= 3  # the call or commit before, that of the sending, and one behind
