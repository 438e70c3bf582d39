"""The pinned message of the group that says how many applications wait: posted once, then changed in place."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from telegram.error import BadRequest, ChatMigrated, RetryAfter, TelegramError

from bot.clock import ticks
from bot.desk import OPEN, QUEUE
from bot.errands import COUNTER, NOTE, Errand
from bot.messages import Messages
from bot.plan import Outcome
from bot.posts import Posts
from bot.queue import Queue
from bot.topics import GENERAL, Topics
from bot.transport import Transport
from bot.wording import Keyboard, Place, Wording
from conversations.effects import Button
from storage import facts
from storage.engine import Engine, Transaction
from storage.errors import StorageUnavailable
from storage.vault import Vault

log = structlog.get_logger()

PAUSE = 20.0  # seconds from one change of it to the next
LOOK_AGAIN = 600.0  # seconds until it is looked whether it still stands, though nothing has changed
_FACT = "counter"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of it in one group. `number`: 0 when it was never posted; `shown`: its text; `asked`: it was said
    how pinning is allowed."""

    number: int = 0
    shown: str = ""
    pinned: bool = False
    asked: bool = False
    topic: int = GENERAL  # of a forum, in which it stands

    @classmethod
    def of(cls, text: str | None) -> "Standing":
        return cls(**json.loads(text)) if text else cls()

    def text(self) -> str:
        return json.dumps(asdict(self))


class Counter:
    """`look` finds out whether it is to be changed; `show` changes it, in its turn among all that goes to the group."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        queue: Queue,
        wording: Wording,
        messages: Messages,
        posts: Posts,
        topics: Topics,
        transport: Transport,
        group: Callable[[], int],
        clock: Callable[[], datetime],
        accept: Callable[[Sequence[Errand]], None],
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._queue = queue
        self._wording = wording
        self._review = wording.programme.review
        self._messages = messages
        self._posts = posts
        self._topics = topics
        self._transport = transport
        self._group = group
        self._clock = clock
        self._accept = accept
        self._looked_at = ticks()
        self._has_news = False  # of its standing, whatever it says

    async def look(self) -> bool:
        """Whether it is going to be changed."""
        try:
            is_due = await self._is_due()
        except StorageUnavailable:
            return False
        if is_due:
            self._accept([Errand(COUNTER, self._group(), None)])
        return is_due

    async def _is_due(self) -> bool:
        chat = self._group()
        standing = await self._standing(chat)
        if not self._review.counter:
            return standing != Standing()
        waiting, text = await self._text()
        if not standing.number and not waiting:
            return False  # there is nothing to count yet
        return self._has_news or standing.shown != text or ticks() - self._looked_at >= LOOK_AGAIN

    def look_anew(self) -> None:
        """The bot's rights in the group are others now."""
        self._has_news = True

    async def show(self, errand: Errand) -> Outcome:
        """Bring it up to date. What fails is tried again when it is looked at the next time."""
        try:
            return await self._show(errand)
        except (RetryAfter, ChatMigrated):
            raise
        except (TelegramError, StorageUnavailable) as error:
            log.warning("the counter is shown later", action="counter", error=type(error).__name__)
            return Outcome()

    async def _show(self, errand: Errand) -> Outcome:
        chat = self._group()
        standing = await self._standing(chat)
        if not self._review.counter:
            return await self._take_away(chat, standing)
        _, text = await self._text()
        body = {"text": text, "keyboard": self._keyboard(chat)}
        if errand.body.get("pin") and standing.number:
            return Outcome() if standing.pinned else await self._pin(chat, standing)
        if standing.number and await self._is_elsewhere(chat, standing):
            await self._messages.take_away(chat, standing.number, self._instead())
            standing = replace(standing, number=0, pinned=False)
        if not standing.number or not await self._messages.edit(chat, standing.number, body):
            standing = await self._post(errand, chat, replace(standing, shown=text), body)
        self._has_news, self._looked_at = False, ticks()
        if standing.shown != text:
            now = replace(standing, shown=text)
            await self._engine.write(lambda tx: _enter(tx, chat, now))
        if not standing.pinned:  # by itself: each of them counts towards Telegram's limit for a group
            self._accept([Errand(COUNTER, chat, None, {"pin": True})])
        return Outcome()

    async def _post(self, errand: Errand, chat: int, before: Standing, body: dict[str, Any]) -> Standing:
        """One that stands pinned may be it, though it is not known: after a restore."""
        pinned = await self._pinned(chat)

        def standing(number: int, topic: int) -> Standing:
            return replace(before, number=number, pinned=number == pinned, topic=topic)

        number, topic = await self._topics.post(
            chat,
            "waiting",
            lambda topic: self._posts.post(
                COUNTER,
                errand,
                chat,
                {**body, "topic": topic},
                lambda tx, number: _enter(tx, chat, standing(number, topic)),
                perhaps=pinned,
            ),
        )
        return standing(number, topic)

    async def _is_elsewhere(self, chat: int, standing: Standing) -> bool:
        """Whether it stands in another topic than what it counts."""
        return await self._topics.wanted(chat, "waiting") not in {GENERAL, standing.topic}

    def _instead(self) -> dict[str, Any]:
        """What stands in its place where it cannot be deleted."""
        return {"text": self._wording.named("message_erased", self._review.language)}

    async def _pinned(self, chat: int) -> int:
        """The number of the pinned message, where that is a counter of this bot's; 0 where it is not."""
        message = (await self._transport.call("getChat", {"chat_id": chat})).get("pinned_message") or {}
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        datas = [str(button.get("callback_data")) for row in rows for button in row]
        is_one = any(data.startswith(f"{QUEUE}:{OPEN}:") for data in datas)
        return int(message["message_id"]) if is_one else 0

    async def _pin(self, chat: int, standing: Standing) -> Outcome:
        """Silently. Where the bot may not, it says once how it is allowed to."""
        params = {"chat_id": chat, "message_id": standing.number, "disable_notification": True}
        try:
            await self._transport.call("pinChatMessage", params)
        except BadRequest:
            if standing.asked:
                return Outcome()
            standing = replace(standing, asked=True)
            text = self._wording.named("counter_needs_pin", self._review.language)
            note = Errand(NOTE, chat, None, {"text": text, "plain": False})
            return Outcome([lambda tx: _enter(tx, chat, standing)], [(note, self._vault)])
        await self._engine.write(lambda tx: _enter(tx, chat, replace(standing, pinned=True)))
        return Outcome()

    async def _take_away(self, chat: int, standing: Standing) -> Outcome:
        """The programme wants none any more."""
        if standing.number:
            await self._messages.take_away(chat, standing.number, self._instead())
        return Outcome([lambda tx: facts.drop(tx, f"{_FACT}:{chat}")])

    async def _standing(self, chat: int) -> Standing:
        return Standing.of(await self._engine.read(lambda tx: facts.get(tx, f"{_FACT}:{chat}")))

    async def _text(self) -> tuple[int, str]:
        """How many wait, and that in words."""
        load = await self._queue.load()
        hours = int((self._clock() - load.oldest).total_seconds() // 3600) if load.oldest else 0
        values = {"waiting": load.waiting, "late": load.late, "hours": hours}
        return load.waiting, self._wording.named("counter", self._review.language, **values)

    def _keyboard(self, chat: int) -> Keyboard:
        button = Button(QUEUE, OPEN, label="queue_open")
        return self._wording.keyboard(((button,),), self._review.language, Place(chat, "", ""))


def _enter(tx: Transaction, chat: int, standing: Standing) -> None:
    facts.put(tx, f"{_FACT}:{chat}", standing.text())
