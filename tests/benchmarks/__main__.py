"""`make bench`: this bot and a stock python-telegram-bot bot of the same dialogue, in one run on one machine."""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence

from tests.benchmarks.contenders import CONTENDERS, Contender, Way
from tests.benchmarks.figures import Figures
from tests.benchmarks.measuring import measure
from tests.benchmarks.photo import card_photo
from tests.benchmarks.report import line, machine, table

WAYS: tuple[Way, ...] = ("polling", "webhook")
LATENCIES = (0, 50)  # ms, added to every call but getUpdates
Run = tuple[Contender, Way, int]


def runs(only: Sequence[str]) -> Iterator[Run]:
    """Every run that all given words fit: a bot, a way of receiving, a latency."""
    for latency in LATENCIES:
        for way in WAYS:
            for contender in CONTENDERS:
                names = {contender.name.lower(), way, str(latency)}
                if all(word in names for word in only):
                    yield contender, way, latency


def options(arguments: Sequence[str]) -> argparse.Namespace:
    words = [contender.name.lower() for contender in CONTENDERS] + [*WAYS, *map(str, LATENCIES)]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--applications", type=int, default=200, help="how many are decided in each run")
    parser.add_argument("--at-once", type=int, default=50, help="how many applicants there are at a time")
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        choices=words,
        metavar="WORD",
        help=f"leave out runs: {', '.join(words)}",
    )
    return parser.parse_args(arguments)


async def bench(chosen: Sequence[Run], applications: int, at_once: int) -> list[Figures]:
    photo = card_photo()
    found = []
    for contender, way, latency in chosen:
        run = await measure(
            contender, way, latency / 1e3, applications=applications, at_once=at_once, photo=photo
        )
        print(line(run), flush=True)
        found.append(run)
    return found


def main(arguments: Sequence[str]) -> None:
    given = options(arguments)
    at_once = min(given.at_once, given.applications)
    what = f"{given.applications} applications, {at_once} applicants at once; {machine()}"
    print(f"{what}. CPU and API calls are for one application.\n", flush=True)
    found = asyncio.run(bench(list(runs(given.only)), given.applications, at_once))
    print(f"\n{table(found)}\n\n{what}.")


if __name__ == "__main__":
    main(sys.argv[1:])
