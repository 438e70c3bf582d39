"""Trouble that lasts, logged as it begins, once a minute, and when it is over: a full disk fills no log."""

import time

import structlog

from storage.errors import StorageError

log = structlog.get_logger()

SAY_AGAIN = 60.0  # seconds until the same is logged again


class Trouble:
    """`action`, what is logged while it lasts, and what when it is over."""

    def __init__(self, action: str, lasts: str, is_over: str) -> None:
        self._action = action
        self._lines = lasts, is_over
        self._said: tuple[str, float] | None = None  # what, and when

    def lasts(self, error: Exception) -> None:
        """Call in the handler of that error."""
        reason = str(error) if isinstance(error, StorageError) else ""  # others may quote what a person wrote
        what, now = f"{type(error).__name__} {reason}", time.monotonic()
        if self._said is None or self._said[0] != what or now - self._said[1] >= SAY_AGAIN:
            self._said = what, now
            log.exception(self._lines[0], action=self._action, error=type(error).__name__, reason=reason)

    def is_over(self) -> None:
        if self._said is not None:
            self._said = None
            log.info(self._lines[1], action=self._action)
