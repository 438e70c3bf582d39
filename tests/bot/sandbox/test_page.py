"""What the page is given, what it may do, and who else may not."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.sandbox.acts import ACTIONS
from bot.sandbox.server import Sandbox
from tests.bot.sandbox.conftest import Caller
from tests.cast import Cast, sample_jpeg


class Window:
    """A page: acts, and hears what happens."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.session = session
        self.socket: aiohttp.ClientWebSocketResponse

    async def act(self, action: str, *files: bytes, **details: Any) -> Any:
        """The result of an action that must be done."""
        answer = await self.try_to(action, *files, **details)
        assert answer["ok"] is True, answer
        return answer["result"]

    async def refused(self, action: str, **details: Any) -> str:
        """The sentence an action is refused with."""
        answer = await self.try_to(action, **details)
        assert set(answer) == {"ok", "error"} and answer["ok"] is False, answer
        return str(answer["error"])

    async def try_to(self, action: str, *files: bytes, **details: Any) -> Any:
        body = json.dumps({"action": action, **details})
        data: Any = body
        if files:
            data = aiohttp.FormData()
            data.add_field("action", body)
            for place, file in enumerate(files):
                data.add_field("file", file, filename=f"{place}.jpg", content_type="image/jpeg")
        headers = {} if files else {"Content-Type": "application/json"}
        async with self.session.post(f"{self.sandbox.url}/act", data=data, headers=headers) as response:
            return await response.json()

    async def hears(self, kind: str) -> dict[str, Any]:
        """The next event of that kind."""
        while True:
            event: dict[str, Any] = await self.socket.receive_json(timeout=5)
            if event["type"] == kind:
                return event


@pytest.fixture
async def window(sandbox: Sandbox, session: aiohttp.ClientSession) -> AsyncIterator[Window]:
    window = Window(sandbox, session)
    async with session.ws_connect(f"{sandbox.url}/live") as window.socket:
        yield window


