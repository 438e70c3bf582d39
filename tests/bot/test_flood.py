"""More cards than a group can take become one digest with a queue; all of them come in the end."""

from pathlib import Path

import pytest

from bot import flood, outbox, trying, turns
from bot.errands import CARD, DIGEST, NOTE, STATS, Errand
from bot.flood import FEW, MOST, Flood
from bot.lanes import Lane
from bot.sandbox.deeds import set_status
from bot.sandbox.state import Member, Message
from tests.applying import decide, fill_in, has, press
from tests.bot.test_time import scene


def card(receipt: str, *, anew: bool) -> Errand:
    return Errand(CARD, -1, None, {"receipt": receipt, "anew": anew, "pressed": []})


def test_a_flood_begins_above_the_most_and_ends_when_few_are_left() -> None:
    one = Flood()
    assert not one.look(MOST)
    assert one.look(MOST + 1)
    assert one.holds
    assert not one.look(FEW + 1)
    assert one.look(FEW)
    assert not one.holds


def test_what_is_let_through_goes_and_no_more() -> None:
    one = Flood()
    one.show(3)
    assert one.let_through == 0  # nothing is held
    one.look(MOST + 1)
    one.show(2)
    one.went()
    assert not one.holds
    one.went()
    assert one.holds


def test_edits_and_the_digest_go_before_cards_that_are_held() -> None:
    lane = Lane(-1)
    lane.flood.look(MOST + 1)
    lane.queue = [card("A", anew=True), Errand(DIGEST, -1, None, {"over": False}), card("B", anew=False)]
    assert lane.next() is lane.queue[2]
    del lane.queue[2]
    assert lane.next() is lane.queue[1]
    del lane.queue[1]
    assert lane.next() is None
    lane.flood.show(1)
    assert lane.next() is lane.queue[0]


def test_one_digest_and_one_word_of_a_kind_wait_at_a_time() -> None:
    lane = Lane(-1)
    lane.queue = [Errand(DIGEST, -1, None, {"over": False}), Errand(NOTE, -1, None, {"text": "help"})]
    assert lane.coalesce(Errand(DIGEST, -1, None, {"over": True}))
    assert lane.queue[0].body == {"over": True}
    assert lane.coalesce(Errand(NOTE, -1, None, {"text": "help"}))
    assert not lane.coalesce(Errand(NOTE, -1, None, {"text": "other"}))
    lane.queue = lane.in_hand = [Errand(STATS, -1, None, {"period": "7d"})]
    assert lane.coalesce(Errand(STATS, -1, None, {"period": "7d"}))
    assert not lane.coalesce(Errand(STATS, -1, None, {"period": "all"}))


def test_a_digest_is_not_brought_up_to_date_before_it_stands() -> None:
    lane = Lane(-1)
    lane.queue = [Errand(DIGEST, -1, None, {"over": False}), Errand(DIGEST, -1, None, {"over": False})]
    lane.in_hand = lane.queue[:1]  # else both would be posted
    assert lane.next() is None
    lane.in_hand = []
    assert lane.next() is lane.queue[0]


async def test_held_cards_come_when_asked_for_when_one_is_decided_and_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flood, "MOST", 4)
    monkeypatch.setattr(flood, "FEW", 1)
    monkeypatch.setattr(turns, "AT_ONCE", 2)
    monkeypatch.setattr(outbox, "EVERY", 3600.0)
    monkeypatch.setattr(trying, "SHUT_OUT", 3600.0)
    async with scene(tmp_path, clock_is_set=False) as on:

        def shown() -> list[Message]:
            return [one for one in on.group.messages if has("approve")(one)]

        until = on.cast.telegram.changes.until
        people = [on.cast.applicant(f"Mei{n}") for n in range(8)]
        for person in people:
            await fill_in(person)
        set_status(on.cast.telegram, on.group.chat, on.cast.telegram.bot, Member("kicked"), on.ana.user)
        for person in people:
            await press(person, "submit")
            await person.hears("✅")
        set_status(
            on.cast.telegram, on.group.chat, on.cast.telegram.bot, Member("administrator"), on.ana.user
        )
        digest = await on.group.shows(has("more"))
        assert "to be shown: 8" in digest.text
        assert shown() == []
        assert (await decide(on.ana, digest, "more")).text == "The next ones are coming."
        await until(lambda: len(shown()) == 2, 10)
        await on.group.shows(lambda one: one is digest and "to be shown: 6" in one.text)
        first = shown()[0]
        await decide(on.ana, first, "approve")
        await until(lambda: len(shown()) == 2 and not has("approve")(first), 10)  # one decided, one more
        on.app.outbox.show_more(on.group.id, 1)  # as it does every few seconds
        await until(lambda: len(shown()) == 3, 10)
        await on.group.shows(lambda one: one is digest and "to be shown: 4" in one.text)
        await decide(on.ana, digest, "more")
        await on.group.shows(lambda one: one is digest and "to be shown: 2" in one.text)
        on.app.outbox.show_more(on.group.id, 1)
        await until(lambda: len(shown()) == 7, 10)  # few are left: all of them come
        await on.group.shows(lambda one: one is digest and "All waiting" in one.text and not one.buttons)
        assert sum("waiting applications" in one.text for one in on.group.messages) == 1
