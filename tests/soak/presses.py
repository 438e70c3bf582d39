"""Forged and stale presses, with the figure: S1.

`python -m tests.soak presses [--count 10000]`: half of them by polling, half by webhook.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bot.forging import Forged, forge, staged

COUNT = 10_000
ONE_CAN = 120  # presses that one person can make in a run without being told that he is too fast


def main(arguments: Sequence[str]) -> int:
    """0 when none was accepted and each was answered."""
    parser = argparse.ArgumentParser(prog="presses", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    status = 0
    for webhook in (False, True):
        begun = time.monotonic()
        with TemporaryDirectory(prefix="intake-presses-") as folder:
            forged = asyncio.run(_run(Path(folder), webhook, given.count // 2, given.seed))
        way = "webhook" if webhook else "polling"
        print(
            f"{way}: {forged}, {forged.passed_over} passed over as too fast; {time.monotonic() - begun:.0f} s"
        )
        for line in (*forged.unanswered[:5], *forged.changed[:20]):
            print(f"  NOT as required: {line}", flush=True)
        status |= bool(forged.unanswered or forged.changed)
    return status


async def _run(folder: Path, webhook: bool, count: int, seed: int) -> Forged:
    async with staged(folder, webhook=webhook, seed=seed, drafters=count // ONE_CAN) as stage:
        return await forge(stage, count)
