"""Where a dry run works: a private folder among the temporary files, of which nothing stays."""

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "intake-dry-run-"


@contextlib.contextmanager
def workshop() -> Iterator[Path]:
    """A folder of mode 0700, held while it is needed. Raises OSError."""
    clear()
    made = Path(tempfile.mkdtemp(prefix="intake-new-"))
    held = _held(made)
    # it has its name only once it is held: so that nobody takes it for one that was left
    path = made.rename(made.with_name(made.name.replace("intake-new-", PREFIX, 1)))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(held)


def clear() -> None:
    """Remove what one that was killed has left: no deletion would reach it."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, held, or gone meanwhile
            found = path.lstat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
                held = _held(path)
                shutil.rmtree(path, ignore_errors=True)
                os.close(held)


def _held(folder: Path) -> int:
    """Raises BlockingIOError when somebody works there."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise
    return file
