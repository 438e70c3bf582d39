"""The message in which a reviewer composes a decision: rendered from the database, each time it is sent."""

from datetime import datetime
from typing import Any

from bot.asking import Questions
from bot.buttons import Signer
from bot.carrying import stamp_of
from bot.wording import Keyboard, Place, Wording
from conversations import Applicant, Programme, Scene
from conversations.application import Application, Form
from conversations.asking import is_question
from conversations.composing import decision_of, form_of, questions_of
from conversations.effects import Button, Rows, Say
from conversations.prompts import two_in_a_row
from conversations.review import verdict
from conversations.state import Deciding, Rejecting, Waiting, application_of


class Forms:
    """What one reviewer sees of his form, in the reviewers' language; the preview in the applicant's."""

    def __init__(self, programme: Programme, wording: Wording, signer: Signer) -> None:
        self._programme = programme
        self._wording = wording
        self._signer = signer
        self._questions = Questions(programme, wording, signer)

    def render(self, applicant: Applicant, receipt: str, by: str, chat: int, now: datetime) -> dict[str, Any]:
        """Text and keyboard, as sendMessage and editMessageText take them."""
        if is_question(by):
            return self._questions.render(applicant, receipt, by, chat)
        state = applicant.state
        application = application_of(state)
        if application is None or application.receipt != receipt:
            return self._line(receipt, "elsewhere")
        form = form_of(application, by) if isinstance(state, Waiting | Rejecting) else None
        if form is None:
            decision = state.decision if isinstance(state, Deciding) else None
            tell_at = state.tell_at if isinstance(state, Deciding) else None
            kind = (
                "decided" if decision else "open" if isinstance(state, Waiting | Rejecting) else "elsewhere"
            )
            return self._line(receipt, kind, decision=decision, tell_at=tell_at)
        if form.is_preview:
            text = self._preview(applicant, application, form, now)
            return self._body(text, ((Button("compose"),), (self._decide(form),)), application, chat)
        values = {"application": application, "form": form, "language": applicant.language}
        text = self._wording.message(Say("form", values), self._programme.review.language)
        return self._body(text, self._rows(application, form), application, chat)

    def _line(self, receipt: str, kind: str, **values: Any) -> dict[str, Any]:
        """What became of it, in one line."""
        known = {"receipt": receipt, "kind": kind, "decision": None, "tell_at": None, **values}
        return {
            "text": self._wording.named("form_over", self._programme.review.language, **known),
            "keyboard": [],
        }

    def _body(self, text: str, rows: Rows, application: Application, chat: int) -> dict[str, Any]:
        return {"text": text, "keyboard": self._keyboard(rows, application, chat)}

    def _keyboard(self, rows: Rows, application: Application, chat: int) -> Keyboard:
        place = Place(chat, "", stamp_of(application), application.receipt)
        return self._wording.keyboard(rows, self._programme.review.language, place)

    def _preview(self, applicant: Applicant, application: Application, form: Form, now: datetime) -> str:
        """Exactly what the applicant would read, were he told now."""
        scene = Scene(self._programme, applicant, now)
        say = verdict(scene, application, decision_of(scene, application, form))
        return self._wording.message(say, applicant.language)

    def _rows(self, application: Application, form: Form) -> Rows:
        reasons = [
            _mark("why", "reason", one.key, on=one.key in form.reasons) for one in self._programme.reasons
        ]
        asked = questions_of(self._programme, application) if form.outcome == "returned" else ()
        answers = [_mark("flag", "answer", one.key, on=one.key in form.questions) for one in asked]
        words = (Button("words"), Button("unsay")) if form.words else (Button("words"),)
        return (
            *two_in_a_row(reasons),
            *two_in_a_row(answers),
            words,
            (Button("preview"),),
            (Button("discard"), self._decide(form)),
        )

    def _decide(self, form: Form) -> Button:
        style = "danger" if form.outcome == "rejected" else "primary"
        return Button("decide", form.outcome, label=f"decide_{form.outcome}", style=style)


def _mark(verb: str, label: str, key: str, *, on: bool) -> Button:
    """A box that a press turns into the other one."""
    values = {"key": key, "box": "☑" if on else "☐"}
    return Button(verb, f"{'-' if on else '+'}{key}", label=f"mark_{label}", values=values)
