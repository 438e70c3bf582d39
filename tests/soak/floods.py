"""Floods against Telegram's real limits, with figures: R4, R5 and R8.

`python -m tests.soak floods [R4 R5 R8]`: R4 takes a quarter of an hour, the others a minute each. Both the bot and the
local Telegram keep Telegram's limits; what counts is what the local Telegram saw, by sliding windows over arrivals.
"""

import argparse
import asyncio
import contextlib
import re
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bot.sandbox.faults import Fault
from bot.sandbox.pacing import Limits
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Message
from bot.sandbox.telegram import Press
from bot.sandbox.witness import Call
from tests.applying import decide, has, on, receipt_in
from tests.benchmarks.figures import percentile
from tests.bot.noise import Shouting
from tests.bot.patient import Applicant
from tests.bot.windows import EDITS, SENDS, exceeds, most_within, sends, times, to, writes
from tests.cast import Cast, Group, Person, RunningBot, running_bot

LIMITS = Limits()
DRAFTS = 200  # at their summary
SPREAD = 60.0  # seconds in which all of them are submitted
WALKERS = 12  # people who apply meanwhile, with time to think
THINK = 2.5  # seconds: who is faster waits for Telegram's second between messages, and not for the bot
DECIDED_EVERY = (
    30.0  # seconds; a decision takes two of the group's twenty messages a minute, its undo and its end
)
EDIT_SECONDS = 61.0  # a press in a full minute may have to wait until the next for its edit
DRAIN = 1800.0  # seconds until the last card must stand
HELD = 5  # seconds that Telegram asks the bot to wait
LATENCY = 0.05  # seconds to Telegram and back, for R8
REVIEWERS = ("Ana", "Ben", "Chidi", "Dana", "Emre")


@dataclass(slots=True)
class Scene:
    """A bot that keeps Telegram's limits, those who play, and what was found."""

    sandbox: Sandbox
    cast: Cast
    group: Group
    reviewers: list[Person]
    bot: RunningBot
    wrong: list[str] = field(default_factory=list)

    @property
    def calls(self) -> list[Call]:
        return self.sandbox.telegram.witness.calls

    def say(self, line: str, right: bool = True) -> None:
        """Print a figure; a wrong one counts."""
        print(f"  {line}{'' if right else '   NOT as required'}", flush=True)
        if not right:
            self.wrong.append(line)

    def walkers(self, number: int) -> list[Applicant]:
        return [Applicant(self.cast.applicant(f"W{place}"), 30.0, THINK) for place in range(number)]


@contextlib.asynccontextmanager
async def scene(drafts: int = 0) -> AsyncIterator[tuple[Scene, list[Applicant]]]:
    """The scene, and so many people at their summary, who came there before the limits were kept."""
    with TemporaryDirectory(prefix="intake-floods-") as folder:
        async with Sandbox.open() as sandbox:
            cast = Cast(sandbox)
            group = cast.group()
            reviewers = [cast.reviewer(name, group) for name in REVIEWERS]
            async with running_bot(sandbox, group, Path(folder)) as bot:
                people = [Applicant(cast.applicant(f"P{place}"), 60.0) for place in range(drafts)]
                for place in range(0, drafts, 20):
                    await asyncio.gather(*(draft(one) for one in people[place : place + 20]))
                await bot.settled()
                await bot.terminate()
                bot.environment["INTAKE_LIMITS"] = "telegram"
                sandbox.telegram.pacing.limits = LIMITS
                sandbox.telegram.witness.clear()
                await bot.start()
                yield Scene(sandbox, cast, group, reviewers, bot), people


async def draft(one: Applicant) -> None:
    """As far as the summary."""
    await one.begin()
    await one.go_on("submit")
    one.waits.clear()


def main(arguments: Sequence[str]) -> int:
    """0 when every figure is as required."""
    parser = argparse.ArgumentParser(prog="floods", description=__doc__)
    parser.add_argument("which", nargs="*", metavar="R4|R5|R8", help="all of them unless named")
    parser.add_argument("--drafts", type=int, default=DRAFTS)
    given = parser.parse_args(arguments)
    if unknown := set(given.which) - set(RUNS):
        parser.error(f"there is no {', '.join(unknown)}")
    wrong: list[str] = []
    for name in given.which or RUNS:
        print(name, flush=True)
        wrong += asyncio.run(RUNS[name](given.drafts))
    return 1 if wrong else 0


# R4


