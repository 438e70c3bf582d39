"""One run: the local Telegram and the people in this process, the bot in a child process, and what it cost."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.sandbox.api import GET_UPDATES
from bot.sandbox.deeds import set_status
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Chat, Member, User
from bot.sandbox.telegram import Telegram
from tests.benchmarks.contenders import Bot, Contender, Usage, Way, running
from tests.benchmarks.figures import Figures, percentile, reply_times
from tests.benchmarks.people import Act, Applicant, Reviewers, play

REVIEWERS = ("Ana", "Ben", "Chidi", "Dana", "Emre")
LOOK = 0.25  # seconds between two looks at the memory


@dataclass(slots=True)
class Stage:
    """Who plays, where, and what they did."""

    telegram: Telegram
    contender: Contender
    photo: bytes
    group: Chat
    reviewers: list[User]
    acts: list[Act] = field(default_factory=list)

    def applicants(self, count: int) -> list[Applicant]:
        users = [self.telegram.add_user("Mei", last_name="Okafor", language_code="en") for _ in range(count)]
        return [
            Applicant(self.telegram, user, self.contender.dialogue, self.photo, self.acts) for user in users
        ]


@dataclass(frozen=True, slots=True)
class Moment:
    """What the clocks said."""

    at: float
    bot: Usage
    generator: float

    @classmethod
    def now(cls, bot: Bot) -> "Moment":
        return cls(time.monotonic(), bot.usage(), time.process_time())


async def measure(
    contender: Contender, way: Way, latency: float, *, applications: int, at_once: int, photo: bytes
) -> Figures:
    """`latency` in seconds. Raises BotEnded and TimeoutError."""
    async with Sandbox.open(port=0, limits=None, latency=latency, seed=1) as sandbox:
        stage = set_stage(sandbox.telegram, contender, photo)
        with TemporaryDirectory(prefix="intake-bench-") as folder:
            async with running(
                contender,
                way,
                Path(folder),
                api_url=sandbox.url,
                token=sandbox.token,
                group=stage.group.id,
            ) as bot:
                return await _measured(stage, bot, way, latency, applications, at_once)


def set_stage(telegram: Telegram, contender: Contender, photo: bytes) -> Stage:
    """A group with the bot as its administrator, and the reviewers in it."""
    reviewers = [telegram.add_user(name, role="reviewer") for name in REVIEWERS]
    group = telegram.add_chat("Reviewers", "supergroup")
    set_status(telegram, group, telegram.bot, Member("administrator"))
    for reviewer in reviewers:
        set_status(telegram, group, reviewer, Member("member"))
    return Stage(telegram, contender, photo, group, reviewers)


async def _measured(
    stage: Stage, bot: Bot, way: Way, latency: float, applications: int, at_once: int
) -> Figures:
    reviewers = Reviewers(stage.telegram, stage.reviewers, stage.group, stage.contender.dialogue)
    beside = [asyncio.create_task(bot.ended()), asyncio.create_task(reviewers.review())]
    try:
        first = stage.applicants(len(stage.reviewers))  # what is done once is no application's cost
        await _unless_ended(play(first, 1), beside)
        stage.acts.clear()
        stage.telegram.witness.clear()
        sizes: list[int] = []
        watch = asyncio.create_task(_watch(bot, sizes))
        beside.append(watch)
        applicants = stage.applicants(applications)
        before = Moment.now(bot)
        await _unless_ended(play(applicants, at_once), beside)
        after = Moment.now(bot)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
    decided = sum(applicant.is_told for applicant in applicants)
    return _figures(stage, (way, latency), (applications, decided), (before, after), max(sizes))


async def _unless_ended(work: Coroutine[Any, Any, None], beside: list[asyncio.Task[None]]) -> None:
    """To the end of the work, or until one of those beside it, which never end by themselves, fails."""
    task = asyncio.create_task(work)
    done, _ = await asyncio.wait([task, *beside], return_when=asyncio.FIRST_COMPLETED)
    if task not in done:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    for ended in done:
        ended.result()


async def _watch(bot: Bot, sizes: list[int]) -> None:
    """Resident memory, again and again."""
    while True:
        sizes.append(bot.resident())
        await asyncio.sleep(LOOK)


def _figures(
    stage: Stage,
    how: tuple[Way, float],
    counts: tuple[int, int],
    moments: tuple[Moment, Moment],
    resident: int,
) -> Figures:
    (way, latency), (applications, decided), (before, after) = how, counts, moments
    seen = stage.telegram.witness.calls
    calls = [call for call in seen if call.method != GET_UPDATES and not call.in_reply]
    replies, photo_replies = reply_times(stage.acts, seen)
    seconds = after.at - before.at
    own, children = after.bot.own - before.bot.own, after.bot.children - before.bot.children
    return Figures(
        bot=stage.contender.name,
        way=way,
        api_ms=latency * 1e3,
        applications=applications,
        decided=decided,
        seconds=seconds,
        reply_p50=percentile(replies, 0.5) * 1e3,
        reply_p99=percentile(replies, 0.99) * 1e3,
        photo_p50=percentile(photo_replies, 0.5) * 1e3,
        photo_p99=percentile(photo_replies, 0.99) * 1e3,
        calls=len(calls) / applications,
        cpu=(own + children) * 1e3 / applications,
        cpu_children=children * 1e3 / applications,
        resident_mb=resident / 2**20,
        bot_share=own / seconds,
        generator_share=(after.generator - before.generator) / seconds,
    )
