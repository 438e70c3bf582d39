"""Single promises of the dialogue that a wandering machine would not put into words."""

from datetime import timedelta

import pytest

from conversations.application import Draft, Picture, Pictured, View
from conversations.effects import (
    Answer,
    DropPhotos,
    FetchPhoto,
    RecordConsent,
    Redraw,
    Refresh,
)
from conversations.events import (
    CameEarly,
    ConsentGiven,
    ConsentRefused,
    Continued,
    EditAsked,
    LanguageAsked,
    LanguageChosen,
    Nudged,
    PhotoArrived,
    PhotoChecked,
    Recalled,
    Replied,
    Started,
    StatusAsked,
    SteppedBack,
    Submitted,
    Ticked,
)
from conversations.state import (
    Checking,
    Confirming,
    Consenting,
    Drafting,
    Reading,
    Waiting,
)
from tests.conversations.world import (
    ANA,
    ANSWERS,
    APPLICATION,
    DRAFT,
    NOW,
    PICTURE,
    PROGRAMME,
    STATES,
    agreed,
    labels,
    names,
    person,
    record,
    seen,
    turn,
    with_new_text,
    with_one_language,
    with_optional_consent,
    with_question,
    without,
)

DAY = timedelta(days=1)

# agreement and consents


def test_continue_without_the_tick_is_no_consent() -> None:
    found = turn(person(Reading()), Continued(), pressed=True)
    assert found.effects == (Answer("tick_first", alert=True),)
    assert found.applicant.agreed == {}


def test_tick_and_continue_are_recorded_with_the_text_that_was_shown() -> None:
    ticked = turn(person(Reading(), language="zh"), Ticked("on"), pressed=True).applicant
    found = turn(ticked, Continued(), pressed=True)
    record = found.applicant.agreed["agreement"]
    assert (record.language, record.act, record.at) == ("zh", "tick_and_continue", NOW)
    assert record.text_hash == PROGRAMME.document("agreement", "zh").hash
    assert RecordConsent(record) in found.effects
    assert found.applicant.state == Drafting(draft=Draft(), question="full_name")


def test_a_tick_on_a_copy_that_still_shows_no_tick_redraws_that_copy() -> None:
    found = turn(person(Reading(ticked=True)), Ticked("on"), pressed=True)
    redrawn = [effect for effect in found.effects if isinstance(effect, Redraw)]
    assert [effect.name for effect in redrawn] == ["agreement"]
    assert found.applicant.state == seen(Reading(ticked=True))


def test_another_language_takes_the_tick_back() -> None:
    ticked = person(Reading(ticked=True, page=1))
    assert turn(ticked, LanguageChosen("zh"), pressed=True).applicant.state == seen(Reading(), "zh")


def test_an_agreement_that_changed_is_asked_again_before_submitting() -> None:
    programme = with_new_text(PROGRAMME, "agreement", "Another sentence.")
    found = turn(person(STATES["confirming"]), Submitted(), pressed=True, programme=programme)
    assert found.applicant.state == seen(Reading(draft=DRAFT, changed=True), programme=programme)
    assert names(found) == ["agreement"]


def test_a_consent_whose_text_changed_is_asked_again_though_its_question_is_answered() -> None:
    old = {**agreed(), "identity_photo": agreed()["identity_photo"].model_copy(update={"text_hash": "old"})}
    found = turn(person(STATES["confirming"], agreed=old), Submitted(), pressed=True)
    assert found.applicant.state == seen(Consenting(draft=DRAFT, consent="identity_photo"))
    given = turn(found.applicant, ConsentGiven("identity_photo"), pressed=True)
    assert given.applicant.state == Confirming(draft=DRAFT)


def test_refusing_an_optional_consent_goes_on_and_is_not_asked_again() -> None:
    programme = with_optional_consent(PROGRAMME)
    draft = DRAFT.without("api_purpose")
    asked = person(seen(Consenting(draft=draft, consent="improvement"), programme=programme))
    found = turn(asked, ConsentRefused("improvement"), pressed=True, programme=programme)
    assert found.applicant.state == Drafting(
        draft=draft.model_copy(update={"declined": ("improvement",)}), question="api_purpose"
    )
    assert "improvement" not in found.applicant.agreed


def test_refusing_a_required_consent_keeps_the_draft() -> None:
    who = person(STATES["consenting"], agreed={"agreement": record("agreement")})
    found = turn(who, ConsentRefused("identity_photo"), pressed=True)
    assert found.applicant.state == seen(STATES["consenting"])
    assert names(found) == ["consent_needed"]


# questions


def test_a_reply_to_a_question_that_is_gone_is_no_answer_to_another() -> None:
    programme = without(PROGRAMME, "full_name")
    found = turn(person(STATES["drafting"]), Replied("Mei Okafor"), programme=programme)
    assert found.applicant.state == Drafting(draft=Draft(), question="email")
    assert names(found) == ["form_changed/ask"]


def test_a_question_added_under_a_waiting_summary_is_asked_before_submitting() -> None:
    short = without(PROGRAMME, "department")
    draft = DRAFT.without("department")
    who = person(Confirming(draft=draft))
    assert turn(who, StatusAsked(), programme=short).applicant.state == Confirming(draft=draft)
    found = turn(who, Submitted(), pressed=True)
    assert found.applicant.state == Drafting(draft=draft, question="department")


