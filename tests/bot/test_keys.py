"""The operator's key gives way to a new one, and nothing is unreadable at any moment of that."""

import asyncio
import errno
import itertools
import json
import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from pydantic import SecretStr

from bot.at_rest import change_key_at_rest
from bot.buttons import Press, Signer
from bot.clock import wall
from bot.keys import KeyChange
from bot.sandbox.server import Sandbox
from bot.settings import Settings
from bot.starting import open_data
from storage import audit_log, outgoing, parking, upkeep
from storage.engine import Transaction
from storage.errors import Unreadable
from storage.sqlite import SQLite
from storage.vault import BUTTONS_LAST, ButtonKeys, OperatorKey, Vault, fingerprint
from tests import warm
from tests.applying import agree, answer, apply, at, decide
from tests.bot.patient import TOLD
from tests.cast import Cast, Group, Person, RunningBot, running_bot
from tests.storage.rows import NOW, add

PEOPLE = 10_000
KILLS = 20
NOBODYS = 30  # errands and parked updates


@pytest.fixture
def group(cast: Cast) -> Group:
    return cast.group()


async def rotate(bot: RunningBot) -> tuple[int, str]:
    """`intake key rotate`, with the bot's own settings: its status and all it said."""
    return await warm.run("bot", "key", "rotate", env=bot.environment, cwd=bot.folder)


# while the bot runs


async def test_the_key_changes_under_a_running_bot_and_everybody_goes_on(
    sandbox: Sandbox, cast: Cast, group: Group, ana: Person, tmp_path: Path
) -> None:
    path = tmp_path / "data" / "operator.key"
    mei, lin = cast.applicant("Mei"), cast.applicant("Lin")
    async with running_bot(sandbox, group, tmp_path) as bot:
        card = await apply(mei, group)
        await agree(lin)
        old = path.read_text()
        status, said = await rotate(bot)
        assert status == 0
        assert f"{path} holds the new key" in said
        assert path.read_text() != old
        assert path.stat().st_mode & 0o777 == 0o600
        assert not list(path.parent.glob("*.next"))
        await answer(lin, 1)  # his account is still known, and his draft can be read
        await at(lin, 2)
        await bot.restart()
        await answer(lin, 2)
        await at(lin, 3)
        await decide(ana, card, "approve")  # a button from before
        await decide(ana, card, "tell")
        await mei.sees(TOLD)
        await bot.terminate()
        path.write_text(old)
        with pytest.raises(AssertionError, match="not the one this data was sealed with"):
            await bot.start()


async def test_a_key_from_the_environment_is_asked_for_and_until_then_the_bot_goes_on(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path
) -> None:
    old, lin = OperatorKey.generate(), cast.applicant("Lin")
    new = tmp_path / "data" / "operator.key.next"
    async with running_bot(sandbox, group, tmp_path, key=old.text()) as bot:
        await agree(lin)
        status, said = await rotate(bot)
        cure = f"INTAKE_KEY is the key before the last change: put in the one that stands in {new}"
        assert (status, said.strip().splitlines()[-1]) == (0, cure)
        await bot.restart()
        assert cure in bot.output
        await answer(lin, 1)
        await at(lin, 2)
        await bot.terminate()
        bot.environment["INTAKE_KEY"] = new.read_text().strip()
        await bot.start()
        assert not new.exists()
        await answer(lin, 2)
        await at(lin, 3)


# killed


def settings_of(folder: Path) -> Settings:
    return Settings(
        _env_file=None,
        token=SecretStr("1:AAAAAAAAAAAA"),
        group=-1,
        data=folder,
        status_port=0,
    )


def keys_in(settings: Settings) -> Iterator[OperatorKey]:
    for path in (settings.key_path, settings.next_key_path):
        if path.exists():
            yield OperatorKey.from_file(path, create=False)


async def fill(settings: Settings) -> None:
    async with open_data(settings) as (engine, vault, _):

        def work(tx: Transaction) -> None:
            for number in range(PEOPLE):
                person_id, key = f"{number:024x}", vault.new_person_key()
                add(tx, person_id, key.seal(f"people/{person_id}", str(number).encode()))
                upkeep.set_wrapped_keys(tx, [(person_id, vault.wrap(person_id, key))])
            for number in range(NOBODYS):
                one = f"{number:020x}"
                outgoing.add_errands(tx, [(one, None, "note", None, vault.seal(f"errands/{one}", b"{}"))])
                parking.park(tx, one, (None, ""), "broken", vault.seal(f"parked/{one}", b"{}"), NOW)

        await engine.write(work)