async def test_page_and_its_files_are_served(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    async with session.get(sandbox.url + "/") as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert "script-src" not in response.headers["Content-Security-Policy"]
        assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    for name, kind in (
        ("page.js", "text/javascript"),
        ("page.css", "text/css"),
        ("icon.svg", "image/svg+xml"),
    ):
        async with session.get(f"{sandbox.url}/page/{name}") as response:
            assert (response.status, response.content_type) == (200, kind)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.org"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Host": "example.org"},
        {"Host": "127.0.0.1.example.org"},
    ],
    ids=["foreign origin", "no origin", "other port", "rebound name", "similar name"],
)
async def test_foreign_pages_are_kept_out(
    sandbox: Sandbox, session: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    for method, path in (("GET", "/"), ("POST", "/act"), ("GET", "/live"), ("GET", "/file/x")):
        async with session.request(method, sandbox.url + path, headers=headers, json={}) as response:
            assert response.status == 403
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await session.ws_connect(f"{sandbox.url}/live", headers=headers)


async def test_own_page_is_let_in(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    port = sandbox.url.rpartition(":")[2]
    for host in (f"127.0.0.1:{port}", f"localhost:{port}"):
        headers = {"Host": host, "Origin": f"http://{host}"}
        async with session.ws_connect(f"{sandbox.url}/live", headers=headers) as socket:
            assert (await socket.receive_json(timeout=5))["type"] == "snapshot"


async def test_snapshot_holds_everything(
    sandbox: Sandbox, session: aiohttp.ClientSession, cast: Cast, api: Caller
) -> None:
    group = cast.group()
    cast.reviewer("Ana", group)
    mei = cast.applicant("Mei", "zh")
    mei.start()
    keyboard = {"keyboard": [[{"text": "A"}]], "resize_keyboard": True}
    await api.ok("sendMessage", chat_id=mei.id, text="Hello", reply_markup=keyboard)
    await api.ok("setMyCommands", commands=[{"command": "help", "description": "Help"}])
    async with session.ws_connect(f"{sandbox.url}/live") as socket:
        shot = await socket.receive_json(timeout=5)
    assert set(shot) == {"type", "bot", "people", "chats", "messages", "commands", "faults"}
    assert shot["bot"]["username"] == "intake_local_bot"
    assert [(person["first_name"], person["role"]) for person in shot["people"]] == [
        ("Ana", "reviewer"),
        ("Mei", "applicant"),
    ]
    assert {chat["type"] for chat in shot["chats"]} == {"private", "supergroup"}
    said = shot["messages"][str(mei.id)]
    assert [message["text"] for message in said] == ["/start", "Hello"]
    assert said[1]["reply_markup"] == keyboard
    assert shot["commands"][0]["scope"] == {"type": "default"}
    assert shot["faults"] == {"latency": 0.0, "rules": []}


async def test_whole_exchange_is_live(window: Window, api: Caller) -> None:
    person = await window.act("add_person", first_name="Mei", language_code="zh", role="applicant")
    assert (await window.hears("person"))["person"] == person
    assert (await window.hears("chat"))["chat"] == {"id": person["id"], "type": "private"}
    me = {"user_id": person["id"], "chat_id": person["id"]}
    sent = await window.act("send_text", text="/start", **me)
    assert (await window.hears("message"))["message"] == sent
    await api.ok("sendChatAction", chat_id=person["id"], action="typing")
    assert await window.hears("action") == {"type": "action", "chat_id": person["id"], "action": "typing"}
    markup = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}
    asked = await api.ok("sendMessage", chat_id=person["id"], text="?", reply_markup=markup)
    assert (await window.hears("message"))["message"] == asked
    call = await window.hears("call")
    assert (call["method"], call["chat_id"], call["ok"]) == ("sendMessage", person["id"], True)
    press = await window.act("press", message_id=asked["message_id"], data="y", **me)
    place = {**me, "message_id": asked["message_id"]}
    assert await window.hears("pressed") == {"type": "pressed", **place}
    await api.ok("answerCallbackQuery", callback_query_id=press["id"], text="Thanks")
    shown = {"text": "Thanks", "show_alert": False, "url": None}
    assert await window.hears("answer") == {"type": "answer", **place, **shown}
    await api.ok("editMessageText", chat_id=person["id"], message_id=asked["message_id"], text="Done")
    assert (await window.hears("message"))["message"]["text"] == "Done"
    await api.ok("deleteMessage", chat_id=person["id"], message_id=asked["message_id"])
    gone = {"chat_id": person["id"], "message_id": asked["message_id"]}
    assert await window.hears("deleted") == {"type": "deleted", **gone}
    await api.ok("setMyCommands", commands=[{"command": "help", "description": "Help"}])
    assert len((await window.hears("commands"))["commands"]) == 1


async def test_refused_call_is_shown_with_its_words(window: Window, api: Caller) -> None:
    await api.refused("sendMessage", chat_id=1, text="x")
    call = await window.hears("call")
    assert (call["ok"], call["description"]) == (False, "Bad Request: chat not found")


async def test_every_kind_of_thing_is_sent(window: Window, cast: Cast) -> None:
    mei = cast.applicant()
    me = {"user_id": mei.id, "chat_id": mei.id}
    await window.act("send_photo", sample_jpeg(), caption="One", **me)
    await window.act("send_photo", sample_jpeg(), sample_jpeg(), **me)
    await window.act("send_document", b"%PDF-", **me)
    for kind in ("sticker", "voice", "location", "contact"):
        await window.act(f"send_{kind}", **me)
    first = mei.messages()[0]
    forwarded = await window.act("forward", from_chat_id=mei.id, message_id=first.id, **me)
    assert forwarded["forward_origin"]["sender_user"]["id"] == mei.id
    kinds = ["photo"] * 3 + ["document", "sticker", "voice", "location", "contact", "photo"]
    assert [kind in message.data for kind, message in zip(kinds, mei.messages(), strict=True)] == [True] * 9
    reply = await window.act("send_text", text="because", reply_to=first.id, **me)
    assert reply["reply_to_message"]["message_id"] == first.id
    await window.act("edit_text", message_id=reply["message_id"], text="Because", **me)
    assert mei.messages()[-1].text == "Because"
    await window.act("delete_message", message_id=reply["message_id"], **me)
    assert len(mei.messages()) == 9


async def test_people_and_groups_are_changed(window: Window, cast: Cast) -> None:
    ana = await window.act("add_person", first_name="Ana", role="reviewer")
    bot = cast.telegram.bot.id
    group = await window.act("add_chat", title="Group", type="group", members=[ana["id"], bot])
    assert [(one["user_id"], one["status"]) for one in group["members"]] == [
        (ana["id"], "creator"),
        (bot, "administrator"),
    ]
    place = {"chat_id": group["id"], "user_id": ana["id"]}
    await window.act("set_status", status="administrator", is_anonymous=True, **place)
    assert cast.telegram.chat(group["id"]).member(ana["id"]).is_anonymous
    await window.act("leave", **place)
    await window.act("join", **place)
    assert cast.telegram.chat(group["id"]).member(ana["id"]).status == "member"
    new = await window.act("migrate", chat_id=group["id"])
    assert new["type"] == "supergroup"
    assert (await window.act("make_forum", chat_id=new["id"]))["topics"] == {}
    assert "topics" not in await window.act("make_forum", chat_id=new["id"])
    me = {"user_id": ana["id"], "chat_id": ana["id"]}
    await window.act("set_language", language_code="zh", **me)
    await window.act("send_text", text="/start", **me)
    await window.act("block", **me)
    assert cast.telegram.user(ana["id"]).blocked
    await window.act("unblock", **me)
    await window.act("deactivate", **me)
    user = cast.telegram.user(ana["id"])
    assert (user.blocked, user.deactivated, user.language_code) == (False, True, "zh")


async def test_faults_are_switched_on_and_off(window: Window, api: Caller) -> None:
    view = await window.act("faults", rule={"kind": "502", "method": "getMe", "probability": 1})
    assert [rule["kind"] for rule in view["rules"]] == ["502"]
    assert (await window.hears("faults"))["faults"] == view
    async with api.session.get(api.base + "getMe") as response:
        assert response.status == 502
    assert await window.act("faults", clear=True) == {"latency": 0.0, "rules": []}
    await api.ok("getMe")


async def test_impossible_acts_are_refused_in_a_sentence(window: Window, cast: Cast, api: Caller) -> None:
    mei, luca = cast.applicant("Mei"), cast.applicant("Luca")
    mine, his = {"user_id": mei.id, "chat_id": mei.id}, {"user_id": mei.id, "chat_id": luca.id}
    said = luca.say("secret")
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("dance", {}, "there is no action dance"),
        ("send_text", {"text": "x"}, "user_id must be a whole number"),
        ("send_text", {**mine, "text": " "}, "there is nothing to send"),
        ("send_text", {**mine, "text": 5}, "text must be a text"),
        ("send_text", {**mine, "text": "x" * 4097}, "one message holds at most 4096 characters"),
        ("send_text", {**his, "text": "x"}, "this is another person's chat"),
        ("send_text", {**mine, "text": "x", "reply_to": 1}, "this message is not there any more"),
        ("send_text", {"user_id": 5, "chat_id": 5, "text": "x"}, "there is no user 5"),
        ("send_photo", mine, "there is nothing to send"),
        ("press", {**his, "message_id": said.id, "data": "x"}, "there is no such button"),
        ("delete_message", {**his, "message_id": said.id}, "this is another person's chat"),
        (
            "forward",
            {**mine, "from_chat_id": luca.id, "message_id": said.id},
            "this is another person's chat",
        ),
        ("edit_text", {**his, "message_id": said.id, "text": "x"}, "this is another person's chat"),
        ("add_person", {"first_name": " "}, "a first name has 1 to 64 characters"),
        ("add_person", {"first_name": "A", "role": "king"}, "a person is an applicant or a reviewer"),
        ("add_chat", {"title": "", "type": "group"}, "a group has a title, and is a group or a supergroup"),
        ("set_status", {**mine, "status": "king"}, "a member's status is one of "),
        ("join", mine, "only a living group has members"),
        ("migrate", {"chat_id": mei.id}, "only a basic group becomes a supergroup"),
        ("make_forum", {"chat_id": mei.id}, "only a supergroup has topics"),
        ("faults", {"rule": {"kind": "fire"}}, "a fault has a kind: "),
        ("faults", {"latency": "long"}, "latency must be a number"),
    ]
    for action, details, sentence in cases:
        found = await window.refused(action, **details)
        assert found == sentence or (sentence.endswith(" ") and found.startswith(sentence)), (action, found)
    assert [message.text for message in luca.messages()] == ["secret"]


