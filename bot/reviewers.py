"""Who may decide: kept by `chat_member` updates, asked for when unknown, and never believed for over a minute."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from conversations.programme import Review
from conversations.roles import ACTIONS, Action, Role

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
        self._review = review
        self._clock = clock
        self._known: dict[int, Standing] = {}

    def may(self, user_id: int, action: Action | None = None) -> bool | None:
        """Whether he may do that, or, with no action, review as such; None when his standing has to be asked."""
        standing = self._known.get(user_id)
        if standing is None or self._clock() - standing.at > FRESH_SECONDS:
            return None
        return holds(self._review.role(action), user_id, standing.status)

    def reviews(self, user_id: int) -> bool | None:
        """Whether he may do anything here; None when his standing has to be asked."""
        found = [self.may(user_id, action) for action in (None, *ACTIONS)]
        return None if None in found else any(found)

    def role(self, action: Action | None) -> Literal["members", "administrators", "listed"]:
        """Which kind of role an action needs."""
        role = self._review.role(action)
        return "listed" if isinstance(role, tuple) else role

    def may_every_administrator(self, action: Action | None = None) -> bool:
        """Whether one needs no name to be known to have the right but that of an administrator."""
        return self.role(action) != "listed"

    def learn(self, user_id: int, status: str) -> None:
        """What an update or an answer said of him."""
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[user_id] = Standing(status, self._clock())

    def forget_all(self) -> None:
        """The group is another one now."""
        self._known.clear()


def holds(role: Role, user_id: int, status: str) -> bool:
    """Whether somebody of that standing in the group has a role. A listed reviewer must be in the group as well."""
    if isinstance(role, tuple):
        return user_id in role and status in _IN["members"]
    return status in _IN[role]
