"""What a programme's words must have, and what they may not: each key once, in every language, as plain text."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from conversations import Mistake, Programme
from conversations.questions import ChoiceQuestion, IdentityQuestion

Words = dict[str, Any]

REASON_LIMIT = 24  # characters on a button
_MARKUP = re.compile(
    r"\*\*|</?(?:b|strong|i|em|u|ins|s|strike|del|code|pre|a|blockquote|span|tg-spoiler|tg-emoji)(?:\s[^<>]*)?>"
)


def mistakes_in_words(programme: Programme, words: Mapping[str, Words]) -> list[Mistake]:
    """Everything that is wrong with the words of each language; one key of one file is named once."""
    found: dict[tuple[str, str], Mistake] = {}
    first = programme.languages[0]
    for language in programme.languages:
        name = f"words.{language}.toml"
        for key, what, allowed in (
            *_lacking(programme, words[language]),
            *_astray(programme, words[language]),
            *_marked_up(words[language]),
        ):
            found.setdefault((name, key), Mistake(name, key, what, allowed))
        for has, lacks in ((first, language), (language, first)):
            for key in sorted(set(_leaves(words[has])) - set(_leaves(words[lacks]))):
                name = f"words.{lacks}.toml"
                mistake = Mistake(name, key, "nothing", f"words, as in words.{has}.toml")
                found.setdefault((name, key), mistake)
    return list(found.values())


def _lacking(programme: Programme, words: Words) -> Iterator[tuple[str, str, str]]:
    for key, allowed in _wanted(programme):
        found = _at(words, key)
        if not isinstance(found, str) or not found.strip():
            yield key, "nothing" if found is None else repr(found), allowed
        elif key.startswith("reasons.") and key.endswith(".name") and len(found) > REASON_LIMIT:
            yield key, f"{len(found)} characters", f"at most {REASON_LIMIT}: it stands on a button"


def _astray(programme: Programme, words: Words) -> Iterator[tuple[str, str, str]]:
    """Words that belong to nothing, or stand in another table than theirs."""
    questions = {question.key for question in programme.questions}
    for key in sorted(set(words.get("questions", {})) - questions):
        yield f"questions.{key}", "words", f"a question of programme.toml: {', '.join(sorted(questions))}"
    known = {
        "purposes": {purpose for purposes in programme.clauses.values() for purpose in purposes},
        "consents": {consent.key for consent in programme.consents},
        "reasons": {reason.key for reason in programme.reasons},
    }
    for table, keys in known.items():
        entries = words.get(table, {})
        for key in sorted(set(entries) - keys if isinstance(entries, dict) else ()):
            if table == "purposes" or key in questions:  # words of a consent or reason may wait for it
                cure = "a question's words stand under [questions]"
                yield f"{table}.{key}", "words", f"no such {table.removesuffix('s')}; {cure}"


def _marked_up(words: Words) -> Iterator[tuple[str, str, str]]:
    """Words are escaped wherever they are shown: a tag among them would be read as it stands."""
    for key in _leaves(words):
        text = _at(words, key)
        if isinstance(text, str) and (mark := _MARKUP.search(text)):
            yield key, mark[0], "plain words: markup is not read here but shown as it stands"


def _wanted(programme: Programme) -> Iterator[tuple[str, str]]:
    """Every word a programme needs, by its dotted key."""
    for key in ("title", "welcome", "granted", "obligations", "next_approved", "next_rejected"):
        yield key, "words"
    for question in programme.questions:
        yield f"questions.{question.key}.name", "a short label"
        yield f"questions.{question.key}.ask", "the question"
        if isinstance(question, ChoiceQuestion):
            for option in question.choices:
                yield f"questions.{question.key}.options.{option}", "a button's label"
        if isinstance(question, IdentityQuestion):
            for side in question.methods.photo.all_sides:
                yield f"questions.{question.key}.sides.{side}", "a short label"
    for purpose in sorted({purpose for given in programme.clauses.values() for purpose in given}):
        yield f"purposes.{purpose}", "what it is, in a few words"
    for consent in programme.consents:
        yield f"consents.{consent.key}.name", "a short title"
        yield f"consents.{consent.key}.tick", "what one agrees to, in one line"
        if not consent.document:
            yield f"consents.{consent.key}.text", "the text agreed to"
    for reason in programme.reasons:
        for word in ("name", "told", "fix"):
            yield f"reasons.{reason.key}.{word}", "words"


def _at(words: Words, key: str) -> Any:
    found: Any = words
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _leaves(words: Words, prefix: str = "") -> Iterator[str]:
    for key, value in words.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
