"""S1: so many forged and stale presses, and not one is accepted."""

import argparse
import asyncio
import json
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from bot.buttons import data_of, link_payload
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Member, Message
from bot.sandbox.telegram import Press
from conversations.events import TIMELESS
from tests.applying import agree, apply, at, decide, fill_in, has, on, press
from tests.cast import Cast, Group, Person, running_bot

AT_ONCE = 40  # presses on their way together
_MAC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@dataclass(slots=True)
class Stage:
    """Cards and messages whose buttons are old, foreign or not his, and who presses them."""

    cast: Cast
    group: Group
    ana: Person
    stranger: Person  # was in the group, and has left
    mei: Person
    lin: Person
    open_card: Message
    other_card: Message
    old: list[tuple[Person, Message, str]] = field(default_factory=list)  # buttons that were good once
    links: list[str] = field(default_factory=list)  # payloads of View ID that are another one's


async def set_stage(cast: Cast, group: Group) -> Stage:
    """Two open applications, one decided, one recalled and submitted again; old buttons of all of them."""
    ana, ben = cast.reviewer("Ana", group), cast.reviewer("Ben", group)
    mei, lin, noor, kofi = (cast.applicant(name) for name in ("Mei", "Lin", "Noor", "Kofi"))
    await agree(noor)
    start = next(one for one in noor.messages() if has("go")(one))
    once_only = [data for data in _all_data(start) if data.split(":")[0] not in TIMELESS]
    old = [(noor, start, data) for data in once_only]
    await at(noor, 1)
    open_card, other_card = await apply(mei, group), await apply(lin, group)
    await fill_in(kofi)
    summary = await kofi.sees(has("submit"))
    old += [(kofi, summary, data) for data in _all_data(summary) if data.startswith("submit:")]
    await press(kofi, "submit")
    decided = await group.shows(lambda one: has("approve")(one) and one.id > other_card.id)
    old += [(ana, decided, on(decided, verb)) for verb in ("approve", "reject", "claim")]
    await decide(ana, decided, "reject")
    await group.shows(lambda one: one is decided and has("because")(one))
    old.append((ana, decided, on(decided, "because", "duplicate")))
    await decide(ana, decided, "because", "expired_id")
    await group.shows(lambda one: one is decided and has("undo")(one))
    old += [(ana, decided, on(decided, verb)) for verb in ("undo", "tell")]
    await decide(ana, decided, "tell")
    await kofi.sees("❌")
    link = (await decide(ana, open_card, "view")).url
    assert link is not None
    await decide(ben, other_card, "view")
    ben.leave(group)
    cast.telegram.chat(group.id).members[ben.id] = Member("member")  # his client still shows the buttons
    return Stage(cast, group, ana, ben, mei, lin, open_card, other_card, old, [link.partition("?start=")[2]])


def _all_data(message: Message) -> list[str]:
    return [button.data for row in message.buttons for button in row if button.data]


Forger = Callable[[Stage, Random], tuple[Person, Message, str]]


def _parts(stage: Stage, rng: Random) -> list[str]:
    return rng.choice(_all_data(stage.open_card)).split(":")


def _with(place: int, values: Callable[[Stage, Random], str]) -> Forger:
    """A genuine button of the open card with one part replaced."""

    def forge(stage: Stage, rng: Random) -> tuple[Person, Message, str]:
        parts = _parts(stage, rng)
        before = parts[place]
        while parts[place] == before:
            parts[place] = values(stage, rng)
        return stage.ana, stage.open_card, ":".join(parts)

    return forge


def _mac(stage: Stage, rng: Random) -> str:
    return "".join(rng.choices(_MAC, k=12))


def _cut(stage: Stage, rng: Random) -> tuple[Person, Message, str]:
    data = ":".join(_parts(stage, rng))
    return stage.ana, stage.open_card, data[: rng.randrange(len(data) - 12, len(data))]


def _longer(stage: Stage, rng: Random) -> tuple[Person, Message, str]:
    return stage.ana, stage.open_card, (":".join(_parts(stage, rng)) + rng.choice("A:=é"))[:63]


def _swapped(stage: Stage, rng: Random) -> tuple[Person, Message, str]:
    """The signature of one button under the words of another."""
    one, other = rng.sample(_all_data(stage.open_card) + _all_data(stage.other_card), 2)
    return stage.ana, stage.open_card, f"{one.rpartition(':')[0]}:{other.rpartition(':')[2]}"


def _anything(stage: Stage, rng: Random) -> tuple[Person, Message, str]:
    data = "".join(rng.choices("ab:1é中\x00{}<>'\" ", k=rng.randrange(1, 20)))
    return rng.choice([(stage.ana, stage.open_card, data), (stage.mei, _own(stage.mei), data)])


