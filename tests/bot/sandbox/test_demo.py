"""The demo: from nothing, leaving nothing, owing nothing to what is set around it."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.demo import furnish, settings_for
from bot.sandbox.server import Sandbox
from bot.web import listen_on


async def play(folder: Path, *options: str) -> asyncio.subprocess.Process:
    """`intake demo`, in a folder whose `.env` and an environment whose settings are all wrong."""
    (folder / ".env").write_text("INTAKE_KEY=nonsense\nINTAKE_LOG_LEVEL=loud\n")
    proxy = "http://127.0.0.1:9"
    around = {"INTAKE_TOKEN": "x", "INTAKE_WEBHOOK_URL": "x", "http_proxy": proxy, "TMPDIR": str(folder)}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "demo", "--no-browser", *options),
        env={**os.environ, **around},
        cwd=folder,
        stdout=pipe,
        stderr=pipe,
    )


def test_settings_owe_nothing_to_the_environment(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("INTAKE_OPERATORS=-100\n")
    monkeypatch.setenv("INTAKE_WEBHOOK_URL", "https://example.org")
    monkeypatch.setenv("INTAKE_LIMITS", "none")
    group = furnish(sandbox)
    settings = settings_for(sandbox, group, tmp_path / "data", None)
    assert (settings.api_url, settings.group) == (sandbox.url, group.id)
    assert (settings.operators, settings.webhook_url, settings.limits) == (None, None, "telegram")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_demo_plays_ends_at_once_and_leaves_nothing(
    tmp_path: Path, session: aiohttp.ClientSession, number: signal.Signals
) -> None:
    process = await play(tmp_path)
    try:
        assert process.stdout is not None and process.stderr is not None
        async with asyncio.timeout(15):
            line = (await process.stdout.readline()).decode()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found is not None, (line, (await process.stderr.read()).decode())
        async with session.ws_connect(f"{found.group()}/live") as socket:
            shot = await socket.receive_json(timeout=5)
            emma = next(person["id"] for person in shot["people"] if person["role"] == "applicant")
            act = {"action": "send_text", "chat_id": emma, "user_id": emma, "text": "/start"}
            async with session.post(f"{found.group()}/act", json=act) as response:
                assert (await response.json())["ok"] is True
            assert "reply_markup" in await _answer(socket)
        process.send_signal(number)
        async with asyncio.timeout(5):
            out, errors = await process.communicate()
        assert (process.returncode, errors.decode()) == (0, "")
        assert out.decode() == "The demo has ended.\n"
        assert [path.name for path in tmp_path.iterdir()] == [".env"]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _answer(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """What the bot says next."""
    while True:
        event = await socket.receive_json(timeout=10)
        if event["type"] == "message" and event["message"]["from"]["is_bot"]:
            message: dict[str, Any] = event["message"]
            return message


async def test_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with listen_on("127.0.0.1", 0) as door:
        port = door.getsockname()[1]
        process = await play(tmp_path, "--port", str(port))
        async with asyncio.timeout(15):
            out, errors = await process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert errors.decode() == (
        f"cannot listen on 127.0.0.1:{port} (Address already in use); choose another port\n"
    )


def test_people_are_there_from_the_start(sandbox: Sandbox) -> None:
    group = furnish(sandbox)
    people = [user for user in sandbox.telegram.users.values() if not user.is_bot]
    assert [(user.role, user.language_code) for user in people] == [
        ("applicant", "en"),
        ("applicant", "zh-hans"),
        *[("reviewer", "en")] * 3,
    ]
    assert [member.status for member in group.members.values()] == [
        "creator",
        "member",
        "member",
        "administrator",
    ]
