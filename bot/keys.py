"""The operator's key: where it is, whether it fits the data, and how it gives way to a new one."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog

from bot.clock import wall
from bot.mistakes import CannotStart
from bot.settings import DataAlone, Settings
from storage import facts
from storage.engine import Engine
from storage.errors import BadKey, KeyDoesNotFit
from storage.rotation import FINGERPRINT, SECRETS, Rotation
from storage.vault import OperatorKey, SigningKey, Vault, fingerprint, sync

log = structlog.get_logger()

_ANOTHER = "the operator's key is not the one this data was sealed with; put the right key back"


def operator_key(settings: Settings | DataAlone) -> OperatorKey | None:
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
    if not settings.is_first_start:
        raise CannotStart(
            f"the key file {path} is missing, and the data cannot be read without it; put it back"
        )
    return None


def made_key(settings: Settings) -> OperatorKey:
    """A new key in its file, and a word to the operator. Raises DataUnusable."""
    key = OperatorKey.from_file(settings.key_path, create=True)
    log.info(
        f"made {settings.key_path}; copy it to a safe place: without it the data cannot be read",
        action="key_made",
    )
    return key


async def fit(engine: Engine, vault: Vault, settings: Settings) -> None:
    """Which key fits is entered on the first start, and must be that one from then on. Raises KeyDoesNotFit.

    Where a new key's file stands beside the old one's, a change of keys was cut short, and is brought to its end.
    """
    known, new = await _take_all(engine, vault, settings)
    if known is None:
        await engine.write(lambda tx: facts.put(tx, FINGERPRINT, vault.fingerprint))
    elif new is not None:
        if known != fingerprint(new):
            await Rotation(engine, vault, wall).run(new)
        _put_in_place(settings, new)


async def signing_key(engine: Engine, settings: DataAlone) -> SigningKey:
    """The key that this data's receipts are signed with. Writes nothing; raises what `operator_key` and `fit` do."""
    vault = await vault_to_read(engine, settings)
    return vault.signing


async def _take_all(
    engine: Engine, vault: Vault, settings: Settings | DataAlone
) -> tuple[str | None, OperatorKey | None]:
    """Let the vault take the new key, where one lies, and what is kept sealed; the fingerprint of the key that fits
    (None before the first start) and the new key. Raises KeyDoesNotFit."""
    known, secrets = await engine.read(lambda tx: (facts.get(tx, FINGERPRINT), facts.get(tx, SECRETS)))
    if known is None:
        return None, None
    new = _next_key(settings)
    if known not in {vault.fingerprint, fingerprint(new) if new else ""}:
        raise KeyDoesNotFit(_ANOTHER)
    if new is not None and vault.fingerprint != fingerprint(new):
        vault.take(new)
    if secrets is not None:
        vault.take_secrets(secrets)
    return known, new


async def vault_to_read(engine: Engine, settings: Settings | DataAlone) -> Vault:
    """The vault for whoever only reads, while the key is being changed too. Raises KeyDoesNotFit, CannotStart,
    BadKey, KeyFileExposed, DataUnusable."""
    for last in (False, False, True):  # the files may change their places between two looks
        key = operator_key(settings)
        new = _next_key(settings)
        known, secrets = await engine.read(lambda tx: (facts.get(tx, FINGERPRINT), facts.get(tx, SECRETS)))
        assert key is not None  # the database is there
        if known in {None, fingerprint(key), fingerprint(new) if new else ""}:
            vault = Vault(key)
            if new is not None and fingerprint(new) != vault.fingerprint:
                vault.take(new)
            if secrets is not None:
                vault.take_secrets(secrets)
            return vault
        if not last:
            await asyncio.sleep(0.1)
    raise KeyDoesNotFit(_ANOTHER)


def _next_key(settings: Settings | DataAlone) -> OperatorKey | None:
    path = settings.next_key_path
    return OperatorKey.from_file(path, create=False) if path.exists() else None


def _put_in_place(settings: Settings, new: OperatorKey) -> None:
    """The new key's file takes the old one's name; where it cannot, both are needed, and the operator is told."""
    path = settings.next_key_path
    if settings.key is None:
        try:
            path.replace(settings.key_path)
            sync(path.parent)
        except OSError as error:
            log.warning(f"{_cure(settings)} ({error.strerror})", action="key_changed")
    elif fingerprint(OperatorKey.from_text(settings.key.get_secret_value())) == fingerprint(new):
        path.unlink()
    else:
        log.warning(_cure(settings), action="key_changed")


def _cure(settings: Settings) -> str:
    if settings.key is None:
        new, old = settings.next_key_path, settings.key_path
        return f"put {new}, the new key, in the place of {old}; until then both are needed"
    return f"INTAKE_KEY is the key before the last change: put in the one that stands in {settings.next_key_path}"


class KeyChange:
    """The handlers of `intake key rotate`."""

    def __init__(
        self, engine: Engine, vault: Vault, settings: Settings, clock: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._vault = vault
        self._rotation = Rotation(engine, vault, clock)
        self._task: asyncio.Task[None] | None = None

    async def begin(self, request: dict[str, Any]) -> dict[str, Any]:
        """As `look`, once it has begun."""
        path = self._settings.next_key_path
        if (
            path.exists()
            and fingerprint(OperatorKey.from_file(path, create=False)) == self._vault.fingerprint
        ):
            return {"error": _cure(self._settings)}  # the last change is not over
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._change())
            await asyncio.sleep(0)
        return await self.look(request)

    async def look(self, request: dict[str, Any]) -> dict[str, Any]:
        """{done, total, over, say}: rows, and what the operator is to do; or {error: why it has failed}."""
        task, rotation = self._task, self._rotation
        if task is not None and task.done() and (error := task.exception()):
            return {"error": f"the key is not changed yet: {error}; try again, or start the bot anew"}
        is_over = task is not None and task.done()
        say = "" if not is_over else self.farewell()
        return {"done": rotation.done, "total": rotation.total, "over": is_over, "say": say}

    def farewell(self) -> str:
        path = self._settings.next_key_path
        if path.exists():
            return _cure(self._settings)
        return (
            f"{self._settings.key_path} holds the new key; copy it to a safe place, and make a backup now:"
            " those of before need the old key, which is to be kept until they are gone"
        )

    async def _change(self) -> None:
        path = self._settings.next_key_path
        new = OperatorKey.from_file(path, create=True)
        await self._rotation.run(new)
        log.info("the operator's key is changed", action="key_changed")
        _put_in_place(self._settings, new)
