"""What is seen and heard in a rehearsal: messages as they stand in chats, and news of them."""

from dataclasses import dataclass, field
from typing import Literal

Buttons = list[list[tuple[str, str]]]  # label and signed data, row by row


@dataclass(slots=True)
class Shown:
    """A message as it stands in a chat; `earlier`: the buttons it had before its last change."""

    where: Literal["bot", "card", "form", "notice", "reviewer"]
    text: str
    buttons: Buttons = field(default_factory=list)
    earlier: Buttons = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class News:
    """Something that was just heard. `what`: "toast", "alert", "edited" and "gone", or where a message is new.

    `only_buttons`: of an edited message the words are still the same.
    """

    what: str
    text: str = ""
    shown: Shown | None = None
    only_buttons: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What will be found out about the next photo."""

    refusal: str = ""
    warnings: tuple[str, ...] = ()
    values: tuple[tuple[str, str | int], ...] = ()
