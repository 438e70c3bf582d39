"""One thing that came in, thought through: whom it is about, what the rules say, what is to be written and done."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from bot import desk
from bot.arrivals import Happened, Item
from bot.buttons import Press, Signer, data_of, subject_of
from bot.cards import MORE
from bot.carrying import Carrier
from bot.clock import ticks
from bot.damper import Damper, Pace
from bot.errands import CARD, MEMBER, NOTE, STATS, Errand
from bot.flood import AT_ONCE
from bot.people import Crowd, People, Person, receipt_token
from bot.plan import CallbackAnswer, Plan
from bot.presses import (
    LINKS,
    applicant_event,
    form_action,
    form_event,
    link_event,
    review_event,
    written_event,
)
from bot.reading import (
    COMMANDS,
    GONE,
    BotMoved,
    FromApplicant,
    FromReviewer,
    GroupMoved,
    GroupSaid,
    MemberChanged,
    Reachable,
)
from bot.reviewers import Reviewers
from bot.roster import Roster
from bot.stats_requests import COMMAND as STATS_COMMAND
from bot.stats_requests import StatsRequests, period_named
from bot.wording import Wording
from conversations import Programme, Scene, Turn, advance
from conversations.application import Reviewer
from conversations.effects import Erase, Say
from conversations.events import (
    FORM_PRESSES,
    REVIEW_PRESSES,
    CameEarly,
    Event,
    FormOutdated,
    HelpAsked,
    PhotoArrived,
    ReviewEvent,
    Rushed,
    Started,
    Submitted,
)
from conversations.roles import ACTION_OF, Action
from conversations.state import Deciding, Rejecting, Waiting, application_of
from storage import outgoing, parking, store
from storage.engine import Transaction
from storage.outgoing import ErrandRow

log = structlog.get_logger()


class Post(Protocol):
    """What a turn must know or ask of the outbox."""

    def prompt_is_unsent(self, person_id: str) -> bool: ...
    def resume(self, rows: Sequence[ErrandRow]) -> None: ...
    def group_moved(self, old: int, new: int) -> None: ...
    def group_is_open(self, chat: int) -> None: ...
    def owes(self, chat: int) -> bool: ...
    def show_more(self, chat: int, cards: int) -> None: ...


@dataclass(slots=True)
class Turns:
    """Thinks about one item at a time; nothing is written or sent here."""

    people: People
    programme: Programme
    wording: Wording
    signer: Signer
    reviewers: Reviewers
    roster: Roster
    outbox: Post
    carrier: Carrier
    group: Callable[[], int]
    trouble: Callable[[str], None]
    post_cards: Callable[[], None]
    count: Callable[..., None]  # a metric
    damper: Damper = field(default_factory=Damper)
    stats: StatsRequests = field(default_factory=StatsRequests)

    async def load(self, items: Iterable[Item]) -> Crowd:
        """Everyone these items are about, in one read."""
        refs: set[str] = set()
        ids: set[str] = set()
        receipts: set[str] = set()
        updates: set[int] = set()
        pressed: set[tuple[int, int]] = set()
        for item in items:
            if isinstance(item.what, Happened):
                (ids if item.what.person_id else receipts).add(item.what.person_id or item.what.receipt)
                continue
            if update_id := item.update_id:
                updates.add(update_id)
            match item.reading:
                case FromApplicant(user_id=user_id, event=event) as reading:
                    refs.add(self.people.ref(user_id))
                    receipts |= {subject_of(reading.data), subject_of(reading.reply_data)}
                    if isinstance(event, Started) and event.payload:
                        receipts.add(subject_of(data_of(event.payload)))
                case FromReviewer(data=data, chat_id=chat_id, message_id=message_id):
                    receipts.add(subject_of(data))
                    pressed.add((chat_id, message_id))
                case Reachable(user_id=user_id):
                    refs.add(self.people.ref(user_id))
        return await self.people.load(refs, ids, receipts - {""}, updates, pressed)

    def think(self, item: Item, crowd: Crowd, plan: Plan) -> None:
        """Add to the plan what follows from this item. Raises whatever goes wrong: then the plan is not used."""
        if item.errand_id:
            plan.finished.append(item.errand_id)
        if isinstance(item.what, Happened):
            self._happened(item.what, crowd, plan)
            return
        update_id = item.update_id
        if item.parked_id:
            plan.writes.append(lambda tx: parking.take_parked(tx, item.parked_id, plan.now))
        elif update_id is not None and not item.errand_id:
            if update_id in crowd.seen:
                return
            plan.seen.append(update_id)
            crowd.seen.add(update_id)
        match item.reading:
            case FromApplicant() as reading:
                self._applicant(reading, item, crowd, plan)
            case FromReviewer() as reading:
                self._reviewer(reading, item, crowd, plan)
            case Reachable() as reading:
                self._reachable(reading, crowd, plan)
            case GroupMoved(old=old, new=new):
                plan.after.append(lambda: self.outbox.group_moved(old, new))
            case MemberChanged(chat_id=chat_id, user_id=user_id, status=status):
                if chat_id == self.group():  # at once: the next press may stand in this very batch
                    self.reviewers.learn(user_id, status)
                    self._lost_the_right(user_id, plan)
            case BotMoved() as reading:
                self._bot_moved(reading, plan)
            case GroupSaid() as reading if reading.chat_id == self.group():
                self._group_said(reading, item, plan)

    # applicants

    def _applicant(self, reading: FromApplicant, item: Item, crowd: Crowd, plan: Plan) -> None:
        form = self._form_press(reading)
        is_reviewing = form is not None and self.reviewers.reviews(reading.user_id)
        is_calm = item.errand_id or item.parked_id or is_reviewing
        pace = Pace.FINE if is_calm else self._pace(reading, crowd)
        if pace is Pace.PASSED_OVER:
            plan.after.append(lambda: self.count("updates_passed_over_total"))
            if reading.callback_id:
                plan.answers.append(CallbackAnswer(reading.update_id, reading.callback_id))
            return
        if isinstance(reading.event, Started) and reading.event.payload:
            press = self.signer.read(reading.user_id, data_of(reading.event.payload))
            if press and press.verb in LINKS:
                self._follow_link(reading, press, item, crowd, plan)
                return
        if form is not None:
            self._form(reading, form, item, crowd, plan)
            return
        ref = self.people.ref(reading.user_id)
        person = crowd.of_ref(ref)
        if person is None:
            language = self.wording.language_for(reading.language_code)
            if reading.callback_id:
                # nobody has buttons yet: he was erased, and a press does not bring him back
                text = self.wording.toast("stale", language, {})
                plan.answers.append(CallbackAnswer(reading.update_id, reading.callback_id, text))
                return
            person = self.people.meet(reading.user_id, language, crowd.barred.get(ref), plan.now)
        event = reading.event or applicant_event(
            self.signer.read(reading.user_id, reading.data, person.person_id), person.applicant
        )
        if pace is Pace.TOO_FAST:
            event = Rushed()
        if isinstance(event, HelpAsked) and self.reviewers.reviews(reading.user_id):
            event = HelpAsked(reviews=True)
        confirms = isinstance(
            person.applicant.state, Waiting | Rejecting | Deciding
        )  # whatever he writes there
        can_be_early = reading.can_be_early and pace is Pace.FINE and not confirms
        if can_be_early and not _is_rest_of_album(event, person):
            if person.asked or self.outbox.prompt_is_unsent(person.person_id):
                event = CameEarly(on_its_way=True)
            elif person.prompt_message is not None and reading.message_id < person.prompt_message:
                event = CameEarly()
        if not person.reachable:
            self._returns(person, plan)
        self._turn(person, event, crowd, plan, reading)

    def _pace(self, reading: FromApplicant, crowd: Crowd) -> Pace:
        user_id, sent_at = reading.user_id, reading.sent_at.timestamp() if reading.sent_at else None
        owed = user_id in crowd.heard or self.outbox.owes(user_id)
        crowd.heard.add(user_id)
        return self.damper.judge(user_id, ticks(), sent_at, owed=owed)

    def _turn(
        self,
        person: Person,
        event: Event,
        crowd: Crowd,
        plan: Plan,
        reading: FromApplicant | FromReviewer | None,
        photo: bytes = b"",
    ) -> None:
        """Advance one person and note what is to be written and done."""
        pressed = bool(reading and reading.callback_id)
        receipt = receipt_token() if isinstance(event, Submitted) else ""
        scene = Scene(self.programme, person.applicant, plan.now, receipt, pressed)
        turn = advance(scene, event)
        plan.after.append(lambda: self.count("turns_total", event=type(event).__name__))
        self.carrier.carry(person, turn, plan, reading, photo)
        if any(isinstance(effect, Erase) for effect in turn.effects):
            self.roster.gone(person.applicant.ref)  # its row goes with the rest of him
        _remember(crowd, person, turn)

    # reviewers

    def _reviewer(self, reading: FromReviewer, item: Item, crowd: Crowd, plan: Plan) -> None:
        press = self.signer.read(reading.chat_id, reading.data) if reading.chat_id == self.group() else None
        if press is not None and press.verb == MORE:
            if self._may(reading.user_id, "look", reading, item, plan):
                self._answer(reading, plan, "more_coming", alert=False)
                plan.after.append(lambda: self.outbox.show_more(reading.chat_id, AT_ONCE))
            return
        if press is not None and press.verb == desk.QUEUE:
            if self._may(reading.user_id, "look", reading, item, plan):
                ref = self.people.ref(reading.user_id)
                plan.errands.append((desk.turned(reading, press, ref), None))
                plan.answers.append(CallbackAnswer(reading.update_id, reading.callback_id))
            return
        person = crowd.of_receipt(press.subject) if press else None
        # a second card of one receipt is known to nobody, and good
        card = crowd.cards.get((reading.chat_id, reading.message_id))
        is_anothers = press is not None and card not in (None, press.subject)
        if press is None or person is None or is_anothers or press.verb not in REVIEW_PRESSES:
            log.warning("press refused", action="forged_press")
            self._answer(reading, plan, "forged")
            return
        if not self._may(reading.user_id, ACTION_OF.get(press.verb), reading, item, plan):
            return
        event = review_event(press, self._by(reading), person.applicant.state)
        self._decide(person, event, crowd, plan, reading)

    def _follow_link(
        self, reading: FromApplicant, press: Press, item: Item, crowd: Crowd, plan: Plan
    ) -> None:
        """A reviewer came from a card into his private chat."""
        person = crowd.of_receipt(press.subject)
        if not self._may(reading.user_id, ACTION_OF.get(press.verb), reading, item, plan):
            return
        if person is None:
            self._note(plan, reading.user_id, "not_under_review", toast=True)
            return
        event = link_event(press, self._by(reading), reading.user_id, person.applicant.state)
        self._turn(person, event, crowd, plan, _in_his_chat(reading, reading.message_id))

    def _form_press(self, reading: FromApplicant) -> Press | None:
        """The button of a form that was pressed or replied to. A form is signed for its chat, and for no applicant."""
        data = reading.data or reading.reply_data
        if data.partition(":")[0] not in FORM_PRESSES:
            return None
        return self.signer.read(reading.user_id, data)

    def _form(self, reading: FromApplicant, press: Press, item: Item, crowd: Crowd, plan: Plan) -> None:
        """A reviewer pressed a button of his form, or replied to it with words of his own."""
        person = crowd.of_receipt(press.subject)
        ref = self.people.ref(reading.user_id)
        action = form_action(press, ref, person.applicant.state if person else None)
        if not self._may(reading.user_id, action, reading, item, plan):
            return
        source = _in_his_chat(reading, reading.reply_to or reading.message_id)
        by = self._by(reading)
        if person is None:
            if reading.callback_id:
                self._answer(source, plan, "not_under_review")
            else:
                self._note(plan, reading.user_id, "not_under_review", toast=True)
            return
        event = form_event(press, by, person.applicant.state)
        if not reading.callback_id and not isinstance(event, FormOutdated):
            event = written_event(press, by, reading.words, reading.user_id, reading.message_id)
        self._decide(person, event, crowd, plan, source)

    def _by(self, reading: FromApplicant | FromReviewer) -> Reviewer:
        return Reviewer(ref=self.people.ref(reading.user_id), name=reading.name)

    def _decide(
        self, person: Person, event: ReviewEvent, crowd: Crowd, plan: Plan, source: FromReviewer
    ) -> None:
        """What a reviewer does may decide; then the next of the cards that are held back may come."""
        was_decided = isinstance(person.applicant.state, Deciding)
        self._turn(person, event, crowd, plan, source)
        if isinstance(person.applicant.state, Deciding) and not was_decided:
            plan.after.append(lambda: self.outbox.show_more(self.group(), 1))

    def _may(
        self,
        user_id: int,
        action: Action | None,
        reading: FromApplicant | FromReviewer | GroupSaid,
        item: Item,
        plan: Plan,
    ) -> bool:
        """Whether he has the right; when that is unknown, the update is kept until Telegram has said, not for long."""
        may = None if item.is_late else self.reviewers.may(user_id, action)
        if may:
            self._met(user_id, reading.name, plan)
            return True
        if may is None and not item.errand_id:
            errand = Errand(
                MEMBER, 0, None, {"user_id": user_id, "raw": item.what, "at": plan.now.timestamp()}
            )
            plan.errands.append((errand, None))
            return False
        log.warning("press refused", action="no_right" if may is False else "right_unknown")
        self._lost_the_right(user_id, plan)
        if may is None:
            self._refuse(plan, user_id, reading, "right_unknown")
        else:
            values = {"action": action or "review", "role": self.reviewers.role(action)}
            self._refuse(plan, user_id, reading, "no_right", **values)
        return False

    def _refuse(
        self,
        plan: Plan,
        user_id: int,
        reading: FromApplicant | FromReviewer | GroupSaid,
        name: str,
        **values: Any,
    ) -> None:
        """Say why not, where he asked."""
        if isinstance(reading, GroupSaid):
            self._note(plan, reading.chat_id, name, toast=True, topic=reading.topic, **values)
        elif reading.callback_id:
            self._answer(reading, plan, name, **values)
        else:
            self._note(plan, user_id, name, toast=True, **values)

    def _met(self, user_id: int, name: str, plan: Plan) -> None:
        if write := self.roster.met(self.people.ref(user_id), user_id, name, plan.now):
            plan.writes.append(write)

    def _lost_the_right(self, user_id: int, plan: Plan) -> None:
        """Whoever may not review stands in no list of reviewers; as long as it is unknown, he does."""
        if self.reviewers.reviews(user_id) is False and (write := self.roster.gone(self.people.ref(user_id))):
            plan.writes.append(write)

    # the rest

    def _happened(self, happened: Happened, crowd: Crowd, plan: Plan) -> None:
        if happened.errand_id:
            plan.finished.append(happened.errand_id)
        person = crowd.by_id.get(happened.person_id) or crowd.of_receipt(happened.receipt)
        if person is None:
            return  # nobody waits for it any more
        self._turn(person, happened.event, crowd, plan, None, happened.photo)

    def _reachable(self, reading: Reachable, crowd: Crowd, plan: Plan) -> None:
        person = crowd.of_ref(self.people.ref(reading.user_id))
        if person is None:
            return
        application = application_of(person.applicant.state)
        if application is not None and application.asked:  # the card says whether he can be reached
            body = {"receipt": application.receipt, "anew": False, "pressed": []}
            plan.errands.append((Errand(CARD, self.group(), person.person_id, body), person))
        if reading.reachable:
            self._returns(person, plan)
            return
        person.reachable = False
        plan.writes.append(lambda tx: store.set_reachable(tx, person.person_id, False))

    def _returns(self, person: Person, plan: Plan) -> None:
        """He can be reached again: what waited for him goes out, before anything that is said to him now."""
        waiting: list[ErrandRow] = []
        person.reachable = True

        def write(tx: Transaction) -> None:
            store.set_reachable(tx, person.person_id, True)
            waiting[:] = outgoing.errands(tx, person.person_id)

        plan.writes.append(write)
        plan.first.append(lambda: self.outbox.resume(waiting))

    def _bot_moved(self, reading: BotMoved, plan: Plan) -> None:
        log.info("standing changed", action="bot_standing", status=reading.status)
        chat, is_in = reading.chat_id, reading.status not in GONE
        if chat != self.group():
            if is_in:
                self._note(plan, chat, "group_hello", chat_id=chat)
            return
        if not is_in:
            self.trouble("the bot was removed from the reviewers' group; add it again")
            return
        self.reviewers.forget_all()  # shut out, the bot took everybody for a stranger
        plan.after.append(lambda: self.outbox.group_is_open(chat))
        plan.after.append(self.post_cards)
        if reading.status != "administrator":
            self.trouble(
                "the bot is no administrator of the reviewers' group, and cannot be sure who may decide"
            )
            self._note(plan, chat, "group_needs_admin")

    def _group_said(self, reading: GroupSaid, item: Item, plan: Plan) -> None:
        if reading.command == STATS_COMMAND:
            if self._may_in_group(reading, "stats", item, plan):
                self._stats(reading, plan)
        elif reading.command in desk.COMMANDS:
            if self._may_in_group(reading, "look", item, plan):
                self._asked(reading, plan)
        elif reading.command in COMMANDS:
            self._note(plan, reading.chat_id, "reviewer_help_group", topic=reading.topic)

    def _may_in_group(self, reading: GroupSaid, action: Action, item: Item, plan: Plan) -> bool:
        """Whoever posts in the group's name is an administrator of it, but nobody knows which."""
        if reading.as_group and self.reviewers.may_every_administrator(action):
            return True
        if reading.user_id:
            return self._may(reading.user_id, action, reading, item, plan)
        self._note(plan, reading.chat_id, "commands_no_right", topic=reading.topic)
        return False

    def _asked(self, reading: GroupSaid, plan: Plan) -> None:
        ref = self.people.ref(reading.user_id) if reading.user_id else ""
        found = desk.asked(reading, ref, self.programme.receipt_prefix)
        if isinstance(found, desk.Note):
            self._note(plan, reading.chat_id, found.name, topic=reading.topic)
        else:
            plan.errands.append((found, None))

    def _stats(self, reading: GroupSaid, plan: Plan) -> None:
        period = period_named(reading.argument)
        if period is None:
            self._note(plan, reading.chat_id, "stats_usage", topic=reading.topic)
            return
        match self.stats.verdict(period):
            case "send":
                body = {"period": period} | ({"topic": reading.topic} if reading.topic else {})
                plan.errands.append((Errand(STATS, reading.chat_id, None, body), None))
                plan.after.append(lambda: self.stats.sent(period))
            case "on its way":
                self._note(plan, reading.chat_id, "stats_on_its_way", topic=reading.topic)
                plan.after.append(lambda: self.stats.said(period))

    def _answer(
        self,
        reading: FromApplicant | FromReviewer,
        plan: Plan,
        name: str,
        *,
        alert: bool = True,
        **values: Any,
    ) -> None:
        text = self.wording.toast(name, self.programme.review.language, values)
        plan.answers.append(CallbackAnswer(reading.update_id, reading.callback_id, text, alert))

    def _note(
        self, plan: Plan, chat: int, name: str, *, toast: bool = False, topic: int = 0, **values: Any
    ) -> None:
        language = self.programme.review.language
        text = (
            self.wording.toast(name, language, values)
            if toast
            else self.wording.named(name, language, **values)
        )
        place = {"topic": topic} if topic else {}
        plan.errands.append((Errand(NOTE, chat, None, {"text": text, "plain": toast, **place}), None))


def _in_his_chat(reading: FromApplicant, message_id: int) -> FromReviewer:
    """What a reviewer does in his private chat is about others: he is answered as a reviewer."""
    return FromReviewer(
        reading.update_id,
        reading.user_id,
        reading.name,
        reading.user_id,
        message_id,
        reading.callback_id,
        reading.data,
    )


def _remember(crowd: Crowd, person: Person, turn: Turn) -> None:
    """What the rest of the batch finds: the person as he now stands, or, when he was erased, nobody."""
    person.applicant = turn.applicant
    person.is_new = False
    person.asked = person.asked or any(isinstance(effect, Say) and effect.prompt for effect in turn.effects)
    crowd.add(person)
    for effect in turn.effects:
        if isinstance(effect, Erase):
            crowd.remove(person, effect.barred_until)


def _is_rest_of_album(event: Event, person: Person) -> bool:
    """A further picture of the album whose first one was taken: the dialogue passes it over."""
    return isinstance(event, PhotoArrived) and bool(event.album) and event.album == person.applicant.album
