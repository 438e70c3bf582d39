"""Sending, changing and removing the bot's own messages, as Telegram allows it."""

import asyncio
import base64
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Literal
from weakref import WeakKeyDictionary

from telegram.error import BadRequest, ChatMigrated, Forbidden

from bot.errands import Errand, Lost
from bot.sightings import Sightings
from bot.transport import Files, NotSent, Transport, Uncertain
from bot.wording import Keyboard

LOOKS = 40  # numbers at which a message is looked for before it is sent again
LOOKS_LONG = 80  # the same, when a killed process may have sent it
LOOKS_AFTER_KILL = 1_000  # for all of those together
ASIDE = 5  # messages that people may have sent meanwhile, and whose updates have not come
PAUSES = (0.1, 0.5)  # seconds between tries to look at one
MANY = 100  # messages that one call deletes; source: Bot API, deleteMessages
_GONE = ("message to edit not found", "message can't be edited")
_NO_CHAT = "chat not found"
_NO_TEXT = "there is no text in the message"

# what is said when the chat is closed to the bot, whatever the message; source: Bot API server, TDLib
_CLOSED = (
    "chat not found",
    "not enough rights",
    "have no rights",
    "need administrator rights",
    "chat_write_forbidden",
    "chat_restricted",
    "chat_send_",
    "topic_closed",
    "topic_deleted",
    "message thread not found",
)

_NO_TOPIC = ("message thread not found", "topic_deleted", "topic_id_invalid")

# a grey square, 64 by 64
_BLANK = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAAAAACPAi4CAAAAKklEQVR4nO3MQREAAAwCIPtnM5Qh9ttBANKjCAQCgUAgEAgEAoFAIPge"
    "DCKCwLW9dTXHAAAAAElFTkSuQmCC"
)

Why = Literal[
    "closed", "old", "refused"
]  # the chat is; it can be neither deleted nor changed; Telegram says no
Body = dict[str, Any]  # text, keyboard, plain
Act = tuple[str, Body, Files | None]  # a method, its parameters, and the files it takes along


def is_closed(error: BadRequest) -> bool:
    """Whether it is the chat that takes nothing from the bot, and not the message that is wrong."""
    said = str(error).casefold()
    return any(sign in said for sign in _CLOSED)


def is_missing(error: BadRequest) -> bool:
    """Whether a message was refused because of its topic: it was deleted, or the group has none any more."""
    return any(sign in str(error).casefold() for sign in _NO_TOPIC)


def is_shut(error: BadRequest) -> bool:
    """Whether a message was refused because its topic is closed."""
    return "topic_closed" in str(error).casefold()


