"""The decision, applying again, leaving, and what the clock does."""

from datetime import datetime, timedelta

import pytest

from conversations import Applicant, Programme
from conversations.application import Closed, Picture, Pictured, View
from conversations.effects import (
    Answer,
    Audit,
    DropPhotos,
    Erase,
    ForgetApplication,
    HidePhotos,
    Link,
    Refresh,
    ShowPhoto,
    Wake,
)
from conversations.events import (
    Approved,
    Claimed,
    Continued,
    DataAsked,
    DataRestored,
    DraftDeleted,
    ErasureConfirmed,
    ErasureOrdered,
    Event,
    FellSilent,
    PhotoOpened,
    PrivacyAsked,
    Recalled,
    Rejected,
    RejectionBegun,
    Started,
    Undone,
    UndoWindowPassed,
    Withdrew,
)
from conversations.keeping import NOTICE, due_at, goes_at, goings
from conversations.state import (
    Announced,
    Confirming,
    Deciding,
    Fresh,
    Reading,
    Rejecting,
    Settled,
    Waiting,
    draft_of,
)
from tests.conversations.world import (
    ANA,
    APPLICATION,
    BEN,
    DRAFT,
    HIMSELF,
    NOW,
    PROGRAMME,
    STATES,
    closed,
    labels,
    names,
    person,
    seen,
    turn,
)
from tests.ledger import Ledger

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def told(day: float) -> Announced:
    """On the day counted from `NOW`, at which he was told so."""
    return Announced(goes_at=NOW + day * DAY, told_at=NOW)


TOLD_OF_ALL = {"draft": told(900), "photos": told(900), APPLICATION.receipt: told(900)}


def kept_for(**days: int) -> Programme:
    """The programme with other periods."""
    return PROGRAMME.model_copy(update={"retention": PROGRAMME.retention.model_copy(update=days)})


# consents

ENDS: dict[str, tuple[str, Event, str]] = {
    "a draft is deleted": ("confirming", DraftDeleted(), "draft_deleted"),
    "a draft expires": ("confirming", FellSilent(), "expired"),
    "a recalled application expires": ("confirming a recalled one", FellSilent(), "withdrawn"),
    "it is withdrawn": ("waiting", Withdrew(), "withdrawn"),
    "a draft is withdrawn": ("drafting a photo", Withdrew(), "withdrawn"),
    "he applies again": ("rejected", Continued(), "applied_again"),
    "everything is deleted": ("approved", ErasureConfirmed(), "erased"),
    "everything is kept for its time": ("approved", FellSilent(), "erased"),
    "an operator erases him": ("waiting", ErasureOrdered(), "erased"),
}


@pytest.mark.parametrize("way", ENDS)
def test_whatever_ends_consents_ends_them_in_the_ledger_at_that_moment_and_the_audit_log_says_by_what(
    way: str,
) -> None:
    state, event, action = ENDS[way]
    now = NOW + 1000 * DAY
    who = person(STATES[state], reminded=2, announced=TOLD_OF_ALL)
    assert who.agreed
    ledger = Ledger.of(who)
    found = turn(who, event, pressed=True, now=now)
    ledger.take(found.effects, now)
    assert (ledger.standing, found.applicant.agreed) == ([], {})
    assert {act.ended_at for act in ledger.acts} == {now}
    entered = [effect.action for effect in found.effects if isinstance(effect, Audit)]
    entered += [
        "erased" for effect in found.effects if isinstance(effect, Erase)
    ]  # entered where it is carried out
    assert action in entered


# the decision


def test_a_decision_is_told_when_the_time_to_undo_has_passed() -> None:
    decided = turn(person(STATES["waiting"]), Approved(ANA), pressed=True)
    tell_at = NOW + timedelta(seconds=PROGRAMME.review.undo_seconds)
    assert names(decided) == ["(approved)"]
    assert Wake(tell_at, APPLICATION.receipt, 1) in decided.effects
    event = UndoWindowPassed(APPLICATION.receipt, 1)
    early = turn(decided.applicant, event)
    assert early.effects == (Wake(tell_at, APPLICATION.receipt, 1),)
    told = turn(decided.applicant, event, now=tell_at)
    assert names(told) == ["approved"]
    assert turn(told.applicant, event, now=tell_at).effects == ()


