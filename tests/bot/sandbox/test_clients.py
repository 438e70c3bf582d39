"""python-telegram-bot's own client against the local Telegram: every method, and no field it does not know."""

import datetime
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import telegram as ptb
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter
from telegram.request import BaseRequest

from bot.sandbox import deeds
from bot.sandbox.api import METHOD_NAMES
from bot.sandbox.errors import too_many_requests
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Member
from bot.sandbox.topics import make_forum
from bot.transport import Transport
from tests.cast import Cast, Group, Person, sample_jpeg

MARKUP = ptb.InlineKeyboardMarkup(
    [
        [
            ptb.InlineKeyboardButton("Yes", callback_data="y", style="success"),
            ptb.InlineKeyboardButton("Site", url="https://example.org/a?b=c"),
        ],
        [ptb.InlineKeyboardButton("Copy", copy_text=ptb.CopyTextButton("UX-1"))],
    ]
)
NO_PREVIEW = ptb.LinkPreviewOptions(is_disabled=True)


class Checked:
    """A Bot whose every answer is looked through, and which remembers what was called."""

    def __init__(self, bot: ptb.Bot) -> None:
        self._bot = bot
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._bot, name)
        if not inspect.iscoroutinefunction(method):
            return method

        async def call(*values: Any, **named: Any) -> Any:
            result = await method(*values, **named)
            assert list(leftovers(result)) == []
            self.called.add(name.replace("_", "").lower())
            return result

        return call


def leftovers(value: Any, path: str = "") -> Iterator[str]:
    """Every field of an answer that the library has no place for."""
    if isinstance(value, ptb.TelegramObject):
        path = f"{path}{type(value).__name__}"
        yield from (f"{path}.{name}" for name in value.api_kwargs)
        for kind in type(value).__mro__:
            for name in getattr(kind, "__slots__", ()):
                if name not in ("api_kwargs", "_bot", "_id_attrs"):
                    yield from leftovers(getattr(value, name, None), f"{path}.{name}: ")
    elif isinstance(value, list | tuple):
        for each in value:
            yield from leftovers(each, path)
    elif isinstance(value, dict):
        for each in value.values():
            yield from leftovers(each, path)


@pytest.fixture(params=["httpx", "transport"])
async def bot(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Checked]:
    def own() -> BaseRequest | None:
        return Transport(sandbox.token, sandbox.url) if request.param == "transport" else None

    made = ptb.Bot(
        sandbox.token,
        base_url=f"{sandbox.url}/bot",
        base_file_url=f"{sandbox.url}/file/bot",
        request=own(),
        get_updates_request=own(),
    )
    await made.initialize()
    try:
        yield Checked(made)
    finally:
        await made.shutdown()


@pytest.fixture
def mei(cast: Cast) -> Person:
    mei = cast.applicant("Mei", last_name="Lin", username="mei_lin")
    mei.start()
    return mei


@pytest.fixture
def group(cast: Cast) -> Group:
    return cast.group()


async def test_every_method_parses_without_leftovers(
    bot: Checked, cast: Cast, mei: Person, group: Group
) -> None:
    await _about_the_bot(bot)
    await _texts(bot, mei)
    await _files(bot, mei)
    await _presses(bot, mei)
    await _topics(bot, cast)
    await _groups(bot, cast, mei, group)
    await _receiving(bot)
    assert {name.lower() for name in METHOD_NAMES} - bot.called == set()


async def _topics(bot: Checked, cast: Cast) -> None:
    forum = cast.group("Forum")
    make_forum(cast.telegram, forum.chat)
    forum.chat.members[cast.telegram.bot.id] = Member("administrator", rights={"can_manage_topics": True})
    topic = (await bot.create_forum_topic(forum.id, "Waiting")).message_thread_id
    said = await bot.send_message(forum.id, "In it", message_thread_id=topic)
    assert said.is_topic_message and said.message_thread_id == topic and said.chat.is_forum
    assert await bot.edit_forum_topic(forum.id, topic, name="Open")
    assert await bot.close_forum_topic(forum.id, topic)
    assert await bot.reopen_forum_topic(forum.id, topic)
    assert await bot.delete_forum_topic(forum.id, topic)


