"""What a database engine must offer: a writer transaction and a reader."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
Row = tuple[Any, ...]
Params = Sequence[Any] | Mapping[str, Any]


class Transaction(Protocol):
    """A handle on the database's own thread; valid only while the work runs."""

    def execute(self, sql: str, params: Params = ()) -> int:
        """Run one statement; how many rows it changed."""
        ...

    def executemany(self, sql: str, rows: Sequence[Params]) -> None: ...

    def fetchall(self, sql: str, params: Params = ()) -> list[Row]: ...

    def fetchone(self, sql: str, params: Params = ()) -> Row | None: ...


class Engine(Protocol):
    """Works are plain functions that may be run twice: from the start, after a rollback."""

    async def write(self, work: Callable[[Transaction], T], *, patience: float = 0.0) -> T:
        """Run in a transaction; returns after the commit. `patience`: seconds it may wait for one to share.

        Raises whatever the work raised, or StorageUnavailable when the database could not take it.
        """
        ...

    async def alter(self, work: Callable[[Transaction], T]) -> T:
        """As `write`, alone, for a change of the schema.

        Foreign keys are not enforced meanwhile (a table may be made anew without its rows' children going), but
        must hold at the end.
        """
        ...

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run on a snapshot of what is committed."""
        ...

    async def check(self) -> None:
        """Raises StorageUnavailable when it cannot be read, or could not be written the last time and still cannot."""
        ...

    async def checkpoint(self) -> bool:
        """Empty the write-ahead log into the database; whether it is empty now."""
        ...
