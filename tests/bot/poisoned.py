"""The bot, killed by whatever it reads that holds the word: `python -m tests.bot.poisoned run`."""

import os
import signal
from typing import Any

from bot import intake
from bot.cli import main
from bot.reading import Reading, read

POISON = "POISON"


def deadly(raw: dict[str, Any], bot_name: str) -> Reading:
    if POISON in str(raw):
        os.kill(os.getpid(), signal.SIGKILL)
    return read(raw, bot_name)


if __name__ == "__main__":
    intake.read = deadly  # type: ignore[attr-defined]
    main()
