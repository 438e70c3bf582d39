"""`intake check`: a programme read whole, its mistakes and gaps named; on demand the trace from clause to retention."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from bot.programmes import NOTICE, Loaded, gaps, load
from bot.proofreading import faults
from conversations import Programme, ProgrammeMistakes
from conversations.keeping import unannounced
from conversations.tracing import DRAFT, OUTCOMES, days_of, traces, unused_purposes

LONG_ENOUGH = "kept for a week or more it would be announced three days before"
OR_REMINDED = "; so would a draft of which a reminder comes then (reminders.after_hours)"
HEADINGS = ("clause", "field", "asked", "purposes", "consents", "kept, in days")


def check(folder: Path | None, trace: bool = False) -> int:
    """Print what is wrong; 1 when anything is. `trace`: every field too, from its clause to how long it is kept."""
    try:
        loaded = load(folder)
        mistakes = faults(loaded)
    except ProgrammeMistakes as error:
        mistakes = error.mistakes
    for mistake in mistakes:
        click.echo(mistake)
    if mistakes:
        click.echo(f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}", err=True)
        return 1
    if trace:
        click.echo("\n".join((*_table([HEADINGS, *_traced(loaded.programme)]), "")))
        if unused := unused_purposes(loaded.programme):
            click.echo(f"purposes of the agreement that no field serves: {', '.join(unused)}\n")
    _summary(loaded)
    return 0


def _traced(programme: Programme) -> Iterator[tuple[str, ...]]:
    for one in traces(programme):
        asked = ("required" if one.required else "optional") + (", sensitive" if one.sensitive else "")
        kept = ", ".join(f"{kind} {days}" for kind, days in one.kept)
        yield one.clause, one.field, asked, ", ".join(one.purposes), ", ".join(one.consents), kept
    kept = ", ".join(f"{kind} {days_of(programme, kind)}" for kind in (DRAFT, *OUTCOMES))
    for field in ("Telegram user id", "language"):
        yield NOTICE, field, "by talking", "to talk with him", "-", kept


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns under each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _summary(loaded: Loaded) -> None:
    programme = loaded.programme
    for gap in gaps(programme):
        click.echo(f"to decide: {gap}")
    for name, days in unannounced(programme):
        cure = LONG_ENOUGH + OR_REMINDED * (name == "draft_days")
        click.echo(f"goes without a word: what retention.{name} = {days} is about; {cure}")
    counts = {"questions": programme.questions, "consents": programme.consents, "reasons": programme.reasons}
    found = ", ".join(f"{len(entries)} {name}" for name, entries in counts.items())
    click.echo(f"{programme.name}: {found}, in {', '.join(programme.languages)}: good")
