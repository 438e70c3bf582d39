"""Which reviewers the bot has met, by a press, a form or a command; and who is no longer among them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest_asyncio

from bot.clock import wall
from bot.roster import AGAIN, PREFIX, Roster
from storage import erasure, roster, upkeep
from storage.migrate import migrate
from storage.rotation import Rotation
from storage.sqlite import SQLite
from storage.vault import OperatorKey, Vault
from tests.applying import apply, decide
from tests.bot.stage import Stage, playing

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ANA, BEN = "a" * 32, "b" * 32


@pytest_asyncio.fixture
async def engine(tmp_path: Path) -> AsyncIterator[SQLite]:
    async with SQLite.open(tmp_path / "intake.sqlite") as opened:
        await migrate(opened, Path(__file__).parents[2] / "storage" / "migrations")
        yield opened


def vault() -> Vault:
    return Vault(OperatorKey.generate())


async def meet(found: Roster, engine: SQLite, ref: str, name: str, now: datetime = NOW) -> bool:
    """Whether anything was written of it."""
    write = found.met(ref, 7, name, now)
    if write is not None:
        await engine.write(write)
    return write is not None


async def test_it_is_written_once_an_hour_or_when_the_name_is_another(engine: SQLite) -> None:
    found = Roster(engine, vault())
    assert await meet(found, engine, ANA, "Ana")
    assert not await meet(found, engine, ANA, "Ana", NOW + AGAIN - timedelta(seconds=1))
    assert await meet(found, engine, ANA, "Ana B.", NOW + timedelta(seconds=1))
    assert await meet(found, engine, ANA, "Ana B.", NOW + timedelta(seconds=1) + AGAIN)
    assert await meet(found, engine, ANA, "Ana B.", NOW - timedelta(days=1))  # the clock was set back


async def test_whoever_was_met_is_known_after_a_restart_the_last_one_first(engine: SQLite) -> None:
    operator = vault()
    found = Roster(engine, operator)
    await meet(found, engine, ANA, "Ana")
    await meet(found, engine, BEN, "Ben", NOW + timedelta(hours=2))
    again = Roster(engine, operator)
    await again.load()
    assert [one.name for one in again.lately()] == ["Ben", "Ana"]
    assert again.lately() == found.lately()
    one = again.named(ANA[:PREFIX])
    assert one is not None and (one.user_id, one.name, one.ref) == (7, "Ana", ANA)
    assert again.named("c" * PREFIX) is again.named(ANA[: PREFIX - 1]) is None


async def test_two_who_begin_alike_are_not_taken_for_each_other(engine: SQLite) -> None:
    found = Roster(engine, vault())
    for last in "12":
        await meet(found, engine, "a" * 31 + last, last)
    assert found.named("a" * PREFIX) is None


async def test_a_new_key_reads_it_and_the_old_one_does_not(engine: SQLite) -> None:
    old, new = OperatorKey.generate(), OperatorKey.generate()
    operator = Vault(old)
    await meet(Roster(engine, operator), engine, ANA, "Ana")
    assert await engine.read(upkeep.count_sealed) == 1
    rotation = Rotation(engine, operator, lambda: NOW)
    await rotation.run(new)
    assert (rotation.done, rotation.total) == (1, 1)
    for key, names in ((new, ["Ana"]), (old, [])):
        found = Roster(engine, Vault(key))
        await found.load()
        assert [one.name for one in found.lately()] == names


async def test_an_erasure_takes_the_row_along(engine: SQLite) -> None:
    await meet(Roster(engine, vault()), engine, ANA, "Ana")
    await engine.write(lambda tx: erasure.erase_person(tx, "nobody", ANA, None, NOW))
    assert await engine.read(roster.everyone) == []


# the real bot


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with playing(tmp_path) as opened:
        yield opened


def names(stage: Stage) -> set[str]:
    return {one.name for one in stage.app.roster.lately()}


async def test_presses_and_commands_are_met_and_whoever_leaves_is_forgotten(stage: Stage) -> None:
    ben, cho = stage.cast.reviewer("Ben", stage.group), stage.cast.reviewer("Cho", stage.group)
    mei = stage.cast.applicant("Mei")
    card = await apply(mei, stage.group)
    await decide(ben, card, "claim")
    cho.say("/queue")
    await stage.group.shows("Applications before the reviewers")
    assert names(stage) >= {"Ben", "Cho"} and "Mei" not in names(stage)
    await stage.stop()
    await stage.start()
    assert names(stage) >= {"Ben", "Cho"}
    ben.leave(stage.group)
    await stage.taken()
    await stage.settled()
    assert "Ben" not in names(stage)
    rows = await stage.app.engine.read(roster.everyone)
    assert stage.app.vault.lookup("telegram", str(ben.id)) not in {row[0] for row in rows}


async def test_a_reviewer_who_has_his_data_as_an_applicant_erased_is_not_listed_any_more(
    stage: Stage,
) -> None:
    mei = stage.cast.applicant("Mei")
    card = await apply(mei, stage.group)
    await decide(stage.ana, card, "claim")
    found = next(one for one in stage.app.roster.lately() if one.user_id == stage.ana.id)
    assert found == replace(found, name="Ana")
    stage.ana.say("/start", stage.ana.chat)
    await stage.ana.hears("Agreement", chat=stage.ana.chat)
    person = await stage.app.engine.read(
        lambda tx: tx.fetchone("SELECT person_id FROM people WHERE ref = ?", (found.ref,))
    )
    assert person is not None
    await stage.app.engine.write(lambda tx: erasure.erase_person(tx, person[0], found.ref, None, wall()))
    await stage.app.roster.load()
    assert stage.app.roster.lately() == []
