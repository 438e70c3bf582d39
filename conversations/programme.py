"""A programme: what is asked, what must be agreed to, how it is reviewed, how long things are kept.

It is read from `programme.toml` and the texts beside it and checked whole when it is loaded. Nothing here
speaks a language; the documents and the options' labels are carried as data.
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from conversations.application import Answer, Chosen, Draft, Pictured, Written
from conversations.questions import ChoiceQuestion, Condition, IdentityQuestion, Key, Question, Rejection
from conversations.roles import Action, May, Role

START = "start"
AGREEMENT = "agreement"
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
MOST_BUTTONS = 80  # Telegram takes a hundred under one message, and some stand there already
COUNTRY = r"^[A-Z]{2}$"  # ISO 3166-1
Days = Annotated[int, Field(ge=1, le=36_500)]


class Table(BaseModel):
    """One table of programme.toml: an unknown key is a mistake, not a surprise later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Named(Table):
    """A linked document that is not ours: where it stands and which version is meant."""

    url: str = Field(pattern=r"^https://\S+$")
    version: str = Field(min_length=1)


class Contact(Table):
    """Whom to ask about rights and decisions."""

    email: str = Field(pattern=r"^\S+@\S+\.\S+$")
    phone: str = ""
    address: str = ""
    hours: str = ""


class Consent(Table):
    """One separate consent: `before` is "start" or the question it stands in front of."""

    key: Key
    before: Key = START
    required: bool = True
    document: bool = False  # its text is <key>.<lang>.md; otherwise the words of the programme
    clause: str = ""
    purposes: tuple[Key, ...] = ()  # what it is for; those of the question in front of it when none are named


class Reason(Table):
    """A structured reason for a rejection; `flags` names the questions it is about."""

    key: Key
    flags: tuple[Key, ...] = ()


class Review(Table):
    """The reviewers' rules."""

    language: Language = "en"
    time_zone: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_+/-]{0,63}$")] = (
        "UTC"  # IANA; whose days /stats counts, and by which the digest comes
    )
    who: Role = "members"
    may: May = May()  # for each action another role, where one is named
    topics: Literal["none", "one", "by_status"] = "none"  # of a forum, in which the bot's messages stand
    undo_seconds: int = Field(default=60, ge=0, le=3600)
    photo_minutes: int = Field(default=10, ge=1, le=60)
    usual_days: int = Field(default=5, ge=1, le=365)
    nudge_days: int = Field(default=7, ge=1, le=365)
    counter: bool = False  # a pinned message says how much waits
    digest_at: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] | None = None
    talk_aloud: bool = False  # the group hears a sound when an applicant has written
    digest_when_quiet: bool = False  # also when nothing waits and nothing was decided

    def role(self, action: Action | None) -> Role:
        """Who may do that; None stands for reviewing as such."""
        return (self.may.role(action) if action else None) or self.who


class Retention(Table):
    """How long each kind of thing is kept, in days."""

    draft_days: Days = 30
    photo_days: Days = 30
    approved_days: Days = 730
    rejected_days: Days = 180
    withdrawn_days: Days = 30


class Controller(Table):
    """Who is responsible for the data, and where it goes: names and codes, so that they stand in every language."""

    name: str = ""
    representative: str = ""  # within a territory where one must be named
    officer: str = ""  # who sees to data protection there
    hosted_in: Annotated[str, Field(pattern=COUNTRY)] = ""  # where the bot and its data folder stand
    transfers_to: tuple[Annotated[str, Field(pattern=COUNTRY)], ...] = ()


class Exports(Table):
    """What may leave by `intake export`: the purposes for which an approved application's answers are handed on."""

    fulfilment: tuple[Key, ...] = ()


class Reminders(Table):
    """When an unfinished draft is recalled to its owner: at most two hours-after figures."""

    after_hours: tuple[Annotated[int, Field(ge=1, le=8760)], ...] = Field(default=(24, 96), max_length=2)

    @field_validator("after_hours")
    @classmethod
    def _rising(cls, hours: tuple[int, ...]) -> tuple[int, ...]:
        if list(hours) != sorted(set(hours)):
            raise ValueError("each later than the one before")
        return hours


class Text(Table):
    """One document in one language, and the SHA-256 of exactly these UTF-8 bytes."""

    text: str
    hash: str

    @classmethod
    def of(cls, text: str) -> "Text":
        return cls(text=text, hash=hashlib.sha256(text.encode()).hexdigest())


