"""How a table of rules works: a row is a state, an event, the function that answers it, and the states it may lead to.

A rule is a pure function of the scene, the state and the event; it returns a `Turn`. A pair that stands in no
table has one meaning: answer politely, change nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from conversations.application import Record
from conversations.effects import Answer, Effect, Say
from conversations.errors import BrokenRule
from conversations.events import Event
from conversations.programme import Programme
from conversations.state import Applicant, State

S = TypeVar("S", bound=Record)
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a rule may look at besides state and event. `fresh` is a new random token, drawn outside."""

    programme: Programme
    applicant: Applicant
    now: datetime
    fresh: str = ""
    pressed: bool = False  # the event was a press, which must be answered

    @property
    def state(self) -> State:
        return self.applicant.state


@dataclass(frozen=True, slots=True)
class Turn:
    """What one event led to: the person as he now stands, and what is to be done."""

    applicant: Applicant
    effects: tuple[Effect, ...] = ()

    def and_also(self, *effects: Effect) -> "Turn":
        return Turn(self.applicant, (*self.effects, *effects))


Function = Callable[[Scene, Any, Any], Turn]


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. With no states named under `leads_to`, the state's type stays."""

    state: type[Record]
    event: type[Event]
    function: Function
    leads_to: tuple[type[Record], ...] = ()


def on(
    state: type[S], event: type[E], function: Callable[[Scene, S, E], Turn], *leads_to: type[Record]
) -> Rule:
    """A row for one state; mypy refuses a function that takes another state or event."""
    return Rule(state, event, function, leads_to)


def across(
    states: Iterable[type[Record]],
    event: type[E],
    function: Callable[[Scene, Any, E], Turn],
    *leads_to: type[Record],
) -> tuple[Rule, ...]:
    """The same row for several states."""
    return tuple(Rule(state, event, function, leads_to) for state in states)


Table = Mapping[tuple[type[Record], type[Event]], Rule]


def table(*rules: Rule | tuple[Rule, ...]) -> Table:
    """Rows by state and event; a pair that stands twice is a mistake of ours."""
    rows: dict[tuple[type[Record], type[Event]], Rule] = {}
    for rule in rules:
        for row in (rule,) if isinstance(rule, Rule) else rule:
            if (row.state, row.event) in rows:
                raise BrokenRule(f"{row.state.__name__} and {row.event.__name__} stand twice")
            rows[row.state, row.event] = row
    return rows


def step(rows: Table, scene: Scene, event: Event) -> Turn | None:
    """What the table says, checked against the states its row allows; None when no row fits."""
    rule = rows.get((type(scene.state), type(event)))
    if rule is None:
        return None
    turn = rule.function(scene, scene.state, event)
    after = type(turn.applicant.state)
    if after is not rule.state and after not in rule.leads_to:
        raise BrokenRule(f"{rule.state.__name__} on {rule.event.__name__} led to {after.__name__}")
    return turn


def stay(scene: Scene, *effects: Effect, **changes: Any) -> Turn:
    """The state stays; perhaps something else about the person changes."""
    applicant = scene.applicant.model_copy(update=changes) if changes else scene.applicant
    return Turn(applicant, effects)


def move(scene: Scene, state: State, *effects: Effect, **changes: Any) -> Turn:
    """Another state, and a new step: buttons of the last one are stale from now on."""
    update = {"state": state, "step": scene.applicant.step + 1, "said": (), "unsent": "", **changes}
    return Turn(scene.applicant.model_copy(update=update), effects)


def toast(scene: Scene, name: str, *, alert: bool = False, **values: Any) -> Turn:
    """Only an answer to the press."""
    return stay(scene, Answer(name, values, alert=alert))


def tell_once(scene: Scene, name: str, **values: Any) -> Turn:
    """A short help: a toast for a press; otherwise a message, given once in a step."""
    if scene.pressed:
        return toast(scene, name, **values)
    if name in scene.applicant.said:
        return stay(scene)
    return stay(scene, Say(name, values), said=(*scene.applicant.said, name))
