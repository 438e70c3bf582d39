"""A text that somebody agreed to is another one now: who is asked again, and what is said of it."""

from datetime import timedelta

import pytest

from conversations import Programme, Turn
from conversations.application import ConsentRecord
from conversations.clauses import Changes
from conversations.effects import Audit, DropPhotos, EndConsents, RecordConsent, Refresh, Say
from conversations.events import (
    AgreementDeclined,
    ConsentGiven,
    ConsentRefused,
    Continued,
    EditAsked,
    Event,
    PageTurned,
    PhotoChecked,
    Replied,
    Started,
    SteppedBack,
    Submitted,
    Ticked,
)
from conversations.programme import Text
from conversations.state import Checking, Fresh, Reading, State, draft_of
from tests.conversations.world import (
    APPLICATION,
    DRAFT,
    NOW,
    PICTURE,
    PROGRAMME,
    STATES,
    WORDING,
    names,
    person,
    record,
    seen,
    turn,
    with_new_text,
    with_optional_consent,
)

DRAFTS = [name for name, state in STATES.items() if draft_of(state) is not None and name != "reading"]
ACTS: dict[str, Event] = {
    "answering": Replied("Mei Okafor"),
    "coming back": Continued(),
    "starting anew": Started(),
    "stepping back": SteppedBack(),
    "submitting": Submitted(),
    "correcting": EditAsked("email"),
}


def one_byte_other(programme: Programme, language: str) -> Programme:
    """The agreement of one language with one byte changed."""
    texts = programme.documents["agreement"]
    new = Text.of(texts[language].text.replace("API", "APi", 1))
    documents = {**programme.documents, "agreement": {**texts, language: new}}
    former = {texts[language].hash: texts[language].text}
    return programme.model_copy(update={"documents": documents, "former": former})


def agreed_in(language: str) -> dict[str, ConsentRecord]:
    return {key: record(key, language=language) for key in ("agreement", "identity_photo")}


@pytest.mark.parametrize("state", DRAFTS)
def test_a_text_that_is_another_by_one_byte_is_put_before_every_open_case_that_agreed_to_it(
    state: str,
) -> None:
    who = person(STATES[state], agreed=agreed_in("en"))
    asked = turn(who, Continued(), pressed=True, programme=one_byte_other(PROGRAMME, "en"))
    if isinstance(who.state, Checking):  # its photo is on its way: the result is what asks
        asked = turn(
            who, PhotoChecked("identity", "front", 3, PICTURE), programme=one_byte_other(PROGRAMME, "en")
        )
    after = asked.applicant.state
    assert isinstance(after, Reading)
    assert (after.ticked, after.draft.answers.keys() >= draft_of(who.state).answers.keys()) == (False, True)  # type: ignore[union-attr]


@pytest.mark.parametrize("state", [name for name in DRAFTS if not isinstance(STATES[name], Reading)])
def test_a_text_that_changed_in_another_language_asks_nobody_again(state: str) -> None:
    who = person(STATES[state], agreed=agreed_in("en"))
    programme = one_byte_other(PROGRAMME, "zh")
    for act in ACTS.values():
        assert not isinstance(turn(who, act, pressed=True, programme=programme).applicant.state, Reading)


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("state", ["drafting", "confirming", "confirming a recalled one"])
def test_whatever_he_does_next_what_changed_is_said(state: str, act: str) -> None:
    who = person(STATES[state], agreed=agreed_in("en"))
    found = turn(who, ACTS[act], pressed=True, programme=one_byte_other(PROGRAMME, "en"))
    if not isinstance(found.applicant.state, Reading):  # it did nothing, there
        assert found.applicant.state == who.state
        return
    (said,) = [effect for effect in found.effects if isinstance(effect, Say)]
    assert (said.name, said.values["changes"]) == ("agreement", Changes(changed=("",)))
    assert "something_missing" not in {note.name for note in said.notes}


@pytest.mark.parametrize(
    "state", ["waiting", "claimed", "rejecting", "deciding", "approved", "rejected", "fresh"]
)
def test_what_is_not_open_for_changes_is_not_asked_again(state: str) -> None:
    who = person(STATES[state], agreed=agreed_in("en"))
    found = turn(who, Started(), programme=one_byte_other(PROGRAMME, "en"))
    assert state == "fresh" or found.applicant.state == who.state


def test_what_changed_is_named_in_the_language_he_speaks_now() -> None:
    programme = with_new_text(PROGRAMME, "agreement", "More.")
    who = person(STATES["confirming"], agreed=agreed_in("en"), language="zh")
    found = turn(who, Submitted(), pressed=True, programme=programme)
    (said,) = [effect for effect in found.effects if isinstance(effect, Say)]
    assert said.values["changes"] == Changes(changed=("6. 结语",))


