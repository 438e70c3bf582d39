// The messages of one chat: drawn again from the state after every change, scrolled, and walked by keys.

import { h, icon } from "./dom.js";
import { isFrom, isService, renderAlbum, renderMessage, senderOf } from "./message.js";
import { messagesOf, pendingPress } from "./store.js";
import { day, pageLanguage } from "./strings.js";

const RUN_GAP = 300; // seconds; messages of one sender closer than this stand together
const SHOWN = 500; // messages; older ones are not drawn
const NEAR_END = 80; // pixels from the end that still count as reading the newest

export class Feed {
  /** `empty(person, chat)` gives the nodes shown when there is no message; `leave()` is called on Escape. */
  constructor(empty, leave) {
    this.empty = empty;
    this.leave = leave;
    this.drawn = new Map(); // key -> {signature, element}
    this.place = "";
    this.missed = 0;
    this.keepEnd = true;
    this.list = h("div.feed", { role: "feed", label: "messages", testid: "messages" });
    this.root = h("div.scroller", { tabindex: "-1" }, this.list);
    this.jump = h("button.jump", { label: "jump", testid: "jump", hidden: true, on: { click: () => this.toEnd(true) } }, icon("down"), h("span"));
    this.root.addEventListener("scroll", () => this.scrolled());
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("focusin", (event) => this.stand(event.target.closest("[data-message-id]")));
    this.list.addEventListener("contextmenu", (event) => this.rightClick(event));
    const follow = new ResizeObserver(() => this.keepEnd && this.toEnd());
    follow.observe(this.root);
    follow.observe(this.list);
  }

  /** Note a message that has just come: one's own is scrolled to, another's is counted while one reads above. */
  arrived(message, userId) {
    if (isFrom(message, userId)) this.keepEnd = true;
    else if (!this.keepEnd) this.missed += 1;
  }

  /** Show what that person sees of that chat now; `act` is what one can do with a message. */
  update(person, chat, act) {
    const place = `${person?.id}:${chat?.id}`;
    const hasMoved = place !== this.place;
    const height = this.root.scrollTop;
    if (hasMoved) this.move(place, chat?.id);
    this.act = act;
    this.drawMessages(person, chat, !hasMoved);
    this.showPending(person, chat);
    if (this.keepEnd) this.toEnd();
    else if (hasMoved) this.root.scrollTop = height; // the same chat, seen by another person
    this.scrolled();
  }

  move(place, chatId) {
    this.place = place;
    if (chatId !== this.chatId) {
      this.chatId = chatId;
      this.keepEnd = true;
      this.missed = 0;
    }
    this.drawn.clear();
    this.list.replaceChildren();
  }

  drawMessages(person, chat, isLive) {
    const messages = person && chat ? messagesOf(chat.id).slice(-SHOWN) : [];
    const blocks = messages.length ? arrange(messages) : [];
    const wanted = blocks.map((block) => this.draw(block, person, chat, isLive));
    if (messages.every(isService)) wanted.push(this.emptyState(person, chat));
    this.list.lang = chat?.type === "private" ? (person?.language_code ?? "") : "";
    const keep = new Set(wanted);
    for (const [key, { element }] of this.drawn) {
      if (keep.has(element)) continue;
      this.drawn.delete(key);
      if (element.isConnected) fade(element, isLive && element.matches("[data-message-id]"));
    }
    let at = this.list.firstChild;
    for (const element of wanted) {
      while (at && at !== element && at.classList.contains("leaving")) at = at.nextSibling;
      if (at === element) at = at.nextSibling;
      else this.list.insertBefore(element, at);
    }
    this.rove();
  }

  /** The element of one block: the one already drawn unless something in it changed. */
  draw(block, person, chat, isLive) {
    const signature = JSON.stringify([block.messages, person.id, pageLanguage()]);
    const before = this.drawn.get(block.key);
    const isSame = before?.signature === signature;
    const element = isSame ? before.element : this.build(block, person, chat);
    element.classList.toggle("first", Boolean(block.isFirst));
    element.classList.toggle("last", Boolean(block.isLast));
    if (isSame) return element;
    if (before) swap(before.element, element);
    else if (isLive && block.messages) element.classList.add("entering");
    this.drawn.set(block.key, { signature, element });
    return element;
  }

  build(block, person, chat) {
    if (block.day) return h("div.day", {}, h("span", {}, block.day));
    const scene = {
      viewerId: person.id,
      isGroup: chat.type !== "private",
      act: this.act,
    };
    return block.messages.length > 1 ? renderAlbum(block.messages, scene) : renderMessage(block.messages[0], scene);
  }

  emptyState(person, chat) {
    const key = "empty";
    const signature = JSON.stringify([person?.id, chat?.id, pageLanguage()]);
    const before = this.drawn.get(key);
    if (before?.signature !== signature) {
      before?.element.remove();
      this.drawn.set(key, { signature, element: h("div.empty", { lang: document.documentElement.lang }, ...this.empty(person, chat)) });
    }
    return this.drawn.get(key).element;
  }

