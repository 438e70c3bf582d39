"""The numbers of a period in words: what the picture is drawn from, and what stands below it.

A sheet is plain data, all words and counts; whoever draws it knows no language and no programme.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from math import ceil
from typing import Any

from bot.programmes import REFERENCE, Loaded
from bot.spoken import Spoken
from bot.statistics import HOUR, PERIODS, Numbers, Unit, lost
from bot.words import Words
from conversations import Programme
from conversations.tallying import question_step

Sheet = dict[str, Any]
MOST_QUESTIONS = 12  # in the funnel; of more, those before which the most were lost
MOST_REASONS = 8  # named one by one; the rest stand together
IN_CAPTION = 3  # reasons
NAME_LIMIT = 60  # characters of a name in the caption


@dataclass(slots=True)
class Voice:
    """Says numbers in one language. `words`: the programme's, empty where it does not speak that language."""

    programme: Programme
    own: Words
    words: Words
    _spoken: Spoken = field(init=False)
    _say: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self._spoken = Spoken(self.own["format"])
        self._say = self.own["stats"]

    def sheet(self, found: Numbers) -> Sheet:
        """All that stands in the picture."""
        return {
            "title": str(self.words.get("title", self.programme.name)),
            "period": self._labelled(self.period_name(found), self.days(found)),
            "waiting": self._labelled(str(self._say["waiting"]), f"{found.waiting:,}"),
            "funnel": self._funnel(found),
            "flow": self._flow(found),
            "times": self._times(found),
            "reasons": self._reasons(found),
        }

    def caption(self, found: Numbers) -> dict[str, Any]:
        """What `stats_caption` is given: the same in a few lines, for whoever cannot see the picture."""
        rows = self.rows(found)
        worst = max(rows[1:], key=lambda row: row["lost"], default=None)
        return {
            "period": self.period_name(found),
            "days": self.days(found),
            "numbers": found,
            "share": _share(found.finished, found.started),
            "worst": None if worst is None or not worst["lost"] else {**worst, "name": _cut(worst["name"])},
            "half": self.span(found.within(0.5)) if found.seconds else "",
            "most": self.span(found.within(0.9)) if found.seconds else "",
            "frequent": [(self.reason(key), count) for key, count in found.reasons[:IN_CAPTION]],
            "others": sum(count for _, count in found.reasons[IN_CAPTION:]),
        }

    # pieces

    def _labelled(self, name: str, value: str) -> str:
        return str(self._say["labelled"]).format(name=name, value=value)

    def period_name(self, found: Numbers) -> str:
        days = PERIODS[found.period.name]
        return str(self._say["last_days"]).format(n=days) if days else str(self._say["all_time"])

    def days(self, found: Numbers) -> str:
        when = found.period
        values = {"first": self._spoken.day(when.first), "last": self._spoken.day(when.last)}
        name = "range" if when.first != when.last else "one_day"
        return str(self._say[name]).format(**values, zone=self.programme.review.time_zone)

    def span(self, seconds: float) -> str:
        """A length of time, rounded up: whatever took so long was done within it."""
        words = self.own["format"]
        if seconds <= 2 * HOUR:
            return str(words["minutes"]).format(n=max(1, ceil(seconds / 60)))
        if seconds <= 48 * HOUR:
            return str(words["hours"]).format(n=ceil(seconds / HOUR))
        days = ceil(10 * seconds / (24 * HOUR)) / 10
        return str(words["days"]).format(n=f"{days:g}" if days < 10 else ceil(days))

    def reason(self, key: str) -> str:
        """The name on its button; of one that the programme has no more, its key."""
        return str(self.words.get("reasons", {}).get(key, {}).get("name", _readable(key)))

    def rows(self, found: Numbers) -> list[dict[str, Any]]:
        """The funnel's rows: name, count, share of those who started, how many were lost since the row before."""
        shown = _thinned(found.funnel)
        names = self._step_names()
        return [
            {
                "name": names[step],
                "count": count,
                "share": _share(count, found.started) if place else "",
                "lost": lost,
            }
            for place, ((step, count), lost) in enumerate(zip(shown, lost(shown), strict=True))
        ]

    def _step_names(self) -> dict[str, str]:
        questions = self.words.get("questions", {})
        names = {step: str(self._say[step]) for step in ("started", "agreed", "summary", "submitted")}
        for question in self.programme.questions:
            name = questions.get(question.key, {}).get("name", _readable(question.key))
            names[question_step(question.key)] = str(name)
        return names

    # the panels

    def _funnel(self, found: Numbers) -> Sheet:
        hidden = len(found.funnel) - len(rows := self.rows(found))
        note = str(self._say["funnel_note"])
        if hidden:
            note = f"{note} {str(self._say['thinned']).format(n=hidden)}"
        empty = "" if any(count for _, count in found.funnel) else str(self._say["nobody"])
        return {"title": str(self._say["funnel"]), "note": note, "rows": rows, "empty": empty}

    def _flow(self, found: Numbers) -> Sheet:
        sums = {"submitted": found.submitted, "approved": found.approved, "rejected": found.rejected}
        return {
            "title": str(self._say["flow"]),
            "note": str(self._say[f"per_{found.unit}"]),
            "names": [self._labelled(self._say[f"flow_{name}"], f"{sums[name]:,}") for name in sums],
            "labels": [self._label(one.first, found.unit) for one in found.bins],
            "submitted": [one.submitted for one in found.bins],
            "approved": [one.approved for one in found.bins],
            "rejected": [one.rejected for one in found.bins],
            "empty": "" if any(sums.values()) else str(self._say["nothing_flowed"]),
        }

    def _label(self, day: date, unit: Unit) -> str:
        months: Sequence[str] = self._say.get("short_months", [])
        month = months[day.month - 1] if months else str(day.month)
        form = {"day": "short_day", "week": "short_day", "month": "short_month", "year": "short_year"}[unit]
        return str(self._say[form]).format(day=day.day, month=month, year=day.year)

    def _times(self, found: Numbers) -> Sheet:
        facts = []
        if found.seconds:
            facts = [
                str(self._say[name]).format(span=self.span(found.within(share)))
                for name, share in (("half", 0.5), ("most", 0.9))
            ]
        rows = [
            {"name": str(name), "count": count}
            for name, count in zip(self._say["groups"], found.by_group(), strict=True)
        ]
        empty = "" if found.seconds else str(self._say["undecided"])
        return {"title": str(self._say["times"]), "facts": facts, "rows": rows, "empty": empty}

    def _reasons(self, found: Numbers) -> Sheet:
        named = found.reasons if len(found.reasons) <= MOST_REASONS else found.reasons[: MOST_REASONS - 1]
        rows = [{"name": self.reason(key), "count": count} for key, count in named]
        if rest := sum(count for _, count in found.reasons[len(named) :]):
            rows.append({"name": str(self._say["others"]), "count": rest})
        empty = "" if rows else str(self._say["none_rejected"])
        return {"title": str(self._say["reasons"]), "rows": rows, "empty": empty}


