"""The ends of errands, entered: what came of them, and that they are over. What ends together is written together."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from bot.errands import REMOVE, Errand, disowned
from bot.plan import Outcome, Write
from bot.trouble import Trouble
from storage import outgoing
from storage.engine import Engine, Transaction
from storage.errors import StorageUnavailable
from storage.vault import Vault

log = structlog.get_logger()

PATIENCE = 0.005  # seconds an end may wait to be written with a turn, instead of by itself
_BACKOFF = (0.2, 5.0)  # seconds: first and longest, while the database takes nothing

End = tuple[Errand, Outcome]


class Recorder:
    """`over` is told the ids whose rows are gone, `accept` handed what is to be done further; `also` is written too."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        over: Callable[[Sequence[str]], None],
        accept: Callable[[Sequence[Errand]], None],
        also: Write,
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._over = over
        self._accept = accept
        self._also = also
        self._ends: list[End] = []
        self._wake = asyncio.Event()
        self._closing = False
        self._trouble = Trouble(
            "record", "what was done cannot be entered yet", "what was done is entered again"
        )

    def enter(self, errand: Errand, outcome: Outcome) -> None:
        """Note an end; it is written soon."""
        self._ends.append((errand, outcome))
        self._wake.set()

    def close(self) -> None:
        """Write what there is, and end."""
        self._closing = True
        self._wake.set()

    async def run(self) -> None:
        """Until closed and empty. Nothing may keep the next ends from being entered."""
        while self._ends or not self._closing:
            await self._wake.wait()
            self._wake.clear()
            ends, self._ends = self._ends, []
            try:
                if ends:
                    await self._write(ends)
            except Exception as error:
                log.exception("ends not entered", action="record", error=type(error).__name__)

    async def _write(self, ends: list[End]) -> None:
        """What cannot be entered (its person was erased meanwhile) fails alone; what it had to remove still goes."""
        try:
            await self._commit(ends)
        except Exception as error:
            log.exception("the end of an errand", action="record", error=type(error).__name__)
            if len(ends) > 1:
                for end in ends:
                    await self._write([end])
                return
            errand, outcome = ends[0]
            removals = [(disowned(one), self._vault) for one, _ in outcome.errands if one.kind == REMOVE]
            await self._commit([(errand, Outcome([], list(removals)))])

    async def _commit(self, ends: list[End]) -> None:
        ids = [errand.errand_id for errand, _ in ends]
        further = [pair for _, outcome in ends for pair in outcome.errands]

        def write(tx: Transaction) -> None:
            for _, outcome in ends:
                for one in outcome.writes:
                    one(tx)
            outgoing.finish_errands(tx, ids)
            outgoing.add_errands(tx, [errand.row(key) for errand, key in further])
            self._also(tx)

        delay, longest = _BACKOFF
        while True:
            try:
                await self._engine.write(write, patience=PATIENCE)
                break
            except StorageUnavailable as error:
                self._trouble.lasts(error)
                await asyncio.sleep(delay)
                delay = min(longest, delay * 2)
        self._trouble.is_over()
        self._over(ids)
        late = [errand for _, outcome in ends for errand in outcome.late]
        self._accept([*(errand for errand, _ in further), *late])
