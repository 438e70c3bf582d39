"""What the page can ask for: each action by its name, as one person's client would do it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, get_args

from bot.sandbox import deeds, topics
from bot.sandbox.contents import contact, document, location, photo, sticker, voice
from bot.sandbox.errors import Impossible
from bot.sandbox.faults import Faults, fault_from
from bot.sandbox.files import Upload
from bot.sandbox.state import Chat, Member, Message, Role, Status, User
from bot.sandbox.telegram import Telegram, chat_view, seen, user_view

_NAME_LENGTH = range(1, 65)


@dataclass(slots=True)
class Act:
    """One request of the page: who does what where, with which files."""

    telegram: Telegram
    faults: Faults
    details: dict[str, Any]
    files: list[Upload] = field(default_factory=list)

    def integer(self, name: str) -> int:
        value = self.details.get(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Impossible(f"{name} must be a whole number")
        return value

    def text(self, name: str) -> str:
        value = self.details.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise Impossible(f"{name} must be a text")
        return value

    def seconds(self, name: str) -> float:
        value = self.details.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 3600:
            raise Impossible(f"{name} must be a number")
        return float(value)

    def user(self) -> User:
        return self.telegram.user(self.integer("user_id"))

    def chat(self, name: str = "chat_id") -> Chat:
        return self.telegram.chat(self.integer(name))

    def message(self, chat: Chat | None = None, name: str = "message_id") -> Message:
        found = (chat or self.chat()).by_id.get(self.integer(name))
        if found is None:
            raise Impossible("this message is not there any more")
        return found

    def visible_chat(self, name: str = "chat_id") -> Chat:
        """A chat whose messages that person sees."""
        chat, user = self.chat(name), self.user()
        if chat.user is not None and chat.user is not user:
            raise Impossible("this is another person's chat")
        return chat


def _send_text(act: Act) -> Any:
    reply_to = act.message(name="reply_to") if act.details.get("reply_to") is not None else None
    content = deeds.text_content(act.text("text"))
    return seen(deeds.write(act.telegram, act.user(), act.chat(), content, reply_to))


async def _send_photos(act: Act) -> Any:
    files = act.telegram.files
    return _send_files(act, [await asyncio.to_thread(photo, files, upload.data) for upload in act.files])


def _send_documents(act: Act) -> Any:
    return _send_files(act, [document(act.telegram.files, upload) for upload in act.files])


def _send_files(act: Act, contents: list[dict[str, Any]]) -> Any:
    if not contents:
        raise Impossible("there is nothing to send")
    contents[0] = {**contents[0], **deeds.caption_content(act.text("caption"))}
    if len(contents) == 1:
        return seen(deeds.write(act.telegram, act.user(), act.chat(), contents[0]))
    return [seen(one) for one in deeds.write_album(act.telegram, act.user(), act.chat(), contents)]


def _send_thing(make: Callable[[Telegram, User], dict[str, Any]]) -> Callable[[Act], Any]:
    def send(act: Act) -> Any:
        return seen(deeds.write(act.telegram, act.user(), act.chat(), make(act.telegram, act.user())))

    return send


def _edit_text(act: Act) -> Any:
    deeds.edit_text(act.telegram, act.user(), act.message(), act.text("text"))
    return True


def _delete_message(act: Act) -> Any:
    act.visible_chat()
    deeds.delete(act.telegram, act.user(), act.message())
    return True


def _forward(act: Act) -> Any:
    message = act.message(act.visible_chat("from_chat_id"))
    return seen(deeds.forward(act.telegram, act.user(), act.chat(), message))


def _press(act: Act) -> Any:
    return {"id": deeds.press(act.telegram, act.user(), act.message(), act.text("data")).id}


def _add_person(act: Act) -> Any:
    name, role = act.text("first_name").strip(), act.text("role") or "applicant"
    if len(name) not in _NAME_LENGTH:
        raise Impossible("a first name has 1 to 64 characters")
    if role not in get_args(Role):
        raise Impossible("a person is an applicant or a reviewer")
    user = act.telegram.add_user(
        name,
        last_name=act.text("last_name"),
        username=act.text("username"),
        language_code=act.text("language_code") or "en",
        role=role,  # type: ignore[arg-type]
    )
    act.telegram.user_changed(user)
    act.telegram.chat_changed(act.telegram.chat(user.id))
    return user_view(user)


def _add_chat(act: Act) -> Any:
    kind, title = act.text("type"), act.text("title").strip()
    if kind not in ("group", "supergroup") or not title:
        raise Impossible("a group has a title, and is a group or a supergroup")
    members = [act.telegram.user(user_id) for user_id in act.details.get("members") or []]
    chat = act.telegram.add_chat(title, kind)  # type: ignore[arg-type]
    people = [user for user in members if not user.is_bot]
    for user in people:
        chat.members[user.id] = Member("creator" if user is people[0] else "member")
    if act.telegram.bot in members:
        deeds.set_status(act.telegram, chat, act.telegram.bot, Member("administrator"))
    act.telegram.chat_changed(chat)
    return chat_view(chat)


def _join(act: Act) -> Any:
    deeds.set_status(act.telegram, act.chat(), act.user(), Member(), act.user())
    return True


def _leave(act: Act) -> Any:
    deeds.set_status(act.telegram, act.chat(), act.user(), Member("left"), act.user())
    return True


def _set_status(act: Act) -> Any:
    status = act.text("status")
    if status not in get_args(Status):
        raise Impossible(f"a member's status is one of {', '.join(get_args(Status))}")
    member = Member(status, bool(act.details.get("is_anonymous")))  # type: ignore[arg-type]
    deeds.set_status(act.telegram, act.chat(), act.user(), member)
    return True


def _make_forum(act: Act) -> Any:
    topics.make_forum(act.telegram, act.chat(), not act.chat().is_forum)
    return chat_view(act.chat())


def _migrate(act: Act) -> Any:
    return chat_view(deeds.migrate(act.telegram, act.chat()))


def _set_language(act: Act) -> Any:
    deeds.set_language(act.telegram, act.user(), act.text("language_code") or "en")
    return True


def _block(blocked: bool) -> Callable[[Act], Any]:
    def change(act: Act) -> Any:
        deeds.block(act.telegram, act.user(), blocked)
        return True

    return change


def _deactivate(act: Act) -> Any:
    deeds.deactivate(act.telegram, act.user())
    return True


def _faults(act: Act) -> Any:
    if act.details.get("clear"):
        act.faults.clear()
    if "latency" in act.details:
        act.faults.latency = act.seconds("latency")
    if "rule" in act.details:
        act.faults.add(fault_from(act.details["rule"]))
    view = act.faults.view()
    act.telegram.changes.publish("faults", faults=view)
    return view


ACTIONS: dict[str, Callable[[Act], Any | Awaitable[Any]]] = {
    "send_text": _send_text,
    "send_photo": _send_photos,
    "send_document": _send_documents,
    "send_sticker": _send_thing(sticker),
    "send_voice": _send_thing(voice),
    "send_location": _send_thing(location),
    "send_contact": _send_thing(contact),
    "edit_text": _edit_text,
    "delete_message": _delete_message,
    "forward": _forward,
    "press": _press,
    "add_person": _add_person,
    "add_chat": _add_chat,
    "join": _join,
    "leave": _leave,
    "set_status": _set_status,
    "migrate": _migrate,
    "make_forum": _make_forum,
    "set_language": _set_language,
    "block": _block(True),
    "unblock": _block(False),
    "deactivate": _deactivate,
    "faults": _faults,
}
