"""Every step of an attempt is counted once: not again after going back, editing, resuming or taking it back."""

from collections import Counter
from datetime import timedelta

import pytest

from conversations import Applicant, Programme, advance
from conversations.effects import Tally
from conversations.events import (
    AgreementDeclined,
    ConsentGiven,
    ConsentRefused,
    Continued,
    DraftDeleted,
    EditAsked,
    ErasureConfirmed,
    Event,
    FellSilent,
    LanguageChosen,
    OptionChosen,
    PhotoArrived,
    PhotoChecked,
    Recalled,
    Replied,
    Skipped,
    Started,
    SteppedBack,
    Submitted,
    Ticked,
    Withdrew,
)
from conversations.rules import Scene
from conversations.state import Confirming, Drafting, Fresh, Waiting
from conversations.tallying import AGREED, STARTED, SUBMITTED, SUMMARY, question_step, steps
from tests.conversations.world import (
    APPLICATION,
    DRAFT,
    NOW,
    PICTURE,
    PROGRAMME,
    STATES,
    asked_when,
    person,
    with_question,
    without,
)

WRITTEN = {
    "full_name": "Mei Okafor",
    "email": "mei.okafor@example.edu",
    "university": "Lakeshore University of Technology",
    "department": "Department of Linguistics",
    "api_purpose": "I compare how well models transcribe endangered languages.",
}


class Walk:
    """One person, event after event, and what was counted."""

    def __init__(self, who: Applicant | None = None) -> None:
        self.who = who or person(Fresh())
        self.counted: Counter[str] = Counter()
        self.began: set[object] = set()
        self.now = NOW
        self.programme: Programme = PROGRAMME

    def on(self, *events: Event) -> "Walk":
        for event in events:
            self.now += timedelta(minutes=1)
            turn = advance(Scene(self.programme, self.who, self.now, "7K3M9QDF", pressed=True), event)
            self.who = turn.applicant
            for effect in turn.effects:
                if isinstance(effect, Tally):
                    self.counted[effect.step] += 1
                    self.began.add(effect.began)
        return self

    def begin(self) -> "Walk":
        return self.on(Started(), Ticked("on"), Continued())

    def reply(self, *keys: str) -> "Walk":
        return self.on(*(Replied(WRITTEN[key]) for key in keys))

    def photo(self) -> "Walk":
        self.on(ConsentGiven("identity_photo"), PhotoArrived("file"))
        assert self.who.state.kind == "checking"
        return self.on(PhotoChecked("identity", "front", self.who.state.attempt, PICTURE))

    def to_the_summary(self) -> "Walk":
        self.begin().reply("full_name", "email", "university").on(OptionChosen("doctoral"))
        return self.reply("department").photo().reply("api_purpose").on(Skipped(), Skipped())


def upto(step: str) -> dict[str, int]:
    """Every step up to that one, once."""
    every = steps(PROGRAMME)
    return dict.fromkeys(every[: every.index(step) + 1], 1)


def test_each_step_on_the_way_is_counted_when_it_is_reached() -> None:
    walk = Walk().on(Started())
    assert walk.counted == {STARTED: 1}
    assert walk.on(Ticked("on")).counted == {STARTED: 1}
    assert walk.on(Continued()).counted == upto(question_step("full_name"))
    assert walk.reply("full_name").counted == upto(question_step("email"))
    walk.reply("email", "university").on(OptionChosen("doctoral"))
    assert walk.counted == upto(question_step("department"))
    walk.reply("department")  # now the consent to the photo stands before the question
    assert walk.counted == upto(question_step("department"))
    walk.photo().reply("api_purpose").on(Skipped())
    assert walk.counted == upto(question_step("scenarios"))
    assert walk.on(Skipped()).counted == upto(SUMMARY)
    assert walk.on(Submitted()).counted == upto(SUBMITTED)
    assert walk.began == {NOW + timedelta(minutes=1)}
    assert walk.who.attempt is None


@pytest.mark.parametrize(
    "events",
    [
        (SteppedBack(), SteppedBack(), Started(), Continued(), Started()),
        (EditAsked("full_name"), Replied("Mei Ling Okafor"), EditAsked("email"), SteppedBack()),
        (Started(), Started(), Continued(), LanguageChosen("zh"), LanguageChosen("en")),
        (EditAsked("status"), OptionChosen("faculty")),  # another card is asked for: the photo once more
    ],
)
def test_going_back_editing_and_resuming_count_nothing_twice(events: tuple[Event, ...]) -> None:
    walk = Walk().to_the_summary()
    assert walk.on(*events).counted == upto(SUMMARY)


