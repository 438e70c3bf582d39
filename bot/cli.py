"""The command line.

Exit statuses: 0 done; 1 something was found wrong; 2 a setting, key, folder or programme cannot be used.
"""

import contextlib
import importlib
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import click

WHO = re.compile(r"[A-Z]{1,4}-[0-9A-Z]{8}|[0-9a-f]{24}")  # a receipt, or a random id
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("intake"), prog_name="intake")
def intake() -> None:
    """Intake: a Telegram bot that takes applications.

    \b
    New here?        intake demo
    Going live?      copy .env.example to .env, then: intake check && intake run
    """


@intake.command(short_help="Serve Telegram until Ctrl-C.")
def run() -> None:
    """Serve Telegram until Ctrl-C: by polling, or by webhook when INTAKE_WEBHOOK_URL is set."""
    settings = _settings()
    _logs(settings)
    sys.exit(_call("bot.app", "run", settings))


@intake.command(short_help="Play applicant and reviewers on one page; no token.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Where the page is served; a free port by default.",
)
@click.option("--browser/--no-browser", default=True, help="Open the page in the browser.")
@click.option("--folder", type=FOLDER, help="A programme of your own instead of the shipped one.")
def demo(port: int, browser: bool, folder: Path | None) -> None:
    """Play applicant and reviewers on one page: a local Telegram and the bot; no token, no network."""
    sys.exit(_call("bot.demo", "demo", port, browser, folder))


@intake.command(name="try", short_help="Talk to a programme in the terminal.")
@click.argument("folder", type=FOLDER, required=False)
@click.option("--language", help="The applicant's language, for example zh.")
def try_(folder: Path | None, language: str | None) -> None:
    """Talk to a programme in the terminal; nothing is stored or sent."""
    sys.exit(_call("bot.trial", "trial", folder, language))


@intake.command(short_help="Read a programme and name every mistake.")
@click.argument("folder", type=FOLDER, required=False)
@click.option(
    "--trace", is_flag=True, help="Also each field with its clause, purposes, consent and retention."
)
def check(folder: Path | None, trace: bool) -> None:
    """Read a programme and name every mistake: file, key, what was found, what is allowed."""
    sys.exit(_call("bot.checking", "check", folder or _programme_setting(), trace))


@intake.command(short_help="Print the record of processing activities.")
@click.argument("folder", type=FOLDER, required=False)
@click.option("--language", help="The record's language, for example zh; the programme's first by default.")
def record(folder: Path | None, language: str | None) -> None:
    """Print the record of processing activities, as the programme has it, in Markdown."""
    sys.exit(_call("bot.papers", "record", folder or _programme_setting(), language))


@intake.command(short_help="Print the states, the settings and the commands.")
@click.option(
    "--update", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Write it into a README."
)
def describe(update: Path | None) -> None:
    """Print the picture of the states, and the tables of settings and commands."""
    sys.exit(_call("bot.describing", "describe", intake, update))


@intake.command(short_help="Bring the database to this version's schema.")
def migrate() -> None:
    """Bring the database to this version's schema; `run` does the same at its start."""
    settings = _settings()
    _logs(settings)
    applied = _call("bot.app", "migrate_data", settings)
    click.echo("\n".join(f"applied {name}" for name in applied) or "the database is up to date")


@intake.command(short_help="Name the bot's groups, with the id INTAKE_GROUP wants.")
def groups() -> None:
    """Name the groups the bot was added to, with the id that INTAKE_GROUP wants."""
    sys.exit(_call("bot.groups", "groups", _call("bot.settings", "token_setting")))


@intake.command(short_help="Ask the running bot how it is.")
def status() -> None:
    """Ask the running bot how it is."""
    found = _ask("status")
    counts = [f"{count} {state.replace('_', ' ')}" for state, count in found["applications"].items()]
    click.echo(f"bot: {found['bot']}")
    click.echo(f"group: {found['group']}")
    click.echo(f"to send now: {found['errands_waiting']}")
    click.echo(f"applications: {', '.join(counts) or 'none yet'}")


@intake.command(short_help="Ask the running bot to end, as Ctrl-C does.")
def stop() -> None:
    """Ask the running bot to finish what it has in hand and end, as Ctrl-C does."""
    _ask("stop")
    click.echo("it is stopping")


@intake.command(short_help="Write applications, or numbers, to a CSV or XLSX file.")
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
        click.echo("\n".join(_call("bot.extracts", "listed", _programme_setting(), purpose)))
        return
    if file is None or purpose is None:
        raise click.UsageError(
            "say where and what for: intake export FILE --purpose review|fulfilment|statistics"
        )
    settings = _settings()
    _logs(settings)
    exporting = importlib.import_module("bot.exporting")
    wanted = exporting.Wanted(file, purpose, _listed(columns), _listed(status), _day(since), force)
    with _progress("reading") as tell:
        made = _call("bot.exporting", "export", settings, wanted, tell)
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