class Messages:
    """What stands in chats. Raises what `Transport.call` raises, unless a method says otherwise."""

    def __init__(self, transport: Transport, sightings: Sightings) -> None:
        self._transport = transport
        self._sightings = sightings
        # what is being sent or was lost: the highest number that was known before
        self._unknown: WeakKeyDictionary[Errand, int] = WeakKeyDictionary()
        self._looks_left = LOOKS_AFTER_KILL
        self._cleared: set[int] = set()  # chats in which nothing more of a killed process can stand

    async def send(self, errand: Errand, chat: int, body: Body) -> int:
        """Say something for an errand; the message's id. It is said once, though an answer were lost."""
        params = _params(chat, body)
        edit = ("editMessageText", params)
        if topic := body.get("topic"):
            params = {**params, "message_thread_id": topic}
        return await self._once(errand, ("sendMessage", params, None), edit)

    async def reply(self, errand: Errand, chat: int, body: Body) -> int:
        """The same in the topic in which it was asked for, which the errand knows; in General when that is gone."""
        topic = errand.body.get("topic", 0)
        try:
            return await self.send(errand, chat, {**body, "topic": topic})
        except BadRequest as error:
            if not topic or not (is_missing(error) or is_shut(error)):
                raise
        return await self.send(errand, chat, body)

    async def send_file(
        self,
        errand: Errand,
        method: str,
        params: dict[str, Any],
        field: str,
        file: tuple[str, bytes, str],
        *,
        protected: bool = True,
    ) -> int:
        """A photo or document to the errand's chat, protected; `file` is its name, bytes and type. The message's id."""
        same = {"chat_id": errand.chat, **params}
        act = method, {**same, **({"protect_content": True} if protected else {})}, {field: file}
        words: Body = {name: same[name] for name in ("chat_id", "caption", "parse_mode") if name in same}
        return await self._once(errand, act, ("editMessageCaption", words))

    async def lost(self, errand: Errand, body: Body | None = None) -> int | None:
        """The id of a message, or of a file without words, that is not to be sent any more, and stands though
        its sending was never answered; None when it does not."""
        edit = ("editMessageText", _params(errand.chat, body)) if body else None
        return await self._find(errand, edit or ("editMessageCaption", {"chat_id": errand.chat}))

    async def left_by_kill(self, errand: Errand, instead: Body) -> AsyncIterator[int]:
        """Where messages stand in an erased person's chat that a killed process had sent without knowing it: they read
        `instead` now. What was looked at is not looked at again. Raises NotSent when it cannot be looked for."""
        lost = errand.lost
        if lost is None or not lost.until:
            return
        numbers = list(self._sightings.between(lost.after, lost.until + ASIDE))
        if len(numbers) > LOOKS_LONG:  # on its way when he was erased, or at the kill
            numbers = numbers[:LOOKS] + numbers[-LOOKS:]
        edit = "editMessageText", _params(errand.chat, instead)
        with contextlib.suppress(Forbidden, ChatMigrated):  # nobody reads there any more
            for number in numbers:
                if number not in lost.looked_at and await self._reads(edit, number, any_kind=True):
                    yield number
                lost.looked_at.add(number)
        errand.lost = None

    async def put_picture(
        self, chat: int, message_id: int, caption: str, file: tuple[str, bytes, str]
    ) -> bool:
        """A picture takes the place of a message's text; whether that still stood."""
        media = {
            "type": "photo",
            "media": "attach://picture",
            "caption": caption,
            "parse_mode": "HTML",
            "has_spoiler": True,
        }
        params = {"chat_id": chat, "message_id": message_id, "media": media}
        try:
            await self._transport.call("editMessageMedia", params, files={"picture": file})
        except BadRequest as error:
            if _is_same(error):
                return True
            if any(sign in str(error).casefold() for sign in _GONE):
                return False
            raise
        return True

    async def _once(self, errand: Errand, act: Act, edit: tuple[str, Body]) -> int:
        """Send, unless it stands already: the last try may have been acted upon without an answer."""
        found = await self._find(errand, edit)
        if found is not None:
            self._unknown.pop(errand, None)
            return found
        before = self._sightings.highest
        method, params, files = act
        if errand.chat > 0:
            self._unknown[errand] = before
        try:
            sent = await self._transport.call(method, params, files=files)
        except Uncertain:
            errand.lost = errand.lost or Lost(before)
            raise
        except BaseException:
            self._unknown.pop(errand, None)
            raise
        self._unknown.pop(errand, None)
        message_id = int(sent["message_id"])
        self._sightings.see(int(params["chat_id"]), message_id)
        if errand.chat < 0:
            self._sightings.groups.sent(int(params["chat_id"]), message_id)
        if errand.person_id is None and errand.chat > 0:
            self._sightings.see_unrecorded(message_id)
        return message_id

    async def _find(self, errand: Errand, edit: tuple[str, Body]) -> int | None:
        """The number of a message that may stand: the one at which an edit to the same words is no error but that.

        Raises NotSent when it cannot be looked for now.
        """
        lost = errand.lost
        if lost is None or not errand.can_be_found:
            return None
        for number in self._after_kill(errand.chat, lost) if lost.until else self._after_try(lost):
            if await self._reads(edit, number):
                self._sightings.see(errand.chat, number)
                return number
            if lost.until or number < self._sightings.highest:  # a higher one may still be given to it
                lost.looked_at.add(number)
        if lost.until:
            self._cleared.add(errand.chat)  # what comes after it there was not sent either
            errand.lost = None
        return None

    def _after_try(self, lost: Lost) -> Iterator[int]:
        """Above the highest that is known there can only be what was sent since it became known."""
        further = ASIDE + sum(before >= self._sightings.highest for before in self._unknown.values())
        numbers = (one for one in self._sightings.unseen(lost.after, further) if one not in lost.looked_at)
        return itertools.islice(numbers, LOOKS)

    def _after_kill(self, chat: int, lost: Lost) -> Iterator[int]:
        """It was on its way when the process was killed: it has one of the last numbers before that."""
        if chat in self._cleared:
            return
        numbers = (
            one
            for one in self._sightings.between(lost.after, lost.until + ASIDE)
            if one not in lost.looked_at
        )
        for number in list(numbers)[-LOOKS_LONG:]:
            if not self._looks_left:
                return
            self._looks_left -= 1
            yield number

    async def _reads(self, edit: tuple[str, Body], number: int, *, any_kind: bool = False) -> bool:
        """Whether a message stands there, with these words from now on (or, with `any_kind`, one that can have none).
        Tried more than once, so that a search ends."""
        method, params = edit
        for pause in (*PAUSES, None):
            try:
                await self._transport.call(method, {**params, "message_id": number})
            except BadRequest as error:
                return _is_same(error) or (any_kind and _NO_TEXT in str(error).casefold())
            except (NotSent, Uncertain) as error:
                if pause is None:
                    raise NotSent(f"cannot look whether it stands: {error}") from None
                await asyncio.sleep(pause)
            else:
                return True
        raise AssertionError

    async def edit(self, chat: int, message_id: int, body: Body) -> bool:
        """Whether the message still stood. Not modified is as good as done."""
        try:
            await self._transport.call("editMessageText", {**_params(chat, body), "message_id": message_id})
        except BadRequest as error:
            said = str(error).casefold()
            if _is_same(error):
                return True
            if any(sign in said for sign in _GONE):
                return False
            raise
        return True

    async def take_away(self, chat: int, message_id: int, instead: Body) -> Why | None:
        """Delete a message, or overwrite it when it is too old for that; why it stays, unless it is gone or empty."""
        try:
            await self._transport.call("deleteMessage", {"chat_id": chat, "message_id": message_id})
        except (Forbidden, ChatMigrated):
            return "closed"
        except BadRequest as error:
            said = str(error).casefold()
            if _NO_CHAT in said:
                return "closed"
            return None if "not found" in said else await self._overwrite(chat, message_id, instead)
        return None

    async def take_away_each(
        self, chat: int, message_ids: Sequence[int], instead: Body
    ) -> AsyncIterator[tuple[int, Why | None]]:
        """The same for many messages of one chat, each as soon as it is known: its id, and why it stays."""
        for start in range(0, len(message_ids), MANY):
            some = list(message_ids[start : start + MANY])
            try:
                await self._transport.call("deleteMessages", {"chat_id": chat, "message_ids": some})
            except (Forbidden, ChatMigrated):
                for one in some:
                    yield one, "closed"
            except BadRequest:
                for one in some:
                    yield one, await self.take_away(chat, one, instead)
            else:
                for one in some:
                    yield one, None

    async def _overwrite(self, chat: int, message_id: int, instead: Body) -> Why | None:
        try:
            return None if await self.edit(chat, message_id, instead) else "old"
        except BadRequest as error:
            if _NO_TEXT in str(error).casefold():
                return await self._blot_out(chat, message_id, instead)
            return _why(error)
        except (Forbidden, ChatMigrated):
            return "closed"

    async def _blot_out(self, chat: int, message_id: int, instead: Body) -> Why | None:
        """A photo or a file gives way to an empty picture: a text cannot take its place."""
        media = {"type": "photo", "media": "attach://blank", "caption": instead["text"], "parse_mode": "HTML"}
        params = {"chat_id": chat, "message_id": message_id, "media": media}
        try:
            await self._transport.call(
                "editMessageMedia", params, files={"blank": ("blank.png", _BLANK, "image/png")}
            )
        except BadRequest as error:
            return None if _is_same(error) else _why(error)
        except (Forbidden, ChatMigrated):
            return "closed"
        return None


def _why(error: BadRequest) -> Why:
    """Why a message can be neither deleted nor overwritten."""
    if is_closed(error):
        return "closed"
    return "old" if any(sign in str(error).casefold() for sign in _GONE) else "refused"


def _is_same(error: BadRequest) -> bool:
    """Whether it is no error but that everything reads so already."""
    return "not modified" in str(error).casefold()


def _params(chat: int, body: Body) -> dict[str, Any]:
    """HTML unless plain, no link previews, its buttons."""
    params: dict[str, Any] = {
        "chat_id": chat,
        "text": body["text"],
        "link_preview_options": {"is_disabled": True},
    }
    if not body.get("plain"):
        params["parse_mode"] = "HTML"
    if body.get("protected"):
        params["protect_content"] = True
    if body.get("silent"):
        params["disable_notification"] = True
    if number := body.get("reply_to"):
        params["reply_parameters"] = {"message_id": number, "allow_sending_without_reply": True}
    keyboard: Keyboard = body.get("keyboard", [])
    if keyboard:
        params["reply_markup"] = {"inline_keyboard": keyboard}
    return params
