"""A data folder with applications in it, as the bot would have stored them, without a bot."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from bot.people import People
from bot.settings import Settings
from bot.starting import open_data
from conversations import Applicant
from conversations.application import Answer, Application, Closed, Decision, Outcome
from conversations.state import Deciding, Rejecting, Settled, State, Waiting
from storage import store
from storage.engine import Transaction
from tests.conversations.world import ANA, ANSWERS, NOW


def settings_of(folder: Path, programme: Path | None = None) -> Settings:
    """Those of a bot that need not run."""
    token = SecretStr("123456789:a-secret-of-the-bot")
    return Settings(_env_file=None, token=token, group=-5, data=folder, status_port=0, programme=programme)


def receipt_of(number: int) -> str:
    return f"UX-{number:08d}"


def state_of(number: int, status: str, answers: Mapping[str, Answer]) -> State:
    """An application that stands so; each was submitted a day after the one before."""
    submitted = NOW + timedelta(days=number)
    application = Application(
        receipt=receipt_of(number),
        revision=1,
        language="en",
        submitted_at=submitted,
        answers={**ANSWERS, **answers},
        skipped=("homepage",),
    )
    decided = submitted + timedelta(hours=1)
    outcomes: dict[str, Outcome] = {"approved": "approved", "rejected": "rejected", "withdrawn": "withdrawn"}
    match status:
        case "rejecting":
            return Rejecting(application=application)
        case "deciding":
            verdict = Decision(outcome="approved", by=ANA, at=decided)
            return Deciding(application=application, decision=verdict, tell_at=decided)
        case "approved" | "rejected" | "withdrawn":
            reasons = (("duplicate", "not_legible")[number % 2],) if status == "rejected" else ()
            closed = Closed(
                receipt=application.receipt,
                outcome=outcomes[status],
                submitted_at=submitted,
                at=decided,
                reasons=reasons,
            )
            return Settled(application=application, closed=closed)
    return Waiting(application=application)


async def fill(
    settings: Settings, statuses: Sequence[str], answers: Mapping[str, Answer] | None = None
) -> None:
    """One person and application for each status. `answers` stand in the place of the usual ones."""
    async with open_data(settings) as (engine, vault, _):
        people = People(engine, vault)

        def work(tx: Transaction) -> None:
            for number, status in enumerate(statuses):
                state = state_of(number, status, answers or {})
                person_id, key = f"{number:024x}", vault.new_person_key()
                ref = people.ref(number)
                who = Applicant(
                    person_id=person_id,
                    ref=ref,
                    chat_id=number,
                    language="en",
                    state=state,
                    heard_at=NOW,
                    created_at=NOW,
                )
                store.add_person(tx, person_id, ref, vault.wrap(person_id, key))
                sealed = people.seal(key, who)
                store.save_person(tx, person_id, sealed, state.kind, None, asks_anew=False, now=NOW)
                closed = state.closed.at if isinstance(state, Settled) else None
                times = (NOW + timedelta(days=number), closed)
                kept = people.seal_state(key, receipt_of(number), state)
                store.save_application(tx, receipt_of(number), person_id, status, (1, 0), times, kept)

        await engine.write(work)
