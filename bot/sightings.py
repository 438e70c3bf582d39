"""Where a message may stand whose sending was never answered.

Telegram numbers the messages of all private chats and basic groups in one row, and those of each supergroup in
another. So what was sent without an answer stands just above the last number that was known before: among the few
that nobody has seen since.
"""

from collections import OrderedDict

SUPERGROUPS = -1_000_000_000_000  # their ids are lower
REMEMBERED = 1_000  # numbers of each row
FURTHER = 5  # numbers above the highest that is known: others may be on their way too
MOST = 12  # numbers that are worth looking at


class Sightings:
    """The numbers of messages that were seen, in either direction."""

    def __init__(self) -> None:
        self._seen: dict[int, OrderedDict[int, None]] = {}

    def see(self, chat: int, message_id: int) -> None:
        """A message is known: it was sent and answered, or it came in."""
        row = self._seen.setdefault(_row(chat), OrderedDict())
        row[message_id] = None
        while len(row) > REMEMBERED:
            row.popitem(last=False)

    def highest(self, chat: int) -> int:
        """The highest number known in the chat's row; 0 when none is."""
        return max(self._seen.get(_row(chat), ()), default=0)

    def unseen(self, chat: int, after: int) -> list[int] | None:
        """The numbers that a message sent after that one may have, rising; None when there are too many."""
        if not after:
            return None
        row = self._seen.get(_row(chat), OrderedDict())
        end = max(self.highest(chat), after) + FURTHER
        if end - after > REMEMBERED:
            return None
        found = [number for number in range(after + 1, end + 1) if number not in row]
        return found if len(found) <= MOST else None


def _row(chat: int) -> int:
    return chat if chat <= SUPERGROUPS else 0
