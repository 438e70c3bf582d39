"""How far each attempt to apply has come: every step of it is counted once, and nothing of whose it was."""

from collections.abc import Iterator

from conversations.effects import Erase, Tally
from conversations.programme import Programme
from conversations.rules import Scene, Turn
from conversations.state import (
    Attempt,
    Checking,
    Confirming,
    Consenting,
    Drafting,
    Reading,
    Unsubmitted,
    Waiting,
    draft_of,
)

STARTED, AGREED, SUMMARY, SUBMITTED = "started", "agreed", "summary", "submitted"


def question_step(key: str) -> str:
    """The step at which a question is asked."""
    return f"question:{key}"


def steps(programme: Programme) -> tuple[str, ...]:
    """Every step there is, in the order of the form."""
    asked = (question_step(question.key) for question in programme.questions)
    return (STARTED, AGREED, *asked, SUMMARY, SUBMITTED)


def tallied(scene: Scene, turn: Turn) -> Turn:
    """The turn, with a tally for each step that its attempt has come to for the first time.

    An attempt begins with the agreement and ends with Submit, or with its draft. Changes to what was submitted
    before are none. A draft from before this was counted is counted from its next step on; one that is submitted at
    that step, not at all.
    """
    after = turn.applicant
    if any(isinstance(effect, Erase) for effect in turn.effects):
        return turn
    state, attempt = after.state, after.attempt
    if not isinstance(state, Unsubmitted):
        return _ended(scene, turn)
    if state.draft.recalled or (attempt is None and after.step == scene.applicant.step):
        return turn
    if attempt is None or draft_of(scene.state) is None:
        attempt = Attempt(began=scene.now)
    new = tuple(step for step in _come_to(scene.programme, state) if step not in attempt.reached)
    if not new:
        return turn
    attempt = attempt.model_copy(update={"reached": (*attempt.reached, *new)})
    counted = Turn(after.model_copy(update={"attempt": attempt}), turn.effects)
    return counted.and_also(*(Tally(step, attempt.began) for step in new))


def _ended(scene: Scene, turn: Turn) -> Turn:
    attempt = turn.applicant.attempt
    if attempt is None:
        return turn
    ended = Turn(turn.applicant.model_copy(update={"attempt": None}), turn.effects)
    is_submitted = isinstance(scene.state, Confirming) and isinstance(turn.applicant.state, Waiting)
    return ended.and_also(Tally(SUBMITTED, attempt.began)) if is_submitted else ended


def _come_to(programme: Programme, state: Unsubmitted) -> Iterator[str]:
    """The steps that lie behind somebody who stands there, and the one he stands at. A question that is not asked of
    him is passed when he stands behind it."""
    yield STARTED
    if isinstance(state, Reading):
        return
    yield AGREED
    here = _question_at(programme, state)
    asked = programme.asked(state.draft)
    for question in programme.questions:
        if question.key == here and isinstance(state, Consenting):
            return  # the consent stands before it
        if question.key == here or question not in asked or programme.is_settled(question, state.draft):
            yield question_step(question.key)
        if question.key == here:
            return
    if isinstance(state, Confirming):
        yield SUMMARY


def _question_at(programme: Programme, state: Unsubmitted) -> str:
    if isinstance(state, Drafting | Checking):
        return state.question
    if isinstance(state, Consenting):
        consent = programme.consent(state.consent)
        return consent.before if consent else ""
    return ""
