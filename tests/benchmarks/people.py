"""People without thinking time: applicants who go through a dialogue, and reviewers who approve every card."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from bot.sandbox.deeds import press, text_content, write
from bot.sandbox.state import Chat, Message, User
from bot.sandbox.telegram import Telegram
from tests.benchmarks.dialogue import Dialogue, Press, SendPhoto, Step, Write

PATIENCE = 600.0  # seconds: a slow bot is measured, a silent one is an error


@dataclass(frozen=True, slots=True)
class Act:
    """Something an applicant did. `at` is time.monotonic() when the update was queued."""

    at: float
    chat_id: int
    press_id: str = ""
    is_photo: bool = False


class Applicant:
    """One person's way from /start to the notice of the decision."""

    def __init__(
        self, telegram: Telegram, user: User, dialogue: Dialogue, photo: bytes, acts: list[Act]
    ) -> None:
        self._telegram = telegram
        self._user = user
        self._chat = telegram.chat(user.id)
        self._dialogue = dialogue
        self._photo = photo
        self._acts = acts
        self._seen = 0  # the newest message when he last acted

    async def apply(self) -> None:
        """Raises TimeoutError when the bot falls silent."""
        for place, step in enumerate(self._dialogue.steps):
            prompt = await self._until(lambda step=step: self._prompt(step)) if place else None
            self._seen = self._chat.last.id if self._chat.last else 0
            self._do(step, prompt)
        await self._until(lambda: self.is_told)

    async def _until(self, predicate: Any) -> Message:
        message: Message = await self._telegram.changes.until(predicate, PATIENCE, self._chat.id)
        return message

    def _prompt(self, step: Step) -> Message | None:
        """The message that asks for this step, once it is there."""
        newest = self._chat.last
        if newest is None or not newest.from_bot:
            return None
        if isinstance(step, Press) and step.after:
            return newest if data_of(newest, step.after) else None
        if newest.id <= self._seen:
            return None
        return newest if not isinstance(step, Press) or data_of(newest, step.data) else None

    @property
    def is_told(self) -> bool:
        """Whether the notice of the decision has come."""
        newest = self._chat.last
        return newest is not None and newest.from_bot and self._dialogue.notice in newest.text

    def _do(self, step: Step, prompt: Message | None) -> None:
        match step:
            case Write(text=text):
                self._send(text_content(text))
            case SendPhoto():
                self._send({"photo": self._telegram.files.persons_photo(self._photo)}, is_photo=True)
            case Press(data=data):
                assert prompt is not None
                at = time.monotonic()
                made = press(self._telegram, self._user, prompt, data_of(prompt, data))
                self._acts.append(Act(at, self._chat.id, made.id))

    def _send(self, content: dict[str, Any], *, is_photo: bool = False) -> None:
        self._acts.append(Act(time.monotonic(), self._chat.id, is_photo=is_photo))
        write(self._telegram, self._user, self._chat, content)


class Reviewers:
    """Press Approve on each card as soon as it is there, by turns.

    One person's presses are delivered to a webhook one after another, and nobody decides sixty times a second: with
    one reviewer that order would be measured instead of the bot.
    """

    def __init__(self, telegram: Telegram, users: Sequence[User], group: Chat, dialogue: Dialogue) -> None:
        self._telegram = telegram
        self._turns = cycle(users)
        self._group = group
        self._approve = dialogue.approve
        self._seen = 0

    async def review(self) -> None:
        """Until cancelled."""
        while True:
            for card in await self._telegram.changes.until(self._cards, PATIENCE, self._group.id):
                press(self._telegram, next(self._turns), card, data_of(card, self._approve))
                self._seen = max(self._seen, card.id)

    def _cards(self) -> list[Message]:
        """New cards, oldest first."""
        found = []
        for message in self._group.newest_first():
            if message.id <= self._seen:
                break
            if message.from_bot and data_of(message, self._approve):
                found.append(message)
        return found[::-1]


async def play(applicants: list[Applicant], at_once: int) -> None:
    """All of them, so many at once."""
    waiting = iter(applicants)

    async def one_after_another() -> None:
        for applicant in waiting:
            await applicant.apply()

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(one_after_another())


def data_of(message: Message, beginning: str) -> str:
    """The whole data of the first button whose data begin so; empty when there is none."""
    rows = message.data.get("reply_markup", {}).get("inline_keyboard", [])
    found = (button.get("callback_data", "") for row in rows for button in row)
    return next((data for data in found if data.startswith(beginning)), "")
