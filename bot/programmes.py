"""A programme's folder -> a Programme and its words. Every mistake is found and named: file, key, cure."""

import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined, TemplateError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import ValidationError

from bot.documents import Unsupported, parse
from bot.refusals import in_plain_words
from bot.spoken import Spoken
from bot.words import Words, mistakes_in_words
from conversations import Mistake, Programme, ProgrammeMistakes
from conversations.programme import Text
from conversations.tracing import breaks

SETTINGS = "programme.toml"
NOTICE = "notice"
SHIPPED = "university_x"
REFERENCE = "en"  # the language whose templates say what each message is given
KNOWN = frozenset(
    [
        "programme",
        "words",
        "name_of",
        "ask",
        "example",
        "hint",
        "side",
        "reason",
        "outcome_name",
        "warning",
        "format",
        "language_names",
        "shown",
        "typed",
        "listed",
        "contact",
        "is_late",
    ]
)  # what every template may use
GAPS = {
    "minimum_age": "nobody is told from which age one may apply",
    "appeal": "a rejection does not say where to appeal",
    "collects": "no clause is said to collect anything, so none can be found without its questions",
    "controller": "nobody is named as responsible for the data",
    "hosted_in": "the country in which the data is kept is not named",
    "empty": "empty",
    "placeholder": "{found} is a placeholder",
}
FILTERS = ("day", "moment", "ago")  # and how it may write a time


@dataclass(frozen=True, slots=True)
class Loaded:
    """A programme ready to be used: words by language, the bot's own messages by language."""

    programme: Programme
    words: Mapping[str, Words]
    messages: Mapping[str, Words]
    source: Traversable


