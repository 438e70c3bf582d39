"""One process of the bot, which can be killed at any commit and any call to Telegram.

When it dies, nothing it does reaches Telegram or the database any more, whatever was on its way; its tasks are
cancelled, its connections closed, its lock let go, and nothing of it is finished.
"""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from telegram.error import TelegramError

from bot.app import App
from bot.errands import Errand
from bot.settings import Settings
from bot.transport import Files, Transport
from storage.engine import Transaction
from storage.errors import StorageUnavailable
from storage.sqlite import SQLite
from tests.bot.exactly.setting import PATIENCE, TIME

T = TypeVar("T")


@dataclass(slots=True)
class Trap:
    """Kills at the n-th commit or call to Telegram: before it is done, or when it is and nobody knows."""

    what: str  # "commit" or "call"
    when: str  # "before" or "after"
    countdown: int


@dataclass(slots=True)
class Call:
    """A call to Telegram, as the process that made it knows of it."""

    method: str
    params: Mapping[str, Any]
    outcome: str = ""  # nothing while it is on its way


_LIFE: contextvars.ContextVar["Life | None"] = contextvars.ContextVar("life", default=None)


@dataclass(slots=True)
class Death:
    """What a killed process left: its errands in the table, what it did not know of its calls."""

    errands: list[Errand]
    unknown: list[Call]  # on its way, or answered and perhaps not entered


class Life:
    """One process of the bot, from its start to its end."""

    def __init__(self, settings: Settings, trap: Trap | None) -> None:
        self.settings = settings
        self.trap = trap
        self.died = asyncio.Event()
        self.calls: list[Call] = []
        self.has_heard = False  # of Telegram, and so of the time
        self.writing = 0
        self.full = 0  # so many writes find the disk full
        self.tasks: set[asyncio.Task[Any]] = set()
        self._opened: asyncio.Future[App] = asyncio.get_running_loop().create_future()
        self._stop = asyncio.Event()
        self._is_buried = False
        before = _LIFE.set(self)
        self.main = asyncio.create_task(self._live())
        _LIFE.reset(before)

    async def _live(self) -> None:
        async with App.open(self.settings) as app:
            self._opened.set_result(app)
            await app.run(self._stop)

    @property
    def app(self) -> App:
        return self._opened.result()

    async def serves(self) -> None:
        """Until it has asked for updates once."""
        app = await self._opened
        await app.drained.wait()

    async def or_death(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do it, unless the process dies over it or ends by itself, which it must not."""
        before = _LIFE.set(self)  # what comes of it is this process's
        doing = asyncio.create_task(work)
        _LIFE.reset(before)
        dying = asyncio.create_task(self.died.wait())
        everything: set[asyncio.Task[Any]] = {doing, dying, self.main}
        try:
            done, _ = await asyncio.wait(everything, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
            assert done, f"nothing ends: {work}"
            if dying in done:
                return None
            if doing in done:
                return doing.result()
            self.main.result()
            raise AssertionError("the bot has ended by itself")
        finally:
            for task in (doing, dying):
                task.cancel()
            await asyncio.gather(doing, dying, return_exceptions=True)

    async def stop(self) -> None:
        """End as on SIGTERM, unless it dies over it."""
        self._stop.set()
        dying = asyncio.create_task(self.died.wait())
        await asyncio.wait({dying, self.main}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        dying.cancel()
        if not self.died.is_set():
            self.main.result()

    def die(self) -> None:
        self.died.set()

    async def bury(self) -> None:
        """Clear away what is left of a dead process; none of it is finished."""
        self.die()
        self._is_buried = True
        for task in list(self.tasks):
            task.cancel()
        await asyncio.wait({self.main}, timeout=PATIENCE)
        assert self.main.done(), "a dead bot does not lie still"
        await asyncio.gather(*self.tasks, self.main, return_exceptions=True)

    async def passes(self, what: str, when: str) -> None:
        """Where a process may be killed. From a dead one nothing comes back."""
        if self.trap and (self.trap.what, self.trap.when) == (what, when) and not self.died.is_set():
            self.trap.countdown -= 1
            if self.trap.countdown <= 0:
                self.die()
        if self.died.is_set():
            await self._nothing()

    async def _nothing(self) -> None:
        if self._is_buried:
            raise asyncio.CancelledError
        await asyncio.get_running_loop().create_future()


def _life() -> Life:
    life = _LIFE.get()
    assert life is not None
    return life


class MortalTransport(Transport):
    """Calls Telegram as long as its process lives."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._life = _life()

    async def call(
        self, method: str, params: Mapping[str, Any], files: Files | None = None, timeout: float | None = None
    ) -> Any:
        if method == "getUpdates":
            return await self._hearing(super().call(method, params, files, timeout))
        await self._life.passes("call", "before")
        call = Call(method, params)
        self._life.calls.append(call)
        try:
            result = await self._hearing(super().call(method, params, files, timeout))
        except TelegramError as error:
            call.outcome = type(error).__name__
            raise
        await self._life.passes("call", "after")
        call.outcome = "done"
        return result

    async def _hearing(self, calling: Coroutine[Any, Any, Any]) -> Any:
        result = await calling
        await self._life.passes("call", "late")
        self._life.has_heard = True
        return result

    def server_time(self) -> datetime | None:
        return TIME.now if self._life.has_heard else None


class MortalSQLite(SQLite):
    """Writes as long as its process lives."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._life = _life()

    async def write(self, work: Callable[[Transaction], T], *, patience: float = 0.0) -> T:
        self._life.writing += 1
        try:
            await self._life.passes("commit", "before")
            if self._life.full:
                self._life.full -= 1
                raise StorageUnavailable("the disk is full")
            result = await super().write(work, patience=patience)
            await self._life.passes("commit", "after")
        finally:
            self._life.writing -= 1
        return result

    async def read(self, work: Callable[[Transaction], T]) -> T:
        await self._life.passes("read", "")
        return await super().read(work)

    async def checkpoint(self) -> bool:
        await self._life.passes("read", "")
        return await super().checkpoint()

    async def drain(self) -> None:
        if not self._life.died.is_set():
            await super().drain()


def make_task(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
    """A task is its process's, and goes with it."""
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
    life = _LIFE.get()
    if life is not None:
        life.tasks.add(task)
        task.add_done_callback(life.tasks.discard)
    return task
