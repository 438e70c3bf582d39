"""Which reviewers the bot has met, so that one can be named without a search: all of them in memory, as in the table.

It says who there is, not who may: the right is asked of `Reviewers` each time.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from conversations.application import Reviewer
from storage import roster
from storage.engine import Engine, Transaction
from storage.errors import Unreadable
from storage.values import unstamp
from storage.vault import Vault

AGAIN = timedelta(hours=1)  # so often at most it is written that somebody was met
PREFIX = 10  # hexadecimal digits of the hash that a button carries: 40 bits

Write = Callable[[Transaction], None]


@dataclass(frozen=True, slots=True)
class Met:
    """A reviewer: the keyed hash of his account, its id, the name others know him by, and when he was met last."""

    ref: str
    user_id: int
    name: str
    seen_at: datetime

    @property
    def reviewer(self) -> Reviewer:
        return Reviewer(ref=self.ref, name=self.name)


class Roster:
    """`load` it once before it is used."""

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault
        self._met: dict[str, Met] = {}

    async def load(self) -> None:
        """What cannot be read is left: whoever it was is met again."""
        rows = await self._engine.read(roster.everyone)
        self._met = {}
        for ref, seen_at, sealed in rows:
            try:
                known = json.loads(self._vault.open(roster.place(ref), sealed))
            except Unreadable:
                continue
            self._met[ref] = Met(ref, known["user_id"], known["name"], unstamp(seen_at))

    def met(self, ref: str, user_id: int, name: str, now: datetime) -> Write | None:
        """Somebody with the right has done something: what is to be written of it, if anything."""
        known = self._met.get(ref)
        if known and known.name == name and timedelta() <= now - known.seen_at < AGAIN:
            return None
        self._met[ref] = Met(ref, user_id, name, now)
        said = json.dumps({"user_id": user_id, "name": name}).encode()

        def write(tx: Transaction) -> None:  # sealed here: in the transaction no older key can be in use
            roster.met(tx, ref, self._vault.seal(roster.place(ref), said), now)

        return write

    def gone(self, ref: str) -> Write | None:
        """He has lost the right, or was erased: what is to be written of it, if anything."""
        if self._met.pop(ref, None) is None:
            return None
        return lambda tx: roster.drop(tx, ref)

    def named(self, beginning: str) -> Met | None:
        """The one whose hash begins so (`PREFIX` digits at least); None when there is none, or more than one."""
        found = [one for ref, one in self._met.items() if ref.startswith(beginning)]
        return found[0] if len(found) == 1 and len(beginning) >= PREFIX else None

    def lately(self) -> list[Met]:
        """All of them, the one met last first."""
        return sorted(self._met.values(), key=lambda one: (one.seen_at, one.ref), reverse=True)
