"""telegram.Update -> what happened: an applicant's event, a reviewer's press, or news of the group.

One raw update is read alone. What the library cannot parse raises, and is parked by the caller.
"""

from collections.abc import Hashable
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any

from telegram import CallbackQuery, ChatMemberUpdated, MaybeInaccessibleMessage, Message, Update, User

from conversations.events import (
    CancelAsked,
    CorrectionAsked,
    DataAsked,
    ErasureAsked,
    Event,
    HelpAsked,
    LanguageAsked,
    MessageEdited,
    PhotoArrived,
    PrivacyAsked,
    Replied,
    SomethingElse,
    Started,
    StatusAsked,
    SteppedBack,
    UnknownCommand,
    WithdrawalAsked,
)

COMMANDS: dict[str, type[Event]] = {
    "start": Started,
    "help": HelpAsked,
    "language": LanguageAsked,
    "status": StatusAsked,
    "back": SteppedBack,
    "cancel": CancelAsked,
    "privacy": PrivacyAsked,
    "mydata": DataAsked,
    "correct": CorrectionAsked,
    "withdraw": WithdrawalAsked,
    "delete": ErasureAsked,
}
LONGEST = 8192  # characters of a text that are read: twice what a message holds
GONE = ("left", "kicked")


_PLACE = ("message_id", "date", "chat", "message_thread_id", "is_topic_message")  # of a pressed message


class WrongType(ValueError):
    """A field that is not what the Bot API declares it to be; its name."""


@dataclass(frozen=True, slots=True)
class FromApplicant:
    """Something in a private chat. `callback_id` is set for a press, whose `data` is not yet checked."""

    update_id: int
    user_id: int
    name: str
    language_code: str
    event: Event | None
    message_id: int = 0
    sent_at: datetime | None = None
    callback_id: str = ""
    data: str = ""
    can_be_early: bool = False
    reply_data: str = (
        ""  # of the first button under the bot's message that this is a reply to; not yet checked
    )
    reply_to: int = 0  # that message
    words: str = ""  # of the reply, new or edited


@dataclass(frozen=True, slots=True)
class FromReviewer:
    """A press in a group; `data` is not yet checked."""

    update_id: int
    user_id: int
    name: str
    chat_id: int
    message_id: int
    callback_id: str
    data: str
    topic: int = 0  # of a forum, in which the message stands


@dataclass(frozen=True, slots=True)
class Reachable:
    """A person blocked the bot, or came back."""

    update_id: int
    user_id: int
    reachable: bool


@dataclass(frozen=True, slots=True)
class GroupMoved:
    """A group became a supergroup: its id is another from now on."""

    update_id: int
    old: int
    new: int


@dataclass(frozen=True, slots=True)
class MemberChanged:
    """Someone's standing in a group changed; `status` as the Bot API names it."""

    update_id: int
    chat_id: int
    user_id: int
    status: str


@dataclass(frozen=True, slots=True)
class BotMoved:
    """The bot's own standing in a group changed."""

    update_id: int
    chat_id: int
    status: str


@dataclass(frozen=True, slots=True)
class GroupSaid:
    """A message in a group. `command` without its slash, or nothing; `argument`: what stands behind it. `user_id` is 0
    for one that was posted in a chat's name; `as_group`: in the name of this very group, as its administrators may."""

    update_id: int
    chat_id: int
    message_id: int
    command: str
    argument: str = ""
    user_id: int = 0
    as_group: bool = False
    name: str = ""
    topic: int = 0  # of a forum, in which it was said


@dataclass(frozen=True, slots=True)
class Nothing:
    """Read, and of no concern to us."""

    update_id: int


Reading = (
    FromApplicant | FromReviewer | Reachable | GroupMoved | MemberChanged | BotMoved | GroupSaid | Nothing
)