async def test_what_is_no_action_is_refused(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    for body in (b"", b"[]", b"{", b'"x"'):
        async with session.post(sandbox.url + "/act", data=body) as response:
            assert await response.json() == {"ok": False, "error": "an action is a JSON object"}
    async with session.get(sandbox.url + "/act") as response:
        assert response.status == 405


async def test_files_are_shown_or_saved_but_never_run(
    sandbox: Sandbox, session: aiohttp.ClientSession, cast: Cast
) -> None:
    mei = cast.applicant()
    photo = mei.send_photo().photo[0]
    document = mei.send_file(b"<script>alert(1)</script>", "x.html", "text/html").document
    assert document is not None
    async with session.get(f"{sandbox.url}/file/{photo['file_unique_id']}") as response:
        assert response.content_type == "image/jpeg"
        assert len(await response.read()) == photo["file_size"]
    async with session.get(f"{sandbox.url}/file/{document['file_unique_id']}") as response:
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Disposition"] == "attachment"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Security-Policy"].startswith("sandbox")
        assert await response.read() == b"<script>alert(1)</script>"


def test_every_action_is_tried_here() -> None:
    """An action that is added is tested too."""
    assert sorted(ACTIONS) == [
        "add_chat", "add_person", "block", "deactivate", "delete_message", "edit_text", "faults", "forward", "join",
        "leave", "make_forum", "migrate", "press", "send_contact", "send_document", "send_location", "send_photo",
        "send_sticker", "send_text", "send_voice", "set_language", "set_status", "unblock",
    ]  # fmt: skip
