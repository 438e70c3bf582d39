"""The shipped programme, people in every state of it, and a form that can be changed."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from bot.buttons import Signer
from bot.cards import Cards
from bot.forms import Forms
from bot.programmes import load
from bot.wording import TEXT_LIMIT, TOAST_LIMIT, Place, Wording, visible_length
from conversations import Applicant, Programme, Scene, Turn, advance
from conversations.application import (
    Answer,
    Application,
    Asking,
    Chosen,
    Closed,
    ConsentRecord,
    Decision,
    Draft,
    Form,
    Picture,
    Pictured,
    Return,
    Reviewer,
    Said,
    Written,
)
from conversations.effects import Answer as Answered
from conversations.effects import Button, Effect, Redraw, Say
from conversations.events import Event
from conversations.programme import Consent, Text
from conversations.questions import Condition
from conversations.returning import handed_back
from conversations.state import (
    Attempt,
    Checking,
    Confirming,
    Consenting,
    Deciding,
    Drafting,
    Fresh,
    Reading,
    Rejecting,
    Settled,
    State,
    Unsubmitted,
    Waiting,
)
from conversations.tallying import steps
from storage.vault import ButtonKeys

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LOADED = load(None)
PROGRAMME = LOADED.programme
SIGNER = Signer(ButtonKeys(b"k" * 32))
WORDING = Wording(LOADED, SIGNER, lambda: NOW)
CARDS = Cards(PROGRAMME, WORDING, SIGNER)
FORMS = Forms(PROGRAMME, WORDING, SIGNER)
ANA, BEN = Reviewer(ref="ana", name="Ana"), Reviewer(ref="ben", name="Ben")
HIMSELF = Reviewer(ref="ref", name="The applicant himself")
FAR_CHAT, FAR_GROUP = 2**52, -(10**13)  # the longest ids that Telegram gives

PICTURE = Picture(photo_id="photo", width=1600, height=1000)
ANSWERS: dict[str, Answer] = {
    "full_name": Written(text="Mei Okafor"),
    "email": Written(text="mei.okafor@example.edu"),
    "university": Written(text="Lakeshore University of Technology"),
    "status": Chosen(option="doctoral"),
    "department": Written(text="Department of Linguistics"),
    "identity": Pictured(variant="student", sides={"front": PICTURE}),
    "api_purpose": Written(text="I compare how well models transcribe endangered languages."),
    "homepage": Written(text="https://people.example.edu/okafor"),
    "scenarios": Written(text="Two students run it on public recordings."),
}
DRAFT = Draft(answers=ANSWERS)
APPLICATION = Application(receipt="UX-00000000", revision=1, language="en", submitted_at=NOW, answers=ANSWERS)
FORM = Form(by=ANA, outcome="rejected", reasons=("duplicate",), words="See <b>rule 3</b> at rules.example.")
RETURN_FORM = Form(by=ANA, outcome="returned", words="More, please.", questions=("department", "identity"))
RETURN = Decision(
    outcome="returned",
    by=ANA,
    at=NOW,
    reasons=("not_legible",),
    words="More, please.",
    questions=("department", "identity", "homepage"),
)
RETURNED = handed_back(APPLICATION, RETURN)
DECISION = Decision(outcome="rejected", by=ANA, at=NOW, reasons=("duplicate",))


def record(key: str, programme: Programme = PROGRAMME, language: str = "en") -> ConsentRecord:
    """Consent to a text as it now is."""
    text = programme.document(key, language)
    return ConsentRecord(document=key, text_hash=text.hash, language=language, act="test", at=NOW)


def agreed(programme: Programme = PROGRAMME) -> dict[str, ConsentRecord]:
    return {consent.key: record(consent.key, programme) for consent in programme.consents}


def closed(outcome: Any = "rejected") -> Closed:
    return Closed(
        receipt=APPLICATION.receipt,
        outcome=outcome,
        submitted_at=NOW,
        at=NOW,
        reasons=("duplicate",) if outcome == "rejected" else (),
    )


ASKING = Asking(by=ANA, words="Is <b>this</b> yours: people.example?", edition=1)
TALK = (
    Said(by=BEN, at=NOW, words="W" * 1_000),
    *(Said(at=NOW, words="See @me & https://people.example. " + "W" * 960) for _ in range(10)),
    Said(by=ANA, at=NOW, words="<i>W</i>" * 125),
)  # as long as it can be

COUNTED = Attempt(began=NOW, reached=steps(PROGRAMME)[:-1])  # as far as the summary

STATES: dict[str, State] = {
    "fresh": Fresh(),
    "reading": Reading(),
    "reading anew": Reading(draft=DRAFT, ticked=True, changed=True),
    "consenting": Consenting(draft=DRAFT, consent="identity_photo"),
    "drafting": Drafting(draft=Draft(), question="full_name"),
    "drafting a choice": Drafting(draft=DRAFT, question="status"),
    "drafting other words": Drafting(draft=DRAFT, question="status", part="other"),
    "drafting a photo": Drafting(draft=DRAFT, question="identity", part="front"),
    "drafting an option": Drafting(draft=DRAFT, question="homepage"),
    "checking": Checking(draft=DRAFT, question="identity", part="front", attempt=3, since=NOW),
    "confirming": Confirming(draft=DRAFT),
    "confirming a recalled one": Confirming(draft=DRAFT.model_copy(update={"recalled": APPLICATION})),
    "waiting": Waiting(application=APPLICATION),
    "claimed": Waiting(application=APPLICATION.model_copy(update={"claimed_by": ANA})),
    "rejecting": Rejecting(application=APPLICATION),
    "composing": Waiting(application=APPLICATION.model_copy(update={"forms": (FORM,)})),
    "composing a return": Waiting(application=APPLICATION.model_copy(update={"forms": (RETURN_FORM,)})),
    "deciding to return": Deciding(application=APPLICATION, decision=RETURN, tell_at=NOW),
    "returned": Confirming(draft=RETURNED),
    "returned and looked at": Confirming(draft=RETURNED.model_copy(update={"done": RETURN.questions})),
    "changing what was returned": Drafting(draft=RETURNED, question="department"),
    "sending another photo": Drafting(draft=RETURNED, question="identity", part="front"),
    "checking another photo": Checking(
        draft=RETURNED, question="identity", part="front", attempt=3, since=NOW
    ),
    "reading anew before that": Reading(draft=RETURNED, changed=True),
    "consenting anew before that": Consenting(draft=RETURNED, consent="identity_photo"),
    "submitted again": Waiting(
        application=APPLICATION.model_copy(
            update={"returned": Return(decision=RETURN, answers={"department": Written(text="Linguistics")})}
        )
    ),
    "previewing": Rejecting(
        application=APPLICATION.model_copy(update={"forms": (FORM.model_copy(update={"is_preview": True}),)})
    ),
    "asking": Waiting(application=APPLICATION.model_copy(update={"asking": (Asking(by=ANA),)})),
    "asked": Waiting(application=APPLICATION.model_copy(update={"talk": TALK, "asking": (ASKING,)})),
    "answered": Rejecting(application=APPLICATION.model_copy(update={"talk": TALK[:6]})),
    "talked and decided": Deciding(
        application=APPLICATION.model_copy(update={"talk": TALK[:11]}), decision=DECISION, tell_at=NOW
    ),
    "talked and rejected": Settled(
        application=APPLICATION.model_copy(update={"talk": TALK}), closed=closed(), decision=DECISION
    ),
    "deciding": Deciding(application=APPLICATION, decision=DECISION, tell_at=NOW),
    "rejected": Settled(application=APPLICATION, closed=closed(), decision=DECISION),
    "approved": Settled(
        application=APPLICATION,
        closed=closed("approved"),
        decision=DECISION.model_copy(update={"outcome": "approved", "reasons": ()}),
    ),
    "withdrawn": Settled(application=APPLICATION, closed=closed("withdrawn")),
}


def seen(state: State, language: str = "en", programme: Programme = PROGRAMME) -> State:
    """The state of someone who has the text that he is asked about in front of him."""
    if not isinstance(state, Reading | Consenting) or state.shown:
        return state
    return state.model_copy(update={"shown": programme.document(state.consent, language).hash})


def person(state: State = Fresh(), **changes: Any) -> Applicant:  # noqa: B008
    """Someone in a state, who agreed to all there is and of whom all is counted, unless told otherwise."""
    values: dict[str, Any] = {
        "person_id": "0123456789abcdef",
        "ref": "ref",
        "chat_id": 7,
        "language": "en",
        "heard_at": NOW,
        "created_at": NOW,
        "agreed": {} if isinstance(state, Fresh | Reading) else agreed(),
        "attempt": COUNTED if isinstance(state, Unsubmitted) and not state.draft.recalled else None,
    }
    values |= changes
    return Applicant(**{**values, "state": seen(state, values["language"])})


def turn(
    who: Applicant,
    event: Event,
    *,
    pressed: bool = False,
    programme: Programme = PROGRAMME,
    now: datetime = NOW,
    fresh: str = "7K3M9QDF",
) -> Turn:
    """What one event leads to."""
    return advance(Scene(programme, who, now, fresh, pressed), event)


def names(found: Turn) -> list[str]:
    """The messages of a turn: a note above a message as "note/message", a toast as "(toast)"."""
    told = []
    for effect in found.effects:
        if isinstance(effect, Say):
            told.append("/".join([*(note.name for note in effect.notes), effect.name]))
        elif isinstance(effect, Answered) and effect.name:
            told.append(f"({effect.name})")
    return told


def labels(found: Turn) -> list[str]:
    """The buttons a turn offers, as verb or verb:arg."""
    return [
        f"{button.verb}:{button.arg}" if button.arg else button.verb
        for effect in found.effects
        if isinstance(effect, Say)
        for row in effect.buttons
        for button in row
    ]


# wording


def buttons(effect: Effect) -> Iterator[Button]:
    """Every button of a message, as it goes out."""
    if isinstance(effect, Say | Redraw):
        say = Say(effect.name, effect.values, effect.buttons)
        for row in WORDING.page_buttons(say, "en"):
            yield from row


def worded(effect: Effect, language: str, step: int) -> None:
    """Assert that an effect can be said in a language, within Telegram's limits."""
    if isinstance(effect, Answered):
        assert len(WORDING.toast(effect.name, language, effect.values)) <= TOAST_LIMIT
        assert bool(WORDING.toast(effect.name, language, effect.values)) == bool(effect.name)
        return
    if not isinstance(effect, Say | Redraw):
        return
    notes = effect.notes if isinstance(effect, Say) else ()
    say = Say(effect.name, effect.values, effect.buttons, notes=notes)
    html = WORDING.message(say, language)
    assert 0 < visible_length(html) <= TEXT_LIMIT
    assert html != WORDING.named("fallback", language)
    place = Place(FAR_CHAT, "0123456789abcdef", str(step + 10**6))
    for row in WORDING.keyboard(WORDING.page_buttons(say, language), language, place):
        for button in row:
            assert button["text"]
            assert len(button["callback_data"].encode()) <= 64


