// How long a text is, beside how long it may be. Nothing is cut: what is too long is refused when it
// is sent, with every word kept. Without this file the refusal says it all.

const NEAR = 0.8;
const format = new Intl.NumberFormat(document.documentElement.lang);

// The server counts code points, without the spaces around the text.
const lengthOf = (text) => [...text.trim()].length;

function start(field) {
  const most = Number(field.dataset.most);
  const shown = document.createElement("p");
  shown.className = "count-of";
  shown.setAttribute("role", "status");
  shown.hidden = true;
  field.after(shown);
  let wasOver = false;

  function count() {
    const long = lengthOf(field.value);
    shown.hidden = long < most * NEAR;
    shown.textContent = shown.hidden ? "" : `${format.format(long)} / ${format.format(most)}`;
    shown.classList.toggle("count-over", long > most);
    // What the server found wrong is wrong until it is sent again; only its length is ours to judge.
    if (long > most) field.setAttribute("aria-invalid", "true");
    else if (wasOver) field.removeAttribute("aria-invalid");
    wasOver = long > most;
  }

  field.addEventListener("input", count);
  count();
}

for (const field of document.querySelectorAll("[data-most]")) start(field);
