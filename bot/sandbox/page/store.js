// What the page knows, fed by the live connection; and the one way to act.

const RETRY_FIRST = 400; // milliseconds; doubles up to RETRY_LAST
const RETRY_LAST = 5000;
const TYPING_LASTS = 5000; // milliseconds; as long as a real client shows a chat action
const PRESS_WAITS = 60_000; // milliseconds a spinner turns before the page gives up on an answer
const CALLS_KEPT = 300;

export const store = {
  connected: false,
  everConnected: false,
  bot: null,
  people: new Map(),
  chats: new Map(),
  messages: new Map(), // chat id -> Map of message id -> Message
  commands: [],
  calls: [],
  faults: null,
  typing: new Map(), // chat id -> timer
  pending: new Map(), // "user:chat:message" -> the data whose answer is awaited
};

const listeners = { change: [], arrived: [], answer: [], call: [] };

/** Listen: "change" (anything; batched), "arrived" (chat id, message), "answer" (answer), "call" (call). */
export function on(name, listener) {
  listeners[name].push(listener);
}

function emit(name, ...values) {
  for (const listener of listeners[name]) listener(...values);
}

let changeIsDue = false;

/** Tell the "change" listeners once for all that happens within this frame. */
export function changed() {
  if (changeIsDue) return;
  changeIsDue = true;
  setTimeout(() => {
    changeIsDue = false;
    emit("change");
  }, 8);
}

const byId = (items) => new Map(items.map((item) => [item.id, item]));

const TAKE = {
  snapshot(event) {
    store.bot = event.bot;
    store.people = byId(event.people);
    store.chats = byId(event.chats);
    store.messages = new Map(
      Object.entries(event.messages).map(([chatId, messages]) => [
        Number(chatId),
        new Map(messages.map((message) => [message.message_id, message])),
      ]),
    );
    store.commands = Array.isArray(event.commands) ? event.commands : (event.commands?.commands ?? []);
    store.faults = event.faults ?? null;
    store.pending.clear();
  },
  person({ person }) {
    store.people.set(person.id, person);
  },
  chat({ chat }) {
    store.chats.set(chat.id, chat);
  },
  message({ chat_id: chatId, message }) {
    if (!store.messages.has(chatId)) store.messages.set(chatId, new Map());
    const messages = store.messages.get(chatId);
    const isNew = !messages.has(message.message_id);
    messages.set(message.message_id, message);
    if (!isNew) return;
    if (message.from?.is_bot) stopTyping(chatId);
    emit("arrived", chatId, message);
  },
  deleted({ chat_id: chatId, message_id: messageId }) {
    store.messages.get(chatId)?.delete(messageId);
  },
  answer(event) {
    const key = pressKey(event.user_id, event.chat_id, event.message_id);
    const wasPressedHere = Boolean(store.pending.get(key)); // another window's press is that window's to show
    store.pending.delete(key);
    if (wasPressedHere) emit("answer", event);
  },
  pressed({ user_id: userId, chat_id: chatId, message_id: messageId }) {
    const key = pressKey(userId, chatId, messageId);
    if (!store.pending.has(key)) store.pending.set(key, null);
  },
  action({ chat_id: chatId }) {
    stopTyping(chatId);
    const timer = setTimeout(() => (store.typing.delete(chatId), changed()), TYPING_LASTS);
    store.typing.set(chatId, timer);
  },
  commands({ commands }) {
    store.commands = commands;
  },
  call(event) {
    store.calls.unshift(event);
    store.calls.length = Math.min(store.calls.length, CALLS_KEPT);
    emit("call", event);
  },
  faults({ faults }) {
    store.faults = faults;
  },
};

function stopTyping(chatId) {
  clearTimeout(store.typing.get(chatId));
  store.typing.delete(chatId);
}

const pressKey = (userId, chatId, messageId) => `${userId}:${chatId}:${messageId}`;

/** The data of the button that person pressed there and that is not answered yet; undefined when none. */
export function pendingPress(userId, chatId, messageId) {
  return store.pending.get(pressKey(userId, chatId, messageId));
}