async def _about_the_bot(bot: Checked) -> None:
    me = await bot.get_me()
    assert (me.username, me.is_bot) == ("intake_local_bot", True)
    commands = [ptb.BotCommand("start", "Begin"), ptb.BotCommand("help", "Help")]
    scope = ptb.BotCommandScopeAllPrivateChats()
    assert await bot.set_my_commands(commands, scope=scope, language_code="zh")
    assert await bot.get_my_commands(scope=scope, language_code="zh") == tuple(commands)
    assert await bot.delete_my_commands(scope=scope, language_code="zh")
    for field in ("name", "description", "short_description"):
        assert await getattr(bot, f"set_my_{field}")("Intake now", language_code="zh")
        found = await getattr(bot, f"get_my_{field}")(language_code="zh")
        assert getattr(found, field) == "Intake now"
    assert await bot.set_chat_menu_button(menu_button=ptb.MenuButtonCommands())
    assert isinstance(await bot.get_chat_menu_button(), ptb.MenuButtonCommands)


async def _texts(bot: Checked, mei: Person) -> None:
    html = f'<b>bold</b> <a href="https://example.org">link</a> <a href="tg://user?id={mei.id}">you</a>'
    sent = await bot.send_message(mei.id, html, parse_mode="HTML", reply_markup=MARKUP, protect_content=True)
    assert sent.text_html_urled == (
        f'<b>bold</b> <a href="https://example.org/">link</a> <a href="tg://user?id={mei.id}">you</a>'
    )
    assert sent.reply_markup is not None and sent.reply_markup.inline_keyboard[0][0].style == "success"
    reply = await bot.send_message(
        mei.id, "why", reply_to_message_id=sent.message_id, link_preview_options=NO_PREVIEW
    )
    assert reply.reply_to_message is not None
    edited = await bot.edit_message_text("Other <i>words</i>", mei.id, reply.message_id, parse_mode="HTML")
    assert edited.edit_date is not None and edited.text == "Other words"
    await bot.edit_message_reply_markup(mei.id, reply.message_id, reply_markup=MARKUP)
    asked = await bot.send_message(mei.id, "Well?", reply_markup=ptb.ForceReply(selective=True))
    keyboard = ptb.ReplyKeyboardMarkup([["A", "B"]], resize_keyboard=True)
    await bot.send_message(mei.id, "Choose", reply_markup=keyboard)
    await bot.send_message(mei.id, "Thanks", reply_markup=ptb.ReplyKeyboardRemove())
    forwarded = await bot.forward_message(mei.id, mei.id, asked.message_id)
    assert isinstance(forwarded.forward_origin, ptb.MessageOriginUser)
    copied = await bot.copy_message(mei.id, mei.id, asked.message_id)
    assert await bot.send_chat_action(mei.id, "typing")
    assert await bot.delete_message(mei.id, copied.message_id)
    assert await bot.delete_messages(mei.id, [asked.message_id, forwarded.message_id])


async def _files(bot: Checked, mei: Person) -> None:
    photo = await bot.send_photo(mei.id, sample_jpeg(), caption="<b>Card</b>", parse_mode="HTML")
    assert photo.caption_html == "<b>Card</b>"
    again = await bot.send_photo(mei.id, photo.photo[-1].file_id, has_spoiler=True, reply_markup=MARKUP)
    assert again.has_media_spoiler
    await bot.edit_message_caption(mei.id, photo.message_id, caption="Other", show_caption_above_media=True)
    changed = ptb.InputMediaPhoto(sample_jpeg(side="back"), caption="Erased")
    assert (await bot.edit_message_media(changed, mei.id, photo.message_id)).caption == "Erased"
    document = await bot.send_document(mei.id, b'{"a":1}', filename="我的 data.json", caption="Yours")
    assert document.document is not None and document.document.file_name == "我的 data.json"
    file = await bot.get_file(document.document.file_id)
    assert bytes(await file.download_as_bytearray()) == b'{"a":1}'
    pictures = [
        ptb.InputMediaPhoto(sample_jpeg()),
        ptb.InputMediaPhoto(photo.photo[0].file_id, caption="Two"),
    ]
    album = await bot.send_media_group(mei.id, pictures)
    assert len({message.media_group_id for message in album}) == 1


async def _presses(bot: Checked, mei: Person) -> None:
    await bot.send_message(mei.id, "Press", reply_markup=MARKUP)
    press = await mei.tap("Yes")
    assert await bot.answer_callback_query(press.id, "Thanks", show_alert=True)  # type: ignore[union-attr]
    assert (await mei.answer_to(press)).text == "Thanks"  # type: ignore[arg-type]


