"""Mistakes of the operator and of the program. An applicant's mistake is a value (`Rejection`), never an exception.

IntakeError
├── ProgrammeMistakes    the operator's: the programme's folder says something that cannot work
└── BrokenRule           ours: a rule led to a state its row in the table does not name
"""

from dataclasses import dataclass


class IntakeError(Exception):
    """Everything this project raises on purpose."""


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing wrong in a programme: where it stands, what was found there, what is allowed."""

    file: str
    key: str
    found: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: found {self.found}; allowed: {self.allowed}"


class ProgrammeMistakes(IntakeError):
    """The programme cannot be used as it is; every mistake found is listed, not only the first."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


class BrokenRule(IntakeError):
    """A rule returned a state that its row in the table does not allow."""
