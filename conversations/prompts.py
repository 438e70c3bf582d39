"""What each state asks, and which buttons stand under it. Also the one function that says what comes next."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from conversations.application import Decision, Draft, Pictured
from conversations.clauses import Changes, compare, in_other_words
from conversations.effects import Button, Effect, Rows, Say
from conversations.granted import accepted
from conversations.programme import START, Consent, Programme
from conversations.questions import ChoiceQuestion, IdentityQuestion, Question
from conversations.returning import flagged, left_to_do
from conversations.rules import Scene, Turn, move
from conversations.state import (
    Applicant,
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
    draft_of,
)


def is_agreed(scene: Scene, consent: Consent) -> bool:
    """Whether he agreed to exactly the text as it now is, in the language in which he agreed."""
    record = scene.applicant.agreed.get(consent.key)
    return record is not None and scene.programme.is_current(record.text_hash, consent.key, record.language)


def has_changed(scene: Scene, key: str) -> bool:
    """Whether he agreed to a text of that consent, and it is another now."""
    consent = scene.programme.consent(key)
    return consent is not None and key in scene.applicant.agreed and not is_agreed(scene, consent)


def what_changed(scene: Scene, key: str) -> Changes | None:
    """What is other in a text than when he agreed to it, named in the language he now speaks; None when that text
    is not known any more, or nothing is."""
    record, language = scene.applicant.agreed.get(key), scene.applicant.language
    texts = scene.programme.documents.get(key, {})
    old = scene.programme.former.get(record.text_hash) if record else None
    if record is None or old is None or record.language not in texts:
        return None
    changes = compare(old, texts[record.language].text)
    if changes is None or record.language == language or language not in texts:
        return changes
    return in_other_words(changes, texts[record.language].text, texts[language].text)


def owed_at_start(scene: Scene, draft: Draft) -> Reading | None:
    """The document that must be agreed to before anything is asked."""
    for consent in scene.programme.consents_before(START):
        if consent.required and not is_agreed(scene, consent):
            changed = consent.key in scene.applicant.agreed
            return Reading(draft=draft, consent=consent.key, changed=changed)
    return None


def proceed(scene: Scene, draft: Draft) -> Unsubmitted:
    """What comes next for these answers: a consent that is missing, a question, or the summary."""
    programme = scene.programme
    if owed_first := owed_at_start(scene, draft):
        return owed_first
    question = programme.next_after(draft)
    if question is not None:
        return ask(scene, draft, question)
    for key in programme.kept(draft):  # a consent whose text is another since the answer was given
        if owed := owed_before(scene, draft, key):
            return Consenting(draft=draft, consent=owed)
    return Confirming(draft=draft)


def owed_before(scene: Scene, draft: Draft, question: str) -> str:
    """The first consent before a question that was neither given nor, being optional, refused."""
    owed = (
        consent.key
        for consent in scene.programme.consents_before(question)
        if consent.key not in draft.declined and not is_agreed(scene, consent)
    )
    return next(owed, "")


def ask(scene: Scene, draft: Draft, question: Question, part: str = "") -> Unsubmitted:
    """The question, or first the consent that stands before it, or before all of them."""
    if owed_first := owed_at_start(scene, draft):
        return owed_first
    if owed := owed_before(scene, draft, question.key):
        return Consenting(draft=draft, consent=owed)
    if isinstance(question, IdentityQuestion) and not part:
        part = question.methods.photo.sides[0]
    return Drafting(draft=draft, question=question.key, part=part)


def show(
    scene: Scene, state: State, *effects: Effect, notes: tuple[Say, ...] = (), **changes: object
) -> Turn:
    """Go to a state and ask what it asks. Notes are shown above it in the same message."""
    turn = move(scene, _shown(scene, state), **changes)
    return Turn(turn.applicant, (*effects, prompt(scene, turn.applicant, notes)))


def _shown(scene: Scene, state: State) -> State:
    """With the hash of the text that is now put before him: that one he can agree to, and no other."""
    if not isinstance(state, Reading | Consenting):
        return state
    text = scene.programme.documents.get(state.consent, {}).get(scene.applicant.language)
    return state.model_copy(update={"shown": text.hash if text else ""})


def prompt(scene: Scene, applicant: Applicant, notes: tuple[Say, ...] = ()) -> Say:
    """The message that stands for a state."""
    match applicant.state:
        case Reading() as state:
            return reading_prompt(scene, state, notes)
        case Consenting(consent=consent):
            buttons = ((Button("agree", consent), Button("refuse", consent)), (Button("back"),))
            changed = has_changed(scene, consent)
            values = {"consent": consent, "changed": changed, "changes": what_changed(scene, consent)}
            return Say("consent", values, buttons, prompt=True, notes=notes)
        case Drafting() as state:
            return question_prompt(scene, state, notes)
        case Checking():
            return Say("photo_checking", {}, ((Button("back"),),), prompt=True, notes=notes)
        case Confirming(draft=draft) if draft.returned:
            return checklist_prompt(scene, draft, draft.returned, notes)
        case Confirming(draft=draft):
            return summary_prompt(scene, draft, notes)
        case Waiting() | Rejecting() | Deciding() as state:
            return waiting_prompt(scene, state, notes)
        case Settled() as state:
            return settled_prompt(scene, state, notes)
        case Fresh() if applicant.barred_until and applicant.barred_until > scene.now:
            return Say("barred", {"until": applicant.barred_until}, prompt=True, notes=notes)
        case Fresh():
            return Say("nothing_open", {}, ((Button("go", label="start"),),), prompt=True, notes=notes)


def reading_prompt(scene: Scene, state: Reading, notes: tuple[Say, ...] = ()) -> Say:
    """The agreement, its box, and Continue and Decline with equal weight."""
    return Say("agreement", reading_values(scene, state), reading_buttons(scene, state), True, notes)


def reading_values(scene: Scene, state: Reading) -> dict[str, object]:
    """What the agreement's message says besides its text."""
    changes = what_changed(scene, state.consent) if state.changed else None
    return {"consent": state.consent, "page": state.page, "changed": state.changed, "changes": changes}


