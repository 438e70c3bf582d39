"""Commands that keep, move or erase the data, or the key they are sealed with."""

import importlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from bot.calling import (
    call,
    done,
    follow,
    programme_setting,
    progress,
    refuse,
    set_up_logs,
    settings_or_exit,
)

WHO = re.compile(r"[A-Z]{1,4}-[0-9A-Z]{8}|[0-9a-f]{24}")  # a receipt, or a random id


@click.command(short_help="Write applications, or numbers, to a CSV or XLSX file.")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--purpose",
    type=click.Choice(["review", "fulfilment", "statistics"]),
    help="What for: it decides which applications leave, and which of their answers.",
)
@click.option("--columns", metavar="A,B,C", help="Only these columns, in this order.")
@click.option("--status", metavar="A,B", help="Only applications of these statuses.")
@click.option(
    "--since", metavar="DAY", help="Only what was submitted on that day (UTC) or later, as 2026-03-07."
)
@click.option("--force", is_flag=True, help="Put the new file in the place of one that exists.")
@click.option(
    "--list-columns", is_flag=True, help="Name the columns that each purpose gives, and write nothing."
)
def export(
    file: Path | None,
    purpose: str | None,
    columns: str | None,
    status: str | None,
    since: str | None,
    force: bool,
    list_columns: bool,
) -> None:
    """Write applications, or numbers, to a .csv or .xlsx file, for a purpose; while the bot runs or not.

    \b
    review      all of the applications that reviewers have before them
    fulfilment  of the approved ones, the answers that serve what exports.fulfilment
                in programme.toml names
    statistics  numbers: by step, status, outcome, reason, month; groups of fewer
                than five stand together

    No photo leaves. The file is for your eyes alone (mode 0600), and is entered in the audit log. In CSV an apostrophe
    stands before what a spreadsheet would take for a formula; XLSX keeps the words as they are, as text.
    """
    if list_columns:
        click.echo("\n".join(call("bot.extracts", "listed", programme_setting(), purpose)))
        return
    if file is None or purpose is None:
        raise click.UsageError(
            "say where and what for: intake export FILE --purpose review|fulfilment|statistics"
        )
    settings = settings_or_exit()
    set_up_logs(settings)
    exporting = importlib.import_module("bot.exporting")
    wanted = exporting.Wanted(file, purpose, _listed(columns), _listed(status), _day(since), force)
    with progress("reading") as tell:
        made = call("bot.exporting", "export", settings, wanted, tell)
    click.echo(f"wrote {file}: {_count(made.rows, 'row')}, {_count(made.columns, 'column')}, for {purpose}")
    if made.cut:
        click.echo(
            f"{_count(made.cut, 'cell')} cut: XLSX holds 32767 characters in one; CSV holds all", err=True
        )
    if purpose == "statistics":
        click.echo("it holds numbers, and no personal data")
    else:
        responsible = f"{made.controller} and you who hold it" if made.controller else "you who hold it"
        click.echo(
            f"it holds personal data in the clear, for which {responsible} are responsible: use it for that purpose"
            " alone, and delete it when that is done; /delete does not reach it"
        )
    if made.unreadable:
        click.echo(
            f"left out, since no key here opens them: {_count(made.unreadable, 'application')}", err=True
        )
        sys.exit(1)


@click.group(short_help="Updates that could not be handled.")
def parked() -> None:
    """Updates that could not be handled; they are kept sealed for 30 days."""


@parked.command(name="list", short_help="Name them: when, why, of which kind.")
def parked_list() -> None:
    """Name each: its id, when it was parked, why, of which kind, and whether its sender is known."""
    shown = 0
    for one in _all_parked(_parked):
        click.echo(f"{one['id']}  {one['at'][:19]}Z  {one['kind']}  sender {one['sender']}  {one['reason']}")
        shown += 1
    if not shown:
        click.echo("nothing is parked")


