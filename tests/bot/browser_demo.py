"""What the browser test runs: `intake demo` as a process of its own, saying all it can, and Chromium."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, ViewportSize

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "artifacts"
LOG = "said.log"
START_SECONDS = 30.0
STOP_SECONDS = 15.0
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = ("disable-gpu", "disable-quic", "no-first-run", "disable-background-networking")
_STILL = ("disable-component-update", "disable-sync")


@dataclass(frozen=True, slots=True)
class Demo:
    """Where its page is, and the folder with all that it writes: data, temporary files, and its log at DEBUG."""

    address: str
    folder: Path

    @property
    def database(self) -> Path:
        (found,) = self.folder.glob("intake-demo-*/data/intake.sqlite")
        return found


@contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    """A fresh one; ended by Ctrl-C, which it must obey with exit status 0."""
    command = [sys.executable, "-m", "tests.bot.loud_demo", "demo", "--no-browser", "--port", "0"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    heard: list[str] = []
    address = threading.Event()
    listener = threading.Thread(target=_listen, args=(process, heard, address, folder / LOG))
    listener.start()
    try:
        address.wait(START_SECONDS)
        found = re.search(r"http://127\.0\.0\.1:\d+/?", "".join(heard))
        assert found, "the demo named no address within its time; it said:\n" + "".join(heard)
        yield Demo(found[0], folder)
        process.send_signal(signal.SIGINT)
        assert process.wait(STOP_SECONDS) == 0, "".join(heard)
    finally:
        process.kill()
        process.wait()
        listener.join()
        assert process.stdout is not None
        process.stdout.close()


def _listen(process: subprocess.Popen[str], heard: list[str], address: threading.Event, log: Path) -> None:
    """Collect what the demo says, in a file too; `address` is set when it names one, and when it ends."""
    assert process.stdout is not None
    with log.open("w", encoding="utf-8", buffering=1) as file:
        for line in process.stdout:
            heard.append(line)
            file.write(line)
            if "http://" in line:
                address.set()
    address.set()


def launched(playwright: Playwright) -> Browser:
    """Chromium, or a skip that says how to get it; with INTAKE_REQUIRE_BROWSER set, a failure."""
    found = next(filter(None, map(shutil.which, _NAMES)), None) or playwright.chromium.executable_path
    if not Path(found).exists():
        message = "the browser test needs Chromium; on Debian: apt install chromium"
        if os.environ.get("INTAKE_REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    sandbox = ("no-sandbox",) if os.geteuid() == 0 else ()
    return playwright.chromium.launch(
        executable_path=found, args=[f"--{name}" for name in (*sandbox, *_QUIET, *_STILL)]
    )


class Window:
    """One browser window with a profile of its own, and whatever went wrong in it."""

    def __init__(self, browser: Browser, *, dark: bool = False, width: int = 1440, height: int = 900) -> None:
        self.context = browser.new_context(
            viewport=ViewportSize(width=width, height=height),
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            has_touch=width < 500,
            locale="en-GB",
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.faults: list[str] = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def picture(self, name: str) -> Path:
        """Keep what the window shows, in artifacts/."""
        ARTIFACTS.mkdir(exist_ok=True)
        path = ARTIFACTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path
