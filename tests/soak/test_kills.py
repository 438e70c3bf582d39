"""The short form of the kills: what `make soak` proves at length."""

import asyncio
import itertools
from collections import Counter

from tests.benchmarks.contenders import Way
from tests.soak.killable import POINTS
from tests.soak.kills import Plan, ends_of, play, report, table
from tests.soak.manners import INTAKE, STOCK_BOT

ENDS: dict[Way, tuple[str, ...]] = {
    "polling": ("random", "before COMMIT", "SIGTERM", "between send and record", "random"),
    "webhook": ("random", "after COMMIT", "SIGTERM", "in a photo", "random", "in an erasure"),
}


async def test_kills_and_a_stop_lose_and_double_nothing() -> None:
    """Both ways of receiving at once: most of the time is the bot's start."""
    plans = {way: Plan(25, ends, at_once=12, thinking=0.3) for way, ends in ENDS.items()}
    runs = await asyncio.gather(*(play(INTAKE, way, plan) for way, plan in plans.items()))
    for run in runs:
        assert run.is_clean, report(run, 40)
        assert Counter(end.kind for end in run.ends) == Counter(ENDS[run.way])  # each point was come to
        assert sum(run.verdict.outcomes.values()) == 25
    assert table(runs).count("\n") == 3


def test_ends_have_every_point_and_never_two_in_a_row() -> None:
    ends = ends_of(INTAKE, 100)
    assert set(ends) == {"random", "SIGTERM", *POINTS}
    assert sum(kind != "SIGTERM" for kind in ends) == 100
    assert not [pair for pair in itertools.pairwise(ends) if set(pair) <= set(POINTS)]
    assert set(ends_of(STOCK_BOT, 40)) == {"random", "SIGTERM"}
