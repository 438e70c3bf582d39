"""The demo, whose bot logs all that it can: `python -m tests.bot.loud_demo demo`."""

from typing import Literal

from bot import demo
from bot.cli import main
from bot.logs import set_up


def loud(style: Literal["json", "text", "auto"], level: str) -> None:
    set_up(style, "debug")


if __name__ == "__main__":
    demo.set_up = loud  # type: ignore[attr-defined]
    main()
