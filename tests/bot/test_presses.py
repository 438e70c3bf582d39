"""Presses on the real bot: none that is forged or stale is accepted, and of many at once exactly one decides."""

from pathlib import Path

import pytest

from bot.sandbox.server import Sandbox
from tests.applying import apply, has, on
from tests.bot.forging import forge, staged
from tests.bot.racing import decided, race, racing
from tests.cast import Cast, Group, Person, running_bot

FORGED = 760  # by each way
ROUNDS = 40
WAYS = pytest.mark.parametrize("webhook", [False, True], ids=["polling", "webhook"])


@pytest.fixture
def group(cast: Cast) -> Group:
    return cast.group()


async def test_a_button_sent_from_under_another_card_decides_nothing_and_leaves_that_card(
    sandbox: Sandbox, cast: Cast, group: Group, ana: Person, tmp_path: Path
) -> None:
    async with running_bot(sandbox, group, tmp_path) as bot:
        first, second = await apply(cast.applicant("Mei"), group), await apply(cast.applicant("Lin"), group)
        answer = await ana.answer_to(ana.press_data(second, on(first, "approve")))
        await bot.settled()
        assert (answer.text, answer.show_alert) == ("This button is not valid.", True)
        assert [one.deleted for one in (first, second)] == [False, False]
        assert has("approve")(first)


@WAYS
async def test_no_forged_or_stale_press_is_accepted_and_each_is_answered(
    webhook: bool, tmp_path: Path
) -> None:
    async with staged(tmp_path, webhook=webhook) as stage:
        forged = await forge(stage, FORGED)
        assert forged.tried.total() == FORGED
        assert forged.changed == []
        assert forged.unanswered == []
        assert forged.passed_over == 0  # each was looked at


@WAYS
async def test_of_ten_reviewers_at_once_exactly_one_decides_and_the_others_are_told_who(
    webhook: bool, tmp_path: Path
) -> None:
    async with racing(tmp_path, webhook=webhook) as field:
        for number in range(ROUNDS):
            await race(field, number)
        assert field.won.total() == ROUNDS
        assert decided(field) == field.won
