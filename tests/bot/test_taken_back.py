"""Consents taken back after the backup: who did that is withdrawn after the restore too, and nobody decides on him."""

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import taken_back
from bot.arrivals import Happened
from bot.backup_keeper import BackupKeeper
from bot.clock import wall
from bot.sandbox.server import Sandbox
from bot.settings import Settings
from bot.starting import open_data
from conversations.audit import Action
from conversations.events import ConsentsEnded
from storage import audit_log, erasure, facts, ledger
from storage.audit_log import AuditEntry
from storage.engine import Transaction
from storage.erasure import Tombstone, Withdrawal
from storage.errors import BackupUnusable
from storage.journal import Journal, _check, line
from storage.values import stamp
from storage.vault import Vault
from tests.applying import agree, apply, at, decide, press, receipt_in
from tests.bot.clocks import Clocks
from tests.bot.stage import playing, programme
from tests.bot.test_backups import backed_up, delete, intake, lose, lose_data, rows, until
from tests.bot.test_keys import settings_of
from tests.bot.test_restoring import NOW, change, come, dry_run, found, restored, taken
from tests.cast import Cast, Group, Person, running_bot

pytestmark = pytest.mark.usefixtures("logs_as_before")
LEDGER = "SELECT DISTINCT withdrawn_at FROM consents WHERE person_id = '{}'"


@pytest.fixture
def group(cast: Cast) -> Group:
    return cast.group()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "backups"
    found.mkdir(mode=0o700)
    return found


async def withdraw(person: Person) -> None:
    person.say("/withdraw")
    await press(person, "leave")


# the drill


async def test_whoever_withdrew_since_the_backup_is_withdrawn_after_it_and_no_reviewer_can_decide(
    sandbox: Sandbox,
    cast: Cast,
    group: Group,
    ana: Person,
    tmp_path: Path,
    folder: Path,
) -> None:
    mei, lin, kofi = (cast.applicant(name) for name in ("Mei", "Lin", "Kofi"))
    database = tmp_path / "data" / "intake.sqlite"
    async with running_bot(sandbox, group, tmp_path, backups=folder) as bot:
        card, others = await apply(mei, group), await apply(kofi, group)
        await agree(lin)
        await at(lin, 1)
        await decide(ana, card, "approve")  # his time to undo runs as the backup is made
        await bot.settled()
        data = await backed_up(bot, folder)
        await decide(ana, card, "undo")
        for person in (mei, lin):
            await withdraw(person)
            await person.hears("withdrawn")
        await until(lambda: len({one.ref for one in Journal(folder).withdrawals()}) == 2)
        receipt = receipt_in(card)
        ((who,),) = rows(database, f"SELECT person_id FROM applications WHERE receipt = '{receipt}'")
        (when,) = rows(database, LEDGER.format(who))
        await bot.settled()
        await bot.kill()
        lose(bot)
        status, said = await intake(bot, "restore", data)
        assert status == 0, said
        assert "who have taken consents back since, which the next start of the bot enters: 2" in said
        assert rows(database, f"SELECT status FROM applications WHERE person_id = '{who}'") == [("deciding",)]
        told = [len(one.messages()) for one in (mei, lin)]
        await bot.start()
        await bot.settled()
        assert rows(database, f"SELECT status FROM applications WHERE person_id = '{who}'") == [
            ("withdrawn",)
        ]
        assert rows(database, LEDGER.format(who)) == [when]  # the true moment
        assert rows(
            database, f"SELECT detail FROM audit WHERE action = 'withdrawn' AND subject = '{who}'"
        ) == [(f"{receipt} again",)]
        assert rows(database, "SELECT state, count(*) FROM people GROUP BY 1 ORDER BY 1") == [
            ("fresh", 1),
            ("settled", 1),
            ("waiting", 1),
        ]
        assert rows(database, "SELECT count(*) FROM facts WHERE name LIKE 'taken_back%'") == [(0,)]
        shown = next(one for one in group.messages if one.id == card.id)
        assert "Withdrawn" in shown.text
        assert not any(button.data and "approve" in button.data for row in shown.buttons for button in row)
        assert [len(one.messages()) for one in (mei, lin)] == told  # who did it himself knows it
        await decide(ana, others, "approve")  # and whoever did not is decided on
        await decide(ana, others, "tell")
        await kofi.hears("approved")
        await delete(mei)
        await bot.restart()