@intake.group(short_help="Updates that could not be handled.")
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


@intake.command(short_help="Write a backup, while the bot runs or not.")
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
    so that whoever is deleted cannot be read from an older backup either. The operator's key is in neither.
    """
    settings = _settings()
    _logs(settings)
    with _progress("backing up") as tell:
        lines = _call("bot.backups", "back_up", settings, folder, keep, keep_keys, tell)
    click.echo("\n".join(lines))


@intake.command(short_help="Put a backup in the place of lost data.")
@click.argument("data", metavar="DATA_FILE", type=click.Path(path_type=Path))
@click.option(
    "--keys", type=click.Path(path_type=Path), help="The set of keys; by default the one of the same moment."
)
@click.option("--replace", is_flag=True, help="Although there are data: they are kept under another name.")
@click.option("--dry-run", is_flag=True, help="Check everything, say what would be done, and change nothing.")
def restore(data: Path, keys: Path | None, replace: bool, dry_run: bool) -> None:
    """Put a backup in the place of lost data, without whoever was deleted since. The bot must not be running."""
    settings = _settings()
    _logs(settings)
    with _progress("restoring") as tell:
        lines = _call(
            "bot.restoring", "restore", settings, data, keys, replace=replace, dry_run=dry_run, tell=tell
        )
    click.echo("\n".join(lines))


@intake.command(short_help="Erase what is due, or one person.")
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
        sys.exit(_call("bot.retention", "list_due", _settings()))
    else:
        click.echo(_followed("erasing", "erase_due", "erase_due_look", "bot.erasing", "erase_due_at_rest"))


def _erase_one(who: str, yes: bool) -> None:
    settings = _settings()
    wanted = who.lower() if "-" not in who else who.upper()
    if not WHO.fullmatch(wanted):
        _refuse(f"{who} is neither a receipt, as UX-7K3M9QDF, nor a random id of 24 digits 0-9 a-f")
    control = importlib.import_module("bot.control")
    path = settings.data / control.SOCKET
    try:
        found = _done(control.ask(path, "erase_look", who=wanted))
        if not yes:
            held = ", ".join(found["applications"]) or "no application"
            photos = f"{found['photos']} photo{'' if found['photos'] == 1 else 's'}"
            click.confirm(f"Erase everything of {found['person']} ({held}; {photos}) for good?", abort=True)
        receipt = _done(control.ask(path, "erase", who=found["person"]))["receipt"]
    except control.NotRunning as error:
        click.echo(f"{error}, and only it can remove what stands in chats; start it (intake run)", err=True)
        sys.exit(1)
    click.echo(f"erased, receipt {receipt}; what stands in chats is being removed")


@intake.group(short_help="The audit log: what was done, and that nobody changed it.")
def audit() -> None:
    """The audit log: what was done, without anything personal, each entry bound to the one before it."""


@audit.command(name="verify", short_help="Find whatever was changed, removed or moved in it.")
@click.option("--head", "heads", multiple=True, help="A head that was told before; the log must have it.")
def audit_verify(heads: tuple[str, ...]) -> None:
    """Look whether any entry was changed, removed, inserted or moved; 1 and where, if so. Reads only."""
    sys.exit(_call("bot.auditing", "verify_log", _settings(), heads))


@audit.command(name="list", short_help="Print it.")
@click.option(
    "--since", metavar="TIME", help="Only entries from then on: 2026-03-01, or 2026-03-01T12:00; UTC."
)
def audit_list(since: str | None) -> None:
    """Print its entries: number, time, action, whom it is about, detail. Reads only."""
    try:
        moment = datetime.fromisoformat(since) if since is not None else None
    except ValueError:
        _refuse(f"--since: {since!r} is no time; as 2026-03-01, or 2026-03-01T12:00")
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    sys.exit(_call("bot.auditing", "list_log", _settings(), moment))


@intake.group(short_help="The operator's key, without which nothing can be read.")
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
        _refuse(f"{path} exists; a key is never overwritten")
    except OSError as error:
        _refuse(f"{path} cannot be written: {error.strerror}")
    click.echo(f"made {path}; back it up apart from the data")


@key.command(name="rotate", short_help="Put a new key in the place of the present one.")
def key_rotate() -> None:
    """Put a new key in the place of the present one, while the bot runs or while it does not.

    Every person's key is wrapped anew. Cut short at any point, it goes on at the next start.
    """
    click.echo(_followed("sealing anew", "key_change", "key_look", "bot.app", "change_key_at_rest"))


@intake.group(short_help="Consents, and the receipts that prove them.")
def consent() -> None:
    """Consents, and the receipts that prove them."""


@consent.command(name="verify", short_help="Check a receipt that a person kept.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--key", "public", help="The public key that it must be signed with, as `intake consent key` prints it."
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="The data folder whose ledger it is compared with."
)
def consent_verify(file: Path, public: str | None, data: Path | None) -> None:
    """Check a receipt that a person kept: is it whole, who signed it, and what was agreed to. Needs no network.

    It is compared with the ledger where a data folder is: INTAKE_DATA, or --data. 1 when it is not proved.
    """
    sys.exit(_call("bot.proving", "verify", file, public, data))


@consent.command(name="key", short_help="Print the public key of the receipts.")
def consent_key() -> None:
    """Print the public key that this data's receipts are signed with; publish it."""
    sys.exit(_call("bot.proving", "key"))


