"""What a restored database holds, and what a set of keys still does."""

import asyncio
import contextlib
import errno
import json
import os
import shutil
import sqlite3
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from pydantic import SecretStr

from bot import backups, dry_runs, restoring, retention
from bot.arrivals import Happened
from bot.at_rest import change_key_at_rest
from bot.backup_keeper import BackupKeeper
from bot.backups import back_up
from bot.clock import wall
from bot.erasing import erase_due_at_rest
from bot.errands import Errand, restore
from bot.mistakes import CannotStart
from bot.people import People
from bot.rebuilding import ASKED
from bot.settings import Settings
from bot.starting import open_data
from conversations.events import DataRestored
from conversations.state import Applicant
from storage import audit_log, backup, erasure, facts, outgoing, parking, store, upkeep
from storage.backup_files import DATA, KEYS, Draft, keys_of, opened
from storage.chain import verify
from storage.engine import Transaction
from storage.errors import BackupUnusable, DataInUse, StorageError
from storage.folder import DataLock
from storage.journal import Journal
from storage.migrate import migrations
from storage.sqlite import SQLite
from storage.values import stamp
from storage.vault import OperatorKey, Vault, fingerprint
from tests.applying import agree, answer, apply, decide, receipt_in
from tests.bot.clocks import Clocks
from tests.bot.stage import playing
from tests.bot.test_backups import lose_data
from tests.bot.test_erasing import Crowd
from tests.bot.test_keys import settings_of
from tests.conversations.world import PROGRAMME
from tests.storage import live
from tests.storage.rows import submit
from tests.storage.test_migrate import SHIPPED, database_of

NOW = wall()
KINDS = (
    "send",
    "edit",
    "card",
    "data",
    "show",
    "member",
    "digest",
    "note",
    "fetch",
    "wake",
    "hide",
    "remove",
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "backups").mkdir()
    return settings_of(tmp_path / "data").model_copy(update={"backups": tmp_path / "backups"})


def come(tx: Transaction, vault: Vault, person_id: str, ref: str = "", state: str = "drafting") -> None:
    """Somebody with everything sealed as it is in use."""
    applicant = Applicant(
        person_id=person_id,
        ref=ref or f"ref-{person_id}",
        chat_id=77,
        language="en",
        heard_at=NOW,
        created_at=NOW,
    )
    key = vault.new_person_key()
    store.add_person(tx, person_id, applicant.ref, vault.wrap(person_id, key))
    sealed = key.seal(f"people/{person_id}", applicant.model_dump_json().encode())
    store.save_person(tx, person_id, sealed, state, None, asks_anew=False, now=NOW)
    outgoing.delivered(tx, person_id, 5, NOW)
    for kind in KINDS:
        errand = Errand(kind, 77, person_id, {"text": person_id})
        outgoing.add_errands(tx, [errand.row(key)])


async def change(settings: Settings, work: Any) -> Any:
    """Do this with the database and the vault of the data."""
    async with open_data(settings) as (engine, vault, _):
        return await engine.write(lambda tx: work(tx, vault))


def taken(settings: Settings, at: datetime | None = None) -> Path:
    """The data of a backup, made at that time."""
    with patch.object(backups, "wall", lambda: at or NOW):
        said = back_up(settings, None, 30, 7, lambda done, total: None)
    return Path(said[0].split()[1].rstrip(","))


def restored(settings: Settings, data: Path, keys: Path | None = None) -> list[str]:
    return restoring.restore(settings, data, keys, replace=True, dry_run=False, tell=lambda *_: None)


def found(settings: Settings, sql: str) -> list[Any]:
    return asyncio.run(change(settings, lambda tx, vault: tx.fetchall(sql)))


def test_of_an_old_backup_nothing_is_sent_again_but_to_whoever_is_away(settings: Settings) -> None:
    def fill(tx: Transaction, vault: Vault) -> None:
        come(tx, vault, "a")
        come(tx, vault, "b")
        store.set_reachable(tx, "b", False)
        wipe = Errand("wipe", 77, None, {"say": "erased", "language": "en", "messages": [], "cards": []})
        outgoing.add_errands(tx, [wipe.row(vault)])
        for fact in ("serving", "in_hand"):
            facts.put(tx, fact, "x")
        store.add_seen(tx, [1], NOW - timedelta(days=20))
        store.add_seen(tx, [2], NOW)

    asyncio.run(change(settings, fill))
    data = taken(settings, NOW - timedelta(hours=2))
    lose_data(settings.data)
    said = restored(settings, data)
    assert "not sent again: 8 messages that waited at that moment" in said
    kinds = "SELECT kind FROM errands WHERE person_id = '{}' ORDER BY errand_id"
    assert [row[0] for row in found(settings, kinds.format("a"))] == ["fetch", "wake", "hide", "remove"]
    assert [row[0] for row in found(settings, kinds.format("b"))] == list(KINDS)

    def read(tx: Transaction, vault: Vault) -> list[Any]:
        ((errand_id, sealed),) = upkeep.nobodys_errands(tx, "", 9)
        return [
            json.loads(vault.open(f"errands/{errand_id}", sealed))["say"],
            facts.get(tx, "serving") or facts.get(tx, "in_hand"),
            store.seen_among(tx, [1, 2]),
            audit_log.rows(tx)[-1][2],
        ]

    assert asyncio.run(change(settings, read)) == ["", None, {2}, "restored"]
    young = taken(settings)
    restored(settings, young)
    assert found(settings, "SELECT count(*) FROM errands WHERE attempts = 0") == [(0,)]