def test_taking_it_back_and_submitting_again_count_nothing() -> None:
    walk = Walk().to_the_summary().on(Submitted(), Recalled(), EditAsked("email"))
    walk.reply("email").on(Submitted(), Recalled(), Submitted())
    assert isinstance(walk.who.state, Waiting) and walk.who.state.application.revision == 3
    assert walk.counted == upto(SUBMITTED)


@pytest.mark.parametrize("end", [DraftDeleted(), AgreementDeclined(), FellSilent()])
def test_an_attempt_after_one_that_ended_counts_anew_from_its_own_day(end: Event) -> None:
    walk = Walk().on(Started())
    if isinstance(end, DraftDeleted):
        walk.on(Ticked("on"), Continued())
    if isinstance(end, FellSilent):
        walk.now += timedelta(days=5)
        walk.on(FellSilent())  # he is reminded
        walk.now += timedelta(days=PROGRAMME.retention.draft_days)
    before = walk.counted.copy()
    walk.on(end)
    assert walk.who.attempt is None and walk.counted == before
    walk.now += timedelta(days=3)
    walk.on(Started())
    assert walk.counted[STARTED] == 2
    assert walk.who.attempt is not None and walk.who.attempt.began == walk.now


def test_applying_again_is_another_attempt() -> None:
    walk = Walk(person(STATES["rejected"]))
    walk.now += timedelta(days=PROGRAMME.reapply_days + 1)
    assert walk.on(Continued()).counted == {STARTED: 1}


def test_a_withdrawn_or_erased_draft_leaves_what_was_counted() -> None:
    for end in (Withdrew(), ErasureConfirmed()):
        walk = Walk().to_the_summary()
        assert walk.on(end).counted == upto(SUMMARY)


def test_who_refuses_the_consent_has_not_reached_the_question() -> None:
    walk = Walk().begin().reply("full_name", "email", "university").on(OptionChosen("doctoral"))
    walk.reply("department").on(ConsentRefused("identity_photo"))
    assert walk.counted == upto(question_step("department"))


def test_a_question_that_is_not_asked_of_him_is_passed() -> None:
    walk = Walk()
    walk.programme = asked_when(PROGRAMME, "department")
    walk.begin().reply("full_name", "email", "university").on(OptionChosen("faculty"))
    assert walk.counted == upto(question_step("department"))
    assert walk.photo().counted == upto(question_step("api_purpose"))


def test_a_form_that_changes_under_an_attempt_counts_the_new_question_alone() -> None:
    walk = Walk()
    walk.programme = without(PROGRAMME, "department")
    walk.begin().reply("full_name", "email", "university").on(OptionChosen("doctoral"))
    walk.photo().reply("api_purpose").on(Skipped(), Skipped())
    assert walk.counted == {key: n for key, n in upto(SUMMARY).items() if key != question_step("department")}
    walk.programme = with_question(walk.programme, "department")
    walk.on(Submitted())
    assert isinstance(walk.who.state, Drafting)
    assert walk.counted == upto(SUMMARY)


def test_an_answer_out_of_order_does_not_count_what_lies_between() -> None:
    walk = Walk().begin().reply("full_name").on(EditAsked("api_purpose"))
    skipped = {question_step(key) for key in ("university", "status", "department", "identity")}
    assert upto(question_step("api_purpose")).keys() - walk.counted.keys() == skipped
    walk.reply("api_purpose", "email")  # he is led back to what is missing
    assert walk.counted == {key: 1 for key in upto(question_step("api_purpose")) if key not in skipped} | {
        question_step("university"): 1
    }


def test_a_draft_from_before_this_was_counted_counts_with_its_next_step() -> None:
    walk = Walk(person(Confirming(draft=DRAFT), attempt=None))
    walk.on(EditAsked("email"))
    assert walk.counted == upto(question_step("email"))
    walk = Walk(person(Confirming(draft=DRAFT), attempt=None))
    assert walk.on(Submitted()).counted == {}  # nothing of it was counted: then its end is not either
    recalled = person(Confirming(draft=DRAFT.model_copy(update={"recalled": APPLICATION})), attempt=None)
    assert Walk(recalled).on(EditAsked("email")).counted == {}


def test_every_step_of_the_form_is_named_once_in_its_order() -> None:
    assert steps(PROGRAMME)[:3] == (STARTED, AGREED, question_step("full_name"))
    assert len(set(steps(PROGRAMME))) == len(steps(PROGRAMME)) == len(PROGRAMME.questions) + 4
