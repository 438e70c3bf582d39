"""What the local Telegram was sent, by sliding windows over its own record: arrival times, not the bot's word."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from bot.sandbox.witness import Call

SENDS = frozenset({"sendMessage", "sendPhoto", "sendDocument", "sendMediaGroup"})
EDITS = frozenset({"editMessageText", "editMessageCaption", "editMessageMedia", "editMessageReplyMarkup"})


def sends(calls: Iterable[Call]) -> list[Call]:
    """New messages; whether they were taken or refused, they were sent."""
    return [call for call in calls if call.method in SENDS]


def writes(calls: Iterable[Call]) -> list[Call]:
    """New messages and edits."""
    return [call for call in calls if call.method in SENDS or call.method in EDITS]


def to(calls: Iterable[Call], chat_id: int) -> list[Call]:
    return [call for call in calls if call.chat_id == chat_id]


def times(calls: Iterable[Call]) -> list[float]:
    """Seconds, monotonic, rising."""
    return sorted(call.at for call in calls)


def most_within(at: Sequence[float], seconds: float) -> int:
    """The most of these times that any window of that length holds; they rise."""
    most = first = 0
    for last, end in enumerate(at):
        while at[first] <= end - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def exceeds(at: Sequence[float], rate: float, burst: int) -> float:
    """By how many messages at most more came, in any window, than a rate a second with bursts allows; they rise.

    A bucket that holds `burst` and fills at `rate`: what it lacks at worst. At most 0 is within the limit.
    """
    tokens, worst, before = float(burst), float("-inf"), at[0] if at else 0.0
    for now in at:
        tokens = min(float(burst), tokens + (now - before) * rate) - 1.0
        worst, before = max(worst, -tokens), now
    return worst


def silence(calls: Iterable[Call], since: float, seconds: float) -> list[Call]:
    """The calls that came within that time: none, when it was kept."""
    return [call for call in calls if since < call.at < since + seconds]


def longest_gap(at: Sequence[float]) -> float:
    """Seconds between two of these times that follow on each other; they rise."""
    return max((later - earlier for earlier, later in pairwise(at)), default=0.0)
