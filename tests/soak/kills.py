"""Hundreds of applications while the bot is killed again and again, for this bot and for a stock one.

Applicants and reviewers act in this process against the local Telegram; the bot dies by SIGKILL at random moments
and at named points (killable.py), now and then by SIGTERM, and is started again at once on the same data. What was
lost or doubled is judged from the local Telegram's record (verdict.py).
"""

import argparse
import asyncio
import contextlib
import itertools
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from bot.programmes import load
from bot.sandbox.deeds import set_status
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Member
from conversations.tallying import steps
from tests.benchmarks.contenders import Way
from tests.benchmarks.photo import card_photo
from tests.running import RunningBot, running_bot
from tests.soak.killable import POINTS
from tests.soak.living import Applicant, Fate, Reviewers, Uptime, World
from tests.soak.manners import INTAKE, MANNERS, Manner
from tests.soak.verdict import End, Judge, Verdict

REVIEWERS = ("Ana", "Ben", "Chidi", "Dana", "Emre")
AT_ONCE = 30
UNTIL_A_KILL = (0.3, 1.5)  # seconds after it serves
POINT_PATIENCE = 8.0  # seconds for the bot to come to a named point
START_PATIENCE = 60.0  # seconds for the bot to serve, on a busy machine
TERM_PATIENCE = 30.0  # seconds for the bot to end by itself
QUIET = 30.0  # seconds without anything said, after which nothing more is expected
AFTER_ALL = 240.0  # seconds after the last end, in which everybody comes to his end or never
LATENCY = 0.02  # seconds on the way of every call, so that there is something in flight
WITHDRAWING, ERASING = 0.05, 0.05  # shares of the applicants
STEPS = steps(load(None).programme)
UNDO_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is done in one run. `ends` names them in order: random, SIGTERM, or a point."""

    applications: int
    ends: tuple[str, ...]
    seed: int = 1
    at_once: int = AT_ONCE
    thinking: float = 0.6  # seconds at most before each act


@dataclass(slots=True)
class Run:
    """What came of it."""

    manner: Manner
    way: Way
    verdict: Verdict
    ends: list[End]
    seconds: float
    left: list[str] = field(default_factory=list)  # crashes, and what the database still holds and should not

    @property
    def kills(self) -> int:
        return sum(end.kind != "SIGTERM" for end in self.ends)

    @property
    def exits(self) -> list[float]:
        """Seconds to the exit after each SIGTERM."""
        return [end.exited - end.at for end in self.ends if end.kind == "SIGTERM"]

    @property
    def is_clean(self) -> bool:
        return self.verdict.is_clean and not self.left and all(seconds <= 10 for seconds in self.exits)


class Reaper:
    """Ends the bot and starts it again."""

    def __init__(self, bot: RunningBot, world: World, plan: Plan) -> None:
        self._bot = bot
        self._world = world
        self._plan = plan
        self._rng = Random(plan.seed + 1)
        self._passings = {point: itertools.cycle((1, 2, 4, 3, 7)) for point in POINTS}
        self.done: list[End] = []
        self.crashes: list[str] = []

    async def work(self) -> None:
        for place, kind in enumerate(self._plan.ends):
            following = self._plan.ends[place + 1] if place + 1 < len(self._plan.ends) else ""
            await self._end(kind, following)

    async def _end(self, kind: str, following: str) -> None:
        bot = self._bot
        assert bot.process is not None
        if kind in POINTS:
            self._world.erasure_wanted = kind == "in an erasure"
            try:
                async with asyncio.timeout(POINT_PATIENCE * (3 if kind == "in an erasure" else 1)):
                    await bot.process.wait()
            except TimeoutError:
                kind = "random"
        else:
            await asyncio.sleep(self._rng.uniform(*UNTIL_A_KILL))
        if bot.process.returncode not in (None, -signal.SIGKILL):
            last = bot.output[-3000:] if self._world.manner.is_ours else bot.output.splitlines()[-1]
            self.crashes.append(f"the bot ended by itself: {last}")
        at = time.monotonic()
        self._world.uptime.ends()
        if kind == "SIGTERM":
            await bot.terminate(TERM_PATIENCE)
        else:
            await bot.kill()
        exited = time.monotonic()
        self._set_trap(following)
        self.done.append(End(kind, at, exited, time.monotonic()))
        self._world.telegram.changes.happened()
        await self._start()
        self._world.uptime.begins()

    async def _start(self) -> None:
        """It may come to a point's trap before anybody sees that it serves."""
        try:
            await self._bot.start(timeout=START_PATIENCE)
        except AssertionError:
            process = self._bot.process
            if process is None or process.returncode != -signal.SIGKILL:
                raise

    def _set_trap(self, kind: str) -> None:
        environment = self._bot.environment
        environment.pop("SOAK_POINT", None)
        if kind in POINTS:
            nth = 1 if kind == "in an erasure" else next(self._passings[kind])
            environment |= {"SOAK_POINT": kind, "SOAK_NTH": str(nth)}


