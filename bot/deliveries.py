"""How each kind of errand is carried out. Outcomes are rows to be written; results come back as events."""

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from markupsafe import Markup
from telegram.error import Forbidden

from bot import remains
from bot.arrivals import Happened
from bot.cards import Cards
from bot.counter import Counter
from bot.daily import Daily
from bot.desk import Desk
from bot.errands import (
    BRIEF,
    CARD,
    COUNTER,
    DATA,
    DESK,
    DIGEST,
    EDIT,
    FETCH,
    FORM,
    FORMS,
    HIDE,
    MEMBER,
    NOTE,
    NOTICE,
    REMOVE,
    SEND,
    SHOW,
    STATS,
    WAKE,
    WIPE,
    Errand,
    removal,
)
from bot.flood import digest_fact
from bot.form_errands import FormErrands
from bot.messages import Body, Messages
from bot.mydata import data_file
from bot.notices import Notices
from bot.people import FORMS as FORM_PLACES
from bot.people import NOTICE_PLACE, PHOTO_PLACE, People
from bot.photo_errands import PhotoErrands
from bot.plan import Outcome, Write
from bot.receipts import receipt_file
from bot.standings import Standings
from bot.stats_errands import StatsErrands
from bot.topics import GENERAL, Topics, kind_of
from bot.wording import Wording
from conversations.events import UndoWindowPassed
from storage import facts, likenesses, outgoing, store
from storage.engine import Engine, Transaction
from storage.likenesses import Alike
from storage.store import OPEN_STATUSES, ApplicationRow
from storage.vault import Vault


