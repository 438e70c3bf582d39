"""The command line.

Exit statuses: 0 done; 1 something was found wrong; 2 a setting, key, folder or programme cannot be used.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import click

from bot.calling import ask, call, programme_setting, set_up_logs, settings_or_exit
from bot.cli_data import backup, erase, export, key, parked, restore
from bot.cli_proof import agreement, audit, consent

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
    settings = settings_or_exit()
    set_up_logs(settings)
    sys.exit(call("bot.app", "run", settings))


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
    sys.exit(call("bot.demo", "demo", port, browser, folder))


@intake.command(name="try", short_help="Talk to a programme in the terminal.")
@click.argument("folder", type=FOLDER, required=False)
@click.option("--language", help="The applicant's language, for example zh.")
def try_(folder: Path | None, language: str | None) -> None:
    """Talk to a programme in the terminal; nothing is stored or sent."""
    sys.exit(call("bot.trial", "trial", folder, language))


@intake.command(short_help="Read a programme and name every mistake.")
@click.argument("folder", type=FOLDER, required=False)
@click.option(
    "--trace", is_flag=True, help="Also each field with its clause, purposes, consent and retention."
)
def check(folder: Path | None, trace: bool) -> None:
    """Read a programme and name every mistake: file, key, what was found, what is allowed."""
    sys.exit(call("bot.checking", "check", folder or programme_setting(), trace))


@intake.command(short_help="Print the record of processing activities.")
@click.argument("folder", type=FOLDER, required=False)
@click.option("--language", help="The record's language, for example zh; the programme's first by default.")
def record(folder: Path | None, language: str | None) -> None:
    """Print the record of processing activities, as the programme has it, in Markdown."""
    sys.exit(call("bot.papers", "record", folder or programme_setting(), language))


@intake.command(short_help="Print the states, the settings and the commands.")
@click.option(
    "--update", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Write it into a README."
)
def describe(update: Path | None) -> None:
    """Print the picture of the states, and the tables of settings and commands."""
    sys.exit(call("bot.describing", "describe", intake, update))


@intake.command(short_help="Bring the database to this version's schema.")
def migrate() -> None:
    """Bring the database to this version's schema; `run` does the same at its start."""
    settings = settings_or_exit()
    set_up_logs(settings)
    applied = call("bot.at_rest", "migrate_data", settings)
    click.echo("\n".join(f"applied {name}" for name in applied) or "the database is up to date")


@intake.command(short_help="Name the bot's groups, with the id INTAKE_GROUP wants.")
def groups() -> None:
    """Name the groups the bot was added to, with the id that INTAKE_GROUP wants."""
    sys.exit(call("bot.groups", "groups", call("bot.settings", "token_setting")))


@intake.command(short_help="Say who reviews, and who may do what.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for a script.")
def reviewers(as_json: bool) -> None:
    """Say who reviews, and who may do what; asked of Telegram, whether the bot runs or not.

    It shows the group, the rule for each action, the administrators and the listed accounts with what each may do,
    whom the bot has met as a reviewer and when, and whether it has the rights it needs. The exit status is 1 when
    something does not fit together, such as a listed account that is not in the group.
    """
    sys.exit(call("bot.roll", "reviewers", settings_or_exit(), as_json))


@intake.command(short_help="Ask the running bot how it is.")
def status() -> None:
    """Ask the running bot how it is."""
    found = ask("status")
    counts = [f"{count} {state.replace('_', ' ')}" for state, count in found["applications"].items()]
    click.echo(f"bot: {found['bot']}")
    click.echo(f"group: {found['group']}")
    click.echo(f"to send now: {found['errands_waiting']}")
    click.echo(f"applications: {', '.join(counts) or 'none yet'}")


@intake.command(short_help="Ask the running bot to end, as Ctrl-C does.")
def stop() -> None:
    """Ask the running bot to finish what it has in hand and end, as Ctrl-C does."""
    ask("stop")
    click.echo("it is stopping")


for command in (export, parked, backup, restore, erase, audit, key, consent, agreement):
    intake.add_command(command)


def main() -> None:
    """`intake`, and `python -m bot`."""
    intake(prog_name="intake")
