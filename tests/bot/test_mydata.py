"""What /mydata hands over is the database, field for field, of that person and of nobody else.

The file is held against a second reading of the same database that shares no code with the first
(`everything_of.py`): every table, every column, every sealed field, for people with random histories. More of them
with MYDATA_PAIRS.
"""

import contextlib
import itertools
import json
import logging
import os
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot import intake
from bot.mydata import KEPT, data_file
from bot.people import People
from bot.programmes import load
from bot.sandbox.deeds import forwarded_content
from bot.starting import open_data
from bot.told import Telling
from bot.transport import NotSent
from tests.applying import apply, decide, receipt_in
from tests.bot.clocks import Clocks
from tests.bot.clumsy import WORD, clumsy
from tests.bot.everything_of import NOBODYS, NOT_HIS, Json, Reader, everybody, tables
from tests.bot.histories import History, live
from tests.bot.stage import Stage, playing
from tests.cast import Person
from tests.conversations.world import STATES, person

DAY = 86_400.0
USUAL = 30
PAIRS = int(os.environ.get("MYDATA_PAIRS", USUAL))
AT_ONCE = 5  # pairs that live with one bot
DATES = ("will_be_deleted_at", "will_be_withdrawn_at", "will_be_deleted")  # reckoned, not stored
SOMEBODYS = (  # sections that stand in the file of somebody at least, with every crowd
    "applications draft earlier agreed consents texts photos messages waiting parked erased_before log"
)
BY_CONSENTS = {"particulars", "texts"}  # read where a consent names them
REVIEWERS = ("Bartholomew", "Hjördís")


class Silent:
    """Nothing can be sent any more: all of it waits in the table."""

    async def perform(self, errand: Any) -> Any:
        raise NotSent("silent")

    perform_plain = perform


def without_dates(value: Any) -> Any:
    """The file without what is reckoned from it."""
    if isinstance(value, dict):
        return {key: without_dates(one) for key, one in value.items() if key not in DATES}
    return [without_dates(one) for one in value] if isinstance(value, list) else value


def dates(value: Any) -> Iterator[str]:
    """Every time at which something goes by itself."""
    if isinstance(value, dict):
        yield from (one for key, one in value.items() if key in DATES[:2] and one)
        value = list(value.values())
    if isinstance(value, list):
        yield from itertools.chain.from_iterable(map(dates, value))


OWN = {
    "people": "SELECT person_id, ref FROM people WHERE person_id = ?",
    "applications": "SELECT receipt FROM applications WHERE person_id = ?",
    "photos": "SELECT photo_id FROM photos WHERE person_id = ?",
    "consents": "SELECT consent_id FROM consents WHERE person_id = ?",
    "errands": "SELECT errand_id FROM errands WHERE person_id = ?",
    "parked": "SELECT parked_id FROM parked WHERE ref IN (SELECT ref FROM people WHERE person_id = ?)",
}


def names_of(connection: sqlite3.Connection, person_id: str) -> set[str]:
    """What is one person's alone, by the plain columns."""
    return {value for sql in OWN.values() for row in connection.execute(sql, (person_id,)) for value in row}


@dataclass(frozen=True, slots=True)
class Held:
    """One person's file as it is read, its text, what it must be, and what is his alone."""

    content: Json
    text: str
    wanted: Json
    own: set[str]


def pictures(content: Json) -> Iterator[str]:
    """Those that his answers stand on."""
    for given in [content["draft"]] if content["draft"] else content["applications"]:
        for one in given["answers"].values():
            if isinstance(one, dict) and "sides" in one:
                yield from (side["photo"] for side in one["sides"].values())


async def everything(play: Stage) -> list[Held]:
    """Of everybody. No bot runs."""
    programme = load(play.settings.programme).programme
    found = []
    async with open_data(play.settings) as (engine, vault, _):
        people = People(engine, vault)
        with contextlib.closing(sqlite3.connect(play.settings.database)) as connection:
            for person_id in everybody(connection):
                file = await data_file(engine, vault, people, programme, person_id)
                assert file is not None
                reader = Reader(connection, vault, person_id)
                wanted = reader.content()
                assert reader.read | NOBODYS.keys() | BY_CONSENTS == tables(connection)
                own = names_of(connection, person_id) | {str(wanted["account"]["telegram_id"])}
                found.append(Held(json.loads(file.json), file.json.decode(), wanted, own))
    return found


