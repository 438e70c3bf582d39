"""The numbers of /stats are those of the history: window by window, day by day, in the programme's time zone."""

import dataclasses
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.programmes import Loaded, load
from bot.statistics import GROUPS, HOUR, PERIODS, Bin, Numbers, lost, numbers, period
from bot.stats_requests import SECONDS, StatsRequests, period_named
from bot.stats_words import MOST_QUESTIONS, MOST_REASONS, sheets, voice
from conversations.tallying import steps
from tests.bot.figures import NOW, Made

LOADED = load(None)
STEPS = steps(LOADED.programme)
ZONE = ZoneInfo("UTC")
FUNNEL = {step: 40 - 3 * place for place, step in enumerate(STEPS)}


def spoken_in(language: str, loaded: Loaded = LOADED, **review: Any) -> Loaded:
    rules = loaded.programme.review.model_copy(update={"language": language, **review})
    return dataclasses.replace(loaded, programme=loaded.programme.model_copy(update={"review": rules}))


def of(
    made: Made, name: str = "30d", zone: ZoneInfo = ZONE, tallies: dict[str, int] | None = None
) -> Numbers:
    history = made.history()
    when = period(name, NOW, zone, history.first_day(zone))
    return numbers(when, zone, history, STEPS, tallies or {}, waiting=3)


def test_a_made_history_is_counted_as_it_was() -> None:
    made = Made()
    made.submitted("A", 6).approved("A", 5.5)
    made.submitted("B", 5).rejected("B", 4, "duplicate")
    made.submitted("C", 4).submitted("C", 3.5, revision=2).approved("C", 3)  # taken back between
    made.submitted("D", 3).rejected("D", 2.9, "incomplete").undone("D", 2.89).approved("D", 2, number=2)
    made.submitted("E", 2).rejected("E", 1.9, "duplicate").undone("E", 1.89)  # waits again
    made.submitted("F", 1)
    found = of(made, "7d", tallies=FUNNEL)
    assert (found.submitted, found.approved, found.rejected, found.waiting) == (6, 3, 1, 3)
    assert found.reasons == (("duplicate", 1),)
    day = 24 * HOUR
    assert found.seconds == (day / 2, day / 2, day, day)  # since each was last submitted
    assert found.by_group() == (0, 0, 2, 2, 0, 0)
    assert (found.within(0.5), found.within(0.9)) == (day / 2, day)
    assert found.funnel == tuple((step, FUNNEL[step]) for step in STEPS)
    assert (found.started, found.finished) == (40, FUNNEL["submitted"])
    assert [(one.first.day, one.submitted, one.approved, one.rejected) for one in found.bins] == [
        (25, 1, 0, 0),
        (26, 1, 1, 0),
        (27, 1, 0, 1),
        (28, 1, 1, 0),
        (29, 1, 1, 0),
        (30, 1, 0, 0),
        (31, 0, 0, 0),
    ]


@pytest.mark.parametrize(("name", "days"), [("7d", 7), ("30d", 30)])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
def test_a_window_begins_at_midnight_of_the_programmes_day_and_ends_now(
    name: str, days: int, zone: str
) -> None:
    local = ZoneInfo(zone)
    today = NOW.astimezone(local).date()
    first = datetime.combine(today - timedelta(days=days - 1), datetime.min.time(), local).astimezone(UTC)
    instant = timedelta(microseconds=1)
    made = Made().submitted("A", first - instant).submitted("B", first).submitted("C", NOW)
    made.approved("A", first - instant).rejected("B", first, "duplicate").approved("C", NOW)
    made.submitted("D", NOW + timedelta(days=2))  # a clock that was wrong
    found = of(made, name, local)
    assert (found.submitted, found.approved, found.rejected) == (2, 1, 1)
    assert (found.bins[0].first, found.bins[0].rejected, found.bins[-1].approved) == (
        first.astimezone(local).date(),
        1,
        1,
    )
    assert [one.first for one in found.bins] == [
        first.astimezone(local).date() + timedelta(days=n) for n in range(days)
    ]


def test_a_decision_counts_on_its_own_day_whenever_it_was_submitted() -> None:
    found = of(Made().submitted("A", 40).approved("A", 1), "7d")
    assert (found.submitted, found.approved) == (0, 1)
    assert found.seconds == (39 * 24 * HOUR,)
    assert found.by_group()[-1] == 1


