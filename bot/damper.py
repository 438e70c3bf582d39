"""Whoever writes faster than he can be answered is told so once, and passed over until he slows down.

A bucket of patience for each person, filled again by time: by the time that passes here, or that passed between his
messages, so that what he wrote in an hour while the bot was down does not count as a rush. Whoever waits for the
bot's answer before he goes on hardly draws on it. In memory alone: after a restart everybody is calm.
"""

import enum
from collections import OrderedDict
from dataclasses import dataclass

BURST = 12.0  # acts at once that nobody minds
EACH_SECOND = 1.0  # acts that come back to the bucket
IN_STEP = 0.1  # what an act costs when the last one was answered
CALM = 1.0  # acts that must have come back before one who was told is heard again
# A message's date has no fractions: two of them may be almost a second nearer than they say.
WHOLE_SECOND = 1.0
PEOPLE = 10_000  # remembered


class Pace(enum.Enum):
    """How an act stands to what can be answered."""

    FINE = enum.auto()
    TOO_FAST = enum.auto()  # the first one too many: he is told
    PASSED_OVER = enum.auto()  # a further one


@dataclass(slots=True)
class _Bucket:
    left: float = BURST
    is_told: bool = False
    here: float = 0.0  # when he last acted, by our clock
    there: float = 0.0  # and by the date of his message


class Damper:
    """Whom to pass over. Times are seconds."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[int, _Bucket] = OrderedDict()

    def judge(self, user_id: int, now: float, sent_at: float | None, *, owed: bool) -> Pace:
        """Count one act. `sent_at`: by the date of his message; `owed`: an answer to him is still on its way."""
        bucket = self._bucket(user_id, now)
        sent_at = sent_at or bucket.there
        passed = max(now - bucket.here, sent_at - bucket.there - WHOLE_SECOND if bucket.there else 0.0)
        bucket.left = min(BURST, bucket.left + max(0.0, passed) * EACH_SECOND)
        bucket.here, bucket.there = now, max(bucket.there, sent_at)
        cost = 1.0 if owed else IN_STEP
        if bucket.left >= (max(cost, CALM) if bucket.is_told else cost):
            bucket.left -= cost
            bucket.is_told = False
            return Pace.FINE
        bucket.left = max(0.0, bucket.left - cost)  # who goes on as before does not come to be heard by it
        was_told, bucket.is_told = bucket.is_told, True
        return Pace.PASSED_OVER if was_told else Pace.TOO_FAST

    def _bucket(self, user_id: int, now: float) -> _Bucket:
        bucket = self._buckets.get(user_id)
        if bucket is None:
            bucket = self._buckets[user_id] = _Bucket(here=now)
            if len(self._buckets) > PEOPLE:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(user_id)
        return bucket
