"""What people do in their clients, and what the bot hears of it."""

import secrets
from typing import Any

from bot.sandbox.entities import plain
from bot.sandbox.errors import Impossible
from bot.sandbox.keyboards import CALLBACK_DATA_BYTES
from bot.sandbox.state import ANONYMOUS_ADMIN, Chat, Member, Message, Status, User
from bot.sandbox.telegram import Press, Telegram
from bot.sandbox.utf16 import utf16_length

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
ALBUM = range(2, 11)
_STAYS_BEHIND = frozenset(
    [
        "message_id",
        "from",
        "sender_chat",
        "chat",
        "date",
        "edit_date",
        "reply_markup",
        "reply_to_message",
        "media_group_id",
        "forward_origin",
        "has_protected_content",
    ]
)


def text_content(text: str) -> dict[str, Any]:
    """The content of a text message. Raises Impossible when no client would send it."""
    cleaned, entities = plain(text)
    if not cleaned:
        raise Impossible("there is nothing to send")
    if utf16_length(cleaned) > TEXT_LIMIT:
        raise Impossible(f"one message holds at most {TEXT_LIMIT} characters")
    return {"text": cleaned, "entities": entities} if entities else {"text": cleaned}


def caption_content(caption: str) -> dict[str, Any]:
    """The caption's part of a media message; nothing for an empty one."""
    cleaned, entities = plain(caption)
    if utf16_length(cleaned) > CAPTION_LIMIT:
        raise Impossible(f"a caption holds at most {CAPTION_LIMIT} characters")
    content: dict[str, Any] = {"caption": cleaned} if cleaned else {}
    return {**content, "caption_entities": entities} if entities else content


def write(
    telegram: Telegram,
    user: User,
    chat: Chat,
    content: dict[str, Any],
    reply_to: Message | None = None,
) -> Message:
    """A person sends something; the bot hears of it if it may."""
    _check_can_write(user, chat)
    if chat.private:
        user.started = user.known = True
    if reply_to is not None:
        if reply_to.deleted or reply_to.chat is not chat:
            raise Impossible("the message to reply to is not in this chat")
        quoted = {name: value for name, value in reply_to.data.items() if name != "reply_to_message"}
        content = {"reply_to_message": quoted, **content}
    message = telegram.post(chat, user, content, sender_data=_sender(user, chat))
    if _heard(telegram, message):
        user.known = True
        telegram.tell_bot(message)
    return message


def write_album(telegram: Telegram, user: User, chat: Chat, contents: list[dict[str, Any]]) -> list[Message]:
    """Several photos or documents at once: one update each, one media_group_id."""
    if len(contents) not in ALBUM:
        raise Impossible("an album has 2 to 10 files")
    group = {"media_group_id": str(13_000_000_000_000_000 + secrets.randbelow(10**15))}
    return [write(telegram, user, chat, {**group, **content}) for content in contents]


def edit_text(telegram: Telegram, user: User, message: Message, text: str) -> None:
    """A person edits his own text or caption."""
    _check_own(user, message)
    if "text" in message.data:
        changed, dropped = text_content(text), ("entities",)
    else:
        changed, dropped = caption_content(text), ("caption_entities",)
    kept = {name: value for name, value in message.data.items() if name not in dropped}
    telegram.revise(message, {**kept, **changed})
    if _heard(telegram, message):
        telegram.tell_bot(message, "edited_message")


def delete(telegram: Telegram, user: User, message: Message) -> None:
    """A person deletes a message for everyone; a bot is never told."""
    if message.deleted:
        raise Impossible("this message is already deleted")
    chat = message.chat
    if (
        not chat.private
        and message.sender_id != user.id
        and not chat.member(user.id).may("can_delete_messages")
    ):
        raise Impossible("only an administrator deletes what others wrote")
    telegram.remove(message)


def forward(telegram: Telegram, user: User, chat: Chat, message: Message) -> Message:
    """A person forwards a message into another chat."""
    if message.data.get("has_protected_content"):
        raise Impossible("this message is protected from forwarding")
    return write(telegram, user, chat, forwarded_content(telegram, message))


def forwarded_content(telegram: Telegram, message: Message) -> dict[str, Any]:
    """A message's content with where it comes from."""
    if "sender_chat" in message.data:
        origin = {"type": "chat", "date": message.date, "sender_chat": message.data["sender_chat"]}
    else:
        sender = telegram.user(message.sender_id)
        origin = {"type": "user", "date": message.date, "sender_user": sender.describe()}
    return {"forward_origin": message.data.get("forward_origin", origin), **copied_content(message)}


def copied_content(message: Message) -> dict[str, Any]:
    """What a copy takes along."""
    return {name: value for name, value in message.data.items() if name not in _STAYS_BEHIND}


def press(telegram: Telegram, user: User, message: Message, data: str) -> Press:
    """A person presses a button, or a client claims so: any data is taken."""
    _check_alive(user)
    chat = message.chat
    if message.deleted or not message.from_bot:
        raise Impossible("there is no such button")
    if chat.migrated_to:
        raise Impossible("this group became a supergroup; its old buttons do nothing")
    if chat.gone:
        raise Impossible("this group was deleted")
    if chat.private and (chat.user is not user or user.blocked):
        raise Impossible("this is another person's chat, or he blocked the bot")
    if not chat.private and not chat.member(user.id).present:
        raise Impossible("only members press buttons in a group")
    if not 1 <= len(data.encode()) <= CALLBACK_DATA_BYTES:
        raise Impossible(f"callback data are 1 to {CALLBACK_DATA_BYTES} bytes")
    user.known = True
    return telegram.pressed(user, message, data)


