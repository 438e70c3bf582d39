"""Two versions of a text, compared section by section: whatever byte differs is named, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.clauses import Changes, compare, differing, in_other_words, sections, sentences
from tests.conversations.world import PROGRAMME

ENGLISH = PROGRAMME.document("agreement", "en").text
CHINESE = PROGRAMME.document("agreement", "zh").text
OLD = (
    "# Title\n\nFirst words.\n\n## 1. One\n\nA b c. D e f.\n\n"
    "## 2. Two\n\n- one\n- two\n\n## 3. Three\n\nLast words.\n"
)
LINES = st.lists(
    st.sampled_from(["## 1. One\n", "## Two\n", "##\n", "# Title\n", "words\n", "\n", "## 2. One"]),
    max_size=9,
)


@given(LINES)
def test_the_sections_put_together_are_the_text(lines: list[str]) -> None:
    assert "".join(one.text for one in sections("".join(lines))) == "".join(lines)


@given(LINES, LINES)
def test_texts_are_the_same_only_when_nothing_is_named(old: list[str], new: list[str]) -> None:
    assert (compare("".join(old), "".join(new)) is None) == ("".join(old) == "".join(new))


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_a_character_that_is_another_is_named_by_its_section(text: str) -> None:
    for place in range(0, len(text), 7):
        if text[place] in "#\n" or text[:place].endswith("\n##"):  # that makes or ends a section
            continue
        new = f"{text[:place]}~{text[place + 1 :]}"
        before = sections(text[: place + 1])[-1]
        now = sections(new)[len(sections(text[: place + 1])) - 1]
        assert compare(text, new) == Changes(changed=(now.heading,)), (
            f"{text[place - 9 : place + 9]!r}, {before.heading}"
        )


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("A b c.", "A b d.", Changes(changed=("1. One",))),
        ("- two\n", "- two", Changes(changed=("2. Two",))),
        ("Last words.\n", "Last words.\n\n", Changes(changed=("3. Three",))),
        ("First words.", "Other words.", Changes(changed=("",))),
        ("## 2. Two\n\n- one\n- two\n\n", "", Changes(removed=("2. Two",))),
        ("## 3.", "## 3. New\n\nQuite another thing.\n\n## 3.", Changes(added=("3. New",))),
        ("## 3. Three", "## 4. Three", Changes(renumbered=("4. Three",))),
        ("## 3. Three", "## 3. Tree", Changes(changed=("3. Tree",))),
        ("## 2. Two\n\n- one", "## 2. Pair\n\n- first", Changes(changed=("2. Pair",))),
        ("## 2. Two\n\n- one\n- two", "## 2. B\n\n- x\n- y", Changes(added=("2. B",), removed=("2. Two",))),
    ],
)
def test_what_is_added_removed_and_changed_is_named_by_headings(old: str, new: str, found: Changes) -> None:
    assert old in OLD
    assert compare(OLD, OLD.replace(old, new, 1)) == found


def test_a_section_that_went_does_not_make_the_others_others() -> None:
    new = (
        OLD.replace("## 1. One\n\nA b c. D e f.\n\n", "").replace("## 2.", "## 1.").replace("## 3.", "## 2.")
    )
    assert compare(OLD, new) == Changes(removed=("1. One",), renumbered=("1. Two", "2. Three"))


def test_another_order_is_all_that_is_said_of_it() -> None:
    one, two = "## One\n\nA.\n", "## Two\n\nB.\n"
    assert compare(one + two, two + one) == Changes(moved=True)


def test_of_a_text_without_sections_the_new_sentences_are_named() -> None:
    assert compare("A b. C d.\n\n• e\n", "A b. C x.\n\n• e\n") == Changes(changed=("",), sentences=("C x.",))


def test_sentences_end_as_each_language_ends_them() -> None:
    assert sentences("One. Two? See https://a.b/c.d now!\n- three\n") == [
        *("One.", "Two?", "See https://a.b/c.d now!", "- three"),
    ]
    assert sentences("一。二？三；四\n") == ["一。", "二？", "三；", "四"]
    assert list(differing("One. Two.", "One. Three.")) == [("Two.", False), ("Three.", True)]


def test_in_another_language_sections_are_named_by_its_own_headings() -> None:
    changes = Changes(added=("5. Your rights",), removed=("7. Gone",), changed=("4. Rules of use", ""))
    assert in_other_words(changes, ENGLISH, CHINESE) == Changes(
        added=("5. 你的权利",), removed=("7",), changed=("4. 使用须知", "")
    )
    assert in_other_words(changes, ENGLISH, CHINESE.replace("## 6. 结语", "")) == Changes()