  showPending(person, chat) {
    for (const button of this.list.querySelectorAll("[data-callback]")) {
      const { messageId } = button.closest("[data-message-id]").dataset;
      const isWaiting = pendingPress(person.id, chat.id, Number(messageId)) === button.dataset.callback;
      button.classList.toggle("waiting", isWaiting);
      button.toggleAttribute("aria-busy", isWaiting);
    }
  }

  // Scrolling and keys -------------------------------------------------------------------------------------

  scrolled() {
    const { scrollHeight, clientHeight } = this.root;
    if (!clientHeight) return;
    const size = `${scrollHeight}:${clientHeight}`;
    if (size !== this.size && this.keepEnd) this.toEnd(); // the page has moved, not the reader
    this.size = size;
    this.keepEnd = scrollHeight - this.root.scrollTop - clientHeight < NEAR_END;
    if (this.keepEnd) this.missed = 0;
    this.jump.hidden = this.keepEnd;
    this.jump.lastChild.textContent = this.missed ? String(this.missed) : "";
  }

  toEnd(isSmooth = false) {
    this.root.scrollTo({ top: this.root.scrollHeight, behavior: isSmooth ? "smooth" : "instant" });
  }

  show(messageId) {
    const element = this.list.querySelector(`[data-message-id="${messageId}"]`);
    if (!element) return;
    element.scrollIntoView({ block: "center" });
    element.focus({ preventScroll: true });
    element.classList.add("flash");
    element.addEventListener("animationend", () => element.classList.remove("flash"), { once: true });
  }

  get elements() {
    return [...this.list.querySelectorAll("[data-message-id]:not(.leaving)")];
  }

  /** One message is a stop of the Tab key, the others are reached by arrows; so are the buttons inside. */
  rove() {
    const elements = this.elements;
    const current = elements.find((element) => element.dataset.messageId === this.standing) ?? elements.at(-1);
    for (const element of elements) {
      const index = element === current ? "0" : "-1";
      element.tabIndex = Number(index);
      element.querySelectorAll("button, a").forEach((inner) => inner.setAttribute("tabindex", index));
    }
  }

  stand(element) {
    if (!element || element.dataset.messageId === this.standing) return;
    this.standing = element.dataset.messageId;
    this.rove();
  }

  key(event) {
    const own = event.target.closest("[data-message-id]");
    if (!own) return;
    const elements = this.elements;
    const at = elements.indexOf(own);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: elements.length - 1 }[event.key];
    if (to !== undefined) elements[Math.min(Math.max(to, 0), elements.length - 1)].focus();
    else if (event.key === "Enter" && event.target === own) own.querySelector("[data-testid=message-menu]")?.click();
    else if (event.key === "Escape") this.leave();
    else return;
    event.preventDefault();
  }

  rightClick(event) {
    const button = event.target.closest("[data-message-id]")?.querySelector("[data-testid=message-menu]");
    if (!button || event.target.closest("a") || String(getSelection())) return;
    event.preventDefault();
    button.click();
  }
}

/** Messages as blocks: a line for each new day, albums together, runs of one sender marked at both ends. */
function arrange(messages) {
  const blocks = [];
  let today = null;
  for (const message of messages) {
    const date = day(message.date);
    if (date !== today) blocks.push({ key: `day ${date}`, day: date });
    today = date;
    const last = blocks.at(-1);
    const album = message.media_group_id;
    if (album && last.messages?.[0].media_group_id === album) last.messages.push(message);
    else blocks.push({ key: `message ${message.message_id}`, messages: [message] });
  }
  blocks.forEach((block, index) => {
    if (!block.messages) return;
    block.isFirst = !sameRun(blocks[index - 1], block);
    block.isLast = !sameRun(block, blocks[index + 1]);
  });
  return blocks;
}

function sameRun(earlier, later) {
  if (!earlier?.messages || !later?.messages) return false;
  const [a, b] = [earlier.messages.at(-1), later.messages[0]];
  return senderOf(a).id === senderOf(b).id && b.date - a.date < RUN_GAP && !isService(a) && !isService(b);
}

/** Put the new element in the old one's place; the keyboard's focus stays where it was. */
function swap(old, fresh) {
  const stops = (element) => [element, ...element.querySelectorAll("button, a")];
  const at = stops(old).indexOf(document.activeElement);
  old.replaceWith(fresh);
  if (at >= 0) (stops(fresh)[at] ?? fresh).focus({ preventScroll: true });
}

function fade(element, isAnimated) {
  if (!isAnimated || matchMedia("(prefers-reduced-motion: reduce)").matches) {
    element.remove();
    return;
  }
  element.classList.add("leaving");
  element.removeAttribute("data-testid");
  element.addEventListener("animationend", () => element.remove(), { once: true });
}
