"""The rows of a restored database: whoever was erased since is out, and what the bot did since is thought of.

What the bot did after the moment of the backup it does not know any more, and Telegram does: so

- updates that it had handled by then do not come again, and their answers are lost;
- what waited to be sent was sent by the bot as it went on. When the backup is older than an hour it goes, lest a
  decision be told twice a week later; within the hour it stays, since a message told twice is better than none.
  What waits for somebody who has blocked the bot stays in any case;
- what the present database, if there is one, had still to remove from chats of the erased is taken over: their keys are
  gone from the backup by then, so that nothing else tells where it stands;
- what the dialogue itself waits for stays: photos to be fetched, the ends of undo windows, removals;
- a decision whose time to undo was over more than an hour ago counts as told: its application is closed, its card says
  so, and nobody hears of it twice. One that was undone in the time that is lost is closed too; the receipts are named;
- the cards of open applications are brought up to date, since they may show what nobody knows any more;
- what would go within three days, or is overdue, stays for three days more, counted from the next start, which tells
  its owner (bot/retention.py): he may have been heard of since, and was perhaps told another date;
- people in the middle of their questions are asked again before an answer counts: in their chat may stand a question
  of which the data know nothing.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot import posts, sightings
from bot.carrying import messages_about
from bot.clock import wall
from bot.errands import (
    BRIEF,
    CARD,
    DATA,
    DESK,
    DIGEST,
    EDIT,
    FORM,
    MEMBER,
    NOTE,
    REMOVE,
    SEND,
    SHOW,
    STATS,
    WAKE,
    WIPE,
    Errand,
    restore,
)
from bot.jobs import SEEN_DAYS
from bot.people import Person
from bot.retention import PROGRESS, RESTORED
from bot.suspects import IN_HAND, SERVING
from conversations.state import Applicant
from storage import audit_log, erasure, facts, figures, outgoing, store, upkeep
from storage.backup_files import Header, KeyRow
from storage.engine import Transaction
from storage.erasure import Tombstone
from storage.errors import BackupUnusable, Unreadable
from storage.outgoing import ErrandRow
from storage.rotation import FINGERPRINT, SECRETS
from storage.store import PersonRow
from storage.values import stamp, unstamp
from storage.vault import PersonKey, Vault

BATCH = 500  # people looked at together
SENT = (
    SEND,
    EDIT,
    CARD,
    DATA,
    SHOW,
    FORM,
    MEMBER,
    DIGEST,
    NOTE,
    STATS,
    DESK,
    BRIEF,
)  # what the bot had sent soon after the backup
FRESH = timedelta(hours=1)  # a backup that young is like a process that was killed
ASKED = ("reading", "consenting", "drafting", "confirming")  # states in which a message is an answer
DECIDING = "deciding"  # the status of an application that is decided, and whose owner is not told
DAMAGED = 100  # one in so many may be damaged: with more, it is the keys that are wrong
NOT_YET = 2**53  # the number of a message that comes after every real one


@dataclass(slots=True)
class Restored:
    """What has become of the people in a backup."""

    people: int = 0
    applications: int = 0
    photos: int = 0
    erased: int = 0
    unreadable: int = 0
    dropped: int = 0  # messages that had been sent long ago
    told: list[str] = field(default_factory=list)  # receipts of decisions that had been told long ago
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Rebuilding:
    moment: str
    header: Header
    rows: list[KeyRow]
    vault: Vault
    stones: dict[str, Tombstone]
    own: dict[str, Tombstone]  # those that the backup knows already
    removals: list[ErrandRow] = field(default_factory=list)  # which the present database has still to do
    damaged: int = 0  # people whose keys are there, and do not open what is theirs

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
                upkeep.set_wrapped_keys(tx, [(row.person_id, wrapped[row.person_id])])
                continue
            errands += self._gone(tx, row, key)
            if stone is None:
                upkeep.drop_person(tx, row.person_id, row.ref)
                result.unreadable += 1
            else:
                result.erased += 1
        if self.damaged > max(1, len(wrapped) // DAMAGED):
            raise Unreadable("the keys do not open the data")
        if self.damaged:
            result.notes.append(
                f"people who are left out since what is kept of them is damaged: {self.damaged}"
            )
        self._bury(tx)
        is_fresh = now - unstamp(self.moment) <= FRESH
        self._nobodys(tx, is_fresh)
        if not is_fresh:
            result.dropped = upkeep.drop_errands(tx, SENT)
            result.told = self._told(tx, now - FRESH)
        self._take_over(tx, result)
        upkeep.count_attempts(tx)
        store.forget_seen(tx, now - timedelta(days=SEEN_DAYS))
        for fact in (SERVING, IN_HAND, SECRETS, PROGRESS):
            facts.drop(tx, fact)
        sightings.forget(tx, now)
        posts.forget(tx)
        facts.put(tx, RESTORED, stamp(now))
        facts.put(tx, FINGERPRINT, self.header.key)
        if self.header.secrets:
            facts.put(tx, SECRETS, self.header.secrets)
        upkeep.ask_anew(tx, ASKED, NOT_YET)
        errands += [
            Errand(CARD, chat, None, {"receipt": receipt, "anew": False, "pressed": []})
            for receipt, chat, _ in store.cards_of(tx)
        ]
        outgoing.add_errands(tx, [errand.row(self.vault) for errand in errands])
        said = f"{self.moment} erased {result.erased} unreadable {result.unreadable}"
        audit_log.add(tx, [("restored", "", said)], now)
        result.people, result.applications, result.photos = figures.counts(tx)
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
                until = unstamp(stone.barred_until) if stone.barred_until else None
                erasure.erase_person(tx, ids.get(ref, ""), ref, until, unstamp(stone.erased_at))
                if ref in ids:
                    audit_log.add(tx, [("erased", ids[ref], "again")], wall())

    def _key(self, row: PersonRow, wrapped: dict[str, bytes]) -> PersonKey | None:
        """His key, which opens what is his; None when it is not kept, or does not open it."""
        sealed = wrapped.get(row.person_id)
        if sealed is None:
            return None
        try:
            key = self.vault.unwrap(row.person_id, sealed)
            key.open(f"people/{row.person_id}", row.sealed)
        except Unreadable:
            self.damaged += 1
            return None
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

    def _told(self, tx: Transaction, until: datetime) -> list[str]:
        """The ends of undo windows up to then become quiet ones, due at once; of which applications they are."""
        receipts: dict[str, None] = {}
        for row in outgoing.errands_over(tx, WAKE, until):
            try:
                wake = restore(row, self.vault)
                key = self.vault.unwrap(row.person_id or "", row.wrapped_key or b"")
            except (Unreadable, ValueError):  # the outbox says so
                continue
            application = store.application(tx, wake.body["receipt"])
            if application is None or application.status != DECIDING:  # it was undone by then
                continue
            wake.body["told"], wake.not_before = True, None
            outgoing.finish_errands(tx, [wake.errand_id])
            outgoing.add_errands(tx, [wake.row(key)])
            receipts[application.receipt] = None
        return list(receipts)

    def _take_over(self, tx: Transaction, result: Restored) -> None:
        """What is still to be removed of people who are erased goes on; the backup has it as it was then, or not."""
        unreadable = 0
        for row in self.removals:
            try:
                errand = restore(row, self.vault)
            except (Unreadable, ValueError):
                unreadable += 1
                continue
            outgoing.finish_errands(tx, [errand.errand_id])
            outgoing.add_errands(tx, [errand.row(self.vault)])
        if count := len(self.removals) - unreadable:
            result.notes.append(f"removals from chats, which the present database had still to do: {count}")
        if unreadable:
            result.notes.append(
                "removals from chats, which the present database had still to do, and which this operator's key does"
                f" not open: {unreadable}; so what stands there of people who were deleted stays"
            )

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
        upkeep.set_sealed_errands(tx, errands)
        upkeep.set_sealed_parked(tx, parked)
        upkeep.drop_sealed_empty(tx)


def _people(tx: Transaction) -> Iterator[PersonRow]:
    after = ""
    while rows := upkeep.wrapped_keys(tx, after, BATCH):
        ids = [one for one, _ in rows]
        yield from store.people_by_id(tx, ids)
        after = ids[-1]
