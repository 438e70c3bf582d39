"""Logs: one event one line, with an `action`; JSON in production. Never a token, a key or a personal value.

Exceptions are logged by their type and place alone: their texts may hold what a person wrote. So may whatever a
library puts into a record of its own: of that, only the constant part of its first line is taken.
"""

import contextlib
import io
import logging
import sys
import threading
import traceback
import warnings
from collections.abc import MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TextIO, cast

import structlog

log = structlog.get_logger()

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
    logging.root.handlers[:] = [_Foreign()]
    logging.root.setLevel(logging.WARNING)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, logging.getLevelName(level.upper())))
    warnings.showwarning = _warned
    sys.excepthook = _crashed
    sys.unraisablehook = _unraisable
    threading.excepthook = _thread_ended


class _Foreign(logging.Handler):
    """Records of libraries, as records of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        lines = str(record.msg).splitlines() or [""]
        log.log(
            record.levelno, lines[0], action="library", logger=record.name, exc_info=record.exc_info or None
        )


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """What Python itself warns of."""
    place = f"{Path(filename).name}:{lineno}"
    log.warning("Python warns", action="warning", category=category.__name__, place=place)


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The process ends of this."""
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("crashed", action="crash", exc_info=(kind, error, trace))


def _unraisable(found: "sys.UnraisableHookArgs") -> None:
    log.error(
        "an error nobody could be told of",
        action="unraisable",
        exc_info=(found.exc_type, found.exc_value, found.exc_traceback),
    )


def _thread_ended(found: threading.ExceptHookArgs) -> None:
    log.error(
        "a thread has ended",
        action="thread",
        exc_info=(found.exc_type, found.exc_value, found.exc_traceback),
    )


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
    given = event.pop("exc_info", None)
    if given:
        kind, _, trace = given if isinstance(given, tuple) else sys.exc_info()
        if kind is not None:
            frames = traceback.extract_tb(trace)[-6:]
            event["raised"] = kind.__name__
            event["through"] = " > ".join(f"{frame.name}:{frame.lineno}" for frame in frames)
    return event
