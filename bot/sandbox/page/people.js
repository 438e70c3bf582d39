// Who is played on which side, and the row of people one chooses from.

import { avatar, h, iconButton } from "./dom.js";
import { kept } from "./looks.js";
import { changed, nameOf, peopleOf, store } from "./store.js";
import { languageName, pageLanguage, t } from "./strings.js";

const playing = { applicant: null, reviewer: null }; // user ids

export const unread = new Map(); // chat id -> messages not seen yet

/** The person played on that side, or null. */
export const played = (role) => store.people.get(playing[role]) ?? null;

export const privateChat = (person) => person && (store.chats.get(person.id) ?? { id: person.id, type: "private" });

export function play(role, userId) {
  playing[role] = userId;
  kept.set(role, userId);
  changed();
}

/** Play somebody on that side: whom one played last, or the first there is. */
export function settle(role) {
  if (played(role)) return;
  const wanted = Number(kept.get(role));
  const everyone = peopleOf(role);
  playing[role] = (everyone.find((person) => person.id === wanted) ?? everyone[0])?.id ?? null;
}

const SIDES = {
  applicant: { people: h("div.people", { role: "tablist", label: "applicants" }), tab: "person-tab", add: "addApplicant", addTestid: "add-person", title: "applicants" },
  reviewer: { people: h("div.people", { role: "tablist", label: "reviewers" }), tab: "reviewer-tab", add: "addReviewer", addTestid: "add-reviewer", title: "reviewers" },
};

/** One side of the page: its people above `content`; `addPerson(role)` is called to add one more. */
export function side(role, addPerson, ...content) {
  const { people, add, addTestid, title } = SIDES[role];
  const head = h(
    "div.side-head",
    {},
    h("h2", { text: title }),
    people,
    iconButton("add", add, { testid: addTestid, on: { click: () => addPerson(role) } }),
  );
  return h(`section.side.${role}`, { label: title }, head, ...content);
}

export function drawPeople(role) {
  const { people, tab } = SIDES[role];
  const everyone = peopleOf(role);
  const signature = JSON.stringify([everyone, playing[role], everyone.map(({ id }) => unread.get(id) ?? 0), pageLanguage()]);
  if (people.dataset.signature === signature) return;
  people.dataset.signature = signature;
  const hadFocus = people.contains(document.activeElement);
  people.replaceChildren(...everyone.map((person) => personTab(person, role, tab)));
  const selected = people.querySelector("[aria-selected=true]");
  selected?.scrollIntoView({ block: "nearest", inline: "nearest" });
  if (hadFocus) selected?.focus();
}

function personTab(person, role, testid) {
  const isSelected = playing[role] === person.id;
  const state = person.deactivated ? t("deactivatedShort") : person.blocked ? t("blockedShort") : languageName(person.language_code);
  return h(
    `button.person${person.deactivated ? ".gone" : ""}`,
    {
      role: "tab",
      testid,
      data: { userId: person.id },
      "aria-selected": String(isSelected),
      tabindex: isSelected ? "0" : "-1",
      title: t("actingAs", { name: nameOf(person) }),
      on: { click: () => play(role, person.id) },
    },
    avatar(person.id, nameOf(person), ".small"),
    h("span.person-words", {}, h("b", {}, nameOf(person)), h("small", {}, state)),
    unread.get(person.id) && h("span.dot", { title: t("unread") }, h("span.unseen", {}, t("unread"))),
  );
}
