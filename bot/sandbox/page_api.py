"""What the page is made of: its files, the live connection, the actions. For pages of this address alone."""

import asyncio
import inspect
import re
from importlib.resources import files
from typing import Any

from aiohttp import WSCloseCode, web

from bot.sandbox.acts import ACTIONS, Act
from bot.sandbox.changes import Event
from bot.sandbox.errors import Impossible
from bot.sandbox.faults import Faults
from bot.sandbox.files import Upload
from bot.sandbox.requests import upload_of
from bot.sandbox.telegram import Telegram, chat_view, seen, user_view
from bot.sandbox.wire import decode, encode

MESSAGES_SHOWN = 500  # of each chat, in a snapshot
_PAGE = files("bot.sandbox") / "page"
_FILE = re.compile(r"[a-z0-9_-]+\.(js|css|html|svg|png)")
_KINDS = {"js": "text/javascript", "css": "text/css", "html": "text/html", "svg": "image/svg+xml"}
_OURS = frozenset({"127.0.0.1", "localhost", "[::1]"})
_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; "
    "connect-src 'self' ws://127.0.0.1:* ws://localhost:*"
)


class Page:
    """Answers everything that is no Bot API call."""

    def __init__(self, telegram: Telegram, faults: Faults) -> None:
        self._telegram = telegram
        self._faults = faults
        self._sockets: set[web.WebSocketResponse] = set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """None for a path that is not the page's."""
        path = request.path
        if not is_ours(request):
            return web.Response(status=403, text="this page is for its own address only\n")
        if path == "/live":
            return await self._live(request)
        if path == "/act":
            return await self._act(request)
        if path.startswith("/file/"):
            return await self._file(path.removeprefix("/file/"))
        if path == "/":
            return _page_file("index.html")
        return _page_file(path.removeprefix("/page/")) if path.startswith("/page/") else None

    async def close(self) -> None:
        for socket in list(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY)

    # the live connection

    async def _live(self, request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(heartbeat=30.0, compress=False)
        if not socket.can_prepare(request):
            return web.Response(status=400, text="a WebSocket is expected here\n")
        await socket.prepare(request)
        events: asyncio.Queue[str] = asyncio.Queue()

        def listen(event: Event) -> None:
            events.put_nowait(encode(event).decode())

        self._sockets.add(socket)
        events.put_nowait(encode(self.snapshot()).decode())
        self._telegram.changes.listeners.append(listen)
        sending = asyncio.create_task(_send_all(socket, events))
        try:
            async for _ in socket:
                pass
        finally:
            self._telegram.changes.listeners.remove(listen)
            self._sockets.discard(socket)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        return socket

    def snapshot(self) -> Event:
        """Everything the page shows, as it is now."""
        telegram = self._telegram
        return {
            "type": "snapshot",
            "bot": user_view(telegram.bot),
            "people": [user_view(user) for user in telegram.users.values() if not user.is_bot],
            "chats": [chat_view(chat) for chat in telegram.chats.values()],
            "messages": {
                str(chat.id): [seen(message) for message in chat.messages[-MESSAGES_SHOWN:]]
                for chat in telegram.chats.values()
            },
            "commands": telegram.commands,
            "faults": self._faults.view(),
        }

    # actions

    async def _act(self, request: web.BaseRequest) -> web.Response:
        if request.method != "POST":
            return _refused("actions are posted", 405)
        try:
            details, uploads = await _read(request)
            action = ACTIONS.get(str(details.get("action")))
            if action is None:
                raise Impossible(f"there is no action {details.get('action')}")
            result = action(Act(self._telegram, self._faults, details, uploads))
            if inspect.isawaitable(result):
                result = await result
        except Impossible as error:
            return _refused(str(error))
        return web.Response(body=encode({"ok": True, "result": result}), content_type="application/json")

    # files

    async def _file(self, unique_id: str) -> web.Response | None:
        """A file's bytes; pictures are shown, anything else is only saved, and nothing of it runs here."""
        stored = self._telegram.files.by_unique_id(unique_id)
        if stored is None:
            return None
        data = stored.read() if stored.ready else await asyncio.to_thread(stored.read)
        shown = stored.kind == "photo"
        headers = {
            "Content-Disposition": "inline" if shown else "attachment",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=3600, immutable",
        }
        kind = "image/jpeg" if shown else "application/octet-stream"
        return web.Response(body=data, content_type=kind, headers=headers)


def is_ours(request: web.BaseRequest) -> bool:
    """Whether a request comes from no page, or from ours; and by an address of this machine, not a rebound name."""
    host = request.headers.get("Host", "")
    name = re.sub(r":\d+$", "", host)
    origin = request.headers.get("Origin")
    return name.lower() in _OURS and origin in (None, f"http://{host}")


async def _send_all(socket: web.WebSocketResponse, events: "asyncio.Queue[str]") -> None:
    while True:
        await socket.send_str(await events.get())


async def _read(request: web.BaseRequest) -> tuple[dict[str, Any], list[Upload]]:
    """An action's details and files. Raises Impossible."""
    uploads: list[Upload] = []
    try:
        if request.content_type == "multipart/form-data":
            parts = await request.post()
            raw: Any = parts.get("action", "")
            uploads = [
                upload_of(part) for part in parts.getall("file", []) if isinstance(part, web.FileField)
            ]
        else:
            raw = await request.read()
        details = decode(raw if isinstance(raw, (str, bytes)) else "")
    except ValueError:
        raise Impossible("an action is a JSON object") from None
    except web.HTTPRequestEntityTooLarge:
        raise Impossible("these files are too large") from None
    if not isinstance(details, dict):
        raise Impossible("an action is a JSON object")
    return details, uploads


def _refused(sentence: str, status: int = 200) -> web.Response:
    return web.Response(
        body=encode({"ok": False, "error": sentence}), status=status, content_type="application/json"
    )


def _page_file(name: str) -> web.Response | None:
    if not _FILE.fullmatch(name):
        return None
    try:
        data = (_PAGE / name).read_bytes()
    except FileNotFoundError:
        return None
    kind = _KINDS.get(name.rpartition(".")[2], "image/png")
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": _POLICY}
    charset = "utf-8" if kind != "image/png" else None
    return web.Response(body=data, content_type=kind, charset=charset, headers=headers)
