// One message as an element: its sender, what it quotes, what it carries, its buttons.

import { avatar, h, hueOf, icon, iconButton } from "./dom.js";
import { nameOf, store } from "./store.js";
import { clock, fileSize, t } from "./strings.js";
import { coveredPicture, richText } from "./text.js";

const SHARP_WIDTH = 720; // pixels; a size at least this wide is sharp in a bubble on any screen
const BUBBLE_WIDTH = 344; // pixels a photo takes at most in a bubble
const BUBBLE_HEIGHT = 380;

/**
 * The element of one message. `scene` says how it stands: {viewerId, isGroup, act}; `act`
 * offers press(message, data), url(address), copy(text), command(text), menu(message, anchor), jump(id) and
 * picture(source, message). Where it stands in a run of one sender's messages is told by the classes first, last.
 */
export function renderMessage(message, scene) {
  const service = serviceText(message);
  if (service) {
    return article(message, "service", h("span.service-text", { testid: "message-text" }, service));
  }
  const isOwn = isFrom(message, scene.viewerId);
  const bubble = h(
    "div.bubble",
    {},
    scene.isGroup && !isOwn && senderLine(message),
    forwardLine(message),
    quoteLine(message, scene),
    content(message, scene),
    caption(message, scene),
    meta(message),
  );
  const element = article(
    message,
    isOwn ? "message own" : "message",
    h("div.column", {}, bubble, keyboard(message, scene)),
    menuButton(message, scene),
  );
  if (message.photo) bubble.classList.add("with-photo");
  if (message.sticker) bubble.classList.add("bare");
  if (scene.isGroup && !isOwn) element.prepend(faceColumn(message));
  return element;
}

/** Messages of one media group as one bubble; each keeps an element of its own inside it. */
export function renderAlbum(messages, scene) {
  const isOwn = isFrom(messages[0], scene.viewerId);
  const captioned = messages.find((message) => message.caption);
  const arePhotos = messages.every((message) => message.photo || message.video);
  const tiles = messages.map((message) =>
    article(message, "tile", content(message, scene), menuButton(message, scene)),
  );
  const bubble = h(
    `div.bubble.album${arePhotos ? ".with-photo" : ""}`,
    {},
    scene.isGroup && !isOwn && senderLine(messages[0]),
    quoteLine(messages[0], scene),
    h(`div.${arePhotos ? "mosaic" : "stack"}`, { data: { count: messages.length } }, ...tiles),
    captioned && caption(captioned, scene),
    meta(messages.at(-1)),
  );
  const row = h(isOwn ? "div.message.own" : "div.message", {}, h("div.column", {}, bubble));
  if (scene.isGroup && !isOwn) row.prepend(faceColumn(messages[0]));
  return row;
}

export function isFrom(message, userId) {
  return message.from?.id === userId && !message.sender_chat;
}

/** Who is shown as the sender: an anonymous administrator speaks as the chat itself. */
export function senderOf(message) {
  return message.sender_chat ?? message.from ?? message.chat;
}

/** One line that stands for the message: in a quote, for a screen reader, in a list. */
export function summary(message) {
  const text = message.text ?? message.caption;
  if (text) return text.replace(/\s+/g, " ").slice(0, 120);
  const service = serviceText(message);
  if (service) return service;
  if (message.document) return message.document.file_name ?? t("file");
  const kind = ["photo", "sticker", "voice", "location", "contact"].find((name) => message[name]);
  return kind ? t(kind) : t("unsupported");
}

function article(message, classes, ...children) {
  return h(
    `article.${classes.split(" ").join(".")}`,
    {
      testid: "message",
      tabindex: "-1",
      data: { messageId: message.message_id, chatId: message.chat.id },
      "aria-label": `${nameOf(senderOf(message))}, ${clock(message.date)}: ${summary(message)}`,
    },
    ...children,
  );
}

function faceColumn(message) {
  const sender = senderOf(message);
  return h("span.face", {}, avatar(sender.id, nameOf(sender), ".small"));
}

function senderLine(message) {
  const sender = senderOf(message);
  return h("div.sender", { style: { "--hue": hueOf(sender.id) } }, nameOf(sender));
}

function forwardLine(message) {
  const origin = message.forward_origin;
  if (!origin) return null;
  const name = origin.sender_user_name ?? nameOf(origin.sender_user ?? origin.sender_chat ?? origin.chat);
  return h("div.forwarded", {}, t("forwardedFrom", { name }));
}

function quoteLine(message, scene) {
  const quoted = message.reply_to_message;
  if (!quoted) return null;
  return h(
    "button.quoted",
    { style: { "--hue": hueOf(senderOf(quoted).id) }, on: { click: () => scene.act.jump(quoted.message_id) } },
    h("span.quoted-name", {}, nameOf(senderOf(quoted))),
    h("span.quoted-text", {}, summary(quoted)),
  );
}

/** The name of the topic of a forum in which a message stands. */
function topicOf(message) {
  return message.is_topic_message ? store.chats.get(message.chat.id)?.topics?.[message.message_thread_id] : null;
}

function meta(message) {
  return h(
    "span.meta",
    {},
    topicOf(message) && h("span.topic", { testid: "topic" }, topicOf(message)),
    message.has_protected_content && h("span.protected", { title: t("protected") }, icon("lock")),
    message.edit_date && h("span.edited", { testid: "edited" }, t("edited")),
    h("time", { datetime: new Date(message.date * 1000).toISOString() }, clock(message.date)),
  );
}

function menuButton(message, scene) {
  return iconButton("more", "menuOf", {
    tabindex: "-1",
    testid: "message-menu",
    "aria-haspopup": "menu",
    on: { click: (event) => scene.act.menu(message, event.currentTarget) },
  });
}

