"""How a call comes in and an answer goes out."""

import time
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import aiohttp
import pytest

from bot.sandbox.server import Sandbox
from tests.bot.sandbox.conftest import Caller, refusal
from tests.cast import Cast


async def test_success_is_ok_and_result(api: Caller, session: aiohttp.ClientSession) -> None:
    async with session.get(api.base + "getMe") as response:
        answer = await response.json()
    assert response.status == 200
    assert set(answer) == {"ok", "result"}
    assert answer["result"]["username"] == "intake_local_bot"


@pytest.mark.parametrize("spelling", ["getme", "GETME", "getMe"])
async def test_method_names_know_no_case(api: Caller, spelling: str) -> None:
    assert (await api.ok(spelling))["is_bot"] is True


async def test_every_answer_says_what_time_it_is_there(api: Caller) -> None:
    async with api.session.get(api.base + "getMe") as response:
        assert abs(parsedate_to_datetime(response.headers["Date"]).timestamp() - time.time()) < 5
    api.sandbox.telegram.clock = lambda: 1_772_452_800.0
    async with api.session.get(api.base + "getMe") as response:
        assert response.headers["Date"] == "Mon, 02 Mar 2026 12:00:00 GMT"


async def test_unknown_method_is_not_found(api: Caller) -> None:
    assert (await api.refused("getEverything")).said == (404, "Not Found: method not found")


@pytest.mark.parametrize(
    ("token", "status", "description"),
    [
        ("123456:AAAAAAAAAA", 401, "Unauthorized"),
        ("0123:AAAAAAAAAA", 401, "Unauthorized: invalid token specified"),
        ("123456", 401, "Unauthorized: invalid token specified"),
        ("123456:" + "A" * 80, 401, "Unauthorized: invalid token specified"),
        ("abc:AAAAAAAAAA", 421, "Misdirected Request: unallowed token specified"),
    ],
)
async def test_wrong_token_is_refused(
    sandbox: Sandbox, session: aiohttp.ClientSession, token: str, status: int, description: str
) -> None:
    async with session.get(f"{sandbox.url}/bot{token}/getMe") as response:
        assert (await refusal(response)).said == (status, description)


async def test_token_may_be_percent_encoded(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    async with session.get(f"{sandbox.url}/bot{quote(sandbox.token, safe='')}/getMe") as response:
        assert response.status == 200


async def test_other_paths_are_not_found(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    for path in ("/nothing", "/page/../server.py", "/page/nothing.js", "/file/nothing", "/file/bot1:2/x"):
        async with session.get(sandbox.url + path) as response:
            assert (await refusal(response)).said == (404, "Not Found")


@pytest.mark.parametrize("way", ["query", "form", "json", "multipart"])
async def test_parameters_come_every_way(
    api: Caller, cast: Cast, session: aiohttp.ClientSession, way: str
) -> None:
    mei = cast.applicant()
    mei.start()
    markup = '{"inline_keyboard":[[{"text":"Yes","callback_data":"y"}]]}'
    params = {"chat_id": str(mei.id), "text": "ä & 中", "protect_content": "yes", "reply_markup": markup}
    parts = {
        "query": {"params": params},
        "form": {"data": params},
        "json": {"json": {**params, "chat_id": mei.id, "protect_content": True}},
        "multipart": {"data": aiohttp.FormData(params, default_to_multipart=True)},
    }[way]
    async with session.post(api.base + "sendMessage", **parts) as response:  # type: ignore[arg-type]
        sent = (await response.json())["result"]
    assert sent["text"] == "ä & 中"
    assert sent["has_protected_content"] is True
    assert mei.chat.messages[-1].keys == ["Yes"]


async def test_broken_json_is_refused(api: Caller, session: aiohttp.ClientSession) -> None:
    kind = {"Content-Type": "application/json"}
    async with session.post(api.base + "getMe", data=b"{", headers=kind) as response:
        found = await refusal(response)
    assert found.said == (400, "Bad Request: can't parse JSON encoded parameters")


async def test_too_large_a_body_is_413(api: Caller, session: aiohttp.ClientSession) -> None:
    head = {"Content-Length": "60000000", "Content-Type": "application/json"}
    async with aiohttp.ClientSession() as alone:
        try:
            async with alone.post(api.base + "sendDocument", data=b"x" * 100, headers=head) as response:
                assert (await refusal(response)).said == (413, "Request Entity Too Large")
        except aiohttp.ClientError:
            pytest.fail("the server hung up without an answer")


async def test_calls_are_witnessed(api: Caller, cast: Cast) -> None:
    mei = cast.applicant()
    mei.start()
    sent = await api.ok("sendMessage", chat_id=mei.id, text="Hello")
    await api.refused("sendMessage", chat_id=mei.id, text="")
    first, second = api.sandbox.telegram.witness.calls
    assert (first.method, first.chat_id, first.ok, first.message_id) == (
        "sendMessage",
        mei.id,
        True,
        sent["message_id"],
    )
    assert (second.ok, second.error_code, second.description) == (
        False,
        400,
        "Bad Request: message text is empty",
    )
    assert api.sandbox.telegram.witness.counts == {"sendMessage": 2}
    assert api.sandbox.telegram.witness.refused == {400: 1}


async def test_half_a_surrogate_pair_is_refused(api: Caller, cast: Cast) -> None:
    mei = cast.applicant()
    mei.start()
    assert (await api.refused("sendMessage", chat_id=mei.id, text="\ud800")).status == 400
    markup = '{"inline_keyboard":[[{"text":"\\ud800","callback_data":"x"}]]}'
    found = await api.refused("sendMessage", chat_id=mei.id, text="x", reply_markup=markup)
    assert found.said == (400, "Bad Request: can't parse reply keyboard markup JSON object")
    assert (await api.ok("sendMessage", chat_id=mei.id, text="\ud83d\ude00"))["text"] == "😀"
