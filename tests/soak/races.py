"""R10: ten reviewers within 50 ms on one card; one decides, the others are told who was first."""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

from bot.sandbox.server import Sandbox
from tests.applying import apply, has, on
from tests.cast import Cast, running_bot

REVIEWERS = 10
SPREAD = 0.05  # seconds within which all of them press


async def race(sandbox: Sandbox, folder: Path, rounds: int, *, webhook: bool, seed: int = 5) -> int:
    """How many rounds did not end in exactly one decision, told alike to all."""
    cast, rng = Cast(sandbox), Random(seed)
    group = cast.group()
    reviewers = [cast.reviewer(f"Ana{n}", group) for n in range(REVIEWERS)]
    wrong = 0
    async with running_bot(sandbox, group, folder, webhook=webhook) as bot:
        card = await apply(cast.applicant("Mei"), group)
        for number in range(rounds):
            rejecting = number % 2 == 1
            if rejecting:
                await reviewers[0].answer_to(reviewers[0].press_data(card, on(card, "reject")))
                await group.shows(lambda one: one is card and has("because")(one))
            reasons = ("duplicate", "expired_id")
            buttons = [on(card, "because", key) for key in reasons] if rejecting else [on(card, "approve")]
            presses = []
            for reviewer in rng.sample(reviewers, REVIEWERS):
                presses.append(reviewer.press_data(card, rng.choice(buttons)))
                await asyncio.sleep(rng.uniform(0, 2 * SPREAD / REVIEWERS))
            answers = [await reviewers[0].answer_to(one) for one in presses]
            await group.shows(lambda one: one is card and has("undo")(one))
            first = [one for one, answer in zip(presses, answers, strict=True) if not answer.show_alert]
            names = [answer.text or "" for answer in answers if answer.show_alert]
            wrong += len(first) != 1 or not all(first[0].user.first_name in said for said in names)
            who = first[0].user
            undoer = next(one for one in reviewers if one.user is who)
            await undoer.answer_to(undoer.press_data(card, on(card, "undo")))
            await group.shows(lambda one: one is card and has("approve")(one))
        await bot.settled()
        assert not any(
            "approved" in one.text or "❌" in one.text for one in group.messages if one is not card
        )
    return wrong


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak races", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1_000)
    given = parser.parse_args(arguments)
    failed = 0
    for webhook in (False, True):
        rounds = given.rounds // 2
        wrong = asyncio.run(_raced(rounds, webhook))
        way = "webhook" if webhook else "polling"
        print(
            f"{way}: {rounds} rounds of {REVIEWERS} reviewers, {wrong} without exactly one decision",
            flush=True,
        )
        failed += wrong
    return bool(failed)


async def _raced(rounds: int, webhook: bool) -> int:
    async with Sandbox.open(recording=False) as sandbox:
        with tempfile.TemporaryDirectory() as folder:
            return await race(sandbox, Path(folder), rounds, webhook=webhook)
