"""The audit log for its operators: looked through, listed, and its head told once a day."""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Sequence
from datetime import datetime

import click
import structlog

from bot.errands import NOTE, Errand
from bot.mistakes import UNPROVED, CannotStart
from bot.settings import Settings
from storage import audit_log, facts, outgoing
from storage.chain import PUBLISHED, Head, Published, entries, moment, published, restored_after, verify
from storage.engine import Engine, Transaction
from storage.errors import StorageUnavailable
from storage.sqlite import SQLite
from storage.values import stamp
from storage.vault import Vault

log = structlog.get_logger()


def verify_log(settings: Settings, heads: Sequence[str]) -> int:
    """`intake audit verify`: the exit status. Raises what is in MISTAKES."""
    wanted = [_head(one) for one in heads]

    async def work() -> int:
        async with SQLite.open(settings.database, readonly=True) as engine:
            total, _ = await engine.read(audit_log.head)
            with click.progressbar(length=max(total, 1), label="verifying", file=sys.stderr) as bar:
                found = await verify(engine, wanted, lambda done: bar.update(done - bar.pos))
        if found.fault:
            click.echo(f"the audit log is not sound: {found.fault}")
            return 1
        click.echo(f"the audit log is sound: {_all_of_it(found.entries, found.head)}")
        if found.unproved:
            click.echo(f"not proved: {found.unproved}", err=True)
            return UNPROVED
        return 0

    return asyncio.run(work())


def _head(text: str) -> Head:
    """Raises CannotStart."""
    head = Head.of(text)
    if head is None:
        raise CannotStart(
            f"--head: {text!r} is no head; it is NUMBER:HASH as it was told, or the hash alone,"
            " all of its 64 digits or the first 16 and more"
        )
    return head


def list_log(settings: Settings, since: datetime | None) -> int:
    """`intake audit list`: the exit status. Raises what is in MISTAKES."""

    async def work() -> int:
        after = stamp(since) if since else ""
        async with (
            SQLite.open(settings.database, readonly=True) as engine,
            contextlib.aclosing(entries(engine, after)) as rows,
        ):
            found = False
            async for seq, at, action, subject, detail, _ in rows:
                found = True
                click.echo(f"{seq}  {at[:19]}Z  {action}  {subject or '-'}  {detail or '-'}")
        if not found:
            click.echo(
                "the audit log has no entry since then" if since else "the audit log is empty", err=True
            )
        return 0

    return asyncio.run(work())


def _all_of_it(count: int, head: str) -> str:
    """How much there is, and the head by which a later log is known to go on from it."""
    if not count:
        return "no entry yet"
    return f"{count} {'entry' if count == 1 else 'entries'}, head {Head(head, count)}"


class Heads:
    """Tells the log's head once a day, and anew at the first start after a restore. `accept` hands over what is
    committed."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        operators: int | None,
        accept: Callable[[Sequence[Errand]], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._operators = operators
        self._accept = accept
        self._clock = clock
        self._looked = False  # a restore is only ever before the start

    async def publish(self) -> None:
        """To the log and the operators' chat, unless it was today: that and the note are one transaction."""
        day = self._clock().date().isoformat()
        try:
            last = await self._engine.read(published)
            if last is None or last.day < day or await self._is_restored(last):
                await self._publish(day)
            self._looked = True
        except StorageUnavailable:
            log.warning("the audit log's head is told later", action="audit_head")

    async def _is_restored(self, last: Published) -> bool:
        """Whether there was a restore since then, of which this process has not told yet."""
        if self._looked:
            return False
        return await self._engine.read(lambda tx: restored_after(tx, last.entries)) is not None

    async def _publish(self, day: str) -> None:
        notes = [] if self._operators is None else [Errand(NOTE, self._operators, None, {"plain": True})]

        def work(tx: Transaction) -> str:
            last, (count, head) = published(tx), audit_log.head(tx)
            said = f"audit log: {_all_of_it(count, head)}"
            if restored := restored_after(tx, last.entries if last else 0):
                said += f"; restored from a backup of {moment(restored.moment)}, heads told since then are not in it"
            facts.put(tx, PUBLISHED, Published(day, count, head).text())
            for note in notes:
                note.body["text"] = said
            outgoing.add_errands(tx, [note.row(self._vault) for note in notes])
            return said

        said = await self._engine.write(work)
        log.info(said, action="audit_head")
        self._accept(notes)
