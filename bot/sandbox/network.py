"""What a bad network does to a connection: reset it, or cut an answer short."""

import asyncio
import socket
import struct

from aiohttp.web import BaseRequest, Response

_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER on, no time: closing sends a reset


def reset(request: BaseRequest) -> Response:
    """End the connection by a reset. What is returned goes nowhere."""
    if request.transport is not None:
        abort(request.transport)
    return Response()


def abort(transport: asyncio.Transport) -> None:
    """Reset a connection."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    transport.abort()


def cut(request: BaseRequest, response: Response, body: bytes) -> Response:
    """Promise the whole body, send half of it, and hang up. What is returned goes nowhere."""
    transport = request.transport
    if transport is not None:
        head = (
            f"HTTP/1.1 {response.status} {response.reason}\r\n"
            f"Content-Type: {response.content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        transport.write(head.encode() + body[: len(body) // 2])
        transport.close()
    return response
