"""The HTTP servers: the webhook's door, and apart from it, on 127.0.0.1, /healthz, /readyz and /metrics."""

import contextlib
import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from bot.metrics import Metrics
from bot.receiver import BODY_LIMIT, Webhook

IDLE_SECONDS = 75.0
HEAD_SECONDS = 10.0  # a connection that has sent no whole head by then is closed


class PortInUse(Exception):
    """Something else listens there."""


@contextlib.asynccontextmanager
async def serve_webhook(listen: str, url: str, webhook: Webhook) -> AsyncIterator[int]:
    """The webhook at the path of its public URL. Yields the port."""
    app = web.Application(client_max_size=BODY_LIMIT)
    app.router.add_post(urlsplit(url).path or "/", webhook.handle)
    host, _, port = listen.rpartition(":")
    async with serve(app, host, int(port)) as bound:
        yield bound


@contextlib.asynccontextmanager
async def serve_status(
    port: int, ready: Callable[[], Awaitable[str]], metrics: Metrics, host: str = "127.0.0.1"
) -> AsyncIterator[int]:
    """Health for whoever watches over the process. Yields the port."""

    async def healthz(request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(request: web.Request) -> web.Response:
        why_not = await ready()
        return web.Response(text=(why_not or "ready") + "\n", status=503 if why_not else 200)

    async def show_metrics(request: web.Request) -> web.Response:
        return web.Response(text=metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"})

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", show_metrics)
    async with serve(app, host, port) as bound:
        yield bound


@contextlib.asynccontextmanager
async def serve(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Run an application; port 0 takes a free one. Raises PortInUse with the port in it."""
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=IDLE_SECONDS, lingering_time=2.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=1024)
        try:
            await site.start()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(
                    f"port {port} on {host} is in use; stop what uses it or choose another"
                ) from None
            raise PortInUse(f"cannot listen on {host}:{port}: {error.strerror}") from None
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
