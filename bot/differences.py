"""How the ledger of the data differs from a receipt: what contradicts it, what came after it, what a restore may have
lost.

A restore goes back to the ledger of the backup. What was agreed to or ended in between is not in it any more: that
proves nothing, neither that it was so nor that somebody took it out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bot.receipts import Json, receipt
from storage.chain import Restored, moment
from storage.ledger import LedgerRow
from storage.values import stamp, unstamp

MOMENT = "%-d %B %Y, %H:%M:%S UTC"
TURN = timedelta(seconds=10)  # from the time of an act to its commit, at most
Kind = Literal["wrong", "later", "unproved"]
Line = tuple[Kind, str]


@dataclass(frozen=True, slots=True)
class Differences:
    """In one line each."""

    wrong: list[str]
    later: list[str]  # it came after the receipt was issued
    unproved: list[str]  # a restore may have taken it away


def differences(content: Json, rows: Sequence[LedgerRow], restores: Sequence[Restored]) -> Differences:
    """Between a receipt that is whole and its person's part of the ledger."""
    found = list(_differences(content, rows, restores))
    wrong, later, unproved = (
        [line for of, line in found if of == kind] for kind in ("wrong", "later", "unproved")
    )
    return Differences(wrong, later, unproved)


def _differences(content: Json, rows: Sequence[LedgerRow], restores: Sequence[Restored]) -> Iterator[Line]:
    left = {row.consent_id: row for row in rows}
    for number, one in enumerate(content["receipts"], start=1):
        row = left.pop(one["consentReceiptID"], None)
        if row is None:
            said, given = f"consent {number} is not in the ledger", one["eventTime"]
            yield _lost(said, "given", given, restores) or ("wrong", said)
        else:
            yield from _between(f"consent {number}", one, row, content, restores)
    for row in left.values():
        said = f"the ledger has one more: {row.document}, {in_words(row.at)}"
        yield "later" if row.at > content["issuedAt"] else "wrong", said


def _between(
    name: str, one: Json, row: LedgerRow, content: Json, restores: Sequence[Restored]
) -> Iterator[Line]:
    """One act as the receipt has it, and as the ledger does."""
    kept, ended = receipt(row, content["publicKey"]), one["withdrawnAt"]
    names = sorted(key for key in kept.keys() | one.keys() if kept.get(key) != one.get(key))
    if names == ["withdrawnAt"] and row.withdrawn_at and row.withdrawn_at > content["issuedAt"] and not ended:
        yield "later", f"{name} ended on {in_words(row.withdrawn_at)}"
    elif names:
        said = f"{name} differs from the ledger: {', '.join(names)}"
        lost = _lost(said, "ended", ended, restores) if names == ["withdrawnAt"] and ended else None
        yield lost or ("wrong", said)
    elif row.text != content["texts"][row.text_hash]:
        yield "wrong", f"{name}: the ledger has another text under its hash"


def _lost(said: str, what: str, at: str, restores: Sequence[Restored]) -> Line | None:
    """When that was entered after the moment of a backup, and before it was restored."""
    entered = stamp(unstamp(at) + TURN)  # at the latest
    for one in restores:
        if one.moment <= entered and at <= one.at:
            return "unproved", (
                f"{said}, which was restored on {moment(one.at)} from a backup of {moment(one.moment)}:"
                f" it was {what} in between, and may have been lost then"
            )
    return None


def in_words(at: str) -> str:
    return datetime.fromisoformat(at).strftime(MOMENT)
