"""A busy scene, seen from outside: every line of the log and every figure is what it should be, and names nobody."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import aiohttp

from bot.sandbox.faults import Fault
from bot.sandbox.server import Sandbox
from tests.applying import ANSWERS, agree, apply, at, decide, press
from tests.bot.clumsy import WORD
from tests.cast import Cast, Group, Person, RunningBot, free_port, running_bot


async def busy(bot: RunningBot, sandbox: Sandbox, cast: Cast, group: Group, ana: Person) -> list[Person]:
    """Two applications and their decisions amid faults, a forged press, an update that cannot be handled, an erasure,
    a kill; the people in it."""
    mei, lin, eve = cast.applicant("Mei"), cast.applicant("Lin", "zh-hans"), cast.applicant("Evelyn")
    sandbox.faults.add(Fault("429", "sendMessage", count=2, retry_after=1))
    sandbox.faults.add(Fault("502", "sendMessage", every=9, count=3))
    sandbox.faults.add(Fault("lost", "editMessageText", every=4, count=2))
    first, second = await asyncio.gather(apply(mei, group), apply(lin, group))
    ana.press_data(first, "approve:forged")
    await decide(ana, first, "approve")
    await decide(ana, second, "reject")
    await decide(ana, second, "because", "not_legible")
    await bot.kill()
    sandbox.faults.add(Fault("502", "getUpdates", count=2))
    await bot.start()
    await decide(ana, await group.shows(lambda one: one.id == first.id), "tell")
    await mei.sees("is approved")
    await agree(eve)
    eve.say(f"{WORD} Okafor")
    eve.say("Evelyn Okafor")
    await at(eve, 2)
    eve.say("/delete")
    await press(eve, "erase")
    await eve.hears("🗑")
    await bot.settled()
    return [mei, lin, eve, ana]


def secrets(bot: RunningBot, people: list[Person]) -> list[str]:
    """What must stand nowhere."""
    token = bot.environment["INTAKE_TOKEN"]
    key = (Path(bot.environment["INTAKE_DATA"]) / "operator.key").read_text().strip()
    ids = [str(one.id) for one in people]
    names = [one.user.first_name for one in people if len(one.user.first_name) > 3]
    answers = [answer for answer in ANSWERS.values() if len(answer) > 3]
    return [token, token.partition(":")[2], key, *ids, *names, *answers, "Okafor", "okafor"]


async def test_a_busy_scene_is_told_in_lines_and_figures_that_name_nobody(
    sandbox: Sandbox, cast: Cast, tmp_path: Path
) -> None:
    group = cast.group("Committee")
    ana = cast.reviewer("Anastasia", group, status="creator")
    settings: dict[str, Any] = {"status_port": free_port(), "log": "json", "log_level": "debug"}
    async with running_bot(sandbox, group, tmp_path, module="tests.bot.clumsy", **settings) as bot:
        people = await busy(bot, sandbox, cast, group, ana)
        url = f"http://127.0.0.1:{settings['status_port']}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            page = await response.text()
        assert await bot.terminate() == 0
        lines = [json.loads(line) for line in bot.output.splitlines()]
        hidden = secrets(bot, people)
    assert [line for line in lines if not {"action", "level", "timestamp", "event"} <= set(line)] == []
    actions = {line["action"] for line in lines}
    assert actions >= {"started", "errand", "park", "poll", "forged_press", "careful", "stopped"}, actions
    assert [line for line in lines if line["level"] == "critical"] == []
    for text in (bot.output, page):
        assert [one for one in hidden if one in text] == []
    samples = [line for line in page.splitlines() if not line.startswith("#")]
    assert [
        line for line in samples if not re.fullmatch(r'\w+(\{(\w+="[\w.+-]*",?)+\})? -?[\d.e+-]+', line)
    ] == []
