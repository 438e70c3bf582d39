"""The darkroom: a stranger's file goes in, a clean JPEG or a plain reason comes out.

The file is decoded in a child process that has no network, no files and little memory; the bot's own process
never looks inside. One child is kept and serves one file after another; it is replaced when it dies, when it takes
too long, and after a number of photos. Nothing is written to disk.
"""

import asyncio
import contextlib
import fcntl
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from bot.photo_rules import (
    FILE_LIMIT,
    HEADER,
    LENGTH,
    READY,
    REFUSALS,
    SECONDS_LIMIT,
    WARNINGS,
    BadReply,
    Photo,
    Refusal,
    Reply,
    refusal,
    unpack,
    verdict,
)

__all__ = ["FILE_LIMIT", "REFUSALS", "WARNINGS", "Darkroom", "DarkroomClosed", "Photo", "Refusal"]

WORKER = (sys.executable, "-s", "-P", "-m", "bot.photo_worker")
_ENVIRONMENT = {
    "PYTHONPATH": str(Path(__file__).resolve().parents[1]),  # the child runs the same code, installed or not
    "MALLOC_ARENA_MAX": "1",  # an arena per thread would eat the address space
    # small pictures reuse their memory, which spares page faults; a large one's goes back when it is freed
    "MALLOC_MMAP_THRESHOLD_": "16777216",
    "MALLOC_TRIM_THRESHOLD_": "67108864",
}
_PHOTOS_PER_CHILD = 200
_START_SECONDS = 30
_PIPE_BYTES = 1 << 20
_DYING_SECONDS = 2
# How a decoder dies of the file it was given; any other end is not the photo's doing.
_DEATHS = {
    -signal.SIGXCPU: "photo_took_too_long",
    -signal.SIGSEGV: "photo_broken",
    -signal.SIGBUS: "photo_broken",
    -signal.SIGILL: "photo_broken",
    -signal.SIGFPE: "photo_broken",
    -signal.SIGTRAP: "photo_broken",
    -signal.SIGABRT: "photo_broken",
}

_CHILD_FAILURES = (OSError, EOFError, BadReply)

log = structlog.get_logger()


class DarkroomClosed(Exception):
    """The bot is stopping; the photo was not judged and is to be developed after the next start."""


class Darkroom:
    """Checks and re-encodes photos, one at a time, in the order they were handed in.

    `seconds` is the time by the clock that one photo may take in the child, waiting in the queue not counted.
    The child dies with the thread that started it, so use a darkroom from the loop of the main thread.
    """

    def __init__(
        self,
        *,
        seconds: float = SECONDS_LIMIT,
        photos_per_child: int = _PHOTOS_PER_CHILD,
        command: Sequence[str] = WORKER,
    ) -> None:
        self._seconds = seconds
        self._photos_per_child = photos_per_child
        self._command = command
        self._turn = asyncio.Lock()
        self._child: _Child | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def pid(self) -> int | None:
        """The child's process id, while there is one."""
        return self._child.pid if self._child and self._child.fit else None

    async def warm(self) -> None:
        """Start the child now instead of with the first photo; no error if it cannot be started."""
        async with self._turn:
            with contextlib.suppress(*_CHILD_FAILURES):
                await self._ready_child()

    async def develop(self, data: bytes) -> Photo | Refusal:
        """A clean JPEG, or why not. Raises DarkroomClosed when the bot stops meanwhile, and nothing else."""
        if not data:
            return refusal("photo_empty")
        if len(data) > FILE_LIMIT:
            return refusal("photo_too_big_file")
        async with self._turn:
            reply = await self._reply(data)
        return verdict(reply)

    async def close(self) -> None:
        """End the child; whoever still waits gets DarkroomClosed."""
        self._closed = True
        if self._child:
            self._child.kill()
        async with self._turn:
            await self._dismiss()

    async def _reply(self, data: bytes) -> Reply:
        try:
            child = await self._ready_child()
            async with asyncio.timeout(self._seconds):
                reply = await child.ask(data)
        except TimeoutError:
            return await self._replaced("photo_took_too_long")
        except _CHILD_FAILURES:
            return await self._replaced("photo_not_checked")
        if reply.outcome == "photo_not_checked":
            return await self._replaced(reply.outcome)
        if reply.outcome == "photo_too_heavy":
            await self._dismiss()  # its memory may be in pieces
        return reply

    async def _replaced(self, outcome: str) -> Reply:
        """What to say of the photo its child did not survive; the next photo gets a new child."""
        outcome = _DEATHS.get(await self._dismiss(), outcome)
        if self._closed:
            raise DarkroomClosed
        log.warning("the photo worker was replaced", action="photo_worker_replaced", outcome=outcome)
        return Reply(outcome)

    async def _ready_child(self) -> "_Child":
        if self._child and not (self._child.fit and self._child.photos < self._photos_per_child):
            await self._dismiss()
        if self._closed:
            raise DarkroomClosed
        if self._child is None:
            self._child = await _Child.start(self._command)
            await self._child.wake()
        return self._child

    async def _dismiss(self) -> int:
        """The exit status of the child, now surely gone; 0 if there was none."""
        status = await self._child.end() if self._child else 0
        self._child = None
        return status


class _Child:
    """One worker process; no longer `fit` once anything at all went wrong with it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin and process.stdout
        self._process, self._input, self._output = process, process.stdin, process.stdout
        self._in_step = True
        self._dying = False
        self.photos = 0

    @classmethod
    async def start(cls, command: Sequence[str]) -> Self:
        pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=pipe,
            stdout=pipe,
            stderr=null,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
            limit=_PIPE_BYTES,
        )
        child = cls(process)
        child._widen_pipes()
        return child

    def _widen_pipes(self) -> None:
        """A photo goes through in one piece, not in sixteen; where the system has no such pipes, in sixteen."""
        for stream in (self._input.transport, getattr(self._output, "_transport", None)):
            pipe = stream.get_extra_info("pipe") if stream else None
            if pipe is not None and hasattr(fcntl, "F_SETPIPE_SZ"):
                with contextlib.suppress(OSError, ValueError):  # it may have ended already
                    fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def fit(self) -> bool:
        return self._in_step and self._process.returncode is None

    async def wake(self) -> None:
        self._in_step = False
        try:
            async with asyncio.timeout(_START_SECONDS):
                self._in_step = await self._output.readexactly(len(READY)) == READY
        except TimeoutError as error:
            raise BadReply("the worker did not start in time") from error
        if not self._in_step:
            raise BadReply("this is no photo worker")

    async def ask(self, data: bytes) -> Reply:
        self.photos += 1
        self._in_step = False  # until its whole answer is read: a caller may give up halfway
        try:
            self._input.writelines((LENGTH.pack(len(data)), data))
            await self._input.drain()
            reply, length = unpack(await self._output.readexactly(HEADER.size))
            reply = replace(reply, jpeg=await self._output.readexactly(length))
        except (EOFError, ConnectionError):
            self._dying = True
            raise
        except BaseException:
            self.kill()
            raise
        self._in_step = True
        return reply

    def kill(self) -> None:
        self._in_step = False
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def end(self) -> int:
        """The exit status, negative for a signal; may be called again if it was cancelled.

        A child on its way out is not killed at once: asyncio would lose the status that says what it died of.
        """
        self._input.close()
        if self._dying:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DYING_SECONDS):
                    await self._process.wait()
        self.kill()
        return await self._process.wait()
