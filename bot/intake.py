"""A batch of updates, one transaction: read, think, write, and only then acknowledge.

Whatever arrives (updates from Telegram, results of errands, the clock) goes through one queue. What has come
together is loaded with one read, thought through in memory, and written with one transaction. An update that
cannot be read or handled is parked alone, sealed for the operator.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog

from bot.buttons import Press, Signer, data_of, subject_of
from bot.carrying import Carrier
from bot.errands import MEMBER, NOTE, Errand, next_id
from bot.people import Crowd, People, Person, receipt_token
from bot.plan import CallbackAnswer, Plan
from bot.presses import applicant_event, review_event
from bot.reading import (
    COMMANDS,
    BotMoved,
    FromApplicant,
    FromReviewer,
    GroupMoved,
    GroupSaid,
    MemberChanged,
    Reachable,
    Reading,
    read,
)
from bot.reviewers import Reviewers
from bot.wording import Wording
from conversations import Programme, Scene, Turn, advance
from conversations.application import Reviewer
from conversations.effects import Erase, Say
from conversations.events import (
    REVIEW_PRESSES,
    CameEarly,
    Event,
    PhotoArrived,
    PhotoOpened,
    Started,
)
from storage import store
from storage.engine import Engine, Transaction
from storage.errors import StorageUnavailable
from storage.vault import Vault

log = structlog.get_logger()


class Dispatcher(Protocol):
    """What the intake needs of the outbox."""

    def accept(self, errands: Sequence[Errand]) -> None: ...
    def answer(self, answers: Sequence[CallbackAnswer]) -> None: ...
    def prompt_is_unsent(self, person_id: str) -> bool: ...
    def forget(self, person_id: str) -> None: ...
    def resume(self, person_id: str) -> None: ...
    def group_moved(self, old: int, new: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Happened:
    """An event from the machinery, for a person or for the one behind a receipt. `photo`: the picture it brings."""

    event: Event
    person_id: str = ""
    receipt: str = ""
    errand_id: str = ""
    photo: bytes = b""


@dataclass(slots=True)
class Item:
    """One thing in the queue, and whoever waits for its commit."""

    what: dict[str, Any] | Happened
    done: "asyncio.Future[CallbackAnswer | None]"
    errand_id: str = ""  # the errand this update was kept in
    reading: Reading | None = None
    fault: str = ""


@dataclass(slots=True)
class Intake:
    """The one place where people's states change."""

    engine: Engine
    vault: Vault
    people: People
    programme: Programme
    wording: Wording
    signer: Signer
    reviewers: Reviewers
    outbox: Dispatcher
    carrier: Carrier
    bot_name: str
    group: Callable[[], int]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    answers_in_reply: bool = False  # by webhook, the answer to a press rides in the response
    on_parked: Callable[[], None] = lambda: None
    _queue: list[Item] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _closing: bool = False

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

    async def retake(self, update: dict[str, Any], errand_id: str) -> None:
        """Read an update again that an errand has kept."""
        await self._put(update, errand_id).done

    def _put(self, what: dict[str, Any] | Happened, errand_id: str = "") -> Item:
        item = Item(what, asyncio.get_running_loop().create_future(), errand_id)
        self._queue.append(item)
        self._wake.set()
        return item

    async def run(self) -> None:
        """Take what has come together, until `close` was called and the queue is empty."""
        while self._queue or not self._closing:
            await self._wake.wait()
            self._wake.clear()
            items, self._queue = self._queue, []
            if items:
                await self._handle(items)

    def close(self) -> None:
        """Finish what is in the queue, and end."""
        self._closing = True
        self._wake.set()

    async def _handle(self, items: list[Item]) -> None:
        try:
            plan = await self._think(items)
            await self.engine.write(plan.writer(self.vault))
        except StorageUnavailable as error:
            self._fail(items, error)
        except Exception as error:
            if len(items) > 1:  # one of them breaks a constraint: each alone
                for item in items:
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
        self.outbox.accept([errand for errand, _ in plan.errands if errand.person_id not in plan.erased])
        waiting = (
            {_update_id(item): item for item in items if not item.errand_id} if self.answers_in_reply else {}
        )
        riding = {answer.update_id: answer for answer in plan.answers if answer.update_id in waiting}
        self.outbox.answer([answer for answer in plan.answers if answer.update_id not in riding])
        for item in items:
            if not item.done.done():
                item.done.set_result(None if item.errand_id else riding.get(_update_id(item) or 0))
        for call in plan.after:
            call()

    # thinking

    async def _think(self, items: list[Item]) -> Plan:
        now = self.clock()
        for item in items:
            self._read(item)
        crowd = await self._load(items)
        plan = Plan(now)
        for item in items:
            part = Plan(now)
            try:
                self._think_one(item, crowd, part)
            except StorageUnavailable:
                raise
            except Exception as error:  # it is parked alone; the next one is served
                log.exception("update parked", action="park", error=type(error).__name__)
                part = Plan(now)
                self._park(item, type(error).__name__, part)
            plan.merge(part)
        return plan

    def _read(self, item: Item) -> None:
        if isinstance(item.what, Happened) or item.reading or item.fault:
            return
        try:
            item.reading = read(item.what, self.bot_name)
        except Exception as error:
            item.fault = type(error).__name__

    async def _load(self, items: list[Item]) -> Crowd:
        refs: set[str] = set()
        ids: set[str] = set()
        receipts: set[str] = set()
        updates: set[int] = set()
        for item in items:
            if isinstance(item.what, Happened):
                (ids if item.what.person_id else receipts).add(item.what.person_id or item.what.receipt)
                continue
            if update_id := _update_id(item):
                updates.add(update_id)
            match item.reading:
                case FromApplicant(user_id=user_id, event=event):
                    refs.add(self.people.ref(user_id))
                    if isinstance(event, Started) and event.payload:
                        receipts.add(subject_of(data_of(event.payload)))
                case FromReviewer(data=data):
                    receipts.add(subject_of(data))
                case Reachable(user_id=user_id):
                    refs.add(self.people.ref(user_id))
        return await self.people.load(refs, ids, receipts - {""}, updates)

    def _think_one(self, item: Item, crowd: Crowd, plan: Plan) -> None:
        if item.errand_id:
            plan.finished.append(item.errand_id)
        if isinstance(item.what, Happened):
            self._happened(item.what, crowd, plan)
            return
        update_id = _update_id(item)
        if update_id is not None and not item.errand_id:
            if update_id in crowd.seen:
                return
            plan.seen.append(update_id)
            crowd.seen.add(update_id)
        if item.fault:
            self._park(item, item.fault, plan, mark=False)
            return
        match item.reading:
            case FromApplicant() as reading:
                self._applicant(reading, item, crowd, plan)
            case FromReviewer() as reading:
                self._reviewer(reading, item, crowd, plan)
            case Reachable() as reading:
                self._reachable(reading, crowd, plan)
            case GroupMoved(old=old, new=new):
                plan.after.append(lambda: self.outbox.group_moved(old, new))
            case MemberChanged(chat_id=chat_id, user_id=user_id, status=status):
                if chat_id == self.group():  # at once: the next press may stand in this very batch
                    self.reviewers.learn(user_id, status)
            case BotMoved() as reading:
                self._bot_moved(reading, plan)
            case GroupSaid(command=command, chat_id=chat_id) if (
                chat_id == self.group() and command in COMMANDS
            ):
                self._note(plan, chat_id, "reviewer_help_group")

    # applicants

    def _applicant(self, reading: FromApplicant, item: Item, crowd: Crowd, plan: Plan) -> None:
        if isinstance(reading.event, Started) and reading.event.payload:
            press = self.signer.read(reading.user_id, data_of(reading.event.payload))
            if press and press.verb == PhotoOpened.verb:
                self._open_photo(reading, press, item, crowd, plan)
                return
        ref = self.people.ref(reading.user_id)
        person = crowd.of_ref(ref)
        if person is None:
            language = self.wording.language_for(reading.language_code)
            person = self.people.meet(reading.user_id, language, crowd.barred.get(ref), plan.now)
        event = reading.event or applicant_event(
            self.signer.read(reading.user_id, reading.data, person.person_id), person.applicant
        )
        if reading.can_be_early and not _is_rest_of_album(event, person):
            if person.asked or self.outbox.prompt_is_unsent(person.person_id):
                return  # what he is asked is on its way, and will stand below what he wrote
            if person.prompt_message is not None and reading.message_id < person.prompt_message:
                event = CameEarly()
        if not person.reachable:
            plan.writes.append(lambda tx: store.set_reachable(tx, person.person_id, True))
            plan.after.append(lambda: self.outbox.resume(person.person_id))
            person.reachable = True
        self._turn(person, event, crowd, plan, reading)

    def _turn(
        self,
        person: Person,
        event: Event,
        crowd: Crowd,
        plan: Plan,
        reading: FromApplicant | FromReviewer | None,
    ) -> None:
        """Advance one person and note what is to be written and done."""
        pressed = bool(reading and reading.callback_id)
        scene = Scene(self.programme, person.applicant, plan.now, receipt_token(), pressed)
        turn = advance(scene, event)
        self.carrier.carry(person, turn, plan, reading)
        _remember(crowd, person, turn)

    # reviewers

    def _reviewer(self, reading: FromReviewer, item: Item, crowd: Crowd, plan: Plan) -> None:
        press = self.signer.read(reading.chat_id, reading.data) if reading.chat_id == self.group() else None
        person = crowd.of_receipt(press.subject) if press else None
        if press is None or person is None or press.verb not in REVIEW_PRESSES:
            log.warning("press refused", action="forged_press")
            self._answer(reading, plan, "forged")
            return
        if not self._may(reading.user_id, reading, item, plan):
            return
        by = Reviewer(ref=self.people.ref(reading.user_id), name=reading.name)
        self._turn(person, review_event(press, by, person.applicant.state), crowd, plan, reading)

    def _open_photo(self, reading: FromApplicant, press: Press, item: Item, crowd: Crowd, plan: Plan) -> None:
        """A reviewer came through View ID into his private chat."""
        person = crowd.of_receipt(press.subject)
        if not self._may(reading.user_id, reading, item, plan):
            return
        if person is None:
            self._note(plan, reading.user_id, "not_under_review", toast=True)
            return
        by = Reviewer(ref=self.people.ref(reading.user_id), name=reading.name)
        self._turn(person, PhotoOpened(by, chat_id=reading.user_id), crowd, plan, reading)

    def _may(self, user_id: int, reading: FromApplicant | FromReviewer, item: Item, plan: Plan) -> bool:
        """Whether he has the right; when that is unknown, the update is kept until Telegram has said."""
        may = self.reviewers.may(user_id)
        if may:
            return True
        if may is None and not item.errand_id:
            errand = Errand(MEMBER, 0, None, {"user_id": user_id, "raw": item.what})
            plan.errands.append((errand, None))
            return False
        log.warning("press refused", action="no_right")
        if reading.callback_id:
            self._answer(reading, plan, "no_right")
        else:
            self._note(plan, user_id, "no_right", toast=True)
        return False

    # the rest

    def _happened(self, happened: Happened, crowd: Crowd, plan: Plan) -> None:
        if happened.errand_id:
            plan.finished.append(happened.errand_id)
        person = crowd.by_id.get(happened.person_id) or crowd.of_receipt(happened.receipt)
        if person is None:
            return  # nobody waits for it any more
        scene = Scene(self.programme, person.applicant, plan.now, receipt_token())
        turn = advance(scene, happened.event)
        self.carrier.carry(person, turn, plan, None, happened.photo)
        _remember(crowd, person, turn)

    def _reachable(self, reading: Reachable, crowd: Crowd, plan: Plan) -> None:
        person = crowd.of_ref(self.people.ref(reading.user_id))
        if person is None:
            return
        person.reachable = reading.reachable
        plan.writes.append(lambda tx: store.set_reachable(tx, person.person_id, reading.reachable))
        if reading.reachable:
            plan.after.append(lambda: self.outbox.resume(person.person_id))

    def _bot_moved(self, reading: BotMoved, plan: Plan) -> None:
        log.warning("standing changed", action="bot_standing", status=reading.status)
        if reading.status in {"left", "kicked"}:
            return
        if reading.chat_id != self.group():
            self._note(plan, reading.chat_id, "group_hello", chat_id=reading.chat_id)
        elif reading.status != "administrator":
            self._note(plan, reading.chat_id, "group_needs_admin")

    def _answer(self, reading: FromApplicant | FromReviewer, plan: Plan, name: str) -> None:
        text = self.wording.toast(name, self.programme.review.language, {})
        plan.answers.append(CallbackAnswer(reading.update_id, reading.callback_id, text, alert=True))

    def _note(self, plan: Plan, chat: int, name: str, *, toast: bool = False, **values: Any) -> None:
        language = self.programme.review.language
        text = (
            self.wording.toast(name, language, values)
            if toast
            else self.wording.named(name, language, **values)
        )
        plan.errands.append((Errand(NOTE, chat, None, {"text": text, "plain": toast}), None))

    def _park(self, item: Item, reason: str, plan: Plan, *, mark: bool = True) -> None:
        """Keep what could not be handled, sealed; its update counts as seen."""
        if isinstance(item.what, Happened):
            if item.what.errand_id:
                plan.finished.append(item.what.errand_id)
            return
        update_id = _update_id(item)
        raw = item.what
        if mark and update_id is not None:
            plan.seen.append(update_id)
        if item.errand_id:
            plan.finished.append(item.errand_id)
        plan.writes.append(lambda tx: park(tx, self.vault, raw, update_id, reason, plan.now))
        plan.after.append(self.on_parked)


