// The keyboard at the desk, and where the focus goes. Everything works without this file.
// A key belongs to the element that names it in data-key: a button is pressed, a link followed, a
// summary opened (and its first field focused), a field focused. "g q" is two keys, one by one.

const page = document.documentElement;

// Single keys can disturb speech input and others; each person can do without (WCAG 2.1.4).
const KEYS = "radslag-keys";
function keysAreOff() {
  try {
    return localStorage.getItem(KEYS) === "off";
  } catch {
    return false;
  }
}

function showKeys() {
  const off = keysAreOff();
  page.dataset.keys = off ? "off" : "on";
  for (const element of document.querySelectorAll("[data-key]")) {
    if (off) element.removeAttribute("aria-keyshortcuts");
    else element.setAttribute("aria-keyshortcuts", element.dataset.key);
  }
}

const keysSwitch = document.querySelector("[data-keys-switch]");
if (keysSwitch) {
  keysSwitch.checked = !keysAreOff();
  keysSwitch.addEventListener("change", () => {
    try {
      localStorage.setItem(KEYS, keysSwitch.checked ? "on" : "off");
    } catch {
      // Nothing can be kept in this browser: the keys stay on.
    }
    showKeys();
  });
}

const keysList = document.querySelector("dialog.keys-list");
const keysButton = document.querySelector("[data-keys-open]");
if (keysList && keysButton) {
  keysButton.closest("[hidden]").hidden = false;
  keysButton.addEventListener("click", () => keysList.showModal());
}

// Boxes and radios take no letters; lists do, to find an option by its first ones.
const NO_LETTERS = /^(checkbox|radio|button|submit|reset|file|range|color|image)$/;
const typing = (target) =>
  target instanceof HTMLElement &&
  (target.isContentEditable ||
    /^(TEXTAREA|SELECT)$/.test(target.tagName) ||
    (target.tagName === "INPUT" && !NO_LETTERS.test(target.type)) ||
    target.closest("[role=textbox], [role=searchbox], [role=combobox], [role=listbox]") !== null);

const seen = (element) => element.getClientRects().length > 0;

function use(element) {
  if (element instanceof HTMLDetailsElement) element = element.querySelector("summary");
  if (element.tagName === "SUMMARY") {
    const details = element.parentElement;
    const first = details.querySelector("[data-first]");
    // Pressed again it closes, but never over a field that one is on the way to.
    details.open = !details.open || Boolean(first && document.activeElement !== element);
    const landing = details.open && first ? first : element;
    landing.focus();
    (details.open ? details : element).scrollIntoView({ block: "nearest" });
  } else if (element.tagName === "INPUT" && /^(checkbox|radio)$/.test(element.type)) {
    element.focus();
    element.click();
  } else if (/^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName)) {
    element.focus();
    if (element.select) element.select();
  } else {
    element.click();
  }
}

function move(step) {
  const links = [...document.querySelectorAll(".entry-link")].filter(seen);
  if (!links.length) return false;
  const card = document.activeElement.closest(".entry");
  const at = links.findIndex((link) => link === document.activeElement || card?.contains(link));
  const next = at < 0 ? links.at(step > 0 ? 0 : -1) : links[at + step];
  const more = step > 0 && document.querySelector('#queue-list a[rel="next"]');
  if (next) {
    next.focus({ preventScroll: true });
    (next.closest(".entry") || next).scrollIntoView({ block: "nearest" });
  } else if (more) {
    more.focus();
  }
  return true;
}

// After a decision the next idea stands on the same spot. For a moment no key decides, so that one
// pressed twice does not decide on what nobody has read; many ideas take longer to look at.
const UNREAD_MS = document.querySelector("form.bulk") ? 1000 : 250;
const shownAt = performance.now();
const decides = (element) => Boolean(element.closest("form[method=post]"));

// A letter on the heels of another is a word that somebody types, and thinks that a field takes it.
const WORD_MS = 400;
let letterAt = -Infinity;

// On the way to another page no key decides about this one. What leads nowhere after all (a file
// that is loaded down) takes the keys for so long.
const LEAVING_MS = 10_000;
let leaving = false;
let first = ""; // of two keys, the one that was pressed

window.addEventListener("beforeunload", () => {
  leaving = true;
  setTimeout(() => (leaving = false), LEAVING_MS);
});

// Who has begun one act takes no other by a letter: it may be meant for a field of the first.
function isElsewhere(element) {
  const begun = document.activeElement?.closest("form[method=post]");
  return Boolean(begun?.closest("details.act")) && begun !== element.closest("form");
}

function mayDecide(element, heels) {
  return performance.now() - shownAt >= UNREAD_MS && !heels && !isElsewhere(element);
}

