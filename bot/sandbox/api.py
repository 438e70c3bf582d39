"""The Bot API's methods by name, and how an answer looks on the wire."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.sandbox.asking import ASKING
from bot.sandbox.editing import EDITING
from bot.sandbox.errors import Refusal
from bot.sandbox.params import Params
from bot.sandbox.polling import Polling
from bot.sandbox.sending import SENDING
from bot.sandbox.telegram import Telegram
from bot.sandbox.topics import TOPICS
from bot.sandbox.webhooks import Webhooks
from bot.sandbox.wire import encode
from bot.sandbox.witness import Call

GET_UPDATES = "getUpdates"
_METHODS: dict[str, Callable[[Telegram, Params], Any]] = {**SENDING, **EDITING, **ASKING, **TOPICS}
_WEBHOOK = ("setWebhook", "deleteWebhook", "getWebhookInfo")
METHOD_NAMES = (*_METHODS, *_WEBHOOK, GET_UPDATES)
_NAMES = {name.lower(): name for name in METHOD_NAMES}
# Source: the open server; an answer to a delivery may not call these.
_NOT_IN_REPLY = ("setwebhook", "deletewebhook", "close", "logout")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to a call: its JSON, HTTP status, and Retry-After where there is one."""

    body: bytes
    status: int = 200
    retry_after: int = 0


class Api:
    """Runs calls, and has them witnessed."""

    def __init__(self, telegram: Telegram) -> None:
        self.telegram = telegram
        self.webhooks = Webhooks(telegram.queue, self.run_in_reply)
        self.polling = Polling(telegram.queue)
        telegram.queue.added.append(self.polling.wake)

    async def run(
        self, name: str, params: Params, fault: str | None = None, *, in_reply: bool = False
    ) -> Reply:
        """Act on one call. `name` is one that `method_named` gave."""
        call = Call(time.monotonic(), name, params.chat_id(), params.values, fault=fault, in_reply=in_reply)
        call.files = params.file_names()
        self.telegram.witness.called(call)
        try:
            reply = await self._run(name, params, call)
        except Refusal as refusal:
            return self._refused(call, refusal)
        self._over(call)
        return reply

    def refuse(self, name: str, params: Params, refusal: Refusal, fault: str) -> Reply:
        """Answer a call with a refusal, and do nothing of it."""
        call = Call(time.monotonic(), name, params.chat_id(), params.values, fault=fault)
        self.telegram.witness.called(call)
        return self._refused(call, refusal)

    async def run_in_reply(self, values: dict[str, Any]) -> None:
        """A call that came as the answer to a delivery; its result is for nobody."""
        name = method_named(str(values.get("method")))
        if name is None or name.lower().startswith("get") or name.lower() in _NOT_IN_REPLY:
            return
        params = Params({key: value for key, value in values.items() if key != "method"})
        await self.run(name, params, in_reply=True)

    async def _run(self, name: str, params: Params, call: Call) -> Reply:
        method = _METHODS.get(name)
        if method is not None:
            if name == "getFile":
                await self._draw(params.text("file_id"))
            result = method(self.telegram, params)
            if type(result) is dict:
                call.message_id = result.get("message_id")
            return succeeded(result)
        if name == GET_UPDATES:
            self.telegram.changes.happened()
            if self.webhooks.url:
                raise await self.polling.conflict(
                    "can't use getUpdates method while webhook is active; "
                    "use deleteWebhook to delete the webhook first"
                )
            updates = await self.polling.get_updates(params)
            return Reply(b'{"ok":true,"result":[' + b",".join(update.body for update in updates) + b"]}")
        if name == "getWebhookInfo":
            return succeeded(self.webhooks.info())
        url = params.text("url") if name == "setWebhook" else ""
        return succeeded(True, await self._set_webhook(url, params))

    async def _set_webhook(self, url: str, params: Params) -> str:
        description = await self.webhooks.set(url, params)
        if url:
            self.polling.end_wait("terminated by setWebhook request")
        return description

    async def _draw(self, file_id: str) -> None:
        """A photo's size is drawn when first asked for; the others go on meanwhile."""
        stored = self.telegram.files.by_id(file_id)
        if stored is not None and not stored.ready:
            await asyncio.to_thread(stored.read)

    def _refused(self, call: Call, refusal: Refusal) -> Reply:
        self.telegram.witness.failed(call, refusal.code, refusal.description)
        self._over(call)
        return refused(refusal)

    def _over(self, call: Call) -> None:
        """Tell the page and whoever waits. A quiet look for updates is no news."""
        changes = self.telegram.changes
        if changes.listeners and not (call.ok and call.method == GET_UPDATES):
            changes.publish(
                "call",
                method=call.method,
                chat_id=call.chat_id,
                ok=call.ok,
                description=call.description,
                fault=call.fault,
                at=self.telegram.clock(),
            )
        changes.happened()


def method_named(name: str) -> str | None:
    """A method's own spelling; case does not matter to the Bot API."""
    return _NAMES.get(name.lower())


def succeeded(result: Any, description: str = "") -> Reply:
    tail = b',"description":' + encode(description) + b"}" if description else b"}"
    return Reply(b'{"ok":true,"result":' + encode(result) + tail)


def refused(refusal: Refusal) -> Reply:
    answer = {"ok": False, "error_code": refusal.code, "description": refusal.description}
    if refusal.parameters:
        answer["parameters"] = refusal.parameters
    return Reply(encode(answer), refusal.code, int(refusal.parameters.get("retry_after", 0)))


def token_refusal(given: str) -> Refusal:
    """Why a token other than the bot's is refused. Source: the open server."""
    number, colon, _ = given.partition(":")
    if given.startswith("0") or len(given) > 80 or not colon:
        return Refusal(401, "Unauthorized: invalid token specified")
    if not number.isdecimal():
        return Refusal(421, "Misdirected Request: unallowed token specified")
    return Refusal(401, "Unauthorized")
