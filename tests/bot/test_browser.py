"""The page of the local Telegram, played in Chromium as a newcomer would: both languages, from START to a decision.

Pictures of what was seen are left in artifacts/. With INTAKE_DEMO_PICTURE=docs/demo.png set, the README's picture
is made anew on the way.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from tests.bot.browser_demo import LOG, ROOT, Demo, Window, launched, running_demo
from tests.bot.browser_people import SECONDS, Applicant, Chat, Reviewers
from tests.bot.scanner import sealed_of, traces

LONG = 8  # characters: shorter ones are found anywhere
WITHIN = 60.0  # seconds

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = launched(playwright)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def demo(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One demo for all; every test brings its own people. When all have played, nothing they typed stands anywhere."""
    folder = tmp_path_factory.mktemp("demo")
    with running_demo(folder) as found:
        yield found
        assert readable(found.folder) == []
    assert [one.name for one in folder.iterdir()] == [LOG]  # nothing is kept
    assert readable(folder) == []


@pytest.fixture
def address(demo: Demo) -> str:
    return demo.address


def readable(folder: Path) -> list[str]:
    """What anybody typed at the page and stands in a file below the folder, in whatever writing."""
    typed = {one for one in Chat.typed if len(one) >= LONG and not one.startswith("/")}
    assert typed
    return traces([folder], typed)


def test_english_applicant_is_approved_and_told(browser: Browser, address: str) -> None:
    window = Window(browser)
    page = window.page
    page.goto(address)
    reviewers = Reviewers(page)
    applicant = Applicant(page, "Emma Hughes", "en")
    applicant.tab.click()
    window.picture("light-1-welcome")
    applicant.start()
    window.picture("light-2-agreement")
    applicant.agree()
    applicant.answer_everything(skipped="homepage", kind="photo")
    expect(applicant.button("Submit Application")).to_be_visible(timeout=SECONDS)
    window.picture("light-3-summary")
    receipt = applicant.submit()
    reviewers.look_at_id(receipt)
    window.picture("light-4-view-id")
    reviewers.return_to_group()
    _picture_for_readme(window)
    reviewers.press(receipt, "approve")
    expect(reviewers.group.pane.get_by_test_id("toast").last).to_be_visible()
    reviewers.press(receipt, "tell")
    applicant.reads(applicant.words.granted.strip().splitlines()[0])
    window.picture("light-5-approved")
    assert window.faults == []
    window.context.close()


def test_chinese_applicant_is_rejected_with_a_reason_and_told_in_chinese(
    browser: Browser, address: str
) -> None:
    window = Window(browser, dark=True)
    page = window.page
    page.goto(address)
    page.get_by_test_id("page-language").click()
    reviewers = Reviewers(page)
    applicant = Applicant.added(page, "林知远", "zh-hans")
    applicant.start()
    window.picture("dark-1-agreement")
    applicant.agree()
    applicant.answer_everything(skipped="scenarios", kind="file")
    receipt = applicant.submit()
    reviewers.press(receipt, "reject")
    reason = reviewers.words.reasons["not_legible"]["name"]
    expect(reviewers.button(receipt, reason)).to_be_visible(timeout=SECONDS)
    window.picture("dark-2-reasons")
    reviewers.button(receipt, reason).click()
    reviewers.press(receipt, "tell")
    applicant.reads(applicant.words.reasons["not_legible"]["told"])
    applicant.reads(applicant.words.reasons["not_legible"]["fix"])
    window.picture("dark-3-rejected")
    assert window.faults == []
    window.context.close()


def test_what_was_typed_at_the_page_is_in_no_file_and_after_a_deletion_not_even_sealed(
    browser: Browser, demo: Demo
) -> None:
    window = Window(browser)
    window.page.goto(demo.address)
    reviewers = Reviewers(window.page)
    applicant = Applicant.added(window.page, "Zdeňka", "en")
    applicant.start()
    applicant.agree()
    applicant.answer_everything(skipped="homepage", kind="photo")
    receipt = applicant.submit()
    reviewers.look_at_id(receipt)
    applicant.say("/mydata")
    applicant.reads("my-data")
    assert readable(demo.folder) == []
    before = sealed_of(demo.database)
    applicant.delete_everything()
    gone = [blob for blob in before if blob not in sealed_of(demo.database)]
    assert len(gone) >= 4  # the person, his key, his application, his photo
    until = time.monotonic() + WITHIN
    while found := traces([demo.folder], [], gone):
        assert time.monotonic() < until, found
        time.sleep(0.2)
    assert readable(demo.folder) == []
    assert window.faults == []
    window.context.close()


