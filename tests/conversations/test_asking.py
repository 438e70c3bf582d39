"""A question to the applicant while his application is under review, and what he writes to the reviewers."""

from typing import Any

import pytest

from conversations import Applicant
from conversations.application import Said
from conversations.asking import MOST_SAID, asking_of, key_of
from conversations.composing import LONGEST_WORDS
from conversations.effects import (
    Answer,
    Audit,
    Effect,
    Link,
    Notify,
    Refresh,
    RefreshForm,
    RemoveReply,
    Say,
    ShowForm,
)
from conversations.events import (
    Approved,
    Claimed,
    Event,
    LanguageChosen,
    PhotoArrived,
    QuestionDropped,
    QuestionOpened,
    QuestionSent,
    QuestionWritten,
    Recalled,
    RejectionOpened,
    Replied,
    SomethingElse,
    Submitted,
    ToldNow,
    Undone,
    WordsHeldBack,
    WordsPassedOn,
    WordsWritten,
)
from conversations.state import Deciding, application_of, draft_of
from conversations.talking import MOST_UNANSWERED
from tests.conversations.world import ANA, APPLICATION, BEN, HIMSELF, NOW, STATES, names, person, turn

RECEIPT = APPLICATION.receipt
TYPED = (Replied, QuestionWritten, WordsWritten, PhotoArrived)


def after(who: Applicant, *events: Event) -> Applicant:
    for event in events:
        who = turn(who, event, pressed=not isinstance(event, TYPED)).applicant
    return who


def waiting(*events: Event, state: str = "waiting") -> Applicant:
    return after(person(STATES[state]), *events)


def talk(who: Applicant) -> list[tuple[str, str]]:
    draft = draft_of(who.state)
    application = application_of(who.state) or (draft.recalled if draft else None)
    assert application is not None
    return [(one.by.name if one.by else "", one.words) for one in application.talk]


def said(found: Any) -> list[Say]:
    return [effect for effect in found.effects if isinstance(effect, Say)]


def has(found: Any, *effects: Effect) -> bool:
    return all(effect in found.effects for effect in effects)


def ask(words: str = "Which one?", by: Any = ANA) -> tuple[Event, ...]:
    return QuestionOpened(by, chat_id=9), QuestionWritten(by, words, 9, 5), QuestionSent(by, "1")


def write(words: str) -> tuple[Event, ...]:
    return Replied(words), WordsPassedOn()


def test_the_group_opens_the_private_chat_and_nothing_is_seen_of_it() -> None:
    in_group = turn(person(STATES["waiting"]), QuestionOpened(ANA), pressed=True)
    assert in_group.effects == (Answer(link=Link("ask", RECEIPT)),)
    there = turn(in_group.applicant, QuestionOpened(ANA, chat_id=9))
    assert there.effects == (ShowForm(RECEIPT, 9, key_of("ana")),)
    written = turn(there.applicant, QuestionWritten(ANA, " Which\u200b one? ", 9, 5))
    assert set(written.effects) == {RemoveReply(9, 5), RefreshForm(RECEIPT, key_of("ana"))}
    asking = asking_of(application_of(written.applicant.state) or APPLICATION, "ana")
    assert asking is not None
    assert (asking.words, asking.edition) == ("Which one?", 1)
    assert talk(written.applicant) == []


def test_sent_it_is_told_at_once_and_stands_on_the_card_and_in_the_log_without_its_words() -> None:
    found = turn(waiting(*ask()[:2]), QuestionSent(ANA, "1"), pressed=True)
    assert [(say.name, say.values["written"]) for say in said(found)] == [("asked", "Which one?")]
    assert has(found, Refresh(RECEIPT), Audit("asked", f"{RECEIPT} ana"))
    assert talk(found.applicant) == [("Ana", "Which one?")]
    again = turn(found.applicant, QuestionSent(ANA, "1"), pressed=True)
    assert names(again) == ["(question_closed)"]
    assert talk(again.applicant) == talk(found.applicant)


def test_only_what_was_shown_is_sent() -> None:
    who = waiting(*ask()[:2], QuestionWritten(ANA, "Which two?", 9, 6))
    assert names(turn(who, QuestionSent(ANA, "1"), pressed=True)) == ["(outdated)"]
    assert talk(after(who, QuestionSent(ANA, "2"))) == [("Ana", "Which two?")]
    assert names(turn(waiting(ask()[0]), QuestionSent(ANA, "0"), pressed=True)) == ["(outdated)"]


@pytest.mark.parametrize(("text", "name"), [("\u200b", "words_in_text"), ("x" * 1_001, "words_too_long")])
def test_what_cannot_be_asked_leaves_what_was_there(text: str, name: str) -> None:
    who = waiting(*ask()[:2])
    found = turn(who, QuestionWritten(ANA, text, 9, 6))
    assert names(found) == [f"({name})"]
    assert found.applicant == who


def test_nobody_asks_himself_and_anothers_claim_does_not_forbid_it() -> None:
    assert names(turn(person(STATES["waiting"]), QuestionOpened(HIMSELF, chat_id=7))) == ["(own_application)"]
    assert talk(waiting(Claimed(BEN), *ask())) == [("Ana", "Which one?")]


