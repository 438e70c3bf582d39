"""Migrations: whole or not at all, never changed, and in sum the schema."""

import sqlite3
from importlib.resources import files
from pathlib import Path

import pytest

from storage.engine import Transaction
from storage.errors import MigrationMismatch
from storage.migrate import migrate, migrations, pending, statements
from storage.sqlite import SQLite

SHIPPED = files("storage") / "migrations"
FIRST = "CREATE TABLE a (x TEXT);\n-- a comment; with a semicolon\nINSERT INTO a VALUES ('one; two');\n"
SECOND = "CREATE TABLE b (x TEXT);\nINSERT INTO b VALUES ('three');\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "migrations"
    made.mkdir()
    (made / "0001_first.sql").write_text(FIRST)
    (made / "README.md").write_text("no migration")
    return made


def tables(tx: Transaction) -> list[str]:
    return [
        row[0] for row in tx.fetchall("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    ]


def versions(tx: Transaction) -> list[tuple[int, str]]:
    return [(row[0], row[1]) for row in tx.fetchall("SELECT version, name FROM schema_version")]


def schema(path: Path) -> list[tuple[str, str, str]]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE name != 'schema_version'")
        found = sorted((kind, name, " ".join((sql or "").split())) for kind, name, sql in rows)
    connection.close()
    return [row for row in found if not row[1].startswith("sqlite_autoindex_schema_version")]


async def test_schema_is_the_sum_of_the_migrations(tmp_path: Path) -> None:
    async with SQLite.open(tmp_path / "migrated.sqlite") as engine:
        await migrate(engine, SHIPPED)
    written = tmp_path / "written.sqlite"
    connection = sqlite3.connect(written)
    connection.executescript((files("storage") / "schema.sql").read_text(encoding="utf-8"))
    connection.close()
    assert schema(tmp_path / "migrated.sqlite") == schema(written)


async def test_migrate_applies_what_is_missing_in_order(path: Path, folder: Path) -> None:
    async with SQLite.open(path) as engine:
        assert await pending(engine, folder) == ["0001_first.sql"]
        assert await migrate(engine, folder) == ["0001_first.sql"]
        (folder / "0003_third.sql").write_text("INSERT INTO b VALUES ('four')")
        (folder / "0002_second.sql").write_text(SECOND)
        assert await pending(engine, folder) == ["0002_second.sql", "0003_third.sql"]
        assert await migrate(engine, folder) == ["0002_second.sql", "0003_third.sql"]
        assert await migrate(engine, folder) == []
        assert await pending(engine, folder) == []
        assert await engine.read(lambda tx: tx.fetchall("SELECT x FROM a UNION ALL SELECT x FROM b")) == [
            ("one; two",),
            ("three",),
            ("four",),
        ]


async def test_a_migration_that_was_changed_is_refused(path: Path, folder: Path) -> None:
    async with SQLite.open(path) as engine:
        await migrate(engine, folder)
        (folder / "0001_first.sql").write_text(FIRST + "\n")
        with pytest.raises(MigrationMismatch, match=r"0001_first\.sql is not the one that was applied"):
            await migrate(engine, folder)
        with pytest.raises(MigrationMismatch):
            await pending(engine, folder)


async def test_a_database_of_a_newer_version_is_refused(path: Path, folder: Path) -> None:
    (folder / "0002_second.sql").write_text(SECOND)
    async with SQLite.open(path) as engine:
        await migrate(engine, folder)
        (folder / "0002_second.sql").unlink()
        (folder / "0003_third.sql").write_text("CREATE TABLE c (x TEXT)")
        with pytest.raises(
            MigrationMismatch, match=r"0002_second\.sql, which this version .* install a newer"
        ):
            await migrate(engine, folder)
        assert "c" not in await engine.read(tables)


@pytest.mark.parametrize(
    "broken", ["INSERT INTO nowhere VALUES (1);", "CREATE TABLE a (x TEXT);", "nonsense;"]
)
async def test_a_migration_that_fails_midway_leaves_nothing_half(
    path: Path, folder: Path, broken: str
) -> None:
    (folder / "0002_second.sql").write_text(SECOND + broken + "\nCREATE TABLE c (x TEXT);")
    async with SQLite.open(path) as engine:
        with pytest.raises(Exception, match=r"nowhere|already exists|syntax"):
            await migrate(engine, folder)
        assert await engine.read(tables) == ["a", "schema_version"]
        assert await engine.read(versions) == [(1, "0001_first.sql")]
        (folder / "0002_second.sql").write_text(SECOND)
        assert await migrate(engine, folder) == ["0002_second.sql"]


async def test_a_process_that_ends_between_two_statements_leaves_nothing_half(
    path: Path, folder: Path
) -> None:
    async with SQLite.open(path) as engine:
        await migrate(engine, folder)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(next(statements(SECOND)))
    connection.close()  # as the end of a process closes it: without a commit
    async with SQLite.open(path) as engine:
        assert await engine.read(tables) == ["a", "schema_version"]


def test_migrations_are_read_by_their_number(folder: Path) -> None:
    (folder / "0010_tenth.sql").write_text("SELECT 1")
    assert [(one.version, one.name) for one in migrations(folder)] == [
        (1, "0001_first.sql"),
        (10, "0010_tenth.sql"),
    ]


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("", []),
        ("-- nothing;\n ;;\n", []),
        ("SELECT 1", ["SELECT 1;"]),
        ("SELECT ';'; SELECT 2;", ["SELECT ';';", "SELECT 2;"]),
        (
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; DELETE FROM c; END; SELECT 1;",
            ["CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; DELETE FROM c; END;", "SELECT 1;"],
        ),
    ],
)
def test_statements_are_whole(script: str, found: list[str]) -> None:
    assert list(statements(script)) == found
