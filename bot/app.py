"""The one place that knows everyone: opens, wires, runs, closes in reverse."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import structlog
from telegram.error import BadRequest, Forbidden, InvalidToken, TelegramError

from bot.buttons import Signer
from bot.cards import Cards
from bot.carrying import Carrier
from bot.control import Control
from bot.deliveries import Deliveries
from bot.errands import CARD, NOTE, Errand
from bot.intake import Intake, park
from bot.jobs import Jobs
from bot.metrics import Metrics
from bot.mistakes import CannotStart
from bot.outbox import Outbox
from bot.pacing import Pacing
from bot.people import People
from bot.photos import Darkroom
from bot.programmes import Loaded, load
from bot.receiver import Polling, Webhook
from bot.reviewers import Reviewers
from bot.settings import Settings
from bot.transport import Transport
from bot.web import serve_status, serve_webhook
from bot.wording import Wording
from storage import store
from storage.engine import Engine
from storage.errors import KeyDoesNotFit, StorageUnavailable
from storage.migrate import migrate
from storage.sqlite import DataLock, SQLite
from storage.vault import OperatorKey, Vault

log = structlog.get_logger()

DATABASE = "intake.sqlite"
SOCKET = "control.sock"
MOVED = "group_moved"


@dataclass(slots=True)
class Group:
    """The reviewers' group, which may move once to a supergroup."""

    chat_id: int


Clock = Callable[[], datetime]


def now() -> datetime:
    return datetime.now(UTC)


def operator_key(settings: Settings) -> OperatorKey:
    """The operator's key from the environment or its file; made on the first start."""
    if settings.key is not None:
        return OperatorKey.from_text(settings.key.get_secret_value())
    path = settings.key_path
    is_first_start = not (settings.data / DATABASE).exists()
    if not path.exists() and not is_first_start:
        raise CannotStart(
            f"the key file {path} is missing, and the data cannot be read without it; put it back"
        )
    return OperatorKey.from_file(path, create=is_first_start)


@contextlib.asynccontextmanager
async def open_data(settings: Settings) -> AsyncIterator[tuple[Engine, Vault, list[str]]]:
    """The database at the code's schema, and the vault whose key fits it; the migrations applied."""
    with DataLock(settings.data):
        vault = Vault(operator_key(settings))
        async with SQLite.open(settings.data / DATABASE) as engine:
            applied = await migrate(engine, files("storage") / "migrations")
            await check_key(engine, vault)
            yield engine, vault, applied


async def check_key(engine: Engine, vault: Vault) -> None:
    """The key's fingerprint is entered on the first start, and must fit from then on. Raises KeyDoesNotFit."""
    known = await engine.read(lambda tx: store.get_fact(tx, "key_fingerprint"))
    if known is None:
        await engine.write(lambda tx: store.put_fact(tx, "key_fingerprint", vault.fingerprint))
    elif known != vault.fingerprint:
        raise KeyDoesNotFit(
            "the operator's key is not the one this data was sealed with; put the right key back"
        )


async def who_am_i(transport: Transport, settings: Settings) -> dict[str, Any]:
    """The bot behind the token, asked before anything is written. Raises CannotStart in plain words."""
    try:
        me: dict[str, Any] = await transport.call("getMe", {})
    except InvalidToken:
        raise CannotStart(
            "INTAKE_TOKEN: Telegram refuses this token; copy it again from @BotFather"
        ) from None
    except TelegramError as error:
        raise CannotStart(
            f"INTAKE_API_URL: {settings.api_url} does not answer as a Bot API ({error})"
        ) from None
    return me


