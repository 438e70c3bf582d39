"""How a consent is given and how it ends: what stands with the person and what stands in the ledger change together."""

from dataclasses import replace

from conversations.application import ConsentRecord
from conversations.effects import Audit, Effect, EndConsents, RecordConsent
from conversations.rules import Scene


def consent_record(scene: Scene, key: str, act: str) -> ConsentRecord:
    """Consent, by that act, to the text as it now is, in the language he speaks."""
    language = scene.applicant.language
    text = scene.programme.document(key, language)
    version = scene.programme.effective.isoformat()
    return ConsentRecord(
        document=key, text_hash=text.hash, language=language, act=act, at=scene.now, version=version
    )


def entered(record: ConsentRecord) -> tuple[Effect, ...]:
    """A consent enters the ledger and the audit log together."""
    return (
        RecordConsent(record),
        Audit("consent", f"{record.document} {record.act} {record.language} {record.text_hash}"),
    )


def taken_back(scene: Scene, *keys: str) -> tuple[Scene, tuple[Effect, ...]]:
    """Who agreed to an earlier text and refuses the present one has taken his consent back. Those of the consents
    that stand end; the scene is as it is without them."""
    ended = [key for key in keys if key in scene.applicant.agreed]
    agreed = {key: record for key, record in scene.applicant.agreed.items() if key not in ended}
    effects: list[Effect] = []
    for key in ended:
        effects += [EndConsents(scene.now, key), Audit("consent_withdrawn", key)]
    applicant = scene.applicant.model_copy(update={"agreed": agreed})
    return replace(scene, applicant=applicant), tuple(effects)
