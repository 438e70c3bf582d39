"""That a backup was made is entered in the audit log, by the process that owns the data."""

import asyncio
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bot import backups
from bot.clock import wall
from bot.control import SOCKET, NotRunning, ask
from bot.settings import Settings
from storage import audit_log
from storage.audit_log import AuditEntry
from storage.backup_files import DATA, KEYS, Header, Tell
from storage.engine import Engine
from storage.errors import StorageError
from storage.folder import DataLock
from storage.sqlite import SQLite

COMMAND: Final = "backed_up"  # by which the running bot is told, and the action in the log
PARTS = tuple(part.lstrip(".") for part in (DATA, KEYS))
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class BackedUp:
    """The handler of what `intake backup` tells the running bot."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock

    async def enter(self, request: dict[str, Any]) -> dict[str, Any]:
        """{} once it is written. The `moment` that it is of, and how many `people` are in it; nothing else is taken,
        least of all where it lies: a folder's name may say anything."""
        moment, people = request.get("moment"), request.get("people")
        if type(people) is not int or not isinstance(moment, str) or not _MOMENT.fullmatch(moment):
            return {"error": "a backup is of a moment, and has a number of people in it"}
        entry: AuditEntry = (COMMAND, "", f"{moment} {people} {' '.join(PARTS)}")
        now = self._clock()
        await self._engine.write(lambda tx: audit_log.add(tx, [entry], now))
        return {}


def back_up(
    settings: Settings, folder: Path | None, keep_days: int, keys_days: int, tell: Tell
) -> tuple[list[str], str]:
    """`intake backup`: what it says, and why the audit log did not take it, if so: the backup stands all the same.
    Raises what is in MISTAKES; then there is none."""
    wrong: list[str] = []

    def made(header: Header) -> None:
        if why := _enter(settings, header):
            wrong.append(f"the backup is made, and the audit log did not take the entry of it: {why}")

    lines = backups.back_up(settings, folder, keep_days, keys_days, tell, made)
    return lines, "".join(wrong)


def _enter(settings: Settings, header: Header) -> str:
    """By the running bot; by ourselves when none runs. Why it could not be entered, if so."""
    values = {"moment": header.moment, "people": header.people}
    try:
        answer = ask(settings.data / SOCKET, COMMAND, **values)
    except NotRunning:
        try:
            answer = asyncio.run(_enter_at_rest(settings, values))
        except StorageError as error:
            return str(error)
    return str(answer.get("error", ""))


async def _enter_at_rest(settings: Settings, values: dict[str, Any]) -> dict[str, Any]:
    """In the database as it is: who makes a backup before an upgrade does not want it brought up to date by that, and
    no key is needed."""
    with DataLock(settings.data):
        async with SQLite.open(settings.database) as engine:
            return await BackedUp(engine, wall).enter(values)