@intake.group(short_help="The texts that people agree to.")
def agreement() -> None:
    """The texts that people agree to."""


@agreement.command(name="diff", short_help="Say what changed, clause by clause.")
@click.argument("old")
@click.argument("new")
def agreement_diff(old: str, new: str) -> None:
    """Say what changed, clause by clause: of two files, programmes' folders, or hashes of stored texts. 1 if anything.

    A hash may be cut to six digits and more; it is looked for in the data.
    """
    sys.exit(_call("bot.comparing", "diff", old, new))


def main() -> None:
    """`intake`, and `python -m bot`."""
    intake(prog_name="intake")


def _followed(label: str, begin: str, look: str, module: str, at_rest: str) -> str:
    """Long work, by the running bot, or here when none runs, with a bar; what is to be said at its end."""
    settings = _settings()
    control = importlib.import_module("bot.control")
    path = settings.data / control.SOCKET
    with _progress(label) as tell:
        try:
            found = _done(control.ask(path, begin))
        except control.NotRunning:
            _logs(settings)
            return str(_call(module, at_rest, settings, tell))
        while not found["over"]:
            time.sleep(0.1)
            found = _done(_call("bot.control", "ask", path, look))
            tell(found["done"], found["total"])
        return str(found["say"])


def _day(text: str | None) -> datetime | None:
    """Its beginning in UTC."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) if text else None
    except ValueError:
        _refuse(f"--since: found {text!r}; allowed: a day, as 2026-03-07")
        return None


@contextlib.contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, from the first that is told: what is done, and of how much."""
    with contextlib.ExitStack() as stack:
        bars: list[Any] = []

        def tell(done: int, total: int) -> None:
            if not bars and sys.stderr.isatty():
                bars.append(stack.enter_context(click.progressbar(length=1, label=label, file=sys.stderr)))
            for bar in bars:
                bar.length = max(total, 1)
                bar.update(done - bar.pos)

        yield tell


def _settings() -> Any:
    """The settings, or one clear line and exit 2."""
    return _call("bot.settings", "load_settings")


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
    while rows := _done(ask("list", after=after))["parked"]:
        yield from rows
        after = rows[-1]["id"]


def _parked_of_the_running(command: str, **values: Any) -> dict[str, Any]:
    """From the running bot, which may say what is wrong; exit 1 when none runs."""
    control = importlib.import_module("bot.control")
    try:
        answer: dict[str, Any] = control.ask(_settings().data / control.SOCKET, f"parked_{command}", **values)
    except control.NotRunning as error:
        click.echo(f"{error}; start it (intake run), and try again", err=True)
        sys.exit(1)
    return answer


def _parked(command: str, **values: Any) -> dict[str, Any]:
    """From the running bot; from the database itself when none runs."""
    control = importlib.import_module("bot.control")
    settings = _settings()
    try:
        answer: dict[str, Any] = control.ask(settings.data / control.SOCKET, f"parked_{command}", **values)
    except control.NotRunning:
        _logs(settings)
        answer = _call("bot.app", "parked_at_rest", settings, command, **values)
    return _done(answer)


def _ask(command: str, **values: Any) -> dict[str, Any]:
    """The running bot's answer; exit 1 when it could not do it."""
    path = _settings().data / "control.sock"
    return _done(_call("bot.control", "ask", path, command, **values))


def _done(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        click.echo(answer["error"], err=True)
        sys.exit(1)
    return answer


def _programme_setting() -> Path | None:
    return _call("bot.settings", "programme_setting")  # type: ignore[no-any-return]


def _logs(settings: Any) -> None:
    importlib.import_module("bot.logs").set_up(settings.log, settings.log_level)


def _call(module: str, function: str, *arguments: Any, **values: Any) -> Any:
    """Call into a part that is imported only now. What keeps it from working is one line, and exit 2."""
    mistakes = importlib.import_module("bot.mistakes").MISTAKES
    try:
        return getattr(importlib.import_module(module), function)(*arguments, **values)
    except mistakes as error:
        _refuse(str(error))


def _refuse(line: str) -> NoReturn:
    click.echo(line, err=True)
    sys.exit(2)
