"""The socket through which commands reach the running bot: one JSON line in, one out."""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
SOCKET = "control.sock"  # in the data folder
LINE_LIMIT = 65_536
SECONDS = 10.0
ADDRESS_BYTES = 107  # source: unix(7)


class NotRunning(Exception):
    """No bot runs on this data."""


class Control:
    """Serves the socket while it is entered. The data's lock says that no other process does."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self._path = path
        self._handlers = handlers
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "Control":
        self._path.unlink(missing_ok=True)
        with _short(self._path) as address:
            self._server = await asyncio.start_unix_server(self._serve, address, limit=LINE_LIMIT)
        self._path.chmod(0o600)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await asyncio.wait_for(reader.readline(), SECONDS)
            writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
            await writer.drain()
        except (TimeoutError, ValueError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            handler = self._handlers[request["command"]]
        except (ValueError, TypeError, KeyError):
            return {"error": f"unknown command; known: {', '.join(sorted(self._handlers))}"}
        try:
            return await handler(request)
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}


def ask(path: Path, command: str, **values: Any) -> dict[str, Any]:
    """Ask the running bot. Raises NotRunning."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(SECONDS)
        try:
            with _short(path) as address:
                client.connect(address)
            client.sendall(json.dumps({"command": command, **values}).encode() + b"\n")
            with client.makefile("rb") as answers:
                found: dict[str, Any] = json.loads(answers.readline(LINE_LIMIT))
        except (OSError, ValueError):
            raise NotRunning(f"no bot runs on {path.parent}") from None
    return found


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name for the socket in at most 107 bytes, which is all that a socket's address takes."""
    whole = str(path.resolve())
    if len(whole.encode()) <= ADDRESS_BYTES:
        yield whole
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
