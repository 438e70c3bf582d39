"""What the local Telegram remembers: users, chats, members, messages. Nothing here acts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.sandbox.entities import escaped
from bot.sandbox.keyboards import Button, buttons_of

ChatKind = Literal["private", "group", "supergroup"]
Status = Literal["creator", "administrator", "member", "restricted", "left", "kicked"]
Role = Literal["applicant", "reviewer"]

PRESENT: frozenset[Status] = frozenset({"creator", "administrator", "member", "restricted"})
ADMINS: frozenset[Status] = frozenset({"creator", "administrator"})

# Source: Telegram; whoever writes anonymously in a group writes as this bot.
ANONYMOUS_ADMIN: dict[str, Any] = {
    "id": 1087968824,
    "is_bot": True,
    "first_name": "Group",
    "username": "GroupAnonymousBot",
}
_RIGHTS = {
    "can_be_edited": False,
    "can_manage_chat": True,
    "can_change_info": True,
    "can_delete_messages": True,
    "can_invite_users": True,
    "can_restrict_members": True,
    "can_pin_messages": True,
    "can_promote_members": False,
    "can_manage_video_chats": True,
    "can_post_stories": False,
    "can_edit_stories": False,
    "can_delete_stories": False,
}


@dataclass(slots=True, eq=False)
class User:
    """A person or the bot."""

    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    language_code: str = ""
    is_bot: bool = False
    role: Role = "applicant"
    blocked: bool = False  # he blocked the bot
    deactivated: bool = False
    started: bool = False  # he wrote to the bot, so the bot may write to him
    known: bool = False  # the bot saw him somewhere
    _described: dict[str, Any] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        """The Bot API's User; one object for ever, so that it may stand in many messages."""
        if not self._described:
            described = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
            for name in ("last_name", "username", "language_code"):
                if getattr(self, name):
                    described[name] = getattr(self, name)
            self._described = described
        return self._described

    def set_language(self, language_code: str) -> None:
        self.language_code = language_code
        self._described = {}


@dataclass(slots=True)
class Member:
    """How one user stands in a group; `rights` overrides an administrator's usual ones."""

    status: Status = "member"
    is_anonymous: bool = False
    rights: dict[str, bool] = field(default_factory=dict)

    @property
    def present(self) -> bool:
        return self.status in PRESENT

    @property
    def admin(self) -> bool:
        return self.status in ADMINS

    def may(self, right: str) -> bool:
        """Whether an administrator's right is held."""
        if self.status == "creator":
            return True
        return self.status == "administrator" and self.rights.get(right, _RIGHTS.get(right, False))

    def describe(self, user: User) -> dict[str, Any]:
        """The Bot API's ChatMember."""
        described: dict[str, Any] = {"status": self.status, "user": user.describe()}
        match self.status:
            case "creator":
                described["is_anonymous"] = self.is_anonymous
            case "administrator":
                described |= {"is_anonymous": self.is_anonymous, **_RIGHTS, **self.rights}
            case "kicked":
                described["until_date"] = 0
            case "restricted":
                described |= {"is_member": True, "until_date": 0, **permissions(False)}
        return described


def permissions(allowed: bool) -> dict[str, bool]:
    """The Bot API's ChatPermissions, all alike."""
    sending = ("audios", "documents", "photos", "videos", "video_notes", "voice_notes", "polls")
    names = ["can_send_messages", *(f"can_send_{name}" for name in sending), "can_send_other_messages"]
    names += ["can_add_web_page_previews", "can_react_to_messages", "can_edit_tag", "can_change_info"]
    names += ["can_invite_users", "can_pin_messages", "can_manage_topics"]
    return dict.fromkeys(names, allowed)


