"""One example: a local Telegram, a data folder, people, and the lives of the bot on them."""

import asyncio
import contextlib
import logging
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
import structlog
from pydantic import SecretStr

from bot.app import App
from bot.errands import Errand, restore
from bot.mistakes import CannotStart
from bot.sandbox.server import Sandbox
from bot.settings import Settings
from storage import outgoing
from storage.engine import Params, Row, Transaction
from tests.bot.exactly.hand import Hand
from tests.bot.exactly.life import Death, Life, MortalSQLite, MortalTransport, Trap, make_task
from tests.bot.exactly.setting import KEY, PATIENCE, TIME, VAULT, Lamp, loaded, wording
from tests.cast import Cast, Group, Person

T = TypeVar("T")
BETWEEN = timedelta(seconds=2)  # from one step to the next
SWEEPS = 12  # so many at most, until nobody is due
UNKNOWN = ("", "done", "Uncertain")  # outcomes of a call that may have been acted upon, and was not entered
STARTS = 10  # a bot that has not started so often never will


class Look:
    """A plain connection as a `Transaction` that only reads."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, params: Params = ()) -> int:
        raise NotImplementedError

    def executemany(self, sql: str, rows: Sequence[Params]) -> None:
        raise NotImplementedError

    def fetchall(self, sql: str, params: Params = ()) -> list[Row]:
        return self._connection.execute(sql, params).fetchall()

    def fetchone(self, sql: str, params: Params = ()) -> Row | None:
        row: Row | None = self._connection.execute(sql, params).fetchone()
        return row


@dataclass(slots=True)
class Window:
    """What went on between two looks at everything."""

    first_update: int  # place in Hand.sent
    first_call: int  # place in the witness's calls
    deaths: list[Death] = field(default_factory=list)
    starts: list[datetime] = field(default_factory=list)
    was_full: bool = False
    swept: bool = False
    moved: bool = False  # time passed while the bot lived


class World:
    """One example: a local Telegram, a data folder, people, and the bot's lives on them. Close it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_task_factory(make_task)
        room = Path("/dev/shm")
        self._folder = Path(tempfile.mkdtemp(prefix="exactly-", dir=room if room.is_dir() else None))
        self._patches = pytest.MonkeyPatch()
        self._stack = contextlib.AsyncExitStack()
        self.life: Life | None = None
        self.traps: list[Trap] = []
        TIME.begin()
        self._set_the_stage()
        self.run(self._open())

    def _set_the_stage(self) -> None:
        """What surrounds the bot, and what would only cost time: it is loaded and judged by other tests."""
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        put = self._patches.setattr
        put(
            logging.getLogger("apscheduler.executors.default"), "disabled", True
        )  # it tells what a kill has cut
        put("bot.clock.wall", TIME.wall)
        put("bot.clock.ticks", TIME.ticks)
        put("bot.turns.ticks", TIME.ticks)
        put("bot.errands.time", SimpleNamespace(time_ns=TIME.wall_ns))
        put("bot.app.load", lambda folder: loaded())
        put("bot.app.faults", lambda programme: [])
        put("bot.app.Wording", lambda *_: wording())
        put("bot.app.Darkroom", Lamp)
        put("bot.app.Transport", MortalTransport)
        put("bot.starting.SQLite", MortalSQLite)
        for name in ("trying", "recording", "receiver"):
            put(f"bot.{name}._BACKOFF", (0.002, 0.02))
        put("bot.recording.PATIENCE", 0.0005)
        put("bot.starting._PAUSES", (0.002, 0.002, 0.002))
        put("bot.starting._LONGEST", 0.002)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def _open(self) -> None:
        self.sandbox = await self._stack.enter_async_context(Sandbox.open(clock=TIME.unix))
        self.telegram = self.sandbox.telegram
        cast = Cast(self.sandbox)
        self.group: Group = cast.group()
        self.ana = cast.reviewer("Ana", self.group, started=True)
        self.ben = cast.reviewer("Ben", self.group, started=True)
        self.people: list[Person] = [cast.applicant("Mei"), cast.applicant("Lin", "zh-hans")]
        self.ben_himself = Person(cast, self.ben.user)
        self.hand = Hand(self.sandbox)
        self._settings = Settings(
            token=SecretStr(self.sandbox.token),
            group=self.group.id,
            api_url=self.sandbox.url,
            data=self._folder / "data",
            key=SecretStr(KEY),
            status_port=0,
            limits="none",
            _env_file=None,
        )
        self.window = self._new_window()
        await self.start()

    def _new_window(self) -> Window:
        return Window(len(self.hand.sent), len(self.telegram.witness.calls))

    def look_on(self) -> None:
        """What went on so far is judged, and time goes on: nobody acts as fast as a test."""
        self.window = self._new_window()
        TIME.now += BETWEEN
        if self.life is not None:
            self.life.calls.clear()
            self.window.moved = True
            self.window.was_full = self.life.full > 0

    @property
    def app(self) -> App:
        assert self.life is not None
        return self.life.app

    # lives

    async def start(self) -> None:
        """Start the bot where none runs; again, as often as it dies over it."""
        if self.life is not None:
            return
        for _ in range(STARTS):
            self.sandbox.api.polling._last_offset = None  # or who asks again so soon would wait for seconds
            self.window.starts.append(TIME.now)
            self.life = Life(self._settings, self.traps.pop(0) if self.traps else None)
            try:
                await self.life.or_death(self.life.serves())
            except CannotStart:  # Telegram did not answer; whoever watches the process starts it anew
                self.life.die()
            if not self.life.died.is_set():
                return
            await self.kill()
        raise AssertionError("the bot does not start")

    async def kill(self) -> None:
        """At once, whatever it is doing."""
        life, self.life = self.life, None
        if life is not None:
            life.die()
            unknown = [call for call in life.calls if call.outcome in UNKNOWN or life.writing]
            await life.bury()
            self.window.deaths.append(Death(self._errands_left(), unknown))

    async def stop(self) -> None:
        """End it as an operator does."""
        if self.life is not None:
            await self.life.stop()
            if self.life.died.is_set():
                await self.kill()
            self.life = None

    def _errands_left(self) -> list[Errand]:
        return self.look(lambda tx: [restore(row, VAULT) for row in outgoing.errands(tx)])

    def look(self, work: Callable[[Transaction], T]) -> T:
        """Read the database as it is, past the bot."""
        path = self._folder / "data" / "intake.sqlite"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            connection.execute("BEGIN")
            return work(Look(connection))

    async def settle(self) -> None:
        """Until the bot has taken every update and does nothing more, through as many deaths as there are traps."""
        while self.life is not None:
            await self.life.or_death(self._quiet())
            if not self.life.died.is_set():
                return
            await self.kill()
            await self.start()

    async def _quiet(self) -> None:
        queue, polling = self.telegram.queue, self.sandbox.api.polling
        while True:
            await self.telegram.changes.until(lambda: polling.waits and not len(queue), PATIENCE)
            await self.app.outbox.settle()
            if polling.waits and not len(queue) and not self.app.outbox.waiting():
                return

    async def sweep(self) -> None:
        """All that is due happens."""
        self.window.swept = True
        for _ in range(SWEEPS):
            await self.settle()
            if self.life is None:
                return
            full = self.life.full
            if await self.life.or_death(self._sweep_once()) == 0 and self.life.full == full:
                return  # nothing was due, and nothing was put off because the disk was full

    async def _sweep_once(self) -> int:
        """How many people were due."""
        await self.app.jobs.tidy()
        return await self.app.jobs.sweep()

    def close(self) -> None:
        """Leave nothing behind."""
        self.run(self._close())
        self.loop.close()
        self._patches.undo()
        structlog.reset_defaults()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _close(self) -> None:
        self.traps.clear()
        await self.kill()
        await self._stack.aclose()
