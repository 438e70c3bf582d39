// Where one writes: text, commands, files, a reply or an edit in hand, reply keyboards, and START.

import { CommandList } from "./commands.js";
import { askSending, openMenu, toast } from "./dialogs.js";
import { h, icon, iconButton } from "./dom.js";
import { senderOf, summary } from "./message.js";
import { ReplyKeyboard } from "./replies.js";
import { inventHolder, sampleCard } from "./sample.js";
import { act, commandsFor, messagesOf, nameOf, store } from "./store.js";
import { t } from "./strings.js";

const ALBUM_LIMIT = 10; // Bot API: an album is 2-10 messages
const COMPOSER_HEIGHT = 160; // pixels before the text scrolls

export class Composer {
  /** `pane` tells who writes where: person(), chat(), root; `withSample` shows the sample card's button. */
  constructor(pane, withSample) {
    this.pane = pane;
    this.reply = null;
    this.edited = null;
    this.startWith = null; // the payload of a deep link that was followed here
    this.drafts = new Map();
    this.place = "";
    this.build(withSample);
  }

  build(withSample) {
    this.input = h("textarea.input", {
      rows: "1",
      placeholder: "composeHint",
      label: "compose",
      testid: "composer-input",
      on: {
        input: () => this.typed(),
        keydown: (event) => this.key(event),
        paste: (event) => this.pasted(event),
      },
    });
    this.commands = new CommandList(
      this.input,
      `${this.pane.root.id}-commands`,
      (command) => this.sendCommand(command),
      (command) => this.write(`/${command} `),
    );
    this.context = h("div.context", { hidden: true });
    this.startBar = h("button.start", { text: "start", testid: "start", hidden: true, on: { click: () => this.start() } });
    this.replyKeyboard = new ReplyKeyboard((action) => this.act(action), (text) => this.sendText(text));
    this.files = h("input", { type: "file", multiple: true, hidden: true, testid: "attach-input", label: "attach", tabindex: "-1" });
    this.files.addEventListener("change", () => {
      const chosen = [...this.files.files];
      this.files.value = "";
      this.offer(chosen);
    });
    const tools = [
      h("button.icon-button.slash", { label: "commands", testid: "commands-button", on: { click: () => this.openCommands() } }, "/"),
      iconButton("attach", "attach", { testid: "attach", on: { click: () => this.files.click() } }),
      withSample && iconButton("card", "sample", { testid: "sample-photo", on: { click: () => this.offerSample() } }),
      iconButton("more", "more", { testid: "more", "aria-haspopup": "menu", on: { click: (event) => this.openMore(event.currentTarget) } }),
    ];
    this.sendButton = h("button.send", { label: "send", testid: "composer-send", on: { click: () => this.send() } }, icon("send"));
    this.row = h("div.compose-row", {}, h("div.tools", {}, ...tools), this.input, this.sendButton, this.files);
    this.notice = h("div.notice", { hidden: true });
    this.root = h("footer.composer", {}, this.commands.root, this.startBar, this.context, this.notice, this.row, this.replyKeyboard.root);
  }

  get where() {
    return { chat_id: this.pane.chat().id, user_id: this.pane.person().id };
  }

  /** Act as the person of this pane; a refusal is shown, and its result is null. */
  async act(action, details = {}, files = []) {
    try {
      return await act(action, { ...this.where, ...details }, files);
    } catch (error) {
      toast(this.pane.root, `${t("actionFailed")}: ${error.message}`, true);
      return null;
    }
  }

  // Following the state ------------------------------------------------------------------------------------

  /** Fit the composer to the person and chat now shown; `notice` ({text, action?}) replaces the row when set. */
  update(notice) {
    const place = `${this.pane.person()?.id}:${this.pane.chat()?.id}`;
    if (place !== this.place) this.moveTo(place);
    this.row.hidden = Boolean(notice);
    this.notice.hidden = !notice;
    if (notice) {
      const button = notice.action && h("button.primary", { text: notice.action.text, on: { click: notice.action.run } });
      this.notice.replaceChildren(h("span", {}, notice.text), button || "");
    }
    const isPrivate = this.pane.chat()?.type === "private";
    const isEmpty = isPrivate && messagesOf(this.pane.chat().id).length === 0;
    this.startBar.hidden = Boolean(notice) || !(isEmpty || this.startWith !== null);
    this.replyKeyboard.show(this.pane.chat(), !notice);
    this.showContext();
  }

  moveTo(place) {
    this.drafts.set(this.place, this.edited ? "" : this.input.value);
    this.place = place;
    this.reply = this.edited = this.startWith = null;
    this.input.value = this.drafts.get(place) ?? "";
    this.typed();
  }

