"""Nothing goes by itself before its owner was told the day, three days before it at least; whatever the operator, the
clock, a restore and he himself do meanwhile."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from conversations import Applicant, Programme, Turn
from conversations.application import Closed
from conversations.effects import DropPhotos, Effect, Erase, ForgetApplication, Say, Unsay
from conversations.events import (
    Approved,
    Continued,
    DataAsked,
    DataRestored,
    DraftDeleted,
    Event,
    FellSilent,
    HelpAsked,
    Recalled,
    RetentionShortened,
    Submitted,
    UndoWindowPassed,
    Withdrew,
)
from conversations.keeping import (
    ACCOUNT,
    BRIEF,
    DRAFT,
    NOTICE,
    PHOTOS,
    due_at,
    goings,
    told_anew,
    told_sooner,
    unannounced,
)
from conversations.programme import Reminders, Retention
from conversations.state import (
    Announced,
    Confirming,
    Deciding,
    Fresh,
    Open,
    Settled,
    Unsubmitted,
    Waiting,
    draft_of,
)
from tests.conversations.world import (
    ANA,
    APPLICATION,
    NOW,
    PROGRAMME,
    STATES,
    WORDING,
    closed,
    names,
    person,
    turn,
)
from tests.conversations.world import (
    DRAFT as FILLED,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
RECEIPT = APPLICATION.receipt


def kept_for(hours: tuple[int, ...] = (24, 96), **days: int) -> Programme:
    """The programme with other periods."""
    retention = Retention(**{**PROGRAMME.retention.model_dump(), **days})
    return PROGRAMME.model_copy(update={"retention": retention, "reminders": Reminders(after_hours=hours)})


def dates(who: Applicant, programme: Programme = PROGRAMME) -> dict[str, datetime]:
    return {one.thing: one.at for one in goings(programme, who)}


def shortened(who: Applicant, before: Programme, after: Programme, now: datetime) -> Turn:
    """What its owner hears when other periods are applied."""
    return turn(who, RetentionShortened(now, dates(who, before)), now=now, programme=after)


def earlier(receipt: str, day: float, outcome: str = "rejected") -> Closed:
    return closed(outcome).model_copy(update={"receipt": receipt, "at": NOW + day * DAY})


def went(effect: Effect) -> str:
    match effect:
        case ForgetApplication(receipt=receipt):
            return f"{receipt} forgotten"
        case DropPhotos():
            return "photo gone"
        case Erase():
            return "erased"
    return ""


def life(who: Applicant, programme: Programme = PROGRAMME, start: datetime = NOW) -> list[str]:
    """All that the clock says and does, by the days."""
    happened: list[str] = []
    now = start
    for _ in range(40):
        due = due_at(programme, who)
        if due is None:
            return happened
        now = max(now, due)
        found = turn(who, FellSilent(), now=now, programme=programme)
        day = round((now - NOW) / DAY, 1)
        said = [f"{day:g}: {name}" for name in names(found)]
        gone = [f"{day:g}: {word}" for one in found.effects if (word := went(one))]
        happened += [*said, *gone]
        if any(isinstance(one, Erase) for one in found.effects):
            return happened
        who = found.applicant
    raise AssertionError(happened)


# earlier applications


def test_an_account_stays_as_long_as_the_longest_kept_of_what_is_his() -> None:
    """Rejected, applied again, and left: each thing goes on the day that `/mydata` names, and is announced."""
    again = turn(person(STATES["rejected"]), Continued(), now=NOW + 31 * DAY).applicant
    asked = turn(again, DataAsked(), now=NOW + 31 * DAY)
    (said,) = (one for one in asked.effects if isinstance(one, Say))
    assert said.values["goes_at"] == NOW + 61 * DAY
    assert [at for _, at in said.values["past"]] == [NOW + 180 * DAY]
    for language, word in (("en", "Your draft will be deleted on 2 May"), ("zh", "草稿将于2026年5月2日删除")):
        assert word in WORDING.message(said, language)
    assert life(asked.applicant, start=NOW + 31 * DAY) == [
        "32: reminder",
        "35: reminder",
        "177: retention_near",
        "180: erased",
    ]


def test_a_later_application_goes_at_its_time_though_an_earlier_one_is_kept_longer() -> None:
    who = person(STATES["withdrawn"], past=(earlier("UX-OLD", 0),))
    said = turn(who, DataAsked()).effects[0]
    assert isinstance(said, Say)
    assert (said.values["goes_at"], said.values["is_last"]) == (NOW + 30 * DAY, False)
    assert "This application will be deleted on" in WORDING.message(said, "en")
    assert life(who) == [
        "27: retention_near",
        "30: photo gone",
        f"30: {RECEIPT} forgotten",
        "177: retention_near",
        "180: erased",
    ]
    waits = person(STATES["rejected"], past=(earlier("UX-OLD", 0, "approved"),))
    after = turn(
        waits.model_copy(update={"announced": {RECEIPT: Announced(goes_at=NOW + 180 * DAY, told_at=NOW)}}),
        FellSilent(),
        now=NOW + 180 * DAY,
    )
    assert isinstance(after.applicant.state, Fresh)
    assert after.applicant.barred_until is None  # it was over before


def test_who_may_not_apply_yet_may_not_once_his_application_has_gone_either() -> None:
    programme = kept_for(rejected_days=20)
    told = {RECEIPT: Announced(goes_at=NOW + 20 * DAY, told_at=NOW)}
    who = person(STATES["rejected"], past=(earlier("UX-OLD", 0, "approved"),), announced=told)
    found = turn(who, FellSilent(), now=NOW + 20 * DAY, programme=programme)
    assert found.applicant.barred_until == (NOW + 30 * DAY).replace(hour=0)


@pytest.mark.parametrize("state", ["fresh", "drafting", "waiting", "approved"])
def test_an_earlier_application_is_announced_too_whatever_goes_on_beside_it(state: str) -> None:
    who = person(STATES[state], past=(earlier("UX-OLD", -150), earlier("UX-NEW", -10)), reminded=2)
    found = turn(who, FellSilent(), now=NOW + 27 * DAY - HOUR)
    says = [one for one in found.effects if isinstance(one, Say) and one.about == "UX-OLD"]
    assert [(one.name, one.values["goes_at"]) for one in says] == [("retention_near", NOW + 30 * DAY)]
    assert says[0].values["is_last"] is False
    gone = turn(found.applicant, FellSilent(), now=NOW + 30 * DAY)
    assert ForgetApplication("UX-OLD") in gone.effects


# shorter periods


@pytest.mark.parametrize(
    ("days", "now", "stays_until"),
    [
        (10, 20, 23),  # overdue by the new period: three days more, and he is told
        (10, 8, 11),  # the end is nearer than any warning can be
        (6, 2, 6),  # what is kept for days only is not told of later
        (10, 2, None),  # the usual warning comes in time
        (181, 20, None),  # it stays longer than he was told
    ],
)
def test_a_closed_application_whose_period_became_shorter_goes_after_a_warning(
    days: int, now: int, stays_until: int | None
) -> None:
    who, programme, when = person(STATES["rejected"]), kept_for(rejected_days=days), NOW + now * DAY
    found = shortened(who, PROGRAMME, programme, when)
    if stays_until is None:
        assert found.effects == ()
        return
    assert names(found)[-1] == "retention_near"
    assert dates(found.applicant, programme)[RECEIPT] == NOW + stays_until * DAY
    again = turn(found.applicant, RetentionShortened(when, dates(who)), now=when + HOUR, programme=programme)
    assert (again.applicant, again.effects) == (found.applicant, ())  # done again after a kill
    before = turn(found.applicant, FellSilent(), now=NOW + stays_until * DAY - HOUR, programme=programme)
    assert not any(isinstance(effect, Erase) for effect in before.effects)
    after = turn(found.applicant, FellSilent(), now=NOW + stays_until * DAY, programme=programme)
    assert any(isinstance(effect, Erase) for effect in after.effects)


def test_photos_and_earlier_applications_are_spared_and_named_too_when_their_period_becomes_shorter() -> None:
    who = person(STATES["approved"], past=(earlier("UX-OLD", -20),))
    programme, now = kept_for(photo_days=1, rejected_days=5), NOW + 2 * DAY
    found = shortened(who, PROGRAMME, programme, now)
    assert names(found) == ["photos_near", "retention_near"]
    for language in PROGRAMME.languages:
        for say in found.effects:
            if isinstance(say, Say):
                assert {"en": "7 March", "zh": "3月7日"}[language] in WORDING.message(say, language)
    assert dates(found.applicant, programme)[PHOTOS] == now + NOTICE
    assert life(found.applicant, programme, now)[:2] == ["5: UX-OLD forgotten", "5: photo gone"]


def test_a_reminder_shortly_before_the_new_end_is_no_warning() -> None:
    """Told of day 30 by the first reminder; at hour 95 the period becomes five days."""
    first = turn(person(STATES["confirming"]), FellSilent(), now=NOW + DAY).applicant
    now, programme = NOW + 95 * HOUR, kept_for(draft_days=5)
    found = shortened(first, PROGRAMME, programme, now)
    assert names(found) == ["reminder"]
    assert dates(found.applicant, programme)[DRAFT] == now + NOTICE
    assert life(found.applicant, programme, now) == ["7: draft_expired", "7: photo gone", "12: erased"]


def test_an_empty_account_too_goes_no_sooner_than_was_said_without_a_word() -> None:
    programme, now = kept_for(draft_days=3), NOW + 10 * DAY
    found = shortened(person(Fresh()), PROGRAMME, programme, now)
    assert names(found) == ["account_near"]
    assert life(found.applicant, programme, now) == ["13: erased"]


# no announcement


@pytest.mark.parametrize("state", ["confirming", "confirming a recalled one", "rejected"])
def test_what_nobody_could_be_told_in_time_stays_until_he_was(state: str) -> None:
    """The bot did not run from before the first word until after the end."""
    happened = life(person(STATES[state]), start=NOW + 300 * DAY)
    assert happened[0] in {"300: reminder", "300: retention_near"}
    assert not any(one.startswith("300") for one in happened[1:])
    assert happened[1].split(": ")[0] == "303"


def test_a_period_that_became_longer_is_announced_anew() -> None:
    who = turn(person(STATES["rejected"]), FellSilent(), now=NOW + 177 * DAY - HOUR).applicant
    assert RECEIPT in who.announced
    longer = kept_for(rejected_days=365, photo_days=365)
    assert life(who, longer, NOW + 178 * DAY) == ["362: retention_near", "365: erased"]


@pytest.mark.parametrize(
    ("hours", "days", "heard"),
    [
        ((), 30, ["27: reminder", "30: draft_expired"]),
        ((700,), 30, ["27: reminder", "30: draft_expired"]),
        ((24,), 5, ["1: reminder", "5: draft_expired"]),
        ((), 1, ["1: draft_expired"]),  # `intake check` says so
    ],
)
def test_a_draft_that_no_reminder_names_in_time_is_announced(
    hours: tuple[int, ...], days: int, heard: list[str]
) -> None:
    assert life(person(STATES["confirming"]), kept_for(hours, draft_days=days))[: len(heard)] == heard


def test_who_answered_a_reminder_is_announced_the_new_end() -> None:
    """No third reminder; but nothing goes without a word."""
    who = person(STATES["confirming"])
    for _ in range(2):
        due = due_at(PROGRAMME, who)
        assert due is not None
        who = turn(who, FellSilent(), now=due).applicant
    who = turn(who, HelpAsked(), now=NOW + 10 * DAY).applicant
    assert life(who, start=NOW + 10 * DAY)[:2] == ["37: reminder", "40: draft_expired"]


def test_settings_under_which_things_go_without_a_word_are_known() -> None:
    assert list(unannounced(PROGRAMME)) == []
    assert list(unannounced(kept_for((), draft_days=6, photo_days=7))) == [("draft_days", 6)]
    assert list(unannounced(kept_for((72,), draft_days=5, photo_days=6))) == [
        ("draft_days", 5),
        ("photo_days", 6),
    ]
    assert list(unannounced(kept_for((48,), draft_days=5, rejected_days=1))) == [("rejected_days", 1)]


@pytest.mark.parametrize("state", STATES)
def test_at_rest_nobody_is_told_anything_and_only_what_was_announced_goes(state: str) -> None:
    past = (earlier("UX-OLD", -400),)
    who = person(STATES[state], past=past)
    now = NOW + 1000 * DAY
    assert turn(who, FellSilent(at_rest=True), now=now).effects == ()
    told = {thing: Announced(goes_at=NOW + 900 * DAY, told_at=NOW) for thing in (RECEIPT, "UX-OLD", DRAFT)}
    who = who.model_copy(update={"announced": told})
    found = turn(who, FellSilent(at_rest=True), now=now)
    assert not [one for one in found.effects if isinstance(one, Say)]
    is_settled = isinstance(who.state, Settled)
    assert any(isinstance(one, Erase) for one in found.effects) == is_settled
    assert (ForgetApplication("UX-OLD") in found.effects) == (not is_settled)


# what waits for one who has blocked the bot


def test_what_waits_to_be_said_and_does_not_hold_any_more_is_not_said() -> None:
    first = turn(person(STATES["confirming"]), FellSilent(), now=NOW + DAY)
    assert [one for one in first.effects if isinstance(one, Unsay)] == []
    second = turn(first.applicant, FellSilent(), now=NOW + 4 * DAY)
    assert Unsay(DRAFT) in second.effects  # the newer stands for it
    for event, now in ((HelpAsked(), NOW + 20 * DAY), (FellSilent(), NOW + 30 * DAY)):
        found = turn(second.applicant, event, now=now)
        assert Unsay(DRAFT) in found.effects
        assert DRAFT not in found.applicant.announced
    again = turn(found.applicant, HelpAsked(), now=now + DAY)
    assert [one for one in again.effects if isinstance(one, Unsay)] == []


def test_a_record_of_an_earlier_version_keeps_what_it_had_promised() -> None:
    for state, thing in (("drafting", DRAFT), ("rejected", RECEIPT)):
        old = person(STATES[state]).model_dump(mode="json")
        del old["announced"]
        old["spared_until"] = (NOW + 400 * DAY).isoformat()
        old["state"]["warned"] = True
        assert dates(Applicant.model_validate(old))[thing] == NOW + 400 * DAY


# any way


@dataclass(frozen=True, slots=True)
class Telling:
    """He was told that something goes then, by a word of the bot or at his question."""

    goes_at: datetime
    told_at: datetime
    is_word: bool


periods = st.sampled_from([1, 2, 3, 4, 6, 7, 8, 10, 30, 90, 365])
spans = st.sampled_from([0.0, 0.01, 0.5, 1.0, 2.0, 2.96, 3.0, 4.0, 7.0, 29.0, 31.0, 100.0])


class ToldBefore(RuleBasedStateMachine):
    """One person, his reviewers, the clock, and an operator who changes periods, stops the bot and restores backups.

    What he was told is kept here from the messages alone, and of each thing the longest period since it began.
    """

    def __init__(self) -> None:
        super().__init__()
        self.programme = PROGRAMME
        self.now = NOW
        self.who = person()
        self.told: dict[str, list[Telling]] = defaultdict(list)
        self.longest: dict[tuple[str, str], timedelta] = {}
        self.waiting: list[Say] = []  # as long as he has blocked the bot
        self.has_blocked = False
        self.restored_at = NOW - 1000 * DAY
        self.backup: Applicant | None = None
        self.count = 0

    @initialize(
        state=st.sampled_from(sorted(STATES)),
        past=st.lists(
            st.tuples(st.sampled_from(["approved", "rejected", "withdrawn"]), st.integers(0, 400)), max_size=2
        ),
        days=st.lists(periods, min_size=5, max_size=5),
    )
    def begin(self, state: str, past: list[tuple[str, int]], days: list[int]) -> None:
        self.programme = self._with(days, (24, 96))
        before = tuple(earlier(f"UX-{place}", -age, outcome) for place, (outcome, age) in enumerate(past))
        self.who = person(STATES[state], past=before)
        self.note_periods()

    def _with(self, days: list[int], hours: tuple[int, ...]) -> Programme:
        return kept_for(hours, **dict(zip(Retention.model_fields, days, strict=True)))

    # the clock

    @rule(days=spans, late=st.sampled_from([0, 1, 59]))
    def time_passes(self, days: float, late: int) -> None:
        """The bot runs, and looks each minute."""
        end = self.now + days * DAY
        for _ in range(60):
            due = due_at(self.programme, self.who)
            if due is None or due > end:
                break
            self.now = max(self.now, due) + timedelta(seconds=late)
            if self.happen(FellSilent()):
                break
        else:
            raise AssertionError("the clock has ever more to say")
        self.now = max(self.now, end)

    @rule(days=spans)
    def bot_is_down(self, days: float) -> None:
        self.now += days * DAY

    @rule(days=spans)
    def what_is_due_is_erased_at_rest(self, days: float) -> None:
        self.now += days * DAY
        for _ in range(3):
            self.happen(FellSilent(at_rest=True))

    # the operator

    @rule(
        days=st.lists(periods, min_size=5, max_size=5),
        hours=st.sampled_from([(), (24,), (24, 96), (700,)]),
        is_killed=st.booleans(),
    )
    def other_periods_apply(self, days: list[int], hours: tuple[int, ...], is_killed: bool) -> None:
        self.now += timedelta(minutes=1)
        before, self.programme, began = self.programme, self._with(days, hours), self.now
        for _ in range(1 + is_killed):
            was = dates(self.who, before)
            if told_sooner(self.programme, self.who, was, began, self.now):
                self.happen(RetentionShortened(began, was))
            self.now += HOUR
        self.note_periods()

    @rule()
    def backup_is_made(self) -> None:
        self.backup = self.who

    @precondition(lambda self: self.backup is not None)
    @rule(later=st.sampled_from([0.0, 0.1, 5.0]))
    def backup_is_restored(self, later: float) -> None:
        """What he was told since is not known; the bot starts some time after."""
        assert self.backup is not None
        self.now += timedelta(minutes=1)
        self.who, self.restored_at, self.waiting = self.backup, self.now, []
        there = set(dates(self.who, self.programme)) - {
            ACCOUNT
        }  # an empty one is looked after by what is known
        self.longest = {key: span for key, span in self.longest.items() if key[0] in there}
        self.told = defaultdict(list, {thing: one for thing, one in self.told.items() if thing in there})
        self.note_periods()
        self.now += later * DAY
        if told_anew(self.programme, self.who, self.restored_at, self.now):
            self.happen(DataRestored(self.restored_at))

    # he himself, and reviewers

    @rule(
        event=st.sampled_from([DataAsked(), HelpAsked(), Continued(), Withdrew(), DraftDeleted(), Recalled()])
    )
    def does_something(self, event: Event) -> None:
        self.has_blocked, self.waiting = False, []
        self.happen(event)

    @rule()
    def asks_for_his_data(self) -> None:
        self.does_something(DataAsked())

    @rule()
    def blocks_the_bot(self) -> None:
        self.has_blocked = True

    @precondition(lambda self: isinstance(self.who.state, Unsubmitted))
    @rule()
    def fills_in_the_form_and_submits(self) -> None:
        recalled = self.who.state.draft.recalled  # type: ignore[union-attr]
        full = Confirming(draft=FILLED.model_copy(update={"recalled": recalled}))
        self.who = person(
            full,
            past=self.who.past,
            announced=self.who.announced,
            reminded=self.who.reminded,
            heard_at=self.now,
        )
        self.does_something(Submitted())

    @precondition(lambda self: isinstance(self.who.state, Waiting))
    @rule()
    def is_decided_on(self) -> None:
        self.happen(Approved(ANA), pressed=True)
        state = self.who.state
        assert isinstance(state, Deciding)
        self.now = state.tell_at
        self.happen(UndoWindowPassed(state.application.receipt, state.application.round))

    # carrying it out

    def happen(self, event: Event, *, pressed: bool = False) -> bool:
        """Whether nothing is left of him: then the next one comes."""
        self.count += 1
        before = self.who
        had = {one.thing for one in goings(self.programme, before)}
        found = turn(
            before, event, pressed=pressed, now=self.now, programme=self.programme, fresh=f"{self.count:08d}"
        )
        self.who = found.applicant
        is_erased = any(isinstance(one, Erase) for one in found.effects)
        if isinstance(event, FellSilent | RetentionShortened | DataRestored):
            has = set() if is_erased else {one.thing for one in goings(self.programme, self.who)}
            for thing in had - has:
                if (thing, isinstance(self.who.state, Settled)) != (ACCOUNT, True):
                    self.check_gone(thing, before)
            assert isinstance(event, FellSilent) or had == has
        elif had:
            self.told[DRAFT], self.told[ACCOUNT] = [], []  # his silence begins anew
        for effect in found.effects:
            match effect:
                case Unsay(about=about):
                    self.waiting = [one for one in self.waiting if one.about != about]
                case Say(name="mydata"):
                    self.note_answer(effect)
                case Say() if effect.about:
                    self.note_word(effect)
                    assert not (isinstance(event, FellSilent) and event.at_rest)
        if is_erased:
            self.who = person(heard_at=self.now)
            self.told.clear()
            self.longest.clear()
            self.waiting, self.backup = [], None
        there = {one.thing for one in goings(self.programme, self.who)}
        is_his = not isinstance(event, FellSilent | RetentionShortened | DataRestored)
        over = (had - there) | ({DRAFT} if is_his else set())
        self.longest = {key: span for key, span in self.longest.items() if key[0] not in over}
        for thing in had - there:
            self.told.pop(thing, None)
        self.note_periods()
        return is_erased

    def note_word(self, say: Say) -> None:
        self.told[say.about].append(Telling(say.values["goes_at"], self.now, is_word=True))
        if self.has_blocked:
            self.waiting.append(say)

    def note_answer(self, say: Say) -> None:
        state, values = self.who.state, say.values
        if values["goes_at"]:
            main = (
                state.closed.receipt if isinstance(state, Settled) else DRAFT if draft_of(state) else ACCOUNT
            )
            self.told[main].append(Telling(values["goes_at"], self.now, is_word=False))
        if isinstance(state, Settled) and values["has_photos"]:
            at = values["photos_go_at"] or values["goes_at"]
            self.told[PHOTOS].append(Telling(at, self.now, is_word=False))
        for one, at in values["past"]:
            self.told[one.receipt].append(Telling(at, self.now, is_word=False))

    def note_periods(self) -> None:
        retention = self.programme.retention
        for one in goings(self.programme, self.who):
            if one.what in {"draft", "account"}:
                time = timedelta(days=retention.draft_days)
            else:
                time = self.programme.keep(one.outcome)
            if one.what == "photos":
                time = min(time, timedelta(days=retention.photo_days))
            began = one.thing, one.outcome  # with another outcome it begins anew, and he is told so
            if began not in self.longest:
                self.longest = {key: span for key, span in self.longest.items() if key[0] != one.thing}
                self.told.pop(one.thing, None)
            self.longest[began] = max(time, self.longest.get(began, time))

    # what must hold

    def check_gone(self, thing: str, before: Applicant) -> None:
        """Every day he was told is kept, or he was told another one in time; and he was told one, in time, of all that
        was ever kept for a week."""
        tellings = list(self.told[thing])
        if thing == PHOTOS and isinstance(before.state, Settled):
            tellings += self.told[before.state.closed.receipt]  # they go with the rest, or sooner
        in_time = [one for one in tellings if one.goes_at <= self.now and one.told_at <= self.now - NOTICE]
        for one in self.told[thing]:
            if one.goes_at > self.now:
                assert any(other.told_at >= one.told_at for other in in_time), (thing, tellings)
        longest = next(span for key, span in self.longest.items() if key[0] == thing)
        if thing != ACCOUNT and longest >= BRIEF:
            words = [one for one in in_time if one.is_word and one.told_at >= self.restored_at]
            assert words, (thing, tellings, self.now)

    @invariant()
    def what_waits_to_be_said_holds(self) -> None:
        assert len({one.about for one in self.waiting}) == len(self.waiting)
        for one in self.waiting:
            assert self.who.announced[one.about].goes_at == one.values["goes_at"]

    @invariant()
    def what_is_announced_is_there(self) -> None:
        things = {one.thing for one in goings(self.programme, self.who)}
        assert set(self.who.announced) <= things

    def teardown(self) -> None:
        """Everything goes at last, once the bot runs and nobody is heard of."""
        if isinstance(self.who.state, Open):
            self.happen(Withdrew())
        end = self.now + 2 * sum(self.programme.retention.model_dump().values()) * DAY + 30 * DAY
        while self.now < end:
            due = due_at(self.programme, self.who)
            assert due is not None and due <= end, self.who
            self.now = max(self.now, due)
            found = turn(self.who, FellSilent(), now=self.now, programme=self.programme)
            if any(isinstance(one, Erase) for one in found.effects):
                return
            assert found.applicant != self.who  # something came of it
            self.happen(FellSilent())
        raise AssertionError("he is kept for ever")


TestToldBefore = ToldBefore.TestCase
TestToldBefore.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, report_multiple_bugs=False
)
