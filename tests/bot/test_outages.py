"""When Telegram fails, refuses or moves under the bot's feet: nothing is lost, nothing spins, and erasure ends."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.sandbox.deeds import set_status
from bot.sandbox.faults import Fault
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Member
from tests.applying import agree, answer, apply, apply_again, at, decide, fill_in, has, press, steps
from tests.cast import Cast, Group, Person, RunningBot, running_bot


@pytest.fixture
def group(cast: Cast) -> Group:
    return cast.group(kind="group")


@pytest_asyncio.fixture
async def bot(sandbox: Sandbox, group: Group, ana: Person, tmp_path: Path) -> AsyncIterator[RunningBot]:
    async with running_bot(sandbox, group, tmp_path) as running:
        yield running


async def struck(sandbox: Sandbox, fault: Fault, times: int) -> None:
    """Wait until a fault has struck so often."""
    await sandbox.telegram.changes.until(lambda: fault.struck >= times, 20)


async def test_an_outage_loses_neither_a_card_nor_a_decision(
    bot: RunningBot, sandbox: Sandbox, cast: Cast, group: Group, ana: Person
) -> None:
    mei, lin = cast.applicant("Mei"), cast.applicant("Lin")
    card = await apply(mei, group)
    await fill_in(lin)
    outage = sandbox.faults.add(Fault("502", "sendMessage"))
    await decide(ana, card, "approve")
    await decide(ana, card, "tell")
    await press(lin, "submit")
    await struck(sandbox, outage, 8)
    sandbox.faults.clear()
    await mei.hears("is approved")
    await lin.hears("✅")
    await group.shows(lambda one: has("approve")(one) and one.id > card.id)
    assert sum("is approved" in one.text for one in mei.messages()) == 1


async def test_lost_answers_double_a_message_once_and_lose_none(
    bot: RunningBot, sandbox: Sandbox, cast: Cast, group: Group, ana: Person
) -> None:
    mei = cast.applicant("Mei")
    await agree(mei)
    sandbox.faults.add(Fault("lost", "sendMessage", every=2))
    for number in (1, 2, 3, 4):
        await answer(mei, number)
    sandbox.faults.clear()
    await bot.settled()
    asked = [sum(f"{number} of 9" in one.text for one in mei.messages()) for number in (2, 3, 4, 5)]
    assert all(1 <= times <= 2 for times in asked), asked


async def test_a_refusal_to_wait_is_obeyed_by_every_kind_of_call(
    bot: RunningBot, sandbox: Sandbox, cast: Cast, group: Group
) -> None:
    mei = cast.applicant("Mei")
    await apply(mei, group)
    held = sandbox.faults.add(Fault("429", "deleteMessages", count=1, retry_after=2))
    mei.say("/delete")
    await press(mei, "erase")
    await mei.hears("🗑", timeout=15)
    calls = [call.at for call in sandbox.telegram.witness.calls if call.method == "deleteMessages"]
    assert held.struck == 1
    assert len(calls) == 2
    assert calls[1] - calls[0] >= 2.0


async def test_an_erasure_ends_although_the_card_stood_in_a_group_that_has_moved(
    bot: RunningBot, sandbox: Sandbox, cast: Cast, group: Group, ana: Person
) -> None:
    mei = cast.applicant("Mei")
    card = await apply(mei, group)
    await decide(ana, card, "approve")
    await decide(ana, card, "tell")
    await mei.hears("is approved")
    group.migrate()
    mei.say("/delete")
    await press(mei, "erase")
    await mei.hears("🗑")
    await bot.settled()
    assert sum(call.method == "deleteMessage" for call in sandbox.telegram.witness.calls) <= 3


async def test_a_group_that_throws_the_bot_out_again_is_not_written_to_for_ever(
    bot: RunningBot, sandbox: Sandbox, cast: Cast
) -> None:
    other = cast.group("Others", bot="left")
    boss = cast.reviewer("Boss", other, status="creator")
    sandbox.faults.add(
        Fault("403", "sendMessage", chat_id=other.id, description="bot was kicked from the group chat")
    )
    _join(cast, other, boss)
    calls = sandbox.telegram.witness.calls
    await sandbox.telegram.changes.until(lambda: any(call.chat_id == other.id for call in calls), 10)
    await bot.settled()
    assert sum(call.chat_id == other.id for call in calls) == 1


async def test_what_is_typed_while_the_question_is_held_back_is_no_answer_to_it(
    bot: RunningBot, sandbox: Sandbox, cast: Cast
) -> None:
    mei = cast.applicant("Mei")
    await agree(mei)
    held = sandbox.faults.add(Fault("429", "sendMessage", chat_id=mei.id, count=1, retry_after=1))
    mei.say("Mei Okafor")
    await struck(sandbox, held, 1)
    mei.say("mei.okafor@example.edu")  # typed before the question for it could be read
    await mei.sees("2 of 9")
    await answer(mei, 2)
    await bot.settled()
    assert sum("3 of 9" in one.text for one in mei.messages()) == 1


async def test_a_photo_that_cannot_be_had_is_asked_for_again(
    bot: RunningBot, sandbox: Sandbox, cast: Cast
) -> None:
    mei = cast.applicant("Mei")
    for step in steps(mei)[:6]:
        await step()
    sandbox.faults.add(Fault("403", "getFile", description="not for you"))
    mei.send_photo()
    await at(mei, 6)
    sandbox.faults.clear()
    await answer(mei, 6)


async def test_a_person_who_applies_again_is_shown_to_reviewers_with_what_became_of_the_first(
    bot: RunningBot, cast: Cast, group: Group, ana: Person
) -> None:
    mei = cast.applicant("Mei")
    first = await apply(mei, group)
    mei.say("/withdraw")
    await press(mei, "leave")
    await apply_again(mei)
    again = await group.shows(lambda one: one.id > first.id and has("approve")(one))
    assert first.text.split("·")[1].split()[0] in again.text


def _join(cast: Cast, group: Group, boss: Person) -> None:
    set_status(cast.telegram, group.chat, cast.telegram.bot, Member("member"), boss.user)


# a group that is closed to the bot


SHUT = ["TOPIC_CLOSED", "not enough rights to send text messages to the chat", "chat not found"]


@pytest.mark.parametrize("said", SHUT)
async def test_a_card_waits_until_the_group_takes_it_and_operators_are_told(
    said: str, bot: RunningBot, sandbox: Sandbox, cast: Cast, group: Group, ana: Person
) -> None:
    mei, lin = cast.applicant("Mei"), cast.applicant("Lin")
    first = await apply(mei, group)
    await fill_in(lin)
    shut = sandbox.faults.add(Fault("400", "sendMessage", chat_id=group.id, description=said))
    await press(lin, "submit")
    await struck(sandbox, shut, 1)
    sandbox.faults.clear()
    set_status(
        cast.telegram, group.chat, cast.telegram.bot, Member("administrator"), ana.user
    )  # let in again
    await group.shows(lambda one: one.id > first.id and has("approve")(one))
    assert "trouble" in bot.output


async def test_a_card_that_telegram_refuses_holds_up_no_other(
    bot: RunningBot, sandbox: Sandbox, cast: Cast, group: Group
) -> None:
    mei, lin = cast.applicant("Mei"), cast.applicant("Lin")
    await fill_in(mei)
    await fill_in(lin)
    sandbox.faults.add(
        Fault("400", "sendMessage", chat_id=group.id, count=1, description="can't parse entities")
    )
    await press(mei, "submit")
    refused = await mei.hears("✅")
    await press(lin, "submit")
    accepted = await lin.hears("✅")
    await group.shows(lambda one: has("approve")(one) and one.text.split("·")[1].split()[0] in accepted.text)
    await bot.restart()  # or in a minute
    await group.shows(lambda one: has("approve")(one) and one.text.split("·")[1].split()[0] in refused.text)


async def test_applicants_are_served_while_the_bot_is_shut_out_and_cards_come_when_it_is_back(
    bot: RunningBot, sandbox: Sandbox, cast: Cast, group: Group, ana: Person
) -> None:
    mei = cast.applicant("Mei")
    await fill_in(mei)
    set_status(cast.telegram, group.chat, cast.telegram.bot, Member("kicked"), ana.user)
    await press(mei, "submit")
    await mei.hears("✅")
    await bot.kill()
    await bot.start()
    lin = cast.applicant("Lin")
    await fill_in(lin)
    await press(lin, "submit")
    await lin.hears("✅")
    set_status(cast.telegram, group.chat, cast.telegram.bot, Member("administrator"), ana.user)
    await cast.telegram.changes.until(lambda: sum(has("approve")(one) for one in group.messages) == 2, 20)
    await bot.settled()
    cards = [one for one in group.messages if has("approve")(one)]
    assert len(cards) == 2
    await decide(ana, cards[0], "approve")
