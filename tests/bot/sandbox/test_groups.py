"""Groups, people and what a bot hears of them."""

from typing import Any

import pytest

from bot.sandbox import deeds
from bot.sandbox.errors import Impossible
from bot.sandbox.state import Member
from tests.bot.sandbox.conftest import Caller
from tests.cast import Cast, Group

TOPIC = {"forum_topic_closed", "forum_topic_reopened"}
ALL = ["message", "edited_message", "callback_query", "my_chat_member", "chat_member"]


async def updates(api: Caller) -> list[dict[str, Any]]:
    """All that waits, confirmed; without the ids."""
    api.sandbox.api.polling._last_offset = None  # not slowed down
    found = await api.ok("getUpdates")
    api.sandbox.telegram.queue.clear()
    return [{name: value for name, value in update.items() if name != "update_id"} for update in found]


def kinds(found: list[dict[str, Any]]) -> list[str]:
    return [next(iter(update)) for update in found]


@pytest.fixture
async def group(api: Caller, cast: Cast) -> Group:
    await api.ok("getUpdates", allowed_updates=ALL)
    return cast.group()


async def test_migration_changes_the_id_and_tells_both_ways(api: Caller, cast: Cast, group: Group) -> None:
    old = cast.group("Reviewers", "group")
    ana = cast.reviewer("Ana", old, status="creator")
    card = await api.ok("sendMessage", chat_id=old.id, text="Card")
    new = old.migrate()
    assert new.id < -1_000_000_000_000 and new.chat.kind == "supergroup"
    leaving, arriving = await updates(api)
    assert (leaving["message"]["chat"]["id"], leaving["message"]["migrate_to_chat_id"]) == (old.id, new.id)
    assert (arriving["message"]["chat"]["id"], arriving["message"]["migrate_from_chat_id"]) == (
        new.id,
        old.id,
    )
    for method, params in (
        ("sendMessage", {"text": "x"}),
        ("editMessageText", {"text": "x", "message_id": card["message_id"]}),
        ("deleteMessage", {"message_id": card["message_id"]}),
    ):
        found = await api.refused(method, chat_id=old.id, **params)
        assert found.said == (400, "Bad Request: group chat was upgraded to a supergroup chat")
        assert found.parameters == {"migrate_to_chat_id": new.id}
    edit = {"chat_id": new.id, "message_id": card["message_id"], "text": "x"}
    assert (
        await api.refused("editMessageText", **edit)
    ).description == "Bad Request: message to edit not found"
    assert (await api.ok("getChatMember", chat_id=new.id, user_id=ana.id))["status"] == "creator"
    with pytest.raises(Impossible):
        ana.say("too late", old.chat)


async def test_message_ids_of_a_supergroup_are_its_own(api: Caller, cast: Cast, group: Group) -> None:
    other = cast.group("Other")
    first = await api.ok("sendMessage", chat_id=group.id, text="x")
    second = await api.ok("sendMessage", chat_id=other.id, text="x")
    assert (first["message_id"], second["message_id"]) == (1, 1)
    mei, luca = cast.applicant("Mei"), cast.applicant("Luca")
    assert luca.start().id == mei.start().id - 1 or mei.chat.messages[0].id == luca.chat.messages[0].id + 1


async def test_blocking_and_coming_back_is_told(api: Caller, cast: Cast, group: Group) -> None:
    mei = cast.applicant()
    mei.start()
    mei.block()
    mei.unblock()
    _, blocked, back = await updates(api)
    assert blocked["my_chat_member"]["new_chat_member"]["status"] == "kicked"
    assert blocked["my_chat_member"]["old_chat_member"]["status"] == "member"
    assert back["my_chat_member"]["new_chat_member"]["status"] == "member"
    assert blocked["my_chat_member"]["chat"]["id"] == mei.id
    await api.ok("sendMessage", chat_id=mei.id, text="Welcome back")


async def test_members_who_come_and_go_are_told_to_an_administrator(
    api: Caller, cast: Cast, group: Group
) -> None:
    ana = cast.reviewer("Ana", group)
    ana.leave(group)
    ana.join(group)
    found = await updates(api)
    assert kinds(found) == ["chat_member", "message", "chat_member", "message"]
    assert found[0]["chat_member"]["new_chat_member"]["status"] == "left"
    assert found[1]["message"]["left_chat_member"]["id"] == ana.id
    assert [user["id"] for user in found[3]["message"]["new_chat_members"]] == [ana.id]