class Programme(Table):
    """A whole programme. `questions`, `consents` and `reasons` keep the order of the file."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,31}$")]
    languages: tuple[Language, ...] = Field(min_length=1)
    receipt_prefix: Annotated[str, Field(pattern=r"^[A-Z]{1,4}$")]
    effective: date
    reapply_days: int = Field(default=30, ge=0, le=3650)
    minimum_age: int | None = None
    appeal: str = ""
    contact: Contact
    links: dict[Key, Named] = Field(default_factory=dict)
    clauses: dict[str, tuple[Key, ...]]  # clause of the agreement -> the purposes it gives
    collects: tuple[str, ...] = ()  # the clauses that say what is collected
    usage: tuple[str, ...] = ()  # those that say how one may use what is granted
    consents: tuple[Consent, ...] = Field(min_length=1)
    questions: tuple[Question, ...] = Field(min_length=1, max_length=MOST_BUTTONS)
    reasons: tuple[Reason, ...] = Field(min_length=1, max_length=MOST_BUTTONS)
    review: Review = Review()
    retention: Retention = Retention()
    controller: Controller = Controller()
    exports: Exports = Exports()
    reminders: Reminders = Reminders()
    documents: dict[str, dict[Language, Text]] = Field(default_factory=dict)
    former: dict[str, str] = Field(default_factory=dict)  # every text that anybody agreed to, by its hash
    labels: dict[Language, dict[str, dict[str, str]]] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _name_the_tables(cls, raw: Any) -> Any:
        """[questions.email] is the question whose key is `email`; likewise consents and reasons."""
        if not isinstance(raw, Mapping):
            return raw
        named = dict(raw)
        for table in ("questions", "consents", "reasons"):
            if isinstance(entries := named.get(table), Mapping):
                named[table] = [
                    {"key": key, **entry} if isinstance(entry, Mapping) else entry
                    for key, entry in entries.items()
                ]
        return named

    # what is asked

    def question(self, key: str) -> Question | None:
        return next((question for question in self.questions if question.key == key), None)

    def asked(self, draft: Draft) -> tuple[Question, ...]:
        """The questions that apply to this draft, in order."""
        return tuple(question for question in self.questions if _holds(question.when, draft))

    def next_after(self, draft: Draft) -> Question | None:
        """The first question that applies and is neither answered (so that it still fits) nor skipped."""
        return next(
            (question for question in self.asked(draft) if not self.is_settled(question, draft)), None
        )

    def is_settled(self, question: Question, draft: Draft) -> bool:
        if question.key in draft.skipped:
            return not question.required
        answer = draft.answers.get(question.key)
        return answer is not None and self.fits(question, answer, draft)

    def fits(self, question: Question, answer: Answer, draft: Draft) -> bool:
        """Whether a kept answer is still an answer to the question as the form now stands."""
        if isinstance(question, ChoiceQuestion):
            return isinstance(answer, Chosen) and answer.option in question.choices
        if isinstance(question, IdentityQuestion):
            return (
                isinstance(answer, Pictured)
                and set(question.methods.photo.sides) <= set(answer.sides)
                and answer.variant == self.variant(question, draft)
            )
        return answer.kind == "written"

    def outgrown(self, draft: Draft) -> Question | None:
        """The first question whose kept words the form, as it now stands, would not take any more."""
        for question in self.asked(draft):
            answer = draft.answers.get(question.key)
            if isinstance(answer, Written) and isinstance(
                question.accept(answer.text, {}, insisted=True), Rejection
            ):
                return question
        return None

    def variant(self, question: IdentityQuestion, draft: Draft) -> str:
        chosen = draft.answers.get(question.variant_of or "")
        return question.variant(chosen.option if isinstance(chosen, Chosen) else "")

    def before(self, question: Question, draft: Draft) -> Question | None:
        """The question one comes to by stepping back from this one."""
        asked = self.asked(draft)
        place = next((n for n, other in enumerate(asked) if other.key == question.key), 0)
        return asked[place - 1] if place else None

    def position(self, question: Question, draft: Draft) -> tuple[int, int]:
        """Where one is: (3, 9) for the third of nine."""
        keys = [other.key for other in self.asked(draft)]
        return keys.index(question.key) + 1 if question.key in keys else len(keys), len(keys)

    def kept(self, draft: Draft) -> dict[str, Answer]:
        """The answers that belong to the form as it stands, in its order."""
        return {
            question.key: draft.answers[question.key]
            for question in self.asked(draft)
            if question.key in draft.answers and self.is_settled(question, draft)
        }

    # what must be agreed to

    def consents_before(self, place: str) -> tuple[Consent, ...]:
        return tuple(consent for consent in self.consents if consent.before == place)

    def document(self, key: str, language: str) -> Text:
        return self.documents[key][language]

    def consent(self, key: str) -> Consent | None:
        return next((consent for consent in self.consents if consent.key == key), None)

    def is_current(self, text_hash: str, key: str, language: str) -> bool:
        """Whether that is the hash of a consent's text as it now is, in that language."""
        text = self.documents.get(key, {}).get(language)
        return text is not None and text.hash == text_hash

    # how long

    def wait(self, outcome: str) -> timedelta:
        """How long after an application ended a further one is possible."""
        return timedelta(days=self.reapply_days if outcome == "rejected" else 0)

    def keep(self, outcome: str) -> timedelta:
        days = {
            "approved": self.retention.approved_days,
            "rejected": self.retention.rejected_days,
            "withdrawn": self.retention.withdrawn_days,
        }
        return timedelta(days=days[outcome])

    def faults(self) -> Iterator[tuple[str, str, str]]:
        """What fits no type but is still wrong: (key, what was found, what is allowed)."""
        keys = [question.key for question in self.questions]
        consents = {consent.key for consent in self.consents}
        if self.review.language not in self.languages:
            yield "review.language", repr(self.review.language), f"one of {', '.join(self.languages)}"
        if AGREEMENT not in consents:
            yield "consents", ", ".join(sorted(consents)), f"one of them is [consents.{AGREEMENT}]"
        for consent in self.consents:
            if consent.before not in {START, *keys}:
                yield f"consents.{consent.key}.before", repr(consent.before), f"{START!r} or a question's key"
            if consent.clause and consent.clause not in self.clauses:
                allowed = f"a key of [clauses]: {', '.join(self.clauses)}"
                yield f"consents.{consent.key}.clause", repr(consent.clause), allowed
            named = [consent.clause] if consent.clause in self.clauses else list(self.clauses)
            known = {purpose for clause in named for purpose in self.clauses[clause]}
            for purpose in set(consent.purposes) - known:
                allowed = f"a purpose of [clauses]: {', '.join(sorted(known))}"
                yield f"consents.{consent.key}.purposes", repr(purpose), allowed
            if consent.before == START and not (consent.required and consent.document):
                allowed = "required = true and document = true, or before = a question's key"
                yield f"consents.{consent.key}", "an optional or short one at the start", allowed
        for reason in self.reasons:
            for flag in set(reason.flags) - set(keys):
                yield f"reasons.{reason.key}.flags", repr(flag), "a question's key"
        identities = [question.key for question in self.questions if isinstance(question, IdentityQuestion)]
        if len(identities) > 1:
            yield "questions", f"{' and '.join(identities)} of kind identity", "one question of that kind"
        for place, question in enumerate(self.questions):
            yield from self._question_faults(question, keys[:place])

    def _question_faults(self, question: Question, earlier: list[str]) -> Iterator[tuple[str, str, str]]:
        where = f"questions.{question.key}"
        if question.clause not in self.clauses:
            yield f"{where}.clause", repr(question.clause), f"a key of [clauses]: {', '.join(self.clauses)}"
        else:
            for purpose in set(question.purposes) - set(self.clauses[question.clause]):
                allowed = ", ".join(self.clauses[question.clause])
                yield f"{where}.purposes", repr(purpose), f"a purpose of clause {question.clause}: {allowed}"
        if question.when:
            yield from self._choice_faults(
                f"{where}.when", question.when.question, question.when.one_of, earlier
            )
        if isinstance(question, IdentityQuestion) and question.variant_of:
            for variant, choices in question.variants.items():
                yield from self._choice_faults(
                    f"{where}.variants.{variant}", question.variant_of, choices, earlier
                )
            yield from self._variant_faults(where, question)

    def _variant_faults(self, where: str, question: IdentityQuestion) -> Iterator[tuple[str, str, str]]:
        """Every option of the choice must lead to a card."""
        choice = self.question(question.variant_of or "")
        led = {option for options in question.variants.values() for option in options}
        for option in choice.choices if isinstance(choice, ChoiceQuestion) and question.variants else ():
            if option not in led:
                allowed = f"every option of {question.variant_of} in one of {', '.join(question.variants)}"
                yield f"{where}.variants", f"{option!r} in none of them", allowed

    def _choice_faults(
        self, where: str, key: str, options: tuple[str, ...], earlier: list[str]
    ) -> Iterator[tuple[str, str, str]]:
        choice = self.question(key)
        if not isinstance(choice, ChoiceQuestion) or key not in earlier:
            yield where, repr(key), "an earlier question of kind choice"
            return
        for option in set(options) - set(choice.choices):
            yield where, repr(option), f"one of {', '.join(choice.choices)}"


def _holds(condition: Condition | None, draft: Draft) -> bool:
    if condition is None:
        return True
    chosen = draft.answers.get(condition.question)
    return isinstance(chosen, Chosen) and chosen.option in condition.one_of
