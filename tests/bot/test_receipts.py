"""A receipt proves what was agreed to, without us: whatever byte of it is changed, it does not verify any more."""

import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.cli import intake
from bot.differences import differences
from bot.proving import NotProved, proof
from bot.receipts import Particulars, canonical, signed
from bot.sandbox.server import Sandbox
from bot.wording import Wording
from storage.chain import Restored
from storage.ledger import LedgerRow
from storage.vault import OperatorKey, SigningKey, Vault, is_signed
from tests.applying import agree, answer, apply, on, press, submit
from tests.bot.test_keys import rotate
from tests.cast import Cast, Group, Person, RunningBot, running_bot
from tests.conversations.world import PROGRAMME, SIGNER, WORDING
from tests.transcripts.changing import loaded_after

KEY = SigningKey(b"r" * 32)
NOW = datetime(2026, 3, 3, tzinfo=UTC)
AT = "2026-03-02T09:00:00.000005Z"
PARTICULARS = Particulars(WORDING)
IMPROVING = ("a consent to improvement is asked for",)


def row(number: int, document: str, language: str = "en", **changes: Any) -> LedgerRow:
    """An act of consent as the ledger has it."""
    text = PROGRAMME.document(document, language)
    values: dict[str, Any] = {
        "consent_id": f"{number:020x}",
        "person_id": "0123456789abcdef01234567",
        "document": document,
        "text_hash": text.hash,
        "language": language,
        "act": "press",
        "at": AT,
        "withdrawn_at": None,
        "text": text.text,
        "particulars": PARTICULARS.of(document, language),
    }
    return LedgerRow(**{**values, **changes})


ROWS = [
    row(1, "agreement", act="tick_and_continue"),
    row(2, "identity_photo", "zh", withdrawn_at="2026-03-02T10:00:00.000000Z"),
    row(3, "agreement", act="submit_application"),
]
FILE = signed(ROWS, KEY, NOW)
CONTENT: dict[str, Any] = json.loads(FILE)


# what is in it


def test_a_receipt_names_what_the_consent_was_about() -> None:
    first, photo, _ = CONTENT["receipts"]
    assert {
        name: first[name] for name in ("version", "language", "act", "eventTime", "consentTimestamp")
    } == {
        "version": "KI-CR-v1.1.0",
        "language": "en",
        "act": "tick_and_continue",
        "eventTime": AT,
        "consentTimestamp": 1772442000,
    }
    assert first["collectionMethod"] == "Telegram bot, programme university_x, version 2025-03-07"
    assert first["piiControllers"][0]["email"] == PROGRAMME.contact.email
    assert [(one["name"], one["version"]) for one in first["policies"]] == [
        ("privacy_policy", "2025-03-07"),
        ("user_agreement", "2025-03-07"),
    ]
    purposes = first["services"][0]["purposes"]
    assert [one["purposeCategory"] for one in purposes] == [
        [key] for key in ("verify", "assess", "provide", "contact", "support", "improve")
    ]
    assert not first["sensitive"]
    assert not any("identity" in one["fields"] for one in purposes)  # the photo has a consent of its own
    assert (photo["sensitive"], photo["clause"]) == (True, "2")
    assert [(one["purpose"], one["fields"]) for one in photo["services"][0]["purposes"]] == [
        ("核实高校身份和申请资格", ["identity"])
    ]
    assert photo["withdrawnAt"] == "2026-03-02T10:00:00.000000Z"
    assert CONTENT["texts"] == {one.text_hash: one.text for one in ROWS}


def test_a_consent_of_its_own_purpose_names_that_one() -> None:
    found = json.loads(
        Particulars(Wording(loaded_after(IMPROVING), SIGNER, lambda: NOW)).of("improvement", "en")
    )
    assert (found["clause"], found["required"]) == ("3", False)
    (purpose,) = found["services"][0]["purposes"]
    assert (purpose["purpose"], purpose["clauses"]) == ("improve products and services", ["3"])
    assert purpose["fields"] == ["api_purpose"]


