"""Whatever is done to the audit log behind its back is found, and it is said where."""

import random
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from storage import audit_log, erasure, facts
from storage.chain import PUBLISHED, Head, Published, Verdict, entries, verify
from storage.engine import Transaction
from storage.sqlite import SQLite
from storage.values import stamp
from tests.storage.rows import LATER, NOW, add

ROWS = 30
COLUMNS = ("at", "action", "subject", "detail", "hash")
Rows = list[tuple[Any, ...]]


def log(tx: Transaction, rows: int = ROWS) -> None:
    for number in range(0, rows, 2):
        audit_log.add(tx, [("told", f"{number:024x}", "UX-7K3M9QDF clock"), ("nudged", "a", "UX-1")], NOW)


@pytest.fixture
def hand(engine: SQLite, path: Path) -> Iterator[sqlite3.Connection]:
    """Another program that writes the same file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        yield connection


def rows_of(hand: sqlite3.Connection) -> Rows:
    return hand.execute("SELECT seq, at, action, subject, detail, hash FROM audit ORDER BY seq").fetchall()


def put(hand: sqlite3.Connection, rows: Rows) -> None:
    hand.execute("BEGIN")
    hand.execute("DELETE FROM audit")
    hand.executemany("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)", rows)
    hand.execute("COMMIT")


def flipped(rows: Rows, chance: random.Random) -> Rows:
    """One bit of one field is another."""
    at, column = chance.randrange(len(rows)), chance.randrange(1, 6)
    text = str(rows[at][column]).encode()
    place = chance.randrange(len(text))
    changed: Any = text[:place] + bytes([text[place] ^ 1 << chance.randrange(7)]) + text[place + 1 :]
    return [*rows[:at], (*rows[at][:column], changed.decode(), *rows[at][column + 1 :]), *rows[at + 1 :]]


def retyped(rows: Rows, chance: random.Random) -> Rows:
    """The same bytes, of another type; or some that are no text."""
    at, column = chance.randrange(len(rows)), chance.randrange(1, 6)
    value = chance.choice([str(rows[at][column]).encode(), b"\xff\xfe", 17, 1.5])
    return [*rows[:at], (*rows[at][:column], value, *rows[at][column + 1 :]), *rows[at + 1 :]]


def removed(rows: Rows, chance: random.Random) -> Rows:
    """Some are gone, from anywhere but the end."""
    at = chance.randrange(len(rows) - 2)
    return rows[:at] + rows[at + chance.randrange(1, len(rows) - at) :]


def closed_up(rows: Rows, chance: random.Random) -> Rows:
    """As `removed`, and the rest is numbered anew."""
    return [(place, *row[1:]) for place, row in enumerate(removed(rows, chance), 1)]


def inserted(rows: Rows, chance: random.Random) -> Rows:
    """One more stands between, and the rest is numbered anew."""
    at = chance.randrange(len(rows) + 1)
    more = (0, *chance.choice(rows)[1:])
    if at == len(rows):  # with a hash that does not fit; one that does is the next test's
        more = (0, *rows[-1][1:])
    return [(place, *row[1:]) for place, row in enumerate([*rows[:at], more, *rows[at:]], 1)]


def swapped(rows: Rows, chance: random.Random) -> Rows:
    one, two = chance.sample(range(len(rows)), 2)
    after = list(rows)
    after[one], after[two] = (rows[one][0], *rows[two][1:]), (rows[two][0], *rows[one][1:])
    return after


def renumbered(rows: Rows, chance: random.Random) -> Rows:
    at, gone = chance.randrange(len(rows)), chance.choice([None, -3, 0, 1.5, "x", 10**9, b"7"])
    return [*rows[:at], (gone, *rows[at][1:]), *rows[at + 1 :]]


def cut(rows: Rows, chance: random.Random) -> Rows:
    """The end is gone: only a known head shows that."""
    return rows[: chance.randrange(len(rows))]


def anew(rows: Rows, chance: random.Random) -> Rows:
    """Changed somewhere, and every hash from there on reckoned anew: only a known head shows that."""
    at = chance.randrange(len(rows))
    after, previous = rows[:at], rows[at - 1][5] if at else ""
    for row in [(*rows[at][:4], "forged"), *(row[:5] for row in rows[at + 1 :])]:
        previous = audit_log.entry_hash(previous, [str(one) for one in row])
        after.append((*row, previous))
    return after


WAYS: list[Callable[[Rows, random.Random], Rows]] = [
    flipped,
    flipped,
    retyped,
    removed,
    closed_up,
    inserted,
    swapped,
    renumbered,
    cut,
    anew,
]


async def test_a_thousand_random_manipulations_are_found_each(
    engine: SQLite, hand: sqlite3.Connection
) -> None:
    await engine.write(log)
    sound, head = rows_of(hand), (await engine.read(audit_log.head))[1]
    assert await verify(engine, [Head(head, ROWS)]) == Verdict(ROWS, head)
    missed, tried = [], 0
    for number in range(1_000):
        way, chance = WAYS[number % len(WAYS)], random.Random(number)
        after = way(sound, chance)
        assert after != sound
        put(hand, after)
        known = [Head(head)] if way in (cut, anew) else []
        if not (await verify(engine, known)).fault:
            missed.append((number, way.__name__))
        tried += 1
    put(hand, sound)
    assert (missed, tried) == ([], 1_000)
    assert await verify(engine, [Head(head, ROWS)]) == Verdict(ROWS, head)


async def test_what_no_head_can_show_is_an_entry_added_at_the_end_as_the_bot_would(
    engine: SQLite, hand: sqlite3.Connection
) -> None:
    """The limit of a chain without a key: only what stood when a head was told is bound by it."""
    await engine.write(log)
    sound, (_, head) = rows_of(hand), await engine.read(audit_log.head)
    fields = (str(ROWS + 1), "2026-03-02T09:00:00.000005Z", "told", "a", "UX-1 clock")
    forged = (ROWS + 1, *fields[1:], audit_log.entry_hash(head, fields))
    put(hand, [*sound, forged])
    assert await verify(engine, [Head(head)]) == Verdict(ROWS + 1, forged[5])


async def test_it_is_said_where(engine: SQLite, hand: sqlite3.Connection) -> None:
    await engine.write(log)
    sound = rows_of(hand)

    async def fault(rows: Rows, *heads: str) -> str:
        put(hand, rows)
        return (await verify(engine, [Head(one) for one in heads])).fault

    changed = (*sound[6][:4], "UX-1 ben", sound[6][5])
    assert (
        await fault([*sound[:6], changed, *sound[7:]]) == "entry 7 was changed, or does not follow on entry 6"
    )
    assert await fault([*sound[:6], *sound[7:]]) == "entry 7 is missing before entry 8"
    assert await fault(sound[3:]) == "entries 1 to 3 are missing before entry 4"
    blob = (*sound[6][:4], b"\xff", sound[6][5])
    assert await fault([*sound[:6], blob, *sound[7:]]) == "entry 7 was changed: not all of it is text"
    gone = f"it has no entry with the hash {sound[-1][5][:16]}: its end was cut off or written anew"
    assert await fault(sound[:9], sound[-1][5][:16]) == gone
    assert await fault([]) == ""
    nowhere = [*sound[:6], (None, *sound[6][1:]), *sound[7:]]
    assert await fault(nowhere) == "1 of its entries has no number that an entry can have"


def test_a_head_is_read_as_it_is_told_and_so_is_its_hash_alone() -> None:
    digits = "0123456789abcdef" * 4
    assert Head.of(f" 12:{digits.upper()}\n") == Head(digits, 12)
    assert Head.of(digits[:16]) == Head(digits[:16])
    assert str(Head(digits, 12)) == f"12:{digits}"
    assert str(Head(digits)) == digits
    for wrong in (
        "",
        "12:",
        f"0:{digits}",
        f"x:{digits}",
        f":{digits}",
        digits[:15],
        f"{digits}0",
        f"12 {digits}",
    ):
        assert Head.of(wrong) is None


async def test_of_a_head_with_its_number_it_is_said_what_became_of_that_entry(
    engine: SQLite, hand: sqlite3.Connection
) -> None:
    await engine.write(log)
    sound = rows_of(hand)
    heads = [Head(row[5][:16], row[0]) for row in sound]
    assert await verify(engine, heads) == Verdict(ROWS, sound[-1][5])
    assert "entry 4 is not the one that it was when" in (await verify(engine, [Head(sound[2][5], 4)])).fault
    put(hand, sound[:9])
    last = str(heads[-1])
    cut_off = f"it ends with entry 9, and had {ROWS} when {last} was told: its end was cut off"
    assert (await verify(engine, [heads[8], heads[-1]])).fault == cut_off


async def test_a_head_that_a_restore_may_have_taken_away_proves_nothing_and_any_other_does(
    engine: SQLite, hand: sqlite3.Connection
) -> None:
    await engine.write(log)
    before = rows_of(hand)
    put(hand, before[:20])  # the backup knew so many
    backup = "2026-03-01T08:00:00.000000Z erased 0 unreadable 0"
    await engine.write(lambda tx: audit_log.add(tx, [("restored", "", backup)], NOW))
    await engine.write(log)
    lost, kept = Head(before[24][5], 25), Head(before[19][5], 20)
    count, head = await engine.read(audit_log.head)
    assert await verify(engine, [kept, Head(head, count)]) == Verdict(21 + ROWS, head)
    for one in (lost, Head(lost.digits), Head("0" * 64, 10_000)):
        found = await verify(engine, [kept, one])
        assert (found.entries, found.head, found.fault) == (21 + ROWS, head, "")
        assert found.unproved == (
            f"restored from a backup of 2026-03-01 08:00:00Z, and the head {one} is not in it."
            f" If it was told before the restore, which was at {stamp(NOW)[:10]} {stamp(NOW)[11:19]}Z,"
            " it may have been lost then; if it was told later, the log was written anew"
        )
    # what stood before the moment of the backup, no restore takes away
    earlier = await verify(engine, [lost, Head("0" * 64, 20)])
    assert "entry 20 is not the one" in earlier.fault
    assert earlier.unproved == ""


async def test_text_that_cannot_be_decoded_is_found_and_stops_nothing(
    engine: SQLite, hand: sqlite3.Connection
) -> None:
    await engine.write(log)
    hand.execute("UPDATE audit SET detail = CAST(X'FFFE' AS TEXT) WHERE seq = 5")
    found = await verify(engine)
    assert found.entries == 4
    assert found.fault.startswith("entry 5 cannot be read: ")


async def test_the_head_that_was_published_last_shows_an_end_that_was_cut_off(
    engine: SQLite, hand: sqlite3.Connection
) -> None:
    await engine.write(log)
    count, head = await engine.read(audit_log.head)
    said = Published("2026-03-02", count, head)
    await engine.write(lambda tx: facts.put(tx, PUBLISHED, said.text()))
    await engine.write(log)
    sound = rows_of(hand)
    assert (await verify(engine)).fault == ""
    put(hand, sound[:28])
    missing = "entries 29 to 30 are missing at its end: it had 30 on 2026-03-02"
    assert (await verify(engine)).fault == missing
    await engine.write(log)  # it goes on from there, as if nothing had happened
    other = "entry 30 is not the one that was published on 2026-03-02"
    assert (await verify(engine)).fault == other


async def test_the_log_is_sound_after_erasures_and_an_empty_one_too(engine: SQLite) -> None:
    assert await verify(engine) == Verdict(0, "")

    def work(tx: Transaction) -> None:
        add(tx, "a")
        log(tx)
        erasure.erase_person(tx, "a", "ref-a", None, LATER)
        audit_log.add(tx, [("erased", "a", "asked 0123456789AB")], LATER)

    await engine.write(work)
    assert (await verify(engine)).entries == ROWS + 1


async def test_a_long_log_is_read_in_pieces(engine: SQLite) -> None:
    await engine.write(lambda tx: log(tx, 40_000))
    tracemalloc.start()
    found = await verify(engine)
    listed = 0
    async for _ in entries(engine):
        listed += 1
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (found.entries, found.fault, listed) == (40_000, "", 40_000)
    assert most < 6 * 2**20  # 40,000 rows at once are some 25 MB
