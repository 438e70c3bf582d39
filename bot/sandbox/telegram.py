"""The local Telegram itself: users, chats and messages, and what each change sets off."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from bot.sandbox.changes import Changes
from bot.sandbox.errors import Impossible
from bot.sandbox.files import Files
from bot.sandbox.keyboards import Markup
from bot.sandbox.pacing import Limits, Pacing
from bot.sandbox.state import Chat, ChatKind, Member, Message, Role, User
from bot.sandbox.updates import UpdateQueue
from bot.sandbox.witness import Witness

PRESS_ANSWER_SECONDS = 150.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person sees after a press."""

    text: str | None = None
    show_alert: bool = False
    url: str | None = None


@dataclass(slots=True, eq=False)
class Press:
    """A button that was pressed, and later its answer."""

    id: str
    user: User
    message: Message
    data: str
    at: float  # unix time
    answer: Answer | None = None


class Telegram:
    """State and the changes to it. `clock` is unix time; it may be set ahead to let things expire."""

    def __init__(
        self,
        *,
        token: str,
        username: str,
        first_name: str,
        limits: Limits | None,
        seed: int,
        clock: Callable[[], float] = time.time,
        recording: bool = True,
    ) -> None:
        self.token = token
        self.clock = clock
        self.rng = Random(seed)  # noqa: S311
        self.bot = User(
            int(token.partition(":")[0]), first_name, username=username, is_bot=True, started=True
        )
        self.users: dict[int, User] = {self.bot.id: self.bot}
        self.chats: dict[int, Chat] = {}
        self.files = Files()
        self.changes = Changes()
        self.witness = Witness(recording)
        self.queue = UpdateQueue(self.rng, clock, self.witness)
        self.pacing = Pacing(limits)
        self.presses: dict[str, Press] = {}
        self.commands: list[dict[str, Any]] = []  # {scope, language_code, commands}
        self.profile: dict[
            tuple[str, str], str
        ] = {}  # (name|description|short_description, language) -> text
        self.menu_buttons: dict[int, dict[str, Any]] = {}
        self._last_message_id = self.rng.randrange(100, 10_000)

    # who and where

    def add_user(
        self,
        first_name: str,
        *,
        last_name: str = "",
        username: str = "",
        language_code: str = "en",
        role: Role = "applicant",
        user_id: int | None = None,
    ) -> User:
        """A person with a private chat in which nothing was said yet. Ids are over 32 bits, as many are."""
        new_id = user_id or self._unused(lambda: self.rng.randrange(5_000_000_000, 9_000_000_000))
        if new_id in self.users:
            raise Impossible(f"there is already a user {new_id}")
        user = User(new_id, first_name, last_name, username, language_code, role=role)
        self.users[new_id] = user
        self.chats[new_id] = Chat(new_id, "private", user, instance=self._instance())
        return user

    def add_chat(self, title: str, kind: ChatKind, chat_id: int | None = None) -> Chat:
        """A group or supergroup without members."""
        first, last = (-5_000_000_000, -4_000_000_000)
        if kind == "supergroup":
            first, last = (-1_003_000_000_000, -1_001_000_000_000)
        new_id = chat_id or self._unused(lambda: self.rng.randrange(first, last))
        if new_id in self.chats:
            raise Impossible(f"there is already a chat {new_id}")
        chat = Chat(new_id, kind, title=title, instance=self._instance())
        self.chats[new_id] = chat
        return chat

    def user(self, user_id: int) -> User:
        """Raises Impossible for an unknown id."""
        found = self.users.get(user_id)
        if found is None:
            raise Impossible(f"there is no user {user_id}")
        return found

    def chat(self, chat_id: int) -> Chat:
        """Raises Impossible for an unknown id."""
        found = self.chats.get(chat_id)
        if found is None:
            raise Impossible(f"there is no chat {chat_id}")
        return found

    def bot_in(self, chat: Chat) -> Member:
        """How the bot stands in a group."""
        return chat.member(self.bot.id)

    def now(self) -> int:
        return int(self.clock())

    # messages

    def post(
        self,
        chat: Chat,
        sender: User,
        content: dict[str, Any],
        *,
        sender_data: dict[str, Any] | None = None,
        source: str | None = None,
        markup: Markup | None = None,
    ) -> Message:
        """Put a message into a chat. `content` is all of it but id, sender, chat and date."""
        data: dict[str, Any] = {"message_id": self._next_message_id(chat)}
        data.update(sender_data or {"from": sender.describe()})
        data["chat"] = chat.describe()
        data["date"] = self.now()
        data.update(content)
        message = Message(chat, data, sender.id, sender is self.bot, source)
        _mark_up(message, markup)
        chat.by_id[message.id] = message
        self.shown(message)
        return message

    def revise(self, message: Message, data: dict[str, Any], markup: Markup | None = None) -> None:
        """Replace a message's content. The object handed out before stays as it was."""
        message.data = {**data, "edit_date": self.now()}
        message.edits += 1
        if message.from_bot:
            _mark_up(message, markup)
        self.shown(message)

    def remove(self, message: Message) -> None:
        """Delete a message for everyone."""
        message.deleted = True
        message.chat.by_id.pop(message.id, None)
        self.changes.publish("deleted", chat_id=message.chat.id, message_id=message.id)
        self.changes.happened(message.chat.id)

    def shown(self, message: Message) -> None:
        """A message is new or changed: tell the page and whoever waits."""
        if self.changes.listeners:
            self.changes.publish("message", chat_id=message.chat.id, message=seen(message))
        self.changes.happened(message.chat.id)

    def tell_bot(self, message: Message, kind: str = "message") -> None:
        """Queue a message as an update."""
        self.queue.add(kind, message.data, ("chat", message.chat.id))

    # presses

    def pressed(self, user: User, message: Message, data: str) -> Press:
        """Queue a press; the bot sees the message as it is now."""
        press = Press(str(self.rng.getrandbits(62)), user, message, data, self.clock())
        self.presses[press.id] = press
        query = {
            "id": press.id,
            "from": user.describe(),
            "message": message.data,
            "chat_instance": message.chat.instance,
            "data": data,
        }
        self.queue.add("callback_query", query, ("user", user.id))
        place = {"user_id": user.id, "chat_id": message.chat.id, "message_id": message.id}
        self.changes.publish("pressed", **place)
        self.changes.happened(message.chat.id)
        return press

    def answered(self, press_id: str, answer: Answer) -> bool:
        """Show an answer; false when the press is unknown or too old."""
        press = self.presses.get(press_id)
        if press is None or press.at + PRESS_ANSWER_SECONDS < self.clock():
            return False
        if press.answer is None:
            press.answer = answer
            place = {
                "user_id": press.user.id,
                "chat_id": press.message.chat.id,
                "message_id": press.message.id,
            }
            shown = {"text": answer.text, "show_alert": answer.show_alert, "url": answer.url}
            self.changes.publish("answer", **place, **shown)
        self.changes.happened(press.message.chat.id)
        self.changes.happened(press.user.id)
        return True

    # members

    def stand(self, chat: Chat, user: User, member: Member, actor: User) -> None:
        """Change how a user stands in a group, with the updates the bot gets of it."""
        old = chat.member(user.id)
        chat.members[user.id] = member
        change = {
            "chat": chat.describe(),
            "from": actor.describe(),
            "date": self.now(),
            "old_chat_member": old.describe(user),
            "new_chat_member": member.describe(user),
        }
        if user is self.bot:
            self.queue.add("my_chat_member", change, ("chat", chat.id))
        elif self.bot_in(chat).admin:
            self.queue.add("chat_member", change, ("chat", chat.id))
        self.chat_changed(chat)

    def chat_changed(self, chat: Chat) -> None:
        if self.changes.listeners:
            self.changes.publish("chat", chat=chat_view(chat))
        self.changes.happened(chat.id)

    def user_changed(self, user: User) -> None:
        if self.changes.listeners:
            self.changes.publish("person", person=user_view(user))
        self.changes.happened(user.id)

    def _next_message_id(self, chat: Chat) -> int:
        """Private chats and basic groups share one count, as one account's do; a supergroup has its own."""
        if chat.kind == "supergroup":
            chat.last_id += 1
            return chat.last_id
        self._last_message_id += 1
        return self._last_message_id

    def _unused(self, draw: Callable[[], int]) -> int:
        while (drawn := draw()) in self.users or drawn in self.chats:
            pass
        return drawn

    def _instance(self) -> str:
        return str(self.rng.getrandbits(63) - (1 << 62))


