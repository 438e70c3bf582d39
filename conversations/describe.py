"""RULES -> the picture in the README, as a Mermaid state diagram."""

from conversations.events import Event
from conversations.machine import RULES
from conversations.state import ALL_STATES


def picture() -> str:
    """A Mermaid `stateDiagram-v2` of every way from one state to another, by the events that lead there.

    Rows that stand for every state (help, privacy, delete ...) are named once under the diagram, not drawn.
    """
    ways: dict[tuple[int, int], list[str]] = {}
    for (state, event), rule in RULES.items():
        for after in rule.leads_to:
            if after is not state and event not in everywhere():
                ways.setdefault((ALL_STATES.index(state), ALL_STATES.index(after)), []).append(event.__name__)
    lines = ["stateDiagram-v2", f"    [*] --> {ALL_STATES[0].__name__}"]
    for (here, there), events in sorted(ways.items()):
        lines.append(
            f"    {ALL_STATES[here].__name__} --> {ALL_STATES[there].__name__}: {', '.join(sorted(events))}"
        )
    return "\n".join([*lines, ""])


def everywhere() -> frozenset[type[Event]]:
    """The events that one and the same function answers in every state."""
    functions: dict[type[Event], list[object]] = {}
    for (_, event), rule in RULES.items():
        functions.setdefault(event, []).append(rule.function)
    return frozenset(
        event for event, found in functions.items() if len(found) == len(ALL_STATES) and len(set(found)) == 1
    )
