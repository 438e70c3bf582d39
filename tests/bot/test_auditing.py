"""The audit log over the whole bot: every action enters it, nothing personal does, and its head is told once a day."""

import asyncio
import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from bot.auditing import Heads, verify_log
from bot.backups import back_up
from bot.cli import intake as program
from bot.clock import wall
from bot.errands import Errand
from bot.parked import Parked
from bot.restoring import restore
from bot.sandbox.server import Sandbox
from bot.settings import Settings
from bot.starting import open_data
from conversations.audit import ACTIONS, Action
from conversations.effects import Audit, Erase
from conversations.events import ErasureOrdered, RetentionShortened
from conversations.state import Announced
from storage import audit_log, outgoing, parking
from storage.chain import Head, Verdict, verify
from storage.engine import Row, Transaction
from storage.migrate import migrations
from storage.rotation import Rotation
from storage.sqlite import SQLite
from storage.vault import OperatorKey
from tests.applying import ANSWERS, agree, answer, apply, decide, fill_in, has, press
from tests.bot.stage import Stage, playing
from tests.cast import Cast, Group, RunningBot, running_bot
from tests.conversations.test_rules import EVENTS
from tests.conversations.world import APPLICATION, NOW, STATES, closed, person, turn

pytestmark = pytest.mark.usefixtures("logs_as_before")

# what is entered by other hands than the dialogue's, and where a test of it stands
ELSEWHERE = {
    "parked_retried": "below",
    "parked_dropped": "below",
    "parked_expired": "below",
    "key_changed": "below",
    "migrated": "below",
    "due_erased": "test_erasing",
    "retention_changed": "test_erasing",
    "exported": "test_export",
    "backed_up": "test_backed_up",
    "restored": "test_restoring",
}
DETAILS = {
    "consent": r"[a-z_]+ [a-z_]+ [a-z]{2,3} [0-9a-f]{64}",
    "agreement_declined": r"[a-z_]+",
    "consent_refused": r"[a-z_]+",
    "consent_withdrawn": r"[a-z_]+",
    "withdrawn": r"(UX-[0-9A-Z]{8}|-) (asked|expired)",
    "photo_stored": r"[a-z_]+",
    "photos_dropped": r"replaced|left_out|not_asked|applied_again",
    "photo_viewed": r"UX-[0-9A-Z]{8} [0-9a-f]{32}",
    "submitted": r"UX-[0-9A-Z]{8} \d+",
    "recalled": r"UX-[0-9A-Z]{8}",
    "claimed": r"UX-[0-9A-Z]{8} [0-9a-f]{32}",
    "released": r"UX-[0-9A-Z]{8} [0-9a-f]{32}",
    "approved": r"UX-[0-9A-Z]{8} \d+ [0-9a-f]{32}",
    "rejected": r"UX-[0-9A-Z]{8} \d+ [0-9a-f]{32}( [a-z_]+)+",
    "returned": r"UX-[0-9A-Z]{8} \d+ [0-9a-f]{32}( [a-z_]+)*",
    "undone": r"UX-[0-9A-Z]{8} \d+ [0-9a-f]{32}",
    "told": r"UX-[0-9A-Z]{8} ([0-9a-f]{32}|clock)",
    "data_shown": r"[a-z]+",
    "receipt_given": r"[a-z]+",
    "correction_asked": r"[a-z]+",
    "applied_again": r"UX-[0-9A-Z]{8}",
    "draft_deleted": "",
    "expired": "draft",
    "erased": r"(asked|retention|silence|operator) [0-9A-F]{12}",
    "migrated": r"\d{4}_[a-z_]+\.sql",
}


def settings_of(folder: Path) -> Settings:
    return Settings(_env_file=None, token=SecretStr("1:AAAAAAAAAAAA"), group=-1, data=folder, status_port=0)


async def intake(bot: RunningBot, *arguments: str, typed: str = "") -> tuple[int, str]:
    """Run a command with the bot's own settings: its status and all it said on standard output, or else on error.

    It runs in this process; what it asks of the bot goes to that of the bot.
    """
    runner = CliRunner(env=bot.environment)
    found = await asyncio.to_thread(runner.invoke, program, arguments, input=typed)
    return found.exit_code, found.stdout or found.stderr


# complete


def test_the_table_has_every_action_and_no_other() -> None:
    assert list(ACTIONS) == list(get_args(Action))