def load(folder: Path | None) -> Loaded:
    """The programme in a folder, or the shipped one. Raises ProgrammeMistakes with all that is wrong."""
    source: Traversable = folder if folder is not None else files("templates") / SHIPPED
    return _Loader(source, files("templates")).load()


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing left open, by its key; each language has words for its kind, into which `found` goes."""

    key: str
    kind: str
    found: str = ""

    def __str__(self) -> str:
        return f"{self.key}: {GAPS[self.kind].format(found=self.found)}"


def gaps(programme: Programme) -> list[Gap]:
    """What works, and is still for the operator to decide."""
    found = []
    if programme.minimum_age is None:
        found.append(Gap("minimum_age", "minimum_age"))
    if not programme.appeal:
        found.append(Gap("appeal", "appeal"))
    if not programme.collects:
        found.append(Gap("collects", "collects"))
    if not programme.controller.name:
        found.append(Gap("controller.name", "controller"))
    if not programme.controller.hosted_in:
        found.append(Gap("controller.hosted_in", "hosted_in"))
    found += [
        Gap(f"contact.{name}", "empty")
        for name in ("phone", "address", "hours")
        if not getattr(programme.contact, name)
    ]
    addresses = {"contact.email": programme.contact.email} | {
        f"links.{key}.url": link.url for key, link in programme.links.items()
    }
    found += [Gap(key, "placeholder", value) for key, value in addresses.items() if ".example" in value]
    return found


@dataclass(slots=True)
class _Loader:
    source: Traversable
    own: Traversable
    mistakes: list[Mistake] = field(default_factory=list)

    def load(self) -> Loaded:
        raw = self._toml(self.source, SETTINGS)
        self._stop()
        programme = self._programme(raw)
        languages = programme.languages
        messages = {language: self._messages(language) for language in languages}
        facts = {
            language: _facts(programme, Spoken(messages[language].get("format", {})))
            for language in languages
        }
        words = {language: self._words(language, facts[language]) for language in languages}
        self._stop()
        self.mistakes += mistakes_in_words(programme, words)
        documents = self._documents(programme, words, facts)
        self._stop()
        labels = {
            language: {
                key: dict(entry.get("options", {})) for key, entry in words[language]["questions"].items()
            }
            for language in languages
        }
        return Loaded(
            programme.model_copy(update={"documents": documents, "labels": labels}),
            words,
            messages,
            self.source,
        )

    def _stop(self) -> None:
        if self.mistakes:
            raise ProgrammeMistakes(sorted(self.mistakes))

    def _miss(self, file: str, key: str, found: str, allowed: str) -> None:
        self.mistakes.append(Mistake(file, key, found, allowed))

    # files

    def _read(self, folder: Traversable, name: str) -> str | None:
        try:
            text = (folder / name).read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            self._miss(name, f"byte {error.start}", "bytes that are no UTF-8", "UTF-8 text")
        except OSError:
            self._miss(name, "the file", f"nothing in {folder}", "a file of that name")
        else:
            return text
        return None

    def _toml(self, folder: Traversable, name: str) -> Words:
        text = self._read(folder, name)
        try:
            return tomllib.loads(text) if text is not None else {}
        except tomllib.TOMLDecodeError as error:
            self._miss(name, "syntax", str(error), "TOML 1.0")
            return {}

    def _programme(self, raw: Words) -> Programme:
        try:
            programme = Programme.model_validate(raw)
        except ValidationError as error:
            for key, found, allowed in in_plain_words(error, raw):
                self._miss(SETTINGS, key, found, allowed)
            raise ProgrammeMistakes(sorted(self.mistakes)) from None
        for key, found, allowed in (*programme.faults(), *breaks(programme)):
            self._miss(SETTINGS, key, found, allowed)
        if not _is_zone(programme.review.time_zone):
            allowed = 'a time zone of the IANA, as "Europe/Paris" or "UTC"'
            self._miss(SETTINGS, "review.time_zone", repr(programme.review.time_zone), allowed)
        self._stop()
        return programme

    def _words(self, language: str, facts: Mapping[str, Any]) -> Words:
        name = f"words.{language}.toml"
        rendered: Words = self._render_tree(name, "", self._toml(self.source, name), facts)
        for table in ("questions", "consents", "reasons"):
            entries = rendered.get(table, {})
            for key, entry in entries.items() if isinstance(entries, dict) else [("", entries)]:
                for inner in (entry, entry.get("options", {})) if isinstance(entry, dict) else (entry,):
                    if not isinstance(inner, dict):
                        self._miss(name, f"{table}.{key}".strip("."), repr(inner)[:80], "a table of words")
        return rendered

    def _messages(self, language: str) -> Words:
        """The bot's own words in a language: each must be a template that asks for nothing but what it is given."""
        name, words = f"{language}/messages.toml", self._toml(self.own / language, "messages.toml")
        reference = self._toml(self.own / REFERENCE, "messages.toml")
        for table in ("messages", "toasts", "buttons"):
            for key, text in words.get(table, {}).items():
                if "{" not in str(text):
                    continue  # nothing to fill in
                given = reference.get(table, {}).get(key, "")
                try:
                    asked, allowed = _asked(str(text)), _asked(str(given))
                except TemplateError as error:
                    self._miss(name, f"{table}.{key}", f"a template that fails: {error}", "a Jinja template")
                    continue
                for unknown in sorted(asked - allowed - KNOWN):
                    self._miss(
                        name, f"{table}.{key}", f"{{{{ {unknown} }}}}", ", ".join(sorted(allowed | KNOWN))
                    )
        return words

    def _render_tree(self, name: str, key: str, value: Any, facts: Mapping[str, Any]) -> Any:
        if isinstance(value, dict):
            return {
                one: self._render_tree(name, f"{key}.{one}".strip("."), two, facts)
                for one, two in value.items()
            }
        return self._render(name, key, str(value), facts)

    def _render(self, name: str, key: str, text: str, facts: Mapping[str, Any]) -> str:
        """Placeholders are filled in once, before hashing: the hash is of the exact text shown."""
        environment = ImmutableSandboxedEnvironment(
            undefined=StrictUndefined,
            autoescape=False,
            keep_trailing_newline=True,
        )
        try:
            return environment.from_string(text).render(facts)
        except Exception as error:  # a template can fail in any way that Python can
            found = f"a template that fails: {error or type(error).__name__}"
            self._miss(name, key, found, _placeholders(environment, text, facts))
            return text

    def _documents(
        self, programme: Programme, words: Mapping[str, Words], facts: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, dict[str, Text]]:
        documents: dict[str, dict[str, Text]] = {NOTICE: {}}
        for language in programme.languages:
            self._document(NOTICE, language, facts[language], documents[NOTICE])
        for consent in programme.consents:
            texts = documents.setdefault(consent.key, {})
            for language in programme.languages:
                if consent.document:
                    self._document(consent.key, language, facts[language], texts, programme)
                else:
                    texts[language] = Text.of(
                        words[language].get("consents", {}).get(consent.key, {}).get("text", "")
                    )
        return documents

    def _document(
        self,
        key: str,
        language: str,
        facts: Mapping[str, Any],
        texts: dict[str, Text],
        programme: Programme | None = None,
    ) -> None:
        name = f"{key}.{language}.md"
        raw = self._read(self.source, name)
        if raw is None:
            return
        if raw != unicodedata.normalize("NFC", raw) or "\r" in raw or not raw.endswith("\n"):
            self._miss(name, "the file", "another normal form", "NFC, lines ended by LF, also the last one")
        text = self._render(name, "the file", raw, facts)
        texts[language] = Text.of(text)
        try:
            document = parse(text)
        except Unsupported as error:
            self._miss(name, f"line {error.line}", error.found, error.allowed)
            return
        if not document.title:
            self._miss(name, "line 1", "no title", "a first line like: # Agreement")
        numbers = {section.heading.split(".")[0].strip() for section in document.sections}
        for where, clause in _named_clauses(programme) if programme and key == "agreement" else ():
            if clause not in numbers:
                self._miss(SETTINGS, where, f"no section {clause} in {name}", ", ".join(sorted(numbers)))


