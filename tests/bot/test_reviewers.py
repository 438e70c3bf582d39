"""Who may decide, and for how long that is believed."""

import pytest

from bot.reviewers import FRESH_SECONDS, Reviewers
from conversations.events import REVIEW_PRESSES
from conversations.programme import Review
from conversations.roles import ACTION_OF, ACTIONS, Action, May


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


# a role for an action

MAY = May.model_validate({"approve": "administrators", "return": (7,), "stats": "members"})


@pytest.mark.parametrize(
    ("user", "status", "rights"),
    [
        (7, "member", {"review": True, "approve": False, "return": True, "stats": True}),
        (8, "administrator", {"review": True, "approve": True, "return": False, "stats": True}),
        (9, "creator", {"review": True, "approve": True, "return": False, "stats": True}),
        (7, "left", {"review": False, "approve": False, "return": False, "stats": False}),
    ],
)
def test_what_is_named_has_its_own_role_and_all_else_follows_who(
    user: int, status: str, rights: dict[str, bool]
) -> None:
    reviewers = Reviewers(Review(may=MAY))
    reviewers.learn(user, status)
    actions: dict[str, Action | None] = {
        "review": None,
        "approve": "approve",
        "return": "return",
        "stats": "stats",
    }
    assert {name: reviewers.may(user, action) for name, action in actions.items()} == rights
    assert reviewers.may(user, "undo") is rights["review"]


def test_one_who_may_do_anything_reviews() -> None:
    reviewers = Reviewers(Review(who="administrators", may=May(look="members")))
    assert reviewers.reviews(7) is None
    reviewers.learn(7, "member")
    reviewers.learn(8, "left")
    assert (reviewers.may(7), reviewers.reviews(7), reviewers.reviews(8)) == (False, True, False)


def test_who_posts_as_the_group_has_what_every_administrator_has() -> None:
    reviewers = Reviewers(Review(who=(7,), may=May(look="administrators", stats="members")))
    found = [reviewers.may_every_administrator(action) for action in (None, "look", "stats", "approve")]
    assert found == [False, True, True, False]


def test_every_way_to_decide_and_to_look_asks_for_an_action_that_a_programme_can_name() -> None:
    assert set(ACTION_OF.values()) <= set(ACTIONS)
    deciding = {"approve", "reject", "because", "unreject", "long", "return", "undo", "tell", "view"}
    assert deciding <= set(REVIEW_PRESSES) & set(ACTION_OF)
    for action in ACTIONS:
        assert May.model_validate({action: "administrators"}).role(action) == "administrators"
        assert May().role(action) is None
