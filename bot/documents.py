"""Agreements in a named subset of Markdown -> HTML as Telegram takes it. Anything outside the subset is refused.

Allowed: one `# title`, `## sections`, paragraphs, `- ` and `1.` lists, **bold**, *italic*, [text](https://link).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import escape

_ALLOWED = "a title, ## sections, paragraphs, lists, **bold**, *italic* and [text](https://link)"
_INLINE = {
    "strong_open": "<b>",
    "strong_close": "</b>",
    "em_open": "<i>",
    "em_close": "</i>",
    "link_close": "</a>",
}
_TEXT = ("text", "text_special")
_MARKDOWN = MarkdownIt("commonmark").disable("text_join")  # what is escaped stays apart


@dataclass(slots=True)
class Section:
    """A heading (empty before the first one) and its body as HTML, paragraphs apart by a blank line.

    A list that begins on the line after a paragraph stays close to it.
    """

    heading: str
    html: str = ""


@dataclass(slots=True)
class Document:
    """A title and its sections in order."""

    title: str = ""
    sections: list[Section] = field(default_factory=list)


class Unsupported(ValueError):
    """Something the subset does not have: `line` in the file, `found` there."""

    def __init__(self, line: int, found: str) -> None:
        super().__init__(f"line {line}: {found} is not supported; allowed: {_ALLOWED}")
        self.line = line
        self.found = found
        self.allowed = _ALLOWED


def parse(text: str) -> Document:
    """The document. Raises Unsupported."""
    document = Document()
    blocks: list[str] = []
    items: list[str] = []
    lists: list[int] = []  # 0 for bullets, else the next number
    level, prefix, close_to = 0, "", 0
    section = Section("")
    for token in _MARKDOWN.parse(text):
        match token.type:
            case "heading_open":
                level = int(token.tag[1])
                if level > 2 or (level == 1 and (document.title or document.sections)):
                    raise Unsupported(_line(token), f"a heading of level {level}")
            case "inline" if level and any(one.type not in _TEXT for one in token.children or ()):
                raise Unsupported(_line(token), "markup in a heading")
            case "inline" if level == 1:
                document.title = token.content
            case "inline" if level == 2:
                _close(document, section, blocks)
                section = Section(token.content)
            case "inline":
                html = "".join(_inline(token.children or [], _line(token)))
                if lists:
                    items.append(prefix + html)
                    prefix = "   "
                else:
                    blocks.append(html)
            case "heading_close":
                level = 0
            case "bullet_list_open" | "ordered_list_open":
                if lists:
                    raise Unsupported(_line(token), "a list inside a list")
                lists.append(0 if token.type.startswith("bullet") else int(token.attrs.get("start", 1) or 1))
                is_close = token.map is not None and token.map[0] == close_to
            case "list_item_open":
                prefix = f"{lists[0]}. " if lists[0] else "• "
                lists[0] += 1 if lists[0] else 0
            case "bullet_list_close" | "ordered_list_close":
                lists.pop()
                before = [blocks.pop()] if is_close and blocks else []
                blocks.append("\n".join([*before, *items]))
                items = []
            case "paragraph_open":
                close_to = token.map[1] if token.map else 0
            case "paragraph_close" | "list_item_close":
                pass
            case other:
                raise Unsupported(_line(token), other.replace("_", " "))
    _close(document, section, blocks)
    return document


def _close(document: Document, section: Section, blocks: list[str]) -> None:
    section.html = "\n\n".join(blocks)
    blocks.clear()
    if section.heading or section.html:
        document.sections.append(section)


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 0


def _inline(tokens: Sequence[Token], line: int) -> Iterator[str]:
    """HTML of a paragraph that begins on a line."""
    for token in tokens:
        match token.type:
            case "text" if "**" in token.content:
                raise Unsupported(line, "** that begins or ends nothing")
            case known if known in _TEXT:
                yield str(escape(token.content))
            case "softbreak":
                line += 1
                yield " "
            case "link_open":
                href = str(token.attrs.get("href", ""))
                if not href.startswith("https://"):
                    raise Unsupported(line, f"a link to {href}")
                yield f'<a href="{escape(href)}">'
            case known if known in _INLINE:
                yield _INLINE[known]
            case other:
                raise Unsupported(line, other.replace("_", " "))
