"""The form as data: what is asked next, what still fits, and what a programme may not say."""

import copy
import tomllib
from datetime import timedelta
from importlib.resources import files
from typing import Any

import pytest
from pydantic import ValidationError

from conversations import Mistake, Programme, ProgrammeMistakes
from conversations.application import Chosen, Draft, Pictured, Written
from conversations.programme import Text
from tests.conversations.world import ANSWERS, DRAFT, PROGRAMME, asked_when, with_question, without

RAW = tomllib.loads((files("templates") / "university_x" / "programme.toml").read_text(encoding="utf-8"))
KEYS = [question.key for question in PROGRAMME.questions]


def changed(path: str, value: Any) -> Programme:
    """The shipped programme with one value of its file changed; None takes it out."""
    raw = copy.deepcopy(RAW)
    table, *rest = path.split(".")
    inside: Any = raw
    for part in (table, *rest)[:-1]:
        inside = inside.setdefault(part, {})
    last = path.rsplit(".", maxsplit=1)[-1]
    if value is None:
        del inside[last]
    else:
        inside[last] = value
    return Programme.model_validate(raw)


# what comes next


def test_questions_come_in_the_order_of_the_file() -> None:
    assert list(RAW["questions"]) == KEYS
    draft = Draft()
    for key in KEYS:
        question = PROGRAMME.next_after(draft)
        assert question is not None and question.key == key
        draft = draft.with_answer(key, ANSWERS[key])
    assert PROGRAMME.next_after(draft) is None


def test_an_optional_question_may_be_skipped_and_a_required_one_not() -> None:
    skipped = DRAFT.without("homepage", skipped=True)
    assert PROGRAMME.next_after(skipped) is None
    needed = with_question(PROGRAMME, "homepage", required=True).next_after(skipped)
    assert needed is not None and needed.key == "homepage"


def test_position_counts_what_is_asked_of_him() -> None:
    question = PROGRAMME.question("department")
    assert question is not None
    assert PROGRAMME.position(question, Draft()) == (5, 9)
    conditional = asked_when(PROGRAMME, "full_name")
    question = conditional.question("email")
    assert question is not None
    assert conditional.position(question, Draft()) == (1, 8)
    assert conditional.position(question, DRAFT) == (2, 9)


def test_before_steps_over_what_does_not_apply() -> None:
    form = asked_when(PROGRAMME, "department")
    identity = form.question("identity")
    assert identity is not None
    found = [form.before(identity, DRAFT), form.before(identity, Draft())]
    assert [one.key for one in found if one] == ["department", "status"]


def test_before_the_first_question_is_nothing() -> None:
    assert PROGRAMME.before(PROGRAMME.questions[0], DRAFT) is None


def test_kept_answers_are_those_of_the_form_as_it_stands() -> None:
    assert list(PROGRAMME.kept(DRAFT)) == KEYS
    assert "homepage" not in without(PROGRAMME, "homepage").kept(DRAFT)


@pytest.mark.parametrize(
    ("key", "answer", "fits"),
    [
        ("status", Chosen(option="doctoral"), True),
        ("status", Chosen(option="abolished"), False),
        ("status", Written(text="doctoral"), False),
        ("full_name", Chosen(option="doctoral"), False),
        ("identity", ANSWERS["identity"], True),
        ("identity", Pictured(variant="teacher", sides=ANSWERS["identity"].sides), False),  # type: ignore[union-attr]
        ("identity", Pictured(variant="student"), False),
        ("identity", Written(text="here"), False),
    ],
)
def test_a_kept_answer_that_no_longer_fits_is_asked_again(key: str, answer: Any, fits: bool) -> None:
    question = PROGRAMME.question(key)
    assert question is not None
    assert PROGRAMME.fits(question, answer, DRAFT) is fits
    draft = DRAFT.with_answer(key, answer)
    due = PROGRAMME.next_after(draft)
    if key != "status":
        assert (due is None) is fits


def test_another_status_asks_for_another_card() -> None:
    due = PROGRAMME.next_after(DRAFT.with_answer("status", Chosen(option="faculty")))
    assert due is not None and due.key == "identity"


