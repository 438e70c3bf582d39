"""That a backup was made stands in the audit log, whoever owns the data by then; where it lies does not."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.backed_up import BackedUp
from bot.cli import intake as program
from bot.sandbox.server import Sandbox
from storage.backup_files import DATA, KEYS, opened
from storage.folder import DataLock
from storage.sqlite import SQLite
from tests.applying import agree
from tests.bot.test_auditing import intake
from tests.cast import Cast, running_bot
from tests.storage.live import PEOPLE, SHIPPED

pytestmark = pytest.mark.usefixtures("logs_as_before")


def entries(data: Path) -> list[str]:
    """The details of such entries."""
    with closing(sqlite3.connect(data / "intake.sqlite")) as found:
        rows = found.execute("SELECT subject, detail FROM audit WHERE action = 'backed_up' ORDER BY seq")
        return [" ".join(row).strip() for row in rows]


def files(folder: Path) -> tuple[list[Path], list[Path]]:
    return sorted(folder.glob(f"*{DATA}")), sorted(folder.glob(f"*{KEYS}"))


def moment(path: Path) -> str:
    with opened(path, "data") as (header, _):
        return header.moment


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Whose name says something about somebody."""
    found = tmp_path / "Mei-Okafor"
    found.mkdir(mode=0o700)
    return found


async def test_a_backup_is_entered_by_the_running_bot_and_by_itself_when_none_runs(
    sandbox: Sandbox, cast: Cast, folder: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    async with running_bot(sandbox, cast.group(), tmp_path) as bot:
        for name in ("Mei", "Lin"):
            await agree(cast.applicant(name))
        await bot.settled()
        status, said = await intake(bot, "backup", str(folder))
        assert (status, "2 people" in said) == (0, True)
        (first,) = files(folder)[0]
        assert entries(data) == [f"{moment(first)} 2 data keys"]
        assert await bot.terminate() == 0
        status, said = await intake(bot, "backup", str(folder))
        assert status == 0, said
        moments = sorted(moment(one) for one in files(folder)[0])
        assert (entries(data), len(moments)) == ([f"{one} 2 data keys" for one in moments], 2)
        status, said = await intake(bot, "audit", "list")
        assert [row.split("  ")[2] for row in said.splitlines()].count("backed_up") == 2
        assert "Okafor" not in said
        assert (await intake(bot, "audit", "verify"))[0] == 0


# while no bot runs


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database of the first version that was shipped, with people in it, and no key beside it."""
    found = tmp_path / "data"
    found.mkdir(mode=0o700)
    with closing(sqlite3.connect(found / "intake.sqlite")) as connection:
        connection.executescript((SHIPPED / "0001_initial.sql").read_text(encoding="utf-8"))
    for name, value in {"TOKEN": "1:AAAAAAAAAAAA", "GROUP": "-5", "DATA": str(found)}.items():
        monkeypatch.setenv(f"INTAKE_{name}", value)
    monkeypatch.chdir(tmp_path)
    return found


def back_up(folder: Path) -> Result:
    return CliRunner().invoke(program, ["backup", str(folder)])


def test_the_database_of_an_older_version_is_not_brought_up_to_date_by_that(data: Path, folder: Path) -> None:
    def schema() -> list[tuple[str]]:
        with closing(sqlite3.connect(data / "intake.sqlite")) as found:
            return found.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()

    before = schema()
    result = back_up(folder)
    assert (result.exit_code, result.stderr) == (0, "")
    assert schema() == before
    (made,) = files(folder)[0]
    assert entries(data) == [f"{moment(made)} {len(PEOPLE)} data keys"]
    assert not (data / "operator.key").exists()


def test_what_the_audit_log_cannot_take_is_said_and_the_backup_is_there(data: Path, folder: Path) -> None:
    with DataLock(data):  # a bot that is just starting: it does not answer yet
        result = back_up(folder)
    assert result.exit_code == 1
    assert result.stderr.startswith("the backup is made, and the audit log did not take the entry of it: ")
    assert result.stderr.count("\n") == 1
    assert [len(one) for one in files(folder)] == [1, 1]
    assert entries(data) == []


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"moment": "2026-03-02T09:00:00.000000Z"},
        {"moment": "2026-03-02T09:00:00.000000Z", "people": "Mei"},
        {"moment": "2026-03-02T09:00:00.000000Z", "people": True},
        {"moment": "/home/mei/backups", "people": 1},
        {"moment": "2026-03-02T09:00:00.000000Z Mei", "people": 1},
    ],
)
async def test_nothing_but_a_moment_and_a_number_is_entered(
    request_: dict[str, object], tmp_path: Path
) -> None:
    async with SQLite.open(tmp_path / "intake.sqlite") as engine:  # without a table: what is written fails
        handler = BackedUp(engine, lambda: pytest.fail("no time"))
        assert "error" in await handler.enter(dict(request_))
