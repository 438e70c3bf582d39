"""Everything that can go wrong between the bot and Telegram, at once, for many applications: R6.

`python -m tests.soak faults`: each kind of fault strikes 5 % of all calls, also of those that ask for updates and
fetch photos, and now and then nobody listens at all. What counts is what the local Telegram saw.
"""

import argparse
import asyncio
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.control import ask
from bot.sandbox.faults import Fault, FaultKind
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Message
from bot.sandbox.updates import UpdateQueue
from bot.sandbox.witness import Call
from tests.applying import has, on, receipt_in
from tests.benchmarks.figures import percentile
from tests.bot.patient import TOLD, Applicant, Reviewers
from tests.bot.windows import EDITS, SENDS
from tests.cast import Cast, Group, running_bot

KINDS: tuple[FaultKind, ...] = ("502", "cut", "refuse", "hang", "lost")
HANG = 2.0  # seconds until a hanging connection is reset
SHUT, OPEN = 0.3, 6.0  # seconds: nobody listens for so long, after so long
LEAVING = 20  # one of so many deletes everything at the end
PATIENCE = 8.0  # seconds until somebody to whom nothing happens asks again
LONGEST = 60.0  # seconds without any news until the rest is called lost


@dataclass(frozen=True, slots=True)
class Figures:
    """One run, as the local Telegram saw it."""

    way: str
    seconds: float
    applications: int
    approved: int  # by the database
    untold: int  # applicants whom no notice reached
    told_twice: int
    told_more: int
    given_up: int  # messages of which no try arrived
    asked_again: int  # times that somebody had to
    cards_doubled: int
    cards_more: int
    left_undecided: int  # cards that still have buttons
    unfinished: int  # edits and deletions that failed and were not repeated
    left_after_deletion: int  # messages and cards of people who deleted everything
    left_unknown: int  # the same, of which no answer ever told the bot
    updates_left: int
    slowest: float  # seconds until an update was confirmed, 99 %
    struck: Counter[str]

    @property
    def is_right(self) -> bool:
        """What R6 asks for."""
        wrong = (self.untold, self.told_more, self.cards_more, self.left_undecided, self.unfinished)
        return self.approved == self.applications and not any(
            (*wrong, self.updates_left, self.left_after_deletion)
        )

    def __str__(self) -> str:
        struck = ", ".join(f"{kind} {number}" for kind, number in sorted(self.struck.items()))
        return "\n".join(
            [
                f"{self.way}: {self.applications} applications in {self.seconds:.0f} s",
                f"  faults struck: {struck}",
                f"  approved {self.approved}; told never {self.untold}, twice {self.told_twice},"
                f" more often {self.told_more}",
                f"  messages of which no try arrived {self.given_up}; applicants asked again {self.asked_again} times",
                f"  cards posted twice {self.cards_doubled}, more often {self.cards_more};"
                f" undecided {self.left_undecided}",
                f"  edits and deletions not repeated {self.unfinished};"
                f" left after a deletion {self.left_after_deletion},"
                f" and {self.left_unknown} whose sending was never answered",
                f"  updates left {self.updates_left}; confirmed within {self.slowest:.1f} s (p99)",
                f"  {'as required' if self.is_right else 'NOT as required'}",
            ]
        )


