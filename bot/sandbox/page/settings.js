// What can be changed about the people played and the group they are in.

import { confirmDialog, toast } from "./dialogs.js";
import { act, membership, nameOf, store } from "./store.js";
import { APP_LANGUAGES, languageName, t } from "./strings.js";

/** Act; a refusal is shown at the foot of the page, and its result is null. */
export async function tryTo(action, details) {
  try {
    return await act(action, details);
  } catch (error) {
    toast(document.body, `${t("actionFailed")}: ${error.message}`, true);
    return null;
  }
}

/** The menu of one person: the app's language, the account. */
export function personSettings(person) {
  if (!person) return [];
  const language = ([code, name]) => ({
    icon: languageName(person.language_code) === name ? "check" : "language",
    text: t("setLanguage", { name }),
    testid: `set-language-${code}`,
    run: () => tryTo("set_language", { user_id: person.id, language_code: code }),
  });
  const deactivate = async () => {
    if (await confirmDialog(nameOf(person), t("confirmDeactivate"))) tryTo("deactivate", { user_id: person.id });
  };
  return [
    ...APP_LANGUAGES.map(language),
    !person.deactivated && { icon: "trash", text: t("deactivate"), testid: "deactivate", danger: true, run: deactivate },
  ];
}

/** The menu of a group as that person sees it: own and the bot's place in it. */
export function groupSettings(person, chat) {
  if (!person || !chat) return [];
  const own = membership(chat, person.id);
  const setStatus = (userId, details) => () => tryTo("set_status", { chat_id: chat.id, user_id: userId, ...details });
  const ofBot = (text, testid, status, drawing) => ({
    icon: membership(chat, store.bot.id)?.status === status ? "check" : drawing,
    text: t(text),
    testid,
    run: setStatus(store.bot.id, { status }),
  });
  return [
    own && {
      icon: "group",
      text: t(own.is_anonymous ? "anonymousOff" : "anonymousOn"),
      testid: "anonymous",
      run: setStatus(person.id, { status: own.is_anonymous ? own.status : "administrator", is_anonymous: !own.is_anonymous }),
    },
    chat.type === "group" && { icon: "forward", text: t("migrate"), testid: "migrate", run: () => tryTo("migrate", { chat_id: chat.id }) },
    chat.type === "supergroup" && {
      icon: "group",
      text: t(chat.topics ? "unmakeForum" : "makeForum"),
      testid: "forum",
      run: () => tryTo("make_forum", { chat_id: chat.id }),
    },
    ofBot("makeBotAdmin", "bot-admin", "administrator", "person"),
    ofBot("makeBotMember", "bot-member", "member", "person"),
    ofBot("removeBot", "bot-remove", "kicked", "trash"),
    { icon: "back", text: t("leave"), testid: "leave", danger: true, run: () => tryTo("leave", { chat_id: chat.id, user_id: person.id }) },
  ];
}
