"""How one talks to each of the two bots, for people who read what they are asked and answer that."""

import re
from dataclasses import dataclass

from bot.sandbox.state import Message, User
from tests.benchmarks.dialogue import OURS, STOCK, Dialogue, Step


@dataclass(frozen=True, slots=True)
class Manner:
    """One bot. Every pattern is looked for in a message's text with the data of its buttons, a line each.

    `cues` has one pattern for each step of the dialogue but the first: what asks for that step.
    """

    name: str
    module: str
    webhook_sign: str  # the call by which one sees that it serves by webhook
    dialogue: Dialogue
    cues: tuple[str, ...]
    submitted: str
    approved: str
    rejected: str
    subject: str  # in a card: whose it is; the group is its name
    is_ours: bool

    def step_for(self, message: Message) -> Step | None:
        """What this message asks for."""
        place = self.place_of(message)
        return self.dialogue.steps[place] if place else None

    def place_of(self, message: Message) -> int:
        """Which step it asks for: its place in the dialogue; 0 for none."""
        seen = flat(message)
        return next(
            (place for place, cue in enumerate(self.cues, 1) if re.search(cue, seen, re.MULTILINE)), 0
        )

    def outcome(self, text: str) -> str:
        """Which decision a message tells; empty when none."""
        for outcome, pattern in (("approved", self.approved), ("rejected", self.rejected)):
            if re.search(pattern, text):
                return outcome
        return ""

    def subject_of(self, text: str) -> str:
        """Whose application a card shows, or which one a message names; empty when none."""
        found = re.search(self.subject, text)
        return found[1] if found else ""

    def subject_told(self, text: str, user: User) -> str:
        """The same of a message that tells an applicant that he has submitted; empty when it does not."""
        if not re.search(self.submitted, text):
            return ""
        return self.subject_of(text) if self.is_ours else f"{user.first_name} {user.last_name}"


def flat(message: Message) -> str:
    """Its text, and the data of its buttons."""
    data = [button.data or "" for row in message.buttons for button in row]
    return "\n".join([message.text, *data])


QUESTION = re.compile(r"^\d of 9", re.MULTILINE)

INTAKE = Manner(
    name="Intake",
    module="tests.soak.killable",
    webhook_sign="getWebhookInfo",
    dialogue=OURS,
    cues=(
        "^tick:on:",
        "^tick:off:",
        "^1 of 9",
        "^2 of 9",
        "^3 of 9",
        "^pick:doctoral:",
        "^5 of 9",
        "^agree:identity_photo:",
        "^6 of 9",
        "^7 of 9",
        r"^8 of 9(?s:.*)^skip:",
        r"^9 of 9(?s:.*)^skip:",
        "^submit:",
    ),
    submitted=r"Your receipt number is UX-",
    approved=r"is approved",
    rejected=r"was not approved",
    subject=r"\b(UX-[0-9A-Z]{8})\b",
    is_ours=True,
)

STOCK_BOT = Manner(
    name="stock",
    module="tests.benchmarks.stock_bot",
    webhook_sign="setWebhook",
    dialogue=STOCK,
    cues=(
        "^agree$",
        "^1 of 9",
        "^2 of 9",
        "^3 of 9",
        "^pick:2$",
        "^5 of 9",
        "^6 of 9",
        "^7 of 9",
        r"^8 of 9(?s:.*)^skip$",
        r"^9 of 9(?s:.*)^skip$",
        "^submit$",
    ),
    submitted=r"^Submitted\.",
    approved=r"application is approved",
    rejected=r"application is rejected",
    subject=r"Application of (Mei \w+)",
    is_ours=False,
)
MANNERS = (INTAKE, STOCK_BOT)
