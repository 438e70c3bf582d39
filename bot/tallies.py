"""Numbers that tell of nobody: how many stand at each step, how applications ended, why, and when they came.

Groups of fewer than five stand together, with a larger one where they would still be too few; so no number of a small
group can be had, nor be got by subtracting. For that, no group is counted in two ways: an open application has a
status, a closed one an outcome, and reasons are told only where the number of rejections is.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

LEAST = 5
FEW = f"fewer than {LEAST}"
HIDDEN = "not told: too few rejections"
OUTCOMES = ("approved", "rejected", "withdrawn")
STEPS = ("fresh", "reading", "consenting", "drafting", "checking", "confirming")
SUBMITTED = "submitted"

Line = tuple[str, str, int | str]  # what is counted, which of them, how many


@dataclass(slots=True)
class Tallies:
    """Fill it, then read its lines."""

    _steps: Counter[str] = field(default_factory=Counter)
    _ends: Counter[str] = field(default_factory=Counter)
    _reasons: Counter[str] = field(default_factory=Counter)
    _months: Counter[str] = field(default_factory=Counter)

    def steps(self, people: Mapping[str, int]) -> None:
        """How many people stand in each state."""
        for state, count in people.items():
            self._steps[state if state in STEPS else SUBMITTED] += count

    def application(self, status: str, submitted_at: str) -> None:
        """One application; the time as it is stored."""
        self._ends[status] += 1
        self._months[submitted_at[:7]] += 1

    def reasons(self, reasons: Sequence[str]) -> None:
        """Why one was rejected."""
        self._reasons.update(reasons)

    def lines(self) -> Iterator[Line]:
        yield from _lines("step", self._steps)
        for names, number in merged(self._ends):
            kinds = dict.fromkeys("outcome" if name in OUTCOMES else "status" for name in names)
            yield " and ".join(kinds), " + ".join(names), number
        if ("rejected",) in [names for names, _ in merged(self._ends)]:
            yield from _lines("reason", self._reasons)
        elif self._reasons:
            yield "reason", "all", HIDDEN
        yield from _lines("month", self._months)


def _lines(kind: str, counts: Counter[str]) -> Iterator[Line]:
    for names, number in merged(counts):
        yield kind, " + ".join(names), number


def merged(counts: Counter[str]) -> list[tuple[tuple[str, ...], int | str]]:
    """The groups by name, those too small as one at the end."""
    by_size = sorted(name for name, count in counts.items() if count)
    by_size.sort(key=counts.__getitem__)
    together = [name for name in by_size if counts[name] < LEAST]
    rest = by_size[len(together) :]
    while together and rest and sum(counts[name] for name in together) < LEAST:
        together.append(rest.pop(0))
    found: list[tuple[tuple[str, ...], int | str]] = [((name,), counts[name]) for name in sorted(rest)]
    if together:
        total = sum(counts[name] for name in together)
        found.append((tuple(sorted(together)), total if total >= LEAST else FEW))
    return found
