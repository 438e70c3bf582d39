"""How people in tests go through an application, whatever the language: buttons are found by what they do."""

import re
from collections.abc import Callable, Coroutine
from typing import Any

from bot.sandbox.state import Chat, Message
from bot.sandbox.telegram import Answer, Press
from tests.cast import Group, Person

ANSWERS = {
    1: "Mei Okafor",
    2: "mei.okafor@example.edu",
    3: "Lakeshore University of Technology",
    4: "2",  # the second option
    5: "Department of Linguistics",
    7: "I compare how well language models transcribe endangered languages; it labels recordings for my thesis.",
}
PHOTO = 6
OPTIONAL = (8, 9)


async def tap(person: Person, verb: str, arg: str = "", chat: Chat | None = None) -> Press:
    """Press the newest button with that verb, once it is there; the answer is not waited for."""
    place = chat or person.home
    message = await person.sees(lambda one: bool(_data(one, verb, arg)), chat=place)
    return person.press_data(message, _data(message, verb, arg))


async def press(person: Person, verb: str, arg: str = "", chat: Chat | None = None) -> Answer:
    """The same, and the bot's answer."""
    return await person.answer_to(await tap(person, verb, arg, chat))


def _data(message: Message, verb: str, arg: str) -> str:
    wanted = f"{verb}:{arg}"
    for row in message.buttons:
        for button in row:
            if button.data and (
                button.data.startswith(wanted) if arg else button.data.startswith(f"{verb}:")
            ):
                return button.data
    return ""


def has(verb: str) -> Callable[[Message], bool]:
    """Whether a message has a button with that verb."""
    return lambda message: bool(_data(message, verb, ""))


async def agree(person: Person) -> None:
    """From the first word to the first question."""
    person.start()
    await _accept(person)


async def _accept(person: Person) -> None:
    """The agreement, once it is there; an earlier one may stand above it."""
    await person.hears(has("tick"))
    await press(person, "tick")
    await person.hears(lambda message: "☑" in " ".join(message.keys))
    await press(person, "go")
    await at(person, 1)


async def at(person: Person, number: int) -> Message:
    """Wait for that question."""
    heading = re.compile(rf"^(?:{number} of 9|第{number}题)", re.MULTILINE)
    return await person.hears(lambda one: heading.search(one.text))


def email_of(person: Person) -> str:
    """Everybody has one of his own: the same in two applications is noticed."""
    return ANSWERS[2] if person.user.first_name == "Mei" else f"{person.id}@example.edu"


async def answer(person: Person, number: int) -> None:
    """Answer that question in its usual way; returns when what follows it is there."""
    if number in OPTIONAL:
        await press(person, "skip")
    elif number == PHOTO:
        person.send_photo()
    else:
        person.say(email_of(person) if number == 2 else ANSWERS[number])
    if number == PHOTO - 1:
        await person.hears(has("agree"))
        await press(person, "agree")
    await (at(person, number + 1) if number < 9 else person.hears(has("submit")))


def steps(person: Person) -> list[Callable[[], Coroutine[Any, Any, None]]]:
    """All that leads to the summary, a step each."""
    return [lambda: agree(person), *(lambda n=number: answer(person, n) for number in range(1, 10))]


async def fill_in(person: Person) -> None:
    """Up to the summary."""
    for step in steps(person):
        await step()


def receipt_in(message: Message) -> str:
    """The receipt number a message names; empty when it names none."""
    found = re.search(r"\bUX-[0-9A-Z]{8}\b", message.text)
    return found[0] if found else ""


async def submit(person: Person, group: Group) -> Message:
    """From the summary to the card in the group; that card."""
    await press(person, "submit")
    receipt = receipt_in(await person.hears(receipt_in))
    return await group.shows(lambda one: receipt in one.text and has("approve")(one))


async def apply(person: Person, group: Group) -> Message:
    """A whole application; its card."""
    await fill_in(person)
    return await submit(person, group)


async def apply_again(person: Person) -> str:
    """From a settled application to the next one; its receipt."""
    await person.hears(has("go"))  # once it is settled: an earlier agreement has such a button too
    await press(person, "go")
    await _accept(person)
    for number in range(1, 10):
        await answer(person, number)
    await press(person, "submit")
    return receipt_in(await person.hears(receipt_in))


def on(card: Message, verb: str, arg: str = "") -> str:
    """The data of that button of a card. Raises KeyError when it has none."""
    found = _data(card, verb, arg)
    if not found:
        raise KeyError(f"no {verb}:{arg} among {card.keys}")
    return found


async def decide(reviewer: Person, card: Message, verb: str, arg: str = "") -> Answer:
    """Press a button of that card, once it has it, and wait for the answer."""
    await reviewer.sees(lambda one: one is card and bool(_data(one, verb, arg)), chat=card.chat)
    return await reviewer.answer_to(reviewer.press_data(card, _data(card, verb, arg)))
