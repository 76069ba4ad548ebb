// What is being typed into a field with data-draft is kept in this tab until it is sent: over a key
// pressed by mistake, a reload, a lost session. Nothing of it leaves the browser, and signing out
// forgets it.

const PREFIX = "radslag-draft ";

function storage() {
  try {
    return window.sessionStorage;
  } catch {
    return null;
  }
}

const kept = storage();
const names = () => Object.keys(kept).filter((name) => name.startsWith(PREFIX));

function nameOf(field) {
  const kind = field.form.elements.namedItem("kind")?.value || "";
  return [PREFIX, field.form.getAttribute("action"), kind, field.name].join(" ");
}

function start() {
  const fields = [...document.querySelectorAll("textarea[data-draft]")].filter((each) => each.form);
  for (const field of fields) {
    const name = nameOf(field);
    const draft = kept.getItem(name);
    // Always newer than what the server knows: sending it forgets it here.
    if (draft) {
      field.value = draft;
      const details = field.closest("details");
      if (details) details.open = true;
    }
    field.addEventListener("input", () => {
      if (field.value.trim()) kept.setItem(name, field.value);
      else kept.removeItem(name);
    });
  }
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    const form = event.target;
    // Sent; an answer that refuses it holds the words.
    for (const field of fields) if (field.form === form) kept.removeItem(nameOf(field));
    if (form.hasAttribute("data-forgets")) names().forEach((name) => kept.removeItem(name));
  });
}

if (kept) start();
