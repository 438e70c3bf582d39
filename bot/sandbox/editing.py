"""Bot API methods that change, delete or pin what is there, and answer presses."""

from typing import Any
from urllib.parse import urlsplit

from bot.sandbox.addressing import check_writable, find_chat, own_message
from bot.sandbox.errors import bad_request
from bot.sandbox.keyboards import Markup, check_callback_data, parse_markup
from bot.sandbox.params import Params
from bot.sandbox.sending import TEXT_LIMIT, caption_content, media_content, text_content
from bot.sandbox.state import Message
from bot.sandbox.telegram import Answer, Telegram

DELETE_SECONDS = 48 * 3600
DELETE_LIMIT = 100
ANSWER_LIMIT = 200
_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a "
    "current content and reply markup of the message"
)
_STALE = "query is too old and response timeout expired or query ID is invalid"
_CONTENT = [
    "text",
    "entities",
    "link_preview_options",
    "photo",
    "document",
    "caption",
    "caption_entities",
    "show_caption_above_media",
    "has_media_spoiler",
]


def edit_message_text(telegram: Telegram, params: Params) -> Any:
    content = text_content(telegram, params)
    markup = _inline(params)
    message = own_message(telegram, params)
    if "text" not in message.data:
        raise bad_request("there is no text in the message to edit")
    if len(content["text"]) > TEXT_LIMIT:
        raise bad_request("MESSAGE_TOO_LONG")
    return _edit(telegram, message, content, params.text("text"), markup)


def edit_message_caption(telegram: Telegram, params: Params) -> Any:
    content = caption_content(telegram, params, "MEDIA_CAPTION_TOO_LONG")
    markup = _inline(params)
    message = own_message(telegram, params)
    if "photo" not in message.data and "document" not in message.data:
        raise bad_request("there is no caption in the message to edit")
    media = ("photo", "document", "has_media_spoiler")
    kept: dict[str, Any] = {name: message.data[name] for name in media if name in message.data}
    return _edit(telegram, message, {**kept, **content}, params.text("caption") or None, markup)


def edit_message_media(telegram: Telegram, params: Params) -> Any:
    media = params.json("media", "media")
    if media is None:
        raise bad_request("there is no media in the request")
    content, source = media_content(telegram, media, params)
    markup = _inline(params)
    return _edit(telegram, own_message(telegram, params), content, source, markup)


def edit_message_reply_markup(telegram: Telegram, params: Params) -> Any:
    markup = _inline(params)
    message = own_message(telegram, params)
    return _edit(telegram, message, _content_of(message), message.source, markup)


def delete_message(telegram: Telegram, params: Params) -> Any:
    chat = find_chat(telegram, params)
    check_writable(telegram, chat, new=False)
    message = chat.by_id.get(params.integer("message_id"))
    if message is None:
        raise bad_request("message to delete not found")
    _check_deletable(telegram, message)
    telegram.remove(message)
    return True


def delete_messages(telegram: Telegram, params: Params) -> Any:
    ids = params.json("message_ids", "message identifiers")
    if not isinstance(ids, list) or not ids:
        raise bad_request("message identifiers are not specified")
    if len(ids) > DELETE_LIMIT:
        raise bad_request("too many message identifiers specified")
    chat = find_chat(telegram, params)
    check_writable(telegram, chat, new=False)
    found = [message for wanted in ids if (message := chat.by_id.get(Params({"id": wanted}).integer("id")))]
    for message in found:
        _check_deletable(telegram, message)
    for message in found:
        telegram.remove(message)
    return True


def answer_callback_query(telegram: Telegram, params: Params) -> Any:
    text, url = params.text("text"), params.text("url")
    if len(text) > ANSWER_LIMIT:
        raise bad_request("MESSAGE_TOO_LONG")
    if url and not _opens_bot(telegram, url):
        raise bad_request("URL_INVALID")
    answer = Answer(text or None, params.flag("show_alert"), url or None)
    if not telegram.answered(params.text("callback_query_id"), answer):
        raise bad_request(_STALE)
    return True


