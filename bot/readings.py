"""What the metrics read when they are asked for, and what `intake status` is told."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.clock import Clock
from bot.metrics import Metrics, Reading
from bot.outbox import Outbox
from storage import figures, parking
from storage.engine import Engine


class Readings:
    """Gives itself to the metrics."""

    def __init__(
        self,
        engine: Engine,
        outbox: Outbox,
        database: Path,
        clock: Callable[[], datetime],
        true_clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._engine = engine
        self._outbox = outbox
        self._database = database
        self._clock = clock
        self._true_clock = true_clock
        metrics.probe(self._work, self._data, self._files, self._process)

    async def _work(self) -> Reading:
        """What waits outside the database."""
        return {**self._outbox.look(), "clock_error_seconds": self._true_clock.error()}

    async def _data(self) -> Reading:
        counts, parked, oldest = await self._engine.read(
            lambda tx: (figures.count_by_status(tx), parking.count_parked(tx), figures.oldest_waiting(tx))
        )
        return {
            "parked": parked,
            "applications": counts,
            "oldest_application_seconds": 0.0 if oldest is None else (self._clock() - oldest).total_seconds(),
        }

    async def _process(self) -> Reading:
        return {"open_files": sum(1 for _ in Path("/proc/self/fd").iterdir())}

    async def _files(self) -> Reading:
        files = {"main": self._database, "wal": self._database.with_name(f"{self._database.name}-wal")}
        return {
            "database_bytes": {name: path.stat().st_size for name, path in files.items() if path.exists()}
        }

    async def status(self, bot: str, group: int) -> dict[str, Any]:
        """{bot, group, errands_waiting, applications: {status: how many}}."""
        counts = await self._engine.read(figures.count_by_status)
        return {
            "bot": bot,
            "group": group,
            "errands_waiting": self._outbox.waiting(),
            "applications": counts,
        }
