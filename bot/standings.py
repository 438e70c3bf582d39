"""Asks Telegram how someone stands in the reviewers' group, so that what he did can be read again.

He waits for it: what cannot be learned in a fair time is refused with a word, and never acted on later.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from weakref import WeakValueDictionary

from telegram.error import BadRequest, Forbidden, NetworkError, RetryAfter

from bot.errands import Errand
from bot.reviewers import Reviewers
from bot.transport import Transport

FAIR = 10.0  # seconds after which nobody waits for the answer to his press any more

Retake = Callable[[dict[str, object], str, bool], Awaitable[None]]


class Standings:
    """One errand keeps one update; `retake` reads that again."""

    def __init__(
        self,
        transport: Transport,
        reviewers: Reviewers,
        group: Callable[[], int],
        clock: Callable[[], datetime],
    ) -> None:
        self._transport = transport
        self._reviewers = reviewers
        self._group = group
        self._clock = clock
        self._asking: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()  # by user
        self.retake: Retake

    async def ask(self, errand: Errand) -> None:
        """What he did keeps its order. Raises what `Transport.call` raises while there is time for another try."""
        user_id = errand.body["user_id"]
        async with self._asking.setdefault(user_id, asyncio.Lock()):
            is_known = await self._learn(user_id, errand)
            await self.retake(errand.body["raw"], errand.errand_id, not is_known)

    async def _learn(self, user_id: int, errand: Errand) -> bool:
        """Whether it is known in time."""
        age = self._clock().timestamp() - float(errand.body.get("at", 0.0))
        if (
            not 0 <= age < FAIR
        ):  # before its time when a clock stepped back, and then nobody knows how long he waits
            return False
        left = FAIR - age
        if self._reviewers.may(user_id) is not None:
            return True
        try:
            async with asyncio.timeout(left):
                self._reviewers.learn(user_id, await self._status(user_id))
        except (TimeoutError, RetryAfter):
            return False
        except NetworkError:
            if left > FAIR / 2:
                raise
            return False
        return True

    async def _status(self, user_id: int) -> str:
        """In the group; refused when unsure."""
        try:
            params = {"chat_id": self._group(), "user_id": user_id}
            member = await self._transport.call("getChatMember", params)
        except (BadRequest, Forbidden):
            return "left"
        gone = member["status"] == "restricted" and not member.get("is_member")
        return "left" if gone else str(member["status"])
