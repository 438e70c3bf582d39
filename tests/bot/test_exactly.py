"""Whatever happens to a bot and in whatever order: what is kept and what is said comes out the same, and once.

Applicants and reviewers act, updates come again and out of order, calls fail or are answered by nobody, the disk is
full, the process is killed at any commit and any call, time jumps. After every step the local Telegram and the database
are compared with the pure dialogue, led once through each update.

SOAK=1 looks longer, and elsewhere each time; SOAK=10 ten times as long as that.
"""

import asyncio
import functools
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from bot.reading import COMMANDS
from bot.sandbox.faults import Fault, FaultKind
from bot.sandbox.updates import Lane
from tests.bot.exactly.acts import MOST, VERBS, Players, shuffled
from tests.bot.exactly.checks import Judge
from tests.bot.exactly.life import Trap
from tests.bot.exactly.setting import CARD_PHOTO, TIME
from tests.bot.exactly.world import World

pytestmark = pytest.mark.soak
SOAK = int(os.environ.get("SOAK", "0"))
FAULTS: tuple[FaultKind, ...] = ("lost", "lost", "lost", "cut", "502", "refuse", "429", "hang")
CALLS = (
    *("sendMessage", "sendMessage", "sendMessage", "editMessageText", "deleteMessage", "deleteMessages"),
    *("sendDocument", "sendPhoto", "getFile", "download", "getChatMember", "getUpdates"),
)
ODD = ("x", "/", "/nonsense", "ok", "2", "other", "<b>{{ 7*7 }}</b>", "学生")
MINUTE, HOUR, DAY = 60, 3600, 86_400
SPANS = (20, 61, 61, 12 * MINUTE, 25 * HOUR, 25 * HOUR, 4 * DAY + 60, 8 * DAY, 31 * DAY, 200 * DAY)


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with a step or soon after: a kill, perhaps another at the start that follows; a bad network."""

    trap: Trap | None = None
    then: Trap | None = None
    fault: Fault | None = None
    is_groups: bool = False  # the fault is about calls to the group alone
    full: int = 0  # so many writes find the disk full


traps = st.builds(
    Trap,
    what=st.sampled_from(["commit", "call"]),
    when=st.sampled_from(["before", "after"]),
    countdown=st.sampled_from([1, 1, 2, 2, 3, 4, 5, 7, 10]),
)
faults = st.builds(
    Fault,
    kind=st.sampled_from(FAULTS),
    method=st.sampled_from(CALLS),
    count=st.integers(1, 4),
    every=st.sampled_from([1, 1, 1, 2]),
    seconds=st.just(0.01),
    retry_after=st.just(0),
)
troubles = st.none() | st.builds(
    Trouble,
    trap=st.none() | traps,
    then=st.none() | traps,
    fault=st.none() | faults,
    is_groups=st.sampled_from([False, False, True]),
    full=st.sampled_from([0, 0, 0, 0, 1, 3]),
)
people = st.integers(0, 2)
reviewers = st.integers(0, 1)
picks = st.integers(0, 10_000)


def played(act: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A step that is played on the world's loop, whatever trouble it gets into."""

    @functools.wraps(act)
    def play(machine: "Exactly", trouble: Trouble | None = None, **drawn: Any) -> None:
        if trouble:
            machine.meets(trouble)
        machine.has_failed = True
        machine.world.run(act(machine, **drawn))
        machine.has_failed = False

    return play