async def test_plain_member_is_told_no_chat_member(api: Caller, cast: Cast, group: Group) -> None:
    plain = cast.group("Plain", bot="member")
    cast.reviewer("Ana", plain).leave(plain)
    assert kinds(await updates(api)) == ["message"]


async def test_chat_member_is_not_in_the_default_set(api: Caller, cast: Cast) -> None:
    group = cast.group()
    cast.reviewer("Ana", group).leave(group)
    assert kinds(await updates(api)) == ["message"]


async def test_bot_hears_that_it_was_thrown_out(api: Caller, cast: Cast, group: Group) -> None:
    deeds.set_status(cast.telegram, group.chat, cast.telegram.bot, Member("kicked"))
    found = await updates(api)
    assert kinds(found) == ["my_chat_member"]
    assert found[0]["my_chat_member"]["new_chat_member"]["status"] == "kicked"


async def test_privacy_mode_lets_commands_and_replies_through(api: Caller, cast: Cast, group: Group) -> None:
    plain = cast.group("Plain", bot="member")
    ana = cast.reviewer("Ana", plain)
    own = await api.ok("sendMessage", chat_id=plain.id, text="Why?")
    ana.say("among us")
    ana.say("/help")
    ana.say("/help@another_bot")
    ana.say(f"/help@{cast.telegram.bot.username}")
    ana.say("because", reply_to=plain.chat.by_id[own["message_id"]])
    heard = [update["message"]["text"] for update in await updates(api)]
    assert heard == ["/help", f"/help@{cast.telegram.bot.username}", "because"]


async def test_administrator_hears_everything(api: Caller, cast: Cast, group: Group) -> None:
    cast.reviewer("Ana", group).say("among us")
    assert [update["message"]["text"] for update in await updates(api)] == ["among us"]


