"""/stats through the whole bot on the local Telegram: one picture, for whoever may review, once, come what may."""

import asyncio
import contextlib
import io
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image

from bot import app, stats_errands
from bot.intake import Intake
from bot.sandbox.faults import Fault
from bot.sandbox.state import Member, Message
from bot.stats_drawing import Drawing
from bot.stats_errands import DRAWN, TRIED
from conversations.tallying import steps
from tests.applying import agree, answer, apply, apply_again, decide, fill_in, has, press
from tests.bot.folders import change
from tests.bot.stage import Stage, playing, programme
from tests.cast import Person

HANGS = (sys.executable, "-c", "import time; time.sleep(600)")
FAILS = (sys.executable, "-c", "raise SystemExit(1)")


@pytest_asyncio.fixture
async def play(tmp_path: Path) -> AsyncIterator[Stage]:
    async with playing(tmp_path) as stage:
        yield stage


def is_picture(message: Message) -> bool:
    return "photo" in message.data


def pictures(play: Stage) -> list[Message]:
    return [one for one in play.group.messages if is_picture(one)]


def answers(play: Stage) -> list[str]:
    """What the bot said in the group, but for cards."""
    return [one.text for one in play.group.messages if one.from_bot and not one.buttons]


async def ask(play: Stage, text: str = "/stats", who: Person | None = None) -> None:
    (who or play.ana).say(text, play.group.chat)
    await play.taken()
    await play.settled(60)


async def restarted(play: Stage, folder: Path, changes: Mapping[str, str]) -> None:
    """The same data under a programme with other rules."""
    await play.stop()
    shutil.copytree(programme(60), folder)
    change(folder, "programme.toml", changes)
    await play.start(programme=folder)


def drawing(monkeypatch: pytest.MonkeyPatch, **how: Any) -> None:
    monkeypatch.setattr(app, "Drawing", lambda: Drawing(**how))


def tallies(play: Stage) -> dict[str, int]:
    with contextlib.closing(sqlite3.connect(play.settings.database)) as found:
        return dict(found.execute("SELECT step, SUM(count) FROM tallies GROUP BY step"))


def picture_of(play: Stage, message: Message) -> Image.Image:
    largest = play.sandbox.telegram.files.by_id(message.data["photo"][-1]["file_id"])
    assert largest is not None
    return Image.open(io.BytesIO(largest.source))


async def test_a_reviewer_gets_one_picture_with_its_numbers_below(play: Stage) -> None:
    mei, lin = play.cast.applicant("Mei"), play.cast.applicant("Lin", "zh")
    first, second = await asyncio.gather(apply(mei, play.group), apply(lin, play.group))
    await decide(play.ana, first, "approve")
    await decide(play.ana, second, "reject")
    await decide(play.ana, second, "because", "duplicate")
    await agree(play.cast.applicant("Kim"))  # and no further
    await apply(play.cast.applicant("Noa"), play.group)
    play.cast.applicant("Ola").start()
    await ask(play, "/stats 7d")
    (sent,) = pictures(play)
    assert sent.text.splitlines()[0].startswith("📊 Last 7 days: ")
    assert sent.text.splitlines()[0].endswith(", UTC")
    assert sent.text.splitlines()[1:] == [
        "• Started: 5, of which submitted by now: 3 (60%)",
        "• Most left before “Agreed”: 1",
        "• In this period: 3 submitted, 1 approved, 1 rejected",
        "• Decided: half within 1 min, 9 of 10 within 1 min",
        "• Rejected because: Duplicate (1)",
        "• Waiting now: 1",
    ]
    picture = picture_of(play, sent)
    assert (picture.format, picture.width) == ("PNG", 1080)
    assert not sent.data.get("has_protected_content")
    for name in ("Mei", "Lin", "UX-"):
        assert name not in sent.text
    assert play.told == []


async def test_the_group_reads_it_in_its_language(play: Stage, tmp_path: Path) -> None:
    await restarted(play, tmp_path / "zh", {'language = "en"': 'language = "zh"'})
    await agree(play.cast.applicant("Mei"))
    for text, head in (("/stats", "最近30天"), ("/stats 7d", "最近7天"), ("/stats ALL", "全部时间")):
        await ask(play, text)
        assert pictures(play)[-1].text.startswith(f"📊 {head}：")
    assert len(pictures(play)) == 3
    assert "• 开始申请：1，其中目前已提交：0（0%）" in pictures(play)[-1].text
    menu = next(one for one in play.sandbox.telegram.commands if one["scope"]["type"] == "chat")
    assert [one["command"] for one in menu["commands"]] == ["help", "queue", "find", "stats"]
    assert "统计" in menu["commands"][-1]["description"]


async def test_with_nothing_to_show_there_is_a_sentence(play: Stage) -> None:
    await ask(play)
    (said,) = answers(play)
    assert said.startswith("📊 Last 30 days: ") and "Nothing was started" in said
    assert not any(one.method == "sendPhoto" for one in play.calls)


