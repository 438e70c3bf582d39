"""How a language writes dates and lengths of time, by its table `format` in messages.toml."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any


class Spoken:
    """One language's way; `words` is its table."""

    def __init__(self, words: Mapping[str, Any]) -> None:
        self._words = words

    def day(self, at: date | str) -> str:
        """A date in words. A version may be a date, as "2025-03-07"; any other name of one stays as it is."""
        if isinstance(at, str):
            try:
                return self.day(date.fromisoformat(at))
            except ValueError:
                return at
        months = self._words.get("months", [])
        month = months[at.month - 1] if months else str(at.month)
        return str(self._words["day"]).format(day=at.day, month=month, year=at.year)

    def moment(self, at: datetime) -> str:
        """A date and a time of the day, in UTC."""
        at = at.astimezone(UTC)
        return str(self._words["moment"]).format(day=self.day(at), time=f"{at:%H:%M}")

    def ago(self, span: timedelta) -> str:
        """How long something has been there."""
        if span < timedelta(minutes=1):
            return str(self._words["just_now"])
        minutes = int(span.total_seconds() // 60)
        unit, count = ("days", minutes // 1440) if minutes >= 2880 else ("hours", minutes // 60)
        if minutes < 120:
            unit, count = "minutes", minutes
        return str(self._words["ago"]).format(span=str(self._words[unit]).format(n=count))

    def days(self, days: int) -> str:
        """How long something is kept, in whole years where it is some."""
        name, count = ("day", days) if days % 365 else ("year", days // 365)
        return str(self._words[f"one_{name}" if count == 1 else f"{name}s"]).format(n=count)
