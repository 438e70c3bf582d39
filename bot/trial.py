"""`intake try`: talk to a programme in the terminal. Nothing is stored, nothing is sent."""

import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import click

from bot.heard import Shown, Verdict
from bot.programmes import load
from bot.rehearsal import REVIEWER, Rehearsal

HELP = """You are the applicant, and further down also a reviewer. Type an answer or a command such as /help,
or the number of a button. \\n in an answer is a line break. Besides:

  photo     send a photo that is fine        dark      send one that is too dark
  refuse    send a file that is no picture   wait 25h  let time pass: m, h or d
  again     show the buttons again           quit      end (or Ctrl-D)
  write ... reply to the reviewer's form with words of your own
"""
WRITES = "write "
PHOTOS = {
    "photo": Verdict(),
    "dark": Verdict(warnings=("photo_dark",)),
    "refuse": Verdict(refusal="photo_not_a_picture"),
}
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
LONGEST_WAIT = timedelta(days=36_500)
TITLES = {
    "bot": "The bot",
    "card": "The reviewers' group",
    "form": "The reviewer's own chat",
    "notice": "The reviewers' group",
    "reviewer": "The reviewer's own chat",
}
MARKS = {"toast": "toast", "alert": "alert"}

Numbered = list[tuple[str, Shown]]


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
        _print_news(rehearsal)
        buttons = _print_buttons(rehearsal)
        line = _read()
        if line is None or line.strip() == "quit":
            return 0
        if line.strip() and not _do(rehearsal, line.strip(), buttons):
            click.secho(f"  There is no button {line.strip()}.", fg="yellow")


def _read() -> str | None:
    """The next line; None at the end of input. What is piped in is repeated, so that the output reads as a dialogue."""
    try:
        line = input("\n> ")
    except (EOFError, KeyboardInterrupt):
        click.echo()
        return None
    if not sys.stdin.isatty():
        click.echo(line)
    return line.replace("\\n", "\n")


def _do(rehearsal: Rehearsal, line: str, buttons: Numbered) -> bool:
    """Do what a line says. False when it is a number, and of no button, where one is expected."""
    if line.isdecimal():
        if not 1 <= int(line) <= len(buttons):
            return False
        data, shown = buttons[int(line) - 1]
        rehearsal.press(data, shown)
        if rehearsal.link is not None:  # it opens the reviewer's chat with the bot; here at once
            link, rehearsal.link = rehearsal.link, None
            rehearsal.follow(link, REVIEWER)
    elif line.startswith(WRITES) and rehearsal.form_of(REVIEWER.ref):
        rehearsal.write(line.removeprefix(WRITES))
    elif line in PHOTOS:
        rehearsal.photo(PHOTOS[line])
    elif (wait := _wait(line)) is not None:
        rehearsal.wait(wait)
    elif line != "again":
        rehearsal.say(line)
    return True


def _wait(line: str) -> timedelta | None:
    """The span of "wait 25h"; None when the line is something else."""
    head, _, rest = line.partition(" ")
    unit = UNITS.get(rest[-1:])
    if head != "wait" or unit is None or not rest[:-1].isdecimal() or len(rest) > 7:
        return None
    return min(timedelta(**{unit: int(rest[:-1])}), LONGEST_WAIT)


def _print_news(rehearsal: Rehearsal) -> None:
    """Everything new; of a message that changed several times only how it reads now."""
    news, rehearsal.news = rehearsal.news, []
    removed: list[str] = []
    for place, one in enumerate(news):
        if any(
            one.shown is later.shown and one.what == later.what for later in news[place + 1 :] if one.shown
        ):
            continue
        if one.shown is None:
            click.secho(f"  ({MARKS[one.what]}: {one.text})", fg="yellow")
        elif one.what == "gone":
            removed.append(TITLES[one.shown.where])
        else:
            changed = ", changed" if one.what == "edited" else ""
            title = TITLES[one.shown.where]
            click.secho(f"\n{title}{changed}:", bold=True)
            text = "[buttons changed]" if one.only_buttons else one.shown.text
            click.echo("\n".join(f"  {line}".rstrip() for line in text.splitlines()))
    for title in dict.fromkeys(removed):
        click.secho(f"  (removed from: {title})", fg="yellow")


def _print_buttons(rehearsal: Rehearsal) -> Numbered:
    """The buttons that can be pressed now, numbered through: the newest message's with some, the card's, the form's."""
    messages = [shown for shown in rehearsal.shown if rehearsal.is_live(shown)][-1:]
    card = [rehearsal.card] if rehearsal.card and rehearsal.card.buttons else []
    forms = [form for form in rehearsal.forms.values() if form.buttons]
    if messages or card or forms:
        click.echo()
    return _number([*messages, *card, *forms])


def _number(messages: Iterable[Shown]) -> Numbered:
    buttons: Numbered = []
    for shown in messages:
        for row in shown.buttons:
            labels = []
            for label, data in row:
                buttons.append((data, shown))
                labels.append(f"{len(buttons)} [{label}]")
            where = f"{shown.where}: " if shown.where in {"card", "form"} else ""
            click.secho(f"  {where}{'  '.join(labels)}", fg="cyan")
    return buttons
