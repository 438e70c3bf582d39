"""Has a picture drawn by a child process that lives just for that: the bot's loop and memory stay free of it."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from bot.stats_words import Sheet

WORKER = (sys.executable, "-s", "-P", "-m", "bot.stats_worker")
SECONDS = 45.0  # the first drawing on a machine looks through all its fonts
_MAGIC = b"\x89PNG\r\n\x1a\n"
_LIMIT = 10_485_760  # bytes; source: Bot API, sendPhoto
# What matplotlib needs to find its fonts and keep its list of them; nothing of ours goes to the child but this.
_PASSED_ON = ("HOME", "PATH", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR", "TMPDIR", "SYSTEMROOT")

log = structlog.get_logger()


class DrawingFailed(Exception):
    """There is no picture; the numbers can still be told."""


class Drawing:
    """Draws one picture at a time. `seconds`: by the clock, for one."""

    def __init__(self, *, seconds: float = SECONDS, command: Sequence[str] = WORKER) -> None:
        self._seconds = seconds
        self._command = command
        self._turn = asyncio.Lock()

    async def draw(self, sheets: Sequence[Sheet]) -> bytes:
        """A PNG. Raises DrawingFailed."""
        async with self._turn:
            try:
                return await self._draw(json.dumps(sheets).encode())
            except DrawingFailed as error:
                log.warning(f"no picture: {error}", action="stats_drawing_failed")
                raise

    async def _draw(self, sheets: bytes) -> bytes:
        pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        try:
            child = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=pipe,
                stdout=pipe,
                stderr=null,
                env=_environment(),
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise DrawingFailed(f"the child cannot be started ({type(error).__name__})") from None
        try:
            async with asyncio.timeout(self._seconds):
                picture, _ = await child.communicate(sheets)
        except TimeoutError:
            raise DrawingFailed(f"the child took longer than {self._seconds:g} s") from None
        except OSError as error:
            raise DrawingFailed(f"the child cannot be spoken to ({type(error).__name__})") from None
        finally:
            with contextlib.suppress(ProcessLookupError):  # also when nobody waits for it any more
                child.kill()
            await child.wait()
        if child.returncode:
            raise DrawingFailed(f"the child ended with {child.returncode}")
        if not picture.startswith(_MAGIC) or len(picture) > _LIMIT:
            raise DrawingFailed("what the child sent is no picture that can be sent on")
        return picture


def _environment() -> dict[str, str]:
    found = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    # the child runs the same code, installed or not
    return {**found, "PYTHONPATH": str(Path(__file__).resolve().parents[1]), "MPLBACKEND": "Agg"}
