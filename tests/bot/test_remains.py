"""What an erasure could not remove from Telegram is listed to its person, and counted to the operators."""

from pathlib import Path

import pytest

from bot.buttons import Signer
from bot.clock import wall
from bot.programmes import load
from bot.remains import CARD, KINDS, MESSAGE, MOST, PHOTO, Remains, counted, lines, values
from bot.sandbox.deeds import set_status
from bot.sandbox.faults import Fault
from bot.sandbox.state import Member, Message
from bot.wording import TEXT_LIMIT, Wording, visible_length
from storage.vault import ButtonKeys
from tests.applying import apply, decide, press, receipt_in
from tests.bot.clocks import Clocks
from tests.bot.stage import Stage, playing
from tests.cast import Person

DAY = 86_400.0
WORDING = Wording(load(None), Signer(ButtonKeys(b"k" * 32)), wall)


def some(kind: str, day: int, why: str, count: int = 1) -> Remains:
    return [[kind, f"2026-05-{day:02}T1{number % 10}:00:00.000000Z", why] for number in range(count)]


def test_things_of_one_kind_day_and_reason_are_one_line() -> None:
    remains = [
        *some(CARD, 2, "closed"),
        *some(MESSAGE, 3, "old", 3),
        *some(MESSAGE, 2, "old"),
        [PHOTO, "", "refused"],
    ]
    found = [(one.kind, one.at.day if one.at else None, one.why, one.count) for one in lines(remains)]
    assert found == [
        (MESSAGE, 2, "old", 1),
        (MESSAGE, 3, "old", 3),
        (PHOTO, None, "refused", 1),
        (CARD, 2, "closed", 1),
    ]
    assert counted(remains) == {MESSAGE: 4, PHOTO: 1, CARD: 1}
    assert (lines([]), counted([])) == ([], {})


@pytest.mark.parametrize("language", ["en", "zh"])
def test_however_much_stays_the_receipt_is_one_message_and_leaves_nothing_unsaid(language: str) -> None:
    remains = [one for kind in KINDS for day in range(1, 29) for one in some(kind, day, "closed", 7)]
    given = values(remains)
    listed = given["remains"]
    assert isinstance(listed, list)
    assert sum(one.count for one in listed) + given["more"] == len(remains)
    said = WORDING.named("remains", language, **given)
    assert said.count("•") == MOST + 1
    assert str(given["more"]) in said
    assert visible_length(said) < TEXT_LIMIT / 2


def test_photos_that_stay_may_lie_with_several_reviewers() -> None:
    said = [WORDING.named("remains", "en", **values(some(PHOTO, 2, "closed", count))) for count in (1, 3)]
    assert [line.split(", sent")[0] for one in said for line in one.splitlines() if "•" in line] == [
        "• 1 photo of your card in a reviewer's private chat",
        "• 3 photos of your card in reviewers' private chats",
    ]


async def looked_at_by(play: Stage, reviewer: Person, card: Message) -> Message:
    """The photo in the reviewer's private chat."""
    url = (await decide(reviewer, card, "view")).url
    assert url is not None
    reviewer.start(url.partition("?start=")[2])
    return await reviewer.hears(lambda one: bool(one.photo), chat=reviewer.chat)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
async def test_what_can_be_neither_deleted_nor_overwritten_is_listed_without_reviewers_names(
    language: str, tmp_path: Path, clocks: Clocks
) -> None:
    clocks.both(-49 * 3600)
    began = wall()
    async with playing(tmp_path, clock=clocks.telegrams_time) as play:
        mei = play.cast.applicant("Mei", language)
        ben = play.cast.reviewer("Bartholomew", play.group, started=True)
        card = await apply(mei, play.group)
        photo = await looked_at_by(play, ben, card)
        await play.settled()
        old = [one for one in mei.messages() if one.from_bot]
        await play.stop()
        # two days later: too old to delete; the reviewer has blocked the bot, and the group has shut it out
        clocks.both(0)
        ben.block()
        for method in ("deleteMessage", "editMessageText", "editMessageMedia"):
            play.sandbox.faults.add(
                Fault("403", method, chat_id=ben.id, description="bot was blocked by the user")
            )
        for method in ("editMessageText", "editMessageMedia"):
            play.sandbox.faults.add(
                Fault("400", method, chat_id=mei.id, description="message can't be edited")
            )
        await play.start()
        await play.settled()  # the photo's ten minutes are over, and it could not go
        telegram = play.sandbox.telegram
        set_status(telegram, play.group.chat, telegram.bot, Member("kicked"), play.ana.user)
        await play.taken()
        mei.say("/delete")
        await press(mei, "erase")
        receipt = await mei.hears("🗑")
        await play.settled()
        day, month = began.day, f"{began:%B %Y}"
        assert not any(one.deleted for one in old)
        assert not photo.deleted
        assert not card.deleted
        if language == "en":
            wanted = [
                f"• {len(old)} messages in this chat, sent on {day} {month}: too old to be deleted, and",
                f"• 1 photo of your card in a reviewer's private chat, sent on {day} {month}: the bot has no access",
                f"• 1 card with your answers in the reviewers' group, submitted on {day} {month}: the bot has no",
            ]
        else:
            at = f"（{began.year}年{began.month}月{day}日"
            wanted = [
                f"• 本聊天中的{len(old)}条消息{at}发送）：时间太久",
                f"• 审核人员私聊中的1张证件照片{at}发送）：机器人已无法访问",
                f"• 审核群中含有你所填内容的1张申请卡片{at}提交）：机器人已无法访问",
            ]
        assert [line for line in wanted if line not in receipt.text] == []
        assert receipt.text.count("•") == len(wanted)
        assert not any(name in receipt.text for name in ("Bartholomew", "Ana", str(ben.id)))
        (told,) = [one for one in play.told if "after an erasure" in one]
        assert f"message: {len(old)}, photo: 1, card: 1" in told
        assert not any(one in told for one in ("Mei", "Bartholomew", str(mei.id), receipt_in(card)))
        shown = await play.app.metrics.text()
        assert f'intake_erasure_remains_total{{kind="message"}} {len(old)}' in shown
        assert 'intake_erasure_remains_total{kind="card"} 1' in shown


async def test_an_erasure_that_removes_everything_lists_nothing_and_tells_no_operator(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        mei = play.cast.applicant("Mei")
        card = await apply(mei, play.group)
        photo = await looked_at_by(play, play.cast.reviewer("Ben", play.group, started=True), card)
        mei.say("/delete")
        await press(mei, "erase")
        receipt = await mei.hears("🗑")
        await play.settled()
        assert (photo.deleted, card.deleted) == (True, True)
        assert "•" not in receipt.text
        assert "could not be removed" not in receipt.text
        assert play.told == []
        assert "intake_erasure_remains_total{" not in await play.app.metrics.text()
