"""Who asks for which numbers by /stats, and whether they are on their way already."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from bot.clock import ticks
from bot.statistics import PERIODS, USUAL

COMMAND = "stats"
SECONDS = 10.0  # in which the same numbers are not sent twice

Verdict = Literal["send", "on its way", "said"]


def period_named(argument: str) -> str | None:
    """The period that stands behind the command; None for what is none."""
    name = argument.strip().casefold() or USUAL
    return name if name in PERIODS else None


@dataclass(slots=True)
class StatsRequests:
    """What was asked for of late; told of it only when the answer is committed. `clock`: monotonic seconds."""

    clock: Callable[[], float] = ticks
    _sent: dict[str, float] = field(default_factory=dict)  # when, by period
    _said: dict[str, float] = field(default_factory=dict)  # when it was said that they are on their way

    def verdict(self, period: str) -> Verdict:
        """What is to be done for one more who asks."""
        since = self._sent.get(period)
        if since is None or self.clock() - since >= SECONDS:
            return "send"
        return "said" if self._said.get(period, since - 1) >= since else "on its way"

    def sent(self, period: str) -> None:
        self._sent[period] = self.clock()

    def said(self, period: str) -> None:
        self._said[period] = self.clock()
