"""A ledger of consents kept from the effects of turns alone: what stands in it, to be held against what is agreed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from conversations import Applicant
from conversations.application import ConsentRecord
from conversations.effects import Effect, EndConsents, Erase, RecordConsent


@dataclass(slots=True)
class Act:
    """One row: what was agreed to, and since when it does not stand any more."""

    record: ConsentRecord
    ended_at: datetime | None = None


@dataclass(slots=True)
class Ledger:
    """One person's acts, in order."""

    acts: list[Act] = field(default_factory=list)

    @classmethod
    def of(cls, applicant: Applicant) -> "Ledger":
        """As it is of somebody who came to where he stands."""
        return cls([Act(record) for record in applicant.agreed.values()])

    def take(self, effects: Iterable[Effect], now: datetime) -> None:
        """Enter what a turn of that moment asks for. What has ended once never changes."""
        for effect in effects:
            match effect:
                case RecordConsent(record=record):
                    self.acts.append(Act(record))
                    assert record.at == now
                case EndConsents(at=at, document=document):
                    assert at == now
                    self._end(at, document)
                case Erase():
                    self._end(now)

    def _end(self, at: datetime, document: str = "") -> None:
        for act in self.acts:
            if act.ended_at is None and document in ("", act.record.document):
                act.ended_at = at

    @property
    def standing(self) -> list[ConsentRecord]:
        return [act.record for act in self.acts if act.ended_at is None]

    def check(self, applicant: Applicant) -> None:
        """What stands in it is to the documents that he agrees to, and each of his consents is one of its acts."""
        assert {record.document for record in self.standing} == set(applicant.agreed)
        assert all(record in self.standing for record in applicant.agreed.values())
