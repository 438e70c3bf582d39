"""`intake describe`: the generated parts of the README, from the real rules, settings and commands."""

import re
from pathlib import Path
from typing import Any

import click
from pydantic_core import PydanticUndefined

from bot.metrics import METRICS
from bot.metrics import PREFIX as PREFIX_OF_METRICS
from bot.settings import PREFIX, Settings
from conversations.audit import ACTIONS
from conversations.describe import picture


def describe(program: click.Group, update: Path | None) -> int:
    """Print the parts, or write them between their markers in a file."""
    parts = {
        "settings": settings_table(),
        "commands": commands_table(program),
        "metrics": metrics_table(),
        "audit": audit_table(),
        "states": f"```mermaid\n{picture()}```",
    }
    if update is None:
        click.echo("\n\n".join(parts.values()))
        return 0
    update.write_text(insert(update.read_text(encoding="utf-8"), parts), encoding="utf-8")
    return 0


def insert(text: str, parts: dict[str, str]) -> str:
    """The text with each part between `<!-- name -->` and `<!-- /name -->`."""
    for name, part in parts.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text = pattern.sub(lambda match, part=part: f"{match[1]}{part}\n{match[2]}", text)  # type: ignore[misc]
    return text


def settings_table() -> str:
    """Every setting with its default and its sentence."""
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        lines.append(f"| `{PREFIX}{name.upper()}` | {_default(field.default)} | {field.description} |")
    return "\n".join(lines)


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "required"
    return "" if value is None else f"`{value}`"


def metrics_table() -> str:
    """Every metric with its labels and its sentence."""
    lines = ["| metric | kind | labels | meaning |", "|---|---|---|---|"]
    for name, one in METRICS.items():
        labels = ", ".join(f"`{label}`" for label in one.labels)
        lines.append(f"| `{PREFIX_OF_METRICS}{name}` | {one.kind} | {labels} | {one.help} |")
    return "\n".join(lines)


def audit_table() -> str:
    """Every action of the audit log with what stands in its detail."""
    lines = ["| action | about | detail | meaning |", "|---|---|---|---|"]
    for name, one in ACTIONS.items():
        lines.append(f"| `{name}` | {one.subject} | {one.detail} | {one.meaning} |")
    return "\n".join(lines)


def commands_table(program: click.Group) -> str:
    """Every command with what it is for."""
    lines = ["| command | for |", "|---|---|"]
    for name, command in program.commands.items():
        if isinstance(command, click.Group):
            lines += [_row(f"{name} {inner}", found) for inner, found in command.commands.items()]
        else:
            lines.append(_row(name, command))
    return "\n".join(lines)


def _row(name: str, command: click.Command) -> str:
    arguments = " ".join(
        f"[{parameter.human_readable_name}]" if not parameter.required else parameter.human_readable_name
        for parameter in command.params
        if isinstance(parameter, click.Argument)
    )
    return (
        f"| `intake {name}{' ' + arguments if arguments else ''}` | {(command.help or '').splitlines()[0]} |"
    )
