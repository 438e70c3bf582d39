"""Sending, changing and removing the bot's own messages, as Telegram allows it."""

import base64
from typing import Any

from telegram.error import BadRequest, ChatMigrated, Forbidden

from bot.transport import Transport
from bot.wording import Keyboard

MANY = 100  # messages that one call deletes; source: Bot API, deleteMessages
_GONE = ("message to edit not found", "message can't be edited")
_NO_TEXT = "there is no text in the message"

# what is said when the chat is closed to the bot, whatever the message; source: Bot API server, TDLib
_CLOSED = (
    "chat not found",
    "not enough rights",
    "have no rights",
    "need administrator rights",
    "chat_write_forbidden",
    "chat_restricted",
    "chat_send_",
    "topic_closed",
    "topic_deleted",
    "message thread not found",
)

# a grey square, 64 by 64
_BLANK = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAAAAACPAi4CAAAAKklEQVR4nO3MQREAAAwCIPtnM5Qh9ttBANKjCAQCgUAgEAgEAoFAIPge"
    "DCKCwLW9dTXHAAAAAElFTkSuQmCC"
)

Body = dict[str, Any]  # text, keyboard, plain


def is_closed(error: BadRequest) -> bool:
    """Whether it is the chat that takes nothing from the bot, and not the message that is wrong."""
    said = str(error).casefold()
    return any(sign in said for sign in _CLOSED)


class Messages:
    """What stands in chats. Raises what `Transport.call` raises, unless a method says otherwise."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, chat: int, body: Body) -> int:
        """The new message's id."""
        sent = await self._transport.call("sendMessage", _params(chat, body))
        return int(sent["message_id"])

    async def send_file(
        self, method: str, params: dict[str, Any], field: str, file: tuple[str, bytes, str]
    ) -> int:
        """A photo or document, protected; `file` is its name, bytes and type. The new message's id."""
        sent = await self._transport.call(method, {**params, "protect_content": True}, files={field: file})
        return int(sent["message_id"])

    async def edit(self, chat: int, message_id: int, body: Body) -> bool:
        """Whether the message still stood. Not modified is as good as done."""
        try:
            await self._transport.call("editMessageText", {**_params(chat, body), "message_id": message_id})
        except BadRequest as error:
            said = str(error).casefold()
            if "not modified" in said:
                return True
            if any(sign in said for sign in _GONE):
                return False
            raise
        return True

    async def take_away(self, chat: int, message_id: int, instead: Body) -> bool:
        """Delete a message, or overwrite it when it is too old for that; whether it is gone or empty."""
        try:
            await self._transport.call("deleteMessage", {"chat_id": chat, "message_id": message_id})
        except (Forbidden, ChatMigrated):
            return False
        except BadRequest as error:
            return "not found" in str(error).casefold() or await self._overwrite(chat, message_id, instead)
        return True

    async def take_away_many(self, chat: int, message_ids: list[int], instead: Body) -> int:
        """The same for many messages of one chat; how many could neither go nor be emptied."""
        left = 0
        for start in range(0, len(message_ids), MANY):
            some = message_ids[start : start + MANY]
            try:
                await self._transport.call("deleteMessages", {"chat_id": chat, "message_ids": some})
            except (Forbidden, ChatMigrated):
                left += len(some)
            except BadRequest:
                left += sum([not await self.take_away(chat, one, instead) for one in some])
        return left

    async def _overwrite(self, chat: int, message_id: int, instead: Body) -> bool:
        try:
            return await self.edit(chat, message_id, instead)
        except BadRequest as error:
            return _NO_TEXT in str(error).casefold() and await self._blot_out(chat, message_id, instead)
        except (Forbidden, ChatMigrated):
            return False

    async def _blot_out(self, chat: int, message_id: int, instead: Body) -> bool:
        """A photo or a file gives way to an empty picture: a text cannot take its place."""
        media = {"type": "photo", "media": "attach://blank", "caption": instead["text"], "parse_mode": "HTML"}
        params = {"chat_id": chat, "message_id": message_id, "media": media}
        try:
            await self._transport.call(
                "editMessageMedia", params, files={"blank": ("blank.png", _BLANK, "image/png")}
            )
        except BadRequest as error:
            return "not modified" in str(error).casefold()
        except (Forbidden, ChatMigrated):
            return False
        return True


def _params(chat: int, body: Body) -> dict[str, Any]:
    """HTML unless plain, no link previews, its buttons."""
    params: dict[str, Any] = {
        "chat_id": chat,
        "text": body["text"],
        "link_preview_options": {"is_disabled": True},
    }
    if not body.get("plain"):
        params["parse_mode"] = "HTML"
    keyboard: Keyboard = body.get("keyboard", [])
    if keyboard:
        params["reply_markup"] = {"inline_keyboard": keyboard}
    return params
