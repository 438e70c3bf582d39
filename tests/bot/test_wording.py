"""What people read: within Telegram's limits, as typed, and in one language."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.documents import Document, Section
from bot.mydata import KEPT
from bot.plain import plain
from bot.programmes import load
from bot.sandbox.entities import formatted
from bot.wording import HEADER, TEXT_LIMIT, TOAST_LIMIT, Place, Wording, pack, visible_length
from conversations import Applicant, Scene
from conversations.application import Application, Chosen, Pictured, Reviewer, Written
from conversations.effects import Answer, Button, Redraw, Say
from conversations.events import HelpAsked, StatusAsked
from conversations.prompts import question_prompt
from conversations.roles import ACTIONS
from conversations.state import Confirming, Drafting, Rejecting, Settled, State, Waiting, application_of
from conversations.text import clean_line
from tests.conversations.test_rules import EVENTS, PRESSED
from tests.conversations.world import (
    ANSWERS,
    APPLICATION,
    CARDS,
    DRAFT,
    FAR_GROUP,
    LOADED,
    NOW,
    PICTURE,
    PROGRAMME,
    SIGNER,
    STATES,
    WORDING,
    person,
    turn,
)

NASTY = "<b>&{{ 7*7 }}{% raw %}\"'</b>"
HAN = re.compile(r"[\u3400-\u9fff\u3000-\u303f，；：？！（）]")
ENGLISH = re.compile(r"\b[a-z]{2,} [a-z]{2,} [a-z]{2,}\b")
OWN = {"bold", "italic", "code", "blockquote", "expandable_blockquote"}  # markup of ours
PIECES = "mei@a.edu https://evil.example/a?b www.a.com @admin #tag $USD /approve t.me/x +15550100200 <b>x</b> &amp;"
TYPED = (
    st.lists(
        st.sampled_from(
            [*PIECES.split(), "{{7*7}}", "<a href='https://evil.example'>x</a>", "例子.公司", " "]
        )
        | st.text(st.characters(exclude_categories=["C", "Z"]), max_size=6),
        max_size=5,
    )
    .map("".join)
    .map(clean_line)
)
ENGLISH_FACTS = [value for value in PROGRAMME.contact.model_dump().values() if value]
CHINESE_NAMES = ["中文"]  # a language is called by its own name everywhere
FOR_ALL = {"message choose_language"}  # it is read by those who do not read the language it is said in


def said_in(language: str, state: State) -> Iterator[tuple[str, str]]:
    """(what, text) of every message, toast and button of a state, whatever happens; answers in that language."""
    text = person(state, language=language).model_dump_json()
    if language == "zh":
        for answer in (*ANSWERS.values(), Chosen(option="other", text="somebody")):
            words = getattr(answer, "text", "")
            text = text.replace(words, "甲乙丙") if words else text
    who = Applicant.model_validate_json(text)
    for event, pressed in [*((event, False) for event in EVENTS), *((event, True) for event in PRESSED)]:
        for effect in turn(who, event, pressed=pressed).effects:
            if isinstance(effect, Answer):
                yield f"toast {effect.name}", WORDING.toast(effect.name, language, effect.values)
            elif isinstance(effect, Say | Redraw):
                notes = effect.notes if isinstance(effect, Say) else ()
                say = Say(effect.name, effect.values, effect.buttons, notes=notes)
                yield f"message {effect.name}", plain(WORDING.message(say, language))
                for row in WORDING.page_buttons(say, language):
                    for button in row:
                        yield f"button {button.verb} {button.label}", WORDING.label(button, language)


# languages


@pytest.mark.parametrize("state", STATES)
def test_no_english_message_holds_chinese(state: str) -> None:
    for what, text in said_in("en", STATES[state]):
        for name in CHINESE_NAMES:
            text = text.replace(name, "")
        assert what in FOR_ALL or not HAN.search(text), (what, text)


@pytest.mark.parametrize("state", STATES)
def test_no_chinese_message_holds_an_english_phrase(state: str) -> None:
    for what, text in said_in("zh", STATES[state]):
        for fact in ENGLISH_FACTS:
            text = text.replace(fact, "")
        assert what in FOR_ALL or not ENGLISH.search(text), (what, text)
        if what.startswith("message"):
            assert HAN.search(text), (what, text)


def leaves(table: Any, prefix: str = "") -> set[str]:
    """Every key of a nested table, dotted."""
    if not isinstance(table, dict):
        return {prefix}
    return {leaf for key, inner in table.items() for leaf in leaves(inner, f"{prefix}.{key}".strip("."))}


def test_every_key_stands_in_every_language() -> None:
    for tables in (LOADED.messages, LOADED.words):
        first, *others = (leaves(tables[language]) for language in PROGRAMME.languages)
        assert others == [first] * len(others)


def test_no_address_runs_into_what_follows_it() -> None:
    """A client takes what follows without a blank for a part of it."""
    address = re.compile(r"(?:https?://[\w./-]+|@[\w.-]+|(?:email|appeal) }})[，。；）]", re.ASCII)
    for tables in (LOADED.messages, LOADED.words):
        assert address.findall(str(tables["zh"])) == []


def test_what_stays_after_an_erasure_is_all_that_is_kept_without_limit() -> None:
    """A line for the consents with their texts, one for the tombstone, one for the log."""
    unlimited = [name for name, until in KEPT.items() if until.startswith("without limit")]
    assert unlimited == ["consents", "texts", "log", "erased_before"]
    for language, words in {"en": ("consent", "code", "log"), "zh": ("同意", "代码", "日志")}.items():
        said = WORDING.named("erase", language, state="fresh", barred_until=None)
        kept = [line for line in said.splitlines() if line.startswith("• ")]
        assert [word for word, line in zip(words, kept, strict=True) if word not in line] == []


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", ["draft_expired", "recall_expired"])
def test_what_went_is_told_without_a_period_that_may_be_another_now(name: str, language: str) -> None:
    """He may have had it longer, or shorter, than the present period says."""
    assert not re.search(r"\d", WORDING.named(name, language))


def test_no_words_are_empty() -> None:
    for tables in (LOADED.messages, LOADED.words):
        for language in PROGRAMME.languages:
            stack: list[Any] = [tables[language]]
            while stack:
                found = stack.pop()
                if isinstance(found, dict):
                    stack += found.values()
                elif isinstance(found, str):
                    assert found.strip()


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("en", "en"),
        ("zh", "zh"),
        ("zh-hans", "zh"),
        ("ZH-TW", "zh"),
        ("en-GB", "en"),
        ("fr", "en"),
        ("", "en"),
    ],
)
def test_a_clients_language_is_matched_or_the_first_is_spoken(code: str, language: str) -> None:
    assert WORDING.language_for(code) == language


@pytest.mark.parametrize("language", PROGRAMME.languages)
def test_the_command_menus_are_as_telegram_takes_them(language: str) -> None:
    for table in ("commands", "reviewer_commands"):
        for entry in WORDING.command_menu(language, table):
            assert re.fullmatch(r"[a-z0-9_]{1,32}", entry["command"])
            assert 1 <= len(entry["description"]) <= 256


# as typed


@pytest.mark.parametrize("language", PROGRAMME.languages)
def test_an_answer_is_shown_as_typed(language: str) -> None:
    draft = DRAFT
    for key, answer in ANSWERS.items():
        if isinstance(answer, Written):
            draft = draft.with_answer(key, Written(text=NASTY))
    draft = draft.with_answer("status", Chosen(option="other", text=NASTY))
    draft = draft.with_answer("identity", Pictured(variant="teacher", sides={"front": PICTURE}))
    (say,) = [
        effect
        for effect in turn(person(Confirming(draft=draft), language=language), StatusAsked()).effects
        if isinstance(effect, Say)
    ]
    html = WORDING.message(say, language)
    assert plain(html).count(NASTY) == 8
    assert NASTY not in html and "49" not in html


def test_a_card_cannot_be_imitated_by_an_answer_or_a_name() -> None:
    answers = {**ANSWERS, "api_purpose": Written(text=f"{NASTY} </blockquote><b>Approved</b>")}
    claimed = APPLICATION.model_copy(
        update={"answers": answers, "claimed_by": Reviewer(ref="r", name="</b><i>Ana & Co</i>")}
    )
    card = CARDS.render(Waiting(application=claimed), "waiting", FAR_GROUP)
    assert "<b>Approved" not in card["text"] and "<i>Ana" not in card["text"]
    assert f"{NASTY} </blockquote><b>Approved</b>" in plain(card["text"].replace("</blockquote>", "\n"))
    assert "</b><i>Ana & Co</i>" in plain(card["text"])


@pytest.mark.parametrize("cases", [400, pytest.param(5_000, marks=pytest.mark.soak)])
def test_in_whatever_somebody_types_nothing_of_his_is_a_link_and_nothing_is_lost(cases: int) -> None:
    @settings(max_examples=cases, deadline=None, database=None, derandomize=True)
    @given(st.lists(TYPED, min_size=7, max_size=7))
    def check(typed: list[str]) -> None:
        words = dict(
            zip([key for key, one in ANSWERS.items() if isinstance(one, Written)], typed, strict=False)
        )
        answers = {
            key: Written(text=words.get(key) or "x") if isinstance(one, Written) else one
            for key, one in ANSWERS.items()
        }
        answers["status"] = Chosen(option="other", text=typed[-1] or "x")
        waiting = Waiting(application=APPLICATION.model_copy(update={"answers": answers}))
        messages = [CARDS.render(waiting, "waiting", FAR_GROUP)["text"]]
        for state in (Confirming(draft=DRAFT.model_copy(update={"answers": answers})), waiting):
            says = turn(person(state), StatusAsked()).effects
            messages += [WORDING.message(one, "en") for one in says if isinstance(one, Say)]
        for html in messages:
            shown, entities = formatted(html, "HTML")
            assert {entity["type"] for entity in entities} <= OWN
        shown, _ = formatted(messages[0], "HTML")
        for text in words.values():
            assert "".join(text.split()) in "".join(shown.split())

    check()


@pytest.mark.parametrize(
    ("key", "text", "shown"),
    [
        ("homepage", "https://аррӏе.com/a", "https://аррӏе.com/a (xn--80ak6aa92e.com)"),
        ("homepage", "https://www.university.edu", "https://www.university.edu"),
        ("email", "mei@xn--plain.edu", "mei@xn--plain.edu"),
        ("email", "mei@大学.example", "mei@大学.example (xn--pss25c.example)"),
        ("full_name", "Mei大学.example", "Mei大学.example"),
    ],
)
def test_the_host_of_an_address_is_shown_as_the_network_knows_it(key: str, text: str, shown: str) -> None:
    application = APPLICATION.model_copy(update={"answers": {**ANSWERS, key: Written(text=text)}})
    card = CARDS.render(Waiting(application=application), "waiting", FAR_GROUP)
    assert shown in plain(card["text"]).splitlines() or f"> {shown}" in plain(card["text"]).splitlines()


def test_plain_words_are_not_escaped() -> None:
    values = {"by": Reviewer(ref="r", name="Ana & Co <3")}
    assert "Ana & Co <3" in WORDING.toast("claimed_by_other", "en", values)


def test_no_template_reaches_beyond_its_values() -> None:
    draft = DRAFT.with_answer("full_name", Written(text="{{ programme.contact }} {{ ''.__class__ }}"))
    state = Confirming(draft=draft)
    (say,) = [one for one in turn(person(state), StatusAsked()).effects if isinstance(one, Say)]
    assert "{{ programme.contact }} {{ ''.__class__ }}" in plain(WORDING.message(say, "en"))


# limits


@pytest.mark.parametrize("letter", ["x", "学", "𝒳", "&"])
def test_long_answers_are_shortened_until_the_message_fits(letter: str) -> None:
    long = {
        key: Written(text=letter * 3000) if isinstance(one, Written) else one for key, one in ANSWERS.items()
    }
    draft = DRAFT.model_copy(update={"answers": long})
    for language in PROGRAMME.languages:
        who = person(Confirming(draft=draft), language=language)
        (say,) = [one for one in turn(who, StatusAsked()).effects if isinstance(one, Say)]
        html = WORDING.message(say, language)
        assert visible_length(html) <= TEXT_LIMIT
        assert html.count("…") >= 6
    application = Application.model_validate({**APPLICATION.model_dump(), "answers": long})
    card = CARDS.render(Waiting(application=application), "waiting", FAR_GROUP)
    assert visible_length(card["text"]) <= TEXT_LIMIT


def test_short_answers_are_shown_whole() -> None:
    (say,) = [
        one for one in turn(person(STATES["confirming"]), StatusAsked()).effects if isinstance(one, Say)
    ]
    text = plain(WORDING.message(say, "en"))
    for answer in ANSWERS.values():
        if isinstance(answer, Written):
            assert answer.text in text


def test_a_toast_is_cut_at_its_limit() -> None:
    values = {"by": Reviewer(ref="r", name="x" * 500)}
    assert len(WORDING.toast("claimed_by_other", "en", values)) == TOAST_LIMIT


def test_no_name_is_no_toast() -> None:
    assert WORDING.toast("", "en", {}) == ""


@pytest.mark.parametrize(
    ("html", "length"),
    [
        ("", 0),
        ("abc", 3),
        ("<b>abc</b>", 3),
        ("&amp;&lt;", 2),
        ("学生", 2),
        ("𝒳", 2),
        ("a\nb", 3),
        ("<b>a</b>\n\nb", 4),
    ],
)
def test_visible_length_is_telegrams(html: str, length: int) -> None:
    assert visible_length(html) >= length
    assert visible_length(html) <= length + html.count("\n")


@pytest.mark.parametrize("language", PROGRAMME.languages)
def test_the_agreement_is_shown_whole_and_every_page_fits(language: str) -> None:
    pages = WORDING.pages("agreement", language)
    assert all(visible_length(page) <= TEXT_LIMIT - HEADER for page in pages)
    headings = re.findall(r"^## (.+)$", PROGRAMME.document("agreement", language).text, re.MULTILINE)
    found = [heading for page in pages for heading in re.findall(r"<b>(\d.*?)</b>\n<blockquote", page)]
    assert found == headings


def test_pages_are_whole_sections_as_many_as_fit() -> None:
    document = Document(
        "T", [Section("", "x" * 10), Section("1", "y" * 40), Section("2", "z" * 40), Section("3", "w")]
    )
    pages = pack(document, 70)
    found = [[heading for heading in "123" if f"<b>{heading}</b>" in page] for page in pages]
    assert found == [["1"], ["2", "3"]]


# buttons


def test_a_button_is_signed_for_its_place() -> None:
    place = Place(7, "person", "12")
    ((button,),) = WORDING.keyboard(
        ((Button("pick", "doctoral", label="option", values={"question": "status"}),),), "zh", place
    )
    assert button["text"] == PROGRAMME.labels["zh"]["status"]["doctoral"]
    press = SIGNER.read(7, button["callback_data"], "person")
    assert press is not None and (press.verb, press.arg, press.stamp) == ("pick", "doctoral", "12")


def test_a_style_is_passed_on_and_none_is_left_out() -> None:
    place = Place(7, "person", "12")
    styled, bare = (
        WORDING.button(Button("submit", style="success"), "en", place),
        WORDING.button(Button("back"), "en", place),
    )
    assert styled["style"] == "success"
    assert set(bare) == {"text", "callback_data"}


def test_an_example_is_no_link() -> None:
    asked = WORDING.message(ask_for("homepage"), "en")
    assert asked.splitlines()[3] == "<i>Example:</i> <code>https://people.example.edu/okafor</code>"


def test_other_words_are_asked_for_by_the_question_or_by_its_name() -> None:
    words = {**LOADED.words["en"]["questions"]["status"]}
    own = words.pop("ask_other")
    english = LOADED.words["en"] | {"questions": LOADED.words["en"]["questions"] | {"status": words}}
    plainer = Wording(replace(LOADED, words={**LOADED.words, "en": english}), SIGNER, lambda: NOW)
    say = ask_for("status", part="other")
    assert WORDING.message(say, "en").splitlines()[2] == f"<b>{own}</b>"
    assert plainer.message(say, "en").splitlines()[2] == "<b>Status: please say it in your own words.</b>"


def ask_for(question: str, part: str = "") -> Say:
    drafting = Drafting(draft=DRAFT, question=question, part=part)
    who = person(drafting)
    return question_prompt(Scene(PROGRAMME, who, NOW), drafting)


def test_whom_to_ask_stands_a_line_each() -> None:
    (help_,) = turn(person(), HelpAsked()).effects
    assert isinstance(help_, Say)
    assert WORDING.message(help_, "zh").splitlines()[-5:] == [
        "如有疑问，请联系：",
        "邮箱：university-x@platform.example",
        "电话：+1 555 0100",
        "地址：Platform Example, PO Box 100",
        "服务时间：09:00-17:00 UTC+8",
    ]


def test_a_known_reviewer_is_told_where_he_reviews() -> None:
    line = "You review in the group; /help works there."
    for reviews in (False, True):
        (help_,) = turn(person(), HelpAsked(reviews=reviews)).effects
        assert isinstance(help_, Say)
        assert (line in WORDING.message(help_, "en").splitlines()) is reviews


def test_the_card_says_who_claimed_it_while_a_reason_is_chosen() -> None:
    ana = Reviewer(ref="ana", name="Ana")
    application = APPLICATION.model_copy(update={"claimed_by": ana, "nudged_at": NOW})
    card = CARDS.render(Rejecting(application=application), "rejecting", FAR_GROUP)["text"]
    assert plain(card).splitlines()[-6:] == [
        "",
        "🔔 On 2 March 2026 the applicant asked how it stands.",
        "",
        "Claimed by Ana",
        "",
        "Why? The applicant will read the reason in their own language.",
    ]


@pytest.mark.parametrize("state", [name for name, state in STATES.items() if application_of(state)])
def test_a_card_speaks_the_reviewers_language(state: str) -> None:
    found = STATES[state]
    status = found.closed.outcome if isinstance(found, Settled) else found.kind
    card = CARDS.render(found, status, FAR_GROUP)
    assert not HAN.search(card["text"])
    assert APPLICATION.receipt in card["text"]
    assert visible_length(card["text"]) <= TEXT_LIMIT


# times


@pytest.mark.parametrize("role", ["members", "administrators", "listed"])
@pytest.mark.parametrize("action", ["review", *ACTIONS])
def test_whoever_lacks_a_role_reads_in_one_language_which_one_it_is(role: str, action: str) -> None:
    values = {"role": role, "action": action}
    english, chinese = (WORDING.toast("no_right", language, values) for language in ("en", "zh"))
    assert english.startswith("Only ") and english.endswith(".") and not HAN.search(english)
    assert chinese.startswith("只有") and chinese.endswith("。") and not re.search("[A-Za-z]", chinese)
    assert max(len(english), len(chinese)) < TOAST_LIMIT


def test_days_and_moments_are_written_as_the_language_does() -> None:
    wording = Wording(load(None), SIGNER, lambda: NOW)
    at = datetime(2026, 3, 2, 9, 5, tzinfo=UTC)
    assert wording._spoken_in["en"].day(at) == "2 March 2026"
    assert wording._spoken_in["en"].moment(at) == "2 March 2026, 09:05 UTC"
    assert wording._spoken_in["zh"].day(at) == "2026年3月2日"
    assert wording._spoken_in["en"].day("2025-03-07") == "7 March 2025"
    assert wording._spoken_in["en"].day("third edition") == "third edition"


@pytest.mark.parametrize(
    ("days", "text"), [(1, "1 day"), (30, "30 days"), (365, "1 year"), (366, "366 days"), (730, "2 years")]
)
def test_days_are_told_in_whole_years_where_they_are_some(days: int, text: str) -> None:
    assert WORDING._spoken_in["en"].days(days) == text


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 min ago"),
        (timedelta(minutes=119), "119 min ago"),
        (timedelta(minutes=120), "2 h ago"),
        (timedelta(hours=47, minutes=59), "47 h ago"),
        (timedelta(hours=48), "2 days ago"),
    ],
)
def test_an_age_is_rounded_down_to_a_fitting_unit(span: timedelta, text: str) -> None:
    wording = Wording(LOADED, SIGNER, lambda: NOW + span)
    assert wording._spoken_in["en"].ago(wording._clock() - NOW) == text
