"""`intake groups`: which groups the bot is in, with the id that INTAKE_GROUP wants. Nothing is confirmed or changed."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import click
from telegram.error import Conflict, InvalidToken, TelegramError

from bot.control import SOCKET, NotRunning, ask
from bot.mistakes import CannotStart
from bot.receiver import ALLOWED_UPDATES
from bot.settings import TokenAlone
from bot.transport import Transport

_LOOKS = 12  # so many times `_SECONDS` is waited for the bot to be added somewhere
_SECONDS = 5


def groups(settings: TokenAlone) -> int:
    """Print each group once; 1 when none was seen in a minute, or the bot runs and knows its group."""
    with contextlib.suppress(NotRunning):  # two that ask for updates would take them from each other
        ask(settings.data / SOCKET, "status")
        click.echo(f"the bot is running on {settings.data}; `intake status` names its group", err=True)
        return 1
    return asyncio.run(_look(settings))


async def _look(settings: TokenAlone) -> int:
    transport = Transport(settings.token.get_secret_value(), settings.api_url)
    await transport.initialize()
    try:
        found = await _found(transport)
    finally:
        await transport.shutdown()
    if not found:
        click.echo(
            "no group was seen; add the bot to your reviewers' group while this command runs", err=True
        )
        return 1
    for chat_id, title in found.items():
        click.echo(f"INTAKE_GROUP={chat_id}    # {title}")
    return 0


async def _found(transport: Transport) -> dict[int, str]:
    """Id and title of the groups that the waiting updates speak of."""
    for look in range(_LOOKS):
        # the first look is at what waits already, and takes no time
        params = {"timeout": _SECONDS if look else 0, "allowed_updates": list(ALLOWED_UPDATES)}
        try:
            updates = await transport.call("getUpdates", params, timeout=_SECONDS + 10)
        except InvalidToken:
            raise CannotStart(
                "INTAKE_TOKEN: Telegram refuses this token; copy it again from @BotFather"
            ) from None
        except Conflict:
            raise CannotStart(
                "the bot is running already, or has a webhook; its log names its group"
            ) from None
        except TelegramError as error:
            raise CannotStart(f"INTAKE_API_URL: no Bot API answers there ({error})") from None
        found = {chat["id"]: str(chat.get("title", "")) for update in updates for chat in _chats(update)}
        if found:
            return found
        if look == 0:
            click.echo("add the bot to your reviewers' group now ...", err=True)
    return {}


def _chats(update: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for what in update.values():
        chat = what.get("chat") if isinstance(what, dict) else None
        if isinstance(chat, dict) and chat.get("type") in {"group", "supergroup"}:
            yield chat
