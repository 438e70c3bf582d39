"""Two kinds of no: what the Bot API refuses a bot, and what no client lets a person do."""

from typing import Any


class Refusal(Exception):
    """The Bot API says no. `description` is the text on the wire, prefix included."""

    def __init__(self, code: int, description: str, parameters: dict[str, Any] | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters or {}


class Impossible(Exception):
    """A person's client would not offer this; the text is a plain sentence."""


def bad_request(text: str) -> Refusal:
    """400 with its prefix."""
    return Refusal(400, "Bad Request: " + text)


def forbidden(text: str) -> Refusal:
    """403 with its prefix."""
    return Refusal(403, "Forbidden: " + text)


def too_many_requests(seconds: int) -> Refusal:
    """429; the HTTP answer repeats `seconds` in Retry-After."""
    return Refusal(429, f"Too Many Requests: retry after {seconds}", {"retry_after": seconds})
