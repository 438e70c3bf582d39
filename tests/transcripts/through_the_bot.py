"""A transcript through the whole bot: one real App against the local Telegram over a socket, a clock that is set."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.app import App
from bot.arrivals import Happened
from bot.people import People
from bot.plain import marked
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Chat, Message
from bot.sandbox.telegram import Answer
from bot.settings import Settings
from conversations.events import ErasureConfirmed
from conversations.keeping import due_at
from conversations.state import Applicant
from tests.bot.stage import read_once
from tests.cast import Cast, Group, Person
from tests.transcripts.changing import folder_after
from tests.transcripts.rehearse import START
from tests.transcripts.script import (
    HEARD,
    Buttons,
    Heard,
    Script,
    Step,
    as_text,
    find,
    gone,
    span,
    steady,
    typed,
    walk,
)
from tests.transcripts.sending import send

PATIENCE = 20.0  # seconds until a step that never ends is given up
ACCOUNTS = {"en": "en", "zh": "zh-hans"}


@dataclass(slots=True)
class Clock:
    """A clock that only moves when told."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@dataclass(slots=True)
class Theatre:
    """The local Telegram, the bot on it, and the reviewers; applicants come and go."""

    sandbox: Sandbox
    settings: Settings
    clock: Clock
    group: Group
    reviewers: dict[str, Person]
    app: App = field(init=False)
    added: int = 0  # the newest update there is
    taken: int = 0  # the newest update that was committed
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _running: "asyncio.Task[None] | None" = None

    async def start(self, programme: Path | None = None) -> None:
        """As a new process would, with another programme perhaps."""
        self.settings = self.settings.model_copy(update={"programme": programme})
        self._stop, opened = asyncio.Event(), asyncio.Event()
        self.sandbox.api.polling._last_offset = None  # who asks again so soon is made to wait three seconds

        async def serve() -> None:
            async with contextlib.AsyncExitStack() as stack:
                with read_once():
                    self.app = await stack.enter_async_context(App.open(self.settings, self.clock))
                _follow(self)
                # the count of what waits goes by the wall's clock, and is in no transcript
                self.app.counting.start = lambda: None  # type: ignore[method-assign]
                opened.set()
                await self.app.run(self._stop)

        self._running = asyncio.create_task(serve())
        waiting = asyncio.create_task(opened.wait())
        await asyncio.wait({self._running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._running.done():
            await self._running

    async def stop(self) -> None:
        self._stop.set()
        if self._running is not None:
            await self._running

    async def change(self, programme: Path | None) -> None:
        """The operator starts the bot anew with another programme."""
        await self.settle()
        await self.stop()
        await self.start(programme)

    async def settle(self) -> datetime | None:
        """Until every update is taken and nothing is to be sent; when the first errand that waits is due."""
        changes = self.sandbox.telegram.changes
        while True:
            await changes.until(lambda: self.taken >= self.added, PATIENCE)
            next_at = await asyncio.wait_for(self.app.outbox.settle(), PATIENCE)
            if self.taken >= self.added:
                return next_at

    async def wait(self, length: timedelta, person: Person) -> None:
        """Time passes; whatever becomes due happens on the way, in order."""
        end = self.clock.now + length
        while True:
            errand = await self.settle()
            who = await self.known(person)
            due = due_at(self.app.loaded.programme, who) if who else None
            moments = [moment for moment in (errand, due) if moment is not None and moment <= end]
            if not moments:
                break
            self.clock.now = max(self.clock.now, min(moments))
            await self.app.jobs.sweep()
        self.clock.now = end

    async def known(self, person: Person) -> Applicant | None:
        """What the bot keeps of a person."""
        people = People(self.app.engine, self.app.vault)
        crowd = await people.load([people.ref(person.id)], (), (), ())
        return next((found.applicant for found in crowd.by_id.values()), None)

    async def check_ledger(self) -> None:
        """What stands in it is what the people who are there agree to, and nothing of anybody who is gone."""
        people = People(self.app.engine, self.app.vault)
        rows = await self.app.engine.read(
            lambda tx: tx.fetchall("SELECT person_id, document FROM consents WHERE withdrawn_at IS NULL")
        )
        ids = await self.app.engine.read(lambda tx: tx.fetchall("SELECT person_id FROM people"))
        crowd = await people.load((), [row[0] for row in ids], (), ())
        agreed = {(one.person_id, key) for one in crowd.by_id.values() for key in one.applicant.agreed}
        assert {(row[0], row[1]) for row in rows} == agreed

    async def dismiss(self, person: Person) -> None:
        """Erase an applicant, so that nothing of his becomes due in the next play."""
        if who := await self.known(person):
            await self.app.intake.happen(Happened(ErasureConfirmed(), person_id=who.person_id))
        await self.settle()


@contextlib.asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Theatre]:
    """A theatre with an empty stage."""
    async with Sandbox.open(recording=False) as sandbox:
        cast = Cast(sandbox)
        group = cast.group()
        reviewers = {name: cast.reviewer(name, group, started=True) for name in ("Ana", "Ben")}
        settings = Settings(
            token=SecretStr(sandbox.token),
            group=group.id,
            api_url=sandbox.url,
            data=folder / "data",
            status_port=0,
            limits="none",
            _env_file=None,
        )
        clock = Clock()
        theatre = Theatre(sandbox, settings, clock, group, reviewers)

        def added(update: Any) -> None:
            theatre.added = update.id

        sandbox.telegram.queue.added.append(added)
        await theatre.start()
        yield theatre
        await theatre.stop()


def _follow(theatre: Theatre) -> None:
    """Note which updates were committed."""
    telegram, take = theatre.sandbox.telegram, theatre.app.receiving.take

    async def taking(batch: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        answers = await take(batch)
        theatre.taken = max(theatre.taken, *(update["update_id"] for update in batch))
        telegram.changes.happened()
        return answers

    theatre.app.receiving.take = taking  # type: ignore[method-assign]


@dataclass(slots=True)
class Seen:
    """What stands in a chat, by message: how often it was edited."""

    chat: Chat
    edits: dict[int, int] = field(default_factory=dict)
    photos: set[int] = field(default_factory=set)
    notices: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, chat: Chat) -> "Seen":
        mine = [one for one in chat.messages if one.from_bot]
        photos, notices = ({one.id for one in mine if is_kind(one)} for is_kind in (has_photo, is_notice))
        return cls(chat, {one.id: one.edits for one in mine}, photos, notices)

    def new(self) -> list[Message]:
        return [one for one in self.chat.messages if one.from_bot and one.id not in self.edits]

    def edited(self) -> list[Message]:
        return [one for one in self.chat.messages if self.edits.get(one.id, one.edits) != one.edits]

    def gone(self, *, photos: bool = False, notices: bool = False) -> int:
        of = self.photos if photos else self.notices if notices else self.edits.keys()
        return len(of - self.chat.by_id.keys())


class Play:
    """Plays the steps of one transcript with an applicant of its own."""

    def __init__(self, theatre: Theatre, script: Script) -> None:
        self._theatre = theatre
        self._script = script
        cast = Cast(theatre.sandbox)
        others = (*theatre.reviewers, "time", "programme")
        names = [step.who for step in script.steps if step.who not in others]
        self._changes: tuple[str, ...] = ()
        self._applicant = cast.applicant(names[0], ACCOUNTS[script.language])
        self._place = ""
        self._cards: dict[int, tuple[Buttons, Buttons]] = {}  # by message: as they read, and before that

    async def play(self) -> Script:
        """The same script with what was really heard."""
        steps = [
            Step(step.line, step.who, step.verb, step.what, await self.do(step))
            for step in self._script.steps
        ]
        await self._theatre.check_ledger()
        await self._theatre.dismiss(self._applicant)
        await self._theatre.check_ledger()
        if self._changes:
            await self._theatre.change(None)
        return Script(self._script.title, self._script.language, steps, self._script.whole)

    async def do(self, step: Step) -> list[Heard]:
        if step.verb == "is at":
            return await self._walk(step)
        private, group = Seen.of(self._applicant.chat), Seen.of(self._theatre.group.chat)
        reviewers = [Seen.of(person.chat) for person in self._theatre.reviewers.values()]
        answer = await self._act(step)
        heard = [Heard("bot", text_of(one)) for one in private.new()]
        heard += [Heard("edited", text_of(one)) for one in private.edited()]
        heard += [
            Heard("reviewer", text_of(one)) for chat in reviewers for one in chat.new() if not is_form(one)
        ]
        heard += [Heard("form", text_of(one)) for chat in reviewers for one in chat.new() if is_form(one)]
        heard += [Heard("form", text_of(one)) for chat in reviewers for one in chat.edited()]
        heard += [
            Heard("card", text_of(one)) for one in (*group.edited(), *group.new()) if not is_notice(one)
        ][-1:]
        heard += [Heard("notice", text_of(one)) for one in group.new() if is_notice(one)]
        photos = sum(chat.gone(photos=True) for chat in reviewers)
        forms = sum(chat.gone() for chat in reviewers) - photos
        notices = group.gone(notices=True)
        removed = gone(private.gone(), photos, forms, group.gone() - notices, notices)
        heard += [Heard("gone", removed)] if removed else []
        heard += answered(answer)
        self._remember_cards()
        return sorted(heard, key=lambda one: HEARD.index(one.where))

    async def _walk(self, step: Step) -> list[Heard]:
        heard: list[Heard] = []
        for one in walk(step, self._script.language, self._place):
            heard = await self.do(one)
        self._place = step.what
        return heard

    def _remember_cards(self) -> None:
        for message in self._theatre.group.messages:
            if message.from_bot:
                now, before = self._cards.get(message.id, ([], []))
                buttons = buttons_of(message)
                self._cards[message.id] = (buttons, before if buttons == now else now)

    async def _act(self, step: Step) -> Answer | None:
        person = self._theatre.reviewers.get(step.who, self._applicant)
        match step.verb:
            case "" if step.who == "time":
                await self._theatre.wait(span(step.what), self._applicant)
            case "" if step.who == "programme":
                self._changes = (*self._changes, step.what)
                await self._theatre.change(folder_after(self._changes))
            case "types":
                person.say(typed(step.what))
            case "edits":
                mine = [one for one in person.chat.messages if one.sender_id == person.id and one.text]
                person.edit(mine[-1], step.what)
            case "sends":
                send(person, step.what)
            case "presses on the card":
                if not self._theatre.group.chat.member(person.id).present:
                    person.join(self._theatre.group)
                return await self._press_card(person, step.what)
            case "opens the photo":
                return await self._follow(person, "View ID")
            case "opens":
                return await self._follow(person, step.what)
            case "presses on the form":
                form = form_of(person)
                _, data = find([(form, buttons_of(form))], step.what)
                return await self._press(person, form, data)
            case "writes":
                person.say(typed(step.what), person.chat, reply_to=form_of(person))
            case verb if step.who in self._theatre.reviewers:
                return await self._press_card(person, step.what, old=verb == "presses old")
            case verb:
                shown = [(one, buttons_of(one)) for one in person.chat.messages if one.from_bot]
                message, data = find(shown, step.what, old=verb == "presses old")
                return await self._press(person, message, data)
        await self._theatre.settle()
        return None

    async def _follow(self, person: Person, label: str) -> Answer:
        """Press a button of the card, and follow the link that opens."""
        answer = await self._press_card(person, label)
        if answer.url:
            person.start(answer.url.partition("start=")[2])
            await self._theatre.settle()
        return answer

    async def _press_card(self, person: Person, label: str, *, old: bool = False) -> Answer:
        posts = self._theatre.group.chat.newest_first()
        card = next(one for one in posts if one.from_bot and not is_notice(one))
        now, before = self._cards[card.id]
        message, data = find([(card, before if old else now)], label)
        return await self._press(person, message, data)

    async def _press(self, person: Person, message: Message, data: str) -> Answer:
        press = person.press_data(message, data)
        await self._theatre.settle()
        return await person.answer_to(press)


# what is heard


def answered(answer: Answer | None) -> list[Heard]:
    """What the one who pressed sees of it."""
    if answer is not None and answer.url:
        return [Heard("toast", "(the chat with the bot opens)")]
    if answer is None or not answer.text:
        return []
    return [Heard("alert" if answer.show_alert else "toast", steady(answer.text))]


def has_photo(message: Message) -> bool:
    return bool(message.photo)


def is_notice(message: Message) -> bool:
    """Whether that message in the group says that an applicant has written; a card never begins so."""
    return message.text.startswith("💬")


def is_form(message: Message) -> bool:
    """Whether that message in a reviewer's chat is a form; notes and photos have no buttons."""
    return bool(message.buttons)


def form_of(person: Person) -> Message:
    """The form that stands in a reviewer's private chat."""
    return next(one for one in person.chat.newest_first() if one.from_bot and is_form(one))


def text_of(message: Message) -> str:
    """A message as the transcript writes it."""
    text = marked(message.text, quotes_of(message))
    if message.photo:
        text = f"(photo)\n{text}".strip()
    elif message.document:
        text = f"(file: {message.document['file_name']})"
    return steady(as_text(text, buttons_of(message)))


def quotes_of(message: Message) -> list[tuple[int, int]]:
    """Where quotations stand, in characters; Telegram counts in UTF-16 units."""
    units = message.text.encode("utf-16-le")

    def characters(offset: int) -> int:
        return len(units[: 2 * offset].decode("utf-16-le"))

    return [
        (characters(one["offset"]), characters(one["offset"] + one["length"]))
        for one in message.entities
        if one["type"] in ("blockquote", "expandable_blockquote")
    ]


def buttons_of(message: Message) -> Buttons:
    return [[(button.text, button.data or "") for button in row] for row in message.buttons]
