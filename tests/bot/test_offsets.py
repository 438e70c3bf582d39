"""Whatever numbers the updates claim to have: each is seen, and none is confirmed that was not."""

from hypothesis import given
from hypothesis import strategies as st

from bot.offsets import NEAR, Offsets

LIES = st.sampled_from([None, 0, 1, 2**31, 2**40, 2**62])
FAR = 10  # beyond the end, from where a number is ignored; source: as the local Telegram


class Queue:
    """What waits at Telegram: true numbers, and what each update says its number is."""

    def __init__(self, first: int, claims: list[int | None]) -> None:
        """`claims`: 5 for an update that tells its number, else what it says instead."""
        self.waiting = {
            first + place: first + place if claim == 5 else claim for place, claim in enumerate(claims)
        }
        self.end = first + len(claims)
        self.seen: set[int] = set()
        self.lost: set[int] = set()

    def ask(self, number: int) -> list[int | None]:
        if number <= self.end + FAR:
            gone = {one for one in self.waiting if one < number}
            self.lost |= gone - self.seen
            for one in gone:
                del self.waiting[one]
        return list(self.waiting.values())

    def see(self, places: int) -> None:
        self.seen |= set(list(self.waiting)[:places])


def emptied(queue: Queue, offsets: Offsets, rounds: int) -> None:
    last: object = None
    for _ in range(rounds):
        batch = queue.ask(offsets.next)
        if not batch:
            return
        believed = offsets.believed(batch)
        until = max((place for place, number in enumerate(believed) if number is not None), default=0) + 1
        queue.see(until)
        is_repeated, last = believed[:until] == last, believed[:until]
        offsets.advance(believed[:until], is_repeated)
    raise AssertionError(f"{len(queue.waiting)} still wait, next is {offsets.next}")


@given(st.integers(2_000_000, 2**30), st.lists(st.one_of(st.just(5), LIES), max_size=30))
def test_every_update_is_passed_and_none_unseen_whatever_numbers_they_claim(
    first: int, claims: list[int | None]
) -> None:
    offsets = Offsets()
    offsets.advance([first - 1], is_repeated=False)
    queue = Queue(first, claims)
    emptied(queue, offsets, 3 * len(claims) + 1)
    assert queue.lost == set()
    assert queue.waiting == {}


@given(st.integers(2_000_000, 2**30), st.integers(2_000_000, 2**30), st.integers(1, 150))
def test_numbers_that_begin_anew_are_believed(before: int, first: int, count: int) -> None:
    offsets = Offsets()
    offsets.advance([before], is_repeated=False)
    queue = Queue(first, [5] * count)
    emptied(queue, offsets, 4)
    if first > before or before - first > count + FAR:  # else Telegram itself takes them as confirmed
        assert queue.lost == set()
    assert offsets.next == first + count or not queue.seen


def test_what_is_repeated_although_it_was_confirmed_moves_nothing() -> None:
    offsets = Offsets()
    for is_repeated in (False, True, True, True):
        offsets.advance([5_000_000], is_repeated)
        assert offsets.next == 5_000_001


def test_a_number_among_others_that_cannot_be_is_not_believed() -> None:
    assert Offsets().believed([7, 1_000_000, None, 1_000_001]) == [None, 1_000_000, None, 1_000_001]
    assert Offsets().believed([1, 1 + NEAR]) == [1, 1 + NEAR]
