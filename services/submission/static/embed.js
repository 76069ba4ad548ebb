// On pages of others: puts the form in a frame after each link that asks for it, and makes the frame
// as high as what it holds. Until the form has said that it is there, the link is shown, and when it
// says nothing (the page may not frame it, the server is away) the link stays.
(() => {
  "use strict";
  const home = new URL(document.currentScript.src).origin;
  const PATIENCE = 10000;
  const HIGHEST = 10000;
  const frames = new Map();

  for (const link of document.querySelectorAll("a[data-radslag]")) {
    if (link.dataset.radslag === "framed") continue;
    const slug = link.dataset.radslag;
    link.dataset.radslag = "framed";
    const frame = document.createElement("iframe");
    frame.src = home + "/embed/" + encodeURIComponent(slug) + (link.lang ? "?lang=" + link.lang : "");
    frame.title = link.textContent.trim();
    frame.style.cssText = "display:block;width:100%;border:0;height:0";
    frame.referrerPolicy = "origin";
    link.after(frame);
    const timer = setTimeout(() => { frames.delete(frame); frame.remove(); }, PATIENCE);
    frames.set(frame, { link, timer });
  }

  addEventListener("message", (event) => {
    if (event.origin !== home || typeof event.data !== "object" || event.data === null) return;
    const height = event.data.radslagHeight;
    if (!Number.isFinite(height) || height < 1) return;
    for (const [frame, known] of frames) {
      if (frame.contentWindow !== event.source) continue;
      clearTimeout(known.timer);
      known.link.hidden = true;
      frame.style.height = Math.min(Math.ceil(height), HIGHEST) + "px";
    }
  });
})();
