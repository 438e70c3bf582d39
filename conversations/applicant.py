"""What happens next on the applicant's way from the agreement to Submit: all of it is in this file's table.

House rules: a function decides one thing and returns a turn; what comes next is only ever found by
`proceed`; nothing of an answer is lost on any way through; a press is always answered.
"""

from dataclasses import replace
from datetime import timedelta

from conversations.application import Application, Chosen, Draft, Pictured, photo_ids, recalled_draft
from conversations.consents import consent_record, entered, taken_back
from conversations.effects import (
    Answer,
    Audit,
    Button,
    DropPhotos,
    Effect,
    EndConsents,
    FetchPhoto,
    HidePhotos,
    KeepPhoto,
    Redraw,
    Refresh,
    Rows,
    Say,
)
from conversations.events import (
    AgreementDeclined,
    AnswerKept,
    CameEarly,
    ConsentGiven,
    ConsentRefused,
    Continued,
    DraftDeleted,
    EditAsked,
    Nudged,
    OptionChosen,
    PageTurned,
    PhotoArrived,
    PhotoChecked,
    Recalled,
    Replied,
    SideOffered,
    Skipped,
    Started,
    SteppedBack,
    Submitted,
    Ticked,
)
from conversations.photos import dropped, without_its_photo
from conversations.programme import AGREEMENT
from conversations.prompts import (
    ask,
    has_changed,
    may_nudge,
    proceed,
    reading_buttons,
    reading_values,
    reapply_from,
    resumed,
    show,
    stop_row,
)
from conversations.questions import OTHER, Accepted, ChoiceQuestion, IdentityQuestion, Question, Rejection
from conversations.returning import flagged, left_to_do, may_change, ticked, what_was
from conversations.rules import Rule, Scene, Turn, across, move, on, stay, tell_once, toast
from conversations.state import (
    Checking,
    Confirming,
    Consenting,
    Deciding,
    Drafting,
    Fresh,
    Reading,
    Rejecting,
    Settled,
    Unsubmitted,
    Waiting,
)

FILE_LIMIT = 20 * 1024 * 1024  # what a bot may download; source: Bot API, getFile

# the agreement


def begin(scene: Scene, state: Fresh, event: Started | Continued) -> Turn:
    barred = scene.applicant.barred_until
    if barred and barred > scene.now:
        return stay(scene, Say("barred", {"until": barred}))
    return show(scene, Reading(), reminded=0)


def resume(scene: Scene, state: Unsubmitted, event: Started | Continued | CameEarly) -> Turn:
    if isinstance(event, CameEarly) and event.on_its_way:
        return tell_once(scene, "came_too_soon")
    if isinstance(event, Continued):
        return show(scene, resumed(scene))
    kept = bool(state.draft.answers)
    note = Say("came_early") if isinstance(event, CameEarly) else Say("welcome_back", {"kept": kept})
    return show(scene, resumed(scene), notes=(note,))


def apply_again(scene: Scene, state: Settled, event: Continued) -> Turn:
    again = reapply_from(scene, state)
    if again is None or again > scene.now:
        return show(scene, state)
    photos = tuple(sorted(photo_ids(state.application.answers)))
    began = Audit("applied_again", state.closed.receipt)
    ended = (*dropped(photos, "applied_again"), EndConsents(scene.now), began)
    return show(scene, Reading(), *ended, past=(*scene.applicant.past, state.closed), agreed={}, reminded=0)


def show_again(
    scene: Scene, state: Settled | Waiting | Rejecting | Deciding, event: Started | Continued
) -> Turn:
    return show(scene, state)


def tick(scene: Scene, state: Reading, event: Ticked) -> Turn:
    if text_is_new(scene, state):
        return show_new_text(scene, state)
    after = state.model_copy(update={"ticked": event.box == "on"})
    return redraw_agreement(scene, after)


def turn_page(scene: Scene, state: Reading, event: PageTurned) -> Turn:
    if text_is_new(scene, state):
        return show_new_text(scene, state)
    page = int(event.page) if event.page.isdecimal() and len(event.page) < 3 else 0
    return redraw_agreement(scene, state.model_copy(update={"page": page}))


def redraw_agreement(scene: Scene, after: Reading) -> Turn:
    """The same message, its box or page changed; the step stays, so that its other buttons stay good.

    Also when nothing changed: a message that was sent twice has a copy that still shows what was before.
    """
    values = reading_values(scene, after)
    return stay(scene, Answer(), Redraw("agreement", values, reading_buttons(scene, after)), state=after)


