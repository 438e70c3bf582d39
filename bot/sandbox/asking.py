"""Bot API methods about chats, members, files, commands and the bot itself."""

import re
from collections.abc import Callable
from typing import Any

from bot.sandbox.addressing import check_writable, find_chat
from bot.sandbox.errors import bad_request
from bot.sandbox.files import DOWNLOAD_BYTES
from bot.sandbox.params import Params
from bot.sandbox.state import Chat, Member, permissions
from bot.sandbox.telegram import Telegram

_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_MOST_COMMANDS = 100
_DESCRIPTION = range(1, 257)
_SCOPES = ("default", "all_private_chats", "all_group_chats", "all_chat_administrators")
_CHAT_SCOPES = ("chat", "chat_administrators", "chat_member")
_PROFILE_LIMITS = {"name": 64, "description": 512, "short_description": 120}


def get_me(telegram: Telegram, params: Params) -> Any:
    can = {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_guest_queries": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
        "has_topics_enabled": False,
        "allows_users_to_create_topics": False,
        "can_manage_bots": False,
    }
    return {**telegram.bot.describe(), **can}


def get_chat(telegram: Telegram, params: Params) -> Any:
    chat = find_chat(telegram, params)
    gifts = (
        "unlimited_gifts",
        "limited_gifts",
        "unique_gifts",
        "premium_subscription",
        "gifts_from_channels",
    )
    full: dict[str, Any] = {
        **chat.describe(),
        "accent_color_id": abs(chat.id) % 7,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(gifts, chat.private),
    }
    if (pinned := chat.pinned_message) is not None:
        full["pinned_message"] = pinned.data
    if chat.private:
        if "username" in full:
            full["active_usernames"] = [full["username"]]
        return full
    return {**full, "permissions": permissions(True)}


def get_chat_member(telegram: Telegram, params: Params) -> Any:
    chat = find_chat(telegram, params)
    user = telegram.users.get(params.integer("user_id"))
    if user is None:
        raise bad_request("user not found")
    if chat.private:
        return Member().describe(user)
    _check_inside(telegram, chat)
    return chat.member(user.id).describe(user)


def get_chat_administrators(telegram: Telegram, params: Params) -> Any:
    chat = find_chat(telegram, params)
    if chat.private:
        raise bad_request("there are no administrators in the private chat")
    _check_inside(telegram, chat)
    admins = [(telegram.users[user_id], member) for user_id, member in chat.members.items() if member.admin]
    return [member.describe(user) for user, member in admins if not user.is_bot or user is telegram.bot]


def get_chat_member_count(telegram: Telegram, params: Params) -> Any:
    chat = find_chat(telegram, params)
    if chat.private:
        return 2
    return sum(member.present for member in chat.members.values())


def leave_chat(telegram: Telegram, params: Params) -> Any:
    chat = find_chat(telegram, params)
    if chat.private:
        raise bad_request("chat member status can't be changed in private chats")
    check_writable(telegram, chat, new=False)
    telegram.stand(chat, telegram.bot, Member("left"), telegram.bot)
    return True


def get_file(telegram: Telegram, params: Params) -> Any:
    file_id = params.text("file_id")
    if not file_id:
        raise bad_request("file_id not specified")
    stored = telegram.files.by_id(file_id)
    if stored is None:
        raise bad_request("invalid file_id")
    size = len(stored.read())
    if size > DOWNLOAD_BYTES:
        raise bad_request("file is too big")
    named = {"file_id": stored.file_id, "file_unique_id": stored.unique_id}
    return {**named, "file_size": size, "file_path": stored.path}


def set_my_commands(telegram: Telegram, params: Params) -> Any:
    commands = params.json("commands", "commands")
    if not isinstance(commands, list) or not all(isinstance(command, dict) for command in commands):
        raise bad_request("can't parse commands: Expected an Array of BotCommand")
    if len(commands) > _MOST_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    checked = [_command(command) for command in commands]
    _forget_commands(telegram, params)
    if checked:
        entry = {"scope": _scope(telegram, params), "language_code": params.text("language_code")}
        telegram.commands.append({**entry, "commands": checked})
    telegram.changes.publish("commands", commands=telegram.commands)
    return True


def get_my_commands(telegram: Telegram, params: Params) -> Any:
    scope, language = _scope(telegram, params), params.text("language_code")
    for entry in telegram.commands:
        if entry["scope"] == scope and entry["language_code"] == language:
            return entry["commands"]
    return []


