"""`intake record`: the record of processing activities, in Markdown, from what the programme says and Intake does.

Its words stand in `templates/<language>/record.md`. Source for what belongs in it: GDPR, Article 30 (1); PIPL, Articles
17, 55 and 56.
"""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot.documents import parse
from bot.mistakes import Refused
from bot.parked import PARKED_DAYS
from bot.programmes import NOTICE, Loaded, gaps, load
from bot.spoken import Spoken
from conversations.programme import AGREEMENT
from conversations.questions import IdentityQuestion
from conversations.tracing import traces

FILE = "record.md"  # in the folder of a language


def record(folder: Path | None, language: str | None) -> int:
    """Print it. Raises ProgrammeMistakes, Refused."""
    click.echo(recorded(load(folder), language), nl=False)
    return 0


def recorded(loaded: Loaded, language: str | None = None) -> str:
    """The record in one of the programme's languages, its first without one. Raises Refused."""
    languages = loaded.programme.languages
    spoken = language or languages[0]
    if spoken not in languages:
        raise Refused(f"--language: found {spoken!r}; allowed: {', '.join(languages)}")
    try:
        template = (files("templates") / spoken / FILE).read_text(encoding="utf-8")
    except OSError:
        raise Refused(f"templates/{spoken}/{FILE} is missing: the record's words in that language") from None
    return _environment(loaded, spoken).from_string(template).render(_facts(loaded, spoken))


def _environment(loaded: Loaded, language: str) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,  # Markdown for the operator, of his own words
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    spoken = Spoken(loaded.messages[language].get("format", {}))
    environment.filters |= {"day": spoken.day, "span": spoken.days, "cell": _cell}
    return environment


def _cell(text: str) -> str:
    """As it can stand in a table, or in a line."""
    return " ".join(text.replace("|", "\\|").split())


def _facts(loaded: Loaded, language: str) -> Mapping[str, Any]:
    programme, words = loaded.programme, loaded.words[language]
    headings = _headings(loaded, language)
    return {
        "programme": programme,
        "words": words,
        "contact": {name: value for name, value in programme.contact.model_dump().items() if value},
        "controller": programme.controller,
        "retention": programme.retention,
        "review": programme.review,
        "texts": [
            (key, spoken, programme.document(key, spoken).hash)
            for key in (AGREEMENT, NOTICE)
            for spoken in programme.languages
        ],
        "purposes": list(_purposes(loaded, language, headings)),
        "fields": [
            {
                "name": words["questions"][one.field]["name"],
                "clause": headings[one.clause],
                "required": one.required,
                "sensitive": one.sensitive,
                "is_photo": isinstance(programme.question(one.field), IdentityQuestion),
                "purposes": [words["purposes"][purpose] for purpose in one.purposes],
                "consents": [words["consents"][consent]["name"] for consent in one.consents],
            }
            for one in traces(programme)
        ],
        "exported": [words["purposes"][purpose] for purpose in programme.exports.fulfilment],
        "optional_consents": [
            words["consents"][one.key]["name"] for one in programme.consents if not one.required
        ],
        "parked_days": PARKED_DAYS,
        "gaps": gaps(programme),
    }


def _headings(loaded: Loaded, language: str) -> dict[str, str]:
    """Each clause by its heading, as it stands in the agreement."""
    text = loaded.programme.document(AGREEMENT, language).text
    return {
        section.heading.split(".")[0].strip(): section.heading
        for section in parse(text).sections
        if section.heading
    }


def _purposes(loaded: Loaded, language: str, headings: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    programme, words = loaded.programme, loaded.words[language]
    given = dict.fromkeys(purpose for purposes in programme.clauses.values() for purpose in purposes)
    for purpose in given:
        yield {
            "name": words["purposes"][purpose],
            "clauses": [
                headings[clause] for clause, purposes in programme.clauses.items() if purpose in purposes
            ],
            "fields": [
                words["questions"][question.key]["name"]
                for question in programme.questions
                if purpose in question.purposes
            ],
        }
