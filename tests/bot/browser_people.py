"""People at the page: what they read, say, press and send, in the words of their language."""

import re
import tomllib
from typing import Any, ClassVar

from playwright.sync_api import Locator, Page, expect

from tests.bot.browser_demo import ROOT

SECONDS = 15_000  # milliseconds until something expected must be there
_FOLDER = ROOT / "templates" / "university_x"


def _read(path: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / "templates" / path).read_text(encoding="utf-8"))


class Words:
    """The shipped words of one language; the test presses and reads these, and no others."""

    def __init__(self, language: str) -> None:
        self.buttons: dict[str, str] = _read(f"{language}/messages.toml")["buttons"]
        programme = _read(f"university_x/words.{language}.toml")
        self.questions: dict[str, dict[str, Any]] = programme["questions"]
        self.consents: dict[str, dict[str, str]] = programme["consents"]
        self.reasons: dict[str, dict[str, str]] = programme["reasons"]
        self.granted: str = programme["granted"]


class Chat:
    """One chat of the page: applicant, group or private. `typed`: what anybody has written anywhere."""

    typed: ClassVar[list[str]] = []

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.pane = page.get_by_test_id(f"pane-{name}")

    def message(self, text: str) -> Locator:
        """The newest message with these words."""
        return self.pane.get_by_test_id("message").filter(has_text=text).last

    def reads(self, text: str) -> Locator:
        found = self.message(text)
        expect(found).to_be_visible(timeout=SECONDS)
        return found

    def button(self, label: str) -> Locator:
        """The newest button with exactly this label."""
        exactly = re.compile(rf"^\s*{re.escape(label)}\s*$")
        return self.pane.get_by_test_id("button").filter(has_text=exactly).last

    def press(self, label: str) -> None:
        self.button(label).click()

    def say(self, text: str) -> None:
        field = self.pane.get_by_test_id("composer-input")
        self.typed.append(text)
        field.fill(text)
        field.press("Enter")

    def walk_back_to(self, button: Locator) -> None:
        """Shift+Tab from the text field to a button of the newest message, as one without a mouse does."""
        self.pane.get_by_test_id("composer-input").focus()
        for _ in range(12):
            self.page.keyboard.press("Shift+Tab")
            if button.evaluate("button => button === document.activeElement"):
                return
        raise AssertionError("the keyboard does not reach that button")

    def drop(self, name: str, kind: str, text: str) -> None:
        """A file dragged here from elsewhere."""
        make = """([name, type, text]) => {
            const carried = new DataTransfer();
            carried.items.add(new File([text], name, { type }));
            return carried;
        }"""
        carried = {"dataTransfer": self.page.evaluate_handle(make, [name, kind, text])}
        for event in ("dragenter", "dragover", "drop"):
            self.pane.dispatch_event(event, carried)

    def send_sample(self, side: str = "front", kind: str = "photo") -> None:
        """The page's own sample card, as a photo or as a file."""
        self.pane.get_by_test_id("sample-photo").click()
        self.page.get_by_test_id(f"sample-{side}").click()
        expect(self.page.get_by_test_id(f"sample-{side}")).to_have_attribute("aria-pressed", "true")
        self.page.get_by_test_id(f"send-as-{kind}").click()


