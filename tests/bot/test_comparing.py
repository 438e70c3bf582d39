"""`intake agreement diff`: what changed is said clause by clause; 0 for the same, 1 for different, 2 for unusable."""

import asyncio
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import intake
from bot.programmes import load
from bot.starting import open_data
from storage import ledger
from tests.bot.folders import change, copy_of_the_shipped
from tests.bot.test_keys import settings_of
from tests.transcripts.changing import REVISED

AGREEMENT = load(None).programme.document("agreement", "en")


@pytest.fixture(autouse=True)
def two(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The shipped programme twice, in `old` and `new`, and no settings."""
    for name in os.environ:
        if name.startswith("INTAKE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    copy_of_the_shipped(tmp_path / "old")
    copy_of_the_shipped(tmp_path / "new")


def diff(old: str, new: str) -> Result:
    return CliRunner().invoke(intake, ["agreement", "diff", old, new])


def said(old: str, new: str) -> list[str]:
    result = diff(old, new)
    assert (result.exit_code, result.stderr) == (1, "")
    return result.stdout.splitlines()


def refused(old: str, new: str) -> str:
    result = diff(old, new)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return line


def test_what_is_the_same_is_said_to_be() -> None:
    for old, new in (
        ("old", "new"),
        ("old/agreement.en.md", "new/agreement.en.md"),
        ("old", "new/agreement.zh.md"),
    ):
        result = diff(old, new)
        assert (result.exit_code, result.output) == (0, "the same\n")


def test_every_clause_that_differs_is_named_with_its_sentences() -> None:
    for file, edits in REVISED.items():
        change(Path("new"), file, edits)
    lines = said("old/agreement.en.md", "new/agreement.en.md")
    assert lines == [
        "agreement in en:",
        "  changed: 3. How we use it",
        "    - - to improve our products and services",
        "    + - to write about the program, without naming anybody",
        "  removed: 4. Rules of use",
        "    - - Use your access only for internal learning, research, education and other non-commercial purposes.",
        "    - - Do not transfer, sell or share your access or your rights.",
        "    - - Do not use them commercially.",
        "    - - If you break these rules, we will end your rights under the program.",
        "    - We are not liable for losses that follow from this.",
        "  renumbered, before: 5. Your rights; now: 4. Your rights",
        "  added: 5. Complaints",
        "    + You can complain to the contact shown under /help.",
    ]
    both = said("old", "new")
    assert both[: len(lines)] == lines
    assert both[len(lines)] == "agreement in zh:"


def test_blanks_alone_are_said_to_be_blanks() -> None:
    change(Path("new"), "agreement.en.md", {"## 4. Rules of use\n\n": "## 4. Rules of use\n\n\n"})
    assert said("old/agreement.en.md", "new/agreement.en.md") == [
        "agreement in en:",
        "  changed: 4. Rules of use",
        "    only blanks and line breaks",
    ]


def test_a_folder_counts_as_people_read_it() -> None:
    change(Path("new"), "programme.toml", {"effective = 2025-03-07": "effective = 2026-05-01"})
    assert said("old", "new")[:4] == [
        "agreement in en:",
        "  changed: the beginning",
        "    - Version and effective date: **7 March 2025**",
        "    + Version and effective date: **1 May 2026**",
    ]
    assert diff("old/agreement.en.md", "new/agreement.en.md").exit_code == 0  # as the files stand
    assert said("old/agreement.en.md", "new")[0] == "agreement in en:"


def test_a_consent_that_only_one_has_is_named() -> None:
    toml = '[consents.improvement]\nbefore = "api_purpose"\nrequired = false\n\n# The questions, in'
    change(Path("new"), "programme.toml", {"# The questions, in": toml})
    assert said("old", "new") == [
        "improvement in en: only in the new one",
        "improvement in zh: only in the new one",
    ]


async def _keep(*texts: str) -> None:
    async with open_data(settings_of(Path("data"))) as (engine, _, _):
        for number, text in enumerate(texts):
            body = text or AGREEMENT.text
            text_hash = AGREEMENT.hash if not text else f"abcdef{number:058x}"
            await engine.write(
                lambda tx, one=text_hash, body=body: ledger.add_text(tx, one, "agreement", "en", body)  # type: ignore[misc]
            )


async def test_a_text_that_was_agreed_to_is_found_by_its_hash(tmp_path: Path) -> None:
    await _keep("", "other", "another")
    change(Path("new"), "agreement.en.md", {"Do not use them commercially.": "Do not use them commercially!"})
    script = CliRunner()

    def run(old: str, new: str) -> Result:
        return script.invoke(intake, ["agreement", "diff", old, new])

    found = await asyncio.to_thread(run, AGREEMENT.hash[:8], "new")
    assert found.stdout.splitlines() == [
        "agreement in en:",
        "  changed: 4. Rules of use",
        "    - - Do not use them commercially.",
        "    + - Do not use them commercially!",
    ]
    assert (await asyncio.to_thread(run, AGREEMENT.hash, "old/agreement.en.md")).output == "the same\n"
    assert (await asyncio.to_thread(run, "abcdef", "old")).stderr.startswith("abcdef: 2 texts have a hash")
    assert (await asyncio.to_thread(run, "000000", "old")).stderr.startswith("000000: no text has a hash")


def test_what_cannot_be_compared_is_said_in_one_line() -> None:
    Path("bytes.en.md").write_bytes(b"\xff")
    Path("mine.md").write_text("x\n")
    Path("empty").mkdir()
    assert refused("nowhere", "old").startswith("nowhere: no file or folder is called so")
    assert refused("abcdef12", "old") == (
        "there is no database at data/intake.sqlite; has the bot ever run on this data?"
    )
    assert refused("bytes.en.md", "mine.md") == "bytes.en.md is no UTF-8 text: byte 0"
    assert refused("mine.md", "old").startswith(
        "the file does not stand in the folder; there are agreement.en.md"
    )
    assert refused("empty", "old").startswith("programme.toml: the file: found nothing in empty")
