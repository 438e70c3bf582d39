"""Processes that begin with everything imported: each a fork of one that has imported it, read the shipped programme
once so that what is made at first use is made, and done nothing else.

A test's bot is a process of its own, killed and started a hundred times in a run; importing takes most of its start.
The parent is `python -m tests.warm SOCKET`, one for this process, and ends with it. For each process one connection:
the request, a line of JSON; then the pid; then, when it has ended, its status as `os.waitstatus_to_exitcode` gives it.
"""

import asyncio
import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import random
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any

from tests import known

IMPORTED = ("bot.app", "bot.cli")
PATIENCE = 30.0  # seconds for the parent to import everything


class WarmProcess:
    """As asyncio's Process, as far as it goes."""

    def __init__(self, pid: int, answers: asyncio.StreamReader, connection: asyncio.StreamWriter) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._connection = connection
        self._watch = asyncio.create_task(self._until_end(answers))

    async def wait(self) -> int:
        return await asyncio.shield(self._watch)

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and that is not known yet
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def _until_end(self, answers: asyncio.StreamReader) -> int:
        self.returncode = int(await answers.readline())
        self._connection.close()
        return self.returncode


async def start(
    module: str, *arguments: str, env: dict[str, str], cwd: Path, log: Path, typed: str = ""
) -> WarmProcess:
    """`python -m module arguments`, with `typed` to read, and what it says added to `log`."""
    answers, connection = await asyncio.open_unix_connection(_parent())
    request = {"module": module, "arguments": arguments, "env": env, "cwd": str(cwd), "log": str(log)}
    request |= {"typed": typed}
    connection.write(json.dumps(request).encode() + b"\n")
    return WarmProcess(int(await answers.readline()), answers, connection)


async def run(
    *command: str, env: dict[str, str], cwd: Path, typed: str = "", seconds: float = 60.0
) -> tuple[int, str]:
    """A module and its arguments, until it ends: its status and all it said. Raises TimeoutError, and it is killed."""
    with NamedTemporaryFile("r", encoding="utf-8", prefix="intake-said-") as log:
        process = await start(*command, env=env, cwd=cwd, log=Path(log.name), typed=typed)
        try:
            async with asyncio.timeout(seconds):
                status = await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        return status, log.read()


@functools.cache
def _parent() -> str:
    """Where the parent listens; it is started the first time."""
    folder = TemporaryDirectory(prefix="intake-warm-")
    path = f"{folder.name}/socket"
    parent = subprocess.Popen(
        (sys.executable, "-m", "tests.warm", path),
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,  # its end is the parent's
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the tests
    )
    assert parent.stdin is not None and parent.stdout is not None

    def end() -> None:
        parent.communicate(timeout=PATIENCE)
        folder.cleanup()

    atexit.register(end)
    if not parent.stdout.readline():
        raise AssertionError(f"the parent of warm processes ended with {parent.wait()}")
    return path


# the parent


def _serve(path: str) -> dict[str, Any] | None:
    """Fork for each request, until stdin ends; then end what still runs, and None. In a child: its request."""
    woken, wake = socket.socketpair()
    for end in (woken, wake):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno())
    door = socket.socket(socket.AF_UNIX)
    door.bind(path)
    door.listen()
    print("ready", flush=True)
    children: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        for source in (sys.stdin, door, woken):
            selector.register(source, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is sys.stdin:
                    for pid in children:  # the tests were killed
                        os.kill(pid, signal.SIGKILL)
                    return None
                if key.fileobj is woken:
                    woken.recv(1_000)
                    _reap(children)
                    continue
                connection, _ = door.accept()
                try:
                    connection.settimeout(PATIENCE)
                    with connection.makefile("rb") as lines:
                        request: dict[str, Any] = json.loads(lines.readline())
                except (OSError, ValueError):  # whoever asked has gone
                    connection.close()
                    continue
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for one in (woken, wake, door, connection, *children.values()):
                        one.close()
                    return request
                children[pid] = connection
                try:
                    connection.sendall(b"%d\n" % pid)
                except OSError:  # nobody waits for it any more
                    os.kill(pid, signal.SIGKILL)


def _reap(children: dict[int, socket.socket]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with children.pop(pid) as connection:
            try:
                connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
            except OSError:
                continue  # nobody waits for it any more


def _become(request: dict[str, Any]) -> None:
    """What a new interpreter would be, after its imports."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    random.seed()
    typed, keyboard = os.pipe()
    os.write(keyboard, request["typed"].encode())
    os.close(keyboard)
    said = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for number, opened in enumerate((typed, said, said)):
        os.dup2(opened, number)
    os.close(typed)
    os.close(said)
    # else what is found by the path alone, as templates are, is another checkout's where one is installed
    named = filter(None, request["env"].get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:1] = [request["cwd"], *(one for one in named if one not in sys.path[1:])]
    sys.argv = [request["module"], *request["arguments"]]


if __name__ == "__main__":
    for name in IMPORTED:
        importlib.import_module(name)
    known.read_once()
    known.faults(known.load(None))
    gc.freeze()
    asked = _serve(sys.argv[1])
    if asked is not None:
        _become(asked)
        runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)
