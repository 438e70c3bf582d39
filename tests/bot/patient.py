"""People who go on whatever the network does: who sees nothing happen for a while asks again, as people do."""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.sandbox.errors import Impossible
from bot.sandbox.state import Message
from bot.sandbox.telegram import Press
from tests.applying import ANSWERS, OPTIONAL, PHOTO, on, receipt_in
from tests.cast import Group, Person

_HEADING = re.compile(r"^(\d) of 9", re.MULTILINE)
TOLD = "is approved"


@dataclass(slots=True)
class Applicant:
    """Goes on until he has his receipt, and thinks for `think` seconds before each act.

    `asked_again`: how often nothing happened for `patience` seconds; `asked_late`: after he had submitted, so that the
    answer may tell him the decision besides its notice.
    """

    person: Person
    patience: float = 4.0
    think: float = 0.0
    asked_again: int = 0
    asked_late: int = 0
    receipt: str = ""
    presses: list[Press] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)  # seconds from each act of his to what it led to
    photo_waits: list[float] = field(default_factory=list)  # the same, of photos
    _acted: float = 0.0
    _sent_photo: bool = False
    _did: str = ""  # what was wanted of him the last time he acted

    async def apply(self) -> None:
        """From the first word to the receipt."""
        await self.begin()
        await self.go_on()

    async def begin(self) -> None:
        """The first word."""
        self._acted = time.monotonic()
        self.person.start()

    async def go_on(self, up_to: str = "") -> None:
        """To the receipt, from wherever he is; or until something is asked that he would answer by `up_to`.

        That is a verb ("submit"), "photo", or the words of an answer.
        """
        while not self.receipt:
            message = await self._hears()
            if message is None:
                self.asked_again += 1
                self.asked_late += self._did == "submit"
                self._acted = 0.0
                self.person.start()
                continue
            if self._acted:
                (self.photo_waits if self._sent_photo else self.waits).append(time.monotonic() - self._acted)
                self._acted = 0.0
            if receipt := receipt_in(message):
                self.receipt = receipt
            elif up_to and _wanted(message) == up_to:
                return
            else:
                if self.think:
                    await asyncio.sleep(self.think)
                self._act(message)

    async def _hears(self) -> Message | None:
        """Something new that wants an act of his; None when nothing came."""
        try:
            return await self.person.hears(lambda one: bool(_wanted(one)), timeout=self.patience)
        except AssertionError:
            return None

    def _act(self, message: Message) -> None:
        wanted = self._did = _wanted(message)
        self._acted, self._sent_photo = time.monotonic(), wanted == "photo"
        if wanted == "photo":
            self.person.send_photo()
        elif wanted in _VERBS:
            self.presses.append(self.person.press_data(message, _data(message, wanted)))
        else:
            self.person.say(wanted)

    @property
    def told(self) -> int:
        """How many messages tell him the decision."""
        return sum(TOLD in one.text for one in self.person.messages() if one.from_bot)


_VERBS = ("tick", "go", "agree", "skip", "submit")


def _wanted(message: Message) -> str:
    """What that message asks for: a verb of its buttons, "photo", the words of an answer; nothing."""
    if receipt_in(message):
        return "receipt"
    heading = _HEADING.search(message.text)
    if heading:
        number = int(heading[1])
        if number in OPTIONAL:
            return "skip"
        return "photo" if number == PHOTO and not _data(message, "agree") else ANSWERS.get(number, "agree")
    if _data(message, "tick:on"):
        return "tick"
    if _data(message, "tick:off"):
        return "go"
    return next((verb for verb in ("agree", "submit") if _data(message, verb)), "")


def _data(message: Message, verb: str) -> str:
    try:
        return on(message, *verb.split(":"))
    except KeyError:
        return ""


@dataclass(slots=True)
class Reviewers:
    """Approve and tell, by turns, on every card that can still be decided; what changes nothing is pressed again."""

    people: Sequence[Person]
    group: Group
    patience: float = 3.0
    look: float = 0.05  # seconds between looks at the group
    presses: list[Press] = field(default_factory=list)
    _last: dict[tuple[int, str], float] = field(default_factory=dict)

    async def review(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            for message in self.group.messages:
                for verb in ("approve", "tell"):
                    data, now = _data(message, verb), loop.time()
                    if data and now - self._last.get((message.id, verb), -self.patience) >= self.patience:
                        self._last[message.id, verb] = now
                        self._press(message, data)
            await asyncio.sleep(self.look)

    def _press(self, message: Message, data: str) -> None:
        person = self.people[len(self.presses) % len(self.people)]
        try:
            self.presses.append(person.press_data(message, data))
        except Impossible:  # it was deleted a moment ago
            return
