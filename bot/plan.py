"""What a batch will write, thought through in memory before the database is touched."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.errands import Errand, Sealer
from bot.people import Person
from storage import audit_log, outgoing, statistics, store
from storage.audit_log import AuditEntry
from storage.engine import Transaction
from storage.vault import Vault

Write = Callable[[Transaction], None]


@dataclass(frozen=True, slots=True)
class CallbackAnswer:
    """What one press is answered with; never kept, since a press waits only 150 s."""

    update_id: int
    callback_id: str
    text: str = ""
    alert: bool = False
    url: str = ""

    def params(self) -> dict[str, Any]:
        """As answerCallbackQuery takes it."""
        params: dict[str, Any] = {"callback_query_id": self.callback_id}
        if self.text:
            params["text"] = self.text
        if self.alert:
            params["show_alert"] = True
        if self.url:
            params["url"] = self.url
        return params


@dataclass(slots=True)
class Outcome:
    """What came of an errand: rows to write with its end, and further errands with the key that seals them.

    `late`: errands that one of the writes has found to be needed and entered itself.
    """

    writes: list[Write] = field(default_factory=list)
    errands: list[tuple[Errand, Sealer]] = field(default_factory=list)
    late: list[Errand] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """The outcome of one update, or of all that came together. Merged only when an update's thinking succeeded."""

    now: datetime
    writes: list[Write] = field(default_factory=list)
    errands: list[tuple[Errand, Person | None]] = field(default_factory=list)
    answers: list[CallbackAnswer] = field(default_factory=list)
    audits: list[AuditEntry] = field(default_factory=list)
    tallies: Counter[tuple[str, str]] = field(default_factory=Counter)  # by day and step
    seen: list[int] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)
    has_withdrawals: bool = False  # somebody takes consents back
    first: list[Callable[[], None]] = field(
        default_factory=list
    )  # once it is written, before its errands are taken
    after: list[Callable[[], None]] = field(default_factory=list)

    def merge(self, other: "Plan") -> None:
        self.writes += other.writes
        self.errands += other.errands
        self.answers += other.answers
        self.audits += other.audits
        self.tallies += other.tallies
        self.seen += other.seen
        self.finished += other.finished
        self.erased += other.erased
        self.has_withdrawals = self.has_withdrawals or other.has_withdrawals
        self.first += other.first
        self.after += other.after

    def writer(self, vault: Vault) -> Write:
        """Everything, as one function that can be run again from the start.

        What the operator's key seals is sealed within the transaction: so nothing that an older key has sealed is
        written after a change of keys.
        """

        def write(tx: Transaction) -> None:
            for one in self.writes:
                one(tx)
            if self.errands:
                outgoing.add_errands(tx, self._rows(vault))
            if self.finished:
                outgoing.finish_errands(tx, self.finished)
            if self.seen:
                store.add_seen(tx, self.seen, self.now)
            if self.tallies:
                statistics.add_tallies(tx, self.tallies)
            if self.audits:
                audit_log.add(tx, self.audits, self.now)

        return write

    def _rows(self, vault: Vault) -> Sequence[tuple[str, str | None, str, str | None, bytes]]:
        return [
            errand.row(person.key if person and errand.person_id else vault)
            for errand, person in self.errands
            if errand.person_id not in self.erased
        ]
