"""The running bot's part in backups: each erasure in the journal at once, the sets of keys in one go."""

import asyncio
import errno
import functools
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from bot import backup_keeper, clock, ended
from bot.backup_keeper import BackupKeeper
from bot.clock import Clock, wall
from bot.settings import Settings
from bot.starting import open_data
from storage import backup, erasure
from storage.backup_files import KEYS, keys_of
from storage.engine import Engine
from storage.journal import Journal
from tests.bot.test_keys import settings_of
from tests.bot.test_restoring import NOW, come, taken

PEOPLE = [f"p{number}" for number in range(6)]


@dataclass(slots=True)
class Play:
    """A keeper over data with some people, and a set of their keys."""

    settings: Settings
    engine: Engine
    folder: Path
    keys: Path
    told: list[str]
    keeper: BackupKeeper

    async def erase(self, person_id: str, at: Any = None) -> None:
        await self.engine.write(
            lambda tx: erasure.erase_person(tx, person_id, f"ref-{person_id}", None, at or wall())
        )
        self.keeper.look_soon()

    def entered(self) -> list[str]:
        return sorted(stone.ref.removeprefix("ref-") for stone in Journal(self.folder).read())

    def left(self) -> list[str]:
        return sorted(row.id for row in keys_of(self.keys)[1] if row.kind == "person")


@pytest.fixture
async def play(tmp_path: Path) -> AsyncIterator[Play]:
    folder = tmp_path / "backups"
    folder.mkdir()
    settings = settings_of(tmp_path / "data").model_copy(update={"backups": folder})
    async with open_data(settings) as (engine, vault, _):
        for one in PEOPLE:
            await engine.write(functools.partial(come, vault=vault, person_id=one))
        keys = (await asyncio.to_thread(taken, settings)).with_suffix(KEYS)
        told: list[str] = []
        yield Play(settings, engine, folder, keys, told, BackupKeeper(engine, folder, told.append, wall))


