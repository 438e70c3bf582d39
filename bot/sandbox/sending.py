"""Bot API methods that put something new into a chat."""

from typing import Any

from bot.sandbox.addressing import Address, check_rights, find_chat
from bot.sandbox.deeds import copied_content, forwarded_content
from bot.sandbox.entities import formatted
from bot.sandbox.errors import bad_request
from bot.sandbox.params import Params
from bot.sandbox.state import Message
from bot.sandbox.telegram import Telegram
from bot.sandbox.utf16 import Entity

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
ALBUM_LIMIT = 10
_PREVIEW = ("is_disabled", "url", "prefer_small_media", "prefer_large_media", "show_above_text")
_ACTIONS = frozenset(
    [
        "cancel",
        "typing",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "record_audio",
        "upload_audio",
        "upload_photo",
        "upload_document",
        "choose_sticker",
        "find_location",
        "pick_up_location",
        "record_video_note",
        "upload_video_note",
    ]
)


def send_message(telegram: Telegram, params: Params) -> Any:
    content = text_content(telegram, params)
    address = Address.read(telegram, params)
    if len(content["text"]) > TEXT_LIMIT:
        raise bad_request("message is too long")
    return address.send(telegram, content, params.text("text"), "text messages").data


def send_photo(telegram: Telegram, params: Params) -> Any:
    return _send_media(telegram, params, "photo")


def send_document(telegram: Telegram, params: Params) -> Any:
    return _send_media(telegram, params, "document")


def send_media_group(telegram: Telegram, params: Params) -> Any:
    media = params.json("media", "media")
    if not isinstance(media, list) or not media:
        raise bad_request("there are no messages to send")
    if len(media) > ALBUM_LIMIT:
        raise bad_request("too many messages to send as an album")
    items = [media_content(telegram, item, params) for item in media]
    address = Address.read(telegram, params)
    check_rights(telegram, address.chat, "media messages", address.extra.get("message_thread_id", 0))
    telegram.pacing.spend(address.chat.id, group=not address.chat.private, messages=len(items))
    group = {"media_group_id": str(telegram.rng.getrandbits(53))} if len(items) > 1 else {}
    extra = {**address.extra, **group}
    return [
        telegram.post(address.chat, telegram.bot, {**extra, **content}, source=source).data
        for content, source in items
    ]


def copy_message(telegram: Telegram, params: Params) -> Any:
    message = _origin(telegram, params, "copy")
    content, source = copied_content(message), message.source
    if "caption" in params and "text" not in content:
        content = {name: value for name, value in content.items() if not name.startswith("caption")}
        content |= caption_content(telegram, params)
        source = params.text("caption")
    sent = Address.read(telegram, params).send(telegram, content, source, "messages")
    return {"message_id": sent.id}


def forward_message(telegram: Telegram, params: Params) -> Any:
    message = _origin(telegram, params, "forward")
    address = Address.read(telegram, params)
    return address.send(telegram, forwarded_content(telegram, message), message.source, "messages").data


def send_chat_action(telegram: Telegram, params: Params) -> Any:
    action = params.text("action")
    if action not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    address = Address.read(telegram, params)
    telegram.changes.publish("action", chat_id=address.chat.id, action=action)
    return True


SENDING = {
    "sendMessage": send_message,
    "sendPhoto": send_photo,
    "sendDocument": send_document,
    "sendMediaGroup": send_media_group,
    "copyMessage": copy_message,
    "forwardMessage": forward_message,
    "sendChatAction": send_chat_action,
}


