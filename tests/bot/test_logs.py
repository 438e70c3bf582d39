"""What is logged, and what never is."""

import ast
import asyncio
import contextlib
import gc
import json
import logging
import subprocess
import sys
import warnings
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


# what others log


def test_a_librarys_record_is_one_of_ours_without_what_it_was_given(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up("json", "info")
    logging.getLogger("aiohttp.server").error("Error handling request from %s", PERSONAL)
    logging.getLogger("somebody.else").warning("two lines\n%s", PERSONAL)
    first, second = lines(capsys)
    assert first.pop("timestamp") and second.pop("timestamp")
    assert first == {
        "event": "Error handling request from %s",
        "action": "library",
        "logger": "aiohttp.server",
        "level": "error",
    }
    assert (second["event"], second["level"]) == ("two lines", "warning")


async def test_a_task_whose_error_nobody_took_names_its_kind_and_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up("json", "debug")

    async def break_down() -> None:
        raise ValueError(PERSONAL)

    task = asyncio.create_task(break_down())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    gc.collect()
    (line,) = lines(capsys)
    assert (line["event"], line["action"]) == ("Task exception was never retrieved", "library")
    assert (line["raised"], line["through"].split(":")[0]) == ("ValueError", "break_down")
    assert "Okafor" not in json.dumps(line)


def test_what_python_warns_of_is_a_record_too(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        set_up("json", "info")
        warnings.warn(PERSONAL, RuntimeWarning, stacklevel=1)
    (line,) = lines(capsys)
    assert (line["action"], line["category"]) == ("warning", "RuntimeWarning")
    assert line["place"].startswith("test_logs.py:")
    assert "Okafor" not in json.dumps(line)


@pytest.mark.parametrize(
    ("ending", "action"),
    [
        ("def crash(): raise ValueError(NAME)\ncrash()", "crash"),
        (
            "import threading\ndef crash(): raise ValueError(NAME)\nthreading.Thread(target=crash).start()",
            "thread",
        ),
        ("class Late:\n  def __del__(self): raise ValueError(NAME)\nLate()", "unraisable"),
    ],
    ids=["crash", "thread", "unraisable"],
)
def test_even_an_end_nobody_foresaw_is_one_line_of_json(ending: str, action: str) -> None:
    code = f"from bot.logs import set_up\nNAME = {PERSONAL!r}\nset_up('json', 'info')\n{ending}"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == (1 if action == "crash" else 0)
    (line,) = map(json.loads, found.stderr.splitlines())
    assert (line["action"], line["raised"]) == (action, "ValueError")
    assert found.stdout == ""
    assert "Okafor" not in found.stderr


# what we log


def calls_of_log(file: Path) -> list[ast.Call]:
    """Every `log.level(...)` in a file."""
    return [
        node
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "log"
    ]


def test_every_record_of_ours_has_an_action() -> None:
    root = Path(__file__).parents[2]
    calls = {file: calls_of_log(file) for part in ("bot", "storage") for file in (root / part).rglob("*.py")}
    assert sum(map(len, calls.values())) > 30
    without = [
        f"{file.relative_to(root)}:{call.lineno}"
        for file, found in calls.items()
        for call in found
        if "action" not in {keyword.arg for keyword in call.keywords}
    ]
    assert without == []