@pytest.mark.parametrize(
    ("days", "unit", "bins"),
    [
        (0, "day", 1),
        (30, "day", 31),
        (31, "week", 6),
        (300, "week", 44),
        (400, "month", 14),
        (2000, "year", 7),
    ],
)
def test_all_is_told_by_day_week_month_or_year(days: int, unit: str, bins: int) -> None:
    found = of(Made().submitted("A", days).submitted("B", 0), "all")
    assert (found.unit, len(found.bins), found.submitted) == (unit, bins, 2)
    assert found.period.first == (NOW - timedelta(days=days)).date()
    assert found.bins[0].submitted and found.bins[-1].submitted
    if unit == "week":
        assert {one.first.weekday() for one in found.bins[1:]} == {0}


def test_all_begins_with_the_first_that_was_counted_though_nobody_submitted() -> None:
    assert period("all", NOW, ZONE, date(2026, 3, 29)).first == date(2026, 3, 29)
    assert period("all", NOW, ZONE, None).first == NOW.date()
    assert of(Made(), "all").is_empty
    assert not of(Made(), "all", tallies={"started": 1}).is_empty


MADE = st.lists(
    st.tuples(
        st.sampled_from(["submitted", "approved", "rejected", "undone", "recalled"]),
        st.sampled_from(["A", "B", "C"]),
        st.integers(0, 50),
    ),
    max_size=30,
)


@settings(deadline=None, database=None, derandomize=True)
@given(MADE, st.sampled_from([*PERIODS]))
def test_whatever_the_history_each_thing_is_counted_once(
    steps_made: list[tuple[str, str, int]], name: str
) -> None:
    """Against a count by hand: of every application, what stands at the end."""
    made, revision, round_, standing = Made(), Counter[str](), Counter[str](), dict[str, tuple[str, int]]()
    first: list[int] = []
    for action, receipt, at in sorted(steps_made, key=lambda one: -one[2]):
        if action == "submitted":
            revision[receipt] += 1
            made.submitted(receipt, at, revision[receipt])
            first += [at] if revision[receipt] == 1 else []
        elif action == "undone" and receipt in standing:
            made.undone(receipt, at, round_[receipt])
            del standing[receipt]
        elif action in {"approved", "rejected"} and receipt not in standing:
            round_[receipt] += 1
            standing[receipt] = (action, at)
            if action == "approved":
                made.approved(receipt, at, round_[receipt])
            else:
                made.rejected(receipt, at, "duplicate", round_[receipt])
    found = of(made, name)
    days = PERIODS[name] or 10**6
    assert found.submitted == sum(at < days for at in first)
    for outcome, count in (("approved", found.approved), ("rejected", found.rejected)):
        assert count == sum(one == outcome and at < days for one, at in standing.values())
    assert sum(count for _, count in found.reasons) == found.rejected
    assert sum(found.by_group()) == len(found.seconds)


def test_no_number_is_lost_between_the_groups_of_time() -> None:
    made = Made()
    for place, seconds in enumerate([0, *GROUPS]):
        made.submitted(f"{place}", 20).approved(
            f"{place}", NOW - timedelta(days=20) + timedelta(seconds=seconds)
        )
    assert of(made).by_group() == (1,) * (len(GROUPS) + 1)


def test_fewer_at_a_step_are_lost_and_more_are_none() -> None:
    assert lost([("a", 10), ("b", 7), ("c", 9), ("d", 0)]) == [0, 3, 0, 9]


# in words


def a_history() -> Made:
    made = Made()
    for place, reason in enumerate(("duplicate", "duplicate", "incomplete", "gone_from_the_programme")):
        made.submitted(f"R{place}", 3).rejected(f"R{place}", 2, reason)
    return made.submitted("A", 3).approved("A", 2.75)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_drawn_holds_the_numbers_and_nothing_else(language: str) -> None:
    found = of(a_history(), "7d", tallies=FUNNEL)
    first, *fallback = sheets(spoken_in(language), found)
    assert [len(fallback), len(sheets(spoken_in("en"), found))] == [int(language != "en"), 1]
    rows = first["funnel"]["rows"]
    assert [row["count"] for row in rows] == [FUNNEL[step] for step in STEPS]
    assert [row["lost"] for row in rows] == [0, *[3] * (len(STEPS) - 1)]
    assert [row["share"] for row in rows][-1] == "10%"
    names = LOADED.words[language]["questions"]
    assert [row["name"] for row in rows[2:-2]] == [names[key]["name"] for key in names]
    assert first["flow"]["submitted"] == [0, 0, 0, 5, 0, 0, 0]
    assert first["flow"]["rejected"] == [0, 0, 0, 0, 4, 0, 0]
    assert first["flow"]["approved"] == [0, 0, 0, 1, 0, 0, 0]
    assert [row["count"] for row in first["times"]["rows"]] == [0, 0, 1, 4, 0, 0]
    reasons = {row["name"]: row["count"] for row in first["reasons"]["rows"]}
    own = LOADED.words[language]["reasons"]
    assert reasons == {
        own["duplicate"]["name"]: 2,
        own["incomplete"]["name"]: 1,
        "Gone from the programme": 1,
    }
    assert not any(first[panel]["empty"] for panel in ("funnel", "flow", "times", "reasons"))
    assert "UTC" in first["period"]
    assert "R0" not in str(first) and "ref" not in str(first).split()


