"""What applicants and reviewers do: the next act of a willing person, and whatever else a client can send."""

import asyncio

from bot.sandbox.faults import Fault
from bot.sandbox.state import Message
from bot.sandbox.updates import Update
from conversations.questions import ChoiceQuestion, IdentityQuestion
from conversations.state import Applicant, Drafting
from storage.store import OPEN_STATUSES
from tests.bot.exactly.checks import Judge
from tests.bot.exactly.setting import CARD_PHOTO, loaded
from tests.bot.exactly.world import World
from tests.cast import Person

VERBS = ("approve", "reject", "because", "unreject", "claim", "release", "undo", "tell", "view")
MOST = 5  # updates that come at once: more could have gone on too many ways
_NEXT = {"reading": "go", "consenting": "agree", "confirming": "submit", "settled": "go", "fresh": "go"}


class Players:
    """Two applicants, and two reviewers of whom one applies as well. `judge` knows what there is to act on."""

    def __init__(self, world: World, judge: Judge) -> None:
        self.world, self.judge = world, judge
        self.applicants: list[Person] = [*world.people, world.ben_himself]
        self.reviewers: list[Person] = [world.ana, world.ben]
        self.buttons: list[tuple[Message, str]] = []  # every button that ever stood in the group
        self._count = 0

    def look(self) -> None:
        """Remember the buttons that stand in the group now."""
        known = {(message.id, data) for message, data in self.buttons}
        standing = [(message, data) for message in self.world.group.messages for data in data_of(message)]
        self.buttons += [(message, data) for message, data in standing if (message.id, data) not in known]

    # applicants

    def applicant(self, who: int) -> Person:
        """Whoever acts has let the bot in again."""
        person = self.applicants[who]
        person.unblock()
        return person

    def goes_on(self, person: Person) -> None:
        """The next act of a willing person, as far as he can see one."""
        who = self.judge.before.people.get(person.id)
        kind = who.state.kind if who else ""
        if who is not None and isinstance(who.state, Drafting):
            self._answers(person, who, who.state)
        elif kind == "reading" and self.presses(person, "tick:on"):
            return
        elif not (kind in _NEXT and self.presses(person, f"{_NEXT[kind]}:")):
            person.say("/start" if kind in {"", "fresh", "reading"} else "/status", person.chat)

    def _answers(self, person: Person, who: Applicant, state: Drafting) -> None:
        question = loaded().programme.question(state.question)
        if isinstance(question, IdentityQuestion):
            self.sends(person, CARD_PHOTO)
        elif isinstance(question, ChoiceQuestion) and not state.part:
            if not self.presses(person, "pick:doctoral"):
                person.say("2", person.chat)
        elif question is not None and not question.required and who.step % 2:
            if not self.presses(person, "skip:"):
                person.say("/status", person.chat)
        else:
            self.says(person)

    def says(self, person: Person) -> None:
        """Something new, that is an answer to some questions."""
        self._count += 1
        who = self.judge.before.people.get(person.id)
        is_link = who is not None and isinstance(who.state, Drafting) and who.state.question == "homepage"
        text = f"https://people.example.edu/{self._count}" if is_link else f"Mei Okafor the {self._count}th"
        person.say(text, person.chat)

    def sends(self, person: Person, data: bytes) -> None:
        """A file, in the private chat."""
        home, person.home = person.home, person.chat
        person.send_file(data)
        person.home = home

    def presses(self, person: Person, start: str) -> bool:
        """Press the newest button in the private chat whose data begin so, if there is one."""
        for message in person.chat.newest_first():
            for data in data_of(message):
                if data.startswith(start):
                    person.press_data(message, data)
                    return True
        return False

    def presses_any(self, person: Person, pick: int) -> None:
        """Any button that stands in his chat, more often one of the newest."""
        found = [(message, data) for message in person.chat.newest_first() for data in data_of(message)]
        if found:
            person.press_data(*found[min(pick % len(found), pick % 13)])

    # reviewers

    def presses_card(self, by: Person, verb: str, pick: int) -> None:
        """A button of a card that is open."""
        rows, chat = self.judge.before.filed.values(), self.world.group.chat
        numbers = [row.message for row in rows if row.status in OPEN_STATUSES and row.message is not None]
        cards = [chat.by_id[number] for number in numbers if number in chat.by_id]
        found = [(card, data) for card in cards for data in data_of(card) if data.startswith(f"{verb}:")]
        if found:
            by.press_data(*found[pick % len(found)])

    def _verbs(self) -> set[str]:
        """What the cards offer now."""
        standing = {row.message for row in self.judge.before.filed.values() if row.status in OPEN_STATUSES}
        cards = [one for one in self.world.group.messages if one.id in standing]
        return {data.partition(":")[0] for card in cards for data in data_of(card)}

    def presses_old(self, by: Person, pick: int) -> None:
        """A button that stood in the group some time."""
        found = [(message, data) for message, data in self.buttons if not message.deleted]
        if found:
            by.press_data(*found[pick % len(found)])

    def presses_stray(self, by: Person, pick: int) -> None:
        """A card that was posted without an answer, so that another was posted besides; perhaps that one before."""
        known = {row.message for row in self.judge.before.filed.values()}
        cards = [one for one in self.world.group.messages if one.buttons and one.id not in known]
        found = [(card, data) for card in cards for data in data_of(card)]
        if pick % 2:
            self.presses_card(by, "claim", pick)
        if found:
            by.press_data(*found[pick % len(found)])

    # whatever

    async def does(self, person: Person, what: str, pick: int) -> None:
        """An act by its name."""
        match what:
            case "status":
                person.say("/status", person.chat)
            case "presses":
                self.presses_any(person, pick)
            case "on":
                self.goes_on(person)
            case "file":
                self.sends(person, CARD_PHOTO)
            case "says":
                self.says(person)
            case "card":
                offered = [verb for verb in VERBS if verb in self._verbs()]
                if offered:
                    self.presses_card(self.reviewers[pick % 2], offered[pick % len(offered)], 0)
            case "erase":
                self.presses(person, "erase:")
            case "sweep" if self.world.life:
                self.world.window.swept = True
                await self.world.life.or_death(self.world.app.jobs.sweep())
            case "again":
                for update in self.world.hand.repeatable()[-3:]:
                    self.world.hand.repeat(update)

    async def does_both(self, person: Person, acts: tuple[str, str], pick: int) -> None:
        """The second while what came of the first is on its way to Telegram."""
        place = ("editMessageText", self.world.group.id) if acts[0] == "card" else ("sendMessage", person.id)
        slow = self.world.sandbox.faults.add(Fault("latency", *place, count=1, seconds=0.02))
        await self.does(person, acts[0], pick)
        for _ in range(50):
            if not slow.struck and self.world.life:
                await asyncio.sleep(0.001)
        await self.does(person, acts[1], pick // 7)
        await self.world.settle()
        self.world.sandbox.faults.rules.remove(slow)


def data_of(message: Message) -> list[str]:
    """What the buttons of a message send."""
    return [button.data for row in message.buttons for button in row if button.data]


def shuffled(held: list[Update], pick: int) -> list[Update]:
    """One of the orders in which every lane keeps its own."""
    rest, found = list(held), []
    while rest:
        lanes = [one.lane for one in rest]
        firsts = [one for place, one in enumerate(rest) if one.lane not in lanes[:place]]
        chosen = firsts[pick % len(firsts)]
        pick //= len(firsts)
        rest.remove(chosen)
        found.append(chosen)
    return found
