"""How a command reaches the parts it needs: imported only when used, and each mistake is one line and exit 2."""

import contextlib
import importlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import click


def call(module: str, function: str, *arguments: Any, **values: Any) -> Any:
    """Call into a part that is imported only now. What keeps it from working is one line, and exit 2."""
    mistakes = importlib.import_module("bot.mistakes").MISTAKES
    try:
        return getattr(importlib.import_module(module), function)(*arguments, **values)
    except mistakes as error:
        refuse(str(error))


def refuse(line: str) -> NoReturn:
    """Say what cannot be used, and exit 2."""
    click.echo(line, err=True)
    sys.exit(2)


def settings_or_exit() -> Any:
    """The settings, or one clear line and exit 2."""
    return call("bot.settings", "load_settings")


def programme_setting() -> Path | None:
    """The programme's folder as it is set; None for the shipped one."""
    return call("bot.settings", "programme_setting")  # type: ignore[no-any-return]


def set_up_logs(settings: Any) -> None:
    """As the settings want them."""
    importlib.import_module("bot.logs").set_up(settings.log, settings.log_level)


def ask(command: str, **values: Any) -> dict[str, Any]:
    """The running bot's answer; exit 1 when it could not do it."""
    path = settings_or_exit().data / "control.sock"
    return done(call("bot.control", "ask", path, command, **values))


def done(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, unless it says what is wrong: then exit 1."""
    if "error" in answer:
        click.echo(answer["error"], err=True)
        sys.exit(1)
    return answer


def follow(label: str, begin: str, look: str, module: str, at_rest: str) -> None:
    """Long work, by the running bot, or here when none runs, with a bar; then say what came of it. Exit 1 when it is
    done, and something beside it could not be."""
    found = _followed(label, begin, look, module, at_rest)
    click.echo(found["say"])
    wrong = found.get("wrong", [])
    for line in wrong:
        click.echo(line, err=True)
    if wrong:
        sys.exit(1)


def _followed(label: str, begin: str, look: str, module: str, at_rest: str) -> dict[str, Any]:
    settings = settings_or_exit()
    control = importlib.import_module("bot.control")
    path = settings.data / control.SOCKET
    with progress(label) as tell:
        try:
            found = done(control.ask(path, begin))
        except control.NotRunning:
            set_up_logs(settings)
            return call(module, at_rest, settings, tell)  # type: ignore[no-any-return]
        while not found["over"]:
            time.sleep(0.1)
            found = done(call("bot.control", "ask", path, look))
            tell(found["done"], found["total"])
        return found


@contextlib.contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
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