def _another_ones(stage: Stage, rng: Random) -> tuple[Person, Message, str]:
    """Buttons of one applicant, or of the group, pressed in another one's private chat."""
    foreign = [*_all_data(_own(stage.lin)), *_all_data(stage.open_card)]
    return stage.mei, _own(stage.mei), rng.choice(foreign)


def _in_the_group(stage: Stage, rng: Random) -> tuple[Person, Message, str]:
    return stage.ana, stage.open_card, rng.choice(_all_data(_own(stage.mei)))


def _left(stage: Stage, rng: Random) -> tuple[Person, Message, str]:
    """Genuine, but he who presses is not a member any more."""
    return stage.stranger, stage.open_card, rng.choice(_all_data(stage.open_card))


def _old(stage: Stage, rng: Random) -> tuple[Person, Message, str]:
    return rng.choice(stage.old)


def _more(stage: Stage, rng: Random) -> tuple[Person, Message, str]:
    return stage.ana, stage.open_card, f"more:::digest:{_mac(stage, rng)}"


def _own(person: Person) -> Message:
    return next(one for one in person.chat.newest_first() if one.buttons)


VERBS = ("approve", "reject", "because", "undo", "tell", "claim", "release", "unreject", "view", "erase")
FORGERS: tuple[Forger, ...] = (
    _with(0, lambda stage, rng: rng.choice(VERBS)),
    _with(1, lambda stage, rng: rng.choice(("duplicate", "expired_id", "on", "x"))),
    _with(2, lambda stage, rng: rng.choice((_receipt(stage.other_card), "UX-00000000", ""))),
    _with(3, lambda stage, rng: f"{rng.randrange(9)}.{rng.randrange(1, 9)}"),
    _with(4, _mac),
    _cut,
    _longer,
    _swapped,
    _anything,
    _another_ones,
    _in_the_group,
    _left,
    _old,
    _more,
)


def _receipt(card: Message) -> str:
    return on(card, "approve").split(":")[2]


def told_of(cast: Cast, group: Group) -> list[tuple[int, str, list[str]]]:
    """Every message of the bot in the group as it stands, and its buttons."""
    return [(one.id, one.text, _all_data(one)) for one in group.messages if one.from_bot]


def stored(folder: Path) -> list[Any]:
    """What could have changed: states, applications, and the audit log without looks at photos."""
    with sqlite3.connect(folder / "data" / "intake.sqlite") as database:
        return [
            database.execute(query).fetchall()
            for query in (
                "SELECT person_id, state FROM people ORDER BY person_id",
                "SELECT receipt, status, revision, round FROM applications ORDER BY receipt",
                "SELECT action, detail FROM audit ORDER BY seq",
            )
        ]


async def forge(sandbox: Sandbox, folder: Path, count: int, *, webhook: bool = False, seed: int = 3) -> int:
    """Press so many; how many were accepted, or not answered at all."""
    cast = Cast(sandbox)
    group = cast.group()
    rng = Random(seed)
    async with running_bot(sandbox, group, folder, webhook=webhook) as bot:
        stage = await set_stage(cast, group)
        await bot.settled()
        before = told_of(cast, group), stored(folder)
        unanswered = 0
        for start in range(0, count, AT_ONCE):
            presses: list[Press] = []
            for number in range(start, min(count, start + AT_ONCE)):
                person, message, data = FORGERS[number % len(FORGERS)](stage, rng)
                presses.append(person.press_data(message, data))
            for one in presses:
                answer = await stage.ana.answer_to(one)
                unanswered += (
                    not answer.text and one.user is not stage.mei.user
                )  # she is too fast to be heard
        for payload in (*stage.links, link_payload(f"view::{_receipt(stage.open_card)}::{'A' * 12}")):
            assert data_of(payload)
            stage.mei.start(payload)
        await bot.settled()
        assert not any(one.photo and one.from_bot for one in stage.mei.messages())
        after = told_of(cast, group), stored(folder)
    if before != after:
        print(json.dumps([before, after], indent=1, default=str)[:4000])
    return unanswered + (before != after)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak presses", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    given = parser.parse_args(arguments)
    accepted = 0
    for webhook in (False, True):
        count = given.count // 2
        found = asyncio.run(_forged(count, webhook))
        print(
            f"{'webhook' if webhook else 'polling'}: {count} forged and stale presses, {found} accepted",
            flush=True,
        )
        accepted += found
    return bool(accepted)


async def _forged(count: int, webhook: bool) -> int:
    async with Sandbox.open(recording=False) as sandbox:
        with tempfile.TemporaryDirectory() as folder:
            return await forge(sandbox, Path(folder), count, webhook=webhook)
