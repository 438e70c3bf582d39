"""What time does: reminders, the end of a draft, of photos, of an application, of everything."""

from conversations.announcing import announce, announce_what_is_due
from conversations.application import Application, photo_ids
from conversations.effects import (
    Audit,
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
from conversations.keeping import Going, goings, told_anew, told_sooner
from conversations.photos import without_photos
from conversations.rights import UNFINISHED, barred_until, erased, withdraw
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


def over(scene: Scene) -> list[Going]:
    """What was kept for its time, and announced."""
    return [one for one in goings(scene.programme, scene.applicant) if one.is_over(scene.now)]


def forgotten(receipt: str) -> tuple[Effect, ...]:
    return ForgetApplication(receipt), Audit("forgotten", receipt)


def forget_past(scene: Scene, state: State) -> Turn | None:
    """His earlier applications that were kept for their time go, from wherever they are still named."""
    gone = {one.receipt for one in over(scene) if one.what == "earlier application"}
    if not gone:
        return None
    rest = tuple(one for one in scene.applicant.past if one.receipt not in gone)
    effects = [effect for receipt in sorted(gone) for effect in forgotten(receipt)]
    after = without_earlier(state, gone)
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
    return forget_past(scene, state) or tell(scene, event)


def tell(scene: Scene, event: FellSilent) -> Turn:
    return stay(scene) if event.at_rest else announce_what_is_due(scene)


def silent_draft(scene: Scene, state: Unsubmitted, event: FellSilent) -> Turn:
    """At most two reminders, then the draft expires and says so."""
    if turn := forget_past(scene, state):
        return turn
    if event.at_rest or not any(one.what == "draft" for one in over(scene)):
        return tell(scene, event)
    if state.draft.recalled:
        expired = "return_expired" if state.draft.returned else "recall_expired"
        return withdraw(scene, state, event, (Say(expired),))
    photos = tuple(sorted(photo_ids(state.draft.answers)))
    drop = (DropPhotos(photos),) if photos else ()
    ended = (*drop, EndConsents(scene.now), Audit("expired", "draft"))
    told = (Say("draft_expired"),) if state.draft.answers else ()
    # counted from now on again: the erasure of what is left comes later, and takes this message with it
    return move(scene, Fresh(), *ended, *told, agreed={}, heard_at=scene.now)


def warn(scene: Scene, state: State, event: RetentionShortened) -> Turn:
    return announce(scene, told_sooner(scene.programme, scene.applicant, event.was, event.at, scene.now))


def warn_again(scene: Scene, state: State, event: DataRestored) -> Turn:
    return announce(scene, told_anew(scene.programme, scene.applicant, event.at, scene.now))


def silent_settled(scene: Scene, state: Settled, event: FellSilent) -> Turn:
    """First the photos go; then all that was submitted, and with the last of it everything."""
    gone = over(scene)
    what = {one.what for one in gone}
    earlier = {one.receipt for one in gone if one.what == "earlier application"}
    if "application" in what and len(earlier) == len(scene.applicant.past):
        return erased(scene, Erase("retention", barred_until(scene), "retention_over"))
    if turn := forget_past(scene, state):
        return turn
    if "application" in what:
        return forget_present(scene, state)
    if "photos" not in what:
        return tell(scene, event)
    after = state.model_copy(update={"application": without_photos(state.application)})
    receipt, photos = state.application.receipt, tuple(sorted(photo_ids(state.application.answers)))
    effects = (DropPhotos(photos), HidePhotos(receipt), Refresh(receipt), Audit("photos_expired", receipt))
    return stay(scene, *effects, state=after)


def forget_present(scene: Scene, state: Settled) -> Turn:
    """The last application was kept for its time, an earlier one is to be kept longer."""
    photos = tuple(sorted(photo_ids(state.application.answers)))
    drop = (DropPhotos(photos), HidePhotos(state.closed.receipt)) if photos else ()
    ended = (EndConsents(scene.now),) if scene.applicant.agreed else ()
    effects = (*drop, *ended, *forgotten(state.closed.receipt))
    return move(scene, Fresh(), *effects, agreed={}, barred_until=barred_until(scene))


def silent_stranger(scene: Scene, state: Fresh, event: FellSilent) -> Turn:
    """Of someone who keeps nothing here, not even the account's id is kept for ever."""
    gone, past = over(scene), scene.applicant.past
    if not event.at_rest and len(gone) == len(past) + 1:
        bar = barred_until(scene)
        return erased(scene, Erase("retention", bar, "retention_over") if past else Erase("silence", bar))
    return forget_past(scene, state) or tell(scene, event)


RULES: tuple[Rule | tuple[Rule, ...], ...] = (
    across(ALL_STATES, RetentionShortened, warn),
    across(ALL_STATES, DataRestored, warn_again),
    across(UNFINISHED, FellSilent, silent_draft, Fresh, Settled),
    on(Settled, FellSilent, silent_settled, Fresh),
    on(Fresh, FellSilent, silent_stranger),
    across((Waiting, Rejecting, Deciding), FellSilent, silent_open),
)
