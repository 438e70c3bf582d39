"""Every query against the real schema."""

import sqlite3
from datetime import timedelta, timezone
from typing import Any

import pytest

from storage import audit_log, deadlines, erasure, facts, figures, ledger, outgoing, parking, store
from storage.engine import Transaction
from storage.errors import ParkedGone, ReceiptTaken
from storage.parking import ParkedRow
from storage.sqlite import SQLite
from storage.values import stamp, unstamp
from tests.storage.rows import LATER, NOW, add, submit

# times


def test_times_compare_as_text_and_come_back_whole() -> None:
    times = [NOW, NOW + timedelta(microseconds=1), NOW.replace(microsecond=0), LATER]
    assert sorted(times) == sorted(times, key=stamp)
    assert [unstamp(stamp(at)) for at in times] == times
    assert stamp(NOW.astimezone(timezone(timedelta(hours=8)))) == "2026-03-02T09:00:00.000005Z"


# facts and people


async def test_facts_are_kept_and_replaced(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[str | None]:
        found = [facts.get(tx, "group")]
        for value in ("-1", "-2"):
            facts.put(tx, "group", value)
            found.append(facts.get(tx, "group"))
        return found

    assert await engine.write(work) == [None, "-1", "-2"]


async def test_people_are_found_by_ref_by_id_and_by_receipt(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[Any]:
        for one in ("a", "b", "c"):
            add(tx, one)
        submit(tx, "UX-1", "b")
        return [
            sorted(row.person_id for row in store.people_by_ref(tx, ["ref-a", "ref-c", "nobody"])),
            [row.ref for row in store.people_by_id(tx, ["b", "nobody"])],
            [(receipt, row.person_id) for receipt, row in store.people_by_receipt(tx, ["UX-1", "UX-2"])],
            store.people_by_id(tx, ["a"])[0],
        ]

    assert await engine.write(work) == [
        ["a", "c"],
        ["ref-b"],
        [("UX-1", "b")],
        store.PersonRow("a", "ref-a", b"key-a", b"sealed", None, True),
    ]


async def test_an_account_is_one_person(engine: SQLite) -> None:
    await engine.write(lambda tx: add(tx, "a"))
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        await engine.write(lambda tx: store.add_person(tx, "other", "ref-a", b"key"))


async def test_a_new_prompt_makes_the_old_ones_id_unknown(engine: SQLite) -> None:
    def prompt(tx: Transaction) -> int | None:
        return store.people_by_id(tx, ["a"])[0].prompt_message

    def work(tx: Transaction) -> list[int | None]:
        add(tx, "a")
        outgoing.prompted(tx, "a", 41)
        store.save_person(tx, "a", b"x", "drafting", None, asks_anew=False, now=NOW)
        kept = prompt(tx)
        store.save_person(tx, "a", b"x", "drafting", None, asks_anew=True, now=NOW)
        return [kept, prompt(tx)]

    assert await engine.write(work) == [41, None]


async def test_who_is_due_comes_in_order_and_no_more_than_asked(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[list[str]]:
        for one, due in (("a", LATER), ("b", NOW), ("c", None), ("d", LATER + timedelta(seconds=1))):
            add(tx, one)
            store.save_person(tx, one, b"x", "drafting", due, asks_anew=False, now=NOW)
        return [
            deadlines.due_people(tx, NOW - timedelta(microseconds=1), 9),
            deadlines.due_people(tx, LATER, 9),
            deadlines.due_people(tx, LATER + timedelta(days=1), 2),
        ]

    assert await engine.write(work) == [[], ["b", "a"], ["b", "a"]]


# applications and photos


async def test_an_application_is_one_row_that_follows_its_state(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[Any]:
        add(tx, "a")
        submit(tx, "UX-1", "a")
        store.set_card(tx, "UX-1", -100, 7, 3)
        submit(tx, "UX-1", "a", "approved", counters=(2, 1), times=(NOW, LATER), sealed=b"new")
        counters = tx.fetchone("SELECT revision, round, submitted_at, closed_at FROM applications")
        return [store.application(tx, "UX-1"), counters, store.application(tx, "UX-2")]

    assert await engine.write(work) == [
        store.ApplicationRow("UX-1", "a", b"key-a", "approved", -100, 7, 3, b"new"),
        (2, 1, stamp(NOW), stamp(LATER)),
        None,
    ]


async def test_which_card_a_message_is_is_known(engine: SQLite) -> None:
    def work(tx: Transaction) -> dict[tuple[int, int], str]:
        for number in (1, 2):
            add(tx, f"{number}")
            submit(tx, f"UX-{number}", f"{number}")
            store.set_card(tx, f"UX-{number}", -100, number)
        return store.cards_at(tx, [(-100, 1), (-100, 2), (-100, 3), (-200, 1)])

    assert await engine.write(work) == {(-100, 1): "UX-1", (-100, 2): "UX-2"}


async def test_open_applications_without_a_card_in_the_group_come_oldest_first(engine: SQLite) -> None:
    states = ["waiting", "rejecting", "deciding", "approved", "rejected", "withdrawn", "recalled"]

    def work(tx: Transaction) -> list[Any]:
        for place, status in enumerate(states):
            add(tx, status)
            times = (NOW - timedelta(hours=place), None)
            submit(tx, f"UX-{place}", status, status, times=times)
        store.set_card(tx, "UX-0", -1, 5)
        store.set_card(tx, "UX-1", -2, 6)
        submit(tx, "UX-9", "waiting", "withdrawn", times=(LATER, LATER))
        return [
            store.without_card(tx, -1),
            figures.count_by_status(tx),
            [row.receipt for row in store.applications_of(tx, "waiting")],
        ]

    assert await engine.write(work) == [
        [("UX-2", NOW - timedelta(hours=2)), ("UX-1", NOW - timedelta(hours=1))],
        {**dict.fromkeys(states, 1), "withdrawn": 2},
        ["UX-0", "UX-9"],
    ]


async def test_photos_are_kept_and_dropped(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[Any]:
        add(tx, "a")
        for place, photo in enumerate(("one", "two", "three")):
            at = NOW + timedelta(seconds=place)
            store.add_photo(tx, photo, "a", ("identity", "front"), photo.encode(), at)
        store.drop_photos(tx, ["one", "three", "unknown"])
        return [
            store.photos_of(tx, "a"),
            store.photo(tx, "a", "two"),
            store.photo(tx, "b", "two"),
            store.photo(tx, "a", "one"),
        ]

    stored = stamp(NOW + timedelta(seconds=1))
    assert await engine.write(work) == [
        [("two", "identity", "front", stored)],
        store.PhotoRow("identity", "front", b"two", b"key-a"),
        None,
        None,
    ]


# consents


async def test_a_text_that_was_agreed_to_is_kept_once(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[Any]:
        ledger.add_text(tx, "hash", "agreement", "en", "The text.")
        ledger.add_text(tx, "hash", "agreement", "en", "Another text.")
        return tx.fetchall("SELECT * FROM texts")

    assert await engine.write(work) == [("hash", "agreement", "en", "The text.")]


async def test_a_consent_needs_its_text(engine: SQLite) -> None:
    values = ("agreement", "unknown", "en", "press")
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        await engine.write(lambda tx: ledger.add_consent(tx, "1", "a", values, NOW))


async def test_ending_marks_what_stands_and_leaves_what_had_ended_before(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[Any]:
        ledger.add_text(tx, "hash", "agreement", "en", "The text.")
        values = ("agreement", "hash", "en", "press")
        for consent_id, person_id in (("1", "a"), ("2", "b")):
            ledger.add_consent(tx, consent_id, person_id, values, NOW)
        ledger.end_consents(tx, "a", NOW)
        ledger.add_consent(tx, "3", "a", values, LATER)
        ledger.end_consents(tx, "a", LATER)
        return [ledger.consents_of(tx, "a"), ledger.consents_of(tx, "b")]

    row = ("agreement", "hash", "en", "press")
    now, later = stamp(NOW), stamp(LATER)
    assert await engine.write(work) == [
        [("1", *row, now, now), ("3", *row, later, later)],
        [("2", *row, now, None)],
    ]


async def test_an_erasure_ends_what_still_stands_of_that_person_alone(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[Any]:
        ledger.add_text(tx, "hash", "agreement", "en", "The text.")
        values = ("agreement", "hash", "en", "press")
        ledger.add_consent(tx, "1", "a", values, NOW)
        ledger.end_consents(tx, "a", NOW)
        for consent_id, person_id in (("2", "a"), ("3", "b")):
            ledger.add_consent(tx, consent_id, person_id, values, NOW)
        erasure.erase_person(tx, "a", "ref-a", None, LATER)
        return [row[6] for one in ("a", "b") for row in ledger.consents_of(tx, one)]

    assert await engine.write(work) == [stamp(NOW), stamp(LATER), None]


async def test_one_document_alone_can_be_ended_and_the_ledger_says_what_each_act_was_about(
    engine: SQLite,
) -> None:
    def work(tx: Transaction) -> list[Any]:
        ledger.add_text(tx, "hash", "agreement", "en", "The text.")
        kept = [ledger.add_particulars(tx, '{"a":1}') for _ in range(2)]
        assert kept[0] == kept[1]
        for consent_id, document, about in (("1", "agreement", kept[0]), ("2", "improvement", None)):
            values = (document, "hash", "en", "press")
            ledger.add_consent(tx, consent_id, "a", values, NOW, about)
        ledger.end_consents(tx, "a", LATER, "improvement")
        return [*ledger.rows_of(tx, "a"), ledger.rows_of(tx, "b")]

    now, later = stamp(NOW), stamp(LATER)
    assert await engine.write(work) == [
        ledger.LedgerRow("1", "a", "agreement", "hash", "en", "press", now, None, "The text.", '{"a":1}'),
        ledger.LedgerRow("2", "a", "improvement", "hash", "en", "press", now, later, "The text.", None),
        [],
    ]


async def test_a_text_is_found_by_the_beginning_of_its_hash(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[Any]:
        for text_hash in ("abc1", "abc2", "d"):
            ledger.add_text(tx, text_hash, "agreement", "en", f"Text {text_hash}.")
        return [len(ledger.texts_beginning(tx, one)) for one in ("abc", "abc1", "_", "%")]

    assert await engine.write(work) == [2, 1, 0, 0]
    assert (await engine.read(ledger.former_texts))["d"] == "Text d."


# errands, messages, updates


async def test_errands_come_in_the_order_of_their_ids_until_they_are_done(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[Any]:
        add(tx, "a")
        due = stamp(LATER)
        outgoing.add_errands(
            tx,
            [
                ("3", None, "note", None, b"3"),
                ("1", "a", "send", None, b"1"),
                ("2", "a", "wake", due, b"2"),
                ("4", "a", "edit", None, b"4"),
            ],
        )
        outgoing.count_attempt(tx, "1")
        outgoing.finish_errands(tx, ["4", "unknown"])
        return [outgoing.errands(tx), [row.errand_id for row in outgoing.errands(tx, "a")]]

    assert await engine.write(work) == [
        [
            outgoing.ErrandRow("1", "a", "send", None, 1, b"1", b"key-a"),
            outgoing.ErrandRow("2", "a", "wake", stamp(LATER), 0, b"2", b"key-a"),
            outgoing.ErrandRow("3", None, "note", None, 0, b"3", None),
        ],
        ["1", "2"],
    ]


async def test_what_goes_to_the_unreachable_waits_for_him(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[list[str]]:
        add(tx, "a")
        kinds = ["send", "edit", "data", "card", "fetch", "wake"]
        outgoing.add_errands(tx, [(str(place), "a", kind, None, b"") for place, kind in enumerate(kinds)])
        store.set_reachable(tx, "a", False)
        away = [row.kind for row in outgoing.errands(tx)]
        his = [row.kind for row in outgoing.errands(tx, "a")]
        store.set_reachable(tx, "a", True)
        return [away, his, [row.kind for row in outgoing.errands(tx)]]

    kinds = ["send", "edit", "data", "card", "fetch", "wake"]
    assert await engine.write(work) == [["card", "fetch", "wake"], kinds, kinds]


async def test_messages_are_remembered_by_place_for_people_who_are_there(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[Any]:
        add(tx, "a")
        outgoing.delivered(tx, "a", 5, NOW)
        outgoing.delivered(tx, "a", 5, LATER)
        outgoing.delivered(tx, "a", 4, NOW)
        outgoing.shown(tx, "a", 6, "UX-1", b"chat", NOW)
        outgoing.shown(tx, "gone", 7, "UX-1", b"chat", NOW)
        assert not outgoing.delivered(tx, "gone", 8, NOW)
        outgoing.forget_message(tx, "a", "private", 4)
        return outgoing.messages_of(tx, "a") + outgoing.messages_of(tx, "gone")

    now = stamp(NOW)
    assert await engine.write(work) == [
        ("private", 5, now, None, None),
        ("reviewer", 6, now, b"chat", "UX-1"),
    ]


async def test_updates_are_seen_once_and_forgotten_in_time(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[Any]:
        store.add_seen(tx, [1, 2, 2], NOW)
        store.add_seen(tx, [2, 3], LATER)
        before = store.seen_among(tx, [0, 1, 2, 3])
        return [before, store.forget_seen(tx, LATER), store.seen_among(tx, [1, 2, 3])]

    assert await engine.write(work) == [{1, 2, 3}, 2, {3}]


async def test_parked_updates_wait_in_order(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[Any]:
        parking.park(tx, "2", (None, ""), "not JSON", b"two", NOW)
        parking.park(tx, "1", (7, "ref"), "KeyError", b"one", NOW)
        found = parking.parked(tx)
        parking.park_again(tx, "2", "worse", LATER)
        parking.drop_parked(tx, ["1", "3"], LATER)
        return [found, parking.parked(tx), parking.count_parked(tx)]

    now, later = stamp(NOW), stamp(LATER)
    one, two = ParkedRow("1", "ref", now, "KeyError", b"one"), ParkedRow("2", "", now, "not JSON", b"two")
    assert await engine.write(work) == [[one, two], [ParkedRow("2", "", later, "worse", b"two")], 1]


async def test_parked_updates_are_found_by_the_beginning_of_their_ids(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[list[str]]:
        for parked_id in ("a1", "a2", "b1", "_1"):
            parking.park(tx, parked_id, (None, ""), "KeyError", b"one", NOW)
        found = [parking.parked(tx, "a"), parking.parked(tx, "_"), parking.parked(tx, after="a1", limit=1)]
        return [[row.parked_id for row in rows] for rows in found]

    assert await engine.write(work) == [["a1", "a2"], ["_1"], ["a2"]]
    assert await engine.write(lambda tx: parking.drop_all_parked(tx, LATER)) == 4


async def test_what_is_parked_is_taken_once(engine: SQLite) -> None:
    def work(tx: Transaction) -> None:
        parking.park(tx, "1", (None, ""), "KeyError", b"one", NOW)

    await engine.write(work)
    await engine.write(lambda tx: parking.take_parked(tx, "1", LATER))
    with pytest.raises(ParkedGone):
        await engine.write(lambda tx: parking.take_parked(tx, "1", LATER))


async def test_parked_updates_go_with_their_sender_or_with_time(engine: SQLite) -> None:
    def work(tx: Transaction) -> list[Any]:
        parking.park(tx, "1", (7, "ref"), "KeyError", b"his", NOW)
        parking.park(tx, "2", (8, "another"), "KeyError", b"another's", NOW)
        erasure.erase_person(tx, "p", "ref", None, NOW)
        left = [row.parked_id for row in parking.parked(tx)]
        counts = []
        for before in (NOW, LATER):
            parking.forget_parked(tx, before, LATER)
            counts.append(parking.count_parked(tx))
        return [left, counts, [row[2:5] for row in audit_log.rows(tx)]]

    assert await engine.write(work) == [["2"], [1, 0], [("parked_expired", "", "1")]]


async def test_a_receipt_that_another_has_is_refused(engine: SQLite) -> None:
    def work(tx: Transaction) -> None:
        for person_id in ("p1", "p2"):
            store.add_person(tx, person_id, person_id, b"key")
            store.save_application(tx, "UX-1", person_id, "waiting", (1, 0), (NOW, None), b"sealed")

    with pytest.raises(ReceiptTaken):
        await engine.write(work)
    assert await engine.read(figures.count_by_status) == {}


# what was decided


async def test_what_was_undone_is_not_decided_and_a_draft_that_is_withdrawn_was_no_application(
    engine: SQLite,
) -> None:
    entries: list[audit_log.AuditEntry] = [
        ("submitted", "a", "UX-1 1"),
        ("approved", "a", "UX-1 1 ana"),
        ("undone", "a", "UX-1 1 ana"),
        ("rejected", "a", "UX-1 2 ana duplicate"),
        ("told", "a", "UX-1 clock"),
        ("submitted", "b", "UX-2 1"),
        ("approved", "b", "UX-2 1 ben"),
        ("withdrawn", "c", "- asked"),
        ("withdrawn", "b", "UX-2 asked"),
        ("undone", "d", "UX-9 1 ana"),
    ]
    await engine.write(lambda tx: audit_log.add(tx, entries, NOW))
    for after, until, found in (
        (0, 99, (2, 1, 1, 1)),
        (0, 2, (1, 1, 0, 0)),
        (2, 3, (0, 0, 0, 0)),
        (3, 9, (1, 1, 1, 1)),
        (10, 10, (0, 0, 0, 0)),
    ):
        said = await engine.read(lambda tx, after=after, until=until: audit_log.decided(tx, after, until))  # type: ignore[misc]
        assert said == audit_log.Decided(*found), (after, until)
