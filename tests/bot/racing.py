"""Ten reviewers press on one card at once, again and again: exactly one decides, the others are told who was first."""

import asyncio
import contextlib
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from bot.sandbox.server import Sandbox
from bot.sandbox.state import Message
from bot.sandbox.telegram import Answer, Press
from bot.settings import DATABASE
from tests.applying import apply, decide, has, on
from tests.bot.folders import change, copy_of_the_shipped
from tests.cast import Cast, Group, Person, RunningBot, running_bot

NAMES = ("Ana", "Ben", "Cho", "Dan", "Eva", "Fay", "Gil", "Hal", "Ivy", "Jon")
WITHIN = 0.05  # seconds in which all of them press
REASONS = ("duplicate", "expired_id", "not_legible", "incomplete")
DONE = ("Approved.", "Rejected.")  # how an accepted press is answered


@dataclass(slots=True)
class Field:
    """One card, and those who decide it. `won`: how often each did, and which way."""

    sandbox: Sandbox
    group: Group
    bot: RunningBot
    card: Message
    applicant: Person
    reviewers: list[Person]
    rng: Random = field(default_factory=lambda: Random(1))
    won: Counter[str] = field(default_factory=Counter)
    spans: list[float] = field(default_factory=list)  # seconds from the first press of a round to its last

    def __str__(self) -> str:
        quick = sum(span <= WITHIN for span in self.spans)
        return (
            f"{self.won.total()} rounds of {len(self.reviewers)} presses, {quick} within {WITHIN * 1_000:.0f} ms: "
            f"one decision in each, {', '.join(f'{how} {times}' for how, times in sorted(self.won.items()))}"
        )


@contextlib.asynccontextmanager
async def racing(folder: Path, *, webhook: bool) -> AsyncIterator[Field]:
    """A card that waits; a decision can be undone for longer than any run."""
    programme = copy_of_the_shipped(folder / "programme")
    change(programme, "programme.toml", {"undo_seconds = 60": "undo_seconds = 3600"})
    async with Sandbox.open() as sandbox:
        cast = Cast(sandbox)
        group = cast.group()
        reviewers = [cast.reviewer(name, group) for name in NAMES]
        async with running_bot(sandbox, group, folder, webhook=webhook, programme=programme) as bot:
            mei = cast.applicant("Mei")
            yield Field(sandbox, group, bot, await apply(mei, group), mei, reviewers)


async def race(field: Field, number: int) -> None:
    """One round, undone at its end. Raises AssertionError when not exactly one of them decided.

    In every other round the card asks for the reason, so that some reject and some approve.
    """
    card, rng = field.card, field.rng
    ways = [on(card, "approve")] * 2
    if number % 2:
        await decide(rng.choice(field.reviewers), card, "reject")
        await field.group.shows(lambda one: one is card and has("because")(one))
        ways += [on(card, "because", reason) for reason in REASONS]
    presses = await _press(field, ways)
    answers = [await by.answer_to(press) for by, press in presses]
    firsts = [by for (by, _), answer in zip(presses, answers, strict=True) if _is_done(answer)]
    assert len(firsts) == 1, [answer.text for answer in answers]
    (first,) = firsts
    for (by, _), answer in zip(presses, answers, strict=True):
        is_told = (
            answer.text
            and answer.text.startswith(f"{first.user.first_name} was first:")
            and answer.show_alert
        )
        assert by is first or is_told, (by, answer)
    await field.group.shows(lambda one: one is card and has("undo")(one))
    outcome = "approved" if f"{first.user.first_name}: approved" in card.text else "rejected"
    assert f"{first.user.first_name}: {outcome}" in card.text, card.text
    field.won[outcome] += 1
    await decide(first, card, "undo")
    await field.group.shows(lambda one: one is card and has("approve")(one))


def decided(field: Field) -> Counter[str]:
    """How many decisions the bot itself wrote down."""
    path = Path(field.bot.environment["INTAKE_DATA"]) / DATABASE
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT action FROM audit WHERE action IN ('approved', 'rejected')")
        return Counter(action for (action,) in rows)


async def _press(field: Field, ways: list[str]) -> list[tuple[Person, Press]]:
    """Everybody, in any order, at moments of their own."""
    crowd = field.rng.sample(field.reviewers, len(field.reviewers))
    moments = sorted(field.rng.uniform(0.0, WITHIN / 2) for _ in crowd)
    if field.rng.random() < 0.5:
        moments = [0.0] * len(crowd)  # all in one moment
    begun, presses = time.monotonic(), []
    for by, moment in zip(crowd, moments, strict=True):
        if (left := begun + moment - time.monotonic()) > 0:
            await asyncio.sleep(left)
        presses.append((by, by.press_data(field.card, field.rng.choice(ways))))
    field.spans.append(time.monotonic() - begun)
    return presses


def _is_done(answer: Answer) -> bool:
    return bool(answer.text) and str(answer.text).startswith(DONE)
