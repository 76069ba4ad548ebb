// A page that tells how far some work has come follows it: what says so is asked for anew, and when
// the work has ended, the whole page. Without this file, a link shows how far it has come.

const PAUSE = 2000;

async function look() {
  const shown = document.querySelector("[data-progress]");
  if (document.visibilityState === "visible") {
    try {
      const answer = await fetch(location.href, { cache: "no-store", redirect: "error" });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const now = page.querySelector("#progress");
        if (!now?.matches("[data-progress]")) return location.reload();
        // The same words again would be read aloud again.
        const bar = shown.querySelector("progress"), newBar = now.querySelector("progress");
        if (!bar || !newBar) return location.reload();
        bar.value = newBar.value;
        shown.querySelector("label").textContent = now.querySelector("label").textContent;
      }
    } catch {
      // The next turn asks again.
    }
  }
  setTimeout(look, PAUSE);
}

setTimeout(look, PAUSE);
