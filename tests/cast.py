"""Who plays in tests: people in the local Telegram, acted in process, and the real bot as a process of its own."""

import asyncio
import contextlib
import io
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from bot.control import ask
from bot.sandbox import contents, deeds
from bot.sandbox.files import Upload
from bot.sandbox.keyboards import Button
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Chat, ChatKind, Member, Message, Status, User
from bot.sandbox.telegram import Answer, Press
from bot.web import listen_on

PATIENCE = 10.0  # seconds until a test gives up waiting
Wanted = str | Callable[[Message], Any]


class Cast:
    """Makes people and groups in one local Telegram."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.telegram = sandbox.telegram

    def applicant(self, first_name: str = "Mei", language: str = "en", **known: Any) -> "Person":
        """Someone who never spoke to the bot."""
        return Person(self, self.telegram.add_user(first_name, language_code=language, **known))

    def group(
        self,
        title: str = "Reviewers",
        kind: ChatKind = "supergroup",
        bot: Status = "administrator",
    ) -> "Group":
        """A group in which the bot already is; nobody was told."""
        chat = self.telegram.add_chat(title, kind)
        chat.members[self.telegram.bot.id] = Member(bot)
        return Group(self, chat)

    def reviewer(
        self,
        first_name: str,
        group: "Group",
        *,
        status: Status = "member",
        language: str = "en",
        started: bool = False,
        **known: Any,
    ) -> "Person":
        """Someone who already is in the group; `started`: he spoke to the bot in private before."""
        user = self.telegram.add_user(first_name, language_code=language, role="reviewer", **known)
        user.known, user.started = True, started
        group.chat.members[user.id] = Member(status)
        return Person(self, user, home=group.chat)


class _Scene:
    """A chat one can look into and wait at."""

    def __init__(self, cast: Cast, chat: Chat) -> None:
        self.cast = cast
        self.chat = chat

    async def _until(self, look: Callable[[], Any], timeout: float, chat: Chat, what: str) -> Any:
        changes = self.cast.telegram.changes
        try:
            return await changes.until(look, timeout, chat.id)
        except TimeoutError:
            shown = "\n".join(f"  {message!r}" for message in chat.messages[-8:]) or "  nothing"
            raise AssertionError(
                f"{self!r} waited {timeout} s for {what}; in {chat!r} there is\n{shown}"
            ) from None


class Group(_Scene):
    """A group."""

    @property
    def id(self) -> int:
        return self.chat.id

    @property
    def messages(self) -> list[Message]:
        return self.chat.messages

    async def shows(self, wanted: Wanted, timeout: float = PATIENCE) -> Message:
        """The newest message that fits, as soon as there is one."""
        found: Message = await self._until(
            lambda: _newest(self.chat, wanted), timeout, self.chat, f"{wanted!r}"
        )
        return found

    def migrate(self) -> "Group":
        """Become a supergroup; this one is void then."""
        return Group(self.cast, deeds.migrate(self.cast.telegram, self.chat))

    def __repr__(self) -> str:
        return f"<Group {self.chat.title}>"


class Person(_Scene):
    """Someone with a private chat; `home` is where he acts unless told otherwise."""

    def __init__(self, cast: Cast, user: User, home: Chat | None = None) -> None:
        super().__init__(cast, cast.telegram.chat(user.id))
        self.user = user
        self.home = home or self.chat
        self._seen: dict[int, dict[int, int]] = {}  # chat id -> message id -> edits, at the last act

    @property
    def id(self) -> int:
        return self.user.id

    # speaking

    def say(self, text: str, chat: Chat | None = None, reply_to: Message | None = None) -> Message:
        return self._write(deeds.text_content(text), chat, reply_to)

    def start(self, payload: str = "") -> Message:
        """Press START in the private chat, or open a link with a payload."""
        return self.say(f"/start {payload}".strip(), self.chat)

    def send_photo(self, jpeg: bytes | None = None, caption: str = "", chat: Chat | None = None) -> Message:
        picture = contents.photo(self.cast.telegram.files, sample_jpeg() if jpeg is None else jpeg)
        return self._write({**picture, **deeds.caption_content(caption)}, chat)

    def send_file(
        self, data: bytes, name: str = "card.jpg", mime: str = "image/jpeg", caption: str = ""
    ) -> Message:
        sent = contents.document(self.cast.telegram.files, Upload(data, name, mime))
        return self._write({**sent, **deeds.caption_content(caption)})

    def send_album(self, jpegs: Sequence[bytes]) -> list[Message]:
        files = self.cast.telegram.files
        self._mark()
        pictures = [contents.photo(files, jpeg) for jpeg in jpegs]
        return deeds.write_album(self.cast.telegram, self.user, self.home, pictures)

    def send(self, content: dict[str, Any], chat: Chat | None = None) -> Message:
        """Anything: `content` is the message but id, sender, chat and date."""
        return self._write(content, chat)

    def send_sticker(self) -> Message:
        return self._write(contents.sticker(self.cast.telegram, self.user))

    def send_voice(self) -> Message:
        return self._write(contents.voice(self.cast.telegram, self.user))

    def send_location(self) -> Message:
        return self._write(contents.location(self.cast.telegram, self.user))

    def send_contact(self) -> Message:
        return self._write(contents.contact(self.cast.telegram, self.user))

    def edit(self, message: Message, text: str) -> None:
        self._mark()
        deeds.edit_text(self.cast.telegram, self.user, message, text)

    def delete(self, message: Message) -> None:
        deeds.delete(self.cast.telegram, self.user, message)

    def forward(self, message: Message, chat: Chat | None = None) -> Message:
        self._mark()
        return deeds.forward(self.cast.telegram, self.user, chat or self.home, message)

    # pressing

    async def press(
        self,
        label: str,
        in_chat: Chat | None = None,
        message: Message | None = None,
        timeout: float = PATIENCE,
    ) -> Answer:
        """Press the newest button whose text ends with `label`, once it is there, and wait for the answer."""
        pressed = await self.tap(label, in_chat, message, timeout)
        return pressed if isinstance(pressed, Answer) else await self.answer_to(pressed, timeout)

    async def tap(
        self,
        label: str,
        in_chat: Chat | None = None,
        message: Message | None = None,
        timeout: float = PATIENCE,
    ) -> Press | Answer:
        """Press without waiting for the answer. A link is its own answer."""
        chat = message.chat if message else in_chat or self.home
        find = (lambda: _button(message, label)) if message else (lambda: _newest_button(chat, label))
        found, button = await self._until(find, timeout, chat, f"a button that ends with {label!r}")
        if button.data is None:
            return Answer(url=button.url)
        return self.press_data(found, button.data)

    def press_data(self, message: Message, data: str) -> Press:
        """Press with any data, as a forged client may."""
        self._mark()
        return deeds.press(self.cast.telegram, self.user, message, data)

    async def answer_to(self, press: Press, timeout: float = PATIENCE) -> Answer:
        """What the bot answers to a press."""
        chat, what = press.message.chat, f"the answer to {press.data!r}"
        answer: Answer = await self._until(lambda: press.answer, timeout, chat, what)
        return answer

    # hearing

    def messages(self, chat: Chat | None = None) -> list[Message]:
        return (chat or self.home).messages

    async def hears(self, wanted: Wanted, timeout: float = PATIENCE, chat: Chat | None = None) -> Message:
        """The newest message of the bot that fits and came or changed since this person's last act.

        `wanted` is a piece of its text or of a button's, or a predicate.
        """
        place = chat or self.home
        seen = self._seen.get(place.id, {})
        look = lambda: _newest(place, wanted, seen)  # noqa: E731
        found: Message = await self._until(look, timeout, place, f"{wanted!r}")
        return found

    async def sees(self, wanted: Wanted, timeout: float = PATIENCE, chat: Chat | None = None) -> Message:
        """The newest message that fits, new or old."""
        place = chat or self.home
        found: Message = await self._until(lambda: _newest(place, wanted), timeout, place, f"{wanted!r}")
        return found

    # the account

    def block(self) -> None:
        deeds.block(self.cast.telegram, self.user, True)

    def unblock(self) -> None:
        deeds.block(self.cast.telegram, self.user, False)

    def deactivate(self) -> None:
        deeds.deactivate(self.cast.telegram, self.user)

    def speak(self, language: str) -> None:
        """Switch the client's language."""
        deeds.set_language(self.cast.telegram, self.user, language)

    def leave(self, group: Group) -> None:
        deeds.set_status(self.cast.telegram, group.chat, self.user, Member("left"), self.user)

    def join(self, group: Group, status: Status = "member") -> None:
        deeds.set_status(self.cast.telegram, group.chat, self.user, Member(status))

    def _write(
        self, content: dict[str, Any], chat: Chat | None = None, reply_to: Message | None = None
    ) -> Message:
        self._mark()
        return deeds.write(self.cast.telegram, self.user, chat or self.home, content, reply_to)

    def _mark(self) -> None:
        """Remember what is there, so that `hears` takes only what comes after."""
        for chat in (self.chat, self.home):
            self._seen[chat.id] = {message.id: message.edits for message in chat.messages}

    def __repr__(self) -> str:
        return f"<Person {self.user.first_name}>"


