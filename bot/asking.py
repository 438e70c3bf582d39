"""The message in which a reviewer asks an applicant something: rendered from the database, each time it is sent."""

from typing import Any

from bot.buttons import Signer
from bot.cards import LAST_SAID
from bot.carrying import stamp_of
from bot.wording import Place, Wording
from conversations import Applicant, Programme
from conversations.application import Application
from conversations.asking import as_read, asking_of, whose
from conversations.composing import LONGEST_WORDS
from conversations.effects import Button, Rows, Say
from conversations.state import Rejecting, Waiting, application_of


class Questions:
    """What one reviewer sees of it: how to ask, in the reviewers' language; then what the applicant would read."""

    def __init__(self, programme: Programme, wording: Wording, signer: Signer) -> None:
        self._language = programme.review.language
        self._wording = wording
        self._signer = signer

    def render(self, applicant: Applicant, receipt: str, key: str, chat: int) -> dict[str, Any]:
        """Text and keyboard, as sendMessage and editMessageText take them."""
        state = applicant.state
        application = application_of(state)
        is_open = isinstance(state, Waiting | Rejecting)
        if application is None or application.receipt != receipt:
            is_open = False
        asking = asking_of(application, whose(key)) if application and is_open else None
        if application is None or asking is None:
            text = self._wording.named("question_over", self._language, receipt=receipt, is_open=is_open)
            return {"text": text, "keyboard": []}
        discard = Button("unask")  # the first button: a reply to the message is known by it
        if asking.words:
            text = self._wording.message(as_read(application, asking.words), applicant.language)
            send = Button("relay", str(asking.edition), style="primary")
            return self._body(text, ((discard, send),), application, chat)
        values: dict[str, object] = {
            "receipt": receipt,
            "most": LONGEST_WORDS,
            "language": applicant.language,
        }
        holder = application.claimed_by
        other = holder.name if holder and holder.ref != asking.by.ref else ""
        values |= {"holder": other, "talk": application.talk[-LAST_SAID:]}
        text = self._wording.message(Say("question", values), self._language)
        return self._body(text, ((discard,),), application, chat)

    def _body(self, text: str, rows: Rows, application: Application, chat: int) -> dict[str, Any]:
        place = Place(chat, "", stamp_of(application), application.receipt)
        return {"text": text, "keyboard": self._wording.keyboard(rows, self._language, place)}
