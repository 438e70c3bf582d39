"""What an approved applicant has accepted: by the record of his consent, in the words of the text that he agreed to."""

import re
from dataclasses import dataclass
from datetime import date, datetime

from conversations.clauses import sections
from conversations.programme import AGREEMENT, Programme
from conversations.state import Applicant

ROOM = 1500  # characters of an earlier text that are repeated to him; a longer one is only named
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Accepted:
    """Which text and when. `version`: the day from which it held, where that is known. `is_present`: it is the text as
    it now is, and the programme's own words repeat it; otherwise `rules` does, line by line."""

    at: datetime
    text_hash: str
    version: date | None
    is_present: bool
    rules: tuple[str, ...] = ()


def accepted(programme: Programme, applicant: Applicant) -> Accepted | None:
    """None when no consent to the agreement stands."""
    record = applicant.agreed.get(AGREEMENT)
    if record is None:
        return None
    is_present = programme.is_current(record.text_hash, AGREEMENT, record.language)
    version = date.fromisoformat(record.version) if record.version else None
    if version is None and is_present:
        version = programme.effective
    text = "" if is_present else programme.former.get(record.text_hash, "")
    return Accepted(record.at, record.text_hash, version, is_present, rules_of(text, programme.usage))


def rules_of(text: str, numbers: tuple[str, ...]) -> tuple[str, ...]:
    """The lines of those sections, as plain words; none where they are too long to be repeated."""
    bodies = (section.body for section in sections(text) if section.number in numbers)
    lines = tuple(_plain(line) for body in bodies for line in body.splitlines() if line.strip())
    return lines if sum(map(len, lines)) <= ROOM else ()


def _plain(line: str) -> str:
    words = _LINK.sub(r"\1", line.strip()).replace("**", "")
    return f"• {words[2:]}" if words.startswith("- ") else words
