"""Presses that no honest client sends, and what the bot stores and shows, to see that they change nothing.

`staged` plays a scene in which there is much to forge: applications that wait, are being rejected, decided, undone,
told, withdrawn, recalled, and submitted again; people at every step; reviewers of whom one has left. Every button that
was ever shown is remembered.
"""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from bot.buttons import data_of, link_payload, subject_of
from bot.people import People
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Message
from bot.sandbox.telegram import Press
from bot.settings import DATABASE
from conversations.events import FORM_PRESSES, PRESSES, REVIEW_PRESSES, TIMELESS, PhotoOpened
from storage import store
from storage.engine import Transaction
from storage.sqlite import SQLite
from storage.vault import OperatorKey, Vault
from tests.applying import (
    agree,
    apply,
    at,
    decide,
    fill_in,
    has,
    press,
    receipt_in,
    steps,
    submit,
)
from tests.bot.folders import change, copy_of_the_shipped
from tests.cast import Cast, Group, Person, RunningBot, running_bot

UNDO = 3_600  # seconds: longer than any run
AT_ONCE = 50  # presses in the group that are on their way together
DRAFTERS = (
    12  # people at the first question: each can press more than once a second, unless he does nothing else
)
SPOILT = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
VERBS = (*PRESSES, *REVIEW_PRESSES, *FORM_PRESSES, "more", "", "APPROVE", "approve ")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One forged press: who, under which message, with which data. `link`: it is a deep link's payload instead."""

    what: str
    by: Person
    data: str
    under: Message | None = None

    @property
    def link(self) -> bool:
        return self.under is None


@dataclass(slots=True)
class Stage:
    """Everybody, and every button that was ever shown: by chat, its data."""

    sandbox: Sandbox
    cast: Cast
    group: Group
    bot: RunningBot
    rng: Random
    reviewers: list[Person] = field(default_factory=list)  # who may decide; the last one applied himself
    outsiders: list[Person] = field(default_factory=list)  # never were in the group
    gone: list[Person] = field(default_factory=list)  # were, and have left
    applicants: list[Person] = field(default_factory=list)
    cards: list[Message] = field(default_factory=list)
    own_card: Message | None = None  # of the reviewer who applied
    links: dict[int, list[str]] = field(default_factory=dict)  # genuine payloads, by whom they are good for
    shown: dict[int, set[str]] = field(default_factory=dict)

    def remember(self) -> None:
        """Take in every button that Telegram was ever asked to show."""
        for call in self.sandbox.telegram.witness.calls:
            markup = call.params.get("reply_markup")
            markup = json.loads(markup) if isinstance(markup, str) else markup
            for row in (markup or {}).get("inline_keyboard", ()):
                for button in row:
                    if call.chat_id is not None and "callback_data" in button:
                        self.shown.setdefault(call.chat_id, set()).add(button["callback_data"])

    def is_genuine(self, chat: int, data: str) -> bool:
        return data in self.shown.get(chat, ())

    def of_group(self) -> str:
        return self.rng.choice(sorted(self.shown[self.group.id]))

    def of(self, person: Person) -> str:
        return self.rng.choice(sorted(self.shown[person.id]))

    def last_message(self, person: Person) -> Message:
        return next(one for one in person.chat.newest_first() if one.from_bot)

    def current(self, card: Message) -> list[str]:
        """The data of the buttons a card has now."""
        return [button.data for row in card.buttons for button in row if button.data]

    def stale_in_group(self) -> list[str]:
        """Genuine buttons that no card has now; a look at the photo is always allowed."""
        now = {data for card in self.group.messages if card.from_bot for data in self.current(card)}
        stamps = {subject_of(data): data.split(":")[3] for data in now}
        return sorted(
            data
            for data in self.shown[self.group.id] - now
            if not data.startswith(f"{PhotoOpened.verb}:")
            and stamps.get(subject_of(data)) != data.split(":")[3]
        )

    def stale_of(self, person: Person) -> list[str]:
        """Genuine buttons of his earlier steps."""
        newest = max(int(data.split(":")[3]) for data in self.shown[person.id])
        return sorted(
            data
            for data in self.shown[person.id]
            if data.split(":")[0] not in TIMELESS and int(data.split(":")[3]) < newest
        )


