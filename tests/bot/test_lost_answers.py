"""What was sent and never answered, when its person is erased, the process is killed, or the data are restored: nothing
of his stays, and nothing else is taken for it."""

import asyncio
import time
from pathlib import Path

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Message
from tests.applying import agree, answer, apply, decide, has, press, tap
from tests.bot.stage import playing
from tests.bot.test_backups import backed_up, intake, lose
from tests.cast import Cast, Group, Person, RunningBot, running_bot

NOBODY_ANSWERS = Fault("hang", "getMe", seconds=40)  # so that nothing is tried again
SOON = 1.0  # seconds in which a turn is committed


@pytest.fixture
def group(cast: Cast) -> Group:
    return cast.group()


@pytest.fixture
def ben(cast: Cast, group: Group) -> Person:
    return cast.reviewer("Ben", group, started=True)


async def about_to_delete(person: Person, group: Group, bot: RunningBot) -> Message:
    """One who has applied, and is asked whether everything is to be deleted; his card."""
    card = await apply(person, group)
    person.say("/delete")
    await person.hears(has("erase"))
    await bot.settled()
    return card


async def killed_and_back(bot: RunningBot, sandbox: Sandbox, seconds: float = SOON) -> None:
    await asyncio.sleep(seconds)
    await bot.kill()
    sandbox.faults.clear()
    await bot.start()


def standing(person: Person) -> list[Message]:
    """What of the bot's stands in his chat, but the word that he is erased."""
    return [one for one in person.messages() if one.from_bot and not one.deleted and "🗑" not in one.text]


def photos(reviewer: Person) -> list[Message]:
    return [one for one in reviewer.chat.messages if one.photo and not one.deleted]


async def opens_photo(reviewer: Person, card: Message) -> None:
    answered = await decide(reviewer, card, "view")
    assert answered is not None
    assert answered.url is not None
    reviewer.start(answered.url.partition("start=")[2])


@pytest.mark.parametrize("method", ["sendMessage", "sendDocument"])
async def test_what_was_on_its_way_at_an_erasure_goes_though_a_kill_comes(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path, method: str
) -> None:
    mei = cast.applicant("Mei")
    async with running_bot(sandbox, group, tmp_path) as bot:
        await about_to_delete(mei, group, bot)
        sandbox.faults.add(Fault("lost", method, chat_id=mei.id))
        sandbox.faults.add(NOBODY_ANSWERS)
        mei.say("/mydata")
        await mei.hears("What we keep" if method == "sendMessage" else lambda one: one.document is not None)
        await tap(mei, "erase")
        await killed_and_back(bot, sandbox)
        await mei.hears("🗑")
        await bot.settled()
        assert standing(mei) == []


async def test_what_was_on_its_way_goes_without_a_kill_though_the_search_was_held_back(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path
) -> None:
    mei = cast.applicant("Mei")
    async with running_bot(sandbox, group, tmp_path) as bot:
        await about_to_delete(mei, group, bot)
        sandbox.faults.add(Fault("lost", "sendMessage", chat_id=mei.id, count=1))
        held = sandbox.faults.add(Fault("429", "editMessageText", chat_id=mei.id, count=1, retry_after=4))
        mei.say("/mydata")
        await mei.hears("What we keep")
        await sandbox.telegram.changes.until(lambda: held.struck >= 1, 20)
        await press(mei, "erase")
        await mei.hears("🗑", timeout=20)
        await bot.settled()
        assert standing(mei) == []


async def test_an_erasure_ends_though_the_account_is_gone_and_a_kill_came(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path
) -> None:
    mei, lin = cast.applicant("Mei"), cast.applicant("Lin")
    async with running_bot(sandbox, group, tmp_path) as bot:
        card = await about_to_delete(mei, group, bot)
        sandbox.faults.add(Fault("lost", "sendMessage", chat_id=mei.id))
        sandbox.faults.add(NOBODY_ANSWERS)
        sandbox.faults.add(Fault("hang", "deleteMessage", seconds=30))
        mei.say("/mydata")
        await mei.hears("What we keep")
        await tap(mei, "erase")
        await asyncio.sleep(SOON)
        await bot.kill()
        sandbox.faults.clear()
        mei.deactivate()
        await bot.start()
        await agree(lin)
        await bot.settled()
        assert card.deleted
        assert "given up" not in bot.output


async def test_an_erasure_that_is_held_back_again_and_again_goes_on_where_it_was(tmp_path: Path) -> None:
    now = time.time()
    async with playing(tmp_path, clock=lambda: now) as play:
        mei = play.cast.applicant("Mei")
        await apply(mei, play.group)
        await play.settled()
        own = len(standing(mei))
        now += 49 * 3600  # nothing can be deleted any more, only overwritten
        mei.say("/delete")
        held = play.sandbox.faults.add(Fault("429", "editMessageText", every=10, retry_after=1))
        await press(mei, "erase")
        await mei.hears("🗑", timeout=30)
        assert not [one for one in play.group.messages if "Mei Okafor" in one.text]
        assert held.struck >= 1
        edits = [one for one in play.calls if one.method == "editMessageText" and one.chat_id == mei.id]
        assert len(edits) <= own + 3 + held.struck  # the menu, the question and the press among them


