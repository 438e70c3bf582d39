"""The queue of updates: filtered and frozen when made, kept until confirmed or expired.

Source: Bot API, getUpdates; retention as in the open server.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from bot.sandbox.wire import encode
from bot.sandbox.witness import Witness

LIMIT = 100
ANSWER_BYTES = 4 << 20
KEPT = 100_000
KEPT_SECONDS = 86_400.0
PRESS_SECONDS = 150.0
KINDS = (
    "message",
    "edited_message",
    "callback_query",
    "my_chat_member",
    "chat_member",
    "channel_post",
    "edited_channel_post",
    "business_connection",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
    "guest_message",
    "message_reaction",
    "message_reaction_count",
    "inline_query",
    "chosen_inline_result",
    "shipping_query",
    "pre_checkout_query",
    "purchased_paid_media",
    "poll",
    "poll_answer",
    "chat_join_request",
    "chat_boost",
    "removed_chat_boost",
    "managed_bot",
)
DEFAULT_KINDS = frozenset(KINDS) - {"chat_member", "message_reaction", "message_reaction_count"}
_FAR = 10  # an offset further than this beyond the end is ignored

Lane = tuple[str, int]  # ("chat", id), or ("user", id) for presses: what a webhook keeps in order


@dataclass(slots=True, eq=False)
class Update:
    """One update as it goes over the wire."""

    id: int
    kind: str
    body: bytes
    lane: Lane
    expires_at: float  # unix time


class UpdateQueue:
    """Updates by rising id."""

    def __init__(self, rng: Random, clock: Callable[[], float], witness: Witness) -> None:
        self.allowed: frozenset[str] = DEFAULT_KINDS
        self.added: list[Callable[[Update], None]] = []
        self._next_id = rng.randrange(2_000_001, 900_000_000)
        self._waiting: OrderedDict[int, Update] = OrderedDict()
        self._soonest = 0.0  # nothing expires before
        self.clock = clock
        self._witness = witness

    def __len__(self) -> int:
        self._expire()
        return len(self._waiting)

    def add(self, kind: str, payload: dict[str, Any], lane: Lane) -> int | None:
        """Queue an update; None when the bot did not ask for this kind."""
        if kind not in self.allowed:
            return None
        body = b'"%s":%s' % (kind.encode(), encode(payload))
        return self.add_raw(kind, lambda update_id: b'{"update_id":%d,%s}' % (update_id, body), lane)

    def add_raw(self, kind: str, body_of: Callable[[int], bytes], lane: Lane) -> int:
        """Queue whatever bytes a function makes of an update's number: also what no server would send."""
        update_id = self._next_id
        self._next_id += 1
        kept = PRESS_SECONDS if kind == "callback_query" else KEPT_SECONDS
        body = body_of(update_id)
        update = Update(update_id, kind, body, lane, self.clock() + kept)
        self._waiting[update_id] = update
        self._soonest = min(self._soonest, update.expires_at)
        if len(self._waiting) > KEPT:
            self._waiting.popitem(last=False)
        self._witness.created(update_id, kind)
        for tell in self.added:
            tell(update)
        return update_id

    def allow(self, wanted: Any) -> None:
        """allowed_updates: a list replaces the choice, an empty or unknown one is the default, else no change."""
        if isinstance(wanted, list):
            chosen = frozenset(name for name in wanted if name in KINDS)
            self.allowed = chosen or DEFAULT_KINDS

    def forget_before(self, offset: int) -> None:
        """Apply an offset: positive confirms all below it, negative keeps the last ones only."""
        if offset < 0:
            while len(self._waiting) > -offset:
                self._confirm_first()
        elif 0 < offset <= self._next_id + _FAR:
            while self._waiting and next(iter(self._waiting)) < offset:
                self._confirm_first()

    def first(self, limit: int) -> list[Update]:
        """The oldest updates, as many as one answer holds."""
        self._expire()
        taken: list[Update] = []
        size = 0
        for update in self._waiting.values():
            size += len(update.body)
            if len(taken) == limit or (taken and size > ANSWER_BYTES):
                break
            taken.append(update)
        return taken

    def all(self) -> list[Update]:
        """Everything that waits, oldest first."""
        self._expire()
        return list(self._waiting.values())

    def confirm(self, update: Update) -> None:
        """One update was taken by the webhook."""
        if self._waiting.pop(update.id, None) is not None:
            self._witness.confirmed(update.id)

    def attempted(self, update: Update) -> None:
        """One update is handed over, perhaps in vain."""
        self._witness.attempted(update.id)

    def expired(self, update: Update) -> bool:
        """Whether it is too late for it, or it was dropped."""
        return update.id not in self._waiting or update.expires_at <= self.clock()

    def clear(self) -> None:
        self._waiting.clear()

    def _confirm_first(self) -> None:
        update_id, _ = self._waiting.popitem(last=False)
        self._witness.confirmed(update_id)

    def _expire(self) -> None:
        now = self.clock()
        if now < self._soonest:
            return
        kept = [update for update in self._waiting.values() if update.expires_at > now]
        self._waiting = OrderedDict((update.id, update) for update in kept)
        self._soonest = min((update.expires_at for update in kept), default=now + PRESS_SECONDS)
