"""How each kind of errand is carried out. Outcomes are rows to be written; results come back as events."""

import contextlib
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from markupsafe import Markup
from telegram.error import BadRequest, Forbidden

from bot.arrivals import Happened
from bot.cards import Cards
from bot.carrying import shown_place
from bot.errands import CARD, DATA, EDIT, FETCH, HIDE, MEMBER, NOTE, REMOVE, SEND, SHOW, WAKE, WIPE, Errand
from bot.mydata import data_file
from bot.people import People, photo_place
from bot.photos import Darkroom, DarkroomClosed, Photo, Refusal
from bot.plan import Outcome, Write
from bot.reviewers import Reviewers
from bot.transport import NotSent, Transport
from bot.wording import Keyboard, Wording
from conversations import Programme
from conversations.application import Picture
from conversations.events import PhotoChecked, UndoWindowPassed
from storage import store
from storage.engine import Engine, Transaction
from storage.store import OPEN_STATUSES, ApplicationRow
from storage.vault import Vault

DELETABLE = timedelta(hours=48)  # how long a bot may delete a message; source: Bot API, deleteMessage


class Deliveries:
    """Performs errands. `happen` and `retake` hand results back to the intake; `accept` plans what follows."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        people: People,
        programme: Programme,
        wording: Wording,
        cards: Cards,
        transport: Transport,
        darkroom: Darkroom,
        reviewers: Reviewers,
        group: Callable[[], int],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._people = people
        self._programme = programme
        self._wording = wording
        self._cards = cards
        self._transport = transport
        self._darkroom = darkroom
        self._reviewers = reviewers
        self._group = group
        self._clock = clock
        self.happen: Callable[[Happened], Awaitable[None]]
        self.retake: Callable[[dict[str, Any], str], Awaitable[None]]
        self.is_erased: Callable[[str | None], bool]
        self.checkpoint: Callable[[], None] = lambda: None
        self._kinds: dict[str, Callable[[Errand], Awaitable[Outcome | None]]] = {
            SEND: self._send,
            EDIT: self._edit,
            CARD: self._card,
            FETCH: self._fetch,
            WAKE: self._wake,
            DATA: self._data,
            SHOW: self._show,
            HIDE: self._hide,
            REMOVE: self._remove,
            WIPE: self._wipe,
            MEMBER: self._member,
            NOTE: self._note,
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
        sent = await self._transport.call("sendMessage", message_params(errand.chat, errand.body))
        return self._sent(errand, int(sent["message_id"]))

    def _sent(self, errand: Errand, message_id: int) -> Outcome:
        """The bot's message is remembered, so that it can be removed; unless he was erased meanwhile."""
        person_id, now = errand.person_id, self._clock()
        if person_id is None:
            return Outcome()
        if self.is_erased(person_id):
            return self._later(Errand(REMOVE, errand.chat, None, {"message_id": message_id}))

        def write(tx: Transaction) -> None:
            store.delivered(tx, person_id, "private", message_id, now)
            if errand.is_prompt:
                store.prompted(tx, person_id, message_id)

        return Outcome([write])

    async def _edit(self, errand: Errand) -> Outcome:
        params = {**message_params(errand.chat, errand.body), "message_id": errand.body["message_id"]}
        await self._change("editMessageText", params)
        return Outcome()

    async def _note(self, errand: Errand) -> Outcome:
        await self._transport.call("sendMessage", message_params(errand.chat, errand.body))
        return Outcome()

    async def _data(self, errand: Errand) -> Outcome:
        """A file with everything kept, or one of the photos beside it."""
        person_id, photo_id = errand.person_id or "", errand.body["photo_id"]
        params = {"chat_id": errand.chat, "protect_content": True}
        if photo_id:
            jpeg = await self._photo(person_id, photo_id)
            if jpeg is None:
                return Outcome()
            parts = {"photo": ("photo.jpg", jpeg, "image/jpeg")}
            sent = await self._transport.call("sendPhoto", params, files=parts)
        else:
            file = await data_file(self._engine, self._people, person_id)
            if file is None:
                return Outcome()
            name = self._wording.toast("data_file_name", file.language, {})
            parts = {"document": (f"{name}.json", file.json, "application/json")}
            sent = await self._transport.call("sendDocument", params, files=parts)
        return self._sent(errand, int(sent["message_id"]))

    async def _photo(self, person_id: str, photo_id: str) -> bytes | None:
        """A stored photo, opened; None when it or the person has gone."""
        row = await self._engine.read(lambda tx: store.photo(tx, person_id, photo_id))
        if row is None:
            return None
        key = self._vault.unwrap(person_id, row.wrapped_key)
        return key.open(photo_place(photo_id), row.sealed)

    # the group

    async def _card(self, errand: Errand) -> Outcome:
        """Bring the card up to date, or post it where none stands."""
        receipt, chat = errand.body["receipt"], self._group()
        row = await self._engine.read(lambda tx: store.application(tx, receipt))
        if row is None:
            return Outcome()
        _, state = self._people.open_state(row)
        card = self._cards.render(state, row.status, chat)
        await self._learn_card(row, chat, errand.body["pressed"])
        stands = row.card_message is not None and row.card_chat == chat
        if stands and not errand.body["anew"]:
            params = {**message_params(chat, card), "message_id": row.card_message}
            if await self._change("editMessageText", params):
                return Outcome()
        errand.body["posting"] = True
        sent = await self._transport.call("sendMessage", message_params(chat, card))
        message_id = int(sent["message_id"])
        if self.is_erased(errand.person_id):
            return self._later(Errand(REMOVE, chat, None, {"message_id": message_id}))
        errand.body["pressed"] = [message_id]  # should the writing fail, the next try finds it here
        await self._engine.write(_posted(errand.errand_id, receipt, chat, message_id))
        if stands:
            await self._take_away(chat, int(row.card_message or 0), self._moved(row))
        return Outcome()

    async def _learn_card(self, row: ApplicationRow, chat: int, pressed: list[int]) -> None:
        """A card whose posting was never answered is known by the first press on it; a second one goes."""
        for message_id in dict.fromkeys(pressed):
            if row.card_message is None or row.card_chat != chat:
                row.card_chat, row.card_message = chat, message_id
                await self._engine.write(_card_at(row.receipt, chat, message_id))
            elif message_id != row.card_message:
                await self._take_away(chat, message_id, self._moved(row))

    def _moved(self, row: ApplicationRow) -> dict[str, Any]:
        language = self._programme.review.language
        return {"text": self._wording.named("card_moved", language, receipt=row.receipt), "keyboard": []}

    async def _change(self, method: str, params: dict[str, Any]) -> bool:
        """Edit a message; whether it still stood. Not modified is as good as done."""
        try:
            await self._transport.call(method, params)
        except BadRequest as error:
            said = str(error).casefold()
            if "not modified" in said:
                return True
            if "message to edit not found" in said or "message can't be edited" in said:
                return False
            raise
        return True

    async def _take_away(self, chat: int, message_id: int, instead: dict[str, Any]) -> bool:
        """Delete a message, or overwrite it when it is too old for that; whether it is gone or empty."""
        try:
            await self._transport.call("deleteMessage", {"chat_id": chat, "message_id": message_id})
        except Forbidden:
            return False
        except BadRequest as error:
            if "not found" in str(error).casefold():
                return True
            return await self._overwrite(chat, message_id, instead)
        return True

    async def _overwrite(self, chat: int, message_id: int, instead: dict[str, Any]) -> bool:
        try:
            return await self._change(
                "editMessageText", {**message_params(chat, instead), "message_id": message_id}
            )
        except (BadRequest, Forbidden):
            return False

    # photos

    async def _fetch(self, errand: Errand) -> None:
        """Fetch, check, re-encode; the result is an event, and brings the picture with it."""
        body = errand.body
        result = PhotoChecked(body["question"], body["part"], body["attempt"], refusal="photo_unavailable")
        photo = b""
        try:
            file = await self._transport.call("getFile", {"file_id": body["file_id"]})
            data = await self._transport.download(file["file_path"])
        except BadRequest:
            data = b""
        if data:
            developed = await self._develop(data)
            if isinstance(developed, Photo):
                photo = developed.jpeg
                picture = Picture(
                    photo_id=secrets.token_hex(12),
                    width=developed.width,
                    height=developed.height,
                    warnings=developed.warnings,
                )
                result = PhotoChecked(body["question"], body["part"], body["attempt"], picture)
            else:
                values = tuple(sorted(developed.values.items()))
                result = PhotoChecked(
                    body["question"], body["part"], body["attempt"], refusal=developed.reason, values=values
                )
        await self.happen(
            Happened(result, person_id=errand.person_id or "", errand_id=errand.errand_id, photo=photo)
        )

    async def _develop(self, data: bytes) -> Photo | Refusal:
        try:
            return await self._darkroom.develop(data)
        except DarkroomClosed:
            raise NotSent("the bot is stopping; the photo waits") from None

    async def _show(self, errand: Errand) -> Outcome:
        """One photo in a reviewer's private chat, protected, with its removal planned. Only while it is open."""
        receipt, person_id, photo_id = errand.body["receipt"], errand.person_id or "", errand.body["photo_id"]
        application, photo = await self._engine.read(
            lambda tx: (store.application(tx, receipt), store.photo(tx, person_id, photo_id))
        )
        if application is None or photo is None or application.status not in OPEN_STATUSES:
            return Outcome()
        key = self._vault.unwrap(person_id, photo.wrapped_key)
        minutes = self._programme.review.photo_minutes
        values = {"receipt": receipt, "question": photo.question, "part": photo.part, "minutes": minutes}
        params = {
            "chat_id": errand.chat,
            "caption": self._wording.named("photo_caption", self._programme.review.language, **values),
            "parse_mode": "HTML",
            "protect_content": True,
            "has_spoiler": True,
        }
        parts = {"photo": ("id.jpg", key.open(photo_place(photo_id), photo.sealed), "image/jpeg")}
        sent = await self._transport.call("sendPhoto", params, files=parts)
        message_id, now = int(sent["message_id"]), self._clock()
        until = now + timedelta(minutes=minutes)
        if self.is_erased(person_id):
            return self._later(Errand(REMOVE, errand.chat, None, {"message_id": message_id}))
        sealed_chat = key.seal(shown_place(person_id), str(errand.chat).encode())
        removal = Errand(REMOVE, errand.chat, person_id, {"message_id": message_id}, not_before=until)
        shown = _shown(person_id, message_id, receipt, sealed_chat, now)
        return Outcome([shown], [(removal, key)])

    async def _hide(self, errand: Errand) -> Outcome:
        """Remove every photo of an application that stands in a reviewer's chat."""
        receipt, person_id = errand.body["receipt"], errand.person_id or ""
        row = await self._engine.read(lambda tx: store.application(tx, receipt))
        if row is None:
            return Outcome()
        key, _ = self._people.open_state(row)
        gone: list[int] = []
        for place, message_id, _, sealed_chat, of in await self._engine.read(
            lambda tx: store.messages_of(tx, person_id)
        ):
            if place == "reviewer" and of == receipt:
                chat = int(key.open(shown_place(person_id), sealed_chat))
                await self._take_away(chat, message_id, self._photo_gone())
                gone.append(message_id)
        return Outcome([_forgotten(person_id, number) for number in gone])

    async def _remove(self, errand: Errand) -> Outcome:
        message_id, person_id = errand.body["message_id"], errand.person_id
        await self._take_away(errand.chat, message_id, self._photo_gone())
        if person_id is None:
            return Outcome()
        return Outcome([_forgotten(person_id, message_id)])

    def _photo_gone(self) -> dict[str, Any]:
        return {"text": self._wording.named("photo_removed", self._programme.review.language), "keyboard": []}

    # erasure

    async def _wipe(self, errand: Errand) -> Outcome:
        """Everything of an erased person that stands in chats; then his receipt, which nobody remembers."""
        body = errand.body
        language, left = body["language"], 0
        gone = {"text": self._wording.named("message_erased", language), "keyboard": []}
        own = [number for chat, number in body["messages"] if chat == errand.chat]
        for start in range(0, len(own), 100):
            left += await self._delete_many(errand.chat, own[start : start + 100], gone)
        for chat, number in body["messages"]:
            if chat != errand.chat:
                left += not await self._take_away(chat, number, self._photo_gone())
        for receipt, chat, number in body["cards"]:
            words = self._wording.named("card_erased", self._programme.review.language, receipt=receipt)
            left += not await self._take_away(chat, number, {"text": words, "keyboard": []})
        if body["say"]:
            text = self._wording.named(
                body["say"], language, receipt=body["receipt"], at=self._clock(), left=left
            )
            with contextlib.suppress(Forbidden):
                await self._transport.call("sendMessage", message_params(errand.chat, {"text": text}))
        self.checkpoint()
        return Outcome()

    async def _delete_many(self, chat: int, numbers: list[int], instead: dict[str, Any]) -> int:
        """Delete up to 100 messages at once, or one by one; how many could neither go nor be emptied."""
        try:
            await self._transport.call("deleteMessages", {"chat_id": chat, "message_ids": numbers})
        except Forbidden:
            return len(numbers)
        except BadRequest:
            return sum([not await self._take_away(chat, number, instead) for number in numbers])
        return 0

    # the rest

    async def _wake(self, errand: Errand) -> None:
        event = UndoWindowPassed(errand.body["receipt"], errand.body["round"])
        await self.happen(Happened(event, receipt=errand.body["receipt"], errand_id=errand.errand_id))

    async def _member(self, errand: Errand) -> None:
        """Ask Telegram for someone's standing, then read his update again."""
        user_id = errand.body["user_id"]
        try:
            params = {"chat_id": self._group(), "user_id": user_id}
            member = await self._transport.call("getChatMember", params)
            gone = member["status"] == "restricted" and not member.get("is_member")
            status = "left" if gone else member["status"]
        except (BadRequest, Forbidden):
            status = "left"  # refused when unsure
        self._reviewers.learn(user_id, status)
        await self.retake(errand.body["raw"], errand.errand_id)

    def _later(self, errand: Errand) -> Outcome:
        """A further errand that is nobody's, sealed under the operator's key."""
        return Outcome(errands=[(errand, self._vault)])


