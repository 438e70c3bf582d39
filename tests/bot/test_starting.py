"""What keeps the bot from starting is one clear line with its cure, exit 2, and nothing written."""

import asyncio
import json
import os
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from bot.control import ask
from bot.programmes import gaps, load
from bot.sandbox.faults import Fault
from bot.sandbox.server import Sandbox
from bot.web import listen_on
from storage.migrate import migrations
from storage.vault import OperatorKey
from tests import warm
from tests.applying import agree
from tests.cast import Cast, Group, RunningBot, free_port, running_bot


@pytest.fixture
def group(sandbox: Sandbox) -> Group:
    return Cast(sandbox).group()


async def run(
    sandbox: Sandbox, reviewers: Group, folder: Path, *, command: str = "run", **settings: object
) -> tuple[int, str]:
    """`intake run` until it ends: its exit status, and all it said. The data folder is `folder`/data."""
    wanted = {"token": sandbox.token, "group": reviewers.id, "api_url": sandbox.url, "data": folder / "data"}
    wanted |= {"status_port": 0, **settings}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INTAKE_")}
    environment |= {f"INTAKE_{name.upper()}": str(value) for name, value in wanted.items()}
    try:
        return await warm.run("bot", command, env=environment, cwd=folder, seconds=20)
    except TimeoutError:
        raise AssertionError("it went on running") from None


def one_line(said: str) -> str:
    """The only line. Fails when there are more."""
    lines = said.strip().splitlines()
    assert len(lines) == 1, said
    return lines[0]


async def test_a_token_that_telegram_refuses_is_said(sandbox: Sandbox, group: Group, tmp_path: Path) -> None:
    status, said = await run(sandbox, group, tmp_path, token="7000000009:refused-AAAAAAAAAAAAAAAA")
    assert (status, one_line(said)) == (
        2,
        "INTAKE_TOKEN: Telegram refuses this token; copy it again from @BotFather",
    )
    assert "refused-AAAA" not in said
    assert list(tmp_path.iterdir()) == []


async def test_a_group_the_bot_is_not_in_is_said(sandbox: Sandbox, group: Group, tmp_path: Path) -> None:
    stranger = Cast(sandbox).group("Others", bot="left")
    for chat_id in (stranger.id, -1009999999999):
        status, said = await run(sandbox, group, tmp_path, group=chat_id)
        assert status == 2
        assert one_line(said).startswith("INTAKE_GROUP: the bot is")
        assert "add @intake_local_bot to it" in said
    assert list(tmp_path.iterdir()) == []


async def test_a_server_that_is_no_bot_api_is_said(sandbox: Sandbox, group: Group, tmp_path: Path) -> None:
    status, said = await run(sandbox, group, tmp_path, api_url=f"http://127.0.0.1:{free_port()}")
    assert status == 2
    assert one_line(said).startswith("INTAKE_API_URL: http://127.0.0.1:")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("setting", ["status_port", "listen"])
async def test_a_port_in_use_is_said(setting: str, sandbox: Sandbox, group: Group, tmp_path: Path) -> None:
    with listen_on("127.0.0.1", 0) as door:
        port = door.getsockname()[1]
        webhook = {
            "listen": f"127.0.0.1:{port}",
            "webhook_url": f"http://127.0.0.1:{port}/x",
            "webhook_secret": "tests",
        }
        settings = webhook if setting == "listen" else {"status_port": port}
        status, said = await run(sandbox, group, tmp_path, **settings)
    assert status == 2
    assert (
        one_line(said) == f"cannot listen on 127.0.0.1:{port} (Address already in use); choose another port"
    )
    assert list(tmp_path.iterdir()) == []


