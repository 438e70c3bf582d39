"""Updates that nobody could handle: listed, tried again, dropped. What stands in them is shown to nobody."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from storage import parking
from storage.engine import Engine
from storage.parking import ParkedRow
from storage.vault import Vault

PARKED_DAYS = 30  # an update that nobody could handle is kept for the operator so long
LISTED = 100  # rows in one answer, so that it fits into a line of the socket
UNREADABLE = "cannot be read: it is not JSON, and can only be dropped"
GONE = "is parked no longer: it was handled, dropped or erased meanwhile"


class Retaker(Protocol):
    """Takes an update again; why it could not be handled this time either, or nothing."""

    async def retry(self, update: dict[str, Any], parked_id: str) -> str: ...


class Parked:
    """The handlers of `intake parked`; `retaker` is there while the bot runs."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        clock: Callable[[], datetime],
        retaker: Retaker | None = None,
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._clock = clock
        self._retaker = retaker

    async def list(self, request: dict[str, Any]) -> dict[str, Any]:
        """{"parked": [{id, at, reason, kind, sender}]}: the next whose ids are above `after`; none at the end."""
        after = str(request.get("after", ""))
        rows = await self._engine.read(lambda tx: parking.parked(tx, after=after, limit=LISTED))
        return {"parked": [self._described(row) for row in rows]}

    async def drop(self, request: dict[str, Any]) -> dict[str, Any]:
        """{"dropped": how many}. `ids`: their beginnings; without, all."""
        beginnings, now = request.get("ids"), self._clock()
        if not beginnings:
            return {"dropped": await self._engine.write(lambda tx: parking.drop_all_parked(tx, now))}
        found = [await self._one(str(beginning)) for beginning in beginnings]
        if wrong := [one for one in found if isinstance(one, str)]:
            return {"error": "\n".join(wrong)}
        ids = list(dict.fromkeys(row.parked_id for row in found if isinstance(row, ParkedRow)))
        return {"dropped": await self._engine.write(lambda tx: parking.drop_parked(tx, ids, now))}

    async def retry(self, request: dict[str, Any]) -> dict[str, Any]:
        """{} once the one whose id begins with `id` is handled; otherwise {"error": why not, in one line}."""
        row = await self._one(str(request.get("id", "")))
        if isinstance(row, str):
            return {"error": row}
        why = await self._retry(row)
        return {"error": f"{row.parked_id} {why}"} if why else {}

    async def _retry(self, row: ParkedRow) -> str:
        assert self._retaker is not None  # only a running bot has this handler
        update = self._opened(row)
        if update is None:
            return UNREADABLE
        why = await self._retaker.retry(update, row.parked_id)
        if why and isinstance(await self._one(row.parked_id), str):
            return GONE
        return why and f"is parked still: {why}"

    async def _one(self, beginning: str) -> ParkedRow | str:
        """The row that is meant, or why none is."""
        rows = await self._engine.read(lambda tx: parking.parked(tx, beginning, limit=2))
        if len(rows) == 1:
            return rows[0]
        return f"{'several' if rows else 'no'} parked updates have an id that begins with {beginning}"

    def _opened(self, row: ParkedRow) -> dict[str, Any] | None:
        try:
            update = json.loads(self._vault.open(f"parked/{row.parked_id}", row.sealed))
        except (ValueError, RecursionError):
            return None
        return update if isinstance(update, dict) else None

    def _described(self, row: ParkedRow) -> dict[str, Any]:
        sender = "known" if row.ref else "unknown"
        return {
            "id": row.parked_id,
            "at": row.at,
            "reason": row.reason,
            "kind": _kind(self._opened(row)),
            "sender": sender,
        }


def _kind(update: dict[str, Any] | None) -> str:
    """The name of the update's field, which says what it is; nothing else of what somebody sent."""
    if update is None:
        return "not JSON"
    name = next((key for key in update if key != "update_id"), "nothing")
    return name if name.isascii() and name.isidentifier() and len(name) <= 40 else "other"