def voice(loaded: Loaded, language: str) -> Voice:
    """The voice of a language; the one that can be drawn with any font, where the programme does not speak it."""
    own = loaded.messages.get(language) or _reference()
    return Voice(loaded.programme, own, loaded.words.get(language, {}))


def sheets(loaded: Loaded, found: Numbers) -> list[Sheet]:
    """In the reviewers' language, and for a machine without a font for it in English."""
    languages = dict.fromkeys((loaded.programme.review.language, REFERENCE))
    return [voice(loaded, language).sheet(found) for language in languages]


@cache
def _reference() -> Words:
    text = (files("templates") / REFERENCE / "messages.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _thinned(funnel: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """What there is room for: the first and last steps, and of many questions those before which the most were lost."""
    questions = range(2, len(funnel) - 2)
    by_loss = sorted(questions, key=lambda place: (-lost(funnel)[place], place)) if questions else []
    kept = {*by_loss[:MOST_QUESTIONS], 0, 1, len(funnel) - 2, len(funnel) - 1}
    return [funnel[place] for place in sorted(kept)]


def _share(part: int, whole: int) -> str:
    return f"{round(100 * part / whole)}%" if whole else ""


def _readable(key: str) -> str:
    return key.replace("_", " ").capitalize()


def _cut(name: str) -> str:
    return name if len(name) <= NAME_LIMIT else f"{name[:NAME_LIMIT].rstrip()} …"
