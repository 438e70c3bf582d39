"""What a restored database holds, and what a set of keys still does."""

import asyncio
import errno
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from pydantic import SecretStr

from bot import backups, restoring
from bot.at_rest import change_key_at_rest
from bot.backup_keeper import BackupKeeper
from bot.backups import back_up
from bot.clock import wall
from bot.errands import Errand, restore
from bot.rebuilding import ASKED
from bot.settings import Settings
from bot.starting import open_data
from conversations.state import Applicant
from storage import backup, store
from storage.backup_files import KEYS, Draft, keys_of, opened
from storage.engine import Transaction
from storage.errors import BackupUnusable, StorageError
from storage.journal import Journal
from storage.sqlite import SQLite
from storage.vault import OperatorKey, Vault
from tests.bot.test_backups import lose_data
from tests.bot.test_keys import settings_of
from tests.storage.rows import submit

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
    store.delivered(tx, person_id, 5, NOW)
    for kind in KINDS:
        errand = Errand(kind, 77, person_id, {"text": person_id})
        store.add_errands(tx, [errand.row(key)])


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
        store.add_errands(tx, [wipe.row(vault)])
        for fact in ("serving", "in_hand"):
            store.put_fact(tx, fact, "x")
        store.add_seen(tx, [1], NOW - timedelta(days=20))
        store.add_seen(tx, [2], NOW)

    asyncio.run(change(settings, fill))
    data = taken(settings, NOW - timedelta(hours=2))
    said = restored(settings, data)
    assert "not sent again: 8 messages that waited at that moment" in said
    kinds = "SELECT kind FROM errands WHERE person_id = '{}' ORDER BY errand_id"
    assert [row[0] for row in found(settings, kinds.format("a"))] == ["fetch", "wake", "hide", "remove"]
    assert [row[0] for row in found(settings, kinds.format("b"))] == list(KINDS)

    def read(tx: Transaction, vault: Vault) -> list[Any]:
        ((errand_id, sealed),) = store.nobodys_errands(tx, "", 9)
        return [
            json.loads(vault.open(f"errands/{errand_id}", sealed))["say"],
            store.get_fact(tx, "serving") or store.get_fact(tx, "in_hand"),
            store.seen_among(tx, [1, 2]),
            store.audit_rows(tx)[-1][2],
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
        store.finish_errands(tx, [row[0] for row in tx.fetchall("SELECT errand_id FROM errands")])

    asyncio.run(change(settings, fill))
    restored(settings, taken(settings))
    asked = found(settings, "SELECT person_id FROM people WHERE prompt_message IS NOT NULL")
    assert sorted(row[0] for row in asked) == sorted(ASKED)

    def cards(tx: Transaction, vault: Vault) -> list[Any]:
        rows = store.nobodys_errands(tx, "", 9)
        return [json.loads(vault.open(f"errands/{one}", sealed)) for one, sealed in rows]

    assert asyncio.run(change(settings, cards)) == [
        {"chat": -5, "receipt": "UX-1", "anew": False, "pressed": []}
    ]


def test_whoever_was_erased_and_came_back_before_the_backup_stays(settings: Settings) -> None:
    def erase(tx: Transaction, vault: Vault, at: datetime) -> None:
        store.erase_person(tx, "old", "ref-same", None, at)

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
            store.park(tx, one, (None, ref), "KeyError", vault.seal(f"parked/{one}", b"{}"), NOW)

    asyncio.run(change(settings, fill))
    sealed = [row[0] for row in found(settings, "SELECT sealed FROM parked")]
    data = taken(settings)
    with opened(data, "data") as (_, inside):
        held = inside.read()
    assert not any(one in held for one in sealed)
    asyncio.run(change(settings, lambda tx, vault: store.erase_person(tx, "a", "ref-a", None, NOW)))
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
        [store.Tombstone("a" * 32, store.stamp(NOW)), store.Tombstone("b" * 32, "t", "u")],
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


# faults


def test_one_damaged_person_is_left_out_and_all_others_come_back(settings: Settings) -> None:
    def fill(tx: Transaction, vault: Vault) -> None:
        for number in range(9):
            come(tx, vault, f"p{number}")
        cut = "substr(sealed, 1, length(sealed) - 1) || x'00'"
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
        store.add_errands(tx, [wipe.row(vault)])
        come(tx, vault, "a")

    before = with_key(OperatorKey.generate())
    asyncio.run(change(before, fill))
    change_key_at_rest(before, lambda done, total: None)
    restored(before, taken(before))
    after = with_key(OperatorKey.from_file(before.next_key_path, create=False))

    def read(tx: Transaction, vault: Vault) -> list[str]:
        return [restore(row, vault).kind for row in store.errands(tx) if row.person_id is None]

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
        await engine.write(lambda tx: store.erase_person(tx, "a", "ref-a", None, wall()))
        with patch.object(Draft, "__enter__", full):
            await keeper.finish()
        assert "No space left" in told[0]
        await keeper.finish()
    ((_, path),) = backup.files(settings.backups, KEYS)
    assert [row for row in keys_of(path)[1] if row.kind == "person"] == []