async def until(look: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not look():
            await asyncio.sleep(0.01)


def _is_entered(play: Play, count: int) -> bool:
    return play.entered() == PEOPLE[:count]


async def test_erasures_close_together_are_entered_at_once_and_leave_the_sets_in_one_go(play: Play) -> None:
    runs = 0
    plain = backup.prune

    def prune(*values: Any) -> Any:
        nonlocal runs
        runs += 1
        return plain(*values)

    with patch.object(backup, "prune", prune), patch.object(backup_keeper, "GATHERED", 1.5):
        keeper = play.keeper = BackupKeeper(play.engine, play.folder, play.told.append, wall)
        keeper.start()
        await play.erase("p0")
        await until(lambda: play.left() == PEOPLE[1:])
        first = runs
        for number in range(1, 5):
            await play.erase(f"p{number}")
            await until(functools.partial(_is_entered, play, number + 1))
        assert (runs, play.left()) == (first, PEOPLE[1:])  # and the sets wait
        await until(lambda: play.left() == PEOPLE[5:])
        assert runs == first + 1
        await play.erase("p5")
        await keeper.finish()  # which waits for nothing
        assert (play.left(), play.entered(), play.told) == ([], PEOPLE, [])


async def test_a_set_is_read_again_only_for_those_who_were_erased_since(play: Play) -> None:
    """And an erasure that a clock which was set back has dated earlier is among them."""
    await play.erase("p0")
    await play.keeper.finish()
    seen: list[list[str]] = []
    plain = backup.prune

    def prune(folder: Path, stones: Any, paths: Any) -> Any:
        seen.append(sorted(stone.ref for stone in stones))
        return plain(folder, stones, paths)

    with patch.object(backup, "prune", prune):
        await play.keeper.finish()
        assert seen == []
        await play.erase("p1", wall() - timedelta(hours=3))
        await play.keeper.finish()
        assert [one for page in seen for one in page] == ["ref-p0", "ref-p1"]
        before = play.keys.stat().st_ino
        await play.engine.write(
            lambda tx: erasure.erase_person(tx, "?", "ref-?", None, wall() + timedelta(days=3))
        )
        await play.keeper.finish()
        await play.erase("p2", wall() + timedelta(days=3, minutes=1))
        seen.clear()
        await play.keeper.finish()
        assert [one for page in seen for one in page] == ["ref-?", "ref-p2"]
    assert play.keys.stat().st_ino != before
    assert play.left() == PEOPLE[3:]
    assert play.entered() == ["?", *PEOPLE[:3]]


async def test_a_set_and_a_journal_that_others_have_changed_are_made_good(play: Play) -> None:
    with patch.object(ended, "PAGE", 2):  # page by page
        old = play.keys.read_bytes()
        for one in PEOPLE[:5]:
            await play.erase(one)
        await play.keeper.finish()
        assert play.left() == PEOPLE[5:]
        play.keys.unlink()
        play.keys.write_bytes(old)  # a copy from elsewhere is put back
        Journal(play.folder).path.unlink()
        Journal(play.folder).add([erasure.Tombstone("ref-z", "2026")])
        await play.keeper.finish()
        assert play.left() == PEOPLE[5:]
        assert play.entered() == [*PEOPLE[:5], "z"]
        assert play.told == []


async def test_keys_leave_the_sets_although_the_journal_cannot_be_read(play: Play) -> None:
    Journal(play.folder).path.write_bytes(b"damaged\n")
    await play.erase("p0")
    await play.keeper.finish()
    assert "deletions and withdrawals cannot be entered" in play.told[0]
    assert "line 1 of" in play.told[0]
    assert play.left() == PEOPLE[1:]


async def test_what_cannot_be_pruned_is_told_and_the_journal_is_written_all_the_same(play: Play) -> None:
    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    with patch.object(backup, "prune", full):
        await play.erase("p0")
        await play.keeper.finish()
    assert play.entered() == ["p0"]
    assert [
        "keys cannot be taken out of the sets" in line and "No space left" in line for line in play.told
    ] == [True]
    await play.keeper.finish()
    assert play.left() == PEOPLE[1:]


async def test_a_set_that_could_not_be_read_once_is_read_again(play: Play) -> None:
    await play.keeper.finish()
    await play.erase("p0")
    plain = Path.open

    def failing(self: Path, *values: Any, **named: Any) -> Any:
        if self == play.keys:
            raise OSError(errno.EIO, "Input/output error")
        return plain(self, *values, **named)

    with patch.object(Path, "open", failing):
        await play.keeper.finish()
        await play.keeper.finish()
    said = f"{play.keys} cannot be read: Input/output error; until it can be, deletions do not reach it"
    assert play.told == [said, said]
    await play.keeper.finish()
    assert (play.left(), play.told[2:]) == (PEOPLE[1:], [])


async def test_a_set_amid_which_the_disk_fails_keeps_no_other_from_being_made_anew(play: Play) -> None:
    broken = play.folder / f"intake-20200101T000000Z-ffffff{KEYS}"  # the first that is looked through
    shutil.copyfile(play.keys, broken)
    await play.erase("p0")
    plain, looks = backup.chunks, 0

    def failing(inside: Any) -> Any:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise OSError(errno.EIO, "Input/output error")
        return plain(inside)

    play.keeper = BackupKeeper(play.engine, play.folder, play.told.append)
    with patch.object(backup, "chunks", failing):
        await play.keeper.finish()
    assert [f"{broken} cannot be read" in line for line in play.told] == [True]
    assert play.left() == PEOPLE[1:]
    await play.keeper.finish()
    assert [row.id for row in keys_of(broken)[1] if row.kind == "person"] == PEOPLE[1:]


def sets(play: Play) -> list[str]:
    return [path.name for _, path in backup.files(play.folder, KEYS)]


async def test_sets_have_their_time_by_the_right_clock_and_the_newest_stays(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right one is Telegram's, as for all that the bot destroys; this machine's is ten years ahead."""
    for days in (8, 6, 2):
        await asyncio.to_thread(taken, play.settings, NOW - timedelta(days=days))
    made = sets(play)
    right = wall()
    monkeypatch.setattr(clock, "wall", lambda: right + timedelta(days=3650))
    keeper = BackupKeeper(play.engine, play.folder, play.told.append, Clock(lambda: right))
    await keeper.finish()
    assert (sets(play), play.told) == (made[1:], [])
    right += timedelta(days=30)  # and nobody makes backups any more
    await keeper.finish()
    assert (sets(play), play.told) == (made[-1:], [])


async def test_where_the_right_time_is_not_known_no_set_has_its_time(play: Play) -> None:
    await asyncio.to_thread(taken, play.settings, NOW - timedelta(days=30))
    made = sets(play)
    await BackupKeeper(play.engine, play.folder, play.told.append).finish()
    assert (len(made), sets(play), play.told) == (2, made, [])


async def test_a_set_that_a_wrong_clock_has_dated_ahead_is_told(play: Play) -> None:
    await asyncio.to_thread(taken, play.settings, NOW + timedelta(days=3650))
    made = sets(play)
    await play.keeper.finish()
    assert [line.endswith("never deleted by itself, so delete it") for line in play.told] == [True]
    assert (made[-1] in play.told[0], sets(play)) == (True, made)


async def test_a_cure_is_named_for_what_passes_and_not_for_a_damaged_set(play: Play) -> None:
    await play.erase("p0")
    play.keys.write_bytes(play.keys.read_bytes()[:-1])
    keeper = BackupKeeper(play.engine, play.folder, play.told.append, cure="; the next start makes it good")
    Journal(play.folder).path.write_bytes(b"damaged\n")
    await keeper.finish()
    first, second = play.told
    assert first.endswith("decided on; the next start makes it good")
    assert second.endswith("its checksum does not fit; delete this one, for deletions do not reach it")
