"""The reviewers' group throws the bot out, closes, moves or goes: each open card stands once where it can be used."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot import flood, outbox, trying
from bot.sandbox.deeds import close_topic, delete_group, set_status
from bot.sandbox.faults import Fault
from bot.sandbox.pacing import Limits
from bot.sandbox.state import Member, Message, Status
from tests.applying import decide, fill_in, has, press, receipt_in
from tests.bot.stage import Stage, playing
from tests.bot.windows import SENDS, to
from tests.cast import Group, Person

MOMENT = 1.0  # seconds in which what must not come would come
RETRY = 0.3  # seconds between tries while the group takes nothing, in these tests


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "SHUT_OUT", RETRY)


def stand(play: Stage, status: Status) -> None:
    """The bot's standing in the group changes, and it is told."""
    set_status(play.cast.telegram, play.group.chat, play.cast.telegram.bot, Member(status), play.ana.user)


def live(group: Group) -> dict[str, list[Message]]:
    """The cards on which one can decide, by their receipt."""
    found: dict[str, list[Message]] = {}
    for one in group.messages:
        if has("approve")(one):
            found.setdefault(receipt_in(one), []).append(one)
    return found


async def once_each(play: Stage, group: Group, receipts: set[str]) -> list[Message]:
    """Wait until these are the cards of a group, and find each of them there once, posted once; oldest first."""
    await play.until(lambda: set(live(group)) == receipts, 20)
    await play.settled()
    found = live(group)
    assert {receipt: len(cards) for receipt, cards in found.items()} == dict.fromkeys(receipts, 1)
    return [cards[0] for cards in found.values()]


def posted(play: Stage, group: Group, receipt: str) -> int:
    """How often a card was posted to a group."""
    calls = [call for call in to(play.calls, group.id) if call.ok and call.method in SENDS]
    cards = [call for call in calls if "approve:" in str(call.params.get("reply_markup"))]
    return sum(receipt in str(call.params.get("text")) for call in cards)


async def submitted(person: Person) -> str:
    """Someone at his summary submits, whatever the group does; his receipt."""
    await press(person, "submit")
    return receipt_in(await person.hears(receipt_in))


async def drafted(play: Stage, *names: str) -> list[Person]:
    """People at their summary."""
    people = [play.cast.applicant(name) for name in names]
    await asyncio.gather(*(fill_in(person) for person in people))
    return people


def whose(card: Message, *people: Person) -> Person:
    """The applicant a card is about."""
    receipt = receipt_in(card)
    return next(one for one in people if any(receipt in said.text for said in one.messages()))


async def decided(play: Stage, card: Message, person: Person) -> None:
    """The card works: a reviewer approves on it, and the applicant is told once."""
    await decide(play.ana, card, "approve")
    await decide(play.ana, card, "tell")
    await person.sees("is approved")
    assert sum("is approved" in one.text for one in person.messages()) == 1


# shut out for a while


def kick(play: Stage) -> None:
    stand(play, "kicked")


def restrict(play: Stage) -> None:
    stand(play, "restricted")


def let_in(play: Stage) -> None:
    stand(play, "administrator")


def close(play: Stage) -> None:
    close_topic(play.cast.telegram, play.group.chat)


def reopen(play: Stage) -> None:
    close_topic(play.cast.telegram, play.group.chat, closed=False)


WAYS = pytest.mark.parametrize(
    ("shut", "open_again"),
    [(kick, let_in), (restrict, let_in), (close, reopen)],
    ids=["kicked", "restricted", "topic"],
)


