"""In which topic of a forum the bot's messages to the reviewers stand: made when the first of them needs it.

A topic that was deleted is made anew and its open cards come again; one that was closed is opened again. Where the bot
may do neither, or the group has no topics, messages stand in General, and operators are told once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import structlog
from telegram.error import BadRequest, RetryAfter

from bot.clock import ticks
from bot.errands import CARD, Errand
from bot.messages import is_missing, is_shut
from bot.sightings import SUPERGROUPS
from bot.transport import NotSent, Transport, Uncertain
from bot.wording import Wording
from storage import facts, outgoing, store
from storage.engine import Engine, Transaction
from storage.vault import Vault

log = structlog.get_logger()

Kind = Literal["waiting", "with_applicant", "decided"]
GENERAL = 0  # the topic that every forum has, and the place of all messages in a group without topics

LOOK_AGAIN = 600.0  # seconds until it is tried again where messages went to General instead
TRIES = 2  # topics that may have been made without an answer; after that messages go to General
_FACT = "topic"
_MAKING = "topic_making"  # how many tries to make one were not answered
_TROUBLE = "topic_trouble"  # what operators were told
_SAME = "topic_not_modified"

_KINDS: dict[str, Kind] = {
    "returned": "with_applicant",
    "recalled": "with_applicant",
    "approved": "decided",
    "rejected": "decided",
    "withdrawn": "decided",
}


def kind_of(status: str) -> Kind:
    """Where the card of an application of that status belongs."""
    return _KINDS.get(status, "waiting")


class Topics:
    """`post` sends what stands in one of them. Which there are is kept by the group and what they are for."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        transport: Transport,
        wording: Wording,
        accept: Callable[[Sequence[Errand]], None],
        on_trouble: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._transport = transport
        self._wording = wording
        self._mode = wording.programme.review.topics
        self._language = wording.programme.review.language
        self._accept = accept
        self._on_trouble = on_trouble
        self._lock = asyncio.Lock()  # two messages that need the same topic at once make one
        self._general: dict[tuple[int, str], float] = {}  # until when messages go to General (ticks)
        self._is_changed = False  # the bot's rights may be others than when the last try failed

    def look_anew(self) -> None:
        """The bot's rights in the group are others now."""
        self._general.clear()
        self._is_changed = True

    async def wanted(self, chat: int, kind: Kind) -> int:
        """The topic in which such a message belongs, made now where there is none; GENERAL where there can be none.

        Raises what `Transport.call` raises when that is not known, and StorageUnavailable.
        """
        if self._mode == "none" or chat > SUPERGROUPS:
            return GENERAL
        purpose = "all" if self._mode == "one" else kind
        async with self._lock:
            if self._general.get((chat, purpose), 0.0) > ticks():
                return GENERAL
            known = await self._engine.read(lambda tx: facts.get(tx, f"{_FACT}:{chat}:{purpose}"))
            return int(known) if known else await self._make(chat, purpose)

    async def known(self, chat: int, kind: Kind) -> int:
        """The same where there is one already; GENERAL otherwise."""
        purpose = "all" if self._mode == "one" else kind
        found = await self._engine.read(lambda tx: facts.get(tx, f"{_FACT}:{chat}:{purpose}"))
        return int(found) if found and self._mode != "none" else GENERAL

    async def post(self, chat: int, kind: Kind, send: Callable[[int], Awaitable[int]]) -> tuple[int, int]:
        """The number `send` gives, and the topic. What is wrong with a topic is mended, and it is sent once more.
        Raises what `send` and `wanted` raise."""
        for _ in range(2):
            topic = await self.wanted(chat, kind)
            try:
                return await send(topic), topic
            except BadRequest as error:
                if not topic or not await self._mended(chat, kind, topic, error):
                    raise
        topic = await self.wanted(chat, kind)
        try:
            return await send(topic), topic
        except BadRequest as error:
            if not topic or not (is_missing(error) or is_shut(error)):
                raise
        return await send(GENERAL), GENERAL

    async def _mended(self, chat: int, kind: Kind, topic: int, error: BadRequest) -> bool:
        """Whether it is worth another try."""
        purpose = "all" if self._mode == "one" else kind
        async with self._lock:
            if is_missing(error):
                await self._forget(chat, purpose, topic)
                return True
            if not is_shut(error):
                return False
            if not await self._reopened(chat, topic):
                await self._fall_back(
                    chat, purpose, "a topic of the reviewers' group is closed, and the bot may not open it"
                )
            return True

    async def _reopened(self, chat: int, topic: int) -> bool:
        try:
            await self._transport.call("reopenForumTopic", {"chat_id": chat, "message_thread_id": topic})
        except BadRequest as error:
            return _SAME in str(error).casefold()
        return True

    async def _make(self, chat: int, purpose: str) -> int:
        """One whose making was not answered may stand, empty; that is risked once."""
        making, fact = f"{_MAKING}:{chat}:{purpose}", f"{_FACT}:{chat}:{purpose}"
        tries = int(await self._engine.read(lambda tx: facts.get(tx, making)) or 0)
        if tries >= TRIES and not self._is_changed:
            return await self._fall_back(chat, purpose, "Telegram does not say whether it made a topic")
        self._is_changed = False
        await self._engine.write(lambda tx: facts.put(tx, making, str(tries + 1)))
        name = self._wording.named(f"topic_{purpose}", self._language)
        try:
            made = await self._transport.call("createForumTopic", {"chat_id": chat, "name": name})
        except Uncertain as error:  # whatever was to stand in it surely was not sent
            raise NotSent(f"whether a topic was made is not known: {error}") from None
        except BadRequest as error:
            await self._engine.write(lambda tx: facts.drop(tx, making))
            return await self._fall_back(
                chat, purpose, f"the bot cannot make a topic in the reviewers' group ({error})"
            )
        except (RetryAfter, NotSent):  # it surely was not made
            await self._engine.write(lambda tx: facts.put(tx, making, str(tries)))
            raise
        number = int(made["message_thread_id"])

        def enter(tx: Transaction) -> None:
            facts.put(tx, fact, str(number))
            facts.drop(tx, making)
            facts.drop(tx, f"{_TROUBLE}:{chat}")

        await self._engine.write(enter)
        log.info("topic made", action="topic", purpose=purpose)
        return number

    async def _forget(self, chat: int, purpose: str, topic: int) -> None:
        """It is gone. Its open cards come anew, and the messages that may still stand are removed with that."""
        fact, vault = f"{_FACT}:{chat}:{purpose}", self._vault

        def write(tx: Transaction) -> list[Errand]:
            if facts.get(tx, fact) != str(topic):
                return []  # another message found that out before
            facts.drop(tx, fact)
            errands = [
                Errand(CARD, chat, None, {"receipt": receipt, "anew": True, "pressed": []})
                for receipt in store.open_in_topic(tx, chat, topic)
            ]
            outgoing.add_errands(tx, [one.row(vault) for one in errands])
            return errands

        self._accept(await self._engine.write(write))

    async def _fall_back(self, chat: int, purpose: str, why: str) -> int:
        """Messages go to General for a while. Operators are told once, also over a restart."""
        self._general[chat, purpose] = ticks() + LOOK_AGAIN
        fact = f"{_TROUBLE}:{chat}"

        def is_new(tx: Transaction) -> bool:
            if facts.get(tx, fact) == why:
                return False
            facts.put(tx, fact, why)
            return True

        if await self._engine.write(is_new):
            self._on_trouble(f"{why}; what belongs there stands in General")
        return GENERAL
