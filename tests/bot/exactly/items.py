"""The updates of a window, each given to the one whose dialogue it is about."""

from dataclasses import dataclass, replace
from typing import Any

from bot.buttons import data_of
from bot.reading import FromApplicant, FromReviewer, read
from conversations.events import Event, PhotoOpened, Started
from tests.bot.exactly.hand import raw_of
from tests.bot.exactly.record import Kept, reviewer
from tests.bot.exactly.setting import SIGNER
from tests.bot.exactly.world import World


@dataclass(frozen=True, slots=True)
class Item:
    """An update that is about one person's dialogue: his own, or a reviewer's press."""

    reading: FromApplicant | FromReviewer
    is_his: bool
    is_first: bool = False  # of his: nothing that is asked can be unsent
    event: Event | None = None  # of a reviewer who came through a link
    may_be_lost: bool = False  # Telegram has let go of it, and nobody knows whether the bot had taken it


class Items:
    """Sorted by account. `before`: whose the applications are."""

    def __init__(self, world: World, before: Kept) -> None:
        self._world, self._before = world, before
        self.of: dict[int, list[Item]] = {}
        self._waiting = {update.id for update in world.telegram.queue.all()}
        for update in world.hand.sent[world.window.first_update :]:
            if world.telegram.witness.deliveries[
                update.id
            ].attempts:  # Telegram keeps a press for 150 seconds
                self._sort(raw_of(update))

    def _sort(self, raw: dict[str, Any]) -> None:
        reading = read(raw, self._world.telegram.bot.username)
        match reading:
            case FromApplicant(event=Started(payload=payload)) if payload:
                press = SIGNER.read(reading.user_id, data_of(payload))
                if press and press.verb == PhotoOpened.verb:
                    by = reviewer(reading.user_id, reading.name)
                    opened = PhotoOpened(by, chat_id=reading.user_id)
                    self._give(press.subject, Item(reading, False, event=opened))
                    return
                self._own(reading)
            case FromApplicant():
                self._own(reading)
            case FromReviewer(data=data):
                if press := SIGNER.read(self._world.group.id, data):
                    self._give(press.subject, Item(reading, False))

    def _give(self, receipt: str, item: Item) -> None:
        if filed := self._before.filed.get(receipt):
            self.of.setdefault(filed.owner, []).append(self._maybe(item))

    def _maybe(self, item: Item) -> Item:
        update_id = item.reading.update_id
        confirmed = self._world.telegram.witness.deliveries[update_id].confirmed_at
        return replace(item, may_be_lost=confirmed is None and update_id not in self._waiting)

    def _own(self, reading: FromApplicant) -> None:
        known = self.of.setdefault(reading.user_id, [])
        known.append(self._maybe(Item(reading, True, is_first=not any(item.is_his for item in known))))
