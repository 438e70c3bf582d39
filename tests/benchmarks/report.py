"""Figures as text: a line a run, the ratios, and a table for the README."""

import os
import platform
from collections.abc import Sequence

import psutil

from tests.benchmarks.figures import Figures

_HEAD = ("", "by", "API", "applications/s", "reply p50", "reply p99", "API calls", "CPU", "memory")
_COMPARED = ("per_second", "reply_p50", "reply_p99", "calls", "cpu", "resident_mb")


def machine() -> str:
    """On what this was measured."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{cores} cores, {memory:.0f} GB of memory, Python {platform.python_version()} on {platform.system()}"
    )


def line(run: Figures) -> str:
    """One run in one line, with what the table leaves out."""
    return (
        f"{run.bot:<7}{run.way:<8} API {run.api_ms:>3.0f} ms: {run.decided} decided in {run.seconds:.1f} s,"
        f" {run.per_second:.1f}/s; reply {run.reply_p50:.1f} / {run.reply_p99:.1f} ms,"
        f" after the photo {run.photo_p50:.1f} / {run.photo_p99:.1f} ms; {run.calls:.1f} calls;"
        f" CPU {run.cpu:.1f} ms, {run.cpu_children:.1f} of it in children; {run.resident_mb:.0f} MB;"
        f" busy: bot {run.bot_share:.0%}, people and Telegram {run.generator_share:.0%} of a core"
    )


def table(runs: Sequence[Figures]) -> str:
    """Markdown: the runs, and under each pair how they compare."""
    rows: list[Sequence[str]] = [_HEAD, ("---",) * len(_HEAD)]
    for pair in _pairs(runs):
        rows += [_row(run) for run in pair]
        if len(pair) == 2:
            rows.append(_ratios(*pair))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _pairs(runs: Sequence[Figures]) -> list[list[Figures]]:
    """The runs of the same way and latency together."""
    found: dict[tuple[str, float], list[Figures]] = {}
    for run in runs:
        found.setdefault((run.way, run.api_ms), []).append(run)
    return list(found.values())


def _row(run: Figures) -> Sequence[str]:
    return (
        run.bot,
        run.way,
        f"{run.api_ms:.0f} ms",
        f"{run.per_second:.1f}",
        f"{run.reply_p50:.0f} ms",
        f"{run.reply_p99:.0f} ms",
        f"{run.calls:.1f}",
        f"{run.cpu:.1f} ms",
        f"{run.resident_mb:.0f} MB",
    )


def _ratios(ours: Figures, stock: Figures) -> Sequence[str]:
    ratios = (getattr(ours, name) / getattr(stock, name) for name in _COMPARED)
    return (f"**{ours.bot} : {stock.bot}**", "", "", *(f"**{ratio:.3g}**" for ratio in ratios))
