"""The command line.

Exit statuses: 0 done; 1 something was found wrong; 2 a setting, key, folder or programme cannot be used.
"""

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
def check(folder: Path | None) -> None:
    """Read a programme and name every mistake: file, key, what was found, what is allowed."""
    sys.exit(_call("bot.checking", "check", folder or _programme_setting()))


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


def main() -> None:
    """`intake`, and `python -m bot`."""
    intake(prog_name="intake")


def _followed(label: str, begin: str, look: str, module: str, at_rest: str) -> str:
    """Long work, by the running bot, or here when none runs, with a bar; what is to be said at its end."""
    settings = _settings()
    control = importlib.import_module("bot.control")
    path = settings.data / control.SOCKET
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def tell(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

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


def _settings() -> Any:
    """The settings, or one clear line and exit 2."""
    return _call("bot.settings", "load_settings")


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
