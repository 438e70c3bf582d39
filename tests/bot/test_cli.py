"""The command line: help, exit statuses, and what is said when something cannot be used."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from bot.cli import intake
from bot.control import Control
from conversations.describe import picture
from storage.vault import OperatorKey
from tests.bot.folders import change, copy_of_the_shipped

TOKEN = "123456789:a-secret-of-the-bot"
NOBODY = "http://127.0.0.1:9"

pytestmark = pytest.mark.usefixtures("logs_as_before")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("INTAKE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """All settings are there; the data folder."""
    for name, value in {
        "TOKEN": TOKEN,
        "GROUP": "-5",
        "DATA": str(tmp_path / "data"),
        "STATUS_PORT": "0",
    }.items():
        monkeypatch.setenv(f"INTAKE_{name}", value)
    return tmp_path / "data"


def run(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(intake, arguments, input=typed)


def refused(result: Result) -> str:
    """The one line of what cannot be used."""
    assert (result.exit_code, result.stdout) == (2, "")
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


# help


@pytest.mark.parametrize("path", list(commands(intake)), ids=" ".join)
def test_every_command_helps(path: tuple[str, ...]) -> None:
    for flag in ("--help", "-h"):
        result = run(*path, flag)
        assert result.exit_code == 0
        assert result.stdout.startswith(f"Usage: intake {' '.join(path)}")
        assert result.stderr == ""


@pytest.mark.parametrize("path", [(), ("key",)])
def test_the_list_of_commands_is_not_cut(path: tuple[str, ...]) -> None:
    listed = run(*path, "--help").stdout.partition("Commands:\n")[2].splitlines()
    group = intake if not path else intake.commands["key"]
    assert isinstance(group, click.Group)
    assert len(listed) == len(group.commands)
    assert [line for line in listed if not line.endswith(".") or line.endswith("...")] == []


def test_the_version_is_said() -> None:
    assert run("--version").stdout == "intake, version 0.1.0\n"


@pytest.mark.parametrize("arguments", [("nothing",), ("run", "--fast"), ("key", "new"), ("check", "nowhere")])
def test_a_command_that_cannot_be_read_is_refused(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


# settings that cannot be used


@pytest.mark.parametrize("command", ["run", "migrate", "status", "stop", "groups"])
def test_without_settings_nothing_runs_and_nothing_is_written(command: str) -> None:
    line = refused(run(command))
    assert line == "INTAKE_TOKEN: missing. The bot's token, as @BotFather gave it." or command == "groups"
    assert line.startswith("INTAKE_TOKEN: missing.")
    assert list(Path.cwd().iterdir()) == []


def test_the_same_as_a_process(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INTAKE_")}
    found = subprocess.run(
        [sys.executable, "-m", "bot", "run"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (found.returncode, found.stdout) == (2, b"")
    assert found.stderr == b"INTAKE_TOKEN: missing. The bot's token, as @BotFather gave it.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_is_none_is_refused_before_anything_is_written(
    settled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTAKE_KEY", "no-key")
    line = "INTAKE_KEY: the operator's key must be 32 bytes, and this one has 4"
    assert refused(run("migrate")) == line
    assert not settled.exists() or sorted(path.name for path in settled.iterdir()) == ["lock"]


def test_a_programme_with_mistakes_does_not_run(
    settled: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = copy_of_the_shipped(tmp_path / "mine")
    change(folder, "programme.toml", {"reapply_days = 30": "reapply_days = -1"})
    monkeypatch.setenv("INTAKE_PROGRAMME", str(folder))
    assert refused(run("run")).startswith("programme.toml: reapply_days: found -1; allowed: ")
    assert not settled.exists()


def test_a_programme_that_is_not_there_does_not_run(settled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTAKE_PROGRAMME", "nowhere")
    assert refused(run("run")).startswith("programme.toml: the file: found nothing in nowhere")
    assert not settled.exists()


def test_a_server_that_does_not_answer_is_said(settled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTAKE_API_URL", NOBODY)
    assert refused(run("run")).startswith(f"INTAKE_API_URL: {NOBODY} does not answer as a Bot API")
    assert not settled.exists()


# check


def test_check_of_the_shipped_programme_finds_it_good() -> None:
    result = run("check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == (
        "university_x: 9 questions, 2 consents, 8 reasons, in en, zh: good"
    )


def test_check_says_what_goes_without_a_word_before(tmp_path: Path) -> None:
    """The shipped one lets nothing go so; of short periods each is named, but for a draft that a reminder names."""
    assert "without a word" not in run("check").stdout
    folder = copy_of_the_shipped(tmp_path / "mine")
    change(
        folder, "programme.toml", {"photo_days = 30": "photo_days = 6", "draft_days = 30": "draft_days = 4"}
    )
    named = [line for line in run("check", str(folder)).stdout.splitlines() if "without a word" in line]
    assert [re.search(r"retention\.\w+ = \d", line)[0] for line in named] == ["retention.photo_days = 6"]  # type: ignore[index]
    change(folder, "programme.toml", {"draft_days = 4": "draft_days = 1"})
    named = [line for line in run("check", str(folder)).stdout.splitlines() if "without a word" in line]
    assert "retention.draft_days = 1" in named[0]
    assert "reminders.after_hours" in named[0]


def test_check_traces_each_field_from_its_clause_to_how_long_it_is_kept() -> None:
    result = run("check", "--trace")
    assert (result.exit_code, result.stderr) == (0, "")
    heading, *lines = [re.split(r"\s{2,}", line) for line in result.stdout.split("\n\n")[0].splitlines()]
    assert heading == ["clause", "field", "asked", "purposes", "consents", "kept, in days"]
    found = {line[1]: line for line in lines}
    all_of_it = "draft 30, approved 730, rejected 180, withdrawn 30"
    assert found["email"] == ["2", "email", "required", "verify, contact", "agreement", all_of_it]
    both = "agreement, identity_photo"
    assert found["identity"] == ["2", "identity", "required, sensitive", "verify", both, "draft 30, photo 30"]
    assert found["Telegram user id"][0] == "notice"
    assert len(lines) == 9 + 2
    assert "purposes of the agreement that no field serves: provide, improve\n" in result.stdout
    assert result.stdout.endswith(run("check").stdout)


def test_check_names_every_mistake_and_counts_them(tmp_path: Path) -> None:
    folder = copy_of_the_shipped(tmp_path / "mine")
    change(folder, "programme.toml", {'name = "university_x"': 'name = "X"', "max = 1500": "max = 0"})
    result = run("check", str(folder))
    assert result.exit_code == 1
    assert [line.split(": found")[0] for line in result.stdout.splitlines()] == [
        "programme.toml: name",
        "programme.toml: questions.scenarios.max",
    ]
    assert result.stderr == "2 mistakes\n"


def test_check_reads_the_programme_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copy_of_the_shipped(tmp_path / "mine")
    change(folder, "programme.toml", {'name = "university_x"': 'name = "mine"'})
    monkeypatch.setenv("INTAKE_PROGRAMME", str(folder))
    assert run("check").stdout.splitlines()[-1].startswith("mine: 9 questions")
    monkeypatch.setenv("INTAKE_PROGRAMME", str(tmp_path / "nowhere"))
    assert refused(run("check")).startswith("INTAKE_PROGRAMME: there is no folder")


def test_check_of_an_empty_folder_names_what_is_missing(tmp_path: Path) -> None:
    result = run("check", str(tmp_path))
    assert result.exit_code == 1
    assert result.stdout == (
        f"programme.toml: the file: found nothing in {tmp_path}; allowed: a file of that name\n"
    )
    assert result.stderr == "1 mistake\n"


# the others


def test_describe_prints_the_generated_parts() -> None:
    result = run("describe")
    assert (result.exit_code, result.stderr) == (0, "")
    assert picture() in result.stdout
    assert "| `INTAKE_TOKEN` | required |" in result.stdout
    assert "| `intake check [FOLDER]` |" in result.stdout


def test_describe_writes_between_the_markers_of_a_file(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- states -->\nold\n<!-- /states -->\nafter\n")
    result = run("describe", "--update", str(readme))
    assert (result.exit_code, result.output) == (0, "")
    assert (
        readme.read_text()
        == f"before\n<!-- states -->\n```mermaid\n{picture()}```\n<!-- /states -->\nafter\n"
    )


def test_key_new_makes_a_key_and_never_overwrites_one(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "operator.key"
    result = run("key", "new", str(path))
    assert (result.exit_code, result.stdout) == (0, f"made {path}; back it up apart from the data\n")
    key = OperatorKey.from_file(path, create=False)
    assert refused(run("key", "new", str(path))) == f"{path} exists; a key is never overwritten"
    assert OperatorKey.from_file(path, create=False).text() == key.text()
    assert key.text() not in result.output


def test_key_new_says_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    line = refused(run("key", "new", str(tmp_path / "file" / "operator.key")))
    assert line == f"{tmp_path / 'file' / 'operator.key'} cannot be written: Not a directory"


@pytest.mark.parametrize("command", ["status", "stop"])
def test_a_command_for_the_running_bot_says_when_none_runs(settled: Path, command: str) -> None:
    assert refused(run(command)) == f"no bot runs on {settled}"
    assert not settled.exists()


@pytest.mark.parametrize(
    ("applications", "line"), [({}, "none yet"), ({"approved": 2, "waiting": 11}, "2 approved, 11 waiting")]
)
async def test_status_is_said_in_words(settled: Path, applications: dict[str, int], line: str) -> None:
    async def status(request: dict[str, Any]) -> dict[str, Any]:
        return {"bot": "intake_bot", "group": -5, "errands_waiting": 3, "applications": applications}

    settled.mkdir()
    async with Control(settled / "control.sock", {"status": status}):
        result = await asyncio.to_thread(run, "status")
    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        ["bot: intake_bot", "group: -5", "to send now: 3", f"applications: {line}"],
    )


def test_migrate_makes_the_database_once_and_names_the_key_it_made(settled: Path) -> None:
    first = run("migrate")
    assert (first.exit_code, first.stdout) == (
        0,
        "applied 0001_initial.sql\napplied 0002_card_index.sql\napplied 0003_particulars.sql\n"
        "applied 0004_audit_subject.sql\napplied 0005_tallies.sql\napplied 0006_desk.sql\n",
    )
    assert [json.loads(line) | {"timestamp": ""} for line in first.stderr.splitlines()] == [
        {
            "event": f"made {settled}/operator.key; copy it to a safe place: "
            "without it the data cannot be read",
            "action": "key_made",
            "level": "info",
            "timestamp": "",
        }
    ]
    assert run("migrate").output == "the database is up to date\n"
    assert {path.name for path in settled.iterdir()} >= {"intake.sqlite", "operator.key", "lock"}


def test_migrate_refuses_another_key(settled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("migrate").exit_code == 0
    OperatorKey.create(tmp_path / "other.key")
    monkeypatch.setenv("INTAKE_KEY_FILE", str(tmp_path / "other.key"))
    assert "not the one this data was sealed with" in refused(run("migrate"))


def test_migrate_refuses_a_key_file_that_others_may_read(settled: Path) -> None:
    assert run("migrate").exit_code == 0
    (settled / "operator.key").chmod(0o644)
    assert "chmod 600" in refused(run("migrate"))


def test_a_key_file_that_cannot_be_made_is_said(
    settled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("INTAKE_KEY_FILE", str(tmp_path / "file" / "operator.key"))
    assert "operator.key cannot be used: Not a directory" in refused(run("migrate"))


def test_migrate_says_when_the_key_is_gone(settled: Path) -> None:
    assert run("migrate").exit_code == 0
    (settled / "operator.key").unlink()
    assert "is missing, and the data cannot be read without it" in refused(run("migrate"))
    assert not (settled / "operator.key").exists()


# try


def test_try_talks_until_the_end_of_input() -> None:
    result = run("try", typed="1\n2\nquit\n")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "bot:" in result.stdout
    assert run("try", typed="").exit_code == 0


def test_try_does_not_repeat_a_text_of_which_only_the_buttons_changed() -> None:
    result = run("try", typed="1\nquit\n")
    assert result.stdout.count("1. Purposes") == 2  # in its contents, and as a section
    assert "[buttons changed]" in result.stdout


def test_try_refuses_a_language_the_programme_does_not_have() -> None:
    result = run("try", "--language", "fr", typed="")
    assert result.exit_code == 2
    assert result.stderr == "--language: fr is none of en, zh\n"


def test_try_names_the_mistakes_of_a_programme(tmp_path: Path) -> None:
    assert refused(run("try", str(tmp_path), typed="")).startswith("programme.toml: the file: found nothing")
