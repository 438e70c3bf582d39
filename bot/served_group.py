"""The reviewers' group that is served: which one it is, where it has moved, and that every open card stands there."""

from collections.abc import Callable

from bot.errands import CARD, Errand
from bot.mistakes import CannotStart
from bot.outbox import Outbox
from bot.reviewers import Reviewers
from bot.starting import MOVED
from storage import facts, store
from storage.engine import Engine

SERVED = "group_served"  # the fact with the id of the group in which the bot was last


class ServedGroup:
    """It may move once, to a supergroup. `found`: its id as Telegram says it now, and why it cannot be used, if so."""

    outbox: Outbox
    reviewers: Reviewers
    on_trouble: Callable[[str], None]

    def __init__(self, engine: Engine, setting: int, chat_id: int, found: tuple[int, str]) -> None:
        self.chat_id = chat_id
        self._engine = engine
        self._setting = setting
        self._found = found

    async def remember(self) -> None:
        """Raises CannotStart when the bot is not in the group and never was: the setting is wrong."""
        found, wrong = self._found
        known = await self._engine.read(lambda tx: facts.get(tx, SERVED))
        if wrong and known != str(found):
            raise CannotStart(wrong)
        if known != str(found):
            await self._engine.write(lambda tx: facts.put(tx, SERVED, str(found)))

    async def take_as_found(self) -> None:
        """Applicants are served also while the bot is shut out of the group it served: cards wait for its return."""
        chat, wrong = self._found
        if wrong:
            self.on_trouble(wrong)
        if chat != self.chat_id:
            await self.move(self.chat_id, chat)
        else:
            await self.post_missing_cards()

    async def move(self, old: int, new: int) -> None:
        """The group became a supergroup: remember its id, and post every open card anew there."""
        if old != self.chat_id:
            return
        at_setting = f"{MOVED}:{self._setting}"
        await self._engine.write(lambda tx: facts.put(tx, at_setting, str(new)))  # else it is said again
        if old != self.chat_id:  # said twice meanwhile
            return
        self.chat_id = new
        self.reviewers.forget_all()
        self.outbox.move_lane(old, new)
        await self.post_missing_cards()
        self.on_trouble("the reviewers' group became a supergroup; its open cards are posted anew")

    async def post_missing_cards(self) -> None:
        """Every open application has its card in the present group, or an errand that brings it there."""
        chat = self.chat_id
        missing = await self._engine.read(lambda tx: store.without_card(tx, chat))
        on_their_way = self.outbox.cards()
        self.outbox.accept(
            [
                Errand(CARD, chat, None, {"receipt": receipt, "anew": True, "pressed": []})
                for receipt, _ in missing
                if receipt not in on_their_way
            ]
        )
