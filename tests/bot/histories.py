"""Random histories of people with the bot: whatever leaves something of them in its database."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.sandbox.state import Message
from tests.applying import OPTIONAL, PHOTO, at, decide, has, on, press, receipt_in
from tests.bot.clumsy import WORD
from tests.bot.stage import Stage
from tests.cast import Person
from tests.pictures import sample_jpeg

COMES_BACK, STAYS_AWAY = 4, 7  # by number: erased while the messages in their chats cannot be removed
ERASED_AMID = {COMES_BACK, STAYS_AWAY}
DRAFT = 0.7  # of 1: so many leave at most a draft
FIRST = ("Zdeňka", "若曦", "Ólafur", "Nnamdi", "Mei", "Þórdís")
LAST = ("Örkény", "欧阳", "Okafor", "Ó Súilleabháin", "Lin")


@dataclass(slots=True)
class History:
    """One person's: every word he types is his alone."""

    play: Stage
    person: Person
    rng: random.Random
    tag: str
    reviewers: tuple[Person, ...]
    number: int  # the first of a crowd take all ways there are, the others any
    receipt: str = ""
    typed: list[str] = field(default_factory=list)
    is_gone: bool = False
    is_blocking: bool = False

    def words(self, number: int) -> str:
        """His answer to a question that takes words."""
        rng, tag = self.rng, self.tag
        text = {
            1: f"{rng.choice(FIRST)} {rng.choice(LAST)} {tag}",
            2: f"{tag.lower()}.{rng.randrange(10**6)}@lakeshore.example.edu",
            3: f"University of {tag}",
            5: f"Institute {tag} for Glottochronology",
            7: f"{tag}: I compare how well models transcribe endangered languages; it labels recordings.",
            9: f"{tag}: recordings of a hundred speakers, labelled by the hour",
            8: f"https://people.example.edu/{tag.lower()}",
        }[number]
        self.typed.append(text)
        return text

    @property
    def card(self) -> Message | None:
        """The one that stands in the group, if any; a reminder posts it anew."""
        cards = [one for one in self.play.group.messages if not one.deleted and self.receipt in one.text]
        return cards[-1] if self.receipt and cards else None

    def photo(self) -> bytes:
        return sample_jpeg(name=f"{self.tag} {self.rng.randrange(1000)}")

    async def agree(self) -> None:
        self.person.start()
        await self._accept()

    async def _accept(self) -> None:
        who = self.person
        await who.hears(has("tick"))
        await press(who, "tick")
        await who.hears(lambda one: "☑" in " ".join(one.keys))
        await press(who, "go")
        await at(who, 1)

    async def answer(self, number: int) -> None:
        who = self.person
        if number in OPTIONAL and self.rng.random() < 0.5:
            await press(who, "skip")
        elif number == PHOTO:
            who.send_photo(self.photo())
        elif number == 4:
            who.say("2")
        else:
            who.say(self.words(number))
        if number == PHOTO - 1:
            await who.hears(has("agree"))
            await press(who, "agree")
        await (at(who, number + 1) if number < 9 else who.hears(has("submit")))

    async def submit(self) -> None:
        await press(self.person, "submit")
        self.receipt = receipt_in(await self.person.hears(receipt_in))
        await self.play.group.shows(lambda one: self.receipt in one.text and has("approve")(one))

    async def apply(self) -> None:
        for number in range(1, 10):
            await self.answer(number)
        await self.submit()

    # before a week has passed

    async def begin(self) -> None:
        """Somewhere between the first word and an application that has ended."""
        ends = [
            self.stay,
            self.recall,
            self.withdraw_and_apply_again,
            self.approved,
            self.rejected,
            self.come_back,
        ]
        takes_all = self.number < len(ends)
        how_far = 1.0 if takes_all else DRAFT if self.number == len(ends) else self.rng.random()
        if how_far < 0.2:
            self.person.start()
            await self.person.hears(has("tick"))
            return
        await self.agree()
        if how_far <= DRAFT:
            for number in range(1, self.rng.randrange(2, 10)):
                await self.answer(number)
            return
        await self.apply()
        for _ in range(self.rng.randrange(3)):
            await self.reviewed()
        await (ends[self.number] if takes_all else self.rng.choice(ends))()

    async def stay(self) -> None:
        """He waits; perhaps he is to change something."""
        if self.rng.random() < 0.7:
            await self.returned()

    async def reviewed(self) -> None:
        """Looked at, or taken in hand and let go."""
        assert self.card is not None
        reviewer, how = self.rng.choice(self.reviewers), self.rng.random()
        if how < 0.5:
            await self.follow(reviewer, self.card, "view")
        elif how < 0.7:
            await decide(reviewer, self.card, "reject")
            form = await self.compose(reviewer, self.card)
            await decide(reviewer, self.card, "unreject")
            if self.rng.random() < 0.5:
                await reviewer.answer_to(reviewer.press_data(form, on(form, "discard")))
        else:
            await decide(reviewer, self.card, "claim")
            await decide(reviewer, self.card, "release")

    async def follow(self, reviewer: Person, card: Message, verb: str) -> None:
        """A link of the card into the reviewer's private chat."""
        link = (await decide(reviewer, card, verb)).url
        assert link is not None
        reviewer.start(link.partition("?start=")[2])
        await self.play.taken()

    async def compose(self, reviewer: Person, card: Message, verb: str = "long") -> Message:
        """A form with a reason and words in it."""
        before = {one.id for one in reviewer.chat.messages}
        await self.follow(reviewer, card, verb)
        form = await reviewer.sees(
            lambda one: one.id not in before and has("why")(one) and self.receipt in one.text,
            chat=reviewer.chat,
        )
        await reviewer.answer_to(reviewer.press_data(form, on(form, "why", "+duplicate")))
        reviewer.say(f"As {self.tag} knows.", reviewer.chat, reply_to=form)
        await reviewer.sees(lambda one: one is form and self.tag in one.text, chat=reviewer.chat)
        return form

    async def recall(self) -> None:
        await press(self.person, "recall")
        await self.person.hears(has("submit"))
        if self.rng.random() < 0.5:
            await self.submit()

    async def withdraw(self) -> None:
        self.person.say("/withdraw")
        await self.person.hears(has("leave"))
        await press(self.person, "leave")
        await self.person.hears(has("go"))

    async def withdraw_and_apply_again(self) -> None:
        await self.withdraw()
        await press(self.person, "go")
        await self._accept()
        if self.rng.random() < 0.5:
            await self.apply()

    async def approved(self) -> None:
        assert self.card is not None
        reviewer = self.rng.choice(self.reviewers)
        await decide(reviewer, self.card, "approve")
        if self.rng.random() < 0.3:
            await decide(reviewer, self.card, "undo")
            return
        await decide(reviewer, self.card, "tell")

    async def rejected(self) -> None:
        assert self.card is not None
        reviewer = self.rng.choice(self.reviewers)
        await decide(reviewer, self.card, "reject")
        if self.rng.random() < 0.5:
            form = await self.compose(reviewer, self.card)
            await reviewer.answer_to(reviewer.press_data(form, on(form, "decide")))
        else:
            await decide(reviewer, self.card, "because", self.rng.choice(["duplicate", "not_legible"]))
        await decide(reviewer, self.card, "tell")

    async def returned(self) -> None:
        """For changes; perhaps he makes them, and submits again."""
        assert self.card is not None
        reviewer = self.rng.choice(self.reviewers)
        form = await self.compose(reviewer, self.card, "return")
        await reviewer.answer_to(reviewer.press_data(form, on(form, "flag", "+department")))
        await reviewer.answer_to(reviewer.press_data(form, on(form, "decide")))
        await decide(reviewer, self.card, "tell")
        await self.person.hears(lambda one: "edit:department" in " ".join(data_of(one)))
        if self.rng.random() < 0.3:
            return
        await press(self.person, "edit", "department")
        await at(self.person, 5)
        self.person.say(self.words(5))
        await self.person.hears(has("submit"))
        if self.rng.random() < 0.6:
            await self.submit()

    async def come_back(self) -> None:
        """Deletes himself, perhaps rejected before, and says a word again."""
        if self.rng.random() < 0.5:
            await self.rejected()
        self.person.say("/delete")
        await press(self.person, "erase")
        await self.person.hears("🗑")
        self.is_gone = self.number > STAYS_AWAY and self.rng.random() < 0.5
        if not self.is_gone:
            self.person.start()
            await self.person.hears(lambda one: "🗑" not in one.text)

    # after it

    async def go_on(self) -> None:
        """Things that do not lead on, a few of them in any order."""
        if self.is_gone:
            return
        acts: list[Callable[[], Awaitable[None]]] = [
            self.ask_for_his_data,
            self.look_around,
            self.remind_reviewers,
            self.decided_and_not_told,
        ]
        chosen = self.rng.sample(acts, self.rng.randrange(1, 4))
        for act in chosen if self.number else [self.decided_and_not_told]:
            await act()
            await self.play.taken()
        if self.number in ERASED_AMID:
            self.person.say("/delete")
            await self.person.hears(has("erase"))
            return
        if self.number % 2 or self.rng.random() < 0.3:
            self.fail()
        if self.rng.random() < 0.2:
            await self.block()

    async def ask_for_his_data(self) -> None:
        self.person.say("/mydata")
        await self.person.hears(lambda one: one.document)

    def fail(self) -> None:
        """He writes and presses what nobody can handle, below a message of the bot."""
        below = [one for one in self.person.messages() if one.from_bot and not one.deleted][-1]
        self.person.say(f"{WORD} {self.tag}", reply_to=below if self.rng.random() < 0.7 else None)
        if self.rng.random() < 0.5:
            self.person.press_data(below, WORD)

    async def look_around(self) -> None:
        for command in self.rng.sample(
            ["/help", "/privacy", "/status", "/language", "/correct", "/nonsense"], 3
        ):
            self.person.say(command)
        await self.play.taken()

    async def remind_reviewers(self) -> None:
        self.person.say("/status")
        await self.play.taken()
        await self.play.settled()
        if any(has("nudge")(one) for one in self.person.messages()[-1:]):
            await press(self.person, "nudge")
            await self.play.settled()

    async def decided_and_not_told(self) -> None:
        """Or the reason is not chosen yet; and he asks, while all of it can be undone."""
        await self.play.settled()
        if self.card is None or not has("approve")(self.card):
            return
        await decide(self.rng.choice(self.reviewers), self.card, self.rng.choice(["approve", "reject"]))
        await self.ask_for_his_data()
        self.person.say("/correct")

    async def block(self) -> None:
        """What is to be said to him waits for his return."""
        self.is_blocking = True
        self.person.block()
        await self.play.taken()
        await self.play.settled()
        if self.card is not None and has("reject")(self.card):
            await self.rejected()

    def speak_unheard(self) -> None:
        """While nothing is sent any more."""
        if self.is_gone or self.is_blocking:
            return
        if self.number in ERASED_AMID:
            question = self.person.messages()[-1]
            self.person.press_data(question, on(question, "erase"))
            self.is_gone = self.number != COMES_BACK
            if not self.is_gone:
                self.person.say("/start")
            return
        for text in self.rng.sample(["/status", "/mydata", f"{WORD} again {self.tag}", "/help"], 2):
            self.person.say(text)
        if self.rng.random() < 0.5:
            self.person.send_photo(self.photo())


async def live(histories: list[History], what: Callable[[History], Awaitable[None]]) -> None:
    await asyncio.gather(*(what(one) for one in histories))


def data_of(message: Message) -> list[str]:
    """What its buttons carry."""
    return [button.data or "" for row in message.buttons for button in row]
