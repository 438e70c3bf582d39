"""The socket to the running bot."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bot.control import Control, NotRunning, ask


async def echo(request: dict[str, Any]) -> dict[str, Any]:
    return {"got": request["word"]}


async def fail(request: dict[str, Any]) -> dict[str, Any]:
    raise ValueError("it broke")


HANDLERS = {"echo": echo, "fail": fail}


async def asked(path: Path, command: str, **values: Any) -> dict[str, Any]:
    return await asyncio.to_thread(ask, path, command, **values)


async def test_a_command_reaches_the_running_bot(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with Control(path, HANDLERS):
        assert await asked(path, "echo", word="学生") == {"got": "学生"}
        found = await asyncio.gather(*(asked(path, "echo", word=str(n)) for n in range(8)))
        assert found == [{"got": str(n)} for n in range(8)]


async def test_the_socket_is_for_its_owner_alone_and_gone_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with Control(path, HANDLERS):
        assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert not path.exists()


async def test_a_socket_left_by_a_killed_process_is_no_hindrance(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.touch()
    async with Control(path, HANDLERS):
        assert await asked(path, "echo", word="x") == {"got": "x"}


async def test_an_unknown_command_is_told_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with Control(path, HANDLERS):
        assert await asked(path, "nothing") == {"error": "unknown command; known: echo, fail"}


async def test_a_command_that_fails_says_so_and_the_next_is_served(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with Control(path, HANDLERS):
        assert await asked(path, "fail") == {"error": "ValueError: it broke"}
        assert await asked(path, "echo", word="x") == {"got": "x"}


@pytest.mark.parametrize("line", [b"words\n", b"[]\n", b"{}\n", b'{"command": []}\n', b"\xff\n"])
async def test_a_line_that_is_no_request_is_answered(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "control.sock"
    async with Control(path, HANDLERS):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(line)
        assert json.loads(await reader.readline())["error"].startswith("unknown command")
        writer.close()
        await writer.wait_closed()


async def test_a_line_without_end_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with Control(path, HANDLERS):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"x" * 200_000)
        assert await reader.read() == b""
        writer.close()
        assert await asked(path, "echo", word="x") == {"got": "x"}


def test_no_bot_running_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match=f"no bot runs on {tmp_path}"):
        ask(tmp_path / "control.sock", "status")
    (tmp_path / "control.sock").touch()
    with pytest.raises(NotRunning):
        ask(tmp_path / "control.sock", "status")


async def test_a_long_path_to_the_data_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.chdir(deep)
    path = deep / "control.sock"
    async with Control(path, HANDLERS):
        assert await asked(path, "echo", word="x") == {"got": "x"}
