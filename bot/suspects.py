"""Which updates were in hand when the process was killed, remembered across its ends.

Written down only after an unclean end, so it costs nothing on other days. The mark is a fact of the database, and is
committed before the update is looked at.
"""

import contextlib
import json

from storage import facts
from storage.engine import Engine
from storage.errors import StorageUnavailable

SERVING = "serving"  # the fact that stands while a process serves
IN_HAND = "in_hand"  # the fact: update id -> how often it was taken in hand and not finished
ENDS = 2  # so many unclean ends with it in hand, and it is not looked at any more
MANY = 1_000  # updates after which none can be the one that was in hand


class Suspects:
    """Make it with `load`."""

    def __init__(self, engine: Engine, ends: dict[int, int]) -> None:
        self._engine = engine
        self._ends = ends  # of the updates that were in hand at an end and are not done yet
        self._taken = 0

    @classmethod
    async def load(cls, engine: Engine) -> "Suspects":
        known = await engine.read(lambda tx: facts.get(tx, IN_HAND))
        return cls(engine, {int(update_id): ends for update_id, ends in json.loads(known or "{}").items()})

    @property
    def are_over(self) -> bool:
        """Whether so many were taken since the unclean end that none of them was in hand at it."""
        return self._taken >= MANY

    async def take_in_hand(self, update_id: int) -> int:
        """Mark an update before anybody looks at it; at how many unclean ends it was in hand already.

        Raises StorageUnavailable.
        """
        self._taken += 1
        ends = self._ends.get(update_id, 0)
        if ends < ENDS:
            marked = json.dumps({**self._ends, update_id: ends + 1})
            await self._engine.write(lambda tx: facts.put(tx, IN_HAND, marked))
        return ends

    def done(self, update_id: int) -> None:
        """It did no harm. Its mark goes with the next one."""
        self._ends.pop(update_id, None)

    async def clear(self) -> None:
        """Nobody is suspected any more."""
        with contextlib.suppress(StorageUnavailable):  # a mark that stays names what is long done
            await self._engine.write(lambda tx: facts.drop(tx, IN_HAND))
