"""Who plays in tests: people in the local Telegram, acted in process. The bot itself is in tests/running.py."""

from collections.abc import Callable, Sequence
from typing import Any

from bot.sandbox import contents, deeds
from bot.sandbox.files import Upload
from bot.sandbox.keyboards import Button
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Chat, ChatKind, Member, Message, Status, User
from bot.sandbox.telegram import Answer, Press
from tests.pictures import sample_jpeg
from tests.running import PATIENCE, RunningBot, free_port, running_bot

__all__ = ["PATIENCE", "Cast", "Group", "Person", "RunningBot", "free_port", "running_bot", "sample_jpeg"]

Wanted = str | Callable[[Message], Any]


class Cast:
    """Makes people and groups in one local Telegram."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.telegram = sandbox.telegram

    def applicant(self, first_name: str = "Mei", language: str = "en", **known: Any) -> "Person":
        """Someone who never spoke to the bot."""
        return Person(self, self.telegram.add_user(first_name, language_code=language, **known))

    def group(
        self,
        title: str = "Reviewers",
        kind: ChatKind = "supergroup",
        bot: Status = "administrator",
    ) -> "Group":
        """A group in which the bot already is; nobody was told."""
        chat = self.telegram.add_chat(title, kind)
        chat.members[self.telegram.bot.id] = Member(bot)
        return Group(self, chat)

    def reviewer(
        self,
        first_name: str,
        group: "Group",
        *,
        status: Status = "member",
        language: str = "en",
        started: bool = False,
        **known: Any,
    ) -> "Person":
        """Someone who already is in the group; `started`: he spoke to the bot in private before."""
        user = self.telegram.add_user(first_name, language_code=language, role="reviewer", **known)
        user.known, user.started = True, started
        group.chat.members[user.id] = Member(status)
        return Person(self, user, home=group.chat)


class _Scene:
    """A chat one can look into and wait at."""

    def __init__(self, cast: Cast, chat: Chat) -> None:
        self.cast = cast
        self.chat = chat

    async def _until(self, look: Callable[[], Any], timeout: float, chat: Chat, what: str) -> Any:
        changes = self.cast.telegram.changes
        try:
            return await changes.until(look, timeout, chat.id)
        except TimeoutError:
            shown = "\n".join(f"  {message!r}" for message in chat.messages[-8:]) or "  nothing"
            raise AssertionError(
                f"{self!r} waited {timeout} s for {what}; in {chat!r} there is\n{shown}"
            ) from None


class Group(_Scene):
    """A group."""

    @property
    def id(self) -> int:
        return self.chat.id

    @property
    def messages(self) -> list[Message]:
        return self.chat.messages

    async def shows(self, wanted: Wanted, timeout: float = PATIENCE) -> Message:
        """The newest message that fits, as soon as there is one."""
        found: Message = await self._until(
            lambda: _newest(self.chat, wanted), timeout, self.chat, f"{wanted!r}"
        )
        return found

    def migrate(self) -> "Group":
        """Become a supergroup; this one is void then."""
        return Group(self.cast, deeds.migrate(self.cast.telegram, self.chat))

    def __repr__(self) -> str:
        return f"<Group {self.chat.title}>"


class Person(_Scene):
    """Someone with a private chat; `home` is where he acts unless told otherwise."""

    def __init__(self, cast: Cast, user: User, home: Chat | None = None) -> None:
        super().__init__(cast, cast.telegram.chat(user.id))
        self.user = user
        self.home = home or self.chat
        self._seen: dict[int, dict[int, int]] = {}  # chat id -> message id -> edits, at the last act

    @property
    def id(self) -> int:
        return self.user.id

    # speaking

    def say(self, text: str, chat: Chat | None = None, reply_to: Message | None = None) -> Message:
        return self._write(deeds.text_content(text), chat, reply_to)

    def start(self, payload: str = "") -> Message:
        """Press START in the private chat, or open a link with a payload."""
        return self.say(f"/start {payload}".strip(), self.chat)

    def send_photo(self, jpeg: bytes | None = None, caption: str = "", chat: Chat | None = None) -> Message:
        """His own card, unless another picture is given: the same in two applications is noticed."""
        name = self.user.first_name
        own = sample_jpeg() if name == "Mei" else sample_jpeg(name=f"{name} {self.id}")
        picture = contents.photo(self.cast.telegram.files, own if jpeg is None else jpeg)
        return self._write({**picture, **deeds.caption_content(caption)}, chat)

    def send_file(
        self, data: bytes, name: str = "card.jpg", mime: str = "image/jpeg", caption: str = ""
    ) -> Message:
        sent = contents.document(self.cast.telegram.files, Upload(data, name, mime))
        return self._write({**sent, **deeds.caption_content(caption)})

    def send_album(self, jpegs: Sequence[bytes]) -> list[Message]:
        files = self.cast.telegram.files
        self._mark()
        pictures = [contents.photo(files, jpeg) for jpeg in jpegs]
        return deeds.write_album(self.cast.telegram, self.user, self.home, pictures)

    def send(self, content: dict[str, Any], chat: Chat | None = None) -> Message:
        """Anything: `content` is the message but id, sender, chat and date."""
        return self._write(content, chat)

    def send_sticker(self) -> Message:
        return self._write(contents.sticker(self.cast.telegram, self.user))

    def send_voice(self) -> Message:
        return self._write(contents.voice(self.cast.telegram, self.user))

    def send_location(self) -> Message:
        return self._write(contents.location(self.cast.telegram, self.user))

    def send_contact(self) -> Message:
        return self._write(contents.contact(self.cast.telegram, self.user))

    def edit(self, message: Message, text: str) -> None:
        self._mark()
        deeds.edit_text(self.cast.telegram, self.user, message, text)

    def delete(self, message: Message) -> None:
        deeds.delete(self.cast.telegram, self.user, message)

    def forward(self, message: Message, chat: Chat | None = None) -> Message:
        self._mark()
        return deeds.forward(self.cast.telegram, self.user, chat or self.home, message)

    # pressing

    async def press(
        self,
        label: str,
        in_chat: Chat | None = None,
        message: Message | None = None,
        timeout: float = PATIENCE,
    ) -> Answer:
        """Press the newest button whose text ends with `label`, once it is there, and wait for the answer."""
        pressed = await self.tap(label, in_chat, message, timeout)
        return pressed if isinstance(pressed, Answer) else await self.answer_to(pressed, timeout)

    async def tap(
        self,
        label: str,
        in_chat: Chat | None = None,
        message: Message | None = None,
        timeout: float = PATIENCE,
    ) -> Press | Answer:
        """Press without waiting for the answer. A link is its own answer."""
        chat = message.chat if message else in_chat or self.home
        find = (lambda: _button(message, label)) if message else (lambda: _newest_button(chat, label))
        found, button = await self._until(find, timeout, chat, f"a button that ends with {label!r}")
        if button.data is None:
            return Answer(url=button.url)
        return self.press_data(found, button.data)

    def press_data(self, message: Message, data: str) -> Press:
        """Press with any data, as a forged client may."""
        self._mark()
        return deeds.press(self.cast.telegram, self.user, message, data)

    async def answer_to(self, press: Press, timeout: float = PATIENCE) -> Answer:
        """What the bot answers to a press."""
        chat, what = press.message.chat, f"the answer to {press.data!r}"
        answer: Answer = await self._until(lambda: press.answer, timeout, chat, what)
        return answer

    # hearing

    def messages(self, chat: Chat | None = None) -> list[Message]:
        return (chat or self.home).messages

    async def hears(self, wanted: Wanted, timeout: float = PATIENCE, chat: Chat | None = None) -> Message:
        """The newest message of the bot that fits and came or changed since this person's last act.

        `wanted` is a piece of its text or of a button's, or a predicate.
        """
        place = chat or self.home
        seen = self._seen.get(place.id, {})
        look = lambda: _newest(place, wanted, seen)  # noqa: E731
        found: Message = await self._until(look, timeout, place, f"{wanted!r}")
        return found

    async def sees(self, wanted: Wanted, timeout: float = PATIENCE, chat: Chat | None = None) -> Message:
        """The newest message that fits, new or old."""
        place = chat or self.home
        found: Message = await self._until(lambda: _newest(place, wanted), timeout, place, f"{wanted!r}")
        return found

    # the account

    def block(self) -> None:
        deeds.block(self.cast.telegram, self.user, True)

    def unblock(self) -> None:
        deeds.block(self.cast.telegram, self.user, False)

    def deactivate(self) -> None:
        deeds.deactivate(self.cast.telegram, self.user)

    def speak(self, language: str) -> None:
        """Switch the client's language."""
        deeds.set_language(self.cast.telegram, self.user, language)

    def leave(self, group: Group) -> None:
        deeds.set_status(self.cast.telegram, group.chat, self.user, Member("left"), self.user)

    def join(self, group: Group, status: Status = "member") -> None:
        deeds.set_status(self.cast.telegram, group.chat, self.user, Member(status))

    def _write(
        self, content: dict[str, Any], chat: Chat | None = None, reply_to: Message | None = None
    ) -> Message:
        self._mark()
        return deeds.write(self.cast.telegram, self.user, chat or self.home, content, reply_to)

    def _mark(self) -> None:
        """Remember what is there, so that `hears` takes only what comes after."""
        for chat in (self.chat, self.home):
            self._seen[chat.id] = {message.id: message.edits for message in chat.messages}

    def __repr__(self) -> str:
        return f"<Person {self.user.first_name}>"


def _fits(message: Message, wanted: Wanted) -> bool:
    if callable(wanted):
        return bool(wanted(message))
    return wanted in message.text or any(wanted in key for key in message.keys)


def _newest(chat: Chat, wanted: Wanted, seen: dict[int, int] | None = None) -> Message | None:
    for message in chat.newest_first():
        if seen is not None and (not message.from_bot or seen.get(message.id) == message.edits):
            continue
        if _fits(message, wanted):
            return message
    return None


def _button(message: Message, label: str) -> tuple[Message, Button] | None:
    for row in message.buttons:
        for button in row:
            if button.text.endswith(label):
                return message, button
    return None


def _newest_button(chat: Chat, label: str) -> tuple[Message, Button] | None:
    for message in chat.newest_first():
        found = _button(message, label)
        if found is not None:
            return found
    return None
