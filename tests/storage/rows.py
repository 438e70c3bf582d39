"""Rows for tests: a person, and what he submitted."""

from datetime import UTC, datetime, timedelta
from typing import Any

from storage import store
from storage.engine import Transaction

NOW = datetime(2026, 3, 2, 9, 0, 0, 5, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def add(tx: Transaction, person_id: str, sealed: bytes = b"sealed") -> None:
    store.add_person(tx, person_id, f"ref-{person_id}", f"key-{person_id}".encode())
    store.save_person(tx, person_id, sealed, "drafting", None, asks_anew=True, now=NOW)


def submit(tx: Transaction, receipt: str, person_id: str, status: str = "waiting", **changes: Any) -> None:
    values = {"counters": (1, 0), "times": (NOW, None), "sealed": b"sealed", **changes}
    store.save_application(tx, receipt, person_id, status, **values)