def test_what_was_not_kept_with_a_consent_is_left_out() -> None:
    raw = signed([row(1, "agreement", particulars=None)], KEY, NOW)
    (only,) = json.loads(raw)["receipts"]
    assert not only.keys() & {"services", "policies", "piiControllers", "sensitive"}
    assert proof(raw)[0].receipts[0].services == ()


def test_the_canonical_form_has_keys_in_order_and_no_blanks() -> None:
    value = {"b": [1, None, True], "a": 'é\n"\\\u0001\u007f/中'}
    assert canonical(value) == '{"a":"é\\n\\"\\\\\\u0001\u007f/中","b":[1,null,true]}'.encode()


# changed


def test_it_verifies_as_it_was_issued_and_however_it_is_laid_out() -> None:
    assert proof(FILE)[1] == CONTENT
    assert proof(json.dumps(CONTENT, sort_keys=True).encode())[1] == CONTENT


def is_proved_other(raw: bytes) -> bool:
    """Whether bytes verify that do not mean the same."""
    try:
        _, content = proof(raw)
    except NotProved:
        return False
    return bool(canonical(content) != canonical(CONTENT))


@settings(max_examples=700, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_change_of_its_bytes_verifies(data: st.DataObject) -> None:
    raw = bytearray(FILE)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(raw) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "drop", "put", "swap", "twice"])):
            case "flip":
                raw[place] ^= 1 << data.draw(st.integers(0, 7))
            case "cut":
                del raw[max(1, place) :]
            case "drop":
                del raw[place : place + data.draw(st.integers(1, 40))]
            case "put":
                raw[place:place] = data.draw(st.binary(min_size=1, max_size=4))
            case "swap":
                other = data.draw(st.integers(0, len(raw) - 1))
                raw[place], raw[other] = raw[other], raw[place]
            case "twice":
                raw[place:place] = raw[place : place + 60]
        if not raw:
            return
    assert not is_proved_other(bytes(raw))


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value of a file."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way, *(one for key, part in inner for one in places(part, (*way, key)))]


PLACES = places(CONTENT)[1:]
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=9), st.just([]), st.just({}))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(PLACES), st.sampled_from(["other", "gone", "more", "another's"]), VALUES)
def test_no_change_of_what_it_says_verifies(way: tuple[Any, ...], how: str, value: Any) -> None:
    content = json.loads(FILE)
    parent = content
    for key in way[:-1]:
        parent = parent[key]
    match how:
        case "other":
            parent[way[-1]] = value
        case "gone":
            del parent[way[-1]]
        case "more" if isinstance(parent, dict):
            parent[f"{way[-1]}_"] = value
        case "more":
            parent.append(value)
        case _:
            other = PLACES[(PLACES.index(way) + 7) % len(PLACES)]
            taken: Any = json.loads(FILE)
            for key in other:
                taken = taken[key]
            parent[way[-1]] = taken
    assert not is_proved_other(json.dumps(content).encode())


