"""An applicant's words in a message: nothing of them is a link, and all of them are there."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.entities import formatted
from bot.unlinking import unlinked

NASTY = """mei.okafor@example.edu https://evil.example/a?b=c#d www.example.com EXAMPLE.COM/x @admin #tag $USD /approve
/approve@intake_bot tg://user?id=1 t.me/x +15550100200 <b>bold</b> <a_href='https://evil.example'>x</a> &amp; {{7*7}}
e.g. and/or 2.5 … 你好 请看example.com，谢谢 例子.公司 。 （a@b.cn） . @ / # : < > & ' " """
PIECES = st.sampled_from([*NASTY.split(), " ", "\n", "+1 555 0100 200", "4111 1111 1111 1111"])


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=4)), max_size=8).map("".join))
def test_nothing_of_a_text_is_a_link_and_nothing_is_lost(typed: str) -> None:
    text = "".join(letter for letter in typed if letter.isprintable() or letter == "\n").strip()
    shown, entities = formatted(f"<blockquote>{unlinked(text)}</blockquote>", "HTML")
    assert {entity["type"] for entity in entities} <= {"blockquote", "code"}
    assert shown.split() == text.split()


@pytest.mark.parametrize(
    "text",
    ["I label 2,000 recordings, e.g. in class.", "Dept. of Linguistics", "用API做标注。", "and/or", "3:30"],
)
def test_plain_words_stay_as_they_are(text: str) -> None:
    assert unlinked(text) == text


def test_an_address_in_chinese_words_is_set_apart_by_their_punctuation() -> None:
    assert unlinked("请看：example.com，谢谢。") == "请看：<code>example.com</code>，谢谢。"


def test_long_runs_cost_no_time_that_grows_faster_than_they_do() -> None:
    for run in ("x" * 3000, "1" * 3000, "a." * 1500, "1(" * 1500, "@" * 3000, "学" * 3000):
        shown, _ = formatted(str(unlinked(run)), "HTML")
        assert shown == run
