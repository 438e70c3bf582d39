"""Waiting that ends early when what waits is to close, or when something comes to be done."""

import asyncio
import contextlib


async def pause(until: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until the event."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await until.wait()


class Closing:
    """Whether an end has begun; pauses end with it."""

    def __init__(self) -> None:
        self._begun = asyncio.Event()

    @property
    def has_begun(self) -> bool:
        return self._begun.is_set()

    def begin(self) -> None:
        self._begun.set()

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until the end begins."""
        await pause(self._begun, seconds)
