"""No forged or stale press is accepted, and of many at once exactly one decides. In full: `python -m tests.soak`."""

from pathlib import Path

import pytest

from bot.sandbox.server import Sandbox
from tests.soak.presses import forge
from tests.soak.races import race

WAYS = pytest.mark.parametrize("webhook", [False, True], ids=["polling", "webhook"])


@WAYS
async def test_no_forged_or_stale_press_is_accepted_and_each_is_answered(
    webhook: bool, sandbox: Sandbox, tmp_path: Path
) -> None:
    assert await forge(sandbox, tmp_path, 280, webhook=webhook) == 0


@WAYS
async def test_of_ten_reviewers_at_once_exactly_one_decides(
    webhook: bool, sandbox: Sandbox, tmp_path: Path
) -> None:
    assert await race(sandbox, tmp_path, 10, webhook=webhook) == 0
