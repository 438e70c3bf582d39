"""Topics of a forum: the Bot API's methods about them, and what people do to them.

The words of refusal are those of the Bot API server and of Telegram behind it.
"""

from collections.abc import Callable
from typing import Any

from bot.sandbox.addressing import check_writable, find_chat
from bot.sandbox.errors import Impossible, bad_request
from bot.sandbox.params import Params
from bot.sandbox.state import Chat, Topic, User
from bot.sandbox.telegram import Telegram

_NAME = range(1, 129)  # characters
_COLOUR = 0x6FB9F0


def create_forum_topic(telegram: Telegram, params: Params) -> Any:
    chat = _forum(telegram, params)
    name = params.text("name").strip()
    if len(name) not in _NAME:
        raise bad_request("TOPIC_TITLE_EMPTY" if not name else "topic name is too long")
    if not telegram.bot_in(chat).may("can_manage_topics"):
        raise bad_request("not enough rights to create a topic")
    topic = _made(telegram, chat, name, telegram.bot)
    return {"message_thread_id": topic.id, "name": topic.name, "icon_color": _COLOUR}


def edit_forum_topic(telegram: Telegram, params: Params) -> Any:
    chat, topic = _named(telegram, params)
    _check_manages(telegram, chat, topic)
    name = params.text("name").strip()
    if not name or name == topic.name:
        raise bad_request("TOPIC_NOT_MODIFIED")
    topic.name = name
    telegram.chat_changed(chat)
    return True


def close_forum_topic(telegram: Telegram, params: Params, closed: bool) -> Any:
    chat, topic = _named(telegram, params)
    _check_manages(telegram, chat, topic)
    if topic.closed == closed:
        raise bad_request("TOPIC_NOT_MODIFIED")
    _set_closed(telegram, chat, topic, closed, telegram.bot)
    return True


def delete_forum_topic(telegram: Telegram, params: Params) -> Any:
    chat, topic = _named(telegram, params)
    if not telegram.bot_in(chat).may("can_delete_messages"):
        raise bad_request("not enough rights to delete a topic")
    remove(telegram, chat, topic.id)
    return True


TOPICS: dict[str, Callable[[Telegram, Params], Any]] = {
    "createForumTopic": create_forum_topic,
    "editForumTopic": edit_forum_topic,
    "closeForumTopic": lambda telegram, params: close_forum_topic(telegram, params, True),
    "reopenForumTopic": lambda telegram, params: close_forum_topic(telegram, params, False),
    "deleteForumTopic": delete_forum_topic,
}


# what people do


def make_forum(telegram: Telegram, chat: Chat, is_forum: bool = True) -> None:
    """Its owner turns topics on or off. Without them all messages stand in one row, and no thread is found."""
    if chat.kind != "supergroup" or chat.gone:
        raise Impossible("only a supergroup has topics")
    chat.set_forum(is_forum)
    telegram.chat_changed(chat)


def close(telegram: Telegram, chat: Chat, topic_id: int, closed: bool = True) -> None:
    """An administrator closes one, or opens it again."""
    topic = _known(chat, topic_id)
    if topic.closed != closed:
        _set_closed(telegram, chat, topic, closed, telegram.bot)


def remove(telegram: Telegram, chat: Chat, topic_id: int) -> None:
    """An administrator deletes one with all that stands in it. A bot is not told."""
    del chat.topics[_known(chat, topic_id).id]
    for message in [one for one in chat.messages if one.data.get("message_thread_id") == topic_id]:
        telegram.remove(message)
    telegram.chat_changed(chat)


def _known(chat: Chat, topic_id: int) -> Topic:
    topic = chat.topics.get(topic_id)
    if topic is None:
        raise Impossible("there is no such topic")
    return topic


def _forum(telegram: Telegram, params: Params) -> Chat:
    chat = find_chat(telegram, params)
    check_writable(telegram, chat, new=False)
    if not chat.is_forum:
        raise bad_request("the chat is not a forum")
    return chat


def _named(telegram: Telegram, params: Params) -> tuple[Chat, Topic]:
    chat = _forum(telegram, params)
    topic = chat.topics.get(params.integer("message_thread_id"))
    if topic is None:
        raise bad_request("TOPIC_ID_INVALID")
    return chat, topic


def _check_manages(telegram: Telegram, chat: Chat, topic: Topic) -> None:
    if not (telegram.bot_in(chat).may("can_manage_topics") or topic.creator == telegram.bot.id):
        raise bad_request("not enough rights to manage chat topics")


def _made(telegram: Telegram, chat: Chat, name: str, by: User) -> Topic:
    """Its number is that of the message that says so."""
    service = telegram.post(chat, by, {"forum_topic_created": {"name": name, "icon_color": _COLOUR}})
    topic = chat.topics[service.id] = Topic(service.id, name, by.id)
    service.data = {**service.data, "message_thread_id": topic.id, "is_topic_message": True}
    telegram.chat_changed(chat)
    return topic


def _set_closed(telegram: Telegram, chat: Chat, topic: Topic, closed: bool, by: User) -> None:
    topic.closed = closed
    what = "forum_topic_closed" if closed else "forum_topic_reopened"
    telegram.post(chat, by, {what: {}, "message_thread_id": topic.id, "is_topic_message": True})
