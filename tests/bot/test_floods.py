"""Floods: Telegram's limits are kept, who is held back holds back nobody else, and who shouts is not all there is."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from bot import flood, outbox, pacing
from bot.sandbox.faults import Fault
from bot.sandbox.pacing import Limits
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Message
from bot.sandbox.telegram import Press
from bot.sandbox.witness import Call
from tests.applying import agree, answer, apply, decide, fill_in, has, on, press, receipt_in
from tests.benchmarks.figures import percentile
from tests.bot.noise import Shouting
from tests.bot.patient import Applicant
from tests.bot.stage import Stage, playing
from tests.bot.windows import EDITS, SENDS, exceeds, most_within, sends, silence, times, to, writes
from tests.cast import Cast, Group, Person, running_bot

HELD = 2  # seconds that Telegram asks the bot to wait, in these tests
FLIGHT = 0.25  # seconds in which a call that was on its way already may still arrive
SOON = 1.0  # seconds: by then a press is answered, and so much longer at most others wait


def writing(calls: Sequence[Call]) -> list[Call]:
    """What changes something that stands in a chat."""
    return [call for call in calls if call.method in SENDS | EDITS or call.method.startswith("delete")]


def kept_silence(play: Stage, chat_id: int) -> None:
    """Whenever Telegram asked to wait, nothing was written to that chat for so long, once it was known."""
    calls = writing(to(play.calls, chat_id))
    asked = [call.at for call in calls if call.error_code == 429]
    assert asked
    for at in asked:
        assert not silence(calls, at + FLIGHT, HELD - FLIGHT)


async def known(play: Stage, *reviewers: Person) -> None:
    """Telegram has told of these reviewers that they are members."""
    card = await apply(play.cast.applicant("Kim"), play.group)
    for reviewer in reviewers:
        await decide(reviewer, card, "claim")
    await play.settled()


async def waits(play: Stage, presses: Sequence[tuple[Press, float]]) -> list[float]:
    """How long each press, made at that time, waited for its answer; the longest last."""
    await play.until(lambda: all(made.answer for made, _ in presses), 5 * HELD)
    answers = [call for call in play.calls if call.method == "answerCallbackQuery" and call.ok]
    at = {str(call.params["callback_query_id"]): call.at for call in reversed(answers)}
    return sorted(at[made.id] - began for made, began in presses)


# many submissions

# A minute of four seconds; what a chat and a group may get is scaled alike, with more room than usual for what a busy
# machine adds. More than four waiting cards are a flood, of which one is the end.
QUICK = Limits(chat_rate=20.0, minute=4.0)
MOST, FEW, SUBMITTED, SPREAD = 4, 1, 18, 1.5


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in (
        (pacing, "CHAT_SECONDS", 0.2),
        (pacing, "GROUP_SECONDS", 4.6),
        (flood, "MOST", MOST),
        (flood, "FEW", FEW),
        (outbox, "EVERY", 1.0),
    ):
        monkeypatch.setattr(module, name, value)


async def test_a_flood_of_submissions_keeps_the_limits_and_becomes_a_digest_with_a_queue(
    quick: None, tmp_path: Path
) -> None:
    async with playing(tmp_path) as play:
        people = [play.cast.applicant(f"P{number}") for number in range(SUBMITTED)]
        await asyncio.gather(*(fill_in(person) for person in people))
        await play.stop()
        telegram, group = play.sandbox.telegram, play.group
        telegram.pacing.limits = QUICK
        telegram.witness.clear()
        await play.start(limits="telegram")
        begun = time.monotonic()
        receipts = set(await asyncio.gather(*(submitted(person) for person in people)))
        assert (
            time.monotonic() - begun < 5 * SOON
        )  # not held up by the cards, of which so many take five minutes
        digest = await group.shows(has("more"))
        assert len(cards(group)) < SUBMITTED - FEW
        await play.stop()
        await play.start()
        assert has("more")(digest)
        changed = digest.edits
        await stand(play, len(cards(group)) + 1)  # by itself, one now and then
        await play.until(lambda: digest.edits > changed)
        await decide(play.ana, next(one for one in group.messages if has("approve")(one)), "approve")
        while has("more")(digest):
            await decide(play.ana, digest, "more")
            await asyncio.sleep(0.5)
        await stand(play, SUBMITTED)
        await play.settled()
        assert Counter(cards(group)) == Counter(receipts)
        assert [one for one in group.messages if one.text == digest.text] == [digest]
        keeps_limits(telegram.witness.calls, group.id)
        assert not telegram.witness.refused[429]


def cards(group: Group) -> list[str]:
    """The receipts of all cards that stand, decided or not."""
    return [receipt_in(one) for one in group.messages if receipt_in(one) and not has("more")(one)]


async def stand(play: Stage, number: int) -> None:
    """Returns when so many cards stand."""
    await play.until(lambda: len(cards(play.group)) >= number, 20)


def keeps_limits(calls: Sequence[Call], group: int) -> None:
    """By sliding windows over what arrived."""
    assert most_within(times(writes(to(calls, group))), QUICK.minute) <= QUICK.group_per_minute
    for chat in {call.chat_id for call in sends(calls) if call.chat_id}:
        assert exceeds(times(sends(to(calls, chat))), QUICK.chat_rate, QUICK.chat_burst) <= 0
    counted = [call for call in writes(calls) if call.method in SENDS or call.chat_id == group]
    assert most_within(times(counted), 1.0) <= QUICK.overall_rate


# one chat is held back


async def test_presses_on_one_card_while_the_group_is_held_back_lead_to_one_edit(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        ben = play.cast.reviewer("Ben", play.group)
        await known(play, play.ana, ben)
        card = await apply(play.cast.applicant("Mei"), play.group)
        await play.settled()
        edits = card.edits
        held = play.sandbox.faults.add(Fault("429", "editMessageText", count=1, retry_after=HELD))
        presses = []
        for number in range(30):
            made = (ben if number % 2 else play.ana).press_data(card, on(card, "claim"))
            presses.append((made, time.monotonic()))
            await asyncio.sleep(0.02)
        assert max(await waits(play, presses)) < SOON
        assert card.edits == edits
        await play.group.shows(lambda one: one is card and has("release")(one))
        await play.settled()
        assert (held.struck, card.edits) == (1, edits + 1)
        assert "Ben" in card.text  # the last to claim it
        kept_silence(play, play.group.id)


async def test_a_group_that_is_held_back_holds_back_neither_presses_nor_applicants(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        ben = play.cast.reviewer("Ben", play.group)
        await known(play, play.ana, ben)
        people = [play.cast.applicant(f"P{number}") for number in range(12)]
        cards = await asyncio.gather(*(apply(person, play.group) for person in people))
        late = [play.cast.applicant(f"Q{number}") for number in range(4)]
        await asyncio.gather(*(fill_in(person) for person in late))
        await play.settled()
        play.sandbox.faults.add(Fault("429", "editMessageText", play.group.id, retry_after=HELD, count=1))
        play.sandbox.faults.add(Fault("429", "sendMessage", play.group.id, retry_after=HELD, count=1))
        presses = []
        for number, card in enumerate(cards):
            made = (ben if number % 2 else play.ana).press_data(card, on(card, "approve"))
            presses.append((made, time.monotonic()))
        begun = time.monotonic()
        receipts = await asyncio.gather(*(submitted(person) for person in late))
        assert time.monotonic() - begun < SOON
        assert max(await waits(play, presses)) < SOON
        await play.until(lambda: all(has("tell")(card) for card in cards), 5 * HELD)
        await play.until(lambda: {receipt_in(one) for one in play.group.messages} >= set(receipts), 5 * HELD)
        kept_silence(play, play.group.id)


async def submitted(person: Person, after: float = 0.0) -> str:
    """From the summary to the receipt, some seconds later."""
    await asyncio.sleep(after)
    await press(person, "submit")
    return receipt_in(await person.hears(receipt_in))


async def test_a_person_who_is_held_back_holds_back_nobody_else(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        mei, others = play.cast.applicant("Mei"), [play.cast.applicant(f"P{number}") for number in range(8)]
        await asyncio.gather(*(agree(person) for person in (mei, *others)))
        await play.settled()
        play.sandbox.faults.add(Fault("429", "sendMessage", mei.id, retry_after=HELD, count=2))
        mei.say("Mei Okafor")
        await play.until(lambda: play.sandbox.telegram.witness.refused[429])
        mei.say("/help")
        begun = time.monotonic()
        await asyncio.gather(*(answer(person, 1) for person in others))
        assert time.monotonic() - begun < SOON
        await mei.sees("2 of 9")
        await play.settled()
        kept_silence(play, mei.id)
        assert sum("2 of 9" in one.text for one in mei.messages()) == 1


async def test_nothing_is_deleted_either_in_a_chat_that_is_held_back(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        card = await apply(play.cast.applicant("Mei"), play.group)
        shown = await viewed(play, card)
        await play.ana.sees(lambda one: bool(one.photo), chat=play.ana.chat)
        held = play.sandbox.faults.add(
            Fault("429", "editMessageMedia", play.ana.id, retry_after=HELD, count=1)
        )
        await viewed(play, card)
        await play.until(lambda: held.struck)
        await asyncio.sleep(FLIGHT)
        await decide(play.ana, card, "approve")
        await decide(play.ana, card, "tell")  # the photo that was shown goes
        await play.until(lambda: not any(one.photo for one in play.ana.messages(play.ana.chat)), 5 * HELD)
        kept_silence(play, play.ana.id)
        assert shown


async def viewed(play: Stage, card: Message) -> str:
    """Ana follows View ID into her private chat."""
    link = (await decide(play.ana, card, "view")).url or ""
    play.ana.start(link.partition("?start=")[2])
    return link


# one person


async def replies(people: Sequence[Applicant]) -> float:
    """All of them as far as the photo at once; the 95th percentile of what they waited for a reply."""
    await asyncio.gather(*(one.begin() for one in people), *(one.go_on("photo") for one in people))
    return percentile([wait for one in people for wait in one.waits], 0.95)


async def test_somebody_who_shouts_is_told_once_and_nobody_else_feels_it(
    sandbox: Sandbox, cast: Cast, tmp_path: Path
) -> None:
    async with running_bot(sandbox, cast.group(), tmp_path) as bot:
        process = psutil.Process(bot.pid)
        quiet, others = [[Applicant(cast.applicant(f"P{number}")) for number in range(8)] for _ in "ab"]
        shouting = Shouting(cast.applicant("Rex"))
        alone = await replies(quiet)
        before = process.memory_info().rss
        shout = asyncio.create_task(shouting.shout())
        await sandbox.telegram.changes.until(lambda: shouting.told, 10)
        beside = await replies(others)
        await sandbox.telegram.changes.until(lambda: shouting.sent >= 300, 10)
        shout.cancel()
        await sandbox.telegram.changes.until(lambda: not len(sandbox.telegram.queue), 10)
        await bot.settled()
        assert beside < 2 * alone + 0.25
        assert not any(one.asked_again for one in others)
        assert shouting.told == 1
        assert len(shouting.answers) < 60
        assert all(made.answer for made in shouting.presses)
        assert process.memory_info().rss - before < 30 * 2**20
        await asyncio.sleep(1.5)  # he takes a breath
        shouting.person.say("/status")
        await shouting.person.hears("agreement")
