"""What must hold before the bot serves: found out before anything is written, and said in plain words."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from importlib.resources import files
from typing import Any

import structlog
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from bot.keys import fit, made_key, operator_key
from bot.mistakes import CannotStart
from bot.settings import Settings
from bot.transport import Transport
from storage import audit_log, facts
from storage.engine import Engine, Transaction
from storage.folder import DataLock
from storage.migrate import migrate
from storage.sqlite import SQLite
from storage.vault import Vault

log = structlog.get_logger()

MOVED = "group_moved"  # the facts with the id of what a group that was set has become

_PAUSES = (0.2, 0.4, 0.8)  # seconds between tries of a call that the first start depends on
_LONGEST = 15.0  # seconds between tries of a later start


async def who_am_i(transport: Transport, settings: Settings) -> dict[str, Any]:
    """The bot behind the token. Raises CannotStart."""
    try:
        me: dict[str, Any] = await _asked(transport, settings, "getMe", {})
    except InvalidToken:
        raise CannotStart(
            "INTAKE_TOKEN: Telegram refuses this token; copy it again from @BotFather"
        ) from None
    except TelegramError as error:
        raise CannotStart(
            f"INTAKE_API_URL: {settings.api_url} does not answer as a Bot API ({error})"
        ) from None
    return me


async def find_group(
    transport: Transport, settings: Settings, group: int, me: dict[str, Any]
) -> tuple[int, str]:
    """The group's present id, another than `group` once it has become a supergroup; and why it cannot be used, if so.

    Raises CannotStart when Telegram does not answer.
    """
    add = f"add @{me['username']} to it"
    try:
        params = {"chat_id": group, "user_id": me["id"]}
        member = await _asked(transport, settings, "getChatMember", params)
    except ChatMigrated as error:
        return error.new_chat_id, ""
    except (BadRequest, Forbidden):
        return group, f"INTAKE_GROUP: the bot is not in the group {group}; {add}"
    except TelegramError as error:
        raise CannotStart(f"Telegram does not answer ({error}); try again") from None
    if member["status"] in {"left", "kicked"}:
        return group, f"INTAKE_GROUP: the bot is no longer in the group {group}; {add}"
    if member["status"] != "administrator":
        log.warning("the bot should be an administrator of the reviewers' group", action="not_admin")
    return group, ""


async def _asked(transport: Transport, settings: Settings, method: str, params: dict[str, Any]) -> Any:
    """A call that only reads. A passing fault is waited out: on the first start, when somebody looks on, for a second
    or two; later for as long as it lasts, since whoever starts the bot anew may give up."""
    for pause in _pauses(settings.is_first_start):
        try:
            return await transport.call(method, params, timeout=5)
        except BadRequest:
            raise
        except RetryAfter as error:
            await asyncio.sleep(min(_LONGEST, float(error.retry_after)))  # type: ignore[arg-type]
        except NetworkError as error:
            if pause > _PAUSES[-1]:
                log.warning("Telegram does not answer; trying again", action="start", error=str(error))
            await asyncio.sleep(pause)
    return await transport.call(method, params, timeout=5)


def _pauses(is_first_start: bool) -> Iterator[float]:
    yield from _PAUSES
    pause = _PAUSES[-1]
    while not is_first_start:
        pause = min(_LONGEST, 2 * pause)
        yield pause


async def present_group(engine: Engine, group: int) -> int:
    """The id that the group which is set has now, as far as it is known."""
    return int(await engine.read(lambda tx: facts.get(tx, f"{MOVED}:{group}")) or group)


def enter_migration(tx: Transaction, name: str, now: datetime) -> None:
    audit_log.add(tx, [("migrated", "", name)], now)


@contextlib.asynccontextmanager
async def open_data(settings: Settings) -> AsyncIterator[tuple[Engine, Vault, list[str]]]:
    """The database at the code's schema, the vault whose key fits it, the migrations applied.

    Made on the first start, the key too. Raises what storage raises.
    """
    with DataLock(settings.data):
        vault = Vault(operator_key(settings) or made_key(settings))
        async with SQLite.open(settings.database) as engine:
            applied = await migrate(engine, files("storage") / "migrations", enter_migration)
            await fit(engine, vault, settings)
            yield engine, vault, applied
