"""What a person may ask for at any time: help, language, status, and his rights over what is kept of him.

Each of these works in every state and, unless it is confirmed, changes nothing of where he stands.
"""

from dataclasses import replace
from datetime import datetime

from conversations.application import (
    Closed,
    closed_up,
    photo_ids,
    recalled_draft,
)
from conversations.effects import (
    Answer,
    Audit,
    Button,
    DropPhotos,
    Effect,
    EndConsents,
    Erase,
    HidePhotos,
    Refresh,
    RemoveMessage,
    Rows,
    Say,
    SendData,
    SendReceipt,
)
from conversations.events import (
    AgreementAsked,
    CameEarly,
    CancelAsked,
    ConsentsEnded,
    CorrectionAsked,
    DataAsked,
    ErasureAsked,
    ErasureConfirmed,
    ErasureOrdered,
    FellSilent,
    HelpAsked,
    LanguageAsked,
    LanguageChosen,
    LeftAsItIs,
    MessageEdited,
    PhotoArrived,
    PhotoUnsent,
    PrivacyAsked,
    ReceiptAsked,
    Replied,
    Rushed,
    SomethingElse,
    StalePressed,
    StatusAsked,
    SteppedBack,
    UnknownCommand,
    WithdrawalAsked,
    Withdrew,
)
from conversations.keeping import PHOTOS, all_goes_at, goes_at, goings
from conversations.photos import without_its_photo, without_photos
from conversations.programme import AGREEMENT
from conversations.prompts import edit_rows, proceed, reapply_from, resumed, show
from conversations.rules import Rule, Scene, Turn, across, move, stay, tell_once, toast
from conversations.state import (
    ALL_STATES,
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
    application_of,
    draft_of,
    told_state,
)

YES_NO = "danger"

# seeing


def say(scene: Scene, name: str, buttons: Rows = (), **values: object) -> Turn:
    """A message beside the dialogue, answering the press that asked for it."""
    answer = (Answer(),) if scene.pressed else ()
    return stay(scene, *answer, Say(name, values, buttons))


def help_(scene: Scene, state: State, event: HelpAsked) -> Turn:
    return say(scene, "help", state=state.kind, reviews=event.reviews)


def privacy(scene: Scene, state: State, event: PrivacyAsked) -> Turn:
    first = (Button("terms", "0"), Button("receipt")) if scene.applicant.agreed else (Button("terms", "0"),)
    return say(scene, "privacy", (first, rights_row(state, Button("mydata"))))


def has_ended(state: State) -> bool:
    """Nothing is left to withdraw or to correct: no consent stands any more, or none was given yet."""
    return isinstance(state, Fresh) or (isinstance(state, Settled) and state.closed.outcome != "approved")


def rights_row(state: State, *first: Button) -> tuple[Button, ...]:
    """The rights that can be used as he now stands."""
    return (*first, Button("delete")) if has_ended(state) else (*first, Button("withdraw"), Button("delete"))


def terms(scene: Scene, state: State, event: AgreementAsked) -> Turn:
    """The agreement again, only to be read: nothing of where he stands changes."""
    page = int(event.page) if event.page.isdecimal() and len(event.page) < 3 else 0
    return say(scene, "agreement_again", consent=AGREEMENT, page=page)


def status(scene: Scene, state: State, event: StatusAsked) -> Turn:
    """Where he stands; the state's own message says it."""
    if isinstance(state, Checking | Reading):
        return say(scene, "status", state=state.kind)
    return show(
        scene, resumed(scene), *((Answer(),) if scene.pressed else ()), notes=status_notes(scene, state)
    )


def status_notes(scene: Scene, state: State) -> tuple[Say, ...]:
    draft = draft_of(state)
    if draft is None or draft.returned:  # the checklist says it itself
        return ()
    asked = scene.programme.asked(draft)
    done = sum(scene.programme.is_settled(question, draft) for question in asked)
    return (Say("status", {"state": state.kind, "done": done, "total": len(asked)}),)


def language(scene: Scene, state: State, event: LanguageAsked) -> Turn:
    if len(scene.programme.languages) == 1:
        return tell_once(scene, "unknown_command")
    row = tuple(Button("speak", code, label="language_name") for code in scene.programme.languages)
    return say(scene, "choose_language", (row,))


