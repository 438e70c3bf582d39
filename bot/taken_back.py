"""Consents that were taken back after the backup that was restored: noted with the restore, and ended by the dialogue
at the next start, before anything else happens."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from bot.arrivals import Happened
from conversations.events import ConsentsEnded
from storage import store
from storage.engine import Engine, Transaction
from storage.journal import Journal
from storage.sqlite import Handle
from storage.store import Withdrawal

FACT = "taken_back:"  # and the person's random id: [[when, documents], ...]
BATCH = 500  # people looked up together
EVERYONE = 2**31

Noted = Sequence[tuple[str, str]]  # facts


# with the restore


def known(folders: Iterable[Path], database: Path) -> list[Withdrawal]:
    """By the journals in these folders, and by the present database as far as it can be read: it is left as it is, and
    its log is not looked at, which is in it once its tombstones were read.

    Raises BackupUnusable, OSError.
    """
    found = [one for folder in folders for one in Journal(folder).withdrawals()]
    uri = f"file:{quote(str(database))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            found += [one for _, one in store.next_withdrawals(Handle(connection), "", "", EVERYONE)]
    except sqlite3.Error:
        pass
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
                store.put_fact(tx, f"{FACT}{person.person_id}", json.dumps(sorted(ended.items())))
                count += 1
    return count


def _ended(tx: Transaction, person_id: str, withdrawals: Iterable[Withdrawal]) -> dict[str, list[str]]:
    """By the time at which it happened, the documents: each consent ends with the first withdrawal after it."""
    ended: dict[str, set[str]] = defaultdict(set)
    for _, document, _, _, _, given_at, withdrawn_at in store.consents_of(tx, person_id):
        times = [
            one.withdrawn_at
            for one in withdrawals
            if one.document == document and one.withdrawn_at >= given_at
        ]
        if withdrawn_at is None and times:
            ended[min(times)].add(document)
    return {at: sorted(documents) for at, documents in ended.items()}


# at the next start


def noted(tx: Transaction) -> Noted:
    return store.facts_beginning(tx, FACT)


async def end(
    engine: Engine,
    facts: Noted,
    happen: Callable[[Happened], Awaitable[None]],
    on_trouble: Callable[[str], None],
) -> None:
    """Let the dialogue do it. What could not be done stays noted. Raises StorageUnavailable."""
    for fact, value in facts:
        person_id, ended = fact.removeprefix(FACT), json.loads(value)
        for at, documents in ended:
            event = ConsentsEnded(store.unstamp(at), tuple(documents))
            await happen(Happened(event, person_id=person_id))
        documents = {one for _, documents in ended for one in documents}
        if await engine.read(lambda tx, who=person_id, them=documents: _stand(tx, who, them)):  # type: ignore[misc]
            on_trouble(
                f"the consents of {person_id}, taken back before the data were lost, could not be ended again; the log"
                " says why. Do not decide on this application; the next start tries once more"
            )
        else:
            await engine.write(lambda tx, fact=fact: store.drop_fact(tx, fact))  # type: ignore[misc]


def _stand(tx: Transaction, person_id: str, documents: set[str]) -> bool:
    """Whether one of these consents stands still, of somebody who is known."""
    rows = store.consents_of(tx, person_id)
    return bool(store.people_by_id(tx, [person_id])) and any(
        row[1] in documents and row[6] is None for row in rows
    )
