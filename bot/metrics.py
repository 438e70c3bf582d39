"""Counters, gauges and histograms, as Prometheus reads them (text exposition format 0.0.4).

Every metric is declared here, with its labels and one sentence; nothing else can be counted. A label holds no id and
no personal value.
"""

import asyncio
import contextlib
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

LATENCIES = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
PREFIX = "intake_"
PATIENCE = 3.0  # seconds until a gauge must have been read

Value = float | Mapping[str, float]  # by its only label, where it has one
Reading = Mapping[str, Value]
Probe = Callable[[], Awaitable[Reading]]


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric."""

    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


METRICS = {
    "updates_total": Declared(
        "counter",
        "Updates that Telegram handed over, repeated ones included; kind: message, press, member, other.",
        ("kind",),
    ),
    "updates_parked_total": Declared("counter", "Updates that could not be handled and were set aside."),
    "turns_total": Declared("counter", "What happened to people and applications, by event.", ("event",)),
    "updates_passed_over_total": Declared("counter", "Messages and presses of people who were too fast."),
    "errands_total": Declared(
        "counter",
        "Things done outside; lane: private, group, none; outcome: done, put_off (until its person or group can be"
        " reached), given_up, or failed for each try that failed.",
        ("lane", "kind", "outcome"),
    ),
    "errand_failures_total": Declared("counter", "Why tries failed.", ("reason",)),
    "callback_answers_total": Declared(
        "counter", "Answers to presses; outcome: done, in_response (by webhook), expired, lost.", ("outcome",)
    ),
    "webhook_connections_total": Declared(
        "counter",
        "Connections at the webhook's door: admitted, refused, garbled, slow, crowded_out.",
        ("outcome",),
    ),
    "polls_failed_total": Declared("counter", "Asks for updates that failed."),
    "erasure_remains_total": Declared(
        "counter",
        "What could not be removed from Telegram after an erasure; kind: message, photo, card.",
        ("kind",),
    ),
    "troubles_total": Declared("counter", "What operators were told that needs them."),
    "reply_seconds": Declared(
        "histogram", "From the arrival of a person's act to the end of the message that answers it."
    ),
    "commit_seconds": Declared("histogram", "From a finished thought to its commit."),
    "errands_waiting": Declared("gauge", "Things to do outside now; lane: private, group, none.", ("lane",)),
    "errands_oldest_seconds": Declared("gauge", "How long the oldest of them has been due."),
    "cards_held_back": Declared("gauge", "Cards that wait behind a digest."),
    "parked": Declared("gauge", "Updates that are parked; `intake parked list` names them."),
    "applications": Declared("gauge", "Applications by status.", ("status",)),
    "oldest_application_seconds": Declared(
        "gauge", "How long the oldest application has waited for a decision."
    ),
    "clock_error_seconds": Declared("gauge", "By how much this machine's clock goes before Telegram's."),
    "database_bytes": Declared("gauge", "Size of the database; file: main, wal.", ("file",)),
    "open_files": Declared("gauge", "Files and connections that the process has open."),
    "started_seconds": Declared("gauge", "When the process started, in unix time."),
}

Labels = tuple[tuple[str, str], ...]


class Metrics:
    """Names without the prefix. Raises KeyError for what is not declared so."""

    def __init__(self) -> None:
        self._counters: dict[tuple[str, Labels], float] = {
            (name, ()): 0.0 for name, one in METRICS.items() if one.kind == "counter" and not one.labels
        }
        self._probes: list[Probe] = []
        names = [name for name, one in METRICS.items() if one.kind == "histogram"]
        self._histograms = {name: [0] * (len(LATENCIES) + 1) for name in names}
        self._sums = dict.fromkeys(names, 0.0)
        self._started = time.time()

    def count(self, name: str, by: float = 1, /, **labels: str) -> None:
        declared = METRICS[name]
        if declared.kind != "counter" or len(labels) != len(declared.labels):
            raise KeyError(f"{name} is a {declared.kind} with the labels {declared.labels}")
        key = (name, tuple((label, labels[label]) for label in declared.labels))
        self._counters[key] = self._counters.get(key, 0) + by

    def probe(self, *probes: Probe) -> None:
        """Gauges that are read when asked for; of a probe that raises or does not answer soon, none is shown."""
        self._probes += probes

    def observe(self, name: str, seconds: float) -> None:
        self._histograms[name][bisect_left(LATENCIES, seconds)] += 1
        self._sums[name] += seconds

    def total(self, name: str) -> float:
        """A counter over all its labels."""
        return sum(value for (counter, _), value in self._counters.items() if counter == name)

    async def text(self) -> str:
        gauges: dict[str, Value] = {"started_seconds": self._started}
        for read in self._probes:
            with contextlib.suppress(Exception):
                gauges.update(await asyncio.wait_for(read(), PATIENCE))
        lines: list[str] = []
        for name, declared in METRICS.items():
            values = list(self._values(name, declared, gauges.get(name)))
            if values:
                lines += [
                    f"# HELP {PREFIX}{name} {declared.help}",
                    f"# TYPE {PREFIX}{name} {declared.kind}",
                    *values,
                ]
        return "\n".join([*lines, ""])

    def _values(self, name: str, declared: Declared, gauge: Value | None) -> list[str]:
        match declared.kind:
            case "counter":
                found = sorted(
                    (labels, value) for (one, labels), value in self._counters.items() if one == name
                )
                return [f"{PREFIX}{name}{_braces(labels)} {value:.15g}" for labels, value in found]
            case "histogram":
                return self._histogram(name)
        if gauge is None:
            return []
        if isinstance(gauge, Mapping):
            (label,) = declared.labels
            return [f"{PREFIX}{name}{_braces(((label, key),))} {value:.15g}" for key, value in gauge.items()]
        return [f"{PREFIX}{name} {gauge:.15g}"]

    def _histogram(self, name: str) -> list[str]:
        lines, below = [], 0
        bounds = (*(f"{bound:g}" for bound in LATENCIES), "+Inf")
        for bound, count in zip(bounds, self._histograms[name], strict=True):
            below += count
            lines.append(f'{PREFIX}{name}_bucket{{le="{bound}"}} {below}')
        return [*lines, f"{PREFIX}{name}_sum {self._sums[name]:.15g}", f"{PREFIX}{name}_count {below}"]


def _braces(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels) + "}" if labels else ""