def read(raw: dict[str, Any], bot_name: str) -> Reading:
    """One raw update, read. Raises whatever the library raises for what is no update, or WrongType."""
    reading = _read(raw, bot_name)
    _check(reading)
    if isinstance(reading, FromApplicant) and reading.event:
        _check(reading.event)
    return reading


def _check(found: Any) -> None:
    """The library takes any value for any field; nothing but what is declared comes further than this."""
    of: Any = type(found)
    for name, kind in _declared(of):
        value = getattr(found, name)
        if type(value) is not kind or (kind is int and not -(2**63) <= value < 2**63):
            raise WrongType(name)
        if kind is str:
            value.encode()  # half a character is a ValueError: it could neither be stored nor sent


@cache
def _declared(of: Hashable) -> list[tuple[str, Any]]:
    return [(field.name, field.type) for field in fields(of) if field.type in (int, str)]  # type: ignore[arg-type]


def _read(raw: dict[str, Any], bot_name: str) -> Reading:
    update = Update.de_json(_lean(raw), None)
    if update.callback_query:
        return _press(update.update_id, update.callback_query)
    if update.message:
        message = update.message
        return (
            _private(update.update_id, message, bot_name)
            if _is_private(message)
            else _group(update.update_id, message, bot_name)
        )
    if update.edited_message:
        return _edited(update.update_id, update.edited_message)
    if update.my_chat_member:
        return _standing(update.update_id, update.my_chat_member)
    if update.chat_member:
        changed = update.chat_member
        member = changed.new_chat_member
        return MemberChanged(update.update_id, changed.chat.id, member.user.id, _status(member))
    return Nothing(update.update_id)


def _lean(raw: dict[str, Any]) -> dict[str, Any]:
    """A press without the words and keyboard it stands under: nobody reads them, and parsing them costs the most."""
    query = raw.get("callback_query")
    message = query.get("message") if isinstance(query, dict) else None
    if not isinstance(message, dict):
        return raw
    place = {name: message[name] for name in _PLACE if name in message}
    return {**raw, "callback_query": {**query, "message": place}}  # type: ignore[dict-item]


def full_name(user: User) -> str:
    """A display name on one line, as other members see it."""
    return " ".join(user.full_name.split())[:64]


def _status(member: Any) -> str:
    """`restricted` people may have left; then they are gone."""
    return "left" if member.status == "restricted" and not member.is_member else str(member.status)


def _is_private(message: Message) -> bool:
    return message.chat.type == "private"


def _press(update_id: int, query: CallbackQuery) -> Reading:
    message, user = query.message, query.from_user
    if message is None or query.data is None:
        return Nothing(update_id)
    if message.chat.type == "private":
        return FromApplicant(
            update_id,
            user.id,
            full_name(user),
            user.language_code or "",
            None,
            message_id=message.message_id,
            callback_id=query.id,
            data=query.data,
        )
    return FromReviewer(
        update_id,
        user.id,
        full_name(user),
        message.chat.id,
        message.message_id,
        query.id,
        query.data,
        _topic(message),
    )


def _private(update_id: int, message: Message, bot_name: str) -> Reading:
    user = message.from_user
    if user is None or user.is_bot:
        return Nothing(update_id)
    event, can_be_early = _event(message, bot_name)
    return FromApplicant(
        update_id,
        user.id,
        full_name(user),
        user.language_code or "",
        event,
        message_id=message.message_id,
        sent_at=message.date,
        can_be_early=can_be_early,
        **({} if command_event(message.text or "", bot_name) else _reply(message)),
    )


def _reply(message: Message) -> dict[str, Any]:
    """What it replies to, where that is a message of a bot with buttons."""
    replied = message.reply_to_message
    rows = replied.reply_markup.inline_keyboard if replied and replied.reply_markup else ()
    if replied is None or not rows or not rows[0]:
        return {}
    data = rows[0][0].callback_data
    words = (message.text or "")[:LONGEST]
    return {"reply_data": data or "", "reply_to": replied.message_id, "words": words}


