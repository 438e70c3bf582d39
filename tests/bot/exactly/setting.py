"""What surrounds the bot: time, which moves only when it is told, and a short programme, loaded once."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Self

from bot.buttons import Signer
from bot.photo_developing import develop
from bot.photo_rules import Photo, Refusal, verdict
from bot.programmes import Loaded, load
from bot.proofreading import faults
from bot.wording import Wording
from storage.vault import OperatorKey, Vault
from tests.cast import sample_jpeg

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
PATIENCE = 10.0  # seconds until a step that never ends is given up
KEY = "A" * 43
VAULT = Vault(OperatorKey.from_text(KEY))
SIGNER = Signer(VAULT.button_keys)
QUESTIONS = (
    "full_name",
    "status",
    "identity",
    "homepage",
)  # a kind each: few, so that the way to the end is short
CARD_PHOTO = sample_jpeg(640, 400)


class Time:
    """True time, which Telegram has; and by how much this machine's clock is off it."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.now = START
        self.off = timedelta()
        self._since = time.monotonic_ns()

    def wall(self) -> datetime:
        return self.now + self.off

    def ticks(self) -> float:
        return (self.now - START).total_seconds()

    def unix(self) -> float:
        return self.now.timestamp()

    def wall_ns(self) -> int:
        """As `time.time_ns`: it goes on by itself as well, so that no two readings are alike."""
        return int(self.wall().timestamp()) * 10**9 + time.monotonic_ns() - self._since


TIME = Time()


@cache
def loaded() -> Loaded:
    """The shipped programme with a few of its questions."""
    whole = load(None)
    assert not faults(whole)
    reasons = [
        reason.model_copy(update={"flags": tuple(key for key in reason.flags if key in QUESTIONS)})
        for reason in whole.programme.reasons
    ]
    questions = tuple(question for question in whole.programme.questions if question.key in QUESTIONS)
    review = whole.programme.review.model_copy(update={"counter": False})  # it has tests of its own
    changes = {"questions": questions, "reasons": tuple(reasons), "review": review}
    short = whole.programme.model_copy(update=changes)
    return replace(whole, programme=short)


@cache
def wording() -> Wording:
    """Compiled once for all lives: they have one key and one clock."""
    return Wording(loaded(), SIGNER, lambda: TIME.now)


@cache
def developed(data: bytes) -> Photo | Refusal:
    return verdict(develop(data))


class Lamp:
    """The darkroom without its child process: the same developing, and each picture once."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def develop(self, data: bytes) -> Photo | Refusal:
        return developed(data)
