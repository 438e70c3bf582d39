"""Waiting for something to become true, woken by what happens and never by a clock."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
Event = dict[str, Any]


@dataclass(eq=False, slots=True)
class _Waiting:
    predicate: Callable[[], Any]
    found: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def look(self) -> None:
        if self.found.done():
            return
        try:
            value = self.predicate()
        except Exception as error:
            self.found.set_exception(error)
            return
        if value:
            self.found.set_result(value)


class Changes:
    """Who waits for which chat, and who listens to everything."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[Event], None]] = []
        self._waiting: dict[int | None, set[_Waiting]] = {None: set()}
        self._dirty: set[int | None] = set()

    def happened(self, chat_id: int | None = None) -> None:
        """Something changed, in this chat or anywhere. Predicates are looked at once, when this turn is over."""
        wanted = {key for key in (chat_id, None) if self._waiting.get(key)}
        if wanted and not self._dirty:
            asyncio.get_running_loop().call_soon(self._look)
        self._dirty |= wanted

    def publish(self, kind: str, **fields: Any) -> None:
        """Tell the listeners; free of cost when there are none."""
        for listener in self.listeners:
            listener({"type": kind, **fields})

    async def until(self, predicate: Callable[[], T], timeout: float, chat_id: int | None = None) -> T:
        """The first true value of `predicate`, at most `timeout` seconds from now. Raises TimeoutError."""
        value = predicate()
        if value:
            return value
        waiting = _Waiting(predicate)
        self._waiting.setdefault(chat_id, set()).add(waiting)
        try:
            async with asyncio.timeout(timeout):
                found: T = await waiting.found
                return found
        finally:
            self._forget(chat_id, waiting)

    def _look(self) -> None:
        dirty, self._dirty = self._dirty, set()
        for key in dirty:
            for waiting in list(self._waiting.get(key, ())):
                waiting.look()

    def _forget(self, chat_id: int | None, waiting: _Waiting) -> None:
        others = self._waiting[chat_id]
        others.discard(waiting)
        if not others and chat_id is not None:
            del self._waiting[chat_id]
