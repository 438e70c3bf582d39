"""The form in which a reviewer composes a decision, through the real bot on the local Telegram."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from bot.people import People
from bot.sandbox.state import Message
from bot.sandbox.telegram import Answer
from conversations import Applicant
from conversations.state import application_of
from storage import store
from tests.applying import agree, answer, apply, at, decide, fill_in, has, on, press, receipt_in, submit
from tests.bot.stage import Stage, playing
from tests.cast import Person

WORDS = "Please look at https://rules.example and ask @somebody, or /approve it."


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with playing(tmp_path) as opened:
        yield opened


async def open_form(stage: Stage, reviewer: Person, card: Message, verb: str = "long") -> Message:
    """The link of the card, after Reject where it is a rejection; the form that stands in the private chat."""
    if verb == "long" and has("reject")(card):
        await decide(reviewer, card, "reject")
    link = (await decide(reviewer, card, verb)).url
    assert link is not None
    reviewer.start(link.partition("?start=")[2])
    return await reviewer.hears(has("why"), chat=reviewer.chat)


async def push(reviewer: Person, form: Message, verb: str, arg: str = "") -> Answer:
    """Press a button of that form, once it has it."""
    await reviewer.sees(lambda one: one is form and f"{verb}:{arg}" in data(one), chat=reviewer.chat)
    return await reviewer.answer_to(reviewer.press_data(form, on(form, verb, arg)))


def data(message: Message) -> str:
    return " ".join(button.data or "" for row in message.buttons for button in row)


async def known(stage: Stage, person: Person) -> Applicant:
    people = People(stage.app.engine, stage.app.vault)
    crowd = await people.load([people.ref(person.id)], (), (), ())
    return next(iter(crowd.by_id.values())).applicant


async def composing(stage: Stage, person: Person) -> list[tuple[str, tuple[str, ...], str]]:
    """What is being composed about somebody: by whom, which reasons, which words."""
    application = application_of((await known(stage, person)).state)
    assert application is not None
    return [(form.by.name, form.reasons, form.words) for form in application.forms]


async def rows(stage: Stage, place: str) -> int:
    found = await stage.app.engine.read(
        lambda tx: tx.fetchone("SELECT COUNT(*) FROM messages WHERE place = ?", (place,))
    )
    assert found is not None
    return int(found[0])


async def test_composing_edits_no_card_and_the_decision_edits_it_once(stage: Stage) -> None:
    mei = stage.cast.applicant("Mei")
    card = await apply(mei, stage.group)
    form = await open_form(stage, stage.ana, card)
    edits = card.edits
    await push(stage.ana, form, "why", "+duplicate")
    await push(stage.ana, form, "why", "+incomplete")
    stage.ana.say(WORDS, stage.ana.chat, reply_to=form)
    await stage.ana.sees(lambda one: one is form and "unsay" in data(one), chat=stage.ana.chat)
    await push(stage.ana, form, "preview")
    await push(stage.ana, form, "compose")
    await stage.settled()
    assert card.edits == edits
    await push(stage.ana, form, "decide", "rejected")
    await stage.settled()
    assert card.edits == edits + 1
    assert [one for one in stage.group.messages if receipt_in(one)] == [card]


async def test_own_words_are_quoted_and_nothing_in_them_is_a_link(stage: Stage) -> None:
    mei = stage.cast.applicant("Mei")
    card = await apply(mei, stage.group)
    form = await open_form(stage, stage.ana, card)
    await push(stage.ana, form, "why", "+duplicate")
    reply = stage.ana.say(WORDS, stage.ana.chat, reply_to=form)
    await push(stage.ana, form, "preview")
    await stage.ana.sees(lambda one: one is form and "compose" in data(one), chat=stage.ana.chat)
    previewed = form.text
    await push(stage.ana, form, "decide", "rejected")
    await decide(stage.ana, card, "tell")
    told = await mei.hears("The reviewers write:")
    assert told.text == previewed
    linked = {"url", "text_link", "mention", "text_mention", "bot_command", "hashtag", "cashtag", "email"}
    for message in (told, card):
        assert WORDS in message.text
        quoted = [one for one in message.entities if one["type"] == "blockquote"]
        assert any(WORDS in _part(message.text, one) for one in quoted)
        inside = [
            one for one in message.entities if one["type"] in linked and _part(message.text, one) in WORDS
        ]
        assert inside == []
    assert reply.deleted
    await stage.settled()
    assert form.deleted
    assert await rows(stage, "form") == 0


def _part(text: str, entity: dict[str, int]) -> str:
    units = text.encode("utf-16-le")
    return units[2 * entity["offset"] : 2 * (entity["offset"] + entity["length"])].decode("utf-16-le")


async def test_a_reviewer_has_one_form_of_an_application_wherever_he_opens_it_anew(stage: Stage) -> None:
    mei = stage.cast.applicant("Mei")
    card = await apply(mei, stage.group)
    first = await open_form(stage, stage.ana, card)
    await push(stage.ana, first, "why", "+duplicate")
    second = await open_form(stage, stage.ana, card)
    await stage.settled()
    assert first.deleted and not second.deleted
    assert on(second, "why", "-duplicate")
    assert await rows(stage, "form") == 1


async def test_anothers_form_cannot_be_pressed_nor_by_one_who_has_left(stage: Stage) -> None:
    mei, ben = stage.cast.applicant("Mei"), stage.cast.reviewer("Ben", stage.group, started=True)
    card = await apply(mei, stage.group)
    form = await open_form(stage, ben, card)
    stage.ana.start()
    message = await stage.ana.hears(has("tick"), chat=stage.ana.chat)
    pressed = stage.ana.press_data(message, on(form, "why", "+duplicate"))
    assert "an earlier step" in str((await stage.ana.answer_to(pressed)).text)
    assert await composing(stage, mei) == [("Ben", (), "")]
    ben.leave(stage.group)
    await stage.taken()
    for verb, arg in (("why", "+duplicate"), ("decide", "rejected")):
        refused = await ben.answer_to(ben.press_data(form, on(form, verb, arg)))
        assert refused.text == "Only members of the group may reject here."
    ben.say("Let me in.", ben.chat, reply_to=form)
    await ben.hears("Only members of the group may reject here.", chat=ben.chat)
    assert await composing(stage, mei) == [("Ben", (), "")]


async def test_a_reviewer_who_applies_himself_is_not_confused(stage: Stage) -> None:
    """His replies to the form are words of his own; all else that he writes is his own dialogue."""
    mei, ben = stage.cast.applicant("Mei"), stage.cast.reviewer("Ben", stage.group, started=True)
    ben.home = ben.chat
    await agree(ben)
    card = await apply(mei, stage.group)
    question = await ben.sees("1 of 9")
    form = await open_form(stage, ben, card)
    ben.say("Two words", ben.chat, reply_to=form)
    await ben.sees(lambda one: one is form and "Two words" in one.text)
    ben.say("Ben Okafor", ben.chat, reply_to=question)
    await at(ben, 2)
    await answer(ben, 2)
    assert await composing(stage, mei) == [("Ben", (), "Two words")]
    own = await known(stage, ben)
    assert own.state.draft.answers["full_name"].text == "Ben Okafor"  # type: ignore[union-attr]
    ben.send_photo(chat=ben.chat)  # no reply: to his own question
    await ben.hears("needs no photo")
    ben.say("/help", ben.chat, reply_to=form)
    await ben.hears("You review in the group")
    assert await composing(stage, mei) == [("Ben", (), "Two words")]


async def test_words_that_were_too_long_count_once_they_are_shortened_where_they_stand(stage: Stage) -> None:
    mei = stage.cast.applicant("Mei")
    card = await apply(mei, stage.group)
    form = await open_form(stage, stage.ana, card)
    reply = stage.ana.say("x" * 1_001, stage.ana.chat, reply_to=form)
    await stage.ana.hears("1001 characters", chat=stage.ana.chat)
    assert not reply.deleted
    stage.ana.edit(reply, "Shorter.")
    await stage.ana.sees(lambda one: one is form and "Shorter." in one.text, chat=stage.ana.chat)
    await stage.settled()
    assert reply.deleted
    assert await composing(stage, mei) == [("Ana", (), "Shorter.")]


async def test_a_form_survives_a_restart_and_decides_after_it(stage: Stage) -> None:
    mei = stage.cast.applicant("Mei")
    card = await apply(mei, stage.group)
    form = await open_form(stage, stage.ana, card)
    await push(stage.ana, form, "why", "+duplicate")
    await stage.stop()
    await stage.start()
    await push(stage.ana, form, "decide", "rejected")
    await stage.ana.sees(lambda one: one is form and not one.buttons, chat=stage.ana.chat)
    assert "undone on the card" in form.text
    await stage.stop()
    await stage.start()
    await decide(stage.ana, card, "tell")
    await mei.hears("Why: We already have an application from you.")


async def test_the_second_of_two_is_told_who_was_first_even_on_a_button_that_is_gone(stage: Stage) -> None:
    mei, ben = stage.cast.applicant("Mei"), stage.cast.reviewer("Ben", stage.group, started=True)
    card = await apply(mei, stage.group)
    form = await open_form(stage, ben, card)
    await push(ben, form, "why", "+duplicate")
    late = on(form, "decide")
    await decide(stage.ana, card, "because", "incomplete")
    told = await ben.answer_to(ben.press_data(form, late))
    assert "Ana was first: rejected" in str(told.text)
    assert told.show_alert
    await stage.settled()
    assert form.text.startswith(f"{card.text.split(' · ')[1][:11]}: Ana – rejected")


async def test_a_returned_application_survives_restarts_and_comes_back_as_one_card_at_the_end(
    stage: Stage,
) -> None:
    mei, lin = stage.cast.applicant("Mei"), stage.cast.applicant("Lin", "zh")
    card = await apply(mei, stage.group)
    await apply(lin, stage.group)
    form = await open_form(stage, stage.ana, card, "return")
    await push(stage.ana, form, "flag", "+department")
    await push(stage.ana, form, "why", "+incomplete")
    approve = on(card, "approve")
    await push(stage.ana, form, "decide", "returned")
    await stage.stop()
    await stage.start()
    await decide(stage.ana, card, "tell")
    await mei.hears(has("edit"))
    await stage.settled()
    assert await status(stage, card) == "returned"
    assert not card.buttons
    refused = await stage.ana.answer_to(stage.ana.press_data(card, approve))
    assert refused.text == "This application is not under review now."
    await stage.stop()
    await stage.start()
    await press(mei, "edit", "department")
    await at(mei, 5)
    mei.say("School of Informatics")
    await mei.hears(has("submit"))
    again = await submit(mei, stage.group)
    await stage.settled()
    assert card.deleted
    assert again is stage.group.messages[-1]
    assert "Claimed by Ana" in again.text
    assert await status(stage, again) == "waiting"


async def test_an_old_summary_cannot_change_what_was_not_asked_for(stage: Stage) -> None:
    """Its buttons are of an earlier step; and a forged one would be refused by what was asked for."""
    mei = stage.cast.applicant("Mei")
    await fill_in(mei)
    summary = await mei.sees(has("submit"))
    old = on(summary, "edit", "full_name")
    card = await submit(mei, stage.group)
    form = await open_form(stage, stage.ana, card, "return")
    await push(stage.ana, form, "why", "+purpose_unclear")
    await push(stage.ana, form, "decide", "returned")
    await decide(stage.ana, card, "tell")
    await mei.hears(has("edit"))
    pressed = await mei.answer_to(mei.press_data(summary, old))
    assert "earlier step" in str(pressed.text)
    who = await known(stage, mei)
    assert who.state.draft.answers["full_name"].text == "Mei Okafor"  # type: ignore[union-attr]


async def status(stage: Stage, card: Message) -> str:
    row = await stage.app.engine.read(lambda tx: store.application(tx, receipt_in(card)))
    assert row is not None
    return row.status


async def test_erasing_the_applicant_removes_every_form_about_him(stage: Stage) -> None:
    mei = stage.cast.applicant("Mei")
    card = await apply(mei, stage.group)
    form = await open_form(stage, stage.ana, card)
    await push(stage.ana, form, "why", "+duplicate")
    mei.say("/delete")
    await mei.hears(has("erase"))
    message = await mei.sees(has("erase"))
    await mei.answer_to(mei.press_data(message, on(message, "erase")))
    await mei.hears("🗑")
    await stage.settled()
    assert form.deleted and card.deleted
    assert await rows(stage, "form") == 0


async def test_a_reviewer_who_blocks_the_bot_cuts_nobody_off(stage: Stage) -> None:
    """What is to be done in his chat is given up; the applicant is told all the same, and counts as reachable."""
    mei, ben = stage.cast.applicant("Mei"), stage.cast.reviewer("Ben", stage.group, started=True)
    card = await apply(mei, stage.group)
    await open_form(stage, ben, card)
    ben.block()
    await stage.taken()
    await decide(stage.ana, card, "because", "duplicate")
    await decide(stage.ana, card, "tell")
    await mei.hears("Why: We already have an application from you.")
    await stage.settled()
    reachable = await stage.app.engine.read(lambda tx: tx.fetchall("SELECT reachable FROM people"))
    assert reachable == [(1,)]
