"""A role for each action, through the real bot: whoever lacks it is told which it is, whatever way he comes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot import standings
from bot.sandbox.faults import Fault
from bot.sandbox.state import Member, Message
from tests.applying import apply, decide, has, on
from tests.bot.folders import change, copy_of_the_shipped
from tests.bot.stage import Stage, playing

STRICT = {
    "# approve =": "approve =",
    "# reject =": "reject =",
    "# undo =": "undo =",
    "# tell =": "tell =",
    '# stats = "members"': 'stats = "administrators"',
}
UNKNOWN = "I could not find out from Telegram whether you may do this, so nothing was done. Please try again."


@contextlib.asynccontextmanager
async def under(folder: Path, changes: dict[str, str]) -> AsyncIterator[Stage]:
    """A bot whose programme is changed so. Ana is the creator of the group, Ben a plain member."""
    copy = copy_of_the_shipped(folder / "programme")
    change(copy, "programme.toml", changes)
    async with playing(folder) as play:
        await play.stop()
        await play.start(programme=copy)
        yield play


async def refused(play: Stage, person: Any, card: Message, verb: str) -> tuple[str | None, bool]:
    answer = await decide(person, card, verb)
    return answer.text, answer.show_alert


async def test_each_way_to_decide_asks_for_its_role_and_tells_it(tmp_path: Path) -> None:
    async with under(tmp_path, STRICT) as play:
        ben = play.cast.reviewer("Ben", play.group, started=True)
        card = await apply(play.cast.applicant("Mei"), play.group)
        says = "Only administrators of the group may {}."
        assert await refused(play, ben, card, "approve") == (says.format("approve here"), True)
        assert await refused(play, ben, card, "reject") == (says.format("reject here"), True)
        assert (await decide(ben, card, "claim")).text == "You are working on it."
        assert (await decide(ben, card, "release")).text == "Released: anyone can take it."
        assert (await decide(ben, card, "return")).url  # a return asks for no more than `who`
        await decide(play.ana, card, "reject")
        assert await refused(play, ben, card, "because") == (says.format("reject here"), True)
        link = (await decide(play.ana, card, "long")).url
        assert link is not None
        assert await refused(play, ben, card, "long") == (says.format("reject here"), True)
        await decide(play.ana, card, "unreject")
        await decide(play.ana, card, "approve")
        assert (await refused(play, ben, card, "undo"))[0] == says.format("undo decisions here")
        told = says.format("tell an applicant before the time to undo is over")
        assert (await refused(play, ben, card, "tell"))[0] == told
        assert (await decide(play.ana, card, "undo")).text == "Undone. The applicant was not told."
        ben.say("/queue", play.group.chat)
        await play.group.shows("Applications before the reviewers: 1")
        ben.say("/stats", play.group.chat)
        await play.group.shows(says.format("see the statistics"))


async def test_one_who_loses_a_role_decides_nothing_with_the_form_he_has_open(tmp_path: Path) -> None:
    async with under(tmp_path, STRICT) as play:
        ben = play.cast.reviewer("Ben", play.group, status="administrator", started=True)
        card = await apply(play.cast.applicant("Mei"), play.group)
        await decide(ben, card, "reject")
        link = (await decide(ben, card, "long")).url
        assert link is not None
        ben.start(link.partition("?start=")[2])
        form = await ben.hears(has("why"), chat=ben.chat)
        await ben.answer_to(ben.press_data(form, on(form, "why", "+duplicate")))
        ben.join(play.group, "member")
        await play.taken()
        for verb, arg in (("why", "+incomplete"), ("decide", "rejected")):
            answer = await ben.answer_to(ben.press_data(form, on(form, verb, arg)))
            assert answer.text == "Only administrators of the group may reject here."
        ben.start(link.partition("?start=")[2])  # the link was given to an administrator
        await ben.hears("Only administrators of the group may reject here.", chat=ben.chat)
        await play.settled()
        assert has("because")(card)


async def test_a_list_is_of_people_in_the_group_and_a_post_in_its_name_is_of_none_of_them(
    tmp_path: Path,
) -> None:
    wanted = {'# look = "members"': "look = [77, 78]", '# stats = "members"': 'stats = "administrators"'}
    async with under(tmp_path, wanted) as play:
        lea = play.cast.reviewer("Lea", play.group, user_id=77)
        card = await apply(play.cast.applicant("Mei"), play.group)
        only = "Only reviewers named for it may look at applications here."
        assert (await decide(lea, card, "view")).url
        assert (await refused(play, play.ana, card, "view"))[0] == only
        play.group.chat.members[play.ana.id] = Member("creator", is_anonymous=True)
        play.ana.say("/queue", play.group.chat)
        await play.group.shows("under your own name")
        play.ana.say("/stats", play.group.chat)
        await play.group.shows("📊")
        assert (await decide(play.ana, card, "approve")).text  # a press is his own, also when he is anonymous
        await play.settled()
        assert not has("approve")(card)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("502", "getChatMember"),
        Fault("429", "getChatMember", retry_after=600),
        Fault("latency", "getChatMember", seconds=60),
    ],
    ids=["no answer", "told to wait", "slow"],
)
async def test_a_press_whose_standing_stays_unknown_is_refused_and_never_done_later(
    fault: Fault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standings, "FAIR", 1.5)
    async with playing(tmp_path) as play:
        card = await apply(play.cast.applicant("Mei"), play.group)
        play.app.reviewers.forget_all()
        play.sandbox.faults.add(fault)
        assert await refused(play, play.ana, card, "approve") == (UNKNOWN, True)
        play.ana.say("/queue", play.group.chat)
        await play.group.shows(UNKNOWN)
        play.sandbox.faults.clear()
        await asyncio.sleep(0.5)
        await play.settled()
        assert has("approve")(card)
        assert (await decide(play.ana, card, "approve")).text == "Approved. It can be undone for 60 seconds."


async def test_a_press_kept_over_a_restart_is_refused_when_its_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with playing(tmp_path) as play:
        card = await apply(play.cast.applicant("Mei"), play.group)
        play.app.reviewers.forget_all()
        play.sandbox.faults.add(Fault("hang", "getChatMember", seconds=60))
        pressed = play.ana.press_data(card, on(card, "approve"))
        await play.taken()
        await play.stop()
        play.sandbox.faults.clear()
        monkeypatch.setattr(standings, "FAIR", 0.1)
        await play.start()
        assert (await play.ana.answer_to(pressed)).text == UNKNOWN
        await play.settled()
        assert has("approve")(card)
