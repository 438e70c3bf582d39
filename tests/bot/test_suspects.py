"""After an unclean end the first updates are taken singly, and the one that is always in hand then is set aside."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.suspects import ENDS, IN_HAND, MANY, Suspects
from storage import facts
from storage.migrate import migrate, migrations
from storage.sqlite import SQLite

MIGRATIONS = Path(__file__).parents[2] / "storage" / "migrations"


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[SQLite]:
    async with SQLite.open(tmp_path / "data.sqlite") as opened:
        assert migrations(MIGRATIONS)
        await migrate(opened, MIGRATIONS)
        yield opened


async def marks(engine: SQLite) -> dict[str, int]:
    known = await engine.read(lambda tx: facts.get(tx, IN_HAND))
    found: dict[str, int] = json.loads(known or "{}")
    return found


async def test_the_mark_is_there_before_the_update_is_looked_at(engine: SQLite) -> None:
    suspects = await Suspects.load(engine)
    assert await suspects.take_in_hand(7) == 0
    assert await marks(engine) == {"7": 1}
    suspects.done(7)
    assert await suspects.take_in_hand(8) == 0
    assert await marks(engine) == {"8": 1}


async def test_what_was_in_hand_at_two_ends_is_known_though_others_come_before_it(engine: SQLite) -> None:
    for end in range(ENDS):
        suspects = await Suspects.load(engine)
        assert await suspects.take_in_hand(5) == 0  # another one, which does no harm
        suspects.done(5)
        assert await suspects.take_in_hand(7) == end
    suspects = await Suspects.load(engine)
    await suspects.take_in_hand(6)
    suspects.done(6)
    assert await suspects.take_in_hand(7) == ENDS
    suspects.done(7)
    await suspects.take_in_hand(8)
    assert await marks(engine) == {"8": 1}


async def test_suspicion_ends(engine: SQLite) -> None:
    suspects = await Suspects.load(engine)
    for number in range(MANY):
        assert not suspects.are_over
        await suspects.take_in_hand(number)
        suspects.done(number)
    assert suspects.are_over
    await suspects.clear()
    assert await marks(engine) == {}
