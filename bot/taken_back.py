"""Consents that were taken back after the backup that was restored: noted with the restore, and ended by the dialogue
at the next start, before anything else happens."""

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

from bot.arrivals import Happened
from conversations.events import ConsentsEnded
from storage import erasure, facts, ledger, store
from storage.engine import Engine, Transaction
from storage.erasure import Withdrawal
from storage.journal import Journal
from storage.values import unstamp

FACT = "taken_back:"  # and the person's random id: [[when, document or nothing for all], ...]
BATCH = 500  # people looked up together
EVERY = 2**53

Noted = Sequence[tuple[str, str]]  # facts


# with the restore


def in_journals(folders: Iterable[Path]) -> list[Withdrawal]:
    """Those in these folders. Raises BackupUnusable, OSError."""
    return [one for folder in folders for one in Journal(folder).withdrawals()]


def in_database(tx: Transaction) -> list[Withdrawal]:
    """Those that its audit log has entered, and those that a restore has noted and no start has entered yet."""
    found = [one for _, one in erasure.withdrawals(tx, 0, EVERY, EVERY)]
    waiting = {fact.removeprefix(FACT): json.loads(value) for fact, value in noted(tx)}
    ids = sorted(waiting)
    for place in range(0, len(ids), BATCH):
        for person in store.people_by_id(tx, ids[place : place + BATCH]):
            found += [Withdrawal(person.ref, at, document) for at, document in waiting[person.person_id]]
    return found


def note(tx: Transaction, withdrawals: Iterable[Withdrawal]) -> int:
    """Note whose consents still stand in a restored database that were taken back; how many people it is."""
    by_ref: dict[str, list[Withdrawal]] = defaultdict(list)
    for one in withdrawals:
        by_ref[one.ref].append(one)
    refs, count = sorted(by_ref), 0
    for place in range(0, len(refs), BATCH):
        for person in store.people_by_ref(tx, refs[place : place + BATCH]):
            if ended := _ended(tx, person.person_id, by_ref[person.ref]):
                facts.put(tx, f"{FACT}{person.person_id}", json.dumps(ended))
                count += 1
    return count


def _ended(tx: Transaction, person_id: str, withdrawals: Iterable[Withdrawal]) -> list[tuple[str, str]]:
    """When, and the document or all: what ends a consent that was given before it, and stands."""
    ended: list[tuple[str, str]] = []
    standing = {(row[1], row[5]) for row in ledger.consents_of(tx, person_id) if row[6] is None}
    for one in sorted(withdrawals, key=lambda one: (one.withdrawn_at, one.document)):
        gone = {
            (document, given)
            for document, given in standing
            if given <= one.withdrawn_at and one.document in ("", document)
        }
        if gone:
            ended.append((one.withdrawn_at, one.document))
            standing -= gone
    return ended


# at the next start


def noted(tx: Transaction) -> Noted:
    return facts.beginning_with(tx, FACT)


async def end(
    engine: Engine,
    notes: Noted,
    happen: Callable[[Happened], Awaitable[None]],
    on_trouble: Callable[[str], None],
) -> None:
    """Let the dialogue do it. What could not be done stays noted. Raises StorageUnavailable."""
    for fact, value in notes:
        person_id, ended = fact.removeprefix(FACT), json.loads(value)
        for at, document in ended:
            event = ConsentsEnded(unstamp(at), document)
            await happen(Happened(event, person_id=person_id))
        if await engine.read(lambda tx, who=person_id, them=ended: _stand(tx, who, them)):  # type: ignore[misc]
            on_trouble(
                f"the consents of {person_id}, taken back before the data were lost, could not be ended again; the log"
                " says why. Do not decide on this application; the next start tries once more"
            )
        else:
            await engine.write(lambda tx, fact=fact: facts.drop(tx, fact))  # type: ignore[misc]


def _stand(tx: Transaction, person_id: str, ended: list[tuple[str, str]]) -> bool:
    """Whether a consent stands still that should not, of somebody who is known."""
    withdrawals = [Withdrawal("", at, document) for at, document in ended]
    return bool(store.people_by_id(tx, [person_id]) and _ended(tx, person_id, withdrawals))
