"""What happens next on the reviewers' side, from the card to the decision: all of it is in this file's table.

House rules: at most one decision stands at a time, by the state itself; the applicant is told only when the
time to undo has passed; whoever presses is answered with what is true now; nobody decides his own application.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from conversations.announcing import announce
from conversations.application import (
    Application,
    Closed,
    Decision,
    Reviewer,
    View,
    closed_up,
    photo_ids,
    without_forms,
)
from conversations.effects import (
    Answer,
    Audit,
    Effect,
    HidePhotos,
    Link,
    Refresh,
    RefreshForms,
    Say,
    ShowPhoto,
    Wake,
)
from conversations.events import (
    Approved,
    Claimed,
    PhotoOpened,
    PressOutdated,
    Rejected,
    RejectionBegun,
    RejectionDropped,
    Released,
    ReviewEvent,
    ToldNow,
    Undone,
    UndoWindowPassed,
)
from conversations.keeping import PHOTOS, told_anew
from conversations.prompts import prompt, show
from conversations.returning import handed_back
from conversations.rules import Rule, Scene, Turn, across, move, on, stay, toast
from conversations.state import (
    ALL_STATES,
    Checking,
    Confirming,
    Consenting,
    Deciding,
    Drafting,
    Fresh,
    Reading,
    Rejecting,
    Settled,
    State,
    Waiting,
)

Undecided = Waiting | Rejecting


def refusal(scene: Scene, application: Application, by: Reviewer) -> Turn | None:
    """Why this reviewer may not act on this card now, if he may not."""
    if by.ref == scene.applicant.ref:
        return toast(scene, "own_application", alert=True)
    if application.claimed_by and application.claimed_by.ref != by.ref:
        return toast(scene, "claimed_by_other", alert=True, by=application.claimed_by)
    return None


def approve(scene: Scene, state: Undecided, event: Approved) -> Turn:
    refused = refusal(scene, state.application, event.by)
    return refused or decide(scene, state, Decision(outcome="approved", by=event.by, at=scene.now))


def reject(scene: Scene, state: Rejecting, event: Rejected) -> Turn:
    if event.reason not in {reason.key for reason in scene.programme.reasons}:
        return toast(scene, "outdated")
    refused = refusal(scene, state.application, event.by)
    return refused or decide(
        scene, state, Decision(outcome="rejected", by=event.by, at=scene.now, reasons=(event.reason,))
    )


def decide(scene: Scene, state: Undecided, decision: Decision) -> Turn:
    """The decision stands from here on; the applicant hears of it when nobody has undone it in time."""
    composed = state.application.forms or state.application.asking
    application = without_forms(state.application).model_copy(update={"round": state.application.round + 1})
    tell_at = scene.now + timedelta(seconds=scene.programme.review.undo_seconds)
    entered = (application.receipt, str(application.round), decision.by.ref, *decision.reasons)
    forms = (RefreshForms(application.receipt),) if composed else ()
    return stay(
        scene,
        Answer(decision.outcome, {"seconds": scene.programme.review.undo_seconds}),
        Refresh(application.receipt),
        *forms,
        Wake(tell_at, application.receipt, application.round),
        Audit(decision.outcome, " ".join(entered)),
        state=Deciding(application=application, decision=decision, tell_at=tell_at),
    )


def begin_reject(scene: Scene, state: Waiting, event: RejectionBegun) -> Turn:
    refused = refusal(scene, state.application, event.by)
    return refused or stay(
        scene,
        Answer("choose_reason"),
        Refresh(state.application.receipt),
        state=Rejecting(application=state.application),
    )


def already_choosing(scene: Scene, state: Rejecting, event: RejectionBegun) -> Turn:
    return stay(scene, Answer("choose_reason"), Refresh(state.application.receipt))


def drop_reject(scene: Scene, state: Rejecting, event: RejectionDropped) -> Turn:
    return stay(
        scene, Answer(), Refresh(state.application.receipt), state=Waiting(application=state.application)
    )


def claim(scene: Scene, state: Waiting, event: Claimed) -> Turn:
    """A claim keeps others from deciding, and the applicant from recalling; taking over is open to all."""
    if event.by.ref == scene.applicant.ref:
        return toast(scene, "own_application", alert=True)
    application = state.application.model_copy(update={"claimed_by": event.by})
    return after_claim(scene, application, "claimed", event.by)


def release(scene: Scene, state: Waiting, event: Released) -> Turn:
    holder = state.application.claimed_by
    if holder is None or holder.ref != event.by.ref:
        return toast(scene, "not_yours_to_release", alert=True)
    application = state.application.model_copy(update={"claimed_by": None})
    return after_claim(scene, application, "released", event.by)


def after_claim(
    scene: Scene, application: Application, action: Literal["claimed", "released"], by: Reviewer
) -> Turn:
    audit = Audit(action, f"{application.receipt} {by.ref}")
    effects = (Answer(action), Refresh(application.receipt), audit)
    return stay(scene, *effects, state=Waiting(application=application))


def undo(scene: Scene, state: Deciding, event: Undone) -> Turn:
    application = state.application
    return stay(
        scene,
        Answer("undone"),
        Refresh(application.receipt),
        RefreshForms(application.receipt),
        Audit("undone", f"{application.receipt} {application.round} {event.by.ref}"),
        state=Waiting(application=application),
    )


def tell(scene: Scene, state: Deciding, event: ToldNow | UndoWindowPassed) -> Turn:
    """The applicant is told, in his language, and the card says so. What he heard before data were lost he does not
    hear again: it ended then, and of what is overdue by that he hears when it goes. A return he hears again: it asks
    him for something, and the data know no button that would answer it."""
    application, decision = state.application, state.decision
    if isinstance(event, UndoWindowPassed):
        if (event.receipt, event.round) != (application.receipt, application.round):
            return stay(scene)
        if scene.now < state.tell_at:
            return stay(scene, Wake(state.tell_at, application.receipt, application.round))
    is_known = isinstance(event, UndoWindowPassed) and event.told
    after = told(application, decision, state.tell_at if is_known else scene.now)
    answer = (Answer("told"),) if scene.pressed else ()
    by = event.by.ref if isinstance(event, ToldNow) else "restore" if is_known else "clock"
    effects: tuple[Effect, ...] = (
        *answer,
        Refresh(application.receipt),
        HidePhotos(application.receipt),
        Audit("told", f"{application.receipt} {by}"),
    )
    if isinstance(after, Confirming):  # it waits for him now, and he is asked: his time counts from here
        return show(scene, after, *effects, heard_at=scene.now, reminded=0)
    if is_known:
        turn = move(scene, after, *effects)
        its_own = {PHOTOS, application.receipt}
        to_say = told_anew(scene.programme, turn.applicant, scene.now, scene.now)
        said = {thing: at for thing, at in to_say.items() if thing in its_own}
        warned = announce(replace(scene, applicant=turn.applicant), said)
        return Turn(warned.applicant, (*turn.effects, *warned.effects))
    return show(scene, after, *effects)


def told(application: Application, decision: Decision, at: datetime) -> Settled | Confirming:
    """How it stands once its owner is told: returned it is his again, otherwise it has ended."""
    if decision.outcome == "returned":
        return Confirming(draft=handed_back(application, decision))
    closed = Closed(
        receipt=application.receipt,
        outcome=decision.outcome,
        submitted_at=application.submitted_at,
        at=at,
        reasons=decision.reasons,
    )
    return Settled(application=closed_up(application), closed=closed, decision=decision)


def verdict(scene: Scene, application: Application, decision: Decision) -> Say:
    """What its owner reads when he is told now."""
    after = told(application, decision, scene.now)
    return prompt(scene, scene.applicant.model_copy(update={"state": after}))


def decided_first(scene: Scene, state: Deciding | Settled, event: ReviewEvent) -> Turn:
    """Someone was first: who, what and when. The card is brought up to date."""
    receipt = state.application.receipt
    if state.decision is None:
        return stay(scene, Answer("withdrawn_by_applicant", alert=True), Refresh(receipt))
    values = {"decision": state.decision}
    return stay(scene, Answer("decided_first", values, alert=True), Refresh(receipt))


def too_late(scene: Scene, state: Settled, event: Undone | ToldNow) -> Turn:
    name = "already_told" if state.decision else "withdrawn_by_applicant"
    return stay(scene, Answer(name, alert=True), Refresh(state.application.receipt))


def open_photo(scene: Scene, state: Waiting | Rejecting | Deciding, event: PhotoOpened) -> Turn:
    """In the group the press opens the private chat; there the photo is shown, and the look is recorded."""
    application = state.application
    if event.by.ref == scene.applicant.ref:
        return toast(scene, "own_application", alert=True)
    if not photo_ids(application.answers):
        return toast(scene, "no_photo_kept", alert=True)
    if not event.chat_id:
        return stay(scene, Answer(link=Link(event.verb, application.receipt)))
    view = View(by=event.by, at=scene.now)
    seen = application.model_copy(update={"views": (*application.views, view)})
    return stay(
        scene,
        ShowPhoto(application.receipt, event.chat_id, event.by),
        Audit("photo_viewed", f"{application.receipt} {event.by.ref}"),
        state=state.model_copy(update={"application": seen}),
    )


def photo_over(scene: Scene, state: Settled, event: PhotoOpened) -> Turn:
    return toast(scene, "photo_only_while_open", alert=True)


def outdated(scene: Scene, state: State, event: ReviewEvent) -> Turn:
    """The card has changed since; it is shown as it is."""
    application = getattr(state, "application", None)
    refresh = (Refresh(application.receipt),) if isinstance(application, Application) else ()
    return stay(scene, Answer("outdated"), *refresh)


def not_with_us(scene: Scene, state: State, event: ReviewEvent) -> Turn:
    return toast(scene, "not_under_review", alert=True)


def nothing_to_tell(scene: Scene, state: State, event: UndoWindowPassed) -> Turn:
    return stay(scene)


NOT_SUBMITTED = (Fresh, Reading, Consenting, Drafting, Checking, Confirming)
PRESSES = (
    Approved,
    RejectionBegun,
    Rejected,
    RejectionDropped,
    Claimed,
    Released,
    Undone,
    ToldNow,
    PhotoOpened,
)

RULES: tuple[Rule | tuple[Rule, ...], ...] = (
    across((Waiting, Rejecting), Approved, approve, Deciding),
    on(Waiting, RejectionBegun, begin_reject, Rejecting),
    on(Rejecting, RejectionBegun, already_choosing),
    on(Rejecting, Rejected, reject, Deciding),
    on(Rejecting, RejectionDropped, drop_reject, Waiting),
    on(Waiting, Claimed, claim),
    on(Waiting, Released, release),
    on(Deciding, Undone, undo, Waiting),
    on(Deciding, ToldNow, tell, Settled, Confirming),
    on(Deciding, UndoWindowPassed, tell, Settled, Confirming),
    across((Waiting, Rejecting, Deciding), PhotoOpened, open_photo),
    on(Settled, PhotoOpened, photo_over),
    *(across((Deciding, Settled), event, decided_first) for event in (Approved, RejectionBegun, Rejected)),
    on(Settled, Undone, too_late),
    on(Settled, ToldNow, too_late),
    *(on(Waiting, event, outdated) for event in (Rejected, RejectionDropped, Undone, ToldNow)),
    *(on(Rejecting, event, outdated) for event in (Claimed, Released, Undone, ToldNow)),
    *(across((Deciding, Settled), event, outdated) for event in (RejectionDropped, Claimed, Released)),
    across(ALL_STATES, PressOutdated, outdated),
    *(across(NOT_SUBMITTED, event, not_with_us) for event in PRESSES),
    across(tuple(state for state in ALL_STATES if state is not Deciding), UndoWindowPassed, nothing_to_tell),
)
