"""What the reviewers' group is told when an applicant has written: once, quietly, beside the card, and without his
words, which stand on the card alone. So there is one place from which they have to go."""

from collections.abc import Callable
from datetime import datetime

from telegram.error import BadRequest

from bot.carrying import shown_place
from bot.errands import NOTICE, REMOVE, Errand, removal
from bot.messages import Body, is_missing, is_shut
from bot.people import NOTICE_PLACE, People
from bot.plan import Outcome
from bot.posts import Posts
from bot.topics import GENERAL
from bot.wording import Wording
from conversations.application import Application
from conversations.state import application_of
from storage import outgoing, store
from storage.engine import Engine, Row, Transaction
from storage.store import OPEN_STATUSES, ApplicationRow
from storage.vault import PersonKey, Vault


class Notices:
    """One of an application stands at a time: the next one, and the end of the review, take it away."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        people: People,
        wording: Wording,
        posts: Posts,
        group: Callable[[], int],
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._people = people
        self._wording = wording
        self._review = wording.programme.review
        self._posts = posts
        self._group = group
        self._clock = clock

    async def post(self, errand: Errand) -> Outcome:
        """Unless the review is over by now, or a reviewer has written since: then there is nothing new to read. What
        was begun is given up too: had it been sent without an answer, it holds nothing but the receipt number."""
        receipt, person_id, chat = errand.body["receipt"], errand.person_id or "", self._group()
        row, standing = await self._engine.read(
            lambda tx: (store.application(tx, receipt), outgoing.messages_of(tx, person_id))
        )
        application = self._application(row)
        if row is None or application is None:
            return Outcome([lambda tx: self._posts.give_up(tx, NOTICE, chat)])
        key = self._vault.unwrap(person_id, row.wrapped_key)
        older = _older(standing, receipt, person_id, key)
        if not application.unanswered:
            return Outcome([lambda tx: self._posts.give_up(tx, NOTICE, chat)], [(one, key) for one in older])
        late: list[Errand] = []
        sealed_chat = key.seal(shown_place(person_id), str(chat).encode())
        now = self._clock()

        def enter(tx: Transaction, number: int) -> None:
            outgoing.finish_errands(tx, [errand.errand_id])
            if outgoing.shown(tx, person_id, number, receipt, sealed_chat, now, NOTICE_PLACE):
                late[:] = [one for one in older if one.body["message_id"] != number]
                outgoing.add_errands(tx, [one.row(key) for one in late])
            else:  # erased while it was on its way
                late[:] = [removal(chat, number)]
                outgoing.add_errands(tx, [one.row(self._vault) for one in late])

        body = self._body(row, application, chat)
        try:
            await self._posts.post(NOTICE, errand, chat, body, enter)
        except BadRequest as error:  # the topic of the card went, or was closed
            if not body["topic"] or not (is_missing(error) or is_shut(error)):
                raise
            await self._posts.post(NOTICE, errand, chat, {**body, "topic": GENERAL}, enter)
        return Outcome(late=late)

    def _application(self, row: ApplicationRow | None) -> Application | None:
        if row is None or row.status not in OPEN_STATUSES:
            return None
        _, state = self._people.open_state(row)
        return application_of(state)

    def _body(self, row: ApplicationRow, application: Application, chat: int) -> Body:
        text = self._wording.named("notice", self._review.language, **notice_values(application))
        is_here = row.card_chat == chat
        return {
            "text": text,
            "keyboard": [],
            "reply_to": row.card_message if is_here else None,
            "topic": (row.card_topic if is_here else None) or GENERAL,
            "silent": not self._review.talk_aloud,
        }


def notice_values(application: Application) -> dict[str, str]:
    """What its words are given: whose turn it is, as far as one can tell."""
    asker = next((one.by.name for one in reversed(application.talk) if one.by), "")
    holder = application.claimed_by.name if application.claimed_by else ""
    return {"receipt": application.receipt, "asker": asker, "holder": holder}


def _older(messages: list[Row], receipt: str, person_id: str, key: PersonKey) -> list[Errand]:
    """The removals of those that stand already."""
    return [
        Errand(
            REMOVE,
            int(key.open(shown_place(person_id), sealed_chat)),
            person_id,
            {"message_id": number, "place": place},
        )
        for place, number, _, sealed_chat, of in messages
        if place == NOTICE_PLACE and of == receipt
    ]
