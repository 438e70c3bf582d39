"""Faults on demand, as they really look from the other end of the wire."""

import asyncio
from typing import Any

import aiohttp
import pytest

from bot.sandbox.errors import Impossible
from bot.sandbox.faults import DOWNLOAD, Fault, fault_from
from bot.sandbox.server import Sandbox
from bot.transport import NotSent, Transport, Uncertain
from tests.bot.sandbox.conftest import Caller
from tests.cast import Cast, Person


@pytest.fixture
def mei(cast: Cast) -> Person:
    mei = cast.applicant()
    mei.start()
    return mei


def said(mei: Person) -> list[str]:
    return [message.text for message in mei.messages() if message.from_bot]


async def test_502_is_a_page_and_nothing_was_done(sandbox: Sandbox, api: Caller, mei: Person) -> None:
    sandbox.faults.add(Fault("502", count=1))
    async with api.session.post(api.base + "sendMessage", json={"chat_id": mei.id, "text": "x"}) as response:
        assert (response.status, response.content_type) == (502, "text/html")
    assert said(mei) == []
    await api.ok("sendMessage", chat_id=mei.id, text="x")
    assert [(call.fault, call.error_code) for call in sandbox.telegram.witness.calls] == [
        ("502", 502),
        (None, None),
    ]


async def test_refuse_resets_and_nothing_was_done(sandbox: Sandbox, api: Caller, mei: Person) -> None:
    sandbox.faults.add(Fault("refuse", count=1))
    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        await api.ok("sendMessage", chat_id=mei.id, text="x")
    assert said(mei) == []


async def test_lost_resets_and_all_was_done(sandbox: Sandbox, api: Caller, mei: Person) -> None:
    sandbox.faults.add(Fault("lost", count=1))
    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        await api.ok("sendMessage", chat_id=mei.id, text="x")
    assert said(mei) == ["x"]
    (call,) = sandbox.telegram.witness.calls
    assert (call.ok, call.fault) == (True, "lost")


async def test_cut_ends_in_the_middle_and_all_was_done(sandbox: Sandbox, api: Caller, mei: Person) -> None:
    sandbox.faults.add(Fault("cut", count=1))
    with pytest.raises(aiohttp.ClientPayloadError):
        await api.ok("sendMessage", chat_id=mei.id, text="x")
    assert said(mei) == ["x"]


async def test_hang_is_silent_then_resets_and_nothing_was_done(
    sandbox: Sandbox, api: Caller, mei: Person
) -> None:
    sandbox.faults.add(Fault("hang", count=1, seconds=0.2))
    loop = asyncio.get_running_loop()
    begin = loop.time()
    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        await api.ok("sendMessage", chat_id=mei.id, text="x")
    assert loop.time() - begin >= 0.2
    assert said(mei) == []


async def test_latency_is_later_and_all_was_done(sandbox: Sandbox, api: Caller, mei: Person) -> None:
    sandbox.faults.add(Fault("latency", count=1, seconds=0.2))
    loop = asyncio.get_running_loop()
    begin = loop.time()
    await api.ok("sendMessage", chat_id=mei.id, text="x")
    assert loop.time() - begin >= 0.2


@pytest.mark.parametrize(
    ("fault", "status", "description", "parameters"),
    [
        (Fault("429", retry_after=7), 429, "Too Many Requests: retry after 7", {"retry_after": 7}),
        (Fault("400", description="TOPIC_CLOSED"), 400, "Bad Request: TOPIC_CLOSED", {}),
        (Fault("403"), 403, "Forbidden: bot was blocked by the user", {}),
    ],
)
async def test_refusal_by_request_says_what_it_was_told(
    sandbox: Sandbox,
    api: Caller,
    mei: Person,
    fault: Fault,
    status: int,
    description: str,
    parameters: dict[str, Any],
) -> None:
    sandbox.faults.add(fault)
    found = await api.refused("sendMessage", chat_id=mei.id, text="x")
    assert found.said == (status, description)
    assert found.parameters == parameters
    assert said(mei) == []


async def test_rule_strikes_only_what_it_fits(sandbox: Sandbox, api: Caller, cast: Cast, mei: Person) -> None:
    luca = cast.applicant("Luca")
    luca.start()
    rule = sandbox.faults.add(Fault("400", method="sendmessage", chat_id=mei.id, every=2))
    await api.ok("getMe")
    await api.ok("sendMessage", chat_id=luca.id, text="x")
    await api.ok("sendMessage", chat_id=mei.id, text="1")
    await api.refused("sendMessage", chat_id=mei.id, text="2")
    await api.ok("sendMessage", chat_id=mei.id, text="3")
    assert (rule.fitted, rule.struck) == (3, 1)
    sandbox.faults.clear()
    await api.ok("sendMessage", chat_id=mei.id, text="4")
    assert said(mei) == ["1", "3", "4"]


