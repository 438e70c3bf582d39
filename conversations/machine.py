"""The whole dialogue as one pure function: programme, person and event in; the turn out."""

from dataclasses import replace

from conversations import applicant, asking, composing, review, rights, silence, talking
from conversations.effects import Answer, Erase, Unsay
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
from conversations.keeping import heard, with_what_is_there
from conversations.rules import Scene, Turn, step, table, tell_once, toast
from conversations.state import Applicant
from conversations.tallying import tallied

RULES = table(
    *applicant.RULES,
    *rights.RULES,
    *silence.RULES,
    *review.RULES,
    *composing.RULES,
    *asking.RULES,
    *talking.RULES,
)

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
    before = scene.applicant
    if not isinstance(event, _NOT_HIS):
        scene = replace(scene, applicant=heard(before, scene.now))
    turn = tallied(scene, step(RULES, scene, event) or _unexpected(scene))
    turn = _without_what_is_gone(before, turn)
    if scene.pressed and not any(isinstance(effect, Answer) for effect in turn.effects):
        turn = turn.and_also(Answer())
    return turn


def _without_what_is_gone(before: Applicant, turn: Turn) -> Turn:
    """What he was told holds only of what is there; and what waits to be told that holds no more is not said."""
    if any(isinstance(effect, Erase) for effect in turn.effects):
        return turn
    after = with_what_is_there(before, turn.applicant)
    void = [thing for thing, told in before.announced.items() if after.announced.get(thing) != told]
    return Turn(after, (*(Unsay(thing) for thing in void), *turn.effects))


def _unexpected(scene: Scene) -> Turn:
    """A pair that stands in no table: answer politely, change nothing."""
    return toast(scene, "stale") if scene.pressed else tell_once(scene, "not_now")
