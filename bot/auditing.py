"""The audit log for its operators: looked through, listed, and its head told once a day."""

import asyncio
import contextlib
import re
import sys
from collections.abc import Callable, Sequence
from datetime import datetime

import click
import structlog

from bot.errands import NOTE, Errand
from bot.mistakes import CannotStart
from bot.settings import Settings
from storage import store
from storage.chain import PUBLISHED, Published, entries, published, verify
from storage.engine import Engine, Transaction
from storage.errors import StorageUnavailable
from storage.sqlite import SQLite
from storage.vault import Vault

log = structlog.get_logger()

HEAD = re.compile(r"[0-9a-f]{16,64}")


def verify_log(settings: Settings, heads: Sequence[str]) -> int:
    """`intake audit verify`: the exit status. Raises what is in MISTAKES."""
    wanted = [one.strip().lower() for one in heads]
    for one in wanted:
        if not HEAD.fullmatch(one):
            raise CannotStart(
                f"--head: {one!r} is no head; it is 64 digits of 0-9 a-f, or the first 16 or more"
            )

    async def work() -> int:
        async with SQLite.open(settings.database, readonly=True) as engine:
            total, _ = await engine.read(store.audit_head)
            with click.progressbar(length=max(total, 1), label="verifying", file=sys.stderr) as bar:
                found = await verify(engine, wanted, lambda done: bar.update(done - bar.pos))
        if found.fault:
            click.echo(f"the audit log is not sound: {found.fault}")
            return 1
        click.echo(line(found.entries, found.head))
        return 0

    return asyncio.run(work())


def list_log(settings: Settings, since: datetime | None) -> int:
    """`intake audit list`: the exit status. Raises what is in MISTAKES."""

    async def work() -> int:
        after = store.stamp(since) if since else ""
        async with (
            SQLite.open(settings.database, readonly=True) as engine,
            contextlib.aclosing(entries(engine, after)) as rows,
        ):
            async for seq, at, action, subject, detail, _ in rows:
                click.echo(f"{seq}  {at[:19]}Z  {action}  {subject or '-'}  {detail or '-'}")
        return 0

    return asyncio.run(work())


def line(count: int, head: str) -> str:
    """What is told of the log, to be held against a later one."""
    return f"audit log: {count} entries, head {head or '-'}"


class Heads:
    """Tells the log's head once a day. `accept` hands over what is committed."""

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

    async def publish(self) -> None:
        """To the log and the operators' chat, unless it was today: that and the note are one transaction."""
        day = self._clock().date().isoformat()
        try:
            last = await self._engine.read(published)
            if last is None or last.day < day:
                await self._publish(day)
        except StorageUnavailable:
            log.warning("the audit log's head is told later", action="audit_head")

    async def _publish(self, day: str) -> None:
        notes = [] if self._operators is None else [Errand(NOTE, self._operators, None, {"plain": True})]

        def work(tx: Transaction) -> str:
            count, head = store.audit_head(tx)
            said = line(count, head)
            store.put_fact(tx, PUBLISHED, Published(day, count, head).text())
            for note in notes:
                note.body["text"] = said
            store.add_errands(tx, [note.row(self._vault) for note in notes])
            return said

        said = await self._engine.write(work)
        log.info(said, action="audit_head")
        self._accept(notes)
