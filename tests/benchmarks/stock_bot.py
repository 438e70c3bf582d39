"""What Intake is measured against: the same dialogue as a competent user of python-telegram-bot writes it.

ConversationHandler, PicklePersistence with its defaults, `run_polling` or `run_webhook`; the photo is sent on by its
file_id. It reads Intake's environment. Nothing but the benchmark uses it.
"""

import os
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from telegram import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.constants import ParseMode
from telegram.ext import (
    Application,
    ApplicationBuilder,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    ConversationHandler,
    MessageHandler,
    PicklePersistence,
    filters,
)
from telegram.warnings import PTBUserWarning

Context = ContextTypes.DEFAULT_TYPE
STATUSES = ("Undergraduate", "Master's student", "Doctoral student", "Postdoc", "Teacher or faculty", "Staff")
AGREEMENT_TEXT = (
    "<b>University X Program</b>\n\nWe use what you tell us to check your eligibility and to provide access to the API."
    " You use your access only for learning, research and education, and do not pass it on. You may ask to see,"
    " correct or delete your data at any time.\n\nDo you agree?"
)


def length(least: int, most: int) -> Callable[[str], bool]:
    return lambda text: least <= len(text) <= most


@dataclass(frozen=True)
class Field:
    """One question of the form."""

    key: str
    name: str
    ask: str
    accepts: Callable[[str], bool] = bool
    kind: str = "text"
    optional: bool = False


FORM = (
    Field("full_name", "Name", "What is your name, exactly as on your ID?", length(2, 80)),
    Field(
        "email",
        "Email",
        "At which email address can we reach you?",
        lambda text: re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text) is not None,
    ),
    Field("university", "University", "What is the full name of your university?", length(4, 120)),
    Field("status", "Status", "What is your status or degree?", kind="choice"),
    Field("department", "Department", "Which department or laboratory do you belong to?", length(2, 120)),
    Field(
        "photo", "ID photo", "Please send a photo of the front of your student or teacher ID.", kind="photo"
    ),
    Field("purpose", "Purpose", "What do you want to use the API for?", length(30, 1000)),
    Field(
        "homepage",
        "Academic homepage",
        "Do you have a personal academic homepage? Please send its address.",
        lambda text: text.startswith(("http://", "https://")),
        optional=True,
    ),
    Field(
        "scenarios", "Scenarios", "In which scenarios will you use the API?", length(1, 1500), optional=True
    ),
)
AGREEMENT, SUMMARY = len(FORM), len(FORM) + 1


def buttons(*rows: tuple[str, str]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(text, callback_data=data)] for text, data in rows])


def message_of(update: Update) -> Message:
    assert update.effective_message
    return update.effective_message


async def pressed(update: Update) -> CallbackQuery:
    """Answer a press and take the buttons away, so that it is pressed once."""
    query = update.callback_query
    assert query
    await query.answer()
    await query.edit_message_reply_markup(None)
    return query


def data_of(context: Context) -> dict[str, Any]:
    assert context.user_data is not None
    return context.user_data


async def start(update: Update, context: Context) -> int:
    data_of(context).clear()
    await message_of(update).reply_text(
        AGREEMENT_TEXT, parse_mode=ParseMode.HTML, reply_markup=buttons(("I have read and agree", "agree"))
    )
    return AGREEMENT


async def agree(update: Update, context: Context) -> int:
    await pressed(update)
    return await ask(update, context, 0)


async def ask(update: Update, context: Context, place: int) -> int:
    """The question at that place, or the summary after the last one."""
    if place == len(FORM):
        await message_of(update).reply_text(
            "<b>Your application</b>\n\n" + summary(data_of(context)),
            parse_mode=ParseMode.HTML,
            reply_markup=buttons(("Submit Application", "submit")),
        )
        return SUMMARY
    field = FORM[place]
    rows = (
        [(status, f"pick:{number}") for number, status in enumerate(STATUSES)]
        if field.kind == "choice"
        else []
    )
    if field.optional:
        rows.append(("Skip", "skip"))
    await message_of(update).reply_text(
        f"<b>{place + 1} of {len(FORM)}</b>\n{escape(field.ask)}",
        parse_mode=ParseMode.HTML,
        reply_markup=buttons(*rows) if rows else None,
    )
    return place


def summary(answers: dict[str, Any]) -> str:
    shown = [(field.name, answers.get(field.key)) for field in FORM if field.kind != "photo"]
    return "\n".join(f"<b>{name}</b>: {escape(text or 'not provided')}" for name, text in shown)


def taker(place: int) -> Callable[[Update, Context], Any]:
    """The handler of a written answer."""

    async def take(update: Update, context: Context) -> int:
        text = (message_of(update).text or "").strip()
        if not FORM[place].accepts(text):
            await message_of(update).reply_text("That does not look right. Please try again.")
            return place
        data_of(context)[FORM[place].key] = text
        return await ask(update, context, place + 1)

    return take


