"""Every transcript, word for word, on the pure machine. `--update-transcripts` writes them anew; then read the diff."""

from pathlib import Path

import pytest

from bot.programmes import Loaded, load
from tests.transcripts.rehearse import Stage
from tests.transcripts.script import parse, write

FOLDER = Path(__file__).parent
SCRIPTS = sorted(FOLDER.glob("*.txt"))


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return load(None)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_the_pure_machine_says_what_the_transcript_says(
    path: Path, loaded: Loaded, request: pytest.FixtureRequest
) -> None:
    script = parse(path)
    played = write(Stage(loaded, script.language).play(script))
    if request.config.getoption("--update-transcripts"):
        path.write_text(played, encoding="utf-8")
    assert played == path.read_text(encoding="utf-8")


def test_there_are_at_least_forty_transcripts_in_both_languages() -> None:
    languages = [parse(path).language for path in SCRIPTS]
    assert len(languages) >= 40
    assert {"en", "zh"} == set(languages)
