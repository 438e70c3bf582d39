"""What happened, in the past tense. A press on a button is an event named by its `verb`.

Every event of an applicant carries nothing of Telegram but plain values; ids of messages serve to tell
whether a reply was written before the question could be read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from conversations.application import Picture, Reviewer


@dataclass(frozen=True, slots=True)
class Event:
    """Anything that can happen to a person's dialogue."""

    verb: ClassVar[str] = ""


# typed or sent


@dataclass(frozen=True, slots=True)
class Started(Event):
    """/start, with what a deep link carried."""

    payload: str = ""


@dataclass(frozen=True, slots=True)
class Replied(Event):
    text: str


@dataclass(frozen=True, slots=True)
class PhotoArrived(Event):
    """A photo, or a file that may hold one. `size` in bytes, 0 when unknown; `album` joins what was sent together."""

    file_id: str
    size: int = 0
    message_id: int = 0
    album: str = ""


@dataclass(frozen=True, slots=True)
class MessageEdited(Event):
    """He changed a message he had sent."""


@dataclass(frozen=True, slots=True)
class SomethingElse(Event):
    """A sticker, a voice message, a contact, a place ...: `what` names it."""

    what: str


@dataclass(frozen=True, slots=True)
class CameEarly(Event):
    """A reply written before the present question could be read. `on_its_way`: the question stands below it anyway."""

    on_its_way: bool = False


@dataclass(frozen=True, slots=True)
class Rushed(Event):
    """He writes or presses faster than he can be answered; what he wrote was not looked at."""


@dataclass(frozen=True, slots=True)
class UnknownCommand(Event):
    """A command nobody declared."""


@dataclass(frozen=True, slots=True)
class StalePressed(Event):
    """A press on a button of an earlier step, or on one that is not ours."""


# commands that work everywhere (most of them are buttons too)


@dataclass(frozen=True, slots=True)
class HelpAsked(Event):
    """`reviews`: the one who asks is known to be a reviewer as well."""

    verb = "help"
    reviews: bool = False


@dataclass(frozen=True, slots=True)
class LanguageAsked(Event):
    verb = "language"


@dataclass(frozen=True, slots=True)
class LanguageChosen(Event):
    verb = "speak"
    language: str


@dataclass(frozen=True, slots=True)
class StatusAsked(Event):
    verb = "status"


@dataclass(frozen=True, slots=True)
class SteppedBack(Event):
    verb = "back"


@dataclass(frozen=True, slots=True)
class CancelAsked(Event):
    verb = "cancel"


@dataclass(frozen=True, slots=True)
class DraftDeleted(Event):
    verb = "drop"


@dataclass(frozen=True, slots=True)
class LeftAsItIs(Event):
    """No to a question of confirmation: nothing changes."""

    verb = "keep"


@dataclass(frozen=True, slots=True)
class PrivacyAsked(Event):
    verb = "privacy"


@dataclass(frozen=True, slots=True)
class AgreementAsked(Event):
    """He wants to read the agreement again, beside whatever is going on."""

    verb = "terms"
    page: str


@dataclass(frozen=True, slots=True)
class DataAsked(Event):
    verb = "mydata"


@dataclass(frozen=True, slots=True)
class ReceiptAsked(Event):
    """He wants the proof of what he agreed to."""

    verb = "receipt"


@dataclass(frozen=True, slots=True)
class PhotoUnsent(Event):
    """He wants the photo he sent to go from the chat, now that it is stored. `message_id`: in digits."""

    verb = "unsend"
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class CorrectionAsked(Event):
    verb = "correct"


@dataclass(frozen=True, slots=True)
class WithdrawalAsked(Event):
    verb = "withdraw"


@dataclass(frozen=True, slots=True)
class Withdrew(Event):
    verb = "leave"


@dataclass(frozen=True, slots=True)
class ErasureAsked(Event):
    verb = "delete"


@dataclass(frozen=True, slots=True)
class ErasureConfirmed(Event):
    verb = "erase"


# presses along the way


@dataclass(frozen=True, slots=True)
class PageTurned(Event):
    """Another page of the agreement."""

    verb = "page"
    page: str


@dataclass(frozen=True, slots=True)
class Ticked(Event):
    """The agreement's box: "on" or "off"."""

    verb = "tick"
    box: str


@dataclass(frozen=True, slots=True)
class Continued(Event):
    """Continue under the agreement, or Continue with the draft."""

    verb = "go"


@dataclass(frozen=True, slots=True)
class AgreementDeclined(Event):
    verb = "decline"


@dataclass(frozen=True, slots=True)
class ConsentGiven(Event):
    verb = "agree"
    consent: str


