"""What Prometheus reads."""

import asyncio
import re
from pathlib import Path

import aiohttp
import pytest

from bot.metrics import METRICS, Metrics
from bot.sandbox.faults import Fault
from bot.sandbox.server import Sandbox
from tests.applying import apply, decide
from tests.cast import Cast, free_port, running_bot


def values(said: str) -> dict[str, str]:
    """What is told, by metric and labels."""
    return dict(re.findall(r"^intake_(\S+) (\S+)$", said, re.MULTILINE))


async def test_before_anything_is_counted_what_has_no_labels_is_zero() -> None:
    said = values(await Metrics().text())
    assert float(said.pop("started_seconds")) > 0
    names = {name.partition("{")[0].removesuffix("_bucket") for name in said}
    assert names >= {"updates_parked_total", "polls_failed_total", "reply_seconds", "reply_seconds_count"}
    assert set(said.values()) == {"0"}


async def test_every_metric_is_told_with_its_help_and_type() -> None:
    metrics = Metrics()
    for name, one in METRICS.items():
        if one.kind == "counter":
            metrics.count(name, **dict.fromkeys(one.labels, "x"))

    async def probe() -> dict[str, float | dict[str, float]]:
        gauges = {name: one for name, one in METRICS.items() if one.kind == "gauge"}
        return {name: {"x": 1} if one.labels else 1 for name, one in gauges.items()}

    metrics.probe(probe)
    said = await metrics.text()
    helps = re.findall(r"^# HELP intake_(\w+) (.+)\n# TYPE intake_\1 (\w+)\nintake_\1", said, re.MULTILINE)
    assert helps == [(name, one.help, one.kind) for name, one in METRICS.items()]


async def test_counters_gauges_and_histograms_are_written_as_the_format_wants() -> None:
    metrics = Metrics()
    metrics.count("updates_total", 3, kind="press")
    metrics.count("errands_total", lane="private", kind="send", outcome="done")
    metrics.count("errands_total", outcome="done", kind="card", lane="group")

    async def probe() -> dict[str, float | dict[str, float]]:
        return {"parked": 7, "applications": {"waiting": 2}}

    metrics.probe(probe)
    for seconds in (0.001, 0.01, 0.03, 60.0):
        metrics.observe("reply_seconds", seconds)
    said = (await metrics.text()).splitlines()
    assert said[:3] == [
        f"# HELP intake_updates_total {METRICS['updates_total'].help}",
        "# TYPE intake_updates_total counter",
        'intake_updates_total{kind="press"} 3',
    ]
    assert [line for line in said if line.startswith("intake_errands_total")] == [
        'intake_errands_total{lane="group",kind="card",outcome="done"} 1',
        'intake_errands_total{lane="private",kind="send",outcome="done"} 1',
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


@pytest.mark.parametrize(
    "labels",
    [{}, {"kind": "send", "outcome": "done"}, {"lane": "none", "kind": "send", "who": "x"}],
)
def test_what_is_not_declared_cannot_be_counted(labels: dict[str, str]) -> None:
    with pytest.raises(KeyError):
        Metrics().count("errands_total", **labels)
    with pytest.raises(KeyError):
        Metrics().count("something_else")
    with pytest.raises(KeyError):
        Metrics().count("reply_seconds")
    with pytest.raises(KeyError):
        Metrics().observe("updates_total", 1.0)


async def test_a_gauge_that_cannot_be_read_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics()

    async def broken() -> dict[str, float]:
        raise OSError

    async def slow() -> dict[str, float]:
        await asyncio.sleep(60)
        return {}

    async def fine() -> dict[str, float]:
        return {"open_files": 7}

    monkeypatch.setattr("bot.metrics.PATIENCE", 0.01)
    metrics.probe(broken, slow, fine)
    metrics.count("troubles_total", 12_345_678)
    said = values(await metrics.text())
    assert said["troubles_total"] == "12345678"
    assert said["open_files"] == "7"
    assert "parked" not in said


async def test_the_running_bot_tells_all_it_declares_and_nothing_personal(
    sandbox: Sandbox, cast: Cast, tmp_path: Path
) -> None:
    port = free_port()
    group = cast.group()
    ana, mei = cast.reviewer("Ana", group), cast.applicant("Mei")
    async with (
        running_bot(sandbox, group, tmp_path, status_port=port) as bot,
        aiohttp.ClientSession() as session,
    ):
        sandbox.faults.add(Fault("429", "sendMessage", count=1, retry_after=1))
        card = await apply(mei, group)
        await decide(ana, card, "approve")
        await bot.settled()
        async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            said = await answer.text()
    named = set(re.findall(r"^# TYPE intake_(\w+)", said, re.MULTILINE))
    assert named == set(METRICS) - {
        "webhook_connections_total",
        "erasure_remains_total",
    }  # it polls, and nobody was erased
    told = values(said)
    acts = float(told['updates_total{kind="message"}']) + float(told['updates_total{kind="press"}'])
    assert (
        10 < float(told["reply_seconds_count"]) <= acts - 1
    )  # the reviewer's press is answered by no message
    assert told['errand_failures_total{reason="RetryAfter"}'] == "1"
    assert told['errands_total{lane="private",kind="send",outcome="failed"}'] == "1"
    assert float(told['errands_total{lane="group",kind="card",outcome="done"}']) >= 1
    assert told['applications{status="deciding"}'] == "1"
    assert told['errands_waiting{lane="private"}'] == told['errands_waiting{lane="group"}'] == "0"
    assert told["errands_oldest_seconds"] == "0"  # the end of the window to undo is not due
    assert float(told['database_bytes{file="main"}']) > 0
    assert float(told["open_files"]) > 3
    assert abs(float(told["clock_error_seconds"])) < 5
    for personal in ("Mei", "Okafor", str(mei.id), str(group.id), sandbox.token):
        assert personal not in said
