"""What time does: reminders, the end of a draft, of photos, of an application, of everything."""

from datetime import datetime

from conversations.application import Application, photo_ids
from conversations.effects import (
    Audit,
    Button,
    DropPhotos,
    Effect,
    EndConsents,
    Erase,
    ForgetApplication,
    HidePhotos,
    Refresh,
    Say,
)
from conversations.events import DataRestored, FellSilent, RetentionShortened
from conversations.keeping import (
    closed_goes_at,
    due_at,
    goes_at,
    photos_go_at,
    reminders_past,
    restored_until,
    spared_until,
    warns_at,
)
from conversations.photos import without_photos
from conversations.rights import UNFINISHED, YES_NO, barred_until, erased, withdraw
from conversations.rules import Rule, Scene, Turn, across, move, on, stay
from conversations.state import (
    ALL_STATES,
    Deciding,
    Fresh,
    Rejecting,
    Settled,
    State,
    Unsubmitted,
    Waiting,
    application_of,
    draft_of,
)


def forget_past(scene: Scene, state: State) -> Turn | None:
    """His earlier applications that were kept for their time go, from wherever they are still named."""
    programme, past = scene.programme, scene.applicant.past
    gone = [one for one in past if closed_goes_at(programme, one) <= scene.now]
    if not gone:
        return None
    rest = tuple(one for one in past if one not in gone)
    effects: list[Effect] = []
    for one in gone:
        effects += [ForgetApplication(one.receipt), Audit("forgotten", one.receipt)]
    after = without_earlier(state, {one.receipt for one in gone})
    if after is not state and (application := submitted_of(after)):
        effects.append(Refresh(application.receipt))
    return stay(scene, *effects, past=rest, state=after)


def submitted_of(state: State) -> Application | None:
    """What was submitted last, also where its owner has taken it back for changes."""
    draft = draft_of(state)
    return draft.recalled if draft else application_of(state)


def without_earlier(state: State, receipts: set[str]) -> State:
    """What was submitted names those earlier applications no more."""
    application = submitted_of(state)
    if application is None or not any(one.receipt in receipts for one in application.earlier):
        return state
    rest = tuple(one for one in application.earlier if one.receipt not in receipts)
    application = application.model_copy(update={"earlier": rest})
    if isinstance(state, Unsubmitted):
        draft = state.draft.model_copy(update={"recalled": application})
        return state.model_copy(update={"draft": draft})
    return state.model_copy(update={"application": application})


def silent_open(scene: Scene, state: Waiting | Rejecting | Deciding, event: FellSilent) -> Turn:
    return forget_past(scene, state) or stay(scene)


def silent_draft(scene: Scene, state: Unsubmitted, event: FellSilent) -> Turn:
    """At most two reminders, then the draft expires and says so."""
    applicant, programme = scene.applicant, scene.programme
    if turn := forget_past(scene, state):
        return turn
    due = due_at(programme, applicant)
    if due is None or due > scene.now:
        return stay(scene)  # he has just been heard of
    gone = goes_at(programme, applicant)
    if gone is None or gone > scene.now:
        return stay(scene, reminder(state, gone), reminded=applicant.reminded + 1)
    if state.draft.recalled:
        expired = "return_expired" if state.draft.returned else "recall_expired"
        return withdraw(scene, state, event, (Say(expired),))
    photos = tuple(sorted(photo_ids(state.draft.answers)))
    drop = (DropPhotos(photos),) if photos else ()
    ended = (*drop, EndConsents(scene.now), Audit("expired", "draft"))
    told = (Say("draft_expired"),) if state.draft.answers else ()
    # counted from now on again: the erasure of what is left comes later, and takes this message with it
    return move(scene, Fresh(), *ended, *told, agreed={}, heard_at=scene.now)


def reminder(state: Unsubmitted, goes: datetime | None) -> Say:
    row = (Button("go"), Button("leave" if state.draft.recalled else "drop", style=YES_NO))
    values = {"goes_at": goes, "recalled": state.draft.recalled, "returned": state.draft.returned}
    return Say("reminder", values, (row,))


def warn(scene: Scene, state: State, event: RetentionShortened) -> Turn:
    return spare(scene, state, spared_until(scene.programme, scene.applicant, event.was, scene.now))


def warn_again(scene: Scene, state: State, event: DataRestored) -> Turn:
    return spare(scene, state, restored_until(scene.programme, scene.applicant, event.at, scene.now))


def spare(scene: Scene, state: State, until: datetime | None) -> Turn:
    """The usual reminder or warning, with the new date; it stands for every reminder that is due by now."""
    audit = Audit("spared", until.date().isoformat()) if until else None
    if audit and isinstance(state, Unsubmitted):
        past = reminders_past(scene.programme, scene.applicant, scene.now)
        reminded = max(scene.applicant.reminded, past)
        return stay(scene, reminder(state, until), audit, reminded=reminded, spared_until=until)
    if audit and isinstance(state, Settled):
        after = state.model_copy(update={"warned": True})
        return stay(scene, warning(state, until), audit, state=after, spared_until=until)
    return stay(scene)


def warning(state: Settled, goes: datetime | None) -> Say:
    values = {"receipt": state.closed.receipt, "outcome": state.closed.outcome, "goes_at": goes}
    return Say("retention_near", values, ((Button("mydata"),),))


def silent_settled(scene: Scene, state: Settled, event: FellSilent) -> Turn:
    """First the photos go; then everything, and he is told some days before."""
    if turn := forget_past(scene, state):
        return turn
    goes = goes_at(scene.programme, scene.applicant)
    if goes is not None and goes <= scene.now:
        return erased(scene, Erase("retention", barred_until(scene), "retention_over"))
    photos = tuple(sorted(photo_ids(state.application.answers)))
    if not photos or photos_go_at(scene.programme, state) > scene.now:
        soon = warns_at(scene.programme, scene.applicant)
        if soon is None or soon > scene.now:
            return stay(scene)
        return stay(scene, warning(state, goes), state=state.model_copy(update={"warned": True}))
    after = state.model_copy(update={"application": without_photos(state.application)})
    receipt = state.application.receipt
    effects = (DropPhotos(photos), HidePhotos(receipt), Refresh(receipt), Audit("photos_expired", receipt))
    return stay(scene, *effects, state=after)


def silent_stranger(scene: Scene, state: Fresh, event: FellSilent) -> Turn:
    """Of someone who keeps nothing here, not even the account's id is kept for ever."""
    if turn := forget_past(scene, state):
        return turn
    gone = goes_at(scene.programme, scene.applicant)
    if gone is None or gone > scene.now:
        return stay(scene)
    return erased(scene, Erase("silence", barred_until(scene)))


RULES: tuple[Rule | tuple[Rule, ...], ...] = (
    across(ALL_STATES, RetentionShortened, warn),
    across(ALL_STATES, DataRestored, warn_again),
    across(UNFINISHED, FellSilent, silent_draft, Fresh, Settled),
    on(Settled, FellSilent, silent_settled, Fresh),
    on(Fresh, FellSilent, silent_stranger),
    across((Waiting, Rejecting, Deciding), FellSilent, silent_open),
)
