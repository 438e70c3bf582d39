"""The bot, unable to handle whatever holds the word: `python -m tests.bot.clumsy run`."""

from typing import Any

from bot import intake
from bot.cli import main
from bot.reading import Reading, read

WORD = "CLUMSY"


def clumsy(raw: dict[str, Any], bot_name: str) -> Reading:
    if WORD in str(raw):
        raise RuntimeError("not today")
    return read(raw, bot_name)


if __name__ == "__main__":
    intake.read = clumsy  # type: ignore[attr-defined]
    main()
