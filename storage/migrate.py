"""Brings a database to the schema of this code: numbered files, each applied whole or not at all.

A migration and its row in `schema_version` are one transaction, statement by statement (`executescript` would
commit in between). A migration that was shipped never changes: its hash is checked. A table may be made anew in one
(create, copy, drop, rename): foreign keys are looked at when it is done.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources.abc import Traversable

from storage.engine import Engine, Transaction
from storage.errors import MigrationFailed, MigrationMismatch

_TABLE = """CREATE TABLE IF NOT EXISTS schema_version (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    applied_at TEXT NOT NULL
)"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file: `0001_initial.sql`."""

    version: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations(folder: Traversable) -> list[Migration]:
    """The files of a folder, by number."""
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [Migration(int(name[:4]), name, (folder / name).read_text(encoding="utf-8")) for name in names]


Enter = Callable[[Transaction, str, datetime], None]


def _nothing(tx: Transaction, name: str, now: datetime) -> None:
    pass


async def migrate(engine: Engine, folder: Traversable, enter: Enter = _nothing) -> list[str]:
    """Apply what is missing, in order; the names applied. `enter` notes each by its name in its transaction.

    Raises MigrationMismatch, and MigrationFailed; then the one that failed has changed nothing.
    """
    await engine.write(lambda tx: tx.execute(_TABLE))
    known = migrations(folder)
    applied = await engine.read(_applied)
    _check(known, applied)
    names = []
    for migration in known:
        if migration.version not in applied:
            try:
                await engine.alter(_apply(migration, enter))
            except sqlite3.IntegrityError as error:
                raise MigrationFailed(
                    f"migration {migration.name} cannot be applied to the database: {error}"
                ) from error
            names.append(migration.name)
    return names


async def pending(engine: Engine, folder: Traversable) -> list[str]:
    """What `migrate` would apply."""
    try:
        applied = await engine.read(_applied)
    except Exception:  # no table yet: nothing was ever applied
        applied = {}
    known = migrations(folder)
    _check(known, applied)
    return [migration.name for migration in known if migration.version not in applied]


def _applied(tx: Transaction) -> dict[int, tuple[str, str]]:
    rows = tx.fetchall("SELECT version, name, sha256 FROM schema_version ORDER BY version")
    return {row[0]: (row[1], row[2]) for row in rows}


def _check(known: list[Migration], applied: dict[int, tuple[str, str]]) -> None:
    by_version = {migration.version: migration for migration in known}
    for version, (name, sha256) in applied.items():
        migration = by_version.get(version)
        if migration is None:
            raise MigrationMismatch(
                f"the database has migration {name}, which this version of Intake does not know; install a newer one"
            )
        if migration.sha256 != sha256:
            raise MigrationMismatch(f"migration {name} is not the one that was applied to this database")


def _apply(migration: Migration, enter: Enter) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        now = datetime.now(UTC)
        for statement in statements(migration.sql):
            tx.execute(statement)
        tx.execute(
            "INSERT INTO schema_version (version, name, sha256, applied_at) VALUES (?, ?, ?, ?)",
            (migration.version, migration.name, migration.sha256, now.isoformat()),
        )
        enter(tx, migration.name, now)

    return work


def statements(sql: str) -> Iterator[str]:
    """The statements of a script, whole: strings, comments and triggers may hold semicolons."""
    statement = ""
    for piece in sql.split(";"):
        statement += piece + ";"
        if sqlite3.complete_statement(statement):
            if _says_something(statement):
                yield statement.strip()
            statement = ""
    if _says_something(statement.removesuffix(";")):
        yield statement.strip()


def _says_something(statement: str) -> bool:
    lines = (line.split("--")[0].strip() for line in statement.splitlines())
    return any(line not in {"", ";"} for line in lines)
