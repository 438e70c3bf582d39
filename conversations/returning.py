"""What a returned application lets its owner change: the answers he was asked to look at again, and no others.

But for what follows from a change: an answer that no longer fits (another kind of card, a form that is another now) has
to be given anew, and can then be changed too.
"""

from collections.abc import Iterator

from conversations.application import Answer, Application, Decision, Draft, Return, recalled_draft
from conversations.programme import Programme
from conversations.questions import Question


def handed_back(application: Application, decision: Decision) -> Draft:
    """What was submitted, open for the changes that were asked for."""
    returned = application.model_copy(update={"returned": Return(decision=decision)})
    return recalled_draft(returned).model_copy(update={"returned": decision})


def flagged(programme: Programme, draft: Draft) -> tuple[Question, ...]:
    """The questions he is to look at again, as far as they are still asked."""
    keys = draft.returned.questions if draft.returned else ()
    return tuple(question for question in programme.asked(draft) if question.key in keys)


def left_to_do(programme: Programme, draft: Draft) -> tuple[Question, ...]:
    """Those of them at which he has not looked yet."""
    return tuple(question for question in flagged(programme, draft) if question.key not in draft.done)


def may_change(programme: Programme, draft: Draft, question: Question) -> bool:
    """Whether his answer to that question is open for changes."""
    if draft.returned is None or question.key in draft.returned.questions:
        return True
    return not programme.is_settled(question, draft) or question.key in _changed(draft)


def ticked(programme: Programme, draft: Draft, question: Question) -> Draft:
    """He has looked at it: answered it, or left it as it is."""
    if question not in left_to_do(programme, draft) or not programme.is_settled(question, draft):
        return draft
    return draft.model_copy(update={"done": (*draft.done, question.key)})


def what_was(draft: Draft) -> Return | None:
    """What was asked for, beside the answers as they were: for the card, once it is submitted again.

    Of an application that he takes back himself after that, reviewers still see what they had asked for.
    """
    if draft.returned is None or draft.recalled is None:
        return draft.recalled.returned if draft.recalled else None
    keys = {*draft.returned.questions, *_changed(draft)}
    before: dict[str, Answer] = {key: one for key, one in draft.recalled.answers.items() if key in keys}
    return Return(decision=draft.returned, answers=before)


def _changed(draft: Draft) -> Iterator[str]:
    """The questions whose answers are not those that were submitted."""
    if draft.recalled is not None:
        before = draft.recalled.answers
        for key in before.keys() | draft.answers.keys():
            if before.get(key) != draft.answers.get(key):
                yield key
