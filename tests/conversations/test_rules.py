"""The table itself: every event in every state, under the form as it is and as it may become."""

import dataclasses
import itertools
from datetime import timedelta

import pytest

from conversations import RULES, Applicant, BrokenRule, Turn
from conversations.application import Reviewer
from conversations.describe import everywhere, picture
from conversations.effects import Answer, Audit, Say
from conversations.events import (
    PRESSES,
    REVIEW_PRESSES,
    AnswerFlagged,
    CameEarly,
    ConsentsEnded,
    DataRestored,
    ErasureOrdered,
    Event,
    FellSilent,
    FormDecided,
    FormDropped,
    FormOutdated,
    HelpAsked,
    MessageEdited,
    PhotoArrived,
    PhotoChecked,
    PhotoOpened,
    PressOutdated,
    PreviewClosed,
    Previewed,
    QuestionDropped,
    QuestionOpened,
    QuestionSent,
    QuestionWritten,
    ReasonMarked,
    RejectionOpened,
    Replied,
    RetentionShortened,
    ReturnOpened,
    ReviewEvent,
    Rushed,
    SomethingElse,
    StalePressed,
    Started,
    UndoWindowPassed,
    UnknownCommand,
    WordsAsked,
    WordsDropped,
    WordsWritten,
)
from conversations.rules import Scene, across, on, stay, step, table
from conversations.state import ALL_STATES, Fresh, Reading, Settled
from tests.conversations.world import (
    ANA,
    APPLICATION,
    CHANGES,
    HIMSELF,
    NOW,
    PICTURE,
    PROGRAMME,
    STATES,
    person,
    turn,
    worded,
)

ARGS = (
    "",
    "on",
    "0",
    "zh",
    "agreement",
    "identity_photo",
    "doctoral",
    "other",
    "back",
    "identity",
    "nothing",
)


def presses() -> list[Event]:
    """Every press, with every argument that means something somewhere."""
    found: list[Event] = []
    for kind in PRESSES.values():
        places = len(dataclasses.fields(kind))
        found += [kind(*given) for given in itertools.product(ARGS, repeat=places)]
    return found


def reviews(by: Reviewer) -> list[Event]:
    return [
        *(kind(by) for verb, kind in REVIEW_PRESSES.items() if verb != "because"),
        *(REVIEW_PRESSES["because"](by, reason) for reason in ("duplicate", "nothing")),  # type: ignore[call-arg]
        PhotoOpened(by, chat_id=99),
        PressOutdated(by),
        RejectionOpened(by, chat_id=99),
        ReturnOpened(by, chat_id=99),
        QuestionOpened(by, chat_id=99),
        *forms(by),
        QuestionSent(by, "1"),
    ]


def forms(by: Reviewer) -> list[Event]:
    """Whatever can be done to a form."""
    marks: list[Event] = [
        ReasonMarked(by, mark) for mark in ("+duplicate", "-duplicate", "+incomplete", "+nothing", "")
    ]
    marks += [AnswerFlagged(by, mark) for mark in ("+department", "-department", "+homepage", "+nothing", "")]
    texts = ("", "x", "x" * 1_000, "x" * 1_001)
    words = [kind(by, text, 99, 5) for kind in (WordsWritten, QuestionWritten) for text in texts]
    plain = (WordsAsked, WordsDropped, Previewed, PreviewClosed, FormDropped, FormOutdated, QuestionDropped)
    return [
        *marks,
        *words,
        *(kind(by) for kind in plain),
        *(FormDecided(by, outcome) for outcome in ("rejected", "returned", "nothing")),
    ]


OTHERS: list[Event] = [
    Started(),
    Replied("x"),
    Replied("2"),
    Replied("x" * 4096),
    Replied(""),
    PhotoArrived("file"),
    PhotoArrived("file", size=30 * 2**20, album="album"),
    MessageEdited(),
    SomethingElse("voice"),
    CameEarly(),
    CameEarly(on_its_way=True),
    HelpAsked(reviews=True),
    Rushed(),
    UnknownCommand(),
    PhotoChecked("identity", "front", 3, PICTURE.model_copy(update={"photo_id": "new"})),
    PhotoChecked("identity", "front", 3, None, "photo_pdf_locked"),
    PhotoChecked("identity", "front", 1, PICTURE),
    UndoWindowPassed(APPLICATION.receipt, APPLICATION.round),
    UndoWindowPassed("UX-99999999", 9),
    FellSilent(),
    RetentionShortened(NOW, {"draft": NOW + timedelta(days=9000)}),
    DataRestored(NOW),
    ErasureOrdered(),
    ConsentsEnded(NOW - timedelta(hours=1)),
    ConsentsEnded(NOW - timedelta(hours=1), "identity_photo"),
]
EVENTS = [*presses(), *reviews(ANA), *reviews(HIMSELF), *OTHERS]
PRESSED = [*presses(), *reviews(ANA), *reviews(HIMSELF), StalePressed()]
CHANGED = {
    f"{change} {key}": CHANGES[change](PROGRAMME, key)
    for change in CHANGES
    for key in ("identity", "department", "homepage")
}


def answers(found: Turn) -> list[Answer]:
    return [effect for effect in found.effects if isinstance(effect, Answer)]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("language", PROGRAMME.languages)
def test_every_event_in_every_state_is_answered(state: str, language: str) -> None:
    who = person(STATES[state], language=language)
    for event in EVENTS:
        found = turn(who, event)
        assert Applicant.model_validate_json(found.applicant.model_dump_json()) == found.applicant
        for effect in found.effects:
            worded(effect, language, found.applicant.step)


