"""Where a message to a person may stand whose sending was never answered.

Telegram numbers the messages of all private chats and basic groups in one row, and those of each supergroup in one of
its own. So what was sent to a person without an answer stands just above the last number that was known before: among
the few that nobody has seen since.
"""

import json
from collections import OrderedDict, deque
from collections.abc import Iterator
from datetime import datetime

from bot import group_numbers
from bot.group_numbers import GroupNumbers
from storage import facts, outgoing
from storage.engine import Engine, Transaction
from storage.values import stamp, unstamp

SUPERGROUPS = -1_000_000_000_000  # their ids are lower
REMEMBERED = 1_000
UNRECORDED = 50  # numbers that are kept of messages which nothing else remembers
_FACT = "highest_message"
_UNRECORDED = "unrecorded_messages"
_SINCE = "numbers_since"


class Sightings:
    """The numbers of messages that were seen, in either direction. `highest` is the highest of them that was new when
    it was seen; 0 without any. `since`: what was to be sent before that (unix time) is not looked for by its number."""

    def __init__(self) -> None:
        self.highest = 0
        self.since = 0.0
        self.groups = GroupNumbers()
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._unrecorded: deque[int] = deque(maxlen=UNRECORDED)

    def see(self, chat: int, number: int, *, new: bool = True) -> None:
        """A message is known: it was sent and answered, or came in; or, not `new`, one of its buttons was pressed."""
        if chat < 0:
            self.groups.see(chat, number)
        if chat <= SUPERGROUPS:
            return
        self._seen[number] = None
        if new:
            self.highest = max(self.highest, number)
        if len(self._seen) > REMEMBERED:
            oldest, _ = self._seen.popitem(last=False)
            if oldest == self.highest:
                self.highest = max(self._seen)

    def see_unrecorded(self, number: int) -> None:
        """A message of the bot in a private chat that is nobody's: no search may take it for another one."""
        self._unrecorded.append(number)

    def keep(self, tx: Transaction) -> None:
        """For the next process, with each errand that is entered and each that is over: whatever is sent for one that
        is not over stands above this number, and nothing else does that the bot has sent."""
        if self.highest:
            facts.put(tx, _FACT, str(self.highest))
        if self._unrecorded:
            facts.put(tx, _UNRECORDED, json.dumps(list(self._unrecorded)))
        self.groups.keep(tx)

    def unseen(self, after: int, further: int) -> Iterator[int]:
        """The numbers after that one that nobody has seen, rising, as far as so many above the highest known."""
        return self.between(after, max(self.highest, after) + further)

    def between(self, after: int, until: int) -> Iterator[int]:
        """The numbers after the one, up to the other, that nobody has seen, rising."""
        return (number for number in range(after + 1, until + 1) if number not in self._seen)

    async def remember(self, engine: Engine) -> None:
        """What the process before knew: where messages stand that it had entered."""

        def read(tx: Transaction) -> tuple[int, list[int], str | None, str | None]:
            known = kept(tx)
            numbers = outgoing.message_numbers(tx, known - REMEMBERED)
            return known, numbers, facts.get(tx, _UNRECORDED), facts.get(tx, _SINCE)

        highest, numbers, unrecorded, since = await engine.read(read)
        self._unrecorded.extend(json.loads(unrecorded or "[]"))
        self.since = unstamp(since).timestamp() if since else 0.0
        for number in (*numbers, *self._unrecorded):
            self.see(0, number, new=False)
        if highest:
            self.see(0, highest)
        await self.groups.remember(engine)


def forget(tx: Transaction, now: datetime) -> None:
    """The data were restored: what is known of numbers is of another time."""
    for fact in (_FACT, _UNRECORDED):
        facts.drop(tx, fact)
    group_numbers.forget(tx)
    facts.put(tx, _SINCE, stamp(now))


def kept(tx: Transaction) -> int:
    """The highest number that an earlier process knew; 0 for none."""
    return int(facts.get(tx, _FACT) or 0)
