"""A message as plain lines: as one reads it in a terminal or a transcript. Quotations are marked with "> "."""

from collections.abc import Sequence
from html.parser import HTMLParser

Spans = Sequence[tuple[int, int]]  # start and end of each quotation, in characters


class _Reader(HTMLParser):
    """Collects text and quotations; Telegram's HTML has no nested ones."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.quotes: list[tuple[int, int]] = []
        self._start = 0

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "blockquote":
            self._start = len(self.text)

    def handle_endtag(self, tag: str) -> None:
        if tag == "blockquote":
            self.quotes.append((self._start, len(self.text)))


def plain(html: str) -> str:
    """A message's HTML as lines."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return marked(reader.text, reader.quotes)


def marked(text: str, quotes: Spans) -> str:
    """Text whose quotations are marked on each of their lines; they begin and end lines, as clients show them."""
    pieces: list[str] = []
    done = 0
    for start, end in quotes:
        pieces += [text[done:start], *(f"> {line}" for line in text[start:end].strip("\n").split("\n"))]
        done = end
    pieces.append(text[done:])
    lines: list[str] = []
    for place, piece in enumerate(pieces):
        if piece.startswith("> "):
            lines.append(piece.rstrip())
            continue
        before = piece.removesuffix("\n") if place < len(pieces) - 1 else piece
        rest = before.removeprefix("\n") if place else before
        if rest or piece == "\n\n":
            lines += [line.rstrip() for line in rest.split("\n")]
    return "\n".join(lines).strip()
