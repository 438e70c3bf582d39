"""Buttons: signed for one chat, one person and one step, and never above 64 bytes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.buttons import LIMIT, Press, Signer, data_of, link_payload, subject_of
from conversations.events import PRESSES, REVIEW_PRESSES
from storage.vault import ButtonKeys
from tests.conversations.world import FAR_CHAT, FAR_GROUP, PROGRAMME

SIGNER = Signer(ButtonKeys(b"k" * 32))
PRESS = Press("pick", "doctoral", "", "12")
DATA = SIGNER.sign(7, PRESS, "person")
fields = st.text("abcdefghijklmnopqrstuvwxyz_0123456789.-", max_size=8)


@given(fields, fields, fields, fields, st.integers(-(10**13), 2**52))
def test_what_was_signed_is_read(verb: str, arg: str, subject: str, stamp: str, chat: int) -> None:
    press = Press(verb, arg, subject, stamp)
    assert SIGNER.read(chat, SIGNER.sign(chat, press, "p"), "p") == press


def test_a_button_is_good_in_its_chat_for_its_person_under_its_key() -> None:
    assert SIGNER.read(7, DATA, "person") == PRESS
    assert SIGNER.read(8, DATA, "person") is None
    assert SIGNER.read(-7, DATA, "person") is None
    assert SIGNER.read(7, DATA, "another") is None
    assert SIGNER.read(7, DATA) is None
    assert Signer(ButtonKeys(b"other" * 8)).read(7, DATA, "person") is None


@pytest.mark.parametrize("place", range(len(DATA)))
def test_no_byte_of_a_button_can_be_changed(place: int) -> None:
    forged = DATA[:place] + ("x" if DATA[place] != "x" else "y") + DATA[place + 1 :]
    assert SIGNER.read(7, forged, "person") is None


@pytest.mark.parametrize(
    "data",
    ["", ":", "::::", "pick:doctoral::12", f"{DATA}:", f":{DATA}", DATA.replace(":", "|"), "é:::" + DATA],
)
def test_data_of_another_form_is_nobodys(data: str) -> None:
    assert SIGNER.read(7, data, "person") is None


@given(st.text(max_size=64))
def test_any_data_is_read_without_raising(data: str) -> None:
    assert SIGNER.read(7, data, "person") is None
    assert isinstance(subject_of(data), str)
    assert isinstance(data_of(data), str)


def test_a_button_above_the_limit_is_refused_when_it_is_made() -> None:
    fits = Press("x" * (LIMIT - 16), "", "", "")
    assert len(SIGNER.sign(1, fits)) == LIMIT
    with pytest.raises(ValueError, match="needs 65 bytes of 64"):
        SIGNER.sign(1, Press("x" * (LIMIT - 15), "", "", ""))


def arguments() -> list[str]:
    """Every argument that a button of the shipped programme can have."""
    questions = [question.key for question in PROGRAMME.questions]
    options = [option for question in PROGRAMME.questions for option in getattr(question, "choices", ())]
    reasons = [reason.key for reason in PROGRAMME.reasons]
    consents = [consent.key for consent in PROGRAMME.consents]
    return [
        "",
        "on",
        "off",
        "99",
        "front",
        "back",
        *PROGRAMME.languages,
        *questions,
        *options,
        *reasons,
        *consents,
    ]


def test_every_button_of_the_shipped_programme_fits() -> None:
    for verb in PRESSES:
        for arg in arguments():
            assert len(SIGNER.sign(FAR_CHAT, Press(verb, arg, "", str(10**9)), "person")) <= LIMIT
    receipt = f"{PROGRAMME.receipt_prefix}-7K3M9QDF"
    for verb in REVIEW_PRESSES:
        for arg in ["", *(reason.key for reason in PROGRAMME.reasons)]:
            assert len(SIGNER.sign(FAR_GROUP, Press(verb, arg, receipt, "999.9999"))) <= LIMIT


def test_verbs_are_distinct_and_hold_no_separator() -> None:
    verbs = [*PRESSES, *REVIEW_PRESSES]
    assert len(set(verbs)) == len(verbs)
    assert not [verb for verb in verbs if ":" in verb or not verb]


# links into the private chat


def test_a_link_carries_signed_data_in_the_letters_that_telegram_allows() -> None:
    data = SIGNER.sign(FAR_CHAT, Press("view", "", "ABCD-7K3M9QDF", ""))
    payload = link_payload(data)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", payload)
    assert data_of(payload) == data


@pytest.mark.parametrize("payload", ["", "hello!", "a", "====", "\x00", "é", link_payload("é" * 4)])
def test_a_link_that_carries_nothing_of_ours_is_empty(payload: str) -> None:
    assert data_of(payload) == ""


def test_the_receipt_is_read_from_unverified_data_only_to_look_it_up() -> None:
    assert subject_of("approve::UX-1:1.0:forged") == "UX-1"
    assert subject_of("approve:UX-1") == ""