@pytest.mark.parametrize("period", [3, 10, 180])
def test_a_decision_that_was_told_before_data_were_lost_is_closed_without_a_word(period: int) -> None:
    """It ended when it was told; and of what is overdue by that he is told when it goes, as any other."""
    state, programme, now = STATES["deciding"], kept_for(rejected_days=period), NOW + 20 * DAY
    assert isinstance(state, Deciding)
    rejected = state.decision.model_copy(update={"outcome": "rejected", "reasons": ("incomplete",)})
    who = person(state.model_copy(update={"decision": rejected}))
    event = UndoWindowPassed(APPLICATION.receipt, APPLICATION.round, told=True)
    quiet = turn(who, event, now=now, programme=programme)
    aloud = turn(who, UndoWindowPassed(APPLICATION.receipt, APPLICATION.round), now=now, programme=programme)
    is_overdue = period < 20
    assert names(quiet) == ["retention_near"] * is_overdue  # not that it ended
    assert (names(aloud), quiet.applicant.step) == (["rejected"], aloud.applicant.step)
    assert Audit("told", f"{APPLICATION.receipt} restore") in quiet.effects
    for effect in (Refresh(APPLICATION.receipt), HidePhotos(APPLICATION.receipt)):
        assert effect in quiet.effects
    after = quiet.applicant.state
    assert isinstance(after, Settled)
    assert after.closed.at == state.tell_at
    assert goes_at(programme, quiet.applicant) == max(now + NOTICE, state.tell_at + period * DAY)
    soon = turn(quiet.applicant, FellSilent(), now=now + NOTICE - HOUR, programme=programme)
    assert not any(isinstance(effect, Erase) for effect in soon.effects)
    other = turn(who, UndoWindowPassed(APPLICATION.receipt, APPLICATION.round + 1, told=True), now=now)
    assert (other.applicant, other.effects) == (who, ())
    assert turn(quiet.applicant, event, now=now).effects == ()


def test_an_undone_decision_is_never_told() -> None:
    decided = turn(person(STATES["waiting"]), Approved(ANA), pressed=True).applicant
    undone = turn(decided, Undone(BEN), pressed=True).applicant
    found = turn(undone, UndoWindowPassed(APPLICATION.receipt, 1), now=NOW + DAY)
    assert found.effects == ()
    assert isinstance(found.applicant.state, Waiting)


def test_the_window_of_an_undone_decision_does_not_tell_the_next_one() -> None:
    first = turn(person(STATES["waiting"]), Approved(ANA), pressed=True).applicant
    undone = turn(first, Undone(ANA), pressed=True).applicant
    second = turn(undone, Approved(ANA), pressed=True, now=NOW + DAY).applicant
    found = turn(second, UndoWindowPassed(APPLICATION.receipt, 1), now=NOW + DAY)
    assert isinstance(found.applicant.state, Deciding)
    assert found.effects == ()


def test_the_second_to_decide_is_told_who_was_first() -> None:
    decided = turn(person(STATES["waiting"]), Approved(ANA), pressed=True).applicant
    found = turn(decided, RejectionBegun(BEN), pressed=True)
    assert names(found) == ["(decided_first)"]
    assert found.applicant.state == decided.state


def test_a_reason_that_is_not_declared_decides_nothing() -> None:
    found = turn(person(STATES["rejecting"]), Rejected(ANA, "nothing"), pressed=True)
    assert names(found) == ["(outdated)"]
    assert isinstance(found.applicant.state, Rejecting)


@pytest.mark.parametrize(
    "event", [Approved(HIMSELF), RejectionBegun(HIMSELF), Claimed(HIMSELF), PhotoOpened(HIMSELF)]
)
def test_nobody_reviews_his_own_application(event: Approved) -> None:
    found = turn(person(STATES["waiting"]), event, pressed=True)
    assert names(found) == ["(own_application)"]
    assert found.applicant.state == STATES["waiting"]


