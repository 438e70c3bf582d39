"""What is stored of a person, as he is shown it: readable, reviewers by number, no decision that may be undone yet."""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.errands import DESK, MEMBER, NOTE, WAKE
from bot.own_updates import AS_REVIEWER, NOT_HIS, own_part
from conversations.application import (
    Answer,
    Application,
    Chosen,
    Closed,
    ConsentRecord,
    Decision,
    Pictured,
    Return,
    Reviewer,
    Said,
    View,
)
from conversations.asking import whose
from conversations.state import Applicant, Attempt, Deciding, draft_of
from storage.engine import Row
from storage.values import stamp, unstamp

Json = dict[str, Any]
OWN_CHAT, GROUP, REVIEWERS_CHAT = (
    "your chat with this bot",
    "the reviewers' group",
    "a reviewer's private chat",
)
_NAMES_THE_STATE = {"data_shown", "receipt_given", "correction_asked"}
_NOT_MADE_YET = {"rejecting", "deciding"}  # states that earlier versions entered there
_KEYED_HASH = re.compile(r"[0-9a-f]{32}")  # of a reviewer's account, among the parts of an entry's detail


def moment(at: datetime | None) -> str | None:
    return stamp(at) if at else None


class Telling:
    """One person's file: whoever reviewed has the same number all through it."""

    def __init__(self, applicant: Applicant) -> None:
        self._applicant = applicant
        self._numbers: dict[str, int] = {}
        state = applicant.state
        self._pending = state.application if isinstance(state, Deciding) else None

    def by(self, reviewer: Reviewer | None) -> str | None:
        return self._by(reviewer.ref) if reviewer else None

    def _by(self, ref: str) -> str:
        return f"reviewer {self._numbers.setdefault(ref, len(self._numbers) + 1)}"

    def where(self, chat: int) -> str | None:
        """Which chat that is, without the id of anybody else's."""
        if chat == self._applicant.chat_id:
            return OWN_CHAT
        return None if chat == 0 else GROUP if chat < 0 else REVIEWERS_CHAT

    # the dialogue

    def place(self) -> Json | None:
        """Where he stands in the dialogue, besides his answers; None when nothing but a state is known."""
        state = self._applicant.state
        if draft_of(state) is None:
            return None
        found = state.model_dump(exclude={"kind", "draft"})
        return {key: moment(value) if isinstance(value, datetime) else value for key, value in found.items()}

    def application(self, application: Application) -> Json:
        """All of it but what follows from the row: status and receipt."""
        is_pending = self._pending is not None and application.receipt == self._pending.receipt
        return {
            "revision": application.revision,
            "submitted_at": moment(application.submitted_at),
            "language": application.language,
            "answers": answers(application.answers),
            "left_out": list(application.skipped),
            "decisions": application.round - is_pending,
            "in_hand_of": self.by(application.claimed_by),
            "id_photo_opened": [self._view(view) for view in application.views],
            "asked_how_it_stands_at": moment(application.nudged_at),
            "talk": [self._said(one) for one in application.talk],
            "returned": self.returned(application.returned),
            "earlier": [closed(one) for one in application.earlier],
        }

    def _view(self, view: View) -> Json:
        return {"by": self.by(view.by), "at": moment(view.at)}

    def _said(self, said: Said) -> Json:
        return {"by": self.by(said.by) or "you", "at": moment(said.at), "words": said.words}

    def returned(self, returned: Return | None) -> Json | None:
        if returned is None:
            return None
        return {"decision": self.decision(returned.decision), "answers_before": answers(returned.answers)}

    def decision(self, decision: Decision | None) -> Json | None:
        if decision is None:
            return None
        return {
            "outcome": decision.outcome,
            "by": self.by(decision.by),
            "at": moment(decision.at),
            "reasons": list(decision.reasons),
            "words": decision.words,
            "to_look_at_again": list(decision.questions),
        }

    # the log

    def entry(self, row: Row) -> Json | None:
        """An entry of the audit log; None for that of a decision he has not been told of."""
        seq, at, action, _, detail, line = row
        if self._is_pending(action, detail):
            return None
        if action in _NAMES_THE_STATE and detail in _NOT_MADE_YET:
            detail = "waiting"
        parts = [self._by(part) if _KEYED_HASH.fullmatch(part) else part for part in detail.split(" ")]
        return {"number": seq, "at": at, "action": action, "detail": " ".join(parts), "sha256": line}

    def _is_pending(self, action: str, detail: str) -> bool:
        if self._pending is None or action not in {"approved", "rejected", "returned"}:
            return False
        return detail.split(" ")[:2] == [self._pending.receipt, str(self._pending.round)]

    # what is still to be done

    def errand(self, kind: str, row: tuple[str, str | None, int], body: Json) -> Json | None:
        """`row`: its id, its time if it has one, and how often it was tried; None for the end of the time to undo."""
        if kind == WAKE and self._pending is not None and body.get("receipt") == self._pending.receipt:
            return None
        errand_id, not_before, attempts = row
        what = {key: value for key, value in body.items() if key != "chat"}
        if kind in {DESK, MEMBER, NOTE}:
            what = {"note": AS_REVIEWER}
        return {
            "id": errand_id,
            "kind": kind,
            "in": self.where(int(body["chat"])),
            "not_before": not_before,
            "tried": attempts,
            "what": {key: self._part(key, value) for key, value in what.items()},
        }

    def _part(self, key: str, value: Any) -> Any:
        match key:
            case "keyboard":  # what a button carries is signed, and says no more than its place
                return [[button["text"] for button in row] for row in value]
            case "by" if whose(value):
                return self._by(whose(value))
            case "instead" if value:
                return {"text": value["text"]}
            case "messages":
                return [
                    {"in": self.where(chat), "message": number, "sent_at": "".join(rest[:1]) or None}
                    for chat, number, *rest in value
                ]
            case "cards":
                return [
                    {
                        "receipt": receipt,
                        "in": self.where(chat),
                        "message": number,
                        "submitted_at": "".join(rest) or None,
                    }
                    for receipt, chat, number, *rest in value
                ]
        return value

    def update(self, raw: bytes) -> Any:
        """What he sent and nobody could handle, without what it holds of others."""
        try:
            return own_part(json.loads(raw), self._applicant.chat_id)
        except ValueError:
            return raw.decode(errors="replace")
        except RecursionError:  # nested deeper than anything he can have written
            return NOT_HIS