def test_an_open_card_is_brought_up_to_date_and_questions_are_asked_again(settings: Settings) -> None:
    def fill(tx: Transaction, vault: Vault) -> None:
        for state in (*ASKED, "waiting", "checking"):
            come(tx, vault, state, state=state)
        submit(tx, "UX-1", "waiting")
        submit(tx, "UX-2", "drafting", status="approved")
        store.set_card(tx, "UX-1", -5, 9)
        store.set_card(tx, "UX-2", -5, 10)
        outgoing.finish_errands(tx, [row[0] for row in tx.fetchall("SELECT errand_id FROM errands")])

    asyncio.run(change(settings, fill))
    restored(settings, taken(settings))
    asked = found(settings, "SELECT person_id FROM people WHERE prompt_message IS NOT NULL")
    assert sorted(row[0] for row in asked) == sorted(ASKED)

    def cards(tx: Transaction, vault: Vault) -> list[Any]:
        rows = upkeep.nobodys_errands(tx, "", 9)
        return [json.loads(vault.open(f"errands/{one}", sealed)) for one, sealed in rows]

    assert asyncio.run(change(settings, cards)) == [
        {"chat": -5, "receipt": "UX-1", "anew": False, "pressed": []}
    ]


def test_whoever_was_erased_and_came_back_before_the_backup_stays(settings: Settings) -> None:
    def erase(tx: Transaction, vault: Vault, at: datetime) -> None:
        erasure.erase_person(tx, "old", "ref-same", None, at)

    asyncio.run(change(settings, lambda tx, vault: come(tx, vault, "old", "ref-same")))
    before = taken(settings, NOW - timedelta(days=2))
    asyncio.run(change(settings, lambda tx, vault: erase(tx, vault, NOW - timedelta(days=1))))
    asyncio.run(change(settings, lambda tx, vault: come(tx, vault, "new", "ref-same")))
    after = taken(settings)
    assert [row.id for row in keys_of(before.with_suffix(KEYS))[1]] == []
    assert [row.id for row in keys_of(after.with_suffix(KEYS))[1]] == ["new"]
    lose_data(settings.data)
    said = restored(settings, after)
    assert "left out: 0 who were deleted since, 0 whose keys are not kept any more" in said
    assert found(settings, "SELECT person_id FROM people") == [("new",)]
    lose_data(settings.data)
    said = restored(settings, before)  # its keys are gone; the later backup tells of the deletion
    assert "left out: 1 who were deleted since, 0 whose keys are not kept any more" in said
    assert found(settings, "SELECT count(*) FROM people") == [(0,)]
    assert found(settings, "SELECT ref FROM tombstones") == [("ref-same",)]


def test_what_the_operators_key_seals_goes_with_the_keys(settings: Settings) -> None:
    def fill(tx: Transaction, vault: Vault) -> None:
        come(tx, vault, "a")
        for one, ref in (("1", "ref-a"), ("2", "")):
            parking.park(tx, one, (None, ref), "KeyError", vault.seal(f"parked/{one}", b"{}"), NOW)

    asyncio.run(change(settings, fill))
    sealed = [row[0] for row in found(settings, "SELECT sealed FROM parked")]
    data = taken(settings)
    with opened(data, "data") as (_, inside):
        held = inside.read()
    assert not any(one in held for one in sealed)
    asyncio.run(change(settings, lambda tx, vault: erasure.erase_person(tx, "a", "ref-a", None, NOW)))
    later = taken(settings)
    assert [row.id for row in keys_of(data.with_suffix(KEYS))[1]] == ["2"]
    restored(settings, data)
    assert found(settings, "SELECT parked_id FROM parked") == [("2",)]
    assert later.exists()


def test_a_key_that_was_changed_since_is_asked_for_and_later_keys_open_older_data(settings: Settings) -> None:
    asyncio.run(change(settings, lambda tx, vault: come(tx, vault, "a")))
    ref = asyncio.run(change(settings, lambda tx, vault: vault.lookup("telegram", "7")))
    data, old = taken(settings), settings.key_path.read_text()
    change_key_at_rest(settings, lambda done, total: None)
    later, new = taken(settings), settings.key_path.read_text()
    with pytest.raises(Exception, match="needs the operator's key with the fingerprint"):
        restored(settings, data)
    restored(settings, data, later.with_suffix(KEYS))
    assert asyncio.run(change(settings, lambda tx, vault: vault.lookup("telegram", "7"))) == ref
    settings.key_path.write_text(old)
    restored(settings, data)
    assert found(settings, "SELECT person_id FROM people") == [("a",)]
    assert new != old


def test_a_backup_made_while_the_key_was_being_changed_wants_both(settings: Settings) -> None:
    def half(tx: Transaction, vault: Vault) -> None:
        for one in ("a", "b"):
            come(tx, vault, one)

    asyncio.run(change(settings, half))
    old = settings.key_path.read_text()
    with (
        patch("storage.rotation.Rotation._errands", side_effect=RuntimeError("killed")),
        pytest.raises(Exception, match="killed"),
    ):
        change_key_at_rest(settings, lambda done, total: None)
    data, next_key = taken(settings), settings.next_key_path.read_text()
    settings.next_key_path.unlink()
    with pytest.raises(StorageError, match="was being changed at the moment of the backup"):
        restored(settings, data)
    settings.next_key_path.touch(mode=0o600)
    settings.next_key_path.write_text(next_key)
    restored(settings, data)
    assert len(found(settings, "SELECT person_id FROM people")) == 2
    assert settings.key_path.read_text() == next_key != old


