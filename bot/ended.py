"""Who was erased, and what was taken back, as the database knows it, page by page: there may be very many."""

from collections.abc import AsyncIterator
from datetime import timedelta

from storage import erasure
from storage.engine import Engine, Row, Transaction
from storage.erasure import Tombstone, Withdrawal
from storage.values import stamp, unstamp

PAGE = 50_000
MARGIN = timedelta(days=1)  # a clock may be set back, and what is erased then is older than what was before


async def tombstones(engine: Engine, earliest: str = "") -> AsyncIterator[list[Tombstone]]:
    """Those of that time or later; one page at least, though nobody is on it."""
    after, is_over = "", False

    def work(tx: Transaction) -> list[Tombstone]:
        return erasure.next_tombstones(tx, after, earliest, PAGE)

    while not is_over:
        page = await engine.read(work)
        yield page
        is_over = len(page) < PAGE
        after = page[-1].ref if page else ""


async def withdrawals(engine: Engine, after: int, until: int) -> AsyncIterator[list[Withdrawal]]:
    """What the audit log has entered between these numbers, of those who are still known."""
    is_over = False

    def work(tx: Transaction) -> list[tuple[int, Withdrawal]]:
        return erasure.withdrawals(tx, after, until, PAGE)

    while not is_over:
        page = await engine.read(work)
        yield [one for _, one in page]
        is_over = len(page) < PAGE
        after = page[-1][0] if page else until


def since(last: Row | None) -> str:
    """From when on to look for those that are newer than `erasure.last_tombstones`, as it was found before."""
    latest = last[1] if last else None
    return stamp(unstamp(latest) - MARGIN) if latest else ""
