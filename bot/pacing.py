"""Telegram's limits, kept before sending. Pure: the clock (monotonic seconds) is handed in.

Any chat one message a second with bursts of three; thirty a second in all; a group twenty in any minute besides,
edits included. Source: Bot API FAQ, "My bot is hitting limits". The times are stretched a little: what counts is
when messages arrive, and one may be faster on its way than the one before.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

CHAT_SECONDS, CHAT_BURST = 1.1, 3.0
ALL_SECONDS, ALL_MESSAGES = 1.1, 30
GROUP_SECONDS, GROUP_MESSAGES = 61.0, 20
IDLE = 120.0  # seconds after which a chat's memory says nothing any more
BEFORE = 5  # messages to the group that a process which ended a moment ago may have sent in the last minute
CHATS = 10_000  # remembered before the idle ones are forgotten


@dataclass(slots=True)
class _Chat:
    tokens: float = CHAT_BURST
    at: float = 0.0
    sent: deque[float] = field(default_factory=deque)  # a group's last minute
    held_until: float = 0.0

    def wait(self, now: float) -> float:
        """Seconds until there is a token."""
        return (1.0 - self._tokens(now)) * CHAT_SECONDS

    def take(self, now: float) -> None:
        self.tokens = self._tokens(now) - 1.0
        self.at = now

    def _tokens(self, now: float) -> float:
        return min(CHAT_BURST, self.tokens + (now - self.at) / CHAT_SECONDS)


class Pacing:
    """How long to wait before the next message to a chat."""

    def __init__(self, limits: Literal["telegram", "none"] = "telegram") -> None:
        self._limited = limits == "telegram"
        self._chats: dict[int, _Chat] = {}
        self._all: deque[float] = deque()

    def delay(self, chat: int, is_group: bool, now: float) -> float:
        """Seconds until a message may go; 0 when it may go now."""
        known = self._chats.get(chat)
        held = known.held_until - now if known else 0.0
        if not self._limited:
            return max(0.0, held)
        waits = [0.0, held, _window(self._all, ALL_MESSAGES, ALL_SECONDS, now)]
        if known:
            waits.append(known.wait(now))
        if known and is_group:
            waits.append(_window(known.sent, GROUP_MESSAGES, GROUP_SECONDS, now))
        return max(waits)

    def held(self, chat: int, now: float) -> float:
        """Seconds for which a 429 still holds a chat: for calls that are no messages."""
        known = self._chats.get(chat)
        return max(0.0, known.held_until - now) if known else 0.0

    def sent(self, chat: int, is_group: bool, now: float) -> None:
        """A message goes now."""
        if not self._limited:
            return
        known = self._chats.setdefault(chat, _Chat(at=now))
        known.take(now)
        if is_group:
            known.sent.append(now)
        self._all.append(now)
        if len(self._chats) > CHATS:
            self._forget_idle(now)

    def begin(self, group: int, now: float) -> None:
        """Nothing is known of what was sent to the group before this process: some is taken for granted."""
        if self._limited:
            self._chats.setdefault(group, _Chat(at=now)).sent.extend([now] * BEFORE)

    def hold(self, chat: int, seconds: float, now: float) -> None:
        """A 429 holds one chat alone."""
        known = self._chats.setdefault(chat, _Chat(at=now))
        known.held_until = max(known.held_until, now + seconds)

    def release(self, chat: int) -> None:
        """What held a chat is over."""
        if known := self._chats.get(chat):
            known.held_until = 0.0

    def _forget_idle(self, now: float) -> None:
        self._chats = {
            chat: known for chat, known in self._chats.items() if now < max(known.at + IDLE, known.held_until)
        }


def _window(sent: deque[float], most: int, seconds: float, now: float) -> float:
    """Seconds until one more fits into a sliding window; forgets what has left it."""
    while sent and sent[0] <= now - seconds:
        sent.popleft()
    return sent[-most] + seconds - now if len(sent) >= most else 0.0
