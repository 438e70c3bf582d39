"""What an approved applicant reads of what he was granted and what he had agreed to."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.wording import Wording
from conversations import Applicant, Programme
from conversations.application import ConsentRecord
from conversations.effects import Say
from conversations.events import Continued, StatusAsked, UndoWindowPassed
from conversations.granted import ROOM, accepted
from conversations.programme import AGREEMENT, Text
from conversations.state import Deciding
from tests.conversations.world import (
    APPLICATION,
    DECISION,
    LOADED,
    NOW,
    PROGRAMME,
    SIGNER,
    STATES,
    person,
    record,
    turn,
)

OBLIGATION = {"en": "You do not transfer, sell or share", "zh": "不转让、不出售"}


def approved_by(programme: Programme, who: Applicant, language: str = "en") -> str:
    """What he reads when he is told, and again at /status."""
    who = who.model_copy(update={"language": language})
    told = turn(who, UndoWindowPassed(APPLICATION.receipt, 0), programme=programme)
    again = turn(told.applicant, StatusAsked(), programme=programme)
    wording = Wording(replace(LOADED, programme=programme), SIGNER, lambda: NOW)
    first, second = (
        next(wording.message(one, language) for one in found.effects if isinstance(one, Say))
        for found in (told, again)
    )
    assert first == second.removeprefix("\n")
    return first


def about_to_hear(agreed: ConsentRecord | None) -> Applicant:
    decision = DECISION.model_copy(update={"outcome": "approved", "reasons": ()})
    who = person(Deciding(application=APPLICATION, decision=decision, tell_at=NOW - timedelta(seconds=1)))
    return who.model_copy(update={"agreed": {AGREEMENT: agreed} if agreed else {}})


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_granted_and_what_was_agreed_to_with_its_version(language: str) -> None:
    given = record(AGREEMENT, language=language)
    said = approved_by(PROGRAMME, about_to_hear(given), language)
    assert LOADED.words[language]["granted"].strip() in said
    assert OBLIGATION[language] in said
    assert given.text_hash[:8] in said
    assert {"en": "version of 7 March 2025", "zh": "2025年3月7日版"}[language] in said


def later_programme(old: str = "") -> Programme:
    """The text is another now, from another day on; the old one is kept with the consents to it."""
    text = PROGRAMME.document(AGREEMENT, "en").text
    texts = {
        AGREEMENT: {
            "en": Text.of(text.replace("academic", "other")),
            "zh": PROGRAMME.document(AGREEMENT, "zh"),
        }
    }
    kept = {Text.of(old or text).hash: old or text}
    update = {"documents": PROGRAMME.documents | texts, "former": kept, "effective": date(2027, 1, 1)}
    return PROGRAMME.model_copy(update=update)


def test_whoever_agreed_to_an_earlier_text_reads_that_one_and_its_day() -> None:
    old = PROGRAMME.document(AGREEMENT, "en").text.replace(
        "Do not use them commercially", "Do not resell **them**"
    )
    given = record(AGREEMENT).model_copy(update={"text_hash": Text.of(old).hash, "version": "2024-02-03"})
    said = approved_by(later_programme(old), about_to_hear(given))
    assert "version of 3 February 2024" in said and given.text_hash[:8] in said
    assert "• Do not resell them." in said
    assert "2027" not in said and OBLIGATION["en"] not in said


def test_nothing_is_made_up_where_the_version_or_the_text_is_not_known() -> None:
    given = record(AGREEMENT).model_copy(update={"text_hash": "0123456789" + "0" * 54})
    said = approved_by(later_programme(), about_to_hear(given))
    assert "(agreement, fingerprint 01234567)" in said
    assert "version of" not in said and OBLIGATION["en"] not in said
    assert "What you agreed to" not in approved_by(PROGRAMME, about_to_hear(None))


def test_a_record_of_before_versions_were_kept_is_of_the_present_one_while_the_text_is() -> None:
    found = accepted(PROGRAMME, about_to_hear(record(AGREEMENT)))
    assert found and found.version == PROGRAMME.effective and found.is_present


def test_rules_that_are_too_long_to_repeat_are_only_named() -> None:
    old = f"# Agreement\n\n## 4. Rules\n\n{'x' * (ROOM + 1)}\n"
    given = record(AGREEMENT).model_copy(update={"text_hash": Text.of(old).hash})
    found = accepted(later_programme(old), about_to_hear(given))
    assert found and not found.rules and not found.is_present


def test_a_consent_says_from_which_day_its_text_held() -> None:
    reading = STATES["reading"].model_copy(
        update={"shown": PROGRAMME.document(AGREEMENT, "en").hash, "ticked": True}
    )
    who = turn(person(reading), Continued()).applicant
    assert who.agreed[AGREEMENT].version == PROGRAMME.effective.isoformat()
