"""What is due goes at the operator's word, and one person does; other periods apply to what exists, after a warning."""

import asyncio
import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from bot import retention
from bot.arrivals import Happened
from bot.cli import intake as program
from bot.clock import wall
from bot.control import ask
from bot.erasing import AT_REST, erase_due_at_rest
from bot.mistakes import CannotStart
from bot.people import People
from bot.retention import PERIODS, PROGRESS, Periods, applied, list_due, periods
from bot.sandbox.server import Sandbox
from bot.starting import open_data
from conversations import Programme
from conversations.effects import Say
from conversations.events import RetentionShortened
from conversations.keeping import NOTICE, RESERVE, goes_at, goings
from conversations.programme import Retention
from conversations.state import Announced, Applicant, Drafting, Fresh, Unsubmitted
from storage import audit_log, facts, figures, store
from storage.engine import Row, Transaction
from storage.sqlite import SQLite
from storage.values import stamp, unstamp
from tests.applying import agree, answer, apply, decide, press, receipt_in
from tests.bot.clocks import Clocks
from tests.bot.folders import change, copy_of_the_shipped
from tests.bot.stage import Stage, playing
from tests.bot.test_auditing import intake, settings_of
from tests.cast import Cast, Group, Person, running_bot
from tests.conversations.world import DRAFT, NOW, PROGRAMME, STATES, person, turn

DAY = 86_400.0

pytestmark = pytest.mark.usefixtures("logs_as_before")


@pytest.fixture
def group(cast: Cast) -> Group:
    return cast.group()


async def entries(play: Stage) -> list[Row]:
    """(action, detail) of the log, while the bot runs or not."""
    async with SQLite.open(play.settings.database, readonly=True) as engine:
        return [(row[2], row[4]) for row in await engine.read(audit_log.rows)]


async def people(play: Stage) -> int:
    async with SQLite.open(play.settings.database, readonly=True) as engine:
        return await engine.read(figures.count_people)


async def followed(play: Stage) -> str:
    """`intake erase --due` through the running bot's socket."""
    path = play.settings.data / "control.sock"
    found = await asyncio.to_thread(ask, path, "erase_due")
    while "error" not in found and not found["over"]:
        await asyncio.sleep(0.01)
        found = await asyncio.to_thread(ask, path, "erase_due_look")
    return str(found.get("say") or found)


async def rejected_and_a_draft(play: Stage) -> tuple[Person, Person, str]:
    """Someone whose application was rejected, someone with a draft; and the receipt."""
    mei, lin = play.cast.applicant("Mei"), play.cast.applicant("Lin")
    card = await apply(mei, play.group)
    await decide(play.ana, card, "reject")
    await decide(play.ana, card, "because", "duplicate")
    await decide(play.ana, card, "tell")
    await mei.hears("was not approved")
    await agree(lin)
    await answer(lin, 1)
    await play.settled()
    return mei, lin, receipt_in(card)


# what is due


