"""Typed words made safe to keep and show."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.text import MARKS_A_LETTER, clean, clean_line, mixes_scripts, scripts


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("plain", "plain"),
        ("  a \t b  ", "a b"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("e\u0301", "é"),
        ("a\u202eb\u2066c\u200fd", "abcd"),
        ("a\u200bb\ufeffc", "abc"),
        ("a\x00b\x1bc", "abc"),
        ("a\u00a0b\u3000c", "a b c"),
        ("a\u2800b", "a b"),
        ("\u3164", ""),
        ("\U000e0041\U000e0042", ""),
        ("\ud800", ""),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
        ("\u200d\u200da\u200d", "a"),
        ("👩\u200d🔬", "👩\u200d🔬"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("<b>&{{ 7*7 }}", "<b>&{{ 7*7 }}"),
        ("x" + "\u0336" * 20, "x" + "\u0336" * MARKS_A_LETTER),
    ],
)
def test_clean_keeps_the_words_and_nothing_hidden(typed: str, kept: str) -> None:
    assert clean(typed) == kept


def test_clean_line_is_one_line() -> None:
    assert clean_line(" a\n\n b\tc ") == "a b c"


@given(st.text())
def test_cleaning_again_changes_nothing(typed: str) -> None:
    assert clean(clean(typed)) == clean(typed)


@given(st.text())
def test_clean_text_hides_nothing(typed: str) -> None:
    text = clean(typed)
    assert text == unicodedata.normalize("NFC", text)
    assert text == text.strip()
    assert not {"Cc", "Cs", "Co", "Cn"} & {unicodedata.category(one) for one in text if one != "\n"}
    text.encode()


@given(st.text())
def test_a_clean_line_has_no_line_break(typed: str) -> None:
    assert len(clean_line(typed).splitlines()) <= 1


@pytest.mark.parametrize(
    ("text", "found"),
    [("Mei", {"LATIN"}), ("Mei 李明", {"LATIN", "CJK"}), ("Иван", {"CYRILLIC"}), ("42", set())],
)
def test_scripts_are_named(text: str, found: set[str]) -> None:
    assert scripts(text) == found


@pytest.mark.parametrize(
    ("text", "mixed"),
    [
        ("Mei Okafor", False),
        ("М\u0435i", True),
        ("Mei 李明", False),
        ("Иван Smith", False),
        ("p\u0430ypal", True),
    ],
)
def test_a_word_of_look_alike_scripts_is_noticed(text: str, mixed: bool) -> None:
    assert mixes_scripts(text) is mixed