@contextlib.asynccontextmanager
async def staged(
    folder: Path, *, webhook: bool, seed: int = 1, drafters: int = DRAFTERS
) -> AsyncIterator[Stage]:
    """The scene, played to its end and quiet."""
    programme = copy_of_the_shipped(folder / "programme")
    change(programme, "programme.toml", {"undo_seconds = 60": f"undo_seconds = {UNDO}"})
    async with Sandbox.open() as sandbox:
        cast = Cast(sandbox)
        group = cast.group()
        async with running_bot(sandbox, group, folder, webhook=webhook, programme=programme) as bot:
            stage = Stage(sandbox, cast, group, bot, Random(seed))
            await _play(stage, drafters)
            await bot.settled()
            stage.remember()
            yield stage


async def _play(stage: Stage, drafters: int) -> None:
    cast, group = stage.cast, stage.group
    ana, ben, cho = (cast.reviewer(name, group) for name in ("Ana", "Ben", "Cho"))
    stage.outsiders = [cast.applicant("Olu"), cast.applicant("Pia")]
    stage.gone = [cast.reviewer("Dan", group)]
    stage.reviewers = [ana, ben, cho]
    names = ("Waits", "Rejected", "Decided", "Undone", "Told", "Withdrawn", "Recalled", "Again", "Claimed")
    people = [cast.applicant(name) for name in names]
    cards = dict(zip(names, await asyncio.gather(*(apply(one, group) for one in people)), strict=True))
    by_name = dict(zip(names, people, strict=True))
    own, ana.home = await _apply_as_reviewer(cho, group), group.chat
    for card in (*cards.values(), own):
        for person in (ana, ben, *stage.gone):
            if person is not ben or card is own:
                await _look_at_photo(stage, person, card)
    await decide(ana, cards["Rejected"], "reject")
    await decide(ana, cards["Decided"], "approve")
    await decide(ben, cards["Undone"], "approve")
    await decide(ben, cards["Undone"], "undo")
    await decide(ben, cards["Told"], "reject")
    await decide(ben, cards["Told"], "because", "duplicate")
    await decide(ben, cards["Told"], "tell")
    await decide(ana, cards["Claimed"], "claim")
    by_name["Withdrawn"].say("/withdraw")
    await press(by_name["Withdrawn"], "leave")
    await press(by_name["Recalled"], "recall")
    await _submit_again(by_name["Again"], group, cards["Again"])
    at_summary, drafts = cast.applicant("Summary"), [cast.applicant(f"Drafts{n}") for n in range(drafters)]
    half = [cast.applicant(f"Half{number}") for number in range(6)]
    await asyncio.gather(
        fill_in(at_summary), *(agree(one) for one in drafts), *(_half_way(one) for one in half)
    )
    stage.applicants = [*people, at_summary, *drafts, *half]
    for person in (*stage.reviewers[:2], *stage.gone, *stage.outsiders):
        person.start()  # who is known already is not met by a forged link
        await person.hears(has("tick"), chat=person.chat)
    for person in stage.gone:
        person.leave(group)
    stage.cards = [one for one in group.messages if one.from_bot and receipt_in(one)]
    stage.own_card = own


async def _apply_as_reviewer(person: Person, group: Group) -> Message:
    """A member of the group applies himself."""
    person.home = person.chat
    card = await apply(person, group)
    person.home = group.chat
    return card


async def _submit_again(person: Person, group: Group, card: Message) -> None:
    await press(person, "recall")
    await person.hears(has("submit"))
    await press(person, "edit", "department")
    await at(person, 5)
    person.say("School of Informatics")
    await person.hears(has("submit"))
    await submit(person, group)


async def _half_way(person: Person) -> None:
    for step in steps(person)[:4]:
        await step()


async def _look_at_photo(stage: Stage, person: Person, card: Message) -> None:
    """Ask for the photo, so that there is a genuine link; it is not opened."""
    link = (await decide(person, card, PhotoOpened.verb)).url
    assert link is not None
    stage.links.setdefault(person.id, []).append(link.partition("?start=")[2])


# forging


