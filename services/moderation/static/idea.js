// The idea page: words are picked in the text, letters and masks are read while they are made, and
// ideas to merge into are found while one types. Without this file the same forms do it in steps.

const soon = (act, ms) => {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, ms);
  };
};

for (const each of document.querySelectorAll("[data-without-script]")) each.hidden = true;

// What people would read

async function read(form, url) {
  const shown = form.querySelector("[data-reads]");
  const fields = new FormData(form);
  fields.set("part", "1");
  try {
    const answer = await fetch(url, { method: "POST", body: fields, redirect: "error" });
    if (!answer.ok && answer.status !== 422) return null;
    shown.innerHTML = await answer.text();
    shown.hidden = false;
    return shown;
  } catch {
    return null; // The button without this file still works.
  }
}

// Whether a form says enough for a preview.
const READY = {
  reject: (form) => form.elements.rule.value !== "",
  ask_correction: (form) => form.elements.reason_text.value.trim() !== "",
  mask: (form) => {
    const fields = new FormData(form);
    return fields.has("span") || fields.has("mask_author") || fields.get("words").trim() !== "";
  },
};

for (const form of document.querySelectorAll("form[data-previews]")) {
  const ready = READY[form.elements.kind.value];
  const shown = form.querySelector("[data-reads]");
  const refresh = soon(() => {
    if (ready(form)) read(form, form.dataset.previews);
    else shown.hidden = true;
  }, 250);
  form.addEventListener("input", (event) => event.target.name !== "note" && refresh());
  form.addEventListener("picked", refresh);
  const details = form.closest("details");
  details.addEventListener("toggle", () => details.open && refresh());
  if (details.open && shown.hidden) refresh();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-preview-button]");
  if (!button) return;
  event.preventDefault();
  const shown = await read(button.form, button.formAction);
  if (shown) shown.focus();
});

// Rejecting: the templates of the rule, and those of any

const templates = document.querySelector("[data-templates]");
if (templates) {
  const { rule, reason_text: reason } = templates.form.elements;
  let filled = "";
  const fit = () => {
    for (const option of templates.options) {
      option.hidden = Boolean(option.dataset.rule) && option.dataset.rule !== rule.value;
    }
  };
  rule.addEventListener("change", fit);
  templates.addEventListener("change", () => {
    const text = templates.selectedOptions[0].dataset.text || "";
    const own = reason.value.trim() !== "" && reason.value !== filled;
    // What somebody wrote is never replaced.
    reason.value = own && text ? `${reason.value.trimEnd()}\n\n${text}` : own ? reason.value : text;
    filled = own ? filled : text;
    reason.dispatchEvent(new Event("input", { bubbles: true }));
  });
  fit();
}

// Merging

const merging = document.querySelector("form[data-targets]");
if (merging) {
  const field = merging.elements.into;
  const list = merging.querySelector("[data-hits]");
  const count = merging.querySelector("[data-hit-count]");
  const whole = /^R-\d{4}-\d{6,}$/i;
  let turn = 0;

  const look = soon(async () => {
    const asked = field.value.trim();
    const mine = ++turn;
    if (asked.length < 2) {
      list.replaceChildren();
      count.textContent = "";
      return;
    }
    try {
      const address = `${merging.dataset.targets}?${new URLSearchParams({ find: asked })}`;
      // Followed to the page of signing in, it would make the token stale of the one that is shown.
      const answer = await fetch(address, { redirect: "error" });
      if (!answer.ok || mine !== turn) return;
      list.innerHTML = await answer.text();
      const found = list.querySelectorAll("[data-hit]").length;
      count.textContent = found ? `${count.dataset.some} ${found}` : count.dataset.none;
    } catch {
      // Enter still searches, by loading the page anew.
    }
  }, 200);

  field.addEventListener("input", look);
  if (field.value && !whole.test(field.value) && !list.querySelector("[data-hit]")) look();

  merging.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const hits = [...merging.querySelectorAll("[data-hit]")];
    const at = hits.indexOf(document.activeElement);
    if (!step || (at < 0 && document.activeElement !== field)) return;
    event.preventDefault();
    (hits[at + step] || (step < 0 ? field : hits.at(-1)))?.focus();
  });
}