def text_is_new(scene: Scene, state: Reading | Consenting) -> bool:
    """Whether the text in front of him is not the one that a press would now agree to."""
    is_asked = scene.programme.consent(state.consent) is not None
    return is_asked and not scene.programme.is_current(state.shown, state.consent, scene.applicant.language)


def show_new_text(scene: Scene, state: Reading | Consenting) -> Turn:
    """Nobody agrees to what he was not shown: the text as it now is, nothing ticked. A version from before this was
    kept has left no word on what it showed: then nothing can be said to have changed."""
    anew: Reading | Consenting = state
    if isinstance(state, Reading):
        anew = state.model_copy(update={"ticked": False, "page": 0})
    return show(scene, anew, Answer(), notes=(Say("text_is_new" if state.shown else "text_once_more"),))


def agree(scene: Scene, state: Reading, event: Continued) -> Turn:
    if text_is_new(scene, state):
        return show_new_text(scene, state)
    if not state.ticked:
        return toast(scene, "tick_first", alert=True)
    return after_consent(scene, state.draft, state.consent, act="tick_and_continue")


def decline(scene: Scene, state: Reading, event: AgreementDeclined) -> Turn:
    """One tap. With answers already there he chooses what becomes of them."""
    audit = Audit("agreement_declined", state.consent)
    if state.draft.answers or state.draft.recalled:
        scene, draft, ended, values = stopped(scene, state.draft, state.consent)
        say = Say("declined_with_draft", values, (stop_row(draft),), True)
        # what he is shown next has not changed since anything that still stands
        after = state.model_copy(update={"draft": draft, "changed": state.changed and not ended})
        return move(scene, after, Answer(), audit, *ended, say)
    scene, ended = taken_back(scene, *scene.applicant.agreed)  # nothing is left that any of them could be for
    return move(scene, Fresh(), Answer(), audit, *ended, Say("declined"))


def stopped(
    scene: Scene, draft: Draft, consent: str
) -> tuple[Scene, Draft, tuple[Effect, ...], dict[str, object]]:
    """Without a consent that is needed nothing goes on. If he had given it, it ends, and so does what stood on it; he
    is told that, and until when the rest is kept."""
    scene, ended = taken_back(scene, consent)
    after, gone = without_its_photo(scene.programme, draft, consent) if ended else (draft, ())
    until = scene.now + timedelta(days=scene.programme.retention.draft_days)
    values: dict[str, object] = {
        "consent": consent,
        "recalled": after.recalled,
        "ended": bool(ended),
        "photo_gone": bool(gone),
        "until": until,
    }
    return scene, after, (*ended, *gone), values


def consent(scene: Scene, state: Consenting, event: ConsentGiven) -> Turn:
    if event.consent != state.consent:
        return toast(scene, "stale")
    if text_is_new(scene, state):
        return show_new_text(scene, state)
    return after_consent(scene, state.draft, state.consent, act="press")


def after_consent(scene: Scene, draft: Draft, key: str, act: str) -> Turn:
    """Enter the consent, and go on from there as the one who has given it."""
    if key not in {consent.key for consent in scene.programme.consents}:
        return show(scene, proceed(scene, draft), Answer(), notes=(Say("form_changed"),))
    record = consent_record(scene, key, act)
    agreed = {**scene.applicant.agreed, key: record}
    scene = replace(scene, applicant=scene.applicant.model_copy(update={"agreed": agreed}))
    return show(scene, proceed(scene, draft), Answer(), *entered(record))


def refuse(scene: Scene, state: Consenting, event: ConsentRefused) -> Turn:
    """An optional consent is passed over; without a required one nothing can be submitted; the answers stay."""
    consents = {consent.key: consent for consent in scene.programme.consents}
    if state.consent not in consents:
        return show(scene, proceed(scene, state.draft), Answer(), notes=(Say("form_changed"),))
    audit = Audit("consent_refused", state.consent)
    question = scene.programme.question(consents[state.consent].before)
    if not consents[state.consent].required:
        scene, ended = taken_back(scene, state.consent)
        draft = state.draft.model_copy(update={"declined": (*state.draft.declined, state.consent)})
        return show(scene, proceed(scene, draft), Answer(), audit, *ended)
    if question is not None and not question.required:  # nobody must consent to what he need not answer
        scene, ended = taken_back(scene, state.consent)
        return leave_out(scene, state.draft, question).and_also(audit, *ended)
    scene, draft, ended, values = stopped(scene, state.draft, state.consent)
    rows = ((Button("agree", state.consent), Button("back")), stop_row(draft))
    after = state.model_copy(update={"draft": draft})
    return move(scene, after, Answer(), audit, *ended, Say("consent_needed", values, rows, True))


