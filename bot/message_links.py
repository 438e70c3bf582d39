"""Links to messages of the reviewers' group: a supergroup's members can open them, a basic group has none."""

from bot.sightings import SUPERGROUPS


def link_to(chat: int, message_id: int | None) -> str:
    """Nothing where there is no such link."""
    if message_id is None or chat > SUPERGROUPS:
        return ""
    return f"https://t.me/c/{SUPERGROUPS - chat}/{message_id}"
