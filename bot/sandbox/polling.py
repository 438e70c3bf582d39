"""getUpdates: one waiting call at a time, and the conflicts.

Source: the open Bot API server, Client.cpp.
"""

import asyncio

from bot.sandbox.errors import Refusal
from bot.sandbox.params import Params
from bot.sandbox.updates import LIMIT, Update, UpdateQueue

LONGEST_WAIT = 50  # seconds
CONFLICT_SECONDS = 3.0  # at most one conflict is told at once in so long
_HURRIED, _REPEATED = 0.5, 3.0  # seconds within which the same offset again is slowed down
_GATHERING = 0.001  # seconds between the first update and the answer
_OTHER = "terminated by other getUpdates request; make sure that only one bot instance is running"


class Polling:
    """The long poll of one bot."""

    def __init__(self, queue: UpdateQueue) -> None:
        self._queue = queue
        self._waiting: asyncio.Future[str] | None = None
        self._next_conflict = 0.0
        self._last_offset: int | None = None
        self._last_start = 0.0

    async def get_updates(self, params: Params) -> list[Update]:
        """The oldest updates, at once or when there are any. Raises Refusal 409."""
        offset = params.integer("offset")
        limit = max(1, min(params.integer("limit", LIMIT), LIMIT))
        seconds = max(0, min(params.integer("timeout"), LONGEST_WAIT))
        self._queue.allow(wanted_kinds(params))
        now = asyncio.get_running_loop().time()
        if offset == self._last_offset:
            if seconds < _REPEATED and now < self._last_start + _REPEATED:
                seconds = int(_REPEATED)
            if now < self._last_start + _HURRIED:
                limit = 1
        self._last_offset, self._last_start = offset, now
        self._queue.forget_before(offset)
        updates = self._queue.first(limit)
        if not updates and seconds:
            self.end_wait(_OTHER)
            await self._wait(seconds)
            updates = self._queue.first(limit)
        for update in updates:
            self._queue.attempted(update)
        return updates

    @property
    def waits(self) -> bool:
        """Whether a call waits for an update."""
        return self._waiting is not None

    def wake(self, update: Update) -> None:
        """An update came."""
        if self._waiting is not None:
            asyncio.get_running_loop().call_later(_GATHERING, _end, self._waiting, "")
            self._waiting = None

    def end_wait(self, reason: str) -> None:
        """Answer the waiting call with a conflict."""
        if self._waiting is not None:
            _end(self._waiting, reason)
            self._waiting = None

    async def conflict(self, reason: str) -> Refusal:
        """The conflict to raise; held back when one was told a moment ago."""
        now = asyncio.get_running_loop().time()
        if now < self._next_conflict:
            await asyncio.sleep(CONFLICT_SECONDS)
        else:
            self._next_conflict = now + CONFLICT_SECONDS
        return Refusal(409, f"Conflict: {reason}")

    def close(self) -> None:
        """Let a waiting call go, empty-handed."""
        if self._waiting is not None:
            _end(self._waiting, "")
            self._waiting = None

    async def _wait(self, seconds: int) -> None:
        waiting = self._waiting = asyncio.get_running_loop().create_future()
        reason = ""
        try:
            async with asyncio.timeout(seconds):
                reason = await waiting
        except TimeoutError:
            pass
        finally:
            if self._waiting is waiting:
                self._waiting = None
        if reason:
            raise await self.conflict(reason)


def wanted_kinds(params: Params) -> object:
    """allowed_updates as given; what cannot be read counts as not given."""
    try:
        return params.json("allowed_updates")
    except Refusal:
        return None


def _end(waiting: asyncio.Future[str], reason: str) -> None:
    if not waiting.done():
        waiting.set_result(reason)