@parked.command(name="retry", short_help="Let the running bot handle them now.")
@click.argument("ids", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All that are parked.")
def parked_retry(ids: tuple[str, ...], every: bool) -> None:
    """Let the running bot handle them now: by their ids, or the beginnings of these. 1 when some could not be."""
    chosen: Iterable[str] = _chosen(ids, every) or [row["id"] for row in _all_parked(_parked_of_the_running)]
    answers = [_parked_of_the_running("retry", id=one) for one in chosen]
    wrong = [answer["error"] for answer in answers if "error" in answer]
    for line in wrong:
        click.echo(line, err=True)
    if handled := len(answers) - len(wrong):
        click.echo(f"handled {handled}")
    sys.exit(bool(wrong))


@parked.command(name="drop", short_help="Delete them unread.")
@click.argument("ids", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All that are parked.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def parked_drop(ids: tuple[str, ...], every: bool, yes: bool) -> None:
    """Delete them unread: by their ids, or the beginnings of these."""
    chosen = list(dict.fromkeys(_chosen(ids, every)))
    if not yes:
        click.confirm(f"Delete {len(chosen) or 'all'} of the parked updates for good?", abort=True)
    click.echo(f"deleted {_parked('drop', ids=chosen)['dropped']}")


@click.command(short_help="Write a backup, while the bot runs or not.")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option(
    "--keep", type=click.IntRange(min=1), default=30, show_default=True, help="Days until data are deleted."
)
@click.option(
    "--keep-keys",
    type=click.IntRange(1, 7),
    default=7,
    show_default=True,
    help="Days until keys are deleted.",
)
def backup(folder: Path | None, keep: int, keep_keys: int) -> None:
    """Write a backup into FOLDER, or into INTAKE_BACKUPS, while the bot runs or not; older ones are deleted.

    Two files of one moment: the data, and the keys without which they cannot be read. Keys are kept for a week at most,
    so that whoever is deleted cannot be read from an older backup either. The operator's key is in neither. It is
    entered in the audit log; 1 when it could not be, though the backup is there.
    """
    settings = settings_or_exit()
    set_up_logs(settings)
    with progress("backing up") as tell:
        lines, wrong = call("bot.backed_up", "back_up", settings, folder, keep, keep_keys, tell)
    click.echo("\n".join(lines))
    if wrong:
        click.echo(wrong, err=True)
        sys.exit(1)


@click.command(short_help="Put a backup in the place of lost data.")
@click.argument("data", metavar="DATA_FILE", type=click.Path(path_type=Path))
@click.option(
    "--keys", type=click.Path(path_type=Path), help="The set of keys; by default the one of the same moment."
)
@click.option("--replace", is_flag=True, help="Although there are data: they are kept under another name.")
@click.option("--dry-run", is_flag=True, help="Check everything, say what would be done, and change nothing.")
def restore(data: Path, keys: Path | None, replace: bool, dry_run: bool) -> None:
    """Put a backup in the place of lost data, without whoever was deleted since. The bot must not be running."""
    settings = settings_or_exit()
    set_up_logs(settings)
    with progress("restoring") as tell:
        lines = call(
            "bot.restoring", "restore", settings, data, keys, replace=replace, dry_run=dry_run, tell=tell
        )
    click.echo("\n".join(lines))


@click.command(short_help="Erase what is due, or one person.")
@click.argument("who", required=False)
@click.option("--due", is_flag=True, help="All that was kept for its time.")
@click.option("--dry-run", is_flag=True, help="With --due: only list what goes, and when.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(who: str | None, due: bool, dry_run: bool, yes: bool) -> None:
    """Erase what was kept for its time (--due), or everything of one person, by a receipt or a random id.

    One person is erased as by /delete, also in the chats; so the bot must run.
    """
    if bool(who) == due or (dry_run and not due):
        raise click.UsageError("name one receipt or id, or say --due; --dry-run goes with --due")
    if who:
        _erase_one(who.strip(), yes)
    elif dry_run:
        sys.exit(call("bot.retention", "list_due", settings_or_exit()))
    else:
        follow("erasing", "erase_due", "erase_due_look", "bot.erasing", "erase_due_at_rest")


def _erase_one(who: str, yes: bool) -> None:
    settings = settings_or_exit()
    wanted = who.lower() if "-" not in who else who.upper()
    if not WHO.fullmatch(wanted):
        refuse(f"{who} is neither a receipt, as UX-7K3M9QDF, nor a random id of 24 digits 0-9 a-f")
    control = importlib.import_module("bot.control")
    path = settings.data / control.SOCKET
    try:
        found = done(control.ask(path, "erase_look", who=wanted))
        if not yes:
            held = ", ".join(found["applications"]) or "no application"
            photos = f"{found['photos']} photo{'' if found['photos'] == 1 else 's'}"
            click.confirm(f"Erase everything of {found['person']} ({held}; {photos}) for good?", abort=True)
        receipt = done(control.ask(path, "erase", who=found["person"]))["receipt"]
    except control.NotRunning as error:
        click.echo(f"{error}, and only it can remove what stands in chats; start it (intake run)", err=True)
        sys.exit(1)
    click.echo(f"erased, receipt {receipt}; what stands in chats is being removed")


@click.group(short_help="The operator's key, without which nothing can be read.")
def key() -> None:
    """The operator's key, without which the data cannot be read."""


@key.command(name="new", short_help="Make a key in a new file that only you can read.")
@click.argument("path", type=click.Path(path_type=Path))
def key_new(path: Path) -> None:
    """Make a key in a new file that only you can read. Never overwrites."""
    vault = importlib.import_module("storage.vault")
    try:
        vault.OperatorKey.create(path)
    except FileExistsError:
        refuse(f"{path} exists; a key is never overwritten")
    except OSError as error:
        refuse(f"{path} cannot be written: {error.strerror}")
    click.echo(f"made {path}; back it up apart from the data")


@key.command(name="rotate", short_help="Put a new key in the place of the present one.")
def key_rotate() -> None:
    """Put a new key in the place of the present one, while the bot runs or while it does not.

    Every person's key is wrapped anew. Cut short at any point, it goes on at the next start.
    """
    follow("sealing anew", "key_change", "key_look", "bot.at_rest", "change_key_at_rest")


def _day(text: str | None) -> datetime | None:
    """Its beginning in UTC."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) if text else None
    except ValueError:
        refuse(f"--since: found {text!r}; allowed: a day, as 2026-03-07")
        return None


def _listed(names: str | None) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(name.strip() for name in (names or "").split(",") if name.strip())


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _chosen(ids: tuple[str, ...], every: bool) -> list[str]:
    """The ids that were named; none of them stands for all."""
    if bool(ids) == every:
        raise click.UsageError("name the ids that `intake parked list` shows, or say --all")
    return list(ids)


def _all_parked(ask: Callable[..., dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What is parked, asked for piece by piece."""
    after = ""
    while rows := done(ask("list", after=after))["parked"]:
        yield from rows
        after = rows[-1]["id"]


def _parked_of_the_running(command: str, **values: Any) -> dict[str, Any]:
    """From the running bot, which may say what is wrong; exit 1 when none runs."""
    control = importlib.import_module("bot.control")
    try:
        answer: dict[str, Any] = control.ask(
            settings_or_exit().data / control.SOCKET, f"parked_{command}", **values
        )
    except control.NotRunning as error:
        click.echo(f"{error}; start it (intake run), and try again", err=True)
        sys.exit(1)
    return answer


def _parked(command: str, **values: Any) -> dict[str, Any]:
    """From the running bot; from the database itself when none runs."""
    control = importlib.import_module("bot.control")
    settings = settings_or_exit()
    try:
        answer: dict[str, Any] = control.ask(settings.data / control.SOCKET, f"parked_{command}", **values)
    except control.NotRunning:
        set_up_logs(settings)
        answer = call("bot.at_rest", "parked_at_rest", settings, command, **values)
    return done(answer)