@pytest.mark.parametrize("text", ["/stats 8d", "/stats seven", "/stats 7d all", "/stats <b>7d</b>"])
async def test_an_unknown_period_is_answered_with_what_it_takes(play: Stage, text: str) -> None:
    await ask(play, text)
    (said,) = answers(play)
    assert all(name in said for name in ("7d", "30d", "all"))


async def test_help_in_the_group_names_it(play: Stage) -> None:
    await ask(play, "/help")
    assert "/stats 7d" in answers(play)[-1]


async def test_nobody_gets_it_outside_the_group(play: Stage) -> None:
    other = play.cast.group("Elsewhere")
    other.chat.members[play.ana.id] = Member("creator")
    play.ana.say("/stats", other.chat)
    play.ana.user.started = True
    play.ana.say("/stats", play.ana.chat)
    await play.taken()
    await play.settled()
    assert [one for one in other.messages if one.from_bot] == []
    assert not any("📊" in one.text for one in play.ana.messages(play.ana.chat))


# who may


async def test_who_may_not_review_is_refused_politely(play: Stage, tmp_path: Path) -> None:
    await restarted(play, tmp_path / "strict", {'who = "members"': 'who = "administrators"'})
    await agree(play.cast.applicant("Mei"))
    ben = play.cast.reviewer("Ben", play.group)
    await ask(play, "/stats", ben)
    assert answers(play) == ["Only administrators of the group may see the statistics."]
    assert pictures(play) == []
    await ask(play)
    assert len(pictures(play)) == 1


async def test_an_anonymous_administrator_is_one(play: Stage) -> None:
    await agree(play.cast.applicant("Mei"))
    play.group.chat.members[play.ana.id] = Member("creator", is_anonymous=True)
    await ask(play)
    assert len(pictures(play)) == 1


async def test_where_reviewers_are_listed_nobody_without_a_name_is_one(play: Stage, tmp_path: Path) -> None:
    await restarted(play, tmp_path / "listed", {'who = "members"': f"who = [{play.ana.id}]"})
    await agree(play.cast.applicant("Mei"))
    play.group.chat.members[play.ana.id] = Member("creator", is_anonymous=True)
    await ask(play)
    assert pictures(play) == [] and "under your own name" in answers(play)[-1]
    play.group.chat.members[play.ana.id] = Member("creator")
    await ask(play)
    assert len(pictures(play)) == 1


# once


async def test_asked_again_at_once_by_anybody_it_is_on_its_way_and_sent_once(play: Stage) -> None:
    await agree(play.cast.applicant("Mei"))
    ben = play.cast.reviewer("Ben", play.group)
    await ask(play)
    for who in (ben, play.ana, ben):
        await ask(play, "/stats 30d", who)
    assert len(pictures(play)) == 1
    assert [one for one in answers(play) if "already on their way" in one] == [
        "The numbers are already on their way."
    ]
    await ask(play, "/stats 7d")  # others
    assert len(pictures(play)) == 2


async def test_many_at_once_get_one(play: Stage) -> None:
    await agree(play.cast.applicant("Mei"))
    for _ in range(30):
        play.ana.say("/stats", play.group.chat)
    await play.taken()
    await play.settled(60)
    assert len(pictures(play)) == 1
    assert len(answers(play)) <= 2


# trouble


