"""A database with people in the middle of things: what an upgrade must leave as it was.

`python -m tests.storage.live` keeps the one of the newest schema in `shipped/`, for the upgrades that are yet to come.
"""

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from storage import (
    audit_log,
    deadlines,
    erasure,
    facts,
    figures,
    ledger,
    outgoing,
    parking,
    statistics,
    store,
)
from storage.engine import Transaction
from storage.migrate import migrate, migrations
from storage.sqlite import SQLite
from storage.values import stamp
from tests.storage.rows import LATER, NOW, add, submit

MIGRATIONS = files("storage") / "migrations"
SHIPPED = Path(__file__).with_name("shipped")  # a database of each schema that was ever shipped, as text
PEOPLE = tuple(f"person-{number}" for number in range(12))
RECEIPTS = tuple(f"UX-0000000{number}" for number in range(6))


def fill(tx: Transaction) -> None:
    """Drafts, applications in every state, and all that hangs on them, through the store's own functions."""
    facts.put(tx, "key_fingerprint", "0123456789abcdef")
    ledger.add_text(tx, "hash-en", "agreement", "en", "An agreement; with a semicolon")
    ledger.add_text(tx, "hash-zh", "agreement", "zh", "协议")
    for number, person_id in enumerate(PEOPLE):
        _draft(tx, number, person_id)
    states = ("waiting", "rejecting", "deciding", "approved", "rejected", "recalled")
    for number, (receipt, status) in enumerate(zip(RECEIPTS, states, strict=True)):
        closed = LATER if status in {"approved", "rejected"} else None
        times = (NOW + timedelta(minutes=number), closed)
        submit(tx, receipt, PEOPLE[number], status, counters=(number, 1), times=times)
        store.set_card(tx, receipt, -100, 500 + number)
    outgoing.shown(tx, PEOPLE[1], 900, RECEIPTS[1], b"sealed chat", NOW)
    store.set_reachable(tx, PEOPLE[2], False)
    store.add_seen(tx, range(7_000_000_000, 7_000_000_050), NOW)
    parking.park(tx, "parked-1", (7_000_000_007, "ref-person-3"), "KeyError", b"\x01\x00sealed", NOW)
    opened: Any = "opened"  # an action that no version has any more
    statistics.add_tallies(tx, {("2026-03-02", "started"): 12, ("2026-03-02", "question:email"): 9})
    audit_log.add(tx, [("submitted", PEOPLE[0], ""), (opened, PEOPLE[1], "id; photo")], NOW)
    add(tx, "gone")
    erasure.erase_person(tx, "gone", "ref-gone", LATER, NOW)


def _draft(tx: Transaction, number: int, person_id: str) -> None:
    add(tx, person_id, sealed=bytes(range(number, 256, 16)))
    state, due = ("drafting", LATER) if number % 2 else ("reading", None)
    store.save_person(tx, person_id, b"sealed-%d" % number, state, due, asks_anew=False, now=NOW)
    outgoing.prompted(tx, person_id, 40 + number)
    outgoing.delivered(tx, person_id, 40 + number, NOW)
    language = "zh" if number % 3 else "en"
    values = ("agreement", f"hash-{language}", language, "ticked")
    ledger.add_consent(tx, f"consent-{number}", person_id, values, NOW)
    jpeg = b"\x00jpeg" * (1 if number else 2000)
    store.add_photo(tx, f"photo-{number}", person_id, ("id_photo", "front"), jpeg, NOW)
    later = stamp(LATER) if number % 2 else None
    outgoing.add_errands(tx, [(f"errand-{number:02}", person_id, "send", later, b"sealed words")])
    outgoing.count_attempt(tx, f"errand-{number:02}")


def found(tx: Transaction) -> list[Any]:
    """All that `fill` has put there, as the store's functions give it."""
    return [
        facts.get(tx, "key_fingerprint"),
        sorted(store.people_by_id(tx, [*PEOPLE, "gone"]), key=lambda row: row.person_id),
        deadlines.due_people(tx, LATER, 100),
        store.without_card(tx, -1),
        figures.count_by_status(tx),
        [store.application(tx, receipt) for receipt in RECEIPTS],
        [store.photos_of(tx, person_id) for person_id in PEOPLE],
        [store.photo(tx, person_id, f"photo-{number}") for number, person_id in enumerate(PEOPLE)],
        [ledger.consents_of(tx, person_id) for person_id in (*PEOPLE, "gone")],
        [outgoing.messages_of(tx, person_id) for person_id in PEOPLE],
        outgoing.errands(tx),
        store.seen_among(tx, range(7_000_000_000, 7_000_000_100)),
        parking.parked(tx),
        erasure.barred_until(tx, ["ref-gone", "ref-person-1"]),
        audit_log.rows(tx),
    ]


async def keep() -> Path:
    """Write the newest schema's database down."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "intake.sqlite"
        async with SQLite.open(path) as engine:
            await migrate(engine, MIGRATIONS)
            await engine.write(fill)
        with closing(sqlite3.connect(path)) as connection:
            text = "\n".join(connection.iterdump())
    kept = SHIPPED / migrations(MIGRATIONS)[-1].name
    SHIPPED.mkdir(exist_ok=True)
    kept.write_text(text + "\n", encoding="utf-8")
    return kept


if __name__ == "__main__":
    print(f"wrote {asyncio.run(keep())}")
