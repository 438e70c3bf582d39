"""What differs between two versions of a text: section by section, and within a section sentence by sentence.

A section is a line `## heading` and all that follows up to the next one; what stands before the first is a section
without a heading. The sections of a text, put together, are the text: whatever byte differs lies in one of them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

ALIKE = 0.5  # with so many of its sentences kept, a section under another heading is the old one changed
_HEADING = re.compile(r"^## +(.*?)[ \t]*$", re.MULTILINE)
_NUMBER = re.compile(r"^\s*(\d+(?:\.\d+)*)[.、)]?\s*")
_ENDS = re.compile(r"(?<=[.!?])\s+(?=\S)|(?<=[。！？；])")


@dataclass(frozen=True, slots=True)
class Section:
    """A heading (empty before the first one) and the whole of what stands there, its heading line included."""

    heading: str
    text: str

    @property
    def number(self) -> str:
        """The number it begins with, "4" of "4. Rules of use"; or nothing."""
        match = _NUMBER.match(self.heading)
        return match[1] if match else ""

    @property
    def title(self) -> str:
        """Its heading without the number."""
        return _NUMBER.sub("", self.heading)

    @property
    def body(self) -> str:
        return self.text[self.text.find("\n") + 1 :] if self.heading else self.text


Pair = tuple[Section | None, Section | None]  # what it was, what it is


@dataclass(frozen=True, slots=True)
class Changes:
    """Sections by their headings, in the order of the text; an empty heading is the beginning.

    `renumbered`: the same words under another number. `moved`: the sections are the same, in another order.
    `sentences`: of a text without sections, the sentences that are new.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    renumbered: tuple[str, ...] = ()
    moved: bool = False
    sentences: tuple[str, ...] = ()


def sections(text: str) -> list[Section]:
    """The sections of a text, in order; none of them for an empty text."""
    starts = [(match.start(), match[1]) for match in _HEADING.finditer(text)]
    if not starts or starts[0][0] > 0:
        starts.insert(0, (0, ""))
    ends = [start for start, _ in starts[1:]] + [len(text)]
    return [
        Section(heading, text[start:end])
        for (start, heading), end in zip(starts, ends, strict=True)
        if end > start
    ]


@lru_cache(maxsize=256)
def compare(old: str, new: str) -> Changes | None:
    """What changed; None when not a byte did. Everybody with an open case asks for the same few."""
    if old == new:
        return None
    pairs = paired(sections(old), sections(new))
    both = [(was, now) for was, now in pairs if was and now and was.text != now.text]
    renumbered = [now for was, now in both if was.title == now.title and was.body == now.body]
    changes = Changes(
        added=tuple(now.heading for was, now in pairs if now and not was),
        removed=tuple(was.heading for was, now in pairs if was and not now),
        changed=tuple(now.heading for _, now in both if now not in renumbered),
        renumbered=tuple(now.heading for now in renumbered if now.number),
        sentences=()
        if _HEADING.search(new)
        else tuple(line for line, is_new in differing(old, new) if is_new),
    )
    return changes if changes != Changes() else Changes(moved=True)


def paired(old: Sequence[Section], new: Sequence[Section]) -> list[Pair]:
    """Each section beside what it was: by its title, else by its words, else by their likeness; in the new order,
    with those that are gone where they stood."""
    left, rest = list(old), dict(enumerate(new))
    found: dict[int, Section] = {}
    for fits in (_same_heading, _same_title, _same_body, _alike):
        for place, now in list(rest.items()):
            if (was := next((one for one in left if fits(one, now)), None)) is not None:
                left.remove(was)
                found[place] = was
                del rest[place]
    pairs: list[Pair] = [(found.get(place), now) for place, now in enumerate(new)]
    for gone in left:
        before = old[: old.index(gone)]
        place = max((n + 1 for n, (was, _) in enumerate(pairs) if was in before), default=0)
        pairs.insert(place, (gone, None))
    return pairs


def _same_heading(was: Section, now: Section) -> bool:
    return was.heading == now.heading


def _same_title(was: Section, now: Section) -> bool:
    return was.title == now.title


def _same_body(was: Section, now: Section) -> bool:
    return was.body == now.body


def _alike(was: Section, now: Section) -> bool:
    if not was.heading or not now.heading:
        return False
    before, after = sentences(was.body), sentences(now.body)
    return SequenceMatcher(None, before, after, autojunk=False).ratio() >= ALIKE


def sentences(text: str) -> list[str]:
    """The sentences of a text, a list item being one; without blanks around them."""
    return [piece.strip() for line in text.splitlines() for piece in _ENDS.split(line) if piece.strip()]


def differing(old: str, new: str) -> Iterator[tuple[str, bool]]:
    """The sentences that only one of two texts has, in order, and whether it is the new one."""
    before, after = sentences(old), sentences(new)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for _, i1, i2, j1, j2 in (code for code in matcher.get_opcodes() if code[0] != "equal"):
        yield from ((line, False) for line in before[i1:i2])
        yield from ((line, True) for line in after[j1:j2])


def in_other_words(changes: Changes, new: str, other: str) -> Changes:
    """The same changes by the headings of the text in another language, whose sections are the same in number.

    What was removed has no heading there, and keeps its number. With other sections there, nothing is named.
    """
    here, there = sections(new), sections(other)
    if len(here) != len(there):
        return Changes()
    names = {one.heading: two.heading for one, two in zip(here, there, strict=True)}

    def named(headings: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names[heading] for heading in headings if heading in names)

    numbers = (Section(heading, "").number for heading in changes.removed)
    return Changes(
        added=named(changes.added),
        removed=tuple(number for number in numbers if number),
        changed=named(changes.changed),
        renumbered=named(changes.renumbered),
        moved=changes.moved,
    )
