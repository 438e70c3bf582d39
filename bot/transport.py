"""python-telegram-bot's BaseRequest on aiohttp, and a lean way for our own calls.

The lean way posts JSON and returns the bare result; the errors are python-telegram-bot's. What the outbox must
know of a failure is whether the act surely did not happen (`NotSent`) or may have (`Uncertain`). The token is in
every URL, so no exception, log line or repr of this module carries a URL.
"""

import asyncio
import contextlib
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.request import getproxies

import aiohttp
from telegram._utils.defaultvalue import DefaultValue
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.request import BaseRequest, RequestData
from yarl import URL

from bot.clock import ticks

DOWNLOAD_LIMIT = 20 * 1024 * 1024  # source: Bot API, getFile
CONNECTIONS = 256
LONGEST_WAIT = 86_400  # seconds; whatever a 429 says beyond that is not believed

Files = Mapping[str, tuple[str, bytes, str]]  # field -> (file name, bytes, content type)


class NotSent(NetworkError):
    """The request surely did not reach the server."""


class Uncertain(NetworkError):
    """The request may have been acted upon: no answer, a cut one, or the server's own trouble.

    `status` and `body` are what came instead of an answer, where anything came.
    """

    def __init__(self, message: str, status: int = 0, body: bytes | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = body


class FloodControl(RetryAfter):
    """Telegram asks to wait. The library's own attribute warns of its coming change each time it is made."""

    @property
    def retry_after(self) -> int:
        """Seconds."""
        return int(self._retry_after.total_seconds())


class Transport(BaseRequest):
    """One session for all calls. `api_url` is any Bot API server."""

    def __init__(self, token: str, api_url: str, *, timeout: float = 20.0) -> None:
        root = api_url.rstrip("/")
        self._calls = f"{root}/bot{token}/"
        self._files = f"{root}/file/bot{token}/"
        self._timeout = timeout
        self._urls: dict[str, URL] = {}
        self._date = ""  # the last Date header
        self._server_said: tuple[datetime, float] | None = None  # what it said, and when that was new (ticks)
        self._session: aiohttp.ClientSession | None = None
        self.failing_since: float | None = None  # by the loop's clock, while no call brings an answer

    def __repr__(self) -> str:
        return "Transport(...)"

    @property
    def read_timeout(self) -> float:
        """Seconds to wait for an answer."""
        return self._timeout

    async def initialize(self) -> None:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS, ttl_dns_cache=300, keepalive_timeout=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, connect=10, sock_connect=10),
                raise_for_status=False,
                trust_env=bool(getproxies()),  # looking for a proxy costs each call two thread hops
            )

    async def shutdown(self) -> None:
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)  # lets the transports close before the loop does

    # the lean way

    async def call(
        self, method: str, params: Mapping[str, Any], files: Files | None = None, timeout: float | None = None
    ) -> Any:
        """The `result` of a Bot API call. `timeout` in seconds.

        Raises telegram.error: BadRequest, Forbidden, RetryAfter, ChatMigrated, InvalidToken, Conflict, or
        NotSent and Uncertain, which are NetworkErrors.
        """
        url = self._urls.get(method)
        if url is None:
            url = self._urls[method] = URL(self._calls + method, encoded=True)
        body: Any
        headers: dict[str, str] | None = None
        if files:
            body = _form(params, files)
        else:
            body = json.dumps(params, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
            headers = {"Content-Type": "application/json"}
        try:
            status, raw = await self._post(url, body, headers, timeout or self._timeout)
        except NetworkError:
            self._heard(False)
            raise
        self._heard(status < 500)
        return parse(status, raw)

    def _heard(self, is_well: bool) -> None:
        if is_well:
            self.failing_since = None
        elif self.failing_since is None:
            self.failing_since = asyncio.get_running_loop().time()

    def server_time(self) -> datetime | None:
        """What time it is by the server's clock, to a second or two; None while it has not said."""
        if self._server_said is None:
            return None
        said, at = self._server_said
        return said + timedelta(seconds=ticks() - at)

    def _hear_date(self, date: str) -> None:
        """An answer's Date header. It changes once a second, and only then is it read."""
        if date != self._date:
            self._date = date
            with contextlib.suppress(ValueError):
                said = parsedate_to_datetime(date)
                self._server_said = said if said.tzinfo else said.replace(tzinfo=UTC), ticks()

    async def download(self, file_path: str) -> bytes:
        """A file's bytes. Raises BadRequest when it is too long for a bot or cannot be had; else as `call`."""
        session = self._ready()
        received = bytearray()
        try:
            url = URL(self._files + file_path, encoded=True)
            async with session.get(url, timeout=aiohttp.ClientTimeout(total=60)) as response:
                if response.status == 429:
                    raise FloodControl(_seconds(response.headers.get("Retry-After", "")))
                if response.status != 200:
                    raise (Uncertain if response.status >= 500 else BadRequest)(
                        f"file: HTTP {response.status}"
                    )
                async for chunk in response.content.iter_chunked(65_536):
                    received += chunk
                    if len(received) > DOWNLOAD_LIMIT:
                        raise BadRequest("file is too big")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NotSent(f"file: {type(error).__name__}") from None
        return bytes(received)

    async def _post(
        self, url: URL, body: Any, headers: dict[str, str] | None, timeout: float
    ) -> tuple[int, bytes]:
        session = self._ready()
        try:
            limit = aiohttp.ClientTimeout(total=timeout, connect=10, sock_connect=10)
            async with session.post(url, data=body, headers=headers, timeout=limit) as response:
                self._hear_date(response.headers.get("Date", ""))
                return response.status, await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            unknown = isinstance(error, aiohttp.ClientConnectorDNSError)
            cause = "the name cannot be resolved" if unknown else type(error).__name__
            raise NotSent(f"no connection: {cause}") from None
        except TimeoutError:
            raise Uncertain("no answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Uncertain(f"the answer was lost: {type(error).__name__}") from None

    def _ready(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            raise NotSent("the transport is closed")
        return self._session

    # python-telegram-bot's way

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """As BaseRequest wants it. Raises TimedOut and NetworkError."""
        seconds = (
            self._timeout if isinstance(read_timeout, DefaultValue) or read_timeout is None else read_timeout
        )
        body: Any = None
        if request_data is not None:
            body = request_data.json_parameters
            if request_data.contains_files:
                body = _form(request_data.json_parameters, _multipart(request_data))
        try:
            session = self._ready()
            limit = aiohttp.ClientTimeout(total=seconds)
            async with session.request(method, URL(url, encoded=True), data=body, timeout=limit) as response:
                return response.status, await response.read()
        except TimeoutError:
            raise TimedOut from None
        except (aiohttp.ClientError, OSError) as error:
            raise NetworkError(type(error).__name__) from None


def _multipart(request_data: RequestData) -> dict[str, tuple[str, bytes, str]]:
    return {
        name: (str(part[0]), part[1] if isinstance(part[1], bytes) else part[1].read(), str(part[2]))
        for name, part in request_data.multipart_data.items()
    }


def _form(params: Mapping[str, Any], files: Files) -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False)  # Telegram takes a file's name as it stands
    for name, value in params.items():
        form.add_field(name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    for name, (file_name, data, content_type) in files.items():
        form.add_field(name, io.BytesIO(data), filename=file_name, content_type=content_type)
    return form


def parse(status: int, raw: bytes) -> Any:
    """The result in an answer's body, or the error it means; wording and classes as python-telegram-bot's."""
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):  # deep nesting is no JSON for us
        answer = None
    if not isinstance(answer, dict):
        raise Uncertain(f"HTTP {status} without JSON", status, raw)
    if answer.get("ok") is True:
        return answer.get("result")
    raise _error(
        _whole(answer.get("error_code"), status), str(answer.get("description", "")), answer.get("parameters")
    )


def _error(code: int, description: str, parameters: Any) -> TelegramError:
    extra = parameters if isinstance(parameters, dict) else {}
    if moved := _whole(extra.get("migrate_to_chat_id"), 0):
        return ChatMigrated(moved)
    if "retry_after" in extra:
        return FloodControl(_seconds(extra["retry_after"]))
    match code:
        case 400:
            return BadRequest(description.removeprefix("Bad Request: "))
        case 403:
            return Forbidden(description)
        case 401 | 404:
            return InvalidToken(description)
        case 409:
            return Conflict(description)
        case _ if code >= 500:
            return Uncertain(f"{code} {description}", code)
        case _:
            return NetworkError(f"{code} {description}")


def _seconds(asked: Any) -> int:
    """How long to wait when it was asked for so long, by a number or by a header's words."""
    whole = (
        int(asked) if isinstance(asked, str) and asked.isdecimal() and len(asked) < 9 else _whole(asked, 1)
    )
    return min(max(whole, 0), LONGEST_WAIT)


def _whole(value: Any, otherwise: int) -> int:
    """A number as Telegram sends it."""
    return (
        value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else otherwise
    )
