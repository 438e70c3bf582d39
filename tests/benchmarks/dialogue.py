"""What an applicant does, step by step, with each of the two bots. The answers are the same."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Write:
    """A text."""

    text: str


@dataclass(frozen=True, slots=True)
class Press:
    """The button whose data begin so. `after`: first one whose data begin so must stand in the same message."""

    data: str
    after: str = ""


@dataclass(frozen=True, slots=True)
class SendPhoto:
    """The photo of the card."""


Step = Write | Press | SendPhoto


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One bot's dialogue. `notice`: a word that only the message with the decision has."""

    steps: tuple[Step, ...]
    approve: str
    notice: str


_NAME = Write("Mei Okafor")
_EMAIL = Write("mei.okafor@lakeshore.example.edu")
_UNIVERSITY = Write("Lakeshore University of Technology")
_DEPARTMENT = Write("Department of Linguistics, Speech Laboratory")
_PURPOSE = Write(
    "I compare how well language models transcribe endangered languages. The API would label 2,000 recordings"
    " for my thesis."
)

OURS = Dialogue(
    steps=(
        Write("/start"),
        Press("tick:on:"),
        Press("go:", after="tick:off:"),
        _NAME,
        _EMAIL,
        _UNIVERSITY,
        Press("pick:doctoral:"),
        _DEPARTMENT,
        Press("agree:identity_photo:"),
        SendPhoto(),
        _PURPOSE,
        Press("skip:"),
        Press("skip:"),
        Press("submit:"),
    ),
    approve="approve:",
    notice="is approved",
)

STOCK = Dialogue(
    steps=(
        Write("/start"),
        Press("agree"),
        _NAME,
        _EMAIL,
        _UNIVERSITY,
        Press("pick:2"),
        _DEPARTMENT,
        SendPhoto(),
        _PURPOSE,
        Press("skip"),
        Press("skip"),
        Press("submit"),
    ),
    approve="approve:",
    notice="is approved",
)
