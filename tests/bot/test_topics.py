"""A forum: the bot's messages stand in its topics, each card once, whatever becomes of the topics."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import topics as in_bot
from bot.message_links import link_to
from bot.sandbox import topics
from bot.sandbox.faults import Fault
from bot.sandbox.state import Member, Message
from tests.applying import apply, decide, has, on, receipt_in, tap
from tests.bot.folders import change, copy_of_the_shipped
from tests.bot.stage import Stage, playing
from tests.bot.test_desk import links

GENERAL = "General"


@contextlib.asynccontextmanager
async def forum(
    folder: Path, mode: str = "by_status", *, is_forum: bool = True, may: bool = True
) -> AsyncIterator[Stage]:
    """A bot whose programme wants topics. `may`: it has the right to manage them."""
    copy = copy_of_the_shipped(folder / "programme")
    change(copy, "programme.toml", {'topics = "none"': f'topics = "{mode}"'})
    async with playing(folder) as play:
        await play.stop()
        if is_forum:
            topics.make_forum(play.cast.telegram, play.group.chat)
        allow(play, may)
        await play.start(programme=copy)
        yield play


def allow(play: Stage, may: bool) -> None:
    """The bot's right to manage topics; nobody is told."""
    bot = play.cast.telegram.bot.id
    play.group.chat.members[bot] = Member("administrator", rights={"can_manage_topics": may})


def place(play: Stage, message: Message) -> str:
    """The name of the topic in which a message stands."""
    number = message.data.get("message_thread_id")
    return play.group.chat.topics[number].name if number else GENERAL


def cards(play: Stage, *receipts: str) -> dict[str, list[str]]:
    """In which topics the cards of each stand."""
    return {
        receipt: [
            place(play, one)
            for one in play.group.messages
            if one.from_bot and receipt in one.text.split("\n")[0] and "Submitted" in one.text
        ]
        for receipt in receipts
    }


def names(play: Stage) -> list[str]:
    return [topic.name for topic in play.group.chat.topics.values()]


def number(play: Stage, name: str) -> int:
    return next(topic.id for topic in play.group.chat.topics.values() if topic.name == name)


async def stands(play: Stage, receipt: str, *where: str) -> None:
    """Wait until the card stands there, and nowhere else."""
    await play.until(lambda: cards(play, receipt)[receipt] == list(where))
    await play.settled()
    assert cards(play, receipt) == {receipt: list(where)}


def troubles(play: Stage) -> list[str]:
    return [line for line in play.told if "stands in General" in line]


async def test_a_card_goes_with_its_status_from_topic_to_topic(tmp_path: Path) -> None:
    async with forum(tmp_path) as play:
        mei, lin = play.cast.applicant("Mei"), play.cast.applicant("Lin")
        card, other = await apply(mei, play.group), await apply(lin, play.group)
        receipt, second = receipt_in(card), receipt_in(other)
        await stands(play, receipt, "Waiting")
        await decide(play.ana, card, "claim")
        await decide(play.ana, card, "approve")
        await stands(play, receipt, "Waiting")  # while it can be undone
        await decide(play.ana, card, "tell")
        await stands(play, receipt, "Decided")
        assert card.deleted and names(play) == ["Waiting", "Decided"]
        link = (await decide(play.ana, other, "return")).url
        assert link is not None
        play.ana.start(link.partition("?start=")[2])
        form = await play.ana.hears(has("why"), chat=play.ana.chat)
        for verb, arg in (("why", "+duplicate"), ("flag", "+department"), ("decide", "returned")):
            await play.ana.sees(lambda one, v=verb: one is form and has(v)(one), chat=play.ana.chat)  # type: ignore[misc]
            await play.ana.answer_to(play.ana.press_data(form, on(form, verb, arg)))
        await decide(play.ana, other, "tell")
        await stands(play, second, "With the applicant")
        await play.stop()
        await play.start()
        await apply(play.cast.applicant("Kim"), play.group)
        assert names(play) == ["Waiting", "Decided", "With the applicant"]
        assert [one.data["text"] for one in play.group.messages if one.data.get("text") == "/queue"] == []


