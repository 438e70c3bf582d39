"""The dialogue, pure: no I/O, clock, randomness, logging, or words in a human language."""

from conversations.errors import BrokenRule, IntakeError, Mistake, ProgrammeMistakes
from conversations.machine import RULES, advance
from conversations.programme import Programme
from conversations.rules import Scene, Turn
from conversations.state import Applicant

__all__ = [
    "RULES",
    "Applicant",
    "BrokenRule",
    "IntakeError",
    "Mistake",
    "Programme",
    "ProgrammeMistakes",
    "Scene",
    "Turn",
    "advance",
]
