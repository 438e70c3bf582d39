// The page: the frame around the three chats, and what leads from one to another.
//
// Marks for tests (data-testid), stable whatever the page's language:
//   pane-applicant, pane-group, pane-private     the three chats; the marks of a chat below are inside them
//     messages, message (data-message-id, data-chat-id), message-text, edited, message-menu, document,
//     keyboard, button (inline; data-callback, data-style), expandable-quote, spoiler, media-spoiler
//     composer-input, composer-send, start, commands-button, commands, command (data-command), attach,
//     attach-input (the file input), sample-photo, more, reply-keyboard, reply-key, toast, jump, chat-menu
//   menu with menu-reply, menu-edit, menu-forward, menu-delete; more-sticker, more-voice, more-location,
//     more-contact, more-block; set-language-<code>, leave, deactivate, anonymous, bot-admin, bot-member,
//     bot-remove, migrate
//   send-dialog: sample-front, sample-back, previews, send-caption, send-as-photo, send-as-file
//   person-dialog: person-name, person-last-name, person-username, person-language, person-submit
//   alert with alert-text, alert-ok; confirm with confirm-ok; choose-chat; lightbox
//   add-person, person-tab (data-user-id), add-reviewer, reviewer-tab (data-user-id)
//   tab-group, tab-private; view-applicant, view-group, view-private (narrow windows)
//   page-language, theme, calls-button, drawer with calls, call (data-method), faults, fault-kind,
//     fault-method, fault-share, faults-add, faults-clear, faults-state; banner

import { ChatPane, spoken } from "./chat.js";
import { askPerson, openMenu } from "./dialogs.js";
import { avatar, h, icon, iconButton, translateAll } from "./dom.js";
import { Drawer } from "./drawer.js";
import { restoreLooks, switchLanguage, switchTheme } from "./looks.js";
import { drawPeople, play, played, privateChat, settle, side, unread } from "./people.js";
import { groupSettings, personSettings, tryTo } from "./settings.js";
import { changed, connect, currentGroup, nameOf, on, peopleOf, store } from "./store.js";
import { t } from "./strings.js";

const GROUP_SIDE = ["group", "private"];
const APPLICANT_NAMES = ["Mei Lin", "Amara", "Luca", "Yuki", "Sofia", "Omar"];
const REVIEWER_NAMES = ["Rita", "Ben", "Chen", "Dora"];

const WIDE = matchMedia("(min-width: 1600px)"); // room for the group and the private chat side by side

const view = { right: "group", narrow: "applicant" };

function showChat(name) {
  view.narrow = name;
  if (GROUP_SIDE.includes(name)) view.right = name;
  changed();
}

/**
 * Open a t.me link to the bot in that person's private chat, any other link in a new tab. A link that was
 * read leaves START to be pressed; one that answers a press (`isAnswer`) starts at once.
 */
function follow(personId, address, isAnswer = false) {
  const deep = /^(?:https?:\/\/)?t\.me\/(\w+)(?:\?start=([\w-]*))?$/i.exec(address);
  if (deep?.[1].toLowerCase() !== store.bot.username?.toLowerCase()) {
    window.open(address, "_blank", "noopener,noreferrer");
    return;
  }
  const role = store.people.get(personId)?.role;
  if (!role) return;
  play(role, personId);
  showChat(role === "reviewer" ? "private" : "applicant");
  update();
  (role === "reviewer" ? panes.private : panes.applicant).composer.offerStart(deep[2] ?? "", isAnswer);
}

// Panes ----------------------------------------------------------------------------------------------------

const panes = {
  applicant: new ChatPane({
    id: "pane-applicant",
    label: "applicant",
    person: () => played("applicant"),
    chat: () => privateChat(played("applicant")),
    follow,
    empty: (person) => (person ? applicantWelcome(person) : newcomer("newApplicantHint", "addApplicant", "applicant")),
    settings: (anchor) => openMenu(anchor, personSettings(played("applicant"))),
    withSample: true,
  }),
  group: new ChatPane({
    id: "pane-group",
    label: "group",
    person: () => played("reviewer"),
    chat: currentGroup,
    follow,
    empty: groupWelcome,
    settings: (anchor) => openMenu(anchor, groupSettings(played("reviewer"), currentGroup())),
  }),
  private: new ChatPane({
    id: "pane-private",
    label: "privateChat",
    person: () => played("reviewer"),
    chat: () => privateChat(played("reviewer")),
    follow,
    empty: (person) => (person ? reviewerWelcome(person) : newcomer("newReviewerHint", "addReviewer", "reviewer")),
    settings: (anchor) => openMenu(anchor, personSettings(played("reviewer"))),
  }),
};

function applicantWelcome(person) {
  const name = nameOf(person);
  const steps = [[t("stepApply", { name })], [t("stepSample"), icon("card")], [t("stepDecide")]];
  return [
    avatar(store.bot.id, store.bot.first_name, ".large"),
    h("h3", {}, store.bot.first_name),
    h("ol.steps", {}, ...steps.map((words) => h("li", {}, h("span", {}, ...words)))),
  ];
}

function reviewerWelcome(person) {
  const words = t("reviewerEmpty", { name: nameOf(person) });
  return [avatar(store.bot.id, store.bot.first_name, ".large"), h("h3", {}, store.bot.first_name), h("p", {}, words)];
}

function newcomer(hint, button, role) {
  return [h("p", { text: hint }), h("button.primary", { text: button, on: { click: () => addPerson(role) } })];
}

function groupWelcome(person, chat) {
  if (!person) return newcomer("newReviewerHint", "addReviewer", "reviewer");
  if (chat) return [h("p", { text: "groupEmpty" })];
  return [h("p", { text: "groupMissing" }), h("button.primary", { text: "groupMake", on: { click: makeGroup } })];
}

