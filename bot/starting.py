"""What must hold before the bot serves: found out before anything is written, and said in plain words."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
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

from bot.mistakes import CannotStart
from bot.settings import Settings
from bot.transport import Transport
from storage import store
from storage.engine import Engine
from storage.errors import BadKey, KeyDoesNotFit
from storage.folder import DataLock
from storage.migrate import migrate
from storage.sqlite import SQLite
from storage.vault import OperatorKey, Vault

log = structlog.get_logger()

DATABASE = "intake.sqlite"
_PAUSES = (0.2, 0.4, 0.8)  # seconds between tries of a call that the first start depends on
_LONGEST = 15.0  # seconds between tries of a later start


def is_first_start(settings: Settings) -> bool:
    return not (settings.data / DATABASE).exists()


def operator_key(settings: Settings) -> OperatorKey | None:
    """The operator's key from the environment or its file; None when the first start is to make one.

    Raises BadKey, KeyFileExposed, DataUnusable, or CannotStart when the data is there and its key is not.
    """
    if settings.key is not None:
        try:
            return OperatorKey.from_text(settings.key.get_secret_value())
        except BadKey as error:
            raise BadKey(f"INTAKE_KEY: {error}") from None
    path = settings.key_path
    if path.exists():
        return OperatorKey.from_file(path, create=False)
    if not is_first_start(settings):
        raise CannotStart(
            f"the key file {path} is missing, and the data cannot be read without it; put it back"
        )
    return None


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
    for pause in _pauses(is_first_start(settings)):
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


@contextlib.asynccontextmanager
async def open_data(settings: Settings) -> AsyncIterator[tuple[Engine, Vault, list[str]]]:
    """The database at the code's schema, the vault whose key fits it, the migrations applied.

    Made on the first start, the key too. Raises what storage raises.
    """
    with DataLock(settings.data):
        vault = Vault(operator_key(settings) or _made_key(settings))
        async with SQLite.open(settings.data / DATABASE) as engine:
            applied = await migrate(engine, files("storage") / "migrations")
            await _check_key(engine, vault)
            yield engine, vault, applied


def _made_key(settings: Settings) -> OperatorKey:
    """A new key in its file, and a word to the operator. Raises DataUnusable."""
    key = OperatorKey.from_file(settings.key_path, create=True)
    log.info(
        f"made {settings.key_path}; copy it to a safe place: without it the data cannot be read",
        action="key_made",
    )
    return key


async def _check_key(engine: Engine, vault: Vault) -> None:
    """The key's fingerprint is entered on the first start, and must fit from then on. Raises KeyDoesNotFit."""
    known = await engine.read(lambda tx: store.get_fact(tx, "key_fingerprint"))
    if known is None:
        await engine.write(lambda tx: store.put_fact(tx, "key_fingerprint", vault.fingerprint))
    elif known != vault.fingerprint:
        raise KeyDoesNotFit(
            "the operator's key is not the one this data was sealed with; put the right key back"
        )
