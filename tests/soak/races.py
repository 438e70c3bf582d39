"""Ten reviewers within 50 ms on one card, with the figure: R10.

`python -m tests.soak races [--rounds 1000]`: half of them by polling, half by webhook.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bot.racing import decided, race, racing

ROUNDS = 1_000


def main(arguments: Sequence[str]) -> int:
    """0 when exactly one decided in every round, and the others were told who."""
    parser = argparse.ArgumentParser(prog="races", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args(arguments)
    return max(asyncio.run(_run(webhook, given.rounds // 2)) for webhook in (False, True))


async def _run(webhook: bool, rounds: int) -> int:
    begun, way, lost = time.monotonic(), "webhook" if webhook else "polling", 0
    with TemporaryDirectory(prefix="intake-races-") as folder:
        async with racing(Path(folder), webhook=webhook) as field:
            for number in range(rounds):
                await race(field, number)
            written = decided(field)
            lost = abs(written.total() - rounds) + sum(
                ((written - field.won) + (field.won - written)).values()
            )
            print(
                f"{way}: {field}; {written.total()} decisions written; {time.monotonic() - begun:.0f} s",
                flush=True,
            )
    return int(lost > 0)