async def test_probability_follows_the_seed() -> None:
    async def struck(seed: int) -> list[int]:
        async with Sandbox.open(seed=seed) as sandbox, aiohttp.ClientSession() as session:
            sandbox.faults.add(Fault("400", probability=0.5))
            url = f"{sandbox.url}/bot{sandbox.token}/getMe"
            found = []
            for _ in range(12):
                async with session.get(url) as response:
                    found.append(response.status)
            return found

    first = await struck(3)
    assert first == await struck(3)
    assert set(first) == {200, 400}


async def test_added_latency_spares_get_updates(api: Caller, mei: Person) -> None:
    api.sandbox.faults.latency = 0.4
    loop = asyncio.get_running_loop()
    begin = loop.time()
    await api.ok("getUpdates")
    assert loop.time() - begin < 0.4
    await api.ok("getMe")
    assert loop.time() - begin >= 0.4


async def test_call_whose_sender_is_gone_is_acted_on_all_the_same(
    sandbox: Sandbox, api: Caller, mei: Person
) -> None:
    sandbox.faults.latency = 0.3
    async with aiohttp.ClientSession() as gone:
        with pytest.raises(TimeoutError):
            await gone.post(
                api.base + "sendMessage",
                json={"chat_id": mei.id, "text": "x"},
                timeout=aiohttp.ClientTimeout(total=0.1),
            )
    assert (await mei.sees("x")).from_bot


async def test_files_break_too(sandbox: Sandbox, api: Caller, mei: Person) -> None:
    file = await api.ok("getFile", file_id=mei.send_photo().photo[-1]["file_id"])
    url = f"{sandbox.url}/file/bot{sandbox.token}/{file['file_path']}"

    async def load() -> int:
        async with api.session.get(url) as response:
            await response.read()
            return response.status

    for fault, expected in (
        (Fault("502", DOWNLOAD, count=1), 502),
        (Fault("403", DOWNLOAD, count=1), 403),
        (Fault("latency", DOWNLOAD, count=1, seconds=0.01), 200),
    ):
        sandbox.faults.add(fault)
        assert await load() == expected
    sandbox.faults.add(Fault("cut", DOWNLOAD, count=1))
    with pytest.raises(aiohttp.ClientPayloadError):
        await load()
    sandbox.faults.add(
        Fault("refuse", DOWNLOAD)
    )  # every time: a client asks again by itself for what it only reads
    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        await load()
    sandbox.faults.clear()
    assert await load() == 200


@pytest.mark.parametrize("kind", ["502", "cut", "lost", "hang", "refuse"])
async def test_bots_transport_calls_it_uncertain(sandbox: Sandbox, mei: Person, kind: Any) -> None:
    transport = Transport(sandbox.token, sandbox.url)
    await transport.initialize()
    sandbox.faults.add(Fault(kind, count=1, seconds=0.05))
    with pytest.raises(Uncertain):
        await transport.call("sendMessage", {"chat_id": mei.id, "text": "x"})
    await transport.shutdown()


async def test_bots_transport_knows_when_nothing_was_sent() -> None:
    async with Sandbox.open() as sandbox:
        transport = Transport(sandbox.token, sandbox.url)
    await transport.initialize()
    with pytest.raises(NotSent):
        await transport.call("getMe", {})
    await transport.shutdown()


async def test_while_nobody_listens_connections_are_refused_and_old_ones_reset(
    sandbox: Sandbox, mei: Person
) -> None:
    transport = Transport(sandbox.token, sandbox.url)
    await transport.initialize()
    sandbox.telegram.queue.clear()
    waiting = asyncio.create_task(transport.call("getUpdates", {"timeout": 30}))
    while not sandbox.api.polling.waits:
        await transport.call("getMe", {})  # on a connection of its own
    async with sandbox.unreachable():
        with pytest.raises(Uncertain):
            await waiting
        with pytest.raises(NotSent):
            await transport.call("sendMessage", {"chat_id": mei.id, "text": "x"})
    await transport.call("sendMessage", {"chat_id": mei.id, "text": "y"})
    await transport.shutdown()
    assert said(mei) == ["y"]


@pytest.mark.parametrize("rule", [None, {}, {"kind": "fire"}, {"kind": "502", "probability": "often"}])
def test_rule_that_is_none_is_refused_in_a_sentence(rule: Any) -> None:
    with pytest.raises(Impossible):
        fault_from(rule)
