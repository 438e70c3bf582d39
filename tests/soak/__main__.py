"""`python -m tests.soak kills|calls|floods|faults|presses|races|all`: the soak runs by name, each with its options."""

import importlib
import importlib.util
import sys
from collections.abc import Sequence

NAMES = ("kills", "calls", "floods", "faults", "presses", "races")


def run(name: str, arguments: Sequence[str]) -> int:
    """One soak run; its exit status."""
    status: int = importlib.import_module(f"tests.soak.{name}").main(arguments)
    return status


def main(arguments: Sequence[str]) -> int:
    """The highest exit status of those that were run. `all` leaves out what is not there."""
    name, options = (arguments[0], arguments[1:]) if arguments else ("", ())
    if name in NAMES:
        return run(name, options)
    if name != "all":
        print(__doc__)
        return 2
    there = [one for one in NAMES if importlib.util.find_spec(f"tests.soak.{one}")]
    return max(run(one, options) for one in there)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
