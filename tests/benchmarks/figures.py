"""From what was seen of a run to its figures."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

from bot.sandbox.witness import Call
from tests.benchmarks.people import Act


@dataclass(frozen=True, slots=True)
class Figures:
    """One run. Times in ms unless the name says otherwise; CPU and calls are per application."""

    bot: str
    way: str
    api_ms: float
    applications: int
    decided: int
    seconds: float
    reply_p50: float
    reply_p99: float
    photo_p50: float
    photo_p99: float
    calls: float
    cpu: float
    cpu_children: float  # of `cpu`, what the bot's child processes took
    resident_mb: float
    bot_share: float  # of one core, the bot's own process
    generator_share: float  # of one core, the people and the local Telegram

    @property
    def per_second(self) -> float:
        return self.applications / self.seconds


def reply_times(acts: Iterable[Act], calls: Iterable[Call]) -> tuple[list[float], list[float]]:
    """Seconds from each act to the bot's next message, edit or answer for that person: (all but photos, photos)."""
    by_chat: dict[int, list[float]] = defaultdict(list)
    answered: dict[str, float] = {}
    for call in calls:
        if call.method == "answerCallbackQuery":
            answered.setdefault(str(call.params.get("callback_query_id")), call.at)
        elif call.chat_id is not None:
            by_chat[call.chat_id].append(call.at)
    found: tuple[list[float], list[float]] = ([], [])
    for act in acts:
        times = by_chat[act.chat_id]
        place = bisect_right(times, act.at)
        replies = times[place : place + 1]
        if act.press_id in answered:
            replies = [min([answered[act.press_id], *replies])]
        found[act.is_photo].extend(reply - act.at for reply in replies)
    return found


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all does not exceed; 0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
