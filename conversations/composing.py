"""What happens next while a reviewer composes a decision in his private chat: all of it is in this file's table.

House rules: a form is its reviewer's own and changes nothing for others; the card stays as it is until he decides; he
has to have the right to decide when he opens it and when he decides; a form that is over says what became of it.
"""

from collections.abc import Callable
from typing import TypeVar

from conversations.application import Application, Decision, Draft, Form
from conversations.effects import Answer, Effect, Link, RefreshForm, RemoveReply, ShowForm
from conversations.events import (
    FORM_PRESSES,
    AnswerFlagged,
    FormDecided,
    FormDropped,
    FormEvent,
    FormOpened,
    FormOutdated,
    PreviewClosed,
    Previewed,
    QuestionWritten,
    ReasonMarked,
    RejectionOpened,
    ReturnOpened,
    WordsAsked,
    WordsDropped,
    WordsWritten,
)
from conversations.programme import Programme
from conversations.questions import Question
from conversations.review import NOT_SUBMITTED, Undecided, decide, decided_first, not_with_us, refusal
from conversations.rules import Rule, Scene, Turn, across, stay, toast
from conversations.state import Deciding, Rejecting, Settled, State, Waiting
from conversations.text import clean

LONGEST_WORDS = 1_000  # characters of a reviewer's own
MOST_REASONS = 10  # in one decision, so that all of it can be read in one message

E = TypeVar("E", bound=FormEvent)
Change = Callable[[Scene, Undecided, Form, E], Turn]


def form_of(application: Application, by: str) -> Form | None:
    """What that reviewer is composing."""
    return next((form for form in application.forms if form.by.ref == by), None)


def with_form(state: Undecided, form: Form) -> Undecided:
    """His form as it now is, in the place of his earlier one."""
    return _with_forms(state, (*_others(state, form.by.ref), form))


def _others(state: Undecided, by: str) -> tuple[Form, ...]:
    return tuple(form for form in state.application.forms if form.by.ref != by)


def _with_forms(state: Undecided, forms: tuple[Form, ...]) -> Undecided:
    application = state.application.model_copy(update={"forms": forms})
    return state.model_copy(update={"application": application})


def open_form(scene: Scene, state: Undecided, event: FormOpened) -> Turn:
    """In the group the press opens the private chat; there his form is shown, as he left it. What he changes his mind
    about, a rejection or a return, keeps its reasons and words."""
    application, by = state.application, event.by
    if refused := refusal(scene, application, by):
        return refused
    if not event.chat_id:
        return stay(scene, Answer(link=Link(event.verb, application.receipt)))
    form = form_of(application, by.ref) or Form(by=by, outcome=event.outcome)
    update: dict[str, object] = {"is_preview": False}
    if form.outcome != event.outcome:
        update |= {"outcome": event.outcome, "questions": ()}
    after = with_form(
        state, with_flags(scene.programme, application, form.model_copy(update=update), form.reasons)
    )
    return stay(scene, ShowForm(application.receipt, event.chat_id, by.ref), state=after)


def on_form(change: Change[E]) -> Callable[[Scene, Undecided, E], Turn]:
    """What is done to a form, where he has one; where he has none, its message is told to say so."""

    def changing(scene: Scene, state: Undecided, event: E) -> Turn:
        form = form_of(state.application, event.by.ref)
        if form is None:
            return shown(scene, state, event, Answer("form_closed"))
        return change(scene, state, form, event)

    return changing


def shown(scene: Scene, state: State, event: FormEvent, *effects: Effect) -> Turn:
    """The form follows the database."""
    application = getattr(state, "application", None)
    refresh = (
        (RefreshForm(application.receipt, event.by.ref),) if isinstance(application, Application) else ()
    )
    return stay(scene, *effects, *refresh)


def changed(scene: Scene, state: Undecided, form: Form, *effects: Effect) -> Turn:
    refresh = RefreshForm(state.application.receipt, form.by.ref)
    return stay(scene, *(effects or (Answer(),)), refresh, state=with_form(state, form))


def mark_reason(scene: Scene, state: Undecided, form: Form, event: ReasonMarked) -> Turn:
    key, is_on = event.mark[1:], event.mark.startswith("+")
    if key not in {reason.key for reason in scene.programme.reasons}:
        return shown(scene, state, event, Answer("outdated"))
    rest = tuple(one for one in reasons_of(scene, form) if one != key)
    if is_on and len(rest) >= MOST_REASONS:
        return toast(scene, "too_many_reasons", alert=True, most=MOST_REASONS)
    after = form.model_copy(update={"reasons": (*rest, key) if is_on else rest})
    if is_on:
        after = with_flags(scene.programme, state.application, after, (key,))
    else:  # what it alone had ticked
        still = flags_of(scene.programme, rest)
        gone = flags_of(scene.programme, (key,)) - still
        kept = tuple(question for question in after.questions if question not in gone)
        after = after.model_copy(update={"questions": kept})
    return changed(scene, state, after)


def flags_of(programme: Programme, reasons: tuple[str, ...]) -> frozenset[str]:
    """The questions that these reasons are about."""
    return frozenset(flag for reason in programme.reasons if reason.key in reasons for flag in reason.flags)


def with_flags(programme: Programme, application: Application, form: Form, reasons: tuple[str, ...]) -> Form:
    """What these reasons are about is to be looked at again, where it is returned."""
    if form.outcome != "returned":
        return form
    flags = flags_of(programme, reasons) | set(form.questions)
    asked = (question.key for question in questions_of(programme, application))
    return form.model_copy(update={"questions": tuple(key for key in asked if key in flags)})


def questions_of(programme: Programme, application: Application) -> tuple[Question, ...]:
    """Those that can be flagged: the ones that the form, as it stands, asks him, whether he answered them or not."""
    return programme.asked(Draft(answers=application.answers))


