"""The receipt of a person's consents: a JSON file that he keeps, and that proves them without us.

Fields are named after the Kantara Consent Receipt 1.1 where it has one; `eventTime`, `act` and `withdrawnAt` stand for
what ISO/IEC TS 27560 calls an event: its time, its type and its end, whether the consent was taken back or what it was
given for is over. Nothing is stated that the programme does not say: not the jurisdiction, nor whether others are given
something.

    format      which version of this form it is
    issuedAt    when, in UTC
    publicKey   Ed25519 (RFC 8032), 32 bytes in base64url
    texts       every text agreed to, whole, by the SHA-256 of its UTF-8 bytes
    receipts    one for each act, in order of time; `textHash` names its text
    signature   over all else, 64 bytes in base64url

What is signed is the canonical form of the file without `signature`: RFC 8785, that is JSON without blanks, keys in
order, in UTF-8, with no escapes but those JSON needs. Keys are ASCII and numbers are whole, so that there is only one.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from bot.mydata import DataFile
from bot.people import People
from bot.wording import Wording
from conversations.programme import START, Consent
from conversations.questions import IdentityQuestion, Question
from storage import ledger
from storage.engine import Engine
from storage.ledger import LedgerRow
from storage.values import stamp, unstamp
from storage.vault import SigningKey

FORMAT = "intake-consent-receipt-1"
KANTARA = "KI-CR-v1.1.0"
EXPLICIT = "EXPLICIT"
ID_CARD = "identity document"
Json = dict[str, Any]


def canonical(value: Any) -> bytes:
    """The one form in which a value is hashed and signed. Raises UnicodeEncodeError for half a surrogate pair."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode()


# when a consent is given


class Particulars:
    """What each consent of a programme is about besides its text, in each language, as it is kept with the act."""

    def __init__(self, wording: Wording) -> None:
        self._wording = wording
        self._programme = wording.programme
        self.of = cache(self._of)

    def _of(self, key: str, language: str) -> str:
        """In canonical JSON; the names of a receipt's fields."""
        programme, words = self._programme, self._wording.words_of(language)
        consent, title = programme.consent(key), str(words.get("title", programme.name))
        if consent is None:
            return "{}"
        contact = {name: value for name, value in programme.contact.model_dump().items() if value}
        policies = [{"name": name, **link.model_dump()} for name, link in programme.links.items()]
        special = [ID_CARD] if self._is_sensitive(consent) else []
        found: Json = {
            "collectionMethod": f"Telegram bot, programme {programme.name}, version {programme.effective.isoformat()}",
            "consentName": str(words.get("consents", {}).get(key, {}).get("name", key)),
            "required": consent.required,
            "piiControllers": [{"piiController": title, "contact": contact.get("email", ""), **contact}],
            "policies": policies,
            "services": [{"service": title, "purposes": self._purposes(consent, language)}],
            "retentionDays": programme.retention.model_dump(),
            "sensitive": bool(special),
            "spiCat": special,
        }
        if clause := self._clause(consent):
            found["clause"] = clause
        if policies:
            found["policyUrl"] = policies[0]["url"]
        return canonical(found).decode()

    def _clause(self, consent: Consent) -> str:
        question = self._programme.question(consent.before)
        return consent.clause or (question.clause if question else "")

    def _is_sensitive(self, consent: Consent) -> bool:
        """Whether it covers the photo of a card."""
        cards = [question for question in self._programme.questions if isinstance(question, IdentityQuestion)]
        return any(card in self._questions(consent) for card in cards)

    def _questions(self, consent: Consent) -> Sequence[Question]:
        """What it covers: the question that it stands before, or all but a card that has a consent of its own."""
        if consent.before == START:
            return [
                question
                for question in self._programme.questions
                if not isinstance(question, IdentityQuestion)
                or not self._programme.consents_before(question.key)
            ]
        return [question for question in self._programme.questions if question.key == consent.before]

    def _purposes(self, consent: Consent, language: str) -> list[Json]:
        """Each purpose with the clauses that give it, and the answers that serve it."""
        programme, words = self._programme, self._wording.words_of(language)
        questions = self._questions(consent)
        keys = list(consent.purposes)
        given = bool(keys) and consent.before != START
        if not keys and consent.before == START:
            keys = [purpose for purposes in programme.clauses.values() for purpose in purposes]
        elif not keys:
            keys = [key for question in questions for key in question.purposes]
        names = words.get("questions", {})
        found = []
        for key in dict.fromkeys(keys):
            fields = [question.key for question in questions if given or key in question.purposes]
            found.append(
                {
                    "purpose": str(words.get("purposes", {}).get(key, key)),
                    "purposeCategory": [key],
                    "consentType": EXPLICIT,
                    "clauses": [one for one, purposes in programme.clauses.items() if key in purposes],
                    "fields": fields,
                    "piiCategory": [str(names.get(field, {}).get("name", field)) for field in fields],
                    "termination": self._wording.named("receipt_termination", language),
                }
            )
        return found


# when it is given back


def receipt(row: LedgerRow, public: str) -> Json:
    """One act of consent. What was not kept with it is left out, not made up."""
    return {
        **(json.loads(row.particulars) if row.particulars else {}),
        "version": KANTARA,
        "jurisdiction": "not stated",
        "consentTimestamp": int(unstamp(row.at).timestamp()),
        "consentReceiptID": row.consent_id,
        "publicKey": public,
        "language": row.language,
        "piiPrincipalId": row.person_id,
        "document": row.document,
        "textHash": row.text_hash,
        "act": row.act,
        "eventTime": row.at,
        "withdrawnAt": row.withdrawn_at,
    }


def signed(rows: Sequence[LedgerRow], key: SigningKey, now: datetime) -> bytes:
    """The file, for people's eyes too."""
    public = key.public
    content: Json = {
        "format": FORMAT,
        "issuedAt": stamp(now),
        "publicKey": public,
        "receipts": [receipt(row, public) for row in rows],
        "texts": {row.text_hash: row.text for row in rows},
    }
    content["signature"] = key.sign(canonical(content))
    return f"{json.dumps(content, ensure_ascii=False, indent=2)}\n".encode()


async def receipt_file(
    engine: Engine, people: People, person_id: str, key: SigningKey, now: datetime
) -> DataFile | None:
    """The person's file; None when he has given no consent, or has gone meanwhile."""
    crowd = await people.load((), (person_id,), (), ())
    person = crowd.by_id.get(person_id)
    rows = await engine.read(lambda tx: ledger.rows_of(tx, person_id))
    if person is None or not rows:
        return None
    return DataFile(signed(rows, key, now), person.applicant.language)
