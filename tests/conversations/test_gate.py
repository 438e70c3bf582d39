"""From when a further application is possible: what is said of it, and that it holds, to the moment."""

from datetime import datetime, timedelta

import pytest

from conversations import Applicant, Programme
from conversations.effects import Erase, Say
from conversations.events import Continued, ErasureConfirmed, Event, Started, StatusAsked
from conversations.state import Fresh, Reading, Settled
from tests.conversations.world import NOW, PROGRAMME, STATES, WORDING, labels, person, turn

DAY = timedelta(days=1)
OPENS = (NOW + 30 * DAY).replace(hour=0)  # the day that is named to him, from its beginning
BEFORE = OPENS - timedelta(microseconds=1)
NAMED = {"en": "1 April 2026", "zh": "2026年4月1日"}


def erased(who: Applicant, now: datetime = NOW) -> Applicant:
    """The same person as he comes back after /delete."""
    found = turn(who, ErasureConfirmed(), pressed=True, now=now)
    (erase,) = (one for one in found.effects if isinstance(one, Erase))
    return person(Fresh(), barred_until=erase.barred_until, language=who.language)


def said(who: Applicant, event: Event, now: datetime) -> str:
    found = turn(who, event, now=now)
    return "\n".join(WORDING.message(one, who.language) for one in found.effects if isinstance(one, Say))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("after", ["rejection", "deletion"])
def test_the_day_is_named_at_start_and_at_status_and_holds_to_the_moment(language: str, after: str) -> None:
    who = person(STATES["rejected"], language=language)
    if after == "deletion":
        who = erased(who)
    for event in (Started(), StatusAsked()):
        assert NAMED[language] in said(who, event, BEFORE)
    closed = turn(who, Continued(), now=BEFORE)
    assert closed.applicant.state == who.state
    assert "go" not in labels(turn(who, Started(), now=BEFORE))
    assert isinstance(turn(who, Continued(), now=OPENS).applicant.state, Reading)
    assert NAMED[language] not in said(who, StatusAsked(), OPENS)


def test_deleting_oneself_again_and_again_neither_shortens_nor_lengthens_the_wait() -> None:
    who = erased(person(STATES["rejected"]))
    for day in (3, 9, 29):
        who = erased(who, NOW + day * DAY)
        assert who.barred_until == OPENS
    assert erased(who, OPENS).barred_until is None


def test_a_clock_that_went_forward_and_back_leaves_the_gate_as_it_was() -> None:
    for who in (person(STATES["rejected"]), erased(person(STATES["rejected"]))):
        ahead = turn(who, StatusAsked(), now=NOW + 60 * DAY).applicant
        back = turn(ahead, Continued(), now=NOW + DAY).applicant
        assert back.state == who.state and back.barred_until == who.barred_until


def test_without_a_wait_one_may_apply_again_at_once() -> None:
    programme: Programme = PROGRAMME.model_copy(update={"reapply_days": 0})
    late = STATES["rejected"]
    assert isinstance(late, Settled)
    found = turn(person(late), Continued(), programme=programme)
    assert isinstance(found.applicant.state, Reading)