def speak(scene: Scene, state: State, event: LanguageChosen) -> Turn:
    """The place is kept; what is asked is asked again in the other language."""
    if event.language not in scene.programme.languages:
        return toast(scene, "stale")
    after = resumed(scene)
    if isinstance(after, Reading):  # another text: it has not been ticked
        after = after.model_copy(update={"ticked": False, "page": 0})
    elif isinstance(after, Checking):
        return stay(scene, Answer(), Say("language_set"), language=event.language)
    applicant = scene.applicant.model_copy(update={"language": event.language})
    spoken = Scene(scene.programme, applicant, scene.now, scene.fresh, scene.pressed)
    return show(spoken, after, Answer(), notes=(Say("language_set"),))


def mydata(scene: Scene, state: State, event: DataAsked) -> Turn:
    application, draft = application_of(state), draft_of(state)
    answers = application.answers if application else scene.programme.kept(draft) if draft else {}
    dates = {one.thing: one.at for one in goings(scene.programme, scene.applicant)}
    main_goes_at, photos_go_at = goes_at(scene.programme, scene.applicant), dates.get(PHOTOS)
    values = {
        "applicant": scene.applicant,
        "state": state.kind,
        "questions": [question for question in scene.programme.questions if question.key in answers],
        "answers": answers,
        "application": application or (draft.recalled if draft else None),
        "closed": state.closed if isinstance(state, Settled) else None,
        "is_draft": draft is not None,
        "recalled": draft is not None and draft.recalled is not None,
        "has_photos": bool(photo_ids(answers)),
        "photos_go_at": photos_go_at if photos_go_at != main_goes_at else None,
        "past": [(one, dates[one.receipt]) for one in scene.applicant.past],
        "goes_at": main_goes_at,
        "is_last": main_goes_at == all_goes_at(scene.programme, scene.applicant),
    }
    first = (Button("correct"),) if answers and not has_ended(state) else ()
    buttons = (rights_row(state, *first),)
    answer = (Answer(),) if scene.pressed else ()
    return stay(
        scene, *answer, Say("mydata", values, buttons), SendData(), Audit("data_shown", told_state(state))
    )


def receipt(scene: Scene, state: State, event: ReceiptAsked) -> Turn:
    return stay(scene, Answer(), SendReceipt(), Audit("receipt_given", told_state(state)))


def unsend(scene: Scene, state: State, event: PhotoUnsent) -> Turn:
    """What he sent himself goes from his chat; what is stored stays."""
    if not event.message_id.isdecimal():
        return toast(scene, "stale")
    return stay(scene, Answer("photo_unsent"), RemoveMessage(int(event.message_id)))


# correcting


def correct(scene: Scene, state: State, event: CorrectionAsked) -> Turn:
    return ways_to_correct(scene, state).and_also(Audit("correction_asked", told_state(state)))


def ways_to_correct(scene: Scene, state: State) -> Turn:
    """In a draft, by a list of what is answered; once submitted, by recalling it; later, by writing to the contact."""
    if isinstance(state, Unsubmitted):
        return correct_draft(scene, state)
    if isinstance(state, Waiting) and not state.application.claimed_by:
        return say(scene, "correct_by_recall", ((Button("recall"), Button("keep")),))
    if isinstance(state, Waiting | Rejecting | Deciding):
        return say(scene, "correct_by_contact", ((Button("withdraw"),),), state=state.kind)
    if isinstance(state, Settled):
        return say(scene, "correct_by_contact", state=state.kind)
    return say(scene, "nothing_to_correct")


def correct_draft(scene: Scene, state: Unsubmitted) -> Turn:
    draft = state.draft
    answered = [question for question in scene.programme.asked(draft) if question.key in draft.answers]
    if not answered:
        return say(scene, "nothing_to_correct")
    if isinstance(state, Checking):
        return tell_once(scene, "photo_being_checked")
    if isinstance(state, Reading):
        return say(scene, "agreement_first")
    if draft.returned:
        return show(scene, Confirming(draft=draft), Answer())
    values = {"questions": answered, "answers": draft.answers}
    rows = (*edit_rows(answered), (Button("go"),))
    return move(scene, Confirming(draft=draft), Answer(), Say("correct", values, rows, True))


# leaving


def cancel(scene: Scene, state: State, event: CancelAsked) -> Turn:
    if not isinstance(state, Unsubmitted):
        return say(scene, "nothing_to_cancel", state=state.kind)
    if state.draft.recalled:
        return say(scene, "cancel_recalled", ((Button("go"), Button("leave", style=YES_NO)),))
    return say(scene, "cancel", ((Button("go"), Button("drop", style=YES_NO)),))


