"""The real bot as a process, against the local Telegram over a socket."""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from bot.sandbox.faults import Fault
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Member
from tests.applying import (
    ANSWERS,
    agree,
    answer,
    apply,
    at,
    decide,
    fill_in,
    has,
    on,
    press,
    receipt_in,
    steps,
    submit,
)
from tests.cast import Cast, Group, Person, RunningBot, running_bot, sample_jpeg

WAYS = pytest.mark.parametrize("webhook", [False, True], ids=["polling", "webhook"])
IN_FULL = pytest.param(True, marks=pytest.mark.soak)  # Telegram lets a webhook be set once a second


@pytest.fixture
def group(cast: Cast) -> Group:
    return cast.group()


@pytest.fixture
def ben(cast: Cast, group: Group) -> Person:
    return cast.reviewer("Ben", group)


@pytest_asyncio.fixture
async def bot(sandbox: Sandbox, group: Group, tmp_path: Path) -> AsyncIterator[RunningBot]:
    async with running_bot(sandbox, group, tmp_path) as running:
        yield running


# the main job


@WAYS
async def test_two_applicants_are_decided_and_told_each_in_his_language(
    webhook: bool, sandbox: Sandbox, cast: Cast, group: Group, ana: Person, tmp_path: Path
) -> None:
    async with running_bot(sandbox, group, tmp_path, webhook=webhook):
        mei, lin = cast.applicant("Mei", "en"), cast.applicant("Lin", "zh-hans")
        first, second = await asyncio.gather(apply(mei, group), apply(lin, group))
        await decide(ana, first, "approve")
        await decide(ana, second, "reject")
        await decide(ana, second, "because", "not_legible")
        await decide(ana, first, "tell")
        await decide(ana, second, "tell")
        approved = await mei.hears("is approved")
        rejected = await lin.hears("❌")
        assert receipt_in(first) in approved.text
        assert receipt_in(second) in rejected.text
        assert (
            "Approved" in (await group.shows(lambda one: one.id == first.id and "Approved" in one.text)).text
        )
        assert not [button for row in first.buttons for button in row]


@pytest.mark.parametrize("webhook", [False, IN_FULL], ids=["polling", "webhook"])
async def test_a_kill_after_every_step_loses_and_doubles_nothing(
    webhook: bool, sandbox: Sandbox, cast: Cast, group: Group, ana: Person, tmp_path: Path
) -> None:
    async with running_bot(sandbox, group, tmp_path, webhook=webhook) as bot:
        mei = cast.applicant("Mei")
        for step in steps(mei):
            await step()
            await bot.kill()
            await bot.start()
        await submit(mei, group)
        for verb in ("approve", "tell"):
            await bot.kill()
            await bot.start()
            await bot.settled()  # the card may have been posted once more
            await decide(ana, await group.shows(has(verb)), verb)
        await mei.hears("is approved")
        await bot.settled()
        assert sum("is approved" in one.text for one in mei.messages()) == 1
        assert sum("✅" in one.text for one in group.messages) == 1


async def test_what_came_while_the_bot_was_down_is_answered_when_it_is_back(
    bot: RunningBot, cast: Cast, group: Group
) -> None:
    mei, lin = cast.applicant("Mei"), cast.applicant("Lin", "zh")
    await agree(mei)
    await bot.settled()
    await bot.kill()
    mei.say("Mei Okafor")
    lin.start()
    await bot.start()
    await at(mei, 2)
    await lin.hears(has("tick"))


async def test_a_photo_that_was_being_checked_at_a_kill_is_checked_after_it(
    bot: RunningBot, sandbox: Sandbox, cast: Cast
) -> None:
    mei = cast.applicant("Mei")
    for step in steps(mei)[:6]:
        await step()
    sandbox.faults.latency = 0.3
    mei.send_photo()
    calls = sandbox.telegram.witness.counts
    await sandbox.telegram.changes.until(lambda: calls["getFile"], 10)
    await bot.kill()
    sandbox.faults.latency = 0.0
    await bot.start()
    await at(mei, 7)


