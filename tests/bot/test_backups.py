"""The drill: data that are lost come back from a backup, and whoever deleted himself does not."""

import asyncio
import base64
import itertools
import os
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import pytest
from click.testing import CliRunner

from bot.arrivals import Happened
from bot.backups import back_up
from bot.cli import intake as program
from bot.sandbox.server import Sandbox
from bot.settings import Settings
from conversations.events import ErasureOrdered
from storage.backup import locked
from storage.backup_files import KEYS, keys_of, opened
from storage.journal import Journal
from tests.applying import ANSWERS, agree, answer, apply, at, decide
from tests.bot.clocks import Clocks
from tests.bot.patient import TOLD
from tests.bot.stage import playing
from tests.cast import Cast, Group, Person, RunningBot, running_bot

pytestmark = pytest.mark.usefixtures("logs_as_before")


@pytest.fixture
def group(cast: Cast) -> Group:
    return cast.group()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "backups"
    found.mkdir(mode=0o700)
    return found


async def intake(bot: RunningBot, *arguments: str | Path) -> tuple[int, str]:
    """Run the command with the bot's own settings: its status and all it said."""
    process = await begun(bot, *arguments)
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def here(bot: RunningBot, *arguments: str | Path) -> tuple[int, str]:
    """The same in this process, which is faster."""
    environment = {name: None for name in os.environ if name.startswith("INTAKE_")} | bot.environment
    found = await asyncio.to_thread(
        CliRunner().invoke, program, [str(one) for one in arguments], env=environment
    )
    return found.exit_code, found.output


