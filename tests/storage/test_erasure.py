"""Erasure leaves nothing but what it must; the audit is a chain; no query reads a whole table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage import audit_log, deadlines, erasure, ledger, outgoing, parking, store
from storage.engine import Transaction
from storage.sqlite import SQLite
from tests.storage.rows import LATER, NOW, add, submit

MARK = b"PLANTED-MARKER-OF-A-PERSON-"


def count(tx: Transaction) -> dict[str, int]:
    """How many rows each table holds."""
    tables = [row[0] for row in tx.fetchall("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        table: tx.fetchall(f"SELECT COUNT(*) FROM {table}")[0][0]
        for table in sorted(tables)
        if table != "schema_version"
    }


# erasure


def fill(tx: Transaction, person_id: str, mark: bytes = b"") -> None:
    """Something of a person in every table that can hold it."""
    add(tx, person_id, mark + b"state")
    submit(tx, f"UX-{person_id}", person_id, sealed=mark + b"application")
    store.add_photo(tx, f"photo-{person_id}", person_id, ("identity", "front"), mark + b"photo" * 3000, NOW)
    outgoing.add_errands(tx, [(f"errand-{person_id}", person_id, "send", None, mark + b"errand")])
    outgoing.delivered(tx, person_id, 5, NOW)
    outgoing.shown(tx, person_id, 6, f"UX-{person_id}", mark + b"chat", NOW)
    ledger.add_text(tx, "hash", "agreement", "en", "The text.")
    ledger.add_consent(tx, f"consent-{person_id}", person_id, ("agreement", "hash", "en", "press"), NOW)


async def test_erasing_a_person_leaves_the_proof_of_consent_and_a_keyed_hash(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[Any]:
        fill(tx, "a")
        one = count(tx)
        fill(tx, "b")
        erasure.erase_person(tx, "b", "ref-b", LATER, NOW)
        return [one, count(tx), len(ledger.consents_of(tx, "b")), store.people_by_ref(tx, ["ref-b"])]

    one, after, consents, people = await engine.write(work)
    assert after == {**one, "consents": 2, "tombstones": 1}
    assert (consents, people) == (1, [])


async def test_a_bar_outlives_the_erasure_and_the_last_one_counts(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[Any]:
        add(tx, "a")
        erasure.erase_person(tx, "a", "ref-a", LATER, NOW)
        first = erasure.barred_until(tx, ["ref-a", "ref-b"])
        add(tx, "b")
        erasure.erase_person(tx, "b", "ref-a", None, NOW)
        return [first, erasure.barred_until(tx, ["ref-a"])]

    assert await engine.write(work) == [{"ref-a": LATER}, {}]


async def test_an_erased_persons_bytes_are_in_no_file_any_more(engine: SQLite, path: Path) -> None:
    def held() -> list[str]:
        return sorted(one.name for one in path.parent.iterdir() if MARK in one.read_bytes())

    await engine.write(lambda tx: fill(tx, "a", MARK))
    await engine.checkpoint()
    assert held() == ["intake.sqlite"]
    await engine.write(lambda tx: erasure.erase_person(tx, "a", "ref-a", None, NOW))
    assert await engine.checkpoint() is True
    assert held() == []


async def test_an_answer_that_was_replaced_is_in_no_file_any_more(engine: SQLite, path: Path) -> None:
    await engine.write(lambda tx: add(tx, "a", MARK * 400))
    await engine.write(
        lambda tx: store.save_person(tx, "a", b"new" * 400, "drafting", None, asks_anew=False, now=NOW)
    )
    assert await engine.checkpoint() is True
    assert all(MARK not in one.read_bytes() for one in path.parent.iterdir())


# audit


async def test_the_audit_is_a_chain_that_any_change_breaks(engine: SQLite) -> None:
    def write(tx: Transaction) -> None:
        audit_log.add(tx, [("consent", "a", "agreement press"), ("submitted", "a", "UX-1 1")], NOW)
        audit_log.add(tx, [], NOW)
        audit_log.add(tx, [("approved", "a", "UX-1 1")], LATER)

    await engine.write(write)
    rows = await engine.read(audit_log.rows)
    assert [(row[0], row[2]) for row in rows] == [(1, "consent"), (2, "submitted"), (3, "approved")]
    assert chain_holds(rows)
    assert not chain_holds([rows[0], rows[2]])
    assert not chain_holds([rows[0], (*rows[1][:4], "UX-1 2", rows[1][5]), rows[2]])


def chain_holds(rows: list[Any]) -> bool:
    previous = ""
    for seq, at, action, subject, detail, found in rows:
        previous = audit_log.entry_hash(previous, (str(seq), at, action, subject, detail))
        if found != previous:
            return False
    return True


def test_the_audits_hash_knows_where_a_field_ends() -> None:
    assert audit_log.entry_hash("", ("ab", "c")) != audit_log.entry_hash("", ("a", "bc"))


# the plan of the queries


QUERIES: dict[str, Callable[[Transaction], object]] = {
    "people_by_ref": lambda tx: store.people_by_ref(tx, ["a"]),
    "people_by_receipt": lambda tx: store.people_by_receipt(tx, ["a"]),
    "seen_among": lambda tx: store.seen_among(tx, [1]),
    "due_people": lambda tx: deadlines.due_people(tx, NOW, 9),
    "photos_of": lambda tx: store.photos_of(tx, "a"),
    "errands_of": lambda tx: outgoing.errands(tx, "a"),
    "consents_of": lambda tx: ledger.consents_of(tx, "a"),
    "applications_of": lambda tx: store.applications_of(tx, "a"),
    "audit_about": lambda tx: audit_log.about(tx, ["a", "b"]),
    "parked_of": lambda tx: parking.parked_of(tx, "a"),
    "errands_of_nobody": outgoing.errands_of_nobody,
}


class Explained:
    """A transaction that collects how its statements would be carried out."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self.plans: list[str] = []

    def fetchall(self, sql: str, params: Any = ()) -> list[Any]:
        self.plans += [row[3] for row in self.tx.fetchall(f"EXPLAIN QUERY PLAN {sql}", params)]
        return []


@pytest.mark.parametrize("name", QUERIES)
async def test_no_query_of_the_way_of_an_update_reads_a_whole_table(engine: SQLite, name: str) -> None:
    def work(tx: Transaction) -> list[str]:
        explained = Explained(tx)
        QUERIES[name](explained)  # type: ignore[arg-type]
        return explained.plans

    plans = await engine.read(work)
    assert plans
    assert [plan for plan in plans if plan.startswith("SCAN")] == []