class App:
    """A whole bot. `async with App.open(settings) as app: await app.run(stop)`."""

    def __init__(
        self, settings: Settings, loaded: Loaded, engine: Engine, vault: Vault, group: Group, clock: Clock
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.loaded = loaded
        self.engine = engine
        self.vault = vault
        self.group = group
        self.metrics = Metrics()
        self.drained = asyncio.Event()
        self.transport: Transport
        self.outbox: Outbox
        self.intake: Intake
        self.jobs: Jobs
        self.wording: Wording
        self.reviewers: Reviewers
        self.me: dict[str, Any] = {}

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, settings: Settings, clock: Clock = now) -> AsyncIterator["App"]:
        """Everything opened and wired, nothing received yet. Raises CannotStart and what storage raises."""
        loaded = load(settings.programme)
        async with contextlib.AsyncExitStack() as stack:
            transport = Transport(settings.token.get_secret_value(), settings.api_url)
            await transport.initialize()
            stack.push_async_callback(transport.shutdown)
            me = await who_am_i(transport, settings)
            engine, vault, applied = await stack.enter_async_context(open_data(settings))
            moved = await engine.read(lambda tx: store.get_fact(tx, f"{MOVED}:{settings.group}"))
            app = cls(settings, loaded, engine, vault, Group(int(moved or settings.group)), clock)
            app.transport, app.me = transport, me
            await app._find_group()
            darkroom = await stack.enter_async_context(Darkroom())
            app._wire(darkroom)
            for name in applied:
                log.info("migrated", action="migrate", name=name)
            yield app

    async def _find_group(self) -> None:
        """Whether the group knows us. Raises CannotStart in plain words."""
        try:
            member = await self.transport.call(
                "getChatMember", {"chat_id": self.group.chat_id, "user_id": self.me["id"]}
            )
        except (BadRequest, Forbidden):
            raise CannotStart(
                f"INTAKE_GROUP: the bot is not in the group {self.group.chat_id}; add @{self.me['username']} to it"
            ) from None
        if member["status"] in {"left", "kicked"}:
            raise CannotStart(
                f"INTAKE_GROUP: the bot is no longer in the group {self.group.chat_id};"
                f" add @{self.me['username']} to it"
            )
        if member["status"] != "administrator":
            log.warning("the bot should be an administrator of the reviewers' group", action="not_admin")

    def _wire(self, darkroom: Darkroom) -> None:
        programme = self.loaded.programme
        signer = Signer(self.vault.button_key)
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
        )
        cards = Cards(programme, self.wording, signer)
        deliveries = Deliveries(
            self.engine,
            self.vault,
            people,
            programme,
            self.wording,
            cards,
            self.transport,
            darkroom,
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
        self.intake = Intake(
            self.engine,
            self.vault,
            people,
            programme,
            self.wording,
            signer,
            self.reviewers,
            self.outbox,
            carrier,
            self.me["username"],
            lambda: self.group.chat_id,
            self.clock,
            answers_in_reply=self.settings.webhook_url is not None,
            on_parked=lambda: self.metrics.count("updates_parked_total"),
        )
        self.jobs = Jobs(
            self.engine, self.intake, self.drained.is_set, lambda: True, self.clock, self.outbox.take_up
        )
        self.outbox.performer = deliveries
        self.outbox.on_group_moved = self.move_group
        self.outbox.on_trouble = self.trouble
        deliveries.happen = self.intake.happen
        deliveries.retake = self.intake.retake
        deliveries.is_erased = self.outbox.is_erased
        deliveries.checkpoint = self.jobs.checkpoint_soon

    # running

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`; then finish or keep everything that was accepted."""
        intake = asyncio.create_task(self.intake.run())
        await self.outbox.open()
        try:
            await self._register_commands()
            async with contextlib.AsyncExitStack() as stack:
                socket = Control(
                    self.settings.data / SOCKET, {"status": self._status, "stop": _stopper(stop)}
                )
                await stack.enter_async_context(socket)
                if self.settings.status_port:
                    await stack.enter_async_context(
                        serve_status(self.settings.status_port, self._ready, self.metrics)
                    )
                await stack.enter_async_context(self.jobs)
                await self._receive(stop)
        finally:
            self.intake.close()
            await intake
            await self.outbox.close()

    async def _receive(self, stop: asyncio.Event) -> None:
        """By webhook or by polling, until told to stop. Raises CannotStart when the token is refused."""
        settings = self.settings
        if settings.webhook_url is not None and settings.webhook_secret is not None:
            webhook = Webhook(
                self.transport, self.take, self.park, settings.webhook_secret.get_secret_value()
            )
            async with serve_webhook(settings.listen, str(settings.webhook_url), webhook):
                await webhook.register(str(settings.webhook_url))
                self.drained.set()
                log.info("receiving by webhook", action="started", bot=self.me["username"])
                await stop.wait()
            return
        polling = Polling(self.transport, self.take, self.park, on_drained=self.drained.set)
        receiving = asyncio.create_task(polling.run())
        stopping = asyncio.create_task(stop.wait())
        log.info("receiving by polling", action="started", bot=self.me["username"])
        await asyncio.wait({receiving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        await polling.stop()
        await receiving

    async def take(self, batch: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        self.metrics.count("updates_total", len(batch))
        return await self.intake.take(batch)

    async def park(self, raw: bytes, reason: str) -> None:
        """Keep what was not even JSON."""
        at = self.clock()
        await self.engine.write(lambda tx: park(tx, self.vault, raw, None, reason, at))
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
        self.group.chat_id = new
        self.reviewers.forget_all()
        at_setting = f"{MOVED}:{self.settings.group}"
        await self.engine.write(lambda tx: store.put_fact(tx, at_setting, str(new)))
        self.outbox.move_lane(old, new)
        receipts = await self.engine.read(store.open_receipts)
        self.outbox.accept(
            [Errand(CARD, new, None, {"receipt": receipt, "anew": True}) for receipt in receipts]
        )
        self.trouble("the reviewers' group became a supergroup; its open cards are posted anew")

    def trouble(self, line: str) -> None:
        """Tell the operators: the log, the metrics, and their chat where one is set."""
        log.error(line, action="trouble")
        self.metrics.count("troubles_total")
        if self.settings.operators:
            self.outbox.accept([Errand(NOTE, self.settings.operators, None, {"text": line, "plain": True})])

    async def _ready(self) -> str:
        """Empty when it can serve; otherwise why not."""
        try:
            await self.engine.read(lambda tx: store.get_fact(tx, "key_fingerprint"))
        except StorageUnavailable as error:
            return str(error)
        return "" if self.drained.is_set() else "the backlog is not drained yet"

    async def _status(self, request: dict[str, Any]) -> dict[str, Any]:
        counts = await self.engine.read(store.count_by_status)
        return {
            "bot": self.me["username"],
            "group": self.group.chat_id,
            "errands_waiting": self.outbox.waiting(),
            "applications": counts,
        }


def _stopper(stop: asyncio.Event) -> Any:
    async def handle(request: dict[str, Any]) -> dict[str, Any]:
        stop.set()
        return {"stopping": True}

    return handle


async def serve(settings: Settings) -> None:
    """A bot until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with App.open(settings) as app:
        await app.run(stop)
    log.info("stopped", action="stopped")


def run(settings: Settings) -> int:
    """`intake run`: the exit status."""
    asyncio.run(serve(settings))
    return 0


async def _migrate(settings: Settings) -> list[str]:
    async with open_data(settings) as (_, _, applied):
        return applied


def migrate_data(settings: Settings) -> list[str]:
    """`intake migrate`: what was applied."""
    return asyncio.run(_migrate(settings))
