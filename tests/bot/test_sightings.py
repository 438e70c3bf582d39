"""A message that was sent and never answered is looked for where it may stand, and nowhere else."""

from itertools import islice

from bot.sightings import REMEMBERED, SUPERGROUPS, Sightings

MEI, LIN = 5_000_001, 5_000_002


def test_what_was_sent_stands_among_the_numbers_that_nobody_has_seen() -> None:
    sightings = Sightings()
    sightings.see(MEI, 100)
    sightings.see(LIN, 102)  # one row for all private chats
    assert list(sightings.unseen(100, 3)) == [101, 103, 104, 105]


def test_a_supergroup_counts_for_itself() -> None:
    sightings = Sightings()
    sightings.see(MEI, 100)
    sightings.see(SUPERGROUPS - 7, 9_000)
    assert sightings.highest == 100


def test_what_is_remembered_does_not_grow_and_a_number_that_cannot_be_is_forgotten() -> None:
    sightings = Sightings()
    sightings.see(MEI, 2**31 - 1)
    for number in range(1, 10_000):
        sightings.see(MEI, number)
    assert len(sightings._seen) == REMEMBERED
    assert sightings.highest == 9_999
    assert list(islice(sightings.unseen(9_990, 3), 2)) == [10_000, 10_001]
