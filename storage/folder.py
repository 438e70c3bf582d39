"""The data folder: for its owner alone, and for one process at a time."""

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType

from storage.errors import DataInUse, DataUnusable

OWN = ("lock", "operator.key", "operator.key.next", "control.sock")  # what stands beside the database


def prepare(path: Path) -> None:
    """The folder (0700) and the database file (0600, as its WAL). Raises DataUnusable.

    A folder in which something else lives keeps its mode.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if all(entry.name in OWN or entry.name.startswith(path.name) for entry in path.parent.iterdir()):
            path.parent.chmod(0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise DataUnusable(f"the data folder {path.parent} is not writable: {error.strerror}") from error


class DataLock:
    """Owns a data folder while it is held; the kernel lets go when the process ends. Raises DataInUse.

    `writes`: whether who holds it may leave a trace. One that may not holds off whoever would write, and nobody else.
    """

    def __init__(self, folder: Path, *, writes: bool = True) -> None:
        self._path = folder / "lock"
        self._writes = writes
        self._file: int | None = None

    def __enter__(self) -> "DataLock":
        if not self._writes:
            with contextlib.suppress(FileNotFoundError):  # nobody has ever written there
                self._file = self._shared()
            return self
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataUnusable(
                f"the data folder {self._path.parent} is not writable: {error.strerror}"
            ) from error
        self._lock(file, fcntl.LOCK_EX)
        with contextlib.suppress(OSError):  # a full disk: whoever is refused then is not told by whom
            os.truncate(file, 0)
            os.write(file, str(os.getpid()).encode())
        self._file = file
        return self

    def _shared(self) -> int:
        try:
            file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except PermissionError as error:
            raise DataUnusable(
                f"the data folder {self._path.parent} cannot be read: {error.strerror};"
                " run this as the user the bot runs as"
            ) from error
        self._lock(file, fcntl.LOCK_SH)
        return file

    def _lock(self, file: int, how: int) -> None:
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(file, 32).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise DataInUse(
                f"the data folder {self._path.parent} is in use by process {pid}; stop it first"
            ) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
