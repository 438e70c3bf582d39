"""`intake reviewers`: the group, the rules, who may do what, and whether the bot has what it needs."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli import intake
from bot.sandbox import topics
from bot.sandbox.deeds import migrate
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Member
from tests.applying import apply, decide
from tests.bot.folders import change, copy_of_the_shipped
from tests.bot.stage import playing
from tests.cast import Cast

pytestmark = pytest.mark.usefixtures("logs_as_before")


@pytest.fixture(autouse=True)
def in_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


async def asked(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, group: int, data: Path, *options: str, **more: Any
) -> Result:
    wanted = {"TOKEN": sandbox.token, "API_URL": sandbox.url, "GROUP": group, "DATA": data, **more}
    for name, value in wanted.items():
        monkeypatch.setenv(f"INTAKE_{name}", str(value))
    found = await asyncio.to_thread(CliRunner().invoke, intake, ["reviewers", *options])
    assert sandbox.token not in found.output
    return found


async def test_it_names_the_rules_and_who_may_do_what(
    sandbox: Sandbox, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_of_the_shipped(tmp_path / "programme")
    rules = {
        '# approve = "administrators"': 'approve = "administrators"',
        "# clear = [123456789]": "clear = [77, 78]",
    }
    change(folder, "programme.toml", rules)
    group = cast.group("Admissions")
    cast.reviewer("Ana", group, status="creator", user_id=5, username="ana")
    cast.reviewer("Ben", group, status="administrator", user_id=6)
    group.chat.members[6].is_anonymous = True
    cast.reviewer("Lea", group, user_id=77)
    found = await asked(monkeypatch, sandbox, group.id, tmp_path / "data", PROGRAMME=folder)
    assert found.stdout.splitlines() == [
        f"group: Admissions ({group.id}), 4 members",
        "",
        "who may:",
        "  whatever is not named below: members of the group",
        "  approve: its administrators",
        "  clear away: accounts 77, 78",
        "",
        "administrators:",
        "  Ana (@ana, 5): creator; may not: clear away",
        "  Ben (6): administrator, anonymous; may not: clear away",
        "",
        "listed accounts:",
        "  Lea (77): member; may not: approve",
        "  78: not in the group; may do nothing",
        "",
        "the bot: @intake_local_bot, administrator; may pin messages, delete messages",
    ]
    assert found.stderr.splitlines() == [
        "78 is listed, and not in the group: add the account, or take it from programme.toml"
    ]
    assert found.exit_code == 1
    told = await asked(monkeypatch, sandbox, group.id, tmp_path / "data", "--json", PROGRAMME=folder)
    content = json.loads(told.stdout)
    assert content["rules"]["approve"] == "administrators" and content["rules"]["clear"] == [77, 78]
    assert content["listed"][1]["status"] == "left" and len(content["wrong"]) == 1
    assert told.exit_code == 1


async def test_where_all_is_well_it_is_short_and_ends_well_while_the_bot_runs_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with playing(tmp_path) as play:
        found = await asked(monkeypatch, play.sandbox, play.group.id, play.settings.data)
        assert (found.exit_code, found.stderr) == (0, "")
        assert "  everything: members of the group" in found.stdout.splitlines()
        assert "seen as reviewers" not in found.stdout
        card = await apply(play.cast.applicant("Mei"), play.group)
        await decide(play.ana, card, "claim")
        await play.settled()
        shown = await asked(monkeypatch, play.sandbox, play.group.id, play.settings.data)
        assert re.search(
            rf"^  Ana \({play.ana.id}\): creator, 20\d\d-\d\d-\d\d \d\d:\d\d UTC$", shown.stdout, re.M
        )
        assert "Mei" not in shown.output
        play.group.chat.members[play.cast.telegram.bot.id] = Member(
            "administrator", rights={"can_pin_messages": False}
        )
        weak = await asked(monkeypatch, play.sandbox, play.group.id, play.settings.data)
        assert (weak.exit_code, weak.stderr) == (
            1,
            "the bot may not pin messages: allow it in the group's settings, Administrators\n",
        )
        play.group.chat.members[play.cast.telegram.bot.id] = Member("member")
        plain = await asked(monkeypatch, play.sandbox, play.group.id, play.settings.data)
        assert plain.exit_code == 1 and plain.stderr.startswith("the bot is no administrator")


async def test_where_topics_are_wanted_the_group_has_to_have_them_and_the_bot_the_right(
    sandbox: Sandbox, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_of_the_shipped(tmp_path / "programme")
    change(folder, "programme.toml", {'topics = "none"': 'topics = "one"'})
    group = cast.group()
    found = await asked(monkeypatch, sandbox, group.id, tmp_path / "data", PROGRAMME=folder)
    assert found.stderr.splitlines() == [
        "review.topics is one, and the group has no topics: turn them on, or all stands in General",
        "the bot may not manage topics: allow it in the group's settings, Administrators",
    ]
    topics.make_forum(cast.telegram, group.chat)
    group.chat.members[cast.telegram.bot.id] = Member("administrator", rights={"can_manage_topics": True})
    found = await asked(monkeypatch, sandbox, group.id, tmp_path / "data", PROGRAMME=folder)
    assert (found.exit_code, found.stderr) == (0, "")
    assert "with topics" in found.stdout.splitlines()[0]
    assert found.stdout.splitlines()[-1].endswith("may pin messages, delete messages, manage topics")


async def test_a_group_that_has_moved_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with playing(tmp_path, kind="group") as play:
        moved = migrate(play.cast.telegram, play.group.chat)
        await play.taken()
        await play.settled()
        found = await asked(monkeypatch, play.sandbox, play.group.id, play.settings.data)
        assert f"group: Reviewers ({moved.id})" in found.stdout


async def test_what_cannot_be_used_is_one_line(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for changes, begins in (
        ({"GROUP": -100_999}, "INTAKE_GROUP: the bot is not in the group -100999"),
        ({"TOKEN": "123456789:" + "x" * 35}, "INTAKE_TOKEN: Telegram refuses this token"),
        ({"API_URL": "http://127.0.0.1:9"}, "Telegram does not answer"),
    ):
        found = await asked(monkeypatch, sandbox, -5, tmp_path / "data", **changes)
        assert (found.exit_code, found.stdout, len(found.stderr.splitlines())) == (2, "", 1)
        assert found.stderr.startswith(begins)
