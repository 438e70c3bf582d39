"""Updates that nobody could handle: listed, tried again, dropped. What stands in them is shown to nobody."""

import json
from collections.abc import Sequence
from typing import Any, Protocol

from storage import store
from storage.engine import Engine
from storage.store import ParkedRow
from storage.vault import Vault

LISTED = 200  # rows in one answer, oldest first


class Retaker(Protocol):
    """Takes an update again; why it could not be handled this time either, or nothing."""

    async def retry(self, update: dict[str, Any], parked_id: str) -> str: ...


class Parked:
    """The handlers of `intake parked`; `retaker` is there while the bot runs."""

    def __init__(self, engine: Engine, vault: Vault, retaker: Retaker | None = None) -> None:
        self._engine = engine
        self._vault = vault
        self._retaker = retaker

    async def list(self, request: dict[str, Any]) -> dict[str, Any]:
        """{"parked": [{id, at, reason, kind, sender}], "total": how many there are}."""
        rows = await self._engine.read(store.parked)
        return {"parked": [self._described(row) for row in rows[:LISTED]], "total": len(rows)}

    async def drop(self, request: dict[str, Any]) -> dict[str, Any]:
        """{"dropped": how many}. `ids`: their beginnings, or nothing for all."""
        chosen, wrong = await self._chosen(request)
        ids = [row.parked_id for row in chosen]
        await self._engine.write(lambda tx: store.drop_parked(tx, ids))
        return wrong or {"dropped": len(ids)}

    async def retry(self, request: dict[str, Any]) -> dict[str, Any]:
        """{"failed": {id: why}} for each that is parked still; the others are handled. `ids` as in `drop`."""
        assert self._retaker is not None  # only a running bot has this handler
        chosen, wrong = await self._chosen(request)
        failed = {}
        for row in chosen:
            update = self._opened(row)
            why = "not JSON" if update is None else await self._retaker.retry(update, row.parked_id)
            if why:
                failed[row.parked_id] = why
        return wrong or {"failed": failed}

    async def _chosen(self, request: dict[str, Any]) -> tuple[Sequence[ParkedRow], dict[str, str]]:
        """The rows that are meant; none, and what is wrong, when an id is not one row's."""
        rows = await self._engine.read(store.parked)
        beginnings = [str(one) for one in request.get("ids") or ()]
        chosen: dict[str, ParkedRow] = {}
        for beginning in beginnings:
            found = [row for row in rows if row.parked_id.startswith(beginning)]
            if len(found) != 1:
                many = len(found) or "no"
                return [], {"error": f"{many} parked updates have an id that begins with {beginning}"}
            chosen[found[0].parked_id] = found[0]
        return list(chosen.values()) if beginnings else rows, {}

    def _opened(self, row: ParkedRow) -> dict[str, Any] | None:
        try:
            update = json.loads(self._vault.open(f"parked/{row.parked_id}", row.sealed))
        except (ValueError, RecursionError):
            return None
        return update if isinstance(update, dict) else None

    def _described(self, row: ParkedRow) -> dict[str, Any]:
        update = self._opened(row)
        kinds = [key for key in update or () if key != "update_id"]
        kind = "not JSON" if update is None else kinds[0][:40] if kinds else "nothing"
        sender = "known" if row.ref else "unknown"
        return {"id": row.parked_id, "at": row.at, "reason": row.reason, "kind": kind, "sender": sender}
