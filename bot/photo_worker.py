"""The child that looks at photos: reads a file from stdin, answers on stdout, until stdin ends.

Started by photos.py as `python -m bot.photo_worker`; everything it needs is imported before it locks itself up.
"""

import sys

from bot.photo_developing import develop
from bot.photo_jail import allow_cpu, lock_up
from bot.photo_rules import FILE_LIMIT, LENGTH, READY, SECONDS_LIMIT, pack


def main() -> None:
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    lock_up()
    sink.write(READY)
    sink.flush()
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        (length,) = LENGTH.unpack(head)
        if length > FILE_LIMIT:
            return
        allow_cpu(SECONDS_LIMIT)
        sink.write(pack(develop(source.read(length))))
        sink.flush()


if __name__ == "__main__":
    main()