def test_a_claim_keeps_others_from_deciding() -> None:
    assert names(turn(person(STATES["claimed"]), Approved(BEN), pressed=True)) == ["(claimed_by_other)"]
    taken_over = turn(person(STATES["claimed"]), Claimed(BEN), pressed=True).applicant
    assert names(turn(taken_over, Approved(BEN), pressed=True)) == ["(approved)"]


def test_a_look_at_the_photo_is_recorded() -> None:
    opened = turn(person(STATES["waiting"]), PhotoOpened(ANA), pressed=True)
    assert opened.effects == (Answer(link=Link("view", APPLICATION.receipt)),)
    found = turn(person(STATES["waiting"]), PhotoOpened(ANA, chat_id=5))
    state = found.applicant.state
    assert isinstance(state, Waiting)
    assert state.application.views == (View(by=ANA, at=NOW),)
    assert found.effects == (
        ShowPhoto(APPLICATION.receipt, 5, ANA),
        Audit("photo_viewed", f"{APPLICATION.receipt} {ANA.ref}"),
    )


# again, and leaving


def test_one_may_apply_again_when_the_wait_is_over_and_the_old_photo_goes() -> None:
    who = person(STATES["rejected"])
    soon = turn(who, Continued(), now=NOW + 29 * DAY)
    assert soon.applicant.state == STATES["rejected"]
    found = turn(who, Continued(), now=NOW + 30 * DAY)
    assert found.applicant.state == seen(Reading())
    assert found.applicant.agreed == {}
    assert [one.receipt for one in found.applicant.past] == [APPLICATION.receipt]
    assert DropPhotos(("photo",)) in found.effects


def test_the_approved_do_not_apply_again() -> None:
    found = turn(person(STATES["approved"]), Continued(), now=NOW + 400 * DAY)
    assert found.applicant.state == STATES["approved"]


def test_erasing_oneself_does_not_shorten_the_wait() -> None:
    found = turn(person(STATES["rejected"]), ErasureConfirmed(), pressed=True)
    assert [one for one in found.effects if isinstance(one, Erase)] == [
        Erase("asked", (NOW + 30 * DAY).replace(hour=0), "erased")
    ]
    barred = person(Fresh(), barred_until=NOW + 30 * DAY)
    assert names(turn(barred, Started())) == ["barred"]
    assert turn(barred, Started(), now=NOW + 30 * DAY).applicant.state == seen(Reading())


def test_erasing_after_anything_else_bars_nobody() -> None:
    for name, state in STATES.items():
        if "rejected" not in name:
            found = turn(person(state), ErasureConfirmed(), pressed=True)
            assert [one for one in found.effects if isinstance(one, Erase)] == [
                Erase("asked", None, "erased")
            ]


def test_withdrawing_closes_the_application_and_hides_its_photo() -> None:
    found = turn(person(STATES["waiting"]), Withdrew(), pressed=True)
    assert found.applicant.state == Settled(
        application=APPLICATION,
        closed=Closed(receipt=APPLICATION.receipt, outcome="withdrawn", submitted_at=NOW, at=NOW),
    )
    assert HidePhotos(APPLICATION.receipt) in found.effects
    assert found.applicant.agreed == {}


def test_whoever_takes_his_application_back_takes_its_photo_from_every_reviewers_chat() -> None:
    found = turn(person(STATES["waiting"]), Recalled(), pressed=True)
    for effect in (HidePhotos(APPLICATION.receipt), Refresh(APPLICATION.receipt)):
        assert effect in found.effects


def test_withdrawing_a_recalled_application_leaves_no_photo_that_replaced_another() -> None:
    new = Pictured(variant="student", sides={"front": Picture(photo_id="new", width=9, height=9)})
    draft = DRAFT.with_answer("identity", new).model_copy(update={"recalled": APPLICATION})
    found = turn(person(Confirming(draft=draft)), Withdrew(), pressed=True)
    assert DropPhotos(("new",)) in found.effects
    state = found.applicant.state
    assert isinstance(state, Settled)
    assert state.application.answers["identity"] == Pictured(variant="student")


