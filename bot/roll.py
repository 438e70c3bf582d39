"""`intake reviewers`: who reviews, and who may do what; asked of Telegram, whether the bot runs or not."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC
from importlib.resources import files
from typing import Any

import click
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, TelegramError

from bot.keys import operator_key
from bot.mistakes import CannotStart
from bot.programmes import load
from bot.reviewers import holds
from bot.roster import Met, Roster
from bot.settings import Settings
from bot.starting import present_group
from bot.transport import Transport
from conversations.programme import Review
from conversations.roles import ACTIONS, Action, Role
from conversations.text import clean_line
from storage.migrate import pending
from storage.sqlite import SQLite
from storage.vault import Vault

MOST = 100  # of those the bot has met
SECONDS = 10.0  # for an answer of Telegram's
REVIEW = "review"  # what is not named in review.may
DEEDS: Mapping[str, str] = {
    REVIEW: "whatever is not named below",
    "look": "View ID, /queue and /find",
    "claim": "claim, release, take over",
    "ask": "ask the applicant",
    "approve": "approve",
    "reject": "reject",
    "return": "return for changes",
    "undo": "undo a decision",
    "tell": "tell the applicant at once",
    "stats": "/stats",
    "violate": "mark as violated",
    "reverse": "decide anew",
    "clear": "clear away",
}
RIGHTS = {"can_pin_messages": "pin messages", "can_delete_messages": "delete messages"}
TOPICS = {"can_manage_topics": "manage topics"}  # where the programme wants them
_NAMED = RIGHTS | TOPICS
_ROLES = {"members": "members of the group", "administrators": "its administrators"}


@dataclass(frozen=True, slots=True)
class Someone:
    """One account. `status`: as Telegram names it, "left" for whoever is not in the group; `may`: keys of DEEDS."""

    id: int
    name: str
    username: str
    status: str
    is_anonymous: bool
    may: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody the bot has met as a reviewer: how he stands now, and when he last did something (UTC, ISO 8601)."""

    id: int
    name: str
    status: str
    seen_at: str


@dataclass(frozen=True, slots=True)
class Roll:
    """All that there is to show. `rules`: a role for each key of DEEDS; `rights`: the bot's, by Telegram's names."""

    group: int
    title: str
    members: int
    is_forum: bool
    topics: str  # as the programme wants them
    bot: str
    bot_status: str
    rights: Mapping[str, bool]
    rules: Mapping[str, Role]
    administrators: Sequence[Someone]
    listed: Sequence[Someone]
    seen: Sequence[Seen]

    def wrong(self) -> Iterator[str]:
        """What does not fit together, a line each with its cure."""
        if self.topics != "none" and not self.is_forum:
            yield f"review.topics is {self.topics}, and the group has no topics: turn them on, or all stands in General"
        if self.bot_status != "administrator":
            yield "the bot is no administrator of the group, and cannot be sure who is a member: make it one"
        else:
            for right, held in self.rights.items():
                if not held:
                    yield f"the bot may not {_NAMED[right]}: allow it in the group's settings, Administrators"
        for one in self.listed:
            if one.status in {"left", "kicked"}:
                yield f"{one.id} is listed, and not in the group: add the account, or take it from programme.toml"
        present = {one.id for one in self.listed if one.may}
        for deed, role in self.rules.items():
            if isinstance(role, tuple) and not present & set(role):
                yield f"nobody who is in the group may: {DEEDS[deed]}"


def reviewers(settings: Settings, as_json: bool) -> int:
    """Print it; 1 when something does not fit together. Raises CannotStart and what is in MISTAKES."""
    review = load(settings.programme).programme.review
    roll = asyncio.run(_read(settings, review))
    wrong = list(roll.wrong())
    if as_json:
        click.echo(json.dumps({**asdict(roll), "wrong": wrong}, ensure_ascii=False, indent=2))
        return 1 if wrong else 0
    for line in _in_words(roll):
        click.echo(line)
    for line in wrong:
        click.echo(line, err=True)
    return 1 if wrong else 0


async def _read(settings: Settings, review: Review) -> Roll:
    group, met = settings.group, list[Met]()
    if settings.database.exists():
        async with SQLite.open(settings.database, readonly=True) as engine:
            group = await present_group(engine, group)  # it may have become a supergroup
            if not await pending(engine, files("storage") / "migrations") and (key := operator_key(settings)):
                roster = Roster(engine, Vault(key))
                await roster.load()
                met = roster.lately()[:MOST]
    transport = Transport(settings.token.get_secret_value(), settings.api_url, timeout=SECONDS)
    await transport.initialize()
    try:
        return await _asked(transport, group, review, met)
    except InvalidToken:
        raise CannotStart(
            "INTAKE_TOKEN: Telegram refuses this token; copy it again from @BotFather"
        ) from None
    except (BadRequest, Forbidden) as error:
        raise CannotStart(f"INTAKE_GROUP: the bot is not in the group {group} ({error})") from None
    except TelegramError as error:
        raise CannotStart(f"Telegram does not answer ({error}); try again") from None
    finally:
        await transport.shutdown()


