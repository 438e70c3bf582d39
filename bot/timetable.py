"""What waits for its time, handed over when that has come.

Measured by a clock that cannot be set: one that jumps makes nothing due.
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from bot.errands import Errand
from bot.pausing import pause

LONGEST = 60.0  # seconds between looks at the clock


class Timetable:
    """`steady`: the clock; `hand_over` is called with each errand whose time has come."""

    def __init__(self, steady: Callable[[], datetime], hand_over: Callable[[Errand], None]) -> None:
        self._steady = steady
        self._hand_over = hand_over
        self._heap: list[tuple[datetime, int, Errand]] = []
        self._order = itertools.count()
        self._ring = asyncio.Event()

    def __len__(self) -> int:
        return len(self._heap)

    def __iter__(self) -> Iterator[Errand]:
        return (errand for _, _, errand in self._heap)

    @property
    def next_at(self) -> datetime | None:
        """When the next one is due."""
        return self._heap[0][0] if self._heap else None

    @property
    def is_due(self) -> bool:
        return bool(self._heap) and self._heap[0][0] <= self._steady()

    def add(self, errand: Errand, wait: timedelta) -> None:
        heapq.heappush(self._heap, (self._steady() + wait, next(self._order), errand))
        self._ring.set()

    def look(self) -> None:
        """The clock was moved."""
        self._ring.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            while self.is_due:
                self._hand_over(heapq.heappop(self._heap)[2])
            left = (self._heap[0][0] - self._steady()).total_seconds() if self._heap else LONGEST
            self._ring.clear()
            await pause(self._ring, min(max(left, 0.01), LONGEST))