function makeGroup() {
  const members = [...peopleOf("reviewer").map((person) => person.id), store.bot.id];
  tryTo("add_chat", { title: t("groupName"), type: "supergroup", members });
}

async function addPerson(role) {
  const [title, names] = role === "applicant" ? [t("addApplicant"), APPLICANT_NAMES] : [t("addReviewer"), REVIEWER_NAMES];
  const taken = new Set(peopleOf(role).map((person) => person.first_name));
  const answer = await askPerson(title, names.find((name) => !taken.has(name)) ?? "");
  if (!answer) return;
  const person = await tryTo("add_person", { ...answer, role });
  if (!person) return;
  if (!store.people.has(person.id)) store.people.set(person.id, person);
  play(role, person.id);
  const group = currentGroup();
  if (role === "reviewer" && group) await tryTo("join", { chat_id: group.id, user_id: person.id });
  if (role !== "applicant") return;
  update();
  panes.applicant.composer.startBar.focus();
}

// The frame ------------------------------------------------------------------------------------------------

const drawer = new Drawer();
const announcer = h("div.unseen", { "aria-live": "polite", role: "status" });
const banner = h("div.banner", { role: "status", testid: "banner", hidden: true });
const refusals = h("span.badge", { hidden: true });

const callsButton = h(
  "button.bar-button",
  { label: "calls", testid: "calls-button", "aria-expanded": "false", on: { click: () => drawer.toggle(callsButton) } },
  icon("calls"),
  h("span", { text: "callsShort" }),
  refusals,
);

const topBar = h(
  "header.top-bar",
  {},
  h("span.logo", { "aria-hidden": "true" }, icon("send")),
  h("div.brand", {}, h("h1", { text: "title" }), h("p", { text: "subtitle" })),
  callsButton,
  iconButton("theme", "theme", { testid: "theme", on: { click: switchTheme } }),
  h("button.bar-button", { label: "pageLanguageLabel", testid: "page-language", on: { click: () => (switchLanguage(), changed()) } }, h("span", { text: "pageLanguage" })),
);

function tab(testid, label, drawing, name) {
  return h(
    "button.tab",
    { role: "tab", testid, "aria-controls": `pane-${name}`, data: { view: name }, on: { click: () => showChat(name) } },
    icon(drawing),
    h("span", { text: label }),
    h("span.dot", { hidden: true }),
  );
}

const rightTabs = h("div.tabs", { role: "tablist", label: "view" }, tab("tab-group", "group", "group", "group"), tab("tab-private", "privateChat", "person", "private"));
const narrowTabs = h(
  "nav.narrow-tabs",
  { label: "view" },
  h("div", { role: "tablist", label: "view" }, tab("view-applicant", "applicant", "person", "applicant"), tab("view-group", "group", "group", "group"), tab("view-private", "privateChat", "lock", "private")),
);

const main = h("main.sides", {}, side("applicant", addPerson, panes.applicant.root), side("reviewer", addPerson, rightTabs, h("div.panes", {}, panes.group.root, panes.private.root)));
const skip = h("a.skip", { href: "#pane-applicant", text: "skipToChat" });
document.body.append(skip, topBar, banner, main, narrowTabs, drawer.root, h("div.toasts.global"), announcer);

function drawTabs() {
  const { group, private: own, applicant } = panes;
  const waiting = { group: unread.get(group.chat()?.id), private: unread.get(own.chat()?.id), applicant: unread.get(applicant.chat()?.id) };
  for (const each of document.querySelectorAll(".tab")) {
    const name = each.dataset.view;
    const isSelected = each.closest(".narrow-tabs") ? view.narrow === name : view.right === name;
    each.setAttribute("aria-selected", String(isSelected));
    each.tabIndex = isSelected ? 0 : -1;
    each.querySelector(".dot").hidden = !waiting[name];
  }
  document.body.dataset.view = view.narrow;
  group.root.hidden = view.right !== "group" && !WIDE.matches;
  own.root.hidden = view.right !== "private" && !WIDE.matches;
}

function markRead() {
  for (const pane of Object.values(panes)) {
    if (pane.isShown && pane.person() && pane.chat()) unread.delete(pane.chat().id);
  }
}

function update() {
  banner.hidden = store.connected;
  banner.textContent = store.connected ? "" : t(store.everConnected ? "connectionLost" : "connecting");
  if (!store.bot) return;
  settle("applicant");
  settle("reviewer");
  drawTabs();
  for (const pane of Object.values(panes)) pane.update();
  markRead();
  drawTabs();
  drawPeople("applicant");
  drawPeople("reviewer");
  const refused = store.calls.filter((call) => !call.ok).length;
  refusals.hidden = refused === 0;
  refusals.textContent = String(refused);
  drawer.update();
}

// Arrows move among tabs, as in every tab list.
document.addEventListener("keydown", (event) => {
  const list = event.target.closest("[role=tablist]");
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!list || !step) return;
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
  event.preventDefault();
  next.focus();
  next.click();
});

on("change", update);
on("arrived", (chatId, message) => {
  const pane = Object.values(panes).find((each) => each.isShown && each.chat()?.id === chatId);
  if (!pane) unread.set(chatId, (unread.get(chatId) ?? 0) + 1);
  else if (message.from?.is_bot) announcer.textContent = spoken(message);
});
on("answer", (answer) => {
  const pane = Object.values(panes).find((each) => each.chat()?.id === answer.chat_id && each.person()?.id === answer.user_id);
  (pane ?? panes.applicant).answer(answer);
  if (answer.url) follow(answer.user_id, answer.url, true);
});

WIDE.addEventListener("change", changed);
restoreLooks();
translateAll(document.body);
update();
connect();
