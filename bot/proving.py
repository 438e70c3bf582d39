"""`intake consent verify` and `intake consent key`: what a receipt proves, found without network, token or bot.

A file is proved when it is signed with a key that is known by another way than the file itself: one that was given,
or that of the data. Nothing of a file that is not whole is repeated.
"""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import click
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError

from bot.differences import differences, in_words
from bot.keys import signing_key
from bot.mistakes import UNPROVED, Refused
from bot.receipts import FORMAT, Json, canonical
from bot.settings import DataAlone, data_setting
from conversations.text import clean_line
from storage import ledger
from storage.chain import Restored, all_restores
from storage.engine import Engine, Transaction
from storage.ledger import LedgerRow
from storage.migrate import pending
from storage.sqlite import SQLite
from storage.values import unstamp
from storage.vault import from_base64url, is_signed

LARGEST = 16 << 20  # bytes of a file that is read
ACTS = {
    "tick_and_continue": "by ticking the box and pressing Continue",
    "press": "by pressing I agree",
    "submit_application": "by pressing Submit Application",
}
LANGUAGES = {"en": "English", "zh": "Chinese"}

Moment = Annotated[StrictStr, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]
Hash = Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{64}$")]


class NotProved(Exception):
    """Why a file is no receipt, or not as it was issued; one line."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Purpose(_Part):
    purpose: StrictStr
    clauses: tuple[StrictStr, ...] = ()
    fields: tuple[StrictStr, ...] = ()


class Service(_Part):
    service: StrictStr
    purposes: tuple[Purpose, ...]


class Policy(_Part):
    name: StrictStr
    url: StrictStr
    version: StrictStr


class Consented(_Part):
    """What is read of one act of consent; the particulars are empty where none were kept."""

    consent_id: StrictStr = Field(alias="consentReceiptID")
    person_id: StrictStr = Field(alias="piiPrincipalId")
    document: StrictStr
    text_hash: Hash = Field(alias="textHash")
    language: StrictStr
    act: StrictStr
    at: Moment = Field(alias="eventTime")
    seconds: StrictInt = Field(alias="consentTimestamp")
    withdrawn_at: Moment | None = Field(alias="withdrawnAt")
    name: StrictStr = Field(default="", alias="consentName")
    sensitive: bool = False
    services: tuple[Service, ...] = ()
    policies: tuple[Policy, ...] = ()


class Proof(_Part):
    """A file's content, whole and signed with the key that it names."""

    issued_at: Moment = Field(alias="issuedAt")
    public: StrictStr = Field(alias="publicKey")
    receipts: tuple[Consented, ...] = Field(min_length=1)
    texts: dict[Hash, StrictStr]


def proof(raw: bytes) -> tuple[Proof, Json]:
    """What the bytes of a file prove by themselves, and their JSON. Raises NotProved."""
    content = _json(raw)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise NotProved(f"it is no consent receipt: its format is not {FORMAT}")
    signature, public = content.get("signature"), content.get("publicKey")
    if not isinstance(signature, str) or not isinstance(public, str):
        raise NotProved("it has no signature, or does not name the key of it")
    try:
        said = canonical({key: value for key, value in content.items() if key != "signature"})
    except (UnicodeEncodeError, ValueError, RecursionError):
        raise NotProved("it holds something that no receipt can hold") from None
    if not is_signed(said, signature, public):
        raise NotProved("it is not as it was issued: what is signed and what it says differ")
    try:
        found = Proof.model_validate(content)
    except ValidationError as error:
        place = ".".join(map(str, error.errors(include_url=False)[0]["loc"]))
        raise NotProved(f"it is signed, but is no receipt that this version reads: {place}") from None
    for fault in _faults(found):
        raise NotProved(fault)
    return found, content


def _json(raw: bytes) -> Any:
    try:
        return json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_once,
            parse_float=_whole,
            parse_constant=_whole,
        )
    except UnicodeDecodeError:
        raise NotProved("it is not UTF-8 text; was it cut or changed?") from None
    except RecursionError:
        raise NotProved("it is nested deeper than any receipt") from None
    except ValueError as error:
        raise NotProved(f"it is not whole JSON ({error}); was it cut or changed?") from None


def _once(pairs: list[tuple[str, Any]]) -> Json:
    """A key that stood twice could be read in two ways."""
    found = dict(pairs)
    if len(found) != len(pairs) or not all(key.isascii() for key in found):
        raise ValueError("a key twice, or one that is not ASCII")
    return found


def _whole(number: str) -> Any:
    raise ValueError("a number that is not whole")


def _faults(found: Proof) -> Iterator[str]:
    """What contradicts itself, though it is signed."""
    for text_hash, text in found.texts.items():
        if hashlib.sha256(text.encode()).hexdigest() != text_hash:
            yield f"the text {text_hash[:12]} does not have the hash that it stands under"
    for one in found.receipts:
        if one.text_hash not in found.texts:
            yield f"the text {one.text_hash[:12]} is missing"
        if one.seconds != int(unstamp(one.at).timestamp()):
            yield "a time is told in two ways that differ"
    if len({one.person_id for one in found.receipts}) > 1:
        yield "it mixes consents of several people"