def pin_chat_message(telegram: Telegram, params: Params) -> Any:
    message = _pinnable(telegram, params)
    if message is None:
        raise bad_request("message to pin not found")
    if message.id in message.chat.pinned:
        return True
    message.chat.pinned.append(message.id)
    telegram.post(message.chat, telegram.bot, {"pinned_message": _content_and_head(message)})
    return True


def unpin_chat_message(telegram: Telegram, params: Params) -> Any:
    """The one that is named, or the most recent."""
    message, chat = _pinnable(telegram, params), find_chat(telegram, params)
    if message is None and params.integer("message_id"):
        raise bad_request("message to unpin not found")
    if (unpinned := message or chat.pinned_message) and unpinned.id in chat.pinned:
        chat.pinned.remove(unpinned.id)
    return True


def unpin_all_chat_messages(telegram: Telegram, params: Params) -> Any:
    _pinnable(telegram, params)
    find_chat(telegram, params).pinned.clear()
    return True


EDITING = {
    "editMessageText": edit_message_text,
    "editMessageCaption": edit_message_caption,
    "editMessageMedia": edit_message_media,
    "editMessageReplyMarkup": edit_message_reply_markup,
    "deleteMessage": delete_message,
    "deleteMessages": delete_messages,
    "answerCallbackQuery": answer_callback_query,
    "pinChatMessage": pin_chat_message,
    "unpinChatMessage": unpin_chat_message,
    "unpinAllChatMessages": unpin_all_chat_messages,
}


def _inline(params: Params) -> Markup | None:
    markup = parse_markup(params.values.get("reply_markup"))
    if markup is not None and not markup.inline:
        raise bad_request("inline keyboard expected")
    return markup


def _content_of(message: Message) -> dict[str, Any]:
    return {name: message.data[name] for name in _CONTENT if name in message.data}


def _content_and_head(message: Message) -> dict[str, Any]:
    return {name: value for name, value in message.data.items() if name != "reply_to_message"}


def _edit(
    telegram: Telegram,
    message: Message,
    content: dict[str, Any],
    source: str | None,
    markup: Markup | None,
) -> dict[str, Any]:
    check_callback_data(markup)
    shown = message.data.get("reply_markup")
    if content == _content_of(message) and shown == (markup.value if markup else None):
        raise bad_request(_NOT_MODIFIED)
    telegram.pacing.spend_edit(message.chat.id, group=not message.chat.private)
    head = {name: value for name, value in message.data.items() if name not in _CONTENT}
    message.source = source
    telegram.revise(message, {**head, **content}, markup)
    return message.data


def _check_deletable(telegram: Telegram, message: Message) -> None:
    chat = message.chat
    old = telegram.now() - message.date > DELETE_SECONDS
    if chat.private:
        allowed, refused = not old, "message can't be deleted for everyone"
    elif chat.kind == "group":
        bot = telegram.bot_in(chat)
        allowed, refused = (
            not old and (message.from_bot or bot.admin),
            "message can't be deleted for everyone",
        )
    else:
        right = telegram.bot_in(chat).may("can_delete_messages")
        allowed, refused = right or (message.from_bot and not old), "message can't be deleted"
    if not allowed:
        raise bad_request(refused)


def _pinnable(telegram: Telegram, params: Params) -> Message | None:
    chat = find_chat(telegram, params)
    check_writable(telegram, chat, new=False)
    if not chat.private and not telegram.bot_in(chat).may("can_pin_messages"):
        raise bad_request("not enough rights to manage pinned messages in the chat")
    return chat.by_id.get(params.integer("message_id"))


def _opens_bot(telegram: Telegram, url: str) -> bool:
    """Only the bot's own start link may be opened by a press that is no game's."""
    link = urlsplit(url)
    ours = link.path.strip("/").lower() == telegram.bot.username.lower()
    return link.scheme in ("http", "https") and link.netloc == "t.me" and ours
