"""Who may decide: kept by `chat_member` updates, asked for when unknown, and never believed for over a minute."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from conversations.programme import Review

FRESH_SECONDS = 60.0
_IN = {
    "members": {"creator", "administrator", "member", "restricted"},
    "administrators": {"creator", "administrator"},
}


@dataclass(slots=True)
class Standing:
    """Someone's status in the reviewers' group, and when it was learned (monotonic seconds)."""

    status: str
    at: float


class Reviewers:
    """A small memory of statuses; the truth is Telegram's."""

    def __init__(self, review: Review, clock: Callable[[], float] = time.monotonic) -> None:
        self._who = review.who
        self._clock = clock
        self._known: dict[int, Standing] = {}

    def may(self, user_id: int) -> bool | None:
        """Whether he may decide; None when it has to be asked. A listed reviewer must be in the group as well."""
        standing = self._known.get(user_id)
        if standing is None or self._clock() - standing.at > FRESH_SECONDS:
            return None
        if isinstance(self._who, tuple):
            return user_id in self._who and standing.status in _IN["members"]
        return standing.status in _IN[self._who]

    @property
    def may_every_administrator(self) -> bool:
        """Whether one needs no name to be known as a reviewer but that of an administrator."""
        return not isinstance(self._who, tuple)

    def learn(self, user_id: int, status: str) -> None:
        """What an update or an answer said of him."""
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[user_id] = Standing(status, self._clock())

    def forget_all(self) -> None:
        """The group is another one now."""
        self._known.clear()