def altered(rng: Random, data: str, others: Sequence[str]) -> str:
    """Genuine data with one thing changed; `others` lend their parts."""
    parts, lent = data.split(":"), rng.choice(others).split(":")
    mac = parts[4]
    place = rng.randrange(len(mac))
    match rng.randrange(16):
        case 0:
            parts[4] = mac[: rng.randrange(len(mac))]
        case 1:
            parts[4] = mac + rng.choice([*SPOILT, "=", "\n", " ", "%"])
        case 2 | 3:
            parts[4] = mac[:place] + rng.choice(SPOILT) + mac[place + 1 :]
        case 4:
            parts[4] = rng.choice(
                [mac.swapcase(), mac[::-1], "A" * 12, mac.replace("-", "+").replace("_", "/")]
            )
        case 5:
            parts[4] = lent[4]
        case 6:
            parts[0] = rng.choice(VERBS)
        case 7:
            parts[1] = rng.choice(["", lent[1], "duplicate", "on", "0", parts[1] + "x"])
        case 8:
            parts[2] = rng.choice([lent[2], "", "UX-AAAAAAAA", parts[2].lower()])
        case 9:
            parts[3] = rng.choice(
                [lent[3], "", "0", "1.0", "1.1", "2.0", str(rng.randrange(99)), "-1", parts[3] + "0"]
            )
        case 10:
            parts[0], parts[1] = parts[1], parts[0]
        case 11:
            parts.insert(rng.randrange(6), rng.choice(["", "x"]))
        case 12:
            del parts[rng.randrange(5)]
        case 13:
            parts[0] = parts[0].replace("a", "а").replace("e", "е").replace("p", "р") + "\u200b"
        case 14:
            where = rng.randrange(5)
            parts[where] += rng.choice(["\x00", "\n", "\t", " ", "%00", "\ufeff"])
        case 15:
            parts = [*lent[:4], mac]
    return ":".join(parts)


def junk(rng: Random) -> str:
    """Anything of at most 64 bytes, and a little that is not."""
    letters = rng.choice(["ab:", SPOILT, SPOILT + ":::::", "\x00\x01\x7f:", "é字🙂:", "{}[]<>'\"\\/;--%"])
    length = rng.choice([0, 1, 12, 63, 64, 64, 64, 65, 5_000])
    return "".join(rng.choice(letters) for _ in range(length))


def _unshown(stage: Stage, chat: int, make: Callable[[], str]) -> str:
    """What was made until it is no genuine button of that chat."""
    while stage.is_genuine(chat, found := make()):
        pass
    return found


def _altered_in_group(stage: Stage) -> Attempt:
    others = sorted(stage.shown[stage.group.id])
    data = _unshown(stage, stage.group.id, lambda: altered(stage.rng, stage.of_group(), others))
    return _in_group(stage, "altered", data)


def _altered_in_private(stage: Stage) -> Attempt:
    person, rng = stage.rng.choice(stage.applicants), stage.rng
    others = [*stage.shown[person.id], *stage.shown[rng.choice(stage.applicants).id]]
    return _in_private(stage, "altered", person, lambda: altered(rng, stage.of(person), others))


def _private_in_group(stage: Stage) -> Attempt:
    return _in_group(stage, "a private button in the group", stage.of(stage.rng.choice(stage.applicants)))


def _group_in_private(stage: Stage) -> Attempt:
    person = stage.rng.choice(stage.applicants)
    return _in_private(stage, "a card's button in private", person, stage.of_group)


def _anothers(stage: Stage) -> Attempt:
    person, other = stage.rng.sample(stage.applicants, 2)
    return _in_private(stage, "another person's button", person, lambda: stage.of(other))


def _under_anothers(stage: Stage) -> Attempt:
    person, other = stage.rng.sample(stage.applicants, 2)
    return Attempt("in another person's chat", person, stage.of(other), stage.last_message(other))


def _junk_in_group(stage: Stage) -> Attempt:
    return _in_group(stage, "junk", junk(stage.rng))


def _junk_in_private(stage: Stage) -> Attempt:
    return _in_private(stage, "junk", stage.rng.choice(stage.applicants), lambda: junk(stage.rng))


def _stale_in_group(stage: Stage) -> Attempt:
    data = stage.rng.choice(stage.stale_in_group())
    card = next((one for one in stage.cards if receipt_in(one) == subject_of(data)), None)
    return Attempt("an old button of a card", stage.rng.choice(stage.reviewers), data, card or stage.cards[0])