@pytest.mark.parametrize("by_environment", [False, True])
def test_of_two_keys_that_are_the_wrong_way_round_none_is_lost(
    settings: Settings, by_environment: bool
) -> None:
    """The start after that would have put the old key in the place of the new one, which people's keys need."""

    def half(tx: Transaction, vault: Vault) -> None:
        for one in ("a", "b"):
            come(tx, vault, one)

    asyncio.run(change(settings, half))
    old = settings.key_path.read_text()
    with (
        patch("storage.rotation.Rotation._errands", side_effect=RuntimeError("killed")),
        pytest.raises(CannotStart, match="killed"),
    ):
        change_key_at_rest(settings, lambda done, total: None)
    data = taken(settings)
    asyncio.run(change(settings, lambda tx, vault: None))  # the next start ends the change
    new = settings.key_path.read_text()
    lose_data(settings.data)
    settings.next_key_path.touch(mode=0o600)
    settings.next_key_path.write_text(old)
    wrong = settings.model_copy(update={"key": SecretStr(new.strip())}) if by_environment else settings
    prints = [fingerprint(OperatorKey.from_text(one.strip())) for one in (old, new)]
    where = "INTAKE_KEY" if by_environment else str(settings.key_path)
    cure = f"{prints[0]} belongs in {where}, and {prints[1]} in {settings.next_key_path}"
    for say in (dry_run, restored):
        with pytest.raises(CannotStart, match=cure):
            say(wrong, data)
    assert (settings.key_path.read_text(), settings.next_key_path.read_text()) == (new, old)
    assert not settings.database.exists()
    settings.key_path.write_text(old)
    settings.next_key_path.write_text(new)
    restored(settings, data)
    assert len(asyncio.run(change(settings, unwrapped))) == 2
    assert settings.key_path.read_text() == new


def unwrapped(tx: Transaction, vault: Vault) -> list[Any]:
    """Everybody's key."""
    return [vault.unwrap(one, sealed) for one, sealed in upkeep.wrapped_keys(tx, "", 99)]


def test_a_backup_of_after_the_change_needs_the_new_key_alone_wherever_it_stands(settings: Settings) -> None:
    """As when a kill kept its file from taking the old one's name."""
    asyncio.run(change(settings, lambda tx, vault: come(tx, vault, "a")))
    old = settings.key_path.read_text()
    change_key_at_rest(settings, lambda done, total: None)
    data, new = taken(settings), settings.key_path.read_text()
    settings.key_path.replace(settings.next_key_path)
    settings.key_path.touch(mode=0o600)
    settings.key_path.write_text(old)
    restored(settings, data)
    assert len(asyncio.run(change(settings, unwrapped))) == 1
    assert (settings.key_path.read_text(), settings.next_key_path.exists()) == (new, False)


def test_a_foreign_set_of_keys_is_refused(settings: Settings, tmp_path: Path) -> None:
    asyncio.run(change(settings, lambda tx, vault: come(tx, vault, "a")))
    data = taken(settings)
    other = settings.model_copy(update={"data": tmp_path / "other"})
    other.data.mkdir(mode=0o700)
    other.key_path.touch(mode=0o600)
    other.key_path.write_text(settings.key_path.read_text())
    asyncio.run(change(other, lambda tx, vault: come(tx, vault, "z")))
    foreign = taken(other)
    with pytest.raises(StorageError, match="another bot's"):
        restored(settings, data, foreign.with_suffix(KEYS))
    assert found(settings, "SELECT person_id FROM people") == [("a",)]


def test_what_is_too_old_is_deleted_and_nothing_else(settings: Settings) -> None:
    asyncio.run(change(settings, lambda tx, vault: come(tx, vault, "a")))
    folder = settings.backups
    assert folder is not None
    times = [NOW - timedelta(days=days, seconds=5) for days in (40, 30, 29, 7, 6, 0)]
    made = [backup.write(settings.database, folder, at, lambda done, total: None) for at in times]
    (folder / "intake-notes.data").touch()
    killed = folder / ".writing-old"
    killed.mkdir()
    (killed / "copy.sqlite").touch()
    said = back_up(settings, None, 30, 7, lambda done, total: None)
    assert [one.data.exists() for one in made] == [False, False, True, True, True, True]
    assert [one.keys.exists() for one in made] == [False, False, False, False, True, True]
    assert sum("deleted" in line for line in said) == 6
    assert (folder / "intake-notes.data").exists()
    assert not killed.exists()


@pytest.mark.parametrize("years", [-10, 10])
def test_a_backup_by_a_clock_that_has_jumped_deletes_nothing_that_was_not_due(
    settings: Settings, years: int
) -> None:
    """Nor does the next one, when it is set right; what was made by the wrong one is told."""
    asyncio.run(change(settings, lambda tx, vault: come(tx, vault, "a")))
    folder = settings.backups
    assert folder is not None
    for days in (8, 6, 3, 1):
        backup.write(settings.database, folder, NOW - timedelta(days=days, hours=1), lambda done, total: None)
    assert "deleted" in " ".join(by(settings, NOW - timedelta(hours=1)))  # of eight days before
    before = [path for part in (KEYS, DATA) for _, path in backup.files(folder, part)]
    said = by(settings, NOW + timedelta(days=365 * years))
    assert [line for line in said if line.startswith("deleted")] == []
    assert all(path.exists() for path in before)
    said = by(settings, NOW)
    assert all(path.exists() for path in before)
    wrong = [path for part in (KEYS, DATA) for _, path in backup.files(folder, part) if path not in before]
    assert len([line for line in said if "made while this machine's clock was ahead" in line]) == (
        2 if years > 0 else 0
    )
    assert len(wrong) == (4 if years > 0 else 2)  # of a time long gone, it has had its time


