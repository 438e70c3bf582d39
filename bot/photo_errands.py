"""Errands about ID photos: fetched and checked, shown to reviewers, hidden again, handed to their owner."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from telegram.error import BadRequest

from bot.arrivals import Happened
from bot.carrying import shown_place
from bot.errands import REMOVE, Errand, removal
from bot.likenesses import likeness_of_photo
from bot.messages import Body, Messages
from bot.people import FORMS, NOTICE_PLACE, PHOTO_PLACE, photo_place
from bot.photos import Darkroom, DarkroomClosed, Photo, Refusal
from bot.places import keep_place
from bot.plan import Outcome, Write
from bot.transport import NotSent, Transport
from bot.wording import Wording
from conversations import Programme
from conversations.application import Picture
from conversations.events import PhotoChecked
from storage import outgoing, store
from storage.engine import Engine
from storage.store import OPEN_STATUSES
from storage.vault import Vault


class PhotoErrands:
    """`happen` hands results back to the intake."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        programme: Programme,
        wording: Wording,
        transport: Transport,
        messages: Messages,
        darkroom: Darkroom,
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._programme = programme
        self._wording = wording
        self._transport = transport
        self._messages = messages
        self._darkroom = darkroom
        self._clock = clock
        self.happen: Callable[[Happened], Awaitable[None]]
        self.is_erased: Callable[[str | None], bool]
        self.accept: Callable[[Sequence[Errand]], None]

    async def fetch(self, errand: Errand) -> None:
        """Fetch, check, re-encode; the result is an event, and brings the picture with it.

        What could not be fetched at all is asked for again.
        """
        body = errand.body
        place = (body["question"], body["part"], body["attempt"])
        abandoned = body.get("abandoned")
        developed = Refusal("photo_not_checked") if abandoned else await self._developed(body["file_id"])
        picture, jpeg = None, b""
        if isinstance(developed, Photo):
            jpeg = developed.jpeg
            picture = Picture(
                photo_id=secrets.token_hex(12),
                width=developed.width,
                height=developed.height,
                warnings=developed.warnings,
                likeness=likeness_of_photo(self._vault, jpeg),
            )
            result = PhotoChecked(*place, picture)
        else:
            values = tuple(sorted(developed.values.items()))
            result = PhotoChecked(*place, refusal=developed.reason, values=values)
        await self.happen(
            Happened(result, person_id=errand.person_id or "", errand_id=errand.errand_id, photo=jpeg)
        )

    async def _developed(self, file_id: str) -> Photo | Refusal:
        try:
            file = await self._transport.call("getFile", {"file_id": file_id})
            data = await self._transport.download(file["file_path"])
        except BadRequest:
            return Refusal("photo_unavailable")
        try:
            return await self._darkroom.develop(data)
        except DarkroomClosed:
            raise NotSent("the bot is stopping; the photo waits") from None

    async def show(self, errand: Errand) -> Outcome:
        """One photo in a reviewer's private chat. Only while the application is open."""
        receipt, person_id, photo_id = errand.body["receipt"], errand.person_id or "", errand.body["photo_id"]
        application, photo = await self._engine.read(
            lambda tx: (store.application(tx, receipt), store.photo(tx, person_id, photo_id))
        )
        is_over = application is None or photo is None or application.status not in OPEN_STATUSES
        values = {"receipt": receipt, "minutes": self._programme.review.photo_minutes}
        words = self._named("photo_comes", **values)
        if "kept" not in errand.body:
            place = {"text": words, "protected": True}
            if is_over:
                stands = await self._messages.lost(errand, place)
                return Outcome() if stands is None else self._removal(errand.chat, stands)
            if "message" not in errand.body:
                errand.body["message"] = await self._messages.send(errand, errand.chat, place)
            if photo is None or not await self._keep_place(errand, photo.wrapped_key):
                return self._removal(errand.chat, errand.body["message"])
        if photo is None or is_over or self.is_erased(person_id):
            return Outcome()  # what stands there goes with all that was shown
        values |= {"question": photo.question, "part": photo.part, "variant": errand.body.get("variant", "")}
        jpeg = self._vault.unwrap(person_id, photo.wrapped_key).open(photo_place(photo_id), photo.sealed)
        await self._messages.put_picture(
            errand.chat,
            errand.body["message"],
            self._named("photo_caption", **values),
            ("id.jpg", jpeg, "image/jpeg"),
        )
        return Outcome()

    async def _keep_place(self, errand: Errand, wrapped_key: bytes) -> bool:
        """The message into which the photo goes is known before that is in it, and its removal planned: so no photo can
        stand where nobody knows. False when its person was erased meanwhile."""
        number, person_id = errand.body["message"], errand.person_id or ""
        key, now = self._vault.unwrap(person_id, wrapped_key), self._clock()
        until = now + timedelta(minutes=self._programme.review.photo_minutes)
        removal = Errand(REMOVE, errand.chat, person_id, {"message_id": number}, not_before=until)
        if not await keep_place(self._engine, errand, key, number, PHOTO_PLACE, now, [removal], kept=True):
            return False
        self.accept([removal])
        return True

    def _named(self, name: str, **values: Any) -> str:
        return self._wording.named(name, self._programme.review.language, **values)

    def _removal(self, chat: int, message_id: int) -> Outcome:
        return Outcome(errands=[(removal(chat, message_id), self._vault)])

    async def hide(self, errand: Errand) -> Outcome:
        """Every photo and form of an application that stands in a reviewer's chat is to go, in the order of that
        chat, and the word in the group that its owner has written."""
        receipt, person_id = errand.body["receipt"], errand.person_id or ""
        application, messages = await self._engine.read(
            lambda tx: (store.application(tx, receipt), outgoing.messages_of(tx, person_id))
        )
        if application is None:
            return Outcome()
        key = self._vault.unwrap(person_id, application.wrapped_key)
        standing = [
            (place, int(key.open(shown_place(person_id), sealed_chat)), message_id)
            for place, message_id, _, sealed_chat, of in messages
            if place in (PHOTO_PLACE, NOTICE_PLACE, *FORMS) and of == receipt
        ]
        removals = [
            Errand(REMOVE, chat, person_id, {"message_id": number, "place": place})
            for place, chat, number in standing
        ]
        return Outcome(errands=[(removal, key) for removal in removals])

    async def remove(self, errand: Errand) -> Outcome:
        """Remove one message, its time over or its person erased."""
        message_id, person_id = errand.body["message_id"], errand.person_id
        place = errand.body.get("place", PHOTO_PLACE)
        instead = errand.body.get("instead") or self.gone(place)
        why = await self._messages.take_away(errand.chat, message_id, instead)
        if (
            person_id is None or why is not None
        ):  # what stays is remembered, and told when its person is erased
            return Outcome()
        return Outcome([_forgotten(person_id, place, message_id)])

    async def owners(self, errand: Errand) -> int | None:
        """One of his photos to the person himself; the message's id, or None when the photo has gone."""
        person_id, photo_id = errand.person_id or "", errand.body["photo_id"]
        photo = await self._engine.read(lambda tx: store.photo(tx, person_id, photo_id))
        if photo is None:
            return None
        jpeg = self._vault.unwrap(person_id, photo.wrapped_key).open(photo_place(photo_id), photo.sealed)
        file = ("photo.jpg", jpeg, "image/jpeg")
        return await self._messages.send_file(errand, "sendPhoto", {}, "photo", file)

    def gone(self, place: str = PHOTO_PLACE) -> Body:
        """What stands in the place of a photo or form where it cannot be deleted."""
        name = "form_removed" if place in FORMS else "photo_removed"
        name = "notice_removed" if place == NOTICE_PLACE else name
        return {"text": self._wording.named(name, self._programme.review.language), "keyboard": []}


def _forgotten(person_id: str, place: str, message_id: int) -> Write:
    return lambda tx: outgoing.forget_message(tx, person_id, place, message_id)
