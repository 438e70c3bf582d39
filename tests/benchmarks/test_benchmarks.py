"""The benchmark itself works for both bots; its figures are for `make bench`, never for a test."""

from dataclasses import asdict

import pytest

from tests.benchmarks import backups
from tests.benchmarks.contenders import CONTENDERS, Contender, Way
from tests.benchmarks.figures import percentile
from tests.benchmarks.measuring import measure
from tests.benchmarks.photo import card_photo
from tests.benchmarks.report import table

APPLICATIONS = 4


@pytest.mark.parametrize("way", ["polling", "webhook"])
@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: contender.name)
async def test_every_application_is_decided_and_measured(contender: Contender, way: Way) -> None:
    run = await measure(contender, way, 0.002, applications=APPLICATIONS, at_once=2, photo=card_photo())
    assert run.decided == APPLICATIONS
    measured = {
        name: value for name, value in asdict(run).items() if name not in {"bot", "way", "cpu_children"}
    }
    assert {name for name, value in measured.items() if value <= 0} == set()
    assert table([run]).count("\n") == 2


def test_percentile_is_the_smallest_value_not_exceeded_by_that_share() -> None:
    assert [percentile(range(1, 101), share) for share in (0.5, 0.99, 1.0)] == [50, 99, 100]
    assert percentile([7.0], 0.99) == 7.0


def test_a_set_of_keys_is_read_through_and_made_anew_and_measured() -> None:
    found = backups.measure(keys=500, erased=5)
    assert (found.keys, found.gone) == (500, 5)
    assert min(found.size, found.read_through, found.made_anew) > 0
    assert "without 5 in " in backups.line(found)
