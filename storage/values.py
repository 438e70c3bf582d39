"""How values stand in the database: times as text, and a question mark for each value of a list."""

from collections.abc import Sequence
from datetime import UTC, datetime


def stamp(at: datetime) -> str:
    """A time as it is stored: UTC, microseconds, comparable as text."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def unstamp(text: str) -> datetime:
    return datetime.fromisoformat(text)


def marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