def reading_buttons(scene: Scene, state: Reading) -> Rows:
    tick = Button("tick", "off", label="ticked") if state.ticked else Button("tick", "on", label="unticked")
    languages = (Button("language"),) if len(scene.programme.languages) > 1 else ()
    return _rows(
        (tick,), (Button("decline"), Button("go", style="primary" if state.ticked else "")), languages
    )


def question_prompt(scene: Scene, state: Drafting, notes: tuple[Say, ...] = ()) -> Say:
    """A question, where one is, and the answer that is already there."""
    programme, draft = scene.programme, state.draft
    question = programme.question(state.question)
    if question is None:  # the form changed under the draft; `proceed` never leads here
        return Say("nothing_open", {}, (), prompt=True, notes=notes)
    number, total = programme.position(question, draft)
    settled = programme.is_settled(question, draft)
    variant = programme.variant(question, draft) if isinstance(question, IdentityQuestion) else ""
    values = {
        "question": question,
        "part": state.part,
        "variant": variant,
        "number": number,
        "total": total,
        "answer": draft.answers.get(question.key) if settled else None,
        **asked_for(programme, draft, question),
    }
    rows: list[tuple[Button, ...]] = []
    if isinstance(question, ChoiceQuestion) and not state.part:
        rows += two_in_a_row(
            Button("pick", option, label="option", values={"question": question.key})
            for option in question.choices
        )
    last: list[Button] = []
    is_before = question in flagged(programme, draft) if draft.returned else programme.before(question, draft)
    if state.part or is_before:
        last.append(Button("back"))
    if settled:
        further = (
            isinstance(question, IdentityQuestion) and state.part in question.methods.photo.optional_sides
        )
        last.append(Button("same", label="without" if further else ""))
    if not question.required:
        last.append(Button("skip"))
    return Say(
        "ask",
        values,
        _rows(*rows, side_row(scene, question, draft, state.part) if settled else (), tuple(last)),
        True,
        notes,
    )


def side_row(scene: Scene, question: Question, draft: Draft, asked: str) -> tuple[Button, ...]:
    """Offers of the further sides of a card whose front is there, but for the one that is asked for."""
    answer = draft.answers.get(question.key)
    if not isinstance(question, IdentityQuestion) or not isinstance(answer, Pictured):
        return ()
    missing = [
        side for side in question.methods.photo.all_sides if side not in answer.sides and side != asked
    ]
    return tuple(
        Button("side", side, label="add_side", values={"question": question.key}) for side in missing
    )


def summary_prompt(scene: Scene, draft: Draft, notes: tuple[Say, ...] = ()) -> Say:
    """Every answer, a button to edit each, and Submit."""
    asked = scene.programme.asked(draft)
    buttons = ((Button("submit", style="success"),), *edit_rows(asked))
    values = {"questions": asked, "draft": draft, "answers": scene.programme.kept(draft)}
    return Say("summary", values, buttons, prompt=True, notes=notes)


