"""A database at the schema of this code."""

from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import pytest

from storage.migrate import migrate
from storage.sqlite import SQLite

MIGRATIONS = files("storage") / "migrations"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "intake.sqlite"


@pytest.fixture
async def engine(path: Path) -> AsyncIterator[SQLite]:
    async with SQLite.open(path) as opened:
        await migrate(opened, MIGRATIONS)
        yield opened
