"""A table as a file that a spreadsheet opens: CSV or XLSX, whole or not there, for its owner's eyes alone.

Nothing in a cell is ever a formula (OWASP, CSV Injection; ASVS 1.2.10). In XLSX every word is a text cell and marked as
such, and stays as it is. CSV has no kinds of cells: there an apostrophe stands before a sign that would begin a formula
wherever a spreadsheet may see a cell begin: at the start, after blanks, and after whatever some country's spreadsheet
takes for the end of a cell.
"""

import contextlib
import csv
import errno
import fcntl
import io
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.worksheet._writer import WorksheetWriter

from bot.mistakes import Refused
from storage.vault import sync

SUFFIXES = (".csv", ".xlsx")
CELL_LIMIT = 32_767  # UTF-16 units in one cell of XLSX; source: Excel's specifications and limits
ROW_LIMIT = 1_048_576  # rows in one sheet of it
CUT = " […]"
DRAFT = ".intake-export-"  # what a file is called until it is whole, where it cannot be nameless

Cell = str | int

_SIGNS = "=+\\-@\t\r＝＋－＠﹦﹢﹣﹫−"  # what begins a formula, and what may be folded to it
_IN_CSV = re.compile(rf'(^|[,;\t|\r\n"])([^\S\r\n]*)(?=[{_SIGNS}])')
_IN_XLSX = re.compile(rf"\s*[{_SIGNS}]")
_NO_XML = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPED = re.compile(
    r"_(?=x[0-9A-Fa-f]{4}_)"
)  # what a spreadsheet would read as another character (ST_Xstring)


class Table(Protocol):
    """Rows go in, one after another; `cut` says how many cells were too long."""

    cut: int

    def add(self, row: Sequence[Cell]) -> None: ...
    def end(self) -> None: ...


def kind_of(path: Path) -> str:
    """By its name. Raises Refused."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise Refused(f"{path}: the name must end in {' or '.join(SUFFIXES)}")
    return suffix


def look_first(path: Path, *, force: bool) -> None:
    """What would keep the file from being written is found out before the work. Raises Refused."""
    kind_of(path)
    with _refusing(path):
        if path.is_dir():
            raise Refused(f"{path} is a folder; give the name of a file")
        if not force and os.path.lexists(path):
            raise Refused(f"{path} exists; say --force to put the new file in its place")
        if not path.parent.is_dir():
            raise Refused(f"{path} cannot be written: there is no folder {path.parent}")


@contextlib.contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """What the disk refuses, in one line."""
    try:
        yield
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror or error}") from error


class NewFile:
    """A file that gets its name when it is whole, mode 0600. `with` it; without `publish` nothing is left.

    Until then it has no name at all where the file system can do that (O_TMPFILE), so that the kernel removes it with
    a killed process. Elsewhere what a killed one has left goes with the next one's start. Raises Refused.
    """

    def __init__(self, path: Path, *, force: bool) -> None:
        look_first(path, force=force)
        self._path = path
        self._force = force
        self._draft: Path | None = None
        with self.refusing():
            _sweep(path.parent)
            self.file = self._open()
            fcntl.flock(self.file, fcntl.LOCK_EX)  # for as long as it is open, nobody sweeps it away

    def refusing(self) -> contextlib.AbstractContextManager[None]:
        """What the disk refuses, in one line."""
        return _refusing(self._path)

    def publish(self) -> None:
        """On the disk, and under its name."""
        with self.refusing():
            self.file.flush()
            os.fsync(self.file.fileno())
            self._name()
            sync(self._path.parent)

    def _open(self) -> BinaryIO:
        try:
            return os.fdopen(
                os.open(self._path.parent, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600), "w+b"
            )
        except OSError as error:
            if error.errno not in {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}:
                raise
        number, name = tempfile.mkstemp(prefix=DRAFT, dir=self._path.parent)  # mode 0600
        self._draft = Path(name)
        return os.fdopen(number, "w+b")

    def _name(self) -> None:
        if self._draft is None and not self._force:
            self._link(self._path)
            return
        if self._draft is None:
            draft = self._path.with_name(f"{DRAFT}{os.getpid()}")
            draft.unlink(missing_ok=True)
            self._link(draft)
            self._draft = draft
        if self._force:
            self._draft.replace(self._path)
        else:
            os.link(self._draft, self._path)
            self._draft.unlink()
        self._draft = None

    def _link(self, path: Path) -> None:
        """Give the nameless file a name. Never overwrites."""
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.link(f"/proc/self/fd/{self.file.fileno()}", path.name, dst_dir_fd=folder, follow_symlinks=True)
        finally:
            os.close(folder)

    def __enter__(self) -> "NewFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):  # a full disk was told of before
            self.file.close()
        if self._draft is not None:
            self._draft.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what killed processes left half done there; what a living one is at is locked."""
    for path in folder.glob(f"{DRAFT}*"):
        with contextlib.suppress(OSError):
            number = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(number)


