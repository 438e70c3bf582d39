"""A returned application: what its owner may change, what he has to look at, and to whom it comes back."""

from datetime import timedelta
from typing import Any

import pytest

from conversations import Applicant, Programme
from conversations.application import Chosen, Draft, Form, Picture, Pictured, Written
from conversations.effects import Audit, HidePhotos, Refresh, Say
from conversations.events import (
    AnswerFlagged,
    AnswerKept,
    Approved,
    Claimed,
    CorrectionAsked,
    EditAsked,
    FellSilent,
    FormDecided,
    OptionChosen,
    PhotoArrived,
    PhotoChecked,
    ReasonMarked,
    Recalled,
    RejectionOpened,
    Replied,
    ReturnOpened,
    ReviewEvent,
    SideOffered,
    Skipped,
    SteppedBack,
    Submitted,
    ToldNow,
    Undone,
    UndoWindowPassed,
    Withdrew,
    WordsWritten,
)
from conversations.keeping import goes_at
from conversations.returning import handed_back, left_to_do, may_change
from conversations.review import PRESSES
from conversations.state import (
    Checking,
    Confirming,
    Deciding,
    Drafting,
    Settled,
    Waiting,
    application_of,
    draft_of,
)
from tests.conversations.world import (
    ANA,
    APPLICATION,
    BEN,
    CHANGES,
    NOW,
    PICTURE,
    PROGRAMME,
    RETURN,
    STATES,
    labels,
    names,
    person,
    turn,
)

RECEIPT = APPLICATION.receipt
ALL = [question.key for question in PROGRAMME.questions]


def returned(*questions: str) -> Applicant:
    """Someone who was told that he is to look at these answers again."""
    decision = RETURN.model_copy(update={"questions": questions or RETURN.questions})
    return person(Confirming(draft=handed_back(APPLICATION, decision)))


def draft_in(who: Applicant) -> Draft:
    draft = draft_of(who.state)
    assert draft is not None
    return draft


def after(who: Applicant, *events: Any, programme: Programme = PROGRAMME) -> Applicant:
    for event in events:
        pressed = not isinstance(event, Replied | PhotoArrived | PhotoChecked | WordsWritten)
        who = turn(who, event, pressed=pressed, programme=programme).applicant
    return who


# composing it


def composed(*events: ReviewEvent) -> Form:
    who = after(person(STATES["waiting"]), ReturnOpened(ANA, chat_id=9), *events)
    application = application_of(who.state)
    assert application is not None
    return application.forms[0]


def test_a_reason_ticks_the_answers_it_is_about_and_takes_its_own_ticks_with_it() -> None:
    both = (ReasonMarked(ANA, "+name_differs"), ReasonMarked(ANA, "+expired_id"))
    assert composed(*both).questions == ("full_name", "identity")
    assert composed(*both, ReasonMarked(ANA, "-name_differs")).questions == ("identity",)
    assert composed(*both, AnswerFlagged(ANA, "-identity"), AnswerFlagged(ANA, "+email")).questions == (
        "full_name",
        "email",
    )


def test_what_was_composed_as_a_rejection_keeps_its_reasons_and_words_as_a_return() -> None:
    who = after(
        person(STATES["rejecting"]),
        RejectionOpened(ANA, chat_id=9),
        ReasonMarked(ANA, "+name_differs"),
        WordsWritten(ANA, "Look.", 9, 5),
        ReturnOpened(ANA, chat_id=9),
    )
    application = application_of(who.state)
    assert application is not None
    expected = Form(
        by=ANA,
        outcome="returned",
        reasons=("name_differs",),
        words="Look.",
        questions=("full_name", "identity"),
    )
    assert application.forms == (expected,)
    assert names(turn(who, FormDecided(ANA, "rejected"), pressed=True)) == ["(outdated)"]


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ((ReasonMarked(ANA, "+duplicate"),), "answers_missing"),
        ((AnswerFlagged(ANA, "+email"),), "why_missing"),
    ],
)
def test_a_return_says_what_is_to_be_changed_and_why(events: tuple[ReviewEvent, ...], said: str) -> None:
    who = after(person(STATES["waiting"]), ReturnOpened(ANA, chat_id=9), *events)
    assert names(turn(who, FormDecided(ANA, "returned"), pressed=True)) == [f"({said})"]


def test_a_return_can_be_undone_and_is_told_like_any_decision() -> None:
    who = after(
        person(STATES["waiting"]),
        ReturnOpened(ANA, chat_id=9),
        AnswerFlagged(ANA, "+department"),
        WordsWritten(ANA, "Which one?", 9, 5),
    )
    found = turn(who, FormDecided(ANA, "returned"), pressed=True)
    assert isinstance(found.applicant.state, Deciding)
    assert Audit("returned", f"{RECEIPT} 1 ana") in found.effects
    assert isinstance(turn(found.applicant, Undone(BEN), pressed=True).applicant.state, Waiting)
    told = turn(found.applicant, ToldNow(BEN), pressed=True)
    assert sorted(names(told)) == ["(told)", "returned"]
    for effect in (Refresh(RECEIPT), HidePhotos(RECEIPT), Audit("told", f"{RECEIPT} ben")):
        assert effect in told.effects
    assert labels(told) == ["edit:department"]


