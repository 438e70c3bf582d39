"""getUpdates: order, offsets, limits, waiting, and the conflicts."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.sandbox import polling
from bot.sandbox.server import Sandbox
from tests.bot.sandbox.conftest import Caller
from tests.cast import Cast, Person

OTHER = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
ACTIVE = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"


class Clock:
    """Unix time that a test sets ahead."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(clock: Clock) -> AsyncIterator[Sandbox]:
    async with Sandbox.open(clock=clock) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests ask for the same offset as often as they like; the last test of this file is about that."""
    monkeypatch.setattr(polling, "_HURRIED", 0.0)
    monkeypatch.setattr(polling, "_REPEATED", 0.0)


@pytest.fixture
def mei(cast: Cast) -> Person:
    return cast.applicant()


async def texts(api: Caller, **params: Any) -> list[str]:
    return [update["message"]["text"] for update in await api.ok("getUpdates", **params)]


async def say(person: Person, count: int) -> None:
    for number in range(count):
        person.say(str(number))


async def test_updates_come_in_order_with_ids_that_rise_by_one(api: Caller, mei: Person) -> None:
    await say(mei, 5)
    updates = await api.ok("getUpdates")
    ids = [update["update_id"] for update in updates]
    assert ids == list(range(ids[0], ids[0] + 5))
    assert ids[0] > 2_000_000
    assert [update["message"]["text"] for update in updates] == ["0", "1", "2", "3", "4"]


async def test_unconfirmed_updates_come_again_and_confirmed_ones_never(api: Caller, mei: Person) -> None:
    await say(mei, 4)
    first = (await api.ok("getUpdates"))[0]["update_id"]
    assert await texts(api) == ["0", "1", "2", "3"]
    assert await texts(api, offset=first + 2) == ["2", "3"]
    assert await texts(api) == ["2", "3"]


async def test_negative_offset_keeps_the_last_ones_only(api: Caller, mei: Person) -> None:
    await say(mei, 5)
    assert await texts(api, offset=-2) == ["3", "4"]
    assert await texts(api) == ["3", "4"]


async def test_offset_far_beyond_the_end_is_ignored(api: Caller, mei: Person) -> None:
    await say(mei, 2)
    last = (await api.ok("getUpdates"))[-1]["update_id"]
    assert await texts(api, offset=last + 100) == ["0", "1"]
    assert await texts(api, offset=last + 5) == []


@pytest.mark.parametrize(("limit", "count"), [(3, 3), (0, 1), (-5, 1), (1000, 100)])
async def test_limit_is_clamped(api: Caller, mei: Person, limit: int, count: int) -> None:
    await say(mei, 120)
    assert len(await api.ok("getUpdates", limit=limit)) == count


async def test_waiting_call_answers_as_soon_as_something_comes(api: Caller, mei: Person) -> None:
    waiting = asyncio.create_task(texts(api, timeout=50))
    await _until_waiting(api.sandbox)
    mei.say("Hello")
    async with asyncio.timeout(2):
        assert await waiting == ["Hello"]


async def test_quiet_wait_ends_empty(api: Caller) -> None:
    assert await api.ok("getUpdates", timeout=1) == []


async def test_update_is_frozen_when_it_is_made(api: Caller, mei: Person) -> None:
    message = mei.say("Befor")
    mei.edit(message, "Before")
    first, second = await api.ok("getUpdates")
    assert first["message"]["text"] == "Befor"
    assert second["edited_message"]["text"] == "Before"


async def test_only_wanted_kinds_are_queued(api: Caller, mei: Person) -> None:
    await api.ok("getUpdates", allowed_updates=["edited_message"])
    message = mei.say("Not wanted")
    mei.edit(message, "Wanted")
    assert [set(update) - {"update_id"} for update in await api.ok("getUpdates")] == [{"edited_message"}]
    await api.ok("getUpdates", allowed_updates=[])
    mei.say("Wanted again")
    assert (await api.ok("getUpdates"))[-1]["message"]["text"] == "Wanted again"


async def test_unreadable_allowed_updates_change_nothing(api: Caller, mei: Person) -> None:
    await api.ok("getUpdates", allowed_updates=["edited_message"])
    await api.ok("getUpdates", allowed_updates="[")
    await api.ok("getUpdates")
    mei.say("Not wanted")
    assert await api.ok("getUpdates") == []


async def test_press_is_kept_150_seconds_and_a_message_a_day(api: Caller, mei: Person, clock: Clock) -> None:
    mei.start()
    markup = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}
    await api.ok("sendMessage", chat_id=mei.id, text="?", reply_markup=markup)
    await mei.tap("Yes")
    clock.now += 149
    assert [set(update) - {"update_id"} for update in await api.ok("getUpdates")] == [
        {"message"},
        {"callback_query"},
    ]
    clock.now += 2
    assert [set(update) - {"update_id"} for update in await api.ok("getUpdates")] == [{"message"}]
    clock.now += 86_400
    assert await api.ok("getUpdates") == []


async def test_second_waiting_call_ends_the_first(api: Caller, mei: Person) -> None:
    first = asyncio.create_task(api.refused("getUpdates", timeout=50))
    await _until_waiting(api.sandbox)
    second = asyncio.create_task(texts(api, timeout=50))
    assert (await first).said == (409, OTHER)
    mei.say("For the second")
    assert await second == ["For the second"]


async def test_call_that_need_not_wait_leaves_the_waiting_one_alone(api: Caller, mei: Person) -> None:
    first = asyncio.create_task(texts(api, timeout=50))
    await _until_waiting(api.sandbox)
    assert await texts(api, timeout=0) == []
    mei.say("For the first")
    assert await first == ["For the first"]


async def test_conflicts_follow_each_other_by_three_seconds(
    api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "CONFLICT_SECONDS", 0.5)
    await api.ok("setWebhook", url="http://127.0.0.1:1/")
    loop = asyncio.get_running_loop()
    begin = loop.time()
    assert (await api.refused("getUpdates")).said == (409, ACTIVE)
    at_once = loop.time() - begin
    assert (await api.refused("getUpdates")).said == (409, ACTIVE)
    held = loop.time() - begin - at_once
    assert at_once < 0.5 <= held


async def test_setting_a_webhook_ends_the_waiting_call(api: Caller) -> None:
    first = asyncio.create_task(api.refused("getUpdates", timeout=50))
    await _until_waiting(api.sandbox)
    await api.ok("setWebhook", url="http://127.0.0.1:1/")
    assert (await first).said == (409, "Conflict: terminated by setWebhook request")


async def test_caller_who_hangs_up_takes_nothing(api: Caller, mei: Person) -> None:
    async with aiohttp.ClientSession() as gone:
        with pytest.raises(TimeoutError):
            limit = aiohttp.ClientTimeout(total=0.2)
            await gone.post(api.base + "getUpdates", json={"timeout": 50}, timeout=limit)
    mei.say("Still there")
    assert await texts(api) == ["Still there"]


async def test_same_offset_at_once_is_slowed_down(
    api: Caller, mei: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "_HURRIED", 60.0)
    monkeypatch.setattr(polling, "_REPEATED", 1.0)
    await say(mei, 3)
    assert await texts(api) == ["0", "1", "2"]
    assert await texts(api) == ["0"]
    loop = asyncio.get_running_loop()
    last = (await api.ok("getUpdates", offset=-1))[0]["update_id"]
    await api.ok("getUpdates", offset=last + 1)
    begin = loop.time()
    assert await texts(api, offset=last + 1) == []
    assert loop.time() - begin >= 0.9


async def _until_waiting(sandbox: Sandbox) -> None:
    def waits() -> bool:
        return sandbox.api.polling.waits

    while not waits():
        await asyncio.sleep(0.005)