@WAYS
async def test_cards_wait_while_the_bot_is_shut_out_and_stand_once_when_it_is_let_in(
    tmp_path: Path, shut: Callable[[Stage], None], open_again: Callable[[Stage], None]
) -> None:
    async with playing(tmp_path) as play:
        mei, lin, kim = await drafted(play, "Mei", "Lin", "Kim")
        before = await submitted(mei)
        await play.until(lambda: before in live(play.group))
        shut(play)
        meanwhile = {await submitted(lin), await submitted(kim)}
        await play.until(lambda: play.sandbox.telegram.witness.refused.total() >= 2)
        await play.until(lambda: any("reviewers' group" in line for line in play.told))
        await asyncio.sleep(3 * RETRY)
        tries = [call for call in to(play.calls, play.group.id) if not call.ok]
        assert len(tries) < 20 + 3 * 16  # the first of each, and a few again and again
        assert play.app.metrics.total("troubles_total") >= 1
        open_again(play)
        cards = await once_each(play, play.group, {before, *meanwhile})
        for card in cards:
            await decided(play, card, whose(card, mei, lin, kim))


async def test_a_decision_made_just_before_the_bot_is_thrown_out_is_told_and_stands_on_the_card_later(
    tmp_path: Path,
) -> None:
    async with playing(tmp_path, undo=1) as play:
        (mei,) = await drafted(play, "Mei")
        receipt = await submitted(mei)
        await play.until(lambda: receipt in live(play.group))
        card = live(play.group)[receipt][0]
        await decide(play.ana, card, "approve")
        kick(play)
        await mei.sees("is approved")
        let_in(play)
        await play.group.shows(lambda one: one is card and not one.buttons)
        await play.settled()
        assert posted(play, play.group, receipt) == 1