class Deliveries:
    """Performs errands. `happen` hands results back to the intake."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        people: People,
        wording: Wording,
        cards: Cards,
        desk: Desk,
        counter: Counter,
        daily: Daily,
        messages: Messages,
        photos: PhotoErrands,
        stats: StatsErrands,
        forms: FormErrands,
        notices: Notices,
        standings: Standings,
        topics: Topics,
        group: Callable[[], int],
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._people = people
        self._language = wording.programme.review.language
        self._wording = wording
        self._cards = cards
        self._desk = desk
        self._messages = messages
        self._topics = topics
        self._photos = photos
        self._group = group
        self._clock = clock
        self.happen: Callable[[Happened], Awaitable[None]]
        self.is_erased: Callable[[str | None], bool]
        self.accept: Callable[[Sequence[Errand]], None]
        self.checkpoint: Callable[[], None] = lambda: None
        self.on_remains: Callable[[dict[str, int]], None] = lambda counts: None
        self._kinds: dict[str, Callable[[Errand], Awaitable[Outcome | None]]] = {
            SEND: self._send,
            EDIT: self._edit,
            CARD: self._card,
            FETCH: photos.fetch,
            WAKE: self._wake,
            DATA: self._data,
            SHOW: photos.show,
            FORM: forms.follow,
            FORMS: forms.follow_all,
            HIDE: photos.hide,
            REMOVE: photos.remove,
            WIPE: self._wipe,
            MEMBER: standings.ask,
            DIGEST: self._digest,
            STATS: stats.send,
            NOTE: self._note,
            NOTICE: notices.post,
            DESK: self._asked,
            COUNTER: counter.show,
            BRIEF: daily.post,
        }

    async def perform(self, errand: Errand) -> Outcome | None:
        return await self._kinds[errand.kind](errand)

    async def perform_plain(self, errand: Errand) -> Outcome | None:
        """A message whose markup was refused, once more without any."""
        errand.body["text"] = str(Markup(errand.body["text"]).striptags())  # noqa: S704
        errand.body["plain"] = True
        return await self.perform(errand)

    # private chats

    async def _send(self, errand: Errand) -> Outcome:
        if self.is_erased(errand.person_id):
            return await self._lost(errand, errand.body)
        return self._sent(errand, await self._messages.send(errand, errand.chat, errand.body))

    async def _lost(self, errand: Errand, body: Body | None = None) -> Outcome:
        """He was erased before it was known whether this stands: it is not sent any more, and goes if it does."""
        number = await self._messages.lost(errand, body)
        return Outcome() if number is None else self._removal(errand.chat, number)

    def _sent(self, errand: Errand, message_id: int) -> Outcome:
        """The bot's message is remembered, so that it can be removed; unless he was erased meanwhile."""
        person_id, now = errand.person_id, self._clock()
        if person_id is None:
            return Outcome()
        removal = Errand(REMOVE, errand.chat, None, {"message_id": message_id})
        if self.is_erased(person_id):
            return Outcome(errands=[(removal, self._vault)])

        outcome = Outcome()

        def write(tx: Transaction) -> None:
            if not outgoing.delivered(tx, person_id, message_id, now):  # erased while it was on its way
                outgoing.add_errands(tx, [removal.row(self._vault)])
                outcome.late = [removal]
            if errand.is_first_prompt:
                outgoing.prompted(tx, person_id, message_id)

        outcome.writes.append(write)
        return outcome

    async def _edit(self, errand: Errand) -> Outcome:
        await self._messages.edit(errand.chat, errand.body["message_id"], errand.body)
        return Outcome()

    async def _note(self, errand: Errand) -> Outcome:
        await self._messages.reply(errand, errand.chat, errand.body)
        return Outcome()

    async def _data(self, errand: Errand) -> Outcome:
        """A file with everything kept, the receipt of the consents, or one of the photos beside them."""
        if self.is_erased(errand.person_id):
            return await self._lost(errand)
        if errand.body["photo_id"]:
            message_id = await self._photos.owners(errand)
            return Outcome() if message_id is None else self._sent(errand, message_id)
        mine, name = errand.person_id or "", "data_file_name"
        if errand.body.get("receipt"):
            name = "receipt_file_name"
            file = await receipt_file(self._engine, self._people, mine, self._vault.signing, self._clock())
        else:
            file = await data_file(self._engine, self._vault, self._people, self._wording.programme, mine)
        if file is None:
            return Outcome()
        name = self._wording.toast(name, file.language, {})
        part = (f"{name}.json", file.json, "application/json")
        return self._sent(
            errand, await self._messages.send_file(errand, "sendDocument", {}, "document", part)
        )

    # the group

    async def _card(self, errand: Errand) -> Outcome:
        """Bring the card up to date, or post it where none stands."""
        receipt, chat = errand.body["receipt"], self._group()
        row, alike, reachable = await self._engine.read(lambda tx: _card_row(tx, receipt))
        if row is None:
            return Outcome()
        _, state = self._people.open_state(row)
        card = self._cards.render(state, row.status, chat, alike, reachable=reachable)
        kind = kind_of(row.status)
        await self._learn_card(row, chat, errand.body["pressed"])
        stands = row.card_message is not None and row.card_chat == chat
        # one whose posting was not answered may have been found by a press since
        anew = errand.body["anew"] and row.card_message == errand.body.setdefault("stood", row.card_message)
        if stands and not anew:
            if await self._topics.wanted(chat, kind) not in {GENERAL, row.card_topic or GENERAL}:
                return await self._move_card(errand, row, chat, card)
            if await self._messages.edit(chat, row.card_message or 0, card):
                return Outcome()
        if not stands and row.status not in OPEN_STATUSES and not errand.attempts:
            return Outcome()  # it was over before anybody saw it
        errand.body["posting"] = True
        message_id, topic = await self._topics.post(
            chat, kind, lambda topic: self._messages.send(errand, chat, {**card, "topic": topic})
        )
        if self.is_erased(row.person_id):
            return self._removal(chat, message_id)
        errand.body["pressed"] = [message_id]  # should the writing fail, the next try finds it here
        older = [removal(chat, row.card_message or 0, self._moved(row))] if stands else []
        if not await self._engine.write(
            _posted(errand, receipt, (chat, message_id, topic), older, self._vault)
        ):
            return self._removal(chat, message_id)
        return Outcome(late=older)

    async def _move_card(self, errand: Errand, row: ApplicationRow, chat: int, card: Body) -> Outcome:
        """Into the topic of its status. Its new message is known before the card is in it: one whose sending was not
        answered holds no more than the receipt."""
        errand.body["posting"] = True
        comes = {"text": self._wording.named("card_comes", self._language, receipt=row.receipt)}
        message_id, topic = await self._topics.post(
            chat,
            kind_of(row.status),
            lambda topic: self._messages.send(errand, chat, {**comes, "topic": topic}),
        )
        del errand.body["posting"]
        errand.body["pressed"] = [message_id]
        older = [removal(chat, row.card_message or 0, self._moved(row))]
        write = _placed(row.receipt, (chat, message_id, topic), older, self._vault)
        if self.is_erased(row.person_id) or not await self._engine.write(write):
            return self._removal(chat, message_id)
        self.accept(older)
        await self._messages.edit(chat, message_id, card)
        return Outcome()

    async def _learn_card(self, row: ApplicationRow, chat: int, pressed: list[int]) -> None:
        """A card whose posting was never answered is known by the first press on it; a second one goes."""
        for message_id in dict.fromkeys(pressed):
            if row.card_message is None or row.card_chat != chat:
                topic = await self._topics.known(chat, kind_of(row.status))
                row.card_chat, row.card_message, row.card_topic = chat, message_id, topic or None
                await self._engine.write(_card_at(row.receipt, chat, message_id, topic or None))
            elif message_id != row.card_message:
                await self._messages.take_away(chat, message_id, self._moved(row))

    async def _digest(self, errand: Errand) -> Outcome:
        """The message that stands for the cards held back: posted once, then changed in place."""
        chat, over = self._group(), errand.body["over"]
        fact = digest_fact(chat)
        waiting, known = await self._engine.read(
            lambda tx: (store.without_card(tx, chat), facts.get(tx, fact))
        )
        if known is None and over:
            return Outcome()
        digest = self._cards.digest(waiting, chat, over=over)
        stands = known
        if known is None or not await self._messages.edit(chat, int(known), digest):
            errand.body["posting"] = True
            number, _ = await self._topics.post(
                chat, "waiting", lambda topic: self._messages.send(errand, chat, {**digest, "topic": topic})
            )
            stands = str(number)
        await self._engine.write(
            lambda tx: facts.drop(tx, fact) if over else facts.put(tx, fact, stands or "")
        )
        return Outcome()

    async def _asked(self, errand: Errand) -> Outcome:
        """What a reviewer asked for. A list that was deleted meanwhile is not posted again."""
        chat = self._group()
        answer = await self._desk.answer(errand.body, chat)
        if message_id := errand.body["message_id"]:
            await self._messages.edit(chat, message_id, answer)
            return Outcome()
        errand.body["posting"] = True
        await self._messages.reply(errand, chat, answer)
        return Outcome()

    def _moved(self, row: ApplicationRow) -> Body:
        """What stands in the place of a card that gave way to a newer one."""
        return {
            "text": self._wording.named("card_moved", self._language, receipt=row.receipt),
            "keyboard": [],
        }

    # erasure

    async def _wipe(self, errand: Errand) -> Outcome:
        """Everything of an erased person that stands in chats; then his receipt, which nobody remembers."""
        body, language = errand.body, errand.body["language"]
        left: remains.Remains = body.setdefault("left", [])
        while body["cards"]:  # what is done is not done again, should a later call fail
            receipt, chat, number, *rest = body["cards"][-1]
            words = self._wording.named("card_erased", self._language, receipt=receipt)
            why = await self._messages.take_away(chat, number, {"text": words, "keyboard": []})
            left += remains.remaining(remains.CARD, _time(rest), why)
            body["cards"].pop()
        body.setdefault("photos", [place for place in body["messages"] if place[0] != errand.chat])
        while body["photos"]:
            chat, number, *rest = body["photos"][-1]
            place = rest[1] if len(rest) > 1 else PHOTO_PLACE
            why = await self._messages.take_away(chat, number, self._photos.gone(place))
            kind = _kind(place)
            left += remains.remaining(kind, _time(rest), why)
            body["photos"].pop()
        await self._wipe_own(errand, left)
        self.checkpoint()
        if left and not body.get("counted"):
            body["counted"] = True
            self.on_remains(remains.counted(left))
        if body["say"]:
            values = {"receipt": body["receipt"], "at": self._clock(), "left": self._left(left, language)}
            text = self._wording.named(body["say"], language, **values)
            with contextlib.suppress(Forbidden):
                await self._messages.send(errand, errand.chat, {"text": text})
        return Outcome()

    async def _wipe_own(self, errand: Errand, left: remains.Remains) -> None:
        """What stands in his own chat, with what a killed process had sent there without knowing it."""
        body = errand.body
        gone = {"text": self._wording.named("message_erased", body["language"]), "keyboard": []}
        async for number in self._messages.left_by_kill(errand, gone):
            body["messages"].append([errand.chat, number])
        own = {number: _time(rest) for chat, number, *rest in body["messages"] if chat == errand.chat}
        try:
            async for number, why in self._messages.take_away_each(errand.chat, list(own), gone):
                left += remains.remaining(remains.MESSAGE, own.pop(number), why)
        finally:
            body["messages"] = [[errand.chat, number, at] for number, at in own.items()]

    def _left(self, left: remains.Remains, language: str) -> Markup:
        """What could not be removed, in words."""
        return Markup(self._wording.named("remains", language, **remains.values(left)) if left else "")  # noqa: S704

    # the rest

    async def _wake(self, errand: Errand) -> None:
        told = errand.body.get("told", False)
        event = UndoWindowPassed(errand.body["receipt"], errand.body["round"], told)
        await self.happen(Happened(event, receipt=errand.body["receipt"], errand_id=errand.errand_id))

    def _removal(self, chat: int, message_id: int) -> Outcome:
        """A message that must go, since its person was erased meanwhile."""
        return Outcome(errands=[(removal(chat, message_id), self._vault)])


