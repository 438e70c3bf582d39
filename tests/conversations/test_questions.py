"""What each kind of question takes, and what it says of what it does not take."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from conversations.application import Chosen, Written
from conversations.questions import (
    Accepted,
    ChoiceQuestion,
    EmailQuestion,
    IdentityQuestion,
    LongTextQuestion,
    Question,
    Rejection,
    TextQuestion,
    UrlQuestion,
)

WHY: dict[str, Any] = {"key": "q", "clause": "2", "purposes": ("verify",)}
NO_LABELS: dict[str, str] = {}


def written(text: str, note: str = "") -> Accepted:
    return Accepted(Written(text=text), note)


# one line


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Mei Okafor", "Mei Okafor"),
        ("  Mei \n Okafor\t", "Mei Okafor"),
        ("李明", "李明"),
        ("Nguyễn Thị", "Nguyễn Thị"),
        ("José", "José"),
        ("O'Brien-Smith, PhD", "O'Brien-Smith, PhD"),
        ("<b>Mei</b>", "<b>Mei</b>"),
        ("عبد الله", "عبد الله"),
        ("X Æ A-12", "X Æ A-12"),
    ],
)
def test_text_keeps_any_script_on_one_line(typed: str, kept: str) -> None:
    assert TextQuestion(**WHY, min=2, max=80).accept(typed, NO_LABELS) == written(kept)


def test_text_is_measured_after_cleaning() -> None:
    question = TextQuestion(**WHY, min=2, max=5)
    assert question.accept(" x \u200b", NO_LABELS) == Rejection(
        "too_short", {"length": 1, "min": 2, "max": 5}
    )
    assert question.accept("abcdef", NO_LABELS) == Rejection("too_long", {"length": 6, "min": 2, "max": 5})
    assert question.accept("ab\u202ecde", NO_LABELS) == written("abcde")


@pytest.mark.parametrize("typed", ["12345", "!!!", "😀😀", "--", "1 2 3"])
def test_text_needs_a_letter(typed: str) -> None:
    assert TextQuestion(**WHY).accept(typed, NO_LABELS) == Rejection("no_letters")


@pytest.mark.parametrize("typed", ["MIT", "U.C.L.A.", "ETHZ"])
def test_text_to_be_spelled_out_hints_at_an_abbreviation_once(typed: str) -> None:
    question = TextQuestion(**WHY, min=4, spell_out=True)
    assert question.accept(typed, NO_LABELS) == Rejection("spell_out", once=True)
    assert question.accept(typed, NO_LABELS, insisted=True) == written(typed)


@pytest.mark.parametrize("typed", ["MIT Lincoln Laboratory", "Keio", "清华大学", "ABCDEFG"])
def test_text_to_be_spelled_out_takes_a_full_name(typed: str) -> None:
    assert TextQuestion(**WHY, spell_out=True).accept(typed, NO_LABELS) == written(typed)


def test_long_text_keeps_its_lines() -> None:
    question = LongTextQuestion(**WHY, max=100)
    assert question.accept("one \r\n\n\n\n two\u2028three", NO_LABELS) == written("one\n\ntwo\nthree")
    assert question.accept("\n \n", NO_LABELS) == Rejection("too_short", {"length": 0, "min": 1, "max": 100})


# addresses


@pytest.mark.parametrize(
    ("typed", "kept", "note"),
    [
        ("mei@example.edu", "mei@example.edu", ""),
        (" Mei@EXAMPLE.EDU ", "Mei@example.edu", ""),
        ("mei@cs.example.ac.uk", "mei@cs.example.ac.uk", ""),
        ("mei@example.com", "mei@example.com", "not_academic"),
        ("mei@education.example.com", "mei@education.example.com", "not_academic"),
        ("李明@例子.edu", "李明@例子.edu", ""),
        ("mei@xn--fsqu00a.edu", "mei@例子.edu", ""),
    ],
)
def test_email_is_normalised_and_a_domain_that_is_not_academic_is_noted(
    typed: str, kept: str, note: str
) -> None:
    question = EmailQuestion(**WHY, academic_suffixes=("edu", "ac.uk"))
    assert question.accept(typed, NO_LABELS) == written(kept, note)


def test_email_without_declared_suffixes_takes_every_domain_as_academic() -> None:
    assert EmailQuestion(**WHY).accept("mei@example.com", NO_LABELS) == written("mei@example.com")


@pytest.mark.parametrize(
    "typed",
    ["", "mei", "mei@", "@example.edu", "mei@example", "a b@example.edu", "mei@example..edu", "x@[::1]"],
)
def test_email_refuses_what_is_no_address(typed: str) -> None:
    assert EmailQuestion(**WHY).accept(typed, NO_LABELS) == Rejection("not_an_email")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://people.example.edu/mei?x=1#top", "https://people.example.edu/mei?x=1#top"),
        ("http://example.edu:8080", "http://example.edu:8080"),
        (" people.example.edu/mei ", "https://people.example.edu/mei"),
        ("https://例子.中国/李明", "https://例子.中国/李明"),
    ],
)
def test_url_takes_web_addresses(typed: str, kept: str) -> None:
    assert UrlQuestion(**WHY).accept(typed, NO_LABELS) == written(kept)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "my homepage",
        "javascript:alert(1)",
        "ftp://example.edu",
        "https://localhost",
        "https://user:secret@example.edu",
        "https://example.edu/a b",
        'https://example.edu/"onclick',
        "https://example.edu/<b>",
        "https://[::1",
        "https://example.edu:99999",
        "mei@example.edu",
        "file:///etc/passwd",
        "https://.",
    ],
)
def test_url_refuses_everything_else(typed: str) -> None:
    assert UrlQuestion(**WHY).accept(typed, NO_LABELS) == Rejection("not_a_link")


def test_url_has_a_longest_length() -> None:
    long = "https://example.edu/" + "x" * 481
    assert UrlQuestion(**WHY).accept(long[:-1], NO_LABELS) == written(long[:-1])
    assert UrlQuestion(**WHY).accept(long, NO_LABELS) == Rejection(
        "too_long", {"length": 501, "min": 1, "max": 500}
    )


# choices

CHOICE = ChoiceQuestion(**WHY, options=("bachelor", "doctoral"), other=True)
LABELS = {"bachelor": "Bachelor's student", "doctoral": "博士生", "other": "Other (say which)"}


@pytest.mark.parametrize("typed", ["doctoral", "DOCTORAL", "博士生", " 2 "])
def test_choice_understands_key_label_and_number(typed: str) -> None:
    assert CHOICE.accept(typed, LABELS) == Accepted(Chosen(option="doctoral"))


@pytest.mark.parametrize("typed", ["other (say which)", "3"])
def test_choice_understands_other(typed: str) -> None:
    assert CHOICE.accept(typed, LABELS) == Accepted(Chosen(option="other"))


@pytest.mark.parametrize("typed", ["", "0", "4", "doctor", "bachelor doctoral"])
def test_choice_refuses_what_is_no_option(typed: str) -> None:
    assert CHOICE.accept(typed, LABELS) == Rejection("not_a_choice")


def test_choice_without_other_has_no_such_option() -> None:
    question = CHOICE.model_copy(update={"other": False})
    assert question.choices == ("bachelor", "doctoral")
    assert question.accept("3", LABELS) == Rejection("not_a_choice")


def test_choice_takes_other_words_of_a_fitting_length() -> None:
    question = ChoiceQuestion(**WHY, options=("a", "b"), other=True, max=10)
    assert question.accept_other(" visiting  ") == Accepted(Chosen(option="other", text="visiting"))
    assert question.accept_other("x") == Rejection("too_short", {"length": 1, "min": 2, "max": 10})
    assert question.accept_other("x" * 11) == Rejection("too_long", {"length": 11, "min": 2, "max": 10})


# identity


IDENTITY = IdentityQuestion(
    **WHY,
    methods={"photo": {"sides": ("front",), "optional_sides": ("back",)}},
    variant_of="status",
    variants={"student": ("bachelor",), "teacher": ("faculty", "other")},
)


def test_identity_takes_no_words() -> None:
    assert IDENTITY.accept("here is my card", NO_LABELS) == Rejection("photo_expected")


@pytest.mark.parametrize(
    ("choice", "variant"), [("bachelor", "student"), ("other", "teacher"), ("", "student")]
)
def test_identity_asks_for_the_card_that_fits_the_status(choice: str, variant: str) -> None:
    assert IDENTITY.variant(choice) == variant


def test_identity_without_variants_asks_for_one_card() -> None:
    assert IDENTITY.model_copy(update={"variants": {}}).variant("bachelor") == ""


def test_identity_names_required_sides_before_optional_ones() -> None:
    assert IDENTITY.methods.photo.all_sides == ("front", "back")


# declared


@pytest.mark.parametrize(
    "declared",
    [
        {"kind": "nothing"},
        {"kind": "text", "min": 5, "max": 4},
        {"kind": "text", "max": 3001},
        {"kind": "text", "min": 0},
        {"kind": "text", "unknown": 1},
        {"kind": "text", "key": "Q"},
        {"kind": "text", "purposes": ()},
        {"kind": "text", "clause": ""},
        {"kind": "choice", "options": ("one",)},
        {"kind": "choice", "options": ("one", "one")},
        {"kind": "choice", "options": ("one", "other")},
        {"kind": "choice", "options": ("one", "two words")},
        {"kind": "identity"},
        {"kind": "identity", "methods": {"photo": {"sides": ()}}},
        {"kind": "text", "when": {"question": "status", "one_of": ()}},
    ],
)
def test_a_question_that_cannot_work_is_refused(declared: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Question).validate_python({**WHY, **declared})
