"""The running bot's part in backups: erasures and withdrawals are kept where they outlive the data, and keys of the
erased leave the sets."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from bot.journaling import Journaling
from bot.pruning import Pruning
from bot.repeating import Repeated
from storage.engine import Engine
from storage.errors import StorageError

GATHERED = 20.0  # seconds from one look through the sets to the next: each is read, and perhaps made anew


class BackupKeeper:
    """Each tombstone and withdrawal is in the journal at once when `look_soon` is called, and a key of the erased in no
    set of keys of that folder soon after; within a minute when the folder could not be written; and with the end.

    `clock`: as in `Pruning`. `cure`: what to say of trouble that passes, besides what it is.
    """

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        on_trouble: Callable[[str], None],
        clock: Callable[[], datetime] | None = None,
        cure: str = "",
    ) -> None:
        self._folder = folder
        self._on_trouble = on_trouble
        self._cure = cure
        self._journaling = Journaling(engine, folder)
        self._pruning = Pruning(engine, folder, clock)
        self._parts = Repeated(self._enter), Repeated(self._prune, GATHERED)

    def start(self) -> None:
        """The first look is for what was erased while the folder could not be reached, or by a process that was
        killed."""
        for part in self._parts:
            part.start()

    async def finish(self) -> None:
        """Call it when nobody can be erased any more or withdraw, whether it was started or not: the last look."""
        for part in self._parts:
            await part.finish()

    @property
    def keepers(self) -> list[asyncio.Task[None]]:
        """What runs from its start to its end."""
        return [part.task for part in self._parts if part.task is not None]

    def look_soon(self) -> None:
        """Somebody was erased, or took a consent back."""
        for part in self._parts:
            part.soon()

    async def _enter(self) -> bool:
        try:
            await self._journaling.enter()
        except (StorageError, OSError) as error:
            self._on_trouble(
                f"INTAKE_BACKUPS: deletions and withdrawals cannot be entered in {self._folder}: {_why(error)};"
                " until they are, whoever was deleted comes back when data are lost, and who withdrew is decided on"
                f"{self._cure}"
            )
        return False

    async def _prune(self) -> bool:
        try:
            much, wrong = await self._pruning.prune()
        except (StorageError, OSError) as error:
            self._on_trouble(
                f"INTAKE_BACKUPS: keys cannot be taken out of the sets in {self._folder}: {_why(error)};"
                f" until they are, whoever was deleted can be read from a backup{self._cure}"
            )
            return True
        for line in wrong:
            self._on_trouble(line)
        return much


def _why(error: StorageError | OSError) -> str:
    return str(error.strerror) if isinstance(error, OSError) else str(error)
