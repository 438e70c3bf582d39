"""What waits is found oldest first, in pieces that hold each application once, and what is late is counted."""

import itertools
from datetime import timedelta

from storage import queue
from storage.engine import Transaction
from storage.queue import Load, Queued
from storage.sqlite import SQLite
from storage.values import stamp
from tests.storage.rows import NOW, add, submit

STATUSES = ("waiting", "rejecting", "deciding", "approved", "withdrawn", "recalled", "waiting")


def fill(tx: Transaction) -> None:
    """UX-0 is the oldest, an hour before UX-1 and so on; UX-6 has the number of the last place and the age of UX-1."""
    for number, status in enumerate(STATUSES):
        add(tx, str(number))
        submit(tx, f"UX-{number}", str(number))
        hours = 1 if number == 6 else number
        tx.execute(
            "UPDATE applications SET status = ?, submitted_at = ? WHERE receipt = ?",
            (status, stamp(NOW + timedelta(hours=hours)), f"UX-{number}"),
        )


def receipts(rows: list[Queued]) -> list[str]:
    return [row.receipt for _, row in rows]


async def test_an_empty_queue_holds_nothing(engine: SQLite) -> None:
    assert await engine.read(lambda tx: queue.load(tx, NOW)) == Load(0, 0, None)
    assert await engine.read(queue.count_open) == 0
    assert await engine.read(lambda tx: queue.open_from(tx, 0, 9)) == []


async def test_what_waits_is_counted_and_late_is_what_was_submitted_by_then(engine: SQLite) -> None:
    await engine.write(fill)
    for hours, late in ((-1, 0), (0, 1), (1, 3), (9, 3)):
        before = NOW + timedelta(hours=hours)
        assert await engine.read(lambda tx, before=before: queue.load(tx, before)) == Load(3, late, NOW)  # type: ignore[misc]
        rows = await engine.read(lambda tx, before=before: queue.late_from(tx, before, 0, 9))  # type: ignore[misc]
        assert receipts(rows) == ["UX-0", "UX-1", "UX-6"][:late]
    assert await engine.read(queue.count_open) == 4


async def test_pages_hold_each_application_once_and_in_order(engine: SQLite) -> None:
    await engine.write(fill)
    whole = ["UX-0", "UX-1", "UX-6", "UX-2"]
    for size in (1, 2, 3, 4):
        pages = [
            await engine.read(lambda tx, n=n, size=size: queue.open_from(tx, n, size))  # type: ignore[misc]
            for n in range(0, 4, size)
        ]
        assert [receipt for page in pages for receipt in receipts(page)] == whole
        found: list[str] = []
        after = ("", "")
        while piece := await engine.read(
            lambda tx, after=after, size=size: queue.undecided_after(tx, after, size)  # type: ignore[misc]
        ):
            found += receipts(piece)
            after = (piece[-1][0], piece[-1][1].receipt)
        assert found == whole[:3]


async def test_what_has_become_late_between_two_times_is_found_once(engine: SQLite) -> None:
    await engine.write(fill)
    times = [
        NOW - timedelta(hours=1),
        NOW,
        NOW + timedelta(minutes=30),
        NOW + timedelta(hours=1),
        NOW + timedelta(9),
    ]
    found = [
        await engine.read(lambda tx, one=one, two=two: queue.submitted_between(tx, one, two))  # type: ignore[misc]
        for one, two in itertools.pairwise(times)
    ]
    assert found == [["UX-0"], [], ["UX-1", "UX-6"], []]


async def test_one_is_found_whatever_became_of_it(engine: SQLite) -> None:
    await engine.write(fill)
    for number, status in enumerate(STATUSES):
        found = await engine.read(lambda tx, number=number: queue.one(tx, f"UX-{number}"))  # type: ignore[misc]
        assert found is not None
        assert (found[1].receipt, found[1].status) == (f"UX-{number}", status)
    assert await engine.read(lambda tx: queue.one(tx, "UX-9")) is None
