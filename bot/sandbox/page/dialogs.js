// What opens above the chats: menus, toasts, alerts and forms. Native <dialog> keeps the focus inside and obeys Esc.

import { h, icon, iconButton } from "./dom.js";
import { APP_LANGUAGES, t } from "./strings.js";

const TOAST_LASTS = 4500; // milliseconds

// Menus ----------------------------------------------------------------------------------------------------

let closeOpenMenu = () => {};

/** Open a menu of {icon, text, run, danger?, testid?} (falsy items are left out) beside `anchor`. */
export function openMenu(anchor, items) {
  closeOpenMenu();
  const entries = items.filter(Boolean).map(({ icon: drawing, text, run, danger, testid }) => {
    const choose = () => {
      close();
      run();
    };
    const properties = { role: "menuitem", tabindex: "-1", testid, on: { click: choose } };
    return h(`button.menu-item${danger ? ".danger" : ""}`, properties, icon(drawing), h("span", {}, text));
  });
  const menu = h("div.menu", { role: "menu", testid: "menu" }, ...entries);
  const close = (giveFocusBack = true) => {
    if (!menu.isConnected) return;
    menu.remove();
    anchor.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    closeOpenMenu = () => {};
    if (giveFocusBack) anchor.focus({ preventScroll: true });
  };
  const outside = (event) => {
    if (!menu.contains(event.target)) close(false);
  };
  menu.addEventListener("keydown", (event) => moveInMenu(event, entries, close));
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !menu.contains(event.relatedTarget)) close(false);
  });
  document.body.append(menu);
  place(menu, anchor.getBoundingClientRect());
  anchor.setAttribute("aria-expanded", "true");
  document.addEventListener("pointerdown", outside, true);
  closeOpenMenu = close;
  entries[0]?.focus({ preventScroll: true });
}