async def unreadable(settings: Settings) -> list[str]:
    """What none of the keys that lie there opens."""
    vaults = [Vault(key) for key in keys_in(settings)]
    for one in vaults[1:]:
        vaults[0].take(next(key for key in keys_in(settings) if fingerprint(key) == one.fingerprint))
    vault, found = vaults[0], []
    async with SQLite.open(settings.database, readonly=True) as engine:
        people = await engine.read(
            lambda tx: tx.fetchall("SELECT person_id, wrapped_key, sealed FROM people")
        )
        errands = await engine.read(lambda tx: upkeep.nobodys_errands(tx, "", PEOPLE))
        parked = await engine.read(parking.parked)
    assert (len(people), len(errands), len(parked)) == (PEOPLE, NOBODYS, NOBODYS)
    for person_id, wrapped, sealed in people:
        try:
            vault.unwrap(person_id, wrapped).open(f"people/{person_id}", sealed)
        except Unreadable:
            found.append(person_id)
    for place, sealed in [
        *((f"errands/{one}", sealed) for one, sealed in errands),
        *((f"parked/{row.parked_id}", row.sealed) for row in parked),
    ]:
        try:
            vault.open(place, sealed)
        except Unreadable:
            found.append(place)
    return found


def killed(settings: Settings, statement: int) -> bool:
    """A process that changes the key and dies before that statement; whether it came to die."""
    child = os.fork()
    if not child:
        try:
            count = itertools.count(1)

            def dies(sql: str) -> None:
                if next(count) == statement:
                    os.kill(os.getpid(), signal.SIGKILL)

            _traced(dies)
            change_key_at_rest(settings, lambda done, total: None)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _traced(tell: Callable[[str], None]) -> None:
    """In this process, each statement that a database is to run is told before."""
    check = SQLite.check

    async def traced(self: SQLite) -> None:
        assert self._writer is not None
        await self._writer.set_trace_callback(tell)
        await check(self)

    SQLite.check = traced  # type: ignore[method-assign]


def test_killed_at_any_moment_nothing_is_unreadable_and_it_ends_at_the_next_start(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "data")
    asyncio.run(fill(settings))
    first = settings.key_path.read_text()
    draw, deaths = random.Random(7), 0
    for _ in range(KILLS):
        deaths += killed(settings, draw.randrange(20, PEOPLE + 200))
        assert asyncio.run(unreadable(settings)) == []
    assert deaths == KILLS
    asyncio.run(_opened(settings))
    assert not settings.next_key_path.exists()
    assert asyncio.run(unreadable(settings)) == []
    assert settings.key_path.read_text() != first


async def _opened(settings: Settings) -> None:
    async with open_data(settings):
        pass


async def test_what_lies_between_the_last_write_and_the_files_is_put_right(tmp_path: Path) -> None:
    """Killed after the new key fits and before its file has the old one's name."""
    settings = settings_of(tmp_path / "data")
    async with open_data(settings) as (_, vault, _):
        ref = vault.lookup("telegram", "7")
    old = settings.key_path.read_text()
    await asyncio.to_thread(change_key_at_rest, settings, lambda done, total: None)
    new = settings.key_path.read_text()
    settings.next_key_path.write_text(new)
    settings.next_key_path.chmod(0o600)
    settings.key_path.write_text(old)
    async with open_data(settings) as (engine, vault, _):
        assert vault.lookup("telegram", "7") == ref
        assert "key_changed" in {row[2] for row in await engine.read(audit_log.rows)}
    assert settings.key_path.read_text() == new
    assert not settings.next_key_path.exists()


async def test_where_the_file_cannot_take_the_others_place_both_keys_go_on_being_used(tmp_path: Path) -> None:
    """The key's file is mounted alone, as containers do."""
    settings = settings_of(tmp_path / "data")
    async with open_data(settings) as (engine, vault, _):
        await engine.write(
            lambda tx: parking.park(tx, "1", (None, ""), "x", vault.seal("parked/1", b"{}"), NOW)
        )

    def busy(self: Path, target: Path) -> Path:
        raise OSError(errno.EBUSY, "Device or resource busy")

    with patch.object(Path, "replace", busy):
        said = await asyncio.to_thread(change_key_at_rest, settings, lambda done, total: None)
        assert (
            f"put {settings.next_key_path}, the new key, in the place of {settings.key_path}" in said["say"]
        )
        async with open_data(settings) as (engine, vault, _):
            (row,) = await engine.read(parking.parked)
            assert vault.open("parked/1", row.sealed) == b"{}"
            assert "error" in await KeyChange(engine, vault, settings, wall).begin({})  # the last is not over
    async with open_data(settings):
        assert not settings.next_key_path.exists()


# buttons


def test_a_button_from_before_works_for_ninety_days(tmp_path: Path) -> None:
    now = 1_000.0
    keys, press = ButtonKeys(b"k" * 32), Press("approve", "", "UX-1", "1.0")
    signer = Signer(keys, lambda: now)
    before = signer.sign(7, press)
    keys.become(ButtonKeys.of(json.loads(json.dumps(keys.renewed(now).kept()))))
    assert signer.sign(7, press) != before
    now += BUTTONS_LAST - 1
    assert signer.read(7, before) == press
    now += 1
    assert signer.read(7, before) is None
    assert signer.read(7, signer.sign(7, press)) == press
