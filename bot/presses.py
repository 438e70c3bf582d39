"""What a press stands for: a genuine button of the step that is asked is an event, any other one is told so.

Whoever takes presses (the bot, and the rehearsal) asks here, so that both mean the same.
"""

import dataclasses

from bot.buttons import Press
from bot.carrying import stamp_of
from conversations.application import Reviewer
from conversations.composing import form_of
from conversations.events import (
    FORM_PRESSES,
    PRESSES,
    REVIEW_PRESSES,
    TIMELESS,
    Approved,
    Event,
    FormDecided,
    FormEvent,
    FormOpened,
    FormOutdated,
    PhotoOpened,
    PressOutdated,
    QuestionDropped,
    QuestionOpened,
    QuestionSent,
    QuestionWritten,
    Rejected,
    RejectionBegun,
    RejectionOpened,
    ReturnOpened,
    ReviewEvent,
    StalePressed,
    WordsWritten,
)
from conversations.roles import DECIDES, Action
from conversations.state import Applicant, Deciding, Rejecting, Settled, State, Waiting, application_of

# what a link from a card into a reviewer's private chat may stand for
LINKS: dict[str, type[PhotoOpened | RejectionOpened | ReturnOpened | QuestionOpened]] = {
    kind.verb: kind for kind in (PhotoOpened, RejectionOpened, ReturnOpened, QuestionOpened)
}
# the buttons of the message in which a reviewer asks the applicant something
ASKS = frozenset({QuestionSent.verb, QuestionDropped.verb})


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
    is_verdict = isinstance(event, Approved | RejectionBegun | Rejected | FormOpened)
    return event if decided and is_verdict else PressOutdated(by)


def link_event(press: Press, by: Reviewer, chat_id: int, state: State) -> ReviewEvent:
    """The event of a genuine link that was followed into a reviewer's private chat. Its verb is one of LINKS."""
    application = application_of(state)
    if application is not None and application.receipt != press.subject:
        return PressOutdated(by)
    return LINKS[press.verb](by, chat_id=chat_id)


def form_event(press: Press, by: Reviewer, state: State) -> FormEvent:
    """The event of a genuine button of a form. Its verb is one of FORM_PRESSES.

    Where nothing can be composed any more, it still comes through, and is told why.
    """
    kind = FORM_PRESSES[press.verb]
    event = kind(by, *((press.arg,) if press.arg else ()))
    return FormOutdated(by) if is_outdated(press, state) else event


def written_event(press: Press, by: Reviewer, text: str, chat: int, message_id: int) -> FormEvent:
    """The event of words that reply to a form whose first button this is."""
    kind = QuestionWritten if press.verb in ASKS else WordsWritten
    return kind(by, text, chat, message_id)


def form_action(press: Press, by: str, state: State | None) -> Action | None:
    """What he has to have the right to, who presses a button of his form or replies to it: to ask, or the decision it
    composes. `by`: the hash of his account."""
    if press.verb in ASKS:
        return "ask"
    if press.verb == FormDecided.verb:
        return DECIDES.get(press.arg)
    application = application_of(state) if state else None
    form = form_of(application, by) if application else None
    return DECIDES[form.outcome] if form else None


def is_outdated(press: Press, state: State) -> bool:
    """Whether a form's button is of another application, or of an earlier revision or round of what is under review."""
    application = application_of(state)
    if application is None:
        return False
    is_open = isinstance(state, Waiting | Rejecting)
    return application.receipt != press.subject or (is_open and press.stamp != stamp_of(application))
