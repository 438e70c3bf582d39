"""Whoever deletes himself is gone: from every file, from the chats, also after a kill and under a long reader."""

import asyncio
import base64
import contextlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.sandbox.server import Sandbox
from bot.sandbox.state import Message
from tests.applying import ANSWERS, agree, answer, apply, at, decide, has, press
from tests.bot.scanner import sealed_of, traces, writings
from tests.bot.stage import playing
from tests.cast import Cast, Group, Person, running_bot

WITHIN = 60.0  # seconds
PLANTED = (
    "Zdeňka Örkény-Nakamura",
    "zdenka.orkeny@lakeshore.example.edu",
    "Institut für Glottochronologie 冰川",
)


@pytest.fixture
def group(cast: Cast) -> Group:
    return cast.group()


# the scanner itself


@pytest.mark.parametrize(
    "written",
    [
        lambda value: value.encode(),
        lambda value: value.encode("utf-16"),
        lambda value: base64.b64encode(b"x" + value.encode() + b"yz"),
        lambda value: base64.urlsafe_b64encode(b"xy" + value.encode()),
        lambda value: value.encode().hex().encode(),
        lambda value: json.dumps({"name": value}).encode(),
    ],
)
@pytest.mark.parametrize("value", [*PLANTED, "5000000001"])
def test_a_value_is_found_in_every_writing(
    value: str, written: Callable[[str], bytes], tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"before " + written(value) + b" after")
    assert traces([tmp_path], [value])
    assert not traces([tmp_path], ["somebody else entirely"])
    assert all(
        len(text) > 8 for text in writings(value).values()
    )  # none is so short that it is found anywhere


# files


async def live(mei: Person, group: Group, ana: Person) -> Message:
    """A whole application with planted values, looked at, and asked for by its owner; its card."""
    name, email, department = PLANTED
    await agree(mei)
    for number, text in ((1, name), (2, email)):
        mei.say(text)
        await at(mei, number + 1)
    for number in (3, 4):
        await answer(mei, number)
    mei.say(department)
    await mei.hears(has("agree"))
    await press(mei, "agree")
    await at(mei, 6)
    for number in range(6, 10):
        await answer(mei, number)
    await press(mei, "submit")
    card = await group.shows(lambda one: name in one.text and has("approve")(one))
    link = (await decide(ana, card, "view")).url
    assert link is not None
    ana.start(link.partition("?start=")[2])
    await ana.hears(lambda one: bool(one.photo), chat=ana.chat)
    mei.say("/mydata")
    await mei.hears(lambda one: one.document is not None)
    await mei.hears(lambda one: bool(one.photo))
    return card


def values_of(mei: Person) -> list[str]:
    return [*PLANTED, str(mei.id), *(text for text in ANSWERS.values() if len(text) > 20)]


async def gone(folders: list[Path], values: list[str], blobs: list[bytes], since: float) -> None:
    """Returns when nothing is found any more. Fails when that takes too long."""
    while found := await asyncio.to_thread(traces, folders, values, blobs):
        assert time.monotonic() - since < WITHIN, found
        await asyncio.sleep(0.2)


@contextlib.contextmanager
def reading(database: Path) -> Iterator[None]:
    """A program that holds a snapshot."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT COUNT(*) FROM people").fetchone()
        yield


async def test_without_the_key_nothing_is_found_and_after_a_deletion_not_even_what_was_sealed(
    sandbox: Sandbox, cast: Cast, group: Group, ana: Person, tmp_path: Path
) -> None:
    mei, lin = cast.applicant("Mei"), cast.applicant("Lin")
    passing = tmp_path / "passing"
    passing.mkdir()
    database = tmp_path / "data" / "intake.sqlite"
    async with running_bot(
        sandbox, group, tmp_path, environ={"TMPDIR": str(passing)}, log_level="debug"
    ) as bot:
        await live(mei, group, ana)
        await bot.settled()
        assert traces([tmp_path], values_of(mei)) == []
        blobs = sealed_of(database)
        assert len(blobs) >= 4
        assert traces([tmp_path], [], blobs)
        mei.say("/delete")
        with reading(database):  # while it lasts, the log cannot be emptied
            began = time.monotonic()
            await press(mei, "erase")
            await mei.hears("🗑")
            await asyncio.sleep(1.5)
        await gone([tmp_path], values_of(mei), blobs, began)
        await agree(lin)
        assert traces([tmp_path], values_of(mei), blobs) == []
        assert await bot.terminate() == 0
    assert traces([tmp_path], values_of(mei), blobs) == []


async def test_a_deletion_that_is_cut_short_goes_on_at_the_next_start(
    sandbox: Sandbox, cast: Cast, group: Group, ana: Person, tmp_path: Path
) -> None:
    database = tmp_path / "data" / "intake.sqlite"
    async with running_bot(sandbox, group, tmp_path) as bot:
        for number, pause in enumerate((0.0, 0.004, 0.008, 0.015, 0.03)):
            mei = cast.applicant(f"Mei {number}")
            card = await live(mei, group, ana)
            await bot.settled()
            blobs = sealed_of(database)
            mei.say("/delete")
            await mei.hears(has("erase"))
            shown = [one for one in ana.messages(ana.chat) if one.photo]
            began = time.monotonic()
            pressing = asyncio.create_task(press(mei, "erase"))
            await asyncio.sleep(pause)
            await bot.kill()
            await bot.start()
            await mei.hears("🗑")
            pressing.cancel()
            await bot.settled()
            await gone([tmp_path], values_of(mei), blobs, began)
            assert not [one for one in shown if not one.deleted]
            assert card.deleted
            own = [one.text for one in mei.messages() if one.from_bot and not one.deleted]
            assert all("🗑" in text for text in own), own


# chats


async def test_what_is_too_old_to_be_deleted_is_emptied(tmp_path: Path) -> None:
    now = time.time()
    async with playing(tmp_path, clock=lambda: now) as play:
        mei = play.cast.applicant("Mei")
        await apply(mei, play.group)
        mei.say("/mydata")
        await mei.hears(lambda one: one.document is not None)
        photo = await mei.hears(lambda one: bool(one.photo) and one.from_bot)
        await play.settled()
        before = [one for one in mei.messages() if one.from_bot]
        pictures = {one.id: one.photo for one in before}
        now += 49 * 3600
        mei.say("/delete")
        await press(mei, "erase")
        receipt = await mei.hears("🗑")
        await play.settled()
        assert "could not be removed" not in receipt.text
        assert not photo.deleted
        for one in before:
            assert "Mei" not in one.text + str(one.data.get("caption", ""))
            if one.photo and not one.deleted:
                assert one.photo != pictures[one.id]
        assert not [one for one in before if one.document and not one.deleted]
