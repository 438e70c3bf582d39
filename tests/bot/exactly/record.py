"""What a world holds once it is quiet: the database's rows, unsealed; and what was sent, as Telegram saw it."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from bot.errands import CARD, Errand, restore
from bot.sandbox.witness import Call
from conversations.application import Reviewer
from conversations.state import Applicant, State
from storage import audit_log, likenesses, outgoing, parking, store
from storage.engine import Transaction
from storage.likenesses import Alike
from storage.values import unstamp
from tests.bot.exactly.life import Death
from tests.bot.exactly.setting import VAULT
from tests.bot.exactly.world import World

Key = tuple[int, str]  # a chat, and a text or what else was sent
FILE, PHOTO, ERASED = "(file)", "(photo)", "(receipt of an erasure)"
LOST = ("lost", "cut")  # faults after which the bot cannot know that its call was acted on
SILENT = (*LOST, "hang", "refuse")  # no answer came, and the bot cannot know which of these it was
_PLACE = re.compile(r"🪪 [A-Z]+-[0-9A-Z]{8}: ")
SENDING = {"sendMessage": "", "sendDocument": FILE, "sendPhoto": PHOTO}
RECEIPT = re.compile(r"\bUX-[0-9A-Z]{8}\b")
_STATE: TypeAdapter[State] = TypeAdapter(State)


@dataclass(slots=True)
class Filed:
    """A row of `applications`; `owner` is an account's id."""

    owner: int
    receipt: str
    status: str
    state: State
    chat: int | None
    message: int | None
    alike: list[Alike]


@dataclass(slots=True)
class Kept:
    """The whole database; people by their account's id."""

    people: dict[int, Applicant] = field(default_factory=dict)
    prompts: dict[int, int | None] = field(default_factory=dict)
    reachable: dict[int, bool] = field(default_factory=dict)
    filed: dict[str, Filed] = field(default_factory=dict)
    photos: dict[int, set[str]] = field(default_factory=dict)
    consents: dict[str, int] = field(default_factory=dict)  # by person_id: they outlive the person
    messages: dict[int, set[tuple[str, int]]] = field(default_factory=dict)
    shown: list[tuple[str, datetime]] = field(default_factory=list)  # photos in reviewers' chats, by receipt
    errands: list[Errand] = field(default_factory=list)
    audit: list[tuple[str, str, str]] = field(default_factory=list)
    barred: dict[str, Any] = field(default_factory=dict)
    parked: list[str] = field(default_factory=list)


def is_given_time(errand: Errand) -> bool:
    """A card that may stand twice: a press on one of the two may tell, before it is posted once more."""
    return errand.kind == CARD and errand.attempts > 0


def cards_given_time(kept: Kept) -> set[str]:
    """The receipts of such cards."""
    return {errand.body["receipt"] for errand in kept.errands if is_given_time(errand)}


def kept(world: World) -> Kept:
    """Read past the bot."""
    return world.look(_read)


def _read(tx: Transaction) -> Kept:
    found = Kept()
    people = tx.fetchall("SELECT person_id, wrapped_key, sealed, prompt_message, reachable FROM people")
    for person_id, wrapped, sealed, prompt, reachable in people:
        key = VAULT.unwrap(person_id, wrapped)
        who = Applicant.model_validate_json(key.open(f"people/{person_id}", sealed))
        account = who.chat_id
        found.people[account], found.prompts[account] = who, prompt
        found.reachable[account] = bool(reachable)
        found.photos[account] = {row[0] for row in store.photos_of(tx, person_id)}
        messages = outgoing.messages_of(tx, person_id)
        found.messages[account] = {(row[0], row[1]) for row in messages}
        found.shown += [(row[4], unstamp(row[2])) for row in messages if row[0] == "reviewer"]
        for row in store.applications_of(tx, person_id):
            state = _STATE.validate_json(key.open(f"applications/{row.receipt}", row.sealed))
            alike = likenesses.alike(tx, row.receipt)
            found.filed[row.receipt] = Filed(
                account, row.receipt, row.status, state, row.card_chat, row.card_message, alike
            )
    assert _count(tx, "applications") == len(found.filed)
    found.consents = {row[0]: row[1] for row in tx.fetchall(_CONSENTS)}
    found.errands = [restore(row, VAULT) for row in outgoing.errands(tx)]
    found.audit = [
        # an erasure's receipt is drawn at random
        (row[2], row[3], row[4].split(" ")[0] if row[2] == "erased" else row[4])
        for row in audit_log.rows(tx)
    ]
    found.barred = {row[0]: row[1] for row in tx.fetchall("SELECT ref, barred_until FROM tombstones")}
    found.parked = [row.reason for row in parking.parked(tx)]
    return found


