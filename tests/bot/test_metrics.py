"""What Prometheus reads."""

import re
from pathlib import Path

import aiohttp
import pytest

from bot.metrics import METRICS, Metrics
from bot.sandbox.faults import Fault
from bot.sandbox.server import Sandbox
from tests.applying import apply, decide
from tests.cast import Cast, free_port, running_bot


async def test_nothing_counted_is_nothing_said() -> None:
    said = await Metrics().text()
    assert [line for line in said.splitlines() if not line.startswith("#")] == [
        line for line in said.splitlines() if line.startswith("intake_started_seconds ")
    ]


async def test_counters_gauges_and_histograms_are_written_as_the_format_wants() -> None:
    metrics = Metrics()
    metrics.count("updates_total", 3)
    metrics.count("errands_total", kind="send", outcome="done")
    metrics.count("errands_total", kind="card", outcome="done")

    async def probe() -> dict[str, float | dict[str, float]]:
        return {"parked": 7, "applications": {"waiting": 2}}

    metrics.probe(probe)
    for seconds in (0.001, 0.01, 0.03, 60.0):
        metrics.observe("reply_seconds", seconds)
    said = (await metrics.text()).splitlines()
    assert said[:3] == [
        "# HELP intake_updates_total Updates that Telegram handed over, repeated ones included.",
        "# TYPE intake_updates_total counter",
        "intake_updates_total 3",
    ]
    assert [line for line in said if line.startswith("intake_errands_total")] == [
        'intake_errands_total{kind="card",outcome="done"} 1',
        'intake_errands_total{kind="send",outcome="done"} 1',
    ]
    assert [line for line in said if line.startswith(("intake_parked", "intake_applications"))] == [
        "intake_parked 7",
        'intake_applications{status="waiting"} 2',
    ]
    assert [line for line in said if line.startswith("intake_reply")][-6:] == [
        'intake_reply_seconds_bucket{le="2.5"} 3',
        'intake_reply_seconds_bucket{le="5"} 3',
        'intake_reply_seconds_bucket{le="10"} 3',
        'intake_reply_seconds_bucket{le="+Inf"} 4',
        "intake_reply_seconds_sum 60.041",
        "intake_reply_seconds_count 4",
    ]
    assert metrics.total("errands_total") == 2


@pytest.mark.parametrize("labels", [{}, {"kind": "send"}, {"kind": "send", "outcome": "done", "who": "Mei"}])
def test_what_is_not_declared_cannot_be_counted(labels: dict[str, str]) -> None:
    with pytest.raises(KeyError):
        Metrics().count("errands_total", **labels)
    with pytest.raises(KeyError):
        Metrics().count("something_else")


async def test_a_gauge_that_cannot_be_read_is_left_out() -> None:
    metrics = Metrics()

    async def broken() -> dict[str, float]:
        raise OSError

    metrics.probe(broken)
    metrics.count("updates_total", 12_345_678)
    assert "intake_updates_total 12345678" in (await metrics.text()).splitlines()


async def test_the_running_bot_tells_all_it_declares_and_nothing_personal(
    sandbox: Sandbox, cast: Cast, tmp_path: Path
) -> None:
    port = free_port()
    group = cast.group()
    ana, mei = cast.reviewer("Ana", group), cast.applicant("Mei")
    async with running_bot(sandbox, group, tmp_path, status_port=port), aiohttp.ClientSession() as session:
        sandbox.faults.add(Fault("429", "sendMessage", count=1, retry_after=1))
        card = await apply(mei, group)
        await decide(ana, card, "approve")
        async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            said = await answer.text()
    named = set(re.findall(r"^# TYPE intake_(\w+)", said, re.MULTILINE))
    rare = {
        "updates_parked_total",
        "updates_passed_over_total",
        "webhook_connections_total",
        "polls_failed_total",
    }
    assert set(METRICS) - rare - {"troubles_total"} <= named
    values = dict(re.findall(r"^intake_(\S+) (\S+)$", said, re.MULTILINE))
    assert float(values["reply_seconds_count"]) > 10
    assert values['errand_failures_total{reason="RetryAfter"}'] == "1"
    assert values['applications{status="deciding"}'] == "1"
    assert float(values['database_bytes{file="main"}']) > 0
    for personal in ("Mei", "Okafor", str(mei.id), str(group.id), sandbox.token):
        assert personal not in said
