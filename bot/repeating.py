"""One work, done again and again: soon after it was asked for, and each minute; never twice at a time."""

import asyncio
from collections.abc import Awaitable, Callable

from bot.pausing import pause as until

EVERY = 60.0  # seconds from one time to the next that nobody asked for


class Repeated:
    """`work` says whether it was much; then it is not done again for `pause` seconds, and what is asked for meanwhile
    is done in one go."""

    def __init__(self, work: Callable[[], Awaitable[bool]], pause: float = 0.0) -> None:
        self._work = work
        self._pause = pause
        self._due = asyncio.Event()
        self._busy = asyncio.Lock()  # held while it is being done
        self.task: asyncio.Task[None] | None = None  # what runs from the start to the end

    def start(self) -> None:
        """The first time is now."""
        self.task = asyncio.create_task(self._run())

    def soon(self) -> None:
        """There is something to do."""
        self._due.set()

    def stop(self) -> None:
        """What is being done is not finished."""
        if self.task is not None:
            self.task.cancel()

    async def finish(self) -> None:
        """What is being done is finished; then it is done for the last time, also when it was never started."""
        async with self._busy:
            if self.task is not None:
                self.task.cancel()
                await asyncio.gather(self.task, return_exceptions=True)
        await self._once()

    async def _run(self) -> None:
        while True:
            pause = self._pause if await self._once() else 0.0
            await asyncio.sleep(pause)
            await until(self._due, EVERY - pause)

    async def _once(self) -> bool:
        async with self._busy:
            self._due.clear()
            return await self._work()
