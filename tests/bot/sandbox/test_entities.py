"""HTML mode: what becomes of a text, and how a broken one is refused."""

from typing import Any

import pytest

from bot.sandbox.entities import formatted, plain
from bot.sandbox.errors import Refusal
from bot.sandbox.html_mode import parse_html


def entity(kind: str, offset: int, length: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length, **more}


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("plain &lt;b&gt; &amp; &quot;", 'plain <b> & "', []),
        ("&#65;&#x42; &nbsp; & &;", "AB &nbsp; & &;", []),
        ("<b>bold</b>", "bold", [entity("bold", 0, 4)]),
        ("<STRONG>b</STRONG> <em>i</em>", "b i", [entity("bold", 0, 1), entity("italic", 2, 1)]),
        (
            "<u>u</u><ins>u</ins><s>s</s><strike>s</strike><del>s</del>",
            "uusss",
            [
                entity("underline", 0, 1),
                entity("underline", 1, 1),
                entity("strikethrough", 2, 1),
                entity("strikethrough", 3, 1),
                entity("strikethrough", 4, 1),
            ],
        ),
        ("<b>a<i>b</i></b>", "ab", [entity("bold", 0, 2), entity("italic", 1, 1)]),
        ("𝔘<b>中</b>", "𝔘中", [entity("bold", 2, 1)]),
        (
            '<span class="tg-spoiler">x</span><tg-spoiler>y</tg-spoiler>',
            "xy",
            [entity("spoiler", 0, 1), entity("spoiler", 1, 1)],
        ),
        (
            '<a href="https://example.org">x</a>',
            "x",
            [entity("text_link", 0, 1, url="https://example.org/")],
        ),
        ('<a href="tg://user?id=5">x</a>', "x", [entity("text_mention", 0, 1, user_id=5)]),
        ('<a href="nowhere">x</a>', "x", []),
        (
            '<pre><code class="language-python">x</code></pre>',
            "x",
            [entity("pre", 0, 1, language="python")],
        ),
        ("<code>x</code>", "x", [entity("code", 0, 1)]),
        ("<blockquote>x</blockquote>", "x", [entity("blockquote", 0, 1)]),
        ("<blockquote expandable>x</blockquote>", "x", [entity("expandable_blockquote", 0, 1)]),
        (
            "Email\n<blockquote><code>a@b.edu</code></blockquote>",
            "Email\na@b.edu",
            [entity("blockquote", 6, 7), entity("code", 6, 7)],
        ),
        (
            "<b><blockquote expandable>a.edu</blockquote></b>",
            "a.edu",
            [entity("expandable_blockquote", 0, 5), entity("bold", 0, 5), entity("url", 0, 5)],
        ),
        ("  <b>x</b>  \n", "x", [entity("bold", 0, 1)]),
        ("<b></b>x", "x", []),
        ("see https://example.org.", "see https://example.org.", [entity("url", 4, 19)]),
        (
            "/start a@example.org",
            "/start a@example.org",
            [entity("bot_command", 0, 6), entity("email", 7, 13)],
        ),
        ("<code>/start</code>", "/start", [entity("code", 0, 6)]),
    ],
)
def test_html_becomes_text_and_entities(source: str, text: str, entities: list[dict[str, Any]]) -> None:
    assert formatted(source, "HTML") == (text, entities)


@pytest.mark.parametrize(
    ("source", "detail"),
    [
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<x>y</x>", 'Unsupported start tag "x" at byte offset 0'),
        ("中<x>y</x>", 'Unsupported start tag "x" at byte offset 3'),
        ("<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("<b", "Unclosed start tag at byte offset 0"),
        ('<a href="x', "Unclosed start tag at byte offset 0"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
def test_broken_html_is_refused_with_the_place(source: str, detail: str) -> None:
    with pytest.raises(Refusal) as found:
        formatted(source, "HTML")
    assert (found.value.code, found.value.description) == (
        400,
        f"Bad Request: can't parse entities: {detail}",
    )


def test_without_a_mode_tags_are_text() -> None:
    assert formatted("<b>x</b>", "") == ("<b>x</b>", [])


def test_control_characters_become_spaces_and_carriage_returns_vanish() -> None:
    assert plain("a\x00b\r\nc")[0] == "a b\nc"


def test_what_was_parsed_goes_from_the_outside_in() -> None:
    _, entities = parse_html("<i><blockquote>a</blockquote></i><b>b<i>c</i></b>")
    assert entities == [
        entity("blockquote", 0, 1),
        entity("italic", 0, 1),
        entity("bold", 1, 2),
        entity("italic", 2, 1),
    ]
