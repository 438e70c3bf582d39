"""The webhook's door: a stranger gets no further than this, and costs next to nothing.

aiohttp's server has no time limit for a first header, so that slow connections could pile up until no file can be
opened any more. Here a connection is a stranger's until a whole header with the right path, method and secret has
come. Only then is it handed to aiohttp's own protocol with all that was read (asyncio's `set_protocol`), which
reads and checks everything again; what is refused here was never parsed further, and its body is not read.
"""

import asyncio
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import cast
from urllib.parse import unquote, urlsplit

HEADER_SECONDS = 5.0  # for a whole header to arrive
HEADER_BYTES = 16_384
LINGER_SECONDS = 1.0  # in which whoever was refused may read the answer
STRANGERS = 256  # at once; one more, and the one that has waited longest is dropped

_BEGINNING = re.compile(rb"[A-Z]{1,16}(?: |\Z)")
_REQUEST = re.compile(rb"([A-Z]{1,16}) (\S+) HTTP/1\.[01]")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # of a field; source: RFC 9110, 5.1


class Door:
    """A factory of protocols for `loop.create_server`.

    `admitted` makes the protocol that takes over; `is_genuine` says whether a secret is the right one, in constant
    time; `count` is told what became of each connection: admitted, refused, garbled, slow, crowded_out.
    """

    def __init__(
        self,
        admitted: Callable[[], asyncio.Protocol],
        path: str,
        header: str,
        is_genuine: Callable[[bytes], bool],
        count: Callable[[str], None],
    ) -> None:
        self.admitted = admitted
        self.count = count
        self._path = unquote(path)
        self._header = header.lower().encode()
        self._is_genuine = is_genuine
        self._strangers: dict[_Stranger, None] = {}  # in order of their coming

    def __call__(self) -> asyncio.Protocol:
        return _Stranger(self)

    def close(self) -> None:
        """Drop every stranger."""
        for stranger in list(self._strangers):
            stranger.drop()

    def enter(self, stranger: "_Stranger") -> None:
        while len(self._strangers) >= STRANGERS:
            next(iter(self._strangers)).drop("crowded_out")
        self._strangers[stranger] = None

    def leave(self, stranger: "_Stranger") -> None:
        self._strangers.pop(stranger, None)

    def judge(self, head: bytes) -> HTTPStatus | None:
        """OK to admit, another status to refuse with, None for what is no HTTP."""
        line, *lines = head.split(b"\r\n")
        request = _REQUEST.fullmatch(line)
        fields = [one.partition(b":") for one in lines]
        if request is None or not all(colon and _NAME.fullmatch(name) for name, colon, _ in fields):
            return None
        given = [value.strip(b" \t") for name, _, value in fields if name.lower() == self._header]
        if _path_of(request[2]) != self._path:
            return HTTPStatus.NOT_FOUND
        if request[1] != b"POST":
            return HTTPStatus.METHOD_NOT_ALLOWED
        genuine = self._is_genuine(given[0] if len(given) == 1 else b"")
        return HTTPStatus.OK if genuine else HTTPStatus.FORBIDDEN


class _Stranger(asyncio.Protocol):
    """One connection, until it is admitted or gone."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._received = bytearray()
        self._is_counted = False
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._timer = asyncio.get_running_loop().call_later(HEADER_SECONDS, self.drop, "slow")
        self._door.enter(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._forget()

    def data_received(self, data: bytes) -> None:
        looked_through = max(0, len(self._received) - 3)
        self._received += data
        end = self._received.find(b"\r\n\r\n", looked_through)
        if end > HEADER_BYTES or (end < 0 and len(self._received) > HEADER_BYTES):
            self.drop("garbled")
        elif end >= 0:
            self._answer(self._door.judge(bytes(self._received[:end])))
        elif not _BEGINNING.match(self._received):
            self.drop("garbled")

    def drop(self, outcome: str = "") -> None:
        """Away with it, at once."""
        self._count(outcome)
        self._forget()
        self._transport.abort()

    def _answer(self, status: HTTPStatus | None) -> None:
        if status is None:
            self.drop("garbled")
        elif status is HTTPStatus.OK:
            self._hand_over()
        else:
            self._refuse(status)

    def _hand_over(self) -> None:
        self._count("admitted")
        self._forget()
        protocol = self._door.admitted()
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(bytes(self._received))

    def _refuse(self, status: HTTPStatus) -> None:
        """Say so, and read no further. An end without this pause could take the answer back (RFC 9112, 9.6)."""
        self._count("refused")
        self._received.clear()
        self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(LINGER_SECONDS, self.drop)
        self._transport.pause_reading()
        allowed = "Allow: POST\r\n" if status is HTTPStatus.METHOD_NOT_ALLOWED else ""
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\n{allowed}Content-Length: 0\r\nConnection: close\r\n\r\n"
        self._transport.write(head.encode())
        self._transport.write_eof()

    def _count(self, outcome: str) -> None:
        if outcome and not self._is_counted:
            self._is_counted = True
            self._door.count(outcome)

    def _forget(self) -> None:
        self._timer.cancel()
        self._door.leave(self)


def _path_of(target: bytes) -> str:
    """The path that is asked for; empty for what is no address."""
    try:
        return unquote(urlsplit(target.decode()).path)
    except ValueError:
        return ""