async def test_a_data_folder_that_cannot_be_made_is_said(
    sandbox: Sandbox, group: Group, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    status, said = await run(sandbox, group, tmp_path, data=blocked / "data")
    assert status == 2
    assert one_line(said) == f"the data folder {blocked}/data is not writable: Not a directory"


async def test_a_key_that_is_none_or_open_to_others_is_said(
    sandbox: Sandbox, group: Group, tmp_path: Path
) -> None:
    key = tmp_path / "operator.key"
    key.write_text("not a key at all")
    key.chmod(0o600)
    status, said = await run(sandbox, group, tmp_path, key_file=key)
    assert (status, one_line(said)) == (
        2,
        "the operator's key is not base64url; make one with: intake key new",
    )
    key.write_text(OperatorKey.generate().text())
    key.chmod(0o644)
    status, said = await run(sandbox, group, tmp_path, key_file=key)
    assert (status, one_line(said)) == (2, f"others may read the key file {key}; cure: chmod 600 {key}")
    assert list(tmp_path.iterdir()) == [key]


async def test_a_key_that_does_not_fit_or_is_gone_is_said(
    sandbox: Sandbox, group: Group, tmp_path: Path
) -> None:
    async with running_bot(sandbox, group, tmp_path) as bot:
        await bot.terminate()
    status, said = await run(sandbox, group, tmp_path, key=OperatorKey.generate().text())
    assert status == 2
    assert (
        one_line(said)
        == "the operator's key is not the one this data was sealed with; put the right key back"
    )
    key = tmp_path / "data" / "operator.key"
    kept = key.read_text()
    key.unlink()
    status, said = await run(sandbox, group, tmp_path)
    assert status == 2
    assert one_line(said).startswith(f"the key file {key} is missing")
    assert not key.exists()
    status, said = await run(sandbox, group, tmp_path, command="migrate", key=kept)
    assert (status, one_line(said)) == (0, "the database is up to date")


async def test_a_second_bot_on_the_same_data_is_refused_and_commands_reach_the_first(
    sandbox: Sandbox, group: Group, tmp_path: Path
) -> None:
    async with running_bot(sandbox, group, tmp_path) as bot:
        for command in ("run", "migrate"):
            status, said = await run(sandbox, group, tmp_path, command=command)
            expected = f"the data folder {tmp_path}/data is in use by process {bot.pid}; stop it first"
            assert (status, one_line(said)) == (2, expected)
        mei = Cast(sandbox).applicant()
        await agree(mei)
        status, said = await run(sandbox, group, tmp_path, command="status")
        assert status == 0
        assert said.splitlines() == [
            "bot: intake_local_bot",
            f"group: {group.id}",
            "to send now: 0",
            "applications: none yet",
        ]
        status, said = await run(sandbox, group, tmp_path, command="groups")
        running = f"the bot is running on {tmp_path}/data; `intake status` names its group"
        assert (status, one_line(said)) == (1, running)
        status, said = await run(sandbox, group, tmp_path, command="stop")
        assert (status, one_line(said)) == (0, "it is stopping")
        assert bot.process is not None
        assert await asyncio.wait_for(bot.process.wait(), 10) == 0
        status, said = await run(sandbox, group, tmp_path, command="status")
        assert (status, one_line(said)) == (2, f"no bot runs on {tmp_path}/data")


async def test_the_first_start_says_what_is_to_be_kept_decided_and_mended(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    group = Cast(sandbox).group(bot="member")
    async with running_bot(sandbox, group, tmp_path, log="json") as bot:
        lines = [json.loads(line) for line in bot.output.splitlines()]
        said = [(line["level"], line["action"], line["event"]) for line in lines]
        key = tmp_path / "data" / "operator.key"
        assert said == [
            ("warning", "not_admin", "the bot should be an administrator of the reviewers' group"),
            ("info", "key_made", f"made {key}; copy it to a safe place: without it the data cannot be read"),
            *(("info", "migrate", "migrated") for _ in migrations(files("storage") / "migrations")),
            *(("warning", "to_decide", str(gap)) for gap in gaps(load(None).programme)),
            ("info", "started", "receiving by polling"),
        ]
        assert lines[-1]["group"] == group.id
        assert await bot.terminate() == 0


async def test_a_token_that_is_revoked_while_it_runs_ends_it_with_a_line(
    sandbox: Sandbox, group: Group, tmp_path: Path
) -> None:
    async with running_bot(sandbox, group, tmp_path) as bot:
        sandbox.telegram.token = "7000000001:another-AAAAAAAAAAAAAAAAAAAA"
        sandbox._calls = "/botnone/"
        Cast(sandbox).applicant().start()  # ends the poll that waits
        assert bot.process is not None
        assert await asyncio.wait_for(bot.process.wait(), 15) == 2
        assert "INTAKE_TOKEN: Telegram does not accept the token any more" in bot.output


async def test_a_later_start_waits_for_telegram_and_ends_when_it_is_told_to(
    sandbox: Sandbox, group: Group, tmp_path: Path
) -> None:
    async with running_bot(sandbox, group, tmp_path) as bot:
        await bot.terminate()
        async with sandbox.unreachable():
            await bot.start(serving=False)
            await said(bot, "Telegram does not answer; trying again")
            assert await bot.terminate() == 0
            assert "stopped before it served" in bot.output
            await bot.start(serving=False)
            await said(bot, "Telegram does not answer; trying again", times=2)
        sandbox.faults.add(Fault("429", "getMe", count=1, retry_after=1))
        await agree(Cast(sandbox).applicant())
        assert await bot.terminate() == 0


async def said(bot: RunningBot, line: str, times: int = 1) -> None:
    async with asyncio.timeout(10):
        while bot.output.count(line) < times:
            await asyncio.sleep(0.05)


async def test_the_data_is_for_its_owner_alone(sandbox: Sandbox, group: Group, tmp_path: Path) -> None:
    async with running_bot(sandbox, group, tmp_path) as bot:
        await asyncio.to_thread(ask, tmp_path / "data" / "control.sock", "status")
        folder = tmp_path / "data"
        modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
        assert folder.stat().st_mode & 0o777 == 0o700
        assert set(modes.values()) == {0o600}, modes
        assert {"intake.sqlite", "operator.key", "control.sock"} <= set(modes)
        assert await bot.terminate() == 0


async def test_groups_asks_at_once_to_be_added_somewhere(
    sandbox: Sandbox, group: Group, tmp_path: Path
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INTAKE_")}
    environment |= {"INTAKE_TOKEN": sandbox.token, "INTAKE_API_URL": sandbox.url}
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "bot", "groups")
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, cwd=tmp_path, stdout=pipe, stderr=pipe
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(20):
            said = await process.stderr.readline()
            assert said == b"add the bot to your reviewers' group now ...\n"
            assert sandbox.telegram.witness.counts["getUpdates"] <= 2  # the one that waits may have begun
            Cast(sandbox).reviewer("Ana", group).say("/start", group.chat)
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (process.returncode, out.decode()) == (0, f"INTAKE_GROUP={group.id}    # Reviewers\n")


async def test_groups_prints_the_line_that_the_settings_want(
    sandbox: Sandbox, group: Group, tmp_path: Path
) -> None:
    cast = Cast(sandbox)
    cast.reviewer("Ana", group).say("/start", group.chat)
    status, said = await run(sandbox, group, tmp_path, command="groups")
    assert (status, one_line(said)) == (0, f"INTAKE_GROUP={group.id}    # Reviewers")
