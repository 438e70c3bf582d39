"""Button <-> callback_data: signed, at most 64 bytes.

`verb:arg:subject:stamp:mac`. The MAC covers the chat, the person or the receipt, and the stamp (the step of a
dialogue, or revision and round of an application), not the message id: that is unknown when signing, and lost
with a lost answer. Any client can send any data for any message it sees, so every press is checked.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass

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
    """Signs and checks with one key. `hidden` is covered by the MAC and not part of the data."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, chat: int, press: Press, hidden: str = "") -> str:
        """Callback data for a button in that chat. Raises ValueError above 64 bytes."""
        body = f"{press.verb}:{press.arg}:{press.subject}:{press.stamp}"
        data = f"{body}:{self._mac(chat, hidden, body)}"
        if len(data.encode()) > LIMIT:
            raise ValueError(f"the button {press.verb!r} needs {len(data.encode())} bytes of {LIMIT}")
        return data

    def read(self, chat: int, data: str, hidden: str = "") -> Press | None:
        """The press, or None when it was not signed for this chat and person."""
        parts = data.split(":")
        if len(parts) != 5 or not data.isascii():
            return None
        body, mac = data.rsplit(":", 1)
        if not hmac.compare_digest(mac, self._mac(chat, hidden, body)):
            return None
        return Press(*parts[:4])

    def _mac(self, chat: int, hidden: str, body: str) -> str:
        covered = f"{chat}\n{hidden}\n{body}".encode()
        digest = hmac.digest(self._key, covered, hashlib.sha256)[:_MAC]
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
