"""The whole bot in this process, stopped and started on the same data at will, with an operator who is told things.

Much faster to start than a process of its own; what it sends and gets goes over a real socket all the same.
"""

import asyncio
import atexit
import contextlib
import functools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import jinja2
from pydantic import SecretStr

from bot import app
from bot.app import App
from bot.programmes import Loaded, load
from bot.proofreading import faults
from bot.sandbox.pacing import Limits
from bot.sandbox.server import Sandbox
from bot.sandbox.state import ChatKind, Message
from bot.sandbox.witness import Call
from bot.settings import Settings
from conversations import Mistake
from tests.applying import apply, decide
from tests.bot.folders import change, copy_of_the_shipped
from tests.cast import Cast, Group, Person


@dataclass(slots=True)
class Stage:
    """A bot, and those who play. `group` is the first one; a moved group is the test's to remember."""

    settings: Settings
    sandbox: Sandbox
    cast: Cast
    group: Group
    ana: Person
    operator: Person
    app: App = field(init=False)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _serving: "asyncio.Task[None] | None" = None

    async def start(self, **settings: Any) -> None:
        """As a new process would, with other settings perhaps."""
        self.settings = self.settings.model_copy(update=settings)
        self._stop, opened = asyncio.Event(), asyncio.Event()
        self.sandbox.api.polling._last_offset = None  # who asks again so soon is made to wait three seconds

        async def serve() -> None:
            async with contextlib.AsyncExitStack() as stack:
                with read_once():
                    self.app = await stack.enter_async_context(App.open(self.settings))
                opened.set()
                await self.app.run(self._stop)

        self._serving = asyncio.create_task(serve())
        waiting = asyncio.create_task(opened.wait())
        await asyncio.wait({self._serving, waiting}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._serving.done():
            await self._serving
        await asyncio.wait_for(self.app.drained.wait(), 20)

    async def stop(self) -> None:
        """What is in flight is finished; the rest stays in the table."""
        self._stop.set()
        if self._serving:
            await self._serving

    async def settled(self, timeout: float = 20.0) -> None:
        """Returns when all that is to be done now is done and entered."""
        async with asyncio.timeout(timeout):
            while self.app.outbox.waiting():
                await asyncio.sleep(0.005)

    async def until(self, look: Callable[[], Any], timeout: float = 10.0) -> None:
        """Wait for something in the local Telegram."""
        await self.sandbox.telegram.changes.until(look, timeout)

    async def taken(self) -> None:
        """Returns when nothing waits in Telegram any more."""
        await self.until(lambda: not len(self.sandbox.telegram.queue))

    async def approved(self, name: str) -> tuple[Person, Message, float]:
        """Someone who has just been approved, his card, and when (monotonic)."""
        person = self.cast.applicant(name)
        card = await apply(person, self.group)
        await decide(self.ana, card, "approve")
        return person, card, time.monotonic()

    @property
    def calls(self) -> list[Call]:
        return self.sandbox.telegram.witness.calls

    @property
    def told(self) -> list[str]:
        """What the operator was told."""
        return [one.text for one in self.operator.messages() if one.from_bot]


@contextlib.asynccontextmanager
async def playing(
    folder: Path,
    *,
    clock: Callable[[], float] = time.time,
    undo: int = 60,
    kind: ChatKind = "supergroup",
    limits: Limits | None = None,
) -> AsyncIterator[Stage]:
    """`limits`: what the local Telegram holds the bot to, which then keeps Telegram's limits; `undo` in seconds."""
    async with Sandbox.open(clock=clock, limits=limits) as sandbox:
        cast = Cast(sandbox)
        group, operator = cast.group(kind=kind), cast.applicant("Olu")
        operator.user.started = operator.user.known = True
        settings = Settings(
            _env_file=None,
            token=SecretStr(sandbox.token),
            group=group.id,
            api_url=sandbox.url,
            data=folder / "data",
            programme=programme(undo),
            operators=operator.id,
            status_port=0,
            limits="telegram" if limits else "none",
        )
        ana = cast.reviewer("Ana", group, status="creator")
        stage = Stage(settings, sandbox, cast, group, ana, operator)
        await stage.start()
        try:
            yield stage
        finally:
            await stage.stop()


@functools.cache
def programme(undo: int) -> Path:
    """The shipped one, with another time to undo, in seconds; a folder that lives as long as this process."""
    folder = TemporaryDirectory(prefix="intake-programme-")
    atexit.register(folder.cleanup)
    copy = copy_of_the_shipped(Path(folder.name) / "programme")
    change(copy, "programme.toml", {"undo_seconds = 60": f"undo_seconds = {undo}"})
    return copy


@functools.cache
def _loaded(folder: Path) -> Loaded:
    return load(folder)


_sound: set[int] = set()  # the ids of programmes in which nothing is wrong; they live as long as this process


def _proofread(found: Loaded) -> list[Mistake]:
    if id(found) in _sound:
        return []
    mistakes = faults(found)
    if not mistakes:
        _sound.add(id(found))
    return mistakes


_plain_compile = jinja2.Environment.compile
_compiled: dict[tuple[Any, ...], Any] = {}


def _compile(self: jinja2.Environment, source: Any, *args: Any, **kwargs: Any) -> Any:
    if not isinstance(source, str) or args or kwargs:
        return _plain_compile(self, source, *args, **kwargs)
    place = type(self), self.autoescape, self.trim_blocks, self.lstrip_blocks, source
    if place not in _compiled:
        _compiled[place] = _plain_compile(self, source)
    return _compiled[place]


@contextlib.contextmanager
def read_once() -> Iterator[None]:
    """A programme that was read, proofread and compiled in this process is not once more: that is most of a start."""
    with (
        patch.object(app, "load", _loaded),
        patch.object(app, "faults", _proofread),
        patch.object(jinja2.Environment, "compile", _compile),
    ):
        yield
