"""A webhook that keeps what is delivered to it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Receiver:
    """A bot's webhook. `respond` decides; what came is kept in order of arrival."""

    url: str
    came: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    respond: Callable[[dict[str, Any]], Any] = lambda update: web.Response()
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        update = json.loads(await request.read())
        async with self.news:
            self.came.append(update)
            self.headers.append(dict(request.headers))
            self.times.append(asyncio.get_running_loop().time())
            self.news.notify_all()
        response = self.respond(update)
        return await response if asyncio.iscoroutine(response) else response  # type: ignore[no-any-return]

    async def has(self, count: int) -> list[str]:
        """The texts or data of the first `count` deliveries, once there are so many."""
        async with asyncio.timeout(5), self.news:
            await self.news.wait_for(lambda: len(self.came) >= count)
        return [text_of(update) for update in self.came[:count]]


def text_of(update: dict[str, Any]) -> str:
    return str(update["message"]["text"] if "message" in update else update["callback_query"]["data"])