async def test_what_goes_is_listed_without_anything_personal_and_at_rest_drafts_are_left(
    tmp_path: Path, clocks: Clocks, capsys: pytest.CaptureFixture[str]
) -> None:
    clocks.both(-200 * DAY)
    async with playing(tmp_path, clock=clocks.telegrams_time) as play:
        mei, lin, receipt = await rejected_and_a_draft(play)
        await play.stop()
        capsys.readouterr()
        assert await asyncio.to_thread(list_due, play.settings) == 0
        said = capsys.readouterr().out
        assert re.search(rf"^{receipt}  photos, rejected  due on \S+ \S+Z$", said, re.MULTILINE)
        assert re.search(r"^[0-9a-f]{24}  draft  due on \S+ \S+Z$", said, re.MULTILINE)
        assert re.search(r"^application, rejected +0 +1  ", said, re.MULTILINE)
        assert not re.search(rf"Mei|Lin|{mei.id}|{lin.id}", said)
        left = f"{AT_REST}: "

        async def goes_at_rest() -> dict[str, Any]:
            return await asyncio.to_thread(erase_due_at_rest, play.settings, lambda *at: None)

        clocks.both(-160 * DAY)  # nobody was told yet: the bot did not run
        await asyncio.to_thread(list_due, play.settings)
        told_first = f"due on {wall() + timedelta(days=3):%Y-%m-%d}"
        said = capsys.readouterr().out
        assert re.search(rf"^{receipt}  photos, rejected  {told_first} ", said, re.MULTILINE)
        assert re.search(rf"^[0-9a-f]{{24}}  draft  {told_first} ", said, re.MULTILINE)
        assert await goes_at_rest() == {"say": f"gone: nothing; {left}2", "wrong": []}
        await play.start()
        await mei.sees("your ID photo")
        await lin.sees("not finished yet")
        await play.stop()
        capsys.readouterr()
        clocks.both(-156 * DAY)
        await asyncio.to_thread(list_due, play.settings)
        said = capsys.readouterr().out
        assert re.search(rf"^{receipt}  photos, rejected  due since ", said, re.MULTILINE)
        assert re.search(r"^application, rejected +0 +1  ", said, re.MULTILINE)
        assert re.search(r"^draft +1 +0  ", said, re.MULTILINE)
        assert await goes_at_rest() == {"say": f"gone: photos: 1; {left}1", "wrong": []}
        assert (await entries(play))[-2:] == [("photos_expired", receipt), ("due_erased", "1")]
        clocks.both(-DAY)
        assert await goes_at_rest() == {"say": f"gone: nothing; {left}2", "wrong": []}
        await play.start()
        await mei.sees("Everything we keep about you will then be erased")
        await lin.sees("has been deleted")
        await play.stop()
        clocks.both(3 * DAY)
        assert await goes_at_rest() == {"say": "gone: people: 1", "wrong": []}
        assert await people(play) == 1
        stood = [one for one in mei.messages() if one.from_bot]
        assert stood  # nothing reached the chat yet
        await play.start()
        await mei.sees("The time for which we keep an application is over")
        await play.settled()
        assert not any("was not approved" in one.text for one in mei.messages())


async def test_what_is_due_goes_at_once_through_the_running_bot(tmp_path: Path, clocks: Clocks) -> None:
    clocks.both(-40 * DAY)
    async with playing(tmp_path, clock=clocks.telegrams_time) as play:
        await rejected_and_a_draft(play)
        play.app.jobs._scheduler.pause()  # the minute is not waited for
        clocks.both(-9 * DAY)
        await agree(play.cast.applicant("Eva"))  # an answer tells the time
        assert await followed(play) == "gone: nothing"  # they are told
        clocks.both(-5 * DAY)
        await agree(play.cast.applicant("Kim"))  # an answer tells the time
        assert await followed(play) == "gone: drafts: 1, photos: 1"
        assert ("due_erased", "3") in await entries(play)  # Eva was reminded
        assert await followed(play) == "gone: nothing"


async def test_at_rest_nothing_goes_under_periods_that_nobody_was_told(
    tmp_path: Path, clocks: Clocks
) -> None:
    async with playing(tmp_path, clock=clocks.telegrams_time) as play:
        await agree(play.cast.applicant("Lin"))
        await play.stop()
        shorter = copy_of_the_shipped(tmp_path / "programme")
        change(shorter, "programme.toml", {"draft_days = 30": "draft_days = 3"})
        settings = play.settings.model_copy(update={"programme": shorter})
        with pytest.raises(CannotStart, match="start it"):
            await asyncio.to_thread(erase_due_at_rest, settings, lambda *at: None)
        await play.start()


# one person


