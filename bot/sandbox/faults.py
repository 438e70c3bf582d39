"""Faults on demand: what goes wrong between a bot and Telegram, by rule."""

from dataclasses import asdict, dataclass
from random import Random
from typing import Any, Literal, get_args

from bot.sandbox.errors import Impossible

FaultKind = Literal["502", "cut", "refuse", "hang", "lost", "429", "400", "403", "latency"]
DOWNLOAD = "download"  # the method's name for a file's bytes


@dataclass(slots=True)
class Fault:
    """One rule. It strikes the calls it fits: each with `probability`, or every n-th, the first `count` of them.

    502: an HTML page instead of an answer, nothing done. cut: done, but the JSON ends in the middle.
    refuse: the connection is reset, nothing done. hang: nothing done, reset after `seconds`. lost: done, and
    the connection ends before the answer. 429 (with `retry_after`), 400 and 403 (with `description`): refused,
    nothing done. latency: done, `seconds` later than usual.
    """

    kind: FaultKind
    method: str = "*"
    chat_id: int | None = None
    probability: float = 1.0
    count: int | None = None
    every: int = 1
    seconds: float = 1.0
    retry_after: int = 1
    description: str = ""
    fitted: int = 0  # calls that fitted so far
    struck: int = 0

    def fits(self, method: str, chat_id: int | None) -> bool:
        if self.method != "*" and self.method.lower() != method.lower():
            return False
        return self.chat_id is None or self.chat_id == chat_id

    def strikes(self, rng: Random) -> bool:
        """Count a call that fits, and decide."""
        if self.count is not None and self.struck >= self.count:
            return False
        self.fitted += 1
        if self.fitted % self.every or (self.probability < 1.0 and rng.random() >= self.probability):
            return False
        self.struck += 1
        return True


class Faults:
    """The rules in force, and a latency added to every call but getUpdates."""

    def __init__(self, seed: int, latency: float = 0.0) -> None:
        self.rules: list[Fault] = []
        self.latency = latency  # seconds
        self._rng = Random(seed)  # noqa: S311

    def add(self, fault: Fault) -> Fault:
        self.rules.append(fault)
        return fault

    def clear(self) -> None:
        self.rules.clear()
        self.latency = 0.0

    def pick(self, method: str, chat_id: int | None) -> Fault | None:
        """The first rule that strikes this call."""
        for rule in self.rules:
            if rule.fits(method, chat_id) and rule.strikes(self._rng):
                return rule
        return None

    def view(self) -> dict[str, Any]:
        """For the page."""
        return {"latency": self.latency, "rules": [asdict(rule) for rule in self.rules]}


def fault_from(rule: Any) -> Fault:
    """A rule as it comes in JSON. Raises Impossible."""
    if not isinstance(rule, dict) or str(rule.get("kind")) not in get_args(FaultKind):
        raise Impossible(f"a fault has a kind: {', '.join(get_args(FaultKind))}")
    known = {name: value for name, value in rule.items() if name in Fault.__slots__}
    try:
        fault = Fault(**{**known, "kind": str(rule["kind"])})
        fault.every = max(1, int(fault.every))
        fault.probability, fault.seconds = float(fault.probability), float(fault.seconds)
        fault.count = None if fault.count is None else int(fault.count)
        fault.retry_after = int(fault.retry_after)
    except (TypeError, ValueError):
        raise Impossible("a fault's figures must be numbers") from None
    return fault