@pytest.mark.parametrize("by", [RunningBot.interrupt, RunningBot.terminate], ids=["SIGINT", "SIGTERM"])
async def test_a_stop_at_any_moment_keeps_what_was_accepted(
    by: Callable[[RunningBot], Awaitable[int]], bot: RunningBot, cast: Cast, group: Group
) -> None:
    people = [cast.applicant(f"Mei{n}") for n in range(8)]
    applying = asyncio.gather(*(apply(person, group) for person in people))
    for _ in range(4):
        await asyncio.sleep(0.15)
        assert await by(bot) == 0
        await bot.start()
    cards = await applying
    assert len({receipt_in(card) for card in cards}) == 8


# deciding


async def test_of_two_presses_at_once_one_decides_and_the_other_is_told_so(
    bot: RunningBot, cast: Cast, group: Group, ana: Person, ben: Person
) -> None:
    mei = cast.applicant("Mei")
    card = await apply(mei, group)
    await decide(ben, card, "reject")
    await group.shows(has("because"))
    rejecting, approving = on(card, "because", "duplicate"), on(card, "unreject")
    presses = [
        ben.press_data(card, rejecting),
        ana.press_data(card, rejecting),
        ana.press_data(card, approving),
    ]
    answers = [await ana.answer_to(one) for one in presses]
    assert answers[0].text is not None and answers[0].text.startswith("Rejected")
    assert all(one.text is not None and not one.text.startswith("Rejected") for one in answers[1:])
    await decide(ana, card, "tell")
    await mei.hears("❌")
    assert sum("❌" in one.text for one in mei.messages()) == 1


async def test_a_decision_that_is_undone_is_not_told(
    bot: RunningBot, cast: Cast, group: Group, ana: Person
) -> None:
    mei = cast.applicant("Mei")
    card = await apply(mei, group)
    heard = len(mei.messages())
    await decide(ana, card, "approve")
    await decide(ana, card, "undo")
    await group.shows(has("approve"))
    await decide(ana, card, "reject")
    await decide(ana, card, "because", "expired_id")
    await decide(ana, card, "tell")
    told = await mei.hears("❌")
    assert [one.id for one in mei.messages()[heard:]] == [told.id]


async def test_only_members_decide_and_forged_presses_do_nothing(
    bot: RunningBot, cast: Cast, group: Group, ana: Person, ben: Person
) -> None:
    mei = cast.applicant("Mei")
    card = await apply(mei, group)
    other = await apply(cast.applicant("Lin", "zh"), group)
    approve = on(card, "approve")
    await decide(ben, card, "view")  # he is known to be a member
    ben.leave(group)
    cast.telegram.chat(group.id).members[ben.id] = Member("member")  # his client still shows the button
    assert (await ben.answer_to(ben.press_data(card, approve))).show_alert
    verb, arg, receipt, stamp, mac = approve.split(":")
    for data in (
        f"{verb}:{arg}:{receipt_in(other)}:{stamp}:{mac}",
        f"because:duplicate:{receipt}:{stamp}:{mac}",
        f"{verb}:{arg}:{receipt}:9.9:{mac}",
        f"{verb}:{arg}:{receipt}:{stamp}:{'A' * 12}",
        "approve",
        "x" * 64,
    ):
        answer_ = await ana.answer_to(ana.press_data(card, data))
        assert answer_.text
        assert has("approve")(card)
    assert (await decide(ana, card, "approve")).text


async def test_an_anonymous_administrator_decides(
    bot: RunningBot, cast: Cast, group: Group, ana: Person
) -> None:
    group.chat.members[ana.id] = Member("administrator", is_anonymous=True)
    card = await apply(cast.applicant("Mei"), group)
    await decide(ana, card, "approve")
    await group.shows(has("tell"))


async def test_view_id_brings_the_photo_to_that_reviewer_alone_until_the_decision(
    bot: RunningBot, cast: Cast, group: Group, ana: Person, ben: Person
) -> None:
    mei = cast.applicant("Mei")
    card = await apply(mei, group)
    link = (await decide(ana, card, "view")).url
    assert link is not None
    payload = link.partition("?start=")[2]
    ana.start(payload)
    photo = await ana.hears(lambda one: bool(one.photo), chat=ana.chat)
    assert photo.data["has_protected_content"]
    assert photo.data["has_media_spoiler"]
    ben.start(payload)  # signed for Ana: to him it is a plain start
    await ben.hears(has("tick"), chat=ben.chat)
    assert not any(one.photo for one in ben.messages(ben.chat))
    await decide(ana, card, "approve")
    await decide(ana, card, "tell")
    await mei.hears("is approved")
    await cast.telegram.changes.until(lambda: not any(one.photo for one in ana.messages(ana.chat)), 10)


