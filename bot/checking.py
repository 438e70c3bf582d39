"""`intake check`: a programme read whole, its mistakes and gaps named."""

from pathlib import Path

import click

from bot.programmes import Loaded, gaps, load
from bot.proofreading import faults
from conversations import ProgrammeMistakes


def check(folder: Path | None) -> int:
    """Print what is wrong; 1 when anything is."""
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
    _summary(loaded)
    return 0


def _summary(loaded: Loaded) -> None:
    programme = loaded.programme
    for gap in gaps(programme):
        click.echo(f"to decide: {gap}")
    counts = {"questions": programme.questions, "consents": programme.consents, "reasons": programme.reasons}
    found = ", ".join(f"{len(entries)} {name}" for name, entries in counts.items())
    click.echo(f"{programme.name}: {found}, in {', '.join(programme.languages)}: good")
