"""A message that was sent and never answered is looked for where it may stand, and nowhere else."""

import asyncio
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pytest
from telegram.error import BadRequest

from bot.arrivals import place_of
from bot.errands import SEND, Errand
from bot.messages import Messages
from bot.sightings import REMEMBERED, SUPERGROUPS, Sightings, kept
from bot.transport import Transport, Uncertain
from storage.migrate import migrate
from storage.sqlite import SQLite

MIGRATIONS = files("storage") / "migrations"
MEI, LIN = 5_000_001, 5_000_002
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

    async def call(self, method: str, params: dict[str, Any], files: object = None) -> dict[str, int]:
        place = params["chat_id"], params.get("message_id", 101 + len(self.said))
        if method == "sendMessage":
            self.said[place] = params["text"]
            await asyncio.sleep(0)
            if not self.answers:
                raise Uncertain("no answer in time")
            return {"message_id": place[1]}
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
