"""Updates that no server would send: real ones with something missing, wrong, huge, deep or unknown."""

import copy
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

Body = Callable[[int], bytes]  # an update's bytes, given its number

_USER = {"id": 5_550_001, "is_bot": False, "first_name": "Noor", "language_code": "en"}
_CHAT = {"id": 5_550_001, "type": "private", "first_name": "Noor"}
_GROUP = {"id": -1_005_550_001, "type": "supergroup", "title": "Others"}
_MESSAGE = {"message_id": 7, "from": _USER, "chat": _CHAT, "date": 1_790_000_000}
_SIZE = {"file_id": "AgAC", "file_unique_id": "AQAD", "width": 90, "height": 60, "file_size": 1_000}
_FILE = {
    "file_id": "BQAC",
    "file_unique_id": "AgAD",
    "file_name": "a.pdf",
    "mime_type": "x/y",
    "file_size": 9,
}
_MEMBER = {"user": _USER, "status": "member"}
_CHANGE = {
    "chat": _GROUP,
    "from": _USER,
    "date": 1_790_000_000,
    "old_chat_member": {"user": _USER, "status": "left"},
    "new_chat_member": _MEMBER,
}
_ENTITY = {"type": "bold", "offset": 0, "length": 2}

REAL: tuple[dict[str, Any], ...] = (
    {"message": {**_MESSAGE, "text": "hello", "entities": [_ENTITY]}},
    {"message": {**_MESSAGE, "text": "/start", "entities": [{**_ENTITY, "type": "bot_command"}]}},
    {"message": {**_MESSAGE, "photo": [_SIZE, _SIZE], "caption": "me", "media_group_id": "1"}},
    {"message": {**_MESSAGE, "document": _FILE}},
    {"message": {**_MESSAGE, "chat": _GROUP, "text": "/help"}},
    {"message": {**_MESSAGE, "chat": _GROUP, "migrate_to_chat_id": -1_005_550_002}},
    {"message": {**_MESSAGE, "forward_origin": {"type": "user", "date": 1, "sender_user": _USER}}},
    {"edited_message": {**_MESSAGE, "text": "hello", "edit_date": 1_790_000_001}},
    {
        "callback_query": {
            "id": "1",
            "from": _USER,
            "message": {**_MESSAGE, "text": "?"},
            "chat_instance": "2",
            "data": "tick:on::1:AAAAAAAAAAAA",
        }
    },
    {"my_chat_member": _CHANGE},
    {"my_chat_member": {**_CHANGE, "chat": _CHAT}},
    {"chat_member": _CHANGE},
)
_WRONG: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    2**70,
    -(2**70),
    1.5,
    float("nan"),
    float("inf"),
    "",
    "7",
    "\ud800",
    "\x00\x07\x1b[2J",
    "\u202e" * 50,
    "x" * 5_000,
    [],
    ["x"],
    [[[]]],
    {},
    {"id": {}},
    {"type": "private"},
)


def deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


_SPECIAL: tuple[Body, ...] = (
    lambda n: b"null",
    lambda n: b"[]",
    lambda n: b'"update"',
    lambda n: b"{}",
    lambda n: b'{"update_id":%d}' % n,
    lambda n: b'{"update_id":%d,"message":%s}' % (n, deep(100)),
    lambda n: b'{"update_id":%d,"message":%s}' % (n, deep(2_000)),
    lambda n: b'{"update_id":%d,"message":{"a":%s}}' % (n, deep(100_000)),
    lambda n: b'{"update_id":%d,"update_id":1,"message":{}}' % n,
    lambda n: b'{"update_id":%d,"message":{"message_id":%s}}' % (n, b"9" * 6_000),
    lambda n: b'{"update_id":%d,"message":NaN}' % n,
    lambda n: b'{"update_id":%d,"message":{"text":"cut' % n,
    lambda n: b'{"update_id":%s,"message":{"text":"cut' % (b"9" * 6_000),
    lambda n: b'{"update_id":%d,"message":%s}' % (n, deep(900)),
    lambda n: b'{"update_id":%d,"something_new":{"from":{"id":1}}}' % n,
    lambda n: b'{"update_id":"%d","message":{}}' % n,
    lambda n: b'{"update_id":%d.0,"message":{}}' % n,
    lambda n: b'{"update_id":-5,"message":{}}',
    lambda n: b'{"update_id":9223372036854775808,"message":{}}',
    lambda n: b"\xff\xfe\x00garbage",
    lambda n: json.dumps({"update_id": n, **REAL[0]}).encode("utf-16"),
    lambda n: json.dumps({"update_id": n, "message": {**_MESSAGE, "text": "y" * 900_000}}).encode(),
    lambda n: json.dumps(
        {"update_id": n, "message": {**_MESSAGE, "text": "a", "entities": [_ENTITY] * 5_000}}
    ).encode(),
    lambda n: json.dumps({"update_id": n, "message": {**_MESSAGE, "photo": [_SIZE] * 5_000}}).encode(),
)


def nonsense(seed: int, count: int) -> Iterator[Body]:
    """The same ones for the same seed; every special one among each three hundred."""
    rng = Random(seed)
    for number in range(count):
        if number % 12 == 5:
            yield _SPECIAL[number // 12 % len(_SPECIAL)]
        elif number % 12 == 11:
            yield _misnumbered(_mutated(rng), rng.choice(_WRONG))
        else:
            yield _encoded(_mutated(rng))


def _encoded(update: dict[str, Any]) -> Body:
    return lambda n: json.dumps({"update_id": n, **update}).encode()


def _misnumbered(update: dict[str, Any], number: Any) -> Body:
    return lambda n: json.dumps({"update_id": number, **update}).encode()


def _mutated(rng: Random) -> dict[str, Any]:
    """A real update with one to three things wrong."""
    update = copy.deepcopy(rng.choice(REAL))
    for _ in range(rng.randint(1, 3)):
        places = list(_places(update))
        if not places:
            break
        holder, key = rng.choice(places)
        what = rng.random()
        if what < 0.3:
            del holder[key]
        elif what < 0.9:
            holder[key] = copy.deepcopy(rng.choice(_WRONG))
        elif isinstance(holder, dict):
            holder[f"unknown_{rng.randrange(9)}"] = copy.deepcopy(rng.choice(_WRONG))
    return update


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every value inside, by what holds it and where."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(items):
        yield node, key
        yield from _places(value)
