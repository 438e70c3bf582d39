"""`intake try`: talk to a programme in the terminal. Nothing is stored, nothing is sent."""

import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import click

from bot.programmes import load
from bot.rehearsal import Rehearsal, Shown

HELP = """Type an answer, or the number of a button. Also:
  photo           send a photo that is fine          refuse   send one that is refused
  wait 25h        let time pass (h, d)               quit     end
"""


def trial(folder: Path | None, language: str | None) -> int:
    """Read lines until the end of input; the exit status."""
    loaded = load(folder)
    code = language or loaded.programme.languages[0]
    if code not in loaded.programme.languages:
        click.echo(f"--language: {code} is none of {', '.join(loaded.programme.languages)}", err=True)
        return 2
    rehearsal = Rehearsal(loaded, code)
    click.echo(HELP)
    click.echo("> /start")
    rehearsal.say("/start")
    while True:
        buttons = _print_news(rehearsal)
        line = _read()
        if line is None or line == "quit":
            return 0
        _do(rehearsal, line, buttons)


def _read() -> str | None:
    try:
        line = input("> ") if sys.stdin.isatty() else sys.stdin.readline()
    except (EOFError, KeyboardInterrupt):
        return None
    if not sys.stdin.isatty() and not line:
        return None
    return line.rstrip("\n").replace("\\n", "\n")


def _do(rehearsal: Rehearsal, line: str, buttons: list[tuple[str, Shown]]) -> None:
    head, _, rest = line.partition(" ")
    if line.isdecimal() and 1 <= int(line) <= len(buttons):
        data, shown = buttons[int(line) - 1]
        rehearsal.press(data, shown)
    elif head == "photo":
        rehearsal.photo()
    elif head == "refuse":
        rehearsal.photo(refusal="photo_not_a_picture")
    elif head == "wait" and rest[:-1].isdecimal() and rest[-1:] in {"h", "d"}:
        rehearsal.wait(timedelta(hours=int(rest[:-1]) * (24 if rest.endswith("d") else 1)))
    elif line:
        rehearsal.say(line)


def _print_news(rehearsal: Rehearsal) -> list[tuple[str, Shown]]:
    """Print what is new; the buttons that can be pressed now, numbered through."""
    for news in rehearsal.news:
        if isinstance(news, str):
            click.secho(f"  ({news})", fg="yellow")
            continue
        title = {"private": "bot", "card": "reviewers' group", "reviewer": "a reviewer's chat"}[news.where]
        click.secho(f"\n{title}:", bold=True)
        click.echo("\n".join(f"  {line}" for line in news.text.splitlines()))
    rehearsal.news.clear()
    last = [shown for shown in rehearsal.shown if shown.buttons][-1:]
    return _number([*last, *([rehearsal.card] if rehearsal.card else [])])


def _number(messages: Iterable[Shown]) -> list[tuple[str, Shown]]:
    buttons: list[tuple[str, Shown]] = []
    for shown in messages:
        for row in shown.buttons:
            labels = []
            for label, data in row:
                buttons.append((data, shown))
                labels.append(f"{len(buttons)} [{label}]")
            where = "card: " if shown.where == "card" else ""
            click.secho(f"  {where}{'  '.join(labels)}", fg="cyan")
    return buttons
