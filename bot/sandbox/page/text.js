// Message text with its entities, as elements. Offsets are UTF-16 code units, as JavaScript counts them.

import { h } from "./dom.js";
import { t } from "./strings.js";

const INLINE = { bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code" };
const BLOCKS = new Set(["pre", "blockquote", "expandable_blockquote"]);
const SAFE_LINK = /^(https?:|mailto:|tel:|tg:)/i;

// What a reader unfolded or revealed stays so when the message is drawn again.
const opened = new Set();

/**
 * The nodes of `text`. `act` offers command(text) and url(address); `place` names the message, so that an
 * unfolded quote or revealed spoiler is remembered.
 */
export function richText(text, entities, act, place) {
  const sorted = [...(entities ?? [])].sort(nesting);
  return span(text, 0, text.length, sorted, act, place);
}

// From the outside in: of two on the same range, the block holds the other one.
function nesting(a, b) {
  return a.offset - b.offset || b.length - a.length || BLOCKS.has(b.type) - BLOCKS.has(a.type);
}

function span(text, from, to, entities, act, place) {
  const nodes = [];
  let at = from;
  let index = 0;
  let afterBlock = false;
  const plain = (until) => {
    // A block ends its line by itself; the line feed after it would show as an empty line.
    const start = afterBlock && text[at] === "\n" ? at + 1 : at;
    if (start < until) nodes.push(text.slice(start, until));
    if (at < until) afterBlock = false;
  };
  while (index < entities.length) {
    const entity = entities[index];
    const start = Math.max(entity.offset, at);
    const end = Math.min(entity.offset + entity.length, to);
    let next = index + 1;
    while (next < entities.length && entities[next].offset < end) next += 1;
    if (start < end) {
      plain(start);
      const inner = span(text, start, end, entities.slice(index + 1, next), act, place);
      nodes.push(dress(entity, text.slice(start, end), inner, act, `${place}:${entity.offset}`));
      at = end;
      afterBlock = BLOCKS.has(entity.type);
    }
    index = next;
  }
  plain(to);
  return nodes;
}

function dress(entity, raw, inner, act, place) {
  if (entity.type in INLINE) return h(INLINE[entity.type], {}, ...inner);
  switch (entity.type) {
    case "pre":
      return h("pre", { data: { language: entity.language ?? "" } }, h("code", {}, ...inner));
    case "blockquote":
      return h("blockquote", {}, ...inner);
    case "expandable_blockquote":
      return foldedQuote(inner, place);
    case "spoiler":
      return spoiler(inner, place);
    case "text_link":
      return link(entity.url, inner, act);
    case "url":
      return link(/^[a-z][a-z0-9+.-]*:/i.test(raw) ? raw : `https://${raw}`, inner, act);
    case "email":
      return link(`mailto:${raw}`, inner, act);
    case "phone_number":
      return link(`tel:${raw}`, inner, act);
    case "bot_command":
      return h("button.command", { on: { click: () => act.command(raw) } }, ...inner);
    case "mention":
    case "text_mention":
    case "hashtag":
    case "cashtag":
      return h("span.mention", {}, ...inner);
    default:
      return h("span", {}, ...inner);
  }
}

function link(address, inner, act) {
  if (!SAFE_LINK.test(address)) return h("span", {}, ...inner);
  const follow = (event) => {
    event.preventDefault();
    act.url(address);
  };
  return h("a", { href: address, rel: "noopener noreferrer", title: address, on: { click: follow } }, ...inner);
}

function foldedQuote(inner, place) {
  const body = h("span.quote-body", {}, ...inner);
  const toggle = h("button.quote-toggle", { text: "quoteUnfold" });
  const quote = h("blockquote.expandable", { testid: "expandable-quote" }, body, toggle);
  const show = (unfolded) => {
    quote.classList.toggle("unfolded", unfolded);
    toggle.setAttribute("aria-expanded", String(unfolded));
    toggle.dataset.text = unfolded ? "quoteFold" : "quoteUnfold";
    toggle.textContent = t(toggle.dataset.text);
  };
  toggle.addEventListener("click", () => {
    opened.has(place) ? opened.delete(place) : opened.add(place);
    show(opened.has(place));
  });
  show(opened.has(place));
  return quote;
}

function spoiler(inner, place) {
  const cover = h("span.spoiler", { role: "button", label: "reveal", testid: "spoiler" }, h("span", {}, ...inner));
  const reveal = () => {
    opened.add(place);
    cover.classList.add("revealed");
    for (const name of ["role", "aria-label", "tabindex"]) cover.removeAttribute(name);
    delete cover.dataset.label;
  };
  if (opened.has(place)) reveal();
  else cover.tabIndex = 0;
  cover.addEventListener("click", reveal);
  cover.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    reveal();
  });
  return cover;
}

/** A picture under a cover until it is tapped; the cover stays away once lifted. */
export function coveredPicture(picture, place) {
  if (opened.has(place)) return picture;
  const cover = h("button.cover", { label: "reveal", testid: "media-spoiler" });
  const frame = h("span.covered", {}, picture, cover);
  cover.addEventListener("click", (event) => {
    event.stopPropagation();
    opened.add(place);
    frame.classList.add("revealed");
    cover.remove();
  });
  return frame;
}
