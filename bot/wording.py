"""Message name + language -> text and buttons.

Two sandboxed Jinja environments: HTML for messages, plain for buttons, toasts and file names. A message that
would be longer than Telegram allows is rendered again with its long answers shortened.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from types import CodeType
from typing import Any

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from bot.buttons import Press, Signer
from bot.documents import Document, parse
from bot.programmes import FILTERS, NOTICE, Loaded
from bot.spoken import Spoken
from bot.unlinking import in_ascii, unlinked
from bot.words import Words
from conversations.application import Answer as KeptAnswer
from conversations.application import Chosen, Pictured, Written
from conversations.effects import Button, Rows, Say
from conversations.questions import OTHER, EmailQuestion, UrlQuestion

TEXT_LIMIT = 4096  # UTF-16 units after entities are parsed; source: Bot API, sendMessage
TOAST_LIMIT = 200
HEADER = 600  # room for the title and welcome above the agreement and the line below it
AGREEMENTS = {
    "agreement": "page",
    "agreement_again": "terms",
}  # a message with its text -> the verb that turns it
_SHORTER = (None, 1200, 600, 300, 120, 60, 20)  # how many characters of each answer are shown, tried in turn

NAME_LIMIT = 80  # characters of a heading that is named in a list
_LISTED = ((1200, 12), (600, 6), (300, 3), (0, 1))  # with that much room for each answer: how many of a list

Keyboard = list[list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where buttons will stand: what their signatures are bound to."""

    chat: int
    hidden: str  # the person's id
    stamp: str  # the step of the dialogue, or revision and round
    subject: str = ""  # the receipt


class TooLong(ValueError):
    """A message does not fit, however short its answers are shown."""