# the questions


def reply(scene: Scene, state: Drafting, event: Replied) -> Turn:
    question = scene.programme.question(state.question)
    if question is None or question not in scene.programme.asked(state.draft):
        return show(scene, proceed(scene, state.draft), notes=(Say("form_changed"),))
    if state.part == OTHER and isinstance(question, ChoiceQuestion):
        return take(scene, state, question, question.accept_other(event.text))
    labels = scene.programme.labels.get(scene.applicant.language, {}).get(question.key, {})
    insisted = question.key in state.draft.hinted
    return take(scene, state, question, question.accept(event.text, labels, insisted=insisted))


def pick(scene: Scene, state: Drafting, event: OptionChosen) -> Turn:
    question = scene.programme.question(state.question)
    if not isinstance(question, ChoiceQuestion) or event.option not in question.choices:
        return toast(scene, "stale")
    return take(scene, state, question, Accepted(Chosen(option=event.option))).and_also(Answer())


def take(scene: Scene, state: Drafting, question: Question, outcome: Accepted | Rejection) -> Turn:
    """Keep an accepted answer and go on; or say what was wrong and ask again."""
    if isinstance(outcome, Rejection):
        hinted = (*state.draft.hinted, question.key) if outcome.once else state.draft.hinted
        draft = state.draft.model_copy(update={"hinted": hinted})
        note = Say(outcome.name, {**outcome.values, "question": question})
        return show(scene, state.model_copy(update={"draft": draft}), notes=(note,))
    answer = outcome.answer
    if isinstance(answer, Chosen) and answer.option == OTHER and not answer.text:
        return show(scene, state.model_copy(update={"part": OTHER}))
    draft = ticked(scene.programme, state.draft.with_answer(question.key, answer), question)
    notes = (Say(outcome.note, {"question": question}),) if outcome.note else ()
    return show(scene, proceed(scene, draft), notes=notes)


def skip(scene: Scene, state: Drafting, event: Skipped) -> Turn:
    question = scene.programme.question(state.question)
    if question is None or question.required:
        return toast(scene, "cannot_skip", alert=True)
    return leave_out(scene, state.draft, question)


def leave_out(scene: Scene, draft: Draft, question: Question) -> Turn:
    """An optional question stays without an answer; one that was there goes, and its photo too."""
    after = ticked(scene.programme, draft.without(question.key, skipped=True), question)
    lost = photo_ids(draft.answers) - photo_ids(after.answers)
    return show(scene, proceed(scene, after), Answer(), *dropped(lost, "left_out"))


def keep_answer(scene: Scene, state: Drafting, event: AnswerKept) -> Turn:
    question = scene.programme.question(state.question)
    draft = ticked(scene.programme, state.draft, question) if question else state.draft
    return show(scene, proceed(scene, draft), Answer())


def back(scene: Scene, state: Drafting, event: SteppedBack) -> Turn:
    question = scene.programme.question(state.question)
    if question is None:
        return show(scene, proceed(scene, state.draft), Answer())
    first_part = question.methods.photo.sides[0] if isinstance(question, IdentityQuestion) else ""
    if state.part != first_part:
        return show(scene, ask(scene, state.draft, question), Answer())
    if state.draft.returned:  # to what is asked for, not to answers that are not
        return show(scene, proceed(scene, state.draft), Answer())
    before = scene.programme.before(question, state.draft)
    if before is None:
        return show(scene, state, Answer(), notes=(Say("nothing_before"),))
    return show(scene, ask(scene, state.draft, before), Answer())


def back_from_consent(scene: Scene, state: Consenting, event: SteppedBack) -> Turn:
    if state.draft.returned:
        return show(scene, Confirming(draft=state.draft), Answer())
    places = {consent.key: consent.before for consent in scene.programme.consents}
    question = scene.programme.question(places.get(state.consent, ""))
    before = scene.programme.before(question, state.draft) if question else None
    return show(scene, ask(scene, state.draft, before) if before else state, Answer())


def back_from_photo(scene: Scene, state: Checking, event: SteppedBack) -> Turn:
    return show(scene, Drafting(draft=state.draft, question=state.question, part=state.part), Answer())


