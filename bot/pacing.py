"""Telegram's limits, kept before sending. Pure: the clock (monotonic seconds) is handed in.

One private chat one message a second with bursts of three; thirty a second in all; a group twenty in any minute,
edits included. Source: Bot API FAQ, "My bot is hitting limits".
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

CHAT_RATE, CHAT_BURST = 1.0, 3.0
ALL_PER_SECOND = 30
GROUP_PER_MINUTE = 20
IDLE = 120.0  # seconds after which a chat's memory says nothing any more


@dataclass(slots=True)
class _Chat:
    tokens: float = CHAT_BURST
    at: float = 0.0
    sent: deque[float] = field(default_factory=deque)
    held_until: float = 0.0


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
        while self._all and self._all[0] <= now - 1.0:
            self._all.popleft()
        overall = self._all[0] + 1.0 - now if len(self._all) >= ALL_PER_SECOND else 0.0
        own = (self._group(known, now) if is_group else self._private(known, now)) if known else 0.0
        return max(0.0, held, overall, own)

    def sent(self, chat: int, is_group: bool, now: float) -> None:
        """A message goes now."""
        if not self._limited:
            return
        known = self._chats.setdefault(chat, _Chat(at=now))
        if is_group:
            known.sent.append(now)
        else:
            known.tokens = self._tokens(known, now) - 1.0
        known.at = now
        self._all.append(now)
        if len(self._chats) > 10_000:
            self._forget_idle(now)

    def hold(self, chat: int, seconds: float, now: float) -> None:
        """A 429 holds one chat alone."""
        known = self._chats.setdefault(chat, _Chat(at=now))
        known.held_until = max(known.held_until, now + seconds)

    def _tokens(self, known: _Chat, now: float) -> float:
        return min(CHAT_BURST, known.tokens + (now - known.at) * CHAT_RATE)

    def _private(self, known: _Chat, now: float) -> float:
        return (1.0 - self._tokens(known, now)) / CHAT_RATE

    def _group(self, known: _Chat, now: float) -> float:
        while known.sent and known.sent[0] <= now - 60.0:
            known.sent.popleft()
        return known.sent[0] + 60.0 - now if len(known.sent) >= GROUP_PER_MINUTE else 0.0

    def _forget_idle(self, now: float) -> None:
        self._chats = {
            chat: known for chat, known in self._chats.items() if now < max(known.at + IDLE, known.held_until)
        }