/** Keep a live connection for ever: after a loss, try again and start from the fresh snapshot. */
export function connect(retryAfter = RETRY_FIRST) {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
  let nextRetry = Math.min(retryAfter * 2, RETRY_LAST);
  socket.addEventListener("message", ({ data }) => {
    const event = JSON.parse(data);
    if (event.type === "snapshot") {
      nextRetry = RETRY_FIRST;
      store.connected = store.everConnected = true;
    }
    TAKE[event.type]?.(event);
    changed();
  });
  socket.addEventListener("close", () => {
    store.connected = false;
    changed();
    setTimeout(() => connect(nextRetry), retryAfter);
  });
}

/**
 * POST one action, with files if any; its result.
 * Throws an Error whose message is the server's plain sentence when the action is refused.
 */
export async function act(action, details = {}, files = []) {
  const body = JSON.stringify({ action, ...details });
  let request = { method: "POST", headers: { "Content-Type": "application/json" }, body };
  if (files.length) {
    const form = new FormData();
    form.append("action", body);
    for (const file of files) form.append("file", file, file.name);
    request = { method: "POST", body: form };
  }
  const response = await fetch("/act", request);
  const answer = await response.json().catch(() => ({ ok: false, error: `HTTP ${response.status}` }));
  if (!answer.ok) throw new Error(answer.error);
  return answer.result;
}

/** Press an inline button as that person; a spinner turns on it until the bot answers. */
export async function press(userId, chatId, messageId, data) {
  const key = pressKey(userId, chatId, messageId);
  store.pending.set(key, data);
  changed();
  const giveUp = () => {
    if (store.pending.get(key) === data && store.pending.delete(key)) changed();
  };
  setTimeout(giveUp, PRESS_WAITS);
  try {
    return await act("press", { user_id: userId, chat_id: chatId, message_id: messageId, data });
  } catch (error) {
    giveUp();
    throw error;
  }
}

// Questions asked of the state -----------------------------------------------------------------------------

export function nameOf(party) {
  if (!party) return "";
  if (party.title) return party.title;
  return [party.first_name, party.last_name].filter(Boolean).join(" ");
}

export function peopleOf(role) {
  return [...store.people.values()].filter((person) => person.role === role);
}

/** The messages of a chat, oldest first. */
export function messagesOf(chatId) {
  return [...(store.messages.get(chatId)?.values() ?? [])].sort((a, b) => a.message_id - b.message_id);
}

/** The group reviewers work in: the newest that has not become another. */
export function currentGroup() {
  const groups = [...store.chats.values()].filter((chat) => chat.type !== "private" && !chat.migrated_to);
  return groups.at(-1) ?? null;
}

export function membership(chat, userId) {
  return chat?.members?.find((member) => member.user_id === userId) ?? null;
}

export function isIn(chat, userId) {
  return ["creator", "administrator", "member"].includes(membership(chat, userId)?.status);
}

const scopesFor = (chat, userId) => {
  if (chat.type === "private") return [["chat", chat.id], ["all_private_chats"], ["default"]];
  const isAdmin = ["creator", "administrator"].includes(membership(chat, userId)?.status);
  return [
    ["chat_member", chat.id, userId],
    ...(isAdmin ? [["chat_administrators", chat.id]] : []),
    ["chat", chat.id],
    ...(isAdmin ? [["all_chat_administrators"]] : []),
    ["all_group_chats"],
    ["default"],
  ];
};

/** The commands that person is offered in that chat; the narrowest scope wins (Bot API, BotCommandScope). */
export function commandsFor(chat, person) {
  const language = (person.language_code ?? "").split("-")[0];
  for (const [type, chatId, userId] of scopesFor(chat, person.id)) {
    for (const code of [language, ""]) {
      const found = store.commands.find(
        ({ scope, language_code: listed }) =>
          scope.type === type &&
          (listed ?? "") === code &&
          (chatId === undefined || Number(scope.chat_id) === chatId) &&
          (userId === undefined || Number(scope.user_id) === userId),
      );
      if (found?.commands.length) return found.commands;
    }
  }
  return [];
}
