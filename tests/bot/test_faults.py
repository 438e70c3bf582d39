"""A bad network and people who cannot be reached: nothing is lost, and nothing is done twice that need not be."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest

from bot.control import ask
from bot.sandbox.faults import DOWNLOAD, Fault, FaultKind
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Message
from bot.sandbox.witness import Call
from tests.applying import (
    PHOTO,
    agree,
    answer,
    apply,
    at,
    decide,
    fill_in,
    has,
    press,
    receipt_in,
    steps,
    tap,
)
from tests.bot.patient import TOLD, Applicant, Reviewers
from tests.bot.stage import Stage, playing
from tests.bot.windows import to
from tests.cast import Cast, Group, Person, running_bot

KINDS: tuple[FaultKind, ...] = ("502", "cut", "refuse", "hang", "lost")
SHARE = 0.05  # of all calls, each kind
UNANSWERED = ("cut", "refuse", "hang", "lost")  # perhaps done
TRIES = 2  # of a message, when the first was perhaps done
IN_FULL = pytest.param(True, marks=pytest.mark.soak)
WAYS = pytest.mark.parametrize("webhook", [False, IN_FULL], ids=["polling", "webhook"])


@pytest.fixture
def group(cast: Cast) -> Group:
    return cast.group()


def bad_network(sandbox: Sandbox) -> None:
    """Everything goes wrong now and then, asking for updates and fetching photos too."""
    for kind in KINDS:
        sandbox.faults.add(Fault(kind, probability=SHARE, seconds=0.3))


def unanswered(calls: list[Call]) -> int:
    """How many of these were perhaps done, for all the bot can know."""
    return sum(call.fault in UNANSWERED for call in calls)


async def begin(person: Person, question: int = PHOTO) -> None:
    """As far as that question, while the network is good."""
    for step in steps(person)[:question]:
        await step()


@WAYS
async def test_on_a_bad_network_everybody_is_decided_and_told(
    webhook: bool, sandbox: Sandbox, cast: Cast, group: Group, ana: Person, tmp_path: Path
) -> None:
    async with running_bot(sandbox, group, tmp_path, webhook=webhook) as bot:
        witness, changes = sandbox.telegram.witness, sandbox.telegram.changes
        people = [Applicant(cast.applicant(f"P{number}"), patience=2.0) for number in range(7)]
        reviewing = asyncio.create_task(
            Reviewers([ana, cast.reviewer("Ben", group)], group, patience=1.5).review()
        )
        await asyncio.gather(*(begin(one.person) for one in people[:2]))
        await asyncio.gather(*(begin(one.person, PHOTO + 1) for one in people[2:]))
        bad_network(sandbox)
        await asyncio.gather(*(one.go_on() for one in people))

        def is_over(one: Applicant) -> bool:
            """He was told, or every try that is allowed was made."""
            tries = [
                call for call in to(witness.calls, one.person.id) if TOLD in str(call.params.get("text"))
            ]
            return bool(one.told) or unanswered(tries) >= TRIES

        await changes.until(lambda: all(is_over(one) for one in people), 40)
        sandbox.faults.clear()
        await bot.settled(20)
        reviewing.cancel()
        socket = tmp_path / "data" / "control.sock"
        assert (await asyncio.to_thread(ask, socket, "status"))["applications"] == {"approved": len(people)}
        assert all(one.told <= 2 for one in people)
        for one in people:
            if not one.told:  # both tries went nowhere: then he asks
                one.person.say("/status")
                await one.person.hears("pproved")
        await changes.until(lambda: not len(sandbox.telegram.queue), 10)
        assert not [one for one in group.messages if has("approve")(one) or has("tell")(one)]
        struck = {(call.method, call.fault) for call in witness.calls if call.fault}
        assert {kind for _, kind in struck} == set(KINDS)


# what was sent and never answered


UNTOLD: tuple[FaultKind, ...] = ("lost", "cut")  # it was done, and the answer does not say so


@pytest.mark.parametrize("kind", UNTOLD)
async def test_a_message_whose_answers_are_lost_again_and_again_stands_once(
    tmp_path: Path, kind: FaultKind
) -> None:
    async with playing(tmp_path) as play:
        mei, lin = play.cast.applicant("Mei"), play.cast.applicant("Lin")
        await agree(mei)
        await agree(lin)
        lost = play.sandbox.faults.add(Fault(kind, "sendMessage", mei.id, count=2))
        mei.say("Mei Okafor")
        lin.say("Lin Adeyemi")
        await at(mei, 2)
        await at(lin, 2)
        await play.settled()
        await answer(mei, 2)  # and it is known which one stands: an answer to it is none too early
        await at(mei, 3)
        await play.settled()
        assert lost.struck == 2
        for number in (2, 3):
            assert sum(f"{number} of 9" in one.text for one in mei.messages()) == 1
        assert not play.told


async def test_a_message_that_never_arrives_is_sent_until_it_does(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        mei = play.cast.applicant("Mei")
        await agree(mei)
        away = play.sandbox.faults.add(Fault("refuse", "sendMessage", mei.id, count=4))
        mei.say("Mei Okafor")
        await at(mei, 2)
        await play.settled()
        assert away.struck == 4
        assert sum("2 of 9" in one.text for one in mei.messages()) == 1
        assert not play.told


async def test_a_photo_shown_to_a_reviewer_goes_although_the_answers_were_lost(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        mei = play.cast.applicant("Mei")
        card = await apply(mei, play.group)
        link = (await decide(play.ana, card, "view")).url
        assert link is not None
        play.sandbox.faults.add(Fault("lost", "sendPhoto", count=2))
        play.ana.start(link.partition("?start=")[2])
        shown = await play.ana.sees(lambda one: bool(one.photo), chat=play.ana.chat)
        await play.settled()
        assert sum(bool(one.photo) for one in play.ana.chat.messages) == 1
        await approve(play, card)
        await mei.sees(TOLD)
        await play.until(lambda: shown.deleted)
        assert not play.told


@pytest.mark.parametrize("method", ["sendMessage", "editMessageMedia"])
async def test_a_photo_that_is_no_longer_to_be_seen_goes_although_nobody_knew_that_it_arrived(
    tmp_path: Path, method: str
) -> None:
    async with playing(tmp_path) as play:
        mei, ben = play.cast.applicant("Mei"), play.cast.reviewer("Ben", play.group)
        card = await apply(mei, play.group)
        link = (await decide(play.ana, card, "view")).url
        assert link is not None
        lost = play.sandbox.faults.add(Fault("lost", method, chat_id=play.ana.id))
        play.sandbox.faults.add(Fault("502", "getMe"))  # it is not repeated before this is over
        play.ana.start(link.partition("?start=")[2])
        await play.until(lambda: lost.struck)
        shown = play.ana.chat.messages[-1]
        await decide(ben, card, "approve")
        await decide(ben, card, "tell")
        await mei.sees(TOLD)
        play.sandbox.faults.clear()
        await play.until(lambda: shown.deleted, 20)
        assert not play.told


async def test_after_a_restart_a_lost_message_is_taken_for_none_that_stood_before(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        mei = play.cast.applicant("Mei")
        await agree(mei)
        await play.settled()
        await play.stop()
        before = [one.text for one in mei.messages()]
        mei.say("Mei Okafor")
        await play.start()
        await at(mei, 2)
        play.sandbox.faults.add(Fault("lost", "sendMessage", mei.id, count=1))
        mei.say("mei@lakeshore.example.edu")
        await at(mei, 3)
        await play.settled()
        said = [one.text for one in mei.messages()]
        assert said[: len(before)] == before
        assert sum("2 of 9" in text for text in said) == sum("3 of 9" in text for text in said) == 1


async def test_a_card_that_may_stand_unknown_is_followed_by_one_that_says_what_is_so_now(
    tmp_path: Path,
) -> None:
    async with playing(tmp_path) as play:
        mei = play.cast.applicant("Mei")
        await fill_in(mei)
        lost = play.sandbox.faults.add(Fault("lost", "sendMessage", play.group.id, count=2))
        await press(mei, "submit")
        await play.until(lambda: lost.struck == 2)
        await play.settled()
        await press(mei, "recall")
        await play.settled()
        await play.stop()
        await play.start()
        await play.group.shows(lambda one: "Taken back by the applicant" in one.text)


# what is repeated until it is known


async def test_an_edit_and_a_deletion_are_repeated_until_they_are_known_to_be_done(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        mei = play.cast.applicant("Mei")
        card = await apply(mei, play.group)
        lost = play.sandbox.faults.add(Fault("lost", "editMessageText", count=1))
        cut = play.sandbox.faults.add(Fault("refuse", "editMessageText", count=2))
        await approve(play, card)
        await mei.sees(TOLD)
        await play.group.shows(lambda one: one is card and not one.buttons)
        for kind in ("502", "lost"):
            play.sandbox.faults.add(Fault(kind, "deleteMessages", count=1, seconds=0.1))
        mei.say("/delete")
        await press(mei, "erase")
        await mei.hears("🗑", timeout=20)
        await play.settled()
        assert (lost.struck, cut.struck) == (1, 2)
        assert card.deleted
        assert len([one for one in mei.messages() if one.from_bot]) == 1


@pytest.mark.parametrize("kind", ["502", "cut", "hang", "refuse"])
async def test_a_photo_arrives_although_asking_for_it_and_fetching_it_fail(
    tmp_path: Path, kind: FaultKind
) -> None:
    async with playing(tmp_path) as play:
        mei = play.cast.applicant("Mei")
        await begin(mei)
        for method in ("getFile", DOWNLOAD):
            play.sandbox.faults.add(Fault(kind, method, count=1, seconds=0.1))
        mei.send_photo()
        await at(mei, PHOTO + 1)


async def test_while_nobody_listens_at_telegrams_address_nothing_is_given_up(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        mei = play.cast.applicant("Mei")
        await fill_in(mei)
        await tap(mei, "submit")
        async with play.sandbox.unreachable():
            await asyncio.sleep(1.0)
        card = await play.group.shows(has("approve"), timeout=20)
        await mei.sees(receipt_in(card))
        assert not play.told
        await play.settled()
        assert sum(receipt_in(card) in one.text for one in mei.messages()) == 1


# people who cannot be reached


def notices(play: Stage, person: Person) -> list[Call]:
    """The tries to tell someone that he is approved."""
    return [call for call in to(play.calls, person.id) if TOLD in str(call.params.get("text"))]


async def approve(play: Stage, card: Message) -> None:
    """Decided, and to be told at once."""
    await decide(play.ana, card, "approve")
    await decide(play.ana, card, "tell")


async def refused(play: Stage, person: Person) -> None:
    """Returns when a try to reach him was refused, and nothing more is under way."""
    await play.until(lambda: any(call.error_code == 403 for call in to(play.calls, person.id)))
    await play.settled()


@pytest.mark.parametrize("is_down", [False, True], ids=["running", "down"])
async def test_what_waits_for_somebody_who_blocked_the_bot_goes_out_in_order_when_he_returns(
    tmp_path: Path, is_down: bool
) -> None:
    async with playing(tmp_path) as play:
        mei = play.cast.applicant("Mei")
        card = await apply(mei, play.group)
        await play.settled()
        mei.say("/status")
        mei.say("/help")
        mei.block()  # before either is answered
        await refused(play, mei)
        heard = len(mei.messages())
        await approve(play, card)
        await play.group.shows(lambda one: one is card and not one.buttons)
        await play.settled()
        await play.stop()
        await play.start()
        await play.app.jobs.sweep()
        await play.settled()
        tried = [call.params["text"] for call in to(play.calls, mei.id) if call.error_code == 403]
        assert len(tried) == len(set(tried))  # each message once at most
        if is_down:
            await play.stop()
        mei.unblock()
        if is_down:
            await play.start()
        await mei.sees(TOLD)
        await play.settled()
        said = [one.text for one in mei.messages()[heard:] if one.from_bot]
        assert [TOLD in text for text in said] == [False, False, True]
        assert "/status" in said[1]


async def test_the_decision_waits_for_whoever_is_away_and_comes_when_he_writes_again(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        mei = play.cast.applicant("Mei")
        card = await apply(mei, play.group)
        mei.user.blocked = True  # nobody was told
        await approve(play, card)
        await refused(play, mei)
        assert len(notices(play, mei)) == 1
        mei.user.blocked = False
        mei.say("/help")
        await mei.sees(TOLD)
        await play.settled()
        assert len(notices(play, mei)) == 2


async def test_a_deleted_account_is_tried_once_and_its_card_can_be_decided(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        mei = play.cast.applicant("Mei")
        card = await apply(mei, play.group)
        mei.deactivate()
        await approve(play, card)
        await refused(play, mei)
        await play.group.shows(lambda one: one is card and not one.buttons)
        for _ in range(2):
            await play.app.jobs.sweep()
            await play.settled()
        await play.stop()
        await play.start()
        await play.settled()
        assert [call.description for call in notices(play, mei)] == ["Forbidden: user is deactivated"]


async def test_people_who_are_away_hold_up_nobody_else(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        away = [play.cast.applicant(f"P{number}") for number in range(12)]
        cards = await asyncio.gather(*(apply(person, play.group) for person in away))
        mei = play.cast.applicant("Mei")
        last = await apply(mei, play.group)
        for number, person in enumerate(away):
            person.block() if number % 2 else person.deactivate()
        for card in (*cards, last):
            await approve(play, card)
        await mei.sees(TOLD)
        await play.settled()
        assert all(len(notices(play, person)) == 1 for person in away if person.user.deactivated)
        assert all(len(notices(play, person)) <= 1 for person in away)
        await agree(play.cast.applicant("Lin"))
        for person in away[1::2]:
            person.unblock()
        await play.until(lambda: all(any(TOLD in one.text for one in each.messages()) for each in away[1::2]))
        await play.settled()
        assert all(sum(call.ok for call in notices(play, person)) == 1 for person in away[1::2])


async def test_a_reviewer_who_blocked_the_bot_stops_neither_the_group_nor_another_reviewer(
    tmp_path: Path,
) -> None:
    async with playing(tmp_path) as play:
        mei = play.cast.applicant("Mei")
        card = await apply(mei, play.group)
        link = (await decide(play.ana, card, "view")).url
        assert link is not None
        play.ana.start(link.partition("?start=")[2])
        await play.ana.sees(lambda one: bool(one.photo), chat=play.ana.chat)
        link = (await decide(play.ana, card, "view")).url
        assert link is not None
        play.ana.start(link.partition("?start=")[2])
        play.ana.block()
        await approve(play, card)  # the photo he was shown is to be removed
        await mei.sees(TOLD)
        await play.settled()


async def test_an_errand_that_cannot_be_read_keeps_no_other_from_being_done(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        mei = play.cast.applicant("Mei")
        await agree(mei)
        await play.stop()
        with contextlib.closing(sqlite3.connect(tmp_path / "data" / "intake.sqlite")) as hand, hand:
            hand.execute("INSERT INTO errands (errand_id, kind, sealed) VALUES ('0', 'wipe', x'01')")
        await play.start()
        mei.say("Mei Okafor")
        await at(mei, 2)
        await play.until(lambda: any("wipe cannot be read" in line for line in play.told))