def main(arguments: Sequence[str]) -> int:
    """0 when everything is as R6 asks."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--applications", type=int, default=500)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--share", type=float, default=0.05, help="of all calls, for each kind of fault")
    parser.add_argument("--way", choices=["polling", "webhook", "both"], default="both")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    ways = ["polling", "webhook"] if given.way == "both" else [given.way]
    right = True
    for way in ways:
        figures = asyncio.run(run(way, given.applications, given.at_once, given.share, given.seed))
        print(figures, flush=True)
        right = right and figures.is_right
    return 0 if right else 1


async def run(way: str, applications: int, at_once: int, share: float, seed: int) -> Figures:
    with TemporaryDirectory(prefix="intake-faults-") as folder:
        async with Sandbox.open(seed=seed) as sandbox:
            cast = Cast(sandbox)
            group = cast.group()
            reviewers = [cast.reviewer(name, group) for name in ("Ana", "Ben", "Chidi", "Dana", "Emre")]
            async with running_bot(sandbox, group, Path(folder), webhook=way == "webhook"):
                begun = time.monotonic()
                people = [Applicant(cast.applicant(f"P{number}"), PATIENCE) for number in range(applications)]
                await play(sandbox, people, Reviewers(reviewers, group, look=0.25), at_once, share)
                socket = Path(folder) / "data" / "control.sock"
                await settled(socket)
                approved = (await asyncio.to_thread(ask, socket, "status"))["applications"].get("approved", 0)
                leaving = people[::LEAVING]
                left = await delete_all(sandbox, leaving, group, share)
                await emptied(sandbox.telegram.queue)
                return figures_of(sandbox, group, people, approved, left, way, time.monotonic() - begun)


async def play(
    sandbox: Sandbox, people: Sequence[Applicant], reviewers: Reviewers, at_once: int, share: float
) -> None:
    """All apply, so many at once, and are decided and told while everything goes wrong; then the network is good."""
    break_network(sandbox, share)
    beside = [asyncio.create_task(reviewers.review()), asyncio.create_task(shut_now_and_then(sandbox))]
    waiting = iter(people)

    async def one_after_another() -> None:
        for one in waiting:
            await one.apply()

    try:
        await asyncio.gather(*(one_after_another() for _ in range(at_once)))
        await told(people)
    finally:
        sandbox.faults.clear()
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


def break_network(sandbox: Sandbox, share: float) -> None:
    for kind in KINDS:
        sandbox.faults.add(Fault(kind, probability=share, seconds=HANG))


async def shut_now_and_then(sandbox: Sandbox) -> None:
    """Nobody listens for a moment, again and again."""
    while True:
        await asyncio.sleep(OPEN)
        async with sandbox.unreachable():
            await asyncio.sleep(SHUT)


async def told(people: Sequence[Applicant]) -> None:
    """Returns when all were told, or nobody was for long."""
    untold, news = len(people), time.monotonic()
    while untold and time.monotonic() - news < LONGEST:
        await asyncio.sleep(0.5)
        now = sum(not one.told for one in people)
        if now < untold:
            untold, news = now, time.monotonic()


async def settled(socket: Path) -> None:
    """Returns when the bot has nothing left to do now."""
    while (await asyncio.to_thread(ask, socket, "status"))["errands_waiting"]:
        await asyncio.sleep(0.1)


async def emptied(queue: UpdateQueue) -> None:
    """Returns when every update is confirmed, or it has taken so long that they are called lost."""
    end = time.monotonic() + LONGEST
    while len(queue) and time.monotonic() < end:
        await asyncio.sleep(0.1)


async def delete_all(
    sandbox: Sandbox, people: Sequence[Applicant], group: Group, share: float
) -> tuple[int, int]:
    """They have everything deleted, while everything goes wrong; how much of theirs stands afterwards.

    First what the bot could know of; then the messages whose sending was never answered.
    """
    break_network(sandbox, share)
    try:
        await asyncio.gather(*(deleted(one) for one in people))
    finally:
        sandbox.faults.clear()
    receipts = {one.receipt for one in people}
    left = [one for one in group.messages if receipt_in(one) in receipts]
    for one in people:
        left += [said for said in one.person.messages() if said.from_bot and not is_farewell(said)]
    silent = {
        (call.chat_id, call.message_id)
        for call in sandbox.telegram.witness.calls
        if call.fault in ("cut", "lost")
    }
    unknown = sum((one.chat.id, one.id) in silent for one in left)
    return len(left) - unknown, unknown


async def deleted(one: Applicant) -> None:
    """He asks until he is asked back, confirms, and is told that all is gone."""
    while True:
        one.person.say("/delete")
        try:
            await one.person.hears(has("erase"), PATIENCE)
            break
        except AssertionError:
            continue
    message = await one.person.sees(has("erase"))
    one.person.press_data(message, on(message, "erase"))
    await one.person.hears(is_farewell, 10 * PATIENCE)


def is_farewell(message: Message) -> bool:
    return "🗑" in message.text


# figures


def figures_of(
    sandbox: Sandbox,
    group: Group,
    people: Sequence[Applicant],
    approved: int,
    left: tuple[int, int],
    way: str,
    seconds: float,
) -> Figures:
    witness = sandbox.telegram.witness
    tries = zip(people, by_person(witness.calls, people), strict=True)
    notices = Counter(min(told_unasked(one, arrived(calls)), 3) for one, calls in tries)
    posted = Counter(
        receipt
        for call in witness.calls
        if call.ok and call.chat_id == group.id and "approve:" in str(call.params.get("reply_markup"))
        for receipt in receipts_of(str(call.params.get("text")))
    )
    waits = [(one.confirmed_at or float("inf")) - one.created_at for one in witness.deliveries.values()]
    return Figures(
        way=way,
        seconds=seconds,
        applications=len(people),
        approved=approved,
        untold=notices[0],
        told_twice=notices[2],
        told_more=notices[3],
        given_up=never_arrived(witness.calls),
        asked_again=sum(one.asked_again for one in people),
        cards_doubled=sum(number == 2 for number in posted.values()),
        cards_more=sum(number > 2 for number in posted.values()),
        left_undecided=sum(has("approve")(one) or has("tell")(one) for one in group.messages),
        unfinished=unfinished(witness.calls),
        left_after_deletion=left[0],
        left_unknown=left[1],
        updates_left=len(sandbox.telegram.queue),
        slowest=percentile(waits, 0.99),
        struck=Counter(call.fault for call in witness.calls if call.fault),
    )


def by_person(calls: Iterable[Call], people: Sequence[Applicant]) -> list[list[Call]]:
    """The tries to tell each of them that he is approved."""
    found: dict[int, list[Call]] = {one.person.id: [] for one in people}
    for call in calls:
        if call.method in SENDS and call.chat_id in found and TOLD in str(call.params.get("text")):
            found[call.chat_id].append(call)
    return list(found.values())


def arrived(tries: Iterable[Call]) -> int:
    """How many of them were acted on, answered or not."""
    return sum(call.ok for call in tries)


def told_unasked(one: Applicant, times: int) -> int:
    """How often somebody was told, without the answers to what he asked."""
    return max(min(times, 1), times - one.asked_late)


def receipts_of(text: str) -> set[str]:
    return set(re.findall(r"UX-[0-9A-Z]{8}", text))


def never_arrived(calls: Iterable[Call]) -> int:
    """Messages to people that were tried, and of which no try was acted on. A card reads otherwise at its next try."""
    tried: dict[tuple[int | None, str], int] = {}
    for call in calls:
        if call.method in SENDS and (call.chat_id or 0) > 0:
            key = call.chat_id, str(call.params.get("text"))
            tried[key] = tried.get(key, 0) + call.ok
    return sum(not number for number in tried.values())


def unfinished(calls: Sequence[Call]) -> int:
    """Edits and deletions whose last try for that message was not answered as done, or as needless.

    Not those of messages that were not there yet: one was looked for.
    """
    sent: set[tuple[int | None, str]] = set()
    last: dict[tuple[int | None, str], Call] = {}
    for call in calls:
        if call.method in SENDS:
            sent.add((call.chat_id, str(call.message_id)))
        place = call.chat_id, str(call.params.get("message_id", call.params.get("message_ids")))
        if (call.method in EDITS and place in sent) or call.method.startswith("delete"):
            last[place] = call
    return sum(call.fault is not None for call in last.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