def crowd_of(play: Stage, seed: int) -> list[History]:
    """Pairs of people about to live; the first is one of the reviewers, who applies himself."""
    rng = random.Random(seed)
    ben, hjordis = (play.cast.reviewer(name, play.group, started=True) for name in REVIEWERS)
    names = [f"Zq{seed}x{number}y" for number in range(2 * AT_ONCE - 1)]
    people = [play.cast.applicant(name, rng.choice(["en", "zh-hans"])) for name in names]
    himself = History(
        play, Person(play.cast, ben.user), random.Random(seed), f"Zq{seed}himself9y", (hjordis,), 0
    )
    return [
        himself,
        *(
            History(play, person, random.Random(f"{seed} {name}"), name, (ben, hjordis), number)
            for number, (person, name) in enumerate(zip(people, names, strict=True), start=1)
        ),
    ]


@pytest.mark.usefixtures("logs_as_before")
@pytest.mark.parametrize("seed", range(-(-PAIRS // AT_ONCE)))
async def test_his_file_is_the_database_of_him_field_for_field_and_of_nobody_else(
    seed: int, tmp_path: Path, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    monkeypatch.setattr(intake, "read", clumsy)
    clocks.both(-8 * DAY)
    async with playing(tmp_path, clock=clocks.telegrams_time, undo=3600) as play:
        histories = crowd_of(play, seed)
        await live(histories, History.begin)
        await play.settled()
        await play.stop()
        clocks.both(0)
        await play.start()
        drafting = next(one.person for one in histories if one.number == 6)
        await drafting.sees("not finished yet" if drafting.user.language_code == "en" else "没有填完")
        await live(histories, History.go_on)
        await play.taken()
        play.app.outbox.trying.performer = Silent()
        for one in histories:
            one.speak_unheard()
        await play.taken()
        await play.stop()
        found = await everything(play)
        assert len(found) == sum(not one.is_gone for one in histories)
        tags = {one.person.id: one.tag for one in histories}
        for held in found:
            assert held.content.pop("kept") == KEPT
            assert without_dates(held.content) == held.wanted
            account = held.content["account"]
            assert {one["photo"] for one in held.content["photos"]} <= set(
                pictures(held.content)
            )  # and comes beside it
            assert all(account["next_look_at"] <= at for at in dates(account))
            assert [word for word in ("rejecting", "deciding") if word in held.text] == []
            others = set().union(*(other.own for other in found if other is not held))
            others |= {tag for number, tag in tags.items() if number != account["telegram_id"]}
            if tags[account["telegram_id"]] != histories[0].tag:  # who reviews may find his own name
                others |= {*REVIEWERS}
            assert [name for name in others if name in held.text] == []
        empty = {name for name in SOMEBODYS.split() if not any(one.content[name] for one in found)}
        assert empty == set()


@pytest.mark.parametrize("action", ["data_shown", "receipt_given", "correction_asked"])
@pytest.mark.parametrize("state", ["rejecting", "deciding"])
def test_what_earlier_versions_entered_of_a_pending_decision_is_not_told(action: str, state: str) -> None:
    telling = Telling(person(STATES["waiting"]))
    told = telling.entry((1, "2026-03-02T09:00:00.000000Z", action, "0123456789abcdef", state, "f" * 64))
    assert told is not None
    assert (told["action"], told["detail"]) == (action, "waiting")


async def test_what_a_reviewer_was_shown_of_others_is_not_in_his_own_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He replies to it, presses below it and hands it on, and none of that can be handled."""
    monkeypatch.setattr(intake, "read", clumsy)
    async with playing(tmp_path) as play:
        ana, mei = play.ana, play.cast.applicant("Mei")
        ana.start()
        card = await apply(mei, play.group)
        link = (await decide(ana, card, "view")).url
        assert link is not None
        ana.start(link.partition("?start=")[2])
        shown = await ana.hears(lambda one: bool(one.photo), chat=ana.chat)
        receipt, file_id = receipt_in(card), shown.photo[-1]["file_id"]
        assert receipt in shown.text
        ana.say(f"{WORD} replied", ana.chat, reply_to=shown)
        ana.press_data(shown, WORD)
        ana.send({**forwarded_content(play.sandbox.telegram, card), "text": f"{card.text} {WORD}"}, ana.chat)
        own = ana.say("mine", ana.chat)
        ana.say(f"{WORD} to myself", ana.chat, reply_to=own)
        await play.taken()
        await play.stop()
        (held,) = [one for one in await everything(play) if one.content["account"]["telegram_id"] == ana.id]
        replied, pressed, handed_on, answered = (one["content"] for one in held.content["parked"])
        assert (replied["message"]["text"], replied["message"]["reply_to_message"]) == (
            f"{WORD} replied",
            NOT_HIS,
        )
        assert (pressed["callback_query"]["data"], pressed["callback_query"]["message"]) == (WORD, NOT_HIS)
        assert handed_on == NOT_HIS
        assert answered["message"]["reply_to_message"]["text"] == "mine"
        assert [one for one in (receipt, file_id, mei.user.first_name) if one in held.text] == []