async def play(manner: Manner, way: Way, plan: Plan) -> Run:
    """One run from the first start to the verdict."""
    begun = time.monotonic()
    async with Sandbox.open(seed=plan.seed, latency=LATENCY) as sandbox:
        telegram = sandbox.telegram
        group = telegram.add_chat("Reviewers", "supergroup")
        set_status(telegram, group, telegram.bot, Member("administrator"))
        users = [telegram.add_user(name, role="reviewer") for name in REVIEWERS]
        for user in users:
            set_status(telegram, group, user, Member("member"))
        world = World(
            telegram,
            manner,
            group,
            card_photo(),
            Random(plan.seed),
            Uptime(),
            thinking=plan.thinking,
        )
        applicants = [
            Applicant(world, telegram.add_user("Mei", last_name=f"Okafor{number}"), fate)
            for number, fate in enumerate(_fates(manner, plan))
        ]
        with TemporaryDirectory(prefix="intake-soak-") as folder:
            bot_run = running_bot(
                sandbox,
                group,
                Path(folder),
                webhook=way == "webhook",
                module=manner.module,
                sign=manner.webhook_sign if way == "webhook" else "getUpdates",
                programme=_programme(Path(folder)),
                log_level="warning",
            )
            async with bot_run as bot:
                world.uptime.begins()
                reaper = Reaper(bot, world, plan)
                await _all_of_it(world, applicants, Reviewers(world, users), reaper, plan)
                await bot.terminate(TERM_PATIENCE)
            verdict = Judge(world, applicants, reaper.done).judge()
            left = _left_in(Path(folder) / "data" / "intake.sqlite", applicants) if manner.is_ours else []
    return Run(manner, way, verdict, reaper.done, time.monotonic() - begun, [*reaper.crashes, *left])


async def _all_of_it(
    world: World, applicants: Sequence[Applicant], reviewers: Reviewers, reaper: Reaper, plan: Plan
) -> None:
    """Until everybody has come to his end, or nothing moves any more."""
    waiting = iter(enumerate(applicants))

    async def one_after_another() -> None:
        for number, applicant in waiting:
            due = (number - plan.at_once) * len(plan.ends) / len(applicants)
            while len(reaper.done) < due:
                await asyncio.sleep(0.1)
            await applicant.live()

    reaping = asyncio.create_task(reaper.work())
    reviewing = asyncio.create_task(reviewers.review())
    living = asyncio.gather(*(one_after_another() for _ in range(plan.at_once)))
    try:
        await _first_of(reaping, reviewing)
        await _quiet(world, living)
    finally:
        for task in (reaping, reviewing, living):
            task.cancel()
        await asyncio.gather(reaping, reviewing, living, return_exceptions=True)


async def _first_of(work: "asyncio.Task[None]", beside: "asyncio.Task[None]") -> None:
    """To the end of the work, unless what goes on beside it fails before."""
    await asyncio.wait([work, beside], return_when=asyncio.FIRST_COMPLETED)
    if beside.done():
        beside.result()
    await work


async def _quiet(world: World, living: "asyncio.Future[list[None]]") -> None:
    """Until all have lived, and the group is done with; or nothing was said for so long."""
    calls = world.telegram.witness.calls
    known, since = -1, time.monotonic()
    end = since + AFTER_ALL
    while time.monotonic() - since < (2.0 + UNDO_SECONDS if living.done() else QUIET):
        if time.monotonic() > end:
            return
        if living.done():
            living.result()
        said = sum(call.method != "getUpdates" for call in calls[max(known, 0) :])
        if said or known < 0:
            since = time.monotonic()
        known = len(calls)
        await asyncio.sleep(0.2)


def _fates(manner: Manner, plan: Plan) -> Iterator[Fate]:
    rng = Random(plan.seed + 2)
    for _ in range(plan.applications):
        drawn = rng.random()
        if not manner.is_ours or drawn >= WITHDRAWING + ERASING:
            yield ""
        else:
            yield "withdraw" if drawn < WITHDRAWING else "erase"


