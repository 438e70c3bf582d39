"""What time it is: by this machine's clock, unless Telegram's says that it is minutes off.

A clock that is wrong, or jumps, must not remind, tell or destroy anything too early. Every answer of the Bot API says
when it was given, so the right time is known as soon as one has come. How long something lasts is measured apart from
that, by a clock that cannot be set.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

TOLERANCE = timedelta(minutes=2)
_BOOT = getattr(
    time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC
)  # goes on while the machine sleeps, where there is one
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def wall() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC)


def ticks() -> float:
    """Seconds that never jump, from an unknown beginning."""
    return time.clock_gettime(_BOOT)


def steady() -> datetime:
    """`ticks` as a point in time: good for nothing but differences."""
    return _EPOCH + timedelta(seconds=ticks())


class Clock:
    """Call it for the time. `server`: Telegram's time now, once it is known."""

    def __init__(self, server: Callable[[], datetime | None]) -> None:
        self._server = server

    def __call__(self) -> datetime:
        here, server = wall(), self._server()
        return here if server is None or abs(here - server) <= TOLERANCE else server

    def error(self) -> float:
        """Seconds by which this machine's clock goes before Telegram's; 0 while that is unknown."""
        server = self._server()
        return 0.0 if server is None else (wall() - server).total_seconds()