async def many_submissions(drafts: int) -> list[str]:
    """So many submissions in a minute; then reviewers take up what waits."""
    async with scene(drafts) as (play, people):
        quiet = await walk(play)
        begun = time.monotonic()
        beside = asyncio.create_task(walk(play))
        await asyncio.gather(*(submit(one, SPREAD * place / drafts) for place, one in enumerate(people)))
        submitted = time.monotonic() - begun
        busy = await beside
        receipts = [wait for one in people for wait in one.waits]
        play.say(
            f"{len(receipts)} submissions in {submitted:.0f} s, all with a receipt", len(receipts) == drafts
        )
        play.say(f"a receipt came within {percentile(receipts, 0.99):.2f} s (p99)")
        ratio = percentile(busy, 0.99) / percentile(quiet, 0.99)
        play.say(
            f"replies to others p99 {percentile(busy, 0.99):.3f} s, {ratio:.2f} times of a quiet run",
            ratio <= 1.5,
        )
        await look_at_digest(play, drafts)
        await drain(play, {one.receipt for one in people}, begun)
        keeps_limits(play)
        return play.wrong


async def walk(play: Scene) -> list[float]:
    """People apply, as far as the summary; what they waited for replies, but for the photo's."""
    people = play.walkers(WALKERS)

    async def start(one: Applicant, after: float) -> None:
        await asyncio.sleep(after)
        await one.begin()
        await one.go_on("submit")

    await asyncio.gather(*(start(one, THINK * place / WALKERS) for place, one in enumerate(people)))
    return [wait for one in people for wait in one.waits]


async def submit(one: Applicant, after: float) -> None:
    await asyncio.sleep(after)
    await one.go_on()


async def look_at_digest(play: Scene, drafts: int) -> None:
    """One message stands for the cards that wait, as soon as the group takes another message."""
    if drafts <= 80:
        return
    submitted = time.monotonic()
    digest = await play.group.shows(has("more"), LIMITS.minute + 1)
    play.say(f"a digest stands {time.monotonic() - submitted:.0f} s after the last submission")
    await asyncio.sleep(LIMITS.minute)  # by then there was room to change it
    waiting = drafts - len(cards(play.group))
    said = re.search(r": (\d+)", digest.text)
    play.say(f"a minute later it says {said[1] if said else 0} of {waiting} that wait", bool(said))


async def drain(play: Scene, receipts: set[str], begun: float) -> None:
    """Reviewers ask for more and decide now and then, until every card stands."""
    edits: list[float] = []
    deciding = asyncio.create_task(decide_now_and_then(play, edits))
    asked = 0
    while time.monotonic() - begun < DRAIN and not receipts <= set(cards(play.group)):
        digest = next((one for one in play.group.messages if has("more")(one)), None)
        if digest is not None:
            await play.reviewers[asked % 5].answer_to(
                play.reviewers[asked % 5].press_data(digest, on(digest, "more"))
            )
            asked += 1
        await asyncio.sleep(15.0)
    deciding.cancel()
    standing = cards(play.group)
    minutes = (time.monotonic() - begun) / 60
    play.say(f"{len(standing)} cards stand after {minutes:.1f} min; {asked} times more were asked for")
    digests = [one for one in sends(to(play.calls, play.group.id)) if "more:" in str(one.params)]
    changed = sum(call.method in EDITS and "more:" in str(call.params) for call in play.calls)
    play.say(f"digests: {len(digests)}, changed {changed} times", len(digests) <= 1)
    play.say(f"cards missing: {len(receipts - set(standing))}", receipts <= set(standing))
    twice = sum(number > 1 for number in standing.values())
    play.say(f"cards that stand twice: {twice}", not twice)
    play.say(
        f"a card showed what was pressed within {percentile(edits, 0.5):.1f} s (p50),"
        f" {max(edits, default=0):.1f} s at most, of {len(edits)} presses",
        max(edits, default=0) <= EDIT_SECONDS,
    )


def cards(group: Group) -> Counter[str]:
    """How many cards stand, by their receipt."""
    shown = (one for one in group.messages if one.from_bot and receipt_in(one) and not has("more")(one))
    return Counter(receipt_in(one) for one in shown)


async def decide_now_and_then(play: Scene, edits: list[float]) -> None:
    """Approve the oldest card that waits, now and then; how long its edit takes. Until cancelled."""
    while True:
        await asyncio.sleep(DECIDED_EVERY)
        card = next((one for one in play.group.messages if has("approve")(one)), None)
        if card is None:
            continue
        begun = time.monotonic()
        await decide(play.reviewers[0], card, "approve")
        await shows_undo(play, card)
        edits.append(time.monotonic() - begun)


async def shows_undo(play: Scene, card: Message) -> None:
    """The card says that it is decided."""
    await play.group.shows(lambda one: one is card and has("undo")(one), 2 * EDIT_SECONDS)


