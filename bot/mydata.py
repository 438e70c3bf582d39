"""Everything kept of one person, as a file he can keep: read from the database, not from what we believe."""

import json
from dataclasses import dataclass
from typing import Any

from bot.people import People
from conversations import Programme
from conversations.application import Answer, Application, Chosen, Pictured, View
from conversations.keeping import Going, goings
from conversations.state import Applicant, Deciding, Rejecting, Settled, State, application_of, draft_of
from storage import store
from storage.engine import Engine, Row, Transaction
from storage.store import OPEN_STATUSES, ApplicationRow


@dataclass(frozen=True, slots=True)
class DataFile:
    """The file's bytes, and the person's language."""

    json: bytes
    language: str


async def data_file(engine: Engine, people: People, programme: Programme, person_id: str) -> DataFile | None:
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
    kept = list(goings(programme, person.applicant))
    is_recalled = any(one.outcome == "recalled" for one in kept)  # they go some time after the withdrawal
    photos_go = _when(kept, "photos") or (None if is_recalled else _when(kept, "draft"))
    content = {
        "account": _account(person.applicant, kept),
        "draft": _draft(person.applicant, programme, kept),
        "applications": [_application(people, row, kept) for row in applications],
        "consents": [_consent(row) for row in consents],
        "photos": [
            {
                "photo": row[0],
                "question": row[1],
                "side": row[2],
                "stored_at": row[3],
                "will_be_deleted_at": photos_go,
            }
            for row in photos
        ],
    }
    text = json.dumps(content, ensure_ascii=False, indent=2)
    return DataFile(text.encode(), person.applicant.language)


def _when(kept: list[Going], *what: str, receipt: str = "") -> str | None:
    """When that goes by itself; None while nothing says so, as long as reviewers have it."""
    return next(
        (one.at.isoformat() for one in kept if one.what in what and (not receipt or one.receipt == receipt)),
        None,
    )


def _account(applicant: Applicant, kept: list[Going]) -> dict[str, Any]:
    return {
        "telegram_id": applicant.chat_id,
        "language": applicant.language,
        "first_seen": applicant.created_at.isoformat(),
        "last_heard_of": applicant.heard_at.isoformat(),
        "state": told_state(applicant.state),
        "will_be_deleted_at": _when(kept, "account", "application"),
    }


def told_state(state: State) -> str:
    """As far as the applicant is concerned: a decision that can still be undone has not been made yet."""
    return "waiting" if isinstance(state, Rejecting | Deciding) else state.kind


def _draft(applicant: Applicant, programme: Programme, kept: list[Going]) -> dict[str, Any] | None:
    """One that is a recalled application's ends by its withdrawal, and goes some time after that."""
    draft = draft_of(applicant.state)
    if draft is None:
        return None
    content = {"answers": _answers(draft.answers), "left_out": list(draft.skipped)}
    if draft.recalled is None:
        return content | {"will_be_deleted_at": _when(kept, "draft")}
    days = {"days_after_withdrawal": programme.retention.withdrawn_days}
    return content | {"will_be_withdrawn_at": _when(kept, "draft"), "will_be_deleted": days}


def _application(people: People, row: ApplicationRow, kept: list[Going]) -> dict[str, Any]:
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
        "will_be_deleted_at": _when(kept, "application", "earlier application", receipt=row.receipt),
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
    names = ("consent", "document", "text_sha256", "language", "act", "at", "ended_at")
    return dict(zip(names, row, strict=True))