async def test_one_person_is_erased_at_the_operators_word_everywhere(
    sandbox: Sandbox, cast: Cast, group: Group, ana: Person, tmp_path: Path
) -> None:
    mei, lin = cast.applicant("Mei"), cast.applicant("Lin")
    async with running_bot(sandbox, group, tmp_path) as bot:
        card = await apply(mei, group)
        await agree(lin)
        receipt = receipt_in(card)
        await bot.settled()
        status, said = await intake(bot, "erase", receipt, typed="n\n")
        assert (status, f"({receipt} (waiting); 1 photo) for good?" in said) == (1, True)
        assert await intake(bot, "erase", "UX-ZZZZZZZZ", "--yes") == (
            1,
            "nobody who is known has this receipt or id\n",
        )
        status, said = await intake(bot, "erase", "Mei", "--yes")
        assert (status, said.startswith("Mei is neither a receipt")) == (2, True)
        status, said = await intake(bot, "erase", receipt.lower(), "--yes")
        found = re.fullmatch(r"erased, receipt ([0-9A-F]{12}); what stands in chats is being removed\n", said)
        assert (status, bool(found)) == (0, True), said
        assert found is not None
        word = await mei.sees("Those who run this bot have erased")
        assert found[1] in word.text
        await bot.settled()
        assert [one for one in mei.messages() if one.from_bot] == [word]
        assert all(receipt not in one.text or "erased" in one.text for one in group.messages)
        listed = (await intake(bot, "audit", "list"))[1].splitlines()
        assert listed[-1].endswith(f"  operator {found[1]}")
        async with SQLite.open(tmp_path / "data" / "intake.sqlite", readonly=True) as engine:
            left = await engine.read(
                lambda tx: [
                    tx.fetchall(f"SELECT COUNT(*) FROM {one}")[0][0]
                    for one in ("people", "applications", "photos")
                ]
            )
        assert left == [1, 0, 0]  # the other one is there still
        await bot.terminate()
        status, said = await intake(bot, "erase", listed[-1].split("  ")[3], "--yes")
        assert status == 1
        assert said.endswith("and only it can remove what stands in chats; start it (intake run)\n")


@pytest.mark.parametrize(
    "arguments", [(), ("--dry-run",), ("UX-7K3M9QDF", "--due"), ("UX-7K3M9QDF", "--dry-run")]
)
def test_what_is_to_be_erased_is_to_be_named(arguments: tuple[str, ...]) -> None:
    found = CliRunner().invoke(program, ["erase", *arguments])
    assert (found.exit_code, "name one receipt or id, or say --due" in found.stderr) == (2, True)


# other periods


def with_draft_days(days: int) -> Programme:
    return PROGRAMME.model_copy(update={"retention": Retention(draft_days=days)})


class Crowd:
    """Many with drafts, of whom nobody was heard of for some days; `turns` are what happened to them."""

    def __init__(self, count: int, silent_days: float) -> None:
        self.now = wall()
        self.count, self.heard = count, self.now - timedelta(days=silent_days)
        self.happened: list[Happened] = []

    async def settle(self, engine: Any, vault: Any) -> None:
        kept = People(engine, vault)

        def work(tx: Transaction) -> None:
            for number in range(self.count):
                person_id, key = f"{number:024x}", vault.new_person_key()
                state = Drafting(draft=DRAFT, question="homepage")
                applicant = Applicant(
                    person_id=person_id,
                    ref=person_id,
                    chat_id=number,
                    language="en",
                    state=state,
                    reminded=2,
                    heard_at=self.heard,
                    created_at=self.heard,
                )
                store.add_person(tx, person_id, person_id, vault.wrap(person_id, key))
                due = self.heard + timedelta(days=30)
                sealed = kept.seal(key, applicant)
                store.save_person(tx, person_id, sealed, "drafting", due, asks_anew=False, now=self.now)
            facts.put(tx, PERIODS, json.dumps(periods(PROGRAMME)))

        await engine.write(work)

    async def happen(self, happened: Happened) -> None:
        self.happened.append(happened)


async def dues(engine: Any) -> list[str]:
    return [
        row[0] for row in await engine.read(lambda tx: tx.fetchall("SELECT due_at FROM people ORDER BY 1"))
    ]


