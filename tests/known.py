"""A programme that was read and proofread once in this process is not read again, as long as no file of it changes.

Half a second of every bot's start; the tests start hundreds, nearly all of them on the shipped programme.
"""

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from bot import app, programmes, proofreading
from bot.programmes import Loaded
from conversations.errors import Mistake

_loaded: dict[str, Loaded] = {}
_found: dict[int, list[Mistake]] = {}  # by the id of what is loaded, which is kept


def read_once() -> None:
    """From now on in this process."""
    vars(app).update(load=load, faults=faults)


def load(folder: Path | None) -> Loaded:
    templates = Path(str(files("templates")))
    digest = hashlib.sha256(str(folder).encode())
    for path in _within(folder, templates):
        digest.update(f"\0{path}\0".encode())
        digest.update(path.read_bytes())
    key = digest.hexdigest()
    if key not in _loaded:
        _loaded[key] = programmes.load(folder)
    return _loaded[key]


def faults(loaded: Loaded) -> list[Mistake]:
    if id(loaded) not in _found:
        found = proofreading.faults(loaded)
        if not any(loaded is one for one in _loaded.values()):
            return found
        _found[id(loaded)] = found
    return _found[id(loaded)]


def _within(folder: Path | None, templates: Path) -> Iterator[Path]:
    for place in (templates, folder):
        if place is not None and place.is_dir():
            yield from sorted(path for path in place.rglob("*") if path.is_file() and path.suffix != ".pyc")
