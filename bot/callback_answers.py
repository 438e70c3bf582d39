"""Answers to presses: they go first, beside everything else, and are never kept."""

import asyncio

import structlog
from telegram.error import BadRequest, TelegramError

from bot.metrics import Metrics
from bot.plan import CallbackAnswer
from bot.transport import Transport

log = structlog.get_logger()

PAUSES = (0.2, 1.0, 0.0)  # seconds after each try: a press expires soon


class CallbackAnswers:
    """Calls answerCallbackQuery, counted by what came of it."""

    def __init__(self, transport: Transport, metrics: Metrics) -> None:
        self._transport = transport
        self._metrics = metrics

    async def send(self, answer: CallbackAnswer) -> None:
        """Answer one press; what cannot be answered soon is lost."""
        for pause in PAUSES:
            try:
                await self._transport.call("answerCallbackQuery", answer.params(), timeout=10)
            except BadRequest:  # too old, or answered before
                self._count("expired")
                return
            except TelegramError as error:
                log.warning("answer failed", action="answer", error=type(error).__name__)
                await asyncio.sleep(pause)
            else:
                self._count("done")
                return
        self._count("lost")

    def _count(self, outcome: str) -> None:
        self._metrics.count("callback_answers_total", outcome=outcome)