async def test_other_periods_apply_to_everybody_and_go_on_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 7)
    crowd, longer = Crowd(50, 1), with_draft_days(60)
    async with open_data(settings_of(tmp_path / "data")) as (engine, vault, _):
        await crowd.settle(engine, vault)
    for kill in (1, 2, 3):  # after so many batches, each time anew
        async with open_data(settings_of(tmp_path / "data")) as (engine, vault, _):
            change = Periods(engine, People(engine, vault), longer, crowd.happen, wall)
            plain, batches = change._batch, [0]

            async def batch(
                *values: Any, plain: Any = plain, batches: Any = batches, kill: int = kill
            ) -> None:
                if batches[0] == kill:
                    raise asyncio.CancelledError
                batches[0] += 1
                await plain(*values)

            monkeypatch.setattr(change, "_batch", batch)
            with pytest.raises(asyncio.CancelledError):
                await change.run()
            assert (change.is_over, await applied(engine, longer)) == (False, False)
    async with open_data(settings_of(tmp_path / "data")) as (engine, vault, _):
        at = stamp(crowd.heard + timedelta(days=60) - NOTICE - RESERVE)  # when they are told of it
        assert (await dues(engine)).count(at) == (1 + 2 + 3) * 7
        change = Periods(engine, People(engine, vault), longer, crowd.happen, wall)
        await change.run()
        assert await dues(engine) == [at] * 50
        assert await applied(engine, longer)
        assert await engine.read(lambda tx: facts.get(tx, PROGRESS)) is None
        rows = await engine.read(audit_log.rows)
        changed = [row[4] for row in rows if row[2] == "retention_changed"]
        assert changed == ["draft_days:30>60"]
        assert crowd.happened == []  # nobody is warned that things stay longer
        await Periods(engine, People(engine, vault), longer, crowd.happen, wall).run()
        assert len(await engine.read(audit_log.rows)) == len(rows)  # the second time nothing is done


@pytest.mark.parametrize("unknown", [None, "draft_days"])
async def test_periods_that_no_earlier_start_has_noted_apply_without_a_word(
    tmp_path: Path, unknown: str | None
) -> None:
    """As after an upgrade: none was noted at all, or there is one more kind of them."""
    crowd, shorter = Crowd(3, 1), with_draft_days(2)
    noted = {name: value for name, value in periods(PROGRAMME).items() if name != unknown}
    async with open_data(settings_of(tmp_path / "data")) as (engine, vault, _):
        await crowd.settle(engine, vault)
        known = json.dumps(noted)
        await engine.write(lambda tx: facts.put(tx, PERIODS, known) if unknown else facts.drop(tx, PERIODS))
        with capture_logs() as said:
            await Periods(engine, People(engine, vault), shorter, crowd.happen, wall).run()
        assert await applied(engine, shorter)
        at = stamp(crowd.heard + timedelta(days=2))
        assert await dues(engine) == [at] * 3  # they do apply
        assert crowd.happened == []
        assert said == []
        assert "retention_changed" not in [row[2] for row in await engine.read(audit_log.rows)]


async def test_a_first_start_says_nothing_and_a_change_is_entered_though_nobody_is_there(
    tmp_path: Path,
) -> None:
    async with open_data(settings_of(tmp_path / "data")) as (engine, vault, _):

        async def started_with(programme: Programme) -> tuple[list[str], int]:
            """What is entered by then, and how many lines the start said."""
            with capture_logs() as said:
                await Periods(engine, People(engine, vault), programme, Crowd(0, 1).happen, wall).run()
            rows = await engine.read(audit_log.rows)
            return [row[4] for row in rows if row[2] == "retention_changed"], len(said)

        assert await started_with(PROGRAMME) == ([], 0)
        changed = ["draft_days:30>60"]
        assert await started_with(with_draft_days(60)) == (changed, 1)
        assert await started_with(with_draft_days(60)) == (changed, 0)


