"""Logs: one event one line, with an `action`; JSON in production. Never a token, a key or a personal value.

Exceptions are logged by their type and place alone: their texts may hold what a person wrote.
"""

import contextlib
import io
import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO, cast

import structlog

# libraries that log URLs (which hold the token) or bound values (which hold answers) below these levels
QUIET = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "telegram": logging.WARNING,
    "aiosqlite": logging.INFO,
}
QUIET |= {
    "aiohttp": logging.WARNING,
    "apscheduler": logging.ERROR,  # a sweep that waits for a locked database is no warning each second
    "asyncio": logging.INFO,
    "PIL": logging.INFO,
}


def set_up(style: Literal["json", "text", "auto"], level: str) -> None:
    """Everything goes to standard error."""
    as_json = style == "json" or (style == "auto" and not sys.stderr.isatty())
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _place_of_error,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _StandardError())),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, logging.getLevelName(level.upper())))


class _StandardError(io.TextIOBase):
    """What it does not take is lost: a log on a full disk must not end the bot."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def _place_of_error(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception becomes the functions it came through, innermost last."""
    if event.pop("exc_info", None):
        _, error, trace = sys.exc_info()
        if error is not None:
            frames = traceback.extract_tb(trace)[-6:]
            event["raised"] = type(error).__name__
            event["through"] = " > ".join(f"{frame.name}:{frame.lineno}" for frame in frames)
    return event