def test_the_fallback_speaks_english_though_the_programme_does_not() -> None:
    programme = LOADED.programme.model_copy(update={"languages": ("zh",)})
    alone = dataclasses.replace(
        spoken_in("zh", dataclasses.replace(LOADED, programme=programme)),
        words={"zh": LOADED.words["zh"]},
        messages={"zh": LOADED.messages["zh"]},
    )
    _, english = sheets(alone, of(a_history(), "7d", tallies=FUNNEL))
    assert not any("\u2e80" <= letter <= "\uffef" for letter in str(english))
    assert [row["name"] for row in english["funnel"]["rows"]][:3] == ["Started", "Agreed", "Full name"]


def test_of_many_questions_those_with_the_greatest_losses_are_shown_and_the_rest_are_said_to_be_hidden() -> (
    None
):
    question = LOADED.programme.questions[0]
    many = tuple(question.model_copy(update={"key": f"q{n}"}) for n in range(60))
    loaded = dataclasses.replace(LOADED, programme=LOADED.programme.model_copy(update={"questions": many}))
    counts, count = {}, 10_000
    for step in steps(loaded.programme):
        count -= 500 if step in {"question:q7", "question:q51"} else 1
        counts[step] = count
    when = period("7d", NOW, ZONE, None)
    found = numbers(when, ZONE, Made().history(), steps(loaded.programme), counts, 0)
    (sheet,) = sheets(spoken_in("en", loaded), found)
    names = [row["name"] for row in sheet["funnel"]["rows"]]
    assert len(names) == MOST_QUESTIONS + 4
    assert {"Q7", "Q51"} <= set(names)
    assert f"{60 - MOST_QUESTIONS} steps" in sheet["funnel"]["note"]
    assert sum(row["lost"] for row in sheet["funnel"]["rows"]) == counts["started"] - counts["submitted"]


def test_of_many_reasons_the_rare_ones_stand_together() -> None:
    made = Made()
    for place in range(20):
        for one in range(20 - place):
            made.submitted(f"{place}.{one}", 2).rejected(f"{place}.{one}", 1, f"reason_{place:02}")
    (sheet,) = sheets(LOADED, of(made))
    rows = sheet["reasons"]["rows"]
    assert len(rows) == MOST_REASONS
    assert rows[0] == {"name": "Reason 00", "count": 20}
    assert rows[-1] == {"name": "Others", "count": sum(range(1, 21)) - sum(range(14, 21))}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "1 min"),
        (61, "2 min"),
        (7_200, "120 min"),
        (7_201, "3 h"),
        (48 * HOUR, "48 h"),
        (48 * HOUR + 1, "2.1 days"),
        (72 * HOUR, "3 days"),
        (300 * HOUR, "13 days"),
    ],
)
def test_a_length_of_time_is_rounded_up_so_that_within_stays_true(seconds: float, said: str) -> None:
    assert voice(LOADED, "en").span(seconds) == said


def test_each_language_has_a_name_for_every_group_of_time() -> None:
    for language in LOADED.programme.languages:
        assert len(LOADED.messages[language]["stats"]["groups"]) == len(GROUPS) + 1


def test_bins_begin_empty() -> None:
    assert of(Made(), "7d").bins == tuple(Bin(date(2026, 3, day)) for day in range(25, 32))


# who asks


@pytest.mark.parametrize(
    ("argument", "name"),
    [("", "30d"), ("7d", "7d"), (" 30D ", "30d"), ("ALL", "all"), ("8d", None), ("7d please", None)],
)
def test_a_period_is_read_as_it_is_typed(argument: str, name: str | None) -> None:
    assert period_named(argument) == name


def test_the_same_numbers_are_sent_once_in_a_while_and_that_is_said_once() -> None:
    now = [100.0]
    asked = StatsRequests(lambda: now[0])
    assert asked.verdict("7d") == asked.verdict("7d") == "send"  # nothing is committed yet
    asked.sent("7d")
    assert (asked.verdict("7d"), asked.verdict("all")) == ("on its way", "send")
    asked.said("7d")
    now[0] += SECONDS - 0.1
    assert asked.verdict("7d") == "said"
    now[0] += 0.2
    assert asked.verdict("7d") == "send"
    asked.sent("7d")
    assert asked.verdict("7d") == "on its way"