def test_how_long_things_are_kept() -> None:
    days = {outcome: PROGRAMME.keep(outcome) for outcome in ("approved", "rejected", "withdrawn")}
    assert days == {
        "approved": timedelta(days=730),
        "rejected": timedelta(days=180),
        "withdrawn": timedelta(days=30),
    }


def test_a_text_is_known_by_the_hash_of_its_bytes() -> None:
    assert Text.of("a") == Text.of("a")
    assert Text.of("é").hash == "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"


# what a programme may not say

FAULTS = {
    "review.language": ("fr", ("review.language", "'fr'", "one of en, zh")),
    "consents.identity_photo.before": (
        "passport",
        ("consents.identity_photo.before", "'passport'", "'start' or a question's key"),
    ),
    "consents.agreement.required": (
        False,
        (
            "consents.agreement",
            "an optional or short one at the start",
            "required = true and document = true, or before = a question's key",
        ),
    ),
    "reasons.duplicate.flags": (["twice"], ("reasons.duplicate.flags", "'twice'", "a question's key")),
    "questions.email.clause": ("9", ("questions.email.clause", "'9'", "a key of [clauses]: 1, 2, 3")),
    "questions.email.purposes": (
        ["improve"],
        (
            "questions.email.purposes",
            "'improve'",
            "a purpose of clause 2: verify, assess, provide, contact, support",
        ),
    ),
    "questions.email.when": (
        {"question": "status", "one_of": ["doctoral"]},
        ("questions.email.when", "'status'", "an earlier question of kind choice"),
    ),
    "questions.homepage.when": (
        {"question": "status", "one_of": ["professor"]},
        (
            "questions.homepage.when",
            "'professor'",
            "one of undergraduate, masters, doctoral, postdoc, faculty, researcher, staff, other",
        ),
    ),
    "consents.identity_photo.clause": (
        "9",
        ("consents.identity_photo.clause", "'9'", "a key of [clauses]: 1, 2, 3"),
    ),
    "consents.identity_photo.purposes": (
        ["improve"],
        (
            "consents.identity_photo.purposes",
            "'improve'",
            "a purpose of [clauses]: assess, contact, provide, support, verify",
        ),
    ),
    "questions.identity.variants": (
        {"student": ["undergraduate"]},
        (
            "questions.identity.variants",
            "'masters' in none of them",
            "every option of status in one of student",
        ),
    ),
    "questions.identity.variant_of": (
        "email",
        ("questions.identity.variants.student", "'email'", "an earlier question of kind choice"),
    ),
}


def test_the_shipped_programme_has_no_fault() -> None:
    assert list(PROGRAMME.faults()) == []


@pytest.mark.parametrize("path", FAULTS)
def test_a_fault_is_named_with_what_was_found_and_what_is_allowed(path: str) -> None:
    value, expected = FAULTS[path]
    assert next(changed(path, value).faults()) == expected


def test_a_programme_needs_an_agreement() -> None:
    raw = copy.deepcopy(RAW)
    raw["consents"]["terms"] = raw["consents"].pop("agreement")
    assert list(Programme.model_validate(raw).faults()) == [
        ("consents", "identity_photo, terms", "one of them is [consents.agreement]")
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "University X"),
        ("languages", []),
        ("languages", ["english"]),
        ("receipt_prefix", "ux"),
        ("receipt_prefix", "ABCDE"),
        ("effective", "soon"),
        ("contact.email", "nobody"),
        ("links.privacy_policy.url", "http://platform.example"),
        ("review.who", "everybody"),
        ("review.undo_seconds", -1),
        ("retention.draft_days", 0),
        ("reminders.after_hours", [24, 48, 72]),
        ("reminders.after_hours", [48, 24]),
        ("reminders.after_hours", [0]),
        ("unknown", 1),
        ("review.unknown", 1),
        ("questions", {}),
        ("reasons", {}),
        ("contact", None),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(path: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        changed(path, value)


def test_the_mistakes_of_a_programme_are_one_line_each() -> None:
    first = Mistake("programme.toml", "name", "'X'", "small letters")
    second = Mistake("words.en.toml", "title", "nothing", "words")
    error = ProgrammeMistakes([first, second])
    assert str(error).splitlines() == [
        "programme.toml: name: found 'X'; allowed: small letters",
        "words.en.toml: title: found nothing; allowed: words",
    ]
    assert error.mistakes == [first, second]
