// One chat as one person sees it: header, messages, composer. Drawn again from the state after every change.

import { Composer } from "./composer.js";
import { alertDialog, chooseChat, openMenu, showPicture, toast } from "./dialogs.js";
import { avatar, h, icon, iconButton } from "./dom.js";
import { Feed } from "./feed.js";
import { isFrom, senderOf, summary } from "./message.js";
import { isIn, nameOf, on, press, store } from "./store.js";
import { t } from "./strings.js";

export class ChatPane {
  /**
   * `person()` and `chat()` tell who looks at what now (or null); `follow(personId, address)` opens a deep
   * link; `empty()` gives the nodes of the pane's empty state; `settings(anchor)` opens the chat's menu.
   */
  constructor({ id, label, person, chat, follow, empty, settings, withSample = false }) {
    this.person = person;
    this.chat = chat;
    this.follow = follow;
    this.title = h("div.chat-title");
    this.settingsButton = iconButton("more", "chatMenu", {
      testid: "chat-menu",
      "aria-haspopup": "menu",
      on: { click: (event) => settings(event.currentTarget) },
    });
    this.root = h("section.pane", { id, testid: id, role: "tabpanel", label });
    this.composer = new Composer(this, withSample);
    this.feed = new Feed(empty, () => this.composer.input.focus());
    const dropHint = h("div.drop-hint", {}, icon("attach"), h("span", { text: "dropHere" }));
    this.root.append(
      h("header.chat-head", {}, this.title, this.settingsButton),
      h("div.stage", {}, this.feed.root, h("div.toasts"), this.feed.jump, dropHint),
      this.composer.root,
    );
    this.listen();
  }

  listen() {
    for (const name of ["dragenter", "dragover"]) this.root.addEventListener(name, (event) => this.drag(event, true));
    this.root.addEventListener("dragleave", (event) => this.root.contains(event.relatedTarget) || this.drag(event, false));
    this.root.addEventListener("drop", (event) => {
      this.drag(event, false);
      if (this.person() && this.chat()) this.composer.offer([...event.dataTransfer.files]);
    });
    on("arrived", (chatId, message) => this.arrived(chatId, message));
  }

  drag(event, isOver) {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    this.root.classList.toggle("dropping", isOver);
  }

  get isShown() {
    return this.root.offsetParent !== null;
  }

  arrived(chatId, message) {
    if (chatId !== this.chat()?.id || !this.person()) return;
    this.feed.arrived(message, this.person().id);
    if (!isFrom(message, this.person().id)) this.composer.obey(message);
  }

  // Drawing ------------------------------------------------------------------------------------------------

  update() {
    const person = this.person();
    const chat = this.chat();
    this.root.classList.toggle("vacant", !person || !chat);
    this.drawTitle(person, chat);
    this.feed.update(person, chat, this.offers(person));
    this.composer.update(this.noticeFor(person, chat));
  }

  drawTitle(person, chat) {
    if (!person || !chat) {
      this.title.replaceChildren();
      return;
    }
    const isGroup = chat.type !== "private";
    const [id, name] = isGroup ? [chat.id, chat.title] : [store.bot.id, store.bot.first_name];
    const count = chat.members?.filter((member) => !["left", "kicked"].includes(member.status)).length;
    const isTyping = store.typing.has(chat.id);
    const below = isTyping ? t("typing") : isGroup ? t("members", { count }) : t("bot");
    this.title.replaceChildren(
      avatar(id, name),
      h("span.chat-words", {}, h("b", {}, name), h(`small${isTyping ? ".typing" : ""}`, {}, below)),
    );
  }

  noticeFor(person, chat) {
    if (!person || !chat) return { text: "" };
    const run = (action) => () => this.composer.act(action);
    if (person.deactivated) return { text: t("deactivated") };
    if (chat.type !== "private" && !isIn(chat, person.id)) {
      return { text: t("notMember", { name: nameOf(person) }), action: { text: "join", run: run("join") } };
    }
    if (chat.type === "private" && person.blocked) {
      return { text: t("blocked"), action: { text: "unblockBot", run: run("unblock") } };
    }
    return null;
  }

  // What one can do with a message -------------------------------------------------------------------------

  offers(person) {
    return {
      press: (message, data) => press(person.id, message.chat.id, message.message_id, data).catch((error) => this.fail(error)),
      url: (address) => this.follow(person.id, address),
      copy: (text) => this.copy(text),
      command: (text) => this.composer.sendText(text),
      menu: (message, anchor) => this.openMessageMenu(message, anchor),
      jump: (messageId) => this.feed.show(messageId),
      picture: (source, message) => showPicture(source, !message.has_protected_content),
    };
  }

  fail(error) {
    toast(this.root, `${t("actionFailed")}: ${error.message}`, true);
  }

  async copy(text) {
    await navigator.clipboard?.writeText(text).catch(() => {});
    toast(this.root, t("copied"));
  }

  openMessageMenu(message, anchor) {
    const person = this.person();
    const isOwn = isFrom(message, person.id);
    const text = message.text ?? message.caption;
    const isOpen = !message.has_protected_content;
    openMenu(anchor, [
      { icon: "reply", text: t("reply"), testid: "menu-reply", run: () => this.composer.replyTo(message) },
      text && isOpen && { icon: "copy", text: t("copyText"), run: () => this.copy(text) },
      isOwn && message.text && { icon: "edit", text: t("edit"), testid: "menu-edit", run: () => this.composer.edit(message) },
      isOpen && { icon: "forward", text: t("forward"), testid: "menu-forward", run: () => this.forward(message) },
      (isOwn || message.chat.type === "private") && {
        icon: "trash",
        text: t("delete"),
        testid: "menu-delete",
        danger: true,
        run: () => this.composer.act("delete_message", { message_id: message.message_id }),
      },
    ]);
  }

  async forward(message) {
    const person = this.person();
    const groups = [...store.chats.values()].filter((chat) => chat.type !== "private" && !chat.migrated_to && isIn(chat, person.id));
    const choice = (id, faceId, name) => ({ id, name, face: avatar(faceId, name, ".small") });
    const chats = [choice(person.id, store.bot.id, store.bot.first_name), ...groups.map((chat) => choice(chat.id, chat.id, chat.title))];
    const to = await chooseChat(t("forwardTo"), chats);
    if (to === null) return;
    await this.composer.act("forward", { chat_id: to, from_chat_id: message.chat.id, message_id: message.message_id });
  }

  /** Show the bot's answer to a press made here: a toast, or an alert that waits for OK. */
  answer({ text, show_alert: isAlert }) {
    if (!text) return;
    if (isAlert) alertDialog(store.bot.first_name, text);
    else toast(this.root, text);
  }
}

/** What a screen reader hears of a new message. */
export function spoken(message) {
  return `${nameOf(senderOf(message))}: ${summary(message)}`;
}