def by(settings: Settings, now: datetime) -> list[str]:
    """What `intake backup` says at that time, by this machine's clock."""
    with patch.object(backups, "wall", lambda: now):
        return back_up(settings, None, 30, 7, lambda done, total: None)


def test_however_rarely_backups_are_made_two_sets_of_keys_are_left(settings: Settings) -> None:
    """Without a bot that goes by the right time."""
    asyncio.run(change(settings, lambda tx, vault: come(tx, vault, "a")))
    assert settings.backups is not None
    for days in (60, 40, 20, 0):
        by(settings, NOW - timedelta(days=days))
    assert [NOW - moment < timedelta(days=21) for moment, _ in backup.files(settings.backups, KEYS)] == [
        True,
        True,
    ]


# what only the present database knows


def removing(tx: Transaction, vault: Vault) -> None:
    """Somebody was erased, and nothing is removed from chats yet; nor is something else."""
    erasure.erase_person(tx, "a", "ref-a", None, NOW)
    body = {"say": "erased", "language": "en", "receipt": "R", "messages": [[77, 5, ""]], "cards": []}
    for errand in (
        Errand("wipe", 77, None, body),
        Errand("remove", -5, None, {"message_id": 9}, not_before=NOW + timedelta(hours=1)),
        Errand("note", -5, None, {"text": "of no importance"}),
    ):
        outgoing.add_errands(tx, [errand.row(vault)])


def nobodys(tx: Transaction, vault: Vault) -> list[Any]:
    rows = [(row, restore(row, vault)) for row in outgoing.errands_of_nobody(tx)]
    return [(one.kind, one.chat, one.body, one.not_before, row.attempts) for row, one in rows]


@pytest.mark.parametrize("backup_knows", [False, True])
def test_what_is_still_to_be_removed_of_the_erased_is_removed_after_a_restore(
    settings: Settings, backup_knows: bool
) -> None:
    """By whatever key it was sealed of those that are there; once, and not as the backup has it."""
    for one in ("a", "b"):
        asyncio.run(change(settings, lambda tx, vault, one=one: come(tx, vault, one)))
    before = taken(settings, NOW - timedelta(days=1))
    asyncio.run(change(settings, removing))
    data = taken(settings, NOW - timedelta(hours=2)) if backup_knows else before
    if backup_knows:
        asyncio.run(change(settings, lambda tx, vault: tx.execute("DELETE FROM errands WHERE kind = 'note'")))
    taken(settings)
    left = [row.id for row in keys_of(before.with_suffix(KEYS))[1]]
    assert left == ["b"]  # so that nothing else tells what to remove
    for say in (dry_run, restored):
        said = say(settings, data)
        assert "removals from chats, which the present database had still to do: 2" in said
    wiped = {"say": "erased", "language": "en", "receipt": "R", "messages": [[77, 5, ""]], "cards": []}
    assert asyncio.run(change(settings, nobodys)) == [
        ("wipe", 77, wiped, None, 1),
        ("remove", -5, {"message_id": 9}, NOW + timedelta(hours=1), 1),
    ]


def test_what_cannot_be_read_of_what_is_to_be_removed_is_told(settings: Settings) -> None:
    asyncio.run(change(settings, lambda tx, vault: come(tx, vault, "a")))
    asyncio.run(change(settings, lambda tx, vault: come(tx, vault, "b")))
    data, old = taken(settings), settings.key_path.read_text()
    change_key_at_rest(settings, lambda done, total: None)
    asyncio.run(change(settings, removing))
    settings.key_path.write_text(old)
    said = restored(settings, data)
    assert any("this operator's key does not open: 2" in line for line in said)
    ((kind, _, body, *_),) = asyncio.run(change(settings, nobodys))
    assert (kind, body["say"]) == ("wipe", "")  # what the backup itself tells of him


def test_a_damaged_part_of_the_present_database_hides_no_other(settings: Settings) -> None:
    asyncio.run(change(settings, lambda tx, vault: come(tx, vault, "a")))
    data = taken(settings)
    asyncio.run(change(settings, removing))
    asyncio.run(change(settings, lambda tx, vault: tx.execute("ALTER TABLE audit RENAME TO lost")))
    for say in (dry_run, restored):
        said = say(settings, data)
        assert any("the present database cannot be read, or not all of it" in line for line in said)
        assert "left out: 1 who were deleted since, 0 whose keys are not kept any more" in said
        assert "removals from chats, which the present database had still to do: 2" in said


async def test_what_went_at_rest_leaves_the_chats_though_a_backup_takes_the_place_of_the_data(
    tmp_path: Path, clocks: Clocks
) -> None:
    """Before the start that was to remove it."""
    (tmp_path / "backups").mkdir()
    clocks.both(-180 * DAY)
    async with playing(tmp_path, clock=clocks.telegrams_time) as play:
        mei = play.cast.applicant("Mei")
        card = await apply(mei, play.group)
        await decide(play.ana, card, "reject")
        await decide(play.ana, card, "because", "duplicate")
        await decide(play.ana, card, "tell")
        await mei.hears("was not approved")
        await play.settled()
        await play.stop()
        clocks.both(-2.9 * DAY)
        await play.start(backups=tmp_path / "backups")
        warning = await mei.sees("is over")
        await play.settled()
        await play.stop()
        clocks.both(-DAY)
        await play.start()
        mei.say("/mydata")
        await mei.hears("What we keep about you")
        await play.settled()
        await play.stop()
        data = await asyncio.to_thread(taken, play.settings, wall())
        given = [one for one in mei.messages() if one.from_bot and one.id > warning.id]
        clocks.both(0.5 * DAY)
        await asyncio.to_thread(erase_due_at_rest, play.settings, lambda done, total: None)
        assert not any(one.deleted for one in given)
        await asyncio.to_thread(restored, play.settings, data)
        await play.start()
        await mei.hears("🗑")
        await play.settled()
        assert [one.deleted for one in (*given, warning)] == [True] * len(given) + [False]  # too old to go


