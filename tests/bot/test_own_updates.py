"""Of an update that could not be handled its sender reads what he wrote himself, and nothing that others did."""

from typing import Any

import pytest

from bot.own_updates import AS_REVIEWER, NOT_HIS, own_part

HE, BOT, GROUP = 7, 8, -100
SECRET = "UX-SECRET00"


def message(sender: int = HE, chat: int = HE, **content: Any) -> dict[str, Any]:
    return {"message_id": 5, "date": 1, "from": {"id": sender}, "chat": {"id": chat}, **content}


SHOWN = message(BOT, caption=SECRET, photo=[{"file_id": SECRET}])
FROM_A_CARD = {"type": "user", "sender_user": {"id": BOT}}
OTHERS: list[dict[str, Any]] = [
    {"message": message(text="so", reply_to_message=SHOWN)},
    {"edited_message": message(text="so", reply_to_message=SHOWN)},
    {"message": message(text="so", reply_to_message=message(text=SECRET, forward_origin=FROM_A_CARD))},
    {"message": message(text="so", reply_to_message={"message_id": 4, "caption": SECRET})},
    {"message": message(text="so", external_reply={"origin": {}, "photo": [{"file_id": SECRET}]})},
    {"message": message(text="so", quote={"text": SECRET, "position": 0})},
    {"message": message(pinned_message=SHOWN)},
    {"message": message(later_kind=[{"of": SHOWN}])},
    {"message": message(text=SECRET, forward_origin=FROM_A_CARD)},
    {"message": message(text=SECRET, forward_origin={"type": "hidden_user", "sender_user_name": "Ana"})},
    {"message": message(text=f"/start v_{SECRET}")},
    {"message": message(chat=GROUP, text=SECRET)},
    {"callback_query": {"id": "1", "from": {"id": HE}, "data": "x", "message": SHOWN}},
    {"callback_query": {"id": "1", "from": {"id": HE}, "message": message(BOT, GROUP, text=SECRET)}},
    {"callback_query": {"id": "1", "from": {"id": HE}, "inline_message_id": SECRET}},
    {"poll_answer": {"user": {"id": HE}, "poll_id": SECRET}},
]


@pytest.mark.parametrize("what", OTHERS, ids=str)
def test_what_others_wrote_is_left_out(what: dict[str, Any]) -> None:
    found = own_part({"update_id": 1, **what}, HE)
    assert SECRET not in str(found)
    assert NOT_HIS in str(found) or found == AS_REVIEWER


@pytest.mark.parametrize(
    "what",
    [
        {"message": message(text="a", entities=[{"type": "bold", "offset": 0, "length": 1}])},
        {"message": message(text="a", reply_to_message=message(text="before"))},
        {"message": message(text="a", forward_origin={"type": "user", "sender_user": {"id": HE}})},
        {"message": message(photo=[{"file_id": "own"}], caption="card")},
        {"my_chat_member": {"chat": {"id": HE}, "from": {"id": HE}, "date": 1, "new_chat_member": {}}},
        {"message_reaction": {"chat": {"id": HE}, "message_id": 4, "user": {"id": HE}}},
    ],
    ids=str,
)
def test_what_he_wrote_himself_stays_whole(what: dict[str, Any]) -> None:
    assert own_part({"update_id": 1, **what}, HE) == {"update_id": 1, **what}


@pytest.mark.parametrize(
    "update", [None, [], "text", {}, {"update_id": 1}, {"message": None}, {"message": {"chat": 7}}]
)
def test_what_is_no_update_is_not_shown(update: Any) -> None:
    assert own_part(update, HE) == AS_REVIEWER
