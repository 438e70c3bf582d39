"""How a window may have gone: such that states, ledger, cards and messages are as the pure dialogue has them."""

import json
from collections import Counter
from datetime import datetime, timedelta
from itertools import islice, product
from typing import Any

from conversations.state import Deciding
from tests.bot.exactly.paths import Path, Reference, normal
from tests.bot.exactly.record import ERASED, Kept, Key, Sent, cards_given_time
from tests.bot.exactly.setting import TIME, loaded, wording
from tests.bot.exactly.world import World

CHOICES = 500  # joint ways that are compared with what was done
_NOTES = ("own_application", "no_photo_kept", "photo_only_while_open", "not_under_review")


class Explainer:
    """Finds the way, and remembers from one window to the next what is still to come."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._wakes: dict[tuple[str, int], datetime] = {}  # when the time to undo a decision ends
        self.nobodys: set[Key] = set()  # texts that stand in a chat and are about nobody
        self.owed: dict[int, tuple[Key, ...]] = {}  # what waits for those who have blocked the bot

    def explain(self, before: Kept, after: Kept, seen: Sent) -> dict[int, Path]:
        """The way it has gone, for everybody. Raises AssertionError when there is none."""
        reference = Reference(self._world, before, after)
        accounts = sorted(reference.accounts())
        fitting: list[list[Path]] = []
        for account in accounts:
            paths = reference.paths(account, self._undo(before, account))
            looks = normal(after.people.get(account))
            same = [path for path in paths if path.looks == looks]
            assert same, self._told(account, looks, [path.looks for path in paths])
            fitting.append(same)
        reasons = []
        for choice in islice(product(*fitting), CHOICES):
            ways = dict(zip(accounts, choice, strict=True))
            if not (reason := self._misfit(before, after, seen, ways)):
                self._remember(after, seen, ways)
                return ways
            reasons.append(reason)
        lines = ["nothing that may have happened explains what was done", *reasons[:3], *story(self._world)]
        raise AssertionError("\n".join(lines))

    def _remember(self, after: Kept, seen: Sent, chosen: dict[int, Path]) -> None:
        """What waits for somebody's return; and that the time to undo begins anew where a start finds it over."""
        for account, path in chosen.items():
            due = self._due_to_him(account, path)
            self.owed.pop(account, None)
            if path.who is not None and not after.reachable[account]:
                left = Counter(due) - seen.times
                self.owed[account] = tuple(key for key in due if left[key] > 0)
        for who in after.people.values():
            if isinstance(who.state, Deciding):
                self._plan_wake(who.state)

    def _plan_wake(self, state: Deciding) -> None:
        key = state.application.receipt, state.application.round
        due = self._wakes.get(key, state.tell_at)
        for start in self._world.window.starts:
            if state.tell_at < start:
                due = start + timedelta(seconds=loaded().programme.review.undo_seconds)
        self._wakes[key] = due

    def _told(self, account: int, looks: str, expected: list[str]) -> str:
        lines = [f"{account} has come to stand where no order of his updates leads:"]
        for one in expected[:4]:
            lines += ["one way differs:", *_differences(json.loads(looks or "{}"), json.loads(one or "{}"))]
        return "\n".join(lines)

    def _undo(self, before: Kept, account: int) -> str:
        """Whether the time to undo has ended for him: it "must" have, or "may", since it begins anew at a start."""
        who = before.people.get(account)
        if who is None or not isinstance(who.state, Deciding):
            return ""
        due = self._wakes[who.state.application.receipt, who.state.application.round]
        window = self._world.window
        if due > TIME.now or (window.starts and not window.moved and who.state.tell_at < window.starts[0]):
            return ""
        return "may" if window.starts else "must"

    def _misfit(self, before: Kept, after: Kept, seen: Sent, by_account: dict[int, Path]) -> str:
        """Why it cannot have gone that way; nothing when it can."""
        ways = by_account.values()
        audits = Counter(audit for path in ways for audit in path.audits)
        entered = Counter((action, detail) for action, _, detail in after.audit[len(before.audit) :])
        if audits != entered:
            return f"the audit log has {entered}, not {audits}"
        consents = sum(after.consents.values()) - sum(before.consents.values())
        if consents != sum(path.consents for path in ways):
            return f"{consents} consents were entered, not {sum(path.consents for path in ways)}"
        anew = Counter(receipt for path in ways for receipt in path.anew)
        waiting = cards_given_time(after)
        if missing := {one for one in anew if one in after.filed and not seen.cards[one]} - waiting:
            return f"cards were not posted anew: {missing}"
        if extra := seen.cards - anew - seen.cards_lost - Counter(cards_given_time(before)):
            return f"cards were posted without cause: {extra}"
        return self._misfit_of_messages(after, seen, by_account)

    def _misfit_of_messages(self, after: Kept, seen: Sent, ways: dict[int, Path]) -> str:
        sure, perhaps, found = Counter[Key](), Counter[Key](), list[str]()
        for account, path in ways.items():
            due, maybe = self._due(after, account, path)
            sure.update(due)
            perhaps.update(maybe)
            found += self._misfit_of_order(seen, account, path)
        if self._is_single(ways):
            sure, perhaps = sure + perhaps, Counter()
        nobodys = {key for key in seen.times if key not in sure and key not in perhaps}
        for key in {*sure, *perhaps} - {key for key in sure if key[1] == ERASED}:
            most = sure[key] + perhaps[key]
            most += min(seen.lost[key], most) + seen.unknown[key]
            least = sure[key] - seen.silent[key] // 2  # it is given up when twice no answer has come
            least = min(least, 1) if self._is_note(key) else least  # what waits already is not said twice
            if not least <= seen.times[key] <= most:
                found.append(f"{seen.times[key]} times, not {least} to {most}: {key}")
        for chat in {key[0] for key in nobodys}:
            found += self._misfit_of_erasures(chat, nobodys, seen, sure, perhaps)
        for chat, what in sure:
            if what == ERASED and not any(key[0] == chat for key in nobodys):
                found.append(f"no receipt of the erasure: {chat}")
        if not found:
            self.nobodys |= nobodys | {key for key in sure if self._is_note(key)}
        return "\n".join(found)

    def _due(self, after: Kept, account: int, path: Path) -> tuple[tuple[Key, ...], tuple[Key, ...]]:
        """What must have been sent for his sake, and what perhaps. To whoever has blocked the bot nothing comes."""
        due = self._due_to_him(account, path)
        rest = tuple(key for key in path.sends if key[0] != account)
        user = self._world.telegram.user(account)
        if user.blocked:
            return rest, path.perhaps
        if not after.reachable.get(account, True):  # he is back, and the bot has not heard of it
            return rest, (*path.perhaps, *due)
        return (*due, *rest), path.perhaps

    def _due_to_him(self, account: int, path: Path) -> tuple[Key, ...]:
        own = tuple(key for key in path.sends if key[0] == account)
        return own if path.who is None else (*self.owed.get(account, ()), *own)

    def _is_single(self, ways: dict[int, Path]) -> bool:
        """Whether one update alone came, so that nothing could get in its way."""
        updates = self._world.hand.sent[self._world.window.first_update :]
        nobody_has_gone = all(path.who is not None for path in ways.values())
        return len(updates) == 1 and nobody_has_gone and not self.owed and not self._anybody_blocks()

    def _anybody_blocks(self) -> bool:
        return any(user.blocked for user in self._world.telegram.users.values())

    def _misfit_of_order(self, seen: Sent, account: int, path: Path) -> list[str]:
        """One chat's messages come in the order in which they were called for; but for what waited for a return."""
        own = [key for key in path.sends if key[0] == account and key[1] != ERASED]
        if any(seen.silent[key] > 1 for key in own) or not seen.order.get(account):
            return []
        came = iter(seen.order[account])
        return [] if all(key in came for key in own) else [f"in another order than {own}"]

    def _misfit_of_erasures(
        self, chat: int, nobodys: set[Key], seen: Sent, sure: Counter[Key], perhaps: Counter[Key]
    ) -> list[str]:
        """A receipt of an erasure has a number of its own; nothing else may have come that is not known."""
        keys = [key for key in nobodys if key[0] == chat]
        times = sum(seen.times[key] for key in keys)
        expected = sure[chat, ERASED] + perhaps[chat, ERASED]
        dropped = sum(many for key, many in perhaps.items() if key[0] == chat) if expected else 0
        most = expected + dropped + len(self._world.window.deaths) * expected
        most += sum(seen.lost[key] for key in keys) * bool(expected)
        return [] if times <= most else [f"nobody has asked for this: {keys}"]

    def _is_note(self, key: Key) -> bool:
        """A plain word to a reviewer is remembered for nobody."""
        language = loaded().programme.review.language
        return key[1] in {wording().toast(name, language, {}) for name in _NOTES}


def story(world: World) -> list[str]:
    """What went on since the last look, for whoever has to find out."""
    window = world.window
    lines = [f"{len(window.deaths)} deaths, {len(window.starts)} starts"]
    lines += [raw.decode()[:300] for raw in (one.body for one in world.hand.sent[window.first_update :])]
    for call in world.telegram.witness.calls[window.first_call :]:
        if call.method != "getUpdates":
            text = str(call.params.get("text", ""))[:60]
            what = f"{call.method} {call.chat_id} {call.message_id or ''} {text!r}"
            lines.append(f"{what} {call.fault or ''} {call.description or ''}")
    return lines


def _differences(is_: Any, due: Any, place: str = "") -> list[str]:
    if isinstance(is_, dict) and isinstance(due, dict):
        keys = sorted({*is_, *due})
        return [line for key in keys for line in _differences(is_.get(key), due.get(key), f"{place}.{key}")]
    return [] if is_ == due else [f"  {place}: is {is_!r}, not {due!r}"]