def text_content(telegram: Telegram, params: Params) -> dict[str, Any]:
    """Text, entities and link preview of a text message. Raises Refusal."""
    source = params.text("text")
    if not source:
        raise bad_request("message text is empty")
    text, entities = formatted(source, params.text("parse_mode"), params.json("entities", "entities"))
    if not text.strip():
        raise bad_request("text must be non-empty")
    content: dict[str, Any] = {"text": text}
    if entities:
        content["entities"] = _with_users(telegram, entities)
    preview = params.json("link_preview_options", "link preview options")
    if isinstance(preview, dict) and (known := {name: preview[name] for name in _PREVIEW if name in preview}):
        content["link_preview_options"] = known
    elif params.flag("disable_web_page_preview"):
        content["link_preview_options"] = {"is_disabled": True}
    return content


def caption_content(
    telegram: Telegram, params: Params, limit_text: str = "message caption is too long"
) -> dict[str, Any]:
    """Caption and its entities; nothing without one. Raises Refusal with `limit_text` over 1,024 characters."""
    given = params.json("caption_entities", "caption entities")
    caption, entities = formatted(params.text("caption"), params.text("parse_mode"), given)
    if len(caption) > CAPTION_LIMIT:
        raise bad_request(limit_text)
    if not caption.strip():
        return {}
    content: dict[str, Any] = {"caption": caption}
    if entities:
        content["caption_entities"] = _with_users(telegram, entities)
    if params.flag("show_caption_above_media"):
        content["show_caption_above_media"] = True
    return content


def media_content(telegram: Telegram, media: Any, params: Params) -> tuple[dict[str, Any], str | None]:
    """Content and source of one InputMedia. Raises Refusal."""
    if not isinstance(media, dict):
        raise bad_request("can't parse InputMedia: Expected an Object")
    kind = media.get("type")
    if kind not in ("photo", "document"):
        raise bad_request("can't parse InputMedia: this local server takes photo and document only")
    item = Params(media, params.uploads)
    caption = caption_content(telegram, item)
    content = {**file_content(telegram, item, "media", kind), **caption}
    if kind == "photo" and item.flag("has_spoiler"):
        content["has_media_spoiler"] = True
    return content, item.text("caption") or None


def file_content(telegram: Telegram, params: Params, name: str, kind: str) -> dict[str, Any]:
    """The file a parameter names: uploaded, or known by its file_id. Raises Refusal."""
    upload = params.upload(name)
    if upload is not None:
        if kind == "photo":
            return {"photo": telegram.files.bots_photo(upload)}
        if not upload.data:
            raise bad_request("file must be non-empty")
        return {"document": telegram.files.document(upload)}
    file_id = params.text(name)
    if not file_id or file_id.startswith("attach://"):
        raise bad_request(f"there is no {kind} in the request")
    stored = telegram.files.again(file_id, kind)
    if kind == "photo":
        return {"photo": [size.described for size in stored.album]}
    return {"document": stored.described}


def _send_media(telegram: Telegram, params: Params, kind: str) -> Any:
    content = file_content(telegram, params, kind, kind)
    content |= caption_content(telegram, params)
    if kind == "photo" and params.flag("has_spoiler"):
        content["has_media_spoiler"] = True
    address = Address.read(telegram, params)
    return address.send(telegram, content, params.text("caption") or None, f"{kind}s").data


def _origin(telegram: Telegram, params: Params, verb: str) -> Message:
    chat = find_chat(telegram, params, "from_chat_id")
    message = chat.by_id.get(params.integer("message_id"))
    if message is None:
        raise bad_request(f"message to {verb} not found")
    if message.data.get("has_protected_content"):
        raise bad_request("the message can't be copied" if verb == "copy" else "message can't be forwarded")
    return message


def _with_users(telegram: Telegram, entities: list[Entity]) -> list[Entity]:
    """A mention of a person by id carries the person; of an unknown one it is plain text."""
    if not any("user_id" in entity for entity in entities):
        return entities
    shown = []
    for entity in entities:
        user = telegram.users.get(entity.get("user_id", telegram.bot.id))
        if user is not None and "user_id" in entity:
            known = {name: value for name, value in entity.items() if name != "user_id"}
            shown.append({**known, "user": user.describe()})
        elif user is not None:
            shown.append(entity)
    return shown