def _event(message: Message, bot_name: str) -> tuple[Event, bool]:
    """The event, and whether it would be an answer, which may have been written too early."""
    if message.forward_origin or message.via_bot:
        return SomethingElse("forward"), False
    if message.text is not None:
        command = command_event(message.text, bot_name)
        return (command, False) if command else (Replied(message.text[:LONGEST]), True)
    if message.photo:
        largest = message.photo[-1]
        return (
            PhotoArrived(
                largest.file_id, largest.file_size or 0, message.message_id, message.media_group_id or ""
            ),
            True,
        )
    if message.document and not message.animation:
        file = message.document
        return PhotoArrived(
            file.file_id, file.file_size or 0, message.message_id, message.media_group_id or ""
        ), True
    return SomethingElse(_what(message)), False


def _what(message: Message) -> str:
    kinds = (
        "sticker",
        "voice",
        "video_note",
        "video",
        "audio",
        "animation",
        "contact",
        "location",
        "poll",
        "dice",
        "story",
    )
    return next((kind for kind in kinds if getattr(message, kind, None)), "other")


def command_event(text: str, bot_name: str) -> Event | None:
    """The event a command stands for; None for words."""
    command = _command(text, bot_name)
    if command is None:
        return None
    name, payload = command
    if name == "start":
        return Started(payload)
    return COMMANDS.get(name, UnknownCommand)()


def _command(text: str, bot_name: str) -> tuple[str, str] | None:
    """("start", "payload") for "/start payload"; a command for another bot is none of ours."""
    if not text.startswith("/"):
        return None
    head, _, rest = text[1:].partition(" ")
    name, _, addressed = head.partition("@")
    if addressed and addressed.casefold() != bot_name.casefold():
        return "", ""
    return (name.casefold(), rest.strip()) if name.isascii() and name.replace("_", "").isalnum() else None


def _edited(update_id: int, message: Message) -> Reading:
    user = message.from_user
    if not _is_private(message) or user is None or user.is_bot:
        return Nothing(update_id)
    return FromApplicant(
        update_id,
        user.id,
        full_name(user),
        user.language_code or "",
        MessageEdited(),
        message_id=message.message_id,
        **_reply(message),
    )


def _group(update_id: int, message: Message, bot_name: str) -> Reading:
    if message.migrate_to_chat_id:
        return GroupMoved(update_id, message.chat.id, message.migrate_to_chat_id)
    if message.migrate_from_chat_id:
        return GroupMoved(update_id, message.migrate_from_chat_id, message.chat.id)
    command, argument = _command(message.text or "", bot_name) or ("", "")
    as_chat, user = message.sender_chat, message.from_user
    is_own = bool(command) and not message.forward_origin and (as_chat is not None or bool(user))
    if not is_own or (as_chat is None and user is not None and user.is_bot):
        return GroupSaid(update_id, message.chat.id, message.message_id, "")
    return GroupSaid(
        update_id,
        message.chat.id,
        message.message_id,
        command,
        argument[:LONGEST]
        .encode(errors="replace")
        .decode(),  # whatever a member writes, it is no reason to park it
        0 if as_chat or not user else user.id,
        as_group=as_chat is not None and as_chat.id == message.chat.id,
        name="" if as_chat or not user else full_name(user),
        topic=_topic(message),
    )


def _topic(message: MaybeInaccessibleMessage) -> int:
    """A number of a thread that is no topic's is of replies alone."""
    is_in_topic = isinstance(message, Message) and message.is_topic_message
    return (message.message_thread_id or 0) if is_in_topic and isinstance(message, Message) else 0


def _standing(update_id: int, changed: ChatMemberUpdated) -> Reading:
    status = changed.new_chat_member.status
    if changed.chat.type == "private":
        return Reachable(update_id, changed.from_user.id, status not in GONE)
    return BotMoved(update_id, changed.chat.id, str(status))
