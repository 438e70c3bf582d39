"""The local Telegram on a port of this machine."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from email.utils import formatdate
from typing import Any
from urllib.parse import unquote, urlsplit

from aiohttp import web

from bot.sandbox import network
from bot.sandbox.api import GET_UPDATES, Api, Reply, method_named, refused, token_refusal
from bot.sandbox.errors import Refusal, bad_request, forbidden, too_many_requests
from bot.sandbox.faults import DOWNLOAD, Fault, Faults
from bot.sandbox.files import DOWNLOAD_BYTES
from bot.sandbox.pacing import Limits
from bot.sandbox.page_api import Page
from bot.sandbox.params import Params
from bot.sandbox.requests import BODY_BYTES, read_params
from bot.sandbox.telegram import Telegram
from bot.web import BACKLOG, listen_on

TOKEN = "7000000001:local-telegram-AAAAAAAAAAAAAAAAAAAA"  # noqa: S105
USERNAME = "intake_local_bot"
_NOT_FOUND = Refusal(404, "Not Found")
_BAD_GATEWAY = (
    b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)
_DESCRIPTIONS = {"400": "fault injected by request", "403": "bot was blocked by the user"}


class Sandbox:
    """A running local Telegram. `url` is a Bot API server's address, and the page stands at its root."""

    def __init__(self, telegram: Telegram, faults: Faults, url: str) -> None:
        self.telegram = telegram
        self.faults = faults
        self.url = url
        self.api = Api(telegram)
        self.page = Page(telegram, faults)
        self._calls = f"/bot{telegram.token}/"
        self._runner: web.ServerRunner
        self._site: web.SockSite

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        *,
        port: int = 0,
        limits: Limits | None = None,
        latency: float = 0.0,
        seed: int = 1,
        recording: bool = True,
        token: str = TOKEN,
        username: str = USERNAME,
        first_name: str = "Intake",
        clock: Callable[[], float] = time.time,
    ) -> AsyncIterator["Sandbox"]:
        """Serve on 127.0.0.1; port 0 takes a free one. `latency` (seconds) goes before every call but getUpdates.

        Raises bot.web.PortInUse.
        """
        door = listen_on("127.0.0.1", port)
        with contextlib.closing(door):
            telegram = Telegram(
                token=token,
                username=username,
                first_name=first_name,
                limits=limits,
                seed=seed,
                clock=clock,
                recording=recording,
            )
            sandbox = cls(telegram, Faults(seed, latency), f"http://127.0.0.1:{door.getsockname()[1]}")
            server = web.Server(
                sandbox._handle,
                request_factory=_large_request,
                handler_cancellation=True,
                access_log=None,
                keepalive_timeout=75.0,
                lingering_time=0.5,
            )
            runner = web.ServerRunner(server, shutdown_timeout=0.5)
            await runner.setup()
            try:
                sandbox._site = web.SockSite(runner, door, backlog=BACKLOG)
                await sandbox._site.start()
                sandbox._runner = runner
                yield sandbox
            finally:
                await sandbox._close()
                await runner.cleanup()

    @property
    def token(self) -> str:
        return self.telegram.token

    @contextlib.asynccontextmanager
    async def unreachable(self) -> AsyncIterator[None]:
        """Meanwhile nobody listens: whoever connects is refused, and the connections that stood are reset."""
        port = urlsplit(self.url).port or 0
        await self._site.stop()
        if self._runner.server is not None:
            for connection in self._runner.server.connections:
                if connection.transport is not None:
                    network.abort(connection.transport)
        try:
            yield
        finally:
            self._site = web.SockSite(self._runner, listen_on("127.0.0.1", port), backlog=BACKLOG)
            await self._site.start()

    async def _close(self) -> None:
        self.api.polling.close()
        await self.page.close()
        await self.api.webhooks.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Every answer says what time it is here."""
        response = await self._answered(request)
        if self.telegram.clock is not time.time and not response.prepared:
            response.headers["Date"] = formatdate(self.telegram.clock(), usegmt=True)
        return response

    async def _answered(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path.startswith(self._calls):
            return await self._call(request, path[len(self._calls) :])
        if path.startswith("/bot"):
            token = path[4:].partition("/")[0]
            return _response(refused(token_refusal(token)))
        if path.startswith("/file/bot"):
            return await self._download(request, unquote(path.removeprefix("/file/bot")))
        return await self.page.handle(request) or _response(refused(_NOT_FOUND))

    # calls

    async def _call(self, request: web.BaseRequest, method: str) -> web.Response:
        name = method_named(method)
        if name is None:
            return _response(refused(Refusal(404, "Not Found: method not found")))
        try:
            params = await read_params(request)
        except Refusal as refusal:
            return _response(refused(refusal))
        faults = self.faults
        fault = faults.pick(name, params.chat_id()) if faults.rules else None
        if faults.latency and name != GET_UPDATES:
            await self._travel(faults.latency, name, params, fault)
        if fault is not None:
            return await self._call_badly(request, name, params, fault)
        return _response(await self.api.run(name, params))

    async def _travel(self, seconds: float, name: str, params: Params, fault: Fault | None) -> None:
        """Be on the way. A call whose sender is gone meanwhile is acted on all the same."""
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            if fault is None:
                await self.api.run(name, params)
            raise

    async def _call_badly(
        self, request: web.BaseRequest, name: str, params: Params, fault: Fault
    ) -> web.Response:
        refusal = _refusal_of(fault)
        if refusal is not None:
            return _response(self.api.refuse(name, params, refusal, fault.kind))
        if fault.kind == "latency":
            await self._travel(fault.seconds, name, params, None)
        elif fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        if fault.kind in ("hang", "refuse"):
            self.api.refuse(name, params, Refusal(0, "connection reset"), fault.kind)
            return network.reset(request)
        if fault.kind == "502":
            self.api.refuse(name, params, Refusal(502, "Bad Gateway"), fault.kind)
            return web.Response(body=_BAD_GATEWAY, status=502, content_type="text/html")
        reply = await self.api.run(name, params, fault.kind)
        if fault.kind == "lost":
            return network.reset(request)
        return network.cut(request, _response(reply), reply.body) if fault.kind == "cut" else _response(reply)

    # files

    async def _download(self, request: web.BaseRequest, path: str) -> web.Response:
        """The bytes of a file that getFile named."""
        token, _, file_path = path.partition("/")
        stored = self.telegram.files.by_path(file_path) if token == self.token else None
        if stored is None:
            return _response(refused(_NOT_FOUND))
        fault = self.faults.pick(DOWNLOAD, None) if self.faults.rules else None
        await asyncio.sleep(self.faults.latency + (fault.seconds if fault and fault.kind == "latency" else 0))
        data = stored.read() if stored.ready else await asyncio.to_thread(stored.read)
        if len(data) > DOWNLOAD_BYTES:
            return _response(refused(bad_request("file is too big")))
        response = web.Response(body=data, content_type="application/octet-stream")
        if fault is None or fault.kind == "latency":
            return response
        refusal = _refusal_of(fault)
        if refusal is not None:
            return _response(refused(refusal))
        if fault.kind == "502":
            return web.Response(body=_BAD_GATEWAY, status=502, content_type="text/html")
        if fault.kind == "cut":
            return network.cut(request, response, data)
        if fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        return network.reset(request)


def _refusal_of(fault: Fault) -> Refusal | None:
    """What a fault that is a plain answer says."""
    text = fault.description or _DESCRIPTIONS.get(fault.kind, "")
    match fault.kind:
        case "429":
            return too_many_requests(fault.retry_after)
        case "400":
            return bad_request(text)
        case "403":
            return forbidden(text)
    return None


def _response(reply: Reply) -> web.Response:
    headers = {"Retry-After": str(reply.retry_after)} if reply.retry_after else None
    return web.Response(
        body=reply.body, status=reply.status, headers=headers, content_type="application/json"
    )


def _large_request(*parts: Any) -> web.BaseRequest:
    """A request with room for an upload; `parts` are what the server makes one of."""
    message, payload, protocol, writer, task = parts
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=BODY_BYTES)
