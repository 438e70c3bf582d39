"""What reviewers ask for in their group, /queue and /find: asked in a turn, answered from the database."""

from dataclasses import dataclass
from typing import Any

from bot.buttons import Press
from bot.errands import DESK, Errand
from bot.people import receipt_in_words
from bot.queue import FILTERS, Page, Queue
from bot.reading import FromReviewer, GroupSaid
from bot.unlinking import unlinked
from bot.wording import Keyboard, Place, Wording
from conversations.effects import Button

QUEUE = "queue"  # the command, and the verb of the buttons under its list
FIND = "find"
OPEN = "open"  # of a button that asks for a new list
COMMANDS = (QUEUE, FIND)


@dataclass(frozen=True, slots=True)
class Note:
    """A command that is answered with a word."""

    name: str


def asked(reading: GroupSaid, ref: str, prefix: str) -> Errand | Note:
    """What answers a command. `ref`: the hash of his account, nothing for an anonymous administrator."""
    if reading.command == FIND:
        receipt = receipt_in_words(reading.argument, prefix)
        if not receipt:
            return Note("find_usage")
        return _errand(reading.chat_id, reading.topic, what=FIND, receipt=receipt)
    which = reading.argument.casefold() or FILTERS[0]
    if which not in FILTERS:
        return Note("queue_usage")
    if which == "mine" and not ref:
        return Note("queue_whose")
    return _queue(reading, which, 0, ref, reading.name)


def turned(reading: FromReviewer, press: Press, ref: str) -> Errand:
    """What a button under the list leads to. The next page of somebody's is still his; "mine" is the presser's."""
    if press.arg == OPEN:
        return _queue(reading, FILTERS[0], 0, ref, reading.name)
    which, _, number = press.arg.partition(".")
    whose = press.subject or ref
    name = reading.name if whose == ref else ""  # his name stands on his claims
    return _queue(reading, which, int(number or 0), whose, name, reading.message_id)


def _queue(
    reading: GroupSaid | FromReviewer, which: str, number: int, whose: str, name: str, message_id: int = 0
) -> Errand:
    body = {"which": which, "page": number, "whose": whose, "name": name, "message_id": message_id}
    return _errand(reading.chat_id, reading.topic, what=QUEUE, **body)


def _errand(chat: int, topic: int, **body: Any) -> Errand:
    """It is answered in the topic in which it was asked."""
    return Errand(DESK, chat, None, {"message_id": 0, **({"topic": topic} if topic else {}), **body})


class Desk:
    """Words the answers, in the reviewers' language."""

    def __init__(self, queue: Queue, wording: Wording) -> None:
        self._queue = queue
        self._wording = wording
        self._review = wording.programme.review

    async def answer(self, body: dict[str, Any], chat: int) -> dict[str, Any]:
        """Text and keyboard, as sendMessage and editMessageText take them."""
        return await (self._found(body) if body["what"] == FIND else self._listed(body, chat))

    async def _found(self, body: dict[str, Any]) -> dict[str, Any]:
        entry = await self._queue.find(body["receipt"])
        values = {"receipt": body["receipt"], "entry": entry, "usual_days": self._review.usual_days}
        return {"text": self._wording.named("find", self._review.language, **values), "keyboard": []}

    async def _listed(self, body: dict[str, Any], chat: int) -> dict[str, Any]:
        which, whose = body["which"], body["whose"]
        page = await self._queue.page(which, body["page"], whose)
        names = [entry.holder.name for entry in page.entries if entry.holder]
        values = {
            "which": which,
            "page": page,
            "whose": unlinked(names[0] if which == "mine" and names else body["name"]),
            "usual_days": self._review.usual_days,
        }
        text = self._wording.named("queue", self._review.language, **values)
        turning = self._keyboard(_pages(page, which), chat, whose if which == "mine" else "")
        keyboard = turning + self._keyboard(_filters(which), chat)
        return {"text": text, "keyboard": keyboard}

    def _keyboard(self, row: tuple[Button, ...], chat: int, whose: str = "") -> Keyboard:
        return self._wording.keyboard(
            (row,) if row else (), self._review.language, Place(chat, "", "", whose)
        )


def _filters(current: str) -> tuple[Button, ...]:
    return tuple(
        Button(QUEUE, f"{which}.0", label=f"queue_{which}", values={"chosen": which == current})
        for which in FILTERS
    )


def _pages(page: Page, which: str) -> tuple[Button, ...]:
    """To the page before and the one behind, where there are such."""
    turns = (("‹", page.number - 1), ("›", page.number + 1))
    return tuple(
        Button(QUEUE, f"{which}.{to}", label="queue_page", values={"sign": sign, "n": to + 1})
        for sign, to in turns
        if 0 <= to < page.pages
    )
