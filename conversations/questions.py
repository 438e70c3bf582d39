"""One class per kind of question: its settings, and how it takes a reply.

`accept` returns an `Accepted` answer (perhaps with a note to the applicant) or a `Rejection`: the name of
the message that says what is wrong and what would pass. `labels` are the options' words in the applicant's
language; `insisted` says that the same question's hint was given before. A further kind is one class here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from conversations.application import Answer, Chosen, Written
from conversations.text import clean, clean_line

Values = Mapping[str, str | int]
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,19}$")]

URL_LIMIT = 500
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a reply was not taken. `once`: the same reply is taken when it is sent again."""

    name: str
    values: Values = field(default_factory=dict)
    once: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer as it is kept, and the name of a note that goes with it."""

    answer: Answer
    note: str = ""


class Condition(BaseModel):
    """Asked only when another question's choice is one of these."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    question: Key
    one_of: tuple[str, ...] = Field(min_length=1)


class _Question(BaseModel):
    """What every kind has: whether it must be answered, and the clause and purposes that justify asking.

    `sensitive`: only asked behind a consent of its own; a photo of a card always is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    key: Key
    required: bool = True
    clause: str = Field(min_length=1)
    purposes: tuple[Key, ...] = Field(min_length=1)
    sensitive: bool = False
    when: Condition | None = None

    def accept(
        self, reply: str, labels: Mapping[str, str], *, insisted: bool = False
    ) -> Accepted | Rejection:
        raise NotImplementedError


class _Sized(_Question):
    min: int = Field(default=1, ge=1)
    max: int = Field(default=300, le=3000)

    @model_validator(mode="after")
    def _ordered(self) -> "_Sized":
        if self.min > self.max:
            raise PydanticCustomError(
                "min_above_max", "min {min} is above max {max}", {"min": self.min, "max": self.max}
            )
        return self

    def _measure(self, text: str) -> Rejection | None:
        values = {"length": len(text), "min": self.min, "max": self.max}
        if len(text) < self.min:
            return Rejection("too_short", values)
        return Rejection("too_long", values) if len(text) > self.max else None


class TextQuestion(_Sized):
    """One line of words. `spell_out`: a bare abbreviation gets a hint once, then is taken."""

    kind: Literal["text"] = "text"
    spell_out: bool = False

    def accept(
        self, reply: str, labels: Mapping[str, str], *, insisted: bool = False
    ) -> Accepted | Rejection:
        text = clean_line(reply)
        if self.spell_out and _abbreviated(text):
            return Accepted(Written(text=text)) if insisted else Rejection("spell_out", once=True)
        if rejection := self._measure(text):
            return rejection
        if not any(letter.isalpha() for letter in text):
            return Rejection("no_letters")
        return Accepted(Written(text=text))


class LongTextQuestion(_Sized):
    """Several lines of words."""

    kind: Literal["long_text"] = "long_text"

    def accept(
        self, reply: str, labels: Mapping[str, str], *, insisted: bool = False
    ) -> Accepted | Rejection:
        text = clean(reply)
        return self._measure(text) or Accepted(Written(text=text))


class EmailQuestion(_Question):
    """An e-mail address by RFC 5321 and 6531, as email-validator reads them; the network is never asked."""

    kind: Literal["email"] = "email"
    academic_suffixes: tuple[str, ...] = ()

    def accept(
        self, reply: str, labels: Mapping[str, str], *, insisted: bool = False
    ) -> Accepted | Rejection:
        try:
            parsed = validate_email(clean_line(reply), check_deliverability=False)
        except EmailNotValidError:
            return Rejection("not_an_email")
        return Accepted(
            Written(text=parsed.normalized), "" if self.is_academic(parsed.ascii_domain) else "not_academic"
        )

    def is_academic(self, domain: str) -> bool:
        """Whether a domain (in ASCII) ends as academic ones do; with no suffixes declared, every one does."""
        labels = f".{domain.lower()}."
        return not self.academic_suffixes or any(f".{suffix}." in labels for suffix in self.academic_suffixes)


class UrlQuestion(_Question):
    """A web address. It is shown, never fetched."""

    kind: Literal["url"] = "url"

    def accept(
        self, reply: str, labels: Mapping[str, str], *, insisted: bool = False
    ) -> Accepted | Rejection:
        text = clean_line(reply)
        if "://" not in text and "." in text and "@" not in text:
            text = f"https://{text}"
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            return Rejection("not_a_link")
        plain = parts.scheme in {"http", "https"} and "." in host.strip(".") and not parts.username
        if not plain or any(blank.isspace() for blank in text) or any(mark in text for mark in "\"'<>`\\"):
            return Rejection("not_a_link")
        if len(text) > URL_LIMIT:
            return Rejection("too_long", {"length": len(text), "min": 1, "max": URL_LIMIT})
        return Accepted(Written(text=text))


class ChoiceQuestion(_Question):
    """One of several options, by button or typed; with `other`, words of one's own."""

    kind: Literal["choice"] = "choice"
    options: tuple[Key, ...] = Field(min_length=2, max_length=80)  # buttons under one message
    other: bool = False
    max: int = Field(default=100, ge=1, le=300)

    @field_validator("options")
    @classmethod
    def _distinct(cls, options: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(options)) < len(options) or OTHER in options:
            raise ValueError('each option once, and "other" only by other = true')
        return options

    @property
    def choices(self) -> tuple[str, ...]:
        return (*self.options, OTHER) if self.other else self.options

    def accept(
        self, reply: str, labels: Mapping[str, str], *, insisted: bool = False
    ) -> Accepted | Rejection:
        typed = clean_line(reply).casefold()
        for position, option in enumerate(self.choices, start=1):
            if typed in {option.casefold(), labels.get(option, option).casefold(), str(position)}:
                return Accepted(Chosen(option=option))
        return Rejection("not_a_choice")

    def accept_other(self, reply: str) -> Accepted | Rejection:
        text = clean_line(reply)
        if not 2 <= len(text) <= self.max:
            name = "too_short" if len(text) < 2 else "too_long"
            return Rejection(name, {"length": len(text), "min": 2, "max": self.max})
        return Accepted(Chosen(option=OTHER, text=text))