def delete_my_commands(telegram: Telegram, params: Params) -> Any:
    _forget_commands(telegram, params)
    telegram.changes.publish("commands", commands=telegram.commands)
    return True


def set_my_profile(telegram: Telegram, params: Params, field: str) -> Any:
    """Name, description or short description, each per language. An empty text removes it."""
    text = params.text(field)
    if len(text) > _PROFILE_LIMITS[field]:
        raise bad_request(f"bot {field.replace('_', ' ')} is too long")
    telegram.profile[field, params.text("language_code")] = text
    return True


def get_my_profile(telegram: Telegram, params: Params, field: str) -> Any:
    usual = telegram.bot.first_name if field == "name" else ""
    general = telegram.profile.get((field, ""), usual)
    return {field: telegram.profile.get((field, params.text("language_code"))) or general}


def set_chat_menu_button(telegram: Telegram, params: Params) -> Any:
    button = params.json("menu_button", "menu button") or {"type": "default"}
    if not isinstance(button, dict) or button.get("type") not in ("commands", "web_app", "default"):
        raise bad_request("can't parse menu button: wrong menu button type")
    telegram.menu_buttons[_menu_chat(telegram, params)] = button
    return True


def get_chat_menu_button(telegram: Telegram, params: Params) -> Any:
    general = telegram.menu_buttons.get(0, {"type": "commands"})
    return telegram.menu_buttons.get(_menu_chat(telegram, params), general)


def succeed(telegram: Telegram, params: Params) -> Any:
    """logOut and close: there is nothing to leave."""
    return True


ASKING: dict[str, Callable[[Telegram, Params], Any]] = {
    "getMe": get_me,
    "getChat": get_chat,
    "getChatMember": get_chat_member,
    "getChatAdministrators": get_chat_administrators,
    "getChatMemberCount": get_chat_member_count,
    "leaveChat": leave_chat,
    "getFile": get_file,
    "setMyCommands": set_my_commands,
    "getMyCommands": get_my_commands,
    "deleteMyCommands": delete_my_commands,
    "setMyName": lambda telegram, params: set_my_profile(telegram, params, "name"),
    "getMyName": lambda telegram, params: get_my_profile(telegram, params, "name"),
    "setMyDescription": lambda telegram, params: set_my_profile(telegram, params, "description"),
    "getMyDescription": lambda telegram, params: get_my_profile(telegram, params, "description"),
    "setMyShortDescription": lambda telegram, params: set_my_profile(telegram, params, "short_description"),
    "getMyShortDescription": lambda telegram, params: get_my_profile(telegram, params, "short_description"),
    "setChatMenuButton": set_chat_menu_button,
    "getChatMenuButton": get_chat_menu_button,
    "logOut": succeed,
    "close": succeed,
}


def _check_inside(telegram: Telegram, chat: Chat) -> None:
    if chat.migrated_to is None:
        check_writable(telegram, chat, new=False)


def _menu_chat(telegram: Telegram, params: Params) -> int:
    return find_chat(telegram, params).id if "chat_id" in params else 0


def _command(command: dict[str, Any]) -> dict[str, str]:
    name = str(command.get("command", "")).removeprefix("/")
    description = str(command.get("description", ""))
    if not _COMMAND.fullmatch(name):
        raise bad_request("BOT_COMMAND_INVALID")
    if len(description) not in _DESCRIPTION:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name, "description": description}


def _scope(telegram: Telegram, params: Params) -> dict[str, Any]:
    given = params.json("scope", "BotCommandScope") or {"type": "default"}
    kind = given.get("type") if isinstance(given, dict) else None
    if kind in _SCOPES:
        return {"type": kind}
    if kind not in _CHAT_SCOPES:
        raise bad_request("can't parse BotCommandScope: unsupported type specified")
    scope = {"type": kind, "chat_id": find_chat(telegram, Params(given)).id}
    return {**scope, "user_id": Params(given).integer("user_id")} if kind == "chat_member" else scope


def _forget_commands(telegram: Telegram, params: Params) -> None:
    scope, language = _scope(telegram, params), params.text("language_code")
    telegram.commands = [
        entry for entry in telegram.commands if (entry["scope"], entry["language_code"]) != (scope, language)
    ]
