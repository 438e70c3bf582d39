"""What comes in: raw updates, and events from the machinery; and how one that nobody can handle is parked."""

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.errands import next_id
from bot.people import ACCOUNT
from bot.plan import CallbackAnswer
from bot.reading import Reading
from conversations.events import Event
from storage import parking
from storage.engine import Transaction
from storage.vault import Vault

_KINDS = {
    "message": "message",
    "edited_message": "message",
    "callback_query": "press",
    "my_chat_member": "member",
    "chat_member": "member",
}


_LEVELS = 50  # of nesting; a real update has fewer than ten


@dataclass(frozen=True, slots=True)
class Happened:
    """An event from the machinery, for a person or for the one behind a receipt. `photo`: the picture it brings."""

    event: Event
    person_id: str = ""
    receipt: str = ""
    errand_id: str = ""
    photo: bytes = b""


@dataclass(slots=True)
class Item:
    """One thing in the queue, and whoever waits for its commit."""

    what: dict[str, Any] | Happened
    done: "asyncio.Future[CallbackAnswer | None]"
    errand_id: str = ""  # the errand this update was kept in
    is_late: bool = False  # it was kept too long: who sent it has gone, and nothing is done any more
    parked_id: str = ""  # where it was parked before; tried once more
    came_at: float = 0.0  # by the loop's clock
    reading: Reading | None = None
    fault: str = ""
    was_alone: bool = False  # it was tried by itself after a batch with it could not be written

    @property
    def update_id(self) -> int | None:
        """The update's number, when it has one."""
        return number_of(self.what) if isinstance(self.what, dict) else None


def number_of(raw: Any) -> int | None:
    """The number of a raw update; None when it is no update, or has none that can be stored."""
    found = raw.get("update_id") if isinstance(raw, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 2**63 else None


def kind_of(raw: dict[str, Any]) -> str:
    """message, press, member or other, as METRICS names them."""
    return next((_KINDS[name] for name in raw if name in _KINDS), "other")


def place_of(raw: dict[str, Any]) -> tuple[int, int] | None:
    """The chat and the number of the message that an update brings, or whose button was pressed."""
    pressed = raw.get("callback_query")
    message = pressed.get("message") if isinstance(pressed, dict) else raw.get("message")
    chat = message.get("chat") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(chat, dict):
        return None
    chat_id, message_id = chat.get("id"), message.get("message_id")
    if type(chat_id) is not int or type(message_id) is not int or not 0 < message_id < 2**31:
        return None
    return chat_id, message_id


def encoded(raw: Any) -> bytes:
    """Whatever stood in an update's place, as JSON again; what is too deep for that is cut."""
    try:
        return json.dumps(raw).encode()
    except RecursionError:
        return json.dumps(_shallow(raw, _LEVELS)).encode()


def _shallow(value: Any, levels: int) -> Any:
    if not isinstance(value, dict | list):
        return value
    if not levels:
        return "..."
    if isinstance(value, list):
        return [_shallow(one, levels - 1) for one in value]
    return {key: _shallow(one, levels - 1) for key, one in value.items()}


def park(
    tx: Transaction,
    vault: Vault,
    raw: dict[str, Any] | bytes,
    update_id: int | None,
    reason: str,
    now: datetime,
) -> None:
    """Store an update that nobody could handle, sealed for the operator; it goes with its sender's erasure."""
    parked_id, sender = next_id(), sender_of(raw)
    body = raw if isinstance(raw, bytes) else encoded(raw)
    sealed = vault.seal(f"parked/{parked_id}", body)
    ref = "" if sender is None else vault.lookup(ACCOUNT, str(sender))
    parking.park(tx, parked_id, (update_id, ref), reason[:200], sealed, now)


def sender_of(raw: dict[str, Any] | bytes) -> int | None:
    """Whose update it is, as far as that can be read."""
    if isinstance(raw, bytes):
        return None
    for what in raw.values():
        sender = what.get("from") if isinstance(what, dict) else None
        found = sender.get("id") if isinstance(sender, dict) else None
        if isinstance(found, int) and not isinstance(found, bool):
            return found
    return None
