"""What every test may use."""

import os
import shutil
from pathlib import Path

import pytest

from tests import known

MEMORY, ROOM = Path("/dev/shm"), 2 * 1024**3


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-transcripts", action="store_true", help="write the transcripts anew from what is heard"
    )


def pytest_configure() -> None:
    """The tests' folders lie in memory where there is room, so that a slow disk makes no test slow."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    known.read_once()
