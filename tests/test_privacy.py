"""docs/privacy.md says what is: every table and column of the real schema, sealed or not, and the periods there are."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from bot.jobs import SEEN_DAYS
from bot.parked import PARKED_DAYS
from bot.pruning import KEYS_DAYS
from conversations.programme import Retention, Review
from storage.engine import Transaction
from storage.folder import OWN
from storage.migrate import migrate
from storage.sqlite import SQLite

REPOSITORY = Path(__file__).parents[1]
TEXT = (REPOSITORY / "docs" / "privacy.md").read_text(encoding="utf-8")
BY_A_KEY = {"sealed", "operator"}


def told() -> list[tuple[str, str, str]]:
    """(table, column, how it is kept), as the document has it."""
    part = TEXT.split("<!-- schema -->")[1].split("<!-- /schema -->")[0]
    return re.findall(r"^\| `(\w+)` \| `(\w+)` \| (\w+) \|", part, re.M)


async def schema(folder: Path) -> list[tuple[str, str, str]]:
    """(table, column, type), as the migrations make it."""

    def work(tx: Transaction) -> list[tuple[str, str, str]]:
        return [
            (row[0], row[1], row[2])
            for row in tx.fetchall(
                "SELECT m.name, c.name, c.type FROM sqlite_master m, pragma_table_info(m.name) c"
                " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'"
            )
        ]

    async with SQLite.open(folder / "intake.sqlite") as engine:
        await migrate(engine, files("storage") / "migrations")
        return await engine.read(work)


async def test_every_table_and_column_is_told_of_and_no_other(tmp_path: Path) -> None:
    assert sorted((table, column) for table, column, _ in told()) == sorted(
        (table, column) for table, column, _ in await schema(tmp_path)
    )


async def test_what_is_said_to_be_sealed_is_bytes_and_all_else_is_not(tmp_path: Path) -> None:
    kept = {(table, column): how for table, column, how in told()}
    assert set(kept.values()) == {*BY_A_KEY, "clear"}
    for table, column, kind in await schema(tmp_path):
        assert (kept[table, column] in BY_A_KEY) is (kind == "BYTEA"), (table, column)


def test_every_period_and_file_that_there_is_is_told_of() -> None:
    for period in Retention.model_fields:
        assert f"{period}`" in TEXT
    assert set(re.findall(r"`(?:retention|review)\.(\w+)`", TEXT)) <= {
        *Retention.model_fields,
        *Review.model_fields,
    }
    assert f"{PARKED_DAYS} days after the last try" in TEXT
    assert re.search(rf"^\| number of a handled update \| {SEEN_DAYS} days \|", TEXT, re.M)
    assert [name for name in OWN if f"| `{name}` |" not in TEXT] == []


OUT_OF_REACH = [
    "a screenshot",
    "what telegram keeps",
    "servers' copies and backups",
    "forwarded copies",
    "a message whose sending was never answered",
    "a chat that is closed to the bot",
    "after 48 hours",
    "exports",
    "his own messages and photos",
    "what was said between a backup and the loss of the data",
    "wear levelling",
    "what he did as a reviewer",
    "logs of the machine around it",
]


@pytest.mark.parametrize("what", OUT_OF_REACH)
def test_what_no_erasure_reaches_is_said(what: str) -> None:
    part = TEXT.split("**Not at all, by this program:**")[1].split("## Proofs")[0]
    assert what in " ".join(part.split()).casefold()


def test_how_long_an_erased_persons_key_may_stand_in_a_backup_is_said() -> None:
    assert f"keeps keys for {KEYS_DAYS} days at most" in TEXT


def test_every_file_that_is_named_in_the_repository_exists() -> None:
    assert [one for one in re.findall(r"`(tests/\S+)`", TEXT) if not (REPOSITORY / one).exists()] == []


def test_the_readme_leads_to_it() -> None:
    assert "](docs/privacy.md)" in (REPOSITORY / "README.md").read_text(encoding="utf-8")