def table(path: Path, file: BinaryIO, name: str) -> Table:
    """Of the kind that the path's name says; `name`: of the sheet."""
    return Xlsx(file, name, path.parent) if kind_of(path) == ".xlsx" else Csv(file)


class Csv:
    """RFC 4180 in UTF-8, with the mark at its beginning by which spreadsheets know that it is."""

    def __init__(self, file: BinaryIO) -> None:
        self.cut = 0
        self._text = io.TextIOWrapper(file, "utf-8-sig", errors="replace", newline="", write_through=False)
        self._rows = csv.writer(self._text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")

    def add(self, row: Sequence[Cell]) -> None:
        self._rows.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in row])

    def end(self) -> None:
        self._text.detach()


def harmless(text: str) -> str:
    """The same words, none of which begins a formula however the file is read."""
    return _IN_CSV.sub(r"\1'\2", text.replace("\0", "\ufffd"))


class Xlsx:
    """Row by row: what is written lies in nameless files, not in memory. A full sheet is followed by another."""

    def __init__(self, file: BinaryIO, name: str, folder: Path, rows: int = ROW_LIMIT) -> None:
        self.cut = 0
        self._file = file
        self._name = name
        self._folder = folder
        self._limit = rows
        self._book = Workbook(write_only=True)
        self._book.properties.creator = "Intake"
        self._heading: Sequence[Cell] = ()
        self._left = 0

    def add(self, row: Sequence[Cell]) -> None:
        if not self._heading:
            self._heading = row
        if not self._left:
            self._begin_sheet()
            if row is not self._heading:
                self._append(self._heading)
        self._append(row)

    def end(self) -> None:
        self._book.save(self._file)

    def _begin_sheet(self) -> None:
        if self._book.worksheets:
            self._sheet.close()
        number = len(self._book.worksheets) + 1
        self._sheet: Any = self._book.create_sheet(self._name if number == 1 else f"{self._name} {number}")
        self._sheet.freeze_panes = "A2"
        self._sheet._writer = _Nameless(self._sheet, self._folder)
        self._sheet._writer.write_top()
        self._left = self._limit

    def _append(self, row: Sequence[Cell]) -> None:
        self._sheet.append([self._cell(value) for value in row])
        self._left -= 1

    def _cell(self, value: Cell) -> Any:
        if isinstance(value, int):
            return WriteOnlyCell(self._sheet, value)
        cell = WriteOnlyCell(self._sheet)
        cell._value, cell.data_type = self._fitting(value), "s"  # never by guessing what the words might be
        if _IN_XLSX.match(value):
            cell.number_format, cell.quotePrefix = "@", True
        return cell

    def _fitting(self, text: str) -> str:
        """As XML and a cell can hold it."""
        text = _NO_XML.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
        text = _ESCAPED.sub("_x005F_", text)
        if _units(text) <= CELL_LIMIT:
            return text
        self.cut += 1
        kept = text.encode("utf-16-le")[: 2 * (CELL_LIMIT - _units(CUT))].decode("utf-16-le", errors="ignore")
        return f"{kept}{CUT}"


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


class _Nameless(WorksheetWriter):  # type: ignore[misc]
    """A sheet's stream in a file without a name: the library's own lies in the folder for temporary files, where it
    would outlast a killed process."""

    def __init__(self, sheet: Any, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        super().__init__(sheet, f"/proc/self/fd/{self._file.fileno()}")

    def cleanup(self) -> None:
        self._file.close()
