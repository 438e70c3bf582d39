"""`intake export`: the data read piece by piece, and only read, into a file that is there when it is whole."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from bot.clock import wall
from bot.control import SOCKET, NotRunning, ask
from bot.exported import COMMAND, Exported
from bot.extracts import STATISTICS, cells, chosen, statuses
from bot.keys import vault_to_read
from bot.mistakes import CannotStart, Refused
from bot.people import People
from bot.programmes import load
from bot.settings import Settings
from bot.sheets import Cell, NewFile, Table, look_first, table
from bot.starting import open_data
from bot.tallies import Tallies
from conversations import Programme
from conversations.state import Settled, State
from storage import figures, store
from storage.engine import Engine, Transaction
from storage.errors import Unreadable
from storage.migrate import pending
from storage.sqlite import SQLite
from storage.store import ApplicationRow
from storage.values import stamp

PIECE = 500  # applications in one read: no snapshot is held for longer

Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator asked for. `columns` and `statuses`: empty for all that the purpose gives; `since`: UTC."""

    path: Path
    purpose: str
    columns: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    since: datetime | None = None
    force: bool = False


@dataclass(slots=True)
class Made:
    """What came of it. `cut`: cells that were too long; `unreadable`: applications that no key here opens."""

    rows: int = 0
    columns: int = 0
    cut: int = 0
    unreadable: int = 0
    controller: str = ""  # who is responsible, as far as the programme names somebody


def export(settings: Settings, wanted: Wanted, tell: Tell) -> Made:
    """Write the file; what came of it. `tell`: done and total, again and again. Raises what is in MISTAKES.

    It is entered in the audit log before the file gets its name: no file is there of which the log does not know.
    """
    look_first(wanted.path, force=wanted.force)
    loaded = load(settings.programme)
    names = chosen(loaded, wanted.purpose, wanted.columns)
    those = statuses(wanted.purpose, wanted.statuses)
    with NewFile(wanted.path, force=wanted.force) as new:
        with new.refusing():
            rows = table(wanted.path, new.file, wanted.purpose)
            rows.add(names)
            reading = _Reading(settings, loaded.programme, wanted, those, names, rows, tell)
            made = asyncio.run(reading.run())
            rows.end()
        made.columns, made.cut, made.controller = len(names), rows.cut, loaded.programme.controller.name
        _enter(settings, wanted.purpose, made.rows)
        new.publish()
    return made


def _enter(settings: Settings, purpose: str, rows: int) -> None:
    """By the running bot; by ourselves when none runs. Raises what is in MISTAKES."""
    values = {"purpose": purpose, "rows": rows}
    try:
        answer = ask(settings.data / SOCKET, COMMAND, **values)
    except NotRunning:
        answer = asyncio.run(_enter_at_rest(settings, values))
    if "error" in answer:
        raise Refused(f"nothing is exported, since the audit log did not take it: {answer['error']}")


async def _enter_at_rest(settings: Settings, values: dict[str, object]) -> dict[str, object]:
    async with open_data(settings) as (engine, _, _):
        return await Exported(engine, wall).enter(values)


@dataclass(slots=True)
class _Reading:
    """One pass over all applications, in the order of their receipts: those never change, so that each is met once."""

    settings: Settings
    programme: Programme
    wanted: Wanted
    statuses: tuple[str, ...]
    columns: tuple[str, ...]
    rows: Table
    tell: Tell
    made: Made = field(default_factory=Made)
    openers: list[People] = field(
        default_factory=list
    )  # by the key as it was last found, and by those before

    async def run(self) -> Made:
        async with SQLite.open(self.settings.database, readonly=True) as engine:
            if await pending(engine, files("storage") / "migrations"):
                raise CannotStart("the database is an older version's; `intake migrate` brings it up to date")
            await self._look_for_keys(engine)
            await (self._count(engine) if self.wanted.purpose == STATISTICS else self._list(engine))
        return self.made

    async def _list(self, engine: Engine) -> None:
        async for piece in self._pieces(engine):
            for row in piece.rows:
                state = await self._open(engine, row)
                found = cells(self.programme, row.status, state) if state is not None else None
                if found is None:
                    self.made.unreadable += 1
                else:
                    self._add([found.get(name, "") for name in self.columns])

    async def _count(self, engine: Engine) -> None:
        """Of what is sealed, only the rejections are opened, for their reasons."""
        tallies = Tallies()
        if not self.wanted.statuses and self.wanted.since is None:
            tallies.steps(await engine.read(figures.count_by_state))
        async for piece in self._pieces(engine):
            for _, status, submitted_at in piece.found:
                tallies.application(status, submitted_at)
            for row in piece.rows:
                state = await self._open(engine, row)
                if isinstance(state, Settled):
                    tallies.reasons(state.closed.reasons)
                else:
                    self.made.unreadable += 1
        for count_of, group, number in tallies.lines():
            line: dict[str, Cell] = {"count_of": count_of, "group": group, "number": number}
            self._add([line[name] for name in self.columns])

    def _add(self, row: Sequence[Cell]) -> None:
        self.rows.add(row)
        self.made.rows += 1

    async def _pieces(self, engine: Engine) -> AsyncIterator["_Piece"]:
        total = sum((await engine.read(figures.count_by_status)).values())
        done, after = 0, ""
        while (piece := await engine.read(lambda tx, after=after: self._piece(tx, after))).passed:  # type: ignore[misc]
            yield piece
            done, after = done + piece.passed, piece.last
            self.tell(done, max(done, total))

    def _piece(self, tx: Transaction, after: str) -> "_Piece":
        passed = store.applications_after(tx, after, PIECE)
        since = stamp(self.wanted.since) if self.wanted.since else ""
        found = [one for one in passed if one[1] in self.statuses and one[2] >= since]
        opened = [one[0] for one in found if self.wanted.purpose != STATISTICS or one[1] == "rejected"]
        rows = store.applications_by_receipt(tx, opened) if opened else []
        return _Piece(len(passed), passed[-1][0] if passed else "", found, rows)

    async def _open(self, engine: Engine, row: ApplicationRow) -> State | None:
        """None when no key opens it, or it is not what it should be. The key may have been changed meanwhile."""
        for looks in (0, 1):
            if looks and not await self._look_for_keys(engine):
                return None
            for opener in self.openers:
                try:
                    return opener.open_state(row)[1]
                except Unreadable:
                    continue
                except ValidationError:
                    return None
        return None

    async def _look_for_keys(self, engine: Engine) -> bool:
        """Whether there is another key than was known."""
        vault = await vault_to_read(engine, self.settings)
        is_new = all(opener.fingerprint != vault.fingerprint for opener in self.openers)
        if is_new:
            self.openers.insert(0, People(engine, vault))
        return is_new


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one read gave: how many applications and the last one's receipt; those that are wanted, as (receipt,
    status, time of submission); and the sealed rows of those that are to be opened."""

    passed: int
    last: str
    found: list[tuple[str, str, str]]
    rows: list[ApplicationRow]
