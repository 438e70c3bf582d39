"""What could not be removed from Telegram after an erasure: of which kind and day, and why; told in the receipt."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.messages import Why
from storage.values import unstamp

MESSAGE = "message"  # the bot's, in his private chat
PHOTO = "photo"  # in a reviewer's private chat
FORM = "form"  # in a reviewer's private chat: the decision or question he composed
CARD = "card"  # in the reviewers' group
NOTICE = "notice"  # beside the card: that he has written
KINDS = (MESSAGE, PHOTO, FORM, CARD, NOTICE)
MOST = 12  # lines in a receipt, so that it fits into a message

Remains = list[list[str]]  # kind, time or nothing, why; as JSON keeps it


@dataclass(frozen=True, slots=True)
class Line:
    """Things of one kind that stay for one reason, and are of one day; `at`: the first of them, where it is known."""

    kind: str
    at: datetime | None
    why: str
    count: int


def remaining(kind: str, at: str, why: Why | None) -> Remains:
    """One thing, unless it is gone."""
    return [] if why is None else [[kind, at, why]]


def lines(remains: Remains) -> list[Line]:
    """For the receipt, in order of kind and time."""
    found: dict[tuple[int, str, str], list[str]] = {}
    for kind, at, why in remains:
        found.setdefault((KINDS.index(kind), at[:10], why), []).append(at)
    return [
        Line(KINDS[number], unstamp(min(times)) if day else None, why, len(times))
        for (number, day, why), times in sorted(found.items())
    ]


def values(remains: Remains) -> dict[str, object]:
    """What the receipt's words are given: so many lines as fit, and of how many things there is no line."""
    found = lines(remains)
    return {
        "remains": found[:MOST],
        "more": sum(one.count for one in found[MOST:]),
        "kinds": {one.kind for one in found},
    }


def counted(remains: Iterable[Sequence[str]]) -> dict[str, int]:
    """How many of each kind, which is all that operators are told."""
    found = Counter(kind for kind, _, _ in remains)
    return {kind: found[kind] for kind in KINDS if found[kind]}