async def _asked(transport: Transport, group: int, review: Review, met: Sequence[Met]) -> Roll:
    me = await transport.call("getMe", {})
    try:
        own = await transport.call("getChatMember", {"chat_id": group, "user_id": me["id"]})
    except ChatMigrated as error:
        group = error.new_chat_id
        own = await transport.call("getChatMember", {"chat_id": group, "user_id": me["id"]})
    chat = await transport.call("getChat", {"chat_id": group})
    administrators = await transport.call("getChatAdministrators", {"chat_id": group})
    rules: dict[str, Role] = {REVIEW: review.who, **{action: review.role(action) for action in ACTIONS}}
    listed = sorted({one for role in rules.values() if isinstance(role, tuple) for one in role})
    return Roll(
        group=group,
        title=clean_line(str(chat.get("title", ""))),
        members=await transport.call("getChatMemberCount", {"chat_id": group}),
        is_forum=bool(chat.get("is_forum")),
        bot=str(me.get("username", "")),
        bot_status=own["status"],
        topics=review.topics,
        rights={right: bool(own.get(right)) for right in (RIGHTS if review.topics == "none" else _NAMED)},
        rules=rules,
        administrators=[
            _someone(one, review)
            for one in sorted(administrators, key=lambda one: one["status"] != "creator")
            if not one["user"].get("is_bot")
        ],
        listed=[_someone(await _member(transport, group, one), review) for one in listed],
        seen=[
            Seen(
                one.user_id,
                clean_line(one.name),
                str((await _member(transport, group, one.user_id))["status"]),
                one.seen_at.astimezone(UTC).isoformat(timespec="minutes"),
            )
            for one in met
        ],
    )


async def _member(transport: Transport, group: int, user_id: int) -> dict[str, Any]:
    """How somebody stands there; whom Telegram does not know to the bot was never in it."""
    try:
        found: dict[str, Any] = await transport.call("getChatMember", {"chat_id": group, "user_id": user_id})
    except BadRequest:
        return {"status": "left", "user": {"id": user_id}}
    if found["status"] == "restricted" and not found.get("is_member"):
        found["status"] = "left"
    return found


def _someone(member: Mapping[str, Any], review: Review) -> Someone:
    user, status = member["user"], str(member["status"])
    name = " ".join(filter(None, (user.get("first_name"), user.get("last_name"))))
    actions: tuple[Action | None, ...] = (None, *ACTIONS)
    return Someone(
        id=user["id"],
        name=clean_line(name),
        username=str(user.get("username", "")),
        status=status,
        is_anonymous=bool(member.get("is_anonymous")),
        may=tuple(one or REVIEW for one in actions if holds(review.role(one), user["id"], status)),
    )


# in words


def _in_words(roll: Roll) -> Iterator[str]:
    topics = ", with topics" if roll.is_forum else ""
    yield f"group: {roll.title} ({roll.group}), {roll.members} members{topics}"
    yield ""
    yield "who may:"
    usual = roll.rules[REVIEW]
    shown = [deed for deed in DEEDS if deed == REVIEW or roll.rules[deed] != usual]
    for deed in shown:
        name = "everything" if len(shown) == 1 else DEEDS[deed]
        yield f"  {name}: {_role(roll.rules[deed])}"
    yield ""
    yield "administrators:"
    yield from (f"  {_who(one)}: {_standing(one, roll)}" for one in roll.administrators)
    if roll.listed:
        yield ""
        yield "listed accounts:"
        yield from (f"  {_who(one)}: {_standing(one, roll)}" for one in roll.listed)
    if roll.seen:
        yield ""
        yield "seen as reviewers, the last one first:"
        for seen in roll.seen:
            at = seen.seen_at.replace("T", " ").removesuffix("+00:00")
            yield f"  {seen.name} ({seen.id}): {seen.status}, {at} UTC"
    yield ""
    held = [_NAMED[right] for right, is_held in roll.rights.items() if is_held]
    yield f"the bot: @{roll.bot}, {roll.bot_status}; may {', '.join(held) or 'do nothing beside writing'}"


def _role(role: Role) -> str:
    return f"accounts {', '.join(map(str, role))}" if isinstance(role, tuple) else _ROLES[role]


def _who(one: Someone) -> str:
    known = filter(None, (f"@{one.username}" if one.username else "", str(one.id)))
    return f"{one.name} ({', '.join(known)})" if one.name else str(one.id)


def _standing(one: Someone, roll: Roll) -> str:
    """How he stands, and what of the rules he may do."""
    if one.status in {"left", "kicked"}:
        return "not in the group; may do nothing"
    hidden = ", anonymous" if one.is_anonymous else ""
    lacks = [deed for deed in roll.rules if deed not in one.may]
    if not lacks:
        return f"{one.status}{hidden}; may do everything"
    if REVIEW in lacks:
        may = [DEEDS[deed] for deed in one.may]
        return (
            f"{one.status}{hidden}; may only: {', '.join(may)}"
            if may
            else f"{one.status}{hidden}; may do nothing"
        )
    return f"{one.status}{hidden}; may not: {', '.join(DEEDS[deed] for deed in lacks)}"