def _fits(message: Message, wanted: Wanted) -> bool:
    if callable(wanted):
        return bool(wanted(message))
    return wanted in message.text or any(wanted in key for key in message.keys)


def _newest(chat: Chat, wanted: Wanted, seen: dict[int, int] | None = None) -> Message | None:
    for message in chat.newest_first():
        if seen is not None and (not message.from_bot or seen.get(message.id) == message.edits):
            continue
        if _fits(message, wanted):
            return message
    return None


def _button(message: Message, label: str) -> tuple[Message, Button] | None:
    for row in message.buttons:
        for button in row:
            if button.text.endswith(label):
                return message, button
    return None


def _newest_button(chat: Chat, label: str) -> tuple[Message, Button] | None:
    for message in chat.newest_first():
        found = _button(message, label)
        if found is not None:
            return found
    return None


@cache
def sample_jpeg(width: int = 1000, height: int = 640, name: str = "MEI LIN", side: str = "front") -> bytes:
    """A student card, well lit and sharp."""
    card = Image.new("RGB", (width, height), (236, 240, 246))
    draw = ImageDraw.Draw(card)
    big, small = ImageFont.load_default(height / 11), ImageFont.load_default(height / 18)
    draw.rectangle((0, 0, width, height // 6), fill=(28, 60, 130))
    draw.text((width // 30, height // 30), "UNIVERSITY OF EXAMPLE", font=big, fill="white")
    if side == "front":
        left, top = width // 20, height // 4
        draw.rectangle(
            (left, top, left + width // 4, top + height // 2), fill=(180, 160, 140), outline="black"
        )
        draw.ellipse((left + 40, top + 30, left + width // 4 - 40, top + height // 3), fill=(90, 70, 60))
    lines = ("STUDENT CARD", name, "Matriculation 20 310 442", "Department of Physics", "valid until 09/2031")
    for place, line in enumerate(lines):
        draw.text((width // 3, height // 4 + place * height // 8), line, font=small, fill=(10, 10, 20))
    for x in range(0, width, 12):
        draw.line((x, height - 40, x, height - 10), fill="black", width=3 if x % 36 else 7)
    out = io.BytesIO()
    card.save(out, "JPEG", quality=90)
    return out.getvalue()


class RunningBot:
    """The real bot, `python -m bot run`, as a process of its own. Its output is kept in `log`."""

    def __init__(self, sandbox: Sandbox, environment: dict[str, str], folder: Path) -> None:
        self.sandbox = sandbox
        self.environment = environment
        self.folder = folder
        self.log = folder / "bot.log"
        self.process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def output(self) -> str:
        """All it said so far."""
        return self.log.read_text() if self.log.exists() else ""

    async def start(self, timeout: float = 20.0) -> None:
        """Returns when it asks for updates, or has set its webhook."""
        witness, changes = self.sandbox.telegram.witness, self.sandbox.telegram.changes
        sign = "getWebhookInfo" if "INTAKE_WEBHOOK_URL" in self.environment else "getUpdates"
        before = witness.counts[sign]
        with self.log.open("ab") as log:
            process = self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "run"),
                env=self.environment,
                cwd=self.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._watch = asyncio.create_task(self._tell_end(process))
        try:
            await changes.until(
                lambda: witness.counts[sign] > before or process.returncode is not None, timeout
            )
        except TimeoutError:
            raise AssertionError(f"the bot does not serve after {timeout} s:\n{self.output}") from None
        if process.returncode is not None:
            raise AssertionError(f"the bot ended with {process.returncode}:\n{self.output}")

    async def settled(self, timeout: float = PATIENCE) -> None:
        """Returns when everything the bot wanted to do is done and recorded."""
        socket = Path(self.environment["INTAKE_DATA"]) / "control.sock"
        async with asyncio.timeout(timeout):
            while (await asyncio.to_thread(ask, socket, "status"))["errands_waiting"]:
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """At once, as by a power cut."""
        await self._end(signal.SIGKILL, 10.0)

    async def terminate(self, timeout: float = 15.0) -> int:
        """Ask it to end; its exit status."""
        return await self._end(signal.SIGTERM, timeout)

    async def interrupt(self, timeout: float = 15.0) -> int:
        """As Ctrl-C does; its exit status."""
        return await self._end(signal.SIGINT, timeout)

    async def restart(self) -> None:
        """End it, gently if it still runs, and start it anew on the same data."""
        await self.terminate()
        await self.start()

    async def _end(self, number: signal.Signals, timeout: float) -> int:
        process = self.process
        if process is None:
            return 0
        if process.returncode is None:
            process.send_signal(number)
        try:
            async with asyncio.timeout(timeout):
                status = await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise AssertionError(f"the bot did not end within {timeout} s:\n{self.output}") from None
        if self._watch is not None:
            await self._watch
        return status

    async def _tell_end(self, process: asyncio.subprocess.Process) -> None:
        await process.wait()
        self.sandbox.telegram.changes.happened()


@contextlib.asynccontextmanager
async def running_bot(
    sandbox: Sandbox, group: Group, data_dir: Path, *, webhook: bool = False, **settings: Any
) -> AsyncIterator[RunningBot]:
    """The real bot, serving. `settings` are INTAKE_ settings by their small names; None leaves one out."""
    data_dir.mkdir(parents=True, exist_ok=True)
    wanted: dict[str, Any] = {
        "token": sandbox.token,
        "group": group.id,
        "api_url": sandbox.url,
        "data": data_dir / "data",
        "status_port": 0,
        "limits": "none",
        "log": "text",
    }
    if webhook:
        listen = f"127.0.0.1:{free_port()}"
        wanted |= {
            "webhook_url": f"http://{listen}/telegram",
            "listen": listen,
            "webhook_secret": "only-for-tests",
        }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INTAKE_")}
    environment |= {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}
    environment |= {
        f"INTAKE_{name.upper()}": str(value)
        for name, value in {**wanted, **settings}.items()
        if value is not None
    }
    bot = RunningBot(sandbox, environment, data_dir)
    try:
        await bot.start()
        yield bot
    except BaseException:
        print(f"--- what the bot said ---\n{bot.output}--- end of it ---", file=sys.stderr)
        raise
    finally:
        await bot.kill()


def free_port() -> int:
    """A port of this machine that nobody listens on at present."""
    with listen_on("127.0.0.1", 0) as door:
        port: int = door.getsockname()[1]
        return port
