"""The errands that wait for one chat, and which of them may go next.

A private chat is strictly in order, one at a time. In a group the messages stand for themselves, so several are on
their way at once, but never two of one card, nor two of the digest; edits of a card come before new cards, and these
before the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.errands import BRIEF, CARD, COUNTER, DESK, DIGEST, FORM, NOTE, NOTICE, STATS, Errand
from bot.flood import Flood

ALONE = frozenset(
    {COUNTER, BRIEF, NOTICE}
)  # nothing else is on its way meanwhile, so that it can be found again (`posts`)
GROUP_AT_ONCE = 16  # messages to one group that may be on their way together


@dataclass(slots=True)
class Lane:
    """The errands of one chat. `in_hand`: being carried out now, and still in the queue."""

    chat: int
    queue: list[Errand] = field(default_factory=list)
    in_hand: list[Errand] = field(default_factory=list)
    workers: int = 0
    flood: Flood = field(default_factory=Flood)

    @property
    def is_group(self) -> bool:
        return self.chat < 0

    @property
    def has_room(self) -> bool:
        """Whether one more worker would find something to do."""
        return self.workers < (GROUP_AT_ONCE if self.is_group else 1) and self.workers < len(self.queue)

    def next(self) -> Errand | None:
        """What may go now, still in the queue; None when there is nothing."""
        if not self.is_group:
            return self.queue[0] if self.queue and not self.in_hand else None
        busy = {_subject(errand) for errand in self.in_hand} - {""}
        free = (one for one in self.queue if one not in self.in_hand and _subject(one) not in busy)
        if self.flood.holds:
            free = (one for one in free if not is_new_card(one))
        found = min(free, key=_rank, default=None)
        if any(one.kind in ALONE for one in (*self.in_hand, found) if one) and self.in_hand:
            return None
        return found

    def new_cards(self) -> int:
        """How many cards wait to be posted."""
        return sum(is_new_card(one) and one not in self.in_hand for one in self.queue)

    def coalesce(self, errand: Errand) -> bool:
        """Whether it need not wait itself: a waiting card or form stands for whatever the database says by then, and a
        plain word or numbers that wait are not sent twice."""
        if errand.kind in {NOTE, STATS}:
            return any(other.kind == errand.kind and other.body == errand.body for other in self.queue)
        if errand.kind == FORM:  # it shows what the database says by the time it goes
            waiting = (other for other in self.queue if other.kind == FORM and other not in self.in_hand)
            return errand.body["message_id"] != 0 and any(other.body == errand.body for other in waiting)
        if errand.kind == DIGEST:
            return self._coalesce_digest(errand)
        if errand.kind == DESK:
            return self._coalesce_desk(errand)
        if errand.kind == COUNTER:
            return self._coalesce_counter(errand)
        if errand.kind == NOTICE:  # one word says so, however often he has written
            waiting = (other for other in self.queue if other.kind == NOTICE and other not in self.in_hand)
            return any(other.body == errand.body for other in waiting)
        if errand.kind != CARD:
            return False
        for other in self.queue:
            if other.kind == CARD and other not in self.in_hand and _subject(other) == _subject(errand):
                other.body["anew"] = other.body["anew"] or errand.body["anew"]
                other.body["pressed"] += errand.body["pressed"]
                return True
        return False

    def _coalesce_digest(self, errand: Errand) -> bool:
        for other in self.queue:
            if other.kind == DIGEST and other not in self.in_hand:
                other.body["over"] = errand.body["over"]
                return True
        return False

    def _coalesce_counter(self, errand: Errand) -> bool:
        """What brings it up to date sees to its being pinned as well."""
        for other in self.queue:
            if other.kind == COUNTER and other not in self.in_hand:
                other.body = other.body if "pin" in errand.body else errand.body
                return True
        return False

    def _coalesce_desk(self, errand: Errand) -> bool:
        """Of several presses under one list the last one counts; what is asked twice is answered once."""
        for other in self.queue:
            if other.kind == DESK and other not in self.in_hand:
                if _subject(errand) and _subject(errand) == _subject(other):
                    other.body = errand.body
                    return True
                if other.body == errand.body:
                    return True
        return False

    def drop(self, unwanted: Callable[[Errand], bool]) -> list[Errand]:
        """Take out what nobody wants any more and is not in hand."""
        dropped = [errand for errand in self.queue if unwanted(errand) and errand not in self.in_hand]
        for errand in dropped:
            self.queue.remove(errand)
        return dropped


def _subject(errand: Errand) -> str:
    """Which message an errand is about: a card's receipt, the digest, a list; nothing for the rest."""
    if errand.kind == CARD:
        return str(errand.body["receipt"])
    if errand.kind == DESK and errand.body["message_id"]:
        return f"{DESK} {errand.body['message_id']}"
    return DIGEST if errand.kind == DIGEST else ""


def is_new_card(errand: Errand) -> bool:
    """Whether it posts a card, as far as one can tell before."""
    return errand.kind == CARD and bool(errand.body["anew"])


def _rank(errand: Errand) -> int:
    """Edits of cards first, then the digest (it stands for all that are held back), new cards, the rest, and at last
    the counter."""
    if errand.kind == DIGEST:
        return 1
    if errand.kind != CARD:
        return 4 if errand.kind == COUNTER else 3
    return 2 if errand.body["anew"] else 0
