"""The real bot with another sense of time: `python -m tests.bot.launcher run`.

It is told by its environment what to change, and then runs the bot as it is.
TESTS_CONSTANTS: JSON, {"bot.pacing.GROUP_SECONDS": 6.1}; set before anything else is imported.
"""

import importlib
import json
import os
from collections.abc import Mapping

MODULE = "tests.bot.launcher"


def set_constants(constants: Mapping[str, float]) -> None:
    """By the name of their module and their own. Raises AttributeError for one that is not there."""
    for name, value in constants.items():
        place, _, constant = name.rpartition(".")
        module = importlib.import_module(place)
        getattr(module, constant)
        setattr(module, constant, value)


def main() -> None:
    set_constants(json.loads(os.environ.get("TESTS_CONSTANTS", "{}")))
    importlib.import_module("bot.cli").main()


if __name__ == "__main__":
    main()
