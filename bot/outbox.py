"""Errands -> Telegram: a lane for each chat, and what may go when.

Answers to presses go first and are never held. Each chat is a lane of its own; all lanes move at once. A 429 holds
one lane. Edits of one card coalesce.
The table of errands is for the day after a crash; while the process lives, they are handed over in memory.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.callback_answers import CallbackAnswers
from bot.errands import (
    BRIEF,
    CARD,
    COUNTER,
    DATA,
    DESK,
    DIGEST,
    EDIT,
    FETCH,
    FORM,
    NOTE,
    NOTICE,
    OWN,
    REMOVE,
    SEND,
    SHOW,
    STATS,
    WAKE,
    WIPE,
    Errand,
    Lost,
    restore,
)
from bot.flood import EVERY
from bot.lanes import ALONE, Lane, is_new_card
from bot.metrics import Metrics, Reading
from bot.pacing import Pacing
from bot.pausing import Closing
from bot.plan import CallbackAnswer, Outcome
from bot.recording import Recorder
from bot.sightings import Sightings
from bot.timetable import Timetable
from bot.transport import Transport
from bot.trying import Later, Over, Trying, WhenHeReturns
from bot.unsent import Unsent
from storage import outgoing
from storage.engine import Engine
from storage.errors import Unreadable
from storage.outgoing import ErrandRow
from storage.vault import Vault

log = structlog.get_logger()

MESSAGES = frozenset(
    {SEND, EDIT, CARD, DATA, SHOW, FORM, NOTE, NOTICE, DIGEST, STATS, DESK, COUNTER, BRIEF}
)  # what Telegram's limits count
FOUND = frozenset({SEND, DATA, SHOW, FORM, WIPE})  # what is looked for after a kill
FETCHES = 8  # photos fetched at once: at most 160 MB of them are in memory
NOW = timedelta()
REMEMBERED = 10_000  # errands that are over, and people who are erased


class Outbox:
    """One door out; `accept` never waits. `clock` says when an errand is due, `steady` counts the time until then:
    a clock that jumps makes nothing due."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        transport: Transport,
        pacing: Pacing,
        metrics: Metrics,
        undo_seconds: int,
        clock: Callable[[], datetime],
        steady: Callable[[], datetime],
        sightings: Sightings,
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._pacing = pacing
        self._undo = timedelta(seconds=undo_seconds)
        self._clock = clock
        self._sightings = sightings
        self.on_group_moved: Callable[[int, int], Coroutine[Any, Any, None]]
        self.on_trouble: Callable[[str], None] = lambda line: None
        self._lanes: dict[int, Lane] = {}
        self._early: list[Errand] | None = []  # what came before it was open; None since then
        self._known: set[str] = set()
        self._over: dict[str, None] = {}
        self._erased: dict[str, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._beside: dict[Errand, None] = {}  # what goes to no chat, and is being done
        self._fetches = asyncio.Semaphore(FETCHES)
        self._closing = Closing()
        self._is_opening = False
        self._unsent = Unsent()
        self._timed = Timetable(steady, self._enqueue)
        self._recorder = Recorder(engine, vault, self._end, self.accept, sightings.keep)
        self._answers = CallbackAnswers(transport, metrics)
        self.trying = Trying(
            engine,
            transport,
            pacing,
            metrics,
            self._unsent,
            self._closing,
            self._now,
            lambda old, new: self.on_group_moved(old, new),  # noqa: PLW0108 (set later)
            lambda line: self.on_trouble(line),  # noqa: PLW0108
        )
        self._keepers: list[asyncio.Task[None]] = []
        self._drips: list[asyncio.Task[None]] = []

    # life

    @property
    def keepers(self) -> list[asyncio.Task[None]]:
        """What runs as long as the outbox is open."""
        return self._keepers

    async def open(self, *, after_kill: bool = False, flooded: Sequence[int] = ()) -> None:
        """Take up what an earlier process left undone, and then what came before this. When that process was killed,
        what it left may be sent already.

        `flooded`: groups in which a digest stands; their cards are held back on.
        """
        self._keepers = [asyncio.create_task(self._timed.run()), asyncio.create_task(self._recorder.run())]
        rows = await self._engine.read(outgoing.errands)
        early, self._early = self._early or [], None
        new = {errand.errand_id for errand in early}
        left = self._restored([row for row in rows if row.errand_id not in new])
        now = self._clock()
        for errand in left:
            errand.may_stand = after_kill
            if errand.kind == WAKE and errand.not_before and errand.not_before < now:
                errand.not_before = now + self._undo  # the window to undo restarts after a downtime
        if after_kill:
            self._look_for(left)
        self._is_opening = True  # whether a flood goes on is seen when all that waits is here
        for chat in flooded:
            self._lanes.setdefault(chat, Lane(chat)).flood.is_on = True
        self.accept([*left, *early])
        self._is_opening = False
        for lane in list(self._lanes.values()):
            self._look_at_flood(lane)
            if lane.flood.is_on:
                self._begin_drip(lane)

    def _look_for(self, left: Sequence[Errand]) -> None:
        """What a killed process had sent without knowing where it stands is looked for."""
        since = self._sightings.since
        sent = [
            errand
            for errand in left
            if errand.kind in FOUND and errand.chat > 0 and errand.above and errand.born > since
        ]
        until = self._sightings.highest + len({errand.chat for errand in sent})
        for errand in sent:
            errand.lost = Lost(errand.above, until)

    async def close(self, grace: float = 8.0) -> None:
        """Let what is in flight end, for at most `grace` seconds; the rest waits in the table."""
        self._closing.begin()
        running = list(self._tasks)
        if running:
            await asyncio.wait(running, timeout=grace)
        self._recorder.close()
        watch, record = self._keepers
        watch.cancel()
        await asyncio.wait([record], timeout=grace)
        left = [*running, watch, record, *self._drips]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def take_up(self) -> None:
        """Accept whatever stands in the table and is not in memory."""
        rows = await self._engine.read(outgoing.errands)
        self.accept(self._restored([row for row in rows if row.errand_id not in self._known]))

    def _restored(self, rows: Sequence[ErrandRow]) -> list[Errand]:
        """Those that can be read; one that cannot must not keep all others from being done."""
        found = []
        for row in rows:
            try:
                found.append(restore(row, self._vault))
            except (Unreadable, ValueError):
                self.on_trouble(f"an errand of kind {row.kind} cannot be read, and is left undone")
        return found

    async def settle(self) -> datetime | None:
        """For whoever moves the clock: do all that is due by it. When the next of what waits for its time is due."""
        self._timed.look()
        while self._tasks or len(self._known) > len(self._timed) or self._timed.is_due:
            if self._tasks:
                await asyncio.wait(list(self._tasks), return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.sleep(0.001)  # what was done is being written
        return self._timed.next_at

    def waiting(self) -> int:
        """How many errands are to be done now; what has its time yet to come is not counted."""
        return len(self._known) - len(self._timed)

    def look(self) -> Reading:
        """How much waits, and how long it has: for the metrics."""
        lanes = list(self._lanes.values())
        waiting = {
            "private": sum(len(lane.queue) for lane in lanes if not lane.is_group),
            "group": sum(len(lane.queue) for lane in lanes if lane.is_group),
            "none": len(self._beside),
        }
        errands = itertools.chain(self._beside, *(lane.queue for lane in lanes))
        age = max((self._due_for(errand) for errand in errands), default=0.0)
        held = sum(lane.new_cards() for lane in lanes if lane.flood.is_on)
        return {"errands_waiting": waiting, "errands_oldest_seconds": age, "cards_held_back": held}

    def _due_for(self, errand: Errand) -> float:
        """For how many seconds it could have been done."""
        age = time.time() - errand.born
        if errand.not_before:
            age = min(age, (self._clock() - errand.not_before).total_seconds())
        return max(0.0, age)

    # in

    def cards(self) -> set[str]:
        """The receipts of the cards that are to be sent or changed anyway."""
        waiting = itertools.chain(self._timed, *(lane.queue for lane in self._lanes.values()))
        return {str(errand.body["receipt"]) for errand in waiting if errand.kind == CARD}

    def show_more(self, chat: int, cards: int) -> None:
        """Let some of the cards through that are held back, if any are."""
        lane = self._lanes.get(chat)
        if lane is not None and lane.flood.is_on:
            lane.flood.show(cards)
            for _ in range(cards):
                self._start(lane)

    def owes(self, chat: int) -> bool:
        """Whether something is still to be sent there."""
        return chat in self._lanes

    def accept(self, errands: Sequence[Errand]) -> None:
        """Take errands that are committed. What is known already is passed over; before it is open, all waits."""
        if self._early is not None:
            self._early += errands
            return
        for errand in errands:
            if errand.errand_id in self._known or errand.errand_id in self._over or self._closing.has_begun:
                continue
            if self.is_erased(errand.person_id):
                continue
            self._known.add(errand.errand_id)
            self._unsent.accepted(errand)
            left = errand.not_before - self._clock() if errand.not_before else NOW
            self._timed.add(errand, left) if left > NOW else self._enqueue(errand)

    def answer(self, answers: Sequence[CallbackAnswer]) -> None:
        """Answer presses at once. One that fails is not repeated for long: the press has expired."""
        for answer in answers:
            self.spawn(self._answers.send(answer))

    def prompt_is_unsent(self, person_id: str) -> bool:
        """Whether what he is asked has not left yet, so that nothing he wrote can be an answer to it."""
        return self._unsent.waits(person_id)

    def forget(self, person_id: str) -> None:
        """He is erased: his errands went with his rows."""
        self._erased[person_id] = None
        while len(self._erased) > REMEMBERED:
            del self._erased[next(iter(self._erased))]
        self._drop_queued(person_id, may_stand=False)

    def resume(self, rows: Sequence[ErrandRow]) -> None:
        """He can be reached again: what waited for him goes out."""
        self.accept(self._restored(rows))

    def drop(self, ids: Sequence[str]) -> None:
        """What is not to be said any more; its rows have gone."""
        gone = set(ids)
        for lane in self._lanes.values() if gone else ():
            lane.drop(lambda errand: errand.errand_id in gone)
        self._end(ids)

    def group_moved(self, old: int, new: int) -> None:
        """The group became a supergroup; cards go out anew there."""
        self.spawn(self.on_group_moved(old, new))

    def group_is_open(self, chat: int) -> None:
        """The bot may write there again."""
        self._pacing.release(chat)

    def move_lane(self, old: int, new: int) -> None:
        """What waited for the old group goes to the new one."""
        lane = self._lanes.get(old)
        if lane is None:
            return
        moved = lane.drop(lambda errand: True)
        lane.flood.look(0)
        for errand in moved:
            errand.chat = new
            if errand.kind == CARD:
                errand.body["pressed"] = []  # ids of messages in the old group
            if errand.kind == REMOVE:
                self._finish(errand, Outcome())
            else:
                self._enqueue(errand)

    def _drop_queued(self, person_id: str, kinds: tuple[str, ...] = (), *, may_stand: bool = True) -> None:
        """Those of these kinds, or all; without `may_stand` not those of which a try may stand in a chat."""
        self._unsent.drop(person_id)

        def is_unwanted(errand: Errand) -> bool:
            if errand.person_id != person_id or (kinds and errand.kind not in kinds):
                return False
            return may_stand or errand.lost is None

        for lane in self._lanes.values():
            dropped = lane.drop(is_unwanted)
            self._known.difference_update(errand.errand_id for errand in dropped)

    def _enqueue(self, errand: Errand) -> None:
        if errand.errand_id in self._over:  # it was dropped while it had its time yet to come
            return
        if errand.chat == 0:
            self.spawn(self._alone(errand))
            return
        lane = self._lanes.setdefault(errand.chat, Lane(errand.chat))
        if lane.coalesce(errand):
            self._finish(errand, Outcome())
            return
        lane.queue.append(errand)
        self._look_at_flood(lane)
        self._start(lane)

    def _start(self, lane: Lane) -> None:
        """One more worker, where there is something to do for it."""
        if lane.has_room:
            lane.workers += 1
            self.spawn(self._work(lane))

    def _look_at_flood(self, lane: Lane) -> None:
        """Begin or end to hold cards back."""
        if self._is_opening or not lane.is_group or not lane.flood.look(lane.new_cards()):
            return
        log.warning("flood", action="flood", is_on=lane.flood.is_on, cards=lane.new_cards())
        self._digest(lane)
        if lane.flood.is_on:
            self._begin_drip(lane)
        else:
            for _ in range(lane.new_cards()):
                self._start(lane)

    def _digest(self, lane: Lane) -> None:
        self._enqueue(Errand(DIGEST, lane.chat, None, {"over": not lane.flood.is_on}))

    def _begin_drip(self, lane: Lane) -> None:
        self._drips = [task for task in self._drips if not task.done()]
        self._drips.append(asyncio.create_task(self._drip(lane)))

    async def _drip(self, lane: Lane) -> None:
        """While cards are held back, one comes now and then by itself."""
        said = lane.new_cards()
        while lane.flood.is_on and not self._closing.has_begun:
            await self._closing.pause(EVERY)
            self.show_more(lane.chat, 1)
            if lane.flood.is_on and said != lane.new_cards():
                said = lane.new_cards()
                self._digest(lane)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside, which may lead to errands."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended_beside)

    def _ended_beside(self, task: asyncio.Task[None]) -> None:
        """What was to be looked up and could not be is looked up with the next sweep."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("work beside failed", action="outbox", error=type(error).__name__)

    # lanes

    async def _work(self, lane: Lane) -> None:
        """One worker of a lane, until it finds nothing to do."""
        try:
            while not self._closing.has_begun and (errand := lane.next()) is not None:
                delay = self._delay(lane, errand)
                if delay > 0:
                    await self._closing.pause(min(delay, 1.0))
                    continue
                if errand.kind in MESSAGES:
                    self._pacing.sent(lane.chat, lane.is_group, self._now())
                lane.in_hand.append(errand)
                if is_new_card(errand):
                    lane.flood.went()
                try:
                    if await self._try(errand):
                        lane.queue.remove(errand)
                        self._look_at_flood(lane)
                        if is_new_card(errand) and lane.flood.holds:  # all that was let through has gone
                            self._digest(lane)
                    elif is_new_card(errand):
                        lane.flood.show(1)
                finally:
                    lane.in_hand.remove(errand)
                    if errand.kind in ALONE:  # the others waited for it
                        for _ in lane.queue:
                            self._start(lane)
        finally:
            lane.workers -= 1
            if not lane.workers and not lane.queue:
                self._lanes.pop(lane.chat, None)

    def _delay(self, lane: Lane, errand: Errand) -> float:
        """Seconds until it may go."""
        if errand.kind in MESSAGES:
            return self._pacing.delay(lane.chat, lane.is_group, self._now())
        return self._pacing.held(lane.chat, self._now())

    async def _alone(self, errand: Errand) -> None:
        """What goes to no chat: repeated until it is done."""
        self._beside[errand] = None
        try:
            async with self._fetches if errand.kind == FETCH else contextlib.nullcontext():
                while not self._closing.has_begun and not await self._try(errand):
                    pass
        finally:
            del self._beside[errand]

    async def _try(self, errand: Errand) -> bool:
        """Try once; whether the lane is done with it. Waits before it says no."""
        match await self.trying.once(errand):
            case Over(outcome):
                self._finish(errand, outcome)
            case Later(wait):
                self._timed.add(errand, wait)
            case WhenHeReturns():
                self._known.discard(errand.errand_id)
                self._drop_queued(errand.person_id or "", OWN)
            case _:
                return False
        return True

    # ends

    def _finish(self, errand: Errand, outcome: Outcome | None) -> None:
        """Enter what came of it."""
        if outcome is None:
            self._end([errand.errand_id])
            return
        self._recorder.enter(errand, outcome)

    def _end(self, ids: Sequence[str]) -> None:
        """Forget them; but a look at the table that began before their rows went must not bring them back."""
        self._known.difference_update(ids)
        self._over.update(dict.fromkeys(ids))
        while len(self._over) > REMEMBERED:
            del self._over[next(iter(self._over))]

    def is_erased(self, person_id: str | None) -> bool:
        return person_id in self._erased

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