# damage


def test_a_damaged_set_of_keys_is_named_and_stops_no_backup(settings: Settings) -> None:
    asyncio.run(change(settings, lambda tx, vault: come(tx, vault, "a")))
    keys = taken(settings).with_suffix(KEYS)
    keys.write_bytes(keys.read_bytes()[:-1])
    said = back_up(settings, None, 30, 7, lambda done, total: None)
    assert said[2:] == [
        f"{keys} is damaged: its checksum does not fit; delete this one, for deletions do not reach it"
    ]


def test_a_cut_last_line_of_the_journal_is_no_hindrance(settings: Settings) -> None:
    folder = settings.backups
    assert folder is not None
    journal, stones = (
        Journal(folder),
        [erasure.Tombstone("a" * 32, stamp(NOW)), erasure.Tombstone("b" * 32, "t", "u")],
    )
    journal.add(stones[:1])
    with journal.path.open("ab") as out:
        out.write(b"half a li")
    assert journal.read() == stones[:1]
    journal.add(stones[1:])
    assert journal.read() == stones
    assert oct(journal.path.stat().st_mode & 0o777) == "0o600"


def test_a_database_that_is_damaged_is_kept_aside_whole(settings: Settings) -> None:
    asyncio.run(change(settings, lambda tx, vault: come(tx, vault, "a")))
    data = taken(settings)
    settings.database.write_bytes(b"not a database" * 900)
    said = restored(settings, data)
    assert any("the present database cannot be read" in line for line in said)
    (aside,) = settings.data.glob("intake.sqlite.before-*")
    assert aside.read_bytes() == b"not a database" * 900
    assert found(settings, "SELECT person_id FROM people") == [("a",)]


# other versions


async def _old(settings: Settings, version: str) -> Vault:
    """The data of that version, whose people were sealed in earnest."""
    settings.data.mkdir(mode=0o700)
    key = OperatorKey.create(settings.key_path)
    vault = Vault(key)
    await database_of(version, settings.database)
    with contextlib.closing(sqlite3.connect(settings.database, isolation_level=None)) as old:
        old.execute("UPDATE facts SET value = ? WHERE name = 'key_fingerprint'", (fingerprint(key),))
        for parked in old.execute("SELECT parked_id FROM parked").fetchall():
            sealed = vault.seal(f"parked/{parked[0]}", b"{}")
            old.execute("UPDATE parked SET sealed = ? WHERE parked_id = ?", (sealed, *parked))
        for person_id, ref in old.execute("SELECT person_id, ref FROM people").fetchall():
            own, at = vault.new_person_key(), NOW.isoformat()
            said = {"person_id": person_id, "ref": ref, "chat_id": 77, "language": "en"}
            text = json.dumps({**said, "heard_at": at, "created_at": at}).encode()
            sealed, wrapped = own.seal(f"people/{person_id}", text), vault.wrap(person_id, own)
            values = (sealed, wrapped, person_id)
            old.execute("UPDATE people SET sealed = ?, wrapped_key = ? WHERE person_id = ?", values)
    return vault


@pytest.mark.parametrize("version", [one.name for one in migrations(SHIPPED)])
def test_a_backup_of_any_shipped_version_is_restored_and_its_people_can_be_read(
    settings: Settings, version: str
) -> None:
    asyncio.run(_old(settings, version))
    newer = [one.name for one in migrations(SHIPPED) if one.name > version]
    data = taken(settings)
    lose_data(settings.data)
    note = f"brought to the schema of this version: {', '.join(newer)}"
    for said in (dry_run(settings, data), restored(settings, data)):
        assert "restore 12 people, 6 applications" in said[0].replace("restored", "restore")
        assert (note in said) == bool(newer)
    entered = found(settings, "SELECT detail FROM audit WHERE action = 'migrated' ORDER BY seq")
    assert [row[0] for row in entered] == newer

    async def read() -> None:
        async with open_data(settings) as (engine, vault, applied):
            assert applied == []
            crowd = await People(engine, vault).load((), live.PEOPLE, (), ())
            assert sorted(crowd.by_id) == sorted(live.PEOPLE)
            assert {one.applicant.chat_id for one in crowd.by_id.values()} == {77}
            assert await engine.read(lambda tx: len(parking.parked(tx))) == 1
            assert (await verify(engine)).fault == ""

    asyncio.run(read())


@pytest.mark.parametrize("has_data", [False, True])
def test_a_backup_of_a_newer_version_is_refused_and_nothing_is_changed(
    settings: Settings, tmp_path: Path, has_data: bool
) -> None:
    asyncio.run(change(settings, lambda tx, vault: come(tx, vault, "a")))
    row = (migrations(SHIPPED)[-1].version + 1, "9999_of_tomorrow.sql", "0" * 64, "")
    asyncio.run(
        change(settings, lambda tx, vault: tx.execute("INSERT INTO schema_version VALUES (?, ?, ?, ?)", row))
    )
    data = taken(settings)
    with contextlib.closing(sqlite3.connect(settings.database, isolation_level=None)) as today:
        today.execute("DELETE FROM schema_version WHERE name = '9999_of_tomorrow.sql'")
    if not has_data:
        lose_data(settings.data)
    for really in (dry_run, restored):
        with pytest.raises(BackupUnusable) as refused:
            really(settings, data)
        said = str(refused.value)
        assert f"{data} cannot be restored: the database has migration 9999_of_tomorrow.sql" in said
        assert "install a newer one; nothing was changed" in said
        assert not list(settings.data.glob("*restoring*"))
        assert settings.database.exists() == has_data
    if has_data:
        assert found(settings, "SELECT person_id FROM people") == [("a",)]


