"""SQLite through aiosqlite: WAL, synchronous=FULL, one writer, a separate reader, pragmas on every connection.

Group commit: works that come while the writer is busy share the next transaction, as one function on the writer's
thread, and a patient work waits a little for another to come. If one of them raises, all are rolled back and each is
run again in a transaction of its own.
"""

import asyncio
import contextlib
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from storage.engine import Params, Row, Transaction
from storage.errors import DataUnusable, StorageUnavailable
from storage.folder import prepare

T = TypeVar("T")
BUSY_MS = 2_000
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA secure_delete = ON",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    f"PRAGMA busy_timeout = {BUSY_MS}",
)

_WRONG_WORK = (sqlite3.IntegrityError, sqlite3.ProgrammingError)  # the work is at fault, not the database
_CURES = {
    sqlite3.SQLITE_FULL: "make room",
    sqlite3.SQLITE_BUSY: "another program holds it",
    sqlite3.SQLITE_IOERR: "its disk is full, failing or read-only",
}

logging.getLogger("aiosqlite").setLevel(logging.INFO)  # at DEBUG it logs every bound value


class Handle:
    """The connection as a `Transaction`."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, params: Params = ()) -> int:
        return self._connection.execute(sql, params).rowcount

    def executemany(self, sql: str, rows: Sequence[Params]) -> None:
        self._connection.executemany(sql, rows)

    def fetchall(self, sql: str, params: Params = ()) -> list[Row]:
        return self._connection.execute(sql, params).fetchall()

    def fetchone(self, sql: str, params: Params = ()) -> Row | None:
        row: Row | None = self._connection.execute(sql, params).fetchone()
        return row


Work = Callable[[Transaction], Any]


class SQLite:
    """An engine on one file. Make it with `SQLite.open`."""

    def __init__(self, writer: aiosqlite.Connection | None, reader: aiosqlite.Connection) -> None:
        self._writer = writer
        self._reader = reader
        self._queue: list[tuple[Work, asyncio.Future[Any]]] = []
        self._busy: asyncio.Task[None] | None = None
        self._is_writable = writer is None  # what was last to be written could be

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, path: Path, *, readonly: bool = False) -> AsyncIterator["SQLite"]:
        """Open, and create when missing (file mode 0600, folder 0700).

        Raises DataUnusable, or StorageUnavailable when it cannot be written now.
        """
        if not readonly:
            prepare(path)
        else:
            _look_for(path)
        async with contextlib.AsyncExitStack() as stack:
            try:
                writer = (
                    None if readonly else await stack.enter_async_context(_connect(path, query_only=False))
                )
                reader = await stack.enter_async_context(_connect(path, query_only=True))
            except sqlite3.OperationalError as error:
                raise StorageUnavailable(f"{path} cannot be opened now: {_reason(error)}") from error
            except sqlite3.Error as error:
                raise DataUnusable(f"{path} cannot be opened as a database: {error}") from error
            engine = cls(writer, reader)
            await engine.check()
            yield engine
            await engine.drain()

    async def write(self, work: Callable[[Transaction], T], *, patience: float = 0.0) -> T:
        if self._writer is None:
            raise StorageUnavailable("the database is open for reading only")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.append((work, future))
        if patience:
            loop.call_later(patience, self._start)
        else:
            self._start()
        return await future

    def _start(self) -> None:
        """Write what waits, unless that is being done."""
        if self._busy is None and self._queue and self._writer is not None:
            self._busy = asyncio.create_task(self._run(self._writer))

    async def alter(self, work: Callable[[Transaction], T]) -> T:
        if self._writer is None:
            raise StorageUnavailable("the database is open for reading only")

        def run(connection: sqlite3.Connection) -> T:
            connection.execute("PRAGMA foreign_keys = OFF")  # within a transaction it has no effect
            try:
                result: T = _transaction(connection, [work, _check_references])[0]
                return result
            finally:
                connection.execute("PRAGMA foreign_keys = ON")

        try:
            return await _on_thread(self._writer, run)
        except _WRONG_WORK:
            raise
        except sqlite3.DatabaseError as error:
            raise StorageUnavailable(f"the database cannot be written now: {_reason(error)}") from error

    async def read(self, work: Callable[[Transaction], T]) -> T:
        def run(connection: sqlite3.Connection) -> T:
            _begin(connection, "BEGIN")
            try:
                return work(Handle(connection))
            finally:
                _roll_back(connection)

        try:
            return await _on_thread(self._reader, run)
        except _WRONG_WORK:
            raise
        except sqlite3.DatabaseError as error:
            raise StorageUnavailable(f"the database cannot be read now: {_reason(error)}") from error

    async def check(self) -> None:
        await self.read(lambda tx: tx.fetchone("SELECT 1 FROM sqlite_master"))
        if not self._is_writable:
            await self.write(_touch)

    async def checkpoint(self) -> bool:
        if self._writer is None:
            return False

        def run(connection: sqlite3.Connection) -> bool:
            connection.execute("PRAGMA busy_timeout = 0")  # a waiting checkpoint would block other writers
            try:
                busy, pages, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                return bool(busy == 0 and pages == 0)
            finally:
                connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")

        try:
            return await _on_thread(self._writer, run)
        except sqlite3.DatabaseError:  # it is tried again; until then the log only grows
            return False

    async def drain(self) -> None:
        """Wait until every accepted work is done."""
        self._start()
        while self._busy is not None:
            await asyncio.wait([self._busy])

    async def _run(self, writer: aiosqlite.Connection) -> None:
        while self._queue:
            group, self._queue = self._queue, []
            await self._commit(writer, group)
        self._busy = None

    async def _commit(
        self, writer: aiosqlite.Connection, group: list[tuple[Work, "asyncio.Future[Any]"]]
    ) -> None:
        works = [work for work, _ in group]
        try:
            results = await _on_thread(writer, lambda connection: _transaction(connection, works))
        except _WRONG_WORK as error:
            await self._one_by_one(writer, group, error)
        except sqlite3.DatabaseError as error:
            self._is_writable = False
            unavailable = StorageUnavailable(f"the database cannot be written now: {_reason(error)}")
            unavailable.__cause__ = error
            for _, future in group:
                _fail(future, unavailable)
        except Exception as error:
            await self._one_by_one(writer, group, error)
        else:
            self._is_writable = True
            for (_, future), result in zip(group, results, strict=True):
                if not future.done():
                    future.set_result(result)

    async def _one_by_one(
        self, writer: aiosqlite.Connection, group: list[tuple[Work, "asyncio.Future[Any]"]], error: Exception
    ) -> None:
        """One of them is guilty: alone, only that one fails."""
        if len(group) == 1:
            _fail(group[0][1], error)
            return
        for one in group:
            await self._commit(writer, [one])


def _look_for(path: Path) -> None:
    """Raises DataUnusable when no database stands there, or who asks may not read it."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except FileNotFoundError:
        raise DataUnusable(f"there is no database at {path}; has the bot ever run on this data?") from None
    except OSError as error:
        raise DataUnusable(
            f"the database {path} cannot be read: {error.strerror}; run this as the user the bot runs as"
        ) from error