async def test_a_press_on_the_old_card_that_waited_in_telegram_decides_nothing(
    sandbox: Sandbox,
    cast: Cast,
    group: Group,
    ana: Person,
    tmp_path: Path,
    folder: Path,
) -> None:
    mei = cast.applicant("Mei")
    database = tmp_path / "data" / "intake.sqlite"
    async with running_bot(sandbox, group, tmp_path, backups=folder) as bot:
        card = await apply(mei, group)
        await bot.settled()
        data = await backed_up(bot, folder)
        old = next(
            one.data for row in card.buttons for one in row if one.data and one.data.startswith("approve")
        )
        await withdraw(mei)
        await mei.hears("withdrawn")
        await bot.terminate()
        assert Journal(folder).withdrawals()  # with the end at the latest
        lose(bot)
        assert (await intake(bot, "restore", data))[0] == 0
        pressed = ana.press_data(card, old)  # on a screen that shows the card as it was
        await bot.start()
        await ana.answer_to(pressed)
        await bot.settled()
        assert rows(database, "SELECT status FROM applications") == [("withdrawn",)]
        assert rows(database, "SELECT count(*) FROM audit WHERE action = 'approved'") == [(0,)]


@pytest.mark.parametrize("hours", [0.5, 2.0])
async def test_nobody_is_told_a_decision_that_waited_when_he_withdrew(
    tmp_path: Path, folder: Path, clocks: Clocks, hours: float
) -> None:
    """Though the end of its time to undo is among the errands of the backup, and overdue at the start."""
    async with playing(tmp_path, clock=clocks.telegrams_time) as play:
        people = [play.cast.applicant(name) for name in ("Mei", "Lin", "Kofi", "Zoe")]
        cards = [await apply(one, play.group) for one in people]
        for card in cards:
            await decide(play.ana, card, "approve")
        await play.settled()
        await play.stop()
        data = await asyncio.to_thread(taken, play.settings.model_copy(update={"backups": folder}), wall())
        await play.start(backups=folder)
        for card in cards:
            await decide(play.ana, card, "undo")
        for one in people:
            await withdraw(one)
            await one.hears("withdrawn")
        await play.settled()
        await play.stop()
        lose_data(play.settings.data)
        clocks.both(hours * 3600)
        await asyncio.to_thread(restored, play.settings, data)
        told = [len(one.messages()) for one in people]
        await play.start(programme=programme(0))
        await play.until(lambda: all("Withdrawn" in card.text for card in cards))
        await play.settled()
        assert rows(play.settings.database, "SELECT DISTINCT status FROM applications") == [("withdrawn",)]
        assert rows(play.settings.database, "SELECT count(*) FROM audit WHERE action = 'told'") == [(0,)]
        assert [len(one.messages()) for one in people] == told


# the journal


def test_lines_of_both_kinds_are_read_and_what_a_newer_version_wrote_is_told_apart_from_damage(
    tmp_path: Path,
) -> None:
    stone, taken_back = Tombstone("a" * 64, "2026"), Withdrawal("b" * 64, "2027")
    refused = Withdrawal("b" * 64, "2026", "identity_photo")
    journal = Journal(tmp_path)
    journal.add([stone])
    journal.add([taken_back, refused])
    assert list(journal.entries()) == [stone, taken_back, refused]
    assert (journal.read(), journal.withdrawals()) == ([stone], [taken_back, refused])
    before = journal.path.read_bytes()
    wrong = line(taken_back).replace("2027", "2028")
    newer = "moved a b c"
    for text, why in (
        (wrong, "line 4 of .* is damaged"),
        (f"{newer} {_check(newer)}", "line 4 .* newer version"),
    ):
        journal.path.write_bytes(before + text.encode() + b"\n")
        with pytest.raises(BackupUnusable, match=why):
            journal.read()


async def test_withdrawals_are_entered_once_and_made_good(settings: Settings) -> None:
    assert settings.backups is not None
    async with open_data(settings) as (engine, vault, _):
        await engine.write(lambda tx: consenting(tx, vault, "a"))
        keeper = BackupKeeper(engine, settings.backups, lambda line: None)
        await keeper.finish()
        journal = Journal(settings.backups)
        assert list(journal.entries()) == []
        await engine.write(lambda tx: took_back(tx, "a", NOW))
        await keeper.finish()
        assert journal.withdrawals() == [Withdrawal("ref-a", stamp(NOW))]
        later = NOW + timedelta(hours=1)
        await engine.write(lambda tx: took_back(tx, "a", later, "identity_photo"))
        await engine.write(lambda tx: ledger.end_consents(tx, "a", later))  # over, and not taken back
        await engine.write(lambda tx: audit_log.add(tx, [("withdrawn", "a", "- again")], later))
        await keeper.finish()
        assert journal.withdrawals()[1:] == [Withdrawal("ref-a", stamp(later), "identity_photo")]
        await BackupKeeper(engine, settings.backups, lambda line: None).finish()
        assert len(journal.withdrawals()) == 2
        journal.path.unlink()
        await engine.write(lambda tx: erasure.erase_person(tx, "a", "ref-a", None, NOW))
        await keeper.finish()
        assert [type(one) for one in journal.entries()] == [
            Tombstone
        ]  # of whom nobody knows, nothing more is said


