"""reply_markup: what the Bot API takes, and the buttons a person sees."""

from dataclasses import dataclass
from typing import Any

from bot.sandbox.errors import Refusal, bad_request
from bot.sandbox.links import BadLink, checked_link
from bot.sandbox.wire import decode

CALLBACK_DATA_BYTES = 64
_MOST_BUTTONS = 100
_STYLES = frozenset({"danger", "success", "primary"})
_ACTIONS = (
    "callback_data",
    "url",
    "copy_text",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "callback_game",
    "pay",
)
_OTHER_KINDS = ("keyboard", "remove_keyboard", "force_reply")
_KEYBOARD_FLAGS = ("resize_keyboard", "one_time_keyboard", "is_persistent", "selective")


@dataclass(frozen=True, slots=True)
class Button:
    """One inline button as a person sees it."""

    text: str
    data: str | None = None
    url: str | None = None
    copy_text: str | None = None
    style: str | None = None


@dataclass(frozen=True, slots=True)
class Markup:
    """A checked reply_markup; `inline` alone becomes part of the message."""

    value: dict[str, Any]
    inline: bool


def buttons_of(value: dict[str, Any] | None) -> list[list[Button]]:
    """The rows of an inline keyboard."""
    return [[_seen(button) for button in row] for row in (value or {}).get("inline_keyboard", [])]


def parse_markup(value: Any) -> Markup | None:
    """What a reply_markup parameter means; None for none and for an empty keyboard. Raises Refusal."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = decode(value)
        except ValueError:
            raise bad_request("can't parse reply keyboard markup JSON object") from None
    if not isinstance(value, dict):
        raise bad_request("object expected as reply markup")
    if "inline_keyboard" in value:
        rows = _inline_rows(value["inline_keyboard"])
        return Markup({"inline_keyboard": rows}, True) if rows else None
    if "keyboard" in value:
        return Markup(_reply_keyboard(value), False)
    return Markup(value, False) if any(value.get(kind) for kind in _OTHER_KINDS) else None


def check_callback_data(markup: Markup | None) -> None:
    """What only the far server checks, after all else. Raises Refusal."""
    if markup is None or not markup.inline:
        return
    for row in markup.value["inline_keyboard"]:
        for button in row:
            data = button.get("callback_data")
            if data is not None and not 1 <= len(data.encode()) <= CALLBACK_DATA_BYTES:
                raise bad_request("BUTTON_DATA_INVALID")


def _inline_rows(rows: Any) -> list[list[dict[str, Any]]]:
    if not isinstance(rows, list):
        raise bad_request('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array')
    if not all(isinstance(row, list) for row in rows):
        raise bad_request('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    checked = [[_inline_button(button) for button in row] for row in rows if row]
    if sum(map(len, checked)) > _MOST_BUTTONS:
        raise bad_request("reply markup is too long")
    return checked


def _inline_button(button: Any) -> dict[str, Any]:
    if not isinstance(button, dict):
        raise _bad_button("Expected an Object")
    text = button.get("text")
    if not isinstance(text, str):
        raise _bad_button(
            'Field "text" must be of type String' if text is not None else 'Can\'t find field "text"'
        )
    checked: dict[str, Any] = {"text": text}
    for name in ("icon_custom_emoji_id", "style"):
        if button.get(name):
            checked[name] = button[name]
    if "style" in checked and checked["style"] not in _STYLES:
        raise _bad_button("Invalid button style specified")
    action = next((name for name in _ACTIONS if name in button), None)
    if action is None:
        raise _bad_button("Text buttons are unallowed in the inline keyboard")
    checked[action] = _checked_link(button["url"]) if action == "url" else button[action]
    if action == "callback_data" and not isinstance(button[action], str):
        raise _bad_button('Field "callback_data" must be of type String')
    return checked


def _checked_link(link: Any) -> str:
    try:
        return checked_link(str(link))
    except BadLink as reason:
        raise bad_request(f"inline keyboard button URL '{link}' is invalid: {reason}") from None


def _reply_keyboard(value: dict[str, Any]) -> dict[str, Any]:
    rows = value["keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request('field "keyboard" of the ReplyKeyboardMarkup must be an Array of Arrays')
    checked: dict[str, Any] = {
        "keyboard": [[{"text": key} if isinstance(key, str) else key for key in row] for row in rows if row]
    }
    checked.update({flag: True for flag in _KEYBOARD_FLAGS if value.get(flag)})
    if value.get("input_field_placeholder"):
        checked["input_field_placeholder"] = value["input_field_placeholder"]
    return checked


def _bad_button(reason: str) -> Refusal:
    return bad_request("can't parse inline keyboard button: " + reason)


def _seen(button: dict[str, Any]) -> Button:
    return Button(
        button["text"],
        button.get("callback_data"),
        button.get("url"),
        (button.get("copy_text") or {}).get("text"),
        button.get("style"),
    )
