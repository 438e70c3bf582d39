"""What an older version left in the middle of things is taken up rightly by this one."""

from pathlib import Path

import pytest

from bot.clock import wall
from bot.people import People
from conversations.state import Reading
from storage import store
from tests.applying import at, has, press
from tests.bot.stage import Stage, playing
from tests.cast import Person

pytestmark = pytest.mark.usefixtures("logs_as_before")
NOTE = {
    "en": "The bot was updated after this text was put before you, so the text must be shown once more.",
    "zh-hans": "这段文字向你展示之后，机器人做了更新，因此需要再展示一次。",
}


async def forget_what_was_shown(play: Stage, person: Person) -> None:
    """As a version left it that did not keep which text it had put before somebody."""
    people = People(play.app.engine, play.app.vault)
    crowd = await people.load([people.ref(person.id)], (), (), ())
    (known,) = crowd.by_id.values()
    state = known.applicant.state
    assert isinstance(state, Reading) and state.ticked and state.shown
    older = known.applicant.model_copy(update={"state": state.model_copy(update={"shown": ""})})
    sealed = people.seal(known.key, older)
    await play.app.engine.write(
        lambda tx: store.save_person(
            tx, older.person_id, sealed, "reading", None, asks_anew=False, now=wall()
        )
    )


@pytest.mark.parametrize("language", NOTE)
async def test_nobody_agrees_to_a_text_of_which_an_older_version_kept_no_word(
    tmp_path: Path, language: str
) -> None:
    async with playing(tmp_path) as play:
        mei = play.cast.applicant("Mei", language)
        mei.start()
        await mei.hears(has("tick"))
        await press(mei, "tick")
        await mei.hears(lambda message: "☑" in " ".join(message.keys))
        await play.settled()
        await forget_what_was_shown(play, mei)
        await play.stop()
        await play.start()
        await press(mei, "go")
        shown = await mei.hears(NOTE[language])
        assert "⚠️" not in shown.text  # and nothing is said to have changed

        async def ledger() -> list[str]:
            rows = await play.app.engine.read(lambda tx: tx.fetchall("SELECT text_hash FROM consents"))
            return [row[0] for row in rows]

        assert await ledger() == []
        await press(mei, "tick")
        await press(mei, "go")
        await at(mei, 1)
        text = play.app.loaded.programme.document("agreement", language[:2])
        assert await ledger() == [text.hash]
