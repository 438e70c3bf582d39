"""Everything kept of one person, as a file he can keep: read from the database, not from what we believe."""

import json
from dataclasses import dataclass
from typing import Any

from bot.people import People
from conversations.application import Answer, Application, Chosen, Pictured, View
from conversations.state import Applicant, Deciding, Rejecting, Settled, State, application_of, draft_of
from storage import store
from storage.engine import Engine, Row, Transaction
from storage.store import OPEN_STATUSES, ApplicationRow


@dataclass(frozen=True, slots=True)
class DataFile:
    """The file's bytes, and the person's language."""

    json: bytes
    language: str


async def data_file(engine: Engine, people: People, person_id: str) -> DataFile | None:
    """None when the person has gone meanwhile. Keys are English and stable; reviewers are never named."""

    def work(tx: Transaction) -> tuple[list[ApplicationRow], list[Row], list[Row]]:
        return (
            store.applications_of(tx, person_id),
            store.photos_of(tx, person_id),
            store.consents_of(tx, person_id),
        )

    crowd = await people.load((), (person_id,), (), ())
    person = crowd.by_id.get(person_id)
    if person is None:
        return None
    applications, photos, consents = await engine.read(work)
    content = {
        "account": _account(person.applicant),
        "draft": _draft(person.applicant),
        "applications": [_application(people, row) for row in applications],
        "consents": [_consent(row) for row in consents],
        "photos": [
            {"photo": row[0], "question": row[1], "side": row[2], "stored_at": row[3]} for row in photos
        ],
    }
    text = json.dumps(content, ensure_ascii=False, indent=2)
    return DataFile(text.encode(), person.applicant.language)


def _account(applicant: Applicant) -> dict[str, Any]:
    return {
        "telegram_id": applicant.chat_id,
        "language": applicant.language,
        "first_seen": applicant.created_at.isoformat(),
        "last_heard_of": applicant.heard_at.isoformat(),
        "state": told_state(applicant.state),
    }


def told_state(state: State) -> str:
    """As far as the applicant is concerned: a decision that can still be undone has not been made yet."""
    return "waiting" if isinstance(state, Rejecting | Deciding) else state.kind


def _draft(applicant: Applicant) -> dict[str, Any] | None:
    draft = draft_of(applicant.state)
    return None if draft is None else {"answers": _answers(draft.answers), "left_out": list(draft.skipped)}


def _application(people: People, row: ApplicationRow) -> dict[str, Any]:
    _, state = people.open_state(row)
    application = application_of(state)
    if application is None:
        return {"receipt": row.receipt, "status": row.status}
    status = told_state(state) if row.status in OPEN_STATUSES else row.status
    content: dict[str, Any] = {
        "receipt": row.receipt,
        "status": status,
        "revision": application.revision,
        "submitted_at": application.submitted_at.isoformat(),
        "language": application.language,
        "answers": _answers(application.answers),
        "left_out": list(application.skipped),
        "id_photo_opened": _views(application),
    }
    if isinstance(state, Settled):
        content["closed_at"] = state.closed.at.isoformat()
        content["reasons"] = list(state.closed.reasons)
    return content


def _views(application: Application) -> list[dict[str, str]]:
    """Who looked, without a name: the same reviewer has the same number."""
    numbers: dict[str, int] = {}

    def number(view: View) -> int:
        return numbers.setdefault(view.by.ref, len(numbers) + 1)

    return [{"by": f"reviewer {number(view)}", "at": view.at.isoformat()} for view in application.views]


def _answers(answers: dict[str, Answer]) -> dict[str, Any]:
    return {key: _answer(answer) for key, answer in answers.items()}


def _answer(answer: Answer) -> Any:
    match answer:
        case Chosen(option=option, text=text):
            return {"option": option, "text": text} if text else option
        case Pictured(sides=sides):
            return {side: picture.photo_id for side, picture in sides.items()}
        case _:
            return answer.text


def _consent(row: Row) -> dict[str, Any]:
    names = ("consent", "document", "text_sha256", "language", "act", "at", "withdrawn_at")
    return dict(zip(names, row, strict=True))
