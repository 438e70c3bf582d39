"""Flood limits: the 429 and its header, and who is held."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.sandbox.pacing import Limits
from bot.sandbox.server import Sandbox
from tests.bot.sandbox.conftest import Caller
from tests.cast import Cast


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.open(limits=Limits()) as sandbox:
        yield sandbox


async def test_fourth_message_at_once_to_one_chat_is_a_flood(api: Caller, cast: Cast) -> None:
    mei, luca = cast.applicant("Mei"), cast.applicant("Luca")
    mei.start()
    luca.start()
    for _ in range(3):
        await api.ok("sendMessage", chat_id=mei.id, text="x")
    found = await api.refused("sendMessage", chat_id=mei.id, text="x")
    assert found.said == (429, "Too Many Requests: retry after 1")
    assert found.parameters == {"retry_after": 1}
    assert found.headers["Retry-After"] == "1"
    await api.ok("sendMessage", chat_id=luca.id, text="others go on")


async def test_group_takes_twenty_a_minute_edits_included(api: Caller, cast: Cast) -> None:
    limits = Limits(chat_rate=1000.0, chat_burst=1000, overall_rate=1000.0, overall_burst=1000)
    api.sandbox.telegram.pacing.limits = limits
    group = cast.group()
    sent = [await api.ok("sendMessage", chat_id=group.id, text=str(number)) for number in range(10)]
    for message in sent:
        await api.ok("editMessageText", chat_id=group.id, message_id=message["message_id"], text="changed")
    edit: dict[str, Any] = {"chat_id": group.id, "message_id": sent[0]["message_id"], "text": "again"}
    for found in (
        await api.refused("sendMessage", chat_id=group.id, text="x"),
        await api.refused("editMessageText", **edit),
    ):
        assert found.status == 429
        assert 50 <= found.parameters["retry_after"] <= 60
        assert found.headers["Retry-After"] == str(found.parameters["retry_after"])


async def test_edits_and_answers_in_private_are_never_held(api: Caller, cast: Cast) -> None:
    mei = cast.applicant()
    mei.start()
    markup = {"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}
    sent = await api.ok("sendMessage", chat_id=mei.id, text="0", reply_markup=markup)
    for number in range(1, 40):
        place = {"chat_id": mei.id, "message_id": sent["message_id"], "reply_markup": markup}
        await api.ok("editMessageText", text=str(number), **place)
        press = await mei.tap("A")
        await api.ok("answerCallbackQuery", callback_query_id=press.id)  # type: ignore[union-attr]


async def test_all_chats_together_take_thirty_a_second(api: Caller, cast: Cast) -> None:
    people = [cast.applicant(f"P{number}") for number in range(90)]
    for person in people:
        person.start()

    async def status(chat_id: int) -> int:
        params = {"chat_id": chat_id, "text": "x"}
        async with api.session.post(api.base + "sendMessage", json=params) as response:
            return response.status

    found = await asyncio.gather(*(status(person.id) for person in people))
    assert set(found) == {200, 429}
    assert 30 <= found.count(200) < 90


async def test_album_counts_as_many_as_it_has(api: Caller, cast: Cast) -> None:
    mei = cast.applicant()
    mei.start()
    photo = mei.send_photo().photo[0]["file_id"]
    media = [{"type": "photo", "media": photo}] * 3
    await api.ok("sendMediaGroup", chat_id=mei.id, media=media)
    assert (await api.refused("sendMessage", chat_id=mei.id, text="x")).status == 429


async def test_refused_message_does_not_count(api: Caller, cast: Cast) -> None:
    mei = cast.applicant()
    mei.start()
    for _ in range(10):
        await api.refused("sendMessage", chat_id=mei.id, text="")
    await api.ok("sendMessage", chat_id=mei.id, text="x")
