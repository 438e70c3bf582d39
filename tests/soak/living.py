"""People whose bot dies again and again: they answer what is asked, wait, and repeat what was not answered."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from bot.sandbox.deeds import press, text_content, write
from bot.sandbox.errors import Impossible
from bot.sandbox.state import Chat, Message, User
from bot.sandbox.telegram import Telegram
from tests.benchmarks.dialogue import Press, SendPhoto, Step, Write
from tests.benchmarks.people import data_of
from tests.soak.manners import QUESTION, Manner, flat

PATIENCE = 8.0  # seconds of the bot being up, until an act counts as lost
AFTERWARDS = 3.0  # seconds of the bot being up, in which what is asked next follows an answer
REPEATS = 2  # acts lost one after another, after which a person begins anew
TRIES = 4  # presses on one card that changed nothing, until a reviewer leaves it
Fate = Literal["", "withdraw", "erase"]


class Uptime:
    """How long the bot has been up, in all."""

    def __init__(self) -> None:
        self._before = 0.0
        self._since: float | None = None

    def begins(self) -> None:
        self._since = time.monotonic()

    def ends(self) -> None:
        self._before, self._since = self.seconds, None

    @property
    def seconds(self) -> float:
        return self._before + (time.monotonic() - self._since if self._since is not None else 0.0)


@dataclass(slots=True)
class Act:
    """Something a person did. `at` is time.monotonic(), `chat_id` where, `subject` whose card was pressed."""

    at: float
    chat_id: int
    what: str
    subject: str = ""
    is_word: bool = False  # something written or sent: each gets an answer of its own
    lost: str = ""  # what there was to see when patience ended
    update_id: int | None = None


@dataclass(slots=True)
class World:
    """What all of them share."""

    telegram: Telegram
    manner: Manner
    group: Chat
    photo: bytes
    rng: Random
    uptime: Uptime = field(default_factory=Uptime)
    acts: list[Act] = field(default_factory=list)
    thinking: float = 0.6  # seconds at most before each act
    erasure_wanted: bool = False

    async def think(self) -> None:
        await asyncio.sleep(self.rng.random() * self.thinking)

    async def until(self, look: Callable[[], Any], chat: Chat, seconds: float = PATIENCE) -> Any:
        """What `look` gives once it is true; None when the bot was up for so long without it."""
        end = self.uptime.seconds + seconds
        while (left := end - self.uptime.seconds) > 0:
            try:
                return await self.telegram.changes.until(look, max(left, 0.05), chat.id)
            except TimeoutError:
                continue
        return None

    def note(self, chat: Chat, what: str, subject: str = "", *, is_word: bool = False) -> Act:
        act = Act(time.monotonic(), chat.id, what, subject, is_word)
        self.acts.append(act)
        return act


class Applicant:
    """One person from /start to the end that fate has for him."""

    def __init__(self, world: World, user: User, fate: Fate) -> None:
        self.world = world
        self.user = user
        self.chat = world.telegram.chat(user.id)
        self.fate = fate
        self.end = ""  # approved, rejected, withdrawn, erased
        self._in_vain = 0  # acts lost one after another

    async def live(self) -> None:
        """Until his end; for ever when it does not come."""
        await self._act(Write("/start"), None)
        while True:
            await self.world.think()
            if self._is_over():
                return
            if self._is_submitted():
                await self._wait()
                continue
            message, step = self._asked() if self._in_vain < REPEATS else (None, None)
            await self._act(step or Write("/start"), message)

    def _is_over(self) -> bool:
        for message in self.chat.newest_first():
            if message.from_bot and (outcome := self._end_in(message)):
                self.end = outcome
                return self.fate != "erase" or outcome == "erased"
        return False

    def _end_in(self, message: Message) -> str:
        if self.world.manner.is_ours and "we kept about you is erased" in message.text:
            return "erased"
        if self.world.manner.is_ours and "is withdrawn." in message.text:
            return "withdrawn"
        return self.world.manner.outcome(message.text)

    def _is_submitted(self) -> bool:
        """Whether nothing is asked any more; a fate may be drawn for him here."""
        manner = self.world.manner
        for message in self.chat.newest_first():
            if message.from_bot and manner.subject_told(message.text, self.user):
                if self.world.erasure_wanted and not self.fate:
                    self.world.erasure_wanted, self.fate = False, "erase"
                return True
            if message.from_bot and manner.step_for(message):
                return False
        return False

    def _asked(self) -> tuple[Message | None, Step | None]:
        """The newest thing asked, unless something stands below it that takes its place."""
        for message in self.chat.newest_first():
            if not message.from_bot:
                continue
            step = self.world.manner.step_for(message)
            if step is not None:
                return message, step
            if QUESTION.search(message.text):
                break
        return None, None

    # the time after the receipt

    async def _wait(self) -> None:
        """For the decision, or do what his fate says."""
        if not self.fate:
            await self.world.telegram.changes.until(self._is_over, 3600, self.chat.id)
            return
        command, verb = ("/delete", "erase:") if self.fate == "erase" else ("/withdraw", "leave:")
        question = self._newest(lambda message: True)
        if question is None or not data_of(question, verb):  # not asked yet, or a decision came in between
            await self._act(Write(command), None, bool)
            patience = 1.0
        else:
            await self._act(Press(verb), question, bool)
            patience = 10.0  # the bot may be down: who writes meanwhile is somebody new, once he is erased
        if self.fate == "withdraw" and self._is_over():
            return
        await self.world.until(lambda: self._is_over() or self._newest_is(verb), self.chat, patience)

    def _newest(self, fits: Callable[[Message], bool]) -> Message | None:
        return next((one for one in self.chat.newest_first() if one.from_bot and fits(one)), None)

    def _newest_is(self, verb: str) -> bool:
        return self._newest(lambda message: bool(data_of(message, verb))) is not None

    # acting

    async def _act(
        self, step: Step, message: Message | None, fits: Callable[[Message], Any] | None = None
    ) -> None:
        """Do it and wait for what comes next: a later question, the receipt or the end. Without that it was lost."""
        manner = self.world.manner
        edits = {one.id: one.edits for one in self.chat.messages}
        done = manner.place_of(message) if message else 0
        pressed = None
        queue = self.world.telegram.witness.deliveries
        before = len(queue)
        match step:
            case Write(text=text):
                act = self.world.note(self.chat, text, is_word=True)
                self._send(text_content(text))
            case SendPhoto():
                act = self.world.note(self.chat, "a photo", is_word=True)
                self._send({"photo": self.world.telegram.files.persons_photo(self.world.photo)})
            case Press(data=data):
                assert message is not None
                act = self.world.note(self.chat, f"press {data}")
                try:
                    pressed = press(self.world.telegram, self.user, message, data_of(message, data))
                except Impossible:  # it went while he thought
                    self.world.acts.remove(act)
                    return
        if len(queue) > before:
            act.update_id = next(reversed(queue))

        def changed() -> list[Message]:
            return [
                one for one in self.chat.newest_first() if one.from_bot and one.edits != edits.get(one.id, -1)
            ]

        def follows() -> bool:
            return any(
                manner.place_of(one) > done
                or self._end_in(one)
                or manner.subject_told(one.text, self.user)
                or (fits and fits(one))
                for one in changed()
            )

        is_lost = not await self.world.until(follows, self.chat)
        self._in_vain = self._in_vain + 1 if is_lost else 0
        if is_lost:
            act.lost = (
                f"{[repr(one) for one in self.chat.messages[-3:]]}, answer {pressed and pressed.answer}"
            )

    def _send(self, content: dict[str, Any]) -> None:
        write(self.world.telegram, self.user, self.chat, content)


class Reviewers:
    """They look at every card with buttons: most are approved, some rejected, some undone and decided again."""

    def __init__(self, world: World, users: list[User]) -> None:
        self.world = world
        self._users = users
        self._in_hand: set[int] = set()
        self.left: set[int] = set()  # cards on which nothing helped
        self._undone: set[int] = set()
        self.undos = 0

    async def review(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for user in self._users:
                group.create_task(self._one(user))

    async def _one(self, user: User) -> None:
        while True:
            card = await self.world.telegram.changes.until(self._next, 3600, self.world.group.id)
            assert card is not None
            self._in_hand.add(card.id)
            try:
                await self._decide(user, card)
            finally:
                self._in_hand.discard(card.id)

    def _next(self) -> Message | None:
        for message in self.world.group.messages:
            if message.from_bot and message.id not in self._in_hand | self.left and _verb(message):
                return message
        return None

    async def _decide(self, user: User, card: Message) -> None:
        """Press what is to be pressed until the card has no buttons."""
        world, in_vain = self.world, 0
        undoes = world.manner.is_ours and world.rng.random() < 0.1 and card.id not in self._undone
        waits = world.rng.random() < 0.5
        while not card.deleted and (verb := _verb(card)):
            await world.think()
            if verb == "approve:" and world.rng.random() < 0.2:
                verb = "reject:"
            if verb == "undo:" and undoes:
                self._undone.add(card.id)
                self.undos += 1
                undoes = False
            elif verb == "undo:" and waits:
                waits = False
                await self._change(card)
                continue
            elif verb == "undo:":
                verb = "tell:"
            data = data_of(card, verb)
            if card.deleted or not data:
                continue
            if await self._press(user, card, data, verb):
                in_vain = 0
            elif (in_vain := in_vain + 1) == TRIES:
                self.left.add(card.id)
                return

    async def _change(self, card: Message) -> None:
        """Wait until the card changes by itself."""
        edits = card.edits
        await self.world.until(lambda: card.deleted or card.edits != edits, self.world.group)

    async def _press(self, user: User, card: Message, data: str, verb: str) -> bool:
        """Whether it changed the card."""
        world, edits = self.world, card.edits
        act = world.note(world.group, f"press {verb}", world.manner.subject_of(card.text))
        pressed = press(world.telegram, user, card, data)
        act.update_id = next(reversed(world.telegram.witness.deliveries))

        def changed() -> bool:
            return card.deleted or card.edits != edits

        def said() -> bool:
            return bool(pressed.answer is not None and pressed.answer.text)

        await world.until(lambda: changed() or said(), world.group)
        if said() and not changed():
            await world.until(changed, world.group, AFTERWARDS)
        if not said() and not changed():
            act.lost = f"{card!r}, answer {pressed.answer}"
        return changed()


def _verb(card: Message) -> str:
    """What can be pressed there; empty when nothing can."""
    seen = "\n" + flat(card)
    return next((verb for verb in ("approve:", "because:", "undo:") if f"\n{verb}" in seen), "")