async def test_what_is_asked_is_answered_where_it_was_asked_with_links_into_the_topics(
    tmp_path: Path,
) -> None:
    async with forum(tmp_path, "one") as play:
        card = await apply(play.cast.applicant("Mei"), play.group)
        receipt, topic = receipt_in(card), number(play, "Applications")
        counter = await play.group.shows("🗂")
        assert place(play, counter) == "Applications"
        inside = {"message_thread_id": topic, "is_topic_message": True}
        for words, answer in (
            ("/queue", receipt),
            (f"/find {receipt}", receipt),
            ("/stats", "📊"),
            ("/help", "Reviewing"),
        ):
            for where, content in ((GENERAL, {}), ("Applications", inside)):
                said = play.ana.send({"text": words, **content}, play.group.chat)
                if words == "/stats" and where != GENERAL:
                    continue  # it was sent a moment ago
                shown = await play.group.shows(
                    lambda one, a=answer, s=said: one.id > s.id and a in one.text and not has("approve")(one)  # type: ignore[misc]
                )
                assert place(play, shown) == where
                if words == "/queue":
                    assert links(shown)[receipt] == link_to(play.group.id, card.id, topic)
        await decide(play.ana, card, "approve")
        await decide(play.ana, card, "tell")
        await stands(play, receipt, "Applications")
        assert not card.deleted


async def test_two_that_need_a_topic_at_once_make_one(tmp_path: Path) -> None:
    async with forum(tmp_path) as play:
        people = [play.cast.applicant(name) for name in ("Mei", "Lin", "Kim")]
        play.sandbox.faults.add(Fault("latency", "createForumTopic", seconds=0.3))
        found = await asyncio.gather(*(apply(one, play.group) for one in people))
        for card in found:
            await stands(play, receipt_in(card), "Waiting")
        assert names(play) == ["Waiting"]


async def test_a_deleted_topic_is_made_anew_and_its_open_cards_come_again_once(tmp_path: Path) -> None:
    async with forum(tmp_path) as play:
        first = receipt_in(await apply(play.cast.applicant("Mei"), play.group))
        second = receipt_in(await apply(play.cast.applicant("Lin"), play.group))
        await play.settled()
        gone = number(play, "Waiting")
        topics.remove(play.cast.telegram, play.group.chat, gone)
        third = receipt_in(await apply(play.cast.applicant("Kim"), play.group))
        for receipt in (first, second, third):
            await stands(play, receipt, "Waiting")
        assert names(play) == ["Waiting"] and number(play, "Waiting") != gone
        assert troubles(play) == []


async def test_a_closed_topic_is_opened_again_and_where_that_is_refused_general_serves(
    tmp_path: Path,
) -> None:
    async with forum(tmp_path) as play:
        first = receipt_in(await apply(play.cast.applicant("Mei"), play.group))
        await play.settled()
        allow(play, False)  # who made a topic may open it all the same
        topics.close(play.cast.telegram, play.group.chat, number(play, "Waiting"))
        second = receipt_in(await apply(play.cast.applicant("Lin"), play.group))
        await stands(play, second, "Waiting")
        topics.close(play.cast.telegram, play.group.chat, number(play, "Waiting"))
        refusal = "Bad Request: not enough rights to manage chat topics"
        play.sandbox.faults.add(Fault("400", "reopenForumTopic", description=refusal))
        third = receipt_in(await apply(play.cast.applicant("Kim"), play.group))
        await stands(play, third, GENERAL)
        await apply(play.cast.applicant("Ida"), play.group)
        await play.until(lambda: troubles(play))
        await play.settled()
        assert len(troubles(play)) == 1 and "closed" in troubles(play)[0]
        assert cards(play, first, second) == {first: ["Waiting"], second: ["Waiting"]}


