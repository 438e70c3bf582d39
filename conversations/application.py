"""What is stored of a person: answers so far, what was submitted, what was agreed to, what was decided.

Everything here is frozen and saves to JSON and back without loss. Times are aware UTC.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Outcome = Literal["approved", "rejected", "withdrawn"]


class Record(BaseModel):
    """A stored value: never changed, only replaced."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Written(Record):
    """Words, as they are kept after cleaning."""

    kind: Literal["written"] = "written"
    text: str


class Chosen(Record):
    """An option by its key; `text` holds the words that go with "other"."""

    kind: Literal["chosen"] = "chosen"
    option: str
    text: str = ""


class Picture(Record):
    """One stored picture: its id in the store, its size in pixels, what was noticed about it. `likeness`: its keyed
    hash, by which the same one is noticed in another application."""

    photo_id: str
    width: int
    height: int
    warnings: tuple[str, ...] = ()
    likeness: str = ""


class Pictured(Record):
    """Identity by photo: the sides by name, and which kind of card was asked for."""

    kind: Literal["pictured"] = "pictured"
    method: str = "photo"
    variant: str = ""
    sides: dict[str, Picture] = Field(default_factory=dict)


Answer = Annotated[Written | Chosen | Pictured, Field(discriminator="kind")]


class ConsentRecord(Record):
    """Which text, by its SHA-256, was agreed to, in which language, by which act, and when."""

    document: str
    text_hash: str
    language: str
    act: str
    at: datetime
    version: str = ""  # the day from which the text held, as an ISO date; older records do not say


class Reviewer(Record):
    """Who acted on a card: a keyed hash of the account, and the name reviewers see. Applicants never see it."""

    ref: str
    name: str


class Decision(Record):
    """What a reviewer said, and the structured why."""

    outcome: Literal["approved", "rejected", "returned"]
    by: Reviewer
    at: datetime
    reasons: tuple[str, ...] = ()
    words: str = ""  # of the reviewer's own, which the applicant reads as they were written
    questions: tuple[str, ...] = ()  # whose answers are to be looked at again, where it is returned


class Form(Record):
    """A decision that a reviewer is composing in his private chat; it is nobody else's, and counts for nothing yet."""

    by: Reviewer
    outcome: Literal["rejected", "returned"]
    reasons: tuple[str, ...] = ()
    words: str = ""
    questions: tuple[str, ...] = ()
    is_preview: bool = False  # its message shows what the applicant would read


class Asking(Record):
    """What a reviewer is about to ask the applicant, in his private chat. `edition` rises with every change of it."""

    by: Reviewer
    words: str = ""
    edition: int = 0


class Said(Record):
    """Words that passed between the reviewers and the applicant. `by`: the reviewer; nobody for the applicant's own."""

    at: datetime
    words: str
    by: Reviewer | None = None


class Return(Record):
    """It was returned for changes: what was asked for, and the answers in question as they were. While its owner has
    it, they stand where they always did, and none stand here."""

    decision: Decision
    answers: dict[str, Answer] = Field(default_factory=dict)


class View(Record):
    """One look at the ID photo."""

    by: Reviewer
    at: datetime


class Closed(Record):
    """An application that ended: what is remembered of it while the person is known."""

    receipt: str
    outcome: Outcome
    submitted_at: datetime
    at: datetime
    reasons: tuple[str, ...] = ()


class Application(Record):
    """What was submitted. Only a further revision supersedes its answers."""

    receipt: str
    revision: int
    language: str
    submitted_at: datetime
    answers: dict[str, Answer]
    skipped: tuple[str, ...] = ()
    round: int = 0  # rises with every decision; a press signed for an earlier round is stale
    claimed_by: Reviewer | None = None
    views: tuple[View, ...] = ()
    forms: tuple[Form, ...] = ()  # one a reviewer at most; gone with whatever ends this review
    asking: tuple[Asking, ...] = ()  # one a reviewer at most; gone with the forms
    talk: tuple[Said, ...] = ()  # oldest first; kept as long as the application
    nudged_at: datetime | None = None
    returned: Return | None = None  # the last time, until it is decided
    earlier: tuple[Closed, ...] = ()  # his applications before this one, as far as they are remembered

    @property
    def asked(self) -> Said | None:
        """What a reviewer wrote last, while the applicant has said nothing to it."""
        return self.talk[-1] if self.talk and self.talk[-1].by else None

    @property
    def unanswered(self) -> int:
        """How many times in a row the applicant has written since a reviewer did."""
        return next((n for n, one in enumerate(reversed(self.talk)) if one.by), len(self.talk))


class Draft(Record):
    """Answers so far. `recalled` is the submitted application that is being edited again: as its owner likes, or, where
    it was returned, as was asked for in `returned`."""

    answers: dict[str, Answer] = Field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    hinted: tuple[str, ...] = ()  # questions whose hint was given once
    declined: tuple[str, ...] = ()  # optional consents that were offered and not given
    recalled: Application | None = None
    returned: Decision | None = None
    done: tuple[str, ...] = ()  # of the questions that were asked for: those he has looked at

    def with_answer(self, question: str, answer: Answer) -> "Draft":
        return self.model_copy(
            update={
                "answers": {**self.answers, question: answer},
                "skipped": tuple(key for key in self.skipped if key != question),
            }
        )

    def without(self, question: str, *, skipped: bool = False) -> "Draft":
        rest = tuple(key for key in self.skipped if key != question)
        return self.model_copy(
            update={
                "answers": {key: answer for key, answer in self.answers.items() if key != question},
                "skipped": (*rest, question) if skipped else rest,
            }
        )


def photo_ids(answers: Mapping[str, Answer]) -> frozenset[str]:
    """The stored pictures that these answers stand on."""
    return frozenset(
        picture.photo_id
        for answer in answers.values()
        if isinstance(answer, Pictured)
        for picture in answer.sides.values()
    )


def without_forms(application: Application) -> Application:
    """Its review is over for now, and nothing that reviewers were composing counts any more."""
    is_composed = application.forms or application.asking
    return application.model_copy(update={"forms": (), "asking": ()}) if is_composed else application


def closed_up(application: Application) -> Application:
    """Its review is over for good: what was asked for before, and how the answers read then, is needed no more."""
    return application.model_copy(update={"forms": (), "asking": (), "returned": None})


def recalled_draft(application: Application) -> Draft:
    """What was submitted, open for changes."""
    recalled = without_forms(application)
    return Draft(answers=application.answers, skipped=application.skipped, recalled=recalled)
