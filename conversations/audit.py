"""What the audit log may say: every action, whom an entry is about, and what stands in its detail.

Nothing personal stands there: only random ids, receipts, keyed hashes, keys of the programme, counters and periods.
`intake describe` draws the README's table from here.
"""

from dataclasses import dataclass
from typing import Literal

Action = Literal[
    "consent",
    "agreement_declined",
    "consent_refused",
    "consent_withdrawn",
    "withdrawn",
    "photo_stored",
    "photos_dropped",
    "photos_expired",
    "photo_viewed",
    "submitted",
    "recalled",
    "nudged",
    "asked",
    "wrote",
    "claimed",
    "released",
    "approved",
    "rejected",
    "returned",
    "undone",
    "told",
    "data_shown",
    "receipt_given",
    "correction_asked",
    "applied_again",
    "draft_deleted",
    "expired",
    "forgotten",
    "erased",
    "spared",
    "parked_retried",
    "parked_dropped",
    "parked_expired",
    "due_erased",
    "exported",
    "backed_up",
    "restored",
    "retention_changed",
    "key_changed",
    "migrated",
]
Why = Literal["asked", "retention", "silence", "operator"]  # an erasure


@dataclass(frozen=True, slots=True)
class Entry:
    """`subject`: whose id stands there, if any; `detail`: its parts in order, a blank between two."""

    subject: Literal["person", "parked update", ""]
    detail: str
    meaning: str


ACTIONS: dict[Action, Entry] = {
    "consent": Entry(
        "person",
        "document, act, language, SHA-256 of the text",
        "A consent was given and entered in the ledger.",
    ),
    "agreement_declined": Entry("person", "document", "The agreement was declined."),
    "consent_refused": Entry("person", "document", "A separate consent was refused."),
    "consent_withdrawn": Entry(
        "person",
        "document; again, after a restore",
        "A consent that was given before ended, because its new wording was declined or refused.",
    ),
    "withdrawn": Entry(
        "person",
        "receipt or -, asked, expired or again",
        "Every consent ended, with the application or draft; expired: it was taken back and not submitted again; again:"
        " the data were restored from before it.",
    ),
    "photo_stored": Entry("person", "side of the card", "An ID photo was taken in."),
    "photos_dropped": Entry(
        "person",
        "replaced, left_out, not_asked, applied_again or consent_ended",
        "ID photos went: another took their place, they were needed no more, or the consent they stood on ended.",
    ),
    "photos_expired": Entry(
        "person", "receipt", "The ID photos of a closed application were kept for their time."
    ),
    "photo_viewed": Entry("person", "receipt, hash of the reviewer", "A reviewer opened the ID photo."),
    "submitted": Entry("person", "receipt, revision", "An application was submitted."),
    "recalled": Entry("person", "receipt", "Its owner took it back for changes."),
    "nudged": Entry("person", "receipt", "Its owner asked how it stands."),
    "asked": Entry("person", "receipt, hash of the reviewer", "A reviewer wrote to its owner."),
    "wrote": Entry("person", "receipt", "Its owner wrote to the reviewers."),
    "claimed": Entry("person", "receipt, hash of the reviewer", "A reviewer claimed it or took it over."),
    "released": Entry("person", "receipt, hash of the reviewer", "A reviewer released it."),
    "approved": Entry("person", "receipt, round, hash of the reviewer", "A reviewer approved it."),
    "rejected": Entry(
        "person", "receipt, round, hash of the reviewer, keys of the reasons", "A reviewer rejected it."
    ),
    "returned": Entry(
        "person",
        "receipt, round, hash of the reviewer, keys of the reasons",
        "A reviewer returned it for changes.",
    ),
    "undone": Entry("person", "receipt, round, hash of the reviewer", "A decision was undone."),
    "told": Entry(
        "person",
        "receipt, hash of the reviewer, clock or restore",
        "The applicant was told: at a reviewer's Tell now, or after the time to undo; restore: it counts as done.",
    ),
    "data_shown": Entry("person", "state, as he was told it", "/mydata was used."),
    "receipt_given": Entry("person", "state, as he was told it", "A receipt of the consents was asked for."),
    "correction_asked": Entry("person", "state, as he was told it", "/correct was used."),
    "applied_again": Entry(
        "person",
        "receipt of the application before",
        "Its owner began a new one; the consents to the one before ended.",
    ),
    "draft_deleted": Entry("person", "", "Its owner deleted a draft; the consents to it ended."),
    "expired": Entry(
        "person",
        "draft",
        "A draft went, because nobody was heard of for its time; the consents to it ended.",
    ),
    "forgotten": Entry("person", "receipt", "An earlier application was kept for its time."),
    "erased": Entry(
        "person",
        "asked, retention, silence or operator, and the receipt of the erasure; again, after a restore",
        "Everything of a person went, and his consents ended: at /delete, after its time, because he was not heard of,"
        " or at `intake erase`.",
    ),
    "spared": Entry(
        "person",
        "until when",
        "Something stays longer than its period, since its owner is told of its end three days before it: the bot did"
        " not run, the period became shorter, or data were restored.",
    ),
    "parked_retried": Entry("parked update", "handled or failed", "`intake parked retry` was used on it."),
    "parked_dropped": Entry("parked update", "", "`intake parked drop` deleted it."),
    "parked_expired": Entry("", "how many", "Parked updates were kept for their time."),
    "due_erased": Entry("", "how many people were due", "`intake erase --due` was used."),
    "exported": Entry("", "purpose, rows", "`intake export` wrote a file."),
    "backed_up": Entry(
        "",
        "moment of the backup, how many people are in it, data keys",
        "`intake backup` wrote its two files; where, is not said.",
    ),
    "restored": Entry(
        "", "moment of the backup, people erased and unreadable", "`intake restore` put a backup in place."
    ),
    "retention_changed": Entry(
        "", "each period that changed, with its old and new value", "Other periods apply."
    ),
    "key_changed": Entry("", "fingerprint of the new key", "`intake key rotate` was used."),
    "migrated": Entry("", "name of the migration", "The database was brought to a newer schema."),
}
