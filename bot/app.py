"""The one place that knows everyone: opens, wires, runs, closes in reverse."""

import asyncio
import contextlib
import dataclasses
import gc
import signal
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from telegram.error import InvalidToken, TelegramError

from bot.arrivals import kind_of, park, place_of
from bot.auditing import Heads
from bot.backups import BackupKeeper
from bot.buttons import Signer
from bot.cards import Cards
from bot.carrying import Carrier
from bot.clock import TOLERANCE, Clock, steady, wall
from bot.control import SOCKET, Control
from bot.deliveries import Deliveries
from bot.erasing import DueErasure, OnePerson
from bot.errands import CARD, NOTE, Errand
from bot.exported import COMMAND as EXPORTED
from bot.exported import Exported
from bot.flood import digest_fact
from bot.health import Health
from bot.intake import Intake
from bot.jobs import Jobs
from bot.keys import KeyChange, operator_key
from bot.messages import Messages
from bot.metrics import Metrics, Reading
from bot.mistakes import CannotStart
from bot.outbox import Outbox
from bot.pacing import Pacing
from bot.parked import Parked
from bot.people import People
from bot.photo_errands import PhotoErrands
from bot.photos import Darkroom
from bot.programmes import Loaded, gaps, load
from bot.proofreading import faults
from bot.receiver import Polling, Webhook
from bot.restoring import leftovers
from bot.retention import Periods
from bot.reviewers import Reviewers
from bot.settings import Settings
from bot.sightings import Sightings, kept
from bot.starting import MOVED, find_group, open_data, present_group, who_am_i
from bot.suspects import SERVING
from bot.transport import Transport
from bot.turns import Turns
from bot.web import listen_on, serve_status, serve_webhook, split_address
from bot.wording import Wording
from conversations import ProgrammeMistakes
from storage import store
from storage.engine import Engine, Transaction
from storage.errors import StorageUnavailable
from storage.folder import DataLock
from storage.vault import Vault

log = structlog.get_logger()

SERVED = "group_served"  # the fact with the id of the group in which the bot was last
SAY_AGAIN = 600.0  # seconds until the operators are told the same again


@dataclass(slots=True)
class Group:
    """The reviewers' group, which may move once to a supergroup."""

    chat_id: int


SetClock = Callable[[], datetime]  # a clock that somebody sets


