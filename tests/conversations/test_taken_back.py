"""Consents that restored data do not know were taken back: what followed then follows now, and counts from then."""

from datetime import timedelta

import pytest

from conversations.application import Answer, without_forms
from conversations.effects import Audit, DropPhotos, EndConsents, HidePhotos, Refresh, Say
from conversations.events import ConsentsEnded, Withdrew
from conversations.keeping import goes_at
from conversations.photos import without_photos
from conversations.rights import has_ended
from conversations.state import Fresh, Open, Settled, Unsubmitted, draft_of
from tests.conversations.world import APPLICATION, NOW, PROGRAMME, STATES, person, turn

THEN = NOW - timedelta(days=2)
ALL = ConsentsEnded(THEN)
PHOTO = ConsentsEnded(THEN, "identity_photo")


@pytest.mark.parametrize("name", STATES)
def test_it_leads_where_the_withdrawal_led_without_a_word(name: str) -> None:
    who = person(STATES[name])
    found, then = turn(who, ALL, now=NOW), turn(who, Withdrew(), now=THEN)
    assert [one for one in found.effects if isinstance(one, Say)] == []
    assert EndConsents(THEN) in found.effects
    assert found.applicant.agreed == {}
    assert found.applicant.heard_at == who.heard_at
    assert [one.action for one in found.effects if isinstance(one, Audit)] == ["withdrawn"]
    if has_ended(STATES[name]):
        assert found.applicant.state == STATES[name]
        return
    assert found.applicant.state == then.applicant.state
    assert goes_at(PROGRAMME, found.applicant.model_copy(update={"heard_at": THEN})) == goes_at(
        PROGRAMME, then.applicant.model_copy(update={"heard_at": THEN})
    )
    kinds = Refresh, HidePhotos, DropPhotos
    assert [one for one in found.effects if isinstance(one, kinds)] == [
        one for one in then.effects if isinstance(one, kinds)
    ]


@pytest.mark.parametrize("name", STATES)
def test_twice_is_as_once(name: str) -> None:
    once = turn(person(STATES[name]), ALL, now=NOW).applicant
    again = turn(once, ALL, now=NOW)
    assert again.applicant == once
    assert isinstance(once.state, Fresh | Settled)
    assert {type(one) for one in again.effects} == {EndConsents, Audit}


@pytest.mark.parametrize("name", STATES)
def test_a_separate_consent_alone_ends_alone_and_reviewers_have_the_application_no_more(name: str) -> None:
    state = STATES[name]
    given = turn(person(state), PHOTO, now=NOW)
    assert [one for one in given.effects if isinstance(one, EndConsents)] == [
        EndConsents(THEN, "identity_photo")
    ]
    assert Audit("consent_withdrawn", "identity_photo again") in given.effects
    assert "identity_photo" not in given.applicant.agreed
    said = [one for one in given.effects if isinstance(one, Say)]
    if isinstance(state, Open):
        draft = draft_of(given.applicant.state)
        assert draft is not None
        assert draft.recalled == without_photos(without_forms(state.application))
        assert draft.answers == without_identity(state.application.answers)
        assert Refresh(APPLICATION.receipt) in given.effects
        assert HidePhotos(APPLICATION.receipt) in given.effects
        assert [note.name for one in said for note in one.notes] == ["recalled"]
    else:
        assert said == []
        assert isinstance(given.applicant.state, Unsubmitted) == isinstance(state, Unsubmitted)
        before, after = draft_of(state), draft_of(given.applicant.state)
        assert (after is None) == (before is None)
        if before and after:
            assert after.answers == without_identity(before.answers)
    held = isinstance(state, Open) or "identity" in getattr(draft_of(state), "answers", {})
    assert (DropPhotos(("photo",)) in given.effects) == held  # it goes with the consent that it stood on


def without_identity(answers: dict[str, Answer]) -> dict[str, Answer]:
    return {key: one for key, one in answers.items() if key != "identity"}
