"""A message that is posted to the group once, and found again after a kill or when the answer to its sending was lost.

A bot cannot read a chat, but it can edit its own messages there and no others. So the highest number that is known in
the group is entered before the message is sent. While it is on its way nothing else of the bot's is (`lanes` sees to
that): what it can edit among the next numbers, and has not sent knowingly, is this message.
"""

from collections.abc import Callable
from typing import Any

from telegram.error import BadRequest, TelegramError

from bot.errands import Errand
from bot.messages import Messages
from bot.sightings import SUPERGROUPS, Sightings
from bot.transport import Uncertain
from storage import facts, store
from storage.engine import Engine, Transaction

LOOKS = 60  # numbers that are looked at: people may have written since the last that was known
_FACT = "posting"


class Posts:
    """Each kind of message stands in a group once."""

    def __init__(self, engine: Engine, messages: Messages, sightings: Sightings) -> None:
        self._engine = engine
        self._messages = messages
        self._sightings = sightings

    async def post(
        self,
        name: str,
        errand: Errand,
        chat: int,
        body: dict[str, Any],
        enter: Callable[[Transaction, int], None],
        perhaps: int = 0,
    ) -> int:
        """Its number. `enter` writes that, in one transaction with the end of the search; `perhaps`: where it may stand
        as well. Raises what `Messages.send` raises; then, or after a kill, it is looked for the next time."""
        fact = f"{_FACT}:{name}:{chat}"

        def entered(number: int) -> Callable[[Transaction], None]:
            def write(tx: Transaction) -> None:
                facts.drop(tx, fact)
                enter(tx, number)

            return write

        before = await self._engine.read(lambda tx: facts.get(tx, fact))
        found = perhaps if perhaps and await self._messages.edit(chat, perhaps, body) else None
        if found is None and before:
            found = await self._find(chat, int(before), body)
        if found is None:
            await self._engine.write(lambda tx: facts.put(tx, fact, str(self._highest(tx, chat))))
            try:
                found = await self._messages.send(errand, chat, body)
            except Uncertain:
                raise
            except TelegramError:  # it surely does not stand
                await self._engine.write(lambda tx: facts.drop(tx, fact))
                raise
        await self._engine.write(entered(found))
        return found

    def give_up(self, tx: Transaction, name: str, chat: int) -> None:
        """It is not to be posted any more."""
        facts.drop(tx, f"{_FACT}:{name}:{chat}")

    def _highest(self, tx: Transaction, chat: int) -> int:
        """The highest number of a message that is known in that group."""
        here = max(self._sightings.groups.highest(chat), store.highest_card(tx, chat))
        return here if chat <= SUPERGROUPS else max(here, self._sightings.highest)

    async def _find(self, chat: int, before: int, body: dict[str, Any]) -> int | None:
        """Where it stands, with these words from now on."""
        if not before:
            return None  # nothing was known there: any message could be taken for it
        numbers = range(before + 1, before + 1 + LOOKS)
        cards = await self._engine.read(lambda tx: store.cards_at(tx, ((chat, one) for one in numbers)))
        for number in numbers:
            if (chat, number) in cards or self._sightings.groups.is_known(chat, number):
                continue
            try:
                if await self._messages.edit(chat, number, body):
                    return number
            except BadRequest:  # a picture of the bot's, or the chat is closed: then sending will say so
                continue
        return None


def forget(tx: Transaction) -> None:
    """The data were restored: what was on its way is of another time."""
    for name, _ in facts.beginning_with(tx, f"{_FACT}:"):
        facts.drop(tx, name)