def test_page_fits_a_phone(browser: Browser, address: str) -> None:
    window = Window(browser, width=390, height=844)
    page = window.page
    page.goto(address)
    applicant = Applicant.added(page, "Luca", "en")
    applicant.start()
    applicant.agree()
    applicant.reads(applicant.words.questions["full_name"]["ask"])
    window.picture("phone-1-applicant")
    for name in ("group", "private"):
        page.get_by_test_id(f"view-{name}").click()
        expect(page.get_by_test_id(f"pane-{name}")).to_be_visible()
        expect(page.get_by_test_id("pane-applicant")).to_be_hidden()
        window.picture(f"phone-2-{name}")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert window.faults == []
    window.context.close()


def test_keyboard_alone_leads_past_the_agreement(browser: Browser, address: str) -> None:
    window = Window(browser)
    page = window.page
    page.goto(address)
    applicant = Applicant.added(page, "Sofia", "en")
    expect(applicant.pane.get_by_test_id("start")).to_be_focused()
    page.keyboard.press("Enter")
    buttons = applicant.words.buttons
    expect(applicant.button(buttons["unticked"])).to_be_visible(timeout=SECONDS)
    applicant.walk_back_to(applicant.button(buttons["unticked"]))
    page.keyboard.press("Enter")
    expect(applicant.button(buttons["ticked"])).to_be_focused(timeout=SECONDS)
    page.keyboard.press("Tab")
    expect(applicant.button(buttons["decline"])).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    applicant.reads(applicant.words.questions["full_name"]["ask"])
    assert window.faults == []
    window.context.close()


def test_what_is_dropped_edited_and_deleted_is_shown(browser: Browser, address: str) -> None:
    window = Window(browser)
    page = window.page
    page.goto(address)
    applicant = Applicant.added(page, "Omar", "en")
    applicant.drop("notes.txt", "text/plain", "a note")
    page.get_by_test_id("send-caption").fill("here it is")
    page.get_by_test_id("send-as-file").click()
    expect(applicant.reads("here it is").get_by_test_id("document")).to_have_attribute(
        "download", "notes.txt"
    )
    applicant.say("apricto")
    applicant.reads("apricto")
    field = applicant.pane.get_by_test_id("composer-input")
    field.press("ArrowUp")
    expect(field).to_have_value("apricto")
    applicant.say("apricot")
    expect(applicant.reads("apricot").get_by_test_id("edited")).to_be_visible()
    expect(applicant.message("apricto")).to_have_count(0)
    applicant.message("apricot").click(button="right")
    page.get_by_test_id("menu-delete").click()
    expect(applicant.message("apricot")).to_have_count(0)
    assert window.faults == []
    window.context.close()


@pytest.mark.parametrize("order", [("code", "blockquote"), ("blockquote", "code")])
def test_a_quotation_holds_what_is_marked_within_it(
    browser: Browser, address: str, order: tuple[str, str]
) -> None:
    window = Window(browser)
    window.page.goto(address)
    entities = [{"type": kind, "offset": 0, "length": 1} for kind in order]
    drawn = window.page.evaluate(
        """async (entities) => {
            const { richText } = await import("/page/text.js");
            return richText("a", entities, {}, "").map((node) => node.outerHTML);
        }""",
        entities,
    )
    assert drawn == ['<blockquote class=""><code class="">a</code></blockquote>']
    assert window.faults == []
    window.context.close()


def _picture_for_readme(window: Window) -> None:
    """A palette keeps it small enough for a repository."""
    wanted = os.environ.get("INTAKE_DEMO_PICTURE")
    if not wanted:
        return
    window.page.set_viewport_size({"width": 1360, "height": 1120})
    with Image.open(window.picture("readme")) as full:
        small = full.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    path = ROOT / Path(wanted)
    path.parent.mkdir(parents=True, exist_ok=True)
    small.save(path, optimize=True)
    window.page.set_viewport_size({"width": 1440, "height": 900})
