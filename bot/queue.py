"""What waits for the reviewers, as they are shown it: in whose hands, since when, and where its card stands."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, get_args

from markupsafe import Markup

from bot.message_links import link_to
from bot.people import People
from bot.unlinking import unlinked
from conversations import Programme
from conversations.application import Reviewer
from conversations.state import Deciding, Settled, application_of
from storage import queue
from storage.engine import Engine, Transaction
from storage.errors import Unreadable
from storage.queue import UNDECIDED, Load, Queued
from storage.store import OPEN_STATUSES
from storage.values import unstamp

Which = Literal["all", "mine", "unclaimed", "overdue"]
FILTERS: tuple[Which, ...] = get_args(Which)
PAGE = 10  # applications on one page
PIECE = 50  # rows opened before others have their turn


@dataclass(frozen=True, slots=True)
class Entry:
    """One application. `since`: of when its status is, where that is known; `link`: to its card, where there is one."""

    receipt: str
    status: str
    submitted_at: datetime
    since: datetime | None
    holder: Reviewer | None
    is_late: bool
    has_card: bool
    link: str
    has_written: bool = False  # the applicant did, and no reviewer since

    @property
    def holder_name(self) -> Markup:
        """Who has claimed it; nothing of what he calls himself is a link."""
        return unlinked(self.holder.name) if self.holder else Markup("")


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what was asked for. `number` counts from 0; `count` is how many there are on all pages."""

    entries: Sequence[Entry]
    count: int
    number: int = 0
    pages: int = 1


class Queue:
    """Read from the database each time."""

    def __init__(
        self,
        engine: Engine,
        people: People,
        programme: Programme,
        group: Callable[[], int],
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._people = people
        self._promised = timedelta(days=programme.review.usual_days)
        self._group = group
        self._clock = clock

    @property
    def late_before(self) -> datetime:
        """Whatever was submitted by then is over the time that applicants are promised."""
        return self._clock() - self._promised

    async def load(self) -> Load:
        return await self._engine.read(self.load_in)

    def load_in(self, tx: Transaction) -> Load:
        return queue.load(tx, self.late_before)

    async def find(self, receipt: str) -> Entry | None:
        found = await self._engine.read(lambda tx: queue.one(tx, receipt))
        return self._entry(found) if found else None

    async def late(self, limit: int) -> list[Entry]:
        """The oldest of those that wait too long."""
        before = self.late_before
        rows = await self._engine.read(lambda tx: queue.late_from(tx, before, 0, limit))
        return [self._entry(row) for row in rows]

    async def page(self, which: Which, number: int, whose: str = "") -> Page:
        """A page of one kind, or the last one where there are not so many. `whose`: a reviewer's ref, for "mine"."""
        if which == "all":
            return await self._page(queue.count_open, queue.open_from, number)
        if which == "overdue":
            before = self.late_before
            return await self._page(
                lambda tx: queue.load(tx, before).late,
                lambda tx, start, limit: queue.late_from(tx, before, start, limit),
                number,
            )
        wanted = [entry async for entry in self._undecided() if _is_wanted(entry, which, whose)]
        number, pages = _bounds(len(wanted), number)
        return Page(wanted[number * PAGE : (number + 1) * PAGE], len(wanted), number, pages)

    async def _page(
        self,
        count: Callable[[Transaction], int],
        rows: Callable[[Transaction, int, int], list[Queued]],
        number: int,
    ) -> Page:
        def work(tx: Transaction) -> tuple[int, int, int, list[Queued]]:
            found = count(tx)
            at, pages = _bounds(found, number)
            return found, at, pages, rows(tx, at * PAGE, PAGE)

        found, at, pages, page = await self._engine.read(work)
        return Page([self._entry(row) for row in page], found, at, pages)

    async def _undecided(self) -> AsyncIterator[Entry]:
        """Who has claimed what is sealed: so all that waits is opened, a piece at a time."""
        after = ("", "")
        while True:
            piece = await self._engine.read(partial(queue.undecided_after, after=after, limit=PIECE))
            for row in piece:
                yield self._entry(row)
            if len(piece) < PIECE:
                return
            after = (piece[-1][0], piece[-1][1].receipt)
            await asyncio.sleep(0)

    def _entry(self, queued: Queued) -> Entry:
        submitted, row = queued
        submitted_at = unstamp(submitted)
        chat = self._group()
        has_card = row.card_message is not None and row.card_chat == chat
        is_undecided = row.status in UNDECIDED
        since: datetime | None = None
        holder = None
        has_written = False
        try:
            _, state = self._people.open_state(row)
        except (Unreadable, ValueError):  # it is listed all the same
            pass
        else:
            application = application_of(state)
            holder = application.claimed_by if application and is_undecided else None
            has_written = bool(application and application.unanswered and row.status in OPEN_STATUSES)
            if isinstance(state, Deciding):
                since = state.decision.at
            elif isinstance(state, Settled):
                since = state.closed.at
        return Entry(
            row.receipt,
            row.status,
            submitted_at,
            submitted_at if is_undecided else since,
            holder,
            is_undecided and submitted_at <= self.late_before,
            has_card,
            link_to(chat, row.card_message, row.card_topic) if has_card else "",
            has_written,
        )


def _is_wanted(entry: Entry, which: Which, whose: str) -> bool:
    if which == "unclaimed":
        return entry.holder is None
    return entry.holder is not None and entry.holder.ref == whose


def _bounds(count: int, number: int) -> tuple[int, int]:
    """The page that there is instead, and how many there are."""
    pages = max(1, -(-count // PAGE))
    return min(max(number, 0), pages - 1), pages