def test_every_action_of_the_dialogue_occurs_in_it_and_no_other() -> None:
    found: set[str] = set()
    earlier = closed("approved").model_copy(update={"receipt": "UX-11111111"})
    spans = (timedelta(), timedelta(days=8), timedelta(days=31), timedelta(days=1000))
    for state in STATES.values():
        for past in ((), (earlier,)):
            for span in spans:
                days = {"photos": 30} | dict.fromkeys(("draft", APPLICATION.receipt, "UX-11111111"), 800)
                told = {
                    thing: Announced(goes_at=NOW + timedelta(days=one), told_at=NOW)
                    for thing, one in days.items()
                    if span > timedelta(days=one)
                }
                who = person(state, reminded=2, past=past, announced=told, unsent="Hello")
                was = dict.fromkeys(("account", "draft", APPLICATION.receipt), NOW + timedelta(days=2000))
                for event in [*EVENTS, RetentionShortened(NOW, was), ErasureOrdered()]:
                    for effect in turn(who, event, now=NOW + span).effects:
                        if isinstance(effect, Audit):
                            found.add(effect.action)
                        elif isinstance(effect, Erase):
                            found |= {"erased", f"erased {effect.why}"}
    whys = {f"erased {why}" for why in ("asked", "retention", "silence", "operator")}
    assert found == (set(ACTIONS) - set(ELSEWHERE)) | whys


async def test_what_operators_do_and_what_time_does_to_parked_updates_is_entered(tmp_path: Path) -> None:
    now = wall()

    def park(tx: Transaction) -> None:
        for one in ("1", "2", "3", "4", "5"):
            parking.park(tx, one, (None, ""), "KeyError", b"sealed", now)

    async with open_data(settings_of(tmp_path / "data")) as (engine, vault, _):
        await engine.write(park)
        await engine.write(lambda tx: parking.park_again(tx, "1", "KeyError", now))
        await engine.write(lambda tx: parking.take_parked(tx, "1", now))
        parked = Parked(engine, vault, wall)
        assert await parked.drop({"ids": ["2"]}) == {"dropped": 1}
        assert "error" in await parked.drop({"ids": ["2"]})
        later = now + timedelta(seconds=1)
        await engine.write(lambda tx: parking.park(tx, "9", (None, ""), "KeyError", b"sealed", later))
        await engine.write(lambda tx: parking.forget_parked(tx, later, later))
        await engine.write(lambda tx: parking.forget_parked(tx, later, later))  # nothing is left: no entry
        assert await parked.drop({}) == {"dropped": 1}
        new = OperatorKey.generate()
        await Rotation(engine, vault, wall).run(new)
        rows = [row[2:5] for row in await engine.read(audit_log.rows)]
        made = [("migrated", "", one.name) for one in migrations(files("storage") / "migrations")]
        assert rows == [
            *made,
            ("parked_retried", "1", "failed"),
            ("parked_retried", "1", "handled"),
            ("parked_dropped", "2", ""),
            ("parked_expired", "", "3"),
            ("parked_dropped", "9", ""),
            ("key_changed", "", vault.fingerprint),
        ]
        assert (await verify(engine)).fault == ""


async def test_an_entry_and_what_it_records_are_written_together_or_not_at_all(tmp_path: Path) -> None:
    now = wall()
    async with open_data(settings_of(tmp_path / "data")) as (engine, _, _):

        def broken(tx: Transaction) -> None:
            parking.park(tx, "1", (None, ""), "KeyError", b"sealed", now)
            parking.drop_parked(tx, ["1"], now)
            raise ValueError

        before = await engine.read(audit_log.head)
        with pytest.raises(ValueError):
            await engine.write(broken)
        assert await engine.read(audit_log.head) == before


# nothing personal, over whole lives


