"""A message that was sent and never answered is looked for where it may stand, and nowhere else."""

import asyncio
from datetime import UTC, datetime
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pytest
from telegram.error import BadRequest

from bot.arrivals import place_of
from bot.errands import SEND, Errand, Lost
from bot.messages import Messages
from bot.sightings import REMEMBERED, SUPERGROUPS, Sightings, forget, kept
from bot.transport import Transport, Uncertain
from storage.engine import Transaction
from storage.migrate import migrate
from storage.sqlite import SQLite

MIGRATIONS = files("storage") / "migrations"
MEI, LIN = 5_000_001, 5_000_002
NOW = datetime(2026, 3, 1, tzinfo=UTC)
MESSAGE = {"message_id": 7, "chat": {"id": MEI}}


def test_what_was_sent_stands_among_the_numbers_that_nobody_has_seen() -> None:
    sightings = Sightings()
    sightings.see(MEI, 100)
    sightings.see(LIN, 102)  # one row for all private chats
    assert list(sightings.unseen(100, 3)) == [101, 103, 104, 105]


def test_a_supergroup_counts_for_itself() -> None:
    sightings = Sightings()
    sightings.see(MEI, 100)
    sightings.see(SUPERGROUPS - 7, 9_000)
    assert sightings.highest == 100


def test_what_is_remembered_does_not_grow_and_a_number_that_cannot_be_is_forgotten() -> None:
    sightings = Sightings()
    sightings.see(MEI, 2**31 - 1)
    for number in range(1, 10_000):
        sightings.see(MEI, number)
    assert len(sightings._seen) == REMEMBERED
    assert sightings.highest == 9_999
    assert list(islice(sightings.unseen(9_990, 3), 2)) == [10_000, 10_001]


@pytest.mark.parametrize(
    ("update", "place"),
    [
        ({"message": MESSAGE}, (MEI, 7)),
        ({"callback_query": {"id": "1", "message": MESSAGE}}, (MEI, 7)),
        ({"callback_query": {"id": "1", "message": {"chat": {"id": MEI}}}}, None),
        ({"callback_query": "1", "message": None}, None),
        ({"message": {**MESSAGE, "message_id": True}}, None),
        ({"message": {**MESSAGE, "message_id": 2**31}}, None),
    ],
)
def test_an_update_shows_the_number_of_the_message_it_is_about(
    update: dict[str, Any], place: tuple[int, int] | None
) -> None:
    assert place_of(update) == place


def test_a_press_on_an_old_message_says_nothing_of_the_newest() -> None:
    sightings = Sightings()
    sightings.see(MEI, 50, new=False)
    assert sightings.highest == 0
    assert list(sightings.between(48, 51)) == [49, 51]


async def test_who_has_seen_nothing_keeps_what_was_known(tmp_path: Path) -> None:
    async with SQLite.open(tmp_path / "intake.sqlite") as engine:
        await migrate(engine, MIGRATIONS)
        before = Sightings()
        before.see(MEI, 100)
        before.see_unrecorded(99)
        await engine.write(before.keep)
        await engine.write(Sightings().keep)  # as a command does while no bot runs
        after = Sightings()
        await after.remember(engine)
        assert list(after.between(97, 101)) == [98, 101]
        await engine.write(lambda tx: forget(tx, NOW))
        assert await engine.read(kept) == 0


async def test_the_next_process_knows_the_highest_number(tmp_path: Path) -> None:
    async with SQLite.open(tmp_path / "intake.sqlite") as engine:
        await migrate(engine, MIGRATIONS)
        assert await engine.read(kept) == 0
        sightings = Sightings()
        for number in (100, 99):
            sightings.see(MEI, number)
            await engine.write(sightings.keep)
        assert await engine.read(kept) == 100


class Stall:
    """Telegram, that acts and does not answer, until it does again."""

    def __init__(self) -> None:
        self.answers = False
        self.said: dict[tuple[int, int], str] = {}  # by chat and number
        self.looks = 0

    async def call(self, method: str, params: dict[str, Any], files: object = None) -> dict[str, int]:
        place = params["chat_id"], params.get("message_id", 101 + len(self.said))
        if method == "sendMessage":
            self.said[place] = params["text"]
            await asyncio.sleep(0)
            if not self.answers:
                raise Uncertain("no answer in time")
            return {"message_id": place[1]}
        self.looks += 1
        raise BadRequest("Message is not modified" if place in self.said else "Message to edit not found")


