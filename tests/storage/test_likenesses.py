"""The same in two persons' applications is found from either side, and goes with the application."""

from storage import likenesses, store
from storage.engine import Transaction
from storage.likenesses import Alike
from storage.sqlite import SQLite
from storage.values import stamp
from tests.storage.rows import LATER, add, submit

EMAIL, PHOTO = ("email", "e1"), ("photo", "p1")


def fill(tx: Transaction) -> None:
    """UX-0 and UX-3 are of one person; UX-1 has the address of UX-0, UX-2 its photo and is withdrawn."""
    for number, (person, found) in enumerate(
        (("a", [EMAIL, PHOTO]), ("b", [EMAIL]), ("c", [PHOTO]), ("a", [EMAIL, PHOTO]))
    ):
        if number < 3:
            add(tx, person)
        submit(tx, f"UX-{number}", person, "withdrawn" if number == 2 else "waiting")
        likenesses.put(tx, f"UX-{number}", found)
    tx.execute("UPDATE applications SET submitted_at = ? WHERE receipt = 'UX-2'", (stamp(LATER),))


async def test_the_same_of_another_person_is_found_the_newest_first(engine: SQLite) -> None:
    await engine.write(fill)
    assert await engine.read(lambda tx: likenesses.alike(tx, "UX-0")) == [
        Alike("photo", "UX-2"),
        Alike("email", "UX-1"),
    ]
    assert await engine.read(lambda tx: likenesses.alike(tx, "UX-1")) == [
        Alike("email", "UX-0"),
        Alike("email", "UX-3"),
    ]
    assert await engine.read(lambda tx: likenesses.alike(tx, "UX-9")) == []
    assert await engine.read(lambda tx: likenesses.open_alike(tx, "UX-0")) == ["UX-1"]


async def test_a_kind_is_not_taken_for_another_and_what_is_put_takes_the_place_of_what_was(
    engine: SQLite,
) -> None:
    await engine.write(fill)
    await engine.write(lambda tx: likenesses.put(tx, "UX-1", [("photo", "e1")]))
    assert await engine.read(lambda tx: likenesses.alike(tx, "UX-1")) == []
    assert await engine.read(lambda tx: likenesses.of(tx, "UX-1")) == [("photo", "e1")]


async def test_it_goes_with_its_application_and_with_its_person(engine: SQLite) -> None:
    await engine.write(fill)
    await engine.write(lambda tx: store.drop_application(tx, "UX-2"))
    await engine.write(lambda tx: tx.execute("DELETE FROM people WHERE person_id = 'a'"))
    assert await engine.read(lambda tx: likenesses.alike(tx, "UX-1")) == []
    assert await engine.read(lambda tx: tx.fetchall("SELECT receipt FROM likenesses")) == [("UX-1",)]
