"""How long things are kept: what goes when, and other periods applied to what is there already."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click
import structlog

from bot.arrivals import Happened
from bot.clock import wall
from bot.keys import vault_to_read
from bot.people import People
from bot.programmes import load
from bot.settings import Settings
from conversations import Programme
from conversations.events import DataRestored, RetentionShortened
from conversations.keeping import Going, Told, due_at, goings, told_anew, told_sooner, with_told
from conversations.programme import Reminders, Retention
from conversations.state import Applicant
from storage import audit_log, deadlines, facts, figures
from storage.engine import Engine, Row, Transaction
from storage.errors import StorageUnavailable, Unreadable
from storage.sqlite import SQLite
from storage.values import stamp, unstamp

log = structlog.get_logger()

PERIODS = "retention"  # the fact with the periods that every due date was last reckoned by
PROGRESS = "retention_progress"  # the fact with how far other periods are applied
RESTORED = "restored"  # the fact of when a backup was restored, while not all are warned of what goes soon
COUNTS = ("earlier", "later", "warned", "restored")  # people: due earlier or later, warned of either kind
BATCH = 200  # people in one transaction: turns come between
AGAIN = 5.0  # seconds until a database that could not be written is tried again
EVER = "9999"  # after every date


# what goes when


def list_due(settings: Settings) -> int:
    """`intake erase --due --dry-run`: the exit status. Raises what is in MISTAKES."""
    programme = load(settings.programme).programme
    now = wall()

    async def work() -> None:
        total, listed = 0, 0
        counts: Counter[tuple[str, str, bool]] = Counter()
        soonest: dict[tuple[str, str], datetime] = {}
        async with SQLite.open(settings.database, readonly=True) as engine:
            people = People(engine, await vault_to_read(engine, settings))
            change = await Change.read(engine, programme, now)
            total = await engine.read(figures.count_people)
            async for applicant in _due(engine, people, EVER):
                found = sorted(_foreseen(change, applicant, now), key=lambda one: one[1])
                listed += bool(found)
                for going, at in found:
                    kind = going.what, going.outcome
                    counts[*kind, at <= now] += 1
                    soonest[kind] = min(soonest.get(kind, at), at)
                for going, at in found[:1]:
                    click.echo(_line(going, at, applicant.person_id, now))
        for row in _table(counts, soonest):
            click.echo(row)
        if total > listed:
            click.echo(f"kept as long as reviewers have the application: {total - listed}")

    asyncio.run(work())
    return 0


async def _due(engine: Engine, people: People, until: str) -> AsyncIterator[Applicant]:
    """Everybody of whom something is due up to that time, soonest first."""
    after = ("", "")
    while rows := await engine.read(lambda tx, after=after: deadlines.next_due(tx, after, until, BATCH)):  # type: ignore[misc]
        for _, person_id, wrapped, sealed in rows:
            try:
                applicant = people.open_applicant(person_id, wrapped, sealed)
            except (Unreadable, ValueError):  # of whoever cannot be read nothing can be said
                continue
            yield applicant
        after = rows[-1][0], rows[-1][1]


async def due_now(engine: Engine, people: People, now: datetime) -> AsyncIterator[Applicant]:
    async for applicant in _due(engine, people, stamp(now)):
        yield applicant


def _foreseen(change: "Change", applicant: Applicant, now: datetime) -> Iterator[tuple[Going, datetime]]:
    """When each thing goes if the bot runs from now on: whoever is yet to be told has his time from then."""
    after = change.applied_to(applicant, now)
    for going in goings(change.programme, after):
        yield going, going.foreseen(now)


def _line(going: Going, at: datetime, person_id: str, now: datetime) -> str:
    when = "due since" if at <= now else "due on"
    return f"{going.receipt or person_id}  {_kind(going.what, going.outcome)}  {when} {at:%Y-%m-%d %H:%M}Z"


def _kind(what: str, outcome: str) -> str:
    return f"{what}, {outcome}" if outcome else what


def _table(counts: Counter[tuple[str, str, bool]], soonest: dict[tuple[str, str], datetime]) -> Iterator[str]:
    if not soonest:
        yield "nothing is kept that goes by itself"
        return
    yield ""
    yield f"{'kind':34}{'due':>8}{'later':>8}  first"
    for kind, at in sorted(soonest.items(), key=lambda one: one[1]):
        yield f"{_kind(*kind):34}{counts[*kind, True]:8}{counts[*kind, False]:8}  {at:%Y-%m-%d %H:%M}Z"


# other periods


def periods(programme: Programme) -> dict[str, Any]:
    """All that due dates are reckoned by."""
    return {**programme.retention.model_dump(), "after_hours": list(programme.reminders.after_hours)}


def _as_before(programme: Programme, was: dict[str, Any]) -> Programme:
    """The programme with the periods of then, as far as they were noted; one that another version named is left out."""
    days = {name: was.get(name, now) for name, now in programme.retention.model_dump().items()}
    hours = {name: was.get(name, now) for name, now in programme.reminders.model_dump().items()}
    return programme.model_copy(
        update={"retention": Retention.model_validate(days), "reminders": Reminders.model_validate(hours)}
    )


def _facts(tx: Transaction) -> list[str | None]:
    return [facts.get(tx, name) for name in (PERIODS, PROGRESS, RESTORED)]


async def applied(engine: Engine, programme: Programme) -> bool:
    """Whether every due date is reckoned by the periods of the programme as it stands, and nobody is to be warned."""
    known, progress, restored = await engine.read(_facts)
    if progress is not None or restored is not None:
        return False
    return known is not None and json.loads(known) == periods(programme)


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be applied to people: other periods than before, if any were noted, and a restore, if there was one.

    `began`: since when the new ones hold; who was told anything since then is not told again.
    """

    programme: Programme
    before: Programme
    began: datetime
    restored_at: datetime | None

    @classmethod
    async def read(cls, engine: Engine, programme: Programme, now: datetime) -> "Change":
        """As it stands in the database; `now` where it has not begun."""
        known, progress, restored = await engine.read(_facts)
        done = json.loads(progress) if progress else {}
        is_under_way = done.get("periods") == periods(programme) and "began" in done
        began = unstamp(done["began"]) if is_under_way else now
        before = _as_before(programme, json.loads(known) if known else {})
        return cls(programme, before, began, unstamp(restored) if restored else None)

    def anew(self, applicant: Applicant, now: datetime) -> Told:
        """What he is to be told since data were restored."""
        return told_anew(self.programme, applicant, self.restored_at, now) if self.restored_at else {}

    def was(self, applicant: Applicant) -> dict[str, datetime]:
        """When each thing would have gone before."""
        return {going.thing: going.at for going in goings(self.before, applicant)}

    def sooner(self, applicant: Applicant, now: datetime) -> Told:
        """What he is to be told since periods became shorter."""
        return told_sooner(self.programme, applicant, self.was(applicant), self.began, now)

    def applied_to(self, applicant: Applicant, now: datetime) -> Applicant:
        """As he is once he has been told."""
        told = with_told(applicant, self.anew(applicant, now), now)
        return with_told(told, self.sooner(told, now), now)


