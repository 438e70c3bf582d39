"""What a person typed, made safe to keep and show: same words, nothing hidden.

Controls, bidirectional overrides, zero-width and tag characters are removed, look-alike blanks become
a plain space, and no letter carries more than four combining marks. Everything else stays as typed;
escaping is the wording's work.
"""

import re
import unicodedata

MARKS_A_LETTER = 4

# Zero-width joiners are kept between letters: Persian, Indic scripts and family emoji need them.
_JOINERS = "\u200c\u200d"
_VARIATION_SELECTORS = "\ufe0e\ufe0f"
_INVISIBLE_LETTERS = "\u115f\u1160\u3164\uffa0\u17b4\u17b5\u180b\u180c\u180d\u180e\u034f\u2800"
_BLANK_LINES = re.compile(r"\n{3,}")
_BLANKS = re.compile(r"[^\S\n]+")


def clean(typed: str) -> str:
    """The text as it is kept: NFC, LF, no hidden characters, no runs of blanks, trimmed."""
    text = unicodedata.normalize(
        "NFC", typed.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
    )
    if not text.isascii() or not text.isprintable():
        text = "".join(_visible(text))
    lines = (_BLANKS.sub(" ", line).strip() for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def clean_line(typed: str) -> str:
    """The same on one line."""
    return " ".join(clean(typed).split())


def _visible(text: str) -> list[str]:
    kept: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if character == "\n":
            kept.append(character)
        elif category in {"Zs", "Zl", "Zp"} or character in "\t\u2800\u3164\uffa0":
            kept.append(" ")
        elif character in _INVISIBLE_LETTERS or marks > MARKS_A_LETTER:
            continue
        elif character in _JOINERS:
            if kept and (kept[-1].isalnum() or unicodedata.category(kept[-1])[0] in "MS"):
                kept.append(character)
        elif category in {"Cc", "Cf", "Cs", "Co", "Cn"} and character not in _VARIATION_SELECTORS:
            continue
        else:
            kept.append(character)
    while kept and kept[-1] in _JOINERS:
        kept.pop()
    return kept


def scripts(text: str) -> frozenset[str]:
    """The scripts its letters belong to, by the first word of their Unicode names (LATIN, CYRILLIC, CJK ...)."""
    return frozenset(unicodedata.name(letter, "?").split()[0] for letter in text if letter.isalpha())


def mixes_scripts(text: str) -> bool:
    """Whether one word mixes scripts that imitate each other (a Cyrillic letter inside a Latin name)."""
    if text.isascii():
        return False
    alike = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"})
    return any(len(scripts(word) & alike) > 1 for word in text.split())
