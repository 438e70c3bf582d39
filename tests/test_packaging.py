"""The wheel: everything that the program needs travels in it, and it works away from the repository."""

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGES = ("bot", "conversations", "storage", "templates")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `make wheel` builds it, into a folder of its own."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel alone, in a folder; its dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run(
        [*command, "--target", str(folder), str(wheel)], check=True, capture_output=True, timeout=120
    )
    return folder


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`intake` as installed, started in a folder that has nothing to do with the repository."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INTAKE_")}
    environment |= {"PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_wheel_holds_exactly_the_packages_files(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = {name for name in opened.namelist() if ".dist-info/" not in name}
    wanted = {
        str(path.relative_to(REPOSITORY))
        for package in PACKAGES
        for path in (REPOSITORY / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == wanted


def test_the_wheel_holds_what_is_no_python_too(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
    assert names >= {
        "storage/schema.sql",
        "storage/migrations/0001_initial.sql",
        "bot/sandbox/page/index.html",
        "templates/en/messages.toml",
        "templates/zh/messages.toml",
        "templates/university_x/programme.toml",
        "templates/university_x/agreement.zh.md",
    }
    assert not [name for name in names if name.startswith("tests")]
    (licence,) = [name for name in names if name.endswith("/LICENSE")]
    assert ".dist-info/" in licence


def test_the_installed_command_works_away_from_the_repository(installed: Path, tmp_path: Path) -> None:
    intake = str(installed / "bin" / "intake")
    checked = run(installed, tmp_path, intake, "check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.splitlines()[-1].endswith(": good")
    described = run(installed, tmp_path, intake, "describe")
    assert (described.returncode, described.stderr) == (0, "")
    assert "stateDiagram-v2" in described.stdout
    assert list(tmp_path.iterdir()) == []


def test_it_is_the_installed_code_that_was_run(installed: Path, tmp_path: Path) -> None:
    where = (
        "import bot, conversations, storage; print(bot.__file__, conversations.__file__, storage.__file__)"
    )
    found = run(installed, tmp_path, "-c", where).stdout.split()
    assert found == [str(installed / name / "__init__.py") for name in ("bot", "conversations", "storage")]


def test_the_installed_database_can_be_made(installed: Path, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "INTAKE_TOKEN=123456789:a-secret-of-the-bot\nINTAKE_GROUP=-5\nINTAKE_DATA=kept\n"
    )
    (tmp_path / ".env").chmod(0o600)
    migrated = run(installed, tmp_path, "-m", "bot", "migrate")
    assert (migrated.returncode, migrated.stdout) == (
        0,
        "applied 0001_initial.sql\napplied 0002_card_index.sql\napplied 0003_particulars.sql\n"
        "applied 0004_audit_subject.sql\napplied 0005_tallies.sql\napplied 0006_desk.sql\n",
    )
    assert [json.loads(line)["action"] for line in migrated.stderr.splitlines()] == ["key_made"]
    assert (tmp_path / "kept" / "intake.sqlite").stat().st_size > 0


def test_every_dependency_is_pinned_with_its_hashes_and_from_no_index_of_its_own() -> None:
    lock = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    pinned = re.findall(
        r"^([\w.-]+)(?:\[[\w,-]+\])?==\S+((?:.*\\\n +--hash=sha256:[0-9a-f]{64})+)", lock, re.MULTILINE
    )
    assert len(pinned) == len(
        re.findall(r"^\w", lock, re.MULTILINE)
    )  # no line that names one is of another form
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    wanted = {re.split(r"[\[<>=~! ;]", one)[0].lower() for one in asked}
    assert wanted <= {name.lower() for name, _ in pinned}
    assert "://" not in re.sub(r"^ *#.*$", "", lock, flags=re.MULTILINE)
