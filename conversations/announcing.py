"""What a person is told, unasked, of what goes soon: one message a thing, and with it the day holds."""

from datetime import datetime

from conversations.application import Draft
from conversations.effects import Audit, Button, Effect, Say
from conversations.keeping import (
    DRAFT,
    Going,
    Told,
    all_goes_at,
    goings,
    reminders_until,
    to_be_told,
    with_told,
)
from conversations.rights import YES_NO
from conversations.rules import Scene, Turn
from conversations.state import Unsubmitted


def announce(scene: Scene, told: Told) -> Turn:
    """Say these days of these things, and from now on reckon with them."""
    applicant, programme = with_told(scene.applicant, told, scene.now), scene.programme
    said: list[Effect] = []
    kept_on: set[str] = set()
    days: Told = {}  # as they are said: another thing may hold one up
    for going in goings(programme, applicant):
        if told.get(going.thing) is None or going.said_of != going.thing:
            continue
        at = days[going.thing] = going.at
        said.append(word(scene, going, is_last=all_goes_at(programme, applicant) == going.at))
        before = scene.applicant.announced.get(going.thing)
        if at > going.due and (before is None or before.goes_at != at):
            kept_on.add(at.date().isoformat())
    applicant = with_told(applicant, days, scene.now)
    if until := days.get(DRAFT):  # one word stands for all reminders until then
        reminded = max(applicant.reminded, reminders_until(programme, applicant, until))
        applicant = applicant.model_copy(update={"reminded": reminded})
    return Turn(applicant, (*said, *(Audit("spared", day) for day in sorted(kept_on))))


def announce_what_is_due(scene: Scene) -> Turn:
    """By the clock: a draft's owner is reminded twice, and all else is told some days before it goes."""
    told, state = to_be_told(scene.programme, scene.applicant, scene.now), scene.state
    if isinstance(state, Unsubmitted) and DRAFT not in told:
        past = reminders_until(scene.programme, scene.applicant, scene.now)
        if past > scene.applicant.reminded:
            return remind(scene, told, past)
    return announce(scene, told)


def remind(scene: Scene, told: Told, past: int) -> Turn:
    """A reminder that stands for each that is due by now. Its day holds."""
    draft = next(one for one in goings(scene.programme, scene.applicant) if one.what == "draft")
    turn = announce(scene, {**told, DRAFT: draft.at})
    return Turn(turn.applicant.model_copy(update={"reminded": past}), turn.effects)


def word(scene: Scene, going: Going, *, is_last: bool = False) -> Say:
    """What is said of one thing. `is_last`: all the rest goes with it."""
    values = {"goes_at": going.at, "receipt": going.receipt, "outcome": going.outcome, "is_last": is_last}
    match going.what:
        case "draft":
            return reminder(scene, going.at)
        case "account":
            return Say("account_near", values, ((Button("mydata"),),), about=going.thing)
        case "photos":
            return Say("photos_near", values, ((Button("mydata"),),), about=going.thing)
    return Say("retention_near", values, ((Button("mydata"),),), about=going.thing)


def reminder(scene: Scene, goes_at: datetime) -> Say:
    state = scene.state
    draft = state.draft if isinstance(state, Unsubmitted) else Draft()
    recalled = draft.recalled
    row = (Button("go"), Button("leave" if recalled else "drop", style=YES_NO))
    values = {"goes_at": goes_at, "recalled": recalled, "returned": draft.returned}
    return Say("reminder", values, (row,), about=DRAFT)