def back_from_summary(scene: Scene, state: Confirming, event: SteppedBack) -> Turn:
    if state.draft.returned:
        return tell_once(scene, "nothing_before")
    return show(scene, ask(scene, state.draft, scene.programme.asked(state.draft)[-1]), Answer())


def edit(scene: Scene, state: Confirming | Drafting, event: EditAsked) -> Turn:
    question = scene.programme.question(event.question)
    if question is None or question not in scene.programme.asked(state.draft):
        return toast(scene, "stale")
    if not may_change(scene.programme, state.draft, question):
        return toast(scene, "not_asked_for", alert=True)
    return show(scene, ask(scene, state.draft, question), Answer())


# the photo


def photo(scene: Scene, state: Drafting | Checking, event: PhotoArrived) -> Turn:
    """Fetch it as an errand. Of an album only the first picture is taken."""
    if event.album and event.album == scene.applicant.album:
        return stay(scene)
    question = scene.programme.question(state.question)
    asked = Drafting(draft=state.draft, question=state.question, part=state.part)
    if not isinstance(question, IdentityQuestion):
        note = Say("no_photo_here", {"question": question} if question else {})
        return show(
            scene, asked if question else proceed(scene, state.draft), notes=(note,), album=event.album
        )
    if event.size > FILE_LIMIT:
        note = Say("photo_too_big_file", {"limit_megabytes": FILE_LIMIT >> 20})
        return show(scene, asked, notes=(note,), album=event.album)
    due = ask(scene, state.draft, question, state.part)
    if not isinstance(
        due, Drafting
    ):  # what he agreed to is another text now: nothing is fetched before he has read it
        return show(scene, due, notes=notes_before(scene, due, "form_changed"), album=event.album)
    attempt = scene.applicant.step + 1
    checking = Checking(
        draft=state.draft,
        question=state.question,
        part=state.part,
        attempt=attempt,
        since=scene.now,
        message_id=event.message_id,
    )
    fetch = FetchPhoto(event.file_id, state.question, state.part, attempt)
    return move(scene, checking, fetch, album=event.album)


def photo_at_summary(scene: Scene, state: Confirming, event: PhotoArrived) -> Turn:
    """Asked for another photo, he need not press its button first."""
    for question in flagged(scene.programme, state.draft):
        if isinstance(question, IdentityQuestion):
            side = question.methods.photo.sides[0]
            return photo(scene, Drafting(draft=state.draft, question=question.key, part=side), event)
    return tell_once(scene, "photo_not_asked")


def photo_checked(scene: Scene, state: Checking, event: PhotoChecked) -> Turn:
    """A result for an earlier attempt is dropped; a refusal asks again; a picture is kept and the dialogue goes on."""
    if event.attempt != state.attempt:
        return stay(scene)
    question = scene.programme.question(state.question)
    if not isinstance(question, IdentityQuestion):
        return show(scene, proceed(scene, state.draft), notes=(Say("form_changed"),))
    asked = Drafting(draft=state.draft, question=state.question, part=state.part)
    if event.picture is None:
        return show(scene, asked, notes=(Say(event.refusal, dict(event.values)),))
    variant = scene.programme.variant(question, state.draft)
    answer = state.draft.answers.get(question.key)
    sides = answer.sides if isinstance(answer, Pictured) and answer.variant == variant else {}
    pictured = Pictured(variant=variant, sides={**sides, state.part: event.picture})
    draft = ticked(scene.programme, state.draft.with_answer(question.key, pictured), question)
    lost = photo_ids(state.draft.answers) - photo_ids(draft.answers)
    effects: list[Effect] = [
        KeepPhoto(event.picture, question.key, state.part),
        Audit("photo_stored", state.part),
    ]
    effects += dropped(lost, "replaced")
    turn = after_photo(scene, draft, question, pictured, event).and_also(*effects)
    unsend = (Button("unsend", str(state.message_id)),) if state.message_id else ()
    return further(turn, (unsend,))


