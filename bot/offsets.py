"""Which number to ask Telegram for next, whatever numbers the updates themselves claim to have.

Asking for a number confirms every update below it (source: Bot API, getUpdates). Numbers rise, and those that wait
together are near each other; so one that does not fit among the others is not believed, and nothing is confirmed that
was not seen. A number that stands alone and far off may be true all the same, since numbers begin anew after a quiet
week: it is believed when the update is still there after the one that was expected has been passed.
"""

from collections.abc import Sequence

NEAR = 100_000  # numbers that can wait together: Telegram keeps so many updates


class Offsets:
    """The way through the queue. `next` is what to ask for; 0 until a number is known."""

    def __init__(self) -> None:
        self.next = 0
        self._head = 0  # the lowest number the first in the queue may have
        self._leapt = False

    def believed(self, numbers: Sequence[int | None]) -> list[int | None]:
        """The numbers of a batch in the order of the queue, without those that do not fit among the others."""
        claims = [number for number in numbers if number is not None]
        if not claims or max(claims) - min(claims) <= NEAR:
            return list(numbers)
        usual = max(claims, key=lambda one: (sum(_near(one, two) for two in claims), -abs(one - self._head)))
        return [number if number is not None and _near(number, usual) else None for number in numbers]

    def advance(self, believed: Sequence[int | None], is_repeated: bool) -> None:
        """A batch was taken. `is_repeated`: it is what stood there before, although it was confirmed.

        When no number is known, only the first is passed: its number is the one expected, or a higher one.
        """
        last = max((number for number in believed if number is not None), default=None)
        if last is not None and (not self._head or _near(last, self._head) or _near(last, self.next)):
            self._head = self.next = last + 1
            return
        self._leapt = is_repeated and not self._leapt
        if last is not None and self._leapt:
            self.next = last + 1
        elif self._head:
            self._head = self.next = self._head + 1


def _near(one: int, two: int) -> bool:
    return abs(one - two) <= NEAR
