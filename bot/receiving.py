"""Updates come in by webhook or by polling, and go to the intake, until the bot is told to stop."""

import asyncio
import socket
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from telegram.error import InvalidToken, TelegramError

from bot.arrivals import kind_of, park, place_of
from bot.health import Health
from bot.intake import Intake
from bot.metrics import Metrics
from bot.mistakes import CannotStart
from bot.receiver import Polling, Webhook
from bot.settings import Settings
from bot.sightings import Sightings
from bot.transport import Transport
from bot.web import serve_webhook
from storage.engine import Engine
from storage.vault import Vault

log = structlog.get_logger()


class Receiving:
    """`drained` is set once what had waited in Telegram is handled."""

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        engine: Engine,
        vault: Vault,
        intake: Intake,
        sightings: Sightings,
        health: Health,
        metrics: Metrics,
        drained: asyncio.Event,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._engine = engine
        self._vault = vault
        self._intake = intake
        self._sightings = sightings
        self._health = health
        self._metrics = metrics
        self._drained = drained
        self._clock = clock

    async def run(self, stop: asyncio.Event, door: socket.socket | None, whose: dict[str, Any]) -> None:
        """Through the webhook's door, or by polling where there is none. `whose`: the bot and the group, as they are
        told. Raises CannotStart when the token is refused."""
        try:
            await (self._deliveries(stop, door, whose) if door else self._polls(stop, whose))
        except InvalidToken:
            raise CannotStart(
                "INTAKE_TOKEN: Telegram does not accept the token any more; was it revoked?"
            ) from None

    async def _deliveries(self, stop: asyncio.Event, door: socket.socket, whose: dict[str, Any]) -> None:
        url, secret = str(self._settings.webhook_url), self._settings.webhook_secret
        assert secret is not None  # the settings see to it
        webhook = Webhook(self._transport, self.take, self.park, secret.get_secret_value())
        async with serve_webhook(door, url, webhook, self._metrics):
            try:
                await webhook.register(url)
            except InvalidToken:
                raise
            except TelegramError as error:
                raise CannotStart(f"INTAKE_WEBHOOK_URL: Telegram does not take {url} ({error})") from None
            log.info("receiving by webhook", action="started", **whose)
            draining = asyncio.create_task(webhook.drain(self._drained.set))
            await stop.wait()
            draining.cancel()

    async def _polls(self, stop: asyncio.Event, whose: dict[str, Any]) -> None:
        polling = Polling(
            self._transport, self.take, self.park, on_drained=self._drained.set, on_polled=self._polled
        )
        receiving = asyncio.create_task(polling.run())
        stopping = asyncio.create_task(stop.wait())
        log.info("receiving by polling", action="started", **whose)
        await asyncio.wait({receiving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        await polling.stop()
        await receiving

    def _polled(self, fault: str) -> None:
        self._health.polled(fault)
        if fault:
            self._metrics.count("polls_failed_total")

    async def take(self, batch: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        """Returns when they are committed: the answers to presses that can ride in the reply, by the update."""
        for update in batch:
            self._metrics.count("updates_total", kind=kind_of(update))
            if place := place_of(update):
                self._sightings.see(*place, new="callback_query" not in update)
        answers = await self._intake.take(batch)
        if answers:
            self._metrics.count("callback_answers_total", len(answers), outcome="in_response")
        return answers

    async def park(self, raw: bytes, reason: str) -> None:
        """Keep what was not even JSON."""
        at = self._clock()
        await self._engine.write(lambda tx: park(tx, self._vault, raw, None, reason, at))
        log.error("update parked", action="park", error=reason)
        self._metrics.count("updates_parked_total")