class Periods:
    """Other periods than those of the last start apply to what exists; killed anywhere, that goes on. Said, and entered
    in the audit log, is only what changed, also when nobody is there; not what no earlier start has noted.

    Nothing may be destroyed before it is over: who was told a later date is warned first. After a restore everybody is
    of whom something goes soon.
    """

    def __init__(
        self,
        engine: Engine,
        people: People,
        programme: Programme,
        happen: Callable[[Happened], Awaitable[None]],
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._people = people
        self._programme = programme
        self._happen = happen
        self._clock = clock
        self.is_over = False

    async def run(self) -> None:
        """Returns when they apply. While the database cannot be written, it is tried again and again."""
        while not self.is_over:
            try:
                await self._apply()
                self.is_over = True
            except StorageUnavailable:
                log.warning("the retention periods are applied later", action="retention_changed")
                await asyncio.sleep(AGAIN)

    async def _apply(self) -> None:
        if await applied(self._engine, self._programme):
            return
        known, progress, restored = await self._engine.read(_facts)
        wanted, was = periods(self._programme), json.loads(known) if known else {}
        changed = " ".join(_changes(was, wanted))
        change = await Change.read(self._engine, self._programme, self._clock())
        done = json.loads(progress) if progress else {}
        if done.get("periods") != wanted or "began" not in done:
            done = {"periods": wanted, "began": stamp(change.began), "after": "", **dict.fromkeys(COUNTS, 0)}
            begun = json.dumps(done)
            await self._engine.write(lambda tx: facts.put(tx, PROGRESS, begun))
        while rows := await self._next(done["after"]):
            await self._batch(rows, change, done)
        await self._engine.write(lambda tx: self._over(tx, wanted, changed))
        if restored:
            log.info(
                f"after the restore {done['restored']} people were warned of what goes soon",
                action="restored",
            )
        if changed:
            log.info(
                f"the retention periods changed: {done['earlier']} people have something due earlier,"
                f" {done['later']} later; {done['warned']} were warned first",
                action="retention_changed",
            )

    async def _next(self, after: str) -> list[Row]:
        return await self._engine.read(lambda tx: deadlines.next_people(tx, after, BATCH))

    async def _batch(self, rows: list[Row], change: Change, done: dict[str, Any]) -> None:
        """Who is to be told something hears it in a turn of his own; the others' dates, and how far it is, are one
        write."""
        programme, dated = self._programme, []
        counts = {name: done.get(name, 0) for name in COUNTS}
        for person_id, wrapped, sealed, due, updated_at in rows:
            try:
                applicant = self._people.open_applicant(person_id, wrapped, sealed)
            except (Unreadable, ValueError):  # whoever looks after him will hear of it
                continue
            anew, sooner = change.anew(applicant, self._clock()), change.sooner(applicant, self._clock())
            if anew and change.restored_at:
                await self._happen(Happened(DataRestored(change.restored_at), person_id=person_id))
                counts["restored"] += any(anew.values())
            if sooner:
                event = RetentionShortened(change.began, change.was(applicant))
                await self._happen(Happened(event, person_id=person_id))
                counts["warned"] += any(sooner.values())
                counts["earlier"] += 1
            if anew or sooner:
                continue
            at = due_at(programme, applicant)
            text = stamp(at) if at else None
            if text != due:
                counts["earlier" if (text or EVER) < (due or EVER) else "later"] += 1
                dated.append((text, person_id, updated_at))
        done |= {**counts, "after": rows[-1][0]}
        kept = json.dumps(done)

        def work(tx: Transaction) -> None:
            deadlines.set_due(tx, dated)
            facts.put(tx, PROGRESS, kept)

        await self._engine.write(work)

    def _over(self, tx: Transaction, wanted: dict[str, Any], changed: str) -> None:
        facts.put(tx, PERIODS, json.dumps(wanted))
        facts.drop(tx, PROGRESS)
        facts.drop(tx, RESTORED)
        if changed:
            audit_log.add(tx, [("retention_changed", "", changed)], self._clock())


def _changes(was: dict[str, Any], wanted: dict[str, Any]) -> Iterator[str]:
    """What is other than it was. A kind of period that was not noted then, as before an upgrade, has not changed."""
    for name, value in wanted.items():
        if name in was and was[name] != value:
            yield f"{name}:{_short(was[name])}>{_short(value)}"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    return str(value)