def _stale_in_private(stage: Stage) -> Attempt:
    people = [person for person in stage.applicants if stage.stale_of(person)]
    person = stage.rng.choice(people)
    return _in_private(stage, "an old button", person, lambda: stage.rng.choice(stage.stale_of(person)), True)


def _without_right(stage: Stage) -> Attempt:
    card = stage.rng.choice([one for one in stage.cards if stage.current(one)])
    by = stage.rng.choice([*stage.outsiders, *stage.gone])
    return Attempt("no member", by, stage.rng.choice(stage.current(card)), card)


def _own(stage: Stage) -> Attempt:
    assert stage.own_card is not None
    card, applied = stage.own_card, stage.reviewers[-1]
    return Attempt("one's own application", applied, stage.rng.choice(stage.current(card)), card)


def _under_another_card(stage: Stage) -> Attempt:
    """A genuine button, sent as if it stood under another application's card."""
    card, other = stage.rng.sample([one for one in stage.cards if stage.current(one)], 2)
    data = stage.rng.choice([*stage.current(card), *stage.stale_in_group()])
    if subject_of(data) == receipt_in(other):
        other = card
    return Attempt("under another card", stage.rng.choice(stage.reviewers[:2]), data, other)


def _link(stage: Stage) -> Attempt:
    rng = stage.rng
    owner = rng.choice(sorted(stage.links))
    payload = rng.choice(stage.links[owner])
    signed = data_of(payload)
    others = [
        person for person in (*stage.reviewers[:2], *stage.gone, *stage.outsiders) if person.id != owner
    ]
    by = rng.choice(others)
    match rng.randrange(5):
        case 0:
            payload = link_payload(
                altered(rng, signed, [signed, stage.of_group()]).encode("ascii", "replace").decode()
            )
        case 1:
            payload = link_payload(rng.choice([stage.of_group(), stage.of(rng.choice(stage.applicants))]))
        case 2:
            payload = rng.choice([payload[:-1], payload + "A", payload.swapcase(), payload[1:], signed])
        case 3 if stage.gone:
            by = rng.choice(stage.gone)  # his own link, from when he was a reviewer
            payload = rng.choice(stage.links[by.id])
    return Attempt("a link", by, payload[:64] if len(payload) > 64 else payload)


def _in_group(stage: Stage, what: str, data: str) -> Attempt:
    return Attempt(what, stage.rng.choice(stage.reviewers), data, stage.rng.choice(stage.cards))


def _in_private(
    stage: Stage, what: str, person: Person, make: Callable[[], str], stale: bool = False
) -> Attempt:
    data = make() if stale else _unshown(stage, person.id, make)
    return Attempt(what, person, data, stage.last_message(person))


WAYS: tuple[Callable[[Stage], Attempt], ...] = (
    _altered_in_group,
    _altered_in_group,
    _altered_in_group,
    _altered_in_private,
    _altered_in_private,
    _private_in_group,
    _group_in_private,
    _anothers,
    _under_anothers,
    _junk_in_group,
    _junk_in_private,
    _stale_in_group,
    _stale_in_private,
    _without_right,
    _own,
    _under_another_card,
    _link,
)


# trying


@dataclass(slots=True)
class Forged:
    """How many were tried, by kind; those that got no answer; and what each was told."""

    tried: Counter[str] = field(default_factory=Counter)
    unanswered: list[str] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    passed_over: int = 0  # answered without a word, as who presses too fast is
    changed: list[str] = field(default_factory=list)  # what is not as it was before

    def __str__(self) -> str:
        kinds = ", ".join(f"{what} {times}" for what, times in sorted(self.tried.items()))
        return (
            f"{self.tried.total()} forged and stale presses ({kinds}): {len(self.unanswered)} unanswered, "
            f"{len(self.changed)} things changed"
        )


async def forge(stage: Stage, count: int) -> Forged:
    """Try so many, and look whether anything stored or shown is another afterwards."""
    forged = Forged()
    before = await _seen(stage)
    await _try(stage, count, forged)
    after = await _seen(stage)
    forged.changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return forged


async def _seen(stage: Stage) -> dict[str, Any]:
    return {**await stored(stage), **{f"message {number}": shown for number, shown in cards(stage).items()}}


