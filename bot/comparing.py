"""`intake agreement diff`: what differs between two versions of what people agree to, clause by clause.

A version is a file, a folder of a programme (all of its consents, in every language), or the beginning of the SHA-256
of a text that somebody agreed to. Two files are compared as they stand; against a folder or a stored text, a file in
its programme's folder counts as the programme fills it in, since that is what people read.
"""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from bot.mistakes import Refused
from bot.programmes import NOTICE, SETTINGS, load
from bot.proving import opened
from bot.settings import data_setting
from conversations.clauses import Section, compare, differing, paired, sections
from storage import ledger

Place = tuple[str, str]  # a consent's key and a language
_FILE = re.compile(r"^([a-z][a-z0-9_]*)\.([a-z]{2,3})\.md$")
_HASH = re.compile(r"^[0-9a-f]{6,64}$")


@dataclass(frozen=True, slots=True)
class Version:
    """Texts by what they are; a single one whose place is not known stands under ("", "")."""

    texts: dict[Place, str]
    is_whole: bool = False  # a whole programme: what the other one lacks is missing there


def diff(old: str, new: str) -> int:
    """Print what differs; 0 the same, 1 different. Raises Refused, ProgrammeMistakes and what storage raises."""
    both_files = Path(old).is_file() and Path(new).is_file()
    before, after = (_version(name, as_it_stands=both_files) for name in (old, new))
    lines = list(_lines(before, after))
    for line in lines:
        click.echo(line)
    if not lines:
        click.echo("the same")
    return bool(lines)


def _version(name: str, *, as_it_stands: bool) -> Version:
    path = Path(name)
    if path.is_dir():
        documents = load(path).programme.documents
        return Version(
            {
                (key, language): text.text
                for key, texts in documents.items()
                for language, text in texts.items()
                if key != NOTICE
            },
            is_whole=True,
        )
    if path.exists():
        return Version({_place(path): _file(path, as_it_stands=as_it_stands)})
    if _HASH.match(name):
        return _stored(name)
    raise Refused(
        f"{name}: no file or folder is called so; give one, or six and more digits of a stored text's hash"
    )


def _place(path: Path) -> Place:
    match = _FILE.match(path.name)
    return (match[1], match[2]) if match else ("", "")


def _file(path: Path, *, as_it_stands: bool) -> str:
    key, language = _place(path)
    if not as_it_stands and (path.parent / SETTINGS).is_file():
        text = load(path.parent).programme.documents.get(key, {}).get(language)
        if text is not None:
            return text.text
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is no UTF-8 text: byte {error.start}") from None


def _stored(beginning: str) -> Version:
    async def read() -> list[tuple[str, ...]]:
        async with opened(data_setting()) as engine:
            return await engine.read(lambda tx: ledger.texts_beginning(tx, beginning))

    rows = asyncio.run(read())
    if len(rows) != 1:
        found = "no text has" if not rows else f"{len(rows)} texts have"
        raise Refused(f"{beginning}: {found} a hash that begins so; /mydata and a receipt name them whole")
    _, document, language, body = rows[0]
    return Version({(document, language): body})


def _lines(old: Version, new: Version) -> Iterator[str]:
    for title, before, after in _matched(old, new):
        if before is None or after is None:
            yield f"{title}: only in the {'new' if before is None else 'old'} one"
        elif found := list(_differences(before, after)):
            yield f"{title}:"
            yield from found


def _matched(old: Version, new: Version) -> Iterator[tuple[str, str | None, str | None]]:
    """The texts that are two versions of one: those in the same place, or the only ones there are."""
    if len(old.texts) == len(new.texts) == 1:
        (place, before), (other, after) = *old.texts.items(), *new.texts.items()
        yield _title(place if place[0] else other), before, after
        return
    for place in [*_single(old, new), *_single(new, old)]:
        known = ", ".join(f"{key}.{language}.md" for key, language in (new if new.is_whole else old).texts)
        named = f"{place[0]}.{place[1]}.md" if place[0] else "the file"
        raise Refused(f"{named} does not stand in the folder; there are {known}")
    wholes = old.is_whole and new.is_whole
    for place in {**old.texts, **new.texts}:
        if wholes or (place in old.texts and place in new.texts):
            yield _title(place), old.texts.get(place), new.texts.get(place)


def _single(one: Version, other: Version) -> list[Place]:
    """A single text that a programme has no other version of."""
    return [] if one.is_whole else [place for place in one.texts if place not in other.texts]


def _title(place: Place) -> str:
    key, language = place
    return f"{key} in {language}" if key else "the text"


def _differences(old: str, new: str) -> Iterator[str]:
    """A line for each section that differs, and one for each sentence of it."""
    changes = compare(old, new)
    if changes is None:
        return
    if changes.moved:
        yield "  the order of the sections changed, and nothing else"
    for was, now in paired(sections(old), sections(new)):
        if was is None and now is not None:
            yield f"  added: {_heading(now)}"
        elif now is None and was is not None:
            yield f"  removed: {_heading(was)}"
        elif was is not None and now is not None and was.text != now.text:
            yield f"  {_how(was, now)}: {_heading(now)}"
        else:
            continue
        found = list(differing(was.body if was else "", now.body if now else ""))
        if was and now and was.body != now.body and not found:
            yield "    only blanks and line breaks"
        yield from (f"    {'+' if is_new else '-'} {line}" for line, is_new in found)


def _how(was: Section, now: Section) -> str:
    if was.heading == now.heading:
        return "changed"
    how = "renumbered" if was.title == now.title else "renamed"
    words = "" if was.body == now.body else " and changed"
    return f"{how}{words}, before: {_heading(was)}; now"


def _heading(section: Section) -> str:
    return section.heading or "the beginning"