# rights


async def test_mydata_brings_everything_and_delete_leaves_nothing(
    bot: RunningBot, cast: Cast, group: Group, ana: Person, tmp_path: Path
) -> None:
    mei = cast.applicant("Mei")
    card = await apply(mei, group)
    ana.start((await decide(ana, card, "view")).url.partition("?start=")[2])  # type: ignore[union-attr]
    await ana.hears(lambda one: bool(one.photo), chat=ana.chat)
    mei.say("/mydata")
    document = await mei.hears(lambda one: one.document is not None)
    await mei.hears(lambda one: bool(one.photo))
    assert document.document is not None
    content = json.loads(cast.telegram.files.by_unique_id(document.document["file_unique_id"]).read())  # type: ignore[union-attr]
    application = content["applications"][0]
    assert application["receipt"] == receipt_in(card)
    assert application["answers"]["full_name"] == "Mei Okafor"
    assert len(application["id_photo_opened"]) == 1
    assert [consent["document"] for consent in content["consents"]] == [
        "agreement",
        "identity_photo",
        "agreement",
    ]
    mei.say("/delete")
    await press(mei, "erase")
    receipt = await mei.hears("erased")
    left = [receipt.id]  # what was on its way when she pressed goes as soon as it is known to have arrived
    await cast.telegram.changes.until(lambda: [one.id for one in mei.messages() if one.from_bot] == left, 10)
    assert not any(receipt_in(one) for one in group.messages)
    texts = " ".join(one.text for one in group.messages if one.from_bot)
    assert not any(answer in texts for answer in ANSWERS.values() if len(answer) > 1)
    await cast.telegram.changes.until(lambda: not any(one.photo for one in ana.messages(ana.chat)), 10)
    await bot.settled()  # what is in hand at a stop may wait in the table for the next start
    assert await bot.terminate() == 0
    gone = dict.fromkeys(("people", "applications", "photos", "messages", "errands"), 0)
    assert _rows(tmp_path / "data" / "intake.sqlite") == {**gone, "consents": 3, "tombstones": 1}
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir() if path.is_file())
    for value in ("Mei Okafor", "mei.okafor@example.edu", "Linguistics", str(mei.id)):
        assert value.encode() not in stored


async def test_the_photo_he_has_sent_goes_from_the_chat_on_his_wish_and_the_reviewers_still_see_it(
    bot: RunningBot, cast: Cast, group: Group, ana: Person
) -> None:
    mei = cast.applicant("Mei")
    for step in steps(mei)[:7]:
        await step()
    (sent,) = [one for one in mei.messages() if one.photo and not one.from_bot]
    assert "two days" in ((await press(mei, "unsend")).text or "")
    await cast.telegram.changes.until(lambda: sent.deleted, 10)
    assert (await press(mei, "unsend")).text  # once more does no harm
    for number in (7, 8, 9):
        await answer(mei, number)
    card = await submit(mei, group)
    ana.start((await decide(ana, card, "view")).url.partition("?start=")[2])  # type: ignore[union-attr]
    await ana.hears(lambda one: bool(one.photo), chat=ana.chat)


async def test_a_second_press_on_erase_brings_nobody_back(
    bot: RunningBot, sandbox: Sandbox, cast: Cast, tmp_path: Path
) -> None:
    mei = cast.applicant("Mei")
    await agree(mei)
    mei.say("/delete")
    message = await mei.sees(has("erase"))
    first, second = (mei.press_data(message, on(message, "erase")) for _ in range(2))
    await mei.answer_to(first)
    assert (await mei.answer_to(second)).text
    await mei.hears("🗑")
    await bot.settled()
    assert await bot.terminate() == 0
    assert _rows(tmp_path / "data" / "intake.sqlite")["people"] == 0