def _transaction(connection: sqlite3.Connection, works: Sequence[Work]) -> list[Any]:
    _begin(connection, "BEGIN IMMEDIATE")
    try:
        handle = Handle(connection)
        results = [work(handle) for work in works]
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise
    return results


def _begin(connection: sqlite3.Connection, statement: str) -> None:
    if connection.in_transaction:  # the last one could not even be rolled back
        connection.execute("ROLLBACK")
    connection.execute(statement)


def _roll_back(connection: sqlite3.Connection) -> None:
    """End a transaction. What has gone wrong in it is to be heard of, not this."""
    if connection.in_transaction:  # a full disk has rolled back by itself
        with contextlib.suppress(sqlite3.DatabaseError):
            connection.execute("ROLLBACK")


def _check_references(tx: Transaction) -> None:
    lost = tx.fetchone("PRAGMA foreign_key_check")
    if lost is not None:
        raise sqlite3.IntegrityError(f"rows of {lost[0]} refer to rows of {lost[2]} that are not there")


def _touch(tx: Transaction) -> None:
    """Write a page that stays as it is."""
    (number,) = tx.fetchone("PRAGMA user_version") or (0,)
    tx.execute(f"PRAGMA user_version = {number}")


def _reason(error: sqlite3.DatabaseError) -> str:
    """What SQLite says, and what to do about it where that is known."""
    cure = _CURES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)  # the low byte; above it are details
    return f"{error}; {cure}" if cure else str(error)


def _fail(future: "asyncio.Future[Any]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


async def _on_thread(connection: aiosqlite.Connection, run: Callable[[sqlite3.Connection], T]) -> T:
    """Run a function on the connection's thread in one hop; aiosqlite has no public way to do that."""
    return await connection._execute(run, connection._conn)  # type: ignore[no-any-return,no-untyped-call]


@contextlib.asynccontextmanager
async def _connect(path: Path, *, query_only: bool) -> AsyncIterator[aiosqlite.Connection]:
    async with aiosqlite.connect(path, isolation_level=None, cached_statements=256) as connection:
        for pragma in (*_PRAGMAS, *(("PRAGMA query_only = ON",) if query_only else ())):
            await connection.execute_fetchall(pragma)
        yield connection
