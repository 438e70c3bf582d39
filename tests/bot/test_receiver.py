"""Updates are acknowledged after they were taken, and what cannot be taken comes again."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from telegram.error import BadRequest, Conflict, InvalidToken

from bot import receiver
from bot.receiver import ALLOWED_UPDATES, BODY_LIMIT, SECRET_HEADER, Polling, Webhook
from bot.transport import FloodControl, NotSent, Transport, Uncertain
from storage.errors import StorageUnavailable
from tests.bot.wire import FakeTransport, served


@dataclass
class Taker:
    """Takes batches, or fails as often as it is told."""

    batches: list[Any] = field(default_factory=list)
    parked: list[tuple[bytes, str]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    answer: dict[int, dict[str, Any]] = field(default_factory=dict)

    async def take(self, batch: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        if self.failures:
            raise self.failures.pop(0)
        self.batches.append(batch)
        return self.answer

    async def park(self, raw: bytes, reason: str) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.parked.append((raw, reason))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "_BACKOFF", (0.001, 0.001))


def update(number: int) -> dict[str, Any]:
    return {"update_id": number}


async def polled(script: list[Any], taker: Taker) -> FakeTransport:
    """Poll until the script is used up, then stop."""
    transport = FakeTransport(script)
    polling = Polling(cast(Transport, transport), taker.take, taker.park)
    running = asyncio.create_task(polling.run())
    ended = asyncio.create_task(transport.at_end.wait())
    await asyncio.wait({running, ended}, timeout=5, return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    await polling.stop()
    await running
    return transport


def offsets(transport: FakeTransport) -> list[int]:
    return [params["offset"] for method, params in transport.calls if method == "getUpdates"]


# polling


async def test_a_batch_is_confirmed_by_the_next_call_after_it_was_taken() -> None:
    taker = Taker()
    transport = await polled([[update(6), update(5)], [update(9)]], taker)
    assert taker.batches == [[update(5), update(6)], [update(9)]]
    assert offsets(transport) == [0, 7, 10]
    assert transport.calls[0] == ("deleteWebhook", {"drop_pending_updates": False})
    assert transport.calls[1][1]["allowed_updates"] == list(ALLOWED_UPDATES)


async def test_a_batch_that_could_not_be_taken_is_not_confirmed() -> None:
    taker = Taker(failures=[StorageUnavailable("full"), RuntimeError("odd")])
    transport = await polled([[update(5)], [update(5)], [update(5)]], taker)
    assert offsets(transport) == [0, 0, 0, 6]
    assert taker.batches == [[update(5)]]


async def test_trouble_with_the_server_is_waited_out() -> None:
    taker = Taker()
    troubles = [NotSent("x"), Uncertain("x"), Conflict("x"), BadRequest("x"), FloodControl(1)]
    await polled([*troubles, [update(5)]], taker)
    assert taker.batches == [[update(5)]]


async def test_a_token_that_is_refused_ends_it() -> None:
    with pytest.raises(InvalidToken):
        await polled([InvalidToken("Unauthorized")], Taker())


async def test_an_update_that_is_no_json_is_found_alone_and_parked() -> None:
    taker = Taker()
    bad = b'{"ok":true,"result":[{"update_id":6,"message":{"text":"\xff"}}]}'
    script = [
        Uncertain("", 200, b'{"ok":true,"result":[{"update_id":5},{'),
        [update(5)],
        Uncertain("", 200, b'{"ok":true,"result":[{"update_id":5},{'),
        Uncertain("", 200, bad),
        [update(7)],
    ]
    transport = await polled(script, taker)
    assert taker.batches == [[update(5)], [update(7)]]
    assert taker.parked == [(bad, "not JSON")]
    assert offsets(transport) == [0, 0, 6, 6, 7, 8]


async def test_an_update_that_cannot_be_parked_now_comes_again() -> None:
    taker = Taker(failures=[StorageUnavailable("full")])
    bad = Uncertain("", 200, b'{"ok":true,"result":[{"update_id":6,"message":{"text":"\xff"}}]}')
    transport = await polled([bad, bad, bad, bad, [update(7)]], taker)
    assert [reason for _, reason in taker.parked] == ["not JSON"]
    assert offsets(transport) == [0, 0, 0, 0, 7, 8]


async def test_a_gateways_page_is_not_parked() -> None:
    taker = Taker()
    page = Uncertain("", 502, b'<html>"update_id": 5</html>')
    await polled([page, page, [update(5)]], taker)
    assert taker.parked == []
    assert taker.batches == [[update(5)]]


@pytest.mark.parametrize("odd", [[], None, True, {"x": 1}, ["words", 5, None]])
async def test_a_result_that_is_no_list_of_updates_is_passed_over(odd: Any) -> None:
    taker = Taker()
    await polled([odd, [update(5)]], taker)
    assert taker.batches == [[update(5)]]


async def test_drained_is_said_after_a_batch_that_is_not_full() -> None:
    said: list[str] = []
    taker = Taker()
    transport = FakeTransport([[update(number) for number in range(1, 101)], [update(101)]])
    polling = Polling(
        cast(Transport, transport),
        taker.take,
        taker.park,
        on_drained=lambda: said.append(f"{len(taker.batches)}"),
    )
    running = asyncio.create_task(polling.run())
    await asyncio.wait_for(transport.at_end.wait(), 5)
    await polling.stop()
    await running
    assert said[0] == "2"


async def test_nothing_is_waited_for_until_the_backlog_is_known_to_be_empty() -> None:
    transport = await polled([[update(number) for number in range(1, 101)], [], []], Taker())
    waits = [params["timeout"] for method, params in transport.calls if method == "getUpdates"]
    assert waits == [0, 0, 30, 30]


async def test_stopping_ends_the_wait_at_once_and_confirms_what_was_taken() -> None:
    taker = Taker()
    transport = FakeTransport([[update(5)]])
    polling = Polling(cast(Transport, transport), taker.take, taker.park)

    async def take(batch: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        await polling.stop()
        return {}

    polling._take = take
    await asyncio.wait_for(polling.run(), 5)
    assert offsets(transport) == [0, 6]


async def test_what_has_no_number_is_parked_once_and_passed() -> None:
    taker = Taker()
    odd = {"update_id": 2**63, "x": 1}
    transport = await polled([[update(5)], [odd], [None], [odd, update(8), odd], [update(9)]], taker)
    assert taker.batches == [[update(5)], [update(8)], [update(9)]]
    assert [json.loads(raw) for raw, _ in taker.parked] == [odd, None, odd]
    assert offsets(transport) == [0, 6, 7, 8, 9, 10]


async def test_numbers_that_begin_anew_are_confirmed() -> None:
    transport = await polled([[update(900)], [update(3)]], Taker())
    assert offsets(transport) == [0, 901, 4]


async def test_a_server_that_repeats_what_was_confirmed_is_not_asked_in_a_hurry() -> None:
    taker = Taker()
    transport = await polled([[update(5)], [update(5)], [update(6)]], taker)
    assert offsets(transport) == [0, 6, 6, 7]


@pytest.mark.parametrize(
    "odd", [b"", b"<html>Welcome</html>", b'{"ok":true,"result":[', b'{"ok":true,"result":[ ]']
)
async def test_an_answer_that_holds_no_update_moves_nothing(odd: bytes) -> None:
    taker = Taker()
    page = Uncertain("", 200, odd)
    transport = await polled([[update(5)], page, page, page, page, [update(6)]], taker)
    assert taker.parked == []
    assert offsets(transport) == [0, 6, 6, 6, 6, 6, 7]


async def test_a_number_without_end_in_what_is_no_json_ends_nothing() -> None:
    taker = Taker()
    bad = b'{"ok":true,"result":[{"update_id":' + b"9" * 6_000 + b',"message":{"text":"'
    script = [[update(5)], Uncertain("", 200, bad), Uncertain("", 200, bad), [update(7)]]
    transport = await polled(script, taker)
    assert taker.parked == [(bad, "not JSON")]
    assert taker.batches == [[update(5)], [update(7)]]
    assert offsets(transport) == [0, 6, 6, 7, 8]


async def test_what_was_taken_alone_because_of_a_neighbour_does_not_mean_that_nothing_waits() -> None:
    bad = Uncertain("", 200, b'{"ok":true,"result":[{"update_id":6,"message":{"text":"')
    transport = await polled([bad, [update(5)], bad, bad, [update(7)], []], Taker())
    waits = [params["timeout"] for method, params in transport.calls if method == "getUpdates"]
    assert waits == [0, 0, 0, 0, 0, 30, 30]


async def test_the_first_answer_may_hold_one_of_many_and_does_not_mean_that_nothing_waits() -> None:
    """Who asks for the same again within half a second, as after a quick restart, gets one update."""
    transport = await polled([[update(5)], [update(6)], []], Taker())
    waits = [params["timeout"] for method, params in transport.calls if method == "getUpdates"]
    assert waits == [0, 0, 30, 30]


async def test_what_is_too_deep_to_be_written_again_is_parked_as_far_as_it_can_be() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    taker = Taker()
    transport = await polled([[update(5)], [{"message": deep}], [update(7)]], taker)
    assert len(taker.parked[0][0]) < 200
    assert offsets(transport) == [0, 6, 7, 8]


# webhook


SECRET = "a-long-random-word"


async def deliver(
    taker: Taker, body: bytes, secret: str | None = SECRET, **headers: str
) -> tuple[int, bytes]:
    webhook = Webhook(cast(Transport, FakeTransport([])), taker.take, taker.park, SECRET)

    async def respond(request: web.Request) -> web.StreamResponse:
        return await webhook.handle(request)

    async with served(respond) as url, aiohttp.ClientSession() as session:
        given = {**headers, **({SECRET_HEADER: secret} if secret is not None else {})}
        async with session.post(url, data=body, headers=given) as response:
            return response.status, await response.read()


async def test_a_delivery_is_confirmed_when_it_was_taken() -> None:
    taker = Taker()
    assert await deliver(taker, b'{"update_id": 5}') == (200, b"")
    assert taker.batches == [[update(5)]]


async def test_the_answer_to_a_press_rides_in_the_response() -> None:
    taker = Taker(answer={5: {"method": "answerCallbackQuery", "callback_query_id": "q"}})
    status, body = await deliver(taker, b'{"update_id": 5}')
    assert (status, body) == (200, b'{"method": "answerCallbackQuery", "callback_query_id": "q"}')


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET + "x", SECRET.upper(), "é"])
async def test_a_delivery_without_the_secret_is_refused_unread(secret: str | None) -> None:
    taker = Taker()
    assert await deliver(taker, b'{"update_id": 5}', secret) == (403, b"")
    assert taker.batches == []


async def test_a_body_above_the_limit_is_refused() -> None:
    taker = Taker()
    assert (await deliver(taker, b"x" * (BODY_LIMIT + 1)))[0] == 413
    assert (taker.batches, taker.parked) == ([], [])


@pytest.mark.parametrize("body", [b"", b"words", b"[]", b"5", b"\xff", b"[" * 100_000, b'{"a": NaN'])
async def test_what_is_no_json_object_is_parked_and_confirmed(body: bytes) -> None:
    taker = Taker()
    assert await deliver(taker, body) == (200, b"")
    assert taker.parked == [(body, "not JSON")]


@pytest.mark.parametrize("body", [b'{"update_id": 5}', b"no JSON"])
async def test_a_delivery_that_could_not_be_kept_comes_again(body: bytes) -> None:
    taker = Taker(failures=[StorageUnavailable("disk full")])
    assert await deliver(taker, body) == (503, b"")


async def test_while_nothing_can_be_kept_one_try_is_made_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "_HOLD", (0.2, 0.3))
    taker = Taker(failures=[StorageUnavailable("disk full")] * 2)
    webhook = Webhook(cast(Transport, FakeTransport([])), taker.take, taker.park, SECRET)

    async def delivered() -> tuple[int, str | None]:
        response = await webhook._deliver(b'{"update_id": 5}')
        return response.status, response.headers.get("Retry-After")

    for left in (1, 0):  # failures still to come
        assert [await delivered() for _ in range(5)] == [(503, "1")] * 5
        assert len(taker.failures) == left
        await asyncio.sleep(0.35)
    assert await delivered() == (200, None)
    assert taker.batches == [[update(5)]]


async def test_a_failure_of_another_kind_holds_no_other_delivery_back() -> None:
    taker = Taker(failures=[RuntimeError("odd")])
    webhook = Webhook(cast(Transport, FakeTransport([])), taker.take, taker.park, SECRET)
    statuses = [(await webhook._deliver(b'{"update_id": 5}')).status for _ in range(2)]
    assert statuses == [503, 200]


async def test_registering_waits_when_it_is_told_to() -> None:
    calls: list[dict[str, Any]] = []

    class Flooded(FakeTransport):
        async def call(self, method: str, params: dict[str, Any], timeout: float | None = None) -> Any:
            calls.append({"method": method, **params})
            if len(calls) == 1:
                raise FloodControl(0)
            return True

    await Webhook(cast(Transport, Flooded([])), Taker().take, Taker().park, SECRET).register(
        "https://x.example/t"
    )
    assert calls[1] == {
        "method": "setWebhook",
        "url": "https://x.example/t",
        "secret_token": SECRET,
        "allowed_updates": list(ALLOWED_UPDATES),
        "max_connections": 40,
    }
    assert len(calls) == 2


async def test_a_url_that_telegram_refuses_is_said() -> None:
    class Refusing(FakeTransport):
        async def call(self, method: str, params: dict[str, Any], timeout: float | None = None) -> Any:
            raise BadRequest("bad webhook")

    webhook = Webhook(cast(Transport, Refusing([])), Taker().take, Taker().park, SECRET)
    with pytest.raises(BadRequest):
        await webhook.register("https://x.example/t")
