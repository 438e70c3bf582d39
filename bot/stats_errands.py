"""Answers /stats: gathers the numbers, has them drawn and sends one picture; without one, the numbers in words."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from markupsafe import Markup
from telegram.error import BadRequest

from bot.errands import Errand
from bot.messages import Messages
from bot.plan import Outcome
from bot.programmes import Loaded
from bot.statistics import PERIODS, History, Numbers, numbers, period
from bot.stats_drawing import Drawing, DrawingFailed
from bot.stats_words import sheets, voice
from bot.wording import Wording
from conversations.tallying import steps
from storage import figures, outgoing, statistics
from storage.engine import Engine

PIECE = 20_000  # entries of the audit log read at once: turns go on in between
DRAWN = 2  # processes that may try to draw the same picture; the next one sends the numbers in words
TRIED = 4  # processes that may try to answer at all


@dataclass(frozen=True, slots=True)
class _Answer:
    """`text` says it all without the picture; `picture` is empty where there is none."""

    text: str
    caption: str = ""
    picture: bytes = b""


class StatsErrands:
    """One errand is one answer in the reviewers' group."""

    def __init__(
        self,
        engine: Engine,
        loaded: Loaded,
        wording: Wording,
        messages: Messages,
        clock: Callable[[], datetime],
        drawing: Drawing,
    ) -> None:
        self._engine = engine
        self._loaded = loaded
        self._programme = loaded.programme
        self._language = loaded.programme.review.language
        self._zone = ZoneInfo(loaded.programme.review.time_zone)
        self._wording = wording
        self._messages = messages
        self._clock = clock
        self._drawing = drawing
        self._ready: WeakKeyDictionary[Errand, _Answer] = (
            WeakKeyDictionary()
        )  # not drawn again for another try

    async def send(self, errand: Errand) -> Outcome:
        """Each process that begins with it is counted beforehand: what ended one must not end all that follow."""
        answer = self._ready.get(errand)
        if answer is None:
            if errand.attempts >= TRIED:
                return Outcome()
            await self._engine.write(lambda tx: outgoing.count_attempt(tx, errand.errand_id))
            answer = self._ready[errand] = await self._answer(errand)
        if not answer.picture:
            await self._messages.reply(errand, errand.chat, {"text": answer.text})
            return Outcome()
        params = {"caption": answer.caption, "parse_mode": "HTML"}
        if topic := errand.body.get("topic"):
            params["message_thread_id"] = topic
        file = ("statistics.png", answer.picture, "image/png")
        try:
            await self._messages.send_file(errand, "sendPhoto", params, "photo", file, protected=False)
        except BadRequest:  # the group takes no pictures, or its topic has gone
            self._ready[errand] = _Answer(answer.text)
            await self._messages.reply(errand, errand.chat, {"text": answer.text})
        return Outcome()

    async def _answer(self, errand: Errand) -> _Answer:
        found = await self.gather(errand.body["period"])
        speaker = voice(self._loaded, self._language)
        if found.is_empty:
            values = {"period": speaker.period_name(found), "days": speaker.days(found)}
            return _Answer(self._said("stats_nothing", **values, waiting=found.waiting))
        caption = self._said("stats_caption", **speaker.caption(found))
        text = self._said("stats_text", caption=Markup(caption), **speaker.sheet(found)["funnel"])  # noqa: S704
        if errand.attempts >= DRAWN:
            return _Answer(text)
        try:
            return _Answer(text, caption, await self._drawing.draw(sheets(self._loaded, found)))
        except DrawingFailed:
            return _Answer(text)

    def _said(self, name: str, **values: Any) -> str:
        return self._wording.named(name, self._language, **values)

    async def gather(self, name: str) -> Numbers:
        """The numbers of the period of that name."""
        history, after = History(), 0
        last = await self._engine.read(statistics.last_entry)
        while after < last:
            until = after + PIECE
            history.add(await self._engine.read(lambda tx, a=after, b=until: statistics.entries(tx, a, b)))  # type: ignore[misc]
            after = until
        earliest: date | None = None
        if PERIODS[name] is None:
            first = await self._engine.read(statistics.first_tally)
            known = [date.fromisoformat(first)] if first else []
            if day := history.first_day(self._zone):
                known.append(day)
            earliest = min(known, default=None)
        when = period(name, self._clock(), self._zone, earliest)
        days = when.first.isoformat(), when.last.isoformat()
        tallies, by_status = await self._engine.read(
            lambda tx: (statistics.tallies(tx, *days), figures.count_by_status(tx))
        )
        waiting = by_status.get("waiting", 0) + by_status.get("rejecting", 0)
        return numbers(when, self._zone, history, steps(self._programme), tallies, waiting)
