"""The one place that knows everyone: opens, wires, runs, closes in reverse."""

import asyncio
import contextlib
import dataclasses
import gc
import signal
import socket
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import structlog
from telegram.error import TelegramError

from bot import taken_back
from bot.auditing import Heads
from bot.backed_up import COMMAND as BACKED_UP
from bot.backed_up import BackedUp
from bot.backup_keeper import BackupKeeper
from bot.buttons import Signer
from bot.cards import Cards
from bot.carrying import Carrier
from bot.clock import TOLERANCE, Clock, steady
from bot.control import SOCKET, Control
from bot.counter import PAUSE, Counter
from bot.daily import Daily
from bot.deliveries import Deliveries
from bot.desk import Desk
from bot.erasing import DueErasure, OnePerson
from bot.errands import NOTE, Errand
from bot.escalation import Escalation
from bot.exported import COMMAND as EXPORTED
from bot.exported import Exported
from bot.flood import digest_fact
from bot.form_errands import FormErrands
from bot.forms import Forms
from bot.health import Health
from bot.intake import Intake
from bot.jobs import Jobs
from bot.keys import KeyChange, operator_key
from bot.messages import Messages
from bot.metrics import Metrics
from bot.mistakes import CannotStart
from bot.notices import Notices
from bot.outbox import Outbox
from bot.pacing import Pacing
from bot.parked import Parked
from bot.people import People
from bot.photo_errands import PhotoErrands
from bot.photos import Darkroom
from bot.posts import Posts
from bot.programmes import Loaded, gaps, load
from bot.proofreading import faults
from bot.queue import Queue
from bot.readings import Readings
from bot.receiving import Receiving
from bot.remains import CARD, FORM, PHOTO
from bot.repeating import Repeated
from bot.restoring import leftovers
from bot.retention import Periods
from bot.reviewers import Reviewers
from bot.roster import Roster
from bot.served_group import ServedGroup
from bot.settings import Settings
from bot.sightings import Sightings
from bot.standings import Standings
from bot.starting import find_group, open_data, present_group, who_am_i
from bot.stats_drawing import Drawing
from bot.stats_errands import StatsErrands
from bot.suspects import SERVING
from bot.topics import Topics
from bot.transport import Transport
from bot.turns import Turns
from bot.web import listen_on, serve_status, split_address
from bot.wording import Wording
from conversations import ProgrammeMistakes
from storage import facts, ledger
from storage.engine import Engine, Transaction
from storage.errors import StorageUnavailable
from storage.folder import DataLock
from storage.vault import Vault

log = structlog.get_logger()

SAY_AGAIN = 600.0  # seconds until the operators are told the same again

SetClock = Callable[[], datetime]  # a clock that somebody sets


