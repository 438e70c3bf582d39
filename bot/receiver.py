"""Polling and webhook: raw updates in, acknowledged only after the commit.

Telegram keeps an update until it is confirmed, so it is the inbox. Raw JSON is taken, since one update that the
library cannot parse would otherwise fail its whole batch, for ever.
"""

import asyncio
import hmac
import json
import math
import random
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bot.arrivals import encoded, number_of
from bot.offsets import Offsets
from bot.pausing import pause
from bot.transport import Transport, Uncertain
from bot.trouble import Trouble
from storage.errors import StorageUnavailable

log = structlog.get_logger()

ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member", "chat_member")
LIMIT = 100  # source: Bot API, getUpdates
POLL_SECONDS = 30
BODY_LIMIT = 1_000_000  # bytes of one webhook delivery
BODY_SECONDS = 10.0
CONNECTIONS = 40
DRAIN_SECONDS = 1.0  # between looks at what a webhook has not yet delivered
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105
_BACKOFF = (0.5, 30.0)  # seconds: first and longest
_HOLD = (1.0, 15.0)  # seconds Telegram is asked to keep deliveries back: first and longest
_ODD_PAUSE = 0.5  # seconds until what could not be confirmed is asked for again
# at least one update: a gateway's page has none, nor has half an answer
_UPDATES = re.compile(rb'"result"\s*:\s*\[\s*[^\s\]]')
_UPDATE_ID = re.compile(rb'"update_id"\s*:\s*(\d{1,18})(?!\d)')

Take = Callable[[list[dict[str, Any]]], Awaitable[dict[int, dict[str, Any]]]]
Park = Callable[[bytes, str], Awaitable[None]]


