"""The same e-mail address or photo in another's application is noticed, on either card, as long as both are kept."""

from pathlib import Path

from bot.sandbox.state import Message
from tests.applying import apply, decide, press, receipt_in, steps
from tests.bot.stage import Stage, playing
from tests.cast import Person
from tests.pictures import sample_jpeg


async def apply_with(play: Stage, person: Person, email: str = "", photo: bytes = b"") -> Message:
    """All the way, with that address and picture; the card."""
    before = set(play.group.chat.by_id)
    for number, step in enumerate(steps(person)):
        if number == 2 and email:
            person.say(email)
            await person.hears("3 of 9")
        elif number == 6 and photo:
            person.send_photo(photo)
            await person.hears("7 of 9")
        else:
            await step()
    await press(person, "submit")
    return await play.group.shows(lambda one: one.id not in before and "Waiting" in one.text)


def same(card: Message) -> list[str]:
    return [line for line in card.text.splitlines() if line.startswith("⚠️ The same")]


async def test_both_cards_say_so_until_one_of_them_is_erased(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        lin, kofi, zoe = (play.cast.applicant(name) for name in ("Lin", "Kofi", "Zoe"))
        first = await apply_with(play, lin, "Shared@example.edu", sample_jpeg(name="ONE"))
        assert same(first) == []
        second = await apply_with(play, kofi, "shared@example.edu")
        assert same(second) == [f"⚠️ The same email address is in {receipt_in(first)}"]
        third = await apply_with(play, zoe, "", sample_jpeg(name="ONE"))
        assert same(third) == [f"⚠️ The same photo is in {receipt_in(first)}"]
        await play.settled()
        assert same(first) == [
            f"⚠️ The same email address is in {receipt_in(second)}",
            f"⚠️ The same photo is in {receipt_in(third)}",
        ]
        kofi.say("/delete")
        await press(kofi, "erase")
        await kofi.hears("erased")
        await play.settled()
        assert same(first) == [f"⚠️ The same photo is in {receipt_in(third)}"]
        await decide(play.ana, first, "approve")
        await decide(play.ana, first, "tell")
        await play.settled()
        assert same(third) == [f"⚠️ The same photo is in {receipt_in(first)}"]


async def test_what_was_corrected_is_compared_anew_and_his_own_earlier_ones_are_no_others(
    tmp_path: Path,
) -> None:
    async with playing(tmp_path) as play:
        lin, kofi = play.cast.applicant("Lin"), play.cast.applicant("Kofi")
        first = await apply(lin, play.group)
        second = await apply_with(play, kofi, f"{lin.id}@example.edu")
        await play.settled()
        assert same(first) and same(second)
        await press(kofi, "recall")
        await press(kofi, "edit", "email")
        kofi.say("kofi@example.edu")
        await kofi.hears("kofi@example.edu")
        await press(kofi, "submit")
        await play.settled()
        assert same(first) == []
        assert not any(same(one) for one in play.group.chat.messages)


async def test_many_accounts_with_one_address_cost_a_few_edits_each(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        cards = []
        for number in range(6):
            person = play.cast.applicant(f"P{number}")
            cards.append(await apply_with(play, person, "shared@example.edu"))
        await play.settled()
        edits = play.sandbox.telegram.witness.counts["editMessageText"]
        assert all(same(card) for card in cards)
        assert same(cards[-1])[0].endswith(" and others")
        assert edits < 6 * 12