def leave_as_is(scene: Scene, state: State, event: LeftAsItIs) -> Turn:
    is_draft = isinstance(state, Unsubmitted) and state.draft.answers and not state.draft.recalled
    return toast(scene, "draft_kept" if is_draft else "nothing_changed")


def ask_withdraw(scene: Scene, state: State, event: WithdrawalAsked) -> Turn:
    if has_ended(state):
        return say(scene, "nothing_to_withdraw", ((Button("delete"),),))
    is_draft = isinstance(state, Unsubmitted) and not state.draft.recalled
    name = "withdraw_draft" if is_draft else "withdraw"
    return say(scene, name, ((Button("leave", style=YES_NO), Button("keep")),), state=state.kind)


def withdraw(scene: Scene, state: State, event: Withdrew | FellSilent, notes: tuple[Say, ...] = ()) -> Turn:
    """Consent ends and processing with it."""
    if isinstance(state, Settled) and state.closed.outcome != "approved":
        return toast(scene, "nothing_changed")
    after, effects = withdrawn(state, scene.now, "asked" if isinstance(event, Withdrew) else "expired")
    if isinstance(after, Fresh):
        return move(scene, after, Answer(), *effects, Say("withdrawn_draft"), agreed={})
    return show(scene, after, Answer(), *effects, notes=notes, agreed={})


def withdrawn(state: State, at: datetime, why: str) -> tuple[State, tuple[Effect, ...]]:
    """A submitted application closes, a draft goes."""
    application = application_of(state)
    draft = draft_of(state)
    if draft is not None:
        application = draft.recalled
    audit = Audit("withdrawn", f"{application.receipt if application else '-'} {why}")
    ended: tuple[Effect, ...] = (EndConsents(at), audit)
    if application is None:
        photos = tuple(sorted(photo_ids(draft.answers))) if draft else ()
        return Fresh(), (*ended, DropPhotos(photos)) if photos else ended
    if draft is not None and photo_ids(draft.answers) != photo_ids(application.answers):
        application = without_photos(application)  # some were replaced since the recall
        held = tuple(sorted(photo_ids(draft.answers)))
        ended = (*ended, DropPhotos(held)) if held else ended
    closed = Closed(
        receipt=application.receipt, outcome="withdrawn", submitted_at=application.submitted_at, at=at
    )
    after = (Refresh(application.receipt), HidePhotos(application.receipt))
    return Settled(application=closed_up(application), closed=closed), (*ended, *after)


def withdraw_again(scene: Scene, state: State, event: ConsentsEnded) -> Turn:
    """What followed then follows now, and counts from then. He knows it, and is not told."""
    if event.document:
        return refuse_again(scene, state, event)
    if has_ended(state):
        return stay(scene, EndConsents(event.at), Audit("withdrawn", "- again"), agreed={})
    after, effects = withdrawn(state, event.at, "again")
    return move(scene, after, *effects, agreed={})


def refuse_again(scene: Scene, state: State, event: ConsentsEnded) -> Turn:
    """A reworded text was refused, of an application that was open for changes then: so it is again, without the photo
    that stood on it. He is told when reviewers had it before them, since it waits for him now."""
    ended = (EndConsents(event.at, event.document), Audit("consent_withdrawn", f"{event.document} again"))
    agreed = {key: one for key, one in scene.applicant.agreed.items() if key != event.document}
    scene = replace(scene, applicant=scene.applicant.model_copy(update={"agreed": agreed}))
    if isinstance(state, Unsubmitted):  # he is asked for it when he goes on
        draft, gone = without_its_photo(scene.programme, state.draft, event.document)
        return Turn(show(scene, proceed(scene, draft)).applicant, (*ended, *gone))
    if not isinstance(state, Waiting | Rejecting | Deciding):
        return stay(scene, *ended)
    receipt = state.application.receipt
    recalled = (Audit("recalled", receipt), Refresh(receipt), HidePhotos(receipt))
    draft, gone = without_its_photo(scene.programme, recalled_draft(state.application), event.document)
    return show(scene, proceed(scene, draft), *ended, *recalled, *gone, notes=(Say("recalled"),))


def ask_erase(scene: Scene, state: State, event: ErasureAsked) -> Turn:
    """Says first what goes and what stays, and why."""
    values = {"state": state.kind, "barred_until": barred_until(scene)}
    buttons = ((Button("erase", style=YES_NO), Button("keep")),)
    answer = (Answer(),) if scene.pressed else ()
    return stay(scene, *answer, Say("erase", values, buttons))


