"""The README says what is: its generated parts are the real ones, and what it names exists."""

import re
import tomllib
from pathlib import Path

import pytest

from bot.cli import intake
from bot.describing import audit_table, commands_table, insert, metrics_table, settings_table
from bot.photo_jail import MEMORY_LIMIT
from bot.photo_rules import SECONDS_LIMIT
from bot.pruning import KEYS_DAYS
from bot.reading import COMMANDS
from bot.receiver import BODY_LIMIT
from bot.settings import PREFIX, Settings
from conversations.describe import picture
from tests.bot import hostile, test_erasure, test_keys, test_mydata, test_presses
from tests.bot.folders import ADVISOR, ADVISOR_TOML

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PARTS = {
    "settings": settings_table(),
    "commands": commands_table(intake),
    "metrics": metrics_table(),
    "audit": audit_table(),
    "states": f"```mermaid\n{picture()}```",
}


def part(name: str) -> str:
    """What stands between a part's markers."""
    found = re.findall(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", README, re.DOTALL)
    assert len(found) == 1, f"the README has {len(found)} parts {name}"
    return str(found[0]).rstrip("\n")


@pytest.mark.parametrize("name", PARTS)
def test_a_generated_part_is_the_real_one(name: str) -> None:
    """When this fails: `intake describe --update README.md`."""
    assert part(name) == PARTS[name]


def test_writing_the_parts_again_changes_nothing() -> None:
    assert insert(README, PARTS) == README


def test_every_command_of_the_chat_is_named_and_no_other() -> None:
    table = README.split("### Commands of the chat")[1].split("###")[0]
    assert re.findall(r"^\| `/(\w+)` \|", table, re.MULTILINE) == list(COMMANDS)


def test_every_setting_stands_in_the_example_file_and_no_other() -> None:
    example = (REPOSITORY / ".env.example").read_text(encoding="utf-8")
    names = re.findall(r"^(?:# )?(INTAKE_\w+)=", example, re.MULTILINE)
    assert names == [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]


def test_every_setting_and_command_that_is_mentioned_exists() -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"INTAKE_[A-Z_]+[A-Z]", README)) <= known
    assert set(re.findall(r"`intake ([a-z]+)", README)) <= set(intake.commands)
    targets = re.findall(
        r"^([a-z]+):.*##", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert set(re.findall(r"^make ([a-z]+)", README, re.MULTILINE)) <= set(targets)


def test_every_file_and_folder_that_is_linked_exists() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert [link for link in links if not (REPOSITORY / link).exists()] == []


def test_the_example_of_one_more_question_is_the_one_that_is_tested() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    tables = [tomllib.loads(block) for block in blocks]
    assert tomllib.loads(ADVISOR_TOML) in tables
    assert tomllib.loads(ADVISOR["en"]) in tables
    assert tomllib.loads(ADVISOR["zh"]) in tables


# what it promises of safety and privacy

PROMISES = re.findall(r"^\| (?!promise|-)(.+) \| (.+) \| (.+) \|$", part("promises"), re.MULTILINE)
FIGURES = {
    "within {} s, though": int(test_erasure.WITHIN),
    "keys are kept for {} days": KEYS_DAYS,
    "{} pairs of people": test_mydata.USUAL,
    "{} people, ": test_keys.PEOPLE,
    "{} kills": test_keys.KILLS,
    "{} of them, one child": hostile.COUNT,
    "over {} MB refused": BODY_LIMIT // 1_000_000,
    "at most {} MiB": MEMORY_LIMIT >> 20,
    "{} s each": SECONDS_LIMIT,
    "{} in `make test`": 2 * test_presses.FORGED,
}


def test_every_promise_names_what_shows_it() -> None:
    assert len(PROMISES) == part("promises").count("\n") - 1
    for promise, _, shown in PROMISES:
        files = re.findall(r"`(tests/[\w/]+\.py)`", shown)
        assert files, promise
        assert [one for one in files if not (REPOSITORY / one).is_file()] == [], promise


@pytest.mark.parametrize("words", FIGURES)
def test_the_figures_of_the_promises_are_those_of_the_tests(words: str) -> None:
    assert words.format(f"{FIGURES[words]:,}") in part("promises")
