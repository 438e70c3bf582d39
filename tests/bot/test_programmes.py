"""A programme's folder: read whole, and every mistake named with file, key, what was found, what is allowed."""

import copy
import hashlib
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot.buttons import Press, Signer
from bot.programmes import gaps, load
from bot.proofreading import faults
from bot.refusals import ROLES, in_plain_words
from bot.wording import Wording
from conversations import Applicant, Mistake, Programme, ProgrammeMistakes, Scene, advance
from conversations.application import Draft
from conversations.effects import Say
from conversations.events import PRESSES, REVIEW_PRESSES, Replied
from conversations.state import Drafting
from storage.vault import ButtonKeys
from tests.bot.folders import ADVISOR, add_advisor, change, copy_of_the_shipped
from tests.conversations.world import ANSWERS, FAR_CHAT, FAR_GROUP, NOW, record

Change = Callable[[Path], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copy_of_the_shipped(tmp_path / "mine")


def mistakes(folder: Path) -> list[Mistake]:
    with pytest.raises(ProgrammeMistakes) as caught:
        load(folder)
    return caught.value.mistakes


def put(name: str, old: str, new: str) -> Change:
    return lambda folder: change(folder, name, {old: new})


def remove(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


def write(name: str, content: bytes) -> Change:
    def do(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return do


def end_at_the_last_word(folder: Path) -> None:
    path = folder / "agreement.en.md"
    path.write_text(path.read_text(encoding="utf-8").rstrip("\n"), encoding="utf-8")


# what works


def test_the_shipped_programme_loads_without_a_mistake() -> None:
    loaded = load(None)
    assert faults(loaded) == []


def test_a_copy_is_the_same_programme(folder: Path) -> None:
    assert load(folder).programme == load(None).programme


def test_the_hash_of_a_document_is_of_the_text_that_is_shown(folder: Path) -> None:
    text = load(folder).programme.document("notice", "en")
    assert "{{" not in text.text
    assert text.hash == hashlib.sha256(text.text.encode()).hexdigest()
    change(folder, "programme.toml", {"draft_days = 30": "draft_days = 31"})
    assert load(folder).programme.document("notice", "en").hash != text.hash


def test_one_more_question_is_one_table_and_one_line_a_language(folder: Path) -> None:
    add_advisor(folder)
    loaded = load(folder)
    programme = loaded.programme
    wording = Wording(loaded, Signer(ButtonKeys(b"k")), lambda: NOW)
    assert faults(loaded) == []
    keys = [question.key for question in programme.questions]
    assert keys.index("advisor") == keys.index("identity") - 1
    draft = Draft(answers={key: ANSWERS[key] for key in keys[: keys.index("department")]})
    for language, line in ADVISOR.items():
        who = Applicant(
            person_id="p",
            ref="r",
            chat_id=7,
            language=language,
            heard_at=NOW,
            created_at=NOW,
            agreed={"agreement": record("agreement", programme)},
            state=Drafting(draft=draft, question="department"),
        )
        turn = advance(Scene(programme, who, NOW), Replied("Linguistics"))
        (say,) = [effect for effect in turn.effects if isinstance(effect, Say)]
        assert turn.applicant.state.kind == "drafting"
        text = wording.message(say, language)
        assert line.split('ask = "')[1].split('"')[0] in text


def test_a_language_may_be_left_out(folder: Path) -> None:
    change(
        folder,
        "programme.toml",
        {'languages = ["en", "zh"]': 'languages = ["zh"]', 'language = "en"': 'language = "zh"'},
    )
    for name in ("agreement.en.md", "notice.en.md", "words.en.toml"):
        (folder / name).unlink()
    loaded = load(folder)
    assert loaded.programme.languages == ("zh",)
    assert faults(loaded) == []


def test_every_key_that_a_programme_may_have_fits_on_a_button() -> None:
    signer = Signer(ButtonKeys(b"k"))
    for verb in PRESSES:
        assert signer.sign(FAR_CHAT, Press(verb, "x" * 20, "", str(10**9)), "person")
    for verb in REVIEW_PRESSES:
        arg = "x" * 20 if verb == "because" else ""
        assert signer.sign(FAR_GROUP, Press(verb, arg, "ABCD-7K3M9QDF", "99.999"))


# what is left to the operator


def test_what_is_still_to_be_decided_is_named() -> None:
    assert [str(gap) for gap in gaps(load(None).programme)] == [
        "minimum_age: nobody is told from which age one may apply",
        "appeal: a rejection does not say where to appeal",
        "controller.name: nobody is named as responsible for the data",
        "controller.hosted_in: the country in which the data is kept is not named",
        "contact.email: university-x@platform.example is a placeholder",
        "links.privacy_policy.url: https://platform.example/privacy is a placeholder",
        "links.user_agreement.url: https://platform.example/terms is a placeholder",
    ]


def test_a_programme_that_decided_everything_has_no_gap(folder: Path) -> None:
    text = (folder / "programme.toml").read_text(encoding="utf-8")
    text = text.replace("platform.example", "university.edu").replace("# minimum_age", "minimum_age")
    for key in ("appeal", "name", "hosted_in"):
        text = text.replace(f"# {key}", key)
    (folder / "programme.toml").write_text(text, encoding="utf-8")
    assert gaps(load(folder).programme) == []
    (folder / "programme.toml").write_text(text.replace('phone = "+1 555 0100"', ""), encoding="utf-8")
    assert [str(gap) for gap in gaps(load(folder).programme)] == ["contact.phone: empty"]
    (folder / "programme.toml").write_text(text.replace('collects = ["2"]', ""), encoding="utf-8")
    assert [gap.key for gap in gaps(load(folder).programme)] == ["collects"]


# mistakes

P, W, A = "programme.toml", "words.en.toml", "agreement.en.md"
MISTAKES: dict[str, tuple[Change, Mistake]] = {
    "no programme": (remove(P), Mistake(P, "the file", "nothing in {folder}", "a file of that name")),
    "no UTF-8": (write(P, b"name = '\xff'"), Mistake(P, "byte 8", "bytes that are no UTF-8", "UTF-8 text")),
    "no TOML": (
        write(P, b"name = \n"),
        Mistake(P, "syntax", "Invalid value (at line 1, column 8)", "TOML 1.0"),
    ),
    "unknown key": (
        put(P, "reapply_days = 30", "reapply_days = 30\nreaply_days = 3"),
        Mistake(P, "reaply_days", "3", "no key of this name; did you mean reapply_days?"),
    ),
    "missing key": (
        put(P, 'receipt_prefix = "UX"', ""),
        Mistake(P, "receipt_prefix", "nothing", "1 to 4 capital letters"),
    ),
    "wrong kind": (
        put(P, "reapply_days = 30", 'reapply_days = "soon"'),
        Mistake(P, "reapply_days", "'soon'", "a whole number of days, 0 to 3650"),
    ),
    "inside a question": (
        put(P, "max = 1500", "max = 15000"),
        Mistake(P, "questions.scenarios.max", "15000", "a whole number, at most 3000"),
    ),
    "min above max": (
        put(P, "min = 30\nmax = 1000", "min = 30\nmax = 20"),
        Mistake(P, "questions.api_purpose.min", "30", "at most max, 20"),
    ),
    "max below the min that is meant": (
        put(P, "max = 1500", "max = 0"),
        Mistake(P, "questions.scenarios.max", "0", "at least min, 1"),
    ),
    "a unit beside its number": (
        put(P, "undo_seconds = 60", 'undo_seconds = "1 minute"'),
        Mistake(P, "review.undo_seconds", "'1 minute'", "a whole number of seconds, 0 to 3600"),
    ),
    "a kind there is not": (
        put(P, 'kind = "email"', 'kind = "mail"'),
        Mistake(P, "questions.email.kind", "'mail'", "text, long_text, email, url, choice, identity"),
    ),
    "no kind": (
        put(P, 'kind = "email"', ""),
        Mistake(P, "questions.email.kind", "nothing", "text, long_text, email, url, choice, identity"),
    ),
    "a date in words": (
        put(P, "effective = 2025-03-07", 'effective = "7 March"'),
        Mistake(P, "effective", "'7 March'", "a date, as 2025-03-07 without quotes"),
    ),
    "no language": (
        put(P, 'languages = ["en", "zh"]', "languages = []"),
        Mistake(P, "languages", "[]", "at least one language"),
    ),
    "a language by its name": (
        put(P, 'languages = ["en", "zh"]', 'languages = ["english"]'),
        Mistake(P, "languages.0", "'english'", "a language's code, as en"),
    ),
    "reviewers of no kind": (
        put(P, 'who = "members"', 'who = ["Ana"]'),
        Mistake(P, "review.who", "['Ana']", ROLES),
    ),
    "approval by nobody": (
        put(P, '# approve = "administrators"', "approve = []"),
        Mistake(P, "review.may.approve", "[]", ROLES),
    ),
    "a return by nobody known": (
        put(P, '# return = "members" ', 'return = "everybody" #'),
        Mistake(P, "review.may.return", "'everybody'", ROLES),
    ),
    "an account that is none": (
        put(P, "# clear = [123456789]", "clear = [true, 5]"),
        Mistake(P, "review.may.clear", "[True, 5]", ROLES),
    ),
    "a right to nothing": (
        put(P, '# approve = "administrators"', 'aprove = "administrators"'),
        Mistake(P, "review.may.aprove", "'administrators'", "no key of this name; did you mean approve?"),
    ),
    "a link that is none": (
        put(P, 'url = "https://platform.example/privacy"', 'url = "platform.example"'),
        Mistake(P, "links.privacy_policy.url", "'platform.example'", "an address that begins with https://"),
    ),
    "a variant of numbers": (
        put(P, 'variants.student = ["undergraduate"', "variants.student = [1"),
        Mistake(P, "questions.identity.variants.student.0", "1", "words in quotes"),
    ),
    "words for yes": (
        put(P, "required = false", 'required = "maybe"'),
        Mistake(P, "questions.homepage.required", "'maybe'", "true or false, without quotes"),
    ),
    "one option": (
        put(P, 'options = ["undergraduate", ', 'options = ["undergraduate"]\nx = [ '),
        Mistake(P, "questions.status.options", "['undergraduate']", "at least 2 options"),
    ),
    "a time zone that is none": (
        put(P, 'time_zone = "UTC"', 'time_zone = "Mars/Olympus"'),
        Mistake(
            P, "review.time_zone", "'Mars/Olympus'", 'a time zone of the IANA, as "Europe/Paris" or "UTC"'
        ),
    ),
    "a folder of time zones": (
        put(P, 'time_zone = "UTC"', 'time_zone = "America"'),
        Mistake(P, "review.time_zone", "'America'", 'a time zone of the IANA, as "Europe/Paris" or "UTC"'),
    ),
    "an option twice": (
        put(P, 'options = ["undergraduate", ', 'options = ["a", "a"]\nx = [ '),
        Mistake(
            P,
            "questions.status.options",
            "['a', 'a']",
            'each option once, and "other" only by other = true',
        ),
    ),
    "too many reminders": (
        put(P, "[24, 96]", "[24, 96, 100]"),
        Mistake(P, "reminders.after_hours", "[24, 96, 100]", "a list of at most 2"),
    ),
    "reminders that do not rise": (
        put(P, "[24, 96]", "[96, 24]"),
        Mistake(P, "reminders.after_hours", "[96, 24]", "each later than the one before"),
    ),
    "no table where one belongs": (
        put(P, "[review]", "[reviewers]"),
        Mistake(P, "reviewers", "", "no key of this name; did you mean review?"),
    ),
    "a consent's clause that is not there": (
        put(
            P,
            'before = "identity"              # asked right before that question\nclause = "2"',
            'before = "identity"\nclause = "9"',
        ),
        Mistake(P, "consents.identity_photo.clause", "'9'", "a key of [clauses]: 1, 2, 3"),
    ),
    "an option without a card": (
        put(P, '"staff", "other"]', '"staff"]'),
        Mistake(
            P,
            "questions.identity.variants",
            "'other' in none of them",
            "every option of status in one of student, teacher",
        ),
    ),
    "words in another table than theirs": (
        put(W, "[purposes]", '[purposes]\nadvisor = "Advisor"'),
        Mistake(
            W,
            "purposes.advisor",
            "words",
            "no such purpose; a question's words stand under [questions]",
        ),
    ),
    "a question among the reasons": (
        put(W, "[reasons]", '[reasons]\nhomepage = { name = "Homepage" }'),
        Mistake(
            W,
            "reasons.homepage",
            "words",
            "no such reason; a question's words stand under [questions]",
        ),
    ),
    "markup in words": (
        put(W, "It takes about", "It takes <b>about</b>"),
        Mistake(W, "welcome", "<b>", "plain words: markup is not read here but shown as it stands"),
    ),
    "agreement with bold that does not end": (
        write(A, b"# A\n\none\ntwo **bold\n"),
        Mistake(A, "line 4", "** that begins or ends nothing", ""),
    ),
    "a purpose its clause does not give": (
        put(P, 'purposes = ["verify", "contact"]', 'purposes = ["improve"]'),
        Mistake(
            P,
            "questions.email.purposes",
            "'improve'",
            "a purpose of clause 2: verify, assess, provide, contact, support",
        ),
    ),
    "no words": (remove(W), Mistake(W, "the file", "nothing in {folder}", "a file of that name")),
    "words are no TOML": (
        put(W, "[consents]", "[consents"),
        Mistake(W, "syntax", "", "TOML 1.0"),
    ),
    "a word is missing": (
        put(W, "undergraduate = ", "undergrad = "),
        Mistake(W, "questions.status.options.undergraduate", "nothing", "a button's label"),
    ),
    "a word is empty": (
        put(W, 'title = "University X Program"', 'title = " "'),
        Mistake(W, "title", "' '", "words"),
    ),
    "words of no question": (
        put(W, "[questions]", '[questions]\nadvisor = { name = "Advisor", ask = "Who?" }'),
        Mistake(
            W,
            "questions.advisor",
            "words",
            "a question of programme.toml: " + ", ".join(sorted(ANSWERS)),
        ),
    ),
    "a reason too long for its button": (
        put(W, 'name = "Duplicate"', 'name = "Duplicate of an earlier one"'),
        Mistake(W, "reasons.duplicate.name", "27 characters", "at most 24: it stands on a button"),
    ),
    "no agreement": (remove(A), Mistake(A, "the file", "nothing in {folder}", "a file of that name")),
    "agreement with Windows line ends": (
        put(A, "\n\n", "\r\n\n"),
        Mistake(A, "the file", "another normal form", "NFC, lines ended by LF, also the last one"),
    ),
    "agreement without a last line end": (
        end_at_the_last_word,
        Mistake(A, "the file", "another normal form", "NFC, lines ended by LF, also the last one"),
    ),
    "agreement without a title": (
        put(A, "# ", ""),
        Mistake(A, "line 1", "no title", "a first line like: # Agreement"),
    ),
    "agreement outside the subset": (
        write(A, b"# A\n\n> quoted\n"),
        Mistake(
            A,
            "line 3",
            "blockquote open",
            "a title, ## sections, paragraphs, lists, **bold**, *italic* and [text](https://link)",
        ),
    ),
    "a clause the agreement does not have": (
        put(P, "[clauses]", '[clauses]\n"9" = ["verify"]'),
        Mistake(P, "clauses.9", "no section 9 in agreement.en.md", ""),
    ),
    "a question that names a clause which collects nothing": (
        put(P, 'clause = "2"\npurposes = ["assess"]', 'clause = "1"\npurposes = ["assess"]'),
        Mistake(P, "questions.homepage.clause", "'1'", "a clause of collects: 2"),
    ),
    "a question without a clause": (
        put(P, 'clause = "2"\npurposes = ["assess"]', 'purposes = ["assess"]'),
        Mistake(P, "questions.homepage.clause", "nothing", "words in quotes"),
    ),
    "a clause that collects without a question": (
        put(P, 'collects = ["2"]', 'collects = ["2", "3"]'),
        Mistake(P, "collects", "clause 3, which no question names", 'clause = "3" in a question'),
    ),
    "a clause that collects and is not there": (
        put(P, 'collects = ["2"]', 'collects = ["2", "7"]'),
        Mistake(P, "collects", "'7'", "a key of [clauses]: 1, 2, 3"),
    ),
    "a purpose that nobody declares": (
        put(P, 'purposes = ["verify", "contact"]', 'purposes = ["verify", "advertise"]'),
        Mistake(
            P,
            "questions.email.purposes",
            "'advertise'",
            "a purpose of clause 2: verify, assess, provide, contact, support",
        ),
    ),
    "a purpose without words": (
        put(W, 'improve = "improve products and services"', ""),
        Mistake(W, "purposes.improve", "nothing", "what it is, in a few words"),
    ),
    "a draft without retention": (
        put(P, "draft_days = 30", ""),
        Mistake(P, "retention.draft_days", "nothing", "a whole number of days, 1 to 36500"),
    ),
    "a photo without retention": (
        put(P, "photo_days = 30", ""),
        Mistake(P, "retention.photo_days", "nothing", "a whole number of days, 1 to 36500"),
    ),
    "an outcome without retention": (
        put(P, "withdrawn_days = 30", ""),
        Mistake(P, "retention.withdrawn_days", "nothing", "a whole number of days, 1 to 36500"),
    ),
    "a photo without a consent of its own": (
        put(P, 'before = "identity" ', 'before = "email" '),
        Mistake(
            P,
            "questions.identity",
            "a sensitive field without a consent of its own",
            'a table [consents.KEY] with before = "identity", and not required = false',
        ),
    ),
    "a photo whose consent may be refused and is asked for all the same": (
        put(P, 'before = "identity" ', 'required = false\nbefore = "identity" '),
        Mistake(P, "questions.identity", "a sensitive field without a consent of its own", ""),
    ),
    "another sensitive field without a consent of its own": (
        put(P, "[questions.homepage]", "[questions.homepage]\nsensitive = true"),
        Mistake(P, "questions.homepage", "a sensitive field without a consent of its own", ""),
    ),
    "an export for a purpose that nobody declares": (
        put(P, 'fulfilment = ["provide", ', 'fulfilment = ["sell", '),
        Mistake(
            P,
            "exports.fulfilment",
            "'sell'",
            "a purpose of [clauses]: assess, contact, improve, provide, support, verify",
        ),
    ),
    "a country by its name": (
        put(P, '# hosted_in = "SG"', 'hosted_in = "Singapore"'),
        Mistake(P, "controller.hosted_in", "'Singapore'", "a country's code in two capital letters, as SG"),
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_cure(folder: Path, name: str) -> None:
    do, expected = MISTAKES[name]
    do(folder)
    found = mistakes(folder)
    alike = [one for one in found if (one.file, one.key) == (expected.file, expected.key)]
    assert alike, found
    if expected.found:
        assert alike[0].found == expected.found.replace("{folder}", str(folder))
    if expected.allowed:
        assert alike[0].allowed == expected.allowed


def test_a_placeholder_that_nobody_fills_in_is_named(folder: Path) -> None:
    change(folder, "words.zh.toml", {'title = "': 'title = "{{ reaply_days }}'})
    (first,) = mistakes(folder)
    assert (first.file, first.key) == ("words.zh.toml", "title")
    assert first.found == "a template that fails: 'reaply_days' is undefined"
    assert first.allowed.startswith("did you mean reapply_days? The placeholders are contact_address, ")


@pytest.mark.parametrize(("here", "there"), [("en", "zh"), ("zh", "en")])
def test_a_word_that_one_language_has_and_the_other_lacks_is_named(
    folder: Path, here: str, there: str
) -> None:
    change(folder, f"words.{here}.toml", {"[questions]": '[extra]\nword = "x"\n\n[questions]'})
    assert mistakes(folder) == [
        Mistake(f"words.{there}.toml", "extra.word", "nothing", f"words, as in words.{here}.toml")
    ]


def test_a_question_without_words_is_named_once_a_word(folder: Path) -> None:
    text = (folder / "words.zh.toml").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^homepage = .*$", "", text)
    (folder / "words.zh.toml").write_text(text, encoding="utf-8")
    assert [(one.file, one.key, one.allowed) for one in mistakes(folder)] == [
        ("words.zh.toml", "questions.homepage.ask", "the question"),
        ("words.zh.toml", "questions.homepage.example", "words, as in words.en.toml"),
        ("words.zh.toml", "questions.homepage.name", "a short label"),
    ]


def test_no_refusal_is_in_the_words_of_the_library(folder: Path) -> None:
    """Every key of the file, given what it cannot be."""
    raw = tomllib.loads((folder / "programme.toml").read_text(encoding="utf-8"))
    for path, _ in leaves(raw):
        wrong = copy.deepcopy(raw)
        inside: Any = wrong
        for part in path[:-1]:
            inside = inside[part]
        inside[path[-1]] = 1.5
        with pytest.raises(ValidationError) as caught:
            Programme.model_validate(wrong)
        ((key, found, allowed),) = in_plain_words(caught.value, wrong)
        assert (key, found.strip("'")) == (".".join(path), "1.5")
        assert not re.search("[Ii]nput|should|valid|[Tt]uple|string|integer", allowed), (key, allowed)


def leaves(table: dict[str, Any], *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, *path, key)
        else:
            yield (*path, key), value


def test_what_an_operator_writes_is_shown_as_it_stands(folder: Path) -> None:
    change(folder, "words.en.toml", {"Your ID photo is": "<Your> & ID photo is"})
    wording = Wording(load(folder), Signer(ButtonKeys(b"k")), lambda: NOW)
    shown = wording.named("consent", "en", consent="identity_photo", changed=False)
    assert "&lt;Your&gt; &amp; ID photo is" in shown


def test_all_mistakes_are_named_at_once(folder: Path) -> None:
    change(folder, "programme.toml", {'name = "university_x"': 'name = "X"', "max = 1500": "max = 0"})
    assert [one.key for one in mistakes(folder)] == ["name", "questions.scenarios.max"]
    found = str(ProgrammeMistakes(mistakes(folder))).splitlines()
    assert found[0].startswith("programme.toml: name: found 'X'; allowed: ")


def test_a_section_longer_than_a_message_is_named(folder: Path) -> None:
    change(folder, "agreement.en.md", {"## 2. ": "## 2. Long\n\n" + "word " * 900 + "\n\n## 2b. "})
    loaded = load(folder)
    found = faults(loaded)
    assert [(one.file, one.key, one.found) for one in found] == [
        ("agreement.en.md", "consents.agreement", "4666 characters, 4096 fit into a message")
    ]


@pytest.mark.parametrize("file", ["words.en.toml", "notice.en.md"])
def test_what_would_not_fit_into_a_message_is_named(folder: Path, file: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    if file.startswith("words"):
        text = re.sub(r"(?ms)^granted = .*?^obligations", f'granted = "{"x" * 5000}"\nobligations', text)
    else:
        text = text.replace("- ", "- " + "word " * 900, 1)
    (folder / file).write_text(text, encoding="utf-8")
    found = faults(load(folder))
    assert found
    assert all("fit into a message" in one.found for one in found)


def test_templates_that_fail_in_any_way_are_named(folder: Path) -> None:
    for place, broken in enumerate(("{{ 1 / 0 }}", "{{ range(10 ** 9) }}", "{{ ", "{{ nobody }}")):
        change(folder, "words.en.toml", {'title = "': f'title{place} = "{broken}"\ntitle = "'})
    keys = [one.key for one in mistakes(folder) if one.file == "words.en.toml"]
    assert keys == ["title0", "title1", "title2", "title3"]


@pytest.mark.parametrize(
    "reaching",
    ["''.__class__.__mro__", "programme.__init__.__globals__", "shown.__code__", "programme.links.clear()"],
)
def test_a_template_that_reaches_beyond_its_values_is_named(folder: Path, reaching: str) -> None:
    change(folder, "words.en.toml", {'title = "': f'title0 = "{{{{ {reaching} }}}}"\ntitle = "'})
    assert [one.key for one in mistakes(folder) if one.file == "words.en.toml"] == ["title0"]


def test_words_where_a_table_belongs_are_named(folder: Path) -> None:
    text = (folder / "words.en.toml").read_text(encoding="utf-8")
    (folder / "words.en.toml").write_text(text.replace("[consents", "[others"), encoding="utf-8")
    change(folder, "words.en.toml", {'title = "': 'consents = "x"\ntitle = "'})
    assert ("words.en.toml", "consents", "'x'") in [
        (one.file, one.key, one.found) for one in mistakes(folder)
    ]
