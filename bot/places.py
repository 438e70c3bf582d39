"""A message in a reviewer's private chat that is known before anything of an applicant is put into it.

So nothing of his can stand where nobody knows: the end of a review and an erasure remove whatever stands there.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.carrying import shown_place
from bot.errands import Errand
from storage import outgoing
from storage.engine import Engine, Transaction
from storage.vault import PersonKey


async def keep_place(
    engine: Engine,
    errand: Errand,
    key: PersonKey,
    number: int,
    place: str,
    now: datetime,
    removals: Sequence[Errand],
    **done: Any,
) -> bool:
    """Enter that message with the removals that are planned with it, and `done` in the errand's body, in one
    transaction. False when its person was erased meanwhile. Raises StorageUnavailable; then nothing is entered."""
    receipt, person_id = errand.body["receipt"], errand.person_id or ""
    sealed_chat = key.seal(shown_place(person_id), str(errand.chat).encode())
    row = replace(errand, body={**errand.body, **done}).row(key)

    def write(tx: Transaction) -> bool:
        if not outgoing.shown(tx, person_id, number, receipt, sealed_chat, now, place):
            return False
        outgoing.reseal_errand(tx, row)
        outgoing.add_errands(tx, [one.row(key) for one in removals])
        return True

    if not await engine.write(write):
        return False
    errand.body.update(done)
    return True
