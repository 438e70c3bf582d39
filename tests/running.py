"""The real bot as a process of its own, serving a local Telegram."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from bot.control import ask
from bot.sandbox.server import Sandbox
from bot.web import listen_on
from tests import warm

_ROOT = Path(__file__).parents[1]
PATIENCE = 10.0  # seconds until a test gives up waiting


class HasId(Protocol):
    """A group."""

    @property
    def id(self) -> int: ...


class RunningBot:
    """The real bot, as `python -m bot run` starts it, a process of its own. Its output is kept in `log`.

    `module`: what is run instead of `bot`, a launcher that changes something inside and then runs the bot; `sign`:
    the call by which one sees that it serves.
    """

    def __init__(
        self, sandbox: Sandbox, environment: dict[str, str], folder: Path, module: str = "bot", sign: str = ""
    ) -> None:
        self.sandbox = sandbox
        self.environment = environment
        self.folder = folder
        self.module = module
        self.sign = sign or ("getWebhookInfo" if "INTAKE_WEBHOOK_URL" in environment else "getUpdates")
        self.log = folder / "bot.log"
        self.process: warm.WarmProcess | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def output(self) -> str:
        """All it said so far."""
        return self.log.read_text() if self.log.exists() else ""

    async def start(self, timeout: float = 20.0, *, serving: bool = True) -> None:
        """Returns when it asks for updates, or has set its webhook; at once when it is not expected to live so long."""
        witness, changes = self.sandbox.telegram.witness, self.sandbox.telegram.changes
        before = witness.counts[self.sign]
        process = self.process = await warm.start(
            self.module, "run", env=self.environment, cwd=self.folder, log=self.log
        )
        self._watch = asyncio.create_task(self._tell_end(process))
        if not serving:
            return
        try:
            await changes.until(
                lambda: witness.counts[self.sign] > before or process.returncode is not None, timeout
            )
        except TimeoutError:
            raise AssertionError(f"the bot does not serve after {timeout} s:\n{self.output}") from None
        if process.returncode is not None:
            raise AssertionError(f"the bot ended with {process.returncode}:\n{self.output}")

    async def settled(self, timeout: float = PATIENCE) -> None:
        """Returns when everything the bot wanted to do is done and recorded."""
        socket = Path(self.environment["INTAKE_DATA"]) / "control.sock"
        async with asyncio.timeout(timeout):
            while (await asyncio.to_thread(ask, socket, "status"))["errands_waiting"]:
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """At once, as by a power cut."""
        await self._end(signal.SIGKILL, 10.0)

    async def terminate(self, timeout: float = 15.0) -> int:
        """Ask it to end; its exit status."""
        return await self._end(signal.SIGTERM, timeout)

    async def interrupt(self, timeout: float = 15.0) -> int:
        """As Ctrl-C does; its exit status."""
        return await self._end(signal.SIGINT, timeout)

    async def restart(self) -> None:
        """End it, gently if it still runs, and start it anew on the same data."""
        await self.terminate()
        await self.start()

    async def _end(self, number: signal.Signals, timeout: float) -> int:
        process = self.process
        if process is None:
            return 0
        if process.returncode is None:
            process.send_signal(number)
        try:
            async with asyncio.timeout(timeout):
                status = await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise AssertionError(f"the bot did not end within {timeout} s:\n{self.output}") from None
        if self._watch is not None:
            await self._watch
        return status

    async def _tell_end(self, process: warm.WarmProcess) -> None:
        await process.wait()
        self.sandbox.telegram.changes.happened()


@contextlib.asynccontextmanager
async def running_bot(
    sandbox: Sandbox,
    group: HasId,
    data_dir: Path,
    *,
    webhook: bool = False,
    module: str = "bot",
    sign: str = "",
    environ: Mapping[str, str] = MappingProxyType({}),
    **settings: Any,
) -> AsyncIterator[RunningBot]:
    """The real bot, serving. `settings` are INTAKE_ settings by their small names; None leaves one out.

    `module` and `environ` are for a launcher: what is run instead of `bot`, and what it finds in its environment.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    wanted: dict[str, Any] = {
        "token": sandbox.token,
        "group": group.id,
        "api_url": sandbox.url,
        "data": data_dir / "data",
        "status_port": 0,
        "limits": "none",
        "log": "text",
        "log_level": "debug",
    }
    if webhook:
        webhooks = sandbox.api.webhooks
        webhooks.first_pause, webhooks.longest_pause = 0.1, 0.5  # seconds; the real ones are 2 and 60
        listen = f"127.0.0.1:{free_port()}"
        wanted |= {
            "webhook_url": f"http://{listen}/telegram",
            "listen": listen,
            "webhook_secret": "only-for-tests",
        }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INTAKE_")}
    environment |= {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}
    environment |= {
        f"INTAKE_{name.upper()}": str(value)
        for name, value in {**wanted, **settings}.items()
        if value is not None
    }
    path = [str(_ROOT), *filter(None, [environment.get("PYTHONPATH")])]
    environment |= {"PYTHONPATH": os.pathsep.join(path), **environ}
    bot = RunningBot(sandbox, environment, data_dir, module, sign)
    try:
        await bot.start()
        yield bot
        assert not (told := _told(bot)), f"the log tells {told}"
    except BaseException:
        print(f"--- what the bot said ---\n{bot.output}--- end of it ---", file=sys.stderr)
        raise
    finally:
        await bot.kill()


def _told(bot: RunningBot) -> list[str]:
    """What the log tells that no log may: the token, the keys, an account's id, what somebody typed."""
    output = bot.output
    secrets = [
        bot.environment[name] for name in ("INTAKE_KEY", "INTAKE_WEBHOOK_SECRET") if name in bot.environment
    ]
    secrets += [bot.sandbox.token, bot.sandbox.token.partition(":")[2]]
    secrets += [
        path.read_text().strip() for path in Path(bot.environment["INTAKE_DATA"]).glob("operator.key*")
    ]
    people = [str(user) for user in bot.sandbox.telegram.users if len(str(user)) > 8]
    typed = {
        one.text
        for chat in bot.sandbox.telegram.chats.values()
        for one in chat.messages
        if not one.from_bot and len(one.text) > 7 and not one.text.startswith("/")
    }
    return [one for one in (*secrets, *people, *typed) if one in output]


def free_port() -> int:
    """A port of this machine that nobody listens on at present."""
    with listen_on("127.0.0.1", 0) as door:
        port: int = door.getsockname()[1]
        return port
