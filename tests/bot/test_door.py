"""The webhook's door: strangers are held off, cost little, and hold up nobody who knows the secret."""

import asyncio
import contextlib
import resource
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
import pytest_asyncio

from bot import door, receiver
from bot.metrics import Metrics
from bot.receiver import BODY_LIMIT, SECRET_HEADER, Webhook
from bot.sandbox.server import Sandbox
from bot.transport import Transport
from bot.web import listen_on, serve_webhook
from tests.applying import steps, submit
from tests.bot.wire import FakeTransport
from tests.cast import PATIENCE, Cast, Group, Person, RunningBot, free_port, running_bot

SECRET = "only-for-tests"  # as tests/running.py sets it
WRONG = "a-word-that-no-log-may-show"
PATH = "/telegram"
SLOW = 1000  # connections
FILES = 600  # that the bot may have open


def head(secret: str | None = SECRET, length: int = 2, line: str = f"POST {PATH} HTTP/1.1") -> bytes:
    """A request up to its body."""
    given = "" if secret is None else f"{SECRET_HEADER}: {secret}\r\n"
    return f"{line}\r\nHost: bot.example\r\n{given}Content-Length: {length}\r\n\r\n".encode()


async def said_until_closed(reader: asyncio.StreamReader, timeout: float = PATIENCE) -> bytes:
    """All that comes until the other side hangs up, by an end or a reset."""
    said = b""
    async with asyncio.timeout(timeout):
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65_536):
                said += piece
    return said


