"""A small HTTP server that answers as it is told, and fakes of what receivers need."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN = "123456:a-secret-token"
Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def served(respond: Respond) -> AsyncIterator[str]:
    """The root URL of a server whose every path is answered by one function."""
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{path:.*}", respond)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def answer(status: int, description: str = "", **parameters: Any) -> tuple[int, bytes]:
    """An error as the Bot API gives it."""
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    return status, json.dumps({**body, "parameters": parameters} if parameters else body).encode()


@dataclass
class FakeTransport:
    """Answers calls from a script: a result, or an error to raise; then waits for ever."""

    script: list[Any]
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    at_end: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, method: str, params: dict[str, Any], timeout: float | None = None) -> Any:
        self.calls.append((method, params))
        if method != "getUpdates" or (params["timeout"] == 0 and params["limit"] == 1 and not self.script):
            return True
        if not self.script:
            self.at_end.set()
            await asyncio.Event().wait()
        found = self.script.pop(0)
        if isinstance(found, Exception):
            raise found
        return found