@pytest.mark.parametrize("state", STATES)
def test_every_press_gets_exactly_one_answer(state: str) -> None:
    for event in PRESSED:
        found = turn(person(STATES[state]), event, pressed=True)
        assert len(answers(found)) == 1, event
        worded(answers(found)[0], "en", 0)


@pytest.mark.parametrize("change", CHANGED)
@pytest.mark.parametrize("language", PROGRAMME.languages)
def test_no_event_raises_when_the_form_has_changed(change: str, language: str) -> None:
    for state, event in itertools.product(STATES.values(), EVENTS):
        found = turn(person(state, language=language), event, programme=CHANGED[change])
        assert found.applicant.step >= 0


def test_a_change_of_the_form_leaves_nobody_without_a_way_on() -> None:
    """Whatever he stands at, Continue and /start lead to something that can be answered."""
    for programme, state in itertools.product(CHANGED.values(), STATES.values()):
        found = turn(person(state), Started(), programme=programme)
        assert [effect.name for effect in found.effects if isinstance(effect, Say)], state
        drafting = found.applicant.state
        if drafting.kind == "drafting":
            assert programme.question(drafting.question) is not None


def test_a_pair_without_a_row_changes_nothing() -> None:
    free = [
        (state, event)
        for state in STATES.values()
        for event in EVENTS
        if (type(state), type(event)) not in RULES
    ]
    assert len(free) > 100
    for state, event in free:
        who = person(state)
        found = turn(who, event, pressed=True)
        assert found.applicant.state == who.state
        assert [effect.name for effect in answers(found)] == ["stale"]


def test_nothing_a_reviewer_or_the_clock_does_shows_that_the_applicant_is_there() -> None:
    later = person().heard_at.replace(year=2027)
    for event in EVENTS:
        found = turn(person(STATES["waiting"]), event, now=later)
        is_his = not isinstance(
            event,
            ReviewEvent
            | PhotoChecked
            | UndoWindowPassed
            | FellSilent
            | RetentionShortened
            | DataRestored
            | ErasureOrdered
            | ConsentsEnded,
        )
        assert (found.applicant.heard_at == later) == is_his


# the table


def test_no_entry_of_the_log_names_a_state_that_tells_a_decision_before_its_time() -> None:
    for state in STATES.values():
        for event in EVENTS:
            entered = [one for one in turn(person(state), event).effects if isinstance(one, Audit)]
            told = [one for one in entered if {"rejecting", "deciding"} & {*one.detail.split(" ")}]
            assert told == [], f"{type(event).__name__} in {state.kind}"


def rule(scene: Scene, state: Fresh, event: HelpAsked) -> Turn:
    return stay(scene)


def test_table_refuses_a_pair_that_stands_twice() -> None:
    with pytest.raises(BrokenRule, match="Fresh and HelpAsked stand twice"):
        table(on(Fresh, HelpAsked, rule), across((Reading, Fresh), HelpAsked, rule))


def test_step_refuses_a_state_its_row_does_not_name() -> None:
    def leads_astray(scene: Scene, state: Fresh, event: HelpAsked) -> Turn:
        return stay(scene, state=Reading())

    scene = Scene(PROGRAMME, person(), NOW)
    with pytest.raises(BrokenRule, match="Fresh on HelpAsked led to Reading"):
        step(table(on(Fresh, HelpAsked, leads_astray)), scene, HelpAsked())


def test_every_event_stands_in_the_table_somewhere() -> None:
    """And none but those of the table can happen."""
    assert {event for _, event in RULES} == {type(event) for event in [*EVENTS, StalePressed()]}


def test_every_row_leads_to_known_states() -> None:
    for (state, event), row in RULES.items():
        assert (row.state, row.event) == (state, event)
        assert {state, *row.leads_to} <= set(ALL_STATES)


# the picture


def test_picture_draws_every_way_between_two_states_once() -> None:
    lines = picture().splitlines()
    ways = [line.strip().split(": ")[0] for line in lines[2:]]
    drawn = {
        f"{rule.state.__name__} --> {after.__name__}"
        for (_, event), rule in RULES.items()
        for after in rule.leads_to
        if after is not rule.state and event not in everywhere()
    }
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> Fresh"]
    assert sorted(ways) == sorted(drawn)


def test_picture_names_the_events_of_a_way() -> None:
    assert "    Deciding --> Settled: ToldNow, UndoWindowPassed" in picture().splitlines()


def test_what_is_answered_alike_in_every_state_is_not_drawn() -> None:
    assert {event.__name__ for event in everywhere()} == {
        "AgreementAsked",
        "CancelAsked",
        "ConsentsEnded",
        "CorrectionAsked",
        "DataAsked",
        "DataRestored",
        "ErasureAsked",
        "ErasureConfirmed",
        "ErasureOrdered",
        "FormOutdated",
        "HelpAsked",
        "LanguageAsked",
        "LanguageChosen",
        "LeftAsItIs",
        "MessageEdited",
        "PhotoUnsent",
        "PressOutdated",
        "PrivacyAsked",
        "ReceiptAsked",
        "RetentionShortened",
        "Rushed",
        "StalePressed",
        "StatusAsked",
        "UnknownCommand",
        "WithdrawalAsked",
        "Withdrew",
    }


def test_the_table_says_who_is_told_and_when() -> None:
    """Only these two rows end a decision, and they end it in `Settled`."""
    rows = [key for key, row in RULES.items() if key[0].__name__ == "Deciding" and Settled in row.leads_to]
    told = [event.__name__ for _, event in rows if event.__name__ not in {"Withdrew", "ConsentsEnded"}]
    assert told == ["ToldNow", "UndoWindowPassed"]
    assert (
        Audit("told", f"{APPLICATION.receipt} clock")
        in turn(person(STATES["deciding"]), UndoWindowPassed(APPLICATION.receipt, APPLICATION.round)).effects
    )
