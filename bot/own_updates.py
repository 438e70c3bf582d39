"""What of an update is its sender's own: a message of the bot that it carries along may be about somebody else."""

from typing import Any

AS_REVIEWER = "what you did as a reviewer is about others, and is not shown here"
NOT_HIS = "a message that you did not write: it may be about others, and is not shown here"
QUOTES = {"external_reply", "quote"}  # pieces of a message, without its sender


def own_part(update: Any, chat_id: int) -> Any:
    """The update without what others wrote; a note instead of one that is not from his own chat.

    Raises RecursionError.
    """
    what = _content(update)
    message = what.get("message", what)
    chat = message.get("chat") if isinstance(message, dict) else None
    if not isinstance(chat, dict) or chat.get("id") != chat_id or _is_link(message):
        return AS_REVIEWER
    if _is_forwarded(message, chat_id):
        return NOT_HIS
    return {
        key: {name: _own(name, one, chat_id) for name, one in value.items()} if value is what else value
        for key, value in update.items()
    }


def _content(update: Any) -> dict[str, Any]:
    """What happened, without the number of the update."""
    parts = update.items() if isinstance(update, dict) else ()
    found = next((value for key, value in parts if key != "update_id"), None)
    return found if isinstance(found, dict) else {}


def _is_link(message: dict[str, Any]) -> bool:
    """Whether it leads to an application that he reviews."""
    text = message.get("text")
    return isinstance(text, str) and text.startswith("/start ")


def _is_forwarded(message: dict[str, Any], chat_id: int) -> bool:
    """Whether somebody else wrote it, as far as Telegram says."""
    origin = message.get("forward_origin")
    return origin is not None and _sender(origin, "sender_user") != chat_id


def _own(name: str, value: Any, chat_id: int) -> Any:
    if isinstance(value, list):
        return [_own("", one, chat_id) for one in value]
    if not isinstance(value, dict):
        return value
    if name in QUOTES or ("message_id" in value and not _is_his(value, chat_id)):
        return NOT_HIS
    return {key: _own(key, one, chat_id) for key, one in value.items()}


def _is_his(message: dict[str, Any], chat_id: int) -> bool:
    return _sender(message, "from") == chat_id and not _is_forwarded(message, chat_id)


def _sender(value: Any, name: str) -> Any:
    sender = value.get(name) if isinstance(value, dict) else None
    return sender.get("id") if isinstance(sender, dict) else None