class Wording:
    """All words of one programme, compiled once."""

    def __init__(self, loaded: Loaded, signer: Signer, clock: Callable[[], datetime]) -> None:
        self.programme = loaded.programme
        self._words = loaded.words
        self._own = loaded.messages
        self._signer = signer
        self._clock = clock
        self._spoken_in = {language: Spoken(words["format"]) for language, words in loaded.messages.items()}
        self._messages = self._compile("messages", autoescape=True)
        self._toasts = self._compile("toasts", autoescape=False)
        self._buttons = self._compile("buttons", autoescape=False)
        titled = {NOTICE, *(consent.key for consent in self.programme.consents if consent.document)}
        self._documents = {
            (key, language): parse(text.text)
            for key, texts in self.programme.documents.items()
            for language, text in texts.items()
            if key in titled
        }
        self._helpers = {language: self._make_helpers(language) for language in loaded.messages}
        self._labels: dict[tuple[Any, ...], str] = {}
        self._pages: dict[tuple[str, str], list[Markup]] = {}

    def words_of(self, language: str) -> Words:
        """The programme's own words in a language."""
        return self._words.get(language, {})

    def language_for(self, code: str) -> str:
        """The programme's language nearest to a client's ("zh-hans" -> "zh"); the first one otherwise."""
        base = code.split("-", maxsplit=1)[0].casefold()
        return base if base in self.programme.languages else self.programme.languages[0]

    def _spoken(self, language: str) -> str:
        """A language that was taken out of the programme is spoken no more; the first one is."""
        return language if language in self._messages else self.programme.languages[0]

    # messages

    def message(self, say: Say, language: str) -> str:
        """The HTML of a message with its notes above it, within Telegram's limit. Raises TooLong."""
        for limit in _SHORTER:
            html = self._message(say, language, limit)
            if fits(html):
                return html
        raise TooLong(f"{visible_length(html)} characters, {TEXT_LIMIT} fit into a message")

    def _message(self, say: Say, language: str, limit: int | None) -> str:
        parts = [self._render(language, note.name, note.values, limit) for note in say.notes]
        return "\n\n".join([*parts, self._render(language, say.name, say.values, limit)])

    def named(self, name: str, language: str, **values: Any) -> str:
        """One message by its name."""
        return self._render(language, name, values, None)

    def _render(self, language: str, name: str, values: Mapping[str, Any], limit: int | None) -> str:
        language = self._spoken(language)
        extra: dict[str, Any] = {}
        if name in AGREEMENTS:
            pages = self.pages(str(values["consent"]), language)
            page = min(int(values["page"]), len(pages) - 1)
            document = self._documents[str(values["consent"]), language]
            contents = [section.heading for section in document.sections if section.heading]
            extra = {"body": pages[page], "pages": len(pages), "page": page}
            extra |= {"title": document.title, "contents": contents}
        if name in {*AGREEMENTS, "privacy"}:
            extra["notice"] = self.notice(language)
        context = {**self._helpers[language], **values, **extra, "shown": self._shown(language, limit)}
        context["shortened"] = lambda words: context["shown"]("", Written(text=words))
        context["listed"] = self._listed(language, limit)
        return self._messages[language][name].render(context).strip()

    def toast(self, name: str, language: str, values: Mapping[str, Any]) -> str:
        """What a press is answered with, plain and at most 200 characters; nothing for no name."""
        if not name:
            return ""
        language = self._spoken(language)
        context = {**self._helpers[language], **values, "shown": self._shown(language, None)}
        return self._toasts[language][name].render(context).strip()[:TOAST_LIMIT]

    def command_menu(self, language: str, table: str = "commands") -> list[dict[str, str]]:
        """The command list as setMyCommands takes it; with one language there is none to change to."""
        idle = {"language"} if len(self.programme.languages) == 1 else set()
        commands = self._own[language][table].items()
        return [{"command": name, "description": text} for name, text in commands if name not in idle]

    # documents

    def pages(self, key: str, language: str) -> list[Markup]:
        """A document as pages of whole sections, each section a heading over a quotation that folds."""
        found = self._pages.get((key, language))
        if found is None:
            document = self._documents[key, language]
            room = TEXT_LIMIT - HEADER - visible_length(self.notice(language))
            found = self._pages[key, language] = pack(document, room)
        return found

    def notice(self, language: str) -> Markup:
        """The channel notice, folded."""
        document = self._documents["notice", language]
        body = "\n".join(section_html for section_html in _bodies(document))
        return Markup(f"<b>{escape(document.title)}</b>\n<blockquote expandable>{body}</blockquote>")  # noqa: S704

    # buttons

    def keyboard(self, rows: Rows, language: str, place: Place) -> Keyboard:
        """Inline buttons, signed for their place."""
        return [[self.button(button, language, place) for button in row] for row in rows]

    def button(self, button: Button, language: str, place: Place) -> dict[str, Any]:
        press = Press(button.verb, button.arg, place.subject, place.stamp)
        made = {
            "text": self.label(button, language),
            "callback_data": self._signer.sign(place.chat, press, place.hidden),
        }
        return {**made, "style": button.style} if button.style else made

    def label(self, button: Button, language: str) -> str:
        """A button's words: by its label, else by its verb."""
        if button.label == "option":
            return self._option(language, str(button.values["question"]), button.arg)
        if button.label == "language_name":
            return str(self._own[button.arg]["name"])
        name = button.label or button.verb
        key = (language, name, button.arg, *button.values.items())  # the same few labels come again and again
        if (found := self._labels.get(key)) is None:
            context = {**self._helpers[language], "arg": button.arg, **button.values}
            found = self._labels[key] = self._buttons[language][name].render(context).strip()
        return found

    def page_buttons(self, say: Say, language: str) -> Rows:
        """The row that turns an agreement's pages, when it has more than one."""
        if say.name not in AGREEMENTS:
            return say.buttons
        count = len(self.pages(str(say.values["consent"]), language))
        if count == 1:
            return say.buttons
        verb = AGREEMENTS[say.name]
        turning = tuple(Button(verb, str(n), label="page", values={"n": n + 1}) for n in range(count))
        return (turning, *say.buttons)

    # what templates may call

    def _make_helpers(self, language: str) -> dict[str, Any]:
        words = self._words.get(language, {})
        questions = words.get("questions", {})

        def words_of(question: Any) -> Mapping[str, Any]:
            found: Mapping[str, Any] = questions.get(getattr(question, "key", question), {})
            return found

        def ask(question: Any, part: str = "", variant: str = "") -> str:
            its = words_of(question)
            names = (f"ask_{part}", f"ask_{variant}", "ask")
            return str(next((its[name] for name in names if name in its), ""))

        def side(question: Any, part: str, variant: str = "") -> str:
            its = words_of(question)
            found = its.get(f"{part}_{variant}") or its.get("sides", {}).get(part, part)
            return str(found)

        def own(table: str, key: str) -> str:
            return str(self._own[language][table][key])

        def in_every_language(key: str) -> list[str]:
            others = (code for code in self.programme.languages if code != language)
            return [str(self._own[code]["format"][key]) for code in (language, *others)]

        return {
            "programme": self.programme,
            "words": words,
            "contact": self._contact(language),
            "name_of": lambda question: str(
                words_of(question).get("name", getattr(question, "key", question))
            ),
            "ask": ask,
            "example": lambda question: unlinked(str(words_of(question).get("example", ""))),
            "hint": lambda question: str(words_of(question).get("hint", "")),
            "side": side,
            "typed": unlinked,
            "reason": lambda key: words.get("reasons", {}).get(key, {"name": key, "told": key, "fix": ""}),
            "outcome_name": lambda outcome: own("format", f"outcome_{outcome}"),
            "warning": lambda name: own("warnings", name),
            "format": self._own[language]["format"],
            "in_every_language": in_every_language,
            "is_late": self._is_late,
            "span": self._spoken_in[language].days,
            "language_names": {code: str(self._own[code]["name"]) for code in self.programme.languages},
        }

    def _shown(self, language: str, limit: int | None) -> Callable[[Any, KeptAnswer | None], str]:
        def shown(question: Any, answer: KeptAnswer | None) -> str:
            key = getattr(question, "key", question)
            if answer is None:
                return str(self._own[language]["format"]["not_given"])
            if isinstance(answer, Pictured):
                return self._photo(language, key, answer)
            if isinstance(answer, Chosen) and not answer.text:
                return self._option(language, key, answer.option)
            whole = limit is None or len(answer.text) <= limit
            words = unlinked(answer.text if whole else f"{answer.text[:limit].rstrip()} …")
            is_address = isinstance(self.programme.question(key), EmailQuestion | UrlQuestion)
            host = in_ascii(answer.text) if is_address and whole else ""
            return words + Markup(" (<code>{}</code>)").format(host) if host else words

        return shown

    def _listed(self, language: str, limit: int | None) -> Callable[[Sequence[str]], str]:
        """Headings or sentences in one line: the less room there is, the fewer; how many more there are is said."""
        words = self._own[language]["format"]
        most = next(most for room, most in _LISTED if limit is None or limit >= room)

        def listed(names: Sequence[str]) -> str:
            said = [name or str(words["beginning"]) for name in names[:most]]
            cut = [one if len(one) <= NAME_LIMIT else f"{one[:NAME_LIMIT].rstrip()} …" for one in said]
            more = [str(words["and_more"]).format(n=len(names) - most)] if len(names) > most else []
            return str(words["semicolon"]).join([*cut, *more])

        return listed

    def _contact(self, language: str) -> str:
        """Whom to ask: everything that the programme names, a line each."""
        words, known = self._own[language]["format"], self.programme.contact.model_dump()
        return "\n".join(
            str(words[f"contact_{name}"]).format(value=value) for name, value in known.items() if value
        )

    def _photo(self, language: str, key: str, answer: Pictured) -> str:
        if not answer.sides:
            return str(self._own[language]["format"]["photo_removed"])
        sides = [self._helpers[language]["side"](key, part, answer.variant) for part in answer.sides]
        words = self._own[language]["format"]
        return str(words["photo_shown"]).format(sides=str(words["comma"]).join(sides))

    def _option(self, language: str, key: str, option: str) -> str:
        return (
            self.programme.labels.get(language, {})
            .get(key, {})
            .get(option, option if option != OTHER else "…")
        )

    def _compile(self, table: str, *, autoescape: bool) -> dict[str, dict[str, Template]]:
        """A table of every language, each with filters that speak it."""
        compiled = {}
        for language, words in self._own.items():
            spoken, environment = self._spoken_in[language], _environment(autoescape)
            environment.filters |= {
                "day": spoken.day,
                "moment": spoken.moment,
                "ago": partial(self._ago, spoken),
            }
            compiled[language] = {
                name: Template.from_code(environment, _code(text, autoescape), environment.make_globals(None))
                for name, text in words[table].items()
            }
        return compiled

    def _is_late(self, submitted_at: datetime) -> bool:
        """Whether that is longer ago than applicants are promised."""
        return self._clock() - submitted_at >= timedelta(days=self.programme.review.usual_days)

    def _ago(self, spoken: Spoken, at: datetime) -> str:
        return spoken.ago(self._clock() - at)