@dataclass(frozen=True, slots=True)
class ConsentRefused(Event):
    verb = "refuse"
    consent: str


@dataclass(frozen=True, slots=True)
class OptionChosen(Event):
    verb = "pick"
    option: str


@dataclass(frozen=True, slots=True)
class SideOffered(Event):
    """He wants to add another side of the card."""

    verb = "side"
    side: str


@dataclass(frozen=True, slots=True)
class Skipped(Event):
    verb = "skip"


@dataclass(frozen=True, slots=True)
class AnswerKept(Event):
    """He stepped back, looked, and leaves the answer as it is."""

    verb = "same"


@dataclass(frozen=True, slots=True)
class EditAsked(Event):
    verb = "edit"
    question: str


@dataclass(frozen=True, slots=True)
class Submitted(Event):
    verb = "submit"


@dataclass(frozen=True, slots=True)
class Recalled(Event):
    verb = "recall"


@dataclass(frozen=True, slots=True)
class WordsPassedOn(Event):
    """The reviewers are to read what he typed."""

    verb = "pass_on"


@dataclass(frozen=True, slots=True)
class WordsHeldBack(Event):
    verb = "hold_back"


@dataclass(frozen=True, slots=True)
class Nudged(Event):
    verb = "nudge"


# reviewers


@dataclass(frozen=True, slots=True)
class ReviewEvent(Event):
    """Something a reviewer did to an application's card."""

    by: Reviewer


@dataclass(frozen=True, slots=True)
class Approved(ReviewEvent):
    verb = "approve"


@dataclass(frozen=True, slots=True)
class RejectionBegun(ReviewEvent):
    verb = "reject"


@dataclass(frozen=True, slots=True)
class Rejected(ReviewEvent):
    verb = "because"
    reason: str


@dataclass(frozen=True, slots=True)
class RejectionDropped(ReviewEvent):
    verb = "unreject"


@dataclass(frozen=True, slots=True)
class Claimed(ReviewEvent):
    verb = "claim"


@dataclass(frozen=True, slots=True)
class Released(ReviewEvent):
    verb = "release"


@dataclass(frozen=True, slots=True)
class Undone(ReviewEvent):
    verb = "undo"


@dataclass(frozen=True, slots=True)
class ToldNow(ReviewEvent):
    verb = "tell"


@dataclass(frozen=True, slots=True)
class PhotoOpened(ReviewEvent):
    """He asked for the ID photo; `chat_id` is his private chat with the bot, 0 while he is still in the group."""

    verb = "view"
    chat_id: int = 0


@dataclass(frozen=True, slots=True)
class FormOpened(ReviewEvent):
    """He wants to compose a decision in his private chat; `chat_id` as above."""

    outcome: ClassVar[Literal["rejected", "returned"]]
    chat_id: int = 0


@dataclass(frozen=True, slots=True)
class RejectionOpened(FormOpened):
    """A rejection for several reasons, or with words of his own."""

    verb = "long"
    outcome = "rejected"


@dataclass(frozen=True, slots=True)
class ReturnOpened(FormOpened):
    """The applicant is to change something and submit it again."""

    verb = "return"
    outcome = "returned"


@dataclass(frozen=True, slots=True)
class PressOutdated(ReviewEvent):
    """A press on a card that has changed since, or on another card's button."""


@dataclass(frozen=True, slots=True)
class QuestionOpened(ReviewEvent):
    """He wants to ask the applicant something; `chat_id` as above."""

    verb = "ask"
    chat_id: int = 0


# reviewers, on the form in which one of them composes a decision, in his private chat


@dataclass(frozen=True, slots=True)
class FormEvent(ReviewEvent):
    """Something a reviewer did to his form."""


@dataclass(frozen=True, slots=True)
class ReasonMarked(FormEvent):
    """`mark`: "+" or "-" and a reason's key. What the button said counts, however often it is pressed."""

    verb = "why"
    mark: str


@dataclass(frozen=True, slots=True)
class AnswerFlagged(FormEvent):
    """The applicant is to look at that answer again. `mark`: "+" or "-" and a question's key."""

    verb = "flag"
    mark: str


@dataclass(frozen=True, slots=True)
class WordsAsked(FormEvent):
    """He wants to know how to add words of his own."""

    verb = "words"


@dataclass(frozen=True, slots=True)
class WordsWritten(FormEvent):
    """He replied to the form: `message_id` of the reply in his chat. Without text where it was no text."""

    text: str
    chat_id: int
    message_id: int


@dataclass(frozen=True, slots=True)
class WordsDropped(FormEvent):
    verb = "unsay"


@dataclass(frozen=True, slots=True)
class Previewed(FormEvent):
    verb = "preview"


