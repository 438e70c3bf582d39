"""What is wrong with a programme's words, found by saying everything once: each message whole, as it would be sent."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from bot.buttons import Signer
from bot.cards import Cards
from bot.forms import Forms
from bot.programmes import Loaded
from bot.wording import Place, Wording
from conversations import Applicant, Mistake, Programme, Scene
from conversations.application import (
    Answer,
    Application,
    Chosen,
    Closed,
    ConsentRecord,
    Decision,
    Draft,
    Form,
    Outcome,
    Picture,
    Pictured,
    Return,
    Reviewer,
    Written,
)
from conversations.composing import LONGEST_WORDS, MOST_REASONS
from conversations.programme import AGREEMENT
from conversations.prompts import prompt
from conversations.questions import ChoiceQuestion, IdentityQuestion, Question
from conversations.review import told
from conversations.state import (
    Confirming,
    Consenting,
    Deciding,
    Drafting,
    Reading,
    Rejecting,
    Settled,
    State,
    Waiting,
)
from storage.vault import ButtonKeys

MOST_BUTTONS = 100  # under one message; source: Telegram
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TABLES = ("messages", "toasts", "buttons", "commands", "reviewer_commands", "stats", "warnings", "format")
STAMP = "9999"  # as long as a step of a dialogue becomes
RECEIPT = "0" * 8
FAR_CHAT = 2**52  # the longest id that Telegram gives


def faults(loaded: Loaded) -> list[Mistake]:
    """Keys that one language lacks, messages that cannot be rendered or are too long, too many or too long buttons."""
    programme = loaded.programme
    found = list(_missing(loaded))
    if found:
        return found
    signer = Signer(ButtonKeys(b"proofreading"))
    wording = Wording(loaded, signer, lambda: NOW)
    for language in programme.languages:
        for name, state in _states(programme):
            found += _said(wording, programme, language, name, state)
    found += _card(Cards(programme, wording, signer), programme)
    found += _forms(Forms(programme, wording, signer), programme)
    return list(dict.fromkeys(found))


def _missing(loaded: Loaded) -> Iterator[Mistake]:
    first, *others = loaded.programme.languages
    for language in others:
        for table in TABLES:
            here, there = (set(loaded.messages[one].get(table, {})) for one in (language, first))
            for key in sorted(here ^ there):
                lacks = language if key in there else first
                yield Mistake(
                    f"{lacks}/messages.toml", f"{table}.{key}", "nothing", "words in every language"
                )


def _said(
    wording: Wording, programme: Programme, language: str, name: str, state: State
) -> Iterator[Mistake]:
    """What is wrong with the message that stands for a state."""
    applicant = _applicant(language, state)
    if isinstance(state, Settled) and state.closed.outcome == "approved":
        applicant = _agreed(programme, applicant)
    place = Place(0, "", STAMP)
    if isinstance(state, Reading | Consenting):
        programme, applicant = _revised(programme, applicant, state.consent)
    try:
        say = prompt(Scene(programme, applicant, NOW), applicant)
        wording.message(say, language)
        keyboard = wording.keyboard(wording.page_buttons(say, language), language, place)
    except Exception as error:  # whatever a template or a limit raises
        yield Mistake(
            _file(programme, language, name),
            name,
            str(error) or type(error).__name__,
            "a message that can be sent",
        )
        return
    if sum(map(len, keyboard)) > MOST_BUTTONS:
        yield Mistake(
            _file(programme, language, name), name, f"{sum(map(len, keyboard))} buttons", f"{MOST_BUTTONS}"
        )
    if any(not button["text"].strip() for row in keyboard for button in row):
        yield Mistake(_file(programme, language, name), name, "a button without words", "words")


def _revised(programme: Programme, applicant: Applicant, key: str) -> tuple[Programme, Applicant]:
    """As if he had agreed to a text of which nothing is left, so that most is to be said of what changed."""
    language = applicant.language
    old = "".join(f"## {number}. {'x' * 99}\n\n{number * 9}\n\n" for number in range(20))
    record = ConsentRecord(document=key, text_hash="", language=language, act="", at=NOW)
    return (
        programme.model_copy(update={"former": {"": old}}),
        applicant.model_copy(update={"agreed": {key: record}}),
    )


def _agreed(programme: Programme, applicant: Applicant) -> Applicant:
    """As one who has agreed to the text as it now is."""
    text = programme.document(AGREEMENT, applicant.language)
    record = ConsentRecord(
        document=AGREEMENT, text_hash=text.hash, language=applicant.language, act="", at=NOW
    )
    return applicant.model_copy(update={"agreed": {AGREEMENT: record}})


def _file(programme: Programme, language: str, name: str) -> str:
    """Where the words of that name stand."""
    documents = {f"consents.{consent.key}": consent.key for consent in programme.consents if consent.document}
    return f"{documents[name]}.{language}.md" if name in documents else f"words.{language}.toml"


def _card(cards: Cards, programme: Programme) -> Iterator[Mistake]:
    application = _application(programme)
    before = {key: Written(text="y" * 3000) for key in application.answers}
    returned = Return(decision=_decision(programme, "returned"), answers=before)
    again = application.model_copy(update={"returned": returned})
    for state in (
        Waiting(application=application),
        Rejecting(application=application),
        Deciding(application=application, decision=_decision(programme), tell_at=NOW),
        Waiting(application=again),
        Deciding(application=again, decision=_decision(programme), tell_at=NOW),
    ):
        try:
            cards.render(state, state.kind, -1)
        except Exception as error:
            yield Mistake(
                "the card", state.kind, str(error) or type(error).__name__, "a message that can be sent"
            )


def _forms(forms: Forms, programme: Programme) -> Iterator[Mistake]:
    """What is wrong with the form in which a reviewer composes a decision, with as much in it as there can be."""
    decision = _decision(programme, "returned")
    outcomes: tuple[Literal["rejected", "returned"], ...] = ("rejected", "returned")
    for outcome, language in itertools.product(outcomes, programme.languages):
        form = Form(
            by=decision.by,
            outcome=outcome,
            reasons=decision.reasons,
            words=decision.words,
            questions=decision.questions,
        )
        application = _application(programme).model_copy(update={"forms": (form,)})
        who = _applicant(language, Waiting(application=application))
        try:
            body = forms.render(who, application.receipt, decision.by.ref, FAR_CHAT, NOW)
        except Exception as error:
            yield Mistake(
                "the form", outcome, str(error) or type(error).__name__, "a message that can be sent"
            )
            continue
        if (count := sum(map(len, body["keyboard"]))) > MOST_BUTTONS:
            yield Mistake("the form", outcome, f"{count} buttons", f"{MOST_BUTTONS}")


def _decision(programme: Programme, outcome: Literal["rejected", "returned"] = "rejected") -> Decision:
    """One with as many reasons as there can be, and the longest words."""
    by = Reviewer(ref="0" * 32, name="x" * 64)
    reasons = tuple(reason.key for reason in programme.reasons[:MOST_REASONS])
    questions = tuple(question.key for question in programme.questions)
    return Decision(
        outcome=outcome,
        by=by,
        at=NOW,
        reasons=reasons,
        words="x" * LONGEST_WORDS,
        questions=questions if outcome == "returned" else (),
    )


def _applicant(language: str, state: State) -> Applicant:
    return Applicant(
        person_id="", ref="", chat_id=0, language=language, state=state, heard_at=NOW, created_at=NOW
    )


def _states(programme: Programme) -> Iterator[tuple[str, State]]:
    """Every state that asks something, by a name that the operator knows."""
    for consent in programme.consents:
        if consent.document:
            for page in range(9):
                yield f"consents.{consent.key}", Reading(consent=consent.key, page=page, changed=True)
        else:
            yield f"consents.{consent.key}", Consenting(draft=Draft(), consent=consent.key)
    draft = Draft(answers=dict(_answers(programme)))
    for question in programme.questions:
        for part in _parts(question):
            yield f"questions.{question.key}", Drafting(draft=Draft(), question=question.key, part=part)
            yield f"questions.{question.key}", Drafting(draft=draft, question=question.key, part=part)
    yield "the summary", Confirming(draft=draft)
    application = _application(programme)
    answers = application.answers
    yield "what is said while it is reviewed", Waiting(application=application)
    endings: list[tuple[Outcome, Sequence[str]]] = [("approved", ()), ("withdrawn", ())]
    endings += [("rejected", (reason.key,)) for reason in programme.reasons]
    for outcome, reasons in endings:
        closed = Closed(
            receipt=application.receipt, outcome=outcome, submitted_at=NOW, at=NOW, reasons=tuple(reasons)
        )
        name = f"reasons.{reasons[0]}" if reasons else f"what is said when it is {outcome}"
        yield name, Settled(application=application, closed=closed)
    yield "several reasons and own words", told(application, _decision(programme), NOW)
    returned = told(application, _decision(programme, "returned"), NOW)
    yield "what is said when it is returned", returned
    if isinstance(returned, Confirming):
        looked = returned.draft.model_copy(update={"done": tuple(answers)})
        yield "what is said when it is returned", Confirming(draft=looked)
        for question in programme.questions:
            for part in _parts(question):
                asked = Drafting(draft=returned.draft, question=question.key, part=part)
                yield f"questions.{question.key}", asked


def _parts(question: Question) -> tuple[str, ...]:
    if isinstance(question, IdentityQuestion):
        return question.methods.photo.all_sides
    return ("", "other") if isinstance(question, ChoiceQuestion) and question.other else ("",)


def _answers(programme: Programme) -> Iterator[tuple[str, Answer]]:
    """An answer to each question, as long as it may be."""
    for question in programme.questions:
        if isinstance(question, ChoiceQuestion):
            yield question.key, Chosen(option=question.choices[-1], text="x" * 300 if question.other else "")
        elif isinstance(question, IdentityQuestion):
            picture = Picture(photo_id="0", width=1, height=1)
            sides = dict.fromkeys(question.methods.photo.all_sides, picture)
            yield question.key, Pictured(variant=next(iter(question.variants), ""), sides=sides)
        else:
            yield question.key, Written(text="x" * 3000)


def _application(programme: Programme) -> Application:
    return Application(
        receipt=f"{programme.receipt_prefix}-{RECEIPT}",
        revision=99,
        round=99,
        language=programme.languages[0],
        submitted_at=NOW - timedelta(days=9),
        answers=dict(_answers(programme)),
    )
