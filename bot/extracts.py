"""What may leave by an export, for whom: the columns that a purpose gives, and what stands in them.

For review all of an application; for fulfilment the answers that were collected for it; for statistics numbers. A photo
never leaves: of it is told that it is there, and of what.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from bot.exported import PURPOSES
from bot.mistakes import Refused
from bot.programmes import SETTINGS, Loaded, load
from conversations import Programme
from conversations.application import Answer, Application, Chosen, Pictured
from conversations.questions import Question
from conversations.state import Settled, State, application_of
from storage.store import OPEN_STATUSES

REVIEW, FULFILMENT, STATISTICS = PURPOSES
OWN = "application."  # begins a column that is no question's: no question's key has a dot
STATUSES = {
    REVIEW: OPEN_STATUSES,
    FULFILMENT: ("approved",),
    STATISTICS: (*OPEN_STATUSES, "recalled", "returned", "approved", "rejected", "withdrawn"),
}
_COLUMNS = {
    REVIEW: {
        "receipt": "its number",
        "status": "waiting, rejecting or deciding",
        "submitted_at": "when, in UTC",
        "revision": "how often it was submitted",
        "language": "the applicant's",
        "claimed": "whether a reviewer has it in hand",
        "earlier": "how the applications before it ended",
    },
    FULFILMENT: {
        "receipt": "its number",
        "approved_at": "when he was told, in UTC",
        "language": "the applicant's",
    },
}
_AFTER = {
    "left_out": "optional questions that were not answered",
    "other_answers": "answers to questions that the form has no more",
}
COUNTS = {
    "count_of": "what is counted",
    "group": "which of them",
    "number": "how many; small groups together",
}


def columns(loaded: Loaded, purpose: str) -> dict[str, str]:
    """What a purpose gives, each column with what stands in it. Raises Refused when it gives none."""
    programme = loaded.programme
    if purpose == STATISTICS:
        return COUNTS
    if purpose == FULFILMENT and not programme.exports.fulfilment:
        purposes = dict.fromkeys(one for given in programme.clauses.values() for one in given)
        allowed = f"a list of purposes among {', '.join(purposes)}"
        raise Refused(f"{SETTINGS}: exports.fulfilment: found nothing; allowed: {allowed}")
    words = loaded.words[programme.review.language]["questions"]
    found = {f"{OWN}{name}": what for name, what in _COLUMNS[purpose].items()}
    for question in programme.questions:
        if purpose == REVIEW or _serves(programme, question):
            found[question.key] = f"{words[question.key]['name']}: to {', '.join(question.purposes)}"
    if purpose == REVIEW:
        found |= {f"{OWN}{name}": what for name, what in _AFTER.items()}
    return found


def _serves(programme: Programme, question: Question) -> bool:
    """Whether its answer was collected for what comes after an approval."""
    return not set(question.purposes).isdisjoint(programme.exports.fulfilment)


def listed(folder: Path | None, purpose: str | None) -> list[str]:
    """`--list-columns`, as lines. Raises ProgrammeMistakes, Refused."""
    loaded = load(folder)
    return [
        line for one in PURPOSES if purpose in {None, one} for line in _listed(loaded, one, purpose is None)
    ]


def _listed(loaded: Loaded, purpose: str, is_one_of_all: bool) -> Iterator[str]:
    try:
        found = columns(loaded, purpose)
    except Refused as nothing:
        if not is_one_of_all:
            raise
        yield f"{purpose}: nothing: {nothing}"
        return
    width = max(map(len, found))
    yield f"{purpose}:"
    yield from (f"  {name.ljust(width)}  {what}" for name, what in found.items())


def chosen(loaded: Loaded, purpose: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of those names, in that order; without names, all. Raises Refused."""
    given = columns(loaded, purpose)
    for name in names:
        if name not in given:
            raise Refused(f"--columns: {_why_not(loaded.programme, purpose, name, given)}")
    return tuple(dict.fromkeys(names)) or tuple(given)


def _why_not(programme: Programme, purpose: str, name: str, given: dict[str, str]) -> str:
    question = programme.question(name)
    if question is not None and purpose == FULFILMENT:
        serving = ", ".join(programme.exports.fulfilment)
        collected = f"{name} was collected to {', '.join(question.purposes)}"
        return f"{collected}; for fulfilment leaves what serves one of {serving} (exports.fulfilment in {SETTINGS})"
    near = get_close_matches(name, [*given, *(key.removeprefix(OWN) for key in given)], n=1)
    meant = next((key for key in given if near and key.removeprefix(OWN) == near[0].removeprefix(OWN)), "")
    cure = f"did you mean {meant}? " if meant else ""
    return f"no column {name!r} for {purpose}; {cure}`intake export --list-columns` names them"


def statuses(purpose: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Which applications: of those statuses; without names, of all that the purpose gives. Raises Refused."""
    allowed = STATUSES[purpose]
    for name in names:
        if name not in allowed:
            raise Refused(f"--status: found {name!r}; allowed for {purpose}: {', '.join(allowed)}")
    return names or allowed


def cells(programme: Programme, status: str, state: State) -> dict[str, str] | None:
    """By the columns' names, those of every purpose. None when there is no application in it."""
    application = application_of(state)
    if application is None:
        return None
    known = {question.key for question in programme.questions}
    others = {key: answer for key, answer in application.answers.items() if key not in known}
    own = {
        "receipt": application.receipt,
        "status": status,
        "submitted_at": f"{application.submitted_at:%Y-%m-%dT%H:%M:%SZ}",
        "approved_at": f"{state.closed.at:%Y-%m-%dT%H:%M:%SZ}" if isinstance(state, Settled) else "",
        "revision": str(application.revision),
        "language": application.language,
        "claimed": "yes" if application.claimed_by else "no",
        "earlier": _earlier(application),
        "left_out": ", ".join(application.skipped),
        "other_answers": "\n".join(f"{key}: {_told(answer)}" for key, answer in others.items()),
    }
    answers = {key: _told(answer) for key, answer in application.answers.items() if key in known}
    return {**{f"{OWN}{name}": value for name, value in own.items()}, **answers}


def _earlier(application: Application) -> str:
    return ", ".join(f"{one.outcome} {one.at:%Y-%m-%d}" for one in application.earlier)


def _told(answer: Answer) -> str:
    match answer:
        case Chosen(option=option, text=text):
            return f"{option}: {text}" if text else option
        case Pictured(sides=sides, variant=variant):
            what = f"photo ({', '.join(sides)})" if sides else "photo, deleted"
            return f"{what}, {variant}" if variant else what
        case _:
            return answer.text