def test_an_option_made_required_is_asked_though_it_was_skipped() -> None:
    programme = with_question(PROGRAMME, "homepage", required=True)
    draft = DRAFT.without("homepage", skipped=True)
    found = turn(person(Confirming(draft=draft)), Submitted(), pressed=True, programme=programme)
    assert found.applicant.state == Drafting(draft=draft, question="homepage")


def test_editing_returns_to_the_summary() -> None:
    asked = turn(person(STATES["confirming"]), EditAsked("full_name"), pressed=True).applicant
    found = turn(asked, Replied("Mei A. Okafor"))
    assert isinstance(found.applicant.state, Confirming)
    assert found.applicant.state.draft.answers["email"] == ANSWERS["email"]


def test_back_from_an_edit_does_not_lose_the_answer() -> None:
    asked = turn(person(STATES["confirming"]), EditAsked("email"), pressed=True).applicant
    found = turn(asked, SteppedBack(), pressed=True)
    assert found.applicant.state == Drafting(draft=DRAFT, question="full_name")
    assert "same" in labels(found)


def test_what_came_before_the_question_is_on_its_way_is_told_once_in_a_step() -> None:
    found = turn(person(STATES["drafting"]), CameEarly(on_its_way=True))
    assert names(found) == ["came_too_soon"]
    assert turn(found.applicant, CameEarly(on_its_way=True)).effects == ()
    assert names(turn(found.applicant, CameEarly())) == ["came_early/ask"]


def test_one_language_leaves_nothing_to_choose() -> None:
    assert labels(turn(person(), Started("x"))) == ["tick:on", "decline", "go", "language"]
    alone = with_one_language(PROGRAMME, "en")
    assert labels(turn(person(), Started("x"), programme=alone)) == ["tick:on", "decline", "go"]
    assert names(turn(person(), LanguageAsked(), programme=alone)) == ["unknown_command"]


# the photo


def test_a_photo_is_fetched_as_an_errand_that_knows_its_attempt() -> None:
    found = turn(person(STATES["drafting a photo"], step=4), PhotoArrived("file"))
    assert found.effects == (FetchPhoto("file", "identity", "front", 5),)
    assert isinstance(found.applicant.state, Checking)


def test_of_an_album_only_the_first_picture_is_taken() -> None:
    first = turn(person(STATES["drafting a photo"]), PhotoArrived("one", album="a"))
    assert turn(first.applicant, PhotoArrived("two", album="a")).effects == ()


def test_a_result_that_nobody_waits_for_is_dropped() -> None:
    who = person(STATES["checking"])
    found = turn(who, PhotoChecked("identity", "front", 2, PICTURE))
    assert (found.applicant, found.effects) == (who, ())


def test_a_new_photo_takes_the_place_of_the_old_one() -> None:
    new = Picture(photo_id="new", width=900, height=600)
    found = turn(person(STATES["checking"]), PhotoChecked("identity", "front", 3, new))
    state = found.applicant.state
    assert isinstance(state, Confirming)
    assert state.draft.answers["identity"] == Pictured(variant="student", sides={"front": new})
    assert DropPhotos(("photo",)) in found.effects


def test_a_file_above_the_limit_is_not_fetched() -> None:
    found = turn(person(STATES["drafting a photo"]), PhotoArrived("file", size=20 * 2**20 + 1))
    assert names(found) == ["photo_too_big_file/ask"]


# submitting and after


def test_submitting_records_the_consent_again_and_gives_a_receipt() -> None:
    found = turn(person(STATES["confirming"]), Submitted(), pressed=True)
    state = found.applicant.state
    assert isinstance(state, Waiting)
    assert (state.application.receipt, state.application.revision) == ("UX-7K3M9QDF", 1)
    assert Refresh("UX-7K3M9QDF", anew=True) in found.effects
    assert [one.record.act for one in found.effects if isinstance(one, RecordConsent)] == [
        "submit_application"
    ]


def test_a_recalled_application_keeps_its_receipt_and_rises() -> None:
    views = (View(by=ANA, at=NOW),)
    waiting = Waiting(application=APPLICATION.model_copy(update={"views": views}))
    recalled = turn(person(waiting), Recalled(), pressed=True).applicant
    found = turn(recalled, Submitted(), pressed=True).applicant.state
    assert isinstance(found, Waiting)
    again = found.application
    assert (again.receipt, again.revision, again.round, again.views) == (APPLICATION.receipt, 2, 1, views)


@pytest.mark.parametrize("state", ["claimed", "rejecting", "deciding"])
def test_recall_is_over_once_a_reviewer_has_taken_it_up(state: str) -> None:
    found = turn(person(STATES[state]), Recalled(), pressed=True)
    assert found.effects == (Answer("too_late_to_recall", alert=True),)
    assert found.applicant.state == STATES[state]


def test_a_nudge_is_possible_once_a_period() -> None:
    who = person(STATES["waiting"])
    assert names(turn(who, Nudged(), pressed=True, now=NOW + 6 * DAY)) == ["(too_soon_to_nudge)"]
    nudged = turn(who, Nudged(), pressed=True, now=NOW + 7 * DAY)
    assert names(nudged) == ["(nudged)"]
    assert names(turn(nudged.applicant, Nudged(), pressed=True, now=NOW + 8 * DAY)) == ["(too_soon_to_nudge)"]
