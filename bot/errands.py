"""One thing to do outside: what it is, whose it is, and how it is kept until it is done."""

import itertools
import json
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from storage.outgoing import ErrandRow
from storage.values import stamp, unstamp
from storage.vault import Vault

# kinds
SEND = "send"  # a message to a person: text, markup, prompt
EDIT = "edit"  # another text for one of the bot's messages
CARD = (
    "card"  # the card follows the database: receipt, anew, pressed (ids of messages whose buttons were used)
)
FETCH = "fetch"  # a photo: file_id, question, part, attempt
WAKE = "wake"  # the undo window ends: receipt, round, told (before data were lost)
DATA = "data"  # the file with everything kept, the receipt of consents (receipt), or one photo: photo_id
SHOW = "show"  # a photo to a reviewer: receipt, photo_id
FORM = "form"  # a reviewer's form follows the database: receipt, by, message_id (0: a new message)
FORMS = "forms"  # every form of an application does: receipt
HIDE = "hide"  # remove the photos and forms shown of an application: receipt
REMOVE = "remove"  # remove one message: message_id
WIPE = "wipe"  # after an erasure: everything that stands in chats, then the receipt
MEMBER = "member"  # ask whether someone may review, then read his press again: raw
DIGEST = "digest"  # the one message that stands for the cards held back: over
STATS = "stats"  # numbers as a picture to the reviewers' group: period
NOTE = "note"  # a plain word to a group or reviewer: text
BRIEF = "brief"  # the daily digest: day, due, and the entries of the audit log since the last one
NOTICE = "notice"  # the group is told, without his words, that an applicant has written: receipt
COUNTER = "counter"  # the pinned message that says how much waits follows the database
DESK = "desk"  # what a reviewer asked for in the group, in a new message or in the place of one: what, message_id

OWN = (SEND, EDIT, DATA)  # what goes to the person himself, and waits for him when he has blocked the bot


class _Ids:
    """Ids that are unique on this data and rise with time, also when the clock goes back: what waits stays in order."""

    def __init__(self) -> None:
        self._last = 0  # nanoseconds of unix time
        self._counter = itertools.count()

    def next(self) -> str:
        self._last = max(self._last + 1, time.time_ns())
        return f"{self._last:016x}{next(self._counter) & 0xFFFF:04x}"

    def comes_after(self, errand_id: str) -> None:
        """An earlier process gave this one."""
        self._last = max(self._last, int(errand_id[:16], 16))


_ids = _Ids()


@dataclass(slots=True)
class Lost:
    """A message whose sending was not answered: it may stand at one of the numbers after `after`; 0 for unknown.

    `until`: where it stands at most, if it was a killed process that had sent it; 0 for a try of this one.
    """

    after: int
    until: int = 0
    looked_at: set[int] = field(default_factory=set)


@dataclass(slots=True, eq=False, weakref_slot=True)
class Errand:
    """`chat` is the lane it waits in; 0 for what goes to no chat. `body` is JSON."""

    kind: str
    chat: int
    person_id: str | None
    body: dict[str, Any] = field(default_factory=dict)
    not_before: datetime | None = None
    attempts: int = 0  # sends that may have been acted upon without an answer
    asked_at: float = 0.0  # the loop's time when that came to which this is the answer; 0 for the rest
    failures: int = 0  # in this process: how long to wait before the next try
    above: int = 0  # the highest number of a message that was known when this was entered; 0 for unknown
    lost: Lost | None = None  # a try that may stand
    may_stand: bool = False  # an earlier process was killed, perhaps after it had sent this
    errand_id: str = field(default_factory=lambda: next_id())  # noqa: PLW0108

    @property
    def can_be_found(self) -> bool:
        """Whether a try that may stand is looked for before the next.

        In private chats only, where one thing goes after another: in a group it could be taken for another one.
        """
        return self.lost is not None and self.lost.after > 0 and self.chat > 0

    @property
    def is_prompt(self) -> bool:
        return bool(self.body.get("prompt"))

    @property
    def born(self) -> float:
        """When it was made, in unix time: its id begins with that."""
        return int(self.errand_id[:16], 16) / 1e9

    @property
    def is_first_prompt(self) -> bool:
        """It asks, and surely did not ask before: nothing that was written earlier can be an answer to it."""
        return self.is_prompt and not self.may_stand and not self.attempts

    def row(self, key: "Sealer") -> tuple[str, str | None, str, str | None, bytes]:
        """As `outgoing.add_errands` takes it, sealed under the person's key, or the operator's."""
        known = {"above": self.above} if self.above else {}
        sealed = key.seal(
            _place(self.errand_id), json.dumps({"chat": self.chat, **known, **self.body}).encode()
        )
        return (
            self.errand_id,
            self.person_id,
            self.kind,
            stamp(self.not_before) if self.not_before else None,
            sealed,
        )


class Sealer(Protocol):
    """A person's key, or the operator's."""

    def seal(self, place: str, data: bytes) -> bytes: ...


def next_id() -> str:
    """An id that rises with time and is unique on this data."""
    return _ids.next()


def restore(row: ErrandRow, vault: Vault) -> Errand:
    """An errand as it was before the process ended."""
    _ids.comes_after(row.errand_id)
    body = opened(row, vault)
    return Errand(
        kind=row.kind,
        chat=int(body.pop("chat")),
        person_id=row.person_id,
        body=body,
        above=int(body.pop("above", 0)),
        not_before=unstamp(row.not_before) if row.not_before else None,
        attempts=row.attempts,
        errand_id=row.errand_id,
    )


def opened(row: ErrandRow, vault: Vault) -> dict[str, Any]:
    """Its body, with its chat. Raises Unreadable, ValueError."""
    is_his = row.person_id is not None and row.wrapped_key is not None
    key = vault.unwrap(row.person_id or "", row.wrapped_key or b"") if is_his else vault
    body: dict[str, Any] = json.loads(key.open(_place(row.errand_id), row.sealed))
    return body


def removal(chat: int, message_id: int, instead: dict[str, Any] | None = None) -> Errand:
    """A message is to go, or to read `instead`: nobody's errand, that outlives whoever it was about."""
    return Errand(REMOVE, chat, None, {"message_id": message_id, "instead": instead})


def disowned(errand: Errand) -> Errand:
    """The same to do, once its person is erased: nobody's, and due at once."""
    return Errand(errand.kind, errand.chat, None, errand.body)


def _place(errand_id: str) -> str:
    return f"errands/{errand_id}"