class Applicant(Chat):
    """Somebody who applies; `code` is the language of his app."""

    def __init__(self, page: Page, name: str, code: str) -> None:
        super().__init__(page, "applicant")
        self.name = name
        self.words = Words(code.partition("-")[0])

    @classmethod
    def added(cls, page: Page, name: str, code: str) -> "Applicant":
        """A new person, by the page's own form."""
        page.get_by_test_id("add-person").click()
        page.get_by_test_id("person-name").fill(name)
        page.get_by_test_id("person-language").select_option(code)
        page.get_by_test_id("person-submit").click()
        applicant = cls(page, name, code)
        expect(applicant.tab).to_have_attribute("aria-selected", "true")
        return applicant

    @property
    def tab(self) -> Locator:
        return self.page.get_by_test_id("person-tab").filter(has=self.page.get_by_text(self.name, exact=True))

    def start(self) -> None:
        """START, and the agreement is there with its box empty."""
        self.pane.get_by_test_id("start").click()
        self.reads(self.words.buttons["unticked"])

    def agree(self) -> None:
        """Two acts: tick, then Continue."""
        self.press(self.words.buttons["unticked"])
        expect(self.button(self.words.buttons["ticked"])).to_be_visible(timeout=SECONDS)
        self.press(self.words.buttons["go"])

    def answer_everything(self, skipped: str, kind: str) -> None:
        """Every question with its own example, `skipped` with Skip; the card as a photo or a file."""
        for key, question in _read("university_x/programme.toml")["questions"].items():
            words = self.words.questions[key]
            if question["kind"] == "identity":
                self.reads(self.words.consents["identity_photo"]["name"])
                self.press(self.words.buttons["agree"])
                self.reads(words["ask_student"])
                self.send_sample(kind=kind)
                continue
            self.reads(words["ask"])
            if question["kind"] == "choice":
                self.press(words["options"]["doctoral"])
            elif key == skipped:
                self.press(self.words.buttons["skip"])
            else:
                self.say(words["example"])

    def delete_everything(self) -> None:
        """/delete, and the receipt is there."""
        self.say("/delete")
        self.press(self.words.buttons["erase"])
        self.reads("🗑")

    def submit(self) -> str:
        """Look through the summary and submit; the receipt."""
        summary = self.button(self.words.buttons["submit"])
        expect(summary).to_be_visible(timeout=SECONDS)
        summary.click()
        told = self.reads("UX-").inner_text()
        found = re.search(r"UX-\w+", told)
        assert found, told
        return found[0]


class Reviewers:
    """The reviewers' side: the group, and the private chat of the reviewer who is played."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.words = Words("en")
        self.group = Chat(page, "group")
        self.private = Chat(page, "private")

    def card(self, receipt: str) -> Locator:
        return self.group.reads(receipt)

    def button(self, receipt: str, label: str) -> Locator:
        return self.card(receipt).get_by_test_id("button").filter(has_text=label)

    def press(self, receipt: str, button: str) -> None:
        """A button of that application's card, by its name in the words."""
        self.button(receipt, self.words.buttons[button]).click()

    def look_at_id(self, receipt: str) -> None:
        """View ID: the photo comes to the reviewer's private chat, which opens by itself."""
        self.press(receipt, "view")
        expect(self.page.get_by_test_id("tab-private")).to_have_attribute(
            "aria-selected", "true", timeout=SECONDS
        )
        photo = self.private.reads(receipt).locator("img")
        expect(photo).to_be_visible(timeout=SECONDS)
        self.page.wait_for_function("image => image.naturalWidth > 300", arg=photo.element_handle())

    def play(self, name: str) -> None:
        """Another of the reviewers acts from here on."""
        tab = self.page.get_by_test_id("reviewer-tab").filter(has_text=name)
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")

    def return_to_group(self) -> None:
        self.page.get_by_test_id("tab-group").click()

    def open_form(self, receipt: str, button: str) -> Locator:
        """A button of the card that opens the reviewer's private chat; the form that comes there."""
        self.press(receipt, button)
        expect(self.page.get_by_test_id("tab-private")).to_have_attribute(
            "aria-selected", "true", timeout=SECONDS
        )
        return self.form(receipt)

    def form(self, receipt: str) -> Locator:
        """The newest message about that application in the private chat."""
        return self.private.reads(receipt)

    def tick(self, receipt: str, label: str) -> None:
        """A box of the form, which is ticked then."""
        exactly = re.compile(rf"^\s*☐ {re.escape(label)}\s*$")
        self.form(receipt).get_by_test_id("button").filter(has_text=exactly).click()
        expect(self.form(receipt)).to_contain_text(f"☑ {label}", timeout=SECONDS)

    def press_on_form(self, receipt: str, button: str) -> None:
        """The last button of the form with exactly these words."""
        exactly = re.compile(rf"^\s*{re.escape(self.words.buttons[button])}\s*$")
        self.form(receipt).get_by_test_id("button").filter(has_text=exactly).last.click()

    def reply_to_form(self, receipt: str, words: str) -> None:
        self.form(receipt).click(button="right")
        self.page.get_by_test_id("menu-reply").click()
        self.private.say(words)
        expect(self.form(receipt)).to_contain_text(words, timeout=SECONDS)

    def toast(self, words: str) -> None:
        expect(self.page.get_by_test_id("toast").last).to_contain_text(words, timeout=SECONDS)