def test_rows_that_do_not_go_with_a_migration_are_told_in_one_line(
    settings: Settings, tmp_path: Path
) -> None:
    asyncio.run(change(settings, lambda tx, vault: come(tx, vault, "a")))
    data = taken(settings)
    shipped = tmp_path / "code" / "migrations"
    shutil.copytree(str(SHIPPED), shipped)
    name = f"{migrations(SHIPPED)[-1].version + 1:04}_strict.sql"
    (shipped / name).write_text("CREATE UNIQUE INDEX one_of_a_kind ON errands (person_id);")
    with patch.object(restoring, "resources", lambda package: tmp_path / "code"):
        for say in (dry_run, restored):
            with pytest.raises(BackupUnusable) as refused:
                say(settings, data)
            assert str(refused.value) == (
                f"{data} cannot be restored: migration {name} cannot be applied to the database:"
                " UNIQUE constraint failed: errands.person_id; nothing was changed"
            )
    assert found(settings, "SELECT person_id FROM people") == [("a",)]
    assert [path.name for path in settings.data.iterdir() if "restoring" in path.name] == []


# the dry run


def standing(*folders: Path) -> dict[Path, tuple[object, ...]]:
    """Every file and folder, with all that a writer would change."""
    found: dict[Path, tuple[object, ...]] = {}
    for path in (one for folder in folders for one in (folder, *folder.rglob("*"))):
        said = path.stat()
        inside = path.read_bytes() if path.is_file() else b""
        found[path] = (said.st_ino, said.st_mode, said.st_size, said.st_mtime_ns, said.st_ctime_ns, inside)
    return found


def dry_run(settings: Settings, data: Path) -> list[str]:
    return restoring.restore(settings, data, None, replace=False, dry_run=True, tell=lambda *_: None)


