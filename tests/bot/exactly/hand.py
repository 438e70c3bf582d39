"""What lies between what people do and what the bot hears of it: updates held back, put in order, and repeated."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.server import Sandbox
from bot.sandbox.updates import Lane, Update
from tests.bot.exactly.setting import TIME


class Hand:
    """Holds what it is told to hold; the rest goes on at once."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._queue = sandbox.telegram.queue
        self._wake = sandbox.api.polling.wake
        self._deliveries = sandbox.telegram.witness.deliveries
        self._queue.added[:] = [self._added]
        self.holds: Callable[[Lane], bool] = lambda lane: False
        self.held: list[Update] = []
        self.sent: list[Update] = []
        self.sent_at: dict[int, datetime] = {}

    def _added(self, update: Update) -> None:
        if self.holds(update.lane):
            self._queue.confirm(update)
            self.held.append(update)
        else:
            self.sent.append(update)
            self.sent_at[update.id] = TIME.now
            self._wake(update)

    def release(self, updates: Iterable[Update]) -> None:
        """Let them go in this order, as if each had just reached Telegram."""
        holds, self.holds = self.holds, lambda lane: False
        for update in list(updates):
            self.held.remove(update)
            self._queue.add(update.kind, raw_of(update)[update.kind], update.lane)
        self.holds = holds

    def repeat(self, update: Update) -> None:
        """Deliver once more what was delivered before, as Telegram does when it has not learned of that."""
        waiting = self._queue._waiting  # its only door takes new updates
        if update.id not in waiting:
            waiting[update.id] = update
            self._queue._waiting = type(waiting)(sorted(waiting.items()))
            self._wake(update)

    def repeatable(self) -> list[Update]:
        """What Telegram may still repeat, when it has not learned that it came: for a day."""
        young = [one for one in self.sent if TIME.now - self.sent_at[one.id] < timedelta(hours=24)]
        return [one for one in young if self._deliveries[one.id].confirmed_at is not None]


def raw_of(update: Update) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(update.body)
    return found