@dataclass(slots=True, eq=False)
class Message:
    """One message; `data` is the Bot API's object and is replaced, never changed, by an edit."""

    chat: "Chat"
    data: dict[str, Any]
    sender_id: int
    from_bot: bool
    source: str | None = None  # text or caption as the bot sent it, before parsing
    other_markup: dict[str, Any] | None = None  # a reply keyboard, which is no part of the object
    deleted: bool = False
    edits: int = 0

    @property
    def id(self) -> int:
        value: int = self.data["message_id"]
        return value

    @property
    def date(self) -> int:
        value: int = self.data["date"]
        return value

    @property
    def text(self) -> str:
        """Text or caption, as a person reads it."""
        value: str = self.data.get("text") or self.data.get("caption") or ""
        return value

    @property
    def html(self) -> str:
        """Text or caption with its markup, as the bot sent it."""
        return self.source if self.source is not None else escaped(self.text)

    @property
    def entities(self) -> list[dict[str, Any]]:
        value: list[dict[str, Any]] = self.data.get("entities") or self.data.get("caption_entities") or []
        return value

    @property
    def buttons(self) -> list[list[Button]]:
        """Rows of inline buttons."""
        return buttons_of(self.data.get("reply_markup"))

    @property
    def keys(self) -> list[str]:
        """The texts of all inline buttons, in reading order."""
        return [button.text for row in self.buttons for button in row]

    @property
    def photo(self) -> list[dict[str, Any]]:
        value: list[dict[str, Any]] = self.data.get("photo") or []
        return value

    @property
    def document(self) -> dict[str, Any] | None:
        return self.data.get("document")

    def __repr__(self) -> str:
        return f"<Message {self.id} in {self.chat.id}: {self.text[:60]!r} {self.keys}>"


@dataclass(slots=True)
class Topic:
    """One topic of a forum. `id`: the number of the message that says it was made."""

    id: int
    name: str
    creator: int  # his id
    closed: bool = False


def _number(message: Message) -> int:
    return message.id


@dataclass(slots=True, eq=False)
class Chat:
    """A private chat (its id is the person's) or a group."""

    id: int
    kind: ChatKind
    user: User | None = None
    title: str = ""
    members: dict[int, Member] = field(default_factory=dict)
    migrated_to: int | None = None
    topic_closed: bool = False  # General is: only who manages topics writes
    is_forum: bool = False
    topics: dict[int, Topic] = field(default_factory=dict)
    gone: bool = False  # the group was deleted
    instance: str = ""  # callback_query.chat_instance
    by_id: dict[int, Message] = field(default_factory=dict)
    pinned: list[int] = field(default_factory=list)  # ids of messages
    last_id: int = 0  # supergroups count by themselves
    _described: dict[str, Any] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        """The Bot API's Chat."""
        if not self._described:
            described: dict[str, Any] = {"id": self.id, "type": self.kind}
            if self.is_forum:
                described["is_forum"] = True
            if self.user is None:
                described["title"] = self.title
            else:
                user = self.user.describe()
                described |= {
                    name: user[name] for name in ("first_name", "last_name", "username") if name in user
                }
            self._described = described
        return self._described

    def set_forum(self, is_forum: bool) -> None:
        self.is_forum = is_forum
        self._described = {}

    @property
    def private(self) -> bool:
        return self.kind == "private"

    @property
    def messages(self) -> list[Message]:
        """All that is not deleted, oldest first."""
        return list(self.by_id.values())

    @property
    def pinned_message(self) -> Message | None:
        """The most recent of the pinned ones that are not deleted, by when they were sent."""
        return max((self.by_id[one] for one in self.pinned if one in self.by_id), key=_number, default=None)

    @property
    def last(self) -> Message | None:
        """The newest message."""
        return next(reversed(self.by_id.values()), None)

    def newest_first(self) -> Iterator[Message]:
        return reversed(self.by_id.values())

    def member(self, user_id: int) -> Member:
        """How a user stands; whoever was never in it has left."""
        return self.members.get(user_id) or Member("left")

    def __repr__(self) -> str:
        return f"<Chat {self.id} {self.kind} {self.title or (self.user.first_name if self.user else '')}>"
