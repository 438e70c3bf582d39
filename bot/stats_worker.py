"""The child that draws: sheets as JSON on stdin, one PNG on stdout, and it ends.

Started by stats_drawing.py as `python -m bot.stats_worker`.
"""

import json
import sys

from bot.photo_jail import allow_cpu
from bot.stats_picture import png

CPU_SECONDS = 60  # should whoever started it be gone


def main() -> None:
    allow_cpu(CPU_SECONDS)
    sys.stdout.buffer.write(png(json.load(sys.stdin.buffer)))


if __name__ == "__main__":
    main()
