"""A made history of applications: what the audit log says of it, in its order, as one step after another adds to it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.statistics import History
from storage.statistics import Entry
from storage.values import stamp

NOW = datetime(2026, 3, 31, 15, 0, tzinfo=UTC)  # a Tuesday


@dataclass
class Made:
    """Times are days before NOW, or moments."""

    entries: list[Entry] = field(default_factory=list)

    def add(self, at: float | datetime, action: str, *detail: str) -> "Made":
        moment = at if isinstance(at, datetime) else NOW - timedelta(days=at)
        self.entries.append(Entry(stamp(moment), action, detail))
        return self

    def submitted(self, receipt: str, at: float | datetime, revision: int = 1) -> "Made":
        return self.add(at, "submitted", receipt, str(revision))

    def approved(self, receipt: str, at: float | datetime, number: int = 1) -> "Made":
        return self.add(at, "approved", receipt, str(number), "ref")

    def rejected(self, receipt: str, at: float | datetime, reason: str, number: int = 1) -> "Made":
        return self.add(at, "rejected", receipt, str(number), "ref", reason)

    def undone(self, receipt: str, at: float | datetime, number: int = 1) -> "Made":
        return self.add(at, "undone", receipt, str(number), "ref")

    def history(self) -> History:
        found = History()
        found.add(self.entries)
        return found