def _programme(folder: Path) -> Path:
    """The shipped programme with a short time in which a decision can be undone."""
    copy = folder / "programme"
    with as_file(files("templates") / "university_x") as shipped:
        shutil.copytree(shipped, copy)
    said = (copy / "programme.toml").read_text(encoding="utf-8")
    (copy / "programme.toml").write_text(
        said.replace("undo_seconds = 60", f"undo_seconds = {UNDO_SECONDS}"), encoding="utf-8"
    )
    return copy


def _left_in(database: Path, applicants: Sequence[Applicant]) -> list[str]:
    """Rows of people who are erased, errands that nobody did, and attempts that were counted twice or not at all."""
    alive = sum(applicant.end != "erased" for applicant in applicants)
    with contextlib.closing(sqlite3.connect(database)) as connection:
        counts = {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("people", "applications", "photos", "errands", "parked")
        }
        counted = dict(connection.execute("SELECT step, SUM(count) FROM tallies GROUP BY step"))
        query = "SELECT count(*) FROM audit WHERE action = 'submitted' AND detail LIKE '% 1'"
        (submitted,) = connection.execute(query).fetchone()
    counts |= {f"tally of {step}": counted.get(step, 0) for step in STEPS}
    wanted = {"people": alive, "applications": alive, "photos": alive, "errands": 0, "parked": 0}
    wanted |= {f"tally of {step}": submitted for step in STEPS}  # nobody here leaves before he has submitted
    return [
        f"{name}: {counts[name]} rows instead of {count}"
        for name, count in wanted.items()
        if counts[name] != count
    ]


# the table

_HEAD = (
    "bot",
    "by",
    "applications",
    "kills",
    "acts",
    "lost acts",
    "lost or stuck applications",
    "doubled decisions",
    "duplicates / sends in flight",
    "SIGTERM under load",
)


def table(runs: Sequence[Run]) -> str:
    """Markdown."""
    rows: list[Sequence[str]] = [_HEAD, ("---",) * len(_HEAD), *(_row(run) for run in runs)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _row(run: Run) -> Sequence[str]:
    verdict = run.verdict
    terms = f"exit in {max(run.exits):.1f} s, {verdict.lost_at_sigterm} lost" if run.exits else ""
    return (
        run.manner.name,
        run.way,
        f"{verdict.applications:,}",
        str(run.kills),
        f"{verdict.acts:,}",
        str(verdict.lost_acts),
        str(verdict.lost_applications),
        str(verdict.doubled),
        f"{verdict.duplicates} / {verdict.in_flight}",
        terms,
    )


def report(run: Run, most: int) -> str:
    """One run in words, with the evidence of what went wrong."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(end.kind for end in run.ends).items())
    ends = ", ".join(f"{count} {kind}" for kind, count in run.verdict.outcomes.items())
    lines = [f"{run.manner.name} by {run.way}, {run.seconds:.0f} s. Ended: {kinds}. Applicants: {ends}."]
    lines += [f"  {line}" for line in (*run.left, *run.verdict.evidence[:most])]
    if len(run.verdict.evidence) > most:
        lines.append(f"  and {len(run.verdict.evidence) - most} more")
    return "\n".join(lines)


def ends_of(manner: Manner, kills: int) -> tuple[str, ...]:
    """So many kills, for our bot every fourth at a point, each after a random one; after every tenth a SIGTERM."""
    points = itertools.cycle(POINTS)
    found: list[str] = []
    for number in range(1, kills + 1):
        found.append(next(points) if manner is INTAKE and number % 4 == 0 else "random")
        if number % 10 == 0 or number == kills < 10:
            found.append("SIGTERM")
    return tuple(found)


def main(arguments: Sequence[str]) -> int:
    """1 when this bot lost or doubled anything."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="in each run of ours")
    parser.add_argument("--applications", type=int, default=500, help="in each run of ours")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", default=[], choices=["intake", "stock", "polling", "webhook"])
    given = parser.parse_args(arguments)
    runs = []
    ways: tuple[Way, ...] = ("polling", "webhook")
    for manner in MANNERS:
        for way in ways:
            if not all(word in (manner.name.lower(), way) for word in given.only):
                continue
            share = 1.0 if manner.is_ours else 0.4
            plan = Plan(
                round(given.applications * share), ends_of(manner, round(given.kills * share)), given.seed
            )
            run = asyncio.run(play(manner, way, plan))
            print(report(run, 40 if manner.is_ours else 5), flush=True)
            runs.append(run)
    print(f"\n{table(runs)}")
    return int(any(run.manner.is_ours and not run.is_clean for run in runs))
