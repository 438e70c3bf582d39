"""The whole of it on one machine: the local Telegram, the real bot, and people to play; nothing is kept."""

import asyncio
import contextlib
import os
import signal
import tempfile
import threading
import webbrowser
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import click
from pydantic import SecretStr
from pydantic_settings import PydanticBaseSettingsSource

from bot.app import App
from bot.logs import set_up
from bot.sandbox.pacing import Limits
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Chat, Member
from bot.settings import Settings

APPLICANTS = (("Emma", "Hughes", "en"), ("Mei", "Lin", "zh-hans"))
REVIEWERS = (("Ana", "Costa"), ("Ben", "Okafor"), ("Chloe", "Martin"))
GROUP = "Reviewers"


def demo(port: int, browser: bool, folder: Path | None) -> int:
    """Serve until Ctrl-C. Raises what is in bot.mistakes.MISTAKES."""
    set_up("text", "warning")
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1"  # all of it is on this machine
    asyncio.run(_serve(port, browser, folder))
    return 0


async def _serve(port: int, browser: bool, folder: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with playing(port, folder) as (sandbox, app):
        running = asyncio.create_task(app.run(stop))
        click.echo(f"The demo is at {sandbox.url}  (end it with Ctrl-C; nothing is kept)")
        if browser:
            _show(sandbox.url)
        await running
    click.echo("The demo has ended.")


@contextlib.asynccontextmanager
async def playing(port: int, folder: Path | None) -> AsyncIterator[tuple[Sandbox, App]]:
    """The local Telegram with its people, and a bot that was opened on a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="intake-demo-") as data:
        async with Sandbox.open(port=port, limits=Limits(), recording=False) as sandbox:
            group = furnish(sandbox)
            settings = settings_for(sandbox, group, Path(data) / "data", folder)
            async with App.open(settings) as app:
                yield sandbox, app


def furnish(sandbox: Sandbox) -> Chat:
    """Applicants of two languages, and reviewers in a group in which the bot is an administrator."""
    telegram = sandbox.telegram
    for first, last, language in APPLICANTS:
        telegram.add_user(first, last_name=last, language_code=language)
    group = telegram.add_chat(GROUP, "supergroup")
    for place, (first, last) in enumerate(REVIEWERS):
        user = telegram.add_user(first, last_name=last, role="reviewer")
        user.known = True
        group.members[user.id] = Member("member" if place else "creator")
    group.members[telegram.bot.id] = Member("administrator")
    return group


class DemoSettings(Settings):
    """Settings that owe nothing to the environment or to a file `.env`."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: Any, init_settings: PydanticBaseSettingsSource, *others: Any, **named: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def settings_for(sandbox: Sandbox, group: Chat, data: Path, folder: Path | None) -> Settings:
    """What the bot needs to know to serve that group of the local Telegram."""
    return DemoSettings(
        token=SecretStr(sandbox.token),
        group=group.id,
        api_url=sandbox.url,
        data=data,
        programme=folder,
        status_port=0,
    )


def _show(url: str) -> None:
    """Open the browser if there is one. It may take its time, or be none: the demo goes on."""

    def open_page() -> None:
        with contextlib.suppress(Exception):
            if type(webbrowser.get()) is not webbrowser.GenericBrowser:  # that would be one in this terminal
                webbrowser.open(url)

    threading.Thread(target=open_page, daemon=True).start()
