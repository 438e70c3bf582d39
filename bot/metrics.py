"""Counters, gauges and histograms, as Prometheus reads them (text exposition format 0.0.4)."""

from bisect import bisect_left
from collections.abc import Callable

LATENCIES = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
PREFIX = "intake_"

Labels = tuple[tuple[str, str], ...]


class Metrics:
    """Names without the prefix; labels hold no personal value."""

    def __init__(self) -> None:
        self._counters: dict[tuple[str, Labels], float] = {}
        self._gauges: dict[str, Callable[[], float]] = {}
        self._histograms: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def count(self, name: str, by: float = 1, /, **labels: str) -> None:
        key = (name, tuple(sorted(labels.items())))
        self._counters[key] = self._counters.get(key, 0) + by

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """A value that is read when asked for."""
        self._gauges[name] = read

    def observe(self, name: str, seconds: float) -> None:
        buckets = self._histograms.setdefault(name, [0] * (len(LATENCIES) + 1))
        buckets[bisect_left(LATENCIES, seconds)] += 1
        self._sums[name] = self._sums.get(name, 0.0) + seconds

    def total(self, name: str) -> float:
        """A counter over all its labels."""
        return sum(value for (counter, _), value in self._counters.items() if counter == name)

    def text(self) -> str:
        lines: list[str] = []
        for name in sorted({name for name, _ in self._counters}):
            lines.append(f"# TYPE {PREFIX}{name} counter")
            for (counter, labels), value in sorted(self._counters.items()):
                if counter == name:
                    lines.append(f"{PREFIX}{name}{_braces(labels)} {value:.15g}")
        for name, read in sorted(self._gauges.items()):
            lines += [f"# TYPE {PREFIX}{name} gauge", f"{PREFIX}{name} {read():.15g}"]
        for name, buckets in sorted(self._histograms.items()):
            lines += self._histogram(name, buckets)
        return "\n".join([*lines, ""])

    def _histogram(self, name: str, buckets: list[int]) -> list[str]:
        lines, below = [f"# TYPE {PREFIX}{name} histogram"], 0
        for bound, count in zip((*(f"{bound:g}" for bound in LATENCIES), "+Inf"), buckets, strict=True):
            below += count
            lines.append(f'{PREFIX}{name}_bucket{{le="{bound}"}} {below}')
        return [*lines, f"{PREFIX}{name}_sum {self._sums[name]:.15g}", f"{PREFIX}{name}_count {below}"]


def _braces(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels) + "}" if labels else ""
