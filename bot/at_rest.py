"""What a command does to the data itself while no bot runs on them. Each raises what is in MISTAKES."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from bot.clock import wall
from bot.keys import KeyChange
from bot.mistakes import CannotStart
from bot.parked import Parked
from bot.settings import Settings
from bot.starting import open_data

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
Tell = Callable[[int, int], None]  # done and total, again and again


def there(settings: Settings) -> None:
    """Raises CannotStart where there are no data yet."""
    if settings.is_first_start:
        raise CannotStart(f"there is no database in {settings.data}; has the bot ever run on this data?")


async def followed(begin: Handler, look: Handler, tell: Tell) -> dict[str, Any]:
    """Long work by its two handlers: the last answer, with `error` or once it is over."""
    answer = await begin({})
    while "error" not in answer and not answer["over"]:
        await asyncio.sleep(0.05)
        answer = await look({})
        tell(answer.get("done", 0), answer.get("total", 0))
    return answer


def parked_at_rest(settings: Settings, command: str, **values: Any) -> dict[str, Any]:
    """`intake parked list` and `drop`: the handler's answer."""
    there(settings)

    async def work() -> dict[str, Any]:
        async with open_data(settings) as (engine, vault, _):
            parked = Parked(engine, vault, wall)
            return await {"list": parked.list, "drop": parked.drop}[command](values)

    return asyncio.run(work())


def change_key_at_rest(settings: Settings, tell: Tell) -> dict[str, Any]:
    """`intake key rotate`: {say: what the operator is to do}."""
    there(settings)

    async def work() -> dict[str, Any]:
        async with open_data(settings) as (engine, vault, _):
            keys = KeyChange(engine, vault, settings, wall)
            answer = await followed(keys.begin, keys.look, tell)
            if "error" in answer:
                raise CannotStart(answer["error"])
            return answer

    return asyncio.run(work())


def migrate_data(settings: Settings) -> list[str]:
    """`intake migrate`: what was applied."""

    async def work() -> list[str]:
        async with open_data(settings) as (_, _, applied):
            return applied

    return asyncio.run(work())