# what is noted


@pytest.fixture
def settings(tmp_path: Path, folder: Path) -> Settings:
    return settings_of(tmp_path / "data").model_copy(update={"backups": folder})


def consenting(tx: Transaction, vault: Vault, person_id: str, at: datetime = NOW - timedelta(days=1)) -> None:
    """Somebody with two consents of that time."""
    come(tx, vault, person_id)
    ledger.add_text(tx, "hash", "agreement", "en", "words")
    for document in ("agreement", "identity_photo"):
        ledger.add_consent(tx, f"{person_id} {document}", person_id, (document, "hash", "en", "press"), at)


def took_back(tx: Transaction, person_id: str, at: datetime, document: str = "") -> None:
    """As the dialogue has it written."""
    ledger.end_consents(tx, person_id, at, document)
    entry: AuditEntry = (
        "consent_withdrawn" if document else "withdrawn",
        person_id,
        document or "- asked",
    )
    audit_log.add(tx, [entry], at)


def noted(settings: Settings) -> Any:
    kept = found(settings, f"SELECT name, value FROM facts WHERE name LIKE '{taken_back.FACT}%'")
    return {name.removeprefix(taken_back.FACT): json.loads(value) for name, value in kept}


def test_each_consent_ends_with_the_first_withdrawal_after_it_and_what_the_backup_knows_is_not_noted(
    settings: Settings,
) -> None:
    def fill(tx: Transaction, vault: Vault) -> None:
        for one in ("again", "both", "one", "known", "none"):
            consenting(tx, vault, one)
        took_back(tx, "known", NOW - timedelta(hours=3))
        took_back(tx, "again", NOW - timedelta(hours=3))
        for document in ("agreement", "identity_photo"):  # he came back before the backup
            values = (document, "hash", "en", "press")
            ledger.add_consent(tx, f"anew {document}", "again", values, NOW - timedelta(hours=2))

    asyncio.run(change(settings, fill))
    data = taken(settings)
    hours: Any = lambda count: stamp(NOW + timedelta(hours=count))  # noqa: E731
    assert settings.backups is not None
    Journal(settings.backups).add(
        [
            *(Withdrawal(f"ref-{one}", hours(-3)) for one in ("known", "again")),
            Withdrawal("ref-both", hours(1), "identity_photo"),
            Withdrawal("ref-both", hours(2)),
            Withdrawal("ref-both", hours(3)),  # given again meanwhile, of which nobody knows now
            Withdrawal("ref-one", hours(1), "identity_photo"),
            Withdrawal("ref-nobody", hours(1)),
        ]
    )
    said = restored(settings, data)
    assert "who have taken consents back since, which the next start of the bot enters: 2" in said
    assert noted(settings) == {
        "both": [[hours(1), "identity_photo"], [hours(2), ""]],
        "one": [[hours(1), "identity_photo"]],
    }


def test_what_only_the_present_database_knows_is_noted_too(settings: Settings) -> None:
    asyncio.run(change(settings, lambda tx, vault: consenting(tx, vault, "a")))
    data = taken(settings)
    asyncio.run(change(settings, lambda tx, vault: took_back(tx, "a", NOW)))
    restored(settings, data)
    assert noted(settings) == {"a": [[stamp(NOW), ""]]}


def test_what_a_restore_has_noted_outlives_another_one_before_the_bot_starts(settings: Settings) -> None:
    asyncio.run(change(settings, lambda tx, vault: consenting(tx, vault, "a")))
    data = taken(settings)
    asyncio.run(change(settings, lambda tx, vault: took_back(tx, "a", NOW, "identity_photo")))
    for _ in range(3):
        restored(settings, data)
        assert noted(settings) == {"a": [[stamp(NOW), "identity_photo"]]}


