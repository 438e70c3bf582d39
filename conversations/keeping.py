"""How long each thing is kept, and what of a person is due next. Pure dates: what then happens stands in `silence`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from conversations.application import Closed, photo_ids
from conversations.programme import Programme
from conversations.state import Applicant, Fresh, Open, Settled, Unsubmitted, draft_of

NOTICE = timedelta(days=3)  # what goes is announced so long before, also when periods become shorter


def due_at(programme: Programme, applicant: Applicant) -> datetime | None:
    """When the clock next has something to say: a reminder, an expiry, the end of a retention."""
    return min(_dues(programme, applicant), default=None)


def _dues(programme: Programme, applicant: Applicant) -> Iterator[datetime]:
    yield from (going.at for going in goings(programme, applicant))
    if isinstance(applicant.state, Unsubmitted) and (reminder := next_reminder(programme, applicant)):
        yield reminder
    if warning := warns_at(programme, applicant):
        yield warning


def warns_at(programme: Programme, applicant: Applicant) -> datetime | None:
    """When he hears that a closed application goes soon; None when he has, or when it is kept for days only."""
    state, goes = applicant.state, goes_at(programme, applicant)
    if not isinstance(state, Settled) or state.warned or goes is None:
        return None
    return goes - NOTICE if goes - state.closed.at > 2 * NOTICE else None


def next_reminder(programme: Programme, applicant: Applicant) -> datetime | None:
    hours = programme.reminders.after_hours
    if applicant.reminded >= len(hours):
        return None
    return applicant.heard_at + timedelta(hours=hours[applicant.reminded])


def reminders_past(programme: Programme, applicant: Applicant, now: datetime) -> int:
    """How many of his reminders were due by now, whether he got them or not."""
    since = now - applicant.heard_at
    return sum(timedelta(hours=hours) <= since for hours in programme.reminders.after_hours)


@dataclass(frozen=True, slots=True)
class Going:
    """One kind of thing that is kept, and when it goes by itself. A draft may be a recalled application's."""

    what: Literal["account", "draft", "photos", "application", "earlier application"]
    at: datetime
    outcome: str = ""
    receipt: str = ""


def goings(programme: Programme, applicant: Applicant) -> Iterator[Going]:
    """What goes of a person and when; nothing of an application that reviewers have."""
    state, goes = applicant.state, goes_at(programme, applicant)
    if goes is not None:
        if isinstance(state, Settled):
            closed = state.closed
            if photo_ids(state.application.answers):
                photos_go = min(goes, photos_go_at(programme, state))
                yield Going("photos", photos_go, closed.outcome, closed.receipt)
            yield Going("application", goes, closed.outcome, closed.receipt)
        elif draft := draft_of(state):
            recalled = draft.recalled
            yield Going("draft", goes, "recalled" if recalled else "", recalled.receipt if recalled else "")
        else:
            yield Going("account", goes)
    for one in applicant.past:
        at = past_goes_at(programme, applicant, one)
        yield Going("earlier application", at, one.outcome, one.receipt)


def past_goes_at(programme: Programme, applicant: Applicant, closed: Closed) -> datetime:
    """An earlier application goes after its time, or with all the rest."""
    at, rest = closed_goes_at(programme, closed), goes_at(programme, applicant)
    return min(at, rest) if rest and isinstance(applicant.state, Fresh | Settled) else at


def closed_goes_at(programme: Programme, closed: Closed) -> datetime:
    return closed.at + programme.keep(closed.outcome)


def goes_at(programme: Programme, applicant: Applicant) -> datetime | None:
    """When what is kept now goes by itself; None while reviewers have it."""
    state = applicant.state
    if isinstance(state, Open):
        return None
    if isinstance(state, Settled):
        goes = closed_goes_at(programme, state.closed)
    else:
        goes = applicant.heard_at + timedelta(days=programme.retention.draft_days)
    spared = applicant.spared_until if isinstance(state, Unsubmitted | Settled) else None
    return max(goes, spared) if spared else goes


def photos_go_at(programme: Programme, state: Settled) -> datetime:
    return state.closed.at + timedelta(days=programme.retention.photo_days)


def spared_until(programme: Programme, applicant: Applicant, was: datetime, now: datetime) -> datetime | None:
    """How long what goes earlier than its owner was told is to stay, with a warning now; None where none is due: it
    goes no earlier, he was warned so before, or is warned in time anyway."""
    state, goes = applicant.state, goes_at(programme, applicant)
    if not isinstance(state, Unsubmitted | Settled) or goes is None:
        return None
    if goes >= was or goes == applicant.spared_until:
        return None
    usual = (
        warns_at(programme, applicant) if isinstance(state, Settled) else next_reminder(programme, applicant)
    )
    if usual is not None and usual < goes and goes > now and (isinstance(state, Unsubmitted) or usual > now):
        return None
    return max(goes, min(was, now + NOTICE))


def restored_until(
    programme: Programme, applicant: Applicant, restored_at: datetime, now: datetime
) -> datetime | None:
    """How long what goes soon is to stay after a restore, with a warning now; None where none is due: it goes later, or
    he was warned since. What he was told before does not count: he may have been heard of since, and the data do not
    know it."""
    goes, spared = goes_at(programme, applicant), applicant.spared_until
    if not isinstance(applicant.state, Unsubmitted | Settled) or goes is None or goes >= now + NOTICE:
        return None
    return None if spared and spared >= restored_at + NOTICE else now + NOTICE
