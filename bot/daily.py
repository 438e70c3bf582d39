"""The digest that reviewers get once a day: what waits, what waits too long, what was decided since the last one."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from bot.errands import BRIEF, Errand
from bot.plan import Outcome
from bot.posts import Posts
from bot.queue import Queue
from bot.topics import Topics
from bot.wording import Wording
from conversations.programme import Review
from storage import audit_log, facts, outgoing
from storage.audit_log import Decided
from storage.chain import Head
from storage.engine import Engine, Transaction
from storage.errors import StorageUnavailable
from storage.values import stamp, unstamp
from storage.vault import Vault

log = structlog.get_logger()

LATEST = timedelta(hours=1)  # after its time, when the bot was down; after that the next day's says it
NAMED = 20  # applications that wait too long and are named
_FACT = "daily_digest"


@dataclass(frozen=True, slots=True)
class Last:
    """The last digest: of which day, and how far the audit log went."""

    day: str
    entries: int

    @classmethod
    def of(cls, text: str | None) -> "Last | None":
        return cls(**json.loads(text)) if text else None

    def text(self) -> str:
        return json.dumps(asdict(self))


def last_due(review: Review, now: datetime) -> tuple[date, datetime] | None:
    """The day whose time has come last, and when that was; None where there is no digest.

    A time that the clocks leave out in spring comes that much later, one that they repeat in autumn counts once.
    """
    if review.digest_at is None:
        return None
    zone, at = ZoneInfo(review.time_zone), time.fromisoformat(review.digest_at)
    today = now.astimezone(zone).date()
    for day in (today, today - timedelta(days=1)):
        due = datetime.combine(day, at, zone).astimezone(now.tzinfo)
        if due <= now:
            return day, due
    return None


class Daily:
    """`look` is asked each minute whether it is time; `post` posts it, once."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        queue: Queue,
        wording: Wording,
        posts: Posts,
        topics: Topics,
        group: Callable[[], int],
        clock: Callable[[], datetime],
        accept: Callable[[Sequence[Errand]], None],
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._queue = queue
        self._wording = wording
        self._review = wording.programme.review
        self._posts = posts
        self._topics = topics
        self._group = group
        self._clock = clock
        self._accept = accept

    async def look(self) -> None:
        """That it is told, and the errand that tells it, are one transaction."""
        found = last_due(self._review, self._clock())
        if found is None:
            return
        day, due = found
        try:
            last = await self._engine.read(_last)
            if last is not None and last.day >= day.isoformat():
                return
            if last is not None and self._clock() - due > LATEST:
                return
            errand = await self._engine.write(lambda tx: self._begin(tx, day, due))
        except StorageUnavailable:
            log.warning("the daily digest comes later", action="daily")
            return
        if errand is not None:
            self._accept([errand])

    def _begin(self, tx: Transaction, day: date, due: datetime) -> Errand | None:
        """The errand, unless there is nothing to say. The day on which the bot first serves has none."""
        last, (entries, head) = _last(tx), audit_log.head(tx)
        facts.put(tx, _FACT, Last(day.isoformat(), entries).text())
        if last is None:
            return None
        decided = audit_log.decided(tx, last.entries, entries)
        is_quiet = decided == Decided() and not self._queue.load_in(tx).waiting
        if is_quiet and not self._review.digest_when_quiet:
            return None
        body = {"day": day.isoformat(), "due": stamp(due), "since": last.entries, "until": entries}
        errand = Errand(BRIEF, self._group(), None, {**body, "head": str(Head(head, entries))})
        outgoing.add_errands(tx, [errand.row(self._vault)])
        return errand

    async def post(self, errand: Errand) -> Outcome:
        """What it says is true when it is sent. Too late, it is not sent any more."""
        body, chat = errand.body, self._group()
        name = f"{BRIEF} {body['day']}"
        if self._clock() - unstamp(body["due"]) > LATEST:
            return Outcome([lambda tx: self._posts.give_up(tx, name, chat)])
        text = await self._text(body)
        await self._topics.post(
            chat,
            "waiting",
            lambda topic: self._posts.post(
                name,
                errand,
                chat,
                {"text": text, "keyboard": [], "topic": topic},
                lambda tx, number: outgoing.finish_errands(tx, [errand.errand_id]),
            ),
        )
        return Outcome()

    async def _text(self, body: dict[str, Any]) -> str:
        load, late = await self._queue.load(), await self._queue.late(NAMED)
        decided = await self._engine.read(lambda tx: audit_log.decided(tx, body["since"], body["until"]))
        return self._wording.named(
            "daily",
            self._review.language,
            day=date.fromisoformat(body["day"]),
            load=load,
            late=late,
            more=max(0, load.late - len(late)),
            decided=decided,
            head=body["head"],
            usual_days=self._review.usual_days,
        )


def _last(tx: Transaction) -> Last | None:
    return Last.of(facts.get(tx, _FACT))
