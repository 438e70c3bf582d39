"""What happens next while a reviewer asks the applicant something: all of it is in this file's table.

House rules: nothing is sent before its reviewer has seen it as the applicant will read it; a question returns nothing
and decides nothing, so another's claim does not forbid it: who may decide is one thing, who may ask another, and the
card tells the one who holds it what was asked; nobody asks himself.
"""

from collections.abc import Callable
from typing import TypeVar

from conversations.application import Application, Asking, Reviewer, Said
from conversations.composing import LONGEST_WORDS
from conversations.effects import (
    Answer,
    Audit,
    Link,
    Notify,
    Refresh,
    RefreshForm,
    RemoveReply,
    Say,
    ShowForm,
)
from conversations.events import FormEvent, QuestionDropped, QuestionOpened, QuestionSent, QuestionWritten
from conversations.review import NOT_SUBMITTED, Undecided, decided_first, not_with_us
from conversations.rules import Rule, Scene, Turn, across, stay, toast
from conversations.state import Deciding, Rejecting, Settled, Waiting
from conversations.text import clean

MOST_SAID = 100  # times that one application's talk may go on: all of it is kept, and read by people
_MARK = ":question"

E = TypeVar("E", bound=FormEvent)


def key_of(by: str) -> str:
    """By which the message in which that reviewer asks is told from that in which he composes a decision."""
    return f"{by}{_MARK}"


def whose(key: str) -> str:
    """The hash of the reviewer's account, by the key of either message."""
    return key.removesuffix(_MARK)


def is_question(key: str) -> bool:
    return key.endswith(_MARK)


def asking_of(application: Application, by: str) -> Asking | None:
    """What that reviewer is about to ask."""
    return next((one for one in application.asking if one.by.ref == by), None)


def open_question(scene: Scene, state: Undecided, event: QuestionOpened) -> Turn:
    """In the group the press opens the private chat; there he finds what he had begun to ask."""
    application, by = state.application, event.by
    if by.ref == scene.applicant.ref:
        return toast(scene, "own_application", alert=True)
    if len(application.talk) >= MOST_SAID:
        return toast(scene, "talk_is_full", alert=True)
    if not event.chat_id:
        return stay(scene, Answer(link=Link(event.verb, application.receipt)))
    begun = asking_of(application, by.ref) or Asking(by=by)
    show = ShowForm(application.receipt, event.chat_id, key_of(by.ref))
    return stay(scene, show, state=with_asking(state, by, begun))


def with_asking(state: Undecided, by: Reviewer, asking: Asking | None, **changes: object) -> Undecided:
    """What he asks as it now is, in the place of what he asked before; None for nothing."""
    others = tuple(one for one in state.application.asking if one.by.ref != by.ref)
    update = {"asking": (*others, asking) if asking else others, **changes}
    return state.model_copy(update={"application": state.application.model_copy(update=update)})


def on_question(
    change: Callable[[Scene, Undecided, Asking, E], Turn],
) -> Callable[[Scene, Undecided, E], Turn]:
    """What is done to a question that is not sent; where there is none, its message is told to say so."""

    def changing(scene: Scene, state: Undecided, event: E) -> Turn:
        asking = asking_of(state.application, event.by.ref)
        if asking is None:
            return stay(scene, Answer("question_closed"), follow(state, event.by))
        return change(scene, state, asking, event)

    return changing


def follow(state: Undecided, by: Reviewer) -> RefreshForm:
    """The message in which he asks follows the database."""
    return RefreshForm(state.application.receipt, key_of(by.ref))


def write(scene: Scene, state: Undecided, asking: Asking, event: QuestionWritten) -> Turn:
    """Cleaned as all that is typed, and taken whole or not at all."""
    words = clean(event.text)
    if not words:
        return toast(scene, "words_in_text")
    if len(words) > LONGEST_WORDS:
        return toast(scene, "words_too_long", length=len(words), most=LONGEST_WORDS)
    after = Asking(by=event.by, words=words, edition=asking.edition + 1)
    removed = RemoveReply(event.chat_id, event.message_id)
    return stay(scene, removed, follow(state, event.by), state=with_asking(state, event.by, after))


def send(scene: Scene, state: Undecided, asking: Asking, event: QuestionSent) -> Turn:
    """The applicant reads it at once. What he had typed before and not confirmed was no answer to it, and is
    forgotten."""
    application = state.application
    if not asking.words or event.edition != str(asking.edition):
        return stay(scene, Answer("outdated"), follow(state, event.by))
    if event.by.ref == scene.applicant.ref:
        return toast(scene, "own_application", alert=True)
    said = Said(by=event.by, at=scene.now, words=asking.words)
    return stay(
        scene,
        Answer("question_sent"),
        as_read(application, asking.words),
        follow(state, event.by),
        Refresh(application.receipt),
        *((Notify(application.receipt),) if application.unanswered else ()),
        Audit("asked", f"{application.receipt} {event.by.ref}"),
        state=with_asking(state, event.by, None, talk=(*application.talk, said)),
        unsent="",
    )


def as_read(application: Application, words: str) -> Say:
    """What the applicant reads."""
    return Say("asked", {"receipt": application.receipt, "written": words})


def drop(scene: Scene, state: Undecided, asking: Asking, event: QuestionDropped) -> Turn:
    answer = Answer("question_dropped")
    return stay(scene, answer, follow(state, event.by), state=with_asking(state, event.by, None))


UNDECIDED = (Waiting, Rejecting)

RULES: tuple[Rule | tuple[Rule, ...], ...] = (
    across(UNDECIDED, QuestionOpened, open_question),
    across(UNDECIDED, QuestionWritten, on_question(write)),
    across(UNDECIDED, QuestionSent, on_question(send)),
    across(UNDECIDED, QuestionDropped, on_question(drop)),
    across((Deciding, Settled), QuestionOpened, decided_first),
    across(NOT_SUBMITTED, QuestionOpened, not_with_us),
)
