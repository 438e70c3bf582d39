"""The operator's key gives way to a new one, in use or at rest. Killed anywhere, it goes on at the next start.

Whoever calls keeps the new key in a file of its own from before the first row is sealed with it until the last one is,
so that all that time either key opens what the other does not. What is written meanwhile is sealed with the new one.
Last comes the transaction that says which key fits from then on.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from storage import audit_log, facts, parking, roster, upkeep
from storage.engine import Engine, Transaction
from storage.vault import OperatorKey, Vault, fingerprint

FINGERPRINT = "key_fingerprint"  # the fact that says which key fits
SECRETS = "secrets"  # the fact with the keys for hashes, buttons and receipts, sealed
BATCH = 500  # rows in one transaction: turns come between

Reseal = Callable[[Transaction, str], list[str]]  # the ids of the rows after that one, sealed anew


class Rotation:
    """One change of keys. `done` of `total` rows are sealed with the new one."""

    def __init__(self, engine: Engine, vault: Vault, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._vault = vault
        self._clock = clock
        self.done = 0
        self.total = 0

    async def run(self, key: OperatorKey) -> None:
        """Raises StorageUnavailable, and can be run again then."""
        vault = self._vault
        if vault.fingerprint != fingerprint(key):
            vault.take(key)
        self.done, self.total = 0, await self._engine.read(upkeep.count_sealed)
        for reseal in (self._people, self._errands, self._parked, self._reviewers):
            await self._all(reseal)
        buttons = vault.button_keys.renewed(self._clock().timestamp())
        now = self._clock()

        def over(tx: Transaction) -> None:
            facts.put(tx, SECRETS, vault.secrets(buttons))
            facts.put(tx, FINGERPRINT, vault.fingerprint)
            audit_log.add(tx, [("key_changed", "", vault.fingerprint)], now)

        await self._engine.write(over)
        vault.button_keys.become(buttons)

    async def _all(self, reseal: Reseal) -> None:
        after = ""
        while ids := await self._engine.write(lambda tx, after=after: reseal(tx, after)):  # type: ignore[misc]
            after = ids[-1]
            self.done += len(ids)

    def _people(self, tx: Transaction, after: str) -> list[str]:
        rows = upkeep.wrapped_keys(tx, after, BATCH)
        return _put(
            tx, upkeep.set_wrapped_keys, [(one, self._vault.rewrapped(one, key)) for one, key in rows]
        )

    def _errands(self, tx: Transaction, after: str) -> list[str]:
        rows = upkeep.nobodys_errands(tx, after, BATCH)
        sealed = [(one, self._vault.resealed(f"errands/{one}", was)) for one, was in rows]
        return _put(tx, upkeep.set_sealed_errands, sealed)

    def _parked(self, tx: Transaction, after: str) -> list[str]:
        rows = parking.parked(tx, after=after, limit=BATCH)
        sealed = [
            (row.parked_id, self._vault.resealed(f"parked/{row.parked_id}", row.sealed)) for row in rows
        ]
        return _put(tx, upkeep.set_sealed_parked, sealed)

    def _reviewers(self, tx: Transaction, after: str) -> list[str]:
        rows = roster.sealed_after(tx, after, BATCH)
        sealed = [(one, self._vault.resealed(roster.place(one), was)) for one, was in rows]
        return _put(tx, roster.set_sealed, sealed)


def _put(
    tx: Transaction,
    put: Callable[[Transaction, Sequence[tuple[str, bytes]]], None],
    rows: Sequence[tuple[str, bytes]],
) -> list[str]:
    put(tx, rows)
    return [one for one, _ in rows]
