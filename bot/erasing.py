"""Erasure at the operator's word: of what is due, in use or at rest; and of one person, through the running bot."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from bot.arrivals import Happened
from bot.backup_keeper import BackupKeeper
from bot.buttons import Signer
from bot.carrying import Carrier
from bot.clock import wall
from bot.errands import Errand
from bot.intake import Intake
from bot.mistakes import CannotStart
from bot.people import People
from bot.plan import CallbackAnswer
from bot.programmes import load
from bot.proofreading import faults
from bot.retention import applied, due_now
from bot.reviewers import Reviewers
from bot.roster import Roster
from bot.settings import Settings
from bot.starting import open_data, present_group
from bot.turns import Turns
from bot.wording import Wording
from conversations import Programme, ProgrammeMistakes
from conversations.events import ErasureOrdered, FellSilent
from conversations.keeping import goings
from conversations.state import Applicant
from storage import audit_log, deadlines, store
from storage.engine import Engine, Transaction
from storage.errors import StorageUnavailable
from storage.outgoing import ErrandRow

log = structlog.get_logger()

AT_REST = "left to the running bot, which first looks whether they have answered, or tells them the day"
LATER = "; that is made good when the bot starts (intake run) and the folder can be used"
WHAT = {
    "photos_expired": "photos",
    "expired": "drafts",
    "withdrawn": "recalled and returned applications withdrawn",
    "forgotten": "earlier applications",
    "erased": "people",
}  # the actions by which something goes after its time, and what it is
WHYS = {"expired", "draft", "retention", "silence"}  # in their details; others were asked for


class DueErasure:
    """The handlers of `intake erase --due`. `sweep` does the next of what is due; how many people it was.

    `rest`: what is said of those who are due still.
    """

    def __init__(
        self,
        engine: Engine,
        sweep: Callable[[], Awaitable[int]],
        clock: Callable[[], datetime],
        rest: str = "due still, so try again in a minute",
    ) -> None:
        self._rest = rest
        self._engine = engine
        self._sweep = sweep
        self._clock = clock
        self._task: asyncio.Task[str] | None = None
        self._done = self._left = 0

    async def begin(self, request: dict[str, Any]) -> dict[str, Any]:
        """As `look`, once it has begun."""
        if self._task is None or self._task.done():
            self._done = self._left = 0
            self._task = asyncio.create_task(self._run())
            await asyncio.sleep(0)
        return await self.look(request)

    async def look(self, request: dict[str, Any]) -> dict[str, Any]:
        """{done, total, over, say}: people, and what has gone; or {error: why it has failed}."""
        task = self._task
        if task is not None and task.done() and (error := task.exception()):
            return {"error": f"{error}; what was done until then is done"}
        is_over = task is not None and task.done()
        say = task.result() if task is not None and is_over else ""
        return {"done": self._done, "total": self._done + self._left, "over": is_over, "say": say}

    async def _run(self) -> str:
        first, _ = await self._engine.read(audit_log.head)
        self._left, before = await self._due(), (0, 0)
        while self._left:
            self._done += await self._sweep()
            self._left = await self._due()
            after = self._left, (await self._engine.read(audit_log.head))[0]
            if after == before:  # nothing came of it twice
                break
            before = after
        if done := self._done:
            now = self._clock()
            await self._engine.write(lambda tx: audit_log.add(tx, [("due_erased", "", str(done))], now))
        rows = await self._engine.read(lambda tx: audit_log.rows(tx, first))
        gone = Counter(WHAT[row[2]] for row in rows if row[2] in WHAT and WHYS.intersection(_words(row)))
        said = ", ".join(f"{what}: {count}" for what, count in sorted(gone.items()))
        rest = f"; {self._rest}: {self._left}" if self._left else ""
        return f"gone: {said or 'nothing'}{rest}"

    async def _due(self) -> int:
        return await self._engine.read(lambda tx: deadlines.count_due(tx, self._clock()))


def _words(row: Sequence[Any]) -> list[str]:
    """The reasons in an entry; that of what goes for one reason alone."""
    return ["retention"] if row[2] in {"photos_expired", "forgotten"} else str(row[4]).split(" ")


class OnePerson:
    """The handlers of `intake erase WHO`: a receipt or a random id, which stands for one person."""

    def __init__(self, engine: Engine, happen: Callable[[Happened], Awaitable[None]]) -> None:
        self._engine = engine
        self._happen = happen

    async def look(self, request: dict[str, Any]) -> dict[str, Any]:
        """{person, applications, photos} or {error}."""
        found = await self._engine.read(lambda tx: _found(tx, str(request.get("who", ""))))
        return found or {"error": "nobody who is known has this receipt or id"}

    async def erase(self, request: dict[str, Any]) -> dict[str, Any]:
        """{receipt: of the erasure} once it is committed, or {error}. What stands in chats goes after that."""
        found = await self.look(request)
        if "error" in found:
            return found
        person_id = found["person"]
        await self._happen(Happened(ErasureOrdered(), person_id=person_id))
        entry = await self._engine.read(lambda tx: audit_log.last_about(tx, person_id))
        if entry is None or entry[0] != "erased":
            return {"error": "it could not be erased; the log says why"}
        return {"receipt": entry[1].split(" ")[1]}


def _found(tx: Transaction, who: str) -> dict[str, Any] | None:
    rows = [row for _, row in store.people_by_receipt(tx, [who])] or store.people_by_id(tx, [who])
    if not rows:
        return None
    person_id = rows[0].person_id
    applications = [f"{row.receipt} ({row.status})" for row in store.applications_of(tx, person_id)]
    return {
        "person": person_id,
        "applications": applications,
        "photos": len(store.photos_of(tx, person_id)),
    }


# at rest


class _Shelf:
    """Nothing is sent and nobody presses: what is to be done outside waits in the table."""

    def accept(self, errands: Sequence[Errand]) -> None: ...
    def answer(self, answers: Sequence[CallbackAnswer]) -> None: ...
    def forget(self, person_id: str) -> None: ...
    def prompt_is_unsent(self, person_id: str) -> bool:
        return False

    def resume(self, rows: Sequence[ErrandRow]) -> None: ...
    def drop(self, ids: Sequence[str]) -> None: ...
    def group_moved(self, old: int, new: int) -> None: ...
    def group_is_open(self, chat: int) -> None: ...
    def owes(self, chat: int) -> bool:
        return False

    def show_more(self, chat: int, cards: int) -> None: ...


@dataclass(slots=True)
class _Resting:
    """The data without Telegram. What an answer that waits there could save is left alone."""

    engine: Engine
    people: People
    programme: Programme
    intake: Intake

    async def sweep(self) -> int:
        now, done = wall(), 0
        async for one in due_now(self.engine, self.people, now):
            if self._is_past_saving(one, now):
                await self.intake.happen(Happened(FellSilent(at_rest=True), person_id=one.person_id))
                done += 1
        return done

    def _is_past_saving(self, applicant: Applicant, now: datetime) -> bool:
        """Whether something goes that he was told of, or need not be, and that no answer of his keeps."""
        kept_by_answers = {"draft", "account"}
        return any(
            one.is_over(now) and one.what not in kept_by_answers for one in goings(self.programme, applicant)
        )


@contextlib.asynccontextmanager
async def _resting(settings: Settings, on_trouble: Callable[[str], None]) -> AsyncIterator[_Resting]:
    """Once it is left, whoever was erased is so in the backups too, or `on_trouble` was told. Raises what is in
    MISTAKES."""
    loaded = load(settings.programme)
    if mistakes := faults(loaded):
        raise ProgrammeMistakes(mistakes)
    programme, shelf = loaded.programme, _Shelf()
    async with open_data(settings) as (engine, vault, _):
        if not await applied(engine, programme):
            raise CannotStart(
                "other retention periods were set, or a backup restored, since the bot last ran: start it (intake run),"
                " so that people are warned first"
            )
        group = await present_group(engine, settings.group)
        signer = Signer(vault.button_keys, lambda: wall().timestamp())
        people, wording = People(engine, vault), Wording(loaded, signer, wall)
        carrier = Carrier(
            programme, wording, people, vault, signer, "", lambda: group, shelf.accept, shelf.drop, log.error
        )
        turns = Turns(
            people,
            programme,
            wording,
            signer,
            Reviewers(programme.review),
            Roster(engine, vault),
            shelf,
            carrier,
            lambda: group,
            log.error,
            lambda: None,
            lambda *_, **__: None,
        )
        intake = Intake(engine, vault, turns, shelf, "", wall)
        running = asyncio.create_task(intake.run())
        try:
            yield _Resting(engine, people, programme, intake)
        finally:
            intake.close()
            try:
                await running
            finally:
                if settings.backups is not None:
                    await BackupKeeper(engine, settings.backups, on_trouble, cure=LATER).finish()


def erase_due_at_rest(settings: Settings, tell: Callable[[int, int], None]) -> dict[str, Any]:
    """`intake erase --due` while no bot runs: {say: what has gone, wrong: what could not be done in the backups}.

    `tell`: done and total, again and again. Raises what is in MISTAKES.
    """
    if settings.is_first_start:
        raise CannotStart(f"there is no database in {settings.data}; has the bot ever run on this data?")
    wrong: list[str] = []

    async def work() -> dict[str, Any]:
        async with _resting(settings, wrong.append) as resting:
            erasure = DueErasure(resting.engine, resting.sweep, wall, AT_REST)
            look = await erasure.begin({})
            while "error" not in look and not look["over"]:
                await asyncio.sleep(0.05)
                look = await erasure.look({})
                tell(look.get("done", 0), look.get("total", 0))
            await resting.engine.checkpoint()
        if "error" in look:
            raise StorageUnavailable("; ".join([look["error"], *wrong]))
        return {"say": str(look["say"]), "wrong": wrong}

    return asyncio.run(work())