class PhotoMethod(BaseModel):
    """Identity by a photo of a card: the sides asked for, the optional ones last."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    sides: tuple[Key, ...] = Field(default=("front",), min_length=1)
    optional_sides: tuple[Key, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> "PhotoMethod":
        if len(set(self.all_sides)) < len(self.all_sides) or OTHER in self.all_sides:
            raise ValueError(f'each side once, and none is called "{OTHER}"')
        return self

    @property
    def all_sides(self) -> tuple[str, ...]:
        return (*self.sides, *self.optional_sides)


class IdentityMethods(BaseModel):
    """The ways to show who one is; photo is the first."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    photo: PhotoMethod


class IdentityQuestion(_Question):
    """Identity verification. `variant_of` names the choice that decides which card is asked for."""

    kind: Literal["identity"] = "identity"
    methods: IdentityMethods
    variant_of: Key | None = None
    variants: dict[Key, tuple[str, ...]] = Field(default_factory=dict)

    def variant(self, choice: str) -> str:
        """Which card that choice asks for; the first variant when none names it."""
        named = (variant for variant, choices in self.variants.items() if choice in choices)
        return next(named, next(iter(self.variants), ""))

    def accept(
        self, reply: str, labels: Mapping[str, str], *, insisted: bool = False
    ) -> Accepted | Rejection:
        return Rejection("photo_expected")


Question = Annotated[
    TextQuestion | LongTextQuestion | EmailQuestion | UrlQuestion | ChoiceQuestion | IdentityQuestion,
    Field(discriminator="kind"),
]


def _abbreviated(text: str) -> bool:
    """MIT, U.C.L.A., ETHZ: one short word of capitals."""
    letters = text.replace(".", "")
    return letters.isascii() and letters.isalpha() and letters.isupper() and 2 <= len(letters) <= 6
