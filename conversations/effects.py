"""What to do about it, in the imperative. The machine returns effects; others carry them out.

Messages are named, never worded here: `values` are plain data that the wording shows in a language.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from conversations.application import ConsentRecord, Picture, Reviewer
from conversations.audit import Action, Why


@dataclass(frozen=True, slots=True)
class Button:
    """A button by its verb and argument. `label`: the wording's name of its words, when not the verb's."""

    verb: str
    arg: str = ""
    label: str = ""
    style: str = ""  # "", "primary", "success" or "danger", as the Bot API names them
    values: Mapping[str, Any] = field(default_factory=dict)


Rows = tuple[tuple[Button, ...], ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """Anything a turn asks for."""


@dataclass(frozen=True, slots=True)
class Say(Effect):
    """A new message to the applicant. `prompt`: it is what he is now asked. `notes` stand above the message. `about`:
    the thing of which it tells, unasked, when it goes."""

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    buttons: Rows = ()
    prompt: bool = False
    notes: tuple["Say", ...] = ()
    about: str = ""


@dataclass(frozen=True, slots=True)
class Unsay(Effect):
    """What tells when that thing goes, and waits still, is not said any more: it does not hold, or is said anew."""

    about: str


@dataclass(frozen=True, slots=True)
class Redraw(Effect):
    """The message that was pressed shows this instead."""

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    buttons: Rows = ()


@dataclass(frozen=True, slots=True)
class Link:
    """Into a reviewer's private chat: what he comes for, by the verb of the press, and about which application."""

    verb: str
    receipt: str


@dataclass(frozen=True, slots=True)
class Answer(Effect):
    """What the button's press is answered with: nothing, a toast, an alert to be closed, or a link that opens."""

    name: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    alert: bool = False
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Refresh(Effect):
    """The card in the reviewers' group follows the database. `anew`: as a new message at the end."""

    receipt: str
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Notify(Effect):
    """The reviewers' group learns that the applicant has written, or, once a reviewer has too, is not told so any more.
    What they wrote stands on the card alone."""

    receipt: str


@dataclass(frozen=True, slots=True)
class FetchPhoto(Effect):
    """Fetch, check, re-encode and seal a photo; the result comes back as `PhotoChecked`."""

    file_id: str
    question: str
    part: str
    attempt: int


@dataclass(frozen=True, slots=True)
class KeepPhoto(Effect):
    """The picture that has just been checked belongs to the draft: store it."""

    picture: Picture
    question: str
    part: str


@dataclass(frozen=True, slots=True)
class DropPhotos(Effect):
    """These stored pictures are needed no more."""

    photo_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShowPhoto(Effect):
    """Bring the photo to a reviewer's private chat, protected, and remove it in time."""

    receipt: str
    chat_id: int
    by: Reviewer


@dataclass(frozen=True, slots=True)
class HidePhotos(Effect):
    """Remove the photo, and every form, from the reviewers' private chats."""

    receipt: str


@dataclass(frozen=True, slots=True)
class ShowForm(Effect):
    """Bring a reviewer's form to his private chat, as one message at its end. `by`: the hash of his account."""

    receipt: str
    chat_id: int
    by: str


@dataclass(frozen=True, slots=True)
class RefreshForm(Effect):
    """The form that was pressed or replied to follows the database."""

    receipt: str
    by: str


@dataclass(frozen=True, slots=True)
class RefreshForms(Effect):
    """Every form of an application follows the database, wherever it stands."""

    receipt: str


@dataclass(frozen=True, slots=True)
class RemoveReply(Effect):
    """What a reviewer wrote is in his form now, and goes from his chat: it is about the applicant."""

    chat_id: int
    message_id: int


@dataclass(frozen=True, slots=True)
class SendData(Effect):
    """The file with everything kept, the receipt of his consents, and the photo, to the applicant."""


@dataclass(frozen=True, slots=True)
class RemoveMessage(Effect):
    """A message in his private chat is to go from there."""

    message_id: int


@dataclass(frozen=True, slots=True)
class SendReceipt(Effect):
    """The signed file with every consent he has given, to the applicant."""


@dataclass(frozen=True, slots=True)
class RecordConsent(Effect):
    """Enter an act of consent in the ledger, with the text it was about."""

    record: ConsentRecord


@dataclass(frozen=True, slots=True)
class EndConsents(Effect):
    """Enter in the ledger that every consent has ended, or those to one document: taken back, or what they were given
    for is over."""

    at: datetime
    document: str = ""


@dataclass(frozen=True, slots=True)
class Wake(Effect):
    """When nobody undoes the decision until then, it stands."""

    at: datetime
    receipt: str
    round: int


@dataclass(frozen=True, slots=True)
class Audit(Effect):
    """One entry of the audit log, as `ACTIONS` says: no name, answer or account id."""

    action: Action
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Tally(Effect):
    """An attempt to apply has come to a step for the first time. `began`: when the attempt did."""

    step: str
    began: datetime


@dataclass(frozen=True, slots=True)
class Erase(Effect):
    """Everything of this person goes: rows, photos, key, messages, cards; his consents end. `barred_until`: no new
    application before."""

    why: Why
    barred_until: datetime | None = None
    say: str = ""  # the receipt's message


@dataclass(frozen=True, slots=True)
class ForgetApplication(Effect):
    """An earlier application has been kept for its time: its row and its card go."""

    receipt: str