def erase(scene: Scene, state: State, event: ErasureConfirmed) -> Turn:
    return erased(scene, Answer(), Erase("asked", barred_until(scene), "erased"))


def erase_as_ordered(scene: Scene, state: State, event: ErasureOrdered) -> Turn:
    return erased(scene, Erase("operator", barred_until(scene), "erased_by_operator"))


def erased(scene: Scene, *effects: Effect) -> Turn:
    """Nothing of him is left, and no consent stands any more."""
    return move(scene, Fresh(), *effects, agreed={})


def barred_until(scene: Scene) -> datetime | None:
    """Someone rejected cannot shorten his wait by deleting himself, however often."""
    until = scene.applicant.barred_until
    if isinstance(scene.state, Settled) and scene.state.closed.outcome == "rejected":
        until = reapply_from(scene, scene.state)
    return until if until and until > scene.now else None


# what does not fit, in any state


def edited(scene: Scene, state: State, event: MessageEdited) -> Turn:
    return tell_once(scene, "edits_do_not_count")


def something_else(scene: Scene, state: State, event: SomethingElse) -> Turn:
    return tell_once(scene, "cannot_use_this", what=event.what)


def unknown_command(scene: Scene, state: State, event: UnknownCommand) -> Turn:
    return tell_once(scene, "unknown_command")


def rushed(scene: Scene, state: State, event: Rushed) -> Turn:
    return tell_once(scene, "too_fast")


def stale(scene: Scene, state: State, event: StalePressed) -> Turn:
    return toast(scene, "stale")


def nothing_open(scene: Scene, state: State, event: Replied) -> Turn:
    """How it stands, once: whatever else he says is not asked for, and goes to nobody; he is told where to turn."""
    if "nothing_open" in scene.applicant.said:
        return stay(scene)
    notes = (Say("talk_over", {"outcome": state.closed.outcome}),) if isinstance(state, Settled) else ()
    return show(scene, state, notes=notes, said=("nothing_open",))


def photo_not_asked(scene: Scene, state: State, event: PhotoArrived) -> Turn:
    return tell_once(scene, "photo_not_asked")


def nothing_back(scene: Scene, state: State, event: SteppedBack) -> Turn:
    return tell_once(scene, "nothing_before")


def pass_over(scene: Scene, state: State, event: CameEarly) -> Turn:
    return stay(scene)


UNFINISHED = (Reading, Consenting, Drafting, Checking, Confirming)
NOT_OPEN = (Fresh, *UNFINISHED, Settled)

RULES: tuple[Rule | tuple[Rule, ...], ...] = (
    across(ALL_STATES, HelpAsked, help_),
    across(ALL_STATES, PrivacyAsked, privacy),
    across(ALL_STATES, AgreementAsked, terms),
    across(ALL_STATES, StatusAsked, status, *UNFINISHED),
    across(ALL_STATES, LanguageAsked, language),
    across(ALL_STATES, LanguageChosen, speak, *UNFINISHED),
    across(ALL_STATES, DataAsked, mydata),
    across(ALL_STATES, ReceiptAsked, receipt),
    across(ALL_STATES, PhotoUnsent, unsend),
    across(ALL_STATES, CorrectionAsked, correct, Confirming),
    across(ALL_STATES, CancelAsked, cancel),
    across(ALL_STATES, LeftAsItIs, leave_as_is),
    across(ALL_STATES, WithdrawalAsked, ask_withdraw),
    across(ALL_STATES, Withdrew, withdraw, Fresh, Settled),
    across(
        ALL_STATES, ConsentsEnded, withdraw_again, Fresh, Settled, Reading, Consenting, Drafting, Confirming
    ),
    across(ALL_STATES, ErasureAsked, ask_erase),
    across(ALL_STATES, ErasureConfirmed, erase, Fresh),
    across(ALL_STATES, ErasureOrdered, erase_as_ordered, Fresh),
    across(ALL_STATES, MessageEdited, edited),
    across(NOT_OPEN, SomethingElse, something_else),
    across(ALL_STATES, UnknownCommand, unknown_command),
    across(ALL_STATES, StalePressed, stale),
    across(ALL_STATES, Rushed, rushed),
    across((Fresh, Settled), Replied, nothing_open),
    across(
        (Fresh, Reading, Consenting, Settled),
        PhotoArrived,
        photo_not_asked,
    ),
    across((Fresh, Reading, Waiting, Rejecting, Deciding, Settled), SteppedBack, nothing_back),
    across((Fresh, Checking, Waiting, Rejecting, Deciding, Settled), CameEarly, pass_over),
)