function moveInMenu(event, entries, close) {
  const at = entries.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  if (to !== undefined) entries.at(to % entries.length).focus();
  else if (event.key === "Escape" || event.key === "Tab") close();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function place(menu, anchor) {
  const { width, height } = menu.getBoundingClientRect();
  const roomBelow = window.innerHeight - anchor.bottom;
  const top = roomBelow > height + 8 ? anchor.bottom + 4 : Math.max(8, anchor.top - height - 4);
  const left = Math.min(Math.max(8, anchor.right - width), window.innerWidth - width - 8);
  menu.style.top = `${top}px`;
  menu.style.left = `${left}px`;
}

// Toasts and alerts ----------------------------------------------------------------------------------------

/** A short word that goes away by itself; `host` is the pane it belongs to, or the body. */
export function toast(host, text, isError = false) {
  const shelf = host.querySelector(":scope > .toasts, :scope > .stage > .toasts");
  const bread = h(`div.toast${isError ? ".error" : ""}`, { testid: "toast", role: isError ? "alert" : "status" }, text);
  shelf.append(bread);
  setTimeout(() => bread.remove(), TOAST_LASTS);
}

/** A word that waits for OK: an answer with show_alert. */
export function alertDialog(title, text) {
  return ask("alert", title, [h("p.alert-text", { testid: "alert-text" }, text)], [{ text: "ok", value: true, primary: true }]);
}

export function confirmDialog(title, text) {
  return ask("confirm", title, [h("p.alert-text", {}, text)], [
    { text: "cancel", value: null },
    { text: "ok", value: true, primary: true },
  ]);
}

/**
 * A modal form; resolves to the pressed button's `value` (a function is called for it at that moment), or to
 * null when it is dismissed. Enter presses the primary button.
 */
function ask(testid, title, body, buttons) {
  return new Promise((resolve) => {
    let result = null;
    const opener = document.activeElement;
    const button = ({ text, value, primary, testid: own, hidden }) => {
      const take = (event) => {
        if (primary && !form.reportValidity()) return;
        event.preventDefault();
        result = typeof value === "function" ? value() : value;
        dialog.close();
      };
      const kind = primary ? ".primary" : "";
      return h(`button.dialog-button${kind}`, {
        text,
        testid: own ?? `${testid}-${text}`,
        type: primary ? "submit" : "button",
        hidden,
        on: { click: take },
      });
    };
    const form = h(
      "form",
      { method: "dialog" },
      h("header.dialog-head", {}, h("h2", {}, title), iconButton("close", "close", { on: { click: () => dialog.close() } })),
      h("div.dialog-body", {}, ...body),
      h("footer.dialog-foot", {}, ...buttons.map(button)),
    );
    const dialog = h("dialog.dialog", { testid, "aria-label": title }, form);
    dialog.addEventListener("pointerdown", (event) => {
      if (event.target === dialog) dialog.close();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (opener?.isConnected) opener.focus({ preventScroll: true });
      resolve(result);
    });
    document.body.append(dialog);
    dialog.showModal();
    (dialog.querySelector("[autofocus]") ?? dialog.querySelector(".primary"))?.focus();
  });
}

// Forms ----------------------------------------------------------------------------------------------------

function field(label, control) {
  return h("label.field", {}, h("span", { text: label }), control);
}

function languageSelect(chosen, properties = {}) {
  const options = APP_LANGUAGES.map(([code, name]) => {
    const isChosen = code.split("-")[0] === (chosen ?? "en").split("-")[0];
    return h("option", { value: code, selected: isChosen }, name);
  });
  return h("select", properties, ...options);
}

/** Ask for a new person; resolves to {first_name, last_name?, username?, language_code} or null. */
export function askPerson(title, suggestion) {
  const first = h("input", { required: true, maxlength: "64", value: suggestion, autofocus: true, testid: "person-name" });
  const last = h("input", { maxlength: "64", testid: "person-last-name" });
  const username = h("input", { maxlength: "32", pattern: "@?[A-Za-z][A-Za-z0-9_]{3,31}", testid: "person-username" });
  const language = languageSelect("en", { testid: "person-language" });
  const value = () => ({
    first_name: first.value.trim(),
    last_name: last.value.trim() || undefined,
    username: username.value.replace(/^@/, "") || undefined,
    language_code: language.value,
  });
  const names = h("div.field-pair", {}, field("firstName", first), field("lastName", last));
  const body = [names, field("username", username), field("language", language)];
  return ask("person-dialog", title, body, [
    { text: "cancel", value: null },
    { text: "add", value, primary: true, testid: "person-submit" },
  ]);
}

/** Choose one of {id, name, face}; resolves to its id or null. */
export function chooseChat(title, chats) {
  return new Promise((resolve) => {
    let chosen = null;
    const choice = ({ id, name, face }) =>
      h("button.choice", { data: { chatId: id }, on: { click: (event) => ((chosen = id), event.currentTarget.closest("dialog").close()) } }, face, name);
    const list = h("div.choices", {}, ...chats.map(choice));
    ask("choose-chat", title, [list], [{ text: "cancel", value: null }]).then(() => resolve(chosen));
  });
}

/** Files beyond photos, or too many at once, are named; pictures are shown. `files` may change while it is open. */
function previews(files) {
  return files.map((file) => {
    if (!file.type.startsWith("image/")) return h("div.preview-file", {}, icon("attach"), h("span", {}, file.name));
    const image = h("img", { alt: file.name });
    image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
    image.src = URL.createObjectURL(file);
    return image;
  });
}

/**
 * Show what is about to be sent; resolves to {as: "photo" | "document", caption, files} or null.
 * `sides` (optional) lets the sender switch between several sets of files: [{label, testid, files}].
 */
export async function askSending(files, sides = []) {
  let current = sides.length ? await sides[0].files() : files;
  const strip = h("div.previews", { testid: "previews" }, ...previews(current));
  const caption = h("input", { maxlength: "1024", placeholder: "captionHint", label: "caption", testid: "send-caption" });
  const switcher = sides.map(({ label, testid, files: make }, index) => {
    const choose = async () => {
      const chosen = await make();
      const pictures = previews(chosen);
      await Promise.all(pictures.map((picture) => picture.decode?.()));
      current = chosen;
      strip.replaceChildren(...pictures);
      switcher.forEach((each) => each.setAttribute("aria-pressed", String(each === own)));
    };
    const own = h("button.side-choice", { text: label, testid, "aria-pressed": String(index === 0), on: { click: choose } });
    return own;
  });
  const value = (as) => () => ({ as, caption: caption.value.trim() || undefined, files: current });
  const arePictures = current.every((file) => file.type.startsWith("image/"));
  const title = current.length === 1 ? t("sendOne") : t("sendCount", { count: current.length });
  const sideRow = sides.length ? [h("div.side-choices", { role: "group", label: "sampleSide" }, ...switcher)] : [];
  return ask("send-dialog", title, [...sideRow, strip, caption], [
    { text: "sendAsFile", value: value("document"), primary: !arePictures, testid: "send-as-file" },
    { text: "sendAsPhoto", value: value("photo"), primary: true, testid: "send-as-photo", hidden: !arePictures },
  ]);
}

/** A picture on its own, as large as the window. */
export function showPicture(source, canSave) {
  const save = canSave && h("a.dialog-button", { href: source, download: "photo.jpg", text: "save" });
  const dialog = h("dialog.lightbox", { testid: "lightbox", "aria-label": t("photo") },
    h("img", { src: source, alt: t("photo"), draggable: "false" }),
    h("div.lightbox-bar", {}, save, iconButton("close", "close", { on: { click: () => dialog.close() } })));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
