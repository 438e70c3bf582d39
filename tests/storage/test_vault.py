"""Sealing: what opens, what does not, and a key that is kept as a key is."""

import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import BadKey, DataUnusable, KeyFileExposed, Unreadable
from storage.vault import FORMAT, OperatorKey, PersonKey, Vault

RAW = bytes(range(32))
VAULT = Vault(OperatorKey(RAW))


@given(st.binary(max_size=300), st.text(max_size=40).filter(lambda text: text.isprintable()))
def test_what_was_sealed_opens_at_its_place(data: bytes, place: str) -> None:
    assert VAULT.open(place, VAULT.seal(place, data)) == data


def test_sealing_twice_gives_different_bytes() -> None:
    assert VAULT.seal("a", b"same") != VAULT.seal("a", b"same")


def test_sealed_bytes_do_not_hold_the_words() -> None:
    assert b"Okafor" not in VAULT.seal("people/1", b"Mei Okafor")


def test_a_ciphertext_that_was_moved_does_not_open() -> None:
    key = VAULT.new_person_key()
    with pytest.raises(Unreadable, match="changed, moved"):
        key.open("photos/2", key.seal("photos/1", b"x"))


@pytest.mark.parametrize("place", [0, 1, 5, 13, 20, -1])
def test_a_ciphertext_that_was_changed_does_not_open(place: int) -> None:
    sealed = bytearray(VAULT.seal("a", b"some words"))
    sealed[place] ^= 1
    with pytest.raises(Unreadable):
        VAULT.open("a", bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", FORMAT, FORMAT + b"x" * 5, b"\x02" + b"x" * 40])
def test_bytes_that_were_never_sealed_do_not_open(sealed: bytes) -> None:
    with pytest.raises(Unreadable):
        VAULT.open("a", sealed)


def test_another_key_does_not_open() -> None:
    sealed = VAULT.seal("a", b"x")
    with pytest.raises(Unreadable, match="another key"):
        Vault(OperatorKey.generate()).open("a", sealed)
    with pytest.raises(Unreadable):
        VAULT.new_person_key().open("a", sealed)


# a person's key


def test_a_wrapped_key_opens_for_its_person_alone() -> None:
    key = VAULT.new_person_key()
    wrapped = VAULT.wrap("one", key)
    sealed = key.seal("a", b"x")
    assert VAULT.unwrap("one", wrapped).open("a", sealed) == b"x"
    with pytest.raises(Unreadable):
        VAULT.unwrap("two", wrapped)
    with pytest.raises(Unreadable):
        Vault(OperatorKey.generate()).unwrap("one", wrapped)


def test_every_person_has_a_key_of_his_own() -> None:
    one, two = VAULT.new_person_key(), VAULT.new_person_key()
    with pytest.raises(Unreadable):
        two.open("a", one.seal("a", b"x"))


# hashes and purposes


def test_lookup_is_steady_and_keyed() -> None:
    found = VAULT.lookup("telegram", "7")
    assert found == Vault(OperatorKey(RAW)).lookup("telegram", "7")
    assert len(found) == 32 and int(found, 16) >= 0
    others = {VAULT.lookup("telegram", "8"), VAULT.lookup("other", "7")}
    others.add(Vault(OperatorKey.generate()).lookup("telegram", "7"))
    assert len(others | {found}) == 4


def test_every_purpose_has_a_key_of_its_own() -> None:
    key = OperatorKey(RAW)
    purposes = ["operator", "wrap", "lookup", "buttons", "fingerprint"]
    assert len({key.derive(purpose) for purpose in purposes} | {RAW}) == 6


def test_the_fingerprint_tells_keys_apart_and_no_more() -> None:
    assert Vault(OperatorKey(RAW)).fingerprint == VAULT.fingerprint
    assert Vault(OperatorKey.generate()).fingerprint != VAULT.fingerprint
    assert len(VAULT.fingerprint) == 16


def test_nothing_of_a_key_is_shown() -> None:
    key, hers = OperatorKey(RAW), PersonKey(RAW)
    shown = f"{key!r} {key} {hers!r} {VAULT!r}"
    assert shown == f"OperatorKey(...) OperatorKey(...) PersonKey(...) Vault({VAULT.fingerprint})"
    assert key.text() not in shown


# the operator's key


def test_a_key_as_text_is_read_again() -> None:
    key = OperatorKey.generate()
    for text in (key.text(), f" {key.text()}\n", f"{key.text()}="):
        assert OperatorKey.from_text(text).derive("x") == key.derive("x")


@pytest.mark.parametrize("text", ["", "short", "A" * 42, "A" * 44, "!" * 43, "ключ", "A" * 42 + "*"])
def test_text_that_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(BadKey) as caught:
        OperatorKey.from_text(text)
    assert not text or text not in str(caught.value)


def test_a_new_key_file_is_for_its_owner_alone_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "made" / "operator.key"
    key = OperatorKey.create(path)
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert path.read_text() == key.text() + "\n"
    with pytest.raises(FileExistsError):
        OperatorKey.create(path)
    assert OperatorKey.from_file(path, create=True).text() == key.text()


def test_a_missing_key_file_is_made_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "operator.key"
    with pytest.raises(DataUnusable, match="cannot be used: No such file"):
        OperatorKey.from_file(path, create=False)
    assert not path.exists()
    assert OperatorKey.from_file(path, create=True).text() == path.read_text().strip()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_key_file_that_others_may_read_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "operator.key"
    OperatorKey.create(path)
    path.chmod(mode)
    with pytest.raises(KeyFileExposed, match=f"chmod 600 {path}"):
        OperatorKey.from_file(path, create=False)


@pytest.mark.parametrize("content", [b"", b"no key", bytes(range(128, 160))])
def test_a_key_file_without_a_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "operator.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadKey):
        OperatorKey.from_file(path, create=False)


def test_a_key_that_could_not_be_written_leaves_no_half_file(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))  # a write beyond fails, as on a full disk
    try:
        with pytest.raises(DataUnusable, match="cannot be used"):
            OperatorKey.from_file(tmp_path / "key", create=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []
