"""setWebhook, and the deliveries: order, retries, the secret, calls in the answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from bot.sandbox.server import Sandbox
from bot.web import listen_on, serve
from tests.bot.sandbox.conftest import Caller
from tests.cast import Cast

SECRET = "X-Telegram-Bot-Api-Secret-Token"


@dataclass
class Receiver:
    """A bot's webhook. `respond` decides; what came is kept in order of arrival."""

    url: str
    came: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    respond: Callable[[dict[str, Any]], Any] = lambda update: web.Response()
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        update = json.loads(await request.read())
        async with self.news:
            self.came.append(update)
            self.headers.append(dict(request.headers))
            self.times.append(asyncio.get_running_loop().time())
            self.news.notify_all()
        response = self.respond(update)
        return await response if asyncio.iscoroutine(response) else response  # type: ignore[no-any-return]

    async def has(self, count: int) -> list[str]:
        """The texts or data of the first `count` deliveries, once there are so many."""
        async with asyncio.timeout(5), self.news:
            await self.news.wait_for(lambda: len(self.came) >= count)
        return [text_of(update) for update in self.came[:count]]


def text_of(update: dict[str, Any]) -> str:
    return str(update["message"]["text"] if "message" in update else update["callback_query"]["data"])


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    door = listen_on("127.0.0.1", 0)
    receiver = Receiver(f"http://127.0.0.1:{door.getsockname()[1]}/hook")
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    async with serve(app, door):
        yield receiver


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
    assert pauses[0] < 0.05 <= pauses[1] < pauses[2] < pauses[3]
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


async def test_descriptions_tell_what_was_there_before(api: Caller, sandbox: Sandbox) -> None:
    async def said(method: str, **params: Any) -> tuple[bool, str]:
        sandbox.api.webhooks._next_set = 0.0
        async with api.session.post(api.base + method, json=params) as response:
            answer = await response.json()
        return answer["result"], answer["description"]

    url = "http://127.0.0.1:1/hook"
    assert await said("deleteWebhook") == (True, "Webhook is already deleted")
    assert await said("setWebhook", url=url) == (True, "Webhook was set")
    assert await said("setWebhook", url=url) == (True, "Webhook is already set")
    assert await said("setWebhook", url=url, secret_token="x") == (True, "Webhook was set")
    assert await said("setWebhook", url="") == (True, "Webhook was deleted")
    assert await said("setWebhook", url=url) == (True, "Webhook was set")
    assert await said("deleteWebhook") == (True, "Webhook was deleted")


@pytest.mark.parametrize(
    ("params", "description"),
    [
        ({"url": "nonsense"}, "invalid webhook URL specified"),
        ({"url": "ftp://example.org"}, "invalid webhook URL specified"),
        ({"url": "http://127.0.0.1:99999/"}, "invalid webhook URL specified"),
        ({"url": "http://127.0.0.1/", "secret_token": "x" * 257}, "secret token is too long"),
        (
            {"url": "http://127.0.0.1/", "secret_token": "a b"},
            "secret token contains unallowed characters",
        ),
    ],
)
async def test_unfit_webhook_is_refused(api: Caller, params: dict[str, Any], description: str) -> None:
    assert (await api.refused("setWebhook", **params)).said == (400, f"Bad Request: {description}")
    assert (await api.ok("getWebhookInfo"))["url"] == ""


async def test_second_webhook_within_a_second_is_a_flood(api: Caller) -> None:
    await api.ok("setWebhook", url="http://127.0.0.1:1/")
    found = await api.refused("setWebhook", url="http://127.0.0.1:1/")
    assert found.said == (429, "Too Many Requests: retry after 1")


async def test_info_names_only_what_is_set(api: Caller, cast: Cast) -> None:
    bare = {"url": "", "has_custom_certificate": False, "pending_update_count": 0}
    assert await api.ok("getWebhookInfo") == bare
    wanted = ["message", "chat_member"]
    await api.ok("setWebhook", url="http://127.0.0.1:1/", max_connections=7, allowed_updates=wanted)
    assert await api.ok("getWebhookInfo") == {
        **bare,
        "url": "http://127.0.0.1:1/",
        "max_connections": 7,
        "allowed_updates": wanted,
    }


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
