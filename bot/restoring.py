"""`intake restore`: the data as they were at a backup, without whoever was erased since.

What the bot did after the moment of the backup it does not know any more, and Telegram does: so

- updates that it had handled by then do not come again, and their answers are lost;
- what waited to be sent was sent by the bot as it went on. When the backup is older than an hour it goes, lest a
  decision be told twice a week later; within the hour it stays, since a message told twice is better than none.
  What waits for somebody who has blocked the bot stays in any case;
- what the dialogue itself waits for stays: photos to be fetched, the ends of undo windows, removals;
- the cards of open applications are brought up to date, since they may show what nobody knows any more;
- people in the middle of their questions are asked again before an answer counts: in their chat may stand a question
  of which the data know nothing.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.resources import files as resources
from pathlib import Path

from bot.backups import folder_of
from bot.carrying import messages_about
from bot.clock import wall
from bot.errands import (
    CARD,
    DATA,
    DIGEST,
    EDIT,
    MEMBER,
    NOTE,
    REMOVE,
    SEND,
    SHOW,
    WIPE,
    Errand,
)
from bot.jobs import SEEN_DAYS
from bot.keys import operator_key
from bot.mistakes import CannotStart
from bot.people import Person
from bot.settings import Settings
from bot.suspects import IN_HAND, SERVING
from conversations.state import Applicant
from storage import backup as backups
from storage import journal, store
from storage.backup import Header, KeyRow
from storage.engine import Transaction
from storage.errors import BackupUnusable, StorageError, Unreadable
from storage.folder import DataLock
from storage.journal import Journal
from storage.migrate import pending
from storage.rotation import FINGERPRINT, SECRETS
from storage.sqlite import SQLite
from storage.store import PersonRow, Tombstone
from storage.vault import OperatorKey, PersonKey, Vault, fingerprint, sync

BATCH = 500  # people looked at together
SENT = (SEND, EDIT, CARD, DATA, SHOW, MEMBER, DIGEST, NOTE)  # what the bot had sent soon after the backup
FRESH = timedelta(hours=1)  # a backup that young is like a process that was killed
ASKED = ("reading", "consenting", "drafting", "confirming")  # states in which a message is an answer
NOT_YET = 2**53  # the number of a message that comes after every real one
DRAFT = ".restoring"
ASIDE = ".before-"

Tell = Callable[[int, int], None]


@dataclass(slots=True)
class Restored:
    """What has become of the people in a backup."""

    people: int = 0
    applications: int = 0
    photos: int = 0
    erased: int = 0
    unreadable: int = 0
    dropped: int = 0  # messages that had been sent long ago
    notes: list[str] = field(default_factory=list)


def restore(
    settings: Settings, data: Path, keys: Path | None, *, replace: bool, dry_run: bool, tell: Tell
) -> list[str]:
    """What it says. Raises what is in MISTAKES; then the data are what they were."""
    header, rows = _keys(data, keys)
    with DataLock(settings.data):
        present = [path for path in _files(settings.database) if path.exists()]
        if present and not (replace or dry_run):
            raise CannotStart(
                f"there is a database in {settings.data} already;"
                " with --replace it is kept aside under another name, and this one takes its place"
            )
        vault = _vault(settings, header)
        draft = _clean(settings.database)
        try:
            restored, moment = asyncio.run(_build(settings, data, draft, header, rows, vault, tell))
            if not dry_run:
                aside = _put_in_place(settings.database, draft, present)
        except OSError as error:
            raise CannotStart(f"{settings.data} cannot be written: {error.strerror}") from error
        finally:
            for path in _files(draft):
                path.unlink(missing_ok=True)
    lines = [
        f"{'would restore' if dry_run else 'restored'} {restored.people} people, {restored.applications} applications,"
        f" {restored.photos} photos, as they were at {moment[:19]}Z",
        f"left out: {restored.erased} who were deleted since, {restored.unreadable} whose keys are not kept any more",
        *restored.notes,
    ]
    if restored.dropped:
        lines.append(f"not sent again: {restored.dropped} messages that waited at that moment")
    if dry_run and present and not replace:
        lines.append("there is a database already; --replace is needed")
    if dry_run:
        return [*lines, "nothing was changed"]
    if aside:
        lines.append(f"kept aside: {aside}; delete it once it is not needed, deletions do not reach it")
    return [*lines, "start the bot: intake run"]


def leftovers(settings: Settings) -> list[Path]:
    """Databases that were kept aside by a restore. What one that was cut short has left is removed; call it with the
    data locked."""
    _clean(settings.database)
    return sorted(settings.data.glob(f"{settings.database.name}{ASIDE}*"))


# the files


def _files(database: Path) -> list[Path]:
    return [database, *(database.with_name(f"{database.name}{tail}") for tail in ("-wal", "-shm"))]


def _clean(database: Path) -> Path:
    """Where the new database is built: nothing is there."""
    draft = database.with_name(f"{database.name}{DRAFT}")
    for path in _files(draft):
        path.unlink(missing_ok=True)
    return draft


def _keys(data: Path, keys: Path | None) -> tuple[Header, list[KeyRow]]:
    """The set of keys that is named, or that lies beside the data."""
    beside = keys or data.with_suffix(backups.KEYS)
    if not beside.exists():
        others = [path for _, path in backups.files(data.parent, backups.KEYS)]
        cure = f"--keys {others[-1]}" if others else "--keys FILE, with a later set of the same bot"
        raise BackupUnusable(
            f"there is no set of keys {beside}, and the data cannot be read without one;"
            f" whoever is in a later set can be restored: {cure}"
        )
    with backups.opened(data, "data"):  # what is wrong with the data is to be said before anything is done
        pass
    return backups.keys_of(beside)


def _vault(settings: Settings, header: Header) -> Vault:
    """Opens what the set of keys holds. While the key was being changed at the backup, both keys do."""
    where = "INTAKE_KEY" if settings.key is not None else str(settings.key_path)
    if settings.key is None and not settings.key_path.exists():
        raise CannotStart(
            f"the operator's key is missing: put it back as {where}; its fingerprint is {header.key}"
        )
    keys = [operator_key(settings)]
    if settings.next_key_path.exists():
        keys.append(OperatorKey.from_file(settings.next_key_path, create=False))
    found = {fingerprint(key): key for key in keys if key is not None}
    if header.key not in found:
        raise CannotStart(
            f"this backup needs the operator's key with the fingerprint {header.key}, and {where} has"
            f" {next(iter(found))}; put that key there, or name its file with INTAKE_KEY_FILE"
        )
    vault = Vault(found.pop(header.key))
    for other in found.values():
        vault.take(other)
    if header.secrets:
        vault.take_secrets(header.secrets)
    return vault


def _put_in_place(database: Path, draft: Path, present: list[Path]) -> str:
    """The new database takes the name, and one that was there keeps another. Killed anywhere, one of the two has the
    name and is whole, and neither is lost."""
    aside = ""
    if present:
        aside = f"{database.name}{ASIDE}{wall():%Y%m%dT%H%M%S.%f}"
        for path in present:
            if path.exists() and not path.name.endswith("-shm"):
                os.link(path, path.with_name(path.name.replace(database.name, aside, 1)))
        sync(database.parent)
        for path in _files(database)[1:]:  # a log that stayed would be played into the new database
            path.unlink(missing_ok=True)
        sync(database.parent)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(database)
    sync(database.parent)
    return str(database.with_name(aside)) if aside else ""


# the erased


def _stones(settings: Settings, data: Path) -> tuple[list[Tombstone], list[str]]:
    """All erasures that are known anywhere; and what the operator should know of that."""
    folders = {data.parent.resolve()}
    with contextlib.suppress(CannotStart):
        folders.add(folder_of(settings, None).resolve())
    stones: list[Tombstone] = []
    notes: list[str] = []
    try:
        for folder in sorted(folders):
            stones += Journal(folder).read()
            for _, path in backups.files(folder, backups.DATA):
                try:
                    stones += backups.stones_of(path)
                except BackupUnusable as error:
                    notes.append(f"passed over: {error}")
    except OSError as error:
        raise BackupUnusable(f"the journal of deletions cannot be read: {error.strerror}") from error
    if not any(Journal(folder).path.exists() for folder in folders):
        notes.append(
            "there is no journal of deletions beside the backup (set INTAKE_BACKUPS for that):"
            " whoever was deleted after the newest backup there comes back"
        )
    return stones, notes


async def _stones_at_rest(database: Path) -> list[Tombstone] | None:
    """Those of the present database; None when it cannot be read. Its log is emptied, so that it is one file."""
    try:
        async with SQLite.open(database) as engine:
            await engine.checkpoint()
            return await engine.read(store.tombstones)
    except StorageError:
        return None


# the new database


async def _build(
    settings: Settings,
    data: Path,
    draft: Path,
    header: Header,
    rows: list[KeyRow],
    vault: Vault,
    tell: Tell,
) -> tuple[Restored, str]:
    """The new database, whole, in a file of its own; what is in it, and of which moment."""
    stones, notes = _stones(settings, data)
    if settings.database.exists():
        at_rest = await _stones_at_rest(settings.database)
        stones += at_rest or []
        if at_rest is None:
            notes.append("the present database cannot be read: deletions that only it knows are not known")
    found, own = await asyncio.to_thread(backups.unpack, data, draft, tell)
    building = _Building(
        settings, found.moment, header, rows, vault, journal.newest(stones), journal.newest(own)
    )
    async with SQLite.open(draft) as engine:
        await pending(engine, resources("storage") / "migrations")
        try:
            restored = await engine.write(building.write)
        except Unreadable:
            raise BackupUnusable(
                "the keys do not open the data: they are another bot's, or the operator's key was being changed at the"
                f" moment of the backup; then the key before belongs in {settings.key_path}, and the one after in"
                f" {settings.next_key_path}"
            ) from None
        await engine.checkpoint()
    restored.notes = notes
    return restored, found.moment


@dataclass(slots=True)
class _Building:
    settings: Settings
    moment: str
    header: Header
    rows: list[KeyRow]
    vault: Vault
    stones: dict[str, Tombstone]
    own: dict[str, Tombstone]  # those that the backup knows already

    def write(self, tx: Transaction) -> Restored:
        """All in one transaction. Raises BackupUnusable, KeyTrouble."""
        now = wall()
        result = Restored()
        wrapped = {row.id: row.sealed for row in self.rows if row.kind == "person"}
        errands: list[Errand] = []
        if wrapped and not any(row.person_id in wrapped for row in _people(tx)):
            raise BackupUnusable("the set of keys has nobody's key who is in the data; it is another bot's")
        for row in _people(tx):
            stone = self._erased(row.ref)
            key = self._key(row, wrapped)
            if stone is None and key is not None:
                store.set_wrapped_keys(tx, [(row.person_id, wrapped[row.person_id])])
                continue
            errands += self._gone(tx, row, key)
            if stone is None:
                store.drop_person(tx, row.person_id, row.ref)
                result.unreadable += 1
            else:
                result.erased += 1
        self._bury(tx)
        is_fresh = now - store.unstamp(self.moment) <= FRESH
        self._nobodys(tx, is_fresh)
        if not is_fresh:
            result.dropped = store.drop_errands(tx, SENT)
        store.count_attempts(tx)
        store.forget_seen(tx, now - timedelta(days=SEEN_DAYS))
        for fact in (SERVING, IN_HAND, SECRETS):
            store.drop_fact(tx, fact)
        store.put_fact(tx, FINGERPRINT, self.header.key)
        if self.header.secrets:
            store.put_fact(tx, SECRETS, self.header.secrets)
        store.ask_anew(tx, ASKED, NOT_YET)
        errands += [
            Errand(CARD, chat, None, {"receipt": receipt, "anew": False, "pressed": []})
            for receipt, chat, _ in store.cards_of(tx)
        ]
        store.add_errands(tx, [errand.row(self.vault) for errand in errands])
        said = f"{self.moment} erased {result.erased} unreadable {result.unreadable}"
        store.add_audit(tx, [("restored", "", said)], now)
        result.people, result.applications, result.photos = store.counts(tx)
        return result

    def _erased(self, ref: str) -> Tombstone | None:
        """The erasure that the backup does not know yet."""
        stone, own = self.stones.get(ref), self.own.get(ref)
        return None if stone is None or (own and own.erased_at >= stone.erased_at) else stone

    def _bury(self, tx: Transaction) -> None:
        """Every tombstone is there; whoever has one is gone as after /delete."""
        ids = {row.ref: row.person_id for row in _people(tx)}
        for ref in self.stones:
            if stone := self._erased(ref):
                until = store.unstamp(stone.barred_until) if stone.barred_until else None
                store.erase_person(tx, ids.get(ref, ""), ref, until, store.unstamp(stone.erased_at))
                if ref in ids:
                    store.add_audit(tx, [("erased", ids[ref], "again")], wall())

    def _key(self, row: PersonRow, wrapped: dict[str, bytes]) -> PersonKey | None:
        """His key, which opens what is his; None when it is not kept. Raises KeyTrouble."""
        sealed = wrapped.get(row.person_id)
        if sealed is None:
            return None
        key = self.vault.unwrap(row.person_id, sealed)
        key.open(f"people/{row.person_id}", row.sealed)
        return key

    def _gone(self, tx: Transaction, row: PersonRow, key: PersonKey | None) -> list[Errand]:
        """What removes that which may stand of him in chats still: it may not have been over when the data were lost.
        Where his key is gone only the cards are known."""
        cards = store.cards_of(tx, row.person_id)
        if key is None:
            return [Errand(REMOVE, chat, None, {"message_id": number}) for _, chat, number in cards]
        applicant = Applicant.model_validate_json(key.open(f"people/{row.person_id}", row.sealed))
        body = {
            "say": "",
            "language": applicant.language,
            "receipt": "",
            "messages": messages_about(tx, Person(applicant, key)),
            "cards": [list(card) for card in cards],
        }
        return [Errand(WIPE, applicant.chat_id, None, body)]

    def _nobodys(self, tx: Transaction, is_fresh: bool) -> None:
        """What the operator's key seals comes back from the set of keys; what is not in there goes."""
        errands, parked = [], []
        for row in self.rows:
            if row.kind == "errand":
                place = f"errands/{row.id}"
                body = json.loads(self.vault.open(place, row.sealed))
                if body.get("say") and not is_fresh:  # the receipt of a deletion, read long ago
                    body["say"] = ""
                errands.append((row.id, self.vault.seal(place, json.dumps(body).encode())))
            elif row.kind == "parked":
                self.vault.open(f"parked/{row.id}", row.sealed)
                parked.append((row.id, row.sealed))
        store.set_sealed_errands(tx, errands)
        store.set_sealed_parked(tx, parked)
        store.drop_sealed_empty(tx)


def _people(tx: Transaction) -> Iterator[PersonRow]:
    after = ""
    while rows := store.wrapped_keys(tx, after, BATCH):
        ids = [one for one, _ in rows]
        yield from store.people_by_id(tx, ids)
        after = ids[-1]
