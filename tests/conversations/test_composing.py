"""A form in which a reviewer composes a decision: his own, changing nothing for others until he decides."""

from typing import Any

import pytest

from conversations import Applicant
from conversations.application import Form
from conversations.composing import LONGEST_WORDS, MOST_REASONS
from conversations.effects import (
    Answer,
    Audit,
    Link,
    Refresh,
    RefreshForm,
    RefreshForms,
    RemoveReply,
    ShowForm,
    Wake,
)
from conversations.events import (
    Approved,
    Claimed,
    FormDecided,
    FormDropped,
    PreviewClosed,
    Previewed,
    ReasonMarked,
    Recalled,
    RejectionOpened,
    ReviewEvent,
    Undone,
    Withdrew,
    WordsWritten,
)
from conversations.programme import Programme, Reason
from conversations.state import Deciding, application_of
from tests.conversations.world import (
    ANA,
    APPLICATION,
    BEN,
    FORM,
    HIMSELF,
    PROGRAMME,
    STATES,
    names,
    person,
    turn,
)

RECEIPT = APPLICATION.receipt


def composed(*events: ReviewEvent, state: str = "rejecting", programme: Programme = PROGRAMME) -> Applicant:
    """Someone whose reviewers did this, one after another."""
    who = person(STATES[state])
    for event in events:
        who = turn(who, event, pressed=not isinstance(event, WordsWritten), programme=programme).applicant
    return who


def forms(who: Applicant) -> dict[str, Form]:
    application = application_of(who.state)
    assert application is not None
    return {form.by.name: form for form in application.forms}


def opened(by: Any = ANA) -> RejectionOpened:
    return RejectionOpened(by, chat_id=9)


def with_reasons(count: int) -> Programme:
    return PROGRAMME.model_copy(
        update={"reasons": tuple(Reason(key=f"r{number}") for number in range(count))}
    )


def test_the_group_opens_the_private_chat_and_the_card_stays_as_it_is() -> None:
    in_group = turn(person(STATES["rejecting"]), RejectionOpened(ANA), pressed=True)
    assert in_group.effects == (Answer(link=Link("long", RECEIPT)),)
    there = turn(in_group.applicant, opened())
    assert there.effects == (ShowForm(RECEIPT, 9, "ana"),)
    assert forms(there.applicant) == {"Ana": Form(by=ANA, outcome="rejected")}


def test_nothing_of_composing_is_seen_in_the_group() -> None:
    who = composed(opened())
    for event in (ReasonMarked(ANA, "+duplicate"), Previewed(ANA), PreviewClosed(ANA), FormDropped(ANA)):
        found = turn(who, event, pressed=True)
        assert RefreshForm(RECEIPT, "ana") in found.effects
        assert not any(isinstance(effect, Refresh | Audit) for effect in found.effects)
        who = found.applicant
    assert forms(who) == {}


def test_a_box_does_what_its_button_said_however_often_it_is_pressed() -> None:
    on, off = ReasonMarked(ANA, "+duplicate"), ReasonMarked(ANA, "-duplicate")
    assert forms(composed(opened(), on, on))["Ana"].reasons == ("duplicate",)
    assert forms(composed(opened(), on, off, off))["Ana"].reasons == ()


def test_each_reviewer_has_his_own_form_and_finds_it_again() -> None:
    who = composed(
        opened(),
        opened(BEN),
        ReasonMarked(ANA, "+duplicate"),
        ReasonMarked(BEN, "+incomplete"),
        WordsWritten(BEN, "Half is missing.", 8, 5),
        opened(BEN),
    )
    assert {name: (form.reasons, form.words) for name, form in forms(who).items()} == {
        "Ana": (("duplicate",), ""),
        "Ben": (("incomplete",), "Half is missing."),
    }


def test_a_form_decides_as_the_card_does_with_all_its_reasons_in_the_programmes_order() -> None:
    who = composed(
        opened(),
        ReasonMarked(ANA, "+incomplete"),
        ReasonMarked(ANA, "+not_legible"),
        WordsWritten(ANA, "  See\u200b page 2. ", 9, 5),
    )
    found = turn(who, FormDecided(ANA, "rejected"), pressed=True)
    state = found.applicant.state
    assert isinstance(state, Deciding)
    assert state.decision.reasons == ("not_legible", "incomplete")
    assert state.decision.words == "See page 2."
    assert state.application.forms == ()
    assert Audit("rejected", f"{RECEIPT} 1 ana not_legible incomplete") in found.effects
    assert {type(effect) for effect in found.effects} >= {Refresh, RefreshForms, Wake}


def test_his_words_leave_his_chat_once_they_are_in_the_form() -> None:
    taken = turn(composed(opened()), WordsWritten(ANA, "x" * LONGEST_WORDS, 9, 5))
    assert RemoveReply(9, 5) in taken.effects
    assert forms(taken.applicant)["Ana"].words == "x" * LONGEST_WORDS


