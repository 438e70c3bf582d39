"""Any event in any state, in any order, while the form changes: what must hold whatever happens."""

import dataclasses
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.wording import TEXT_LIMIT, visible_length
from conversations import Applicant, Scene, Turn, advance
from conversations.application import Answer as KeptAnswer
from conversations.application import Application, Chosen, Picture, Reviewer, photo_ids
from conversations.asking import asking_of, key_of
from conversations.effects import (
    Answer,
    Audit,
    Button,
    DropPhotos,
    Erase,
    FetchPhoto,
    KeepPhoto,
    RecordConsent,
    Redraw,
    Refresh,
    Say,
    Wake,
)
from conversations.events import (
    FORM_PRESSES,
    PRESSES,
    REVIEW_PRESSES,
    TIMELESS,
    AgreementDeclined,
    AnswerFlagged,
    CameEarly,
    ConsentRefused,
    Continued,
    DraftDeleted,
    ErasureConfirmed,
    Event,
    FellSilent,
    FormDecided,
    MessageEdited,
    PhotoArrived,
    PhotoChecked,
    PhotoOpened,
    PressOutdated,
    QuestionOpened,
    QuestionSent,
    QuestionWritten,
    ReasonMarked,
    Rejected,
    RejectionOpened,
    Replied,
    ReturnOpened,
    ReviewEvent,
    Rushed,
    Skipped,
    SomethingElse,
    StalePressed,
    Started,
    ToldNow,
    UndoWindowPassed,
    UnknownCommand,
    Withdrew,
    WordsWritten,
)
from conversations.keeping import due_at
from conversations.prompts import is_agreed
from conversations.state import (
    Checking,
    Confirming,
    Deciding,
    Drafting,
    Fresh,
    Rejecting,
    Settled,
    Waiting,
    application_of,
    draft_of,
)
from conversations.talking import MOST_UNANSWERED
from tests.conversations.test_rules import forms
from tests.conversations.world import (
    ANA,
    APPLICATION,
    BEN,
    CARDS,
    CHANGES,
    FAR_CHAT,
    FAR_GROUP,
    FORMS,
    HIMSELF,
    NOW,
    PROGRAMME,
    SIGNER,
    STATES,
    buttons,
    person,
    worded,
)
from tests.ledger import Ledger

GOOD = {
    "full_name": "Mei Okafor",
    "email": "mei.okafor@example.edu",
    "university": "Lakeshore University",
    "status": "Doctoral student",
    "department": "Linguistics",
    "api_purpose": "I compare how well models transcribe languages.",
    "homepage": "https://people.example.edu/okafor",
    "scenarios": "Two students run it.",
}
LEAVE = (DraftDeleted, Withdrew, ErasureConfirmed, FellSilent)  # the ways on which answers may go
args = st.sampled_from(
    ["", "on", "off", "0", "99", "²", "other", "doctoral", "back", "zh", "en", "agreement", "identity_photo"]
)
reviewers = st.sampled_from([ANA, ANA, BEN, HIMSELF])
words = st.sampled_from(["MIT", "ok", "/", "a@b", "https://", "2", "<b>&{{ 7*7 }}", "学生", "x" * 4096])


def event_of(verb: str, arg: str) -> Event:
    """The event a press stands for, made as the receiver of presses makes it."""
    kind = PRESSES[verb]
    return kind(*(arg,) * len(dataclasses.fields(kind)))


def held_answers(who: Applicant) -> dict[str, KeptAnswer]:
    """The answers that are to survive: those of the questions as the form stands are compared later."""
    draft, application = draft_of(who.state), application_of(who.state)
    return dict(draft.answers if draft else application.answers if application else {})


def is_returned(who: Applicant) -> bool:
    draft = draft_of(who.state)
    return draft is not None and draft.returned is not None


