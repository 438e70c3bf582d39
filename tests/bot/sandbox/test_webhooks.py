"""Deliveries by webhook: order, retries, the secret, calls in the answer."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from bot.sandbox.server import Sandbox
from bot.web import listen_on, serve
from tests.bot.sandbox.conftest import Caller
from tests.bot.sandbox.receiver import Receiver, text_of
from tests.cast import Cast

SECRET = "X-Telegram-Bot-Api-Secret-Token"


@pytest.fixture(autouse=True)
def quick(sandbox: Sandbox) -> None:
    sandbox.api.webhooks.first_pause = 0.05


async def drained(sandbox: Sandbox) -> None:
    """Until nothing waits for its delivery any more."""
    async with asyncio.timeout(5):
        while len(sandbox.telegram.queue):
            await asyncio.sleep(0.005)


async def test_update_is_delivered_with_the_secret(
    sandbox: Sandbox, api: Caller, cast: Cast, receiver: Receiver
) -> None:
    await api.ok("setWebhook", url=receiver.url, secret_token="abc_-1")
    message = cast.applicant().start()
    assert await receiver.has(1) == ["/start"]
    assert receiver.came[0]["message"] == message.data
    assert receiver.headers[0][SECRET] == "abc_-1"
    assert receiver.headers[0]["Content-Type"] == "application/json"
    await drained(sandbox)
    (delivery,) = sandbox.telegram.witness.deliveries.values()
    assert len(delivery.attempts) == 1 and delivery.confirmed_at is not None


async def test_what_waited_before_is_delivered_too(api: Caller, cast: Cast, receiver: Receiver) -> None:
    cast.applicant().start()
    await api.ok("setWebhook", url=receiver.url)
    assert await receiver.has(1) == ["/start"]


async def test_dropped_updates_never_come(api: Caller, cast: Cast, receiver: Receiver) -> None:
    mei = cast.applicant()
    mei.say("old")
    await api.ok("setWebhook", url=receiver.url, drop_pending_updates=True)
    mei.say("new")
    assert await receiver.has(1) == ["new"]


async def test_one_chat_waits_for_its_last_answer_and_others_do_not(
    sandbox: Sandbox, api: Caller, cast: Cast, receiver: Receiver
) -> None:
    released = asyncio.Event()

    async def slowly(update: dict[str, Any]) -> web.Response:
        if text_of(update) == "slow":
            await released.wait()
        return web.Response()

    receiver.respond = slowly
    await api.ok("setWebhook", url=receiver.url)
    mei, luca = cast.applicant("Mei"), cast.applicant("Luca")
    for text in ("slow", "second", "third"):
        mei.say(text)
    luca.say("other")
    assert sorted(await receiver.has(2)) == ["other", "slow"]
    await asyncio.sleep(0.05)
    assert len(receiver.came) == 2
    released.set()
    assert (await receiver.has(4))[2:] == ["second", "third"]


async def test_presses_are_kept_in_order_per_user_apart_from_messages(
    api: Caller, cast: Cast, receiver: Receiver
) -> None:
    group = cast.group()
    ana, ben = cast.reviewer("Ana", group), cast.reviewer("Ben", group)
    markup = {"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}
    sent = await api.ok("sendMessage", chat_id=group.id, text="?", reply_markup=markup)
    card = group.chat.by_id[sent["message_id"]]
    released = asyncio.Event()

    async def slowly(update: dict[str, Any]) -> web.Response:
        if text_of(update) in ("ana-1", "message"):
            await released.wait()
        return web.Response()

    receiver.respond = slowly
    await api.ok("setWebhook", url=receiver.url)
    ana.say("message")
    for person, data in ((ana, "ana-1"), (ana, "ana-2"), (ben, "ben-1")):
        person.press_data(card, data)
    assert sorted(await receiver.has(3)) == ["ana-1", "ben-1", "message"]
    await asyncio.sleep(0.05)
    assert len(receiver.came) == 3
    released.set()
    assert (await receiver.has(4))[3] == "ana-2"


async def test_no_more_connections_than_allowed(api: Caller, cast: Cast, receiver: Receiver) -> None:
    released = asyncio.Event()

    async def wait(update: dict[str, Any]) -> web.Response:
        await released.wait()
        return web.Response()

    receiver.respond = wait
    await api.ok("setWebhook", url=receiver.url, max_connections=2)
    for number in range(5):
        cast.applicant(f"P{number}").say(str(number))
    await receiver.has(2)
    await asyncio.sleep(0.05)
    assert len(receiver.came) == 2
    released.set()
    assert len(await receiver.has(5)) == 5


async def test_refused_delivery_is_retried_at_once_then_ever_later(
    sandbox: Sandbox, api: Caller, cast: Cast, receiver: Receiver
) -> None:
    answers = iter([500, 500, 500, 503, 200])
    receiver.respond = lambda update: web.Response(status=next(answers, 200))
    await api.ok("setWebhook", url=receiver.url)
    mei = cast.applicant()
    mei.say("first")
    mei.say("second")
    assert await receiver.has(6) == ["first"] * 5 + ["second"]
    pauses = [later - earlier for earlier, later in zip(receiver.times, receiver.times[1:5], strict=False)]
    assert pauses[0] < pauses[1]
    assert (pauses[1] >= 0.05, pauses[2] >= 0.1, pauses[3] >= 0.2) == (True, True, True)
    info = await api.ok("getWebhookInfo")
    assert info["last_error_message"] == "Wrong response from the webhook: 503 Service Unavailable"


async def test_retry_after_is_obeyed(api: Caller, cast: Cast, receiver: Receiver) -> None:
    answers = iter([web.Response(status=503, headers={"Retry-After": "1"})])
    receiver.respond = lambda update: next(answers, None) or web.Response()
    await api.ok("setWebhook", url=receiver.url)
    cast.applicant().start()
    await receiver.has(2)
    assert receiver.times[1] - receiver.times[0] >= 1.0


async def test_hang_up_and_refused_connection_are_told(
    sandbox: Sandbox, api: Caller, cast: Cast, receiver: Receiver
) -> None:
    async def hang_up(update: dict[str, Any]) -> web.Response:
        transports[0].close()
        return web.Response()

    transports: list[Any] = []
    original = receiver.handle

    async def handle(request: web.Request) -> web.StreamResponse:
        transports[:] = [request.transport]
        return await original(request)

    receiver.respond = hang_up
    app = web.Application()
    app.router.add_post("/hook", handle)
    door = listen_on("127.0.0.1", 0)
    url = f"http://127.0.0.1:{door.getsockname()[1]}/hook"
    async with serve(app, door):
        await api.ok("setWebhook", url=url)
        cast.applicant().start()
        await receiver.has(1)
        await _told(sandbox, "Webhook connection closed")
    await _told(sandbox, "Connection refused")


async def _told(sandbox: Sandbox, error: str) -> None:
    async with asyncio.timeout(5):
        while sandbox.api.webhooks.last_error != error:
            await asyncio.sleep(0.01)


async def test_call_in_the_answer_is_run(
    sandbox: Sandbox, api: Caller, cast: Cast, receiver: Receiver
) -> None:
    mei = cast.applicant()
    receiver.respond = lambda update: web.json_response(
        {"method": "sendMessage", "chat_id": mei.id, "text": "From the answer"}
    )
    await api.ok("setWebhook", url=receiver.url)
    mei.start()
    assert (await mei.hears("From the answer")).from_bot


@pytest.mark.parametrize("method", ["deleteWebhook", "setWebhook", "getMe", "logOut", "close", "nonsense"])
async def test_some_calls_in_the_answer_are_not_run(
    sandbox: Sandbox, api: Caller, cast: Cast, receiver: Receiver, method: str
) -> None:
    receiver.respond = lambda update: web.json_response({"method": method, "url": ""})
    await api.ok("setWebhook", url=receiver.url)
    cast.applicant().start()
    await drained(sandbox)
    assert sandbox.api.webhooks.url == receiver.url
    assert sandbox.telegram.witness.counts == {"setWebhook": 1}


async def test_deleted_webhook_gives_the_rest_to_polling(api: Caller, cast: Cast, receiver: Receiver) -> None:
    receiver.respond = lambda update: web.Response(status=500)
    await api.ok("setWebhook", url=receiver.url)
    cast.applicant().start()
    await receiver.has(2)
    await api.ok("deleteWebhook")
    assert [text_of(update) for update in await api.ok("getUpdates")] == ["/start"]


async def test_webhook_that_is_gone_for_23_hours_is_removed(
    sandbox: Sandbox, api: Caller, cast: Cast, receiver: Receiver
) -> None:
    receiver.respond = lambda update: web.Response(status=410)
    await api.ok("setWebhook", url=receiver.url)
    cast.applicant().start()
    await receiver.has(2)
    later = sandbox.telegram.clock() + 23 * 3600 + 1
    sandbox.telegram.queue.clock = lambda: later
    async with asyncio.timeout(5):
        while sandbox.api.webhooks.url:
            await asyncio.sleep(0.01)
    assert len(sandbox.telegram.queue) == 1
