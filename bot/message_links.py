"""Links to messages of the reviewers' group: a supergroup's members can open them, a basic group has none."""

from bot.sightings import SUPERGROUPS


def link_to(chat: int, message_id: int | None, topic: int | None = None) -> str:
    """Nothing where there is no such link. `topic`: of a forum, in which the message stands."""
    if message_id is None or chat > SUPERGROUPS:
        return ""
    place = f"{topic}/{message_id}" if topic else str(message_id)
    return f"https://t.me/c/{SUPERGROUPS - chat}/{place}"
