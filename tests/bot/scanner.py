"""Looks for values in every file below some folders, in whatever writing they may stand there."""

import base64
import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote


def writings(value: str) -> dict[str, bytes]:
    """A value as it may stand in a file, by the name of the encoding."""
    raw = value.encode()
    found = {
        "utf-8": raw,
        "utf-16-le": value.encode("utf-16-le"),
        "utf-16-be": value.encode("utf-16-be"),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "json": json.dumps(value)[1:-1].encode(),
        "url": quote(value).encode(),
    }
    return found | dict(_in_base64(raw))


def _in_base64(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """The characters that are the same whatever stands around it, for each of the three places it may begin at."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + raw)
        inner = text[-(-before * 4 // 3) : len(text) - 4]
        yield f"base64+{before}", inner
        yield f"base64url+{before}", inner.replace(b"+", b"-").replace(b"/", b"_")


def traces(folders: Iterable[Path], values: Iterable[str], blobs: Iterable[bytes] = ()) -> list[str]:
    """Where any of the values stands in any writing, or any of the blobs as it is: file, what, how."""
    wanted = [(value, name, text) for value in values for name, text in writings(value).items()]
    wanted += [(f"{len(blob)} sealed bytes", "raw", blob) for blob in blobs]
    found = []
    for path in sorted({path for folder in folders for path in folder.rglob("*") if path.is_file()}):
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # it went meanwhile
            continue
        found += [f"{path.name}: {value} ({name})" for value, name, text in wanted if text in content]
    return found


def sealed_of(database: Path) -> list[bytes]:
    """What is sealed in a database, and the wrapped keys: pieces from the middle of each."""
    columns = ("people.sealed", "people.wrapped_key", "applications.sealed", "photos.sealed", "parked.sealed")
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        blobs = [
            row[0]
            for table, column in (one.split(".") for one in columns)
            for row in connection.execute(f"SELECT {column} FROM {table}")
        ]
    return [blob[len(blob) // 2 : len(blob) // 2 + 24] for blob in blobs if len(blob) >= 48]
