"""The subset of Markdown that agreements are written in, and what lies outside it."""

import pytest

from bot.documents import Document, Section, Unsupported, parse

TEXT = """# The title

First words.

## 1. Lists

Before:

- one **bold** and *italic*
- two
  lines

1. first
2. second

## 2. Links

See [our page](https://platform.example/a?b=1&c=2), <b>not bold</b> & so on.
"""


def test_a_document_becomes_sections_of_html() -> None:
    text = TEXT.replace("<b>not bold</b>", "2 \\< 3")
    assert parse(text) == Document(
        "The title",
        [
            Section("", "First words."),
            Section(
                "1. Lists",
                "Before:\n\n• one <b>bold</b> and <i>italic</i>\n• two lines\n\n1. first\n2. second",
            ),
            Section(
                "2. Links",
                'See <a href="https://platform.example/a?b=1&amp;c=2">our page</a>, 2 &lt; 3 &amp; so on.',
            ),
        ],
    )


def test_a_list_right_after_its_paragraph_stays_close_to_it() -> None:
    text = "Before:\n- one\n- two\n\nAfter:\n1. first\n\nApart:\n\n- three\n"
    html = "Before:\n• one\n• two\n\nAfter:\n1. first\n\nApart:\n\n• three"
    assert parse(text).sections == [Section("", html)]


def test_a_list_counts_from_where_it_starts() -> None:
    assert parse("3. c\n4. d\n").sections == [Section("", "3. c\n4. d")]


def test_a_paragraph_inside_a_list_item_stays_in_it() -> None:
    assert parse("- one\n\n  more\n- two\n").sections == [Section("", "• one\n   more\n• two")]


def test_an_empty_document_is_empty() -> None:
    assert parse("") == Document()


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("# A\n\n### deep\n", 3, "a heading of level 3"),
        ("# A\n\n# B\n", 3, "a heading of level 1"),
        ("words\n\n# late\n\n## x\n\n# again\n", 7, "a heading of level 1"),
        ("- a\n  - b\n", 2, "a list inside a list"),
        ("one\n\n> quoted\n", 3, "blockquote open"),
        ("one\n\n```\ncode\n```\n", 3, "fence"),
        ("    code\n", 1, "code block"),
        ("---\n", 1, "hr"),
        ("<div>x</div>\n", 1, "html block"),
        ("one\ntwo <b>x</b>\n", 2, "html inline"),
        ("![alt](https://a.example/x.png)\n", 1, "image"),
        ("[x](http://a.example)\n", 1, "a link to http://a.example"),
        ("[x](tg://user?id=1)\n", 1, "a link to tg://user?id=1"),
        ("`code`\n", 1, "code inline"),
        ("one\ntwo **bold\n", 2, "** that begins or ends nothing"),
        ("- one\n- two** three\n", 2, "** that begins or ends nothing"),
        ("# A\n\n## 1. **B**\n", 3, "markup in a heading"),
        ("one  \ntwo\n", 1, "hardbreak"),
    ],
)
def test_what_is_outside_the_subset_is_refused_with_its_line(text: str, line: int, found: str) -> None:
    with pytest.raises(Unsupported) as caught:
        parse(text)
    assert (caught.value.line, caught.value.found) == (line, found)
    assert str(caught.value).startswith(
        f"line {line}: {found} is not supported; allowed: a title, ## sections"
    )


def test_stars_that_are_meant_as_such_may_be_written() -> None:
    assert parse("2 * 3 is \\*\\*6\\*\\* &amp; more\n").sections == [Section("", "2 * 3 is **6** &amp; more")]
