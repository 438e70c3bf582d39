"""The reviewers' desk, played in Chromium: every way to decide, together and alone, as on a reviewer's screen.

Pictures of what was seen are left in artifacts/. With INTAKE_DESK_PICTURES=docs/desk set, those for the reviewers' page
are made anew on the way.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Error, Locator, expect, sync_playwright

from tests.bot.browser_demo import ARTIFACTS, ROOT, Window, launched, running_demo
from tests.bot.browser_people import SECONDS, Applicant, Reviewers

pytestmark = pytest.mark.browser

WORDS = "Which models do you compare?"
ANSWER = "Three open ones, and the API's."


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = launched(playwright)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One demo for all; every test brings its own people."""
    with running_demo(tmp_path_factory.mktemp("demo")) as found:
        yield found.address


@pytest.fixture
def window(browser: Browser, address: str) -> Iterator[Window]:
    """A window in which nothing goes wrong that the page knows of."""
    opened = Window(browser, height=1600)
    opened.page.goto(address)
    yield opened
    assert opened.faults == []
    opened.context.close()


def applied(window: Window, name: str) -> tuple[Applicant, str]:
    """Somebody who has submitted an application, and its receipt."""
    applicant = Applicant.added(window.page, name, "en")
    applicant.start()
    applicant.agree()
    applicant.answer_everything(skipped="homepage", kind="photo")
    return applicant, applicant.submit()


def keep(window: Window, name: str, what: Locator) -> None:
    """A picture of one thing on the page, when no toast hides it; a palette keeps it small enough for a repository."""
    expect(window.page.get_by_test_id("toast")).to_have_count(0, timeout=SECONDS)
    ARTIFACTS.mkdir(exist_ok=True)
    path = ARTIFACTS / f"desk-{name}.png"
    for is_last in (False, False, True):
        try:
            what.screenshot(path=path)
            break
        except Error:  # it was drawn anew at that moment
            if is_last:
                raise
    wanted = os.environ.get("INTAKE_DESK_PICTURES")
    if wanted:
        folder = ROOT / Path(wanted)
        folder.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as full:
            small = full.convert("RGB").quantize(128, dither=Image.Dither.NONE)
        small.save(folder / f"{name}.png", optimize=True)


def test_rejected_for_two_reasons_in_own_words_undone_and_approved(window: Window) -> None:
    applicant, receipt = applied(window, "Noor Haddad")
    reviewers, reasons = Reviewers(window.page), Reviewers(window.page).words.reasons
    keep(window, "card", reviewers.card(receipt))
    reviewers.press(receipt, "reject")
    expect(reviewers.button(receipt, reasons["not_legible"]["name"])).to_be_visible(timeout=SECONDS)
    keep(window, "reasons", reviewers.card(receipt))
    reviewers.open_form(receipt, "long")
    reviewers.tick(receipt, reasons["purpose_unclear"]["name"])
    reviewers.tick(receipt, reasons["expired_id"]["name"])
    reviewers.reply_to_form(receipt, WORDS)
    keep(window, "form", reviewers.form(receipt))
    reviewers.press_on_form(receipt, "preview")
    expect(reviewers.form(receipt)).to_contain_text(reasons["purpose_unclear"]["fix"], timeout=SECONDS)
    expect(reviewers.form(receipt)).to_contain_text(reasons["expired_id"]["fix"])
    keep(window, "preview", reviewers.form(receipt))
    reviewers.press_on_form(receipt, "decide_rejected")
    reviewers.return_to_group()
    expect(reviewers.card(receipt)).to_contain_text(WORDS, timeout=SECONDS)
    keep(window, "decided", reviewers.card(receipt))
    reviewers.press(receipt, "undo")
    reviewers.press(receipt, "approve")
    reviewers.press(receipt, "tell")
    applicant.reads(applicant.words.granted.strip().splitlines()[0])
    expect(applicant.message(WORDS)).to_have_count(0)  # of what was undone he hears nothing


def test_returned_for_changes_and_resubmitted(window: Window) -> None:
    applicant, receipt = applied(window, "Tomas Ferreira")
    reviewers = Reviewers(window.page)
    asked = reviewers.words.questions["api_purpose"]["name"]
    reviewers.play("Ben")
    reviewers.open_form(receipt, "return")
    reviewers.tick(receipt, f"✎ {asked}")
    reviewers.reply_to_form(receipt, WORDS)
    keep(window, "return", reviewers.form(receipt))
    reviewers.press_on_form(receipt, "decide_returned")
    reviewers.return_to_group()
    reviewers.press(receipt, "tell")
    applicant.reads(WORDS)
    keep(window, "returned", applicant.message(WORDS))
    expect(reviewers.card(receipt).get_by_test_id("button")).to_have_count(0, timeout=SECONDS)
    applicant.press(f"☐ {asked}")
    applicant.reads(applicant.words.questions["api_purpose"]["ask"])
    now = "I compare how well three open language models transcribe endangered languages."
    applicant.say(now)
    applicant.press(applicant.words.buttons["submit_again"])
    expect(reviewers.card(receipt)).to_contain_text(now, timeout=SECONDS)
    expect(reviewers.card(receipt)).to_contain_text(WORDS)
    expect(reviewers.card(receipt)).to_contain_text("Ben")  # it comes to the same reviewer first
    keep(window, "resubmitted", reviewers.card(receipt))


def test_two_reviewers_do_not_collide_and_see_what_waits_and_how_it_goes(window: Window) -> None:
    applicant, receipt = applied(window, "Ingrid Solberg")
    reviewers = Reviewers(window.page)
    reviewers.play("Ana")
    reviewers.press(receipt, "claim")
    expect(reviewers.button(receipt, reviewers.words.buttons["release"])).to_be_visible(timeout=SECONDS)
    reviewers.play("Chloe")
    reviewers.press(receipt, "approve")
    expect(window.page.get_by_test_id("alert-text")).to_contain_text("Ana", timeout=SECONDS)
    window.page.keyboard.press("Enter")
    reviewers.press(receipt, "take_over")
    expect(reviewers.card(receipt)).to_contain_text("Claimed by Chloe", timeout=SECONDS)
    keep(window, "claimed", reviewers.card(receipt))
    reviewers.open_form(receipt, "ask")
    reviewers.reply_to_form(receipt, WORDS)
    keep(window, "ask", reviewers.form(receipt))
    reviewers.press_on_form(receipt, "relay")
    reviewers.return_to_group()
    applicant.reads(WORDS)
    applicant.say(ANSWER)
    applicant.press(applicant.words.buttons["pass_on"])
    expect(reviewers.group.reads(ANSWER)).to_contain_text(WORDS, timeout=SECONDS)
    keep(window, "talk", reviewers.group.message(ANSWER))
    reviewers.group.say("/queue")
    listed = reviewers.group.reads("📋")
    expect(listed).to_contain_text(receipt, timeout=SECONDS)
    keep(window, "queue", listed)
    reviewers.group.say(f"/find {receipt}")
    expect(reviewers.card(receipt)).to_contain_text(re.compile("Waiting"), timeout=SECONDS)
    reviewers.group.say("/stats")
    picture = reviewers.group.pane.locator("img").last
    expect(picture).to_be_visible(timeout=2 * SECONDS)
    window.page.wait_for_function("image => image.naturalWidth > 600", arg=picture.element_handle())
    picture.click()
    keep(window, "stats", window.page.get_by_test_id("lightbox").locator("img"))
    window.page.keyboard.press("Escape")
