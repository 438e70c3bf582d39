"""Every refusal in the words of the real server."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.sandbox import deeds
from bot.sandbox.files import Upload
from bot.sandbox.state import Member
from tests.bot.sandbox.conftest import Caller
from tests.bot.sandbox.refusals import CASES, STALE, World, button
from tests.cast import Cast


@pytest.fixture
async def world(cast: Cast, api: Caller) -> World:
    telegram = cast.telegram
    mei, blocker, gone, stranger = (cast.applicant(name) for name in ("Mei", "Blocker", "Gone", "Stranger"))
    for person in (mei, blocker, gone):
        person.start()
    blocker.block()
    gone.deactivate()
    group = cast.group()
    known = cast.reviewer("Known", group)
    plain = cast.group("Plain", bot="member")
    ana = cast.reviewer("Ana", plain)
    said = mei.say("Hello")
    file = telegram.files.document(Upload(b"%PDF-", "a.pdf", "application/pdf"))
    picture = telegram.post(
        mei.chat, telegram.bot, {"photo": mei.send_photo().data["photo"], "caption": "One"}, source="One"
    )
    keyed = await api.ok(
        "sendMessage", chat_id=mei.id, text="Keys", reply_markup={"keyboard": [[{"text": "A"}]]}
    )
    passed_on = await api.ok("forwardMessage", chat_id=mei.id, from_chat_id=mei.id, message_id=said.id)
    return World(
        mei,
        blocker,
        gone,
        known,
        stranger,
        group,
        cast.group("Basic", "group"),
        telegram.post(mei.chat, telegram.bot, {"text": "Note"}, source="Note"),
        picture,
        mei.chat.by_id[keyed["message_id"]],
        mei.chat.by_id[passed_on["message_id"]],
        said,
        ana.say("In the group"),
        file["file_id"],
    )


@pytest.mark.parametrize(
    ("method", "params", "code", "description"),
    CASES,
    ids=[f"{place}-{case[0]}-{case[3][:60]}" for place, case in enumerate(CASES)],
)
async def test_refusal_is_in_telegrams_words(
    api: Caller,
    world: World,
    method: str,
    params: Callable[[World], dict[str, Any]],
    code: int,
    description: str,
) -> None:
    before = [message.data for message in world.mei.chat.messages]
    assert (await api.refused(method, **params(world))).said == (code, description)
    assert [message.data for message in world.mei.chat.messages] == before


@pytest.mark.parametrize("kind", ["group", "supergroup"])
@pytest.mark.parametrize(
    ("status", "words"), [("kicked", "bot was kicked from the"), ("left", "bot is not a member of the")]
)
async def test_group_without_the_bot_is_forbidden(
    api: Caller, cast: Cast, kind: Any, status: Any, words: str
) -> None:
    group = cast.group(kind=kind)
    group.chat.members[cast.telegram.bot.id] = Member(status)
    found = await api.refused("sendMessage", chat_id=group.id, text="x")
    assert found.said == (403, f"Forbidden: {words} {kind} chat")


async def test_restricted_bot_may_not_send(api: Caller, cast: Cast) -> None:
    group = cast.group(bot="restricted")
    found = await api.refused("sendMessage", chat_id=group.id, text="x")
    assert found.said == (400, "Bad Request: not enough rights to send text messages to the chat")


async def test_checks_come_in_the_servers_order(api: Caller, world: World) -> None:
    """Text before reply and markup, markup before the chat, the chat before the length."""
    mistakes: dict[str, Any] = {
        "text": "",
        "reply_markup": "{",
        "chat_id": 42,
    }
    assert (await api.refused("sendMessage", **mistakes)).description == "Bad Request: message text is empty"
    mistakes["text"] = "x" * 5000
    found = await api.refused("sendMessage", **mistakes)
    assert found.description == "Bad Request: can't parse reply keyboard markup JSON object"
    del mistakes["reply_markup"]
    assert (await api.refused("sendMessage", **mistakes)).description == "Bad Request: chat not found"
    mistakes["chat_id"] = world.mei.id
    assert (await api.refused("sendMessage", **mistakes)).description == "Bad Request: message is too long"


async def test_unknown_ids_among_many_to_delete_are_skipped(api: Caller, world: World) -> None:
    assert await api.ok("deleteMessages", chat_id=world.mei.id, message_ids=[1, world.note.id]) is True
    assert world.note.deleted


async def test_private_message_older_than_48_hours_stays(api: Caller, world: World) -> None:
    world.note.data = {**world.note.data, "date": world.note.date - 48 * 3600 - 5}
    found = await api.refused("deleteMessage", chat_id=world.mei.id, message_id=world.note.id)
    assert found.said == (400, "Bad Request: message can't be deleted for everyone")


async def test_administrator_deletes_old_messages_of_a_supergroup(api: Caller, world: World) -> None:
    message = world.known.say("Old", world.group.chat)
    message.data = {**message.data, "date": message.date - 90 * 86_400}
    assert await api.ok("deleteMessage", chat_id=world.group.id, message_id=message.id) is True


async def test_press_is_answered_once_shown_and_late_never(api: Caller, world: World, cast: Cast) -> None:
    sent = await api.ok("sendMessage", chat_id=world.mei.id, text="?", reply_markup=button(callback_data="y"))
    press = deeds.press(cast.telegram, world.mei.user, world.mei.chat.by_id[sent["message_id"]], "y")
    await api.ok("answerCallbackQuery", callback_query_id=press.id, text="Thanks", show_alert=True)
    assert press.answer is not None and (press.answer.text, press.answer.show_alert) == ("Thanks", True)
    late = deeds.press(cast.telegram, world.mei.user, world.mei.chat.by_id[sent["message_id"]], "y")
    late.at -= 151
    assert (await api.refused("answerCallbackQuery", callback_query_id=late.id)).said == (400, STALE)


async def test_press_opens_only_the_bots_own_link(api: Caller, world: World, cast: Cast) -> None:
    press = deeds.press(cast.telegram, world.mei.user, world.note, "y")
    found = await api.refused("answerCallbackQuery", callback_query_id=press.id, url="https://example.org")
    assert found.said == (400, "Bad Request: URL_INVALID")
    link = f"https://t.me/{cast.telegram.bot.username}?start=x"
    assert await api.ok("answerCallbackQuery", callback_query_id=press.id, url=link) is True
