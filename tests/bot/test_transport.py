"""The way to a Bot API server: what an answer means, and what is known when none came."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web
from telegram import Bot
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

from bot.transport import FloodControl, NotSent, Transport, Uncertain, parse
from tests.bot.wire import TOKEN, answer, served


@pytest.fixture
async def silent() -> AsyncIterator[Transport]:
    """A transport to where nobody listens."""
    transport = Transport(TOKEN, "http://127.0.0.1:9")
    await transport.initialize()
    yield transport
    await transport.shutdown()


# what an answer means


def test_an_answer_that_is_ok_is_its_result() -> None:
    assert parse(200, b'{"ok": true, "result": [1]}') == [1]


@pytest.mark.parametrize(
    ("found", "error", "text"),
    [
        (answer(400, "Bad Request: message is not modified"), BadRequest, "Message is not modified"),
        (answer(400, "Bad Request: BUTTON_DATA_INVALID"), BadRequest, "Button_data_invalid"),
        (answer(403, "Forbidden: bot was blocked by the user"), Forbidden, "Forbidden: bot was blocked"),
        (answer(401, "Unauthorized"), InvalidToken, "Unauthorized"),
        (answer(404, "Not Found"), InvalidToken, "Not Found"),
        (answer(409, "Conflict: terminated by other"), Conflict, "Conflict: terminated by other"),
        (answer(500, "Internal Server Error: restart"), Uncertain, "500 Internal Server Error: restart"),
        (answer(502, "Bad Gateway"), Uncertain, "502 Bad Gateway"),
        (answer(413, "Request Entity Too Large"), NetworkError, "413 Request Entity Too Large"),
        ((200, b'{"ok": false, "error_code": 400, "description": "x"}'), BadRequest, "x"),
    ],
)
def test_an_error_is_the_librarys_error(
    found: tuple[int, bytes], error: type[TelegramError], text: str
) -> None:
    with pytest.raises(TelegramError) as caught:
        parse(*found)
    assert type(caught.value) is error
    assert str(caught.value).casefold().startswith(text.casefold())


def test_parameters_win_over_the_code() -> None:
    with pytest.raises(ChatMigrated) as moved:
        parse(*answer(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-1001))
    assert moved.value.new_chat_id == -1001
    with pytest.raises(RetryAfter) as flood:
        parse(*answer(429, "Too Many Requests: retry after 7", retry_after=7))
    assert isinstance(flood.value, FloodControl)
    assert flood.value.retry_after == 7


@pytest.mark.parametrize(
    "found",
    [(200, b""), (502, b"<html>Bad Gateway</html>"), (200, b"[]"), (200, b"\xff\xfe"), (504, b"null")],
)
def test_no_json_leaves_it_uncertain_and_keeps_what_came(found: tuple[int, bytes]) -> None:
    with pytest.raises(Uncertain) as caught:
        parse(*found)
    assert (caught.value.status, caught.value.body) == found


# over a socket


async def test_a_call_posts_json_to_its_method() -> None:
    seen: list[Any] = []

    async def respond(request: web.Request) -> web.Response:
        seen.append((request.method, request.path, request.content_type, await request.json()))
        return web.json_response({"ok": True, "result": {"message_id": 5}})

    async with served(respond) as url:
        transport = Transport(TOKEN, url + "/")
        await transport.initialize()
        result = await transport.call("sendMessage", {"chat_id": 7, "text": "<b>“学生”</b>"})
        await transport.shutdown()
    assert result == {"message_id": 5}
    body = {"chat_id": 7, "text": "<b>“学生”</b>"}
    assert seen == [("POST", f"/bot{TOKEN}/sendMessage", "application/json", body)]


async def test_a_call_with_a_file_posts_a_form() -> None:
    seen: dict[str, Any] = {}

    async def respond(request: web.Request) -> web.Response:
        for name, value in (await request.post()).items():
            is_file = isinstance(value, web.FileField)
            seen[name] = (value.filename, value.content_type, value.file.read()) if is_file else value  # type: ignore[union-attr]
        return web.json_response({"ok": True, "result": True})

    async with served(respond) as url:
        transport = Transport(TOKEN, url)
        await transport.initialize()
        files = {"photo": ("id.jpg", b"\xff\xd8", "image/jpeg")}
        await transport.call("sendPhoto", {"chat_id": 7, "protect_content": True, "caption": "é"}, files)
        await transport.shutdown()
    assert seen == {
        "chat_id": "7",
        "protect_content": "true",
        "caption": "é",
        "photo": ("id.jpg", "image/jpeg", b"\xff\xd8"),
    }


async def test_nobody_listening_means_surely_not_sent(silent: Transport) -> None:
    with pytest.raises(NotSent, match="no connection"):
        await silent.call("sendMessage", {})


async def test_a_host_that_is_not_known_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    lost = Transport(TOKEN, "http://nowhere.invalid")
    await lost.initialize()
    with pytest.raises(NotSent, match=r"^no connection: the name cannot be resolved$"):
        await lost.call("getMe", {})
    await lost.shutdown()


async def test_a_closed_transport_sends_nothing(silent: Transport) -> None:
    await silent.shutdown()
    with pytest.raises(NotSent, match="closed"):
        await silent.call("sendMessage", {})


async def test_no_answer_in_time_may_have_been_acted_upon() -> None:
    async def respond(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with served(respond) as url:
        transport = Transport(TOKEN, url)
        await transport.initialize()
        with pytest.raises(Uncertain, match="no answer in time"):
            await transport.call("sendMessage", {}, timeout=0.1)
        await transport.shutdown()


async def test_a_connection_that_breaks_may_have_been_acted_upon() -> None:
    async def respond(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with served(respond) as url:
        transport = Transport(TOKEN, url)
        await transport.initialize()
        with pytest.raises(Uncertain, match="the answer was lost"):
            await transport.call("sendMessage", {})
        await transport.shutdown()


# files


async def downloaded(status: int, size: int) -> bytes:
    async def respond(request: web.Request) -> web.Response:
        assert request.path == f"/file/bot{TOKEN}/photos/file_1.jpg"
        return web.Response(status=status, body=b"x" * size)

    async with served(respond) as url:
        transport = Transport(TOKEN, url)
        await transport.initialize()
        try:
            return await transport.download("photos/file_1.jpg")
        finally:
            await transport.shutdown()


async def test_a_file_is_downloaded_up_to_the_limit() -> None:
    assert len(await downloaded(200, 20 * 2**20)) == 20 * 2**20
    with pytest.raises(BadRequest, match=r"(?i)file is too big"):
        await downloaded(200, 20 * 2**20 + 1)


async def test_a_file_that_is_gone_is_refused_and_a_servers_trouble_is_not() -> None:
    with pytest.raises(BadRequest, match=r"(?i)file: http 404"):
        await downloaded(404, 0)
    with pytest.raises(Uncertain, match="file: HTTP 502"):
        await downloaded(502, 0)
    with pytest.raises(RetryAfter) as flood:
        await downloaded(429, 0)
    assert flood.value.retry_after == 1


async def test_a_file_that_cannot_be_reached_can_be_tried_again(silent: Transport) -> None:
    with pytest.raises(NotSent, match="file: ClientConnector"):
        await silent.download("photos/file_1.jpg")


# secrets


@pytest.mark.parametrize("odd", [None, "x", 1.5, [], {}, True, 2**70])
def test_an_error_whose_parts_are_of_other_types_is_an_error_all_the_same(odd: Any) -> None:
    answer = {"ok": False, "error_code": odd, "description": odd, "parameters": {"migrate_to_chat_id": odd}}
    with pytest.raises(BadRequest):
        parse(400, json.dumps(answer).encode())
    answer |= {"error_code": 429, "parameters": {"retry_after": odd}}
    with pytest.raises(RetryAfter) as flood:
        parse(429, json.dumps(answer).encode())
    assert flood.value.retry_after == 1


@pytest.mark.parametrize(("asked", "kept"), [(-5, 0), (3, 3), (10**9, 86_400)])
def test_a_wait_is_at_most_a_day(asked: int, kept: int) -> None:
    answer = {"ok": False, "error_code": 429, "parameters": {"retry_after": asked}}
    with pytest.raises(RetryAfter) as flood:
        parse(429, json.dumps(answer).encode())
    assert flood.value.retry_after == kept


async def test_no_error_and_no_repr_carries_the_token(silent: Transport) -> None:
    shown = [repr(silent), str(silent)]
    for attempt in (
        silent.call("getMe", {}),
        silent.download("x"),
        silent.do_request("http://127.0.0.1:9/x", "POST"),
    ):
        with pytest.raises(TelegramError) as caught:
            await attempt
        shown += [repr(caught.value), str(caught.value.__cause__)]
    assert "secret" not in " ".join(shown)


# the library's own client


async def test_the_librarys_client_works_on_it() -> None:
    async def respond(request: web.Request) -> web.Response:
        if request.path.endswith("getMe"):
            me = {"id": 123456, "is_bot": True, "first_name": "b", "username": "intake_bot"}
            return web.json_response({"ok": True, "result": me})
        form = await request.post()
        if "photo" in form:
            return web.json_response(
                {"ok": False, "error_code": 400, "description": "Bad Request: x"}, status=400
            )
        return web.json_response({"ok": True, "result": json.loads(str(form["chat_id"])) == 7})

    async with served(respond) as url:
        bot = Bot(
            TOKEN,
            base_url=f"{url}/bot",
            base_file_url=f"{url}/file/bot",
            request=Transport(TOKEN, url),
            get_updates_request=Transport(TOKEN, url),
        )
        async with bot:
            assert bot.username == "intake_bot"
            assert await bot.send_chat_action(7, "typing") is True
            with pytest.raises(BadRequest):
                await bot.send_photo(7, b"\xff\xd8")


async def test_the_librarys_client_is_told_of_time_outs() -> None:
    async def respond(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with served(respond) as url:
        transport = Transport(TOKEN, url, timeout=0.1)
        await transport.initialize()
        with pytest.raises(TimedOut):
            await transport.do_request(f"{url}/x", "POST")
        await transport.shutdown()
        assert transport.read_timeout == 0.1


async def test_every_answer_tells_the_servers_time() -> None:
    said = datetime(2026, 3, 2, 12, tzinfo=UTC)

    async def dated(request: web.Request) -> web.Response:
        return web.json_response(
            {"ok": True, "result": 1}, headers={"Date": format_datetime(said, usegmt=True)}
        )

    async with served(dated) as url:
        transport = Transport("1:A", url)
        await transport.initialize()
        assert transport.server_time() is None
        await transport.call("getMe", {})
        now = transport.server_time()
        await transport.shutdown()
    assert now is not None
    assert timedelta() <= now - said < timedelta(seconds=10)
