// While somebody writes: says what should not be public, and whether it is said already, in the words
// of the server. Without this file, or where the server says nothing, the form is the same; nothing
// is stored, and nobody waits for it.

const PAUSE = 1200;
// Of a few words nothing can be said.
const LEAST = 12;

function start(place) {
  const form = place.closest("form");
  const { text, author } = form.elements;
  let timer, asked, shown = "", last = "";

  function show(html) {
    // Said aloud again only when it is something else.
    if (html !== shown) place.innerHTML = shown = html;
  }

  async function look() {
    const draft = { text: text.value, author: author.value, do: "look" };
    const said = JSON.stringify(draft);
    if (said === last) return;
    last = said;
    asked?.abort();
    if (draft.text.trim().length < LEAST) return show("");
    asked = new AbortController();
    try {
      const answer = await fetch(place.dataset.look, {
        method: "POST",
        headers: { Accept: "text/html" },
        body: new URLSearchParams(draft),
        signal: asked.signal,
      });
      show(answer.ok ? (await answer.text()).trim() : "");
    } catch {
      // The next pause asks again.
    }
  }

  for (const field of [text, author]) {
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(look, PAUSE);
    });
  }
}

for (const place of document.querySelectorAll("[data-look]")) start(place);