# while its owner has it


@pytest.mark.parametrize("kind", PRESSES)
def test_no_press_of_a_reviewer_decides_what_is_returned(kind: type[ReviewEvent]) -> None:
    who = returned()
    found = turn(who, kind(ANA, *(("duplicate",) if kind.verb == "because" else ())), pressed=True)
    assert names(found) == ["(not_under_review)"]
    assert found.applicant.state == who.state


@pytest.mark.parametrize("key", ALL)
def test_only_what_was_asked_for_can_be_changed(key: str) -> None:
    who = returned("department", "identity")
    for state in (who, after(who, EditAsked("department"))):
        found = turn(state, EditAsked(key), pressed=True)
        if key in ("department", "identity"):
            assert isinstance(found.applicant.state, Drafting)
            assert found.applicant.state.question == key
        else:
            assert names(found) == ["(not_asked_for)"]
            assert found.applicant.state == state.state


def test_a_further_side_of_the_card_counts_as_a_change_too() -> None:
    assert names(turn(returned("department"), SideOffered("back"), pressed=True)) == ["(not_asked_for)"]
    assert isinstance(turn(returned("identity"), SideOffered("back"), pressed=True).applicant.state, Drafting)


def test_stepping_back_leads_to_the_checklist_and_never_to_another_answer() -> None:
    who = returned("department", "homepage")
    asked = after(who, EditAsked("homepage"))
    assert isinstance(turn(asked, SteppedBack(), pressed=True).applicant.state, Confirming)
    assert names(turn(who, SteppedBack(), pressed=True)) == ["(nothing_before)"]
    owed = turn(person(STATES["consenting anew before that"]), SteppedBack(), pressed=True)
    assert isinstance(owed.applicant.state, Confirming)


def test_correct_shows_the_checklist_alone() -> None:
    found = turn(after(returned("department"), EditAsked("department")), CorrectionAsked())
    assert names(found)[-1] == "returned"
    assert labels(found) == ["edit:department"]


def test_each_is_ticked_by_an_answer_by_keeping_it_or_by_leaving_it_out() -> None:
    who = returned("department", "api_purpose", "homepage")
    who = after(who, EditAsked("department"), Replied("School of Informatics"))
    assert [one.key for one in left_to_do(PROGRAMME, draft_in(who))] == ["api_purpose", "homepage"]
    who = after(who, EditAsked("api_purpose"), AnswerKept(), EditAsked("homepage"))
    assert "submit" not in labels(turn(who, SteppedBack(), pressed=True))
    found = turn(who, Skipped(), pressed=True)
    assert labels(found) == ["edit:department", "edit:api_purpose", "edit:homepage", "submit"]


def test_nothing_is_submitted_before_all_of_it_was_looked_at() -> None:
    found = turn(returned("department", "homepage"), Submitted(), pressed=True)
    assert names(found) == ["something_missing/returned"]
    assert isinstance(found.applicant.state, Confirming)


def test_what_was_asked_stands_beside_the_question() -> None:
    decision = RETURN.model_copy(
        update={"questions": ("department", "identity", "full_name"), "reasons": ("expired_id", "incomplete")}
    )
    who = person(Confirming(draft=handed_back(APPLICATION, decision)))
    beside = {}
    for key in decision.questions:
        found = turn(who, EditAsked(key), pressed=True)
        (say,) = (effect for effect in found.effects if isinstance(effect, Say))
        beside[key] = (say.values["asked_for"], say.values["written"])
    assert beside == {
        "department": (("incomplete",), "More, please."),
        "identity": (("expired_id", "incomplete"), "More, please."),
        "full_name": (("incomplete",), "More, please."),
    }


def test_another_photo_is_taken_without_pressing_its_button_where_one_is_asked_for() -> None:
    sent = turn(returned("identity"), PhotoArrived("new", 1000))
    assert isinstance(sent.applicant.state, Checking)
    assert names(turn(returned("department"), PhotoArrived("new", 1000))) == ["photo_not_asked"]
    attempt = sent.applicant.state.attempt
    picture = Picture(photo_id="new", width=9, height=9)
    taken = turn(sent.applicant, PhotoChecked("identity", "front", attempt, picture))
    assert draft_in(taken.applicant).done == ("identity",)
    assert Audit("photos_dropped", "replaced") in taken.effects