async def test_whoever_was_told_a_later_date_is_warned_and_spared_before_his_draft_goes(
    tmp_path: Path, clocks: Clocks
) -> None:
    clocks.both(-20 * DAY)
    async with playing(tmp_path, clock=clocks.telegrams_time) as play:
        lin = play.cast.applicant("Lin")
        await agree(lin)
        await answer(lin, 1)
        await play.settled()
        for days in (-18.5, -15.5):  # both reminders
            before = len(reminders(lin))
            await play.stop()
            clocks.both(days * DAY)
            await play.start()
            await reminded(play, lin, before + 1)
        await play.stop()
        clocks.both(0)
        shorter = copy_of_the_shipped(tmp_path / "programme")
        change(shorter, "programme.toml", {"draft_days = 30": "draft_days = 3"})
        await play.start(programme=shorter)
        await reminded(play, lin, 3)
        spared = (wall() + timedelta(days=3)).date()
        assert f"{spared.day} {spared:%B %Y}" in reminders(lin)[-1].text
        await asyncio.sleep(1.2)  # two of the scheduler's minutes: nothing goes yet
        assert not any("has been deleted" in one.text for one in lin.messages())
        assert ("spared", spared.isoformat()) in await entries(play)
        assert ("retention_changed", "draft_days:30>3") in await entries(play)
        await play.stop()
        await play.start()  # and nobody is warned twice
        await asyncio.sleep(1.2)
        assert len(reminders(lin)) == 3
        await play.stop()
        clocks.both(3.1 * DAY)
        await play.start()
        await lin.sees("has been deleted")


async def reminded(play: Stage, person: Person, times: int) -> None:
    await play.until(lambda: len(reminders(person)) == times, 10)


@pytest.mark.parametrize("is_known", [True, False], ids=["unblocked", "unnoticed"])
@pytest.mark.parametrize("day", [20, 36])
async def test_who_returns_to_the_bot_is_not_told_what_does_not_hold_any_more(
    tmp_path: Path, clocks: Clocks, day: int, is_known: bool
) -> None:
    """He blocked it before both reminders; on the later day his draft has gone."""
    clocks.both(-40 * DAY)
    async with playing(tmp_path, clock=clocks.telegrams_time) as play:
        lin = play.cast.applicant("Lin")
        await agree(lin)
        await answer(lin, 1)
        await play.settled()
        lin.user.blocked = True
        for days in (1.1, 4.1, *((31,) if day > 30 else ())):
            await play.stop()
            clocks.both((days - 40) * DAY)
            await play.start()
            await play.app.periods.run()
            while await play.app.jobs.sweep():
                await play.settled()
            await play.settled()
        await play.stop()
        clocks.both((day - 40) * DAY)
        await play.start()
        assert reminders(lin) == []
        before = len(lin.messages())
        if is_known:
            lin.unblock()
        lin.user.blocked = False
        lin.say("/start")
        last = "To agree" if day > 30 else "Welcome back"
        await play.until(lambda: any(last in one.text for one in lin.messages()[before:]))
        await play.settled()
        said = [one.text for one in lin.messages()[before:] if one.from_bot]
        if day > 30:
            assert ["has been deleted" in text for text in said] == [True, False]  # above the agreement
        else:
            assert ["Welcome back" in text for text in said] == [False] * (len(said) - 1) + [True]
            assert len(reminders(lin)) == len(said) - 1 <= is_known  # one, before he was heard of