def test_two_ask_at_once_and_a_form_stays_beside_a_question() -> None:
    who = waiting(
        RejectionOpened(ANA, chat_id=9),
        WordsWritten(ANA, "No.", 9, 3),
        *ask()[:2],
        *ask("And where?", BEN),
        QuestionSent(ANA, "1"),
    )
    assert talk(who) == [("Ben", "And where?"), ("Ana", "Which one?")]
    application = application_of(who.state)
    assert application is not None
    assert [form.words for form in application.forms] == ["No."]


def test_a_dropped_question_is_gone() -> None:
    who = waiting(*ask()[:2], QuestionDropped(ANA))
    assert names(turn(who, QuestionSent(ANA, "1"), pressed=True)) == ["(question_closed)"]
    assert talk(who) == []


def test_a_decision_ends_what_is_being_asked_and_says_who_was_first() -> None:
    who = waiting(*ask()[:2], Approved(BEN))
    assert names(turn(who, QuestionSent(ANA, "1"), pressed=True)) == ["(decided_first)"]
    assert names(turn(after(who, Undone(BEN)), QuestionSent(ANA, "1"), pressed=True)) == ["(question_closed)"]


def test_nothing_reaches_the_reviewers_that_is_not_confirmed() -> None:
    found = turn(person(STATES["waiting"]), Replied("Here\u200b it is."))
    assert [(say.name, say.values["written"]) for say in said(found)] == [("pass_on", "Here it is.")]
    assert not any(isinstance(effect, Refresh | Notify) for effect in found.effects)
    assert talk(after(found.applicant, WordsHeldBack())) == []
    passed = turn(found.applicant, WordsPassedOn(), pressed=True)
    assert has(passed, Refresh(RECEIPT), Notify(RECEIPT), Audit("wrote", RECEIPT))
    assert talk(passed.applicant) == [("", "Here it is.")]
    assert passed.applicant.unsent == ""
    assert names(turn(passed.applicant, WordsPassedOn(), pressed=True)) == ["(nothing_to_pass_on)"]


def test_what_was_typed_before_the_question_is_no_answer_to_it() -> None:
    who = waiting(Replied("Hello?"), *ask())
    assert who.unsent == ""
    assert names(turn(who, WordsPassedOn(), pressed=True)) == ["(nothing_to_pass_on)"]


def test_each_text_is_a_step_of_its_own_so_that_no_older_button_sends_it() -> None:
    first = waiting(Replied("One"))
    assert after(first, Replied("Two")).step == first.step + 1


def test_he_writes_so_often_and_then_it_is_the_reviewers_turn() -> None:
    who = waiting(*(event for n in range(MOST_UNANSWERED) for event in write(f"{n}")))
    found = turn(who, Replied("Once more"))
    assert names(found) == ["talk_waits"]
    assert found.applicant.unsent == ""
    assert talk(after(who, *ask(), *write("Thanks")))[-1] == ("", "Thanks")
    assert names(turn(person(STATES["waiting"]), Replied("x" * (LONGEST_WORDS + 1)))) == ["words_too_long"]


def test_a_talk_comes_to_an_end() -> None:
    full = APPLICATION.model_copy(update={"talk": (Said(by=ANA, at=NOW, words="?"),) * MOST_SAID})
    who = person(STATES["waiting"].model_copy(update={"application": full}))
    assert names(turn(who, QuestionOpened(ANA), pressed=True)) == ["(talk_is_full)"]
    assert names(turn(who, Replied("x"))) == ["talk_waits"]


@pytest.mark.parametrize("event", [PhotoArrived("file"), SomethingElse("sticker"), Replied("\u200b")])
def test_only_words_are_passed_on(event: Event) -> None:
    found = turn(person(STATES["waiting"]), event)
    assert names(found) == ["only_words"]
    assert names(turn(found.applicant, event)) == []  # said once


@pytest.mark.parametrize("state", ["waiting", "claimed", "rejecting", "deciding"])
def test_he_can_write_whatever_the_reviewers_are_about_and_learns_nothing_of_it(state: str) -> None:
    found = turn(waiting(Replied("x"), state=state), WordsPassedOn(), pressed=True)
    assert type(found.applicant.state) is type(STATES[state])
    assert talk(found.applicant) == [("", "x")]
    assert names(found) == ["passed_on/waiting"]


def test_the_talk_outlives_undo_recall_and_resubmission_and_is_over_when_it_is_told() -> None:
    who = waiting(*ask(), Recalled())
    assert talk(who) == [("Ana", "Which one?")]
    who = after(who, Submitted(), *write("This one."))
    assert talk(who) == [("Ana", "Which one?"), ("", "This one.")]
    who = after(who, Approved(BEN), *write("And that."), Undone(BEN), Approved(BEN))
    assert isinstance(who.state, Deciding)
    assert len(talk(who)) == 3
    who = after(who, Replied("Unsent"), ToldNow(BEN))
    assert len(talk(who)) == 3
    assert who.unsent == ""
    assert names(turn(who, Replied("Thanks!"))) == ["talk_over/approved"]


def test_another_language_forgets_what_was_not_sent_and_keeps_the_talk() -> None:
    who = waiting(*ask(), Replied("x"), LanguageChosen("zh"))
    assert (who.unsent, who.language) == ("", "zh")
    assert talk(who) == [("Ana", "Which one?")]


def test_what_was_stored_before_there_was_a_talk_still_loads() -> None:
    stored = person(STATES["waiting"]).model_dump(mode="json")
    del stored["unsent"]
    for name in ("talk", "asking"):
        del stored["state"]["application"][name]
    assert Applicant.model_validate(stored) == person(STATES["waiting"])
