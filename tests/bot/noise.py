"""One person who floods the bot, and what it costs the others."""

import asyncio
import time
from dataclasses import dataclass, field
from itertools import cycle

from bot.sandbox.state import Message
from bot.sandbox.telegram import Press
from tests.cast import Person

TOLD = ("faster than they can be answered", "faster than it can be answered")  # of messages, and of a press
WORDS = ("hello?", "/help", "is anybody there", "/status", "/start", "why does it take so long")


@dataclass(slots=True)
class Shouting:
    """Someone writes `rate` messages a second, now and then a sticker, and presses the newest button as often."""

    person: Person
    rate: float = 100.0
    sent: int = 0
    presses: list[Press] = field(default_factory=list)

    async def shout(self) -> None:
        """Until cancelled. What a busy machine leaves out is made up for."""
        words, begun = cycle(WORDS), time.monotonic()
        while True:
            while self.sent < (time.monotonic() - begun) * self.rate:
                self.person.send_sticker() if self.sent % 7 == 0 else self.person.say(next(words))
                self.sent += 1
            button = self._button()
            if button is not None and len(self.presses) * 5 < self.sent:
                self.presses.append(self.person.press_data(*button))
            await asyncio.sleep(0.01)

    def _button(self) -> tuple[Message, str] | None:
        for message in self.person.chat.newest_first():
            for row in message.buttons:
                for button in row:
                    if button.data:
                        return message, button.data
        return None

    @property
    def answers(self) -> list[str]:
        """What the bot wrote to him."""
        return [one.text for one in self.person.messages() if one.from_bot]

    @property
    def told(self) -> int:
        """How often he was told that he is too fast: by a message, or by the answer to a press."""
        toasts = [(one.answer and one.answer.text) or "" for one in self.presses]
        return sum(TOLD[0] in text for text in self.answers) + sum(TOLD[1] in text for text in toasts)