@pytest.mark.parametrize("command", [HANGS, FAILS])
async def test_a_child_that_fails_leaves_the_numbers_in_words(
    play: Stage, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    await play.stop()
    drawing(monkeypatch, seconds=1.5, command=command)
    await play.start()
    await agree(play.cast.applicant("Mei"))
    play.ana.say("/stats 7d", play.group.chat)
    lin = play.cast.applicant("Lin")
    await agree(lin)  # meanwhile everybody else is served
    await play.settled(60)
    (said,) = answers(play)
    assert "The picture could not be drawn" in said
    assert "Name as on your ID: " in said and "• Started: " in said
    assert pictures(play) == []


async def test_a_group_that_takes_no_pictures_gets_the_numbers_in_words(play: Stage) -> None:
    await agree(play.cast.applicant("Mei"))
    refusal = "Bad Request: not enough rights to send photos to the chat"
    play.sandbox.faults.add(Fault("400", "sendPhoto", description=refusal))
    await ask(play)
    assert "The picture could not be drawn or sent" in answers(play)[-1]


async def test_a_picture_held_by_telegram_is_drawn_once_and_sent_once(
    play: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    gather = stats_errands.StatsErrands.gather

    async def counted(self: stats_errands.StatsErrands, name: str) -> Any:
        drawn.append(1)
        return await gather(self, name)

    monkeypatch.setattr(stats_errands.StatsErrands, "gather", counted)
    await agree(play.cast.applicant("Mei"))
    play.sandbox.faults.add(Fault("429", "sendPhoto", count=2, retry_after=1))
    await ask(play)
    assert (len(pictures(play)), len(drawn)) == (1, 1)


async def test_a_process_that_ends_while_it_draws_neither_loses_nor_doubles_the_picture(
    play: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await agree(play.cast.applicant("Mei"))
    await play.stop()
    with monkeypatch.context() as patch:
        drawing(patch, command=HANGS)
        await play.start()
    play.ana.say("/stats", play.group.chat)
    await play.taken()
    await until(lambda: tries(play) == [1])
    await stopped_at_once(play)
    await play.start()
    await play.settled(60)
    assert len(pictures(play)) == 1
    await play.stop()
    await play.start()
    await play.settled(60)
    assert len(pictures(play)) == 1


async def test_what_ends_every_process_that_draws_it_does_not_do_so_for_ever(
    play: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await agree(play.cast.applicant("Mei"))
    await play.stop()
    with monkeypatch.context() as patch:
        drawing(patch, command=HANGS)
        await play.start()
        play.ana.say("/stats", play.group.chat)
        await play.taken()
        for tried in range(1, DRAWN + 1):
            await until(lambda n=tried: tries(play) == [n])  # type: ignore[misc]
            await stopped_at_once(play)
            await play.start()
        await play.settled(60)
    assert pictures(play) == []
    assert [one for one in answers(play) if "The picture could not be drawn" in one] != []
    assert tries(play) == []
    assert DRAWN < TRIED


async def until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not look():
            await asyncio.sleep(0.02)


def tries(play: Stage) -> list[int]:
    """How many processes began with each answer that is still to be given."""
    with contextlib.closing(sqlite3.connect(play.settings.database)) as found:
        return [row[0] for row in found.execute("SELECT attempts FROM errands WHERE kind = 'stats'")]


async def stopped_at_once(play: Stage) -> None:
    """Without the seconds in which what is in flight may end."""
    close = play.app.outbox.close
    play.app.outbox.close = lambda grace=0.1: close(grace)  # type: ignore[method-assign]
    await play.stop()


# what is counted


async def test_each_step_of_an_attempt_is_counted_once_though_updates_are_repeated(
    play: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[dict[str, Any]] = []
    take = Intake.take

    async def noted(self: Intake, batch: Any) -> Any:
        heard.extend(batch)
        return await take(self, batch)

    monkeypatch.setattr(Intake, "take", noted)
    mei = play.cast.applicant("Mei")
    await fill_in(mei)
    await press(mei, "edit", "email")
    mei.say("mei@example.edu")
    await mei.hears(has("submit"))
    await press(mei, "submit")
    await play.settled()
    once = dict.fromkeys(steps(play.app.loaded.programme), 1)
    assert tallies(play) == once
    repeated = list(heard)
    assert len(repeated) > 10
    await play.app.intake.take(repeated)
    await play.stop()
    await play.start()
    await play.app.intake.take(repeated)
    await play.settled()
    assert tallies(play) == once


async def test_an_erasure_leaves_what_was_counted_and_the_next_attempt_counts_anew(play: Stage) -> None:
    mei = play.cast.applicant("Mei")
    await agree(mei)
    await answer(mei, 1)
    before = tallies(play)
    mei.say("/delete")
    await press(mei, "erase")
    await play.settled()
    assert tallies(play) == before
    await agree(mei)
    assert tallies(play) == {**before, "started": 2, "agreed": 2, "question:full_name": 2}


async def test_the_day_is_the_programmes_own(play: Stage, tmp_path: Path) -> None:
    await restarted(play, tmp_path / "far", {'time_zone = "UTC"': 'time_zone = "Pacific/Kiritimati"'})
    await agree(play.cast.applicant("Mei"))
    await play.stop()
    shutil.copytree(tmp_path / "far", tmp_path / "near")
    change(tmp_path / "near", "programme.toml", {"Pacific/Kiritimati": "Pacific/Niue"})
    await play.start(programme=tmp_path / "near")
    await agree(play.cast.applicant("Lin"))
    with contextlib.closing(sqlite3.connect(play.settings.database)) as found:
        days = [row[0] for row in found.execute("SELECT DISTINCT day FROM tallies ORDER BY day")]
    assert len(days) == 2  # the two zones are 25 hours apart
    await ask(play, "/stats 7d")
    assert "Pacific/Niue" in pictures(play)[-1].text


async def test_applying_again_counts_a_second_attempt(play: Stage, tmp_path: Path) -> None:
    await restarted(play, tmp_path / "soon", {"reapply_days = 30": "reapply_days = 0"})
    mei = play.cast.applicant("Mei")
    card = await apply(mei, play.group)
    await decide(play.ana, card, "reject")
    await decide(play.ana, card, "because", "duplicate")
    await decide(play.ana, card, "tell")
    await apply_again(mei)
    assert tallies(play) == dict.fromkeys(steps(play.app.loaded.programme), 2)
