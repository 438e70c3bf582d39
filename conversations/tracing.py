"""From a clause of the agreement to the field it collects, what for, under which consent, and how long it is kept.

What breaks this chain is a mistake in the programme, named as every other: key, what was found, what is allowed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from conversations.programme import START, Programme
from conversations.questions import IdentityQuestion, Question

DRAFT, PHOTO = "draft", "photo"
OUTCOMES = ("approved", "rejected", "withdrawn")


@dataclass(frozen=True, slots=True)
class Trace:
    """One field. `consents`: those that stand before it; `kept`: (kind of thing, days) each."""

    clause: str
    field: str
    required: bool
    sensitive: bool
    purposes: tuple[str, ...]
    consents: tuple[str, ...]
    kept: tuple[tuple[str, int], ...]


def traces(programme: Programme) -> list[Trace]:
    """Every field, in the order of the clauses and then of the form."""
    clauses = list(programme.clauses)
    asked = sorted(programme.questions, key=lambda question: clauses.index(question.clause))
    return [_trace(programme, question) for question in asked]


def _trace(programme: Programme, question: Question) -> Trace:
    return Trace(
        clause=question.clause,
        field=question.key,
        required=question.required,
        sensitive=is_sensitive(question),
        purposes=question.purposes,
        consents=tuple(
            consent.key for place in (START, question.key) for consent in programme.consents_before(place)
        ),
        kept=tuple((kind, days_of(programme, kind)) for kind in kinds_of(question)),
    )


def is_sensitive(question: Question) -> bool:
    return question.sensitive or isinstance(question, IdentityQuestion)


def kinds_of(question: Question) -> tuple[str, ...]:
    """The kinds of things in which its answer stands."""
    return (DRAFT, PHOTO) if isinstance(question, IdentityQuestion) else (DRAFT, *OUTCOMES)


def days_of(programme: Programme, kind: str) -> int:
    """How long a kind of thing is kept."""
    days: int = getattr(programme.retention, f"{kind}_days")
    return days


def unused_purposes(programme: Programme) -> tuple[str, ...]:
    """What the agreement asks for and no field serves."""
    given = dict.fromkeys(purpose for purposes in programme.clauses.values() for purpose in purposes)
    used = {purpose for question in programme.questions for purpose in question.purposes}
    return tuple(purpose for purpose in given if purpose not in used)


def breaks(programme: Programme) -> Iterator[tuple[str, str, str]]:
    """Where the chain does not hold: (key, what was found, what is allowed)."""
    yield from _broken_clauses(programme)
    for question in programme.questions:
        guards = [one for one in programme.consents_before(question.key) if one.required]
        if is_sensitive(question) and not guards:
            allowed = f'a table [consents.KEY] with before = "{question.key}", and not required = false'
            yield f"questions.{question.key}", "a sensitive field without a consent of its own", allowed
    has_photo = any(isinstance(question, IdentityQuestion) for question in programme.questions)
    for kind in (DRAFT, *((PHOTO,) if has_photo else ()), *OUTCOMES):
        if f"{kind}_days" not in programme.retention.model_fields_set:
            yield f"retention.{kind}_days", "nothing", "a whole number of days, 1 to 36500"
    purposes = {purpose for given in programme.clauses.values() for purpose in given}
    for purpose in programme.exports.fulfilment:
        if purpose not in purposes:
            yield (
                "exports.fulfilment",
                repr(purpose),
                f"a purpose of [clauses]: {', '.join(sorted(purposes))}",
            )


def _broken_clauses(programme: Programme) -> Iterator[tuple[str, str, str]]:
    named = {question.clause for question in programme.questions}
    for clause in programme.collects:
        if clause not in programme.clauses:
            yield "collects", repr(clause), f"a key of [clauses]: {', '.join(programme.clauses)}"
        elif clause not in named:
            yield (
                "collects",
                f"clause {clause}, which no question names",
                f'clause = "{clause}" in a question',
            )
    for question in programme.questions if programme.collects else ():
        if question.clause in programme.clauses and question.clause not in programme.collects:
            allowed = f"a clause of collects: {', '.join(programme.collects)}"
            yield f"questions.{question.key}.clause", repr(question.clause), allowed
