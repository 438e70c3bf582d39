"""Every transcript, word for word, on the pure machine and through the whole bot.

`--update-transcripts` writes them anew from what the pure machine says; then read the diff.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.programmes import Loaded, load
from tests.transcripts.rehearse import Stage
from tests.transcripts.script import parse, write
from tests.transcripts.through_the_bot import Play, Theatre, opened

FOLDER = Path(__file__).parent
SCRIPTS = sorted(FOLDER.glob("*.txt"))
EACH = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return load(None)


@EACH
def test_the_pure_machine_says_what_the_transcript_says(
    path: Path, loaded: Loaded, request: pytest.FixtureRequest
) -> None:
    script = parse(path)
    heard = Stage(loaded, script.language).play(script)
    assert [one.text for step in heard.steps for one in step.heard if "\n\n\n" in one.text] == []
    played = write(heard)
    if request.config.getoption("--update-transcripts"):
        path.write_text(played, encoding="utf-8")
    assert played == path.read_text(encoding="utf-8")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def theatre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Theatre]:
    async with opened(tmp_path_factory.mktemp("theatre")) as open_theatre:
        yield open_theatre


@EACH
@pytest.mark.asyncio(loop_scope="module")
async def test_the_whole_bot_says_what_the_transcript_says(path: Path, theatre: Theatre) -> None:
    script = parse(path)
    played = await Play(theatre, script).play()
    assert write(played) == path.read_text(encoding="utf-8")


def test_there_are_at_least_forty_transcripts_in_both_languages() -> None:
    languages = [parse(path).language for path in SCRIPTS]
    assert len(languages) >= 40
    assert {"en", "zh"} == set(languages)
