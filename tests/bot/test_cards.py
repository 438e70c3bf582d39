"""What a card shows of an application that was returned: what was asked for, and each answer before and after."""

from bot.cards import Change, changes
from bot.plain import plain
from conversations.application import Answer, Application, Pictured, Return, Written
from conversations.state import Deciding, State, Waiting
from tests.conversations.world import ANSWERS, APPLICATION, CARDS, FAR_GROUP, NOW, PICTURE, RETURN

BEFORE: dict[str, Answer] = {key: ANSWERS[key] for key in ("department", "identity")}


def again(**answers: Answer) -> Application:
    """Submitted again with these answers in the place of the earlier ones."""
    returned = Return(decision=RETURN, answers=BEFORE)
    return APPLICATION.model_copy(
        update={"revision": 2, "answers": {**ANSWERS, **answers}, "returned": returned}
    )


def card(state: State, status: str) -> str:
    return plain(CARDS.render(state, status, FAR_GROUP)["text"])


def how(application: Application) -> dict[str, str]:
    assert application.returned is not None
    return {key: one.how for key, one in changes(application, application.returned).items()}


def test_each_answer_in_question_is_the_same_or_another() -> None:
    assert how(again()) == {"department": "same", "identity": "same_photo", "homepage": "other"}
    new = Pictured(variant="student", sides={"front": PICTURE.model_copy(update={"photo_id": "new"})})
    more = Pictured(variant="student", sides={"front": PICTURE, "back": new.sides["front"]})
    for picture in (new, more):
        assert how(again(identity=picture, department=Written(text="Physics"))) == {
            "department": "other",
            "identity": "other_photo",
            "homepage": "other",
        }


def test_what_was_left_out_before_or_is_now_is_a_change() -> None:
    application = again()
    assert application.returned is not None
    assert changes(application, application.returned)["homepage"] == Change("other", None)
    assert "Academic homepage · changed\n> not provided (optional)\n↓" in card(
        Waiting(application=application), "waiting"
    )


def test_before_and_after_stand_beside_what_was_asked_for_until_it_is_decided() -> None:
    application = again(department=Written(text="School of Informatics, see www.evil.example"))
    for state, status in (
        (Waiting(application=application), "waiting"),
        (Deciding(application=application, decision=RETURN, tell_at=NOW), "deciding"),
    ):
        text = card(state, status)
        assert "↩️ Ana asked for changes on 2 March 2026 – Photo not legible\n> More, please." in text
        assert (
            "Department or lab · changed\n> Department of Linguistics\n↓\n> School of Informatics, see"
            " www.evil.example\n" in text
        )
        assert "ID photo · same photo\n" in text
        assert "Name as on your ID\n> Mei" in text
    html = CARDS.render(Waiting(application=application), "waiting", FAR_GROUP)["text"]
    assert "<code>www.evil.example</code>" in html


def test_while_its_owner_has_it_the_card_says_what_was_asked_for_and_has_no_button() -> None:
    application = APPLICATION.model_copy(update={"returned": Return(decision=RETURN)})
    rendered = CARDS.render(Waiting(application=application), "returned", FAR_GROUP)
    assert rendered["keyboard"] == []
    text = plain(rendered["text"])
    assert text.startswith("✏️ Returned to the applicant for changes")
    assert "Department or lab ✏️\n" in text
    assert "Ana: returned for changes – Photo not legible, 2 March 2026" in text