def park(
    tx: Transaction,
    vault: Vault,
    raw: dict[str, Any] | bytes,
    update_id: int | None,
    reason: str,
    now: datetime,
) -> None:
    """Store an update that nobody could handle, sealed for the operator."""
    parked_id = next_id()
    body = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    store.park(tx, parked_id, update_id, reason[:200], vault.seal(f"parked/{parked_id}", body), now)


def _remember(crowd: Crowd, person: Person, turn: Turn) -> None:
    """What the rest of the batch finds: the person as he now stands, or, when he was erased, nobody."""
    person.applicant = turn.applicant
    person.is_new = False
    person.asked = person.asked or any(isinstance(effect, Say) and effect.prompt for effect in turn.effects)
    crowd.add(person)
    for effect in turn.effects:
        if isinstance(effect, Erase):
            crowd.remove(person, effect.barred_until)


def _is_rest_of_album(event: Event, person: Person) -> bool:
    """A further picture of the album whose first one was taken: the dialogue passes it over."""
    return isinstance(event, PhotoArrived) and bool(event.album) and event.album == person.applicant.album


def _update_id(item: Item) -> int | None:
    update_id = item.what.get("update_id") if isinstance(item.what, dict) else None
    return update_id if isinstance(update_id, int) and not isinstance(update_id, bool) else None
