"""The numbers of messages in groups: the highest that is known there, and which of them this process has sent."""

from collections import OrderedDict

from storage import facts
from storage.engine import Engine, Transaction

REMEMBERED = 1_000
_FACT = "highest_message:"  # and the group's id


class GroupNumbers:
    """By group: each supergroup numbers its messages by itself."""

    def __init__(self) -> None:
        self._highest: dict[int, int] = {}
        self._own: OrderedDict[tuple[int, int], None] = OrderedDict()

    def see(self, chat: int, number: int) -> None:
        """A message stands there, whoever wrote it."""
        self._highest[chat] = max(number, self.highest(chat))

    def sent(self, chat: int, number: int) -> None:
        """The bot has sent it, and knows what it is."""
        self.see(chat, number)
        self._own[chat, number] = None
        if len(self._own) > REMEMBERED:
            self._own.popitem(last=False)

    def highest(self, chat: int) -> int:
        """0 where none is known."""
        return self._highest.get(chat, 0)

    def is_known(self, chat: int, number: int) -> bool:
        """Whether this process has sent it."""
        return (chat, number) in self._own

    def keep(self, tx: Transaction) -> None:
        """For the next process."""
        for chat, number in self._highest.items():
            facts.put(tx, f"{_FACT}{chat}", str(number))

    async def remember(self, engine: Engine) -> None:
        for name, number in await engine.read(lambda tx: facts.beginning_with(tx, _FACT)):
            self.see(int(name.removeprefix(_FACT)), int(number))


def forget(tx: Transaction) -> None:
    """The data were restored: what is known of numbers is of another time."""
    for name, _ in facts.beginning_with(tx, _FACT):
        facts.drop(tx, name)
