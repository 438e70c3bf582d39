"""Programmes of one's own: a copy of the shipped folder, changed by hand."""

import shutil
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path

ADVISOR_TOML = """
[questions.advisor]
kind = "text"
max = 80
required = false
clause = "2"
purposes = ["verify"]

"""
ADVISOR = {
    "en": 'advisor = { name = "Advisor", ask = "Who supervises your work?", example = "Prof. Lin Wei" }',
    "zh": 'advisor = { name = "导师", ask = "谁指导你的工作？", example = "林伟教授" }',
}


def copy_of_the_shipped(folder: Path) -> Path:
    """The University X Program in a folder of its own."""
    with as_file(files("templates") / "university_x") as shipped:
        shutil.copytree(shipped, folder)
    return folder


def change(folder: Path, name: str, changes: Mapping[str, str]) -> None:
    """Put words in place of others that stand in the file."""
    path = folder / name
    text = path.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text, f"{old!r} does not stand in {name}"
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")


def add_advisor(folder: Path) -> None:
    """One more question: a table, and a line in each language."""
    change(folder, "programme.toml", {"[questions.identity]": f"{ADVISOR_TOML}[questions.identity]"})
    for language, line in ADVISOR.items():
        change(folder, f"words.{language}.toml", {"[questions]": f"[questions]\n{line}"})
