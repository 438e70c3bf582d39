// How the page looks and which language it speaks; both are kept in the browser.

import { translateAll } from "./dom.js";
import { pageLanguage, setPageLanguage } from "./strings.js";

export const kept = {
  get: (key) => {
    try {
      return localStorage.getItem(`local-telegram:${key}`);
    } catch {
      return null; // storage may be forbidden; the page then starts afresh each time
    }
  },
  set: (key, value) => {
    try {
      localStorage.setItem(`local-telegram:${key}`, value);
    } catch {
      // as above
    }
  },
};

const root = document.documentElement;

/** Take up what was kept; a first visit follows the browser's language and the system's light or dark. */
export function restoreLooks() {
  const theme = kept.get("theme");
  if (theme) root.dataset.theme = theme;
  setPageLanguage(kept.get("language") ?? navigator.language.split("-")[0]);
}

export function switchTheme() {
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  kept.set("theme", root.dataset.theme);
}

export function switchLanguage() {
  setPageLanguage(pageLanguage() === "en" ? "zh" : "en");
  kept.set("language", pageLanguage());
  translateAll(document.body);
}