@dataclass(frozen=True, slots=True)
class PreviewClosed(FormEvent):
    verb = "compose"


@dataclass(frozen=True, slots=True)
class FormDecided(FormEvent):
    """`outcome`: what the button said."""

    verb = "decide"
    outcome: str


@dataclass(frozen=True, slots=True)
class FormDropped(FormEvent):
    verb = "discard"


@dataclass(frozen=True, slots=True)
class QuestionWritten(FormEvent):
    """He replied to the message in which he asks: `message_id` of the reply in his chat; as `WordsWritten`."""

    text: str
    chat_id: int
    message_id: int


@dataclass(frozen=True, slots=True)
class QuestionSent(FormEvent):
    """The applicant is to read it. `edition`: of the words that stood above the button."""

    verb = "relay"
    edition: str


@dataclass(frozen=True, slots=True)
class QuestionDropped(FormEvent):
    verb = "unask"


@dataclass(frozen=True, slots=True)
class FormOutdated(FormEvent):
    """A press on a form of an earlier revision or round, or on another application's."""


# from the machinery


@dataclass(frozen=True, slots=True)
class PhotoChecked(Event):
    """What became of a photo: a stored picture, or the name of the message that says why not."""

    question: str
    part: str
    attempt: int
    picture: Picture | None = None
    refusal: str = ""
    values: tuple[tuple[str, str | int], ...] = ()


@dataclass(frozen=True, slots=True)
class UndoWindowPassed(Event):
    """Nobody undid the decision of that round. `told`: its owner heard of it already, and the data do not know it."""

    receipt: str
    round: int
    told: bool = False


@dataclass(frozen=True, slots=True)
class RetentionShortened(Event):
    """Other periods hold, since that time. `was`: when each thing that is kept of him would have gone before."""

    at: datetime
    was: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class DataRestored(Event):
    """A backup has taken the place of lost data: what he said and was told since is not known. `at`: when that was."""

    at: datetime


@dataclass(frozen=True, slots=True)
class ErasureOrdered(Event):
    """The operator has everything of this person erased."""


@dataclass(frozen=True, slots=True)
class ConsentsEnded(Event):
    """He had taken back his consents at that time, or that to one document, and the data do not know: they were
    restored from before it."""

    at: datetime
    document: str = ""


@dataclass(frozen=True, slots=True)
class FellSilent(Event):
    """Something is due by the clock: a reminder, an expiry, the end of a retention. `at_rest`: no bot runs, nobody can
    be told anything, and what he may have answered is not known: what hangs on either is left."""

    at_rest: bool = False


PRESSES: dict[str, type[Event]] = {
    event.verb: event
    for event in (
        HelpAsked,
        LanguageAsked,
        LanguageChosen,
        StatusAsked,
        SteppedBack,
        CancelAsked,
        DraftDeleted,
        LeftAsItIs,
        PrivacyAsked,
        AgreementAsked,
        DataAsked,
        ReceiptAsked,
        PhotoUnsent,
        CorrectionAsked,
        WithdrawalAsked,
        Withdrew,
        ErasureAsked,
        ErasureConfirmed,
        PageTurned,
        Ticked,
        Continued,
        AgreementDeclined,
        ConsentGiven,
        ConsentRefused,
        OptionChosen,
        SideOffered,
        Skipped,
        AnswerKept,
        EditAsked,
        Submitted,
        Recalled,
        Nudged,
        WordsPassedOn,
        WordsHeldBack,
    )
}
REVIEW_PRESSES: dict[str, type[ReviewEvent]] = {
    event.verb: event
    for event in (
        Approved,
        RejectionBegun,
        Rejected,
        RejectionDropped,
        Claimed,
        Released,
        Undone,
        ToldNow,
        PhotoOpened,
        RejectionOpened,
        ReturnOpened,
        QuestionOpened,
    )
}
FORM_PRESSES: dict[str, type[FormEvent]] = {
    event.verb: event
    for event in (
        ReasonMarked,
        AnswerFlagged,
        WordsAsked,
        WordsDropped,
        Previewed,
        PreviewClosed,
        FormDecided,
        FormDropped,
        QuestionSent,
        QuestionDropped,
    )
}
# These change nothing that a later step could contradict, so an old button still works.
TIMELESS: frozenset[str] = frozenset(
    event.verb
    for event in (
        HelpAsked,
        LanguageAsked,
        LanguageChosen,
        StatusAsked,
        PrivacyAsked,
        AgreementAsked,
        DataAsked,
        ReceiptAsked,
        PhotoUnsent,
        CorrectionAsked,
        CancelAsked,
        WithdrawalAsked,
        ErasureAsked,
        LeftAsItIs,
    )
)