async def test_anonymous_administrator_writes_as_the_group_and_presses_as_himself(
    api: Caller, cast: Cast, group: Group
) -> None:
    ana = cast.reviewer("Ana", group, status="administrator")
    group.chat.members[ana.id] = Member("administrator", is_anonymous=True)
    markup = {"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}
    await api.ok("sendMessage", chat_id=group.id, text="?", reply_markup=markup)
    ana.say("Hello")
    await ana.tap("A")
    wrote, pressed = await updates(api)
    assert wrote["message"]["from"]["id"] == 1087968824
    assert wrote["message"]["sender_chat"]["id"] == group.id
    assert pressed["callback_query"]["from"]["id"] == ana.id


async def test_only_members_press_and_write(api: Caller, cast: Cast, group: Group) -> None:
    markup = {"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}
    sent = await api.ok("sendMessage", chat_id=group.id, text="?", reply_markup=markup)
    mei = cast.applicant()
    with pytest.raises(Impossible):
        mei.press_data(group.chat.by_id[sent["message_id"]], "a")
    with pytest.raises(Impossible):
        mei.say("Hello", group.chat)


async def test_forged_button_data_reach_the_bot(api: Caller, cast: Cast, group: Group) -> None:
    ana = cast.reviewer("Ana", group)
    sent = await api.ok("sendMessage", chat_id=group.id, text="no button at all")
    ana.press_data(group.chat.by_id[sent["message_id"]], "forged")
    (update,) = await updates(api)
    assert update["callback_query"]["data"] == "forged"
    assert update["callback_query"]["message"]["text"] == "no button at all"


async def test_edited_and_deleted_messages(api: Caller, cast: Cast, group: Group) -> None:
    mei = cast.applicant()
    message = mei.say("one")
    mei.edit(message, "two")
    mei.delete(message)
    found = await updates(api)
    assert kinds(found) == ["message", "edited_message"]
    assert found[1]["edited_message"]["edit_date"] >= found[1]["edited_message"]["date"]
    assert mei.messages() == []


async def test_administrators_are_listed_for_a_member(api: Caller, cast: Cast, group: Group) -> None:
    ana = cast.reviewer("Ana", group, status="creator")
    cast.reviewer("Ben", group)
    found = await api.ok("getChatAdministrators", chat_id=group.id)
    assert [member["user"]["id"] for member in found] == [cast.telegram.bot.id, ana.id]
    assert await api.ok("getChatMemberCount", chat_id=group.id) == 3


async def test_left_group_is_left(api: Caller, cast: Cast, group: Group) -> None:
    assert await api.ok("leaveChat", chat_id=group.id) is True
    found = await api.refused("sendMessage", chat_id=group.id, text="x")
    assert found.said == (403, "Forbidden: bot is not a member of the supergroup chat")


async def test_closed_topic_takes_new_messages_only_of_who_manages_topics(
    api: Caller, cast: Cast, group: Group
) -> None:
    card = await api.ok("sendMessage", chat_id=group.id, text="Card")
    deeds.close_topic(cast.telegram, group.chat)
    found = await api.refused("sendMessage", chat_id=group.id, text="x")
    assert found.said == (400, "Bad Request: TOPIC_CLOSED")
    await api.ok("editMessageText", chat_id=group.id, message_id=card["message_id"], text="Card, decided")
    group.chat.members[cast.telegram.bot.id] = Member("administrator", rights={"can_manage_topics": True})
    await api.ok("sendMessage", chat_id=group.id, text="x")
    group.chat.members[cast.telegram.bot.id] = Member("administrator")
    deeds.close_topic(cast.telegram, group.chat, closed=False)
    await api.ok("sendMessage", chat_id=group.id, text="x")
    assert [next(iter(set(one["message"]) & TOPIC)) for one in await updates(api)] == [
        "forum_topic_closed",
        "forum_topic_reopened",
    ]


async def test_deleted_group_is_told_by_refusals_alone(api: Caller, cast: Cast, group: Group) -> None:
    basic = cast.group("Basic", "group")
    for one, said in (
        (group, (400, "Bad Request: chat not found")),
        (basic, (403, "Forbidden: the group chat was deleted")),
    ):
        ana = cast.reviewer("Ana", one, status="creator")
        deeds.delete_group(cast.telegram, one.chat)
        assert (await api.refused("sendMessage", chat_id=one.id, text="x")).said == said
        assert (await api.refused("getChatMember", chat_id=one.id, user_id=ana.id)).said == said
        with pytest.raises(Impossible):
            ana.say("too late", one.chat)
        with pytest.raises(Impossible):
            deeds.set_status(cast.telegram, one.chat, cast.telegram.bot, Member())
    assert await updates(api) == []


async def test_bot_that_was_thrown_out_writes_again_once_it_is_added(
    api: Caller, cast: Cast, group: Group
) -> None:
    for status in ("kicked", "restricted", "administrator"):
        deeds.set_status(cast.telegram, group.chat, cast.telegram.bot, Member(status))
        if status != "administrator":
            assert (await api.refused("sendMessage", chat_id=group.id, text="x")).status in (400, 403)
    await api.ok("sendMessage", chat_id=group.id, text="x")
    standing = [one["my_chat_member"] for one in await updates(api) if "my_chat_member" in one]
    assert [one["new_chat_member"]["status"] for one in standing] == ["kicked", "restricted", "administrator"]


async def test_commands_are_kept_per_scope_and_language(api: Caller, cast: Cast, group: Group) -> None:
    english = [{"command": "help", "description": "Help"}]
    chinese = [{"command": "help", "description": "帮助"}]
    scope = {"type": "chat", "chat_id": group.id}
    await api.ok("setMyCommands", commands=english)
    await api.ok("setMyCommands", commands=chinese, language_code="zh")
    await api.ok("setMyCommands", commands=[], scope=scope)
    assert await api.ok("getMyCommands") == english
    assert await api.ok("getMyCommands", language_code="zh") == chinese
    assert await api.ok("getMyCommands", scope=scope) == []
    await api.ok("deleteMyCommands", language_code="zh")
    assert await api.ok("getMyCommands", language_code="zh") == []
    assert (await api.refused("setMyCommands", commands=[{"command": "No!", "description": "x"}])).said == (
        400,
        "Bad Request: BOT_COMMAND_INVALID",
    )
