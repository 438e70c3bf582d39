"""Clocks that tests set: the bot's with its scheduler's, and Telegram's, each by itself."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from types import SimpleNamespace
from typing import Any

import pytest
from apscheduler.executors import base as executors
from apscheduler.schedulers import base as schedulers
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers import interval

from bot import clock, errands

MINUTE = 0.5  # seconds that the scheduler's minute has


@dataclass(slots=True)
class Clocks:
    """How many seconds the bot's clock and Telegram's are off, each by itself."""

    bots: float = 0.0
    telegrams: float = 0.0

    def both(self, seconds: float) -> None:
        self.bots = self.telegrams = seconds

    def telegrams_time(self) -> float:
        return time.time() + self.telegrams


def shifted(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    """Whoever asks for the time of day, the bot and its scheduler, is told the bot's; and its minute is short."""
    found = Clocks()

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + timedelta(seconds=found.bots)

    for module in (clock, schedulers, executors, interval):
        monkeypatch.setattr(module, "datetime", Shifted)
    monkeypatch.setattr(
        errands, "time", SimpleNamespace(time_ns=lambda: time.time_ns() + int(found.bots * 1e9))
    )
    plain = AsyncIOScheduler.add_job

    def add_job(self: AsyncIOScheduler, *args: Any, minutes: float = 0, **kwargs: Any) -> Any:
        return plain(self, *args, **({"seconds": minutes * MINUTE} if minutes else {}), **kwargs)

    monkeypatch.setattr(AsyncIOScheduler, "add_job", add_job)
    return found
