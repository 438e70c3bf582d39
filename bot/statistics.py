"""Rows that tell of nobody -> the numbers of a period: how far attempts came, what was submitted, how decided."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from itertools import pairwise
from math import ceil
from typing import Literal

from storage.statistics import Entry
from storage.values import unstamp

PERIODS: Mapping[str, int | None] = {"7d": 7, "30d": 30, "all": None}  # days, the present one included
USUAL = "30d"
HOUR = 3_600
# Time to the decision, in seconds: the upper ends of the groups, but for the last one, which has none.
GROUPS = (HOUR, 4 * HOUR, 24 * HOUR, 72 * HOUR, 168 * HOUR)

Unit = Literal["day", "week", "month", "year"]
_UNITS: tuple[tuple[Unit, int], ...] = (("day", 31), ("week", 366), ("month", 366 * 4))  # up to so many days


@dataclass(frozen=True, slots=True)
class Period:
    """Days by the programme's time zone, both included. `name`: as it was asked for."""

    name: str
    first: date
    last: date


def period(name: str, now: datetime, zone: tzinfo, earliest: date | None) -> Period:
    """The period of that name up to today; `earliest`: the first day of which anything is known."""
    today = now.astimezone(zone).date()
    days = PERIODS[name]
    first = min(earliest or today, today) if days is None else today - timedelta(days=days - 1)
    return Period(name, first, today)


@dataclass(frozen=True, slots=True)
class Decision:
    """One that stands. `seconds`: since the application was last submitted, where that is known."""

    at: datetime
    round: str
    seconds: float | None
    reasons: tuple[str, ...] | None  # None for an approval


@dataclass(slots=True)
class History:
    """What the audit log says of applications, entry by entry, in its order."""

    submitted: list[datetime] = field(default_factory=list)  # for the first time
    decisions: dict[str, Decision] = field(default_factory=dict)  # by receipt
    _last: dict[str, datetime] = field(default_factory=dict)  # when it was last submitted

    def add(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._add(unstamp(entry.at), entry.action, entry.detail)

    def _add(self, at: datetime, action: str, detail: Sequence[str]) -> None:
        receipt, number, *rest = (*detail, "")[: max(2, len(detail))]
        match action:
            case "submitted":
                self._last[receipt] = at
                if number == "1":
                    self.submitted.append(at)
            case "approved" | "rejected":
                last = self._last.get(receipt)
                seconds = max(0.0, (at - last).total_seconds()) if last else None
                reasons = tuple(rest[1:]) if action == "rejected" else None
                self.decisions[receipt] = Decision(at, number, seconds, reasons)
            case "undone" if (found := self.decisions.get(receipt)) and found.round == number:
                del self.decisions[receipt]

    def first_day(self, zone: tzinfo) -> date | None:
        """The first day of which it says anything."""
        times = [*self.submitted, *(one.at for one in self.decisions.values())]
        return min(times).astimezone(zone).date() if times else None


@dataclass(slots=True)
class Bin:
    """Some days that stand together."""

    first: date
    submitted: int = 0
    approved: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Numbers:
    """All that is shown of a period. `funnel`: of the attempts that began in it, how many came to each step."""

    period: Period
    funnel: tuple[tuple[str, int], ...]
    unit: Unit
    bins: tuple[Bin, ...]
    seconds: tuple[float, ...]  # to each decision, rising
    reasons: tuple[tuple[str, int], ...]  # the most frequent first
    waiting: int  # at present

    @property
    def started(self) -> int:
        return self.funnel[0][1]

    @property
    def finished(self) -> int:
        return self.funnel[-1][1]

    @property
    def submitted(self) -> int:
        return sum(one.submitted for one in self.bins)

    @property
    def approved(self) -> int:
        return sum(one.approved for one in self.bins)

    @property
    def rejected(self) -> int:
        return sum(one.rejected for one in self.bins)

    @property
    def is_empty(self) -> bool:
        return not (
            any(count for _, count in self.funnel) or self.submitted or self.approved or self.rejected
        )

    def within(self, share: float) -> float:
        """In how many seconds that share of the decisions was made; there must be some."""
        return self.seconds[ceil(share * len(self.seconds)) - 1]

    def by_group(self) -> tuple[int, ...]:
        """How many decisions fall into each of `GROUPS`, and how many took longer than all of them."""
        counts = [0] * (len(GROUPS) + 1)
        for seconds in self.seconds:
            counts[next((n for n, end in enumerate(GROUPS) if seconds < end), len(GROUPS))] += 1
        return tuple(counts)


def numbers(
    when: Period,
    zone: tzinfo,
    history: History,
    steps: Sequence[str],
    tallies: Mapping[str, int],
    waiting: int,
) -> Numbers:
    """The numbers of a period; `tallies`: of the attempts that began in it."""
    unit = _unit(when)
    bins = {one.first: one for one in _bins(when, unit)}

    def bin_of(at: datetime) -> Bin | None:
        day = at.astimezone(zone).date()
        if not when.first <= day <= when.last:
            return None
        return bins[max(when.first, _beginning(day, unit))]

    for at in history.submitted:
        if found := bin_of(at):
            found.submitted += 1
    seconds, reasons = [], Counter[str]()
    for decision in history.decisions.values():
        if (found := bin_of(decision.at)) is None:
            continue
        if decision.reasons is None:
            found.approved += 1
        else:
            found.rejected += 1
            reasons.update(decision.reasons)
        if decision.seconds is not None:
            seconds.append(decision.seconds)
    return Numbers(
        period=when,
        funnel=tuple((step, tallies.get(step, 0)) for step in steps),
        unit=unit,
        bins=tuple(bins.values()),
        seconds=tuple(sorted(seconds)),
        reasons=tuple(sorted(reasons.items(), key=lambda one: (-one[1], one[0]))),
        waiting=waiting,
    )


def _unit(when: Period) -> Unit:
    days = (when.last - when.first).days + 1
    return next((unit for unit, most in _UNITS if days <= most), "year")


def _beginning(day: date, unit: Unit) -> date:
    match unit:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "year":
            return day.replace(month=1, day=1)


def _bins(when: Period, unit: Unit) -> Iterable[Bin]:
    """All of the period, also those in which nothing happened."""
    day = when.first
    while day <= when.last:
        yield Bin(day)
        here = _beginning(day, unit)
        while _beginning(day, unit) == here:
            day += timedelta(days=1)


def lost(funnel: Sequence[tuple[str, int]]) -> list[int]:
    """How many fewer came to each step than to the one before it; 0 where it is none the fewer."""
    counts = [count for _, count in funnel]
    return [0, *(max(0, before - after) for before, after in pairwise(counts))]
