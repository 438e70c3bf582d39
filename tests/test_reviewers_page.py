"""docs/reviewers.md says what is: its pictures are there, its buttons, commands and settings are the real ones."""

import re
import tomllib
from pathlib import Path

from conversations.programme import Retention, Review

REPOSITORY = Path(__file__).parents[1]
PAGE = (REPOSITORY / "docs" / "reviewers.md").read_text(encoding="utf-8")
MESSAGES = tomllib.loads((REPOSITORY / "templates" / "en" / "messages.toml").read_text(encoding="utf-8"))
BUTTONS = (
    *("view", "approve", "reject", "long", "return", "ask", "claim", "release", "take_over", "undo", "tell"),
    *("preview", "relay", "discard"),
)


def test_every_picture_and_page_that_is_linked_exists() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", PAGE) if "://" not in link]
    assert len(links) >= 10
    assert [link for link in links if not (REPOSITORY / "docs" / link).is_file()] == []


def test_every_picture_is_shown() -> None:
    shown = set(re.findall(r"\(desk/([\w-]+\.png)\)", PAGE))
    assert shown == {path.name for path in (REPOSITORY / "docs" / "desk").iterdir()}


def test_every_button_of_a_card_is_explained_by_its_name() -> None:
    for button in BUTTONS:
        label = re.sub(r"^\W+|[\W]+$", "", MESSAGES["buttons"][button])
        assert label in PAGE, button


def test_every_command_of_the_group_is_named_and_no_other() -> None:
    commands = set(MESSAGES["reviewer_commands"])
    assert set(re.findall(r"^\| `/(\w+)", PAGE, re.MULTILINE)) == commands


def test_every_setting_that_is_named_exists() -> None:
    for table, model in (("review", Review), ("retention", Retention)):
        named = set(re.findall(rf"`{table}\.(\w+)", PAGE))
        assert named and named <= set(model.model_fields), table


def test_the_readme_leads_to_it() -> None:
    assert "](docs/reviewers.md)" in (REPOSITORY / "README.md").read_text(encoding="utf-8")