class Exactly(RuleBasedStateMachine):
    """Applicants, reviewers, a bad network, and a machine that fails."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.judge = Judge(self.world)
        self.players = Players(self.world, self.judge)
        self.has_failed = False

    def teardown(self) -> None:
        try:
            if not self.has_failed:
                self.world.run(self._end())
        finally:
            self.world.close()

    async def _end(self) -> None:
        self.world.traps.clear()
        self.world.sandbox.faults.clear()
        self.world.hand.release(list(self.world.hand.held))
        await self.starts()

    @initialize(steps=st.lists(st.sampled_from([0, 5, 9]), min_size=3, max_size=3))
    @played
    async def they_are_on_their_way(self, steps: list[int]) -> None:
        for who, many in enumerate(steps):
            for _ in range(many):
                self.players.goes_on(self.players.applicants[who])
                await self.step()

    # what a step is

    @property
    def runs(self) -> bool:
        return self.world.life is not None

    async def step(self) -> None:
        """What was done takes its course, and is judged; while the bot is down, it waits."""
        if not self.runs and len(self.world.hand.sent) - self.world.window.first_update >= MOST:
            await self.world.start()
        await self.world.settle()
        if self.runs:
            self.judge.look()
            self.players.look()

    async def starts(self) -> None:
        await self.world.start()
        await self.step()

    def hold(self, holds: Callable[[Lane], bool]) -> None:
        self.world.hand.holds = holds

    async def let_go(self, pick: int) -> None:
        """All that is held, in some order that keeps each lane's."""
        self.hold(lambda lane: False)
        self.world.hand.release(shuffled(self.world.hand.held, pick))
        await self.step()

    def meets(self, trouble: Trouble) -> None:
        """Set it up. A trap counts, and so does a rule of faults: each example needs its own."""
        if trouble.trap and self.world.life:
            self.world.life.trap = replace(trouble.trap)
            self.world.traps[:] = [replace(trouble.then)] if trouble.then else []
        if trouble.full and self.world.life:
            self.world.life.full = trouble.full
            self.world.window.was_full = True
        if trouble.fault:
            chat_id = self.world.group.id if trouble.is_groups else None
            self.world.sandbox.faults.add(replace(trouble.fault, chat_id=chat_id))

    # applicants

    @rule(who=people, steps=st.sampled_from([1, 1, 2, 3, 9]), trouble=troubles)
    @played
    async def an_applicant_goes_on(self, who: int, steps: int) -> None:
        for _ in range(steps):
            self.players.goes_on(self.players.applicant(who))
            await self.step()

    @rule(who=people, text=st.sampled_from([*ODD, *(f"/{name}" for name in COMMANDS)]), trouble=troubles)
    @played
    async def an_applicant_says_something(self, who: int, text: str) -> None:
        person = self.players.applicant(who)
        person.say(text, person.chat)
        await self.step()

    @rule(who=people, good=st.booleans(), trouble=troubles)
    @played
    async def an_applicant_sends_a_photo(self, who: int, good: bool) -> None:
        self.players.sends(self.players.applicant(who), CARD_PHOTO if good else b"no picture")
        await self.step()

    @rule(who=people, pick=picks, trouble=troubles)
    @played
    async def an_applicant_presses_any_button(self, who: int, pick: int) -> None:
        self.players.presses_any(self.players.applicant(who), pick)
        await self.step()

    @rule(
        who=people,
        verb=st.sampled_from(["recall", "leave", "drop", "speak", "edit", "submit", "back"]),
        trouble=troubles,
    )
    @played
    async def an_applicant_presses_what_matters(self, who: int, verb: str) -> None:
        before = {"leave": "/withdraw", "drop": "/cancel", "speak": "/language"}
        person = self.players.applicant(who)
        if verb in before:
            person.say(before[verb], person.chat)
            await self.step()
        if self.runs:
            self.players.presses(person, f"{verb}:")
            await self.step()

    @rule(who=people, trouble=troubles)
    @played
    async def an_applicant_erases_everything(self, who: int) -> None:
        person = self.players.applicant(who)
        person.say("/delete", person.chat)
        await self.step()
        if self.runs:
            self.players.presses(person, "erase:")
            await self.step()

    @rule(who=people, trouble=troubles)
    @played
    async def an_applicant_takes_it_back_and_submits_again(self, who: int) -> None:
        for verb in ("recall", "submit"):
            self.players.presses(self.players.applicant(who), f"{verb}:")
            await self.step()

    @rule(who=st.integers(0, 1))
    @played
    async def an_applicant_blocks_the_bot(self, who: int) -> None:
        self.players.applicants[who].block()
        await self.step()

    @rule(who=st.integers(0, 1))
    @played
    async def an_applicant_returns(self, who: int) -> None:
        self.players.applicant(who)
        await self.step()

    # reviewers

    @rule(by=reviewers, verb=st.sampled_from(VERBS), pick=picks, trouble=troubles)
    @played
    async def a_reviewer_presses(self, by: int, verb: str, pick: int) -> None:
        self.players.presses_card(self.players.reviewers[by], verb, pick)
        await self.step()

    @rule(
        by=reviewers,
        verbs=st.sampled_from([("approve",), ("reject", "because")]),
        then=st.sampled_from(["view", "tell", "undo", "tell"]),
        pick=picks,
        trouble=troubles,
    )
    @played
    async def a_reviewer_decides(self, by: int, verbs: tuple[str, ...], then: str, pick: int) -> None:
        for verb in (*verbs, then):
            self.players.presses_card(self.players.reviewers[by], verb, pick)
            await self.step()

    @rule(verbs=st.tuples(st.sampled_from(VERBS), st.sampled_from(VERBS)), pick=picks, trouble=troubles)
    @played
    async def two_reviewers_press_at_once(self, verbs: tuple[str, str], pick: int) -> None:
        self.hold(lambda lane: True)
        for by, verb in zip(self.players.reviewers, verbs, strict=True):
            self.players.presses_card(by, verb, pick)
        await self.let_go(pick)

    @rule(by=reviewers, pick=picks, trouble=troubles)
    @played
    async def a_reviewer_presses_an_old_button(self, by: int, pick: int) -> None:
        self.players.presses_old(self.players.reviewers[by], pick)
        await self.step()

    @precondition(lambda self: self.runs)
    @rule(who=people, by=reviewers, pick=picks)
    @played
    async def the_answer_to_a_card_is_lost(self, who: int, by: int, pick: int) -> None:
        """So it is posted once more, and a reviewer finds the first one."""
        fault = Fault("lost", "sendMessage", chat_id=self.world.group.id, count=1)
        self.world.sandbox.faults.add(fault)
        self.players.presses(self.players.applicant(who), "recall:")
        await self.step()
        for _ in range(9):
            if not fault.struck and self.runs:
                self.players.goes_on(self.players.applicant(who))
                await self.step()
        self.world.sandbox.faults.rules.remove(fault)
        self.hold(lambda lane: True)
        self.players.presses_stray(self.players.reviewers[by], pick)
        await self.let_go(pick)

    @rule(by=reviewers, pick=picks, trouble=troubles)
    @played
    async def a_reviewer_looks_at_the_photo(self, by: int, pick: int) -> None:
        reviewer, presses = self.players.reviewers[by], self.world.telegram.presses
        before = set(presses)
        self.players.presses_card(reviewer, "view", pick)
        await self.step()
        for answer in [press.answer for key, press in presses.items() if key not in before]:
            if answer and answer.url:
                reviewer.start(answer.url.partition("?start=")[2])
        await self.step()

    # updates

    @rule(
        who=people,
        acts=st.lists(st.sampled_from(["says", "presses", "on", "file", "status"]), min_size=2, max_size=3),
        pick=picks,
        trouble=troubles,
    )
    @played
    async def an_applicant_does_much_at_once(self, who: int, acts: list[str], pick: int) -> None:
        """His messages and his presses come in an order of their own."""
        person = self.players.applicant(who)
        self.hold(lambda lane: True)
        for act in acts:
            await self.players.does(person, act, pick)
        await self.let_go(pick)

    @precondition(lambda self: self.runs)
    @rule(who=people, verb=st.sampled_from(["back", "speak", "edit", "skip"]), trouble=troubles)
    @played
    async def a_message_comes_late(self, who: int, verb: str) -> None:
        """He wrote it, pressed a button, was asked something else: and only now it comes."""
        person = self.players.applicant(who)
        self.hold(lambda lane: lane == ("chat", person.id))
        self.players.says(person)
        self.players.presses(person, f"{verb}:")
        await self.step()
        await self.let_go(0)

    @precondition(lambda self: self.runs and not self.world.hand.held)
    @rule(
        first=st.sampled_from(["status", "presses", "on"]),
        second=st.sampled_from(["status", "presses", "on", "card", "erase", "sweep", "again"]),
        who=people,
        pick=picks,
        trouble=troubles,
    )
    @played
    async def something_happens_while_a_call_is_on_its_way(
        self, first: str, second: str, who: int, pick: int
    ) -> None:
        person = self.players.applicant(who)
        if second == "erase":
            person.say("/delete", person.chat)
            await self.step()
        await self.players.does_both(person, (first, second), pick)
        await self.step()

    @precondition(lambda self: self.runs and not self.world.hand.held)
    @rule(first=picks, second=picks, trouble=troubles)
    @played
    async def a_card_changes_while_it_is_on_its_way(self, first: int, second: int) -> None:
        await self.players.does_both(self.world.ana, ("card", "card"), first + 7 * second)
        await self.step()

    @rule(who=people, presses=st.booleans())
    @played
    async def what_somebody_does_is_held_back(self, who: int, presses: bool) -> None:
        lane, hand = ("user" if presses else "chat", self.players.applicant(who).id), self.world.hand
        self.hold(lambda one: one == lane and len(hand.held) < MOST)

    @precondition(lambda self: self.world.hand.held)
    @rule(pick=picks, trouble=troubles)
    @played
    async def what_was_held_back_comes(self, pick: int) -> None:
        await self.let_go(pick)

    @precondition(lambda self: self.runs)
    @rule(
        some=st.lists(picks, max_size=2),
        last=st.integers(0, 8),
        who=st.none() | people,
        trouble=troubles,
    )
    @played
    async def updates_come_again(self, some: list[int], last: int, who: int | None) -> None:
        """Alone, or with a new one."""
        known = self.world.hand.repeatable()
        if who is not None:
            self.players.goes_on(self.players.applicant(who))
        for pick in some if known else []:
            self.world.hand.repeat(known[pick % len(known)])
        for update in known[len(known) - last :]:
            self.world.hand.repeat(update)
        await self.step()

    # the machine and the network

    @rule(trouble=troubles)
    @played
    async def trouble_is_near(self) -> None:
        """With whatever comes next."""

    @precondition(lambda self: self.runs)
    @rule(stays_down=st.booleans())
    @played
    async def the_bot_is_killed(self, stays_down: bool) -> None:
        await self.world.kill()
        if not stays_down:
            await self.starts()

    @precondition(lambda self: self.runs)
    @rule(who=st.none() | people)
    @played
    async def the_bot_stops_and_starts(self, who: int | None) -> None:
        if who is not None:
            self.players.goes_on(self.players.applicant(who))
            await asyncio.sleep(0.004)  # it may be amid that
        await self.world.stop()
        await self.starts()

    @precondition(lambda self: not self.runs)
    @rule()
    @played
    async def the_bot_is_started(self) -> None:
        await self.starts()

    @precondition(lambda self: self.runs)
    @rule(who=people, countdown=st.integers(1, 3), when=st.sampled_from(["before", "after"]))
    @played
    async def a_message_is_lost_and_the_bot_is_killed(self, who: int, countdown: int, when: str) -> None:
        """So is the next one: no third is sent."""
        person = self.players.applicant(who)
        self.meets(Trouble(Trap("call", when, countdown)))
        lost = self.world.sandbox.faults.add(Fault("lost", "sendMessage", chat_id=person.id, count=4))
        person.say("/status", person.chat)
        await self.step()
        self.world.sandbox.faults.rules.remove(lost)

    @precondition(lambda self: self.runs)
    @rule(by=reviewers, pick=picks, span=st.sampled_from([20, 61, 700]))
    @played
    async def a_decision_waits_while_the_bot_is_down(self, by: int, pick: int, span: int) -> None:
        """The time to undo it begins anew."""
        self.players.presses_card(self.players.reviewers[by], "approve", pick)
        await self.step()
        await self.world.kill()
        TIME.now += timedelta(seconds=span)
        await self.starts()

    # time

    @rule(span=st.sampled_from(SPANS), trouble=troubles)
    @played
    async def time_passes(self, span: int) -> None:
        TIME.now += timedelta(seconds=span)
        if self.runs:
            self.world.window.moved = True
            await self.world.sweep()
            await self.step()

    @rule(hours=st.sampled_from([0, 3, -3, 40 * 24, -2 * 24]))
    @played
    async def the_clock_is_set(self, hours: int) -> None:
        """This machine's alone."""
        TIME.off = timedelta(hours=hours)


TestExactly = Exactly.TestCase
TestExactly.settings = settings(
    max_examples=400 * SOAK or 36,
    stateful_step_count=50 if SOAK else 24,
    derandomize=not SOAK,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
