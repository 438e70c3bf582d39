"""What the clock brings, through the whole bot in this process with a clock that is set."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.app import App
from bot.sandbox.server import Sandbox
from bot.sandbox.state import ChatKind
from bot.settings import Settings
from storage import deadlines, figures, store
from tests.applying import apply, apply_again, decide, has, press, receipt_in
from tests.cast import Cast, Group, Person


@dataclass(slots=True)
class Clock:
    """A clock that moves when told."""

    now: datetime = datetime(2026, 3, 2, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass(slots=True)
class Scene:
    """A bot that serves, and those who play."""

    app: App
    clock: Clock
    cast: Cast
    group: Group
    ana: Person
    serving: "asyncio.Task[None]"

    async def wait(self, **span: int) -> None:
        """Let time pass, and what is due happen."""
        self.clock.now += timedelta(**span)
        for _ in range(3):
            await self.app.jobs.sweep()
            await self.app.outbox.settle()


@contextlib.asynccontextmanager
async def scene(
    folder: Path,
    *,
    clock_is_set: bool = True,
    kind: ChatKind = "supergroup",
    programme: Path | None = None,
) -> AsyncIterator[Scene]:
    async with Sandbox.open() as sandbox:
        cast, clock = Cast(sandbox), Clock()
        group = cast.group(kind=kind)
        ana = cast.reviewer("Ana", group)
        settings = Settings(
            _env_file=None,
            token=SecretStr(sandbox.token),
            group=group.id,
            api_url=sandbox.url,
            data=folder / "data",
            programme=programme,
            status_port=0,
            limits="none",
        )
        async with App.open(settings, clock if clock_is_set else None) as app:
            stop = asyncio.Event()
            serving = asyncio.create_task(app.run(stop))
            await asyncio.wait_for(app.drained.wait(), 10)
            yield Scene(app, clock, cast, group, ana, serving)
            stop.set()
            await serving


async def test_an_earlier_application_goes_when_its_own_time_is_over(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        mei = on.cast.applicant("Mei")
        first = await apply(mei, on.group)
        mei.say("/withdraw")
        await press(mei, "leave")
        await on.group.shows(lambda one: one.id == first.id and not one.buttons)
        again = await apply_again(mei)
        card = await on.group.shows(lambda one: again in one.text and has("approve")(one))
        assert receipt_in(first) in card.text
        await on.wait(days=27)
        await mei.sees(lambda one: receipt_in(first) in one.text and "It will then be deleted" in one.text)
        assert not first.deleted
        await on.wait(days=4)  # a withdrawn application is kept for 30
        assert first.deleted
        assert receipt_in(first) not in card.text
        rows = await on.app.engine.read(figures.count_by_status)
        assert rows == {"waiting": 1}
        await decide(on.ana, card, "approve")


async def test_a_decision_that_nobody_undoes_is_told_when_its_time_is_over(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        mei = on.cast.applicant("Mei")
        card = await apply(mei, on.group)
        await decide(on.ana, card, "approve")
        await on.wait(seconds=59)
        assert not any("is approved" in one.text for one in mei.messages())
        await on.wait(seconds=2)
        await mei.sees("is approved")


async def test_the_shown_photo_leaves_the_reviewers_chat_after_ten_minutes(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        card = await apply(on.cast.applicant("Mei"), on.group)
        link = (await decide(on.ana, card, "view")).url
        assert link is not None
        on.ana.start(link.partition("?start=")[2])
        await on.ana.sees(lambda one: bool(one.photo), chat=on.ana.chat)
        await on.app.outbox.settle()
        await on.wait(minutes=9)
        assert any(one.photo for one in on.ana.messages(on.ana.chat))
        await on.wait(minutes=2)
        assert not any(one.photo for one in on.ana.messages(on.ana.chat))


async def test_a_shown_photo_that_can_no_longer_be_deleted_gives_way_to_an_empty_picture(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as on:
        card = await apply(on.cast.applicant("Mei"), on.group)
        link = (await decide(on.ana, card, "view")).url
        assert link is not None
        on.ana.start(link.partition("?start=")[2])
        shown = await on.ana.sees(lambda one: bool(one.photo), chat=on.ana.chat)
        await on.app.outbox.settle()
        before = shown.photo[-1]["file_unique_id"]
        ahead = timedelta(days=3).total_seconds()  # the bot was down, and Telegram deletes nothing so old
        on.cast.telegram.clock = lambda: time.time() + ahead
        await on.wait(days=3)
        assert shown.photo[-1]["file_unique_id"] != before
        assert shown.photo[-1]["width"] == shown.photo[-1]["height"] == 64
        assert shown.text == "(photo removed)"


async def test_the_photo_goes_before_the_application_and_that_before_the_person(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        mei = on.cast.applicant("Mei")
        card = await apply(mei, on.group)
        await decide(on.ana, card, "approve")
        await decide(on.ana, card, "tell")
        await mei.sees("is approved")
        await on.wait(days=27)
        await mei.sees("your ID photo for")
        await on.wait(days=4)
        person = (
            await on.app.engine.read(
                lambda tx: deadlines.due_people(tx, on.clock.now + timedelta(days=9999), 9)
            )
        )[0]
        assert await on.app.engine.read(lambda tx: store.photos_of(tx, person)) == []
        await on.wait(days=697)
        await mei.sees("will then be erased")
        await on.wait(days=3)
        assert await on.app.engine.read(figures.count_by_status) == {}
        assert await on.app.engine.read(lambda tx: store.people_by_id(tx, [person])) == []
        assert card.deleted


async def test_a_recorder_that_meets_an_erased_person_goes_on(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        mei, lin = on.cast.applicant("Mei"), on.cast.applicant("Lin")
        card = await apply(mei, on.group)
        link = (await decide(on.ana, card, "view")).url
        assert link is not None
        on.app.outbox.is_erased = lambda person_id: False  # type: ignore[method-assign]  # as if it were asked just before
        mei.say("/delete")
        await mei.sees(has("erase"))
        on.ana.start(link.partition("?start=")[2])
        await press(mei, "erase")
        await mei.sees("🗑")
        await apply(lin, on.group)
        await on.app.outbox.settle()
        assert on.app.outbox.waiting() == 0
        assert not any(one.photo for one in on.ana.messages(on.ana.chat))


async def test_a_bot_of_which_a_part_has_died_stops_to_be_started_anew(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="gone"):
        async with scene(tmp_path) as on:

            def broken(errands: object) -> None:
                raise RuntimeError("gone")

            on.app.outbox.accept = broken  # type: ignore[method-assign]
            on.cast.applicant("Mei").start()
            await asyncio.wait_for(asyncio.shield(on.serving), 10)
