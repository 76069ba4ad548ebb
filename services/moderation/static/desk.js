// The keyboard at the desk. Everything works without this file.
// A key belongs to the element that names it in data-key: a button is pressed, a link followed, a
// summary opened (and its first field focused), a field focused.
"use strict";

// Single keys can disturb speech input and others; each person can do without (WCAG 2.1.4).
const KEYS = "radslag-keys";
function keysAreOff() {
  try {
    return localStorage.getItem(KEYS) === "off";
  } catch {
    return false;
  }
}
const keysSwitch = document.querySelector("[data-keys-switch]");
if (keysSwitch) {
  keysSwitch.closest("[hidden]").hidden = false;
  keysSwitch.checked = !keysAreOff();
  keysSwitch.addEventListener("change", () => {
    localStorage.setItem(KEYS, keysSwitch.checked ? "on" : "off");
  });
}

const typing = (target) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

function open(details) {
  details.open = true;
  const first = details.querySelector("[data-first]");
  if (first) first.focus();
}

function use(element) {
  if (element instanceof HTMLDetailsElement) {
    element.open = !element.open;
    element.querySelector("summary").focus();
  } else if (element.tagName === "SUMMARY") {
    open(element.parentElement);
  } else if (/^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName)) {
    element.focus();
  } else {
    element.click();
  }
}

function move(step) {
  const links = [...document.querySelectorAll(".entry-link")];
  if (!links.length) return false;
  const at = links.indexOf(document.activeElement);
  const next = links[at < 0 ? (step > 0 ? 0 : links.length - 1) : at + step];
  if (next) {
    next.focus();
    next.closest(".entry").scrollIntoView({ block: "nearest" });
  }
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || keysAreOff()) return;
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if ((event.key === "j" || event.key === "k") && move(event.key === "j" ? 1 : -1)) {
    event.preventDefault();
    return;
  }
  const element = [...document.querySelectorAll("[data-key]")].find(
    (each) => each.dataset.key === event.key,
  );
  if (element) {
    event.preventDefault();
    // A key held down repeats, also on the next idea: it must not decide on what nobody has read.
    if (!event.repeat) use(element);
  }
});

// A decision pressed twice is sent once.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
});

// A message, or the idea's heading, is where one reads on after an action.
const landing = document.querySelector("[data-focus]");
if (landing) landing.focus();

// The list of an open queue page follows what others do, without taking the focus from anybody.
const list = document.querySelector("[data-poll]");
if (list && !new URLSearchParams(location.search).has("after")) {
  const refresh = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(list.dataset.poll, { headers: { Accept: "text/html" } });
      if (!answer.ok || answer.redirected) return;
      const fresh = await answer.text();
      if (fresh === list.dataset.shown) return;
      const focused = document.activeElement && document.activeElement.id;
      list.innerHTML = fresh;
      list.dataset.shown = fresh;
      const again = focused && document.getElementById(focused);
      if (again) again.focus({ preventScroll: true });
    } catch {
      // The network is away for a moment; the next round tries again.
    }
  };
  setInterval(refresh, 3000);
}
