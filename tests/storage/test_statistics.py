"""Tallies add up; of the audit log, what was submitted and decided is read in its order."""

from collections import Counter

from storage import audit_log, statistics
from storage.engine import Transaction
from storage.sqlite import SQLite
from storage.statistics import Entry
from storage.values import stamp
from tests.storage.rows import LATER, NOW


async def test_tallies_add_up_by_day_and_step(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[object]:
        found: list[object] = [statistics.first_tally(tx), statistics.tallies(tx, "0000-01-01", "9999-12-31")]
        statistics.add_tallies(tx, Counter({("2026-03-02", "started"): 2, ("2026-03-02", "agreed"): 1}))
        statistics.add_tallies(tx, Counter({("2026-03-02", "started"): 1, ("2026-03-04", "started"): 5}))
        found.append(statistics.first_tally(tx))
        found += [
            statistics.tallies(tx, first, last)
            for first, last in (
                ("2026-03-02", "2026-03-04"),
                ("2026-03-02", "2026-03-03"),
                ("2026-03-03", "2026-03-04"),
                ("2026-03-03", "2026-03-03"),
            )
        ]
        return found

    assert await engine.write(work) == [
        None,
        {},
        "2026-03-02",
        {"started": 8, "agreed": 1},
        {"started": 3, "agreed": 1},
        {"started": 5},
        {},
    ]


async def test_what_was_submitted_and_decided_is_read_piece_by_piece_and_nothing_else(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[object]:
        assert statistics.last_entry(tx) == 0
        audit_log.add(tx, [("submitted", "a", "UX-1 1"), ("claimed", "a", "UX-1 ref")], NOW)
        audit_log.add(tx, [("rejected", "a", "UX-1 1 ref duplicate"), ("undone", "a", "UX-1 1 ref")], LATER)
        last = statistics.last_entry(tx)
        return [statistics.entries(tx, after, after + 2) for after in range(0, last, 2)]

    assert await engine.write(work) == [
        [Entry(stamp(NOW), "submitted", ("UX-1", "1"))],
        [
            Entry(stamp(LATER), "rejected", ("UX-1", "1", "ref", "duplicate")),
            Entry(stamp(LATER), "undone", ("UX-1", "1", "ref")),
        ],
    ]
