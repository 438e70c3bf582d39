// The keyboard a bot puts in place of one's own (ReplyKeyboardMarkup): each key sends its text.

import { h } from "./dom.js";
import { messagesOf } from "./store.js";

const isReplyMarkup = (markup) => Boolean(markup?.keyboard || markup?.remove_keyboard);

export class ReplyKeyboard {
  /** `act(action)` and `sendText(text)` do what a key asks for. */
  constructor(act, sendText) {
    this.act = act;
    this.sendText = sendText;
    this.root = h("div.reply-keyboard", { testid: "reply-keyboard", hidden: true });
  }

  /** Show the newest keyboard of that chat, if it has one and `isUsable`. */
  show(chat, isUsable) {
    const marked = chat ? messagesOf(chat.id).filter((message) => isReplyMarkup(message.reply_markup)) : [];
    const rows = marked.at(-1)?.reply_markup.keyboard ?? [];
    this.root.hidden = rows.length === 0 || !isUsable;
    const signature = JSON.stringify(rows);
    if (this.root.dataset.signature === signature) return;
    this.root.dataset.signature = signature;
    this.root.replaceChildren(...rows.map((row) => h("div.button-row", {}, ...row.map((key) => this.key(key)))));
  }

  key(key) {
    const text = typeof key === "string" ? key : key.text;
    const run = () => {
      if (key.request_contact) this.act("send_contact");
      else if (key.request_location) this.act("send_location");
      else this.sendText(text);
    };
    return h("button.inline-button", { testid: "reply-key", on: { click: run } }, text);
  }
}