async def test_whole_lives_leave_nothing_personal_in_the_log_and_it_stays_sound(tmp_path: Path) -> None:
    async with playing(tmp_path, undo=60) as play:
        mei, lin, kim, zoe = [
            play.cast.applicant(name) for name in ("Meiplanted", "Linplanted", "Kimplanted", "Zoe")
        ]
        ben = play.cast.reviewer("Benplanted", play.group)
        card = await apply(mei, play.group)
        await decide(play.ana, card, "claim")
        await decide(play.ana, card, "release")
        link = await decide(ben, card, "view")
        ben.start((link.url or "").partition("start=")[2])
        await ben.hears(lambda one: bool(one.photo), chat=ben.chat)
        await decide(play.ana, card, "approve")
        await decide(play.ana, card, "undo")
        await decide(ben, card, "reject")
        await decide(ben, card, "because", "commercial_use")
        await decide(ben, card, "tell")
        await mei.hears("was not approved")
        mei.say("/mydata")
        await mei.hears(lambda one: one.document)
        mei.say("/correct")
        await mei.hears("can no longer be changed")
        await lin_refuses(lin)
        await fill_in(kim)
        kim.say("/withdraw")
        await kim.hears(has("leave"))
        await press(kim, "leave")
        zoe.start()
        await zoe.hears(has("decline"))
        await press(zoe, "decline")
        mei.say("/delete")
        await mei.hears(has("erase"))
        await press(mei, "erase")
        receipt = re.search(r"Receipt: ([0-9A-F]{12})", (await mei.hears("is erased")).text)
        await play.settled()
        rows: list[Row] = await play.app.engine.read(audit_log.rows)
        text = "\n".join(" ".join(map(str, row)) for row in rows)
        people = [mei, lin, kim, zoe, ben, play.ana, play.operator]
        planted = [
            *(one for one in ANSWERS.values() if len(one) > 2),
            *(one.user.first_name for one in people),
        ]
        planted += [part for one in planted for part in re.split(r"[\s@.]+", one) if len(part) > 4]
        planted += [str(one.id) for one in people] + [str(play.group.id).lstrip("-")]
        assert [one for one in planted if one.casefold() in text.casefold()] == []
        for _, _, action, subject, detail, _ in rows:
            assert re.fullmatch(DETAILS[action], detail), (action, detail)
            assert re.fullmatch(r"[0-9a-f]{24}" if ACTIONS[action].subject == "person" else "", subject)
        ref = play.app.intake.turns.people.ref
        by = {row[2]: row[4].split(" ") for row in rows}
        assert by["photo_viewed"][1] == ref(ben.id)
        assert by["approved"][2] == by["undone"][2] == ref(play.ana.id)
        assert by["rejected"][2:] == [ref(ben.id), "commercial_use"]
        assert by["told"][1] == ref(ben.id)
        assert receipt is not None
        assert by["erased"] == ["asked", receipt[1]]
        wanted = {
            *(
                "consent",
                "agreement_declined",
                "consent_refused",
                "withdrawn",
                "photo_stored",
                "photo_viewed",
            ),
            *("submitted", "claimed", "released", "approved", "rejected", "undone", "told", "data_shown"),
            *("correction_asked", "erased", "migrated"),
        }
        assert wanted <= {row[2] for row in rows}
        count, head = await play.app.engine.read(audit_log.head)
        assert await verify(play.app.engine, [Head(head, count)]) == Verdict(count, head)
        consents = await play.app.engine.read(lambda tx: tx.fetchall("SELECT text_hash FROM consents"))
        entered = [row[4].split(" ")[3] for row in rows if row[2] == "consent"]
        assert sorted(entered) == sorted(row[0] for row in consents)  # one for one with the ledger


async def lin_refuses(lin: Any) -> None:
    """Up to the photo, whose consent is refused."""
    await agree(lin)
    for number in range(1, 5):
        await answer(lin, number)
    lin.say(ANSWERS[5])
    await lin.hears(has("refuse"))
    await press(lin, "refuse")


# the commands


@pytest.fixture
def group(cast: Cast) -> Group:
    return cast.group()


async def test_the_log_is_verified_and_listed_while_the_bot_runs_and_while_it_does_not(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path
) -> None:
    async with running_bot(sandbox, group, tmp_path) as bot:
        mei = cast.applicant("Mei")
        await agree(mei)
        await bot.settled()
        status, said = await intake(bot, "audit", "verify")
        listed = [row.split("  ")[2] for row in (await intake(bot, "audit", "list"))[1].splitlines()]
        assert listed == [*["migrated"] * len(migrations(files("storage") / "migrations")), "consent"]
        found = re.fullmatch(
            rf"the audit log is sound: {len(listed)} entries, head ({len(listed)}:([0-9a-f]{{64}}))\n", said
        )
        assert (status, bool(found)) == (0, True), said
        assert found is not None
        whole, head = found[1], found[2]
        nothing = "the audit log has no entry since then\n"
        assert await intake(bot, "audit", "list", "--since", "2999-01-01") == (0, nothing)
        assert await bot.terminate() == 0
        assert await intake(bot, "audit", "verify", "--head", whole, "--head", head) == (0, said)
        assert await intake(bot, "audit", "verify", "--head", head) == (0, said)
        assert await intake(bot, "audit", "verify", "--head", head[:16].upper()) == (0, said)
        status, wrong = await intake(bot, "audit", "verify", "--head", "mei")
        assert (status, wrong.count("\n")) == (2, 1)
        assert "it is NUMBER:HASH as it was told, or the hash alone" in wrong
        with closing(sqlite3.connect(tmp_path / "data" / "intake.sqlite")) as hand, hand:
            hand.execute("DELETE FROM audit WHERE seq = (SELECT MAX(seq) FROM audit)")
        cut = f"it has no entry with the hash {head}: its end was cut off or written anew"
        assert await intake(bot, "audit", "verify", "--head", head) == (
            1,
            f"the audit log is not sound: {cut}\n",
        )
        ends = f"it ends with entry {len(listed) - 1}, and had {len(listed)} when {whole} was told"
        status, cut = await intake(bot, "audit", "verify", "--head", whole)
        assert (status, ends in cut) == (1, True)
        with closing(sqlite3.connect(tmp_path / "data" / "intake.sqlite")) as hand, hand:
            hand.execute("UPDATE audit SET detail = '0001_initial.sqm' WHERE seq = 1")
        changed = "the audit log is not sound: entry 1 was changed, or does not follow on entry 0\n"
        assert await intake(bot, "audit", "verify") == (1, changed)
        wrong = "--since: 'yesterday' is no time; as 2026-03-01, or 2026-03-01T12:00\n"
        assert await intake(bot, "audit", "list", "--since", "yesterday") == (2, wrong)
        bot.environment["INTAKE_DATA"] = str(tmp_path / "nowhere")
        status, wrong = await intake(bot, "audit", "verify")
        assert (status, "there is no database" in wrong.splitlines()[-1]) == (2, True)


