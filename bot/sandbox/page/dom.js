// Building elements without markup strings: whatever a person typed reaches the page as text nodes only.

import { t } from "./strings.js";

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  add: ["M12 5v14", "M5 12h14"],
  attach: ["M20 11.5l-8.2 8.2a5 5 0 0 1-7.1-7.1l8.6-8.6a3.3 3.3 0 0 1 4.7 4.7l-8.5 8.5a1.7 1.7 0 0 1-2.4-2.4l7.8-7.8"],
  back: ["M19 12H5", "M11 6l-6 6 6 6"],
  calls: ["M4 6h16", "M4 12h10", "M4 18h13"],
  card: ["M3 5.5h18v13H3z", "M8.5 13a2 2 0 1 0 0-4 2 2 0 0 0 0 4z", "M5.5 16c.6-1.6 5.4-1.6 6 0", "M14.5 10h4", "M14.5 13.5h4"],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  contact: ["M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8z", "M4.5 20c1-5 14-5 15 0"],
  copy: ["M9 9h11v11H9z", "M5 15H4V4h11v1"],
  down: ["M6 10l6 6 6-6"],
  edit: ["M4 20l1-4L16.5 4.5l3 3L8 19z"],
  forward: ["M13 6l7 6-7 6v-4c-5 0-8 1.5-9 4 0-5 3-8 9-8z"],
  group: ["M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z", "M2.5 19c.8-5 12.2-5 13 0", "M16 4.5a3.3 3.3 0 0 1 0 6.3", "M17.5 14.5c2.3.6 3.6 2.2 4 4.5"],
  language: ["M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z", "M3 12h18", "M12 3c5 5 5 13 0 18", "M12 3c-5 5-5 13 0 18"],
  location: ["M12 21c-5-6-7-9-7-11.5a7 7 0 0 1 14 0C19 12 17 15 12 21z", "M12 12a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z"],
  lock: ["M6 11h12v9H6z", "M8.5 11V8a3.5 3.5 0 0 1 7 0v3"],
  more: ["M12 5.5v.01", "M12 12v.01", "M12 18.5v.01"],
  open: ["M9 6h9v9", "M18 6L7 17"],
  person: ["M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8z", "M4.5 20c1-5 14-5 15 0"],
  reply: ["M11 6l-7 6 7 6v-4c5 0 8 1.5 9 4 0-5-3-8-9-8z"],
  send: ["M4 4.5l17 7.5-17 7.5 3-7.5z", "M7 12h7"],
  sticker: ["M12 3.5h5.5a3 3 0 0 1 3 3V12c0 4-4 8.5-8.5 8.5h-5.5a3 3 0 0 1-3-3v-11a3 3 0 0 1 3-3z", "M12 20.5c0-5 2-8 8.5-8.5"],
  theme: ["M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17z", "M12 3.5v17", "M12 7.5h4", "M12 12h8", "M12 16.5h4"],
  trash: ["M5 7h14", "M9.5 7V4.5h5V7", "M7 7l.8 13h8.4L17 7"],
  voice: ["M12 14.5a3 3 0 0 0 3-3V7a3 3 0 0 0-6 0v4.5a3 3 0 0 0 3 3z", "M6 11.5a6 6 0 0 0 12 0", "M12 17.5V21"],
};

/** A 24 x 24 line drawing; decorative, so hidden from screen readers. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon", `icon-${name}`);
  for (const d of ICONS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

/**
 * h("button.primary", {testid, on: {click}, text: "send"}, ...children).
 * `text`, `label` and `placeholder` are keys of the string table and follow a change of the page's language.
 */
export function h(selector, properties = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag);
  element.classList.add(...classes);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "testid") element.dataset.testid = value;
    else if (name === "data") setData(element, value);
    else if (name === "style") {
      for (const [rule, setting] of Object.entries(value)) element.style.setProperty(rule, setting);
    }
    else if (name === "text") element.dataset.text = value;
    else if (name === "label") element.dataset.label = value;
    else if (name === "placeholder") element.dataset.placeholder = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  if (element.tagName === "BUTTON" && !element.hasAttribute("type")) element.type = "button";
  translate(element);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function setData(element, values) {
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== "") element.dataset[name] = value;
  }
}

/** A button that shows only a drawing; its label is its accessible name and its tooltip. */
export function iconButton(name, label, properties = {}) {
  return h("button.icon-button", { label, ...properties }, icon(name));
}

/** Write one element's strings in the page's present language. */
function translate(element) {
  const { text, label, placeholder } = element.dataset;
  if (text) element.textContent = t(text);
  if (label) {
    element.setAttribute("aria-label", t(label));
    if (element.tagName === "BUTTON") element.title = t(label);
  }
  if (placeholder) element.placeholder = t(placeholder);
}

/** Write every string under `root` again, after the page's language has changed. */
export function translateAll(root) {
  root.querySelectorAll("[data-text], [data-label], [data-placeholder]").forEach(translate);
}

const HUES = ["#b3423a", "#a8560f", "#7a6a00", "#2f7d3b", "#0f7a7d", "#2c63c4", "#7a4bc2", "#b03a83"];

/** The colour a person or chat keeps wherever it appears; white on it reads at 4.5:1 or more. */
export function hueOf(id) {
  return HUES[Math.abs(Number(id) || 0) % HUES.length];
}

export function avatar(id, name, size = "") {
  const words = name.trim().split(/\s+/);
  const first = [...(words[0] ?? "?")][0] ?? "?";
  const last = words.length > 1 ? [...words.at(-1)][0] : "";
  const initials = (first + last).toUpperCase();
  return h(`span.avatar${size}`, { style: { "background-color": hueOf(id) }, "aria-hidden": "true" }, initials);
}