def block(telegram: Telegram, user: User, blocked: bool) -> None:
    """A person blocks the bot, or comes back."""
    _check_alive(user)
    if user.blocked == blocked:
        return
    user.blocked = blocked
    states: dict[bool, Status] = {True: "kicked", False: "member"}
    change = {
        "chat": telegram.chat(user.id).describe(),
        "from": user.describe(),
        "date": telegram.now(),
        "old_chat_member": Member(states[not blocked]).describe(telegram.bot),
        "new_chat_member": Member(states[blocked]).describe(telegram.bot),
    }
    telegram.queue.add("my_chat_member", change, ("chat", user.id))
    telegram.user_changed(user)


def deactivate(telegram: Telegram, user: User) -> None:
    """A person deletes his account; nobody is told."""
    user.deactivated = True
    telegram.user_changed(user)


def set_language(telegram: Telegram, user: User, language_code: str) -> None:
    """A person changes his client's language; the bot sees it on his next message."""
    user.set_language(language_code)
    telegram.user_changed(user)


def set_status(
    telegram: Telegram,
    chat: Chat,
    user: User,
    member: Member,
    actor: User | None = None,
) -> None:
    """Someone joins, leaves, is promoted, restricted or thrown out; with the service message that belongs to it."""
    if chat.private or chat.migrated_to or chat.gone:
        raise Impossible("only a living group has members")
    before = chat.member(user.id)
    actor = actor or _owner(telegram, chat) or user
    bot_was_there = telegram.bot_in(chat).present
    telegram.stand(chat, user, member, actor)
    if before.present == member.present:
        return
    name = "new_chat_members" if member.present else "left_chat_member"
    who = user.describe()
    service = telegram.post(chat, actor, {name: [who] if member.present else who})
    if telegram.bot_in(chat).present or (bot_was_there and chat.kind == "group"):
        telegram.tell_bot(service)


def migrate(telegram: Telegram, chat: Chat) -> Chat:
    """A basic group becomes a supergroup: a new chat with a new id; the old one is void."""
    if chat.kind != "group" or chat.migrated_to or chat.gone:
        raise Impossible("only a basic group becomes a supergroup")
    new = telegram.add_chat(chat.title, "supergroup")
    new.members = dict(chat.members)
    owner = _owner(telegram, chat) or telegram.bot
    leaving = telegram.post(chat, owner, {"migrate_to_chat_id": new.id})
    chat.migrated_to = new.id
    telegram.chat_changed(new)
    telegram.chat_changed(chat)
    anonymous = {"from": ANONYMOUS_ADMIN, "sender_chat": new.describe()}
    arriving = telegram.post(new, owner, {"migrate_from_chat_id": chat.id}, sender_data=anonymous)
    if telegram.bot_in(new).present:
        telegram.tell_bot(leaving)
        telegram.tell_bot(arriving)
    return new


def delete_group(telegram: Telegram, chat: Chat) -> None:
    """The owner deletes a group. Nobody is told: the next call that names it is refused."""
    if chat.private or chat.migrated_to or chat.gone:
        raise Impossible("only a living group is deleted")
    chat.gone = True
    telegram.chat_changed(chat)


def close_topic(telegram: Telegram, chat: Chat, closed: bool = True) -> None:
    """An administrator closes the topic that a bot writes to, or opens it again. A bot that sees it is told."""
    if chat.kind != "supergroup" or chat.gone:
        raise Impossible("only a supergroup has topics")
    if chat.topic_closed == closed:
        return
    chat.topic_closed = closed
    actor = _owner(telegram, chat) or telegram.bot
    service = telegram.post(chat, actor, {"forum_topic_closed" if closed else "forum_topic_reopened": {}})
    if _heard(telegram, service):
        telegram.tell_bot(service)


def _owner(telegram: Telegram, chat: Chat) -> User | None:
    ids = [user_id for user_id, member in chat.members.items() if member.status == "creator"]
    return telegram.users[ids[0]] if ids else None


def _sender(user: User, chat: Chat) -> dict[str, Any]:
    if chat.member(user.id).is_anonymous:
        return {"from": ANONYMOUS_ADMIN, "sender_chat": chat.describe()}
    return {"from": user.describe()}


def _heard(telegram: Telegram, message: Message) -> bool:
    """Privacy mode: in a group a bot that is no administrator sees commands and replies to itself."""
    chat = message.chat
    if chat.private:
        return True
    bot = telegram.bot_in(chat)
    if bot.admin or not bot.present:
        return bot.admin
    replied = message.data.get("reply_to_message", {}).get("from", {})
    return replied.get("id") == telegram.bot.id or _commands_bot(telegram, message.text)


def _commands_bot(telegram: Telegram, text: str) -> bool:
    if not text.startswith("/"):
        return False
    _, at, addressee = text.split(maxsplit=1)[0].partition("@")
    return not at or addressee.lower() == telegram.bot.username.lower()


def _check_alive(user: User) -> None:
    if user.deactivated:
        raise Impossible("this account is deleted")


def _check_can_write(user: User, chat: Chat) -> None:
    _check_alive(user)
    if chat.migrated_to:
        raise Impossible("this group became a supergroup")
    if chat.gone:
        raise Impossible("this group was deleted")
    if chat.private and chat.user is not user:
        raise Impossible("this is another person's chat")
    if chat.private and user.blocked:
        raise Impossible("unblock the bot first")
    if not chat.private and chat.member(user.id).status in ("left", "kicked", "restricted"):
        raise Impossible("only members write in a group")


def _check_own(user: User, message: Message) -> None:
    _check_can_write(user, message.chat)
    if message.deleted or message.sender_id != user.id or "forward_origin" in message.data:
        raise Impossible("only one's own messages can be edited")
