"""Where a call goes: the chat, whether the bot may write there, what it replies to.

The order of checks and their words are those of the open Bot API server.
"""

from dataclasses import dataclass
from typing import Any

from bot.sandbox.errors import Refusal, bad_request, forbidden
from bot.sandbox.keyboards import Markup, check_callback_data, parse_markup
from bot.sandbox.params import Params
from bot.sandbox.state import Chat, Message
from bot.sandbox.telegram import Telegram

_NAMES = {"group": "group chat", "supergroup": "supergroup chat"}


def find_chat(telegram: Telegram, params: Params, name: str = "chat_id") -> Chat:
    """The chat a call names. Raises Refusal."""
    value = params.text(name).strip()
    if not value:
        raise bad_request("chat_id is empty" if name == "chat_id" else f"{name} is empty")
    chat = telegram.chats.get(int(value)) if value.lstrip("-").isdecimal() else None
    if chat is None or (chat.user is not None and not (chat.user.started or chat.user.known)):
        raise bad_request("chat not found")
    if chat.gone and chat.kind == "supergroup":
        raise bad_request("chat not found")
    return chat


def check_writable(telegram: Telegram, chat: Chat, *, new: bool) -> None:
    """Whether the bot may write there; `new` for a message of its own rather than an edit. Raises Refusal."""
    if chat.user is not None:
        if chat.user.deactivated:
            raise forbidden("user is deactivated")
        if new and chat.user.blocked:
            raise forbidden("bot was blocked by the user")
        if new and not chat.user.started:
            raise forbidden("bot can't initiate conversation with a user")
        return
    if chat.migrated_to:
        text = "Bad Request: group chat was upgraded to a supergroup chat"
        raise Refusal(400, text, {"migrate_to_chat_id": chat.migrated_to})
    if chat.gone:
        raise forbidden("the group chat was deleted")
    match telegram.bot_in(chat).status:
        case "kicked":
            raise forbidden(f"bot was kicked from the {_NAMES[chat.kind]}")
        case "left":
            raise forbidden(f"bot is not a member of the {_NAMES[chat.kind]}")


@dataclass(slots=True)
class Address:
    """Where a new message goes and what goes with it."""

    chat: Chat
    markup: Markup | None
    extra: dict[str, Any]

    @classmethod
    def read(cls, telegram: Telegram, params: Params) -> "Address":
        """Raises Refusal."""
        reply = _reply_parameters(params)
        markup = parse_markup(params.values.get("reply_markup"))
        chat = find_chat(telegram, params)
        check_writable(telegram, chat, new=True)
        extra = _thread(chat, params)
        if reply is not None:
            extra |= _replied(telegram, chat, reply)
        if params.flag("protect_content"):
            extra["has_protected_content"] = True
        return cls(chat, markup, extra)

    def send(self, telegram: Telegram, content: dict[str, Any], source: str | None, what: str) -> Message:
        """Post it, after the checks only the far server makes. Raises Refusal."""
        check_rights(telegram, self.chat, what, self.extra.get("message_thread_id", 0))
        check_callback_data(self.markup)
        telegram.pacing.spend(self.chat.id, group=not self.chat.private)
        return telegram.post(
            self.chat, telegram.bot, {**self.extra, **content}, source=source, markup=self.markup
        )


def _thread(chat: Chat, params: Params) -> dict[str, Any]:
    """The topic that a call names. Raises Refusal."""
    thread = params.integer("message_thread_id")
    if not thread:
        return {}
    if not chat.is_forum or thread not in chat.topics:
        raise bad_request("message thread not found")
    return {"message_thread_id": thread, "is_topic_message": True}


def check_rights(telegram: Telegram, chat: Chat, what: str, thread: int = 0) -> None:
    """Whether the bot may send this kind: it may be restricted, or the topic closed. Raises Refusal."""
    if chat.private:
        return
    bot = telegram.bot_in(chat)
    if bot.status == "restricted":
        raise bad_request(f"not enough rights to send {what} to the chat")
    is_closed = chat.topics[thread].closed if thread else chat.topic_closed
    if is_closed and not bot.may("can_manage_topics"):
        raise bad_request("TOPIC_CLOSED")


def own_message(telegram: Telegram, params: Params) -> Message:
    """The message an edit names. Raises Refusal."""
    if "chat_id" not in params and "message_id" not in params:
        raise bad_request("message identifier is not specified")
    chat = find_chat(telegram, params)
    check_writable(telegram, chat, new=False)
    message = chat.by_id.get(params.integer("message_id"))
    if message is None:
        raise bad_request("message to edit not found")
    is_service = any(name.startswith("forum_topic_") for name in message.data)
    if (
        is_service
        or not message.from_bot
        or message.other_markup is not None
        or "forward_origin" in message.data
    ):
        raise bad_request("message can't be edited")
    return message


def _reply_parameters(params: Params) -> dict[str, Any] | None:
    given = params.json("reply_parameters", "reply parameters")
    if given is None and params.integer("reply_to_message_id"):
        given = {
            "message_id": params.integer("reply_to_message_id"),
            "allow_sending_without_reply": params.flag("allow_sending_without_reply"),
        }
    if given is not None and not isinstance(given, dict):
        raise bad_request("can't parse reply parameters: Expected an Object")
    return given or None


def _replied(telegram: Telegram, chat: Chat, reply: dict[str, Any]) -> dict[str, Any]:
    wanted = reply.get("message_id")
    target = (
        chat.by_id.get(int(wanted)) if isinstance(wanted, int | str) and str(wanted).isdecimal() else None
    )
    if target is not None:
        quoted = {name: value for name, value in target.data.items() if name != "reply_to_message"}
        return {"reply_to_message": quoted}
    if reply.get("allow_sending_without_reply"):
        return {}
    raise bad_request("message to be replied not found")
