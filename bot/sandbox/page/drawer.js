// The drawer: every call the bot makes, as it makes it, and faults on demand.

import { h, iconButton } from "./dom.js";
import { tryTo } from "./settings.js";
import { nameOf, on, store } from "./store.js";
import { t } from "./strings.js";

// Name in the table of strings, and the rule the server takes.
const FAULTS = [
  ["fault502", { kind: "502" }],
  ["fault429", { kind: "429", retry_after: 3 }],
  ["faultLatency", { kind: "latency", seconds: 2 }],
  ["faultCut", { kind: "cut" }],
  ["faultRefuse", { kind: "refuse" }],
  ["faultLost", { kind: "lost" }],
];

export class Drawer {
  constructor() {
    this.list = h("ol.calls", { testid: "calls" });
    this.none = h("p.calls-none", { text: "callsNone" });
    this.state = h("p.faults-state", { testid: "faults-state", role: "status", hidden: true });
    this.root = h(
      "aside.drawer",
      { testid: "drawer", label: "calls", hidden: true, on: { keydown: (event) => event.key === "Escape" && this.close() } },
      h("header.drawer-head", {}, h("h2", { text: "calls" }), iconButton("close", "close", { on: { click: () => this.close() } })),
      h("div.drawer-body", { tabindex: "0" }, this.none, this.list),
      this.faultsForm(),
    );
    on("call", (call) => this.add(call));
  }

  toggle(opener) {
    this.opener = opener;
    if (this.root.hidden) this.open();
    else this.close();
  }

  open() {
    this.root.hidden = false;
    document.body.classList.add("with-drawer");
    this.opener.setAttribute("aria-expanded", "true");
    this.list.replaceChildren(...store.calls.map(callLine));
    this.update();
    this.root.querySelector("button").focus();
  }

  close() {
    this.root.hidden = true;
    document.body.classList.remove("with-drawer");
    this.opener.setAttribute("aria-expanded", "false");
    this.opener.focus();
  }

  add(call) {
    if (this.root.hidden) return;
    this.list.prepend(callLine(call));
    while (this.list.children.length > store.calls.length) this.list.lastChild.remove();
  }

  update() {
    this.none.hidden = store.calls.length > 0;
    const active = hasFaults(store.faults);
    this.state.hidden = !active;
    this.state.textContent = active ? t("faultsActive") : "";
    this.clear.disabled = !active;
  }

  faultsForm() {
    const options = FAULTS.map(([label], index) => h("option", { value: index, text: label }));
    const kind = h("select", { testid: "fault-kind" }, ...options);
    const method = h("input", { value: "*", required: true, pattern: "\\*|[A-Za-z]+", testid: "fault-method" });
    const share = h("input", { type: "number", min: "1", max: "100", value: "5", required: true, testid: "fault-share" });
    this.clear = h("button.dialog-button", { text: "clearFaults", testid: "faults-clear", on: { click: () => tryTo("faults", { clear: true }) } });
    const add = (event) => {
      event.preventDefault();
      const [, rule] = FAULTS[kind.value];
      tryTo("faults", { rule: { ...rule, method: method.value, probability: Number(share.value) / 100 } });
    };
    const field = (label, control) => h("label.field", {}, h("span", { text: label }), control);
    return h(
      "form.faults",
      { testid: "faults", on: { submit: add } },
      h("h3", { text: "faults" }),
      h("p.hint", { text: "faultsHint" }),
      field("faultKind", kind),
      h("div.field-pair", {}, field("faultMethod", method), field("faultShare", share)),
      this.state,
      h("div.faults-foot", {}, this.clear, h("button.dialog-button.primary", { type: "submit", text: "faultAdd", testid: "faults-add" })),
    );
  }
}

function callLine({ method, chat_id: chatId, ok, description, at }) {
  const party = store.people.get(chatId) ?? store.chats.get(chatId);
  const where = chatId === null || chatId === undefined ? "" : nameOf(party) || String(chatId);
  return h(
    `li.call${ok ? "" : ".refused"}`,
    { testid: "call", data: { method } },
    h("time", {}, new Date(at * 1000).toLocaleTimeString("en-GB")),
    h("b", {}, method),
    h("span.call-chat", {}, where),
    ok ? null : h("span.call-error", {}, description ?? t("refused")),
  );
}

function hasFaults(faults) {
  return Object.values(faults ?? {}).some((value) => (Array.isArray(value) ? value.length > 0 : Boolean(value)));
}
