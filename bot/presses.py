"""What a press stands for: a genuine button of the step that is asked is an event, any other one is told so.

Whoever takes presses (the bot, and the rehearsal) asks here, so that both mean the same.
"""

import dataclasses

from bot.buttons import Press
from bot.carrying import stamp_of
from conversations.application import Reviewer
from conversations.events import (
    PRESSES,
    REVIEW_PRESSES,
    TIMELESS,
    Approved,
    Event,
    PhotoOpened,
    PressOutdated,
    Rejected,
    RejectionBegun,
    ReviewEvent,
    StalePressed,
)
from conversations.state import Applicant, Deciding, Settled, State, application_of


def applicant_event(press: Press | None, applicant: Applicant) -> Event:
    """The event a genuine button of this step stands for; a stale press otherwise."""
    if press is None or press.verb not in PRESSES:
        return StalePressed()
    if press.stamp != str(applicant.step) and press.verb not in TIMELESS:
        return StalePressed()
    kind = PRESSES[press.verb]
    return kind(*(press.arg,) * len(dataclasses.fields(kind)))


def review_event(press: Press, by: Reviewer, state: State) -> ReviewEvent:
    """The event of a genuine button on a card. Its verb is one of REVIEW_PRESSES.

    On a card that has changed since, a verdict still comes through where there is one already: it is told who
    was first.
    """
    kind = REVIEW_PRESSES[press.verb]
    event = kind(by, *((press.arg,) if press.arg else ()))
    application = application_of(state)
    if application is None or application.receipt != press.subject:
        return event if application is None else PressOutdated(by)
    if press.stamp == stamp_of(application) or isinstance(event, PhotoOpened):
        return event
    decided = isinstance(state, Deciding | Settled)
    is_verdict = isinstance(event, Approved | RejectionBegun | Rejected)
    return event if decided and is_verdict else PressOutdated(by)
