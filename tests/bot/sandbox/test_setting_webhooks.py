"""setWebhook, deleteWebhook and getWebhookInfo, as of a server started with --local."""

from typing import Any

import pytest

from bot.sandbox.server import Sandbox
from tests.bot.sandbox.conftest import Caller
from tests.cast import Cast


async def test_descriptions_tell_what_was_there_before(api: Caller, sandbox: Sandbox) -> None:
    async def said(method: str, **params: Any) -> tuple[bool, str]:
        sandbox.api.webhooks._next_set = 0.0
        async with api.session.post(api.base + method, json=params) as response:
            answer = await response.json()
        return answer["result"], answer["description"]

    url = "http://127.0.0.1:1/hook"
    assert await said("deleteWebhook") == (True, "Webhook is already deleted")
    assert await said("setWebhook", url=url) == (True, "Webhook was set")
    assert await said("setWebhook", url=url) == (True, "Webhook is already set")
    assert await said("setWebhook", url=url, secret_token="x") == (True, "Webhook was set")
    assert await said("setWebhook", url="") == (True, "Webhook was deleted")
    assert await said("setWebhook", url=url) == (True, "Webhook was set")
    assert await said("deleteWebhook") == (True, "Webhook was deleted")


@pytest.mark.parametrize(
    ("params", "description"),
    [
        ({"url": "nonsense"}, "invalid webhook URL specified"),
        ({"url": "ftp://example.org"}, "invalid webhook URL specified"),
        ({"url": "http://127.0.0.1:99999/"}, "invalid webhook URL specified"),
        ({"url": "http://127.0.0.1/", "secret_token": "x" * 257}, "secret token is too long"),
        (
            {"url": "http://127.0.0.1/", "secret_token": "a b"},
            "secret token contains unallowed characters",
        ),
    ],
)
async def test_unfit_webhook_is_refused(api: Caller, params: dict[str, Any], description: str) -> None:
    assert (await api.refused("setWebhook", **params)).said == (400, f"Bad Request: {description}")
    assert (await api.ok("getWebhookInfo"))["url"] == ""


async def test_second_webhook_within_a_second_is_a_flood(api: Caller) -> None:
    await api.ok("setWebhook", url="http://127.0.0.1:1/")
    found = await api.refused("setWebhook", url="http://127.0.0.1:1/")
    assert found.said == (429, "Too Many Requests: retry after 1")


async def test_info_names_only_what_is_set(api: Caller, cast: Cast) -> None:
    bare = {"url": "", "has_custom_certificate": False, "pending_update_count": 0}
    assert await api.ok("getWebhookInfo") == bare
    wanted = ["message", "chat_member"]
    await api.ok("setWebhook", url="http://127.0.0.1:1/", max_connections=7, allowed_updates=wanted)
    assert await api.ok("getWebhookInfo") == {
        **bare,
        "url": "http://127.0.0.1:1/",
        "max_connections": 7,
        "allowed_updates": wanted,
    }