def answers(given: Mapping[str, Answer]) -> Json:
    return {key: _answer(one) for key, one in given.items()}


def _answer(answer: Answer) -> Any:
    match answer:
        case Chosen(option=option, text=text):
            return {"option": option, "text": text} if text else option
        case Pictured():
            sides = {
                side: {
                    "photo": one.photo_id,
                    "width": one.width,
                    "height": one.height,
                    "noticed": list(one.warnings),
                    "keyed_hash": one.likeness or None,
                }
                for side, one in answer.sides.items()
            }
            return {"method": answer.method, "card": answer.variant, "sides": sides}
        case _:
            return answer.text


def closed(one: Closed) -> Json:
    return {
        "receipt": one.receipt,
        "outcome": one.outcome,
        "submitted_at": moment(one.submitted_at),
        "closed_at": moment(one.at),
        "reasons": list(one.reasons),
    }


def agreed(records: Mapping[str, ConsentRecord]) -> Json:
    """The consents that stand."""
    return {
        key: {
            "document": one.document,
            "text_sha256": one.text_hash,
            "language": one.language,
            "act": one.act,
            "at": moment(one.at),
            "version": one.version or None,
        }
        for key, one in records.items()
    }


def attempt(one: Attempt | None) -> Json | None:
    """Which steps of his present attempt were counted, so that none is counted twice."""
    return {"began": moment(one.began), "steps": list(one.reached)} if one else None


def later(at: str, days: int) -> str:
    """A stored time, so many days later."""
    return stamp(unstamp(at) + timedelta(days=days))
