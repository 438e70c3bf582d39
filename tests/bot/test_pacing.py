"""Telegram's limits by sliding windows, with a clock in hand."""

import pytest

from bot.pacing import ALL_SECONDS, BEFORE, CHAT_SECONDS, GROUP_SECONDS, Pacing


def sent_at(pacing: Pacing, chats: list[int], *, group: bool = False) -> list[float]:
    """When each message goes that wants to go at 0."""
    now, times = 0.0, []
    for chat in chats:
        now += pacing.delay(chat, group, now)
        assert pacing.delay(chat, group, now) == pytest.approx(0, abs=1e-9)
        pacing.sent(chat, group, now)
        times.append(now)
    return times


def most_within(times: list[float], seconds: float) -> int:
    """The most messages in any window of that length."""
    return max(sum(start <= at < start + seconds for at in times) for start in times)


def test_a_private_chat_takes_a_burst_of_three_and_then_one_a_second() -> None:
    times = sent_at(Pacing(), [7] * 6)
    assert times == pytest.approx([0, 0, 0, CHAT_SECONDS, 2 * CHAT_SECONDS, 3 * CHAT_SECONDS])
    assert CHAT_SECONDS > 1


def test_a_chat_that_was_quiet_may_burst_again_and_no_more() -> None:
    pacing = Pacing()
    sent_at(pacing, [7] * 3)
    waits = []
    for _ in range(4):
        waits.append(pacing.delay(7, False, 100.0))
        pacing.sent(7, False, 100.0)
    assert waits == pytest.approx([0, 0, 0, CHAT_SECONDS])


def test_one_chat_does_not_hold_another() -> None:
    pacing = Pacing()
    sent_at(pacing, [7] * 3)
    assert pacing.delay(7, False, 0.0) == CHAT_SECONDS
    assert pacing.delay(8, False, 0.0) == 0


def test_all_chats_together_get_thirty_in_any_second() -> None:
    times = sent_at(Pacing(), list(range(1, 101)))
    assert most_within(times, 1.0) == 30
    assert times[-1] == pytest.approx(3 * ALL_SECONDS)


def test_a_group_gets_twenty_in_any_minute_and_no_burst_above_three() -> None:
    times = sent_at(Pacing(), [-7] * 60, group=True)
    assert most_within(times, 60.0) == 20
    assert most_within(times, 1.0) == 3
    assert times[20] == pytest.approx(GROUP_SECONDS)


def test_a_groups_window_slides() -> None:
    pacing = Pacing()
    for place in range(20):
        pacing.sent(-7, True, 2.0 * place)
    assert pacing.delay(-7, True, 40.0) == pytest.approx(GROUP_SECONDS - 40)
    assert pacing.delay(-7, True, GROUP_SECONDS) == 0
    pacing.sent(-7, True, GROUP_SECONDS)
    assert pacing.delay(-7, True, GROUP_SECONDS) == 2


def test_a_message_that_is_faster_on_its_way_than_the_last_is_not_refused() -> None:
    times = sent_at(Pacing(), [-7] * 60, group=True)
    arrivals = sorted(at + (0.09 if place % 2 else 0.0) for place, at in enumerate(times))
    assert most_within(arrivals, 60.0) == 20


def test_a_refusal_for_too_many_holds_one_chat_for_its_time() -> None:
    pacing = Pacing()
    pacing.hold(7, 5.0, 10.0)
    pacing.hold(7, 2.0, 10.0)
    assert pacing.delay(7, False, 10.0) == 5
    assert pacing.delay(8, False, 10.0) == 0
    assert pacing.delay(7, False, 15.0) == 0


def test_without_limits_only_a_hold_holds() -> None:
    pacing = Pacing("none")
    assert sent_at(pacing, [7] * 100) == [0] * 100
    pacing.hold(7, 5.0, 0.0)
    assert pacing.delay(7, False, 1.0) == 4


def test_what_a_process_before_may_have_sent_to_the_group_is_taken_for_granted() -> None:
    pacing = Pacing()
    pacing.begin(-7, 0.0)
    arrivals = [0.0] * BEFORE + sent_at(pacing, [-7] * 40, group=True)
    assert most_within(arrivals, 60.0) == 20
    assert pacing.delay(7, False, 0.0) == 0