async def entered_again(settings: Settings, at: datetime) -> None:
    """What was noted is ended by a start at that time, as the dialogue does, and the journal is kept up."""
    assert settings.backups is not None

    async with open_data(settings) as (engine, _, _):

        async def works(happened: Happened) -> None:
            event = happened.event
            assert isinstance(event, ConsentsEnded)

            def write(tx: Transaction) -> None:
                ledger.end_consents(tx, happened.person_id, event.at, event.document)
                action: Action = "consent_withdrawn" if event.document else "withdrawn"
                audit_log.add(tx, [(action, happened.person_id, f"{event.document or '-'} again")], at)

            await engine.write(write)

        await taken_back.end(engine, await engine.read(taken_back.noted), works, pytest.fail)
        await BackupKeeper(engine, settings.backups, pytest.fail).finish()


def test_what_was_entered_again_stands_in_the_journal_with_its_true_moment_and_outlives_the_data(
    settings: Settings,
) -> None:
    """Though the present database alone had told of it, after each restore."""
    assert settings.backups is not None

    def fill(tx: Transaction, vault: Vault) -> None:
        consenting(tx, vault, "a")
        consenting(tx, vault, "b")

    def take_back(tx: Transaction, vault: Vault) -> None:
        took_back(tx, "a", NOW, "identity_photo")
        took_back(tx, "a", NOW + timedelta(minutes=5))
        took_back(tx, "b", NOW + timedelta(minutes=7), "identity_photo")
        ledger.end_consents(tx, "b", NOW + timedelta(minutes=9))  # of another cause
        audit_log.add(tx, [("applied_again", "b", "UX-1")], NOW + timedelta(minutes=9))

    asyncio.run(change(settings, fill))
    data = taken(settings)
    asyncio.run(change(settings, take_back))
    wanted = {
        "a": [[stamp(NOW), "identity_photo"], [stamp(NOW + timedelta(minutes=5)), ""]],
        "b": [[stamp(NOW + timedelta(minutes=7)), "identity_photo"]],
    }
    restored(settings, data)
    assert noted(settings) == wanted
    asyncio.run(entered_again(settings, NOW + timedelta(hours=1)))
    assert Journal(settings.backups).withdrawals() == [
        Withdrawal(f"ref-{who}", *one) for who in wanted for one in wanted[who]
    ]
    restored(settings, data)  # the journal, and the present database, tell the same
    assert noted(settings) == wanted
    asyncio.run(entered_again(settings, NOW + timedelta(hours=2)))
    assert len(Journal(settings.backups).withdrawals()) == 3
    Journal(settings.backups).path.unlink()
    restored(settings, data)
    assert noted(settings) == wanted
    asyncio.run(entered_again(settings, NOW + timedelta(hours=3)))
    lose_data(settings.data)
    restored(settings, data)
    assert noted(settings) == wanted


def test_a_withdrawal_that_stands_in_the_log_of_the_present_database_is_noted(settings: Settings) -> None:
    """Since somebody reads there, its log cannot be emptied."""
    asyncio.run(change(settings, lambda tx, vault: consenting(tx, vault, "a")))
    data = taken(settings)
    with closing(sqlite3.connect(settings.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM people").fetchall()
        asyncio.run(change(settings, lambda tx, vault: took_back(tx, "a", NOW)))
        assert settings.database.with_name("intake.sqlite-wal").stat().st_size > 0
        assert any("have taken consents back since" in line for line in dry_run(settings, data))
        restored(settings, data)
    assert noted(settings) == {"a": [[stamp(NOW), ""]]}


def test_without_a_journal_it_is_said_that_withdrawals_are_lost_too(settings: Settings) -> None:
    asyncio.run(change(settings, lambda tx, vault: consenting(tx, vault, "a")))
    data = taken(settings)
    (note,) = [line for line in restored(settings, data) if "there is no journal of deletions" in line]
    assert "comes back, and whoever has taken a consent back after this one is decided on" in note


async def test_what_could_not_be_done_stays_noted_and_is_told(settings: Settings) -> None:
    async with open_data(settings) as (engine, vault, _):
        await engine.write(lambda tx: consenting(tx, vault, "a"))
        noted = [(f"{taken_back.FACT}a", json.dumps([[stamp(NOW), "agreement"]]))]
        await engine.write(lambda tx: facts.put(tx, *noted[0]))
        told: list[str] = []

        async def fails(happened: Happened) -> None:
            """As a turn that was parked."""

        await taken_back.end(engine, await engine.read(taken_back.noted), fails, told.append)
        assert ["Do not decide on this application" in one for one in told] == [True]
        assert await engine.read(taken_back.noted) == noted

        async def works(happened: Happened) -> None:
            await engine.write(lambda tx: took_back(tx, happened.person_id, NOW))

        await taken_back.end(engine, await engine.read(taken_back.noted), works, told.append)
        assert (len(told), await engine.read(taken_back.noted)) == (1, [])
