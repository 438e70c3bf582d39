"""Whether the bot lives, and whether it can serve: for whoever watches over the process.

It does not live when a part of it has ended that should run, or when the event loop stood still for long; then only
a new start helps. It cannot serve while the database takes nothing or Telegram does not answer; that ends by itself.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from telegram.error import TelegramError

from bot.transport import Transport
from storage import facts
from storage.engine import Engine
from storage.errors import StorageUnavailable

BEAT = 0.5  # seconds between looks at the loop
MINUTE = 60.0  # seconds for which a standstill is remembered
STOOD_STILL = 10.0  # seconds without a beat, and the process is not well
FAILING = 5.0  # seconds for which Telegram may fail before it is said
PATIENCE = 8.0  # seconds in which the database must have taken a word: a lock is waited for, by turns
FRESH = 1.0  # seconds for which an answer is good
ASKED = "asked_whether_ready"  # the fact that is written to see whether anything can be


class Health:
    """`async with` it: while it is entered, it looks at the event loop."""

    def __init__(self, engine: Engine, transport: Transport, is_drained: Callable[[], bool]) -> None:
        self._engine = engine
        self._transport = transport
        self._is_drained = is_drained
        self._parts: list[asyncio.Task[None]] = []
        self._beats: deque[tuple[float, float]] = deque()  # when, and how late
        self._watching: asyncio.Task[None] | None = None
        self._fault: tuple[str, float] | None = None  # of getUpdates, and since when
        self._asking: asyncio.Task[str] | None = None
        self._asked_at = 0.0

    async def __aenter__(self) -> "Health":
        self._watching = asyncio.create_task(self._watch())
        self.watch(self._watching)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (self._watching, self._asking):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def watch(self, *parts: "asyncio.Task[None]") -> None:
        """Parts that should run as long as the bot."""
        self._parts += parts

    def polled(self, fault: str) -> None:
        """What was wrong with the last getUpdates, if anything."""
        since = self._fault[1] if self._fault else _now()
        self._fault = (fault, since) if fault else None

    # does it live?

    def why_ill(self) -> str:
        """Empty when it lives."""
        if any(part.done() for part in self._parts):
            return "a part of the bot has ended"
        lag = self.lag()
        return f"the event loop stood still for {lag:.0f} s" if lag >= STOOD_STILL else ""

    def lag(self) -> float:
        """The longest standstill in the last minute, in seconds."""
        self._forget()
        return max((late for _, late in self._beats), default=0.0)

    async def _watch(self) -> None:
        while True:
            before = _now()
            await asyncio.sleep(BEAT)
            late = _now() - before - BEAT
            if late > BEAT / 10:
                self._beats.append((_now(), late))
                self._forget()

    def _forget(self) -> None:
        while self._beats and self._beats[0][0] < _now() - MINUTE:
            self._beats.popleft()

    # can it serve?

    async def why_not_ready(self) -> str:
        """Empty when it can serve. Who asks at once gets one answer."""
        if self._asking is None or (self._asking.done() and _now() - self._asked_at > FRESH):
            self._asked_at = _now()
            self._asking = asyncio.create_task(self._look())
        return await asyncio.shield(self._asking)

    async def _look(self) -> str:
        return await self._storage() or await self._telegram() or self._backlog()

    async def _storage(self) -> str:
        """Something is really written: a full disk lets a transaction begin and end without a word."""
        at = f"{_now():.3f}"
        try:
            async with asyncio.timeout(PATIENCE):
                await self._engine.check()
                await self._engine.write(lambda tx: facts.put(tx, ASKED, at))
        except TimeoutError:
            return f"the database has taken nothing for {PATIENCE:.0f} s"
        except StorageUnavailable as error:
            return str(error)
        return ""

    async def _telegram(self) -> str:
        """A single call that failed says little; so it is asked before it is said not to answer."""
        if self._fault is not None and _now() - self._fault[1] > FAILING:
            return self._fault[0]
        since = self._transport.failing_since
        if since is None or _now() - since <= FAILING:
            return ""
        with contextlib.suppress(TelegramError):
            await self._transport.call("getMe", {}, timeout=PATIENCE)
        since = self._transport.failing_since
        return f"Telegram has not answered for {_now() - since:.0f} s" if since is not None else ""

    def _backlog(self) -> str:
        return "" if self._is_drained() else "the backlog is not drained yet"


def _now() -> float:
    return asyncio.get_running_loop().time()
