"""Who writes faster than he can be answered is told once; who keeps step, or wrote it slowly, is not."""

import pytest

from bot.damper import BURST, PEOPLE, Damper, Pace


def test_a_rush_is_told_once_and_then_passed_over() -> None:
    damper = Damper()
    paces = [damper.judge(1, now=n / 100, sent_at=n // 100, owed=True) for n in range(90)]
    assert paces == [Pace.FINE] * int(BURST) + [Pace.TOO_FAST] + [Pace.PASSED_OVER] * (90 - int(BURST) - 1)


@pytest.mark.parametrize("owed", [True, False], ids=["owed", "answered"])
def test_who_does_not_slow_down_is_told_once_however_quickly_he_is_answered(owed: bool) -> None:
    damper = Damper()
    paces = [damper.judge(1, now=n / 100, sent_at=1 + n // 100, owed=owed) for n in range(1_000)]
    assert paces.count(Pace.TOO_FAST) == 1
    assert paces.index(Pace.TOO_FAST) <= 10 * BURST * 1.2
    assert set(paces[paces.index(Pace.TOO_FAST) + 1 :]) == {Pace.PASSED_OVER}


def test_others_do_not_feel_it() -> None:
    damper = Damper()
    for n in range(90):
        damper.judge(1, now=n / 100, sent_at=0, owed=True)
    assert damper.judge(2, now=1.0, sent_at=0, owed=True) is Pace.FINE


def test_who_slows_down_is_heard_again_and_warned_again_when_he_rushes_again() -> None:
    damper = Damper()
    for _ in range(20):
        damper.judge(1, now=0.0, sent_at=None, owed=True)
    assert damper.judge(1, now=1.5, sent_at=None, owed=True) is Pace.FINE
    assert damper.judge(1, now=1.5, sent_at=None, owed=True) is Pace.TOO_FAST


def test_who_waits_for_each_answer_may_be_quick() -> None:
    damper = Damper()
    assert {damper.judge(1, now=n / 10, sent_at=None, owed=False) for n in range(500)} == {Pace.FINE}


def test_what_was_written_in_an_hour_and_comes_at_once_is_no_rush() -> None:
    damper = Damper()
    paces = {damper.judge(1, now=0.0, sent_at=1_700_000_000 + 60 * n, owed=True) for n in range(60)}
    assert paces == {Pace.FINE}


def test_memory_is_bounded() -> None:
    damper = Damper()
    for number in range(PEOPLE + 500):
        damper.judge(number, now=0.0, sent_at=None, owed=True)
    assert len(damper._buckets) == PEOPLE
