"""A question to an applicant and what he writes to the reviewers, through the real bot on the local Telegram."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.sandbox.faults import Fault
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Message
from tests.applying import apply, decide, has, press
from tests.bot.stage import Stage, playing
from tests.bot.test_daily import ours
from tests.bot.test_forms import data, push, rows
from tests.bot.test_time import scene
from tests.cast import Cast, Person, running_bot

QUESTION = "Which of <b>these</b> is public? See https://archive.example or @archive."
ANSWER = "All of them: https://archive.example/<b>all</b> and @archive."


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with playing(tmp_path) as opened:
        yield opened


async def begin(reviewer: Person, card: Message) -> Message:
    """The message in his private chat in which he asks."""
    link = (await decide(reviewer, card, "ask")).url
    assert link is not None
    reviewer.start(link.partition("?start=")[2])
    return await reviewer.hears(has("unask"), chat=reviewer.chat)


async def ask(reviewer: Person, card: Message, words: str = QUESTION) -> Message:
    """Asked and sent."""
    form = await begin(reviewer, card)
    reviewer.say(words, reviewer.chat, reply_to=form)
    await push(reviewer, form, "relay", "1")
    return form


async def write(applicant: Person, words: str = ANSWER) -> None:
    applicant.say(words)
    await applicant.hears(has("pass_on"))
    await press(applicant, "pass_on")


def notices(stage: Stage) -> list[Message]:
    """What the group was told beside its cards, and still stands."""
    return [one for one in stage.group.messages if one.from_bot and one.text.startswith("💬")]


def sent(stage: Stage, words: str) -> list[dict[str, Any]]:
    """The parameters of the messages with these words."""
    return [
        call.params
        for call in stage.calls
        if call.method == "sendMessage" and words in str(call.params["text"])
    ]


async def test_words_go_both_ways_as_they_were_written_and_link_to_nothing(stage: Stage) -> None:
    mei = stage.cast.applicant("Mei")
    card = await apply(mei, stage.group)
    form = await begin(stage.ana, card)
    reply = stage.ana.say(QUESTION, stage.ana.chat, reply_to=form)
    await stage.ana.sees(lambda one: one is form and "relay" in data(one), chat=stage.ana.chat)
    previewed = form.text
    assert card.edits == 0
    await push(stage.ana, form, "relay", "1")
    asked = await mei.hears(QUESTION)
    assert asked.text == previewed
    assert "Ana" not in asked.text
    await write(mei)
    await stage.group.shows(lambda one: one is card and ANSWER in one.text)
    assert QUESTION in card.text
    linked = {"url", "text_link", "mention", "text_mention", "bot_command", "email"}
    for message in (asked, card):
        assert not [
            one for one in message.entities if one["type"] in linked and "archive" in _part(message, one)
        ]
    await stage.settled()
    assert reply.deleted


def _part(message: Message, entity: dict[str, int]) -> str:
    units = message.text.encode("utf-16-le")
    return units[2 * entity["offset"] : 2 * (entity["offset"] + entity["length"])].decode("utf-16-le")


async def test_the_group_is_told_once_without_a_sound_and_without_the_words(stage: Stage) -> None:
    mei = stage.cast.applicant("Mei")
    card = await apply(mei, stage.group)
    await write(mei)
    await stage.settled()
    (first,) = notices(stage)
    assert ANSWER not in first.text
    (params,) = sent(stage, "the applicant has written")
    assert params["disable_notification"] in (True, "true")
    assert str(card.id) in str(params["reply_parameters"])
    await write(mei, "One thing more.")
    await stage.settled()
    (second,) = notices(stage)
    assert second is not first
    assert await rows(stage, "notice") == 1
    await decide(stage.ana, card, "approve")
    await stage.settled()
    assert notices(stage) == [second]
    await decide(stage.ana, card, "tell")
    await stage.settled()
    assert notices(stage) == []
    assert await rows(stage, "notice") == 0


async def test_what_was_said_goes_with_its_owner_from_wherever_it_stands(stage: Stage) -> None:
    mei = stage.cast.applicant("Mei")
    card = await apply(mei, stage.group)
    await ask(stage.ana, card)
    await mei.hears(QUESTION)
    begun = await begin(stage.ana, card)
    stage.ana.say("And a draft of another question.", stage.ana.chat, reply_to=begun)
    await stage.ana.sees(lambda one: one is begun and "relay" in data(one), chat=stage.ana.chat)
    await write(mei)
    await stage.settled()
    assert len(notices(stage)) == 1
    mei.say("/delete")
    await mei.hears(has("erase"))
    await press(mei, "erase")
    await stage.settled()
    left = [*stage.group.messages, *stage.ana.chat.messages, *mei.messages()]
    standing = " ".join(one.text for one in left if one.from_bot and not one.deleted)
    for words in (QUESTION, ANSWER, "draft of another"):
        assert words not in standing
    assert notices(stage) == []
    assert begun.deleted


@pytest.mark.parametrize("words", ["the applicant has written", "A reviewer writes"])
async def test_what_was_sent_without_an_answer_stands_once_and_is_known(stage: Stage, words: str) -> None:
    mei = stage.cast.applicant("Mei")
    card = await apply(mei, stage.group)
    await stage.settled()
    if words.startswith("A reviewer"):
        form = await begin(stage.ana, card)
        stage.ana.say(QUESTION, stage.ana.chat, reply_to=form)
        await stage.ana.sees(lambda one: one is form and "relay" in data(one), chat=stage.ana.chat)
        await stage.settled()
        stage.sandbox.faults.add(Fault("lost", "sendMessage", chat_id=mei.chat.id, count=1))
        await push(stage.ana, form, "relay", "1")
        await stage.settled()
        assert len([one for one in mei.messages() if QUESTION in one.text and one.from_bot]) == 1
        return
    mei.say(ANSWER)
    await mei.hears(has("pass_on"))
    await stage.settled()
    stage.sandbox.faults.add(Fault("lost", "sendMessage", chat_id=stage.group.id, count=1))
    await press(mei, "pass_on")
    await stage.settled()
    assert len(notices(stage)) == 1
    assert await rows(stage, "notice") == 1


async def test_whoever_lost_the_right_sends_nothing(stage: Stage) -> None:
    mei = stage.cast.applicant("Mei")
    card = await apply(mei, stage.group)
    form = await begin(stage.ana, card)
    stage.ana.say(QUESTION, stage.ana.chat, reply_to=form)
    await stage.ana.sees(lambda one: one is form and "relay" in data(one), chat=stage.ana.chat)
    stage.ana.leave(stage.group)
    await stage.settled()
    refused = await push(stage.ana, form, "relay", "1")
    assert "may" in (refused.text or "")
    await stage.settled()
    assert not [one for one in mei.messages() if QUESTION in one.text]


async def test_the_queue_marks_where_the_applicant_had_the_last_word(stage: Stage) -> None:
    mei = stage.cast.applicant("Mei")
    card = await apply(mei, stage.group)
    await write(mei)
    await stage.settled()
    stage.ana.say("/queue", stage.group.chat)
    assert "💬" in (await stage.group.shows("Applications before the reviewers")).text
    assert len(notices(stage)) == 1
    await ask(stage.ana, card)
    await mei.hears(QUESTION)
    await stage.settled()
    assert notices(stage) == []
    stage.ana.say("/queue", stage.group.chat)
    await stage.group.shows(lambda one: "Applications before" in one.text and "💬" not in one.text)


async def test_a_question_waits_for_who_has_blocked_the_bot_and_the_card_says_so(stage: Stage) -> None:
    mei = stage.cast.applicant("Mei")
    card = await apply(mei, stage.group)
    mei.block()
    await stage.settled()
    await ask(stage.ana, card)
    await stage.group.shows(lambda one: one is card and "has blocked the bot" in one.text)
    assert not [one for one in mei.messages() if QUESTION in one.text]
    mei.unblock()
    await mei.hears(QUESTION)
    await stage.group.shows(lambda one: one is card and "blocked" not in one.text)


async def test_a_question_still_on_its_way_is_not_sent_to_who_was_erased(stage: Stage) -> None:
    mei = stage.cast.applicant("Mei")
    card = await apply(mei, stage.group)
    mei.say("/delete")
    await mei.hears(has("erase"))
    form = await begin(stage.ana, card)
    stage.ana.say(QUESTION, stage.ana.chat, reply_to=form)
    await stage.ana.sees(lambda one: one is form and "relay" in data(one), chat=stage.ana.chat)
    fault = stage.sandbox.faults.add(Fault("429", "sendMessage", chat_id=mei.chat.id, retry_after=2))
    await push(stage.ana, form, "relay", "1")
    await press(mei, "erase")
    stage.sandbox.faults.rules.remove(fault)
    await stage.settled()
    assert not [one for one in mei.messages() if QUESTION in one.text and not one.deleted]
    assert form.deleted


@pytest.mark.parametrize("is_erased", [False, True])
async def test_a_notice_that_was_on_its_way_at_a_kill_stands_once_or_goes(
    sandbox: Sandbox, cast: Cast, tmp_path: Path, is_erased: bool
) -> None:
    mei, group = cast.applicant("Mei"), cast.group()
    async with running_bot(sandbox, group, tmp_path) as bot:
        await apply(mei, group)
        mei.say(ANSWER)
        await mei.hears(has("pass_on"))
        await bot.settled()
        sandbox.faults.add(Fault("lost", "sendMessage", chat_id=group.id))
        sandbox.faults.add(Fault("hang", "getMe", seconds=40))  # so that nothing is tried again
        await press(mei, "pass_on")
        await group.shows("the applicant has written")
        await asyncio.sleep(1.0)
        await bot.kill()
        sandbox.faults.clear()
        await bot.start()
        await bot.settled()
        told = [one for one in group.messages if one.text.startswith("💬")]
        assert len(told) == 1
        if is_erased:
            mei.say("/delete")
            await mei.hears(has("erase"))
            await press(mei, "erase")
            await mei.hears("🗑")
            await bot.settled()
            assert [one for one in group.messages if one.text.startswith("💬")] == []


async def test_a_programme_may_have_the_group_told_aloud(tmp_path: Path) -> None:
    folder = ours(tmp_path, **{"talk_aloud = false": "talk_aloud = true"})
    async with scene(tmp_path, programme=folder) as play:
        mei = play.cast.applicant("Mei")
        await apply(mei, play.group)
        await write(mei)
        await play.group.shows("the applicant has written")
        calls = [one.params for one in play.cast.telegram.witness.calls if "has written" in str(one.params)]
        assert calls
        assert not any("disable_notification" in params for params in calls)