def test_a_decision_about_to_be_told_is_not_told_to_one_who_withdrew() -> None:
    left = turn(person(STATES["deciding"]), Withdrew(), pressed=True).applicant
    found = turn(left, UndoWindowPassed(APPLICATION.receipt, APPLICATION.round), now=NOW + DAY)
    assert found.effects == ()


# time


def silence(who: Applicant) -> list[str]:
    """What one hears who never answers again, by the hours since he was last heard."""
    heard = []
    for _ in range(12):
        due = due_at(PROGRAMME, who)
        if due is None:
            break
        found = turn(who, FellSilent(), now=due)
        hours = int((due - NOW).total_seconds() // 3600)
        heard += [f"{hours}: {name}" for name in names(found)]
        if any(isinstance(effect, Erase) for effect in found.effects):
            return [*heard, f"{hours}: gone"]
        who = found.applicant
    return heard


def test_a_draft_is_recalled_twice_and_then_expires() -> None:
    assert silence(person(STATES["confirming"])) == [
        "24: reminder",
        "96: reminder",
        "720: draft_expired",
        "1440: gone",
    ]


def test_a_recalled_application_that_is_left_is_withdrawn() -> None:
    heard = silence(person(STATES["confirming a recalled one"]))
    assert heard == [
        "24: reminder",
        "96: reminder",
        "720: recall_expired/withdrawn",
        "1367: retention_near",
        "1440: gone",
    ]


@pytest.mark.parametrize("state", ["waiting", "claimed", "rejecting", "deciding"])
def test_the_clock_says_nothing_while_reviewers_have_it(state: str) -> None:
    assert silence(person(STATES[state])) == []


@pytest.mark.parametrize(("state", "days"), [("approved", 730), ("rejected", 180), ("withdrawn", 30)])
def test_after_the_end_first_the_photo_goes_then_everything(state: str, days: int) -> None:
    """And of each its owner is told at least three days before; the photo that goes with the rest is not named."""
    who = person(STATES[state])
    soon = turn(who, FellSilent(), now=NOW + 30 * DAY - NOTICE - HOUR)
    assert names(soon) == (["photos_near"] if days > 30 else ["retention_near"])
    found = turn(soon.applicant, FellSilent(), now=NOW + 30 * DAY)
    dropped = [effect for effect in found.effects if isinstance(effect, DropPhotos)]
    assert (dropped == [DropPhotos(("photo",))]) is (days > 30)
    assert (Refresh(APPLICATION.receipt) in found.effects) is (days > 30)  # the card says so
    photos = [f"{27 * 24 - 1}: photos_near"] * (days > 30)
    assert silence(who) == [*photos, f"{(days - 3) * 24 - 1}: retention_near", f"{days * 24}: gone"]


def test_what_is_kept_for_days_only_goes_without_a_warning_between() -> None:
    who, programme = person(STATES["withdrawn"]), kept_for(withdrawn_days=6, photo_days=5)
    assert due_at(programme, who) == NOW + 5 * DAY
    photos = turn(who, FellSilent(), now=NOW + 5 * DAY, programme=programme)
    assert (DropPhotos(("photo",)) in photos.effects, names(photos)) == (True, [])
    assert due_at(programme, photos.applicant) == NOW + 6 * DAY
    assert due_at(kept_for(withdrawn_days=7), who) == NOW + 4 * DAY - HOUR


def test_one_who_was_told_of_nothing_before_the_end_is_told_then_and_has_his_time() -> None:
    """As when the bot did not run on the days on which he was to be told."""
    late = NOW + 200 * DAY
    who = turn(person(STATES["rejected"]), FellSilent(), now=late)
    assert names(who) == ["retention_near"]
    assert Audit("spared", (late + NOTICE).date().isoformat()) in who.effects
    assert due_at(PROGRAMME, who.applicant) == goes_at(PROGRAMME, who.applicant) == late + NOTICE
    gone = turn(who.applicant, FellSilent(), now=late + NOTICE)
    assert [type(effect) for effect in gone.effects] == [Erase]


@pytest.mark.parametrize("state", STATES)
def test_after_a_restore_nothing_goes_before_its_owner_was_told_of_it_anew(state: str) -> None:
    """Whatever he was told before, and however long it is overdue; but at once only of what goes within the notice."""
    kind = STATES[state]
    mains = {"draft", APPLICATION.receipt}
    for announced in ({}, TOLD_OF_ALL, {"draft": told(20), APPLICATION.receipt: told(20)}):
        who = person(kind, reminded=2, announced=announced)
        for now in (NOW + 26 * DAY, NOW + 28 * DAY, NOW + 1000 * DAY):
            restored = DataRestored(now - 5 * HOUR)
            found = turn(who, restored, now=now)
            assert found.applicant.heard_at == who.heard_at
            assert all(one.told_at == now for one in found.applicant.announced.values())
            assert turn(found.applicant, restored, now=now + HOUR).effects == ()
            for going in goings(PROGRAMME, found.applicant):
                is_soon = going.due < now + NOTICE and going.what != "account"
                assert going.is_told == is_soon
                assert going.at == (now + NOTICE if is_soon else going.due)
            if not any(one.is_told and one.thing in mains for one in goings(PROGRAMME, found.applicant)):
                continue
            assert names(found)[-1] == ("retention_near" if isinstance(kind, Settled) else "reminder")
            assert Audit("spared", (now + NOTICE).date().isoformat()) in found.effects
            assert spoken_until(found.applicant, now) == []  # and once is enough
            late = turn(found.applicant, FellSilent(), now=now + NOTICE)
            assert isinstance(late.applicant.state, Fresh | Settled)
            assert late.effects != ()


def spoken_until(who: Applicant, now: datetime) -> list[str]:
    """What the clock says before the time of notice is over."""
    said: list[str] = []
    for hours in (0, 1, 2, 3, 71):
        found = turn(who, FellSilent(), now=now + timedelta(hours=hours))
        who = found.applicant
        said += names(found)
    return said


@pytest.mark.parametrize("state", ["confirming a recalled one", "waiting", "deciding", "rejected"])
def test_an_earlier_application_that_was_kept_for_its_time_is_named_nowhere_any_more(state: str) -> None:
    """Neither in what is kept of a later one nor on its card, though its owner has taken it back for changes."""
    old, other = (closed("withdrawn").model_copy(update={"receipt": one}) for one in ("UX-OLD", "UX-OTHER"))
    other = other.model_copy(update={"at": NOW + 20 * DAY})
    named = APPLICATION.model_copy(update={"earlier": (old, other)})
    kept = STATES[state]
    draft = draft_of(kept)
    changed = {"draft": draft.model_copy(update={"recalled": named})} if draft else {"application": named}
    announced = {"UX-OLD": told(30), "UX-OTHER": told(60)}
    who = person(
        kept.model_copy(update=changed), past=(old, other), heard_at=NOW + 20 * DAY, announced=announced
    )
    found = turn(who, FellSilent(), now=NOW + 31 * DAY)
    for effect in (ForgetApplication("UX-OLD"), Refresh(APPLICATION.receipt)):
        assert effect in found.effects
    assert "UX-OLD" not in found.applicant.model_dump_json()
    assert found.applicant.past == (other,)
    assert found.applicant.model_dump_json().count("UX-OTHER") == 3  # and in what he was told


# what is offered


@pytest.mark.parametrize(
    ("state", "data", "privacy"),
    [
        ("fresh", ["delete"], ["delete"]),
        ("drafting", ["withdraw", "delete"], ["withdraw", "delete"]),
        ("waiting", ["correct", "withdraw", "delete"], ["withdraw", "delete"]),
        ("approved", ["correct", "withdraw", "delete"], ["withdraw", "delete"]),
        ("rejected", ["delete"], ["delete"]),
        ("withdrawn", ["delete"], ["delete"]),
    ],
)
def test_only_rights_that_can_be_used_are_offered(state: str, data: list[str], privacy: list[str]) -> None:
    who = person(STATES[state])
    assert labels(turn(who, DataAsked())) == data
    proof = [] if state == "fresh" else ["receipt"]
    assert labels(turn(who, PrivacyAsked())) == ["terms:0", *proof, "mydata", *privacy]