async def test_nothing_goes_before_other_periods_apply_to_everybody(
    tmp_path: Path, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with playing(tmp_path, clock=clocks.telegrams_time) as play:
        lin = play.cast.applicant("Lin")
        await agree(lin)
        await answer(lin, 1)
        await play.settled()
        await play.stop()
        clocks.both(2 * DAY)
        await play.start()
        await reminded(play, lin, 1)
        await play.stop()
        clocks.both(40 * DAY)
        applied_now, plain = asyncio.Event(), Periods._apply

        async def apply_late(self: Periods) -> None:
            await applied_now.wait()
            await plain(self)

        monkeypatch.setattr(Periods, "_apply", apply_late)
        await play.start()
        assert await play.app.jobs.sweep() == 0
        assert not any("has been deleted" in one.text for one in lin.messages())
        assert "due still" in await followed(play)
        applied_now.set()
        await lin.sees("has been deleted")


def test_who_was_warned_is_not_warned_again_when_it_is_done_again_after_a_kill() -> None:
    """In each of these states; what goes no earlier, or whose usual warning comes in time, needs none now."""
    shorter, now = with_draft_days(3), NOW + timedelta(days=10)
    for name, state in STATES.items():
        who = person(state, reminded=2)
        was = {one.thing: one.at for one in goings(PROGRAMME, who)}
        event = RetentionShortened(now, was)
        found = turn(who, event, now=now, programme=shorter)
        is_told = isinstance(state, Unsubmitted | Fresh)
        assert [isinstance(one, Say) for one in found.effects].count(True) == is_told, name
        assert found.applicant.heard_at == NOW
        if is_told:
            assert goes_at(shorter, found.applicant) == now + timedelta(days=3)
        again = turn(found.applicant, event, now=now + timedelta(hours=1), programme=shorter)
        assert again.effects == ()
        assert again.applicant == found.applicant
    draft = person(STATES["drafting"], reminded=1)
    told = draft.model_copy(
        update={"announced": {"draft": Announced(goes_at=now + timedelta(days=1), told_at=NOW)}}
    )
    event = RetentionShortened(now, {"draft": now + timedelta(days=1)})
    assert turn(draft, event, now=NOW, programme=with_draft_days(31)).effects == ()
    assert turn(draft, event, now=NOW + timedelta(days=1), programme=with_draft_days(8)).effects == ()
    soon = turn(told, event, now=now, programme=shorter)
    assert soon.effects == ()
    assert goes_at(shorter, soon.applicant) == now + timedelta(days=1)  # what he was told holds


def reminders(person: Person) -> list[Any]:
    return [one for one in person.messages() if "not finished yet" in one.text]


# what a person sees of it


async def test_the_file_of_mydata_says_of_each_thing_when_it_goes(tmp_path: Path, clocks: Clocks) -> None:
    async with playing(tmp_path, clock=clocks.telegrams_time) as play:
        mei, lin, receipt = await rejected_and_a_draft(play)

        async def file(person: Person) -> dict[str, Any]:
            person.say("/mydata")
            sent = await person.hears(lambda one: one.document)
            assert sent.document is not None
            stored = play.sandbox.telegram.files.by_id(sent.document["file_id"])
            assert stored is not None
            return dict(json.loads(stored.read()))

        days: Callable[[str], int] = lambda at: round(  # noqa: E731
            (unstamp(at) - wall()).total_seconds() / DAY
        )
        found = await file(mei)
        (application,), (photo,) = found["applications"], found["photos"]
        assert (application["receipt"], days(application["will_be_deleted_at"])) == (receipt, 180)
        assert days(photo["will_be_deleted_at"]) == 30
        assert days(found["account"]["will_be_deleted_at"]) == 180
        found = await file(lin)
        assert days(found["draft"]["will_be_deleted_at"]) == 30
        assert found["account"]["will_be_deleted_at"] is None
        kim = play.cast.applicant("Kim")
        await apply(kim, play.group)
        found = await file(kim)
        assert found["applications"][0]["will_be_deleted_at"] is None  # as long as reviewers have it
        await press(kim, "recall")
        found = await file(kim)
        assert days(found["draft"]["will_be_withdrawn_at"]) == 30
        assert found["draft"]["will_be_deleted"] == {"days_after_withdrawal": 30}
        assert found["photos"][0]["will_be_deleted_at"] is None
