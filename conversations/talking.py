"""What happens next when an applicant writes while his application is under review: all of it is in this file's table.

House rules: nothing reaches the reviewers that he has not seen as it will reach them and confirmed; what he does not
confirm is forgotten at the next step; a decision that he is not told of changes nothing for him; no photo or file is
passed on, since none of it would be checked.
"""

from conversations.application import Said
from conversations.asking import MOST_SAID
from conversations.composing import LONGEST_WORDS
from conversations.effects import Answer, Audit, Button, Notify, Refresh, Say
from conversations.events import PhotoArrived, Replied, SomethingElse, WordsHeldBack, WordsPassedOn
from conversations.prompts import show
from conversations.rules import Rule, Scene, Turn, across, move, stay, tell_once, toast
from conversations.state import Deciding, Open, Rejecting, Waiting
from conversations.text import clean

MOST_UNANSWERED = 10  # messages in a row: then it is the reviewers' turn


def offer(scene: Scene, state: Open, event: Replied) -> Turn:
    """What he typed, as it would be passed on; one tap sends it. A step of its own, so that no older button does."""
    words = clean(event.text)
    if not words:
        return tell_once(scene, "only_words")
    if len(words) > LONGEST_WORDS:
        return stay(scene, Say("words_too_long", {"length": len(words), "most": LONGEST_WORDS}))
    if is_full(state):
        return tell_once(scene, "talk_waits", most=MOST_UNANSWERED)
    values = {"receipt": state.application.receipt, "written": words, "asked": state.application.asked}
    row = (Button("pass_on", style="success"), Button("hold_back"))
    return move(scene, state, Say("pass_on", values, (row,)), unsent=words)


def is_full(state: Open) -> bool:
    application = state.application
    return application.unanswered >= MOST_UNANSWERED or len(application.talk) >= MOST_SAID


def pass_on(scene: Scene, state: Open, event: WordsPassedOn) -> Turn:
    """Onto the card, whatever the reviewers are about there; they are told quietly that it has something new."""
    words, application = scene.applicant.unsent, state.application
    if not words:
        return toast(scene, "nothing_to_pass_on", alert=True)
    if is_full(state):
        return toast(scene, "talk_waits", alert=True, most=MOST_UNANSWERED)
    talk = (*application.talk, Said(at=scene.now, words=words))
    after = state.model_copy(update={"application": application.model_copy(update={"talk": talk})})
    return show(
        scene,
        after,
        Answer(),
        Refresh(application.receipt),
        Notify(application.receipt),
        Audit("wrote", application.receipt),
        notes=(Say("passed_on"),),
    )


def hold_back(scene: Scene, state: Open, event: WordsHeldBack) -> Turn:
    if not scene.applicant.unsent:
        return toast(scene, "nothing_to_pass_on", alert=True)
    return show(scene, state, Answer(), notes=(Say("held_back"),))


def words_only(scene: Scene, state: Open, event: PhotoArrived | SomethingElse) -> Turn:
    return tell_once(scene, "only_words")


OPEN = (Waiting, Rejecting, Deciding)

RULES: tuple[Rule | tuple[Rule, ...], ...] = (
    across(OPEN, Replied, offer),
    across(OPEN, WordsPassedOn, pass_on),
    across(OPEN, WordsHeldBack, hold_back),
    across(OPEN, PhotoArrived, words_only),
    across(OPEN, SomethingElse, words_only),
)