@pytest.mark.parametrize("left", ["stopped", "killed", "cut short", "damaged", "lost", "no folder"])
def test_a_dry_run_writes_nothing_and_says_what_a_restore_does(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    """Also where a killed bot has left a log, in which alone an erasure stands."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def fill(tx: Transaction, vault: Vault) -> None:
        for one in ("a", "b", "c"):
            come(tx, vault, one)

    asyncio.run(change(settings, fill))
    data = taken(settings)
    key = OperatorKey.from_file(settings.key_path, create=False)
    asyncio.run(_erase_and_be_killed(settings, "c", tmp_path / "killed"))
    if left in {"killed", "cut short"}:
        shutil.rmtree(settings.data)
        shutil.move(tmp_path / "killed", settings.data)
        assert settings.database.with_name("intake.sqlite-wal").stat().st_size > 0
    if left == "cut short":  # a restore, before
        settings.database.with_name("intake.sqlite.restoring").write_bytes(b"half")
    if left == "damaged":
        settings.database.write_bytes(b"not a database" * 900)
    if left == "lost":
        lose_data(settings.data)
    if left == "no folder":
        shutil.rmtree(settings.data)
        settings = settings.model_copy(update={"key": SecretStr(key.text())})
    assert settings.backups is not None
    before = standing(tmp_path)
    said = dry_run(settings, data)
    after = standing(tmp_path)
    assert after.pop(temporary)[-1] == before.pop(temporary)[-1]  # where it has worked, nothing is left
    assert after == before
    assert said[-1] == "nothing was changed"
    really = restored(settings, data)
    erased = 1 if left in {"stopped", "killed", "cut short"} else 0
    assert said[0] == really[0].replace("restored", "would restore")
    assert (
        said[1]
        == really[1]
        == f"left out: {erased} who were deleted since, 0 whose keys are not kept any more"
    )


async def _erase_and_be_killed(settings: Settings, person_id: str, aside: Path) -> None:
    """Erased in the log of the database only; what a kill would have left then is put aside."""
    async with open_data(settings) as (engine, _, _):
        await engine.checkpoint()
        await engine.write(
            lambda tx: erasure.erase_person(tx, person_id, f"ref-{person_id}", None, NOW + timedelta(hours=1))
        )
        await asyncio.to_thread(shutil.copytree, settings.data, aside)


def test_a_dry_run_waits_for_nobody_and_keeps_out_of_a_running_bots_way(settings: Settings) -> None:
    asyncio.run(change(settings, lambda tx, vault: come(tx, vault, "a")))
    data = taken(settings)
    with DataLock(settings.data), pytest.raises(DataInUse, match=f"in use by process {os.getpid()}"):
        dry_run(settings, data)
    with DataLock(settings.data, writes=False):
        assert dry_run(settings, data)[-1] == "nothing was changed"
        with pytest.raises(DataInUse), DataLock(settings.data):
            pass


def test_what_a_killed_dry_run_has_left_is_removed_and_what_another_works_in_is_not(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "intake-dry-run-left").mkdir()
    (tmp_path / "intake-dry-run-left" / "intake.sqlite").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "intake-dry-run-link").symlink_to(tmp_path / "elsewhere")
    settings.data.mkdir(mode=0o700)
    with dry_runs.workshop() as one:
        assert oct(one.stat().st_mode & 0o777) == "0o700"
        restoring.leftovers(settings)
        assert {path.name for path in tmp_path.glob("intake-*")} == {one.name, "intake-dry-run-link"}
    assert (tmp_path / "elsewhere").is_dir()
    assert not one.exists()


# decisions


@pytest.mark.parametrize("hours", [0.5, 2.0])
async def test_a_decision_that_was_told_before_the_data_were_lost_is_told_again_within_the_hour_only(
    tmp_path: Path, clocks: Clocks, hours: float
) -> None:
    """After that it counts as told: the application is closed, the card says so, and nobody hears of it twice."""
    (tmp_path / "backups").mkdir()
    async with playing(tmp_path, clock=clocks.telegrams_time) as play:
        mei, card, _ = await play.approved("Mei")
        receipt = receipt_in(card)
        await play.stop()  # within the time to undo
        settings = play.settings.model_copy(update={"backups": tmp_path / "backups"})
        data = await asyncio.to_thread(taken, settings, wall())
        await play.start()
        await decide(play.ana, card, "tell")
        await mei.sees("Congratulations")
        await play.settled()
        heard, shown = len(mei.messages()), card.text
        await play.stop()
        lose_data(settings.data)
        clocks.both(hours * 3600)
        said = await asyncio.to_thread(restored, settings, data)
        named = [line for line in said if "count as told" in line]
        assert [line.endswith(f"look whether they stand: {receipt}") for line in named] == [True] * (
            hours > 1
        )
        await play.start()
        if hours < 1:
            await decide(play.ana, card, "tell")  # its time to undo runs anew
            await play.until(lambda: len(mei.messages()) == heard + 1)
            assert "Congratulations" in mei.messages()[-1].text
            return
        await until_in(settings, "SELECT status FROM applications", [("approved",)])
        await play.until(lambda: card.text == shown)
        await play.settled()
        assert len(mei.messages()) == heard
        assert not any("Undo" in key for key in card.keys)
        found = await rows_of(settings, "SELECT detail FROM audit WHERE action = 'told'")
        assert found == [(f"{receipt} restore",)]
        assert await rows_of(settings, "SELECT count(*) FROM errands") == [(0,)]
        mei.say("/status")
        await mei.hears("pproved")


async def rows_of(settings: Settings, sql: str) -> list[Any]:
    async with SQLite.open(settings.database, readonly=True) as engine:
        return await engine.read(lambda tx: tx.fetchall(sql))


async def until_in(settings: Settings, sql: str, wanted: list[Any]) -> None:
    async with asyncio.timeout(10):
        while await rows_of(settings, sql) != wanted:
            await asyncio.sleep(0.05)


def test_a_decision_that_was_undone_or_whose_time_was_over_since_is_left_to_the_bot(
    settings: Settings,
) -> None:
    ends = {"told": -120, "late": -10, "undone": -120}  # minutes before the restore

    def fill(tx: Transaction, vault: Vault) -> None:
        for one, minutes in ends.items():
            come(tx, vault, one)
            tx.execute("DELETE FROM errands WHERE person_id = ?", (one,))
            submit(tx, f"UX-{one}", one, status="waiting" if one == "undone" else "deciding")
            key = vault.unwrap(one, store.people_by_id(tx, [one])[0].wrapped_key)
            at = NOW + timedelta(minutes=minutes)
            wake = Errand("wake", 0, one, {"receipt": f"UX-{one}", "round": 1}, not_before=at)
            outgoing.add_errands(tx, [wake.row(key)])

    asyncio.run(change(settings, fill))
    said = restored(settings, taken(settings, NOW - timedelta(hours=5)))
    assert next(line for line in said if "count as told" in line).endswith("stand: UX-told")

    def read(tx: Transaction, vault: Vault) -> dict[str, tuple[Any, ...]]:
        wakes = [restore(row, vault) for row in outgoing.errands(tx) if row.kind == "wake"]
        return {str(one.person_id): (one.body.get("told", False), one.not_before) for one in wakes}

    assert asyncio.run(change(settings, read)) == {
        "told": (True, None),
        "late": (False, NOW - timedelta(minutes=10)),
        "undone": (False, NOW - timedelta(minutes=120)),
    }


# what goes by the clock

DAY = 86_400.0


async def test_after_a_restore_nothing_goes_before_whoever_it_is_of_was_told_so(
    tmp_path: Path, clocks: Clocks
) -> None:
    """A draft and a closed application that are overdue by the old data; another draft has time."""
    folder = tmp_path / "backups"
    folder.mkdir()
    clocks.both(-185 * DAY)
    async with playing(tmp_path, clock=clocks.telegrams_time, undo=0) as play:
        mei, lin, kim = (play.cast.applicant(name) for name in ("Mei", "Lin", "Kim"))
        card = await apply(mei, play.group)
        await decide(play.ana, card, "reject")
        await decide(play.ana, card, "because", "incomplete")
        await mei.sees("was not approved")
        await play.stop()
        settings = play.settings.model_copy(update={"backups": folder})
        clocks.both(-33 * DAY)
        await play.start()
        await agree(lin)
        await answer(lin, 1)
        await play.settled()
        await play.stop()
        clocks.both(-25 * DAY)
        data = await asyncio.to_thread(taken, settings, wall())
        clocks.both(0)
        assert "restored 2 people" in (await asyncio.to_thread(restored, settings, data))[0]
        with pytest.raises(CannotStart, match="a backup restored, since the bot last ran"):
            await asyncio.to_thread(erase_due_at_rest, settings, lambda done, total: None)
        await play.start()
        reminder, warning = await lin.sees("not finished yet"), await mei.sees("is over")
        async with SQLite.open(settings.database, readonly=True) as engine:
            rows = await engine.read(audit_log.rows)
        days = [datetime.fromisoformat(row[4]) for row in rows if row[2] == "spared"]
        assert len(days) == 2
        for day in days:
            assert day.date() in {(wall() + timedelta(days=3, hours=hours)).date() for hours in (-1, 0)}
        for message in (reminder, warning):
            assert any(f"{day.day} {day:%B %Y}" in message.text for day in days)
        await agree(kim)
        before = len(lin.messages()), len(mei.messages())
        await asyncio.sleep(1.2)  # two of the scheduler's minutes
        assert (len(lin.messages()), len(mei.messages())) == before
        await play.stop()
        clocks.both(2.9 * DAY)
        await play.start()
        await asyncio.sleep(0.8)
        assert (len(lin.messages()), len(mei.messages())) == before
        await play.stop()
        clocks.both(3.1 * DAY)
        await play.start()
        await lin.sees("has been deleted")
        await mei.sees("everything we kept about you is erased")


async def test_a_kill_amid_the_warnings_after_a_restore_leaves_nobody_out_and_warns_nobody_twice(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 7)
    crowd = Crowd(20, 40)  # whose drafts are ten days overdue
    async with open_data(settings) as (engine, vault, _):
        await crowd.settle(engine, vault)
    data = await asyncio.to_thread(taken, settings)
    await asyncio.to_thread(restored, settings, data)
    for batches in (1, 1, 2):
        async with open_data(settings) as (engine, vault, _):
            assert not await retention.applied(engine, PROGRAMME)
            begun = len(crowd.happened)

            async def happen(happened: Happened, stop: int = begun + 7 * batches) -> None:
                if len(crowd.happened) == stop:
                    raise asyncio.CancelledError
                await crowd.happen(happened)

            periods = retention.Periods(engine, People(engine, vault), PROGRAMME, happen, wall)
            with contextlib.suppress(asyncio.CancelledError):
                await periods.run()
    assert {type(one.event) for one in crowd.happened} == {DataRestored}
    assert sorted(one.person_id for one in crowd.happened) == [f"{number:024x}" for number in range(20)]
    async with open_data(settings) as (engine, vault, _):
        assert await retention.applied(engine, PROGRAMME)
        left = await engine.read(
            lambda tx: [facts.get(tx, name) for name in (retention.RESTORED, retention.PROGRESS)]
        )
        assert left == [None, None]


# faults


def test_one_damaged_person_is_left_out_and_all_others_come_back(settings: Settings) -> None:
    def fill(tx: Transaction, vault: Vault) -> None:
        for number in range(9):
            come(tx, vault, f"p{number}")
        cut = "substr(sealed, 1, length(sealed) - 1)"
        tx.execute(f"UPDATE people SET sealed = CAST({cut} AS BLOB) WHERE person_id = 'p7'")

    asyncio.run(change(settings, fill))
    said = restored(settings, taken(settings))
    assert "people who are left out since what is kept of them is damaged: 1" in said
    assert found(settings, "SELECT COUNT(*), SUM(person_id = 'p7') FROM people") == [(8, 0)]


def test_a_database_that_is_not_whole_takes_nobodys_place(settings: Settings) -> None:
    asyncio.run(change(settings, lambda tx, vault: come(tx, vault, "a")))
    data = taken(settings)

    async def refuse(self: SQLite) -> bool:
        return False

    with patch.object(SQLite, "checkpoint", refuse), pytest.raises(BackupUnusable, match="written whole"):
        restored(settings, data)
    assert found(
        settings, "SELECT COUNT(*), (SELECT COUNT(*) FROM audit WHERE action = 'restored') FROM people"
    ) == [(1, 0)]
    assert not [path for path in settings.data.iterdir() if "restor" in path.name or "draft" in path.name]


def test_what_a_restore_leaves_to_do_is_sealed_with_the_key_that_fits_from_then_on(
    settings: Settings,
) -> None:
    """The new key stands in its file yet, since the operator gives the old one by the environment."""

    def with_key(key: OperatorKey) -> Settings:
        return settings.model_copy(update={"key": SecretStr(key.text())})

    def fill(tx: Transaction, vault: Vault) -> None:
        wipe = Errand("wipe", 77, None, {"say": "", "language": "en", "messages": [], "cards": []})
        outgoing.add_errands(tx, [wipe.row(vault)])
        come(tx, vault, "a")

    before = with_key(OperatorKey.generate())
    asyncio.run(change(before, fill))
    change_key_at_rest(before, lambda done, total: None)
    restored(before, taken(before))
    after = with_key(OperatorKey.from_file(before.next_key_path, create=False))

    def read(tx: Transaction, vault: Vault) -> list[str]:
        return [restore(row, vault).kind for row in outgoing.errands(tx) if row.person_id is None]

    assert "wipe" in asyncio.run(change(after, read))


async def test_a_set_of_keys_that_could_not_be_made_anew_is_tried_again(settings: Settings) -> None:
    def full(self: Draft) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    await change(settings, lambda tx, vault: come(tx, vault, "a"))
    await asyncio.to_thread(taken, settings)
    assert settings.backups is not None
    async with open_data(settings) as (engine, _, _):
        told: list[str] = []
        keeper = BackupKeeper(engine, settings.backups, told.append)
        await keeper.finish()
        await engine.write(lambda tx: erasure.erase_person(tx, "a", "ref-a", None, wall()))
        with patch.object(Draft, "__enter__", full):
            await keeper.finish()
        assert "No space left" in told[0]
        await keeper.finish()
    ((_, path),) = backup.files(settings.backups, KEYS)
    assert [row for row in keys_of(path)[1] if row.kind == "person"] == []