class AnyWay(RuleBasedStateMachine):
    """One person, his reviewers, the clock, and an operator who changes the form."""

    def __init__(self) -> None:
        super().__init__()
        self.programme = PROGRAMME
        self.now: datetime = NOW
        self.who = person()
        self.offered: list[Button] = []
        self.fetching: list[FetchPhoto] = []
        self.wakes: list[Wake] = []
        self.photos: set[str] = set()
        self.told: set[str] = set()
        self.rounds: dict[str, tuple[int, int]] = {}
        self.ledger = Ledger()
        self.count = 0

    @initialize(start=st.sampled_from(sorted(STATES)), language=st.sampled_from(PROGRAMME.languages))
    def stands_somewhere(self, start: str, language: str) -> None:
        self.who = person(STATES[start], language=language)
        self.ledger = Ledger.of(self.who)
        application, draft = application_of(self.who.state), draft_of(self.who.state)
        self.photos = set(photo_ids(draft.answers if draft else application.answers if application else {}))
        if isinstance(self.who.state, Deciding):
            self.wakes = [Wake(NOW, APPLICATION.receipt, APPLICATION.round)]
        if application or (draft and draft.recalled):
            self.rounds = {APPLICATION.receipt: (APPLICATION.revision, APPLICATION.round)}

    # what happens

    @rule(steps=st.integers(1, 14))
    def goes_the_right_way(self, steps: int) -> None:
        """What a willing person does next: without this, long ways would be rare."""
        for _ in range(steps):
            self.go_on()

    def go_on(self) -> None:
        state = self.who.state
        match state.kind:
            case "reading":
                self.press("tick", "on")
                self.press("go")
            case "consenting":
                self.press("agree", state.consent)
            case "drafting" if state.question == "identity":
                self.happen(PhotoArrived("file", 1000))
            case "drafting":
                self.happen(Replied("somebody" if state.part else GOOD[state.question]))
            case "checking" if self.fetching:
                self.photo_is_checked(refused=False, warned=False)
            case "checking":
                self.happen(event_of("back", ""))
            case "confirming":
                self.press("submit")
            case "waiting" | "rejecting" | "deciding":
                self.happen(Replied("hello"))
            case _:
                self.happen(Started())

    @rule(text=words | st.text(max_size=40))
    def types(self, text: str) -> None:
        self.happen(Replied(text))

    @rule(
        event=st.sampled_from(
            [
                Started("x"),
                MessageEdited(),
                SomethingElse("sticker"),
                CameEarly(),
                CameEarly(on_its_way=True),
                Rushed(),
                UnknownCommand(),
            ]
        )
    )
    def does_something_else(self, event: Event) -> None:
        self.happen(event)

    @rule(verb=st.sampled_from(sorted(PRESSES)), arg=args)
    def gives_any_command(self, verb: str, arg: str) -> None:
        """Whether as a command or as a press that passed the checks: it must be answered."""
        self.happen(event_of(verb, arg))

    @rule(verb=st.sampled_from(sorted(PRESSES)), arg=args)
    def presses_anything(self, verb: str, arg: str) -> None:
        self.press(verb, arg)

    @rule(verb=st.sampled_from(["submit", "submit", "recall", "leave"]))
    def presses_what_matters(self, verb: str) -> None:
        """More often than chance would have it."""
        self.press(verb)

    @rule()
    def presses_an_old_button(self) -> None:
        turn = self.happen(StalePressed(), pressed=True)
        assert [effect.name for effect in turn.effects if isinstance(effect, Answer)] == ["stale"]

    @precondition(lambda self: bool(self.offered))
    @rule(place=st.integers(0, 40))
    def presses_what_is_offered(self, place: int) -> None:
        button = self.offered[place % len(self.offered)]
        turn = self.press(button.verb, button.arg)
        found = [effect.name for effect in turn.effects if isinstance(effect, Answer)]
        assert found != ["stale"] and found != ["not_now"], (button, self.who.state)

    @rule(album=st.sampled_from(["", "", "album"]), size=st.sampled_from([0, 1000, 30 * 2**20]))
    def sends_a_photo(self, album: str, size: int) -> None:
        self.happen(PhotoArrived("file", size, album=album))

    @precondition(lambda self: bool(self.fetching))
    @rule(refused=st.booleans(), warned=st.booleans())
    def photo_is_checked(self, refused: bool, warned: bool) -> None:
        fetch = self.fetching.pop(0)
        self.count += 1
        warnings = ("photo_dark", "photo_small") if warned else ()
        picture = Picture(photo_id=f"p{self.count}", width=800, height=600, warnings=warnings)
        if refused:
            outcome = PhotoChecked(fetch.question, fetch.part, fetch.attempt, None, "photo_pdf_locked")
        else:
            outcome = PhotoChecked(fetch.question, fetch.part, fetch.attempt, picture)
        self.happen(outcome)

    @precondition(lambda self: isinstance(self.who.state, Checking))
    @rule()
    def sends_another_photo_before_the_first_is_checked(self) -> None:
        self.happen(PhotoArrived("another", 1000))

    @precondition(
        lambda self: isinstance(self.who.state, Waiting) and not self.who.state.application.claimed_by
    )
    @rule()
    def a_decision_is_undone_and_taken_again(self) -> None:
        for verb in ("approve", "undo", "approve"):
            self.review(REVIEW_PRESSES[verb](ANA))

    @rule(verb=st.sampled_from(sorted(REVIEW_PRESSES)), by=reviewers, arg=st.sampled_from(["duplicate", "x"]))
    def reviews(self, verb: str, by: Reviewer, arg: str) -> None:
        kind = REVIEW_PRESSES[verb]
        self.review(Rejected(by, arg) if kind is Rejected else kind(by))

    @rule(by=reviewers, verb=st.sampled_from(["approve", "reject"]))
    def decides(self, by: Reviewer, verb: str) -> None:
        self.review(REVIEW_PRESSES[verb](by))

    @rule(by=reviewers)
    def opens_a_form(self, by: Reviewer) -> None:
        self.happen(RejectionOpened(by, chat_id=99))

    @rule(by=reviewers)
    def opens_the_form_of_a_return(self, by: Reviewer) -> None:
        self.happen(ReturnOpened(by, chat_id=99))

    @rule(event=st.sampled_from([*forms(ANA), *forms(BEN), *forms(HIMSELF)]))
    def does_something_to_a_form(self, event: ReviewEvent) -> None:
        turn = self.review(event)
        if isinstance(event, QuestionSent):
            return
        if not isinstance(turn.applicant.state, Deciding):  # the group sees nothing of it
            assert not any(isinstance(effect, Refresh) for effect in turn.effects) or isinstance(
                turn.applicant.state, Settled
            )

    @precondition(lambda self: isinstance(self.who.state, Waiting | Rejecting))
    @rule(
        by=reviewers, reason=st.sampled_from(["duplicate", "incomplete"]), words=st.sampled_from(["", "hm"])
    )
    def decides_by_a_form(self, by: Reviewer, reason: str, words: str) -> None:
        self.happen(RejectionOpened(by, chat_id=99))
        self.review(ReasonMarked(by, f"+{reason}"))
        if words:
            self.happen(WordsWritten(by, words, 99, 5))
        self.review(FormDecided(by, "rejected"))

    @precondition(lambda self: isinstance(self.who.state, Waiting | Rejecting))
    @rule(
        by=st.sampled_from([ANA, BEN]),
        questions=st.sets(st.sampled_from([question.key for question in PROGRAMME.questions]), min_size=1),
        is_told=st.booleans(),
    )
    def returns_it(self, by: Reviewer, questions: set[str], is_told: bool) -> None:
        self.happen(ReturnOpened(by, chat_id=99))
        for question in sorted(questions):
            self.review(AnswerFlagged(by, f"+{question}"))
        self.happen(WordsWritten(by, "Once more, please.", 99, 5))
        self.review(FormDecided(by, "returned"))
        if is_told:
            self.review(ToldNow(by))

    @precondition(lambda self: is_returned(self.who))
    @rule(key=st.sampled_from(sorted({*GOOD, "identity"})), side=st.booleans())
    def tries_to_change_any_answer(self, key: str, side: bool) -> None:
        self.press("edit", key)
        if side:
            self.press("side", "back")
        if isinstance(self.who.state, Drafting) and self.who.state.question == key:
            self.happen(PhotoArrived("x", 9)) if key == "identity" else self.happen(
                Replied("Some other words")
            )

    @precondition(lambda self: is_returned(self.who))
    @rule(number=st.integers(0, 9), mends=st.booleans())
    def looks_at_what_was_returned(self, number: int, mends: bool) -> None:
        draft = draft_of(self.who.state)
        assert draft is not None and draft.returned is not None
        question = draft.returned.questions[number % len(draft.returned.questions)]
        self.press("edit", question)
        if isinstance(self.who.state, Drafting) and self.who.state.question == question:
            if question == "identity":
                self.happen(PhotoArrived("another", 1000)) if mends else self.press("same")
            else:
                self.happen(Replied(f"{GOOD[question]}")) if mends else self.press("same")

    @rule(by=reviewers)
    def presses_an_outdated_card(self, by: Reviewer) -> None:
        self.review(PressOutdated(by))

    @rule(by=reviewers)
    def comes_for_the_photo(self, by: Reviewer) -> None:
        self.happen(PhotoOpened(by, chat_id=99))

    @precondition(lambda self: bool(self.wakes))
    @rule(early=st.booleans())
    def undo_window_passes(self, early: bool) -> None:
        wake = self.wakes.pop(0)
        if not early:
            self.now = max(self.now, wake.at)
        self.happen(UndoWindowPassed(wake.receipt, wake.round))

    @rule(span=st.sampled_from([0, 0, 1, 1, 25, 24 * 8, 24 * 31]))
    def time_passes(self, span: int) -> None:
        """Hours. What is due by the clock happens, once."""
        self.now += timedelta(hours=span)
        due = due_at(self.programme, self.who)
        if due is not None and due <= self.now:
            self.happen(FellSilent())

    @rule(
        change=st.sampled_from(sorted(CHANGES)),
        key=st.sampled_from([question.key for question in PROGRAMME.questions if question.key != "status"]),
        submits=st.booleans(),
    )
    def operator_changes_the_form(self, change: str, key: str, submits: bool) -> None:
        self.programme = CHANGES[change](self.programme, key)
        self.offered = []  # what was offered belongs to the old form
        if submits and isinstance(self.who.state, Confirming):
            self.press("submit")

    # carrying it out

    def press(self, verb: str, arg: str = "") -> Turn:
        return self.happen(event_of(verb, arg), pressed=True)

    def review(self, event: ReviewEvent) -> Turn:
        return self.happen(event, pressed=True)

    def happen(self, event: Event, *, pressed: bool = False) -> Turn:
        self.count += 1
        before = self.who
        scene = Scene(self.programme, before, self.now, f"{self.count:08d}", pressed)
        turn = advance(scene, event)
        after = turn.applicant
        assert Applicant.model_validate_json(after.model_dump_json()) == after
        answers = [effect for effect in turn.effects if isinstance(effect, Answer)]
        assert len(answers) == 1 if pressed else len(answers) <= 1
        for effect in turn.effects:
            for language in PROGRAMME.languages:
                worded(effect, language, after.step)
        if isinstance(after.state, Waiting) and isinstance(before.state, Confirming):
            self.check_submission(before, turn)
        self.check_answers_kept(before, after, event)
        self.check_decisions(before, turn)
        self.check_returned(before, after)
        self.check_results(before, after, event)
        self.carry(before, turn)
        self.who = Applicant.model_validate_json(after.model_dump_json())
        return turn

    def carry(self, before: Applicant, turn: Turn) -> None:
        self.ledger.take(turn.effects, self.now)
        if turn.applicant.step != before.step:
            self.offered = [button for button in self.offered if button.verb in TIMELESS]
        for effect in turn.effects:
            match effect:
                case KeepPhoto():
                    self.photos.add(effect.picture.photo_id)
                case DropPhotos():
                    self.photos -= set(effect.photo_ids)
                case FetchPhoto():
                    self.fetching.append(effect)
                case Wake():
                    self.wakes.append(effect)
                case Say() | Redraw():
                    self.offered += buttons(effect)
        for effect in turn.effects:
            if isinstance(effect, Erase):
                self.start_anew(effect)
                return

    def start_anew(self, effect: Erase) -> None:
        """Everything of him is gone but the time until which he is barred."""
        self.photos, self.offered = set(), []

    # what must hold

    def check_submission(self, before: Applicant, turn: Turn) -> None:
        """Nothing is submitted without every required answer and every required consent."""
        state = turn.applicant.state
        assert isinstance(state, Waiting)
        application = state.application
        draft = draft_of(before.state)
        assert draft is not None
        scene = Scene(self.programme, before, self.now)
        for question in self.programme.asked(draft):
            answer = application.answers.get(question.key)
            assert answer is not None or (not question.required and question.key in application.skipped)
            assert answer is None or self.programme.fits(question, answer, draft)
        for consent in self.programme.consents:
            places = {question.key for question in self.programme.asked(draft)} | {"start"}
            if consent.required and consent.before in places:
                assert is_agreed(scene, consent), consent.key
        acts = [effect.record.act for effect in turn.effects if isinstance(effect, RecordConsent)]
        assert acts == ["submit_application"]
        if draft.recalled:
            assert application.receipt == draft.recalled.receipt
            assert application.revision == draft.recalled.revision + 1
        else:
            assert application.receipt not in self.rounds

    def check_answers_kept(self, before: Applicant, after: Applicant, event: Event) -> None:
        """An answer changes only by another answer to the same question, and goes only when he says so."""
        if isinstance(event, LEAVE) or (isinstance(before.state, Settled) and isinstance(event, Continued)):
            return
        had, has = held_answers(before), held_answers(after)
        if isinstance(event, AgreementDeclined | ConsentRefused) and len(after.agreed) < len(before.agreed):
            had = {key: one for key, one in had.items() if one.kind != "pictured" or key in has}
        at = before.state.question if before.state.kind in {"drafting", "checking"} else ""
        may = {at} if isinstance(event, Replied | Skipped | PhotoChecked) or event.verb == "pick" else set()
        if isinstance(after.state, Waiting):
            draft = draft_of(before.state)
            had = self.programme.kept(draft) if draft else had
        assert {key: has.get(key) for key in had if key not in may} == {
            key: answer for key, answer in had.items() if key not in may
        }, event

    def check_decisions(self, before: Applicant, turn: Turn) -> None:
        """At most one decision stands; each is told once; counters only rise."""
        after = turn.applicant
        for effect in turn.effects:
            if isinstance(effect, Audit) and effect.action == "told":
                assert effect.detail.split(" ")[0] == getattr(application_of(before.state), "receipt", "")
                assert isinstance(before.state, Deciding)
                if before.state.decision.outcome == "returned":
                    assert isinstance(after.state, Confirming)
                    assert after.state.draft.returned == before.state.decision
                    continue
                assert isinstance(after.state, Settled)
                assert after.state.decision == before.state.decision
                assert before.state.application.receipt not in self.told
                self.told.add(before.state.application.receipt)
        if isinstance(before.state, Deciding) and isinstance(after.state, Deciding):
            assert after.state.decision == before.state.decision
        application = application_of(after.state)
        if application is not None:
            self.check_counters(application)

    def check_returned(self, before: Applicant, after: Applicant) -> None:
        """A returned application is never decided, and only what was asked for changes; but for what no longer fits."""
        had, has = draft_of(before.state), draft_of(after.state)
        if had is None or had.returned is None or had.recalled is None:
            return
        assert not isinstance(after.state, Rejecting | Deciding)
        answers = has.answers if has else getattr(application_of(after.state), "answers", {})
        if isinstance(after.state, Settled):
            assert after.state.closed.outcome == "withdrawn"
            return
        for question in self.programme.asked(had):
            if question.key in had.returned.questions or not self.programme.is_settled(question, had):
                continue
            was = had.answers.get(question.key)
            if question.key == "identity" and len(after.agreed) < len(before.agreed):
                continue  # the consent that it stood on has ended
            if was == had.recalled.answers.get(question.key):
                assert answers.get(question.key) == was or isinstance(after.state, Fresh), question.key
        if isinstance(after.state, Waiting):
            asked = {question.key for question in self.programme.asked(had)}
            assert {*had.returned.questions} & asked <= {*had.done}
            assert after.state.application.claimed_by == had.returned.by
            assert after.state.application.returned is not None

    def check_results(self, before: Applicant, after: Applicant, event: Event) -> None:
        """What nobody waits for any more changes nothing; what was submitted ends only as an application."""
        match event, before.state:
            case PhotoChecked(attempt=attempt), Checking(attempt=awaited) if attempt != awaited:
                assert after.state == before.state
            case UndoWindowPassed(receipt=receipt, round=round_), Deciding(application=application):
                if (receipt, round_) != (application.receipt, application.round):
                    assert after.state == before.state
            case Withdrew(), state if (draft := draft_of(state)) and draft.recalled:
                assert isinstance(after.state, Settled)
                assert after.state.closed.receipt == draft.recalled.receipt

    def check_counters(self, application: Application) -> None:
        counters = (application.revision, application.round)
        last = self.rounds.get(application.receipt, (0, 0))
        assert counters[0] >= last[0] and counters[1] >= last[1]
        self.rounds[application.receipt] = counters

    @invariant()
    def stored_photos_are_those_referred_to(self) -> None:
        draft, application = draft_of(self.who.state), application_of(self.who.state)
        held = photo_ids(draft.answers) if draft else photo_ids(application.answers) if application else set()
        recalled = photo_ids(draft.recalled.answers) if draft and draft.recalled else set()
        assert self.photos >= held
        assert self.photos <= held | recalled

    @invariant()
    def what_stands_in_the_ledger_is_what_he_agrees_to(self) -> None:
        self.ledger.check(self.who)

    @invariant()
    def what_is_asked_exists(self) -> None:
        """A choice that is kept is one of the form's, or its question is gone or asked again."""
        state = self.who.state
        if isinstance(state, Drafting) and state.part == "other":
            assert isinstance(state.draft.answers.get(state.question, Chosen(option="other")), Chosen)

    @invariant()
    def forms_are_composed_only_while_nothing_is_decided(self) -> None:
        application = application_of(self.who.state)
        forms = application.forms if application else ()
        assert not forms or isinstance(self.who.state, Waiting | Rejecting)
        assert len({form.by.ref for form in forms}) == len(forms)
        assert HIMSELF.ref not in {form.by.ref for form in forms}

    @rule(by=reviewers, text=st.sampled_from(["Which one?", "\u200b", "x" * 1_001]), is_sent=st.booleans())
    def asks(self, by: Reviewer, text: str, is_sent: bool) -> None:
        application = application_of(self.who.state)
        before = application.talk if application else ()
        self.review(QuestionOpened(by, chat_id=99))
        self.happen(QuestionWritten(by, text, 99, 5))
        application = application_of(self.who.state)
        assert (application.talk if application else ()) == before
        asking = asking_of(application, by.ref) if application else None
        if is_sent and asking:
            turn = self.review(QuestionSent(by, str(asking.edition)))
            assert [effect.name for effect in turn.effects if isinstance(effect, Say)] == (
                ["asked"] if asking.words else []
            )

    @precondition(lambda self: isinstance(self.who.state, Waiting | Rejecting | Deciding))
    @rule(
        text=st.sampled_from(["Here it is.", "x" * 1_000, "x" * 1_001]),
        by=st.sampled_from(["pass_on", "hold_back"]),
    )
    def writes_to_the_reviewers(self, text: str, by: str) -> None:
        self.happen(Replied(text))
        self.press(by)
        assert self.who.unsent == ""

    @invariant()
    def what_was_said_stays_and_nobody_asks_himself(self) -> None:
        draft = draft_of(self.who.state)
        application = application_of(self.who.state) or (draft.recalled if draft else None)
        if application is None:
            return
        asking, talk = application.asking, application.talk
        assert not asking or isinstance(self.who.state, Waiting | Rejecting)
        assert HIMSELF.ref not in {one.by.ref for one in asking} | {one.by.ref for one in talk if one.by}
        assert len({one.by.ref for one in asking}) == len(asking)
        assert application.unanswered <= MOST_UNANSWERED
        for by in (ANA, BEN):
            body = FORMS.render(self.who, application.receipt, key_of(by.ref), FAR_CHAT, self.now)
            assert 0 < visible_length(body["text"]) <= TEXT_LIMIT
            pressed = [SIGNER.read(FAR_CHAT, one["callback_data"]) for row in body["keyboard"] for one in row]
            assert all(press is not None and press.verb in FORM_PRESSES for press in pressed)

    @invariant()
    def every_form_can_be_shown(self) -> None:
        application = application_of(self.who.state)
        if application is None:
            return
        for by in (ANA, BEN):
            body = FORMS.render(self.who, application.receipt, by.ref, FAR_CHAT, self.now)
            assert 0 < visible_length(body["text"]) <= TEXT_LIMIT
            pressed = [SIGNER.read(FAR_CHAT, one["callback_data"]) for row in body["keyboard"] for one in row]
            assert all(press is not None and press.verb in FORM_PRESSES for press in pressed)
            is_composing = any(form.by == by for form in application.forms)
            assert bool(pressed) == is_composing

    @invariant()
    def the_card_can_be_shown(self) -> None:
        state = self.who.state
        if application_of(state) is not None:
            status = state.closed.outcome if isinstance(state, Settled) else state.kind
            card = CARDS.render(state, status, FAR_GROUP)
            pressed = [
                SIGNER.read(FAR_GROUP, one["callback_data"]) for row in card["keyboard"] for one in row
            ]
            assert all(press is not None and press.verb in REVIEW_PRESSES for press in pressed)


TestAnyWay = AnyWay.TestCase
TestAnyWay.settings = settings(
    max_examples=160, stateful_step_count=50, deadline=None, report_multiple_bugs=False
)