# the head


async def test_the_head_is_told_once_a_day_whatever_is_started_anew(tmp_path: Path) -> None:
    now, told, settings = wall(), list[Errand](), settings_of(tmp_path / "data")

    async def published(days: int) -> tuple[int, int]:
        """How many notes were handed over until then, and stand in the table till they are sent."""
        async with open_data(settings) as (engine, vault, _):
            heads = Heads(engine, vault, 77, told.extend, lambda: now + timedelta(days=days))
            await heads.publish()
            await heads.publish()
            return len(told), len(await engine.read(outgoing.errands))

    assert [await published(days) for days in (0, 0, 1, 1, 0)] == [(1, 1), (1, 1), (2, 2), (2, 2), (2, 2)]
    async with SQLite.open(settings.database, readonly=True) as engine:
        count, head = await engine.read(audit_log.head)
    assert [one.body["text"] for one in told] == [f"audit log: {count} entries, head {count}:{head}"] * 2
    assert {one.chat for one in told} == {77}


async def test_the_operators_are_told_the_head_in_their_chat(tmp_path: Path, clocks: Any) -> None:
    async with playing(tmp_path, clock=clocks.telegrams_time) as play:
        note = await play.operator.sees("audit log: ")
        await play.stop()
        await play.start()
        await asyncio.sleep(1.2)  # two of the scheduler's minutes
        await play.settled()
        assert sum("audit log: " in one for one in play.told) == 1
        count, head = await play.app.engine.read(audit_log.head)
        assert note.text == f"audit log: {count} entries, head {count}:{head}"


def heads_told(play: Stage) -> list[str]:
    """What the operators can hold against a later log."""
    return [
        one.text.split("head ")[1].split(";")[0] for one in play.operator.messages() if "head " in one.text
    ]


async def test_after_a_restore_the_head_is_told_anew_and_a_lost_one_is_not_taken_for_a_forgery(
    tmp_path: Path, clocks: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async with playing(tmp_path, clock=clocks.telegrams_time) as play:
        await play.operator.sees("audit log: ")
        async with asyncio.timeout(10):
            while await play.app.engine.read(outgoing.errands):  # until it is entered that the note was sent
                await asyncio.sleep(0.01)
        folder = tmp_path / "backups"
        folder.mkdir(0o700)
        said = await asyncio.to_thread(back_up, play.settings, folder, 30, 7, lambda *_: None)
        data = Path(said[0].split()[1].rstrip(","))
        await agree(play.cast.applicant("Mei"))
        await play.settled()
        count, head = await play.app.engine.read(audit_log.head)
        lost = f"{count}:{head}"
        await play.stop()
        await asyncio.to_thread(
            restore, play.settings, data, None, replace=True, dry_run=False, tell=lambda *_: None
        )
        (kept,) = heads_told(play)
        for wanted, status in (([kept], 0), ([lost], 3), ([head], 3), ([kept, lost], 3)):
            capsys.readouterr()
            assert await asyncio.to_thread(verify_log, play.settings, wanted) == status
            found = capsys.readouterr()
            assert found.out.startswith("the audit log is sound: ")
            told = re.search(r"^not proved: restored from a backup of \d{4}-\d\d-\d\d ", found.err, re.M)
            assert bool(told) is bool(status), found.err
        await play.start()
        anew = await play.operator.sees("heads told since then are not in it")
        assert "; restored from a backup of " in anew.text
        await asyncio.sleep(1.2)  # two of the scheduler's minutes
        await play.stop()
        await play.start()
        await asyncio.sleep(1.2)
        assert len(heads_told(play)) == 2  # once
        assert await asyncio.to_thread(verify_log, play.settings, heads_told(play)) == 0
