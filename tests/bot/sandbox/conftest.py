"""A local Telegram, the people in it, and a program that calls it over HTTP."""

import io
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.sandbox.server import Sandbox
from bot.web import listen_on, serve
from tests.bot.sandbox.receiver import Receiver
from tests.cast import Cast


@dataclass(frozen=True)
class Refused:
    """A refusal as it came over the wire."""

    status: int
    description: str
    parameters: Mapping[str, Any]
    headers: Mapping[str, str]

    @property
    def said(self) -> tuple[int, str]:
        return self.status, self.description


class Caller:
    """Calls the Bot API with JSON."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.session = session
        self.base = f"{sandbox.url}/bot{sandbox.token}/"

    async def ok(self, method: str, **params: Any) -> Any:
        """The result of a call that must succeed."""
        async with self.session.post(self.base + method, json=params) as response:
            answer = await response.json()
        assert (response.status, answer["ok"]) == (200, True), answer
        return answer["result"]

    async def refused(self, method: str, **params: Any) -> Refused:
        """What a call that must be refused is told."""
        async with self.session.post(self.base + method, json=params) as response:
            return await refusal(response)

    async def upload(
        self, method: str, files: Mapping[str, tuple[str, bytes, str]], **params: Any
    ) -> aiohttp.ClientResponse:
        """A multipart call; the answer is read."""
        form = aiohttp.FormData()
        for name, value in params.items():
            form.add_field(name, value if isinstance(value, str) else json.dumps(value))
        for name, (file_name, data, mime) in files.items():
            form.add_field(name, io.BytesIO(data), filename=file_name, content_type=mime)
        async with self.session.post(self.base + method, data=form) as response:
            await response.read()
            return response


async def refusal(response: aiohttp.ClientResponse) -> Refused:
    """The refusal in an answer; its envelope is checked."""
    answer = await response.json()
    known = {"ok", "error_code", "description", "parameters"}
    assert answer["ok"] is False and answer["error_code"] == response.status and set(answer) <= known, answer
    return Refused(response.status, answer["description"], answer.get("parameters", {}), response.headers)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.open() as sandbox:
        yield sandbox


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def api(sandbox: Sandbox, session: aiohttp.ClientSession) -> Caller:
    return Caller(sandbox, session)


@pytest.fixture
def cast(sandbox: Sandbox) -> Cast:
    return Cast(sandbox)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    door = listen_on("127.0.0.1", 0)
    receiver = Receiver(f"http://127.0.0.1:{door.getsockname()[1]}/hook")
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    async with serve(app, door):
        yield receiver