const placeOf = (message) => `${message.chat.id}:${message.message_id}`;

function content(message, scene) {
  if (message.text !== undefined) {
    // A deep link's payload goes to the bot and is not shown, as in the apps.
    const text = message.from?.is_bot ? message.text : message.text.replace(/^(\/start) [\w-]+$/, "$1");
    const nodes = richText(text, message.entities, scene.act, placeOf(message));
    return h("div.text", { testid: "message-text" }, ...nodes);
  }
  const kind = Object.keys(CONTENT).find((name) => message[name]);
  return kind ? CONTENT[kind](message[kind], message, scene) : tile("more", t("unsupported"));
}

function caption(message, scene) {
  if (!message.caption) return null;
  const nodes = richText(message.caption, message.caption_entities, scene.act, `${placeOf(message)}:caption`);
  return h("div.text.caption", { testid: "message-text" }, ...nodes);
}

const CONTENT = {
  photo: photoTile,
  document: (document, message) => documentTile(document, message),
  sticker: (sticker) => h("div.sticker", { role: "img", "aria-label": t("sticker") }, sticker.emoji ?? icon("sticker")),
  voice: (voice) => tile("voice", t("voice"), `0:${String(voice.duration ?? 0).padStart(2, "0")}`, waveform()),
  location: (at) => tile("location", t("location"), `${at.latitude.toFixed(4)}, ${at.longitude.toFixed(4)}`),
  contact: (person) => tile("contact", nameOf(person), person.phone_number),
};

const sourceOf = (file) => `/file/${encodeURIComponent(file.file_unique_id)}`;

function photoTile(sizes, message, scene) {
  const bySize = [...sizes].sort((a, b) => a.width - b.width);
  const chosen = bySize.find((size) => size.width >= SHARP_WIDTH) ?? bySize.at(-1);
  const ratio = chosen.width / chosen.height;
  const width = Math.max(140, Math.min(BUBBLE_WIDTH, BUBBLE_HEIGHT * ratio));
  const picture = h(
    "button.photo",
    // The place is kept before the picture has come, so that nothing jumps when it does.
    {
      "aria-label": t("photo"),
      style: { width: `${width}px`, "aspect-ratio": String(ratio) },
      on: { click: () => scene.act.picture(sourceOf(bySize.at(-1)), message) },
    },
    h("img", { src: sourceOf(chosen), alt: "", draggable: "false" }),
  );
  return message.has_media_spoiler ? coveredPicture(picture, `${placeOf(message)}:picture`) : picture;
}

function documentTile(document, message) {
  const name = document.file_name ?? t("file");
  const extension = name.includes(".") ? name.split(".").at(-1).slice(0, 4) : "";
  const face = h("span.document-face", {}, extension.toUpperCase() || icon("attach"));
  const words = h("span.tile-words", {}, h("b", {}, name), h("small", {}, fileSize(document.file_size)));
  if (message.has_protected_content) return h("div.tile-box.document", {}, face, words);
  return h(
    "a.tile-box.document",
    {
      href: sourceOf(document),
      download: name,
      "aria-label": t("download", { name }),
      testid: "document",
    },
    face,
    words,
  );
}

function tile(drawing, title, detail = "", extra = null) {
  const words = h("span.tile-words", {}, h("b", {}, title), extra, detail && h("small", {}, detail));
  return h("div.tile-box", {}, h("span.tile-face", {}, icon(drawing)), words);
}

function waveform() {
  const bars = [6, 11, 16, 9, 14, 18, 8, 12, 6, 15, 10, 17, 7, 12, 5, 9];
  return h("span.waveform", { "aria-hidden": "true" }, ...bars.map((height) => h("i", { style: { height: `${height}px` } })));
}

function keyboard(message, scene) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows?.length) return null;
  const row = (buttons) => h("div.button-row", {}, ...buttons.map((button) => inlineButton(button, message, scene)));
  return h("div.keyboard", { testid: "keyboard" }, ...rows.map(row));
}

const STYLES = new Set(["danger", "success", "primary"]);

function inlineButton(button, message, scene) {
  const mark = button.url ? icon("open") : button.copy_text ? icon("copy") : null;
  const style = STYLES.has(button.style) ? `.${button.style}` : "";
  return h(
    `button.inline-button${style}`,
    {
      testid: "button",
      data: { callback: button.callback_data, style: button.style ?? "" },
      on: { click: () => pressed(button, message, scene.act) },
    },
    h("span", {}, button.text),
    mark,
  );
}

function pressed(button, message, act) {
  if (button.url) act.url(button.url);
  else if (button.copy_text) act.copy(button.copy_text.text);
  else act.press(message, button.callback_data);
}

/** Whether the message only says that something happened in the chat. */
export function isService(message) {
  return serviceText(message) !== null;
}

function serviceText(message) {
  if (message.new_chat_members) {
    return message.new_chat_members.map((person) => t("joined", { name: nameOf(person) })).join("\n");
  }
  if (message.left_chat_member) return t("left", { name: nameOf(message.left_chat_member) });
  if (message.migrate_to_chat_id || message.migrate_from_chat_id) return t("migrated");
  if (message.pinned_message) return t("pinned");
  if (message.forum_topic_created) return t("topicMade", { name: message.forum_topic_created.name });
  if (message.forum_topic_closed) return t("topicClosed");
  if (message.forum_topic_reopened) return t("topicOpened");
  if (message.group_chat_created || message.supergroup_chat_created) return message.chat.title;
  if (message.new_chat_title) return message.new_chat_title;
  return null;
}
