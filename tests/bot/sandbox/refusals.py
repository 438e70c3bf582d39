"""What is refused, and in which words."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.sandbox.state import Message
from tests.cast import Group, Person

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