def seen(message: Message) -> dict[str, Any]:
    """A message for the page: the Bot API's object, and a reply keyboard if it brought one."""
    if message.other_markup is None:
        return message.data
    return {**message.data, "reply_markup": message.other_markup}


def user_view(user: User) -> dict[str, Any]:
    """A person for the page."""
    view = {name: value for name, value in user.describe().items() if name != "is_bot"}
    flags = {"role": user.role, "blocked": user.blocked, "deactivated": user.deactivated}
    return {**view, "language_code": user.language_code, **flags}


def chat_view(chat: Chat) -> dict[str, Any]:
    """A chat for the page."""
    view: dict[str, Any] = {"id": chat.id, "type": chat.kind}
    if chat.private:
        return view
    view["title"] = chat.title
    view["members"] = [
        {"user_id": user_id, "status": member.status, "is_anonymous": member.is_anonymous}
        for user_id, member in chat.members.items()
    ]
    if chat.is_forum:
        view["topics"] = {topic.id: topic.name for topic in chat.topics.values()}
    if chat.migrated_to:
        view["migrated_to"] = chat.migrated_to
    return view


def _mark_up(message: Message, markup: Markup | None) -> None:
    message.data.pop("reply_markup", None)
    message.other_markup = None
    if markup is not None and markup.inline:
        message.data["reply_markup"] = markup.value
    elif markup is not None:
        message.other_markup = markup.value
