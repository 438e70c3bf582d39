"""The bot killed at a few calls of a life, the short form; `python -m tests.soak calls` kills it at every one."""

import pytest

from tests.soak.calls import play

STRUCK = ("2 of 9", "Your photo was received", "Congratulations")


@pytest.mark.soak
async def test_whoever_answers_while_the_bot_is_down_need_not_answer_twice() -> None:
    run = await play("polling", "after", STRUCK)
    assert run.is_clean, run
    assert len(run.struck) >= len(STRUCK), run  # a look whether a message stands has its words
    assert (run.doubled, run.unknown) == (0, 0), run
