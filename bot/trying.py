"""One try of an errand, and what its failure means: again, later, over, or not before its person returns."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import structlog
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot.errands import (
    BRIEF,
    CARD,
    DATA,
    DESK,
    DIGEST,
    EDIT,
    FETCH,
    FORM,
    FORMS,
    HIDE,
    NOTE,
    OWN,
    REMOVE,
    SEND,
    SHOW,
    STATS,
    WIPE,
    Errand,
)
from bot.messages import is_closed
from bot.metrics import Metrics
from bot.pacing import Pacing
from bot.pausing import Closing
from bot.plan import Outcome, Write
from bot.transport import NotSent, Transport, Uncertain
from bot.unsent import Unsent
from storage import outgoing, store
from storage.engine import Engine
from storage.errors import StorageUnavailable

log = structlog.get_logger()

ONCE = frozenset(
    {SEND, CARD, DATA, SHOW, FORM, NOTE, DIGEST, DESK, STATS}
)  # what would be doubled by a repeat: at most once
EDITED = frozenset(
    {CARD, DIGEST, DESK}
)  # what is mostly changed in place: a repeat doubles a new message alone
MUST = frozenset({FETCH, FORMS, HIDE, REMOVE, WIPE})  # never given up for a fault of ours
LOST = 8  # tries without an answer of what is looked for before the next
_BACKOFF = (0.5, 30.0)  # seconds: first and longest
SHUT_OUT = 30.0  # seconds between tries while the group takes nothing
UNKNOWN = timedelta(seconds=30)  # until a card that may stand twice already is posted once more
PUT_OFF = (60.0, 900.0)  # seconds until a refused card is tried again: first and longest

_KINDS = (
    RetryAfter,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    BadRequest,
    NotSent,
    Uncertain,
    StorageUnavailable,
    TelegramError,
)


@dataclass(frozen=True, slots=True)
class Over:
    """Done or given up. None when its end was written with the turn that took its result."""

    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class Again:
    """At once: whatever there was to wait was waited."""


@dataclass(frozen=True, slots=True)
class Later:
    """By itself, after so long; its lane goes on."""

    wait: timedelta


@dataclass(frozen=True, slots=True)
class WhenHeReturns:
    """Not before its person can be reached again."""


Verdict = Over | Again | Later | WhenHeReturns


class Performer(Protocol):
    """Carries one errand out. None when its end was written with the turn that took its result."""

    async def perform(self, errand: Errand) -> Outcome | None: ...
    async def perform_plain(self, errand: Errand) -> Outcome | None: ...


class Trying:
    """`now`: monotonic seconds. `on_trouble` is told what operators should know."""

    performer: Performer

    def __init__(
        self,
        engine: Engine,
        transport: Transport,
        pacing: Pacing,
        metrics: Metrics,
        unsent: Unsent,
        closing: Closing,
        now: Callable[[], float],
        on_group_moved: Callable[[int, int], Awaitable[None]],
        on_trouble: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._transport = transport
        self._pacing = pacing
        self._metrics = metrics
        self._unsent = unsent
        self._closing = closing
        self._now = now
        self._on_group_moved = on_group_moved
        self._on_trouble = on_trouble

    async def once(self, errand: Errand) -> Verdict:
        """Perform it. Waits before it says `Again`."""
        self._unsent.sending(errand)
        try:
            outcome = await self.performer.perform(errand)
        except BadRequest as error:
            return await self._refused(errand, error)
        except (TelegramError, StorageUnavailable, OSError) as error:
            return await self._failed(errand, error)
        except Exception as error:
            log.exception("errand broke", action="errand", kind=errand.kind, error=type(error).__name__)
            if errand.kind in MUST:
                return await self._failed(errand, error)
            return self._give_up(errand, type(error).__name__)
        return self._done(errand, outcome)

    def _done(self, errand: Errand, outcome: Outcome | None) -> Verdict:
        self._count(errand, "done")
        if errand.asked_at:
            self._metrics.observe("reply_seconds", self._now() - errand.asked_at)
        return Over(outcome)

    def _give_up(self, errand: Errand, why: str) -> Verdict:
        if errand.kind == FETCH:  # its person waits for an answer: the next try is to tell him
            errand.body["abandoned"] = True
            return Again()
        self._count(errand, "given_up")
        self._on_trouble(f"an errand of kind {errand.kind} was given up: {why[:120]}")
        return Over(Outcome())

    def _put_off(self, errand: Errand, wait: timedelta) -> Verdict:
        self._count(errand, "put_off")
        return Later(wait)

    # failures

    async def _failed(self, errand: Errand, error: Exception) -> Verdict:
        """What a failure means for this errand and its lane."""
        self._count_failure(errand, error)
        log.warning("errand failed", action="errand", kind=errand.kind, error=type(error).__name__)
        match error:
            case RetryAfter():
                return await self._held(errand, error)
            case ChatMigrated():
                return await self._moved(errand, error)
            case _ if (
                errand.kind == BRIEF
            ):  # its lane goes on meanwhile, and it is looked for before it is sent again
                return self._put_off(errand, UNKNOWN)
            case Forbidden():
                return await self._forbidden(errand)
            case InvalidToken():
                self._on_trouble("Telegram refuses the token; was it revoked?")
            case Uncertain() if error.status < 500 and _would_double(errand):
                return await self._answer_lost(errand)
            case _:
                self._unsent.not_sent(errand)
        await self._back_off(errand.failures)
        errand.failures += 1
        return Again()

    async def _held(self, errand: Errand, error: RetryAfter) -> Verdict:
        seconds = error.retry_after
        wait = seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds)
        self._pacing.hold(errand.chat, wait, self._now())
        self._unsent.not_sent(errand)
        if errand.chat == 0:  # a lane waits by itself
            await self._closing.pause(wait)
        return Again()

    async def _moved(self, errand: Errand, error: ChatMigrated) -> Verdict:
        self._unsent.not_sent(errand)
        try:
            await self._on_group_moved(errand.chat, error.new_chat_id)
        except StorageUnavailable:
            log.warning("the group's move is not entered; it will be said again", action="storage")
        if errand.chat < 0:
            errand.chat = error.new_chat_id
        await self._closing.pause(_BACKOFF[0])
        return Again()

    async def _answer_lost(self, errand: Errand) -> Verdict:
        """It may have been done. It is repeated when Telegram surely answers again: once, or more often where it is
        looked for before.

        Only a card is repeated until it is known. One that may stand twice is known by the first press on it, and is
        given time for that.
        """
        if errand.kind == CARD and errand.attempts >= 1:
            return self._put_off(errand, UNKNOWN)
        if errand.attempts >= (LOST if errand.can_be_found else 1):
            return self._give_up(errand, "no answer again and again")
        tries = errand.attempts
        errand.attempts += 1
        await self._quietly(lambda tx: outgoing.count_attempt(tx, errand.errand_id))
        while not self._closing.has_begun:
            await self._back_off(tries)
            tries += 1
            try:
                await self._transport.call("getMe", {}, timeout=10)
            except TelegramError:
                continue
            break
        return Again()

    async def _forbidden(self, errand: Errand) -> Verdict:
        """A person who blocked the bot is marked, and what is his waits for his return; the group is retried."""
        if errand.kind == CARD:
            return self._shut_out(errand)
        if errand.kind == WIPE:
            await self._back_off(errand.failures)
            errand.failures += 1
            return Again()
        if errand.person_id is None or errand.kind not in OWN:
            return self._give_up(errand, "not reachable")
        person_id = errand.person_id
        await self._quietly(lambda tx: store.set_reachable(tx, person_id, False))
        self._count(errand, "put_off")
        return WhenHeReturns()

    def _shut_out(self, errand: Errand) -> Verdict:
        """The group takes nothing from the bot at present. Cards wait, and it is tried again and again."""
        self._on_trouble(
            "the bot may not write to the reviewers' group; is it a member, and allowed to write?"
        )
        self._pacing.hold(errand.chat, SHUT_OUT, self._now())
        return Again()

    async def _refused(self, errand: Errand, error: BadRequest) -> Verdict:
        """A refusal is tried once as plain text, then dropped and told: a lane never stands still."""
        log.warning("refused", action="errand", kind=errand.kind, error=str(error)[:120])
        self._count_failure(errand, error)
        if errand.kind in {SEND, EDIT}:
            try:
                return self._done(errand, await self.performer.perform_plain(errand))
            except BadRequest:
                return self._give_up(errand, str(error))
            except TelegramError as other:  # it stays plain for the next try
                return await self._failed(errand, other)
        if errand.kind == BRIEF:
            return self._put_off(errand, UNKNOWN)
        if errand.kind == CARD:
            return self._shut_out(errand) if is_closed(error) else self._refused_card(errand)
        return self._give_up(errand, str(error))

    def _refused_card(self, errand: Errand) -> Verdict:
        """It is tried again later, by itself: no application may stay unseen."""
        self._on_trouble("the card of an application is refused by Telegram; it is tried again and again")
        first, longest = PUT_OFF
        wait = min(longest, first * 2 ** min(errand.failures, 6))
        errand.failures += 1
        return self._put_off(errand, timedelta(seconds=wait))

    # helpers

    async def _back_off(self, tries: int) -> None:
        first, longest = _BACKOFF
        wait = min(longest, first * 2 ** min(tries, 6))
        await self._closing.pause(wait * random.uniform(0.5, 1.0))  # noqa: S311

    async def _quietly(self, work: Write) -> None:
        """Write what is not worth a failure of its own: without it, an errand may only be tried once more."""
        try:
            await self._engine.write(work)
        except StorageUnavailable:
            log.exception("cannot write", action="storage")

    def _count(self, errand: Errand, outcome: str) -> None:
        lane = "private" if errand.chat > 0 else "group" if errand.chat < 0 else "none"
        self._metrics.count("errands_total", lane=lane, kind=errand.kind, outcome=outcome)

    def _count_failure(self, errand: Errand, error: Exception) -> None:
        self._count(errand, "failed")
        reason = next((kind.__name__ for kind in _KINDS if isinstance(error, kind)), "other")
        self._metrics.count("errand_failures_total", reason=reason)


def _would_double(errand: Errand) -> bool:
    """Whether a repeat could show twice; an edit cannot, nor what is put into a message that stands."""
    if errand.kind == SHOW:
        return "kept" not in errand.body
    if errand.kind == FORM:
        return not errand.body["message_id"]
    return errand.kind in ONCE and (errand.kind not in EDITED or bool(errand.body.get("posting")))