@pytest.mark.parametrize(("is_forum", "may"), [(False, True), (True, False)], ids=["no forum", "no right"])
async def test_without_topics_or_the_right_general_serves_until_there_are(
    is_forum: bool, may: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_bot, "LOOK_AGAIN", 0.5)
    async with forum(tmp_path, is_forum=is_forum, may=may) as play:
        card = await apply(play.cast.applicant("Mei"), play.group)
        receipt = receipt_in(card)
        await stands(play, receipt, GENERAL)
        await play.until(lambda: len(troubles(play)) == 1)
        await play.stop()
        await play.start()
        await decide(play.ana, card, "claim")
        await stands(play, receipt, GENERAL)
        assert len(troubles(play)) == 1
        if not is_forum:
            topics.make_forum(play.cast.telegram, play.group.chat)
        allow(play, True)
        await asyncio.sleep(0.6)
        await decide(play.ana, card, "release")
        await stands(play, receipt, "Waiting")  # the older one went
        assert len(troubles(play)) == 1
        play.app.counter.look_anew()
        assert await play.app.counter.look()
        await play.settled()
        assert [place(play, one) for one in play.group.messages if "🗂" in one.text] == ["Waiting"]
        if is_forum:
            return
        topics.make_forum(play.cast.telegram, play.group.chat, False)  # and stops being one
        second = receipt_in(await apply(play.cast.applicant("Lin"), play.group))
        await stands(play, second, GENERAL)
        await play.until(lambda: len(cards(play, receipt)[receipt]) == 1)


async def test_a_topic_whose_making_was_not_answered_is_risked_once_more_and_then_one_serves_all(
    tmp_path: Path,
) -> None:
    async with forum(tmp_path) as play:
        play.sandbox.faults.add(Fault("lost", "createForumTopic", count=1))
        first = receipt_in(await apply(play.cast.applicant("Mei"), play.group))
        second = receipt_in(await apply(play.cast.applicant("Lin"), play.group))
        await stands(play, first, "Waiting")
        await stands(play, second, "Waiting")
        assert names(play) == ["Waiting", "Waiting"]
        used = {one.data.get("message_thread_id") for one in play.group.messages if has("approve")(one)}
        assert len(used) == 1
        play.sandbox.faults.clear()
        await play.stop()
        await play.start()
        await apply(play.cast.applicant("Kim"), play.group)
        assert names(play) == ["Waiting", "Waiting"]


async def test_no_further_topic_is_made_when_no_answer_ever_comes(tmp_path: Path) -> None:
    async with forum(tmp_path) as play:
        play.sandbox.faults.add(Fault("lost", "createForumTopic"))
        receipt = receipt_in(await apply(play.cast.applicant("Mei"), play.group))
        await stands(play, receipt, GENERAL)
        assert len(names(play)) <= in_bot.TRIES
        await play.until(lambda: len(troubles(play)) == 1)


@pytest.mark.parametrize("method", ["sendMessage", "editMessageText"])
async def test_a_move_whose_answer_is_lost_leaves_one_card_and_nothing_of_the_applicant_beside_it(
    method: str, tmp_path: Path
) -> None:
    async with forum(tmp_path) as play:
        mei = play.cast.applicant("Mei")
        card = await apply(mei, play.group)
        receipt = receipt_in(card)
        await decide(play.ana, card, "approve")
        await play.settled()
        play.sandbox.faults.add(Fault("lost", method, chat_id=play.group.id, count=1))
        await decide(play.ana, card, "tell")
        await stands(play, receipt, "Decided")
        assert not any(
            "Mei" in one.text for one in play.group.messages if receipt not in one.text.split("\n")[0]
        )
        play.sandbox.faults.clear()
        mei.say("/delete")
        await mei.answer_to(await tap(mei, "erase"))
        await play.until(lambda: not any("Mei" in one.text for one in play.group.messages))


async def test_a_bot_stopped_between_the_place_and_the_card_finishes_it(tmp_path: Path) -> None:
    async with forum(tmp_path) as play:
        card = await apply(play.cast.applicant("Mei"), play.group)
        receipt = receipt_in(card)
        await decide(play.ana, card, "approve")
        await play.settled()
        play.sandbox.faults.add(Fault("502", "editMessageText", chat_id=play.group.id))
        await decide(play.ana, card, "tell")
        await play.group.shows(f"{receipt}: the card comes here.")
        await asyncio.sleep(0.3)
        await play.stop()
        play.sandbox.faults.clear()
        await play.start()
        await stands(play, receipt, "Decided")
        await play.until(lambda: card.deleted)