def keeps_limits(play: Scene) -> None:
    """By sliding windows over what arrived."""
    calls = play.calls
    group = most_within(times(writes(to(calls, play.group.id))), LIMITS.minute)
    play.say(f"most to the group in any minute: {group}", group <= LIMITS.group_per_minute)
    chats = {call.chat_id for call in sends(calls) if call.chat_id and call.chat_id > 0}
    worst = max(exceeds(times(sends(to(calls, chat))), LIMITS.chat_rate, LIMITS.chat_burst) for chat in chats)
    play.say(f"most over a private chat's second with bursts of three: {worst:.2f}", worst <= 0)
    everything = [call for call in writes(calls) if call.method in SENDS or call.chat_id == play.group.id]
    overall = most_within(times(everything), 1.0)
    play.say(f"most to all in any second: {overall}", overall <= LIMITS.overall_rate)
    refused = play.sandbox.telegram.witness.refused[429]
    play.say(f"refused for too many: {refused}", not refused)


# R5


async def held_back(drafts: int) -> list[str]:
    """The group and one person are held back while others press and write."""
    async with scene(40) as (play, people):
        await asyncio.gather(*(one.go_on() for one in people[:16]))
        await play.sandbox.telegram.changes.until(lambda: len(cards(play.group)) == 16, 120)
        for reviewer in play.reviewers:
            await decide(reviewer, next(one for one in play.group.messages if has("claim")(one)), "claim")
        await play.bot.settled(120)
        quiet = await walk(play)
        held = people[20].person
        for chat in (play.group.id, held.id):
            for method in (*SENDS, *EDITS):
                play.sandbox.faults.add(Fault("429", method, chat, retry_after=HELD, count=2))
        beside = asyncio.create_task(walk(play))
        held.say("/help")
        waits = await press_on(play)
        busy = await beside
        longest = percentile(waits, 0.99)
        play.say(f"{len(waits)} presses answered within {longest:.3f} s (p99)", longest <= 1.0)
        added = percentile(busy, 0.99) - percentile(quiet, 0.99)
        play.say(f"others waited {added:.3f} s longer (p99)", added <= 1.0)
        early = sum(is_early(play, chat) for chat in (play.group.id, held.id))
        play.say(f"calls to a chat that was held back: {early}", not early)
        await play.bot.settled(200)
        return play.wrong


async def press_on(play: Scene) -> list[float]:
    """Presses on every card, ten a second for ten seconds; how long each waited for its answer."""
    presses: list[tuple[Press, float]] = []
    shown: list[Message] = [one for one in play.group.messages if has("claim")(one)]
    for place in range(100):
        card, reviewer = shown[place % len(shown)], play.reviewers[place % 5]
        presses.append((reviewer.press_data(card, on(card, "claim")), time.monotonic()))
        await asyncio.sleep(0.1)
    await play.sandbox.telegram.changes.until(lambda: all(made.answer for made, _ in presses), 60)
    at = {
        str(call.params["callback_query_id"]): call.at
        for call in reversed(play.calls)
        if call.method == "answerCallbackQuery"
    }
    return [at[made.id] - begun for made, begun in presses]


def is_early(play: Scene, chat: int) -> int:
    """What was written to a chat while it was held back, but for what was on its way."""
    calls = writes(to(play.calls, chat))
    asked = [call.at for call in calls if call.error_code == 429]
    return sum(any(at + 0.25 < call.at < at + HELD for at in asked) for call in calls)


# R8


async def one_who_shouts(drafts: int) -> list[str]:
    """A hundred messages a second from one person, while others apply; the API as far away as Telegram's is."""
    async with scene() as (play, _):
        play.sandbox.faults.latency = LATENCY
        process = psutil.Process(play.bot.pid)
        quiet = await walk(play)
        before = process.memory_info().rss
        shouting = Shouting(play.cast.applicant("Rex"))
        begun = time.monotonic()
        shout = asyncio.create_task(shouting.shout())
        busy = await walk(play)
        shout.cancel()
        seconds = time.monotonic() - begun
        await play.sandbox.telegram.changes.until(lambda: not len(play.sandbox.telegram.queue), 30)
        await play.bot.settled(60)
        grown = (process.memory_info().rss - before) / 2**20
        before95, after95 = (percentile(waits, 0.95) * 1e3 for waits in (quiet, busy))
        play.say(
            f"{shouting.sent} messages and {len(shouting.presses)} presses in {seconds:.0f} s,"
            f" API latency {LATENCY * 1e3:.0f} ms"
        )
        growth = after95 / before95 - 1
        play.say(f"others' p95 {after95:.1f} ms instead of {before95:.1f}, {growth:+.0%}", growth <= 0.2)
        play.say(f"told that he is too fast: {shouting.told}", shouting.told == 1)
        play.say(f"answers to him in all: {len(shouting.answers)}")
        with contextlib.suppress(TimeoutError):
            await play.sandbox.telegram.changes.until(
                lambda: all(made.answer for made in shouting.presses), 10
            )
        silent = sum(not made.answer for made in shouting.presses)
        play.say(f"presses without an answer: {silent}", not silent)
        play.say(f"memory grew by {grown:.1f} MB", grown < 20)
        keeps_limits(play)
        return play.wrong


RUNS = {"R4": many_submissions, "R5": held_back, "R8": one_who_shouts}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
