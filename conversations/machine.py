"""The whole dialogue as one pure function: programme, person and event in; the turn out."""

from dataclasses import replace

from conversations import applicant, composing, review, rights, silence
from conversations.effects import Answer
from conversations.events import (
    ConsentsEnded,
    DataRestored,
    ErasureOrdered,
    Event,
    FellSilent,
    PhotoChecked,
    RetentionShortened,
    ReviewEvent,
    UndoWindowPassed,
)
from conversations.rules import Scene, Turn, step, table, tell_once, toast
from conversations.tallying import tallied

RULES = table(*applicant.RULES, *rights.RULES, *silence.RULES, *review.RULES, *composing.RULES)

# All else shows that the person himself is there: the clock of reminders and expiry starts anew.
_NOT_HIS = (
    ReviewEvent,
    PhotoChecked,
    UndoWindowPassed,
    FellSilent,
    RetentionShortened,
    DataRestored,
    ErasureOrdered,
    ConsentsEnded,
)


def advance(scene: Scene, event: Event) -> Turn:
    """Answer one event. Nothing an applicant or reviewer can do raises; a press is always answered.

    An `Answer` to something that was not a press is for whoever carries it out to drop or to say.
    Raises BrokenRule when a rule leads to a state its row does not name: a mistake of ours.
    """
    if scene.applicant.language not in scene.programme.languages:  # it was taken out of the programme
        speaks = scene.applicant.model_copy(update={"language": scene.programme.languages[0]})
        scene = replace(scene, applicant=speaks)
    turn = tallied(scene, step(RULES, scene, event) or _unexpected(scene))
    if scene.pressed and not any(isinstance(effect, Answer) for effect in turn.effects):
        turn = turn.and_also(Answer())
    if isinstance(event, _NOT_HIS):
        return turn
    return Turn(turn.applicant.model_copy(update={"heard_at": scene.now}), turn.effects)


def _unexpected(scene: Scene) -> Turn:
    """A pair that stands in no table: answer politely, change nothing."""
    return toast(scene, "stale") if scene.pressed else tell_once(scene, "not_now")