def _kind(place: str) -> str:
    """As what a receipt of erasure names it, should it stay."""
    if place == NOTICE_PLACE:
        return remains.NOTICE
    return remains.FORM if place in FORM_PLACES else remains.PHOTO


def _time(rest: list[str]) -> str:
    """When a thing was sent; an errand of an earlier version does not say."""
    return rest[0] if rest else ""


def _posted(
    errand: Errand, receipt: str, place: tuple[int, int, int], older: list[Errand], vault: Vault
) -> Callable[[Transaction], bool]:
    """The card's message is known with the end of its errand, and before the next errand of this card is looked
    at: that must edit this message, not post another. `place`: chat, message, topic; `older`: what
    removes the card that stood before. False when its application has gone meanwhile."""

    def write(tx: Transaction) -> bool:
        outgoing.finish_errands(tx, [errand.errand_id])
        return put(tx)

    put = _placed(receipt, place, older, vault)
    return write


def _placed(
    receipt: str, place: tuple[int, int, int], older: list[Errand], vault: Vault
) -> Callable[[Transaction], bool]:
    """Where the card stands, and the removal of the one before. False when its application has gone meanwhile."""
    chat, message_id, topic = place

    def write(tx: Transaction) -> bool:
        is_there = store.set_card(tx, receipt, chat, message_id, topic or None)
        if is_there:
            outgoing.add_errands(tx, [one.row(vault) for one in older])
        return is_there

    return write


def _card_at(receipt: str, chat: int, message_id: int, topic: int | None) -> Write:
    def write(tx: Transaction) -> None:
        store.set_card(tx, receipt, chat, message_id, topic)

    return write


def _card_row(tx: Transaction, receipt: str) -> tuple[ApplicationRow | None, list[Alike], bool]:
    """What a card is rendered from: the application, what looks like it, and whether its owner can be reached."""
    row = store.application(tx, receipt)
    people = store.people_by_id(tx, [row.person_id]) if row else []
    return row, likenesses.alike(tx, receipt), all(one.reachable for one in people)