# against the data


def _read(place: DataAlone, work: Callable[[Transaction], Any]) -> tuple[Any, str]:
    """What a work finds in the data, and the public key of its receipts. Raises what is in MISTAKES."""

    async def read() -> tuple[Any, str]:
        async with opened(place) as engine:
            return await engine.read(work), (await signing_key(engine, place)).public

    return asyncio.run(read())


@contextlib.asynccontextmanager
async def opened(place: DataAlone) -> AsyncIterator[Engine]:
    """The database for reading only, at this version's schema. Raises Refused and what storage raises."""
    async with SQLite.open(place.database, readonly=True) as engine:
        if await pending(engine, files("storage") / "migrations"):
            raise Refused("the database is of an earlier version; bring it up to date with: intake migrate")
        yield engine


# the commands


def key() -> int:
    """`intake consent key`: print the public key of this data's receipts."""
    place = data_setting()
    click.echo(_read(place, lambda tx: None)[1])
    return 0


def verify(path: Path, public: str | None, data: Path | None) -> int:
    """`intake consent verify`: 0 proved, 1 not, 3 when it cannot be told. Raises Refused and what is in MISTAKES."""
    if public is not None and from_base64url(public, 32) is None:
        raise Refused("--key: this is no public key; `intake consent key` prints it, 43 characters")
    place = data_setting(data)
    has_data = place.database.exists()
    if data is not None and not has_data:
        raise Refused(f"--data: there is no database in {data}")
    raw = _bytes(path)
    try:
        found, content = proof(raw)
    except NotProved as error:
        click.echo(f"{path}: {error}", err=True)
        return 1
    known = {} if public is None else {public: "the key that was given"}
    kept: tuple[Sequence[LedgerRow], Sequence[Restored]] | None = None
    if has_data:
        kept, own = _read(
            place, lambda tx: (ledger.rows_of(tx, found.receipts[0].person_id), all_restores(tx))
        )
        known.setdefault(own, f"the key of the data in {place.data}")
        if public is not None and public != own:
            click.echo(f"the key that was given is not the one of the data in {place.data}", err=True)
            return 1
    if known and found.public not in known:
        click.echo(f"{path}: it is signed, but not with {next(iter(known.values()))}", err=True)
        return 1
    for line in _in_words(found):
        click.echo(line)
    if not known:
        click.echo(f"signed with the key {found.public}")
        click.echo("not proved: anybody can make a key; name the right one with --key", err=True)
        return 1
    click.echo(f"signed with {known[found.public]}, and whole")
    return _compared(content, *kept, place) if kept is not None else 0


def _compared(
    content: Json, rows: Sequence[LedgerRow], restores: Sequence[Restored], place: DataAlone
) -> int:
    found = differences(content, rows, restores)
    for line in found.wrong:
        click.echo(line, err=True)
    for line in found.unproved:
        click.echo(f"not proved: {line}", err=True)
    for line in found.later:
        click.echo(f"since it was issued: {line}")
    if found.wrong:
        return 1
    if found.unproved:
        return UNPROVED
    click.echo(f"the ledger in {place.data} has {'all of it' if found.later else 'exactly this'}")
    return 0


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from None
    if len(raw) > LARGEST:
        raise Refused(f"{path} is larger than {LARGEST >> 20} MB: no receipt is")
    return raw


def _in_words(found: Proof) -> Iterator[str]:
    """What was agreed to, when, in which language, and whether it had ended."""
    count = len(found.receipts)
    acts = "1 act" if count == 1 else f"{count} acts"
    yield f"{acts} of consent by the person {clean_line(found.receipts[0].person_id)}"
    yield f"issued on {in_words(found.issued_at)}"
    for number, one in enumerate(found.receipts, start=1):
        yield ""
        yield from _one_in_words(number, one, found.texts)
    yield ""


def _one_in_words(number: int, one: Consented, texts: Mapping[str, str]) -> Iterator[str]:
    language = LANGUAGES.get(one.language, clean_line(one.language))
    name, key = clean_line(one.name), clean_line(one.document)
    how = ACTS.get(one.act) or f"by {clean_line(one.act)}"
    yield f"{number}. {f'{name} ({key})' if name else key}, in {language}"
    yield f"   agreed on {in_words(one.at)}, {how}"
    yield (
        f"   ended on {in_words(one.withdrawn_at)}"
        if one.withdrawn_at
        else "   still stood when this was issued"
    )
    yield f"   text: {len(texts[one.text_hash])} characters, SHA-256 {one.text_hash}"
    if one.sensitive:
        yield "   sensitive information"
    for service in one.services:
        for purpose in service.purposes:
            clauses = f" (clause {', '.join(map(clean_line, purpose.clauses))})" if purpose.clauses else ""
            covers = f": {', '.join(map(clean_line, purpose.fields))}" if purpose.fields else ""
            yield f"   to {clean_line(purpose.purpose)}{clauses}{covers}"
    for policy in one.policies:
        words = map(clean_line, (policy.name, policy.version, policy.url))
        yield "   with {}, version {}, {}".format(*words)
    if not one.services:
        yield "   purposes and linked documents were not recorded at the time"
