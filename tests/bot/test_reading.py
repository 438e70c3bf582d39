"""Each kind of raw update, read; and what is no update, raised."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.reading import (
    COMMANDS,
    BotMoved,
    FromApplicant,
    FromReviewer,
    GroupMoved,
    GroupSaid,
    MemberChanged,
    Nothing,
    Reachable,
    WrongType,
    command_event,
    read,
)
from bot.sandbox.state import ANONYMOUS_ADMIN
from conversations.events import (
    Event,
    HelpAsked,
    MessageEdited,
    PhotoArrived,
    Replied,
    SomethingElse,
    Started,
    UnknownCommand,
)

BOT = "intake_bot"
MEI = {"id": 7, "is_bot": False, "first_name": "Mei", "last_name": "Okafor", "language_code": "zh-hans"}
HERSELF = {"id": 7, "type": "private", "first_name": "Mei"}
GROUP = {"id": -100, "type": "supergroup", "title": "Reviewers"}
FILE = {"file_id": "f", "file_unique_id": "u"}
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def message(chat: dict[str, Any] = HERSELF, **content: Any) -> dict[str, Any]:
    return {"message_id": 5, "date": int(AT.timestamp()), "chat": chat, "from": MEI, **content}


def read_message(**content: Any) -> Any:
    return read({"update_id": 1, "message": message(**content)}, BOT)


def event_of(**content: Any) -> Event | None:
    found = read_message(**content)
    assert isinstance(found, FromApplicant)
    return found.event


# private


def test_words_in_a_private_chat_are_a_reply() -> None:
    assert read_message(text="Mei Okafor") == FromApplicant(
        1, 7, "Mei Okafor", "zh-hans", Replied("Mei Okafor"), 5, AT, can_be_early=True
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_its_event(command: str) -> None:
    for text in (f"/{command}", f"/{command.upper()}", f"/{command}@{BOT}", f"/{command}@INTAKE_BOT"):
        assert event_of(text=text) == COMMANDS[command]()


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("/start payload_1-2", Started("payload_1-2")),
        ("/start  ", Started("")),
        ("/help me", HelpAsked()),
        ("/nothing", UnknownCommand()),
        ("/help@another_bot", UnknownCommand()),
        ("/", Replied("/")),
        ("/ help", Replied("/ help")),
        ("/etc/passwd", Replied("/etc/passwd")),
        ("/помощь", Replied("/помощь")),
        ("help /help", Replied("help /help")),
        ("", Replied("")),
    ],
)
def test_commands_are_told_from_words(text: str, event: Event) -> None:
    assert (command_event(text, BOT) or Replied(text)) == event


def test_a_command_is_never_early() -> None:
    assert read_message(text="/help").can_be_early is False


def test_the_largest_size_of_a_photo_is_taken() -> None:
    sizes = [
        {**FILE, "file_id": name, "width": 9, "height": 9, "file_size": n} for n, name in ((1, "s"), (2, "b"))
    ]
    found = read_message(photo=sizes, media_group_id="album")
    assert found.event == PhotoArrived("b", 2, 5, "album")
    assert found.can_be_early is True


def test_a_file_may_be_a_photo() -> None:
    assert event_of(document={**FILE, "mime_type": "image/heic"}) == PhotoArrived("f", 0, 5)


MEDIA = {**FILE, "duration": 1, "width": 1, "height": 1, "length": 1}
OTHERS: dict[str, dict[str, Any]] = {
    "sticker": {"sticker": {**MEDIA, "type": "regular", "is_animated": False, "is_video": False}},
    "voice": {"voice": MEDIA},
    "video_note": {"video_note": MEDIA},
    "video": {"video": MEDIA},
    "audio": {"audio": MEDIA},
    "animation": {"animation": MEDIA, "document": FILE},
    "contact": {"contact": {"phone_number": "1", "first_name": "x"}},
    "location": {"location": {"latitude": 1.0, "longitude": 2.0}},
    "dice": {"dice": {"emoji": "🎲", "value": 3}},
    "other": {"new_chat_title": "x"},
    "forward": {"text": "x", "forward_origin": {"type": "hidden_user", "sender_user_name": "x", "date": 1}},
}


@pytest.mark.parametrize("what", OTHERS)
def test_anything_else_is_named(what: str) -> None:
    assert event_of(**OTHERS[what]) == SomethingElse(what)


def test_what_another_bot_wrote_through_him_is_no_answer() -> None:
    via = {"id": 9, "is_bot": True, "first_name": "b", "username": "b"}
    assert event_of(text="x", via_bot=via) == SomethingElse("forward")


def test_an_edit_is_an_edit() -> None:
    found = read({"update_id": 1, "edited_message": message(text="x", edit_date=9)}, BOT)
    assert found == FromApplicant(1, 7, "Mei Okafor", "zh-hans", MessageEdited(), message_id=5)


def test_a_reply_says_to_which_message_with_which_button_it_replies() -> None:
    """Also one that is edited; but a command is a command wherever it stands."""
    keyboard = {"inline_keyboard": [[{"text": "☐", "callback_data": "why:+x:UX-1:1.0:mac"}]]}
    form = {"message_id": 4, "date": 1, "chat": {"id": 7, "type": "private"}, "text": "a form"}
    said = message(text="two words", reply_to_message={**form, "reply_markup": keyboard})
    for kind in ("message", "edited_message"):
        found = read({"update_id": 1, kind: said}, BOT)
        assert isinstance(found, FromApplicant)
        assert (found.reply_to, found.reply_data, found.words) == (4, "why:+x:UX-1:1.0:mac", "two words")
    for other in (message(text="x", reply_to_message=form), {**said, "text": "/help"}):
        found = read({"update_id": 1, "message": other}, BOT)
        assert isinstance(found, FromApplicant)
        assert (found.reply_to, found.reply_data, found.words) == (0, "", "")


def test_another_bot_says_nothing_to_us() -> None:
    bot = {"id": 9, "is_bot": True, "first_name": "b"}
    assert read({"update_id": 1, "message": {**message(text="x"), "from": bot}}, BOT) == Nothing(1)
    assert read({"update_id": 1, "edited_message": {**message(text="x"), "from": bot}}, BOT) == Nothing(1)


def test_a_name_is_one_line_of_at_most_64_characters() -> None:
    long = {**MEI, "first_name": "a\nb  c", "last_name": "x" * 100}
    found = read({"update_id": 1, "message": {**message(text="x"), "from": long}}, BOT)
    assert isinstance(found, FromApplicant)
    assert found.name == ("a b c " + "x" * 100)[:64]


# presses


def press(chat: dict[str, Any] | None, **changes: Any) -> Any:
    query = {"id": "q", "from": MEI, "chat_instance": "c", "data": "d", **changes}
    if chat is not None:
        query["message"] = message(chat, text="x")
    return read({"update_id": 1, "callback_query": query}, BOT)


def test_a_press_in_a_private_chat_is_an_applicants() -> None:
    assert press(HERSELF) == FromApplicant(
        1, 7, "Mei Okafor", "zh-hans", None, message_id=5, callback_id="q", data="d"
    )


def test_a_press_in_a_group_is_a_reviewers() -> None:
    assert press(GROUP) == FromReviewer(1, 7, "Mei Okafor", -100, 5, "q", "d")


def test_a_press_on_a_message_too_old_to_be_shown_is_still_read() -> None:
    old = {"id": "q", "from": MEI, "chat_instance": "c", "data": "d"}
    old["message"] = {"chat": GROUP, "message_id": 5, "date": 0}
    assert read({"update_id": 1, "callback_query": old}, BOT) == FromReviewer(
        1, 7, "Mei Okafor", -100, 5, "q", "d"
    )


def test_a_press_without_message_or_data_is_of_no_concern() -> None:
    assert press(None, inline_message_id="i") == Nothing(1)
    game = {"id": "q", "from": MEI, "chat_instance": "c", "game_short_name": "g"}
    assert read({"update_id": 1, "callback_query": {**game, "message": message(text="x")}}, BOT) == Nothing(1)


# the group


@pytest.mark.parametrize(
    ("text", "command", "argument"),
    [
        ("/help", "help", ""),
        (f"/help@{BOT}", "help", ""),
        ("/queue mine", "queue", "mine"),
        (f"/find@{BOT}  ux-7k3m9qdf ", "find", "ux-7k3m9qdf"),
        ("/stats \ud83d", "stats", "?"),
    ],
)
def test_a_command_in_a_group_is_read_with_who_gave_it(text: str, command: str, argument: str) -> None:
    said = GroupSaid(1, -100, 5, command, argument, 7, name="Mei Okafor")
    assert read_message(chat=GROUP, text=text) == said


@pytest.mark.parametrize("text", ["hello", "/help@other_bot", "/"])
def test_words_in_a_group_are_not_read(text: str) -> None:
    assert read_message(chat=GROUP, text=text) == GroupSaid(1, -100, 5, "")


def test_a_command_that_was_forwarded_or_that_a_bot_gave_is_none() -> None:
    origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Mei"}
    assert read_message(chat=GROUP, text="/queue", forward_origin=origin) == GroupSaid(1, -100, 5, "")
    bot = {"id": 8, "is_bot": True, "first_name": "Another"}
    assert read_message(chat=GROUP, text="/queue", **{"from": bot}) == GroupSaid(1, -100, 5, "")


@pytest.mark.parametrize(("sender", "as_group"), [(-100, True), (-777, False)])
def test_who_posts_in_a_chats_name_has_none_of_his_own(sender: int, as_group: bool) -> None:
    chat = {"id": sender, "type": "channel" if sender == -777 else "supergroup", "title": "x"}
    found = read_message(chat=GROUP, text="/queue mine", sender_chat=chat, **{"from": ANONYMOUS_ADMIN})
    assert found == GroupSaid(1, -100, 5, "queue", "mine", 0, as_group)


def test_a_group_that_moved_is_told_from_either_side() -> None:
    small = {"id": -5, "type": "group", "title": "x"}
    assert read_message(chat=small, migrate_to_chat_id=-100) == GroupMoved(1, -5, -100)
    assert read_message(chat=GROUP, migrate_from_chat_id=-5) == GroupMoved(1, -5, -100)


def standing(kind: str, chat: dict[str, Any], status: str, **more: Any) -> Any:
    member = {"user": MEI, "status": status, **more}
    changed = {"chat": chat, "from": MEI, "date": 1, "old_chat_member": {"user": MEI, "status": "left"}}
    return read({"update_id": 1, kind: {**changed, "new_chat_member": member}}, BOT)


RIGHTS = dict.fromkeys(
    [
        "can_send_messages",
        "can_send_audios",
        "can_send_documents",
        "can_send_photos",
        "can_send_videos",
        "can_send_video_notes",
        "can_send_voice_notes",
        "can_send_polls",
        "can_send_other_messages",
        "can_add_web_page_previews",
        "can_change_info",
        "can_invite_users",
        "can_pin_messages",
        "can_manage_topics",
        "can_edit_tag",
        "can_react_to_messages",
    ],
    False,
)


def test_a_members_standing_is_told() -> None:
    assert standing("chat_member", GROUP, "member") == MemberChanged(1, -100, 7, "member")
    assert standing("chat_member", GROUP, "left") == MemberChanged(1, -100, 7, "left")
    for is_member, status in ((True, "restricted"), (False, "left")):
        found = standing("chat_member", GROUP, "restricted", is_member=is_member, until_date=0, **RIGHTS)
        assert found == MemberChanged(1, -100, 7, status)


def test_a_person_who_blocks_the_bot_is_out_of_reach_until_he_comes_back() -> None:
    assert standing("my_chat_member", HERSELF, "kicked", until_date=0) == Reachable(1, 7, False)
    assert standing("my_chat_member", HERSELF, "member") == Reachable(1, 7, True)


def test_the_bots_own_standing_in_a_group_is_told() -> None:
    assert standing("my_chat_member", GROUP, "left") == BotMoved(1, -100, "left")
    assert standing("my_chat_member", GROUP, "member") == BotMoved(1, -100, "member")


def test_kinds_that_nobody_asked_for_are_of_no_concern() -> None:
    assert read({"update_id": 1, "channel_post": message(text="x")}, BOT) == Nothing(1)
    assert read({"update_id": 1, "something_new": {"x": 1}}, BOT) == Nothing(1)


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"update_id": 1, "message": {}},
        {"update_id": 1, "message": {"message_id": 1}},
        {"update_id": 1, "message": "words"},
        {"update_id": 1, "callback_query": {"id": "q"}},
        {"update_id": 1, "message": message(chat={"id": 7})},
        {"update_id": 1, "message": message(date="yesterday")},
        {"update_id": 1, "chat_member": {"chat": GROUP}},
    ],
)
def test_what_is_no_update_raises_for_the_caller_to_park(raw: dict[str, Any]) -> None:
    json.dumps(raw)
    with pytest.raises((TypeError, KeyError, ValueError, AttributeError)):
        read(raw, BOT)


@pytest.mark.parametrize(
    ("place", "value"),
    [("id", "7"), ("id", 2**63), ("id", [7]), ("id", True), ("language_code", 7)],
)
def test_a_field_of_another_type_than_declared_comes_no_further(place: str, value: object) -> None:
    sender = {"id": 7, "is_bot": False, "first_name": "Mei", "language_code": "en", place: value}
    message = {"message_id": 1, "date": 1, "chat": {"id": 7, "type": "private"}, "from": sender, "text": "x"}
    with pytest.raises(WrongType):
        read({"update_id": 1, "message": message}, "bot")


def test_a_text_that_is_none_comes_no_further() -> None:
    sender = {"id": 7, "is_bot": False, "first_name": "Mei"}
    message = {
        "message_id": 1,
        "date": 1,
        "chat": {"id": 7, "type": "private"},
        "from": sender,
        "text": ["x"],
    }
    with pytest.raises((WrongType, AttributeError)):
        read({"update_id": 1, "message": message}, "bot")


def test_half_a_character_comes_no_further() -> None:
    sender = {"id": 7, "is_bot": False, "first_name": "Mei"}
    photo = [{"file_id": "\ud800", "file_unique_id": "x", "width": 1, "height": 1}]
    here = {"message_id": 1, "date": 1, "chat": {"id": 7, "type": "private"}, "from": sender}
    for message in ({**here, "text": "a \udfff b"}, {**here, "photo": photo}):
        with pytest.raises(ValueError, match="surrogates"):
            read({"update_id": 1, "message": message}, "bot")


def test_of_a_text_longer_than_any_message_only_a_part_is_read() -> None:
    sender = {"id": 7, "is_bot": False, "first_name": "Mei"}
    here = {"message_id": 1, "date": 1, "chat": {"id": 7, "type": "private"}, "from": sender}
    found = read({"update_id": 1, "message": {**here, "text": "y" * 900_000}}, "bot")
    assert isinstance(found, FromApplicant)
    assert found.event == Replied("y" * 8192)
