"""An application's card in the reviewers' group: rendered from the database, each time it is sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bot.buttons import Signer
from bot.carrying import stamp_of
from bot.errands import DIGEST
from bot.flood import AT_ONCE, EVERY
from bot.wording import Place, Wording
from conversations import Programme
from conversations.application import Answer, Application, Pictured, Return, Written, photo_ids
from conversations.effects import Button, Rows, Say
from conversations.prompts import two_in_a_row
from conversations.questions import EmailQuestion
from conversations.state import Deciding, Rejecting, Settled, State, Waiting, application_of
from conversations.text import mixes_scripts
from storage.likenesses import Alike
from storage.store import OPEN_STATUSES

MORE = "more"  # the verb of the button under the digest
LAST_SAID = 5  # messages of the talk that a card shows
WITH_ITS_OWNER = ("recalled", "returned")  # nothing can be decided
NAMED_ALIKE = 3  # receipts of applications in which the same stands
LISTED = 20  # receipts that the digest names


@dataclass(frozen=True, slots=True)
class Change:
    """What became of an answer that was to be looked at again; `how`: "same" or "other", and of photos so too."""

    how: Literal["same", "other", "same_photo", "other_photo"]
    before: Answer | None


def changes(application: Application, returned: Return) -> dict[str, Change]:
    """By question; also what had to be given anew since it followed from a change."""
    found = {}
    for key in (*returned.decision.questions, *returned.answers):
        before, now = returned.answers.get(key), application.answers.get(key)
        if isinstance(before, Pictured) and isinstance(now, Pictured):
            is_same = photo_ids({key: before}) == photo_ids({key: now})
            found[key] = Change("same_photo" if is_same else "other_photo", before)
        else:
            found[key] = Change("same" if before == now else "other", before)
    return found


def _alike(found: Sequence[Alike]) -> list[tuple[str, list[str], bool]]:
    """For each kind: the newest receipts, and whether there are others."""
    kinds = {kind: [one.receipt for one in found if one.kind == kind] for kind in ("email", "photo")}
    return [(kind, all_[:NAMED_ALIKE], len(all_) > NAMED_ALIKE) for kind, all_ in kinds.items() if all_]


class Cards:
    """What reviewers see of one application, in their language."""

    def __init__(self, programme: Programme, wording: Wording, signer: Signer) -> None:
        self._programme = programme
        self._wording = wording
        self._signer = signer

    def render(
        self,
        state: State,
        status: str,
        chat: int,
        alike: Sequence[Alike] = (),
        *,
        reachable: bool = True,
    ) -> dict[str, Any]:
        """Text and keyboard, as sendMessage and editMessageText take them. `alike`: what is the same in others;
        `reachable`: its owner has not blocked the bot."""
        application = application_of(state)
        if application is None:
            raise ValueError("only a submitted application has a card")
        language = self._programme.review.language
        place = Place(chat, "", stamp_of(application), application.receipt)
        values = {**self._values(state, status, application, alike), "reachable": reachable}
        text = self._wording.message(Say("card", values), language)
        buttons = () if status in WITH_ITS_OWNER else self._buttons(state, application)
        return {"text": text, "keyboard": self._wording.keyboard(buttons, language, place)}

    def _values(
        self, state: State, status: str, application: Application, alike: Sequence[Alike]
    ) -> dict[str, Any]:
        decision = state.decision if isinstance(state, Deciding | Settled) else None
        if status == "returned" and application.returned:
            decision = application.returned.decision
        asked = [
            question
            for question in self._programme.questions
            if question.key in application.answers or question.key in application.skipped
        ]
        returned = application.returned if status in OPEN_STATUSES else None
        flagged = decision.questions if decision else returned.decision.questions if returned else ()
        return {
            "asked": returned.decision if returned else None,
            "talk": application.talk[-LAST_SAID:],
            "flagged": flagged,
            "changes": changes(application, returned) if returned else {},
            "status": status,
            "application": application,
            "questions": asked,
            "answers": application.answers,
            "decision": decision,
            "tell_at": state.tell_at if isinstance(state, Deciding) else None,
            "closed": state.closed if isinstance(state, Settled) else None,
            "warnings": self.warnings(application),
            "alike": _alike(alike),
        }

    def digest(self, waiting: Sequence[tuple[str, datetime]], chat: int, *, over: bool) -> dict[str, Any]:
        """What stands for the cards held back; `waiting`: receipt and time of submission, oldest first."""
        language = self._programme.review.language
        if over:
            return {"text": self._wording.named("digest_over", language), "keyboard": []}
        values = {"count": len(waiting), "waiting": waiting[:LISTED], "seconds": round(EVERY)}
        more = Button(MORE, values={"n": AT_ONCE})
        place = Place(chat, "", DIGEST)
        return {
            "text": self._wording.named("digest", language, **values),
            "keyboard": self._wording.keyboard(((more,),), language, place),
        }

    def warnings(self, application: Application) -> list[str]:
        """What a careful reviewer would notice, computed from facts."""
        found: list[str] = []
        texts = {
            key: answer.text for key, answer in application.answers.items() if isinstance(answer, Written)
        }
        if any(mixes_scripts(text) for text in texts.values()):
            found.append("mixed_scripts")
        for question in self._programme.questions:
            if isinstance(question, EmailQuestion) and question.key in texts:
                domain = texts[question.key].rpartition("@")[2]
                if not question.is_academic(domain):
                    found.append("not_academic")
        for answer in application.answers.values():
            if isinstance(answer, Pictured):
                found += sorted(
                    {warning for picture in answer.sides.values() for warning in picture.warnings}
                )
        return found

    def _buttons(self, state: State, application: Application) -> Rows:
        look = (Button("view"),) if photo_ids(application.answers) else ()
        match state:
            case Waiting() if application.claimed_by:
                last: Rows = ((Button("release"),), (*look, Button("claim", label="take_over")))
            case Waiting():
                last = ((*look, Button("claim")),)
            case Rejecting():
                reasons = two_in_a_row(
                    Button("because", reason.key, label="reason") for reason in self._programme.reasons
                )
                return (*reasons, (Button("long"),), (*look, Button("unreject")))
            case Deciding():
                return (
                    ((Button("undo"), Button("tell")), look) if look else ((Button("undo"), Button("tell")),)
                )
            case _:
                return ()
        verdict = (Button("approve", style="success"), Button("reject", style="danger"))
        return (verdict, (Button("return"), Button("ask")), *last)
