"""Flood limits: how fast a bot may write before it is told to wait."""

import math
import time
from collections import deque
from dataclasses import dataclass

from bot.sandbox.errors import too_many_requests


@dataclass(frozen=True, slots=True)
class Limits:
    """Messages a second to one chat (with a burst) and in all; messages and edits a minute in one group.

    The defaults are Telegram's, as its bots FAQ and the Bot API's users know them.
    """

    chat_rate: float = 1.0
    chat_burst: int = 3
    overall_rate: float = 30.0
    overall_burst: int = 30
    group_per_minute: int = 20
    minute: float = 60.0  # seconds


class _Bucket:
    """Tokens that fill up at a rate."""

    __slots__ = ("burst", "rate", "tokens", "updated")

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self.tokens = float(burst)
        self.updated = now

    def wait(self, now: float, wanted: int) -> float:
        """Seconds until `wanted` tokens are there; more than the burst may be taken from a full bucket."""
        self.tokens = min(float(self.burst), self.tokens + (now - self.updated) * self.rate)
        self.updated = now
        return max(0.0, (min(wanted, self.burst) - self.tokens) / self.rate)

    def take(self, wanted: int) -> None:
        self.tokens -= wanted


class Pacing:
    """Counts messages of the bot; without limits it costs nothing."""

    def __init__(self, limits: Limits | None) -> None:
        self.limits = limits
        self._overall: _Bucket | None = None
        self._chats: dict[int, _Bucket] = {}
        self._groups: dict[int, deque[float]] = {}

    def spend(self, chat_id: int, *, group: bool, messages: int = 1) -> None:
        """Count new messages to a chat. Raises Refusal 429 with the whole seconds to wait."""
        if self.limits is None:
            return
        now = time.monotonic()
        limits = self.limits
        overall = self._overall = self._overall or _Bucket(limits.overall_rate, limits.overall_burst, now)
        chat = self._chats.setdefault(chat_id, _Bucket(limits.chat_rate, limits.chat_burst, now))
        window = self._window(chat_id, now) if group else None
        waits = [overall.wait(now, messages), chat.wait(now, messages), self._window_wait(window, now)]
        _refuse(max(waits))
        overall.take(messages)
        chat.take(messages)
        if window is not None:
            window.extend([now] * messages)

    def spend_edit(self, chat_id: int, *, group: bool) -> None:
        """Count an edit: only a group limits them. Raises Refusal 429."""
        if self.limits is None or not group:
            return
        now = time.monotonic()
        window = self._window(chat_id, now)
        _refuse(self._window_wait(window, now))
        window.append(now)

    def _window(self, chat_id: int, now: float) -> deque[float]:
        window = self._groups.setdefault(chat_id, deque())
        while window and self.limits and window[0] <= now - self.limits.minute:
            window.popleft()
        return window

    def _window_wait(self, window: deque[float] | None, now: float) -> float:
        if window is None or self.limits is None or len(window) < self.limits.group_per_minute:
            return 0.0
        return window[0] + self.limits.minute - now


def _refuse(seconds: float) -> None:
    if seconds > 0:
        raise too_many_requests(max(1, math.ceil(seconds)))