// Masking: words are buttons, pressed where the checks found something; their boxes stay in the form.

const picker = document.querySelector("[data-picker]");
if (picker) startPicker(picker);

// Where a full stop has lost its space ("år.Jag") two words are two; an address stays whole.
function* wordsOf(text) {
  for (const run of text.matchAll(/\S+/gu)) {
    const ends = /[@/]|www\./i.test(run[0]) ? /$^/ : /(?<=[\p{Ll}\p{N}][.!?,;:…)"”]+)(?=\p{Lu})/u;
    let at = run.index;
    for (const piece of run[0].split(ends)) {
      const word = piece.match(/[\p{L}\p{N}](?:\S*[\p{L}\p{N}])?/u);
      if (word) yield { 0: word[0], index: at + word.index };
      at += piece.length;
    }
  }
}

// Of a name without its genitive.
function stem(word) {
  return word.toLowerCase().replace(/['’:]?s$/u, "");
}

function startPicker(place) {
  const text = place.dataset.text;
  const form = place.closest("form");
  const details = place.closest("details");
  const group = place.querySelector("[role=group]");
  const status = place.querySelector("[data-picked]");
  const source = document.querySelector("[data-mask-source]");
  const boxes = [...form.querySelectorAll('input[type=checkbox][name="span"]')].map((box) => {
    const [start, end] = box.value.split("-").map(Number);
    return { box, start, end };
  });

  // The server counts code points, strings here count UTF-16 units.
  const codePoints = [];
  let counted = 0;
  for (const character of text) {
    for (let unit = 0; unit < character.length; unit += 1) codePoints.push(counted);
    counted += 1;
  }
  codePoints.push(counted);

  const words = [];
  let at = 0;
  for (const match of wordsOf(text)) {
    group.append(text.slice(at, match.index));
    at = match.index + match[0].length;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = match[0];
    button.tabIndex = words.length ? -1 : 0;
    group.append(button);
    words.push({ from: match.index, to: at, button, picked: false });
  }
  group.append(text.slice(at));
  for (const word of words) {
    word.start = codePoints[word.from];
    word.end = codePoints[word.to];
    word.found = boxes.filter(({ start, end }) => start < word.end && word.start < end);
  }

  // Neighbours with nothing but space between them are one place: a name in two words is one mask.
  function places() {
    const found = [];
    for (const [index, word] of words.entries()) {
      if (!word.picked) continue;
      const last = found.at(-1);
      const joined = last && words[index - 1].picked && !text.slice(last.to, word.from).trim();
      if (joined) Object.assign(last, { to: word.to, end: word.end });
      else found.push({ from: word.from, to: word.to, start: word.start, end: word.end });
    }
    return found;
  }

  function show() {
    for (const each of form.querySelectorAll('input[type=hidden][name="span"]')) each.remove();
    const masked = [];
    for (const word of words) {
      const on = word.picked || word.found.some(({ box }) => box.checked);
      word.button.setAttribute("aria-pressed", String(on));
      if (on) masked.push(word.button.textContent);
    }
    for (const { start, end } of places()) {
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name: "span", value: `${start}-${end}` });
      form.append(field);
    }
    return masked;
  }

  function changed() {
    const masked = show();
    status.textContent = `${status.dataset.all} ${masked.join(", ") || "–"}`;
    form.dispatchEvent(new CustomEvent("picked"));
  }

  // A name is masked wherever it stands, also as the name beside the text; one place is let go of
  // alone.
  const author = place.dataset.author.split(/[^\p{L}]+/u).map(stem);
  const withAuthor = form.elements.mask_author;

  function set(word, on) {
    for (const { box } of word.found) box.checked = on;
    if (!word.found.length) word.picked = on;
  }

  function toggle(word) {
    const on = word.found.length ? !word.found.some(({ box }) => box.checked) : !word.picked;
    set(word, on);
    const own = stem(word.button.textContent);
    if (on && /^\p{Lu}/u.test(word.button.textContent)) {
      for (const each of words) if (stem(each.button.textContent) === own) set(each, true);
      if (withAuthor && author.includes(own)) withAuthor.checked = true;
    }
    changed();
  }

  function focus(word) {
    for (const each of words) each.button.tabIndex = each === word ? 0 : -1;
    word.button.focus();
  }

  // The word above or below: on the next line, as near as can be.
  function beside(word, step) {
    const here = word.button.getBoundingClientRect();
    const middle = ({ left, right }) => (left + right) / 2;
    const away = words
      .map((each) => ({ each, box: each.button.getBoundingClientRect() }))
      .filter(({ box }) => (step > 0 ? box.top >= here.bottom - 2 : box.bottom <= here.top + 2));
    if (!away.length) return word;
    const line = step > 0 ? Math.min(...away.map(({ box }) => box.top)) : Math.max(...away.map(({ box }) => box.top));
    const distance = ({ box }) => Math.abs(middle(box) - middle(here));
    const onLine = away.filter(({ box }) => Math.abs(box.top - line) < 4);
    return onLine.reduce((best, one) => (distance(one) < distance(best) ? one : best)).each;
  }

  group.addEventListener("click", (event) => {
    const word = words.find(({ button }) => button === event.target);
    if (!word) return;
    toggle(word);
    focus(word);
  });

  group.addEventListener("keydown", (event) => {
    const index = words.findIndex(({ button }) => button === event.target);
    if (event.key === "Enter" && event.ctrlKey && !event.repeat) {
      event.preventDefault();
      form.requestSubmit();
    }
    if (index < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const to = {
      ArrowRight: words[index + 1],
      ArrowLeft: words[index - 1],
      ArrowDown: beside(words[index], 1),
      ArrowUp: beside(words[index], -1),
      Home: words[0],
      End: words.at(-1),
    };
    if (event.key in to) {
      event.preventDefault();
      if (to[event.key]) focus(to[event.key]);
    } else if (event.key === "Escape") {
      details.querySelector("summary").focus();
    } else if (event.key.length === 1) {
      // Among words a letter is no command.
      event.stopPropagation();
    }
  });

  for (const { box } of boxes) box.addEventListener("change", show);

  // What is selected in the text itself, with a mouse or a finger.
  function offset(node, position) {
    const before = document.createRange();
    before.setStart(source, 0);
    before.setEnd(node, position);
    const copy = before.cloneContents();
    for (const number of copy.querySelectorAll(".ref")) number.remove();
    return copy.textContent.length;
  }

  function selected() {
    const selection = document.getSelection();
    if (!selection.rangeCount || selection.isCollapsed) return [];
    const range = selection.getRangeAt(0);
    if (!source.contains(range.commonAncestorContainer)) return [];
    const from = offset(range.startContainer, range.startOffset);
    const to = offset(range.endContainer, range.endOffset);
    return words.filter((word) => word.from < to && from < word.to);
  }

  function takeSelection() {
    for (const word of selected()) {
      if (word.found.length) for (const { box } of word.found) box.checked = true;
      else word.picked = true;
    }
    document.getSelection().removeAllRanges();
    details.open = true;
    changed();
  }

  // Selecting alone does nothing: one also selects to copy.
  const take = document.querySelector("[data-mask-selection]");
  document.addEventListener("selectionchange", () => {
    take.hidden = !selected().length;
  });
  take.addEventListener("pointerdown", (event) => event.preventDefault());
  take.addEventListener("click", takeSelection);
  document.addEventListener("keydown", (event) => {
    const plain = event.key === "x" && !event.ctrlKey && !event.metaKey && !event.altKey;
    const off = document.documentElement.dataset.keys === "off" || document.querySelector("dialog[open]");
    if (!plain || off || event.target.closest?.("input, textarea, select") || !selected().length) return;
    event.preventDefault();
    takeSelection();
  }, { capture: true });
  place.hidden = false;
  show();
  // The words say all that the boxes do, and take the focus that was theirs.
  form.querySelector("[data-found]").hidden = true;
  form.querySelector("[data-typed-words]").hidden = form.elements.words.value === "";
  for (const each of form.querySelectorAll("[data-first]")) delete each.dataset.first;
  const first = words.find(({ found }) => found.length) || words[0];
  if (first) {
    first.button.dataset.first = "";
    for (const each of words) each.button.tabIndex = each === first ? 0 : -1;
  }
}