def again(change: Callable[[dict[str, Any]], object]) -> bytes:
    """A file that was changed, and signed again with the same key."""
    content = json.loads(FILE)
    change(content)
    content.pop("signature")
    return json.dumps({**content, "signature": KEY.sign(canonical(content))}).encode()


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "it is not whole JSON"),
        (FILE[:-9], "it is not whole JSON"),
        (b"\xff\xfe" + FILE, "it is not UTF-8"),
        (b"[]", "it is no consent receipt"),
        (b"[" * 100_000, "it is nested deeper"),
        (b'{"format": "intake-consent-receipt-1"}', "it has no signature"),
        (FILE.replace(b'"act"', b'"act": "", "act"', 1), "a key twice"),
        (FILE.replace(b"1772442000", b"1772442000.0", 1), "a number that is not whole"),
        (FILE.replace(b'"required": true', b'"required": NaN', 1), "a number that is not whole"),
        (FILE.replace(b'"required": true', b'"required": "\\ud800"', 1), "it holds something"),
        (FILE.replace(b'"required": true', b'"required": 1', 1), "it is not as it was issued"),
        (FILE.replace(b"press", b"PRESS", 1), "it is not as it was issued"),
        (again(lambda content: content["receipts"].clear()), "signed, but is no receipt that this version"),
        (again(lambda content: content["texts"].clear()), "is missing"),
        (again(lambda content: content["texts"].update({"0" * 64: "x"})), "does not have the hash"),
        (again(lambda content: content["receipts"][0].update(consentTimestamp=1)), "in two ways"),
        (again(lambda content: content["receipts"][0].update(piiPrincipalId="x")), "several people"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(raw: bytes, why: str) -> None:
    with pytest.raises(NotProved) as error:
        proof(raw)
    assert why in str(error.value)
    assert "\n" not in str(error.value)


def test_a_signature_is_taken_in_one_spelling_only() -> None:
    data = b"x"
    signature = KEY.sign(data)
    assert is_signed(data, signature, KEY.public)
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others = {f"{signature[:-1]}{one}" for one in last} - {signature}
    others |= {f"{signature}=", f"{signature}==", f" {signature}", signature.swapcase(), ""}
    assert [one for one in others if is_signed(data, one, KEY.public)] == []
    assert not is_signed(data, signature, f"{KEY.public}=")


# the key


def test_the_key_of_the_receipts_outlasts_every_change_of_the_operators_key() -> None:
    vault = Vault(OperatorKey(b"1" * 32))
    public = vault.signing.public
    for number in range(3):
        kept = vault.secrets(vault.button_keys)
        vault = Vault(OperatorKey(bytes([number]) * 32))
        assert vault.signing.public != public
        vault.take(OperatorKey(b"1" * 32))
        vault.take_secrets(kept)
        assert vault.signing.public == public


def test_where_an_earlier_version_changed_the_key_the_present_one_gives_it() -> None:
    vault = Vault(OperatorKey(b"1" * 32))
    kept = json.dumps({"lookup": "00" * 32, "buttons": [["00" * 32, 0.0]]}).encode()
    public = vault.signing.public
    vault.take_secrets(vault.seal("facts/secrets", kept).hex())
    assert vault.signing.public == public
    kept_now = vault.secrets(vault.button_keys)
    vault.take(OperatorKey(b"2" * 32))
    vault.take_secrets(kept_now)
    assert vault.signing.public == public


# against the ledger


def found_in(rows: list[LedgerRow], *restores: tuple[str, str]) -> tuple[int, int, int]:
    """How many differences there are: wrong, later, unproved. `restores`: of which moment each, and when."""
    entered = [Restored(9, when, moment) for moment, when in restores]
    found = differences(CONTENT, rows, entered)
    return len(found.wrong), len(found.later), len(found.unproved)


HOURS = [f"2026-03-02T{hour:02}:30:00.000000Z" for hour in range(24)]  # consents: nine; the second ended: ten
OTHERS_END = "2026-03-03T12:00:00.000000Z"


@pytest.mark.parametrize(
    ("ledger", "restores", "counts"),
    [
        (ROWS, [], (0, 0, 0)),
        (ROWS, [(HOURS[8], HOURS[11])], (0, 0, 0)),
        ([], [], (3, 0, 0)),
        ([], [(HOURS[8], HOURS[11])], (0, 0, 3)),
        ([], [(HOURS[9], HOURS[11])], (3, 0, 0)),  # the backup was made later: it had them
        ([], [(HOURS[7], HOURS[8])], (3, 0, 0)),  # they were given after the restore
        ([], [(HOURS[7], HOURS[8]), (HOURS[8], HOURS[9]), (HOURS[9], HOURS[11])], (0, 0, 3)),
        (
            [],
            [("2026-03-02T09:00:05.000000Z", HOURS[11])],
            (0, 0, 3),
        ),  # perhaps not yet committed at its moment
        ([], [("2026-03-02T09:01:00.000000Z", HOURS[11])], (3, 0, 0)),
        ([], [("", ""), ("no time", "none")], (3, 0, 0)),
        (ROWS[:1], [(HOURS[8], HOURS[11])], (0, 0, 2)),
        ([ROWS[0], row(2, "identity_photo", "zh"), ROWS[2]], [], (1, 0, 0)),
        ([ROWS[0], row(2, "identity_photo", "zh"), ROWS[2]], [(HOURS[9], HOURS[11])], (0, 0, 1)),
        ([ROWS[0], row(2, "identity_photo", "zh"), ROWS[2]], [(HOURS[10], HOURS[11])], (1, 0, 0)),
        ([ROWS[0], row(2, "identity_photo", "en"), ROWS[2]], [(HOURS[8], HOURS[11])], (1, 0, 0)),
        ([row(1, "agreement", act="tick_and_continue", withdrawn_at=OTHERS_END), *ROWS[1:]], [], (0, 1, 0)),
        ([row(1, "agreement", act="tick_and_continue", withdrawn_at=HOURS[10]), *ROWS[1:]], [], (1, 0, 0)),
        ([*ROWS, row(4, "agreement", at=OTHERS_END)], [(HOURS[8], HOURS[11])], (0, 1, 0)),
        ([*ROWS, row(4, "agreement", at=HOURS[9])], [(HOURS[8], HOURS[11])], (1, 0, 0)),
    ],
)
def test_only_what_a_restore_can_have_taken_away_is_not_called_wrong(
    ledger: list[LedgerRow], restores: list[tuple[str, str]], counts: tuple[int, int, int]
) -> None:
    assert found_in(ledger, *restores) == counts


# the command, without data


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where a person has nothing but his file."""
    for name in os.environ:
        if name.startswith("INTAKE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "receipt.json").write_bytes(FILE)
    return tmp_path


def verify(*arguments: str) -> Result:
    return CliRunner().invoke(intake, ["consent", "verify", "receipt.json", *arguments])


def test_with_the_right_key_it_says_what_was_agreed_to(home: Path) -> None:
    result = verify("--key", KEY.public)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "3 acts of consent by the person 0123456789abcdef01234567"
    assert lines[3:6] == [
        "1. Agreement for Applicants (agreement), in English",
        "   agreed on 2 March 2026, 09:00:00 UTC, by ticking the box and pressing Continue",
        "   still stood when this was issued",
    ]
    assert "2. 证件照片处理同意书 (identity_photo), in Chinese" in lines
    assert "   ended on 2 March 2026, 10:00:00 UTC" in lines
    assert "   sensitive information" in lines
    assert lines[-1] == "signed with the key that was given, and whole"
    assert sorted(path.name for path in home.iterdir()) == ["receipt.json"]


def test_with_another_key_and_without_any_nothing_is_proved(home: Path) -> None:
    result = verify("--key", SigningKey(b"o" * 32).public)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "receipt.json: it is signed, but not with the key that was given\n"
    result = verify()
    assert result.exit_code == 1
    assert result.stderr == "not proved: anybody can make a key; name the right one with --key\n"


def test_nothing_of_a_changed_file_is_repeated(home: Path) -> None:
    (home / "receipt.json").write_bytes(FILE.replace(b"identity_photo", b"identity_phot0"))
    result = verify("--key", KEY.public)
    assert (result.exit_code, result.stdout) == (1, "")
    assert (
        result.stderr == "receipt.json: it is not as it was issued: what is signed and what it says differ\n"
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--key", "short"], "--key: this is no public key; `intake consent key` prints it, 43 characters"),
        (["--data", "nowhere"], "--data: there is no database in nowhere"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_cure(home: Path, arguments: list[str], line: str) -> None:
    result = verify(*arguments)
    assert (result.exit_code, result.output) == (2, f"{line}\n")


def test_a_file_that_is_not_there_or_too_large_is_said(home: Path) -> None:
    (home / "receipt.json").unlink()
    assert verify().output == "receipt.json cannot be read: No such file or directory\n"
    with (home / "receipt.json").open("wb") as file:
        file.truncate(17 << 20)
    assert (verify().exit_code, verify().output) == (2, "receipt.json is larger than 16 MB: no receipt is\n")
    (home / "receipt.json").unlink()
    (home / "receipt.json").mkdir()
    assert verify().output == "receipt.json cannot be read: Is a directory\n"


def test_letters_that_move_the_cursor_are_not_printed(home: Path) -> None:
    particulars = json.dumps(
        {**json.loads(PARTICULARS.of("agreement", "en")), "consentName": "\x1b[2JAll\nis well"}
    )
    (home / "receipt.json").write_bytes(signed([row(1, "agreement", particulars=particulars)], KEY, NOW))
    result = verify("--key", KEY.public)
    assert "\x1b" not in result.stdout
    assert "1. [2JAll is well (agreement), in English\n" in result.stdout


def test_without_data_there_is_no_key_to_print(home: Path) -> None:
    result = CliRunner().invoke(intake, ["consent", "key"])
    assert (result.exit_code, result.output) == (
        2,
        "there is no database at data/intake.sqlite; has the bot ever run on this data?\n",
    )


# through the whole bot


@pytest.fixture
def group(cast: Cast) -> Group:
    return cast.group()


async def command(bot: RunningBot, *arguments: str) -> tuple[int, str]:
    """One with the bot's own settings: its status and all it said."""
    found = await asyncio.to_thread(CliRunner().invoke, intake, arguments, env=bot.environment)
    return found.exit_code, found.output


async def run(bot: RunningBot, *arguments: str) -> tuple[int, str]:
    return await command(bot, "consent", *arguments)


async def kept(person: Person, path: Path) -> str:
    """The receipt that he got, in a file; its name there."""
    message = await person.hears(lambda one: one.document and "receipt" in one.document["file_name"])
    assert message.document is not None
    found = person.cast.telegram.files.by_unique_id(message.document["file_unique_id"])
    path.write_bytes(found.read())  # type: ignore[union-attr]
    return str(path)


async def test_a_receipt_is_proved_by_the_ledger_also_of_who_was_erased_and_after_a_change_of_keys(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path
) -> None:
    mei = cast.applicant("Mei")
    data = tmp_path / "data"
    async with running_bot(sandbox, group, tmp_path) as bot:
        await apply(mei, group)
        await press(mei, "receipt")
        first = await kept(mei, tmp_path / "first.json")
        status, said = await run(bot, "verify", first)
        assert (status, said.splitlines()[-2:]) == (
            0,
            [
                f"signed with the key of the data in {data}, and whole",
                f"the ledger in {data} has exactly this",
            ],
        )
        status, public = await run(bot, "key")
        assert (status, len(public)) == (0, 44)
        assert (await rotate(bot))[0] == 0
        assert await run(bot, "key") == (0, public)
        mei.say("/withdraw")
        message = await mei.hears("Withdraw your application")
        await mei.answer_to(mei.press_data(message, on(message, "leave")))
        status, said = await run(bot, "verify", first)
        assert status == 0
        assert said.count("since it was issued: consent ") == 3
        assert said.endswith(f"the ledger in {data} has all of it\n")
        mei.say("/mydata")
        last = await kept(mei, tmp_path / "last.json")
        mei.say("/delete")
        await press(mei, "erase")
        await mei.hears("erased")
        await bot.restart()
        assert (await run(bot, "verify", last))[0] == 0
        assert await bot.terminate() == 0
        assert (await run(bot, "verify", last))[1].endswith("has exactly this\n")
        assert await run(bot, "key") == (0, public)
    content = json.loads(Path(last).read_text())
    assert all(one["withdrawnAt"] for one in content["receipts"])
    for value in ("Mei Okafor", "example.edu", str(mei.id)):
        assert value not in Path(last).read_text()
    shutil.rmtree(data)
    status, said = await run(bot, "verify", last, "--key", public.strip())
    assert (status, said.splitlines()[-1]) == (0, "signed with the key that was given, and whole")


async def test_what_a_restore_took_from_the_ledger_is_neither_proved_nor_called_wrong(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path
) -> None:
    mei, data, folder = cast.applicant("Mei"), tmp_path / "data", tmp_path / "backups"
    folder.mkdir(mode=0o700)
    async with running_bot(sandbox, group, tmp_path) as bot:
        await agree(mei)
        mei.say("/privacy")
        await press(mei, "receipt")
        early = await kept(mei, tmp_path / "early.json")
        status, said = await command(bot, "backup", str(folder))
        assert status == 0, said
        backup = said.split()[1].rstrip(",")
        for number in range(1, 10):
            await answer(mei, number)
        await submit(mei, group)
        mei.say("/mydata")
        late = await kept(mei, tmp_path / "late.json")
        mei.say("/withdraw")
        await press(mei, "leave")
        mei.say("/mydata")
        ended = await kept(mei, tmp_path / "ended.json")
        assert (await run(bot, "verify", ended))[0] == 0
        assert await bot.terminate() == 0
        status, said = await command(bot, "restore", backup, "--replace")
        assert status == 0, said
        assert (await run(bot, "verify", early))[0] == 0
        for file, missing in {
            late: ["is not in", "is not in"],
            ended: ["differs from", *["is not in"] * 2],
        }.items():
            status, said = await run(bot, "verify", file)
            told = [line for line in said.splitlines() if line.startswith("not proved: ")]
            assert status == 3
            assert [what in line for what, line in zip(missing, told, strict=True)] == [True] * len(missing)
            assert all(line.endswith("in between, and may have been lost then") for line in told)
            assert f"the ledger in {data}" not in said
        _changed(data, "UPDATE consents SET language = 'zh'")
        status, said = await run(bot, "verify", late)
        assert (status, said.count("not proved: ")) == (1, 2)
        assert "consent 1 differs from the ledger: language" in said


def _changed(data: Path, sql: str) -> None:
    with contextlib.closing(sqlite3.connect(data / "intake.sqlite")) as connection, connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(sql)


async def test_a_ledger_that_says_something_else_is_told(
    sandbox: Sandbox, cast: Cast, group: Group, tmp_path: Path
) -> None:
    mei, data = cast.applicant("Mei"), tmp_path / "data"
    async with running_bot(sandbox, group, tmp_path) as bot:
        await agree(mei)
        mei.say("/privacy")
        await press(mei, "receipt")
        file = await kept(mei, tmp_path / "receipt.json")
        await bot.terminate()
        for sql, line in {
            "UPDATE consents SET language = 'zh'": "consent 1 differs from the ledger: language",
            "UPDATE consents SET withdrawn_at = '2020-01-01T00:00:00.000000Z'": "language, withdrawnAt",
            "UPDATE texts SET body = body || '.'": "language, withdrawnAt",
            "DELETE FROM consents": "consent 1 is not in the ledger",
        }.items():
            _changed(data, sql)
            status, said = await run(bot, "verify", file)
            assert status == 1
            assert line in said
            assert "exactly this" not in said
        (data / "operator.key").unlink()
        status, said = await run(bot, "verify", file)
        assert (status, len(said.splitlines())) == (2, 1)
        assert "is missing, and the data cannot be read without it" in said


def test_it_is_checked_in_a_process_that_reaches_no_network(home: Path) -> None:
    """The command imports what it needs, and opens no socket."""
    code = (
        "import socket, sys\n"
        "def no(*_, **__): raise AssertionError('a socket was opened')\n"
        "socket.socket.connect = socket.socket.bind = no\n"
        f"sys.argv = ['intake', 'consent', 'verify', 'receipt.json', '--key', '{KEY.public}']\n"
        "from bot.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=home,
        capture_output=True,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