def _environment(autoescape: bool) -> ImmutableSandboxedEnvironment:
    # not optimized: what is compiled once must not hold a word that one language's filter said
    return ImmutableSandboxedEnvironment(
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        optimized=False,
    )


@cache
def _code(text: str, autoescape: bool) -> CodeType:
    """A template compiled, once in a process: it looks its filters up when it is rendered."""
    environment = _environment(autoescape)
    environment.filters |= dict.fromkeys(FILTERS, str)
    return environment.compile(text)


def fits(html: str) -> bool:
    """Whether a message is within Telegram's limit; markup only makes it longer than what is seen."""
    return len(html.encode("utf-16-le")) // 2 <= TEXT_LIMIT or visible_length(html) <= TEXT_LIMIT


def visible_length(html: str) -> int:
    """Length in UTF-16 units as Telegram counts it: without tags, entities as one character."""
    text = Markup(html).striptags() if "<" in html else Markup(html).unescape()  # noqa: S704
    lost = html.count("\n")  # striptags folds white space; every line break counts
    return len(text.encode("utf-16-le")) // 2 + lost


def pack(document: Document, room: int) -> list[Markup]:
    """Whole sections, as many to a page as fit."""
    pages: list[list[str]] = [[]]
    used = 0
    for heading, body in zip(
        (section.heading for section in document.sections), _bodies(document), strict=True
    ):
        block = (
            f"<b>{escape(heading)}</b>\n<blockquote expandable>{body}</blockquote>"
            if heading
            else f"{body}\n"
        )
        length = visible_length(block)
        if pages[-1] and used + length > room:
            pages.append([])
            used = 0
        pages[-1].append(block)
        used += length
    return [Markup("\n".join(page)) for page in pages]  # noqa: S704


def _bodies(document: Document) -> Sequence[str]:
    return [section.html for section in document.sections]
