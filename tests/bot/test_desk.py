"""/queue and /find in the reviewers' group, through the whole bot with a clock that is set."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import pytest

from bot import queue
from bot.buttons import Press
from bot.desk import QUEUE
from bot.people import receipt_in_words
from bot.sandbox.deeds import set_status
from bot.sandbox.state import Member, Message
from tests.applying import ANSWERS, apply, apply_again, decide, has, on, press, receipt_in
from tests.bot.folders import change, copy_of_the_shipped
from tests.bot.test_time import Scene, scene
from tests.cast import Person

LISTED = re.compile(r"UX-[0-9A-Z]{8}")
NOT_YOU = "Only administrators of the group may look at applications here."
HAN = re.compile(r"[\u3400-\u9fff]")


def listed(message: Message) -> list[str]:
    """The receipts of a list, in its order."""
    return LISTED.findall(message.text)


def links(message: Message) -> dict[str, str]:
    """Where each receipt or word of a message leads."""
    encoded = message.text.encode("utf-16-le")
    return {
        encoded[2 * one["offset"] : 2 * (one["offset"] + one["length"])].decode("utf-16-le"): one["url"]
        for one in message.entities
        if one["type"] == "text_link"
    }


async def applied(play: Scene, *names: str, hours: int = 1) -> list[Message]:
    """Their cards, one an hour."""
    cards = []
    for name in names:
        cards.append(await apply(play.cast.applicant(name), play.group))
        play.clock.now += timedelta(hours=hours)
    await play.app.outbox.settle()
    return cards


async def asks(play: Scene, text: str, by: Person | None = None) -> Message:
    """What the bot answers in the group."""
    by = by or play.ana
    said = by.say(text, play.group.chat)

    def is_answer(one: Message) -> bool:
        return one.id > said.id and bool(one.text) and "🗂" not in one.text and not has("approve")(one)

    return await by.hears(is_answer, chat=play.group.chat)


async def turns(play: Scene, shown: Message, which: str, by: Person | None = None) -> None:
    """Press a button of a list, which is changed in place."""
    by = by or play.ana
    answer = await decide(by, shown, QUEUE, which)
    assert answer.text is None
    await play.app.outbox.settle()


async def test_what_waits_is_listed_oldest_first_with_age_status_and_a_link_to_each_card(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as play:
        first, second, third, fourth = await applied(play, "Mei", "Lin", "Kim", "Ada", hours=24)
        await decide(play.ana, second, "claim")
        await decide(play.ana, third, "reject")
        await decide(play.ana, fourth, "approve")
        shown = await asks(play, "/queue")
        receipts = [receipt_in(card) for card in (first, second, third, fourth)]
        assert listed(shown) == receipts
        number = -play.group.id - 10**12
        assert links(shown) == {
            receipt: f"https://t.me/c/{number}/{card.id}"
            for receipt, card in zip(receipts, (first, second, third, fourth), strict=True)
        }
        lines = shown.text.splitlines()
        assert "4" in lines[0]
        assert [line for line in lines if receipts[0] in line] == [f"{receipts[0]} · 4 days ago"]
        assert [line for line in lines if receipts[1] in line] == [
            f"{receipts[1]} · 3 days ago · claimed by Ana"
        ]
        assert "A reason is being chosen" in next(line for line in lines if receipts[2] in line)
        assert "Decided, not told yet" in next(line for line in lines if receipts[3] in line)
        assert not any(str(answer) in shown.text for answer in ANSWERS.values() if len(answer) > 1)


async def test_what_is_over_the_promised_time_is_marked_from_that_moment_on(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        (card,) = await applied(play, "Mei", hours=0)
        play.clock.now += timedelta(days=5, seconds=-1)
        shown = await asks(play, "/queue")
        assert "⏰" not in shown.text
        assert listed(await asks(play, "/queue overdue")) == []
        play.clock.now += timedelta(seconds=1)
        assert "⏰" in (await asks(play, "/queue")).text
        assert listed(await asks(play, "/queue overdue")) == [receipt_in(card)]
        await decide(play.ana, card, "approve")  # what is decided is late no more
        assert listed(await asks(play, "/queue overdue")) == []
        assert "⏰" not in (await asks(play, "/queue")).text


async def test_an_empty_queue_says_so(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        assert "No application is waiting" in (await asks(play, "/queue")).text


@pytest.mark.parametrize("kind", ["group", "supergroup"])
async def test_filters_list_a_part_and_change_the_list_in_place(tmp_path: Path, kind: str) -> None:
    async with scene(tmp_path, kind=kind) as play:  # type: ignore[arg-type]
        ben = play.cast.reviewer("Ben @channel", play.group)
        first, second, third = await applied(play, "Mei", "Lin", "Kim")
        await decide(play.ana, first, "claim")
        await decide(ben, second, "claim")
        mine, his, free = receipt_in(first), receipt_in(second), receipt_in(third)
        shown = await asks(play, "/queue")
        assert listed(shown) == [mine, his, free]
        assert bool(links(shown)) is (kind == "supergroup")
        assert not any(one["type"] == "mention" for one in shown.entities)
        await turns(play, shown, "unclaimed")
        assert listed(shown) == [free]
        await turns(play, shown, "mine")
        assert listed(shown) == [mine]
        await turns(play, shown, "mine", by=ben)  # his own: whoever presses is meant
        assert listed(shown) == [his]
        await turns(play, shown, "all")
        assert listed(shown) == [mine, his, free]
        play.clock.now += timedelta(days=4, hours=22)
        await turns(play, shown, "overdue")
        assert listed(shown) == [mine, his]
        assert [one for one in play.group.messages if "Mine" in " ".join(one.keys)] == [shown]
        for argument, found in (("mine", [mine]), ("UNCLAIMED", [free]), ("overdue", [mine, his])):
            assert listed(await asks(play, f"/queue {argument}")) == found


async def test_a_long_list_has_pages_that_show_each_application_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "PAGE", 2)
    monkeypatch.setattr(queue, "PIECE", 2)
    async with scene(tmp_path) as play:
        ben = play.cast.reviewer("Ben", play.group)
        cards = await applied(play, "Mei", "Lin", "Kim", "Ada", "Bo")
        receipts = [receipt_in(card) for card in cards]
        for which in ("all", "unclaimed"):
            shown = await asks(play, f"/queue {which}")
            seen = [*listed(shown)]
            assert "Page 1 of 3" in shown.text
            assert "‹" not in " ".join(shown.keys)
            for number in (1, 2):
                await turns(play, shown, f"{which}.{number}")
                seen += listed(shown)
            assert seen == receipts
            assert "›" not in " ".join(shown.keys)
        for card in cards:
            await decide(play.ana, card, "claim")
        shown = await asks(play, "/queue mine")
        last = on(shown, QUEUE, "mine.1").replace("mine.1", "mine.2")
        await turns(play, shown, "mine.1", by=ben)  # Ben pages on in Ana's list
        assert listed(shown) == receipts[2:4]
        assert "Ana" in shown.text
        assert "not valid" in str((await ben.answer_to(ben.press_data(shown, last))).text)
        await turns(play, shown, "mine.2", by=ben)
        for card in cards[:4]:
            await decide(play.ana, card, "approve")
            await decide(play.ana, card, "tell")
        await turns(play, shown, "mine.1")  # that page is no more: the last one is shown
        assert listed(shown) == receipts[4:]
        assert "Page" not in shown.text


async def test_only_who_may_review_is_answered_and_an_anonymous_administrator_is(tmp_path: Path) -> None:
    folder = copy_of_the_shipped(tmp_path / "programme")
    change(folder, "programme.toml", {'who = "members"': 'who = "administrators"'})
    async with scene(tmp_path, programme=folder) as play:
        (card,) = await applied(play, "Mei")
        boss = play.cast.reviewer("Bea", play.group, status="administrator")
        hidden = play.cast.reviewer("Cy", play.group, status="administrator")
        play.group.chat.members[hidden.id] = Member("administrator", is_anonymous=True)
        shown = await asks(play, "/queue", by=boss)
        assert listed(shown) == [receipt_in(card)]
        assert listed(await asks(play, "/queue", by=hidden)) == [receipt_in(card)]
        assert "cannot tell what is yours" in (await asks(play, "/queue mine", by=hidden)).text
        await turns(play, shown, "mine", by=hidden)  # a press says who he is
        assert listed(shown) == []
        for text in ("/queue", f"/find {receipt_in(card)}"):
            refused = await asks(play, text)  # Ana is a plain member
            assert refused.text == NOT_YOU
            assert not listed(refused)
        before = shown.edits
        assert (await decide(play.ana, shown, QUEUE, "all")).text == NOT_YOU
        set_status(play.cast.telegram, play.group.chat, boss.user, Member("member"))
        await play.cast.telegram.changes.until(lambda: not len(play.cast.telegram.queue), 5)
        assert (await decide(boss, shown, QUEUE, "all")).text == NOT_YOU
        assert shown.edits == before


async def test_where_a_list_says_who_reviews_nobody_is_answered_without_a_name(tmp_path: Path) -> None:
    folder = copy_of_the_shipped(tmp_path / "programme")
    change(folder, "programme.toml", {'who = "members"': "who = [77]"})
    async with scene(tmp_path, programme=folder) as play:
        listed_one = play.cast.reviewer("Lea", play.group, user_id=77)
        hidden = play.cast.reviewer("Cy", play.group, status="administrator")
        play.group.chat.members[hidden.id] = Member("administrator", is_anonymous=True)
        assert "under your own name" in (await asks(play, "/queue", by=hidden)).text
        assert "No application is waiting" in (await asks(play, "/queue", by=listed_one)).text


async def test_forged_presses_and_those_of_another_chat_change_no_list(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        await applied(play, "Mei")
        shown = await asks(play, "/queue")
        genuine = on(shown, QUEUE, "mine.0")
        signer = play.app.wording._signer
        elsewhere = signer.sign(play.group.id - 1, Press(QUEUE, "mine.0", "", ""))
        before = shown.edits, shown.text
        for data in (
            genuine[:-1] + "x",
            genuine.replace("mine", "all"),
            elsewhere,
            "queue:all.0:::",
            "queue",
        ):
            answer = await play.ana.answer_to(play.ana.press_data(shown, data))
            assert "not valid" in str(answer.text), data
        await play.app.outbox.settle()
        assert (shown.edits, shown.text) == before


async def test_of_presses_that_come_together_the_last_one_counts(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        (card,) = await applied(play, "Mei")
        shown = await asks(play, "/queue")
        presses = [
            play.ana.press_data(shown, on(shown, QUEUE, f"{which}.0"))
            for which in ("mine", "overdue", "mine", "all", "overdue", "unclaimed")
        ]
        await asyncio.gather(*(play.ana.answer_to(one) for one in presses))
        await play.app.outbox.settle()
        assert listed(shown) == [receipt_in(card)]
        assert "Claimed by nobody" in shown.text


async def test_what_is_not_asked_as_it_can_be_is_told_how(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        assert "/queue unclaimed" in (await asks(play, "/queue theirs")).text
        for text in ("/find", "/find UX-1", "/find me the first one", "/find UX-UUUUUUUU"):
            assert "whole receipt number" in (await asks(play, text)).text
        assert "There is no application UX-00000000" in (await asks(play, "/find ux-oooooooo")).text


async def test_an_application_is_found_at_every_stage_with_its_status_and_nothing_personal(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as play:
        mei = play.cast.applicant("Mei")
        card = await apply(mei, play.group)
        receipt, number = receipt_in(card), -play.group.id - 10**12
        said = []

        async def found(*words: str) -> None:
            play.clock.now += timedelta(minutes=10)
            shown = await asks(play, f"/find {receipt.removeprefix('UX-').lower()}")
            assert receipt in shown.text
            assert all(word in shown.text for word in words), (shown.text, words)
            assert list(links(shown).values()) == [f"https://t.me/c/{number}/{card.id}"]
            said.append(shown.text)

        await found("Waiting", "2 March 2026, 09:00", "10 min ago")
        await decide(play.ana, card, "claim")
        await found("Waiting", "Claimed by Ana")
        await decide(play.ana, card, "reject")
        await found("A reason is being chosen")
        await decide(play.ana, card, "unreject")
        await decide(play.ana, card, "release")
        await press(mei, "recall")
        await found("Taken back by the applicant")
        await press(mei, "submit")
        await play.app.outbox.settle()
        card = next(
            one for one in play.group.chat.newest_first() if receipt in one.text and has("approve")(one)
        )
        play.clock.now += timedelta(days=6)
        await found("Waiting", "⏰", "6 days ago")
        await decide(play.ana, card, "approve")
        decided = play.clock.now
        await found("Decided, not told yet", f"{decided:%H:%M}")
        await decide(play.ana, card, "tell")
        await play.app.outbox.settle()
        await found("Approved", f"{play.clock.now - timedelta(minutes=0):%H:%M}"[:3])
        everything = " ".join(said)
        assert not any(answer in everything for answer in ANSWERS.values() if len(answer) > 1)
        mei.say("/delete")
        await mei.sees(has("erase"))
        await press(mei, "erase")
        await play.app.outbox.settle()
        assert "There is no application" in (await asks(play, f"/find {receipt}")).text


async def test_an_earlier_application_is_found_beside_the_present_one(tmp_path: Path) -> None:
    async with scene(tmp_path) as play:
        mei = play.cast.applicant("Mei")
        first = receipt_in(await apply(mei, play.group))
        mei.say("/withdraw")
        await press(mei, "leave")
        second = await apply_again(mei)
        assert "Withdrawn" in (await asks(play, f"/find {first}")).text
        assert "Waiting" in (await asks(play, f"/find {second}")).text


async def test_where_cards_are_not_in_this_group_or_have_no_links_that_is_said(tmp_path: Path) -> None:
    async with scene(tmp_path, kind="group") as play:
        (card,) = await applied(play, "Mei")
        shown = await asks(play, f"/find {receipt_in(card)}")
        assert "no links" in shown.text
        assert not links(shown)


async def test_all_of_it_is_said_in_the_groups_language(tmp_path: Path) -> None:
    folder = copy_of_the_shipped(tmp_path / "programme")
    change(folder, "programme.toml", {'language = "en"': 'language = "zh"'})
    async with scene(tmp_path, programme=folder) as play:
        (card,) = await applied(play, "Mei", hours=24 * 6)
        await decide(play.ana, card, "claim")
        texts = [
            "/queue",
            "/queue mine",
            "/queue x",
            "/find x",
            "/find UX-00000000",
            f"/find {receipt_in(card)}",
        ]
        shown = [await asks(play, text) for text in texts]
        assert all(HAN.search(one.text) for one in shown)
        assert "超过承诺的5天" in shown[-1].text
        assert f"⏰ {receipt_in(card)} · 6天前 · Ana已认领" in shown[0].text
        assert all(HAN.search(key) for key in shown[0].keys)
        menus = [one for one in play.cast.telegram.commands if one["scope"].get("chat_id") == play.group.id]
        assert {"queue", "find", "help"} <= {one["command"] for one in menus[0]["commands"]}
        assert all(HAN.search(one["description"]) for one in menus[0]["commands"])


@pytest.mark.parametrize(
    ("text", "receipt"),
    [
        ("UX-7K3M9QDF", "UX-7K3M9QDF"),
        ("ux-7k3m9qdf", "UX-7K3M9QDF"),
        (" 7k3m9qdf ", "UX-7K3M9QDF"),
        ("UX 7K3M9QDF", "UX-7K3M9QDF"),
        ("ux7k3m9qdf", "UX-7K3M9QDF"),
        ("UX–7K3M9QDF", "UX-7K3M9QDF"),
        ("ux-oil00000", "UX-01100000"),  # what is read for another letter
        ("UX-7K3M9QD", ""),
        ("UX-7K3M9QDFF", ""),
        ("UY-7K3M9QDF", ""),
        ("UX-7K3M9QDU", ""),
        ("", ""),
    ],
)
def test_a_receipt_is_understood_however_it_is_typed(text: str, receipt: str) -> None:
    assert receipt_in_words(text, "UX") == receipt


def test_a_receipt_that_begins_as_the_prefix_does_is_not_cut() -> None:
    assert receipt_in_words("ab123456", "AB") == "AB-AB123456"
    assert receipt_in_words("abab123456", "AB") == "AB-AB123456"