async def _groups(bot: Checked, cast: Cast, mei: Person, group: Group) -> None:
    ana = cast.reviewer("Ana", group, status="creator")
    ben = cast.reviewer("Ben", group)
    shut = cast.reviewer("Cleo", group, status="restricted")
    for person in (ana, ben, shut, mei):
        await bot.get_chat_member(group.id, person.id)
    await bot.get_chat_member(group.id, cast.telegram.bot.id)
    assert len(await bot.get_chat_administrators(group.id)) == 2
    assert await bot.get_chat_member_count(group.id) == 4
    assert (await bot.get_chat(group.id)).title == "Reviewers"
    assert (await bot.get_chat(mei.id)).active_usernames == ("mei_lin",)
    card = await bot.send_message(group.id, "Card")
    assert await bot.pin_chat_message(group.id, card.message_id)
    assert await bot.unpin_chat_message(group.id, card.message_id)
    assert await bot.unpin_all_chat_messages(group.id)
    other = cast.group("Other")
    assert await bot.leave_chat(other.id)


async def _receiving(bot: Checked) -> None:
    await bot.get_updates(timeout=0)
    assert await bot.set_webhook("http://127.0.0.1:1/", secret_token="abc", allowed_updates=["message"])
    info = await bot.get_webhook_info()
    assert (info.url, info.allowed_updates) == ("http://127.0.0.1:1/", ("message",))
    assert await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.log_out()
    assert await bot.close()


async def test_every_kind_of_update_parses_without_leftovers(
    bot: Checked, cast: Cast, mei: Person, group: Group
) -> None:
    await bot.get_updates(allowed_updates=ptb.Update.ALL_TYPES)
    sent = await bot.send_message(mei.id, "Press", reply_markup=MARKUP)
    message = mei.say("/help me@example.org https://example.org", reply_to=mei.chat.by_id[sent.message_id])
    mei.edit(message, "changed")
    mei.send_photo(caption="Card")
    mei.send_file(b"x", "a.txt", "text/plain")
    mei.send_album([sample_jpeg(), sample_jpeg()])
    for send in (mei.send_sticker, mei.send_voice, mei.send_location, mei.send_contact):
        send()
    mei.forward(message)
    await mei.tap("Yes")
    mei.block()
    mei.unblock()
    ana = cast.reviewer("Ana", group, status="administrator")
    group.chat.members[ana.id] = Member("administrator", is_anonymous=True)
    ana.say("anonymously")
    ana.leave(group)
    ana.join(group)
    basic = cast.group("Basic", "group")
    cast.reviewer("Ben", basic, status="creator")
    basic.migrate()
    deeds.set_status(cast.telegram, group.chat, cast.telegram.bot, Member("kicked"))
    updates = await bot.get_updates(offset=-100)  # the same offset again would be answered with one alone
    kinds = [kind for kind in ptb.Update.ALL_TYPES if any(getattr(update, kind) for update in updates)]
    assert kinds == ["message", "edited_message", "callback_query", "my_chat_member", "chat_member"]
    assert len(updates) == 1 + 1 + 1 + 1 + 1 + 2 + 4 + 1 + 1 + 2 + 1 + 2 + 2 + 2 + 1
    query = next(update.callback_query for update in updates if update.callback_query)
    assert isinstance(query.message, ptb.Message) and query.data == "y"
    assert query.message.date.tzinfo is datetime.UTC


async def test_errors_are_those_of_the_real_telegram(
    bot: Checked, sandbox: Sandbox, cast: Cast, mei: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "true")  # without it the library warns of what it will do some day
    with pytest.raises(BadRequest, match="Message text is empty"):
        await bot.send_message(mei.id, "")
    mei.block()
    with pytest.raises(Forbidden, match="Forbidden: bot was blocked by the user"):
        await bot.send_message(mei.id, "x")
    old = cast.group("Old", "group")
    new = old.migrate()
    with pytest.raises(ChatMigrated) as moved:
        await bot.send_message(old.id, "x")
    assert moved.value.new_chat_id == new.id

    def flood(*_: Any, **__: Any) -> None:
        raise too_many_requests(3)

    sandbox.telegram.pacing.spend = flood  # type: ignore[method-assign]
    with pytest.raises(RetryAfter) as held:
        await bot.send_message(new.id, "x")
    assert held.value.retry_after == datetime.timedelta(seconds=3)
    await bot.set_webhook("http://127.0.0.1:1/")
    with pytest.raises(Conflict):
        await bot.get_updates()


async def test_wrong_token_is_an_invalid_token(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidToken):
        async with ptb.Bot("123456:AAAAAAAAAA", base_url=f"{sandbox.url}/bot"):
            pytest.fail("a wrong token was taken")
