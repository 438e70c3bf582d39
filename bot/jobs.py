"""Sweeps by the clock. What is due is a query; the scheduler keeps no state.

APScheduler's jobs run each minute, in UTC, never two of a kind at once, and late rather than not at all. They
start only when the backlog from Telegram is drained: an answer that waited there must save its draft first.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.arrivals import Happened
from bot.clock import ticks, wall
from bot.intake import Intake
from bot.parked import PARKED_DAYS
from conversations.events import FellSilent
from storage import deadlines, parking, store
from storage.engine import Engine
from storage.errors import StorageUnavailable

log = structlog.get_logger()

BATCH = 200
SEEN_DAYS = 8  # Telegram repeats for a day and re-seeds its numbers after a week
CLOCK_STEP = 5.0  # seconds by which the wall clock may leave the monotonic one before jobs are rescheduled


class Jobs:
    """`async with` it. `drained`: Telegram's backlog is handled; `look_at_clock`: whether ours goes right;
    `publish`: what is told once a day, and is asked for each minute."""

    def __init__(
        self,
        engine: Engine,
        intake: Intake,
        drained: Callable[[], bool],
        look_at_clock: Callable[[], None],
        clock: Callable[[], datetime],
        reload: Callable[[], Awaitable[None]],
        publish: Callable[[], Awaitable[None]],
    ) -> None:
        self._engine = engine
        self._intake = intake
        self._drained = drained
        self._look_at_clock = look_at_clock
        self._clock = clock
        self._reload = reload
        self._publish = publish
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._watchdog: asyncio.Task[None] | None = None
        self._checkpoint_due = True  # what an earlier process erased may still stand in its log

    async def __aenter__(self) -> "Jobs":
        self._scheduler.add_job(self.sweep, "interval", minutes=1, id="sweep")
        self._scheduler.add_job(self._publish, "interval", minutes=1, id="publish")
        self._scheduler.add_job(self.tidy, "interval", hours=1, id="tidy")
        self._scheduler.add_job(self._empty_log, "interval", seconds=1, id="checkpoint")
        self._scheduler.start()
        self._watchdog = asyncio.create_task(self._watch_clock())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._scheduler.shutdown(wait=False)
        if self._watchdog:
            self._watchdog.cancel()
            await asyncio.gather(self._watchdog, return_exceptions=True)

    @property
    def keepers(self) -> list[asyncio.Task[None]]:
        """What runs as long as the jobs are entered."""
        return [self._watchdog] if self._watchdog else []

    def checkpoint_soon(self) -> None:
        """Something was erased: the write-ahead log must be emptied as soon as nobody reads."""
        self._checkpoint_due = True

    async def sweep(self) -> int:
        """Reminders, expiry, the end of retention; how many people were due. Undelivered errands are taken up again."""
        self._look_at_clock()
        if not self._drained():
            return 0
        try:
            due = await self._engine.read(lambda tx: deadlines.due_people(tx, self._clock(), BATCH))
            await asyncio.gather(*(self._intake.happen(Happened(FellSilent(), person_id=one)) for one in due))
            await self._reload()
        except StorageUnavailable:
            log.warning("sweep put off", action="sweep")
            return 0
        if due:
            log.info("swept", action="sweep", people=len(due))
        return len(due)

    async def tidy(self) -> None:
        """Forget which updates were handled, once Telegram cannot repeat them, and what nobody took up."""
        before = self._clock() - timedelta(days=SEEN_DAYS)
        parked_before = self._clock() - timedelta(days=PARKED_DAYS)
        try:
            await self._engine.write(lambda tx: store.forget_seen(tx, before))
            await self._engine.write(lambda tx: parking.forget_parked(tx, parked_before, self._clock()))
        except StorageUnavailable:
            log.warning("tidying put off", action="tidy")

    async def _empty_log(self) -> None:
        if self._checkpoint_due and await self._engine.checkpoint():
            self._checkpoint_due = False

    async def _watch_clock(self) -> None:
        """When this machine's clock steps, what the scheduler has planned by it is planned anew."""
        offset = wall().timestamp() - ticks()
        while True:
            await asyncio.sleep(1)
            now = wall().timestamp() - ticks()
            if abs(now - offset) > CLOCK_STEP:
                log.warning("the clock stepped", action="clock", seconds=round(now - offset))
                for job in self._scheduler.get_jobs():
                    # a new trigger: the old one may begin in the future now
                    job.reschedule("interval", seconds=job.trigger.interval_length)
            offset = now
