"""What could not be handled can be listed, tried again and dropped, and its content is shown to nobody."""

import asyncio
import re
from pathlib import Path

import pytest

from bot.sandbox.server import Sandbox
from tests import warm
from tests.applying import agree, at
from tests.bot.clumsy import WORD
from tests.cast import Cast, Group, RunningBot, running_bot


@pytest.fixture
def group(cast: Cast) -> Group:
    return cast.group()


async def intake(bot: RunningBot, *arguments: str, typed: str = "") -> tuple[int, str]:
    """Run the command with the bot's own settings: its status and all it said."""
    command = ("bot", "parked", *arguments)
    return await warm.run(*command, env=bot.environment, cwd=bot.folder, typed=typed)


async def test_what_was_parked_is_listed_and_answered_once_it_can_be_handled(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path
) -> None:
    mei = cast.applicant("Mei")
    async with running_bot(sandbox, group, tmp_path, module="tests.bot.clumsy") as bot:
        await agree(mei)
        await bot.settled()
        mei.say(f"Mei {WORD} Okafor")
        await cast.telegram.changes.until(lambda: len(cast.telegram.queue) == 0, 10)
        status, said = await intake(bot, "list")
        assert status == 0
        assert re.fullmatch(r"[0-9a-f]{20}  \S{19}Z  message  sender known  RuntimeError\n", said)
        parked_id = said[:20]
        assert await intake(bot, "retry", parked_id) == (1, f"{parked_id} is parked still: RuntimeError\n")
        assert parked_id in (await intake(bot, "list"))[1]
        assert await bot.terminate() == 0
        assert await intake(bot, "retry", parked_id) == (
            1,
            f"no bot runs on {tmp_path / 'data'}; start it (intake run), and try again\n",
        )
        bot.module = "bot"
        await bot.start()
        both = [intake(bot, "retry", parked_id[:16]), intake(bot, "retry", "--all")]
        assert (0, "handled 1\n") in await asyncio.gather(*both)
        await at(mei, 2)
        await bot.settled()
        assert sum("2 of 9" in one.text for one in mei.messages()) == 1
        assert await intake(bot, "list") == (0, "nothing is parked\n")
        assert await intake(bot, "retry", parked_id) == (
            1,
            f"no parked updates have an id that begins with {parked_id}\n",
        )


async def test_what_is_dropped_is_gone_also_while_no_bot_runs(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path
) -> None:
    mei = cast.applicant("Mei")
    async with running_bot(sandbox, group, tmp_path, module="tests.bot.clumsy") as bot:
        await agree(mei)
        mei.say(f"{WORD} 1")
        mei.say(f"{WORD} 2")
        cast.telegram.queue.add_raw("message", lambda n: b'{"update_id":%d,"message":[' % n, ("chat", 1))
        await cast.telegram.changes.until(lambda: len(cast.telegram.queue) == 0, 10)
        rows = (await intake(bot, "list"))[1].splitlines()
        assert [row.split("  ")[2] for row in rows] == ["message", "message", "not JSON"]
        status, said = await intake(bot, "drop", rows[0][:20], typed="n\n")
        assert (status, said.endswith("Aborted!\n")) == (1, True)
        assert len((await intake(bot, "list"))[1].splitlines()) == 3
        assert await intake(bot, "drop", rows[0][:20], "--yes") == (0, "deleted 1\n")
        status, said = await intake(bot, "retry", "--all")
        assert (status, said.splitlines()) == (
            1,
            [
                f"{rows[1][:20]} is parked still: RuntimeError",
                f"{rows[2][:20]} cannot be read: it is not JSON, and can only be dropped",
            ],
        )
        assert (await intake(bot, "drop", rows[1][:4], "--yes")) == (
            1,
            f"several parked updates have an id that begins with {rows[1][:4]}\n",
        )
        await bot.terminate()
        assert len((await intake(bot, "list"))[1].splitlines()) == 2
        assert await intake(bot, "drop", "--all", "--yes") == (0, "deleted 2\n")
        assert await intake(bot, "list") == (0, "nothing is parked\n")
        status, said = await intake(bot, "drop", "--yes")
        assert status == 2
        assert "name the ids" in said
