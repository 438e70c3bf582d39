"""What is logged, and what never is."""

import contextlib
import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot.logs import set_up

PERSONAL = "Mei Okafor, mei@example.edu"


pytestmark = pytest.mark.usefixtures("logs_as_before")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    out, err = capsys.readouterr()
    assert out == ""
    return [json.loads(line) for line in err.splitlines()]


def test_an_event_is_one_line_of_json_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("json", "info")
    structlog.get_logger().info("started", action="start", bot="intake_bot")
    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "started", "action": "start", "bot": "intake_bot", "level": "info"}


def test_nothing_below_the_level_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("json", "warning")
    structlog.get_logger().info("started")
    structlog.get_logger().warning("careful")
    assert [line["event"] for line in lines(capsys)] == ["careful"]


def test_without_a_terminal_auto_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("auto", "info")
    structlog.get_logger().info("started")
    assert [line["event"] for line in lines(capsys)] == ["started"]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_only_a_terminal_is_given_colours(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, is_terminal: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    set_up("text", "info")
    structlog.get_logger().info("started", action="start")
    assert ("\x1b[" in capsys.readouterr().err) is is_terminal


def test_an_exception_is_logged_by_type_and_place_and_not_by_its_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up("json", "info")

    def inner(answer: str) -> None:
        raise ValueError(f"cannot read {answer}")

    try:
        inner(PERSONAL)
    except ValueError:
        structlog.get_logger().exception("update parked", action="park")
    (line,) = lines(capsys)
    assert line["raised"] == "ValueError"
    assert [step.split(":")[0] for step in line["through"].split(" > ")] == [
        "test_an_exception_is_logged_by_type_and_place_and_not_by_its_text",
        "inner",
    ]
    assert "Okafor" not in json.dumps(line)


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_libraries_that_log_urls_or_values_stay_quiet(level: str) -> None:
    set_up("json", level)
    for name in ("aiohttp.client", "aiosqlite", "telegram.Bot", "apscheduler.scheduler", "httpx"):
        assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)


def test_text_for_a_terminal_holds_no_exceptions_words_either(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("text", "info")
    try:
        raise ValueError(PERSONAL)
    except ValueError:
        structlog.get_logger().exception("update parked", action="park")
    err = capsys.readouterr().err
    assert "update parked" in err and "ValueError" in err
    assert "Okafor" not in err


def test_a_log_that_takes_nothing_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        set_up("json", "info")
        for _ in range(3):
            structlog.get_logger().error("no room", action="storage")
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            full.close()
