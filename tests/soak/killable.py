"""The bot, made to die by SIGKILL at a named point: `python -m tests.soak.killable run`.

SOAK_POINT names the point and SOAK_NTH says at which passing of it. Passings count from the first look for updates
on: a death while starting is a random kill's business. Without SOAK_POINT it is the bot as it is.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from typing import Any

from bot.cli import main
from bot.photos import Darkroom
from bot.transport import Transport
from storage import sqlite
from storage.engine import Transaction

Strike = Callable[[], None]
SERVING = ("getUpdates", "getWebhookInfo")
INTO_A_PHOTO = 0.02  # seconds after the photo was handed in


class Trap:
    """Kills this process at the n-th passing since it was armed."""

    def __init__(self, nth: int) -> None:
        self._left = nth
        self.armed = False

    def passed(self) -> None:
        if not self.armed:
            return
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def before_commit(trap: Trap) -> None:
    """All of a transaction is written, and it is not committed."""
    original = sqlite._transaction

    def transaction(connection: Any, works: Sequence[sqlite.Work]) -> list[Any]:
        def last(tx: Transaction) -> None:
            trap.passed()

        return original(connection, [*works, last])[:-1]

    sqlite._transaction = transaction


def after_commit(trap: Trap) -> None:
    """A transaction is committed, and nobody has been told."""
    original = sqlite._transaction

    def transaction(connection: Any, works: Sequence[sqlite.Work]) -> list[Any]:
        results = original(connection, works)
        trap.passed()
        return results

    sqlite._transaction = transaction


def after_call(trap: Trap, method: str) -> None:
    """Telegram has acted on a call and answered, and the answer is not recorded."""
    original = Transport.call

    async def call(self: Transport, name: str, *args: Any, **kwargs: Any) -> Any:
        result = await original(self, name, *args, **kwargs)
        if name == method:
            trap.passed()
        return result

    Transport.call = call  # type: ignore[method-assign, assignment]


def in_a_photo(trap: Trap) -> None:
    """A photo is being looked at."""
    original = Darkroom.develop

    async def develop(self: Darkroom, data: bytes) -> Any:
        developing = asyncio.create_task(original(self, data))
        await asyncio.sleep(INTO_A_PHOTO)
        trap.passed()
        return await developing

    Darkroom.develop = develop  # type: ignore[method-assign]


POINTS: dict[str, Callable[[Trap], None]] = {
    "before COMMIT": before_commit,
    "after COMMIT": after_commit,
    "between send and record": lambda trap: after_call(trap, "sendMessage"),
    "in a photo": in_a_photo,
    "in an erasure": lambda trap: after_call(trap, "deleteMessages"),
}


def arm_when_serving(trap: Trap) -> None:
    """The trap is live from the first call that a serving bot makes."""
    original = Transport.call

    async def call(self: Transport, name: str, *args: Any, **kwargs: Any) -> Any:
        if name in SERVING:
            trap.armed = True
        return await original(self, name, *args, **kwargs)

    Transport.call = call  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    if point := os.environ.get("SOAK_POINT"):
        set_trap = Trap(int(os.environ.get("SOAK_NTH", "1")))
        POINTS[point](set_trap)
        arm_when_serving(set_trap)
    main()