def flag_answer(scene: Scene, state: Undecided, form: Form, event: AnswerFlagged) -> Turn:
    asked = [question.key for question in questions_of(scene.programme, state.application)]
    key, is_on = event.mark[1:], event.mark.startswith("+")
    if key not in asked or form.outcome != "returned":
        return shown(scene, state, event, Answer("outdated"))
    ticked = {*form.questions, key} if is_on else {*form.questions} - {key}
    questions = tuple(one for one in asked if one in ticked)
    return changed(scene, state, form.model_copy(update={"questions": questions}))


def ask_for_words(scene: Scene, state: Undecided, form: Form, event: WordsAsked) -> Turn:
    return toast(scene, "reply_with_words", alert=True, most=LONGEST_WORDS)


def take_words(scene: Scene, state: Undecided, form: Form, event: WordsWritten) -> Turn:
    """Cleaned as all that is typed, and taken whole or not at all."""
    words = clean(event.text)
    if not words:
        return toast(scene, "words_in_text")
    if len(words) > LONGEST_WORDS:
        return toast(scene, "words_too_long", length=len(words), most=LONGEST_WORDS)
    after = form.model_copy(update={"words": words, "is_preview": False})
    return changed(scene, state, after, RemoveReply(event.chat_id, event.message_id))


def drop_words(scene: Scene, state: Undecided, form: Form, event: WordsDropped) -> Turn:
    return changed(scene, state, form.model_copy(update={"words": ""}))


def preview(scene: Scene, state: Undecided, form: Form, event: Previewed) -> Turn:
    if name := missing(scene, state.application, form):
        return toast(scene, name, alert=True)
    return changed(scene, state, form.model_copy(update={"is_preview": True}), Answer("preview"))


def close_preview(scene: Scene, state: Undecided, form: Form, event: PreviewClosed) -> Turn:
    return changed(scene, state, form.model_copy(update={"is_preview": False}))


def missing(scene: Scene, application: Application, form: Form) -> str:
    """What has to be there before one can decide. A rejection needs a reason, since only that says in his language how
    to go on; a return what is to be changed, and why."""
    if form.outcome == "rejected":
        return "" if reasons_of(scene, form) else "reason_missing"
    if not flagged_of(scene, application, form):
        return "answers_missing"
    return "" if reasons_of(scene, form) or form.words else "why_missing"


def flagged_of(scene: Scene, application: Application, form: Form) -> tuple[str, ...]:
    """Those that the form still asks, in its order."""
    asked = questions_of(scene.programme, application)
    return tuple(question.key for question in asked if question.key in form.questions)


def reasons_of(scene: Scene, form: Form) -> tuple[str, ...]:
    """Those that the programme still has, in its order."""
    return tuple(reason.key for reason in scene.programme.reasons if reason.key in form.reasons)


def decision_of(scene: Scene, application: Application, form: Form) -> Decision:
    """What would be decided by it now."""
    return Decision(
        outcome=form.outcome,
        by=form.by,
        at=scene.now,
        reasons=reasons_of(scene, form),
        words=form.words,
        questions=flagged_of(scene, application, form),
    )


def decide_form(scene: Scene, state: Undecided, form: Form, event: FormDecided) -> Turn:
    """As from the card; and only what the button said."""
    if event.outcome != form.outcome:
        return shown(scene, state, event, Answer("outdated"))
    if name := missing(scene, state.application, form):
        return toast(scene, name, alert=True)
    refused = refusal(scene, state.application, event.by)
    return refused or decide(scene, state, decision_of(scene, state.application, form))


def drop_form(scene: Scene, state: Undecided, form: Form, event: FormDropped) -> Turn:
    after = _with_forms(state, _others(state, form.by.ref))
    return stay(
        scene, Answer("form_closed"), RefreshForm(state.application.receipt, form.by.ref), state=after
    )


def outdated_form(scene: Scene, state: State, event: FormOutdated) -> Turn:
    return toast(scene, "outdated")


def form_over(scene: Scene, state: Deciding | Settled, event: FormEvent) -> Turn:
    """Someone has decided: who, what and when; the form says so too."""
    return decided_first(scene, state, event).and_also(RefreshForm(state.application.receipt, event.by.ref))


UNDECIDED = (Waiting, Rejecting)
OPENED = (RejectionOpened, ReturnOpened)
FORM_EVENTS = (*FORM_PRESSES.values(), WordsWritten, QuestionWritten)

RULES: tuple[Rule | tuple[Rule, ...], ...] = (
    *(across(UNDECIDED, event, open_form) for event in OPENED),
    *(across((Deciding, Settled), event, decided_first) for event in OPENED),
    *(across(NOT_SUBMITTED, event, not_with_us) for event in OPENED),
    across(UNDECIDED, ReasonMarked, on_form(mark_reason)),
    across(UNDECIDED, AnswerFlagged, on_form(flag_answer)),
    across(UNDECIDED, WordsAsked, on_form(ask_for_words)),
    across(UNDECIDED, WordsWritten, on_form(take_words)),
    across(UNDECIDED, WordsDropped, on_form(drop_words)),
    across(UNDECIDED, Previewed, on_form(preview)),
    across(UNDECIDED, PreviewClosed, on_form(close_preview)),
    across(UNDECIDED, FormDecided, on_form(decide_form), Deciding),
    across(UNDECIDED, FormDropped, on_form(drop_form)),
    across((*UNDECIDED, *NOT_SUBMITTED, Deciding, Settled), FormOutdated, outdated_form),
    *(across((Deciding, Settled), event, form_over) for event in FORM_EVENTS),
    *(across(NOT_SUBMITTED, event, not_with_us) for event in FORM_EVENTS),
)
