"""What must hold once a world is quiet, judged from the local Telegram and the database."""

import re
from collections import Counter
from datetime import timedelta
from typing import Any

from bot.cards import Cards
from bot.carrying import filed
from bot.sandbox.state import Message
from conversations.application import photo_ids
from conversations.state import Applicant, Settled, application_of, draft_of
from storage.store import OPEN_STATUSES
from tests.bot.exactly.explaining import Explainer
from tests.bot.exactly.hand import raw_of
from tests.bot.exactly.paths import Path
from tests.bot.exactly.record import RECEIPT, Filed, Kept, Sent, cards_given_time, is_given_time, kept, sent
from tests.bot.exactly.setting import SIGNER, TIME, loaded, wording
from tests.bot.exactly.world import World

_TOLD = {
    "approved": ("is approved.</b>", "已通过。</b>"),
    "rejected": ("was not approved.</b>", "未通过。</b>"),
}
_LATE = re.compile(r"(?m)^⏰ .*\n")
_AGO = re.compile(r"(?m)^(Submitted .*) · [^·\n]*$")


class Judge:
    """Looks at a world again and again, and remembers what it was like the last time."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.before = kept(world)
        self.explainer = Explainer(world)
        self.strays: Counter[int] = Counter()  # by chat: messages whose ids the bot cannot know
        self.stray_cards: Counter[str] = Counter()
        self.unprompted: set[int] = set()

    def look(self) -> None:
        """Judge what went on since the last look. Raises AssertionError."""
        after, seen = kept(self.world), sent(self.world)
        chosen = self.explainer.explain(self.before, after, seen)
        for (chat, _), times in (seen.lost + seen.unknown).items():
            self.strays[chat] += times
        self.stray_cards.update(seen.cards_lost)
        assert after.parked == []
        self._check_presses(chosen)
        self._check_people(after, seen)
        self._check_decisions(after)
        self._check_errands(after)
        self._check_cards(after, chosen)
        self._check_messages(after)
        self.before = after
        self.world.look_on()

    def _check_presses(self, chosen: dict[int, Path]) -> None:
        """A press is answered, and with what the dialogue says; a killed process does not come back to it."""
        window, telegram = self.world.window, self.world.telegram
        updates = [raw_of(update) for update in self.world.hand.sent[window.first_update :]]
        presses = [
            telegram.presses[raw["callback_query"]["id"]] for raw in updates if "callback_query" in raw
        ]
        fresh = [press for press in presses if press.at + 150 > TIME.unix()]
        if window.deaths or not fresh:
            return
        assert all(press.answer is not None for press in fresh), "a press is not answered"
        toasts = [toast for path in chosen.values() for toast in path.toasts]
        if len(updates) == len(toasts) == 1 and fresh[0].answer is not None:
            assert (fresh[0].answer.text or "") == toasts[0]

    # what is kept

    def _check_people(self, after: Kept, seen: Sent) -> None:
        for account, who in after.people.items():
            rows = {row.receipt: row for row in after.filed.values() if row.owner == account}
            self._check_rows(who, rows)
            draft, application = draft_of(who.state), application_of(who.state)
            held = (
                photo_ids(draft.answers)
                if draft
                else photo_ids(application.answers)
                if application
                else set()
            )
            recalled = photo_ids(draft.recalled.answers) if draft and draft.recalled else set()
            assert held <= after.photos[account] <= held | recalled, "photos are not those referred to"
            if after.prompts[account] is not None:
                self.unprompted.discard(account)
                standing = self.world.telegram.chat(account).by_id
                assert after.prompts[account] in standing, "what is asked stands nowhere"
            elif who.step:
                given_up = any(key[0] == account for key in seen.silent + seen.unknown)
                if given_up or account in self.explainer.owed or account in self._restored_prompts():
                    self.unprompted.add(account)
                assert account in self.unprompted, "what is asked was never sent"

    def _restored_prompts(self) -> set[int]:
        """To whom something to be asked was left by a killed process: it may have stood already, and is no first."""
        return {
            errand.chat for death in self.world.window.deaths for errand in death.errands if errand.is_prompt
        }

    def _check_rows(self, who: Applicant, rows: dict[str, Filed]) -> None:
        """One open application a person; every row is what the person's state says."""
        draft, application = draft_of(who.state), application_of(who.state)
        current = application or (draft.recalled if draft else None)
        past = {closed.receipt for closed in who.past}
        assert set(rows) == past | ({current.receipt} if current else set())
        unfinished = [row for row in rows.values() if row.status in (*OPEN_STATUSES, "recalled")]
        assert len(unfinished) <= 1, "two open applications"
        if current:
            status, state = filed(who.state)
            row = rows[current.receipt]
            assert row.status == status
            assert row.state == state

    def _check_decisions(self, after: Kept) -> None:
        """At most one decision stands, it is told at most once, and nobody reads one that was not told."""
        standing: dict[str, str] = {}
        rounds: Counter[str] = Counter()
        told: Counter[str] = Counter()
        outcomes: dict[str, str] = {}
        for action, _, detail in after.audit:
            receipt, round_, *_ = [*detail.split(" "), ""]
            if action in ("approved", "rejected"):
                assert receipt not in standing and not told[receipt], "two decisions"
                assert int(round_) > rounds[receipt]
                standing[receipt], rounds[receipt] = action, int(round_)
            elif action == "undone":
                standing.pop(receipt)
            elif action == "told":
                outcomes[receipt] = standing.pop(receipt)
                told[receipt] += 1
        assert all(times <= 1 for times in told.values()), "a decision was told twice"
        for who in after.people.values():
            if (
                isinstance(who.state, Settled)
                and who.state.decision
                and who.state.closed.outcome != "withdrawn"
            ):
                assert outcomes[who.state.closed.receipt] == who.state.closed.outcome
        for account in after.people:
            for message in self.world.telegram.chat(account).messages:
                for outcome in _outcomes_in(message):
                    receipts = RECEIPT.findall(message.text)
                    assert all(outcomes.get(receipt) == outcome for receipt in receipts), (
                        "told what was not decided"
                    )

    def _check_errands(self, after: Kept) -> None:
        """Nothing is left to do but what has its time yet to come."""
        for errand in after.errands:
            if is_given_time(errand):
                continue
            assert errand.not_before is not None, f"left undone: {errand.kind}"
            assert errand.kind == "wake" or errand.not_before > TIME.now, f"overdue: {errand.kind}"

    # what stands in chats

    def _check_cards(self, after: Kept, chosen: dict[int, Path]) -> None:
        cards = Cards(loaded().programme, wording(), SIGNER)
        group = self.world.group
        given_time = cards_given_time(after)
        for row in after.filed.values():
            if row.receipt in given_time:
                continue
            assert row.chat == group.id and row.message in group.chat.by_id, f"{row.receipt} has no card"
            card, message = (
                cards.render(row.state, row.status, group.id, row.alike),
                group.chat.by_id[row.message],
            )
            stands, due = _steady(message.html), _steady(card["text"])
            assert stands == due, (
                f"the card of {row.receipt} is another:\n{stands}\n--- instead of ---\n{due}"
            )
            assert _keyboard(message) == _rows(card["keyboard"]), f"buttons of {row.receipt} are others"
            assert bool(message.buttons) == (row.status in OPEN_STATUSES)
        standing = {row.message for row in after.filed.values()}
        others = [one for one in group.messages if one.from_bot and one.id not in standing]
        strays = Counter(RECEIPT.findall(one.text)[0] for one in others if not _is_empty(one))
        assert not strays - self.stray_cards, f"cards that nobody knows of: {strays}"
        pressed = {number for path in chosen.values() for number in path.refreshed}
        left = [one for one in others if one.id in pressed and not _is_empty(one)]
        assert not left, f"a second card was pressed, and stands: {left}"

    def _check_messages(self, after: Kept) -> None:
        """What the bot has said to somebody is known, so that it can be taken away; what is nobody's is gone."""
        for receipt, sent_at in after.shown:
            assert after.filed[receipt].status in (*OPEN_STATUSES, "recalled"), (
                "a photo is shown of what is over"
            )
            minutes = loaded().programme.review.photo_minutes
            assert TIME.now < sent_at + timedelta(minutes=minutes), "a photo is shown too long"
        known = {number for found in after.messages.values() for _, number in found}
        for chat in self.world.telegram.chats.values():
            if not chat.private:
                continue
            said = [one for one in chat.messages if one.from_bot and one.id not in known]
            unknown = [
                one
                for one in said
                if (chat.id, one.html) not in self.explainer.nobodys and not _is_empty(one)
            ]
            assert len(unknown) <= self.strays[chat.id], f"not known any more: {unknown}"


def _outcomes_in(message: Message) -> list[str]:
    """The decisions a message tells, in whatever language."""
    return [outcome for outcome, signs in _TOLD.items() if any(sign in message.html for sign in signs)]


def _is_empty(message: Message) -> bool:
    """What stands where something could not be deleted."""
    gone = {wording().named("message_erased", language) for language in loaded().programme.languages}
    return message.html in gone | {wording().named("photo_removed", loaded().programme.review.language)}


def _steady(html: str) -> str:
    """A card without how long ago it was submitted, and whether that is too long."""
    return _LATE.sub("", _AGO.sub(r"\1", html))


def _rows(keyboard: Any) -> list[list[tuple[str, str]]]:
    return [[(button["text"], button["callback_data"]) for button in row] for row in keyboard]


def _keyboard(message: Message) -> list[list[tuple[str, str]]]:
    return [[(button.text, button.data or "") for button in row] for row in message.buttons]
