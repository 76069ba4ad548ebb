// One key takes the latest decision back for a few seconds; afterwards it is in the idea's history.
// The bar then stays, without its key, so that a late "u" never hits what one no longer thinks of.

const bar = document.querySelector("[data-undo]");
const time = bar?.querySelector("[data-undo-time]");
const button = bar?.querySelector("[data-key]");

if (bar && time && button) {
  const endsAt = performance.now() + Number(bar.dataset.undo) * 1000;

  function lapse() {
    bar.classList.add("undo-late");
    time.remove();
    delete button.dataset.key;
    button.removeAttribute("aria-keyshortcuts");
    button.querySelector("kbd")?.remove();
  }

  function tick() {
    const left = Math.ceil((endsAt - performance.now()) / 1000);
    if (left <= 0) {
      lapse();
      return;
    }
    time.textContent = `${left} s`;
    bar.style.setProperty("--left", String(left / 10));
    setTimeout(tick, 250);
  }

  tick();
}
