"""Who agreed to what: every act of consent, the texts, and when it ended."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from storage.engine import Row, Transaction
from storage.values import stamp


def add_text(tx: Transaction, text_hash: str, document: str, language: str, body: str) -> None:
    tx.execute(
        "INSERT INTO texts (text_hash, document, language, body) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (text_hash) DO NOTHING",
        (text_hash, document, language, body),
    )


def former_texts(tx: Transaction) -> dict[str, str]:
    """Every text that anybody agreed to, by its hash: a few for each version of a programme."""
    return {row[0]: row[1] for row in tx.fetchall("SELECT text_hash, body FROM texts")}


def texts_beginning(tx: Transaction, beginning: str) -> list[Row]:
    """(text_hash, document, language, body) of those whose hash begins so."""
    return tx.fetchall(
        "SELECT text_hash, document, language, body FROM texts WHERE substr(text_hash, 1, ?) = ?"
        " ORDER BY text_hash",
        (len(beginning), beginning),
    )


def add_particulars(tx: Transaction, body: str) -> str:
    """What a consent is about besides its text, as JSON; its hash."""
    particulars_hash = hashlib.sha256(body.encode()).hexdigest()
    tx.execute(
        "INSERT INTO particulars (particulars_hash, body) VALUES (?, ?) ON CONFLICT (particulars_hash) DO NOTHING",
        (particulars_hash, body),
    )
    return particulars_hash


def add_consent(
    tx: Transaction,
    consent_id: str,
    person_id: str,
    values: tuple[str, str, str, str],
    at: datetime,
    particulars_hash: str | None = None,
) -> None:
    """`values`: document, hash of its text, language, act."""
    tx.execute(
        "INSERT INTO consents (consent_id, person_id, document, text_hash, language, act, at, particulars_hash)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (consent_id, person_id, *values, stamp(at), particulars_hash),
    )


def end_consents(tx: Transaction, person_id: str, at: datetime, document: str = "") -> None:
    """All that stand, or those to one document. `withdrawn_at` is the moment of the end, whatever brought it: a
    withdrawal, a deletion, an expiry or a new application; the audit log's entry of that moment says which."""
    tx.execute(
        "UPDATE consents SET withdrawn_at = ? WHERE person_id = ? AND withdrawn_at IS NULL AND ? IN ('', document)",
        (stamp(at), person_id, document),
    )


def consents_of(tx: Transaction, person_id: str) -> list[Row]:
    """(consent_id, document, text_hash, language, act, at, withdrawn_at), in order of time."""
    return tx.fetchall(
        "SELECT consent_id, document, text_hash, language, act, at, withdrawn_at FROM consents"
        " WHERE person_id = ? ORDER BY at, consent_id",
        (person_id,),
    )


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One act of consent with all that is known of it. `particulars` is JSON; None where none were kept yet."""

    consent_id: str
    person_id: str
    document: str
    text_hash: str
    language: str
    act: str
    at: str
    withdrawn_at: str | None
    text: str
    particulars: str | None


def rows_of(tx: Transaction, person_id: str) -> list[LedgerRow]:
    """A person's acts of consent in order of time, also of one who was erased."""
    rows = tx.fetchall(
        "SELECT c.consent_id, c.person_id, c.document, c.text_hash, c.language, c.act, c.at, c.withdrawn_at, t.body,"
        " p.body FROM consents c JOIN texts t ON t.text_hash = c.text_hash"
        " LEFT JOIN particulars p ON p.particulars_hash = c.particulars_hash"
        " WHERE c.person_id = ? ORDER BY c.at, c.consent_id",
        (person_id,),
    )
    return [LedgerRow(*row) for row in rows]
