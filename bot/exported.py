"""That an export was made is entered in the audit log, by the process that owns the data."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from storage import audit_log
from storage.audit_log import AuditEntry
from storage.engine import Engine

PURPOSES = ("review", "fulfilment", "statistics")
COMMAND: Final = "exported"  # by which the running bot is told, and the action in the log


class Exported:
    """The handler of what `intake export` tells the running bot."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock

    async def enter(self, request: dict[str, Any]) -> dict[str, Any]:
        """{} once it is written. `purpose`, and how many `rows` left for it; nothing else is taken."""
        purpose, rows = request.get("purpose"), request.get("rows")
        if purpose not in PURPOSES or type(rows) is not int:
            return {"error": f"an export has one of the purposes {', '.join(PURPOSES)}, and a number of rows"}
        now = self._clock()
        entry: AuditEntry = (COMMAND, "", f"{purpose} {rows}")
        await self._engine.write(lambda tx: audit_log.add(tx, [entry], now))
        return {}