def test_a_text_that_is_not_known_any_more_is_asked_again_without_saying_what_changed() -> None:
    programme = with_new_text(PROGRAMME, "agreement", "More.").model_copy(update={"former": {}})
    found = turn(person(STATES["confirming"]), Submitted(), pressed=True, programme=programme)
    (said,) = [effect for effect in found.effects if isinstance(effect, Say)]
    assert (said.values["changed"], said.values["changes"]) == (True, None)


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (Reading(ticked=True), Continued()),
        (Reading(), Ticked("on")),
        (Reading(), PageTurned("0")),
        (STATES["consenting"], ConsentGiven("identity_photo")),
    ],
)
def test_nobody_agrees_to_a_text_he_was_not_shown(state: State, event: Event) -> None:
    programme = with_new_text(with_new_text(PROGRAMME, "agreement", "More."), "identity_photo", "More.")
    who = person(state, agreed={"agreement": record("agreement", programme)})
    found = turn(who, event, pressed=True, programme=programme)
    assert not any(isinstance(effect, RecordConsent) for effect in found.effects)
    assert names(found)[0].startswith("text_is_new/")
    assert found.applicant.state == seen(
        state.model_copy(update={"shown": "", "ticked": False}), programme=programme
    )
    given = found.applicant
    if isinstance(state, Reading):
        given = turn(given, Ticked("on"), pressed=True, programme=programme).applicant
        event = Continued()
    (entered,) = [
        effect.record
        for effect in turn(given, event, pressed=True, programme=programme).effects
        if isinstance(effect, RecordConsent)
    ]
    assert entered.text_hash == programme.document(entered.document, "en").hash


@pytest.mark.parametrize("language", PROGRAMME.languages)
@pytest.mark.parametrize(
    ("state", "event"),
    [
        (Reading(ticked=True), Continued()),
        (Reading(), Ticked("on")),
        (Reading(), PageTurned("0")),
        (STATES["consenting"], ConsentGiven("identity_photo")),
    ],
)
def test_where_an_older_version_did_not_keep_what_it_showed_the_text_is_shown_once_more(
    state: State, event: Event, language: str
) -> None:
    kept = seen(state, language)
    who = person(agreed={"agreement": record("agreement")}, language=language)
    who = who.model_copy(update={"state": state})  # without the hash of what was shown
    found = turn(who, event, pressed=True)
    assert not any(isinstance(effect, RecordConsent) for effect in found.effects)
    assert [note.name for note in said_of(found).notes] == ["text_once_more"]
    assert (said_of(found).values["changed"], said_of(found).values["changes"]) == (False, None)
    assert found.applicant.state == kept.model_copy(
        update={"ticked": False} if "ticked" in kept.model_fields_set else {}
    )


def test_submitting_affirms_the_text_that_was_read_whatever_language_is_spoken_by_then() -> None:
    who = person(STATES["confirming"], agreed=agreed_in("en"), language="zh")
    found = turn(who, Submitted(), pressed=True)
    (entered,) = [effect.record for effect in found.effects if isinstance(effect, RecordConsent)]
    assert (entered.language, entered.text_hash) == ("en", PROGRAMME.document("agreement", "en").hash)


def test_who_refuses_an_optional_consent_anew_has_taken_the_earlier_one_back() -> None:
    programme = with_new_text(with_optional_consent(PROGRAMME), "improvement", "More.")
    earlier = record("improvement", with_optional_consent(PROGRAMME))
    who = person(STATES["confirming"], agreed={**agreed_in("en"), "improvement": earlier})
    asked = turn(who, Submitted(), pressed=True, programme=programme)
    assert names(asked) == ["consent"]
    found = turn(asked.applicant, ConsentRefused("improvement"), pressed=True, programme=programme)
    assert_taken_back(found, "improvement")
    assert found.applicant.state.kind == "confirming"


def assert_taken_back(found: Turn, *documents: str) -> None:
    """With the person, in the ledger and in the audit log; and nothing else is."""
    ended = [effect for effect in found.effects if isinstance(effect, EndConsents)]
    entries = [effect for effect in found.effects if isinstance(effect, Audit)]
    assert ended == [EndConsents(NOW, document) for document in documents]
    assert [one.detail for one in entries if one.action == "consent_withdrawn"] == list(documents)
    assert not found.applicant.agreed.keys() & set(documents)


@pytest.mark.parametrize("state", ["confirming", "confirming a recalled one"])
def test_who_declines_the_reworded_agreement_has_taken_the_earlier_yes_back(state: str) -> None:
    programme = one_byte_other(PROGRAMME, "en")
    asked = turn(
        person(STATES[state], agreed=agreed_in("en")), Submitted(), pressed=True, programme=programme
    )
    found = turn(asked.applicant, AgreementDeclined(), pressed=True, programme=programme)
    assert_taken_back(found, "agreement")
    assert found.applicant.agreed.keys() == {"identity_photo"}
    assert said_of(found).values["ended"] is True
    again = turn(found.applicant, Started(), programme=programme)
    assert (said_of(again).name, said_of(again).values["changed"]) == ("agreement", False)
    repeated = turn(found.applicant, AgreementDeclined(), pressed=True, programme=programme)
    assert_taken_back(repeated)
    assert said_of(repeated).values["ended"] is False
    ticked = turn(again.applicant, Ticked("on"), pressed=True, programme=programme)
    agreed = turn(ticked.applicant, Continued(), pressed=True, programme=programme).applicant
    assert agreed.agreed["agreement"].text_hash == programme.document("agreement", "en").hash
    assert (agreed.state.kind, getattr(agreed.state, "question", "")) == ("drafting", "identity")


