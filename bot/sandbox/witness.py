"""What was called and what was delivered, for whoever has to prove something."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Call:
    """One Bot API call. `at` is time.monotonic() when it was acted on."""

    at: float
    method: str
    chat_id: int | None
    params: dict[str, Any]
    ok: bool = True
    error_code: int | None = None
    description: str | None = None
    message_id: int | None = None
    fault: str | None = None  # the kind of an injected fault
    files: tuple[str, ...] = ()  # the names of those that came with it
    in_reply: bool = False  # it came as the answer to a webhook delivery: no request of its own


@dataclass(slots=True)
class Delivery:
    """One update on its way. Times are time.monotonic()."""

    update_id: int
    kind: str
    created_at: float
    attempts: list[float] = field(default_factory=list)
    confirmed_at: float | None = None


class Witness:
    """Calls in order, deliveries by update_id; counters go on when recording is switched off."""

    def __init__(self, recording: bool = True) -> None:
        self.recording = recording
        self.calls: list[Call] = []
        self.deliveries: dict[int, Delivery] = {}
        self.counts: Counter[str] = Counter()  # by method
        self.refused: Counter[int] = Counter()  # by error_code

    def clear(self) -> None:
        """Forget the records, keep the counters."""
        self.calls.clear()
        self.deliveries.clear()

    def called(self, call: Call) -> None:
        """A call begins to be acted on."""
        self.counts[call.method] += 1
        if self.recording:
            self.calls.append(call)

    def failed(self, call: Call, code: int, description: str) -> None:
        """A call was refused."""
        self.refused[code] += 1
        call.ok, call.error_code, call.description = False, code, description

    def created(self, update_id: int, kind: str) -> None:
        if self.recording:
            self.deliveries[update_id] = Delivery(update_id, kind, time.monotonic())

    def attempted(self, update_id: int) -> None:
        delivery = self.deliveries.get(update_id)
        if delivery is not None:
            delivery.attempts.append(time.monotonic())

    def confirmed(self, update_id: int) -> None:
        delivery = self.deliveries.get(update_id)
        if delivery is not None and delivery.confirmed_at is None:
            delivery.confirmed_at = time.monotonic()
