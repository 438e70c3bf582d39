"""The keyed hashes by which the same e-mail address or photo is noticed in another application.

Only this bot's key makes them, so that they tell nobody else whose they are.
"""

import hashlib

from conversations import Programme
from conversations.application import Application, Pictured, Written
from conversations.questions import EmailQuestion
from storage.likenesses import Likeness
from storage.vault import Vault


def likeness_of_photo(vault: Vault, jpeg: bytes) -> str:
    """Of a picture as it is stored: the same file sent twice is re-encoded to the same bytes."""
    return vault.lookup("photo", hashlib.sha256(jpeg).hexdigest())


def likenesses_of(programme: Programme, vault: Vault, application: Application) -> frozenset[Likeness]:
    """Of all its addresses and photos. Addresses are the same whatever their capitals."""
    emails = {one.key for one in programme.questions if isinstance(one, EmailQuestion)}
    found: set[Likeness] = set()
    for key, answer in application.answers.items():
        if isinstance(answer, Written) and key in emails:
            found.add(("email", vault.lookup("email", answer.text.casefold())))
        elif isinstance(answer, Pictured):
            found |= {("photo", one.likeness) for one in answer.sides.values() if one.likeness}
    return frozenset(found)