async def test_a_photo_on_its_way_to_a_reviewer_goes_with_its_person_though_a_kill_comes(
    sandbox: Sandbox, cast: Cast, group: Group, ben: Person, tmp_path: Path
) -> None:
    mei = cast.applicant("Mei")
    async with running_bot(sandbox, group, tmp_path) as bot:
        card = await about_to_delete(mei, group, bot)
        sandbox.faults.add(Fault("lost", "editMessageMedia", chat_id=ben.id))
        await opens_photo(ben, card)
        await ben.sees(lambda one: bool(one.photo), chat=ben.chat)
        await tap(mei, "erase")
        await killed_and_back(bot, sandbox)
        await mei.hears("🗑")
        await bot.settled()
        assert photos(ben) == []


async def test_of_two_photos_on_their_way_each_keeps_its_own_words(
    sandbox: Sandbox, cast: Cast, group: Group, ben: Person, tmp_path: Path
) -> None:
    mei, lin = cast.applicant("Mei"), cast.applicant("Lin")
    async with running_bot(sandbox, group, tmp_path) as bot:
        card, other = await about_to_delete(mei, group, bot), await apply(lin, group)
        sandbox.faults.add(Fault("lost", "sendMessage", chat_id=ben.id, count=1))
        sandbox.faults.add(NOBODY_ANSWERS)
        await opens_photo(ben, card)
        await opens_photo(ben, other)
        await asyncio.sleep(SOON)
        await tap(mei, "erase")
        await killed_and_back(bot, sandbox)
        await mei.hears("🗑")
        await ben.sees(lambda one: bool(one.photo), chat=ben.chat)
        await bot.settled()
        (shown,) = photos(ben)
        receipt = next(word for word in other.text.split() if word.startswith("UX-"))
        assert receipt in shown.data["caption"]


async def test_a_photo_goes_after_its_time_though_no_answer_came_and_a_kill_did(
    sandbox: Sandbox, cast: Cast, group: Group, ben: Person, tmp_path: Path
) -> None:
    mei = cast.applicant("Mei")
    async with running_bot(sandbox, group, tmp_path) as bot:
        card = await apply(mei, group)
        await bot.settled()
        sandbox.faults.add(Fault("lost", "editMessageMedia", chat_id=ben.id))
        await opens_photo(ben, card)
        await ben.sees(lambda one: bool(one.photo), chat=ben.chat)
        await killed_and_back(bot, sandbox)
        await bot.settled()
        assert len(photos(ben)) == 1
        await decide(ben, card, "approve")
        await decide(ben, card, "tell")
        await mei.hears("is approved")
        await bot.settled()
        assert photos(ben) == []


async def test_the_receipt_of_an_erasure_is_not_taken_for_another_message(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path
) -> None:
    mei, lin = cast.applicant("Mei"), cast.applicant("Lin")
    async with running_bot(sandbox, group, tmp_path) as bot:
        await agree(lin)
        await about_to_delete(mei, group, bot)
        sandbox.faults.add(Fault("429", "deleteMessages", count=1, retry_after=3))
        await press(mei, "erase")
        await asyncio.sleep(0.3)
        mei.start()  # what he is asked waits behind his erasure
        await mei.hears("🗑")
        sandbox.faults.add(Fault("429", "sendMessage", chat_id=mei.id, retry_after=30))
        await answer(lin, 1)
        await killed_and_back(bot, sandbox)
        await bot.settled()
        assert [one for one in mei.messages() if "🗑" in one.text]


@pytest.mark.parametrize("how", ["a kill", "a lost answer"])
async def test_after_a_restore_nothing_of_the_lost_time_is_taken_for_what_is_sent(
    sandbox: Sandbox, cast: Cast, group: Group, ana: Person, tmp_path: Path, how: str
) -> None:
    backups = tmp_path / "backups"
    backups.mkdir()
    mei, lin = cast.applicant("Mei"), cast.applicant("Lin")
    async with running_bot(sandbox, group, tmp_path, backups=backups) as bot:
        card = await apply(mei, group)
        await agree(lin)
        await bot.settled()
        data = await backed_up(bot, backups)
        mei.say("/privacy")  # in the time that is lost
        await bot.settled()
        earlier = mei.messages()[-1]
        words = earlier.text
        await bot.kill()
        lose(bot)
        assert (await intake(bot, "restore", data))[0] == 0
        await bot.start()
        await bot.settled()
        if how == "a kill":
            sandbox.faults.add(Fault("429", "sendMessage", chat_id=mei.id, retry_after=30))
        else:
            sandbox.faults.add(Fault("lost", "sendMessage", chat_id=mei.id, count=1))
        await decide(ana, card, "approve")
        await decide(ana, card, "tell")
        if how == "a kill":
            lin.say("/status")
            await killed_and_back(bot, sandbox)
        await mei.hears("is approved", timeout=20)
        await bot.settled()
        assert earlier.text == words
