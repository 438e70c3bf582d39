"""A batch of updates, one transaction: read, think, write, and only then acknowledge.

Whatever arrives (updates from Telegram, results of errands, the clock) goes through one queue. What has come
together is loaded with one read, thought through in memory, and written with one transaction. An update that
cannot be read or handled is parked alone, sealed for the operator.

One that kills the process leaves no time for that. So after an unclean end the first updates are taken singly, each
behind a mark that is committed before it is looked at; the one that was in hand at two such ends is parked unread.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog

from bot.arrivals import Happened, Item, park
from bot.errands import CARD, EDIT, SEND, Errand
from bot.plan import CallbackAnswer, Plan
from bot.reading import FromApplicant, read
from bot.sightings import Sightings
from bot.suspects import ENDS, Suspects
from bot.turns import Turns
from storage import parking
from storage.engine import Engine
from storage.errors import StorageUnavailable
from storage.vault import Vault

log = structlog.get_logger()


class Post(Protocol):
    """What is handed over after the commit."""

    def accept(self, errands: Sequence[Errand]) -> None: ...
    def answer(self, answers: Sequence[CallbackAnswer]) -> None: ...
    def forget(self, person_id: str) -> None: ...


@dataclass(slots=True)
class Intake:
    """The one place where people's states change."""

    engine: Engine
    vault: Vault
    turns: Turns
    outbox: Post
    bot_name: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    answers_in_reply: bool = False  # by webhook, the answer to a press rides in the response
    on_parked: Callable[[], None] = lambda: None
    on_erased: Callable[[], None] = lambda: None
    on_cards: Callable[[], None] = lambda: None
    on_withdrawn: Callable[[], None] = lambda: None
    on_commit: Callable[[float], None] = lambda seconds: None
    sightings: Sightings = field(default_factory=Sightings)
    _queue: list[Item] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _closing: bool = False
    _has_ended: bool = False
    _suspects: Suspects | None = None  # while updates are taken singly

    # from outside

    async def take(self, batch: Sequence[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        """Handle raw updates; returns after the commit. By webhook: the answer for each response body.

        Raises StorageUnavailable when nothing could be written: then nothing may be acknowledged.
        """
        items = [self._put(update) for update in batch]
        results = await asyncio.gather(*(item.done for item in items))
        return {
            answer.update_id: {"method": "answerCallbackQuery", **answer.params()}
            for answer in results
            if answer
        }

    async def happen(self, happened: Happened) -> None:
        """An event from the machinery; returns after the commit."""
        await self._put(happened).done

    async def retake(self, update: dict[str, Any], errand_id: str, is_late: bool) -> None:
        """Read an update again that an errand has kept; `is_late`: too long, so that it is refused."""
        await self._put(update, errand_id, is_late=is_late).done

    async def retry(self, update: dict[str, Any], parked_id: str) -> str:
        """Take a parked update again; why it could not be handled this time either, or nothing."""
        item = self._put(update, parked_id=parked_id)
        await item.done
        return item.fault

    def _put(
        self,
        what: dict[str, Any] | Happened,
        errand_id: str = "",
        parked_id: str = "",
        is_late: bool = False,
    ) -> Item:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        item = Item(what, done, errand_id, is_late=is_late, parked_id=parked_id, came_at=loop.time())
        self._queue.append(item)
        if self._has_ended:
            self._fail([item], RuntimeError("the intake has ended"))
        self._wake.set()
        return item

    async def be_careful(self) -> None:
        """The last process ended uncleanly: take updates singly, until `trust`."""
        self._suspects = await Suspects.load(self.engine)

    async def trust(self) -> None:
        """All that may have been in hand at the unclean end is done."""
        suspects, self._suspects = self._suspects, None
        if suspects is not None:
            await suspects.clear()

    async def run(self) -> None:
        """Take what has come together, until `close` was called and the queue is empty."""
        while self._queue or not self._closing:
            await self._wake.wait()
            self._wake.clear()
            items, self._queue = self._queue, []
            if items:
                await self._handle_or_end(items)
            if self._suspects is not None and self._suspects.are_over:
                await self.trust()

    def close(self) -> None:
        """Finish what is in the queue, and end."""
        self._closing = True
        self._wake.set()

    async def _handle_or_end(self, items: list[Item]) -> None:
        """What nobody foresaw ends the intake, and whoever waits for it is not left waiting."""
        try:
            if self._suspects is None:
                await self._handle(items)
            else:
                for item in items:
                    await self._handle_carefully(item)
        except BaseException:
            self._has_ended = True
            self._fail([*items, *self._queue], RuntimeError("the intake has ended"))
            raise

    async def _handle_carefully(self, item: Item) -> None:
        """One item behind a mark that says it is in hand."""
        update_id, suspects = item.update_id, self._suspects
        if update_id is None or suspects is None:  # trust may come amid a batch
            await self._handle([item])
            return
        try:
            ends = await suspects.take_in_hand(update_id)
        except StorageUnavailable as error:
            self._fail([item], error)
            return
        if ends >= ENDS:
            item.fault = f"in hand at {ends} unclean ends"  # so nobody reads it
        await self._handle([item])
        suspects.done(update_id)

    async def _handle(self, items: list[Item]) -> None:
        try:
            plan = await self._think(items)
            began = asyncio.get_running_loop().time()
            await self.engine.write(plan.writer(self.vault))
            self.on_commit(asyncio.get_running_loop().time() - began)
        except StorageUnavailable as error:
            self._fail(items, error)
        except Exception as error:
            if (
                len(items) > 1 or not items[0].was_alone
            ):  # one of them breaks a constraint: each alone, once more
                for item in items:
                    item.was_alone = True
                    await self._handle([item])
            else:
                await self._park_last(items[0], error)
        else:
            self._committed(items, plan)

    def _fail(self, items: list[Item], error: Exception) -> None:
        for item in items:
            if not item.done.done():
                item.done.set_exception(error)
                item.done.exception()  # an awaiter that has gone is no warning

    async def _park_last(self, item: Item, error: Exception) -> None:
        """Even the writing failed for this one: keep it for the operator, and go on."""
        log.error("turn failed", action="park", error=type(error).__name__)
        plan = Plan(self.clock())
        self._park(item, f"{type(error).__name__} while writing", plan)
        try:
            await self.engine.write(plan.writer(self.vault))
        except Exception as worse:
            self._fail([item], worse)
        else:
            self._committed([item], plan)

    def _committed(self, items: list[Item], plan: Plan) -> None:
        for person_id in plan.erased:
            self.outbox.forget(person_id)
        if plan.erased:
            self.on_erased()
        if plan.erased or any(errand.kind == CARD for errand, _ in plan.errands):
            self.on_cards()
        if plan.has_withdrawals:
            self.on_withdrawn()
        for call in plan.first:
            call()
        self.outbox.accept([errand for errand, _ in plan.errands if errand.person_id not in plan.erased])
        waiting = (
            {item.update_id: item for item in items if not (item.errand_id or item.parked_id)}
            if self.answers_in_reply
            else {}
        )
        riding = {answer.update_id: answer for answer in plan.answers if answer.update_id in waiting}
        self.outbox.answer([answer for answer in plan.answers if answer.update_id not in riding])
        for item in items:
            if not item.done.done():
                item.done.set_result(
                    None if item.errand_id or item.parked_id else riding.get(item.update_id or 0)
                )
        for call in plan.after:
            call()

    # thinking

    async def _think(self, items: list[Item]) -> Plan:
        now = self.clock()
        for item in items:
            self._read(item)
        crowd = await self.turns.load(items)
        plan = Plan(now)
        for item in items:
            part = Plan(now)
            try:
                if item.fault and (item.parked_id or item.update_id not in crowd.seen):
                    self._park(item, item.fault, part)
                elif not item.fault:
                    self.turns.think(item, crowd, part)
            except StorageUnavailable:
                raise
            except Exception as error:  # it is parked alone; the next one is served
                log.exception("update parked", action="park", error=type(error).__name__)
                part = Plan(now)
                self._park(item, type(error).__name__, part)
            _time_reply(item, part)
            plan.merge(part)
        if plan.errands:
            plan.writes.append(self.sightings.keep)
            for errand, _ in plan.errands:  # whatever is sent for it will have a higher number
                errand.above = self.sightings.highest
        return plan

    def _read(self, item: Item) -> None:
        if isinstance(item.what, Happened) or item.reading or item.fault:
            return
        try:
            item.reading = read(item.what, self.bot_name)
        except Exception as error:
            log.exception("update cannot be read", action="park", error=type(error).__name__)
            item.fault = type(error).__name__

    def _park(self, item: Item, reason: str, plan: Plan) -> None:
        """Keep what could not be handled, sealed; its update counts as seen."""
        if isinstance(item.what, Happened):
            if item.what.errand_id:
                plan.finished.append(item.what.errand_id)
            return
        update_id = item.update_id
        raw = item.what
        item.fault = reason
        if item.parked_id:
            plan.writes.append(lambda tx: parking.park_again(tx, item.parked_id, reason[:200], plan.now))
            return
        if update_id is not None:
            plan.seen.append(update_id)
        if item.errand_id:
            plan.finished.append(item.errand_id)
        plan.writes.append(lambda tx: park(tx, self.vault, raw, update_id, reason, plan.now))
        plan.after.append(self.on_parked)


def _time_reply(item: Item, plan: Plan) -> None:
    """The first message to him that follows from what he did tells how long he waited for it."""
    if isinstance(item.reading, FromApplicant):
        for errand, _ in plan.errands:
            if errand.chat == item.reading.user_id and errand.kind in {SEND, EDIT}:
                errand.asked_at = item.came_at
                return