def after_photo(
    scene: Scene, draft: Draft, question: IdentityQuestion, pictured: Pictured, event: PhotoChecked
) -> Turn:
    """The next required side, or whatever comes next, with an offer of the further sides."""
    warnings = event.picture.warnings if event.picture else ()
    notes = (Say("photo_taken", {"album": scene.applicant.album != ""}), *(Say(name) for name in warnings))
    required = [side for side in question.methods.photo.sides if side not in pictured.sides]
    if required:
        return show(scene, Drafting(draft=draft, question=question.key, part=required[0]), notes=notes)
    turn = show(scene, proceed(scene, draft), notes=notes)
    offers = tuple(
        Button("side", side, label="add_side", values={"question": question.key})
        for side in question.methods.photo.optional_sides
        if side not in pictured.sides
    )
    retake = (Button("edit", question.key, label="retake"),) if warnings else ()
    return further(turn, (offers, retake))


def further(turn: Turn, rows: Rows) -> Turn:
    """With further buttons under what is said; what is said comes last."""
    says = [effect for effect in turn.effects if isinstance(effect, Say)]
    rest = tuple(effect for effect in turn.effects if not isinstance(effect, Say))
    shown = tuple(row for row in rows if row)
    return Turn(turn.applicant, (*rest, *(with_rows(say, shown) for say in says)))


def with_rows(say: Say, rows: Rows) -> Say:
    return Say(say.name, say.values, (*say.buttons, *rows), say.prompt, say.notes)


def add_side(scene: Scene, state: Drafting | Confirming, event: SideOffered) -> Turn:
    for question in scene.programme.asked(state.draft):
        if isinstance(question, IdentityQuestion) and event.side in question.methods.photo.all_sides:
            if not may_change(scene.programme, state.draft, question):
                return toast(scene, "not_asked_for", alert=True)
            return show(scene, ask(scene, state.draft, question, event.side), Answer())
    return toast(scene, "stale")


# submitting


def submit(scene: Scene, state: Confirming, event: Submitted) -> Turn:
    """Only from a summary in which nothing is missing, under the text as it now is."""
    due = proceed(scene, state.draft)
    if not isinstance(due, Confirming):
        return show(scene, due, Answer(), notes=notes_before(scene, due, "something_missing"))
    if left_to_do(scene.programme, state.draft):
        return show(scene, state, Answer(), notes=(Say("something_missing"),))
    if question := scene.programme.outgrown(state.draft):
        draft = state.draft.without(question.key)
        return show(scene, ask(scene, draft, question), Answer(), notes=(Say("form_changed"),))
    recalled = state.draft.recalled
    record = consent_record(scene, AGREEMENT, act="submit_application")
    if ticked := scene.applicant.agreed.get(
        AGREEMENT
    ):  # the text he has read, whatever language he speaks now
        read = ticked.model_dump(include={"text_hash", "language", "version"})
        record = record.model_copy(update=read)
    application = Application(
        receipt=recalled.receipt if recalled else f"{scene.programme.receipt_prefix}-{scene.fresh}",
        revision=recalled.revision + 1 if recalled else 1,
        round=recalled.round + 1 if recalled else 0,
        language=scene.applicant.language,
        submitted_at=scene.now,
        answers=scene.programme.kept(state.draft),
        skipped=tuple(key for key in state.draft.skipped if scene.programme.question(key)),
        views=recalled.views if recalled else (),
        talk=recalled.talk if recalled else (),
        returned=what_was(state.draft),
        claimed_by=state.draft.returned.by if state.draft.returned else None,  # who asked looks first
        earlier=scene.applicant.past,
    )
    kept, held = photo_ids(application.answers), photo_ids(state.draft.answers)
    return show(
        scene,
        Waiting(application=application),
        Answer(),
        *entered(record),
        Audit("submitted", f"{application.receipt} {application.revision}"),
        *dropped(held - kept, "not_asked"),
        Refresh(application.receipt, anew=True),
        notes=(Say("submitted", {"application": application}),),
        reminded=0,
    )


def notes_before(scene: Scene, due: Unsubmitted, name: str) -> tuple[Say, ...]:
    """A note above what is due; none where a text that changed says for itself what is new."""
    asks_again = isinstance(due, Reading | Consenting) and has_changed(scene, due.consent)
    return () if asks_again else (Say(name),)


def recall(scene: Scene, state: Waiting | Rejecting | Deciding, event: Recalled) -> Turn:
    """Possible until a reviewer has claimed it or decided."""
    if not isinstance(state, Waiting) or state.application.claimed_by:
        return toast(scene, "too_late_to_recall", alert=True)
    application = state.application
    draft = recalled_draft(application)
    audit = Audit("recalled", application.receipt)
    over = (Refresh(application.receipt), HidePhotos(application.receipt))
    return show(scene, proceed(scene, draft), Answer(), audit, *over, notes=(Say("recalled"),))


