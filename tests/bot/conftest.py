"""What the tests of the bot's parts share."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from bot.logs import QUIET


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    """Logging is set for the whole process; the next test finds it as it was."""
    handlers, levels = list(logging.root.handlers), {name: logging.getLogger(name).level for name in QUIET}
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
