"""What may come of a window: the pure dialogue, led through its updates, each of them once.

Where the order or the moment is nobody's promise (a photo is being checked, a reviewer's standing is asked for,
something was typed before the question could be read) every way is followed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.photo_rules import Photo
from bot.presses import applicant_event, review_event
from bot.reading import FromApplicant, FromReviewer
from conversations import Scene, Turn, advance
from conversations.application import Picture, photo_ids
from conversations.effects import (
    Answer,
    Audit,
    Erase,
    FetchPhoto,
    RecordConsent,
    Refresh,
    Say,
    SendData,
    SendReceipt,
    ShowPhoto,
)
from conversations.events import (
    CameEarly,
    Event,
    FellSilent,
    HelpAsked,
    PhotoChecked,
    Submitted,
    UndoWindowPassed,
)
from conversations.keeping import due_at
from conversations.state import Applicant, Deciding, State, application_of, draft_of
from tests.bot.exactly.items import Item, Items
from tests.bot.exactly.record import ERASED, FILE, PHOTO, Kept, Key, ref_of, reviewer
from tests.bot.exactly.setting import SIGNER, TIME, developed, loaded, wording
from tests.bot.exactly.world import SWEEPS, World

_PHOTO_ID = re.compile(r'"photo_id":"[0-9a-f]{24}"')
WAYS = 50_000  # so many are followed, and a window must have no more


@dataclass(frozen=True, slots=True)
class Path:
    """One way on which it may have gone for one person."""

    who: Applicant | None
    person_id: str
    sends: tuple[Key, ...] = ()
    perhaps: tuple[Key, ...] = ()  # what may have been dropped on the way
    audits: tuple[tuple[str, str], ...] = ()
    consents: int = 0
    fetches: tuple[FetchPhoto, ...] = ()
    anew: tuple[str, ...] = ()
    refreshed: tuple[int, ...] = ()  # messages in the group whose buttons had the card brought up to date
    toasts: tuple[str, ...] = ()
    barred: datetime | None = None

    @property
    def looks(self) -> str:
        return normal(self.who)

    @property
    def key(self) -> tuple[object, ...]:
        """What tells two ways apart."""
        return (
            self.looks,
            self.sends,
            self.perhaps,
            self.audits,
            self.consents,
            self.fetches,
            self.anew,
            self.refreshed,
            self.toasts,
        )


def normal(who: Applicant | None) -> str:
    """A person without what is drawn at random."""
    if who is None:
        return ""
    return _PHOTO_ID.sub('"photo_id":"*"', who.model_copy(update={"person_id": "*"}).model_dump_json())


class Reference:
    """The window's paths, person by person."""

    def __init__(self, world: World, before: Kept, after: Kept) -> None:
        self._world, self._before, self._after = world, before, after
        self._programme = loaded().programme
        self._items = Items(world, before).of

    def accounts(self) -> set[int]:
        return {*self._before.people, *self._after.people, *self._items}

    def paths(self, account: int, undo: str) -> list[Path]:
        """`undo`: whether the end of the time to undo "must" or "may" have come; nothing if not yet."""
        who = self._before.people.get(account)
        items = self._items.get(account, [])
        own = tuple(item for item in items if item.is_his)
        others = tuple(item for item in items if not item.is_his)
        barred = self._before.barred.get(ref_of(account))
        first = Path(
            who, who.person_id if who else "", barred=datetime.fromisoformat(barred) if barred else None
        )
        ends = {path.key: path for path in self._explore(account, first, own, others, undo, set())}
        return list(ends.values())

    def _explore(
        self,
        account: int,
        path: Path,
        own: tuple[Item, ...],
        others: tuple[Item, ...],
        undo: str,
        seen: set[Any],
    ) -> Iterator[Path]:
        here = (path.key, own, others, undo)
        if here in seen:
            return
        seen.add(here)
        assert len(seen) <= WAYS, "too much at once to follow every way"
        if own and own[0].may_be_lost:
            yield from self._explore(account, path, own[1:], others, undo, seen)
        if own:
            for after in self._own_turn(account, path, own[0], alone=not others and not undo):
                yield from self._explore(account, after, own[1:], others, undo, seen)
        for place, item in enumerate(others):
            rest = others[:place] + others[place + 1 :]
            if item.may_be_lost:
                yield from self._explore(account, path, own, rest, undo, seen)
            yield from self._explore(account, self._review(account, path, item), own, rest, undo, seen)
        for place, fetch in enumerate(path.fetches):
            waiting = replace(path, fetches=path.fetches[:place] + path.fetches[place + 1 :])
            yield from self._explore(account, self._fetched(account, waiting, fetch), own, others, undo, seen)
        if undo:
            yield from self._explore(account, self._woken(account, path), own, others, "", seen)
        if not own and not others and not path.fetches and undo != "must":
            yield self._swept(account, path)

    def _own_turn(self, account: int, path: Path, item: Item, *, alone: bool) -> Iterator[Path]:
        reading = item.reading
        assert isinstance(reading, FromApplicant)
        if path.who is None and reading.callback_id:  # a press brings nobody back
            stale = wording().toast("stale", wording().language_for(reading.language_code), {})
            yield replace(path, toasts=(*path.toasts, stale))
            return
        who = path.who or self._stranger(account, reading, path)
        comes = self._after.people.get(account)  # he may have come in this window, and been given his id
        person_id = path.person_id or (comes.person_id if comes else "nobody")
        event = reading.event or applicant_event(SIGNER.read(account, reading.data, person_id), who)
        here = replace(path, who=who)
        if isinstance(event, HelpAsked):
            yield self._turn(account, here, HelpAsked(reviews=True), item)
        if not reading.can_be_early:
            yield self._turn(account, here, event, item)
            return
        prompt = self._before.prompts.get(account)
        is_early = prompt is not None and reading.message_id < prompt
        if item.is_first and alone:
            yield self._turn(account, here, CameEarly() if is_early else event, item)
            return
        for one in (event, CameEarly(), CameEarly(on_its_way=True)):
            yield self._turn(account, here, one, item)
        yield replace(here, who=who.model_copy(update={"heard_at": TIME.now}))  # passed over
        yield path

    def _stranger(self, account: int, reading: FromApplicant, path: Path) -> Applicant:
        return Applicant(
            person_id="*",
            ref=ref_of(account),
            chat_id=account,
            language=wording().language_for(reading.language_code),
            barred_until=path.barred,
            heard_at=TIME.now,
            created_at=TIME.now,
        )

    def _review(self, account: int, path: Path, item: Item) -> Path:
        reading = item.reading
        if path.who is None:
            return path
        if item.event is not None:
            return self._turn(account, path, item.event, item)
        assert isinstance(reading, FromReviewer)
        press = SIGNER.read(self._world.group.id, reading.data)
        assert press is not None
        event = review_event(press, reviewer(reading.user_id, reading.name), path.who.state)
        return self._turn(account, path, event, item)

    def _fetched(self, account: int, path: Path, fetch: FetchPhoto) -> Path:
        if path.who is None:
            return path
        stored = self._world.telegram.files.by_id(fetch.file_id)
        assert stored is not None
        found, place = developed(stored.read()), (fetch.question, fetch.part, fetch.attempt)
        if isinstance(found, Photo):
            picture = Picture(
                photo_id="f" * 24, width=found.width, height=found.height, warnings=found.warnings
            )
            return self._turn(account, path, PhotoChecked(*place, picture), None)
        values = tuple(sorted(found.values.items()))
        return self._turn(account, path, PhotoChecked(*place, refusal=found.reason, values=values), None)

    def _woken(self, account: int, path: Path) -> Path:
        if path.who is None or not isinstance(path.who.state, Deciding):
            return path
        application = path.who.state.application
        return self._turn(account, path, UndoWindowPassed(application.receipt, application.round), None)

    def _swept(self, account: int, path: Path) -> Path:
        """Whatever the clock has to say, until it says no more."""
        for _ in range(SWEEPS if self._world.window.swept else 0):
            due = due_at(self._programme, path.who) if path.who else None
            if due is None or due > TIME.now:
                break
            path = self._turn(account, path, FellSilent(), None)
        return path

    # turns

    def _turn(self, account: int, path: Path, event: Event, item: Item | None) -> Path:
        who = path.who
        assert who is not None
        fresh = self._fresh(account) if isinstance(event, Submitted) else ""
        reading = item.reading if item else None
        pressed = bool(reading and reading.callback_id)
        turn = advance(Scene(self._programme, who, TIME.now, fresh, pressed), event)
        path = replace(path, who=turn.applicant)
        for effect in turn.effects:
            path = self._effect(path, turn, effect, item)
        return path

    def _fresh(self, account: int) -> str:
        """The number the bot has drawn for a new receipt."""
        new = [
            one
            for one, filed in self._after.filed.items()
            if filed.owner == account and one not in self._before.filed
        ]
        return new[0].partition("-")[2] if new else "ZZZZZZZZ"

    def _effect(self, path: Path, turn: Turn, effect: Any, item: Item | None) -> Path:
        chat, state = turn.applicant.chat_id, turn.applicant.state
        match effect:
            case Say():
                text = wording().message(effect, turn.applicant.language)
                return replace(path, sends=(*path.sends, (chat, text)))
            case SendData():
                files = ((chat, FILE), (chat, FILE), *[(chat, PHOTO)] * _pictures(state))
                return replace(path, sends=(*path.sends, *files))
            case SendReceipt():
                return replace(path, sends=(*path.sends, (chat, FILE)))
            case ShowPhoto(chat_id=there):
                return replace(path, perhaps=(*path.perhaps, *[(there, PHOTO)] * _pictures(state)))
            case Audit(action=action, detail=detail):
                return replace(path, audits=(*path.audits, (action, detail)))
            case RecordConsent():
                return replace(path, consents=path.consents + 1)
            case FetchPhoto():
                return replace(path, fetches=(*path.fetches, effect))
            case Refresh(receipt=receipt, anew=True):
                return replace(path, anew=(*path.anew, receipt))
            case Refresh() if item is not None and not item.is_his:
                return replace(path, refreshed=(*path.refreshed, item.reading.message_id))
            case Erase(why=why, barred_until=until, say=say):
                gone = tuple(path.sends) + tuple(path.perhaps)
                said = ((chat, ERASED),) if say else ()
                audits = (*path.audits, ("erased", why))
                return replace(
                    path, who=None, person_id="", sends=said, perhaps=gone, audits=audits, barred=until
                )
            case Answer() if item is not None:
                return self._answer(path, turn, effect, item)
        return path

    def _answer(self, path: Path, turn: Turn, effect: Answer, item: Item) -> Path:
        reading = item.reading
        review = self._programme.review.language
        language = turn.applicant.language if item.is_his else review
        text = wording().toast(effect.name, language, effect.values)
        if reading.callback_id:
            return replace(path, toasts=(*path.toasts, text))
        if item.event is not None and effect.name:
            return replace(path, sends=(*path.sends, (reading.user_id, text)))
        return path


def _pictures(state: State) -> int:
    application, draft = application_of(state), draft_of(state)
    return len(photo_ids(application.answers if application else draft.answers if draft else {}))