class App:
    """A whole bot. `async with App.open(settings) as app: await app.run(stop)`."""

    def __init__(
        self,
        settings: Settings,
        loaded: Loaded,
        engine: Engine,
        vault: Vault,
        group: ServedGroup,
        transport: Transport,
        clock: SetClock | None,
    ) -> None:
        self.settings = settings
        self.transport = transport
        self._true_clock = Clock(transport.server_time)
        self.clock: SetClock = clock or self._true_clock
        self._steady: SetClock = clock or steady
        self.loaded = loaded
        self.engine = engine
        self.vault = vault
        self.group = group
        self.metrics = Metrics()
        self.sightings = Sightings()
        self.drained = asyncio.Event()
        self.health = Health(engine, transport, self.drained.is_set)
        self.outbox: Outbox
        self.intake: Intake
        self.receiving: Receiving
        self.readings: Readings
        self.jobs: Jobs
        self.counter: Counter
        self.counting: Repeated
        self.daily: Daily
        self.escalation: Escalation
        self.heads: Heads
        self.backups: BackupKeeper | None = None
        self.periods: Periods
        self.wording: Wording
        self.reviewers: Reviewers
        self.roster: Roster
        self.me: dict[str, Any] = {}
        self._doors: dict[str, socket.socket] = {}
        self._said: dict[str, float] = {}

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, settings: Settings, clock: SetClock | None = None) -> AsyncIterator["App"]:
        """Everything opened and wired, nothing received yet. Raises what is in MISTAKES.

        `clock` is given by who plays with time. All that can be wrong is found out before the first start writes
        anything.
        """
        loaded = load(settings.programme)
        if mistakes := faults(loaded):
            raise ProgrammeMistakes(mistakes)
        operator_key(settings)
        if not settings.is_first_start:
            with DataLock(settings.data):  # another process on this data is what to say first
                pass
        async with contextlib.AsyncExitStack() as stack:
            doors = _listen(settings)
            for door in doors.values():
                stack.callback(door.close)
            transport = Transport(settings.token.get_secret_value(), settings.api_url)
            await transport.initialize()
            stack.push_async_callback(transport.shutdown)
            me = await who_am_i(transport, settings)
            found = None
            if settings.is_first_start:
                found = await find_group(transport, settings, settings.group, me)
                if found[1]:
                    raise CannotStart(found[1])
            engine, vault, applied = await stack.enter_async_context(open_data(settings))
            for path in leftovers(settings):
                log.warning(
                    f"{path} holds the data from before a restore, which deletions do not reach; delete it",
                    action="kept_aside",
                )
            # what is agreed to from now on are the texts just loaded: these are all there can be besides
            former = await engine.read(ledger.former_texts)
            programme = loaded.programme.model_copy(update={"former": former})
            loaded = dataclasses.replace(loaded, programme=programme)
            chat = await present_group(engine, settings.group)
            found = found or await find_group(transport, settings, chat, me)
            group = ServedGroup(engine, settings.group, chat, found)
            await group.remember()
            app = cls(settings, loaded, engine, vault, group, transport, clock)
            app.me, app._doors = me, doors
            darkroom = await stack.enter_async_context(Darkroom())
            app._wire(darkroom)
            await app.roster.load()
            for name in applied:
                log.info("migrated", action="migrate", name=name)
            yield app

    def _wire(self, darkroom: Darkroom) -> None:
        programme = self.loaded.programme
        signer = Signer(self.vault.button_keys, lambda: self.clock().timestamp())
        people = People(self.engine, self.vault)
        self.wording = Wording(self.loaded, signer, self.clock)
        self.reviewers = Reviewers(programme.review)
        self.roster = Roster(self.engine, self.vault)
        pacing = Pacing(self.settings.limits)
        pacing.begin(self.group.chat_id, asyncio.get_running_loop().time())
        self.outbox = Outbox(
            self.engine,
            self.vault,
            self.transport,
            pacing,
            self.metrics,
            programme.review.undo_seconds,
            self.clock,
            self._steady,
            self.sightings,
        )
        cards = Cards(programme, self.wording, signer)
        queue = Queue(self.engine, people, programme, lambda: self.group.chat_id, self.clock)
        messages = Messages(self.transport, self.sightings)
        posts = Posts(self.engine, messages, self.sightings)
        self.topics = Topics(
            self.engine, self.vault, self.transport, self.wording, self.outbox.accept, self.trouble
        )
        self.counter = Counter(
            self.engine,
            self.vault,
            queue,
            self.wording,
            messages,
            posts,
            self.topics,
            self.transport,
            lambda: self.group.chat_id,
            self.clock,
            self.outbox.accept,
        )
        self.counting = Repeated(self.counter.look, PAUSE)
        self.daily = Daily(
            self.engine,
            self.vault,
            queue,
            self.wording,
            posts,
            self.topics,
            lambda: self.group.chat_id,
            self.clock,
            self.outbox.accept,
        )
        self.escalation = Escalation(
            self.engine, self.vault, queue, lambda: self.group.chat_id, self.outbox.accept
        )
        photos = PhotoErrands(
            self.engine,
            self.vault,
            programme,
            self.wording,
            self.transport,
            messages,
            darkroom,
            self.clock,
        )
        stats = StatsErrands(self.engine, self.loaded, self.wording, messages, self.clock, Drawing())
        forms = FormErrands(
            self.engine,
            self.vault,
            people,
            self.wording,
            Forms(programme, self.wording, signer),
            messages,
            self.clock,
        )
        notices = Notices(
            self.engine,
            self.vault,
            people,
            self.wording,
            posts,
            lambda: self.group.chat_id,
            self.clock,
        )
        standings = Standings(self.transport, self.reviewers, lambda: self.group.chat_id, self.clock)
        deliveries = Deliveries(
            self.engine,
            self.vault,
            people,
            self.wording,
            cards,
            Desk(queue, self.wording),
            self.counter,
            self.daily,
            messages,
            photos,
            stats,
            forms,
            notices,
            standings,
            self.topics,
            lambda: self.group.chat_id,
            self.clock,
        )
        carrier = Carrier(
            programme,
            self.wording,
            people,
            self.vault,
            signer,
            self.me["username"],
            lambda: self.group.chat_id,
            self.outbox.accept,
            self.outbox.drop,
            self.trouble,
        )
        turns = Turns(
            people,
            programme,
            self.wording,
            signer,
            self.reviewers,
            self.roster,
            self.outbox,
            carrier,
            lambda: self.group.chat_id,
            self.trouble,
            self._let_in,
            self.metrics.count,
        )
        self.intake = Intake(
            self.engine,
            self.vault,
            turns,
            self.outbox,
            self.me["username"],
            self.clock,
            answers_in_reply=self.settings.webhook_url is not None,
            on_parked=lambda: self.metrics.count("updates_parked_total"),
            on_commit=lambda seconds: self.metrics.observe("commit_seconds", seconds),
            sightings=self.sightings,
        )
        self.readings = Readings(
            self.engine, self.outbox, self.settings.database, self.clock, self._true_clock, self.metrics
        )
        self.receiving = Receiving(
            self.settings,
            self.transport,
            self.engine,
            self.vault,
            self.intake,
            self.sightings,
            self.health,
            self.metrics,
            self.drained,
            self.clock,
        )
        self.periods = Periods(self.engine, people, programme, self.intake.happen, self.clock)
        self.heads = Heads(self.engine, self.vault, self.settings.operators, self.outbox.accept, self.clock)
        self.jobs = Jobs(
            self.engine,
            self.intake,
            lambda: self.drained.is_set() and self.periods.is_over,
            self._look_at_clock,
            self.clock,
            self.outbox.take_up,
            self._publish,
        )
        if self.settings.backups is not None:
            self.backups = BackupKeeper(self.engine, self.settings.backups, self.trouble, self.clock)
            self.intake.on_withdrawn = self.backups.look_soon
        self.intake.on_erased = self._erased
        self.intake.on_cards = self.counting.soon
        self.outbox.trying.performer = deliveries
        self.outbox.on_group_moved = self.group.move
        self.group.outbox, self.group.reviewers = self.outbox, self.reviewers
        self.group.on_trouble = self.trouble
        self.outbox.on_trouble = self.trouble
        deliveries.happen = photos.happen = self.intake.happen
        standings.retake = self.intake.retake
        deliveries.is_erased = photos.is_erased = forms.is_erased = self.outbox.is_erased
        deliveries.accept = photos.accept = forms.accept = self.outbox.accept
        deliveries.checkpoint = self.jobs.checkpoint_soon
        deliveries.on_remains = self._remains

    # running

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`; then finish or keep everything that was accepted."""
        killed = await self.engine.write(_begun)
        if killed:
            log.warning("the last end was unclean; the first updates are taken singly", action="careful")
            await self.intake.be_careful()
        await self._serve(stop, killed)
        with contextlib.suppress(StorageUnavailable):
            await self.engine.write(lambda tx: facts.drop(tx, SERVING))

    async def _serve(self, stop: asyncio.Event, killed: bool) -> None:
        intake = asyncio.create_task(self.intake.run())
        chat = self.group.chat_id
        await self.sightings.remember(self.engine)
        has_digest = await self.engine.read(lambda tx: facts.get(tx, digest_fact(chat))) is not None
        noted = await self.engine.read(taken_back.noted)
        # before a press of a reviewer, or the end of a time to undo, can follow from what he has taken back: of both,
        # some may wait among the errands
        await taken_back.end(self.engine, noted, self.intake.happen, self.trouble)
        await self.outbox.open(after_kill=killed, flooded=[chat] if has_digest else [])
        watch = asyncio.create_task(_until_broken({intake, *self.outbox.keepers}, stop))
        trust = asyncio.create_task(self._trust_when_drained())
        periods = asyncio.create_task(self._apply_periods())
        try:
            await self.group.take_as_found()
            await self._register_commands()
            self.counting.start()
            async with contextlib.AsyncExitStack() as stack:
                parked = Parked(self.engine, self.vault, self.clock, self.intake)
                keys = KeyChange(self.engine, self.vault, self.settings, self.clock)
                due = DueErasure(self.engine, self.jobs.sweep, self.clock)
                person = OnePerson(self.engine, self.intake.happen)
                handlers = {"status": self._status, "stop": _stopper(stop)}
                handlers |= {
                    "parked_list": parked.list,
                    "parked_drop": parked.drop,
                    "parked_retry": parked.retry,
                    "key_change": keys.begin,
                    "key_look": keys.look,
                    "erase_due": due.begin,
                    "erase_due_look": due.look,
                    "erase_look": person.look,
                    "erase": person.erase,
                    BACKED_UP: BackedUp(self.engine, self.clock).enter,
                    EXPORTED: Exported(self.engine, self.clock).enter,
                }
                await stack.enter_async_context(Control(self.settings.data / SOCKET, handlers))
                health = await stack.enter_async_context(self.health)
                if door := self._doors.get("status"):
                    await stack.enter_async_context(
                        serve_status(door, health.why_ill, health.why_not_ready, self.metrics)
                    )
                await stack.enter_async_context(self.jobs)
                health.watch(intake, *self.outbox.keepers, *self.jobs.keepers)
                if self.backups is not None:
                    self.backups.start()
                    health.watch(*self.backups.keepers)
                whose = {"bot": self.me["username"], "group": self.group.chat_id}
                await self.receiving.run(stop, self._doors.get("webhook"), whose)
            if watch.done():
                watch.result()
        finally:
            watch.cancel()
            trust.cancel()
            periods.cancel()
            self.counting.stop()
            await self.outbox.close()  # while the intake still takes the results of what is in flight
            self.intake.close()
            try:
                await intake
            finally:
                if self.backups is not None:  # as the last: until here somebody may have been erased
                    await self.backups.finish()

    async def _trust_when_drained(self) -> None:
        await self.drained.wait()
        await self.intake.trust()

    async def _apply_periods(self) -> None:
        """Only when what waited in Telegram is handled: an answer there may have saved its draft."""
        await self.drained.wait()
        try:
            await self.periods.run()
        except Exception as error:
            log.exception("periods not applied", action="retention_changed")
            self.trouble(
                f"nothing goes by itself any more: the retention periods could not be applied ({type(error).__name__})"
            )

    async def _register_commands(self) -> None:
        """The command menu, per language and scope; a refusal does not stop the start."""
        programme = self.loaded.programme
        calls = []
        for place, language in enumerate(programme.languages):
            code = {} if place == 0 else {"language_code": language}
            menu = self.wording.command_menu(language)
            calls.append({"commands": menu, "scope": {"type": "all_private_chats"}, **code})
        menu = self.wording.command_menu(programme.review.language, "reviewer_commands")
        calls.append({"commands": menu, "scope": {"type": "chat", "chat_id": self.group.chat_id}})
        for call in calls:
            try:
                await self.transport.call("setMyCommands", call)
            except TelegramError as error:
                log.warning("commands not registered", action="commands", error=type(error).__name__)

    async def _publish(self) -> None:
        """What is told by the clock. Reviewers are told when what waited in Telegram is handled."""
        await self.heads.publish()
        if self.drained.is_set():
            await self.escalation.look()
            await self.daily.look()

    # what others ask of it

    def _let_in(self) -> None:
        """The bot is in the group, perhaps with other rights than before."""
        self.topics.look_anew()
        self.outbox.spawn(self.group.post_missing_cards())
        self.counter.look_anew()
        self.counting.soon()

    def _erased(self) -> None:
        """Somebody was: nothing of him may stand anywhere for long."""
        self.jobs.checkpoint_soon()
        if self.backups is not None:
            self.backups.look_soon()

    def _remains(self, counts: dict[str, int]) -> None:
        """Something of an erased person stays in Telegram. What others see of him can be removed by hand."""
        for kind, count in counts.items():
            self.metrics.count("erasure_remains_total", count, kind=kind)
        said = ", ".join(f"{kind}: {count}" for kind, count in counts.items())
        log.warning(f"after an erasure, not removed from Telegram: {said}", action="remains")
        if counts.keys() & {CARD, FORM, PHOTO}:
            where = "cards stand in the reviewers' group, photos and forms in reviewers' private chats"
            self.trouble(
                f"after an erasure, not removed from Telegram: {said}; {where}: have them deleted by hand"
            )

    def trouble(self, line: str) -> None:
        """Tell the operators: the log, the metrics, and, once in a while, their chat where one is set."""
        log.error(line, action="trouble")
        self.metrics.count("troubles_total")
        now = asyncio.get_running_loop().time()
        if self.settings.operators and now - self._said.get(line, -SAY_AGAIN) >= SAY_AGAIN:
            self._said = {one: at for one, at in self._said.items() if now - at < SAY_AGAIN} | {line: now}
            self.outbox.accept([Errand(NOTE, self.settings.operators, None, {"text": line, "plain": True})])

    def _look_at_clock(self) -> None:
        """Tell the operators when this machine's clock is not Telegram's, by which the bot then goes."""
        if abs(self._true_clock.error()) > TOLERANCE.total_seconds():
            self.trouble(
                "this machine's clock is minutes off Telegram's, which is used instead; set it right"
            )

    async def _status(self, request: dict[str, Any]) -> dict[str, Any]:
        return await self.readings.status(self.me["username"], self.group.chat_id)


def _listen(settings: Settings) -> dict[str, socket.socket]:
    """The ports this deployment needs, taken. Raises PortInUse."""
    doors = {}
    if settings.webhook_url is not None:
        doors["webhook"] = listen_on(*split_address(settings.listen))
    if settings.status_port:
        doors["status"] = listen_on("127.0.0.1", settings.status_port)
    return doors


async def _until_broken(tasks: set[asyncio.Task[None]], stop: asyncio.Event) -> None:
    """These run as long as the bot. Should one end, the bot stops, and whoever watches the process starts it anew."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    log.error("a part of the bot has ended; stopping", action="broken")
    stop.set()
    for task in done:
        task.result()
    raise RuntimeError("a part of the bot ended before its time")


def _begun(tx: Transaction) -> bool:
    """Note that the bot serves; whether an earlier process did, and did not say that it ended."""
    unclean = facts.get(tx, SERVING) is not None
    facts.put(tx, SERVING, "yes")
    return unclean


def _stopper(stop: asyncio.Event) -> Any:
    async def handle(request: dict[str, Any]) -> dict[str, Any]:
        stop.set()
        return {"stopping": True}

    return handle


async def serve(settings: Settings) -> None:
    """A bot until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        opening = asyncio.ensure_future(stack.enter_async_context(App.open(settings)))

        def end() -> None:
            stop.set()
            opening.cancel()  # it may wait for Telegram

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, end)
        try:
            app = await opening
        except asyncio.CancelledError:
            log.info("stopped before it served", action="stopped")
            return
        for gap in gaps(app.loaded.programme):
            log.warning(str(gap), action="to_decide")
        # What is loaded by now stays for ever: looking through it for garbage again and again is wasted work.
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 50)
        await app.run(stop)
    log.info("stopped", action="stopped")


def run(settings: Settings) -> int:
    """`intake run`: the exit status."""
    asyncio.run(serve(settings))
    return 0
