"""What was lost, doubled or left over in a run: judged from the local Telegram's record alone."""

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.sandbox.state import Message
from bot.sandbox.witness import Call
from tests.soak.living import Act, Applicant, World

BEFORE_A_KILL = 0.1  # seconds in which a send counts as in flight


@dataclass(frozen=True, slots=True)
class End:
    """One end of the bot. Times are time.monotonic(): the signal, the exit, and when the next one was started."""

    kind: str  # random, SIGTERM, or the name of a point
    at: float
    exited: float
    started: float

    def covers(self, at: float) -> bool:
        """Whether what was sent then may have been in flight at this end."""
        return self.at - BEFORE_A_KILL <= at <= self.started


@dataclass(slots=True)
class Verdict:
    """The figures of a run, and for everything that went wrong a line of evidence."""

    applications: int
    acts: int
    lost_acts: int = 0
    lost_at_sigterm: int = 0
    lost_applications: int = 0
    doubled: int = 0
    duplicates: int = 0
    unexplained: int = 0  # duplicates of which no send was in flight at an end
    in_flight: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    evidence: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        wrong = self.lost_acts + self.lost_applications + self.doubled + self.unexplained
        return wrong == 0 and self.duplicates <= self.in_flight


class Judge:
    """One run's."""

    def __init__(self, world: World, applicants: Sequence[Applicant], ends: Sequence[End]) -> None:
        self.world = world
        self.applicants = applicants
        self.ends = ends
        self.verdict = Verdict(len(applicants), len(world.acts))
        self._zero = world.acts[0].at
        sends = [call for call in world.telegram.witness.calls if _is_send(call)]
        self._by_chat: dict[int, list[Call]] = defaultdict(list)
        for call in sends:
            self._by_chat[call.chat_id or 0].append(call)
        self._cards: dict[str, list[Message]] = defaultdict(list)
        for message in world.group.messages:
            subject = world.manner.subject_of(message.text) if message.from_bot else ""
            if subject:
                self._cards[subject].append(message)
        self._owners: dict[str, int] = {}

    def judge(self) -> Verdict:
        verdict = self.verdict
        verdict.in_flight = sum(
            self._in_flight(call.at) for calls in self._by_chat.values() for call in calls
        )
        for act in self.world.acts:
            if act.lost:
                verdict.lost_acts += 1
                verdict.lost_at_sigterm += self._end_after(act) == "SIGTERM"
                self._say(
                    "lost act",
                    act.chat_id,
                    act.at,
                    f"{act.what} {act.subject}, next end {self._end_after(act)}; {self._delivery(act)}; {act.lost}",
                )
        for applicant in self.applicants:
            self._application(applicant)
        self._count_duplicates()
        return verdict

    def _application(self, applicant: Applicant) -> None:
        verdict, manner, chat_id = self.verdict, self.world.manner, applicant.user.id
        told: list[tuple[str, Call]] = []
        subjects: list[tuple[str, Call]] = []
        for call in self._by_chat[chat_id]:
            text = str(call.params.get("text") or call.params.get("caption") or "")
            if subject := manner.subject_told(text, applicant.user):
                subjects.append((subject, call))
            elif outcome := manner.outcome(text):
                told.append((outcome, call))
        for subject, _ in subjects:
            self._owners[subject] = chat_id
        names = {subject for subject, _ in subjects}
        submitted = len(names) if manner.is_ours else len(subjects)
        verdict.outcomes[applicant.end or "stuck"] += 1
        faults = []
        if not applicant.end or (applicant.fate == "erase" and applicant.end != "erased"):
            faults.append(f"never came to its end, fate {applicant.fate or 'a decision'!r}")
        if manner.is_ours:
            if len(names) > 1:
                faults.append(f"submitted as {names}")
            for subject in names:
                faults += self._wrong_cards(subject, applicant.end)
        if faults:
            verdict.lost_applications += 1
            last = [repr(message) for message in applicant.chat.messages[-4:]]
            self._say("lost application", chat_id, self._zero, f"{'; '.join(faults)}; {last}")
        kinds = {outcome for outcome, _ in told}
        surely = [one for place, one in enumerate(told) if not self._repeats_in_flight(told, place)]
        if len(surely) > max(submitted, 1) or (manner.is_ours and len(kinds) > 1):
            verdict.doubled += 1
            when = [(outcome, round(call.at - self._zero, 3)) for outcome, call in told]
            self._say("doubled decision", chat_id, told[-1][1].at, f"{when} for {submitted} submitted")

    def _wrong_cards(self, subject: str, end: str) -> list[str]:
        """What is wrong with the cards of an application."""
        cards = self._cards[subject]
        if end == "erased":
            return [f"a card is left of the erased {subject}: {cards[0].text[:300]!r}"] if cards else []
        if len(cards) != 1:
            return [f"{len(cards)} cards of {subject}: {cards}"]
        sign = {"approved": "✅", "rejected": "❌", "withdrawn": "↩️"}.get(end, "")
        card = cards[0]
        right = card.text.startswith(sign) and not card.buttons
        return [] if right else [f"the card of {subject}, {end or 'undecided'}, reads {card}"]

    def _repeats_in_flight(self, told: list[tuple[str, Call]], place: int) -> bool:
        """Whether this one says again what was said by a send that was in flight at an end."""
        if not place:
            return False
        before, now = told[place - 1], told[place]
        return before[0] == now[0] and self._in_flight(before[1].at)

    # duplicates

    def _count_duplicates(self) -> None:
        """The same text twice to one chat, and nothing done that could have asked for it again."""
        acts: dict[int, list[Act]] = defaultdict(list)
        for act in self.world.acts:
            acts[act.chat_id].append(act)
            if act.subject in self._owners:
                acts[self._owners[act.subject]].append(act)
        for chat_id, calls in self._by_chat.items():
            if chat_id == self.world.group.id:
                calls = [call for call in calls if self._is_card(_said(call))]
                self._repeats(chat_id, calls, [])
            else:
                self._repeats(chat_id, calls, acts[chat_id])

    def _repeats(self, chat_id: int, calls: Sequence[Call], acts: Sequence[Act]) -> None:
        """Every written word has one answer: two of them unanswered may get the same answer one after another."""
        last: dict[str, float] = {}
        unanswered, later = 0, deque(acts)
        for call in calls:
            text = _said(call)
            before = last.get(text)
            last[text] = call.at
            while later and later[0].at < call.at:
                unanswered += later.popleft().is_word
            acted = before is not None and any(before < act.at < call.at for act in acts)
            if before is not None and self._in_flight(before):
                self.verdict.duplicates += not acted
                continue  # said once more, and no answer to anything
            if before is not None and not acted and not unanswered:
                self.verdict.duplicates += 1
                self.verdict.unexplained += 1
                around = self._around(chat_id, before, call.at)
                gap = call.at - before
                self._say(
                    "unexplained duplicate", chat_id, call.at, f"{gap:.3f} s apart: {text[:120]!r}; {around}"
                )
            unanswered = max(0, unanswered - 1)

    def _is_card(self, text: str) -> bool:
        """Whether a text in the group can only be one card's: a stock bot's applicant may submit anew."""
        return self.world.manner.is_ours and bool(self.world.manner.subject_of(text))

    # evidence

    def _in_flight(self, at: float) -> bool:
        return any(end.covers(at) for end in self.ends)

    def _end_after(self, act: Act) -> str:
        return next((end.kind for end in self.ends if end.started >= act.at), "none")

    def _delivery(self, act: Act) -> str:
        delivery = self.world.telegram.witness.deliveries.get(act.update_id or 0)
        if delivery is None:
            return "no update"
        handed = [round(at - self._zero, 3) for at in delivery.attempts]
        confirmed = None if delivery.confirmed_at is None else round(delivery.confirmed_at - self._zero, 3)
        near = [
            (end.kind, round(end.at - self._zero, 3))
            for end in self.ends
            if any(abs(end.at - at) < 5 for at in delivery.attempts)
        ]
        return f"update {act.update_id} handed over {handed}, confirmed {confirmed}, ends near {near}"

    def _around(self, chat_id: int, first: float, last: float) -> str:
        """What this person did and was told from a little before the first to a little after the last."""
        happened = [(act.at, f"does {act.what!r}") for act in self.world.acts if act.chat_id == chat_id]
        happened += [(call.at, f"is told {_said(call)[:50]!r}") for call in self._by_chat[chat_id]]
        happened += [(end.at, f"END {end.kind}") for end in self.ends]
        happened += [(end.started, "START") for end in self.ends]
        near = sorted(one for one in happened if first - 4 <= one[0] <= last + 1)
        return "\n    " + "\n    ".join(f"{at - self._zero:.3f} {what}" for at, what in near)

    def _say(self, what: str, chat_id: int, at: float, text: str) -> None:
        self.verdict.evidence.append(f"{what}: chat {chat_id}, second {at - self._zero:.3f}: {text}")


def _is_send(call: Call) -> bool:
    return call.ok and call.method.startswith("send") and call.message_id is not None


def _said(call: Call) -> str:
    """What one reads of a message; a file alone is its caption."""
    return str(call.params.get("text") or f"{call.method} {call.params.get('caption', '')}")