async def begun(bot: RunningBot, *arguments: str | Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *map(str, arguments)),
        env=bot.environment,
        cwd=bot.folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def until(look: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for something in the files."""
    async with asyncio.timeout(seconds):
        while not look():
            await asyncio.sleep(0.02)


async def backed_up(bot: RunningBot, folder: Path) -> Path:
    """The data of a backup that is made now."""
    status, said = await intake(bot, "backup", folder)
    assert status == 0, said
    found = Path(said.split()[1].rstrip(","))
    assert found.exists()
    return found


def lose(bot: RunningBot) -> None:
    """What the bot has."""
    lose_data(Path(bot.environment["INTAKE_DATA"]))


def lose_data(data: Path) -> None:
    """The data folder, but for the operator's key, of which there is a copy."""
    key = (data / "operator.key").read_bytes()
    shutil.rmtree(data)
    data.mkdir(mode=0o700)
    (data / "operator.key").touch(mode=0o600)
    (data / "operator.key").write_bytes(key)


async def delete(person: Person) -> None:
    person.say("/delete")
    await person.press("Yes, erase everything")
    await person.hears("erased")


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as found:
        return found.execute(sql).fetchall()


# the drill


async def test_data_that_were_lost_come_back_and_whoever_deleted_himself_does_not(
    sandbox: Sandbox, cast: Cast, group: Group, ana: Person, tmp_path: Path, folder: Path
) -> None:
    mei, lin, kofi = (cast.applicant(name) for name in ("Mei", "Lin", "Kofi"))
    database = tmp_path / "data" / "intake.sqlite"
    async with running_bot(sandbox, group, tmp_path, backups=folder) as bot:
        card, hers = await apply(mei, group), await apply(kofi, group)
        await agree(lin)
        await answer(lin, 1)
        await bot.settled()
        data = await backed_up(bot, folder)
        keys = data.with_suffix(".keys").read_bytes()
        await answer(lin, 2)  # lost with the data
        await delete(kofi)
        await until(lambda: Journal(folder).read())
        await until(lambda: data.with_suffix(".keys").read_bytes() != keys)
        await bot.kill()
        lose(bot)
        status, said = await intake(bot, "restore", data)
        assert status == 0, said
        lines = said.splitlines()
        assert lines[0].startswith("restored 2 people, 1 applications, 1 photos, as they were at ")
        assert lines[1] == "left out: 1 who were deleted since, 0 whose keys are not kept any more"
        assert lines[-1] == "start the bot: intake run"
        assert rows(database, "SELECT count(*) FROM tombstones") == [(1,)]
        assert rows(database, "SELECT count(*) FROM consents") == [(7,)]  # the ledger stays
        await bot.start()
        lin.say(ANSWERS[3])  # which he was asked before the data were lost
        await at(lin, 2)
        await answer(lin, 2)
        await at(lin, 3)
        await decide(ana, card, "approve")
        await decide(ana, card, "tell")
        await mei.sees(TOLD)
        kofi.start()
        await kofi.hears(lambda one: bool(one.buttons))
        assert "welcome back" not in kofi.messages()[-1].text.casefold()
        await bot.settled()
        assert not any("erased" not in one.text and hers.id == one.id for one in group.messages)


async def test_without_keys_nothing_can_be_restored_and_later_keys_bring_back_who_is_still_there(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path, folder: Path
) -> None:
    mei, kofi = cast.applicant("Mei"), cast.applicant("Kofi")
    async with running_bot(sandbox, group, tmp_path) as bot:
        await agree(mei)
        await agree(kofi)
        await bot.settled()
        data = await backed_up(bot, folder)
        data.with_suffix(".keys").unlink()  # its week is over
        await delete(kofi)
        later = await backed_up(bot, folder)
        await bot.kill()
        lose(bot)
        status, said = await intake(bot, "restore", data)
        assert (status, said.count("\n")) == (2, 1)
        assert f"--keys {later.with_suffix('.keys')}" in said
        assert not (tmp_path / "data" / "intake.sqlite").exists()
        later.rename(tmp_path / "elsewhere.data")  # nothing tells of his deletion any more
        status, said = await intake(bot, "restore", data, "--keys", later.with_suffix(".keys"))
        assert (status, said.splitlines()[1]) == (
            0,
            "left out: 0 who were deleted since, 1 whose keys are not kept any more",
        )
        assert "there is no journal of deletions" in said
        await bot.start()
        mei.say(ANSWERS[1])
        await at(mei, 1)  # asked again, once, before an answer counts
        await answer(mei, 1)


# the journal


async def test_a_folder_that_cannot_be_written_is_told_and_made_good_later(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path
) -> None:
    mei, lin, olu = cast.applicant("Mei"), cast.applicant("Lin"), cast.applicant("Olu")
    olu.user.started = olu.user.known = True
    folder = tmp_path / "away"
    async with running_bot(sandbox, group, tmp_path, backups=folder, operators=olu.id) as bot:
        await olu.sees("INTAKE_BACKUPS")
        await agree(mei)
        await delete(mei)
        await agree(lin)  # it goes on
        folder.mkdir()
        await bot.restart()
        await until(lambda: len(Journal(folder).read()) == 1)
        await delete(lin)
        await until(lambda: len(Journal(folder).read()) == 2)
        with Journal(folder).path.open("ab") as out:
            out.write(b"cut sho")
        await agree(mei)
        await delete(mei)
        await until(lambda: len(Journal(folder).read()) == 3)
        assert oct(Journal(folder).path.stat().st_mode & 0o777) == "0o600"


# the end of a process


async def test_what_goes_at_rest_is_in_the_journal_and_out_of_the_keys_before_the_command_ends(
    tmp_path: Path, clocks: Clocks, folder: Path
) -> None:
    clocks.both(-400 * 86_400)
    async with playing(tmp_path, clock=clocks.telegrams_time) as play:
        people = [play.cast.applicant(name) for name in ("Mei", "Lin")]
        for person in people:
            card = await apply(person, play.group)
            await decide(play.ana, card, "reject")
            await decide(play.ana, card, "because", "duplicate")
            await decide(play.ana, card, "tell")
            await person.hears("was not approved")
        await play.settled()
        await play.stop()
        clocks.both(-4 * 86_400)
        await play.start()
        for person in people:
            await person.sees("will then be erased")
        await play.settled()
        await play.stop()
        clocks.both(0)
        settings = play.settings.model_copy(update={"backups": folder})
        lines = await asyncio.to_thread(back_up, settings, None, 30, 7, lambda *_: None)
        keys = Path(lines[0].split()[1].rstrip(",")).with_suffix(KEYS)
        assert len(people_in(keys)) == 2
        shutil.copytree(settings.data, tmp_path / "as it was")
        moved = folder.rename(tmp_path / "away")
        status, said, wrong = await erased_at_rest(settings)
        assert (status, said) == (1, "gone: people: 2\n")
        assert (wrong.count("\n"), "deletions and withdrawals cannot be entered in" in wrong) == (1, True)
        assert "that is made good when the bot starts" in wrong
        assert rows(settings.database, "SELECT count(*) FROM people") == [(0,)]  # the erasure stands
        moved.rename(folder)
        assert await erased_at_rest(settings) == (0, "gone: nothing\n", "")  # and is made good
        assert (len(Journal(folder).read()), people_in(keys)) == (2, [])
        shutil.rmtree(settings.data)
        (tmp_path / "as it was").rename(settings.data)
        Journal(folder).path.unlink()
        await asyncio.to_thread(back_up, settings, None, 30, 7, lambda *_: None)
        assert len([one for path in folder.glob("*.keys") for one in people_in(path)]) == 2
        assert await erased_at_rest(settings) == (0, "gone: people: 2\n", "")
        assert len(Journal(folder).read()) == 2
        assert [one for path in folder.glob("*.keys") for one in people_in(path)] == []


def people_in(keys: Path) -> list[str]:
    """Whose keys stand in a set."""
    return [row.id for row in keys_of(keys)[1] if row.kind == "person"]


async def erased_at_rest(settings: Settings) -> tuple[int | None, str, str]:
    """`intake erase --due`: its status, and what it said on standard output and on standard error."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INTAKE_")}
    environment |= {
        "INTAKE_TOKEN": settings.token.get_secret_value(),
        "INTAKE_GROUP": str(settings.group),
        "INTAKE_DATA": str(settings.data),
        "INTAKE_PROGRAMME": str(settings.programme),
        "INTAKE_BACKUPS": str(settings.backups),
        "INTAKE_LOG_LEVEL": "warning",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "erase", "--due"),
        env=environment,
        cwd=settings.data.parent,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, wrong = await process.communicate()
    return process.returncode, said.decode(), wrong.decode()


async def test_a_stop_amid_a_look_at_the_folder_loses_nobody_who_was_erased_until_then(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path, folder: Path
) -> None:
    mei, lin, kofi = (cast.applicant(name) for name in ("Mei", "Lin", "Kofi"))
    async with running_bot(sandbox, group, tmp_path, backups=folder) as bot:
        for person in (mei, lin, kofi):
            await agree(person)
        await bot.settled()
        keys = (await backed_up(bot, folder)).with_suffix(KEYS)
        assert len(people_in(keys)) == 3
        with locked(folder):  # as a backup does that has long to write
            await delete(mei)
            await until(lambda: len(Journal(folder).read()) == 1)
            await delete(lin)  # the bot waits for the folder, and looks at nothing else
            ending = asyncio.create_task(bot.terminate())
            await asyncio.sleep(0.5)
            assert not ending.done()
        assert await ending == 0
        assert len(Journal(folder).read()) == 2
        assert len(people_in(keys)) == 1
        folder.rename(tmp_path / "away")
        await bot.start()
        await delete(kofi)
        assert await bot.terminate() == 0  # the erasure stands, and the log tells
        assert f"deletions and withdrawals cannot be entered in {folder}" in bot.output
        (tmp_path / "away").rename(folder)
        await bot.start()
        assert await bot.terminate() == 0
        assert (len(Journal(folder).read()), people_in(keys)) == (3, [])


async def test_whoever_is_erased_last_as_the_bot_stops_is_entered_too(tmp_path: Path, folder: Path) -> None:
    """What was in flight has its result, and the intake takes it, when nothing is received any more."""
    async with playing(tmp_path) as play:
        await play.stop()
        await play.start(backups=folder)
        await agree(play.cast.applicant("Mei"))
        await play.settled()
        lines = await asyncio.to_thread(back_up, play.settings, None, 30, 7, lambda *_: None)
        keys = Path(lines[0].split()[1].rstrip(",")).with_suffix(KEYS)
        (person_id,) = people_in(keys)
        plain = play.app.outbox.close

        async def close() -> None:
            await play.app.intake.happen(Happened(ErasureOrdered(), person_id=person_id))
            await plain()

        with patch.object(play.app.outbox, "close", close):
            await play.stop()
        assert (len(Journal(folder).read()), people_in(keys)) == (1, [])


# what lies there


async def test_nothing_personal_stands_in_the_files_and_only_their_owner_reads_them(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path, folder: Path
) -> None:
    mei = cast.applicant("Mei")
    async with running_bot(sandbox, group, tmp_path, backups=folder) as bot:
        await apply(mei, group)
        data = await backed_up(bot, folder)
        await bot.kill()
    planted = [ANSWERS[1], ANSWERS[2], ANSWERS[3], ANSWERS[7], str(mei.id)]
    wanted = [
        form
        for word in planted
        for form in (
            word.encode(),
            word.encode("utf-16-le"),
            word.encode("utf-16-be"),
            base64.b64encode(word.encode())[:-4],
            word.encode().hex().encode(),
        )
    ]
    key = (tmp_path / "data" / "operator.key").read_bytes().strip()
    for part in ("data", "keys"):
        path = data.with_suffix(f".{part}")
        assert oct(path.stat().st_mode & 0o777) == "0o600"
        with opened(path, part) as (_, inside):
            for held in (path.read_bytes(), inside.read()):
                assert [
                    one for one in (*wanted, key, base64.urlsafe_b64decode(key + b"=")) if one in held
                ] == []
    wrapped = [row[0] for row in rows(tmp_path / "data" / "intake.sqlite", "SELECT wrapped_key FROM people")]
    with opened(data, "data") as (_, inside):
        held = inside.read()
        assert wrapped
        assert not any(isinstance(one, bytes) and one in held for one in wrapped)


# in use, and killed


async def test_a_backup_under_constant_writing_is_of_one_moment(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path, folder: Path
) -> None:
    async with running_bot(sandbox, group, tmp_path) as bot:

        async def come(name: str) -> None:
            for number in range(4):
                await apply(cast.applicant(f"{name} {number}"), group)

        coming = [asyncio.create_task(come(name)) for name in ("Mei", "Lin", "Kofi")]
        while not all(task.done() for task in coming):
            assert (await here(bot, "backup", folder))[0] == 0
        await asyncio.gather(*coming)
        await bot.kill()
        taken = list(folder.glob("*.data"))
        assert len(taken) > 5
        for data in taken:
            lose(bot)
            status, said = await here(bot, "restore", data)
            assert status == 0, said
            assert "left out: 0 who were deleted since, 0 whose" in said


async def test_killed_at_any_moment_a_backup_leaves_whole_files_and_old_ones_as_they_were(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path, folder: Path
) -> None:
    async with running_bot(sandbox, group, tmp_path) as bot:
        await apply(cast.applicant("Mei"), group)
        began = time.monotonic()
        first = await backed_up(bot, folder)
        took = time.monotonic() - began
        before = first.read_bytes()
        for part in range(4):
            process = await begun(bot, "backup", folder)
            await asyncio.sleep(took * (0.5 + part / 8))
            if process.returncode is None:
                process.kill()
            await process.communicate()
        last = await backed_up(bot, folder)
        assert first.read_bytes() == before
        assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]
        await bot.terminate()
        for data in folder.glob("*.data"):
            status, said = await here(bot, "restore", data, "--dry-run")
            assert (status, said.splitlines()[-1]) == (0, "nothing was changed"), said
        assert last.exists()


async def test_killed_at_any_moment_a_restore_leaves_one_whole_database_and_loses_none(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path, folder: Path
) -> None:
    database = tmp_path / "data" / "intake.sqlite"
    async with running_bot(sandbox, group, tmp_path) as bot:
        await apply(cast.applicant("Mei"), group)
        data = await backed_up(bot, folder)
        await agree(cast.applicant("Lin"))
        await bot.settled()
        await bot.kill()
        status, said = await here(bot, "restore", data)
        assert (status, said.count("\n"), "--replace" in said) == (2, 1, True)
        deaths = 0
        for step in itertools.count(1, 2):
            deaths += (died := await asyncio.to_thread(_killed_restore, bot, data, step))
            found = rows(database, "SELECT count(*) FROM people")
            assert found in ([(1,)], [(2,)])
            kept = [
                path for path in database.parent.glob("intake.sqlite.before-*") if "-wal" not in path.name
            ]
            assert any(rows(one, "SELECT count(*) FROM people") == [(2,)] for one in (database, *kept))
            if not died:
                break
        assert deaths > 10
        status, said = await here(bot, "restore", data, "--replace")
        assert (status, "kept aside: " in said) == (0, True)
        assert not list(database.parent.glob("*.restoring*"))
        await bot.start()
        assert "deletions do not reach" in bot.output


def _killed_restore(bot: RunningBot, data: Path, step: int) -> bool:
    """A process that restores and dies at its `step`th call that opens, links, renames or removes a file; whether it
    came to die."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    try:
        from bot.restoring import restore
        from bot.settings import Settings

        os.environ.update(bot.environment)
        count = 0

        def die(event: str, arguments: object) -> None:
            nonlocal count
            if event in {"open", "os.link", "os.rename", "os.remove", "sqlite3.connect"} and str(
                data.parent.parent
            ) in str(arguments):
                count += 1
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(die)
        restore(Settings(_env_file=None), data, None, replace=True, dry_run=False, tell=lambda *_: None)
    finally:
        os._exit(0)


# what is refused


async def test_what_cannot_be_restored_is_refused_in_one_line(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path, folder: Path
) -> None:
    async with running_bot(sandbox, group, tmp_path) as bot:
        await agree(cast.applicant("Mei"))
        data = await backed_up(bot, folder)
        status, said = await here(bot, "restore", data)
        assert (status, "in use by process" in said, said.count("\n")) == (2, True, 1)
        await bot.kill()
        whole, keys = data.read_bytes(), data.with_suffix(".keys").read_bytes()
        old = (tmp_path / "data" / "operator.key").read_bytes()
        lose(bot)

        async def refused(*arguments: str | Path) -> str:
            status, said = await here(bot, "restore", *arguments)
            assert (status, said.count("\n")) == (2, 1), said
            assert not (tmp_path / "data" / "intake.sqlite").exists()
            return said

        assert "cannot be read: No such file" in await refused(folder / "intake-none.data", "--keys", data)
        for broken in (
            whole[:-9],
            whole[: len(whole) // 2],
            whole[:300] + bytes([whole[300] ^ 1]) + whole[301:],
            whole[:90],
        ):
            data.write_bytes(broken)
            assert "damaged" in await refused(data)
        data.write_bytes(b"SQLite format 3\x00" + os.urandom(5000))
        assert "is no backup" in await refused(data)
        data.write_bytes(whole.replace(b"intake-backup 1 ", b"intake-backup 2 ", 1))
        assert "newer version" in await refused(data)
        data.write_bytes(whole)
        assert "holds the data of a backup" in await refused(data, "--keys", data)
        data.with_suffix(".keys").write_bytes(keys[:-1])
        assert "checksum" in await refused(data)
        data.with_suffix(".keys").write_bytes(keys)
        (tmp_path / "data" / "operator.key").unlink()
        assert "the operator's key is missing: put it back as" in await refused(data)
        status, _ = await here(bot, "key", "new", tmp_path / "data" / "operator.key")
        assert "needs the operator's key with the fingerprint" in await refused(data)
        (tmp_path / "data" / "operator.key").write_bytes(old)
        Journal(folder).path.write_bytes(b"broken\n")
        assert "line 1 of" in await refused(data)
        Journal(folder).path.unlink()
        assert (await here(bot, "restore", data))[0] == 0


async def test_a_backup_that_cannot_be_made_is_refused_in_one_line(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path, folder: Path
) -> None:
    async with running_bot(sandbox, group, tmp_path) as bot:
        (tmp_path / "file").touch()
        for where, why in (
            ([], "name the folder for the backup, or set INTAKE_BACKUPS to it"),
            ([tmp_path / "nowhere"], "there is no folder"),
            ([tmp_path / "file"], "there is no folder"),
            ([tmp_path / "data"], "lies in the data folder"),
        ):
            status, said = await here(bot, "backup", *where)
            assert (status, why in said, said.count("\n")) == (2, True, 1), said
        await bot.kill()
        bot.environment["INTAKE_DATA"] = str(tmp_path / "empty")
        status, said = await here(bot, "backup", folder)
        assert (status, "there is no database" in said) == (2, True)
        assert list(folder.iterdir()) == []
