"""Who may decide, and for how long that is believed."""

import pytest

from bot.reviewers import FRESH_SECONDS, Reviewers
from conversations.programme import Review


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("status", "member", "administrator"),
    [
        ("creator", True, True),
        ("administrator", True, True),
        ("member", True, False),
        ("restricted", True, False),
        ("left", False, False),
        ("kicked", False, False),
        ("something new", False, False),
    ],
)
def test_the_right_follows_the_standing(status: str, member: bool, administrator: bool) -> None:
    for who, right in (("members", member), ("administrators", administrator)):
        reviewers = Reviewers(Review(who=who))
        reviewers.learn(7, status)
        assert reviewers.may(7) is right


def test_someone_unknown_has_to_be_asked_for() -> None:
    assert Reviewers(Review()).may(7) is None


def test_nothing_is_believed_for_more_than_a_minute() -> None:
    clock = Clock()
    reviewers = Reviewers(Review(), clock)
    reviewers.learn(7, "member")
    clock.now += FRESH_SECONDS
    assert reviewers.may(7) is True
    clock.now += 0.1
    assert reviewers.may(7) is None
    assert FRESH_SECONDS <= 60


def test_an_update_counts_at_once() -> None:
    reviewers = Reviewers(Review())
    reviewers.learn(7, "member")
    reviewers.learn(7, "left")
    assert reviewers.may(7) is False


def test_a_listed_reviewer_must_be_in_the_group_as_well() -> None:
    reviewers = Reviewers(Review(who=(7, 8)))
    for user, status in ((7, "member"), (8, "left"), (9, "administrator")):
        reviewers.learn(user, status)
    assert [reviewers.may(user) for user in (7, 8, 9)] == [True, False, False]


def test_another_group_knows_nobody() -> None:
    reviewers = Reviewers(Review())
    reviewers.learn(7, "member")
    reviewers.forget_all()
    assert reviewers.may(7) is None


def test_memory_does_not_grow_without_end() -> None:
    reviewers = Reviewers(Review())
    for user in range(30_000):
        reviewers.learn(user, "member")
    assert len(reviewers._known) <= 10_001
    assert reviewers.may(29_999) is True