def nudge(scene: Scene, state: Waiting | Rejecting | Deciding, event: Nudged) -> Turn:
    if not may_nudge(scene, state) or not isinstance(state, Waiting):
        return toast(scene, "too_soon_to_nudge", alert=True)
    application = state.application.model_copy(update={"nudged_at": scene.now})
    return stay(
        scene,
        Answer("nudged"),
        Refresh(application.receipt),
        Audit("nudged", application.receipt),
        state=Waiting(application=application),
    )


def drop_draft(scene: Scene, state: Unsubmitted, event: DraftDeleted) -> Turn:
    """The unfinished answers go. A recalled application is not a draft only: it is withdrawn instead."""
    if state.draft.recalled:
        return toast(scene, "withdraw_instead", alert=True)
    photos = tuple(sorted(photo_ids(state.draft.answers)))
    drop = (DropPhotos(photos),) if photos else ()
    ended = (*drop, EndConsents(scene.now), Audit("draft_deleted"))
    return move(scene, Fresh(), Answer(), *ended, Say("draft_deleted"), agreed={})


# what does not fit


def wait_for_photo(scene: Scene, state: Checking, event: Replied) -> Turn:
    return tell_once(scene, "photo_being_checked")


def press_please(scene: Scene, state: Reading | Consenting, event: Replied) -> Turn:
    return tell_once(scene, "press_a_button")


def summary_is_buttons(scene: Scene, state: Confirming, event: Replied) -> Turn:
    return tell_once(scene, "press_submit_or_edit")


PLACES = (Reading, Consenting, Drafting, Confirming)  # where `proceed` can lead

RULES: tuple[Rule | tuple[Rule, ...], ...] = (
    on(Fresh, Started, begin, Reading),
    on(Fresh, Continued, begin, Reading),
    across((Reading, Consenting, Drafting, Checking, Confirming), Started, resume, *PLACES),
    across((Consenting, Drafting, Checking, Confirming), Continued, resume, *PLACES),
    across((Reading, Consenting, Drafting, Confirming), CameEarly, resume, *PLACES),
    across((Waiting, Rejecting, Deciding, Settled), Started, show_again),
    across((Waiting, Rejecting, Deciding), Continued, show_again),
    on(Settled, Continued, apply_again, Reading),
    on(Reading, Ticked, tick),
    on(Reading, PageTurned, turn_page),
    on(Reading, Continued, agree, *PLACES),
    on(Reading, AgreementDeclined, decline, Fresh),
    on(Reading, Replied, press_please),
    on(Consenting, ConsentGiven, consent, *PLACES),
    on(Consenting, ConsentRefused, refuse, *PLACES),
    on(Consenting, SteppedBack, back_from_consent, Reading, Drafting, Confirming),
    on(Consenting, Replied, press_please),
    on(Drafting, Replied, reply, *PLACES),
    on(Drafting, OptionChosen, pick, *PLACES),
    on(Drafting, Skipped, skip, *PLACES),
    on(Drafting, AnswerKept, keep_answer, *PLACES),
    on(Drafting, SteppedBack, back, *PLACES),
    on(Drafting, EditAsked, edit, Reading, Consenting),
    on(Drafting, PhotoArrived, photo, Checking, Consenting, Confirming, Reading),
    on(Drafting, SideOffered, add_side, Reading, Consenting),
    on(Checking, PhotoArrived, photo, *PLACES),
    on(Checking, PhotoChecked, photo_checked, *PLACES),
    on(Checking, SteppedBack, back_from_photo, Drafting),
    on(Checking, Replied, wait_for_photo),
    on(Confirming, Submitted, submit, Waiting, *PLACES),
    on(Confirming, EditAsked, edit, Reading, Drafting, Consenting),
    on(Confirming, SteppedBack, back_from_summary, Reading, Drafting, Consenting),
    on(Confirming, SideOffered, add_side, Reading, Drafting, Consenting),
    on(Confirming, Replied, summary_is_buttons),
    on(Confirming, PhotoArrived, photo_at_summary, Checking, Consenting, Drafting, Reading),
    across((Reading, Consenting, Drafting, Checking, Confirming), DraftDeleted, drop_draft, Fresh),
    on(Waiting, Recalled, recall, *PLACES),
    across((Rejecting, Deciding), Recalled, recall),
    across((Waiting, Rejecting, Deciding), Nudged, nudge),
)
