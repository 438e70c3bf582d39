"""Every refusal in the words of the real server."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from bot.sandbox import deeds
from bot.sandbox.state import Member, Message
from tests.bot.sandbox.conftest import Caller
from tests.cast import Cast, Group, Person

NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
STALE = "Bad Request: query is too old and response timeout expired or query ID is invalid"
_WELL_FORMED = "AgACAgIAAxkB" + "A" * 48


@dataclass
class World:
    """Someone of every kind."""

    mei: Person
    blocker: Person
    gone: Person
    known: Person  # seen in the group, never wrote in private
    stranger: Person
    group: Group  # the bot is an administrator
    basic: Group
    note: Message  # a text of the bot
    picture: Message  # a photo of the bot
    keyed: Message  # a text of the bot with a reply keyboard
    passed_on: Message  # forwarded by the bot
    said: Message  # Mei's own
    in_group: Message  # a reviewer's, in a group in which the bot is a plain member
    file_id: str  # a document's


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
    file = telegram.files.document(deeds_upload())
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


def deeds_upload() -> Any:
    from bot.sandbox.files import Upload

    return Upload(b"%PDF-", "a.pdf", "application/pdf")


def to_mei(**params: Any) -> Callable[[World], dict[str, Any]]:
    return lambda world: {"chat_id": world.mei.id, **params}


def on_note(**params: Any) -> Callable[[World], dict[str, Any]]:
    return lambda world: {"chat_id": world.mei.id, "message_id": world.note.id, **params}


def button(**action: Any) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": "Press", **action}]]}


Case = tuple[str, Callable[[World], dict[str, Any]], int, str]
CASES: list[Case] = [
    # which chat
    ("sendMessage", lambda w: {"text": "x"}, 400, "Bad Request: chat_id is empty"),
    ("sendMessage", lambda w: {"text": "x", "chat_id": ""}, 400, "Bad Request: chat_id is empty"),
    ("sendMessage", lambda w: {"text": "x", "chat_id": 42}, 400, "Bad Request: chat not found"),
    ("sendMessage", lambda w: {"text": "x", "chat_id": "@mei"}, 400, "Bad Request: chat not found"),
    ("sendMessage", lambda w: {"text": "x", "chat_id": w.stranger.id}, 400, "Bad Request: chat not found"),
    (
        "sendMessage",
        lambda w: {"text": "x", "chat_id": w.known.id},
        403,
        "Forbidden: bot can't initiate conversation with a user",
    ),
    (
        "sendMessage",
        lambda w: {"text": "x", "chat_id": w.blocker.id},
        403,
        "Forbidden: bot was blocked by the user",
    ),
    ("sendMessage", lambda w: {"text": "x", "chat_id": w.gone.id}, 403, "Forbidden: user is deactivated"),
    # texts
    ("sendMessage", to_mei(), 400, "Bad Request: message text is empty"),
    ("sendMessage", to_mei(text=" \n "), 400, "Bad Request: text must be non-empty"),
    ("sendMessage", to_mei(text="x" * 4097), 400, "Bad Request: message is too long"),
    ("sendMessage", to_mei(text="x" * 32_769), 400, "Bad Request: text is too long"),
    ("sendMessage", to_mei(text="x", parse_mode="BBCode"), 400, "Bad Request: unsupported parse_mode"),
    ("editMessageText", on_note(text="x" * 4097), 400, "Bad Request: MESSAGE_TOO_LONG"),
    ("editMessageText", on_note(), 400, "Bad Request: message text is empty"),
    # replies
    (
        "sendMessage",
        to_mei(text="x", reply_parameters={"message_id": 1}),
        400,
        "Bad Request: message to be replied not found",
    ),
    # markup
    (
        "sendMessage",
        to_mei(text="x", reply_markup="{"),
        400,
        "Bad Request: can't parse reply keyboard markup JSON object",
    ),
    ("sendMessage", to_mei(text="x", reply_markup="[]"), 400, "Bad Request: object expected as reply markup"),
    (
        "sendMessage",
        to_mei(text="x", reply_markup=button()),
        400,
        "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
    ),
    (
        "sendMessage",
        to_mei(text="x", reply_markup=button(callback_data="中" * 22)),
        400,
        "Bad Request: BUTTON_DATA_INVALID",
    ),
    (
        "sendMessage",
        to_mei(text="x", reply_markup=button(callback_data="")),
        400,
        "Bad Request: BUTTON_DATA_INVALID",
    ),
    (
        "editMessageText",
        on_note(text="y", reply_markup=button(callback_data="x" * 65)),
        400,
        "Bad Request: BUTTON_DATA_INVALID",
    ),
    (
        "sendMessage",
        to_mei(text="x", reply_markup=button(url="javascript:alert(1)")),
        400,
        "Bad Request: inline keyboard button URL 'javascript:alert(1)' is invalid: Unsupported URL protocol",
    ),
    (
        "sendMessage",
        to_mei(text="x", reply_markup=button(url="nowhere")),
        400,
        "Bad Request: inline keyboard button URL 'nowhere' is invalid: Wrong HTTP URL",
    ),
    # edits
    ("editMessageText", on_note(text="Note"), 400, NOT_MODIFIED),
    ("editMessageText", lambda w: {"text": "x"}, 400, "Bad Request: message identifier is not specified"),
    ("editMessageText", to_mei(text="x"), 400, "Bad Request: message to edit not found"),
    ("editMessageText", to_mei(text="x", message_id=1), 400, "Bad Request: message to edit not found"),
    ("editMessageText", to_mei(text="x", message_id=-1), 400, "Bad Request: message to edit not found"),
    (
        "editMessageText",
        lambda w: {"chat_id": w.mei.id, "message_id": w.said.id, "text": "x"},
        400,
        "Bad Request: message can't be edited",
    ),
    (
        "editMessageText",
        lambda w: {"chat_id": w.mei.id, "message_id": w.keyed.id, "text": "x"},
        400,
        "Bad Request: message can't be edited",
    ),
    (
        "editMessageText",
        lambda w: {"chat_id": w.mei.id, "message_id": w.passed_on.id, "text": "x"},
        400,
        "Bad Request: message can't be edited",
    ),
    (
        "editMessageText",
        lambda w: {"chat_id": w.mei.id, "message_id": w.picture.id, "text": "x"},
        400,
        "Bad Request: there is no text in the message to edit",
    ),
    (
        "editMessageCaption",
        on_note(caption="x"),
        400,
        "Bad Request: there is no caption in the message to edit",
    ),
    (
        "editMessageCaption",
        lambda w: {"chat_id": w.mei.id, "message_id": w.picture.id, "caption": "x" * 1025},
        400,
        "Bad Request: MEDIA_CAPTION_TOO_LONG",
    ),
    (
        "editMessageCaption",
        lambda w: {"chat_id": w.mei.id, "message_id": w.picture.id, "caption": "One"},
        400,
        NOT_MODIFIED,
    ),
    ("editMessageReplyMarkup", on_note(), 400, NOT_MODIFIED),
    (
        "editMessageText",
        lambda w: {"chat_id": w.gone.id, "message_id": 1, "text": "x"},
        403,
        "Forbidden: user is deactivated",
    ),
    # deletes
    ("deleteMessage", to_mei(message_id=1), 400, "Bad Request: message to delete not found"),
    (
        "deleteMessage",
        lambda w: {"chat_id": w.in_group.chat.id, "message_id": w.in_group.id},
        400,
        "Bad Request: message can't be deleted",
    ),
    (
        "deleteMessages",
        to_mei(message_ids=list(range(101))),
        400,
        "Bad Request: too many message identifiers specified",
    ),
    # files
    ("sendPhoto", to_mei(), 400, "Bad Request: there is no photo in the request"),
    ("sendDocument", to_mei(), 400, "Bad Request: there is no document in the request"),
    (
        "sendPhoto",
        to_mei(photo="garbage"),
        400,
        "Bad Request: wrong remote file identifier specified: can't unserialize it. Wrong last symbol",
    ),
    (
        "sendPhoto",
        to_mei(photo=_WELL_FORMED),
        400,
        "Bad Request: wrong file identifier/HTTP URL specified",
    ),
    (
        "sendPhoto",
        to_mei(photo="https://example.org/a.jpg"),
        400,
        "Bad Request: failed to get HTTP URL content",
    ),
    (
        "sendPhoto",
        lambda w: {"chat_id": w.mei.id, "photo": w.file_id},
        400,
        "Bad Request: can't use file of type Document as Photo",
    ),
    (
        "sendDocument",
        lambda w: {"chat_id": w.mei.id, "document": w.picture.photo[0]["file_id"]},
        400,
        "Bad Request: can't use file of type Photo as Document",
    ),
    (
        "sendPhoto",
        lambda w: {
            "chat_id": w.mei.id,
            "photo": w.picture.photo[0]["file_id"],
            "caption": "x" * 1025,
        },
        400,
        "Bad Request: message caption is too long",
    ),
    ("getFile", lambda w: {}, 400, "Bad Request: file_id not specified"),
    ("getFile", lambda w: {"file_id": "garbage"}, 400, "Bad Request: invalid file_id"),
    # the rest
    ("answerCallbackQuery", lambda w: {"callback_query_id": "123"}, 400, STALE),
    ("answerCallbackQuery", lambda w: {"callback_query_id": "x"}, 400, STALE),
    ("sendChatAction", to_mei(action="dance"), 400, "Bad Request: wrong parameter action in request"),
    (
        "getChatMember",
        lambda w: {"chat_id": w.group.id, "user_id": 42},
        400,
        "Bad Request: user not found",
    ),
]


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