async def test_a_bot_that_is_no_administrator_any_more_goes_on_and_operators_are_told(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        mei, lin = await drafted(play, "Mei", "Lin")
        first = await submitted(mei)
        await play.until(lambda: first in live(play.group))
        stand(play, "member")
        second = await submitted(lin)
        cards = await once_each(play, play.group, {first, second})
        await decided(play, cards[0], mei)
        await play.operator.sees("administrator")
        await play.group.shows("administrator")


@pytest.mark.parametrize("kind", ["group", "supergroup"])
async def test_after_the_group_was_deleted_another_takes_its_place(tmp_path: Path, kind: Any) -> None:
    async with playing(tmp_path, kind=kind) as play:
        mei, lin = await drafted(play, "Mei", "Lin")
        first = await submitted(mei)
        await play.until(lambda: first in live(play.group))
        delete_group(play.cast.telegram, play.group.chat)
        second = await submitted(lin)
        await play.operator.sees("reviewers' group")
        other = play.cast.group("Reviewers again")
        play.ana = play.cast.reviewer("Ana", other, status="creator")
        await play.stop()
        await play.start(group=other.id)
        cards = await once_each(play, other, {first, second})
        assert posted(play, other, first) == posted(play, other, second) == 1
        await decided(play, cards[0], whose(cards[0], mei, lin))


# another id


@pytest.mark.parametrize("is_down", [False, True], ids=["running", "down"])
async def test_after_an_upgrade_each_open_card_stands_once_in_the_supergroup(
    tmp_path: Path, is_down: bool
) -> None:
    async with playing(tmp_path, kind="group") as play:
        mei, lin, kim = await drafted(play, "Mei", "Lin", "Kim")
        receipts = {await submitted(mei), await submitted(lin)}
        await play.until(lambda: set(live(play.group)) == receipts)
        settled = live(play.group)[min(receipts)][0]
        await decide(play.ana, settled, "approve")
        await decide(play.ana, settled, "tell")
        await play.settled()
        if is_down:
            await play.stop()
        new = play.group.migrate()
        if is_down:
            await play.start()
        receipts = {max(receipts), await submitted(kim)}
        cards = await once_each(play, new, receipts)
        assert all(posted(play, new, receipt) == 1 for receipt in receipts)
        assert posted(play, new, receipt_in(settled)) == 0
        await play.operator.sees("supergroup")
        play.ana.home = new.chat
        await decided(play, cards[-1], whose(cards[-1], mei, lin, kim))
        await play.stop()
        await play.start()
        await play.taken()
        await play.settled()
        assert set(live(new)) == receipts - {receipt_in(cards[-1])}


async def test_an_upgrade_in_the_middle_of_a_flood_with_refusals_loses_and_doubles_no_card(
    tmp_path: Path,
) -> None:
    limits = Limits(
        chat_rate=50, chat_burst=100, overall_rate=500, overall_burst=500, group_per_minute=10, minute=1
    )
    async with playing(tmp_path, kind="group") as play:
        people = await drafted(play, *(f"P{number}" for number in range(24)))
        play.sandbox.telegram.pacing.limits = limits
        receipts = set(await asyncio.gather(*(submitted(person) for person in people[:16])))
        await play.until(lambda: len(live(play.group)) >= 4)
        new = play.group.migrate()
        play.sandbox.faults.add(Fault("429", "sendMessage", chat_id=new.id, every=3, count=4, retry_after=1))
        receipts |= set(await asyncio.gather(*(submitted(person) for person in people[16:])))
        await play.until(lambda: set(live(new)) == receipts, 40)
        await play.settled()
        await once_each(play, new, receipts)
        assert {receipt: posted(play, new, receipt) for receipt in receipts} == dict.fromkeys(receipts, 1)


# a flood meanwhile


@pytest.fixture
def small_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six waiting cards are a flood, one is its end, and none comes by itself."""
    monkeypatch.setattr(flood, "MOST", 5)
    monkeypatch.setattr(flood, "FEW", 1)
    monkeypatch.setattr(outbox, "EVERY", 3600.0)


async def held(play: Stage, *names: str) -> tuple[Message, set[str]]:
    """The digest of cards that are held back, and their receipts."""
    people = await drafted(play, *names)
    kick(play)
    receipts = {await submitted(person) for person in people}
    let_in(play)
    return await play.group.shows(has("more")), receipts


NAMES = ("Mei", "Lin", "Kim", "Ada", "Bo", "Cy", "Di", "Eve")


async def test_a_digest_goes_on_after_a_restart_although_fewer_wait_than_began_it(
    tmp_path: Path, small_flood: None
) -> None:
    async with playing(tmp_path) as play:
        digest, receipts = await held(play, *NAMES)
        await decide(play.ana, digest, "more")
        await play.until(lambda: len(live(play.group)) == 5)
        await play.group.shows(lambda one: one is digest and ": 3" in one.text)
        await play.stop()
        await play.start()
        await asyncio.sleep(MOMENT)
        assert len(live(play.group)) == 5
        assert has("more")(digest)
        await decide(play.ana, digest, "more")
        await once_each(play, play.group, receipts)
        await play.group.shows(lambda one: one is digest and not one.buttons)


async def test_a_group_upgraded_in_a_flood_has_its_digest_and_every_card_anew(
    tmp_path: Path, small_flood: None
) -> None:
    async with playing(tmp_path, kind="group") as play:
        _, receipts = await held(play, *NAMES)
        new = play.group.migrate()
        digest = await new.shows(has("more"))
        assert not live(new)
        play.ana.home = new.chat
        await decide(play.ana, digest, "more")
        await play.until(lambda: len(live(new)) >= 5)
        await decide(play.ana, digest, "more")
        await once_each(play, new, receipts)
        assert all(posted(play, new, receipt) == 1 for receipt in receipts)
        await new.shows(lambda one: one is digest and not one.buttons)


async def test_a_bot_that_is_thrown_out_in_a_flood_goes_on_with_it_when_it_is_let_in(
    tmp_path: Path, small_flood: None
) -> None:
    async with playing(tmp_path) as play:
        digest, receipts = await held(play, *NAMES)
        kick(play)
        await play.stop()
        await play.start()
        let_in(play)
        await asyncio.sleep(MOMENT)
        assert not live(play.group)
        await decide(play.ana, digest, "more")
        await play.until(lambda: len(live(play.group)) >= 5)
        await decide(play.ana, digest, "more")
        await once_each(play, play.group, receipts)
        digests = [one for one in play.group.messages if "📥" in one.text]
        assert digests == [digest]