@pytest.mark.parametrize(
    ("text", "said"), [("x" * (LONGEST_WORDS + 1), "words_too_long"), (" \u200b\n", "words_in_text")]
)
def test_words_that_cannot_be_taken_change_nothing_and_stay_in_his_chat(text: str, said: str) -> None:
    who = composed(opened(), WordsWritten(ANA, "as before", 9, 4))
    found = turn(who, WordsWritten(ANA, text, 9, 5))
    assert names(found) == [f"({said})"]
    assert not any(isinstance(effect, RemoveReply) for effect in found.effects)
    assert found.applicant.state == who.state


def test_without_a_reason_nothing_is_previewed_or_decided() -> None:
    who = composed(opened(), WordsWritten(ANA, "No.", 9, 5))
    for event in (Previewed(ANA), FormDecided(ANA, "rejected")):
        found = turn(who, event, pressed=True)
        assert names(found) == ["(reason_missing)"]
        assert found.applicant.state == who.state


def test_a_reason_that_the_programme_has_no_more_counts_no_more() -> None:
    who = composed(opened(), ReasonMarked(ANA, "+duplicate"))
    left = tuple(reason for reason in PROGRAMME.reasons if reason.key != "duplicate")
    programme = PROGRAMME.model_copy(update={"reasons": left})
    found = turn(who, FormDecided(ANA, "rejected"), pressed=True, programme=programme)
    assert names(found) == ["(reason_missing)"]


def test_only_so_many_reasons_are_taken_as_fit_into_one_message() -> None:
    programme = with_reasons(MOST_REASONS + 1)
    marks = [ReasonMarked(ANA, f"+r{number}") for number in range(MOST_REASONS)]
    who = composed(opened(), *marks, programme=programme)
    found = turn(who, ReasonMarked(ANA, f"+r{MOST_REASONS}"), pressed=True, programme=programme)
    assert names(found) == ["(too_many_reasons)"]
    assert len(forms(found.applicant)["Ana"].reasons) == MOST_REASONS
    assert names(turn(who, ReasonMarked(ANA, "+r0"), pressed=True, programme=programme)) == []


def test_a_form_decides_only_what_its_button_said() -> None:
    found = turn(
        composed(opened(), ReasonMarked(ANA, "+duplicate")), FormDecided(ANA, "approved"), pressed=True
    )
    assert names(found) == ["(outdated)"]
    assert not isinstance(found.applicant.state, Deciding)


def test_his_own_application_opens_no_form_and_takes_no_words() -> None:
    for event in (opened(HIMSELF), RejectionOpened(HIMSELF)):
        found = turn(person(STATES["rejecting"]), event, pressed=True)
        assert names(found) == ["(own_application)"]
        assert forms(found.applicant) == {}
    assert names(turn(composed(opened()), WordsWritten(HIMSELF, "x", 9, 5))) == ["(form_closed)"]


def test_who_was_refused_by_a_claim_may_neither_open_nor_decide() -> None:
    who = composed(opened(), ReasonMarked(ANA, "+duplicate"), Claimed(BEN), state="waiting")
    for event in (opened(), RejectionOpened(ANA), FormDecided(ANA, "rejected")):
        assert names(turn(who, event, pressed=True)) == ["(claimed_by_other)"]


@pytest.mark.parametrize("last", [Approved(BEN), Recalled(), Withdrew()])
def test_whatever_ends_the_review_ends_every_form(last: Any) -> None:
    who = composed(opened(), opened(BEN), ReasonMarked(ANA, "+duplicate"), state="waiting")
    after = turn(who, last, pressed=True).applicant
    assert "forms" not in str(after.model_dump(exclude_defaults=True))
    assert FORM.words not in after.model_dump_json()


def test_who_is_second_is_told_who_was_first_and_his_form_says_so() -> None:
    who = composed(opened(), ReasonMarked(ANA, "+duplicate"), Approved(BEN), state="waiting")
    for event in (
        FormDecided(ANA, "rejected"),
        ReasonMarked(ANA, "+incomplete"),
        WordsWritten(ANA, "x", 9, 5),
    ):
        found = turn(who, event, pressed=True)
        assert names(found) == ["(decided_first)"]
        assert RefreshForm(RECEIPT, "ana") in found.effects
        assert found.applicant.state == who.state


def test_an_undone_decision_leaves_no_form_and_every_one_says_so() -> None:
    who = composed(opened(), ReasonMarked(ANA, "+duplicate"), FormDecided(ANA, "rejected"))
    found = turn(who, Undone(BEN), pressed=True)
    assert RefreshForms(RECEIPT) in found.effects
    assert names(turn(found.applicant, FormDecided(ANA, "rejected"), pressed=True)) == ["(form_closed)"]