async def ask(port: int, sent: bytes) -> bytes:
    """Send this on a connection of its own; what is said until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.closing(writer):
        writer.write(sent)
        return await said_until_closed(reader)


def status(answer: bytes) -> int:
    """The status of an HTTP answer, 0 for none."""
    return int(answer[9:12] or 0)


# the door alone


@dataclass
class Served:
    """A webhook behind its door, in this process."""

    port: int
    metrics: Metrics = field(default_factory=Metrics)
    taken: list[dict[str, Any]] = field(default_factory=list)

    async def take(self, batch: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        self.taken += batch
        return {}

    async def park(self, raw: bytes, reason: str) -> None:
        raise AssertionError(reason)

    async def counted(self) -> dict[str, int]:
        lines = [one for one in (await self.metrics.text()).splitlines() if one.startswith("intake_webhook")]
        return {line.split('"')[1]: int(line.rpartition(" ")[2]) for line in lines}


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    listening = listen_on("127.0.0.1", 0)
    here = Served(listening.getsockname()[1])
    webhook = Webhook(cast(Transport, FakeTransport([])), here.take, here.park, SECRET)
    async with serve_webhook(listening, f"https://bot.example{PATH}", webhook, here.metrics):
        yield here


async def test_deliveries_in_pieces_are_taken_and_their_connection_is_kept(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    with contextlib.closing(writer):
        for number in range(3):
            body = b'{"update_id": %d}' % number
            whole = head(length=len(body)) + body
            for start in range(0, len(whole), 7):
                writer.write(whole[start : start + 7])
                await asyncio.sleep(0)
            assert status(await reader.readuntil(b"\r\n\r\n")) == 200
    assert served.taken == [{"update_id": number} for number in range(3)]
    assert await served.counted() == {"admitted": 1}


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (head(WRONG), 403),
        (head(None), 403),
        (head(""), 403),
        (head(SECRET + "x"), 403),
        (head("é"), 403),
        (head(f"{SECRET}\r\n{SECRET_HEADER}: {SECRET}"), 403),
        (head(line="POST /other HTTP/1.1"), 404),
        (head(WRONG, line="POST / HTTP/1.1"), 404),
        (head(line="POST http://[ HTTP/1.1"), 404),
        (head(line=f"GET {PATH} HTTP/1.1"), 405),
        (head(None, line=f"PUT {PATH} HTTP/1.0"), 405),
    ],
)
async def test_what_is_no_delivery_is_refused_and_closed(served: Served, sent: bytes, found: int) -> None:
    said = await ask(served.port, sent)
    assert status(said) == found
    assert b"\r\nConnection: close\r\n" in said
    assert (served.taken, await served.counted()) == ([], {"refused": 1})


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # the beginning of TLS
        b"\x00",
        b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /telegram\r\n\r\n",
        b"POST /tele gram HTTP/1.1\r\n\r\n",
        b"POST /telegram HTTP/1.1\r\nno field\r\n\r\n",
        b"POST /telegram HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
        b"POST /telegram HTTP/1.1\r\nHost : x\r\n\r\n",
        b"POST /" + b"x" * door.HEADER_BYTES,
        b"POST /telegram HTTP/1.1\r\nX: " + b" " * door.HEADER_BYTES + b"\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_cut_off_without_a_word(served: Served, sent: bytes) -> None:
    assert await ask(served.port, sent) == b""
    assert (served.taken, await served.counted()) == ([], {"garbled": 1})


async def test_aiohttp_has_the_last_word_on_what_is_let_through(served: Served) -> None:
    said = await ask(served.port, head().replace(b"Content-Length: 2", b"Content-Length: two"))
    assert status(said) == 400
    assert served.taken == []


async def test_a_wrong_secret_later_on_a_kept_connection_closes_it(served: Served) -> None:
    body = b'{"update_id": 1}'
    said = await ask(served.port, head(length=len(body)) + body + head(WRONG, length=0))
    assert [status(said), status(said[said.index(b"HTTP/1.1", 1) :])] == [200, 403]


async def test_a_header_that_does_not_end_is_given_up(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "HEADER_SECONDS", 0.1)
    assert await ask(served.port, b"") == b""
    assert await ask(served.port, head()[:-1]) == b""
    assert await served.counted() == {"slow": 2}


async def test_the_stranger_who_has_waited_longest_makes_room(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "STRANGERS", 3)
    connections = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(5)]
    body = b'{"update_id": 1}'
    connections[2][1].write(head(length=len(body)) + body)
    assert status(await connections[2][0].readuntil(b"\r\n\r\n")) == 200
    for reader, _ in connections[:2]:
        assert await said_until_closed(reader) == b""
    for _, writer in connections:
        writer.close()
    assert await served.counted() == {"admitted": 1, "crowded_out": 2}


async def test_a_body_that_does_not_come_is_given_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "BODY_SECONDS", 0.1)
    assert status(await ask(served.port, head(length=5) + b"{")) == 408
    assert served.taken == []


async def test_a_long_field_costs_no_time(served: Served) -> None:
    field = b"X:" + b" \t" * (door.HEADER_BYTES // 2 - 100) + b"x\r\n"
    before = time.process_time()
    assert status(await ask(served.port, head(WRONG).replace(b"Host: bot.example\r\n", field))) == 403
    assert time.process_time() - before < 1.0


async def test_as_many_files_as_are_allowed_may_be_open() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        webhook = Webhook(cast(Transport, FakeTransport([])), Served(0).take, Served(0).park, SECRET)
        async with serve_webhook(listen_on("127.0.0.1", 0), "https://bot.example/x", webhook, Metrics()):
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


# the whole bot


class Crowd:
    """Slow connections, each opened anew when it is dropped. They never send the secret."""

    def __init__(self, port: int, size: int) -> None:
        self._port = port
        self._size = size
        self._members: list[asyncio.Task[None]] = []
        self.opened = 0
        self.held = 0

    async def __aenter__(self) -> "Crowd":
        self._members = [asyncio.create_task(self._keep_on(number)) for number in range(self._size)]
        async with asyncio.timeout(30):
            while self.opened < self._size:
                await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_: object) -> None:
        for member in self._members:
            member.cancel()
        await asyncio.gather(*self._members, return_exceptions=True)

    async def _keep_on(self, number: int) -> None:
        await asyncio.sleep(number / self._size)
        while True:
            with contextlib.suppress(OSError, TimeoutError):
                await self._press(number % 4)
            await asyncio.sleep(1.0)

    async def _press(self, kind: int) -> None:
        """Idle; silent in the header; a byte a second of the header; a byte a second of a body."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        self.opened += 1
        self.held += 1
        try:
            whole = head(WRONG, length=10**6)
            at_once = (0, 40, 3, len(whole))[kind]
            writer.write(whole[:at_once])
            left = b"" if kind < 2 else whole[at_once:] + b"x" * 100
            for byte in left:
                if reader.at_eof():
                    return
                await asyncio.sleep(1.0)
                writer.write(bytes([byte]))
                await writer.drain()
            await said_until_closed(reader, 100)
        finally:
            self.held -= 1
            writer.transport.abort()