  typed() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, COMPOSER_HEIGHT)}px`;
    this.root.classList.toggle("writing", this.input.value.trim() !== "");
    const chat = this.pane.chat();
    const person = this.pane.person();
    this.commands.offer(chat && person ? commandsFor(chat, person) : []);
  }

  showContext() {
    const message = this.edited ?? this.reply;
    this.context.hidden = !message;
    if (!message) return;
    const title = this.edited ? t("editing") : t("replyTo", { name: nameOf(senderOf(message)) });
    this.context.replaceChildren(
      icon(this.edited ? "edit" : "reply"),
      h("span.context-words", {}, h("b", {}, title), h("span", {}, summary(message))),
      iconButton("close", "cancel", { on: { click: () => this.dropContext() } }),
    );
  }

  dropContext() {
    if (this.edited) this.input.value = "";
    this.edited = this.reply = null;
    this.typed();
    this.showContext();
    this.input.focus();
  }

  replyTo(message) {
    this.edited = null;
    this.reply = message;
    this.showContext();
    this.input.focus();
  }

  edit(message) {
    this.reply = null;
    this.edited = message;
    this.input.value = message.text ?? message.caption ?? "";
    this.typed();
    this.showContext();
    this.input.focus();
  }

  // Sending ------------------------------------------------------------------------------------------------

  async send() {
    const text = this.input.value.trim();
    if (!text || this.row.hidden) return;
    const { edited, reply } = this;
    this.input.value = "";
    this.edited = this.reply = null;
    this.typed();
    this.showContext();
    const sent = edited
      ? await this.act("edit_text", { message_id: edited.message_id, text })
      : await this.sendText(text, reply);
    if (!sent && !this.input.value) {
      this.input.value = text;
      this.typed();
    }
  }

  sendText(text, reply = null) {
    if (text.startsWith("/start")) this.startWith = null;
    return this.act("send_text", { text, reply_to: reply?.message_id });
  }

  /** A deep link was followed here: START it, or leave that to be pressed. */
  offerStart(payload, isPressed) {
    this.startWith = payload;
    if (isPressed) {
      this.start();
      return;
    }
    this.startBar.hidden = false;
    this.startBar.focus();
  }

  start() {
    const payload = this.startWith;
    this.startWith = null;
    this.sendText(payload ? `/start ${payload}` : "/start");
    if (matchMedia("(hover: hover)").matches) this.input.focus(); // on a phone its keyboard would cover the answer
  }

  key(event) {
    if (event.isComposing) return; // an input method is still choosing characters
    if (!this.commands.key(event) && !this.ownKey(event)) return;
    event.preventDefault();
  }

  ownKey(event) {
    if (event.key === "Enter" && !event.shiftKey) this.send();
    else if (event.key === "Escape" && (this.edited || this.reply)) this.dropContext();
    else return event.key === "ArrowUp" && !this.input.value && this.editLast();
    return true;
  }

  editLast() {
    const { chat_id: chatId, user_id: userId } = this.where;
    const own = messagesOf(chatId).filter((message) => message.from?.id === userId && message.text);
    if (own.length) this.edit(own.at(-1));
    return own.length > 0;
  }

  write(text) {
    this.input.value = text;
    this.typed();
    this.input.focus();
  }

  openCommands() {
    if (this.commands.isOpen) this.commands.close();
    else this.write(this.input.value.startsWith("/") ? this.input.value : "/");
  }

  sendCommand(command) {
    this.write("");
    const isGroup = this.pane.chat().type !== "private";
    this.sendText(isGroup ? `/${command}@${store.bot.username}` : `/${command}`);
  }

  // Files --------------------------------------------------------------------------------------------------

  pasted(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    this.offer(files);
  }

  /** Ask how to send these files, then send them: one alone, several as an album. */
  async offer(files, sides = []) {
    if (!files.length && !sides.length) return;
    if (files.length > ALBUM_LIMIT) toast(this.pane.root, t("tooMany"));
    const choice = await askSending(files.slice(0, ALBUM_LIMIT), sides);
    if (!choice) return;
    await this.act(choice.as === "photo" ? "send_photo" : "send_document", { caption: choice.caption }, choice.files);
  }

  offerSample() {
    const holder = inventHolder();
    const side = (label, name) => ({ label, testid: `sample-${name}`, files: async () => [await sampleCard(holder, name)] });
    return this.offer([], [side("sampleFront", "front"), side("sampleBack", "back")]);
  }

  openMore(anchor) {
    const person = this.pane.person();
    const thing = (name) => ({ icon: name, text: t(name), testid: `more-${name}`, run: () => this.act(`send_${name}`) });
    openMenu(anchor, [
      thing("sticker"),
      thing("voice"),
      thing("location"),
      thing("contact"),
      this.pane.chat().type === "private" && !person.blocked && {
        icon: "lock",
        text: t("blockBot"),
        testid: "more-block",
        danger: true,
        run: () => this.act("block"),
      },
    ]);
  }

  /** A message that asks for a reply puts that reply in hand, as the apps do. */
  obey(message) {
    const isForced = message.reply_markup?.force_reply;
    const speaksToAll = !message.reply_markup?.selective || this.pane.chat().type === "private";
    const speaksToMe = message.reply_to_message?.from?.id === this.pane.person()?.id
      || (message.entities ?? []).some((entity) => entity.user?.id === this.pane.person()?.id);
    if (isForced && (speaksToAll || speaksToMe)) this.replyTo(message);
  }
}