def _named_clauses(programme: Programme) -> Iterator[tuple[str, str]]:
    """The sections of the agreement that the settings name, each with its key there."""
    yield from ((f"clauses.{clause}", clause) for clause in programme.clauses)
    yield from (("usage", clause) for clause in programme.usage)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, outside the folder of zones, or a folder
        return False
    return True


@cache
def _asked(template: str) -> frozenset[str]:
    """What a template wants to be given. Raises TemplateError."""
    environment = ImmutableSandboxedEnvironment()
    environment.filters |= dict.fromkeys(FILTERS, str)
    return frozenset(find_undeclared_variables(environment.parse(template)))


def _placeholders(environment: ImmutableSandboxedEnvironment, text: str, facts: Mapping[str, Any]) -> str:
    """What may stand in {{ }}, first what was meant."""
    known = ", ".join(sorted(facts))
    try:
        unknown = sorted(find_undeclared_variables(environment.parse(text)) - set(facts))
    except TemplateError:
        unknown = []
    near = [match for name in unknown for match in get_close_matches(name, facts, n=1)]
    return f"did you mean {near[0]}? The placeholders are {known}" if near else f"the placeholders {known}"


def _facts(programme: Programme, spoken: Spoken) -> dict[str, Any]:
    """What texts may name in {{ }}; `day(...)` and `span(...)` write a date and a number of days."""
    contact = {f"contact_{name}": value for name, value in programme.contact.model_dump().items()}
    keep = {f"keep_{name}": value for name, value in programme.retention.model_dump().items()}
    links = {f"{key}_{name}": value for key, link in programme.links.items() for name, value in link}
    review = programme.review
    return {
        "day": spoken.day,
        "span": spoken.days,
        **contact,
        **keep,
        **links,
        "reapply_days": programme.reapply_days,
        "undo_seconds": review.undo_seconds,
        "photo_minutes": review.photo_minutes,
        "usual_days": review.usual_days,
        "minimum_age": programme.minimum_age or "",
        "effective": programme.effective.isoformat(),
    }
