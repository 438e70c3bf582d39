"""Button <-> callback_data: signed, at most 64 bytes.

`verb:arg:subject:stamp:mac`. The MAC covers the chat, the person or the receipt, and the stamp (the step of a
dialogue, or revision and round of an application), not the message id: that is unknown when signing, and lost
with a lost answer. Any client can send any data for any message it sees, so every press is checked.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass

from storage.vault import ButtonKeys

LIMIT = 64  # bytes of callback_data; source: Bot API, InlineKeyboardButton
_MAC = 9  # bytes: 72 bits, in 12 characters


@dataclass(frozen=True, slots=True)
class Press:
    """What a genuine button says."""

    verb: str
    arg: str
    subject: str
    stamp: str


class Signer:
    """Signs and checks. `hidden` is covered by the MAC and not part of the data; `clock` gives unix time."""

    def __init__(self, keys: ButtonKeys, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._clock = clock

    def sign(self, chat: int, press: Press, hidden: str = "") -> str:
        """Callback data for a button in that chat. Raises ValueError above 64 bytes."""
        body = f"{press.verb}:{press.arg}:{press.subject}:{press.stamp}"
        data = f"{body}:{_mac(self._keys.signing, chat, hidden, body)}"
        if len(data.encode()) > LIMIT:
            raise ValueError(f"the button {press.verb!r} needs {len(data.encode())} bytes of {LIMIT}")
        return data

    def read(self, chat: int, data: str, hidden: str = "") -> Press | None:
        """The press, or None when it was not signed for this chat and person."""
        parts = data.split(":")
        if len(parts) != 5 or not data.isascii():
            return None
        body, mac = data.rsplit(":", 1)
        keys = self._keys.verifying(self._clock())
        genuine = [hmac.compare_digest(mac, _mac(key, chat, hidden, body)) for key in keys]
        return Press(*parts[:4]) if any(genuine) else None


def _mac(key: bytes, chat: int, hidden: str, body: str) -> str:
    covered = f"{chat}\n{hidden}\n{body}".encode()
    digest = hmac.digest(key, covered, hashlib.sha256)[:_MAC]
    return base64.urlsafe_b64encode(digest).decode()


def subject_of(data: str) -> str:
    """The receipt that unverified data names, or nothing."""
    parts = data.split(":")
    return parts[2] if len(parts) == 5 and data.isascii() else ""


def link_payload(data: str) -> str:
    """Signed data as a deep link's parameter, which allows only A-Z a-z 0-9 _ -."""
    return base64.urlsafe_b64encode(data.encode()).decode().rstrip("=")


def data_of(payload: str) -> str:
    """The data that a deep link's parameter carries; empty when it carries none."""
    try:
        return base64.b64decode(payload + "=" * (-len(payload) % 4), altchars=b"-_", validate=True).decode(
            "ascii"
        )
    except ValueError:
        return ""