async def test_a_withdrawal_ends_the_application_and_the_card_says_so(
    bot: RunningBot, cast: Cast, group: Group, ana: Person
) -> None:
    mei = cast.applicant("Mei")
    card = await apply(mei, group)
    approve = on(card, "approve")
    mei.say("/withdraw")
    await press(mei, "leave")
    await group.shows(lambda one: one.id == card.id and not one.buttons)
    assert (await ana.answer_to(ana.press_data(card, approve))).show_alert


async def test_a_recalled_application_comes_back_as_one_card_at_the_end(
    bot: RunningBot, cast: Cast, group: Group, ana: Person
) -> None:
    mei, lin = cast.applicant("Mei"), cast.applicant("Lin", "zh")
    card = await apply(mei, group)
    await apply(lin, group)
    await press(mei, "recall")
    await group.shows(lambda one: one.id == card.id and not one.buttons)
    await mei.hears(has("submit"))
    await press(mei, "edit", "department")
    await at(mei, 5)
    mei.say("School of Informatics")
    await mei.hears(has("submit"))
    again = await submit(mei, group)
    await cast.telegram.changes.until(lambda: card.deleted, 10)
    assert "School of Informatics" in again.text
    assert group.messages[-1].id == again.id


# what Telegram does


async def test_a_decision_waits_for_a_person_who_has_blocked_the_bot(
    bot: RunningBot, cast: Cast, group: Group, ana: Person
) -> None:
    mei = cast.applicant("Mei")
    card = await apply(mei, group)
    mei.block()
    await decide(ana, card, "approve")
    await decide(ana, card, "tell")
    await group.shows(lambda one: one.id == card.id and not one.buttons)
    await bot.restart()
    mei.unblock()
    await mei.sees("is approved")
    assert sum("is approved" in one.text for one in mei.messages()) == 1


async def test_open_cards_are_posted_anew_when_the_group_becomes_a_supergroup(
    sandbox: Sandbox, cast: Cast, tmp_path: Path
) -> None:
    group = cast.group(kind="group")
    ana = cast.reviewer("Ana", group, status="creator")
    async with running_bot(sandbox, group, tmp_path) as bot:
        mei, lin = cast.applicant("Mei"), cast.applicant("Lin")
        await apply(mei, group)
        await decide(ana, await apply(lin, group), "approve")
        moved = group.migrate()
        cards = [await moved.shows(has(verb)) for verb in ("approve", "tell")]
        ana.home = moved.chat
        await bot.restart()  # the setting still names the old group
        await decide(ana, cards[0], "approve")
        await decide(ana, cards[0], "tell")
        await mei.hears("is approved")


async def test_a_group_that_moved_while_the_bot_was_down_is_found(
    sandbox: Sandbox, cast: Cast, tmp_path: Path
) -> None:
    group = cast.group(kind="group")
    ana = cast.reviewer("Ana", group, status="creator")
    async with running_bot(sandbox, group, tmp_path) as bot:
        mei = cast.applicant("Mei")
        await apply(mei, group)
        await bot.kill()
        moved = group.migrate()
        await bot.start()
        card = await moved.shows(has("approve"))
        await decide(ana, card, "approve")


async def test_an_update_that_cannot_be_read_does_not_stop_the_next(
    bot: RunningBot, sandbox: Sandbox, cast: Cast
) -> None:
    mei = cast.applicant("Mei")
    queue = sandbox.telegram.queue
    chat = mei.chat.describe()
    for payload in (
        {"message_id": "x", "date": [], "chat": 7},
        {"message_id": 1, "date": 1, "chat": chat, "from": {"id": {}}},
        {"message_id": 2, "date": 10**30, "chat": chat, "text": "hello"},
        {},
    ):
        queue.add("message", payload, ("chat", mei.id))
    queue.add("callback_query", {"id": 5, "from": None}, ("user", mei.id))
    mei.start()
    await mei.hears(has("tick"))


async def test_an_album_gets_one_answer(bot: RunningBot, cast: Cast) -> None:
    mei = cast.applicant("Mei")
    for step in steps(mei)[:6]:
        await step()
    before = len(mei.messages())
    album = mei.send_album([sample_jpeg(), sample_jpeg(side="back"), sample_jpeg(name="LIN")])
    await at(mei, 7)
    mei.say("/status")
    await mei.hears("7 of 9")
    said = [one for one in mei.messages()[before:] if one.from_bot]
    assert len(album) == 3
    assert len(said) == 2  # the next question, and the status