# a form that changes under an open draft


def without(programme: Programme, key: str) -> Programme:
    """A question is gone, and with it the consent that stood before it, and its text."""
    gone = {consent.key for consent in programme.consents if consent.before == key}
    return programme.model_copy(
        update={
            "documents": {one: texts for one, texts in programme.documents.items() if one not in gone},
            "questions": tuple(question for question in programme.questions if question.key != key),
            "consents": tuple(consent for consent in programme.consents if consent.before != key),
        }
    )


def with_question(programme: Programme, key: str, **changes: Any) -> Programme:
    """A question of the shipped form is there (again), as it is or changed."""
    question = PROGRAMME.question(key)
    assert question is not None
    ordered = {one.key: one for one in programme.questions} | {key: question.model_copy(update=changes)}
    order = [one.key for one in PROGRAMME.questions]
    consents = {one.key for one in programme.consents}
    added = [one for one in PROGRAMME.consents if one.before == key and one.key not in consents]
    texts = {one.key: PROGRAMME.documents[one.key] for one in added}
    return programme.model_copy(
        update={
            "documents": {**programme.documents, **texts},
            "questions": tuple(sorted(ordered.values(), key=lambda one: order.index(one.key))),
            "consents": (*programme.consents, *added),
        }
    )


def asked_when(programme: Programme, key: str) -> Programme:
    """A question is asked of doctoral students alone."""
    return with_question(programme, key, when=Condition(question="status", one_of=("doctoral",)))


