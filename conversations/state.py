"""Where one person stands: a small type for each state, so that a half-filled state cannot exist."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from conversations.application import Application, Closed, ConsentRecord, Decision, Draft, Record


class Fresh(Record):
    """Nothing is going on: never started, declined, or deleted his draft."""

    kind: Literal["fresh"] = "fresh"


class Reading(Record):
    """The agreement is in front of him; `ticked` is off until he ticks it."""

    kind: Literal["reading"] = "reading"
    draft: Draft = Draft()
    consent: str = "agreement"
    page: int = 0
    ticked: bool = False
    changed: bool = False  # he agreed before, and the text is another now
    shown: str = ""  # the hash of the text that he was shown


class Consenting(Record):
    """A separate consent stands before a question."""

    kind: Literal["consenting"] = "consenting"
    draft: Draft
    consent: str
    shown: str = ""  # the hash of the text that he was shown


class Drafting(Record):
    """A question is asked. `part`: "other" for the words of a choice, or the side of a card."""

    kind: Literal["drafting"] = "drafting"
    draft: Draft
    question: str
    part: str = ""


class Checking(Record):
    """A photo is being fetched and checked. `attempt` tells its result from an earlier one's."""

    kind: Literal["checking"] = "checking"
    draft: Draft
    question: str
    part: str
    attempt: int
    since: datetime
    message_id: int = 0  # of the message that brought it


class Confirming(Record):
    """The summary is in front of him."""

    kind: Literal["confirming"] = "confirming"
    draft: Draft


class Waiting(Record):
    """Submitted; the reviewers have it."""

    kind: Literal["waiting"] = "waiting"
    application: Application


class Rejecting(Record):
    """A reviewer pressed Reject; the card asks for the reason."""

    kind: Literal["rejecting"] = "rejecting"
    application: Application


class Deciding(Record):
    """Decided, and not yet told: it can be undone until `tell_at`."""

    kind: Literal["deciding"] = "deciding"
    application: Application
    decision: Decision
    tell_at: datetime


class Settled(Record):
    """Ended: approved, rejected or withdrawn, and told."""

    kind: Literal["settled"] = "settled"
    application: Application
    closed: Closed
    decision: Decision | None = None


State = Annotated[
    Fresh
    | Reading
    | Consenting
    | Drafting
    | Checking
    | Confirming
    | Waiting
    | Rejecting
    | Deciding
    | Settled,
    Field(discriminator="kind"),
]
Unsubmitted = Reading | Consenting | Drafting | Checking | Confirming
Open = Waiting | Rejecting | Deciding
ALL_STATES: tuple[type[Record], ...] = (
    Fresh,
    Reading,
    Consenting,
    Drafting,
    Checking,
    Confirming,
    Waiting,
    Rejecting,
    Deciding,
    Settled,
)


class Attempt(Record):
    """One attempt to apply, from the agreement to Submit: which steps were counted for it."""

    began: datetime
    reached: tuple[str, ...] = ()


class Announced(Record):
    """What he was told, unasked, of when something goes."""

    goes_at: datetime
    told_at: datetime


class Applicant(Record):
    """All that is kept of one person's dialogue. `ref` is the keyed hash of his account."""

    person_id: str
    ref: str
    chat_id: int
    language: str
    state: State = Fresh()
    step: int = 0  # rises with every prompt; signed into its buttons
    agreed: dict[str, ConsentRecord] = Field(default_factory=dict)
    past: tuple[Closed, ...] = ()
    said: tuple[str, ...] = ()  # short helps already given in this step: each is given once
    unsent: str = ""  # what he typed and has not confirmed for the reviewers; gone at the next step
    album: str = ""  # the last album answered: the rest of it is passed over
    reminded: int = 0
    attempt: Attempt | None = None  # while one is going on
    announced: dict[str, Announced] = Field(default_factory=dict)  # by the thing that goes (keeping.py)
    barred_until: datetime | None = None  # no new application before: left by an erased rejection
    heard_at: datetime
    created_at: datetime

    @model_validator(mode="before")
    @classmethod
    def _as_of_old(cls, kept: Any) -> Any:
        """Earlier versions kept one day until which all that he has stays, and which he had been told."""
        if not isinstance(kept, dict) or not kept.get("spared_until") or "announced" in kept:
            return kept
        state = kept.get("state") or {}
        thing = state["closed"]["receipt"] if state.get("kind") == "settled" else "draft"
        until = datetime.fromisoformat(kept["spared_until"])
        said = {"goes_at": until, "told_at": until - timedelta(days=3)}
        return {**kept, "announced": {thing: said}}


def told_state(state: State) -> str:
    """As far as the applicant is concerned: a decision that can still be undone has not been made yet."""
    return "waiting" if isinstance(state, Rejecting | Deciding) else state.kind


def draft_of(state: State) -> Draft | None:
    """The unfinished answers, where there are any."""
    return state.draft if isinstance(state, Unsubmitted) else None


def application_of(state: State) -> Application | None:
    """What was submitted, where something was."""
    return state.application if isinstance(state, Waiting | Rejecting | Deciding | Settled) else None
