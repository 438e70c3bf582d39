"""The two bots as child processes, and what they cost the machine."""

import asyncio
import contextlib
import os
import secrets
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal

import psutil

from tests.benchmarks.dialogue import OURS, STOCK, Dialogue

Way = Literal["polling", "webhook"]
ROOT = Path(__file__).resolve().parents[2]
STOPPING = 20.0  # seconds


class BotEnded(Exception):
    """The bot under test ended before the run did; its last lines."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One bot: its name in the table, how it is started, and how one talks to it."""

    name: str
    arguments: tuple[str, ...]
    dialogue: Dialogue


CONTENDERS = (
    Contender("Intake", ("-m", "bot", "run"), OURS),
    Contender("stock", ("-m", "tests.benchmarks.stock_bot"), STOCK),
)


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds since its start, of the bot's own process and of its children."""

    own: float
    children: float


class Bot:
    """A running bot."""

    def __init__(self, process: asyncio.subprocess.Process, lines: Path) -> None:
        self._process = process
        self._lines = lines
        self._root = psutil.Process(process.pid)

    def usage(self) -> Usage:
        """The children that have ended are counted by the kernel, the living ones here."""
        times = self._root.cpu_times()
        children = times.children_user + times.children_system
        for child in self._children():
            with contextlib.suppress(psutil.NoSuchProcess):
                its = child.cpu_times()
                children += its.user + its.system
        return Usage(times.user + times.system, children)

    def resident(self) -> int:
        """Bytes of resident memory, children included."""
        size = int(self._root.memory_info().rss)
        for child in self._children():
            with contextlib.suppress(psutil.NoSuchProcess):
                size += int(child.memory_info().rss)
        return size

    def _children(self) -> list[psutil.Process]:
        return self._root.children(recursive=True)

    async def ended(self) -> None:
        """Waits. Raises BotEnded with the bot's last lines."""
        status = await self._process.wait()
        last = self._lines.read_text(errors="replace").splitlines()[-15:]
        raise BotEnded("\n".join([f"the bot ended with status {status}", *last]))

    async def stop(self) -> None:
        """As an operator would, and by force when that takes too long."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
            try:
                async with asyncio.timeout(STOPPING):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()


@contextlib.asynccontextmanager
async def running(
    contender: Contender, way: Way, folder: Path, *, api_url: str, token: str, group: int
) -> AsyncIterator[Bot]:
    """The bot on an empty data folder; ended at the end."""
    lines = folder / "lines.log"
    environment = environment_for(way, folder, api_url=api_url, token=token, group=group)
    with lines.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *contender.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env=environment,
            cwd=folder,  # no .env of the repository is read
        )
    bot = Bot(process, lines)
    try:
        yield bot
    finally:
        await bot.stop()


def environment_for(way: Way, folder: Path, *, api_url: str, token: str, group: int) -> dict[str, str]:
    """The same for both bots."""
    settings = {
        "TOKEN": token,
        "GROUP": str(group),
        "API_URL": api_url,
        "DATA": str(folder / "data"),
        "PROGRAMME": str(programme_that_tells_at_once(folder)),
        "STATUS_PORT": "0",
        "LIMITS": "none",
        "LOG_LEVEL": "warning",
    }
    if way == "webhook":
        listen = f"127.0.0.1:{free_port()}"
        settings |= {
            "WEBHOOK_URL": f"http://{listen}/telegram",
            "WEBHOOK_SECRET": secrets.token_urlsafe(24),
            "LISTEN": listen,
        }
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), **{f"INTAKE_{name}": value for name, value in settings.items()}}


def programme_that_tells_at_once(folder: Path) -> Path:
    """The shipped programme without the minute in which a decision can be undone: the stock bot has none."""
    copy = folder / "programme"
    if not copy.exists():
        with as_file(files("templates") / "university_x") as shipped:
            shutil.copytree(shipped, copy)
        said = (copy / "programme.toml").read_text(encoding="utf-8")
        (copy / "programme.toml").write_text(
            said.replace("undo_seconds = 60", "undo_seconds = 0"), encoding="utf-8"
        )
    return copy


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