def picker(place: int) -> Callable[[Update, Context], Any]:
    async def pick(update: Update, context: Context) -> int:
        query = await pressed(update)
        data_of(context)[FORM[place].key] = STATUSES[int(str(query.data).removeprefix("pick:"))]
        return await ask(update, context, place + 1)

    return pick


def photographer(place: int) -> Callable[[Update, Context], Any]:
    async def photo(update: Update, context: Context) -> int:
        data_of(context)[FORM[place].key] = message_of(update).photo[-1].file_id
        return await ask(update, context, place + 1)

    return photo


def skipper(place: int) -> Callable[[Update, Context], Any]:
    async def skip(update: Update, context: Context) -> int:
        await pressed(update)
        return await ask(update, context, place + 1)

    return skip


async def submit(update: Update, context: Context) -> int:
    await pressed(update)
    assert update.effective_user
    user, answers = update.effective_user, data_of(context)
    await context.bot.send_photo(
        int(os.environ["INTAKE_GROUP"]),
        answers["photo"],
        caption=f"<b>Application of {escape(user.full_name)}</b>\n\n{summary(answers)}",
        parse_mode=ParseMode.HTML,
        reply_markup=buttons(("Approve", f"approve:{user.id}"), ("Reject", f"reject:{user.id}")),
    )
    context.bot_data.setdefault("applications", {})[user.id] = {"answers": dict(answers), "outcome": None}
    await message_of(update).reply_text("Submitted. A reviewer will look at your application.")
    return ConversationHandler.END


async def decide(update: Update, context: Context) -> None:
    query = update.callback_query
    assert query and isinstance(query.message, Message)
    verb, _, applicant = str(query.data).partition(":")
    application = context.bot_data.get("applications", {}).get(int(applicant))
    if application is None or application["outcome"]:
        await query.answer("This application is already decided.")
        return
    outcome = application["outcome"] = "approved" if verb == "approve" else "rejected"
    await query.answer(outcome.capitalize())
    await query.edit_message_caption(
        f"{query.message.caption_html}\n\n{outcome.capitalize()} by {escape(query.from_user.full_name)}",
        parse_mode=ParseMode.HTML,
    )
    await context.bot.send_message(int(applicant), f"Your application is {outcome}.")


async def cancel(update: Update, context: Context) -> int:
    data_of(context).clear()
    await message_of(update).reply_text("Stopped. Send /start to begin again.")
    return ConversationHandler.END


def conversation() -> ConversationHandler[Context]:
    private, words = filters.ChatType.PRIVATE, filters.TEXT & ~filters.COMMAND
    states: dict[object, list[Any]] = {
        AGREEMENT: [CallbackQueryHandler(agree, "^agree$")],
        SUMMARY: [CallbackQueryHandler(submit, "^submit$")],
    }
    for place, field in enumerate(FORM):
        match field.kind:
            case "choice":
                states[place] = [CallbackQueryHandler(picker(place), r"^pick:\d+$")]
            case "photo":
                states[place] = [MessageHandler(private & filters.PHOTO, photographer(place))]
            case _:
                states[place] = [MessageHandler(private & words, taker(place))]
        if field.optional:
            states[place].append(CallbackQueryHandler(skipper(place), "^skip$"))
    return ConversationHandler(
        entry_points=[CommandHandler("start", start, private)],
        states=states,
        fallbacks=[CommandHandler("cancel", cancel, private)],
        allow_reentry=True,
        name="application",
        persistent=True,
    )


def build() -> Application[Any, Any, Any, Any, Any, Any]:
    api_url = os.environ["INTAKE_API_URL"]
    persistence = PicklePersistence(Path(os.environ["INTAKE_DATA"]) / "stock.pickle")
    builder = ApplicationBuilder().token(os.environ["INTAKE_TOKEN"]).persistence(persistence)
    application = builder.base_url(f"{api_url}/bot").base_file_url(f"{api_url}/file/bot").build()
    application.add_handler(conversation())
    application.add_handler(CallbackQueryHandler(decide, r"^(approve|reject):\d+$"))
    return application


def main() -> None:
    warnings.filterwarnings("ignore", r".*CallbackQueryHandler", PTBUserWarning)  # per_message=False is meant
    Path(os.environ["INTAKE_DATA"]).mkdir(parents=True, exist_ok=True)
    application, url = build(), os.environ.get("INTAKE_WEBHOOK_URL")
    if url is None:
        application.run_polling()
        return
    host, _, port = os.environ["INTAKE_LISTEN"].rpartition(":")
    application.run_webhook(
        host,
        int(port),
        urlsplit(url).path,
        webhook_url=url,
        secret_token=os.environ["INTAKE_WEBHOOK_SECRET"],
    )


if __name__ == "__main__":
    main()