def with_optional_consent(programme: Programme) -> Programme:
    """One more consent, optional, before the purpose is asked."""
    extra = Consent(key="improvement", before="api_purpose", required=False)
    others = tuple(consent for consent in programme.consents if consent.key != extra.key)
    texts = {
        language: Text.of(words["consents"]["improvement"]["text"])
        for language, words in LOADED.words.items()
    }
    documents: Mapping[str, Mapping[str, Text]] = {**programme.documents, extra.key: texts}
    return programme.model_copy(update={"consents": (*others, extra), "documents": documents})


def with_new_text(programme: Programme, document: str, mark: str) -> Programme:
    """A text that was agreed to is another one, where the programme has it."""
    if document not in programme.documents:
        return programme
    texts = {
        language: Text.of(f"{text.text}\n{mark}\n")
        for language, text in programme.documents[document].items()
    }
    former = {text.hash: text.text for text in programme.documents[document].values()}
    return programme.model_copy(
        update={
            "documents": {**programme.documents, document: texts},
            "former": {**programme.former, **former},
        }
    )


def with_one_language(programme: Programme, language: str) -> Programme:
    """The others are gone, and so are their texts."""
    documents = {key: {language: texts[language]} for key, texts in programme.documents.items()}
    return programme.model_copy(update={"languages": (language,), "documents": documents})


CHANGES: dict[str, Callable[[Programme, str], Programme]] = {
    "removed": without,
    "added": with_question,
    "made required": lambda programme, key: with_question(programme, key, required=True),
    "made optional": lambda programme, key: with_question(programme, key, required=False),
    "asked of some": asked_when,
    "new agreement": lambda programme, key: with_new_text(programme, "agreement", key),
    "new consent": lambda programme, key: with_new_text(programme, "identity_photo", key),
    "English only": lambda programme, key: with_one_language(programme, "en"),
    "optional consent": lambda programme, key: with_optional_consent(programme),
}