def asked_for(programme: Programme, draft: Draft, question: Question) -> dict[str, object]:
    """What the reviewers asked for that concerns this question: the reasons that are about it or about none, and their
    words; nothing where they did not ask for it."""
    decision = draft.returned
    if decision is None or question.key not in decision.questions:
        return {"asked_for": (), "written": ""}
    reasons = (reason for reason in programme.reasons if reason.key in decision.reasons)
    about = tuple(reason.key for reason in reasons if not reason.flags or question.key in reason.flags)
    return {"asked_for": about if about or decision.words else decision.reasons, "written": decision.words}


def checklist_prompt(scene: Scene, draft: Draft, decision: Decision, notes: tuple[Say, ...] = ()) -> Say:
    """What is to be looked at again and why, a button for each; Submit once all of it is done."""
    programme = scene.programme
    asked, left = flagged(programme, draft), left_to_do(programme, draft)
    rows = tuple(
        (
            Button(
                "edit",
                question.key,
                label="todo" if question in left else "done",
                values={"question": question.key},
            ),
        )
        for question in asked
    )
    submit = () if left else (Button("submit", label="submit_again", style="success"),)
    values = {
        "receipt": draft.recalled.receipt if draft.recalled else "",
        "decision": decision,
        "questions": asked,
        "left": left,
        "answers": programme.kept(draft),
    }
    return Say("returned", values, _rows(*rows, submit), prompt=True, notes=notes)


def edit_rows(questions: Iterable[Question]) -> Rows:
    """A button for each question, two in a row."""
    return two_in_a_row(
        Button("edit", question.key, label="question", values={"question": question.key})
        for question in questions
    )


def two_in_a_row(buttons: Iterable[Button]) -> Rows:
    row = list(buttons)
    return tuple(tuple(row[place : place + 2]) for place in range(0, len(row), 2))


def stop_row(draft: Draft) -> tuple[Button, ...]:
    """To leave the draft as it is, or to end it: what was submitted once is withdrawn, the rest deleted."""
    end = Button("leave" if draft.recalled else "drop", style="danger")
    return (Button("keep", label="keep_recalled" if draft.recalled else "keep_draft"), end)


def waiting_prompt(scene: Scene, state: Waiting | Rejecting | Deciding, notes: tuple[Say, ...] = ()) -> Say:
    """Where the application stands, without saying what is not yet said."""
    application = state.application
    row = [] if application.claimed_by or not isinstance(state, Waiting) else [Button("recall")]
    if may_nudge(scene, state):
        row.append(Button("nudge"))
    values = {"application": application, "usual_days": scene.programme.review.usual_days}
    rights = ((Button("receipt"),), (Button("mydata"), Button("withdraw")))
    return Say("waiting", values, _rows(tuple(row), *rights), True, notes)


def may_nudge(scene: Scene, state: State) -> bool:
    """A polite nudge is possible once in the programme's period."""
    if not isinstance(state, Waiting):
        return False
    last = state.application.nudged_at or state.application.submitted_at
    return scene.now - last >= timedelta(days=scene.programme.review.nudge_days)


def settled_prompt(scene: Scene, state: Settled, notes: tuple[Say, ...] = ()) -> Say:
    """How it ended, why, and what next."""
    again = reapply_from(scene, state)
    may = again is not None and again <= scene.now
    written = state.decision.words if state.decision else ""
    values = {
        "closed": state.closed,
        "reapply_from": None if may else again,
        "written": written,
        "accepted": accepted(scene.programme, scene.applicant),
    }
    row = (Button("go", label="apply_again"),) if may else ()
    return Say(state.closed.outcome, values, _rows(row, (Button("mydata"), Button("delete"))), True, notes)


def reapply_from(scene: Scene, state: Settled) -> datetime | None:
    """When a further application is possible: None for the approved, who need none. After a wait it is from the
    beginning of the day that is named to him."""
    closed = state.closed
    if closed.outcome == "approved":
        return None
    wait = scene.programme.wait(closed.outcome)
    at = closed.at + wait
    return at.replace(hour=0, minute=0, second=0, microsecond=0) if wait else at


def resumed(scene: Scene) -> State:
    """The state as the programme now stands: a form or text that changed under an open draft moves it."""
    draft = draft_of(scene.state)
    if draft is None or isinstance(scene.state, Reading | Checking):
        return scene.state
    due = proceed(scene, draft)
    if isinstance(due, Reading) or not isinstance(scene.state, Drafting):
        return due
    question = scene.programme.question(scene.state.question)
    return scene.state if question in scene.programme.asked(draft) else due


def _rows(*rows: tuple[Button, ...]) -> Rows:
    return tuple(row for row in rows if row)