async def _try(stage: Stage, count: int, forged: Forged) -> None:
    """Presses in private chats follow each other, as everybody's acts do who waits for the answer."""
    attempts = [WAYS[number % len(WAYS)](stage) for number in range(count)]
    forged.tried.update(one.what for one in attempts)
    in_group = [one for one in attempts if one.under is not None and not one.under.chat.private]
    alone: dict[int, list[Attempt]] = {}
    for one in attempts:
        if one.under is None or one.under.chat.private:
            alone.setdefault(one.by.id, []).append(one)
    await asyncio.gather(
        _crowd(stage, in_group, forged), *(_in_turn(stage, one, forged) for one in alone.values())
    )


async def _crowd(stage: Stage, attempts: Sequence[Attempt], forged: Forged) -> None:
    for place in range(0, len(attempts), AT_ONCE):
        some = attempts[place : place + AT_ONCE]
        presses = [_press(stage, one) for one in some]
        for one, pressed in zip(some, presses, strict=True):
            await _note_answer(one, pressed, forged)


async def _in_turn(stage: Stage, attempts: Sequence[Attempt], forged: Forged) -> None:
    for one in attempts:
        if one.link:
            one.by.start(one.data)
            await one.by.hears(lambda message: True, chat=one.by.chat)
        else:
            await _note_answer(one, _press(stage, one), forged)


def _press(stage: Stage, one: Attempt) -> Press:
    """Past the client, which would not let him."""
    assert one.under is not None
    return stage.cast.telegram.pressed(one.by.user, one.under, one.data)


async def _note_answer(one: Attempt, pressed: Press, forged: Forged) -> None:
    try:
        answer_ = await one.by.answer_to(pressed)
    except AssertionError:
        forged.unanswered.append(f"{one.what}: {one.data!r}")
        return
    forged.told[answer_.text or answer_.url or ""] += 1
    forged.passed_over += not answer_.text


# what is there


async def stored(stage: Stage) -> dict[str, Any]:
    """All that is stored of people, applications, photos and consents, and what was done, read past the bot.

    Left out is when somebody was last heard, and of those who try links, at which message of the same step they are.
    """
    await stage.bot.settled(30)
    data = Path(stage.bot.environment["INTAKE_DATA"])
    vault = Vault(OperatorKey.from_file(data / "operator.key", create=False))
    async with SQLite.open(data / DATABASE, readonly=True) as engine:
        people = People(engine, vault)
        rows = await engine.read(_rows)
        ids = [row[0] for row in rows.pop("ids")]
        crowd = await people.load((), ids, (), ())
        starters = {person.id for person in (*stage.reviewers, *stage.gone, *stage.outsiders)}
        for person in crowd.by_id.values():
            who = person.applicant
            drop = {"heard_at", "step", "said"} if who.chat_id in starters else {"heard_at"}
            rows[f"person {who.chat_id}"] = who.model_dump(exclude=drop)
        for receipt in rows["applications"]:
            row = await engine.read(lambda tx, receipt=receipt: store.application(tx, receipt))  # type: ignore[misc]
            rows[f"application {receipt}"] = people.open_state(row)[1].model_dump()  # type: ignore[arg-type]
    return rows


def _rows(tx: Transaction) -> dict[str, Any]:
    return {
        "ids": tx.fetchall("SELECT person_id FROM people ORDER BY person_id"),
        "applications": {
            row[0]: row[1:]
            for row in tx.fetchall(
                "SELECT receipt, status, revision, round, closed_at, card_chat, card_message FROM applications"
            )
        },
        "photos": tx.fetchall("SELECT photo_id FROM photos ORDER BY photo_id"),
        "shown": tx.fetchall(
            "SELECT place, message_id FROM messages WHERE place <> 'private' ORDER BY message_id"
        ),
        "consents": tx.fetchall("SELECT * FROM consents ORDER BY consent_id"),
        "audit": tx.fetchall("SELECT seq, action, subject, detail FROM audit ORDER BY seq"),
        "parked": tx.fetchall("SELECT reason FROM parked"),
    }


def cards(stage: Stage) -> dict[int, tuple[str, list[str]]]:
    """What stands in the group: by message, its text and its buttons."""
    return {
        one.id: (one.text, [button.data or "" for row in one.buttons for button in row])
        for one in stage.group.messages
        if one.from_bot
    }