_CONSENTS = "SELECT person_id, COUNT(*) FROM consents GROUP BY person_id"


def _count(tx: Transaction, table: str) -> int:
    row = tx.fetchone(f"SELECT COUNT(*) FROM {table}")
    assert row is not None
    return int(row[0])


def reviewer(user_id: int, name: str) -> Reviewer:
    """As the bot writes one down."""
    return Reviewer(ref=ref_of(user_id), name=name)


def ref_of(user_id: int) -> str:
    return VAULT.lookup("telegram", str(user_id))


# what was sent


@dataclass(slots=True)
class Sent:
    """The new messages of a window that private chats got, and how often each may be a doublet."""

    times: Counter[Key] = field(default_factory=Counter)
    order: dict[int, list[Key]] = field(default_factory=dict)
    lost: Counter[Key] = field(default_factory=Counter)  # acted on, and the answer lost
    silent: Counter[Key] = field(default_factory=Counter)  # not answered, whether acted on or not
    unknown: Counter[Key] = field(default_factory=Counter)  # on their way at a death, or not yet entered
    cards: Counter[str] = field(default_factory=Counter)  # posted, by receipt
    cards_lost: Counter[str] = field(default_factory=Counter)


def sent(world: World) -> Sent:
    """What this window's calls have sent."""
    found = Sent()
    for call in world.telegram.witness.calls[world.window.first_call :]:
        if call.method in SENDING and call.chat_id == world.group.id:
            _card(call, found)
        elif call.method in SENDING:
            _message(call, found)
    for death in world.window.deaths:
        _unknown(death, world.group.id, found)
        if world.window.was_full:  # that an answer was lost could not be noted
            found.unknown.update(found.lost)
    return found


def _message(call: Call, found: Sent) -> None:
    key = key_of(call.method, call.params)
    found.times[key] += call.ok
    found.order.setdefault(key[0], []).extend([key] * call.ok)
    found.lost[key] += call.ok and call.fault in LOST
    found.silent[key] += call.fault in SILENT


def _card(call: Call, found: Sent) -> None:
    for receipt in RECEIPT.findall(str(call.params["text"]))[:1] if call.ok else ():
        found.cards[receipt] += 1
        found.cards_lost[receipt] += call.fault in LOST


def _unknown(death: Death, group: int, found: Sent) -> None:
    """Of what was still to be done when the process was killed, the bot cannot know whether it was done."""
    left = [key for errand in death.errands for key in _keys(errand)]
    calls = [key_of(call.method, call.params) for call in death.unknown if call.method in SENDING]
    for key in calls:
        if key in left:
            left.remove(key)
            found.unknown[key] += 1
    posted = {receipt for chat, text in calls if chat == group for receipt in RECEIPT.findall(text)[:1]}
    undone = {errand.body["receipt"] for errand in death.errands if errand.kind == "card"}
    found.cards_lost.update(posted & undone)


def key_of(method: str, params: Any) -> Key:
    text = str(params.get("text"))
    what = PHOTO if _PLACE.match(text) else SENDING[method] or text  # the message into which a photo is put
    return int(params["chat_id"]), what


def _keys(errand: Errand) -> list[Key]:
    """What an errand may have sent before it was lost."""
    match errand.kind:
        case "send" | "note":
            return [(errand.chat, errand.body["text"])]
        case "data":
            return [(errand.chat, PHOTO if errand.body["photo_id"] else FILE)]
        case "show":
            return [] if errand.body.get("kept") else [(errand.chat, PHOTO)]
    return []
