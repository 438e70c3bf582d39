"""How long each thing is kept, what of a person is due next, and what he is to be told of it. Pure dates: what then
happens stands in `silence`.

One rule: nothing goes by itself unless its owner was told the day at least `NOTICE` before it; by then it stays. Only
the bare account, and what is kept for less than a week, goes without a word, unless it goes sooner than it was to.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from conversations.application import Closed, photo_ids
from conversations.programme import Programme
from conversations.state import Announced, Applicant, Fresh, Settled, Unsubmitted, draft_of

NOTICE = timedelta(days=3)  # what goes is announced at least so long before
RESERVE = timedelta(hours=1)  # and that much earlier yet, so that a look that comes late puts no day off
BRIEF = timedelta(days=7)  # what is kept for less goes without a word
ACCOUNT, DRAFT, PHOTOS = "account", "draft", "photos"  # things; an application is one by its receipt

Told = dict[str, datetime | None]  # the day by the thing; None takes back what was told of it
What = Literal["account", "draft", "photos", "application", "earlier application"]


@dataclass(frozen=True, slots=True)
class Going:
    """One kind of thing that is kept, and when it goes by itself. A draft may be a recalled application's.

    `due`: by its period alone. `said_of`: the thing whose announcement is its own too, as photos go with the rest.
    """

    what: What
    thing: str
    said_of: str
    due: datetime
    at: datetime
    outcome: str = ""
    receipt: str = ""
    is_quiet: bool = False
    is_told: bool = False

    @property
    def tells_at(self) -> datetime | None:
        """When its owner hears of it; None when he has, or need not."""
        return None if self.is_told or self.is_quiet else self.at - NOTICE - RESERVE

    def is_over(self, now: datetime) -> bool:
        return self.at <= now and self.tells_at is None

    def foreseen(self, now: datetime) -> datetime:
        """When it goes if its owner is told now, where he must be."""
        return self.at if self.tells_at is None else max(self.at, now + NOTICE)


def due_at(programme: Programme, applicant: Applicant) -> datetime | None:
    """When the clock next has something to say: a reminder, a warning, an expiry, the end of a retention."""
    return min(_dues(programme, applicant), default=None)


def _dues(programme: Programme, applicant: Applicant) -> Iterator[datetime]:
    for going in goings(programme, applicant):
        yield going.tells_at or going.at
    if isinstance(applicant.state, Unsubmitted) and (reminder := next_reminder(programme, applicant)):
        yield reminder


def next_reminder(programme: Programme, applicant: Applicant) -> datetime | None:
    hours = programme.reminders.after_hours
    if applicant.reminded >= len(hours):
        return None
    return applicant.heard_at + timedelta(hours=hours[applicant.reminded])


def reminders_until(programme: Programme, applicant: Applicant, at: datetime) -> int:
    """How many of his reminders are due by then, whether he got them or not."""
    since = at - applicant.heard_at
    return sum(timedelta(hours=hours) <= since for hours in programme.reminders.after_hours)


# when things go


def goings(programme: Programme, applicant: Applicant) -> Iterator[Going]:
    """What goes of a person and when; nothing of an application that reviewers have."""
    state, draft_time = applicant.state, timedelta(days=programme.retention.draft_days)
    past = [_closed(programme, applicant, "earlier application", one) for one in applicant.past]
    if isinstance(state, Settled):
        yield from _settled(programme, applicant, state)
    elif draft := draft_of(state):
        recalled = draft.recalled
        outcome, receipt = ("recalled", recalled.receipt) if recalled else ("", "")
        yield _going(applicant, "draft", DRAFT, applicant.heard_at, draft_time, outcome, receipt)
    elif isinstance(state, Fresh):
        account = _going(applicant, "account", ACCOUNT, applicant.heard_at, draft_time)
        last = max((one.at for one in past), default=account.due)  # it stays as long as anything of his
        due, at = max(account.due, last), max(account.at, last)
        yield replace(account, due=due, at=at, is_quiet=True)
    yield from past


def _settled(programme: Programme, applicant: Applicant, state: Settled) -> Iterator[Going]:
    closed, time = state.closed, timedelta(days=programme.retention.photo_days)
    whole = _closed(programme, applicant, "application", closed)
    if photo_ids(state.application.answers):
        photos = _going(applicant, "photos", PHOTOS, closed.at, time, closed.outcome, closed.receipt)
        if photos.is_told:
            whole = replace(whole, at=max(whole.at, photos.at))
        is_with_the_rest = whole.is_told and photos.tells_at is not None  # and he knows of that
        if photos.due >= whole.due or photos.at >= whole.at or is_with_the_rest:
            photos = replace(whole, what="photos", thing=PHOTOS)
        yield photos
    yield whole


def _closed(programme: Programme, applicant: Applicant, what: What, closed: Closed) -> Going:
    time = programme.keep(closed.outcome)
    return _going(applicant, what, closed.receipt, closed.at, time, closed.outcome, closed.receipt)


def _going(
    applicant: Applicant,
    what: What,
    thing: str,
    since: datetime,
    time: timedelta,
    outcome: str = "",
    receipt: str = "",
) -> Going:
    due, told = since + time, applicant.announced.get(thing)
    is_told = told is not None and told.goes_at >= due  # the day of an earlier period is none
    at = max(due, told.goes_at) if told else due
    return Going(what, thing, thing, due, at, outcome, receipt, time < BRIEF, is_told)


def goes_at(programme: Programme, applicant: Applicant) -> datetime | None:
    """When what is kept now goes by itself; None while reviewers have it."""
    mains = ("account", "draft", "application")
    return next((one.at for one in goings(programme, applicant) if one.what in mains), None)


def all_goes_at(programme: Programme, applicant: Applicant) -> datetime | None:
    """When nothing is left of him if he is not heard of; None while something else comes first."""
    if not isinstance(applicant.state, Fresh | Settled):
        return None
    return max(one.at for one in goings(programme, applicant))


# what is to be told


def to_be_told(programme: Programme, applicant: Applicant, now: datetime) -> Told:
    """The things whose owner is to hear of them by now, and the day that each then goes."""
    things = list(goings(programme, applicant))
    found: Told = {
        one.thing: one.foreseen(now)
        for one in things
        if one.said_of == one.thing and one.tells_at is not None and one.tells_at <= now
    }
    return _once(things, found)


def told_sooner(
    programme: Programme, applicant: Applicant, was: Mapping[str, datetime], since: datetime, now: datetime
) -> Told:
    """What other periods, that hold since then, leave to be told now: of what goes sooner than it `was` to. Under None
    what he was told before holds no more, and he is told anew in time."""
    things, found = list(goings(programme, applicant)), Told()
    for one in things:
        told = applicant.announced.get(one.thing)
        if one.said_of != one.thing or one.thing not in was or one.due >= was[one.thing]:
            continue
        if told and told.told_at >= since:
            continue  # as it is done again after a kill
        date = max(one.due, now + NOTICE)
        if told and told.goes_at == was[one.thing] and date >= told.goes_at:
            continue  # what he was told holds
        if one.is_quiet or one.due - NOTICE - RESERVE <= now:
            found[one.thing] = date
        elif told:
            found[one.thing] = None
    return _once(things, found)


def told_anew(programme: Programme, applicant: Applicant, since: datetime, now: datetime) -> Told:
    """What a restore at that time leaves to be told now. What he was told before does not count: he may have been heard
    of since, and the data do not know it. Under None he is told anew in time."""
    kept = {thing: one for thing, one in applicant.announced.items() if one.told_at >= since}
    found: Told = {thing: None for thing in applicant.announced if thing not in kept}
    things = list(goings(programme, applicant.model_copy(update={"announced": kept})))
    for one in things:
        if one.what == "account" or one.said_of != one.thing or one.is_told:
            continue
        if one.at < now + NOTICE or one.is_quiet:
            found[one.thing] = max(one.at, now + NOTICE)
    return _once(things, found)


def _once(things: Iterable[Going], found: Told) -> Told:
    """Photos that go with their application are named with it, and stay with it."""
    photos, whole = found.get(PHOTOS), next((one for one in things if one.what == "application"), None)
    if photos is None or whole is None:
        return found
    with_it = found.get(whole.thing)
    day = with_it or whole.at
    if photos < day:
        return found
    if with_it or whole.is_told:
        return {**found, PHOTOS: day}
    return {**found, PHOTOS: photos, whole.thing: photos}


def with_told(applicant: Applicant, told: Told, now: datetime) -> Applicant:
    """As he is once he has been told that."""
    announced = {thing: one for thing, one in applicant.announced.items() if thing not in told}
    new = {thing: Announced(goes_at=date, told_at=now) for thing, date in told.items() if date}
    return applicant.model_copy(update={"announced": announced | new})


def with_what_is_there(before: Applicant, applicant: Applicant) -> Applicant:
    """Without what he was told of things that he has no more, or that have begun anew since `before`."""
    state, was = applicant.state, before.state
    things = {one.receipt for one in applicant.past}
    if isinstance(state, Settled) and isinstance(was, Settled) and was.closed != state.closed:
        pass  # he withdrew what was approved, and was told so when it goes
    elif isinstance(state, Settled):
        things |= {state.closed.receipt} | ({PHOTOS} if photo_ids(state.application.answers) else set())
    elif draft_of(state):
        things.add(DRAFT)
    elif isinstance(state, Fresh):
        things.add(ACCOUNT)
    return _without(applicant, set(applicant.announced) - things)


def heard(applicant: Applicant, now: datetime) -> Applicant:
    """His silence begins anew; what he was told of its end holds no more."""
    return _without(applicant, {ACCOUNT, DRAFT}).model_copy(update={"heard_at": now})


def _without(applicant: Applicant, things: set[str]) -> Applicant:
    if not things & set(applicant.announced):
        return applicant
    rest = {thing: one for thing, one in applicant.announced.items() if thing not in things}
    return applicant.model_copy(update={"announced": rest})


def unannounced(programme: Programme) -> Iterator[tuple[str, int]]:
    """The settings under which things go without a word `NOTICE` before, and their days."""
    for name, days in programme.retention.model_dump().items():
        hours = programme.reminders.after_hours if name == "draft_days" else ()
        is_reminded = any(timedelta(hours=one) + NOTICE <= timedelta(days=days) for one in hours)
        if timedelta(days=days) < BRIEF and not is_reminded:
            yield name, days