def test_what_follows_from_a_change_can_be_changed_too() -> None:
    """Another status wants another card, though nobody asked for that."""
    who = after(returned("status"), EditAsked("status"), OptionChosen("faculty"))
    assert isinstance(who.state, Drafting) and who.state.question == "identity"
    who = after(who, PhotoArrived("new", 1000))
    assert isinstance(who.state, Checking)
    picture = Picture(photo_id="new", width=9, height=9)
    who = after(who, PhotoChecked("identity", "front", who.state.attempt, picture))
    identity = PROGRAMME.question("identity")
    assert identity is not None
    assert isinstance(who.state, Confirming)
    assert may_change(PROGRAMME, draft_in(who), identity)
    found = turn(who, Submitted(), pressed=True).applicant.state
    assert isinstance(found, Waiting) and found.application.returned is not None
    assert set(found.application.returned.answers) == {"status", "identity"}


def test_what_is_asked_no_more_need_not_be_looked_at() -> None:
    programme = CHANGES["removed"](PROGRAMME, "department")
    who = after(returned("department", "homepage"), EditAsked("homepage"), AnswerKept(), programme=programme)
    assert isinstance(turn(who, Submitted(), pressed=True, programme=programme).applicant.state, Waiting)


# coming back


def test_it_comes_back_to_who_returned_it_with_the_answers_as_they_were() -> None:
    who = after(
        returned("department", "identity", "homepage"),
        EditAsked("department"),
        Replied("School of Informatics"),
        EditAsked("identity"),
        AnswerKept(),
        EditAsked("homepage"),
        AnswerKept(),
    )
    found = turn(who, Submitted(), pressed=True)
    state = found.applicant.state
    assert isinstance(state, Waiting)
    application = state.application
    assert (application.receipt, application.revision, application.claimed_by) == (RECEIPT, 2, ANA)
    assert Refresh(RECEIPT, anew=True) in found.effects
    assert application.returned is not None
    assert application.returned.decision.words == "More, please."
    assert application.returned.answers["department"] == Written(text="Department of Linguistics")
    assert set(application.returned.answers) == {"department", "identity", "homepage"}
    for question in ALL:
        if question != "department":
            assert application.answers[question] == APPLICATION.answers[question]
    assert names(turn(found.applicant, Approved(BEN), pressed=True)) == ["(claimed_by_other)"]
    assert isinstance(after(found.applicant, Claimed(BEN), Approved(BEN)).state, Deciding)


def test_earlier_answers_go_with_the_next_decision_and_with_a_withdrawal() -> None:
    again = person(STATES["submitted again"])
    assert application_of(again.state).returned is not None  # type: ignore[union-attr]
    for ends in ((Approved(ANA), ToldNow(ANA)), (Withdrew(),)):
        ended = after(again, *ends)
        assert isinstance(ended.state, Settled)
        assert ended.state.application.returned is None
    gone = after(returned(), Withdrew())
    assert isinstance(gone.state, Settled)
    assert gone.state.application.returned is None


def test_taken_back_by_its_owner_after_that_all_of_it_is_open_and_reviewers_still_see_what_they_asked() -> (
    None
):
    who = after(person(STATES["submitted again"]), Recalled())
    draft = draft_in(who)
    assert draft.returned is None
    assert isinstance(turn(who, EditAsked("full_name"), pressed=True).applicant.state, Drafting)
    found = turn(who, Submitted(), pressed=True).applicant.state
    assert isinstance(found, Waiting)
    assert found.application.returned == application_of(STATES["submitted again"]).returned  # type: ignore[union-attr]
    assert found.application.claimed_by is None


# time


def test_his_time_counts_from_the_return_not_from_his_last_word() -> None:
    who = person(STATES["deciding to return"], reminded=2)
    later = NOW + timedelta(days=200)
    told = turn(who, UndoWindowPassed(RECEIPT, 0), now=later).applicant
    assert isinstance(told.state, Confirming)
    assert goes_at(PROGRAMME, told) == later + timedelta(days=PROGRAMME.retention.draft_days)
    assert told.reminded == 0


def test_a_return_that_a_restore_lost_is_told_again_since_it_asks_for_something() -> None:
    found = turn(person(STATES["deciding to return"]), UndoWindowPassed(RECEIPT, 0, told=True))
    assert names(found) == ["returned"]
    assert Audit("told", f"{RECEIPT} restore") in found.effects


def test_left_alone_it_is_withdrawn_and_says_so() -> None:
    late = NOW + timedelta(days=PROGRAMME.retention.draft_days)
    reminded = turn(returned(), FellSilent(), now=NOW + timedelta(days=5)).applicant
    found = turn(reminded, FellSilent(), now=late)
    assert names(found) == ["return_expired/withdrawn"]


def test_the_same_photo_is_no_other_and_an_unanswered_option_is_none() -> None:
    """What the card is to show needs the answers as they were, whatever kind they are of."""
    answers = {**APPLICATION.answers, "status": Chosen(option="doctoral")}
    draft = handed_back(APPLICATION.model_copy(update={"answers": answers}), RETURN)
    assert isinstance(draft.answers["identity"], Pictured)
    assert draft.answers["identity"].sides == {"front": PICTURE}
    assert draft.recalled is not None and draft.recalled.returned is not None
    assert draft.recalled.returned.answers == {}  # they stand where they always did
