"""Where a message to a person may stand whose sending was never answered.

Telegram numbers the messages of all private chats and basic groups in one row, and those of each supergroup in one of
its own. So what was sent to a person without an answer stands just above the last number that was known before: among
the few that nobody has seen since.
"""

from collections import OrderedDict
from collections.abc import Iterator

from storage import facts, outgoing
from storage.engine import Engine, Transaction

SUPERGROUPS = -1_000_000_000_000  # their ids are lower
REMEMBERED = 1_000
_FACT = "highest_message"


class Sightings:
    """The numbers of messages that were seen, in either direction. `highest` is the highest of them; 0 without any."""

    def __init__(self) -> None:
        self.highest = 0
        self._seen: OrderedDict[int, None] = OrderedDict()

    def see(self, chat: int, number: int) -> None:
        """A message is known: it was sent and answered, or it came in."""
        if chat <= SUPERGROUPS:
            return
        self._seen[number] = None
        self.highest = max(self.highest, number)
        if len(self._seen) > REMEMBERED:
            oldest, _ = self._seen.popitem(last=False)
            if oldest == self.highest:
                self.highest = max(self._seen)

    def keep(self, tx: Transaction) -> None:
        """For the next process, with each errand that is entered and each that is over: whatever is sent for one that
        is not over stands above this number, and nothing else does that the bot has sent."""
        facts.put(tx, _FACT, str(self.highest))

    def unseen(self, after: int, further: int) -> Iterator[int]:
        """The numbers after that one that nobody has seen, rising, as far as so many above the highest known."""
        return self.between(after, max(self.highest, after) + further)

    def between(self, after: int, until: int) -> Iterator[int]:
        """The numbers after the one, up to the other, that nobody has seen, rising."""
        return (number for number in range(after + 1, until + 1) if number not in self._seen)

    async def remember(self, engine: Engine) -> None:
        """What the process before knew: where messages stand that it had entered."""
        highest, numbers = await engine.read(
            lambda tx: ((known := kept(tx)), outgoing.message_numbers(tx, known - REMEMBERED))
        )
        for number in (*numbers, highest):
            self.see(0, number)


def kept(tx: Transaction) -> int:
    """The highest number that an earlier process knew; 0 for none."""
    return int(facts.get(tx, _FACT) or 0)
