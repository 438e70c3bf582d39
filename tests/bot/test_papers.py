"""The record of processing activities says what the programme says, whole, in each language, and names what is open."""

import re
from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import intake
from bot.mistakes import Refused
from bot.papers import FILE, recorded
from bot.programmes import GAPS, gaps, load
from bot.spoken import Spoken
from tests.bot.folders import add_advisor, change, copy_of_the_shipped

LOADED = load(None)
LANGUAGES = LOADED.programme.languages
HANZI = re.compile(r"[\u4e00-\u9fff]")


def decided(folder: Path) -> None:
    """Everything that a programme can decide."""
    text = (
        (folder / "programme.toml").read_text(encoding="utf-8").replace("platform.example", "university.edu")
    )
    for key in ("minimum_age", "appeal", "name", "hosted_in", "transfers_to", "officer", "representative"):
        text = text.replace(f"# {key} =", f"{key} =")
    (folder / "programme.toml").write_text(text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copy_of_the_shipped(tmp_path / "mine")


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_names_every_field_purpose_consent_clause_and_text(language: str) -> None:
    text, words, programme = recorded(LOADED, language), LOADED.words[language], LOADED.programme
    named = [words["questions"][question.key]["name"] for question in programme.questions]
    named += words["purposes"].values()
    named += [words["consents"][consent.key]["name"] for consent in programme.consents]
    named += [
        text.hash
        for texts in (programme.documents[key] for key in ("agreement", "notice"))
        for text in texts.values()
    ]
    named += [value for value in programme.contact.model_dump().values() if value]
    named += [link.url for link in programme.links.values()]
    named += ["/privacy", "/mydata", "/correct", "/withdraw", "/delete", "Telegram", "AES-256-GCM"]
    assert [one for one in named if one not in text] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["draft", "photo", "approved", "rejected", "withdrawn"])
def test_it_says_how_long_each_kind_of_thing_is_kept(folder: Path, language: str, kind: str) -> None:
    (line,) = re.findall(
        rf"^{kind}_days = \d+", (folder / "programme.toml").read_text(encoding="utf-8"), re.M
    )
    change(folder, "programme.toml", {line: f"{kind}_days = 77"})
    text = recorded(load(folder), language)
    before = recorded(LOADED, language)
    spoken = Spoken(LOADED.messages[language]["format"]).days(77)
    assert spoken not in before
    assert sum(spoken in row for row in text.splitlines() if row.startswith("|")) == (
        2 if kind == "draft" else 1
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_still_to_be_decided_is_named(language: str) -> None:
    last = recorded(LOADED, language).split("\n## ")[-1]
    assert re.findall(r"^- `(\S+)`", last, re.M) == [gap.key for gap in gaps(LOADED.programme)]
    assert "university-x@platform.example" in last


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_decided_stands_in_it_and_is_not_called_open(folder: Path, language: str) -> None:
    decided(folder)
    text = recorded(load(folder), language)
    assert [one for one in ("Platform Example Ltd", "SG", "US") if one not in text] == []
    assert "- `" not in text.split("\n## ")[-1]
    open_before = {"en": "still to be decided**", "zh": "尚待确定**"}[language]
    assert open_before in recorded(LOADED, language)
    assert open_before not in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("who", ['"administrators"', "[7, 8]"])
def test_it_says_who_decides(folder: Path, language: str, who: str) -> None:
    change(folder, "programme.toml", {'who = "members"': f"who = {who}"})
    text = recorded(load(folder), language)
    assert text != recorded(LOADED, language)
    assert ("2 listed accounts" in text or "2个账号" in text) is (who == "[7, 8]")


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_tables_hold_whatever_the_words_are(folder: Path, language: str) -> None:
    add_advisor(folder)
    name = re.search(
        r'advisor = \{ name = "([^"]+)"', (folder / f"words.{language}.toml").read_text(encoding="utf-8")
    )
    assert name is not None
    change(folder, f"words.{language}.toml", {f'name = "{name[1]}"': 'name = "A | B"'})
    text = recorded(load(folder), language)
    assert r"A \| B" in text
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.M)
    assert len(blocks) == 5
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in block.splitlines()}) == 1
    assert "\n\n\n" not in text


def test_no_language_speaks_another_one() -> None:
    assert not HANZI.search(recorded(LOADED, "en"))
    chinese = re.sub(r"`[^`]*`|https?://\S+|\S+@\S+|^- 地址.*$", "", recorded(LOADED, "zh"), flags=re.M)
    words = set(re.findall(r"[A-Za-z]{2,}", chinese))
    assert words <= {
        "Telegram",
        "GDPR",
        "SHA",
        "AES",
        "GCM",
        "JSON",
        "API",
        "University",
        "UTC",
        "en",
        "zh",
        "ID",
    } | {"privacy", "mydata", "correct", "withdraw", "delete"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_gap_has_words(language: str) -> None:
    template = (files("templates") / language / FILE).read_text(encoding="utf-8")
    table = template.split("gap_words = {")[1].split("} %}")[0]
    assert re.findall(r'^  "(\w+)":', table, re.M) == list(GAPS)


def test_every_language_of_the_bot_has_its_record() -> None:
    folders = [one for one in files("templates").iterdir() if (one / "messages.toml").is_file()]
    assert [one.name for one in folders if not (one / FILE).is_file()] == []


def test_a_programme_with_other_choices_is_recorded(folder: Path) -> None:
    photo = "[consents.identity_photo]"
    optional = f'[consents.improvement]\nbefore = "scenarios"\nrequired = false\n\n{photo}'
    nothing = {'fulfilment = ["provide", "contact", "support"]': ""}
    change(folder, "programme.toml", nothing | {photo: optional})
    text = recorded(load(folder), "en")
    assert "of approved ones, nothing, since no purpose is named for it" in text
    assert "Optional, off until agreed to: Helping us improve." in text


def test_the_command_prints_it_in_the_language_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INTAKE_PROGRAMME", raising=False)
    for arguments, language in (((), "en"), (("--language", "zh"), "zh")):
        result = CliRunner().invoke(intake, ["record", *arguments])
        assert (result.exit_code, result.stdout, result.stderr) == (0, recorded(LOADED, language), "")
    result = CliRunner().invoke(intake, ["record", "--language", "fr"])
    assert (result.exit_code, result.stdout, result.stderr) == (
        2,
        "",
        "--language: found 'fr'; allowed: en, zh\n",
    )


def test_a_language_without_the_records_words_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.papers.FILE", "nothing.md")
    with pytest.raises(Refused, match=r"^templates/en/nothing\.md is missing"):
        recorded(LOADED)
