"""New cards held back while too many wait: one digest stands for them, and they come a few at a time.

A group takes twenty messages a minute, edits included. Were hundreds of cards sent one after another, the edits after
a press would wait behind them and the reviewers would drown. So above a number of waiting cards only those go that
are let through: some when a reviewer asks, one when a card was decided, and one now and then in any case, so that all
of them come in the end.
"""

from dataclasses import dataclass

MOST = 60  # cards that may wait before they are held back; source: REQUIREMENTS, R4
FEW = 10  # so few are left, and the flood is over
AT_ONCE = 5  # cards that a reviewer is shown when he asks
EVERY = 15.0  # seconds between cards that come by themselves


def digest_fact(chat: int) -> str:
    """The name of the fact with the id of the digest that stands in a group."""
    return f"digest:{chat}"


@dataclass(slots=True)
class Flood:
    """One group's. `let_through`: how many held cards may go now."""

    is_on: bool = False
    let_through: int = 0

    def look(self, waiting: int) -> bool:
        """Whether it has begun or ended with so many cards waiting."""
        was_on = self.is_on
        self.is_on = waiting > (FEW if was_on else MOST)
        if was_on and not self.is_on:
            self.let_through = 0
        return self.is_on is not was_on

    def show(self, cards: int) -> None:
        """Let some more through."""
        if self.is_on:
            self.let_through += cards

    @property
    def holds(self) -> bool:
        """Whether no new card may go now."""
        return self.is_on and self.let_through <= 0

    def went(self) -> None:
        """A new card goes."""
        self.let_through = max(0, self.let_through - 1)