class App:
    """A whole bot. `async with App.open(settings) as app: await app.run(stop)`."""

    def __init__(
        self,
        settings: Settings,
        loaded: Loaded,
        engine: Engine,
        vault: Vault,
        group: Group,
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
        self.jobs: Jobs
        self.backups: BackupKeeper | None = None
        self.periods: Periods
        self.wording: Wording
        self.reviewers: Reviewers
        self.me: dict[str, Any] = {}
        self._doors: dict[str, socket.socket] = {}
        self._found = (group.chat_id, "")  # the group as it was found at the start
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
            former = await engine.read(store.former_texts)
            programme = loaded.programme.model_copy(update={"former": former})
            loaded = dataclasses.replace(loaded, programme=programme)
            group = Group(await present_group(engine, settings.group))
            app = cls(settings, loaded, engine, vault, group, transport, clock)
            app.me, app._doors = me, doors
            app._found = found or await find_group(transport, settings, group.chat_id, me)
            await app._remember_group()
            darkroom = await stack.enter_async_context(Darkroom())
            app._wire(darkroom)
            for name in applied:
                log.info("migrated", action="migrate", name=name)
            yield app

    def _wire(self, darkroom: Darkroom) -> None:
        programme = self.loaded.programme
        signer = Signer(self.vault.button_keys, lambda: self.clock().timestamp())
        people = People(self.engine, self.vault)
        self.wording = Wording(self.loaded, signer, self.clock)
        self.reviewers = Reviewers(programme.review)
        pacing = Pacing(self.settings.limits)
        self.outbox = Outbox(
            self.engine,
            self.vault,
            self.transport,
            pacing,
            self.metrics,
            programme.review.undo_seconds,
            self.clock,
            self._steady,
            self.sightings.keep,
        )
        cards = Cards(programme, self.wording, signer)
        messages = Messages(self.transport, self.sightings)
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
        deliveries = Deliveries(
            self.engine,
            self.vault,
            people,
            self.wording,
            cards,
            self.transport,
            messages,
            photos,
            self.reviewers,
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
            self.trouble,
        )
        turns = Turns(
            people,
            programme,
            self.wording,
            signer,
            self.reviewers,
            self.outbox,
            carrier,
            lambda: self.group.chat_id,
            self.trouble,
            lambda: self.outbox.spawn(self.post_missing_cards()),
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
            also=self.sightings.keep,
        )
        self.metrics.probe(self._look_at_work, self._look_at_data, self._look_at_files, self._look_at_process)
        self.periods = Periods(self.engine, people, programme, self.intake.happen, self.clock)
        heads = Heads(self.engine, self.vault, self.settings.operators, self.outbox.accept, self.clock)
        self.jobs = Jobs(
            self.engine,
            self.intake,
            lambda: self.drained.is_set() and self.periods.is_over,
            self._look_at_clock,
            self.clock,
            self.outbox.take_up,
            heads.publish,
        )
        if self.settings.backups is not None:
            self.backups = BackupKeeper(self.engine, self.settings.backups, self.trouble)
        self.intake.on_erased = self._erased
        self.outbox.performer = deliveries
        self.outbox.on_group_moved = self.move_group
        self.outbox.on_trouble = self.trouble
        deliveries.happen = photos.happen = self.intake.happen
        deliveries.retake = self.intake.retake
        deliveries.is_erased = photos.is_erased = self.outbox.is_erased
        deliveries.checkpoint = self.jobs.checkpoint_soon

    # running

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`; then finish or keep everything that was accepted."""
        killed = await self.engine.write(_begun)
        if killed:
            log.warning("the last end was unclean; the first updates are taken singly", action="careful")
            await self.intake.be_careful()
        await self._serve(stop, killed)
        with contextlib.suppress(StorageUnavailable):
            await self.engine.write(lambda tx: store.drop_fact(tx, SERVING))

    async def _serve(self, stop: asyncio.Event, killed: bool) -> None:
        intake = asyncio.create_task(self.intake.run())
        chat = self.group.chat_id
        self.sightings.see(0, await self.engine.read(kept))
        has_digest = await self.engine.read(lambda tx: store.get_fact(tx, digest_fact(chat))) is not None
        await self.outbox.open(after_kill=killed, flooded=[chat] if has_digest else [])
        watch = asyncio.create_task(_until_broken({intake, *self.outbox.keepers}, stop))
        trust = asyncio.create_task(self._trust_when_drained())
        periods = asyncio.create_task(self._apply_periods())
        try:
            await self._take_group_as_found()
            await self._register_commands()
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
                    await stack.enter_async_context(self.backups)
                    health.watch(*self.backups.keepers)
                await self._receive(stop)
            if watch.done():
                watch.result()
        finally:
            watch.cancel()
            trust.cancel()
            periods.cancel()
            await self.outbox.close()  # while the intake still takes the results of what is in flight
            self.intake.close()
            await intake

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

    async def _receive(self, stop: asyncio.Event) -> None:
        """By webhook or by polling, until told to stop. Raises CannotStart when the token is refused."""
        try:
            await (self._receive_deliveries(stop) if "webhook" in self._doors else self._poll(stop))
        except InvalidToken:
            raise CannotStart(
                "INTAKE_TOKEN: Telegram does not accept the token any more; was it revoked?"
            ) from None

    async def _receive_deliveries(self, stop: asyncio.Event) -> None:
        url, secret = str(self.settings.webhook_url), self.settings.webhook_secret
        assert secret is not None  # the settings see to it
        webhook = Webhook(self.transport, self.take, self.park, secret.get_secret_value())
        async with serve_webhook(self._doors["webhook"], url, webhook, self.metrics):
            try:
                await webhook.register(url)
            except InvalidToken:
                raise
            except TelegramError as error:
                raise CannotStart(f"INTAKE_WEBHOOK_URL: Telegram does not take {url} ({error})") from None
            self._say_started("receiving by webhook")
            draining = asyncio.create_task(webhook.drain(self.drained.set))
            await stop.wait()
            draining.cancel()

    async def _poll(self, stop: asyncio.Event) -> None:
        polling = Polling(
            self.transport, self.take, self.park, on_drained=self.drained.set, on_polled=self._polled
        )
        receiving = asyncio.create_task(polling.run())
        stopping = asyncio.create_task(stop.wait())
        self._say_started("receiving by polling")
        await asyncio.wait({receiving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        await polling.stop()
        await receiving

    def _polled(self, fault: str) -> None:
        self.health.polled(fault)
        if fault:
            self.metrics.count("polls_failed_total")

    def _say_started(self, line: str) -> None:
        log.info(line, action="started", bot=self.me["username"], group=self.group.chat_id)

    async def take(self, batch: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        for update in batch:
            self.metrics.count("updates_total", kind=kind_of(update))
            if place := place_of(update):
                self.sightings.see(*place)
        answers = await self.intake.take(batch)
        if answers:
            self.metrics.count("callback_answers_total", len(answers), outcome="in_response")
        return answers

    async def park(self, raw: bytes, reason: str) -> None:
        """Keep what was not even JSON."""
        at = self.clock()
        await self.engine.write(lambda tx: park(tx, self.vault, raw, None, reason, at))
        log.error("update parked", action="park", error=reason)
        self.metrics.count("updates_parked_total")

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

    # what others ask of it

    async def move_group(self, old: int, new: int) -> None:
        """The group became a supergroup: remember its id, and post every open card anew there."""
        if old != self.group.chat_id:
            return
        at_setting = f"{MOVED}:{self.settings.group}"
        await self.engine.write(lambda tx: store.put_fact(tx, at_setting, str(new)))  # else it is said again
        if old != self.group.chat_id:  # said twice meanwhile
            return
        self.group.chat_id = new
        self.reviewers.forget_all()
        self.outbox.move_lane(old, new)
        await self.post_missing_cards()
        self.trouble("the reviewers' group became a supergroup; its open cards are posted anew")

    async def _remember_group(self) -> None:
        """Raises CannotStart when the bot is not in the group and never was: the setting is wrong."""
        found, wrong = self._found
        known = await self.engine.read(lambda tx: store.get_fact(tx, SERVED))
        if wrong and known != str(found):
            raise CannotStart(wrong)
        if known != str(found):
            await self.engine.write(lambda tx: store.put_fact(tx, SERVED, str(found)))

    async def _take_group_as_found(self) -> None:
        """Applicants are served also while the bot is shut out of the group it served: cards wait for its return."""
        chat, wrong = self._found
        if wrong:
            self.trouble(wrong)
        if chat != self.group.chat_id:
            await self.move_group(self.group.chat_id, chat)
        else:
            await self.post_missing_cards()

    async def post_missing_cards(self) -> None:
        """Every open application has its card in the present group, or an errand that brings it there."""
        chat = self.group.chat_id
        missing = await self.engine.read(lambda tx: store.without_card(tx, chat))
        on_their_way = self.outbox.cards()
        self.outbox.accept(
            [
                Errand(CARD, chat, None, {"receipt": receipt, "anew": True, "pressed": []})
                for receipt, _ in missing
                if receipt not in on_their_way
            ]
        )

    def _erased(self) -> None:
        """Somebody was: nothing of him may stand anywhere for long."""
        self.jobs.checkpoint_soon()
        if self.backups is not None:
            self.backups.look_soon()

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

    async def _look_at_work(self) -> Reading:
        """What waits outside the database; this and the next are read when the metrics are asked for."""
        return {**self.outbox.look(), "clock_error_seconds": self._true_clock.error()}

    async def _look_at_data(self) -> Reading:
        counts, parked, oldest = await self.engine.read(
            lambda tx: (store.count_by_status(tx), store.count_parked(tx), store.oldest_waiting(tx))
        )
        return {
            "parked": parked,
            "applications": counts,
            "oldest_application_seconds": 0.0 if oldest is None else (self.clock() - oldest).total_seconds(),
        }

    async def _look_at_process(self) -> Reading:
        return {"open_files": sum(1 for _ in Path("/proc/self/fd").iterdir())}

    async def _look_at_files(self) -> Reading:
        database = self.settings.database
        files = {"main": database, "wal": database.with_name(f"{database.name}-wal")}
        return {
            "database_bytes": {name: path.stat().st_size for name, path in files.items() if path.exists()}
        }

    async def _status(self, request: dict[str, Any]) -> dict[str, Any]:
        counts = await self.engine.read(store.count_by_status)
        return {
            "bot": self.me["username"],
            "group": self.group.chat_id,
            "errands_waiting": self.outbox.waiting(),
            "applications": counts,
        }


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
    unclean = store.get_fact(tx, SERVING) is not None
    store.put_fact(tx, SERVING, "yes")
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


async def _migrate(settings: Settings) -> list[str]:
    async with open_data(settings) as (_, _, applied):
        return applied


def parked_at_rest(settings: Settings, command: str, **values: Any) -> dict[str, Any]:
    """`intake parked list` and `drop` while no bot runs on the data. Raises what is in MISTAKES."""
    if settings.is_first_start:
        raise CannotStart(f"there is no database in {settings.data}; has the bot ever run on this data?")

    async def work() -> dict[str, Any]:
        async with open_data(settings) as (engine, vault, _):
            parked = Parked(engine, vault, wall)
            return await {"list": parked.list, "drop": parked.drop}[command](values)

    return asyncio.run(work())


def change_key_at_rest(settings: Settings, tell: Callable[[int, int], None]) -> str:
    """`intake key rotate` while no bot runs; what the operator is to do. `tell`: done and total, again and again.

    Raises what is in MISTAKES.
    """
    if settings.is_first_start:
        raise CannotStart(f"there is no database in {settings.data}; has the bot ever run on this data?")

    async def work() -> str:
        async with open_data(settings) as (engine, vault, _):
            keys = KeyChange(engine, vault, settings, wall)
            look = await keys.begin({})
            while "error" not in look and not look["over"]:
                await asyncio.sleep(0.05)
                look = await keys.look({})
                tell(look.get("done", 0), look.get("total", 0))
            if "error" in look:
                raise CannotStart(look["error"])
            return str(look["say"])

    return asyncio.run(work())


def migrate_data(settings: Settings) -> list[str]:
    """`intake migrate`: what was applied."""
    return asyncio.run(_migrate(settings))
