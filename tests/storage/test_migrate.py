"""Migrations: whole or not at all, never changed, and in sum the schema."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from storage.engine import Transaction
from storage.errors import MigrationFailed, MigrationMismatch
from storage.migrate import migrate, migrations, pending, statements
from storage.sqlite import SQLite
from tests.storage import live
from tests.storage.killed import copied

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
        # a column that was added stands there with other blanks
        found = sorted(
            (kind, name, re.sub(r"\s*([(),])\s*", r"\1", " ".join((sql or "").split())))
            for kind, name, sql in rows
        )
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


async def test_rows_that_do_not_go_with_a_migration_stay_and_it_is_named(path: Path, folder: Path) -> None:
    async with SQLite.open(path) as engine:
        await migrate(engine, folder)
        (folder / "0002_second.sql").write_text(
            "CREATE TABLE c (x); CREATE UNIQUE INDEX one ON a (length(x))"
        )
        await engine.write(lambda tx: tx.execute("INSERT INTO a VALUES ('six')"))
        await engine.write(lambda tx: tx.execute("INSERT INTO a VALUES ('ten')"))
        with pytest.raises(MigrationFailed, match=r"0002_second\.sql cannot be applied .* UNIQUE constraint"):
            await migrate(engine, folder)
        assert await pending(engine, folder) == ["0002_second.sql"]
        assert "c" not in await engine.read(tables)


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


# killed on the way

ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).parents[2])}
NEXT = """-- What an upgrade may have to do: tables made anew, with those that refer to them; columns that come and go.
CREATE TABLE states (
    person_id TEXT PRIMARY KEY REFERENCES people (person_id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    due_at TEXT
);
INSERT INTO states (person_id, state, due_at) SELECT person_id, state, due_at FROM people;
ALTER TABLE people ADD COLUMN language TEXT NOT NULL DEFAULT 'en';
UPDATE people SET language = 'zh'
WHERE person_id IN (SELECT person_id FROM consents WHERE language = 'zh');
CREATE TABLE people_anew (
    person_id TEXT PRIMARY KEY,
    ref TEXT NOT NULL UNIQUE,
    wrapped_key BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    language TEXT NOT NULL
);
INSERT INTO people_anew SELECT person_id, ref, wrapped_key, sealed, language FROM people;
DROP TABLE people;
ALTER TABLE people_anew RENAME TO people;
ALTER TABLE errands DROP COLUMN attempts;
DELETE FROM seen WHERE update_id % 2 = 0;
UPDATE photos SET sealed = sealed || X'00';
"""


async def database_of(version: str, path: Path) -> None:
    """What that shipped version left, with live drafts; an empty one for none."""
    async with SQLite.open(path):
        pass
    if version:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript((live.SHIPPED / version).read_text(encoding="utf-8"))


def content(path: Path) -> dict[str, Any]:
    """The schema and all rows but those of the migrations themselves; the database must be whole."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        tables = [name for kind, name, _ in schema(path) if kind == "table"]
        rows = {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in tables}
    return {"schema": schema(path), **rows}


async def applied(path: Path) -> list[str]:
    async with SQLite.open(path) as engine:
        has_any = "schema_version" in await engine.read(tables)
        return [name for _, name in await engine.read(versions)] if has_any else []


async def steps(path: Path, folder: Path, tmp_path: Path) -> dict[str, dict[str, Any]]:
    """The content after each migration, by the last one's name, when nothing disturbs them."""
    copy, part = copied(path, tmp_path, "undisturbed"), tmp_path / "part"
    part.mkdir()
    stands = await applied(copy)
    found = {"".join(stands[-1:]): content(copy)}
    for one in migrations(folder):
        shutil.copy(folder / one.name, part)
        if one.name in stands:
            continue
        async with SQLite.open(copy) as engine:
            if await migrate(engine, part):
                found[one.name] = content(copy)
    return found


def killed(path: Path, folder: Path, tmp_path: Path) -> list[Path]:
    """Copies of a database, the upgrade of each killed at another moment."""
    command = [sys.executable, "-m", "tests.storage.killed", *map(str, (path, folder, tmp_path / "killed"))]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    return sorted((tmp_path / "killed").glob("*/intake.sqlite"))


async def check_kills(path: Path, folder: Path, tmp_path: Path) -> None:
    """Every copy stands between two migrations, and the next upgrade ends as if nothing had been."""
    wanted = await steps(path, folder, tmp_path)
    *_, last = wanted.values()
    copies = killed(path, folder, tmp_path)
    stood_at = set()
    for copy in copies:
        stood_at.add(at := "".join((await applied(copy))[-1:]))
        assert content(copy) == wanted[at]
        async with SQLite.open(copy) as engine:
            await migrate(engine, folder)
        assert content(copy) == last
    assert stood_at == set(wanted)
    print(f"{len(copies)} upgrades of {path.name} by {len(wanted) - 1} migrations killed and ended")


@pytest.mark.parametrize("version", ["", *(one.name for one in migrations(SHIPPED))])
async def test_an_upgrade_from_any_shipped_version_killed_at_any_moment_loses_nothing(
    path: Path, tmp_path: Path, version: str
) -> None:
    await database_of(version, path)
    await check_kills(path, Path(str(SHIPPED)), tmp_path)


async def test_an_upgrade_that_makes_tables_anew_killed_at_any_moment_loses_nothing(
    path: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "made_up"
    shutil.copytree(str(SHIPPED), folder)
    (folder / "9999_made_up.sql").write_text(NEXT)
    async with SQLite.open(path) as engine:
        await migrate(engine, SHIPPED)
        await engine.write(live.fill)
        shutil.copytree(path.parent, tmp_path / "running")  # what a process that was killed has left
    before = content(path)
    left = tmp_path / "running" / path.name
    assert Path(f"{left}-wal").stat().st_size > 0
    await check_kills(left, folder, tmp_path)
    async with SQLite.open(path) as engine:
        await migrate(engine, folder)
    after = content(path)
    columns = {row[0]: row for row in before["people"]}
    assert after["states"] == sorted(((one[0], one[4], one[7]) for one in columns.values()), key=repr)
    assert [one[:4] for one in after["people"]] == [one[:4] for one in before["people"]]
    assert {one[4] for one in after["people"]} == {"en", "zh"}
    for table in ("applications", "consents", "messages", "parked", "audit", "tombstones", "facts", "texts"):
        assert after[table] == before[table]
    assert after["errands"] == [one[:4] + one[5:] for one in before["errands"]]


async def test_a_database_of_every_shipped_version_is_kept(path: Path, tmp_path: Path) -> None:
    assert sorted(one.name for one in live.SHIPPED.iterdir()) == [one.name for one in migrations(SHIPPED)], (
        "write down the newest: python -m tests.storage.live"
    )
    async with SQLite.open(path) as engine:
        await migrate(engine, SHIPPED)
        await engine.write(live.fill)
        wanted = await engine.read(live.found)
    for one in migrations(SHIPPED):
        old = tmp_path / one.name
        await database_of(one.name, old)
        async with SQLite.open(old) as engine:
            await migrate(engine, SHIPPED)
            assert await engine.read(live.found) == wanted


async def test_a_change_that_breaks_a_reference_is_not_made(path: Path, folder: Path) -> None:
    (folder / "0002_second.sql").write_text(
        "CREATE TABLE p (x TEXT PRIMARY KEY); CREATE TABLE c (x TEXT REFERENCES p (x)); INSERT INTO c VALUES ('a');"
    )
    async with SQLite.open(path) as engine:
        with pytest.raises(MigrationFailed, match="rows of c refer to rows of p that are not there"):
            await migrate(engine, folder)
        assert await engine.read(tables) == ["a", "schema_version"]
        assert await engine.write(lambda tx: tx.fetchone("PRAGMA foreign_keys")) == (1,)