function keyOf(event) {
  // With Caps Lock on, a letter is still that letter.
  return event.key.length === 1 && !event.shiftKey ? event.key.toLowerCase() : event.key;
}

function find(keys) {
  const named = [...document.querySelectorAll("[data-key]")].filter((each) => each.dataset.key === keys);
  // The ways to other pages stand in the list of keys, which is seldom open.
  return named.find(seen) || named.find((each) => each.tagName === "A");
}

function begins(keys) {
  return document.querySelector(`[data-key^="${CSS.escape(keys)} "]`) !== null;
}

function leaveField(field) {
  const summary = field.closest("details")?.querySelector("summary");
  if (summary) summary.focus();
  else field.blur();
}

// Held down, Enter would press a button again and again, also the one that stands there next.
document.addEventListener("keydown", (event) => {
  if (event.repeat && event.key === "Enter" && event.target.closest?.("button")) event.preventDefault();
}, { capture: true });

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  const form = event.target.form;
  if (event.key === "Enter" && event.ctrlKey && form && !event.repeat && !keysAreOff()) {
    event.preventDefault();
    // Where a form has several acts, the one whose field this is; where what is typed has to be
    // looked up before anything can be decided with it, that.
    const own = event.target.matches("button:not([type=button])") ? event.target : null;
    const sends = event.target.closest("section")?.querySelector("button[data-sends]");
    form.requestSubmit(own || sends || form.querySelector("button[data-looks]"));
    return;
  }
  if (typing(event.target)) {
    first = "";
    if (event.key === "Escape") leaveField(event.target);
    return;
  }
  const chord = event.ctrlKey || event.metaKey || event.altKey || event.getModifierState("AltGraph");
  if (chord || keysAreOff() || leaving || document.querySelector("dialog[open]")) return;
  const key = keyOf(event);
  const heels = performance.now() - letterAt < WORD_MS;
  if (event.key.length === 1 && event.key !== " ") letterAt = performance.now();
  const keys = first ? `${first} ${key}` : key;
  const second = Boolean(first);
  first = "";
  if (!second && (key === "j" || key === "k") && move(key === "j" ? 1 : -1)) {
    event.preventDefault();
    return;
  }
  // A key held down repeats, also on the next idea: it must not decide on what nobody has read.
  if (event.repeat) return;
  if (!second && begins(key)) {
    first = key;
    return;
  }
  const element = find(keys);
  if (!element) return;
  event.preventDefault();
  if (decides(element) && !mayDecide(element, heels)) return;
  use(element);
});

// A decision pressed twice is sent once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  leaving = true;
  remember(ACTED, "yes");
});
window.addEventListener("pageshow", () => {
  leaving = false;
  document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
});

// What one page leaves for the next, in this tab.
const ACTED = "radslag-acted";
const QUEUE = "radslag-queue";
const LOOKED_AT = "radslag-looked-at";

function remember(name, value) {
  try {
    sessionStorage.setItem(name, value);
  } catch {
    // Without a memory the focus begins at the top, as in any page.
  }
}

function recall(name, { keep = false } = {}) {
  try {
    const value = sessionStorage.getItem(name);
    if (!keep) sessionStorage.removeItem(name);
    return value;
  } catch {
    return null;
  }
}

function land() {
  const acted = recall(ACTED);
  const list = document.getElementById("queue-list");
  const number = document.querySelector("[data-idea]")?.dataset.idea;
  const back = document.querySelector("[data-back]");
  if (list) remember(QUEUE, location.pathname + location.search);
  if (number) remember(LOOKED_AT, number);
  if (back) {
    // To the page of the queue one came from, if it shows the same part of it.
    const before = recall(QUEUE, { keep: true });
    const url = before && new URL(before, location.href);
    url?.searchParams.delete("after");
    const same = url && url.pathname + url.search === back.getAttribute("href");
    if (same) back.href = before;
  }
  // What asks for the focus by itself may not have got it yet: the browser waits for styles.
  const message = document.querySelector("[data-focus], [autofocus]");
  if (message) {
    message.focus();
    return;
  }
  const lookedAt = number ? null : recall(LOOKED_AT);
  // The card one came from; when it is decided, the first one that waits.
  const cameFrom = lookedAt && `.entry[data-number~="${CSS.escape(lookedAt)}"]`;
  const card = list && cameFrom && (list.querySelector(cameFrom) || list.querySelector(".entry"));
  const heading = acted && document.activeElement === document.body && document.querySelector("main h1");
  if (card) {
    card.querySelector(".entry-link")?.focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest" });
  } else if (heading) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }
}

showKeys();
land();
// When every other script of the page has run, too.
addEventListener("DOMContentLoaded", () => {
  setTimeout(() => (page.dataset.ready = "yes"), UNREAD_MS);
});
