"""An application that passes the time that applicants are promised: its card is posted anew, once."""

from collections.abc import Callable, Sequence

import structlog

from bot.errands import CARD, Errand
from bot.queue import Queue
from storage import facts, outgoing, queue
from storage.engine import Engine, Transaction
from storage.errors import StorageUnavailable
from storage.values import stamp, unstamp
from storage.vault import Vault

log = structlog.get_logger()

_FACT = "escalated_until"  # whatever was submitted by then was looked at


class Escalation:
    """Applications become late in the order in which they were submitted: so how far that has come is all there is to
    remember. Whoever takes his back and submits it again is promised the same time anew."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        queue: Queue,
        group: Callable[[], int],
        accept: Callable[[Sequence[Errand]], None],
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._queue = queue
        self._group = group
        self._accept = accept

    async def look(self) -> None:
        """The cards' errands and how far it has come are one transaction."""
        try:
            if await self._engine.read(self._is_due):
                self._accept(await self._engine.write(self._escalate))
        except StorageUnavailable:
            log.warning("cards are posted anew later", action="escalation")

    def _is_due(self, tx: Transaction) -> bool:
        since = facts.get(tx, _FACT)
        return since is None or bool(queue.submitted_between(tx, unstamp(since), self._queue.late_before))

    def _escalate(self, tx: Transaction) -> list[Errand]:
        """What was late already when the bot began to look is named by the digest and the counter."""
        since, until = facts.get(tx, _FACT), self._queue.late_before
        receipts = queue.submitted_between(tx, unstamp(since), until) if since else []
        chat = self._group()
        errands = [
            Errand(CARD, chat, None, {"receipt": receipt, "anew": True, "pressed": []})
            for receipt in receipts
        ]
        outgoing.add_errands(tx, [errand.row(self._vault) for errand in errands])
        facts.put(tx, _FACT, stamp(until))
        return errands
