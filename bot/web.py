"""The HTTP servers: the webhook's door, and apart from it, on 127.0.0.1, /healthz, /readyz and /metrics.

A port is taken first and served later, so that one in use is known before anything is written.
"""

import asyncio
import contextlib
import logging
import os
import resource
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from bot.door import Door
from bot.metrics import Metrics
from bot.receiver import BODY_LIMIT, SECRET_HEADER, Webhook

IDLE_SECONDS = 75.0
BACKLOG = 1024  # connections that may wait to be accepted
ACCEPTED_AT_ONCE = 64  # of them, before anything else is done


class PortInUse(Exception):
    """Something else listens there."""


def listen_on(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises PortInUse with the port in it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise PortInUse(
            f"cannot listen on {host}:{port} ({os.strerror(error.errno or 0)}); choose another port"
        ) from None
    except OverflowError:
        raise PortInUse(f"cannot listen on {host}:{port}; a port is at most 65535") from None


def split_address(listen: str) -> tuple[str, int]:
    """("127.0.0.1", 8080) of "127.0.0.1:8080"."""
    host, _, port = listen.rpartition(":")
    return host, int(port)


@contextlib.asynccontextmanager
async def serve_webhook(
    listening: socket.socket, url: str, webhook: Webhook, metrics: Metrics
) -> AsyncIterator[None]:
    """The webhook at the path of its public URL; only who knows the secret comes as far as aiohttp."""
    _allow_many_files()
    path = urlsplit(url).path or "/"
    app = web.Application(client_max_size=BODY_LIMIT)
    app.router.add_post(path, webhook.handle)
    silent = logging.Logger("webhook", logging.CRITICAL)  # aiohttp's reports quote what was sent
    async with _running(app, logger=silent) as runner:
        assert runner.server is not None
        door = Door(
            runner.server,
            path,
            SECRET_HEADER,
            webhook.is_genuine,
            lambda outcome: metrics.count("webhook_connections_total", outcome=outcome),
        )
        loop = asyncio.get_running_loop()
        server = await loop.create_server(door, sock=listening, backlog=ACCEPTED_AT_ONCE)
        listening.listen(BACKLOG)
        try:
            yield
        finally:
            server.close()
            door.close()


@contextlib.asynccontextmanager
async def serve_status(
    door: socket.socket,
    why_ill: Callable[[], str],
    why_not_ready: Callable[[], Awaitable[str]],
    metrics: Metrics,
) -> AsyncIterator[None]:
    """Health for whoever watches over the process."""

    async def healthz(request: web.Request) -> web.Response:
        return _word(why_ill(), "ok")

    async def readyz(request: web.Request) -> web.Response:
        return _word(await why_not_ready(), "ready")

    async def show_metrics(request: web.Request) -> web.Response:
        return web.Response(text=await metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"})

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", show_metrics)
    async with serve(app, door):
        yield


def _word(fault: str, fine: str) -> web.Response:
    """One line: what is wrong, or the word for that nothing is."""
    return web.Response(text=f"{fault or fine}\n", status=503 if fault else 200)


@contextlib.asynccontextmanager
async def serve(app: web.Application, door: socket.socket) -> AsyncIterator[None]:
    """Run an application on a listening socket."""
    async with _running(app) as runner:
        await web.SockSite(runner, door, backlog=BACKLOG).start()
        yield


@contextlib.asynccontextmanager
async def _running(app: web.Application, **options: Any) -> AsyncIterator[web.AppRunner]:
    """What is in hand at the end is finished, for a few seconds."""
    runner = web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=IDLE_SECONDS,
        lingering_time=2.0,
        shutdown_timeout=5.0,
        **options,
    )
    await runner.setup()
    try:
        yield runner
    finally:
        await runner.cleanup()


def _allow_many_files() -> None:
    """A connection is an open file; as many as this process may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