@pytest.fixture
def group(cast: Cast) -> Group:
    return cast.group()


@pytest_asyncio.fixture
async def bot(sandbox: Sandbox, group: Group, tmp_path: Path) -> AsyncIterator[RunningBot]:
    many = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (many[1], many[1]))
    async with running_bot(
        sandbox, group, tmp_path, webhook=True, log_level="debug", status_port=free_port()
    ) as running:
        yield running
    resource.setrlimit(resource.RLIMIT_NOFILE, many)


def port_of(bot: RunningBot) -> int:
    return int(bot.environment["INTAKE_LISTEN"].rpartition(":")[2])


async def applied(cast: Cast, group: Group, people: int) -> list[float]:
    """So many go through a whole application at once; the seconds each answer took."""
    took: list[float] = []

    async def apply(person: Person) -> None:
        for step in steps(person):
            began = time.monotonic()
            await step()
            took.append(time.monotonic() - began)
        await submit(person, group)

    await asyncio.gather(*(apply(cast.applicant()) for _ in range(people)))
    return took


def line(name: str, took: list[float]) -> str:
    """The figures of some answers."""
    ordered = sorted(took)
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return f"{name}: {len(took)} answers, p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms"


async def test_a_thousand_slow_connections_hold_nobody_up(bot: RunningBot, cast: Cast, group: Group) -> None:
    process = psutil.Process(bot.pid)
    process.rlimit(psutil.RLIMIT_NOFILE, (FILES, FILES))  # fewer than there will be slow connections
    memory = process.memory_info().rss
    attacked, held = [], 0
    async with Crowd(port_of(bot), SLOW) as crowd:
        while crowd.opened < 3 * SLOW:  # Telegram's own connections come after the crowd, too
            attacked += await applied(cast, group, people=4)
            held = max(held, process.num_fds())
        grown = process.memory_info().rss - memory
    quiet = await applied(cast, group, people=4)
    print(line("under attack", attacked), line("quiet", quiet), sep="\n")
    print(f"{crowd.opened} connections opened by {SLOW}, at most {held} files open, {grown >> 20} MB grown")
    assert held < FILES
    assert grown < 64 << 20
    assert WRONG not in bot.output
    assert SECRET not in bot.output
    assert "out of system resource" not in bot.output  # asyncio's word when no connection can be accepted


async def test_what_has_no_secret_or_is_too_long_is_refused_unread_and_unlogged(
    bot: RunningBot, cast: Cast
) -> None:
    port, memory = port_of(bot), psutil.Process(bot.pid).memory_info().rss
    before = bot.output
    assert status(await ask(port, head(WRONG, 9) + b"{}body{}!")) == 403
    assert status(await ask(port, head(None, 9) + b"{}body{}!")) == 403
    assert status(await ask(port, head(SECRET, BODY_LIMIT + 1) + b"x" * (BODY_LIMIT + 1))) == 413
    said, sent = await push(port, head(WRONG, 50_000_000), 50_000_000)
    assert status(said) == 403
    assert sent < 25_000_000  # what the systems on both sides keep in their buffers
    assert psutil.Process(bot.pid).memory_info().rss - memory < 32 << 20
    assert bot.output == before
    person = cast.applicant()
    await steps(person)[0]()


async def push(port: int, sent: bytes, body: int) -> tuple[bytes, int]:
    """Send a body for as long as it is taken; what was said, and how many bytes of it went."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    listening = asyncio.create_task(said_until_closed(reader))
    gone, piece = 0, b"x" * 65_536
    writer.write(sent)
    with contextlib.suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while gone < body:
                writer.write(piece)
                await writer.drain()
                gone += len(piece)
    said = await listening
    writer.transport.abort()
    return said, gone
