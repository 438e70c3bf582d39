"""setWebhook and the deliveries: in order per chat, and per user for presses; other lanes side by side.

Source: the open Bot API server, Client.cpp and WebhookActor.cpp, started with --local.
"""

import asyncio
import json
import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp

from bot.sandbox.errors import bad_request, too_many_requests
from bot.sandbox.params import Params
from bot.sandbox.polling import wanted_kinds
from bot.sandbox.updates import DEFAULT_KINDS, KINDS, Lane, Update, UpdateQueue

MOST_CONNECTIONS, USUAL_CONNECTIONS = 100, 40
SECRET_LENGTH = 256
LONGEST_RETRY_AFTER = 3600.0
GONE_SECONDS = 23 * 3600.0  # after so long of 410 the webhook is removed
ANSWER_SECONDS = 60.0
_SECRET = re.compile(r"[A-Za-z0-9_-]*")
_SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105

RunInReply = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(slots=True)
class _Line:
    """What waits in one lane, and how often its first update failed."""

    updates: deque[Update] = field(default_factory=deque)
    failures: int = 0


class Webhooks:
    """Where updates go by themselves. `first_pause` and `longest_pause` (seconds) may be shortened in tests."""

    def __init__(self, queue: UpdateQueue, run_in_reply: RunInReply) -> None:
        self.url = ""
        self.first_pause, self.longest_pause = 2.0, 60.0
        self.last_error = ""
        self._queue = queue
        self._run_in_reply = run_in_reply
        self._secret = ""
        self._connections = 0
        self._last_error_at = 0
        self._next_set = 0.0
        self._gone_since: float | None = None
        self._lines: dict[Lane, _Line] = {}
        self._ready: deque[Lane] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        queue.added.append(self._add)

    async def set(self, url: str, params: Params) -> str:
        """Set, change or (with an empty URL) delete; the answer's description. Raises Refusal."""
        url = url.strip()
        self._count_set(url)
        secret = params.text("secret_token") if url else ""
        connections = _connections(params) if url else 0
        drops = params.flag("drop_pending_updates")
        if url:
            _check(url, secret)
        self._queue.allow(wanted_kinds(params) if url else None)
        if (url, secret, connections) == (self.url, self._secret, self._connections) and not drops:
            return f"Webhook is already {'set' if url else 'deleted'}"
        await self._end_deliveries()
        if drops:
            self._queue.clear()
        self.url, self._secret, self._connections = url, secret, connections
        self.last_error, self._last_error_at, self._gone_since = "", 0, None
        for update in self._queue.all():
            self._add(update)
        return f"Webhook was {'set' if url else 'deleted'}"

    def info(self) -> dict[str, Any]:
        """The Bot API's WebhookInfo."""
        info: dict[str, Any] = {
            "url": self.url,
            "has_custom_certificate": False,
            "pending_update_count": len(self._queue),
        }
        if self.last_error:
            info |= {"last_error_date": self._last_error_at, "last_error_message": self.last_error}
        if self._connections:
            info["max_connections"] = self._connections
        if self._queue.allowed != DEFAULT_KINDS:
            info["allowed_updates"] = [kind for kind in KINDS if kind in self._queue.allowed]
        return info

    async def close(self) -> None:
        """End every delivery."""
        self.url = ""
        await self._end_deliveries()
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)  # lets the transports close before the loop does

    def _count_set(self, url: str) -> None:
        now = asyncio.get_running_loop().time()
        if url and now < self._next_set:
            raise too_many_requests(1)
        if url:
            self._next_set = now + 1.0

    async def _end_deliveries(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._lines.clear()
        self._ready.clear()

    # lanes

    def _add(self, update: Update) -> None:
        if not self.url:
            return
        line = self._lines.get(update.lane)
        if line is None:
            line = self._lines[update.lane] = _Line()
            self._ready.append(update.lane)
        line.updates.append(update)
        self._pump()

    def _pump(self) -> None:
        """Start what may start. A lane is ready, under way, or pausing after a failure; never two of these."""
        while self._ready and len(self._tasks) < self._connections:
            task = asyncio.create_task(self._serve(self._ready.popleft()))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.result()
            self._pump()

    async def _serve(self, lane: Lane) -> None:
        """One attempt for the first update of a lane."""
        line = self._lines[lane]
        update = line.updates[0]
        asked_for = None if self._queue.expired(update) else await self._deliver(update)
        if self._lines.get(lane) is not line:  # the webhook was removed meanwhile
            return
        if asked_for is None:
            line.updates.popleft()
            line.failures = 0
            self._next(lane, line)
            return
        line.failures += 1
        pause = asked_for or self._pause(line.failures)
        asyncio.get_running_loop().call_later(pause, self._again, lane, line)

    def _next(self, lane: Lane, line: _Line) -> None:
        if line.updates:
            self._ready.append(lane)
        else:
            del self._lines[lane]

    def _again(self, lane: Lane, line: _Line) -> None:
        if self._lines.get(lane) is line:
            self._ready.append(lane)
            self._pump()

    def _pause(self, failures: int) -> float:
        """The first retry comes at once."""
        if failures == 1:
            return 0.0
        return float(min(self.longest_pause, self.first_pause * 2 ** min(failures - 2, 10)))

    # one delivery

    async def _deliver(self, update: Update) -> float | None:
        """None when it was taken; otherwise the seconds the receiver wants to be left alone, 0 for none."""
        self._queue.attempted(update)
        try:
            async with self._client().post(self.url, data=update.body, headers=self._headers()) as response:
                body = await response.read()
        except TimeoutError:
            return self._failed("Read timeout expired")
        except aiohttp.ClientConnectorError:
            return self._failed("Connection refused")
        except (aiohttp.ClientError, OSError):
            return self._failed("Webhook connection closed")
        if 200 <= response.status < 300:
            self._gone_since = None
            self._queue.confirm(update)
            if body:
                await self._run_in_reply(_values(response.content_type, body))
            return None
        self._note_gone(response.status)
        self._failed(f"Wrong response from the webhook: {response.status} {response.reason}")
        wanted = response.headers.get("Retry-After", "")
        return min(float(wanted), LONGEST_RETRY_AFTER) if wanted.isdecimal() else 0.0

    def _failed(self, error: str) -> float:
        self.last_error, self._last_error_at = error, int(self._queue.clock())
        return 0.0

    def _note_gone(self, status: int) -> None:
        now = self._queue.clock()
        if status != 410:
            self._gone_since = None
        elif self._gone_since is None:
            self._gone_since = now
        elif now - self._gone_since > GONE_SECONDS:
            self.url, self._secret, self._connections = "", "", 0
            self._lines.clear()
            self._ready.clear()

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        return {**headers, _SECRET_HEADER: self._secret} if self._secret else headers

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
            )
        return self._session


def _connections(params: Params) -> int:
    wanted = params.integer("max_connections", USUAL_CONNECTIONS)
    return max(1, min(wanted, MOST_CONNECTIONS))


def _check(url: str, secret: str) -> None:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise bad_request("invalid webhook URL specified")
    if len(secret) > SECRET_LENGTH:
        raise bad_request("secret token is too long")
    if not _SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")


def _values(content_type: str, body: bytes) -> dict[str, Any]:
    """The call in an answer to a delivery; nothing when there is none."""
    try:
        if content_type == "application/json":
            found = json.loads(body)
            return found if isinstance(found, dict) else {}
        if content_type == "application/x-www-form-urlencoded":
            return dict(parse_qsl(body.decode(), keep_blank_values=True))
    except ValueError:
        pass
    return {}
