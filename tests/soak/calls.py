"""The bot dies at every single call of an application's life, and nobody has to do anything twice.

`python -m tests.soak calls`: one person applies, is rejected, that is undone, he is approved, asks for his data and
deletes everything. Each call of the bot is struck once by SIGKILL: after Telegram has acted on it and before the
answer leaves, or before Telegram acts on it. The people go on at once by what they see, also while nobody serves
them; a repeat is a loss. The bot is started again at once on the same data.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from bot.control import NotRunning
from bot.sandbox.api import Reply
from bot.sandbox.params import Params
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Message
from bot.sandbox.witness import Call
from tests.applying import ANSWERS, OPTIONAL, PHOTO, has, on, receipt_in, tap
from tests.benchmarks.contenders import Way
from tests.cast import Cast, Group, Person, RunningBot, running_bot

Moment = Literal["after", "before"]
STARTING = frozenset(
    ["getMe", "getChatMember", "setMyCommands", "deleteWebhook", "setWebhook", "getWebhookInfo", "getUpdates"]
)
FIRST_WORDS = 40  # characters of a text by which calls are told apart
IN_FLIGHT = 0.2  # seconds before a kill
PATIENCE = 30.0  # seconds, a start or two among them, until an act counts as lost
TRIES = 3

Act = Callable[[], Coroutine[Any, Any, object]]
Sight = Callable[[Message], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """What one call does, as far as it is told apart from the next."""

    method: str
    words: str

    @classmethod
    def of(cls, method: str, params: dict[str, Any], files: tuple[str, ...]) -> "Kind":
        said = str(params.get("text") or params.get("caption") or " ".join(files))
        if not said and method in ("editMessageText", "answerCallbackQuery"):
            said = "(nothing)"
        return cls(method, said[:FIRST_WORDS])

    def __str__(self) -> str:
        return f"{self.method} {self.words!r}" if self.words else self.method


@dataclass(slots=True)
class Run:
    """What came of it. `lost`: acts that had to be repeated, and what was struck last before each."""

    way: Way
    moment: Moment
    struck: list[Kind] = field(default_factory=list)
    kills: list[float] = field(default_factory=list)  # time.monotonic()
    acts: int = 0
    doubled: int = 0  # messages to him that a killed process had sent, sent again
    unknown: int = 0  # messages that stand after the deletion, sent too shortly before a kill to be known
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        return not self.lost and not self.wrong

    def was_in_flight(self, call: Call) -> bool:
        """Whether the bot may have been killed before it could enter what came of this call."""
        return any(kill - IN_FLIGHT <= call.at <= kill for kill in self.kills)

    def __str__(self) -> str:
        head = (
            f"{self.way}, killed {self.moment} Telegram acted: {len(self.struck)} kills, {self.acts} acts,"
            f" {len(self.lost)} lost, {len(self.wrong)} wrong, {self.doubled} sent again,"
            f" {self.unknown} messages that a killed process sent left after the deletion, {self.seconds:.0f} s"
        )
        return "\n".join(
            [head, *(f"  lost: {line}" for line in self.lost), *(f"  {line}" for line in self.wrong)]
        )


class Trap:
    """Kills the bot at each kind of call once, from inside the local Telegram."""

    def __init__(self, sandbox: Sandbox, bot: RunningBot, run: Run, only: Collection[str]) -> None:
        self._bot = bot
        self._run = run
        self._only = only
        self._act = sandbox.api.run
        self.is_set = True
        sandbox.api.run = self._called  # type: ignore[method-assign]

    async def _called(
        self, name: str, params: Params, fault: str | None = None, *, in_reply: bool = False
    ) -> Reply:
        kind = Kind.of(name, params.values, params.file_names())
        strikes = self.is_set and name not in STARTING and kind not in self._run.struck and self._wants(kind)
        if not strikes:
            return await self._act(name, params, fault, in_reply=in_reply)
        self._run.struck.append(kind)
        if self._run.moment == "before" and not in_reply:  # a call that came with a reply has come
            self._kill()
            await asyncio.Event().wait()  # until the connection is seen to be gone
        reply = await self._act(name, params, fault, in_reply=in_reply)
        self._kill()
        return reply

    def _wants(self, kind: Kind) -> bool:
        return not self._only or any(words in str(kind) for words in self._only)

    def _kill(self) -> None:
        if self._bot.process is not None and self._bot.process.returncode is None:
            self._run.kills.append(time.monotonic())
            os.kill(self._bot.pid, signal.SIGKILL)


async def play(way: Way, moment: Moment, only: Collection[str] = ()) -> Run:
    """One life. `only`: pieces of the calls that are struck; all of them when there are none."""
    run = Run(way, moment)
    begun = time.monotonic()
    async with Sandbox.open() as sandbox:
        cast = Cast(sandbox)
        group = cast.group()
        life = Life(run, cast.applicant("Mei"), cast.reviewer("Ana", group, status="creator"), group)
        with TemporaryDirectory(prefix="intake-calls-") as folder:
            async with running_bot(sandbox, group, Path(folder), webhook=way == "webhook") as bot:
                trap = Trap(sandbox, bot, run, only)
                await _while_kept_alive(bot, _whole(life, trap, sandbox, bot))
        run.wrong += life.leftovers(sandbox.telegram.witness.calls)
    run.seconds = time.monotonic() - begun
    return run


async def _while_kept_alive(bot: RunningBot, life: Coroutine[Any, Any, None]) -> None:
    """To the end of that life, with the bot started again whenever it was killed; then it ends gently."""
    over = asyncio.Event()
    living, keeping = asyncio.create_task(life), asyncio.create_task(_keep_alive(bot, over))
    try:
        await asyncio.wait([living, keeping], return_when=asyncio.FIRST_COMPLETED)
        (living if living.done() else keeping).result()
    finally:
        over.set()
        living.cancel()
        while not keeping.done():
            if bot.process is not None and bot.process.returncode is None:
                bot.process.terminate()
            await asyncio.sleep(0.1)


async def _keep_alive(bot: RunningBot, over: asyncio.Event) -> None:
    while True:
        assert bot.process is not None
        status = await bot.process.wait()
        if over.is_set():
            return
        if status != -signal.SIGKILL:
            raise AssertionError(f"the bot ended by itself with {status}:\n{bot.output}")
        await bot.start(serving=False)


async def _whole(life: "Life", trap: Trap, sandbox: Sandbox, bot: RunningBot) -> None:
    """That life, and what the bot still has to do then."""
    await life.live()
    trap.is_set = False
    await sandbox.telegram.changes.until(lambda: not len(sandbox.telegram.queue), PATIENCE)
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(NotRunning):  # it was struck a moment ago
                await bot.settled(PATIENCE)
                return
            await asyncio.sleep(0.1)


class Life:
    """One person from /start to the last trace of him, and the reviewer."""

    def __init__(self, run: Run, mei: Person, ana: Person, group: Group) -> None:
        self._run = run
        self._mei = mei
        self._ana = ana
        self._group = group
        self._receipt = ""

    async def live(self) -> None:
        await self._apply()
        await self._review()
        await self._leave()

    # the applicant

    async def _apply(self) -> None:
        mei = self._mei
        await self._does("/start", lambda: _soon(mei.start), has("tick"))
        await self._does("tick", lambda: tap(mei, "tick"), lambda one: "☑" in " ".join(one.keys))
        await self._does("go", lambda: tap(mei, "go"), asks(1))
        for number in range(1, 10):
            if number == PHOTO:
                await self._does("agree", lambda: tap(mei, "agree"), asks(PHOTO))
            await self._does(f"answer {number}", self._answer(number), self._after(number))
        await self._does("submit", lambda: tap(mei, "submit"), receipt_in)
        self._receipt = receipt_in(await mei.sees(receipt_in))

    def _answer(self, number: int) -> Act:
        if number in OPTIONAL:
            return lambda: tap(self._mei, "skip")
        if number == PHOTO:
            return lambda: _soon(self._mei.send_photo)
        return lambda: _soon(lambda: self._mei.say(ANSWERS[number]))

    def _after(self, number: int) -> Sight:
        if number == PHOTO - 1:
            return has("agree")
        return has("submit") if number == 9 else asks(number + 1)

    async def _leave(self) -> None:
        mei = self._mei
        await self._does("/mydata", lambda: _soon(lambda: mei.say("/mydata")), lambda one: one.document)
        await self._does("/delete", lambda: _soon(lambda: mei.say("/delete")), has("erase"))
        await self._does("erase", lambda: tap(mei, "erase"), lambda one: one.text.startswith("🗑"))

    async def _does(self, what: str, act: Act, sight: Sight) -> None:
        """Do it, and wait for what should follow. Once more is a loss."""
        await self._until_seen(what, act, lambda: self._mei.hears(sight, PATIENCE))

    # the reviewer

    async def _review(self) -> None:
        await self._card("approve")
        for verb, arg, sign in (
            ("reject", "", "because"),
            ("because", "incomplete", "undo"),
            ("undo", "", "approve"),
            ("approve", "", "tell"),
        ):
            await self._presses(verb, arg, partial(self._card, sign))
        await self._presses("tell", "", lambda: self._mei.sees("is approved", PATIENCE))

    async def _card(self, verb: str) -> Message:
        """The card with that button; of two that stand, since a kill came before the answer, the newer one."""

        def newest(one: Message) -> bool:
            cards = [card for card in self._group.messages if self._receipt in card.text]
            return has(verb)(one) and one is max(cards, key=lambda card: card.id)

        return await self._group.shows(newest, PATIENCE)

    async def _presses(self, verb: str, arg: str, seen: Act) -> None:
        async def act() -> None:
            card = await self._card(verb)
            self._ana.press_data(card, on(card, verb, arg))

        await self._until_seen(f"{verb} {arg}".strip(), act, seen)

    async def _until_seen(self, what: str, act: Act, seen: Act) -> None:
        self._run.acts += 1
        for _ in range(TRIES):
            await act()
            try:
                await seen()
            except AssertionError as error:
                last = self._run.struck[-1] if self._run.struck else "nothing"
                self._run.lost.append(f"{what}, struck last: {last}; {error}")
            else:
                return
        raise AssertionError(f"{what} led to nothing: {self._run}")

    # at the end

    def leftovers(self, calls: Sequence[Call]) -> Iterator[str]:
        """What was said twice though no kill was near, and what stands and should not."""
        run = self._run
        sends = [call for call in calls if call.ok and call.message_id and call.method.startswith("send")]
        for chat in (self._mei.chat, self._group.chat):
            last: dict[Kind, Call] = {}
            for call in (call for call in sends if call.chat_id == chat.id):
                kind = Kind.of(call.method, call.params, call.files)
                if kind in last and not run.was_in_flight(last[kind]):
                    yield f"twice in {chat!r}: {kind}"
                elif kind in last and chat is self._mei.chat and not _is_farewell(kind):
                    run.doubled += 1
                last[kind] = call
        sent = {(call.chat_id, call.message_id): call for call in sends}
        for message in (*self._mei.chat.messages, *self._group.messages):
            if not message.from_bot or message.text.startswith("🗑"):
                continue
            if "pinned_message" in message.data or message.text.startswith("🗂"):
                continue  # the count of what waits is about nobody
            if run.was_in_flight(sent[message.chat.id, message.id]):
                run.unknown += 1
            else:
                yield f"left in {message.chat!r}: {message!r}"


def _is_farewell(kind: Kind) -> bool:
    """The word that he is erased: nobody remembers it, so one that stands is removed, and said again."""
    return kind.words.startswith("🗑")


def asks(number: int) -> Sight:
    """Whether a message asks that question."""
    return lambda one: f"{number} of 9" in one.text


async def _soon(act: Callable[[], object]) -> None:
    act()


def main(arguments: Sequence[str]) -> int:
    """1 when anything had to be done twice, or something stands that should not."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak calls", description=__doc__)
    parser.add_argument("--by", nargs="+", default=["polling", "webhook"], choices=["polling", "webhook"])
    parser.add_argument("--killed", nargs="+", default=["after", "before"], choices=["after", "before"])
    given = parser.parse_args(arguments)
    runs = []
    for way in given.by:
        for moment in given.killed:
            runs.append(asyncio.run(play(way, moment)))
            print(runs[-1], flush=True)
    return int(not all(run.is_clean for run in runs))