class Polling:
    """getUpdates in a loop. `take` returns after the commit; what it raises is not acknowledged."""

    def __init__(
        self,
        transport: Transport,
        take: Take,
        park: Park,
        *,
        seconds: int = POLL_SECONDS,
        on_drained: Callable[[], object] = lambda: None,
        on_polled: Callable[[str], object] = lambda fault: None,
    ) -> None:
        self._transport = transport
        self._take = take
        self._park = park
        self._seconds = seconds
        self._on_drained = on_drained
        self._on_polled = on_polled  # told after each getUpdates what was wrong with it, if anything
        self._is_drained = False  # until then nothing is waited for: what may start only then starts soon
        self._offsets = Offsets()
        self._told = 0  # the offset Telegram knows
        self._failures = 0
        # of the last batch: its numbers, and what was odd
        self._last: tuple[list[int | None], list[tuple[bytes, str]]] = ([], [])
        self._is_part = True  # there may be more than what the last answer holds
        self._trouble = Trouble(
            "take", "updates cannot be taken, and wait at Telegram", "updates are taken again"
        )
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Until `stop`. Raises InvalidToken; everything else is waited out."""
        await self._persist("deleteWebhook", {"drop_pending_updates": False})
        while not self._stopping.is_set():
            batch = await self._poll()
            if batch is None:
                await self._pause()
            elif batch:
                await self._handle(batch)
            else:
                self._failures = 0
                self._drained()
        await self._confirm()

    async def stop(self) -> None:
        """End the wait at once; the batch in hand is finished."""
        self._stopping.set()

    async def _poll(self) -> list[Any] | None:
        """A batch by rising id, empty after a quiet wait or a stop, None when it failed."""
        is_well = self._is_drained and not self._failures  # else an answer is wanted at once, whatever it is
        call = asyncio.create_task(self._get_updates(LIMIT, self._seconds if is_well else 0))
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({call, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not call.done():
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            return []
        try:
            updates = call.result()
        except InvalidToken:
            raise
        except Conflict:
            log.error("another instance of this bot is running; stop it", action="conflict")
            self._on_polled("another instance of this bot is running; stop it")
        except TelegramError as error:
            log.warning("getUpdates failed", action="poll", error=type(error).__name__)
            self._on_polled(f"getUpdates fails ({type(error).__name__})")
        else:
            self._on_polled("")
            return updates
        return None

    async def _get_updates(self, limit: int, seconds: int) -> list[Any]:
        """The updates; bytes for a single one that is no JSON."""
        params = {
            "offset": self._offsets.next,
            "limit": limit,
            "timeout": seconds,
            "allowed_updates": list(ALLOWED_UPDATES),
        }
        is_again, self._told = self._offsets.next == self._told, self._offsets.next
        try:
            updates = await self._transport.call("getUpdates", params, timeout=seconds + 10)
        except Uncertain as error:
            if error.status != 200 or not _UPDATES.search(error.body or b""):
                raise
            if limit == 1:
                return [error.body]
            updates = await self._get_updates(1, 0)  # one of them is no JSON: find it alone
            self._is_part = True
            return updates
        self._is_part = is_again  # then Telegram may give one alone; source: Bot API server
        return updates if isinstance(updates, list) else []

    async def _handle(self, batch: list[Any]) -> None:
        """A batch in the order of the queue.

        What is no JSON, or has no number to believe, is parked. Without a number it is confirmed with the next that
        has one; until there is one, only the first in the queue can be passed.
        """
        numbers = self._offsets.believed([_number(update) for update in batch])
        until = max((place for place, number in enumerate(numbers) if number is not None), default=0) + 1
        numbers = numbers[:until]
        good: dict[int, dict[str, Any]] = {}
        odd: list[tuple[bytes, str]] = []
        for number, update in zip(numbers, batch[:until], strict=True):
            if isinstance(update, bytes):
                odd.append((update, "not JSON"))
            elif number is None:
                odd.append((encoded(update), "an update without a number"))
            else:
                good[number] = update
        is_repeated, self._last = (numbers, odd) == self._last, (numbers, odd)
        try:
            for raw, reason in () if is_repeated else odd:
                await self._park(raw, reason)
            if good:
                await self._take([good[number] for number in sorted(good)])
        except Exception as error:  # not acknowledged: it comes again
            self._last = ([], [])
            self._trouble.lasts(error)
            await self._pause()
            return
        self._trouble.is_over()
        self._offsets.advance(numbers, is_repeated)
        self._failures = 0
        if is_repeated:
            log.warning("Telegram repeats what was confirmed", action="poll")
            await self._wait(_ODD_PAUSE)
        elif len(batch) < LIMIT and not self._is_part:
            self._drained()

    def _drained(self) -> None:
        self._is_drained = True
        self._on_drained()

    async def _confirm(self) -> None:
        """Tell Telegram what is done, so that nothing is delivered again to the next process."""
        if self._offsets.next != self._told:  # the same offset again within 3 s would be held for 3 s
            params = {
                "offset": self._offsets.next,
                "limit": 1,
                "timeout": 0,
                "allowed_updates": list(ALLOWED_UPDATES),
            }
            try:
                await self._transport.call("getUpdates", params, timeout=5)
            except TelegramError:
                log.warning("last batch not confirmed; it will be recognised", action="confirm")

    async def _persist(self, method: str, params: dict[str, Any]) -> None:
        while not self._stopping.is_set():
            try:
                await self._transport.call(method, params)
            except InvalidToken:
                raise
            except TelegramError as error:
                log.warning("call failed", action=method, error=type(error).__name__)
                await self._pause()
            else:
                return

    async def _pause(self) -> None:
        first, longest = _BACKOFF
        seconds = min(longest, first * 2 ** min(self._failures, 8)) * random.uniform(0.5, 1.0)  # noqa: S311
        self._failures += 1
        await self._wait(seconds)

    async def _wait(self, seconds: float) -> None:
        await pause(self._stopping, seconds)


class Webhook:
    """Deliveries by HTTP. 200 only after the commit; 503 when it could not be taken, so that it comes again."""

    def __init__(self, transport: Transport, take: Take, park: Park, secret: str) -> None:
        self._transport = transport
        self._take = take
        self._park = park
        self._secret = secret.encode()
        self._trouble = Trouble(
            "take", "updates cannot be taken, and wait at Telegram", "updates are taken again"
        )
        self._hold = 0.0  # seconds
        self._held_until = 0.0  # time.monotonic()

    async def register(self, url: str) -> None:
        """Tell Telegram where to deliver. Raises TelegramError when it refuses."""
        params = {
            "url": url,
            "secret_token": self._secret.decode(),
            "allowed_updates": list(ALLOWED_UPDATES),
            "max_connections": CONNECTIONS,
        }
        for attempt in range(5):
            try:
                await self._transport.call("setWebhook", params)
            except RetryAfter as error:
                if attempt == 4:
                    raise
                await asyncio.sleep(float(error.retry_after))  # type: ignore[arg-type]
            else:
                return

    async def drain(self, drained: Callable[[], object]) -> None:
        """Say when Telegram holds nothing back any more, as it does after a downtime."""
        while True:
            try:
                info = await self._transport.call("getWebhookInfo", {})
                if not info["pending_update_count"]:
                    drained()
                    return
            except TelegramError as error:
                log.warning("call failed", action="getWebhookInfo", error=type(error).__name__)
            await asyncio.sleep(DRAIN_SECONDS)

    def is_genuine(self, secret: bytes) -> bool:
        """Whether it is the right one. Takes the same time for every wrong one."""
        return hmac.compare_digest(secret, self._secret)

    async def handle(self, request: web.Request) -> web.Response:
        """One delivery."""
        if not self.is_genuine(request.headers.get(SECRET_HEADER, "").encode(errors="replace")):
            return _refusal(403)
        if (request.content_length or 0) > BODY_LIMIT:
            return _refusal(413)
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await request.read()
        except TimeoutError:
            return _refusal(408)
        except web.HTTPRequestEntityTooLarge:
            return _refusal(413)
        return await self._deliver(body)

    async def _deliver(self, body: bytes) -> web.Response:
        if time.monotonic() < self._held_until:  # one try for all, however many chats wait
            return self._not_now()
        try:
            update = _object(body)
            if update is None:
                await self._park(body, "not JSON")
            answers = {} if update is None else await self._take([update])
        except Exception as error:  # not acknowledged: Telegram delivers it again
            self._trouble.lasts(error)
            if not isinstance(error, StorageUnavailable):
                return web.Response(status=503)
            self._hold_back()
            return self._not_now()
        self._hold = 0.0
        self._trouble.is_over()
        answer = answers.get(number_of(update) or 0)
        return web.json_response(answer) if answer else web.Response()

    def _hold_back(self) -> None:
        """Longer with each try in vain; those that failed together are one."""
        now, (first, longest) = time.monotonic(), _HOLD
        if now >= self._held_until:
            self._hold = min(longest, max(first, 2 * self._hold))
            self._held_until = now + self._hold

    def _not_now(self) -> web.Response:
        """Telegram obeys the header, instead of waiting ever longer by itself."""
        seconds = max(1, math.ceil(self._held_until - time.monotonic()))
        return web.Response(status=503, headers={"Retry-After": str(seconds)})


def _refusal(status: int) -> web.Response:
    """The last answer on its connection."""
    response = web.Response(status=status)
    response.force_close()
    return response


def _number(update: Any) -> int | None:
    """What an update says its number is, also one that is no JSON."""
    if isinstance(update, bytes):
        found = _UPDATE_ID.search(update)
        return int(found[1]) if found else None
    return number_of(update)


def _object(body: bytes) -> dict[str, Any] | None:
    """The JSON object in a body; deep nesting is no JSON for us."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
