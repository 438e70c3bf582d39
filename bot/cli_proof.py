"""Commands that prove: what was done, what was agreed to, and what changed in it."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from bot.calling import call, refuse, settings_or_exit


@click.group(short_help="The audit log: what was done, and that nobody changed it.")
def audit() -> None:
    """The audit log: what was done, without names, answers or account ids, each entry bound to the one before it."""


@audit.command(name="verify", short_help="Find whatever was changed, removed or moved in it.")
@click.option(
    "--head",
    "heads",
    multiple=True,
    help="A head that was told before, NUMBER:HASH or the hash alone; the log must have it.",
)
def audit_verify(heads: tuple[str, ...]) -> None:
    """Look whether any entry was changed, removed, inserted or moved; 1 and where, if so. Reads only.

    3 when a head is missing that a restore may have taken away: then nothing is proved, for or against.
    """
    sys.exit(call("bot.auditing", "verify_log", settings_or_exit(), heads))


@audit.command(name="list", short_help="Print it.")
@click.option(
    "--since", metavar="TIME", help="Only entries from then on: 2026-03-01, or 2026-03-01T12:00; UTC."
)
def audit_list(since: str | None) -> None:
    """Print its entries: number, time, action, whom it is about, detail. Reads only."""
    try:
        moment = datetime.fromisoformat(since) if since is not None else None
    except ValueError:
        refuse(f"--since: {since!r} is no time; as 2026-03-01, or 2026-03-01T12:00")
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    sys.exit(call("bot.auditing", "list_log", settings_or_exit(), moment))


@click.group(short_help="Consents, and the receipts that prove them.")
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

    It is compared with the ledger where a data folder is: INTAKE_DATA, or --data. 1 when it is not proved;
    3 when the ledger lacks what a restore may have taken away: then nothing is proved, for or against.
    """
    sys.exit(call("bot.proving", "verify", file, public, data))


@consent.command(name="key", short_help="Print the public key of the receipts.")
def consent_key() -> None:
    """Print the public key that this data's receipts are signed with; publish it."""
    sys.exit(call("bot.proving", "key"))


@click.group(short_help="The texts that people agree to.")
def agreement() -> None:
    """The texts that people agree to."""


@agreement.command(name="diff", short_help="Say what changed, clause by clause.")
@click.argument("old")
@click.argument("new")
def agreement_diff(old: str, new: str) -> None:
    """Say what changed, clause by clause: of two files, programmes' folders, or hashes of stored texts. 1 if anything.

    A hash may be cut to six digits and more; it is looked for in the data.
    """
    sys.exit(call("bot.comparing", "diff", old, new))