async def test_a_message_whose_answer_was_lost_stands_once(
    bot: RunningBot, sandbox: Sandbox, cast: Cast, group: Group
) -> None:
    mei = cast.applicant("Mei")
    await agree(mei)
    sandbox.faults.add(Fault("lost", "sendMessage", mei.id, count=1))
    mei.say("Mei Okafor")
    await at(mei, 2)
    await answer(mei, 2)
    assert sum("2 of 9" in one.text for one in mei.messages()) == 1


async def test_a_chat_that_is_told_to_wait_holds_nobody_else(
    bot: RunningBot, sandbox: Sandbox, cast: Cast, group: Group
) -> None:
    mei, lin = cast.applicant("Mei"), cast.applicant("Lin")
    await agree(mei)
    held = sandbox.faults.add(Fault("429", "sendMessage", mei.id, count=1, retry_after=2))
    mei.say("Mei Okafor")
    await sandbox.telegram.changes.until(lambda: held.struck, 10)
    await fill_in(lin)
    await at(mei, 2)
    calls = [call for call in sandbox.telegram.witness.calls if call.chat_id == mei.id]
    refused = next(call for call in calls if call.error_code == 429)
    after = next(call for call in calls if call.at > refused.at and call.method == "sendMessage")
    assert after.at - refused.at >= 2.0


async def test_what_is_typed_before_the_question_is_there_is_no_answer_and_told_once(
    bot: RunningBot, sandbox: Sandbox, cast: Cast, group: Group
) -> None:
    mei = cast.applicant("Mei")
    await agree(mei)
    held = sandbox.faults.add(Fault("429", "sendMessage", mei.id, count=1, retry_after=1))
    mei.say("Mei")
    await sandbox.telegram.changes.until(lambda: held.struck, 10)
    mei.say("Okafor")
    mei.say("mei.okafor@example.edu")
    await mei.hears("before you could see")
    assert [one.text.splitlines()[0] for one in mei.messages() if one.from_bot][-2:] == [
        "2 of 9",
        "Your last message was sent before you could see the one above, so it was not taken as an answer.",
    ]
    await answer(mei, 2)


async def test_commands_are_registered_for_each_language_and_for_the_group(
    bot: RunningBot, sandbox: Sandbox, group: Group
) -> None:
    await sandbox.telegram.changes.until(lambda: len(sandbox.telegram.commands) == 3, 10)
    scopes = {(one["scope"]["type"], one["language_code"]) for one in sandbox.telegram.commands}
    assert scopes == {("all_private_chats", ""), ("all_private_chats", "zh"), ("chat", "")}
    private = [one for one in sandbox.telegram.commands if one["scope"]["type"] == "all_private_chats"]
    names = [[command["command"] for command in one["commands"]] for one in private]
    assert all(
        set(found)
        == {
            "start",
            "help",
            "language",
            "status",
            "back",
            "cancel",
            "privacy",
            "mydata",
            "correct",
            "withdraw",
            "delete",
        }
        for found in names
    )


async def test_every_chat_command_is_answered_from_the_group_too_once(
    bot: RunningBot, group: Group, ana: Person
) -> None:
    ana.say("/help", group.chat)
    await group.shows("Reviewing")


def _rows(database: Path) -> dict[str, int]:
    """How many rows each table has that speaks of people."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        tables = ("people", "applications", "photos", "messages", "errands", "consents", "tombstones")
        return {table: connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in tables}


async def test_a_rush_of_messages_is_answered_once_and_changes_nothing(
    bot: RunningBot, sandbox: Sandbox, cast: Cast
) -> None:
    mei, lin = cast.applicant("Mei"), cast.applicant("Lin", "zh")
    await agree(mei)
    sandbox.faults.latency = 0.2  # the bot cannot keep step
    for number in range(100):
        mei.say(f"noise {number}")
    await agree(lin)
    sandbox.faults.latency = 0.0
    await bot.settled()
    assert sum("faster than" in one.text for one in mei.messages()) == 1
    assert len([one for one in mei.messages() if one.from_bot]) < 20
    await answer(lin, 1)
    await asyncio.sleep(1.5)  # she takes a breath
    mei.say("mei.okafor@example.edu")
    await at(mei, 3)
