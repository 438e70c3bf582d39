// The list of commands that opens while one types "/".

import { h } from "./dom.js";

/** A list box driven from a text field, which keeps the focus all the time. */
export class CommandList {
  /** `input` is the text field; `choose(command)` sends a command, `complete(command)` writes it out. */
  constructor(input, id, choose, complete) {
    this.input = input;
    this.choose = choose;
    this.complete = complete;
    this.active = -1; // the command the arrow keys stand on
    this.root = h("div.suggestions", { id, role: "listbox", label: "commands", testid: "commands", hidden: true });
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", id);
    this.close();
  }

  get isOpen() {
    return !this.root.hidden;
  }

  /** Show those of `commands` ({command, description}) that begin as the text does; none closes the list. */
  offer(commands) {
    const typed = /^\/(\w*)$/.exec(this.input.value);
    const fitting = typed ? commands.filter(({ command }) => command.startsWith(typed[1].toLowerCase())) : [];
    this.close();
    this.root.replaceChildren(...fitting.map((each, index) => this.option(each, index)));
    this.root.hidden = fitting.length === 0;
    this.input.setAttribute("aria-expanded", String(this.isOpen));
  }

  option({ command, description }, index) {
    const properties = {
      id: `${this.root.id}-${index}`,
      role: "option",
      "aria-selected": "false",
      tabindex: "-1",
      testid: "command",
      data: { command },
      on: { click: () => this.choose(command) },
    };
    return h("button.suggestion", properties, h("b", {}, `/${command}`), h("span", {}, description));
  }

  close() {
    this.root.hidden = true;
    this.active = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  /** Take a key pressed in the text field; whether it was meant for the list. */
  key(event) {
    if (!this.isOpen) return false;
    const options = [...this.root.children];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.stand(this.active < 0 && step < 0 ? options.length - 1 : (this.active + step + options.length) % options.length);
    else if (event.key === "Tab" && !event.shiftKey) this.complete(options[Math.max(0, this.active)].dataset.command);
    else if (event.key === "Enter" && !event.shiftKey && this.active >= 0) options[this.active].click();
    else if (event.key === "Escape") this.close();
    else return false;
    return true;
  }

  stand(index) {
    this.active = index;
    [...this.root.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === index)));
    const option = this.root.children[index];
    option.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", option.id);
  }
}