def message_params(chat: int, body: dict[str, Any]) -> dict[str, Any]:
    """A message's parameters: HTML unless plain, no link previews, its buttons."""
    params: dict[str, Any] = {
        "chat_id": chat,
        "text": body["text"],
        "link_preview_options": {"is_disabled": True},
    }
    if not body.get("plain"):
        params["parse_mode"] = "HTML"
    keyboard: Keyboard = body.get("keyboard", [])
    if keyboard:
        params["reply_markup"] = {"inline_keyboard": keyboard}
    return params


def _posted(errand_id: str, receipt: str, chat: int, message_id: int) -> Write:
    """The card's message is known with the end of its errand, and before the next errand of this card is looked
    at: that must edit this message, not post another."""

    def write(tx: Transaction) -> None:
        store.set_card(tx, receipt, chat, message_id)
        store.finish_errands(tx, [errand_id])

    return write


def _card_at(receipt: str, chat: int, message_id: int) -> Write:
    return lambda tx: store.set_card(tx, receipt, chat, message_id)


def _shown(person_id: str, message_id: int, receipt: str, sealed_chat: bytes, now: datetime) -> Write:
    return lambda tx: store.shown(tx, person_id, message_id, receipt, sealed_chat, now)


def _forgotten(person_id: str, message_id: int) -> Write:
    return lambda tx: store.forget_message(tx, person_id, "reviewer", message_id)
