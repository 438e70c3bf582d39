"""What the tests of the bot's parts share."""

import logging
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import structlog

from bot.logs import QUIET
from bot.sandbox.server import Sandbox
from tests.bot.clocks import Clocks, shifted
from tests.cast import Cast, Group, Person


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.open() as opened:
        yield opened


@pytest.fixture
def cast(sandbox: Sandbox) -> Cast:
    return Cast(sandbox)


@pytest.fixture
def ana(cast: Cast, group: Group) -> Person:
    return cast.reviewer("Ana", group, status="creator")


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return shifted(monkeypatch)


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    """Logging is set for the whole process; the next test finds it as it was."""
    handlers, levels = list(logging.root.handlers), {name: logging.getLogger(name).level for name in QUIET}
    root = logging.root.level
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook, warnings.showwarning
    yield
    sys.excepthook, sys.unraisablehook, threading.excepthook, warnings.showwarning = hooks
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(root)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
