"""Topics of the local Telegram answer as the real ones do."""

from typing import Any

import pytest
from telegram.error import BadRequest

from bot.sandbox import topics
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Member
from bot.transport import Transport
from tests.cast import Cast, Group


async def call(sandbox: Sandbox, method: str, **params: Any) -> Any:
    transport = Transport(sandbox.token, sandbox.url)
    await transport.initialize()
    try:
        return await transport.call(method, params)
    except BadRequest as error:
        return str(error)
    finally:
        await transport.shutdown()


def allow(cast: Cast, group: Group, **rights: bool) -> None:
    group.chat.members[cast.telegram.bot.id] = Member("administrator", rights=rights)


async def test_a_topic_is_made_written_to_closed_opened_and_deleted(sandbox: Sandbox, cast: Cast) -> None:
    group = cast.group()
    topics.make_forum(cast.telegram, group.chat)
    allow(cast, group, can_manage_topics=True)
    assert (await call(sandbox, "getChat", chat_id=group.id))["is_forum"] is True
    made = await call(sandbox, "createForumTopic", chat_id=group.id, name="Waiting")
    number = made["message_thread_id"]
    place = {"chat_id": group.id, "message_thread_id": number}
    sent = await call(sandbox, "sendMessage", **place, text="One")
    assert (sent["message_thread_id"], sent["is_topic_message"]) == (number, True)
    assert "is_topic_message" not in await call(sandbox, "sendMessage", chat_id=group.id, text="In General")
    assert await call(sandbox, "editForumTopic", **place, name="Open") is True
    assert await call(sandbox, "editForumTopic", **place, name="Open") == "TOPIC_NOT_MODIFIED"
    assert await call(sandbox, "closeForumTopic", **place) is True
    assert await call(sandbox, "closeForumTopic", **place) == "TOPIC_NOT_MODIFIED"
    allow(cast, group)
    assert await call(sandbox, "sendMessage", **place, text="Two") == "TOPIC_CLOSED"
    assert await call(sandbox, "reopenForumTopic", **place) is True  # its creator may
    assert await call(sandbox, "deleteForumTopic", **place) is True
    assert await call(sandbox, "sendMessage", **place, text="Three") == "message thread not found"
    assert await call(sandbox, "reopenForumTopic", **place) == "TOPIC_ID_INVALID"
    assert [one.text for one in group.messages] == ["In General"]


@pytest.mark.parametrize("kind", ["group", "supergroup"])
async def test_without_topics_none_is_made_and_none_is_found(kind: Any, sandbox: Sandbox, cast: Cast) -> None:
    group = cast.group(kind=kind)
    allow(cast, group, can_manage_topics=True)
    assert await call(sandbox, "createForumTopic", chat_id=group.id, name="A") == "the chat is not a forum"
    said = await call(sandbox, "sendMessage", chat_id=group.id, message_thread_id=5, text="A")
    assert said == "message thread not found"


async def test_the_right_to_make_topics_is_one_of_its_own(sandbox: Sandbox, cast: Cast) -> None:
    group = cast.group()
    topics.make_forum(cast.telegram, group.chat)
    said = await call(sandbox, "createForumTopic", chat_id=group.id, name="A")
    assert said == "not enough rights to create a topic"