@pytest.mark.parametrize("many", [1, 5, 40, 100])
async def test_what_was_lost_at_once_to_many_people_stands_once_for_each(many: int) -> None:
    telegram, sightings = Stall(), Sightings()
    sightings.see(MEI, 100)
    messages = Messages(cast(Transport, telegram), sightings)
    errands = [Errand(SEND, MEI + number, None, {"text": f"to {number}"}) for number in range(many)]
    tries = (messages.send(errand, errand.chat, errand.body) for errand in errands)
    assert all(isinstance(one, Uncertain) for one in await asyncio.gather(*tries, return_exceptions=True))
    telegram.answers = True
    found = await asyncio.gather(*(messages.send(errand, errand.chat, errand.body) for errand in errands))
    assert found == [number for _, number in telegram.said]
    assert len(telegram.said) == many


def left_by_kill(telegram: "Stall", many: int, sent: int) -> tuple[Messages, list[Errand]]:
    """What a killed process had entered for so many people, some of it sent; it knew no answer."""
    messages = Messages(cast(Transport, telegram), Sightings())
    messages._sightings.see(MEI, 100)
    errands = [Errand(SEND, MEI + number, None, {"text": f"to {number}"}) for number in range(many)]
    for number, errand in enumerate(errands):
        errand.lost = Lost(100, 100 + many)
        if number < sent:
            telegram.said[errand.chat, 101 + number] = errand.body["text"]
    telegram.answers = True
    return messages, errands


@pytest.mark.parametrize(("many", "sent"), [(1, 1), (1, 0), (30, 30), (30, 11)])
async def test_what_a_killed_process_had_sent_stands_once(many: int, sent: int) -> None:
    telegram = Stall()
    messages, errands = left_by_kill(telegram, many, sent)
    found = await asyncio.gather(*(messages.send(errand, errand.chat, errand.body) for errand in errands))
    assert found[:sent] == list(range(101, 101 + sent))
    assert len(set(found)) == len(telegram.said) == many


async def test_when_one_message_did_not_go_what_comes_after_it_is_not_looked_for() -> None:
    telegram = Stall()
    messages, (first, _) = left_by_kill(telegram, 2, 0)
    second = Errand(SEND, first.chat, None, {"text": "then"}, lost=Lost(100, 102))
    await messages.send(first, first.chat, first.body)
    looks = telegram.looks
    await messages.send(second, second.chat, second.body)
    assert telegram.looks == looks > 0


async def test_what_waited_long_is_looked_for_where_the_kill_was() -> None:
    telegram = Stall()
    messages, (errand,) = left_by_kill(telegram, 1, 0)
    errand.lost = Lost(100, 9_000)
    telegram.said[errand.chat, 8_990] = errand.body["text"]
    assert await messages.send(errand, errand.chat, errand.body) == 8_990


async def test_after_an_erasure_what_a_killed_process_had_sent_is_found() -> None:
    telegram = Stall()
    messages, (errand,) = left_by_kill(telegram, 1, 1)
    telegram.said[errand.chat, 95] = "long known"
    telegram.said[errand.chat + 1, 103] = "another's"
    assert [number async for number in messages.left_by_kill(errand, {"text": "erased"})] == [101]


async def test_the_search_after_a_kill_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    telegram = Stall()
    messages, errands = left_by_kill(telegram, 100, 0)
    monkeypatch.setattr(messages, "_looks_left", 150)
    await asyncio.gather(*(messages.send(errand, errand.chat, errand.body) for errand in errands))
    assert telegram.looks == 150
    assert len(telegram.said) == 100


async def test_the_next_process_knows_where_messages_stand(tmp_path: Path) -> None:
    async with SQLite.open(tmp_path / "intake.sqlite") as engine:
        await migrate(engine, MIGRATIONS)
        before = Sightings()
        before.see(MEI, 2_000)
        await engine.write(before.keep)
        await engine.write(put_messages)
        after = Sightings()
        await after.remember(engine)
    assert after.highest == 2_000
    assert list(after.between(1_994, 2_000)) == [1_995, 1_997, 1_998]


def put_messages(tx: Transaction) -> None:
    """Some of a person, as they are when their sending was answered."""
    tx.execute(
        "INSERT INTO people (person_id, ref, wrapped_key, sealed, state, updated_at)"
        " VALUES ('p', 'r', x'00', x'00', 'fresh', '')"
    )
    for number in (900, 1_996, 1_999):
        tx.execute("INSERT INTO messages VALUES ('p', 'private', ?, NULL, '', NULL)", (number,))
