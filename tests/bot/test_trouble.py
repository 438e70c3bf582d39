"""Trouble that lasts fills no log."""

import pytest
from structlog.testing import capture_logs

from bot import trouble
from bot.trouble import Trouble
from storage.errors import StorageUnavailable

PERSONAL = "mei.okafor@example.edu"


def test_what_lasts_is_logged_once_and_when_it_is_over() -> None:
    one = Trouble("take", "it cannot be taken", "it is taken again")
    with capture_logs() as lines:
        one.is_over()
        for _ in range(3):
            one.lasts(StorageUnavailable("full"))
        one.lasts(StorageUnavailable("locked"))
        one.is_over()
        one.is_over()
        one.lasts(StorageUnavailable("full"))
    said = [(line["event"], line.get("reason")) for line in lines]
    assert said == [
        ("it cannot be taken", "full"),
        ("it cannot be taken", "locked"),
        ("it is taken again", None),
        ("it cannot be taken", "full"),
    ]
    assert {line["action"] for line in lines} == {"take"}


def test_it_is_said_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trouble, "SAY_AGAIN", 0.0)
    one = Trouble("take", "it cannot be taken", "it is taken again")
    with capture_logs() as lines:
        one.lasts(StorageUnavailable("full"))
        one.lasts(StorageUnavailable("full"))
    assert len(lines) == 2


def test_what_an_unforeseen_error_says_is_not_logged() -> None:
    with capture_logs() as lines:
        Trouble("take", "it cannot be taken", "").lasts(KeyError(PERSONAL))
    assert PERSONAL not in str(lines)
    assert lines[0]["error"] == "KeyError"