REFUSALS: dict[str, Event] = {
    "agreement": AgreementDeclined(),
    "identity_photo": ConsentRefused("identity_photo"),
}


@pytest.mark.parametrize("document", REFUSALS)
@pytest.mark.parametrize("state", ["confirming", "confirming a recalled one"])
def test_a_photo_goes_with_the_consent_it_stood_on_and_its_owner_is_told_so(
    state: str, document: str
) -> None:
    """And until when the rest is kept; a first no, or one to what the photo does not stand on, leaves it."""
    programme = with_new_text(PROGRAMME, document, "More.")
    asked = turn(person(STATES[state]), Submitted(), pressed=True, programme=programme, now=NOW)
    found = turn(asked.applicant, REFUSALS[document], pressed=True, programme=programme)
    assert_taken_back(found, document)
    assert DropPhotos(("photo",)) in found.effects
    assert Audit("photos_dropped", "consent_ended") in found.effects
    draft = draft_of(found.applicant.state)
    assert draft is not None
    assert draft.answers == {key: one for key, one in DRAFT.answers.items() if key != "identity"}
    assert "photo_id" not in found.applicant.model_dump_json()
    assert (Refresh(APPLICATION.receipt) in found.effects) == (draft.recalled is not None)
    until = NOW + timedelta(days=programme.retention.draft_days)
    assert (said_of(found).values["photo_gone"], said_of(found).values["until"]) == (True, until)
    for language, gone in (("en", "your ID photo is deleted"), ("zh", "证件照片已删除")):
        said = WORDING.message(said_of(found), language)
        assert gone in said
        assert {"en": "1 April 2026", "zh": "2026年4月1日"}[language] in said
    again = turn(found.applicant, REFUSALS[document], pressed=True, programme=programme)
    assert not any(isinstance(effect, DropPhotos) for effect in again.effects)
    assert said_of(again).values["photo_gone"] is False
    if document == "agreement":
        return
    given = turn(found.applicant, ConsentGiven(document), pressed=True, programme=programme).applicant
    assert (given.state.kind, getattr(given.state, "question", "")) == ("drafting", "identity")


def test_a_photo_that_stands_on_another_consent_stays() -> None:
    programme = with_new_text(with_optional_consent(PROGRAMME), "improvement", "More.")
    earlier = record("improvement", with_optional_consent(PROGRAMME))
    who = person(STATES["confirming"], agreed={**agreed_in("en"), "improvement": earlier})
    asked = turn(who, Submitted(), pressed=True, programme=programme)
    found = turn(asked.applicant, ConsentRefused("improvement"), pressed=True, programme=programme)
    assert draft_of(found.applicant.state).answers == DRAFT.answers  # type: ignore[union-attr]


def test_who_declines_it_with_nothing_answered_keeps_no_consent_at_all() -> None:
    programme = one_byte_other(PROGRAMME, "en")
    who = person(STATES["drafting"], agreed=agreed_in("en"))
    asked = turn(who, Started(), programme=programme)
    found = turn(asked.applicant, AgreementDeclined(), pressed=True, programme=programme)
    assert_taken_back(found, "agreement", "identity_photo")
    assert (found.applicant.state, found.applicant.agreed) == (Fresh(), {})


def test_who_refuses_a_reworded_consent_that_is_needed_has_taken_the_earlier_one_back() -> None:
    programme = with_new_text(PROGRAMME, "identity_photo", "More.")
    asked = turn(person(STATES["confirming"]), Submitted(), pressed=True, programme=programme)
    found = turn(asked.applicant, ConsentRefused("identity_photo"), pressed=True, programme=programme)
    assert_taken_back(found, "identity_photo")
    assert (said_of(found).name, said_of(found).values["ended"]) == ("consent_needed", True)
    again = turn(found.applicant, Continued(), pressed=True, programme=programme)
    assert (said_of(again).name, said_of(again).values["changed"]) == ("consent", False)


def test_a_first_no_takes_nothing_back() -> None:
    who = person(STATES["consenting"], agreed={"agreement": record("agreement")})
    found = turn(who, ConsentRefused("identity_photo"), pressed=True)
    assert_taken_back(found)
    assert said_of(found).values["ended"] is False
    assert_taken_back(turn(person(Reading()), AgreementDeclined(), pressed=True))


def said_of(found: Turn) -> Say:
    (said,) = [effect for effect in found.effects if isinstance(effect, Say)]
    return said
