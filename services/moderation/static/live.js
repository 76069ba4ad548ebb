// An open page follows what others do: it says who else looks at an idea, what has become of it, and
// keeps the queue's list fresh. It asks, cheaply (see live_views.py); where it gets no answer
// everything else works as before.

const presence = document.querySelector("[data-presence]");
const SLOWEST_S = 60;
// Who has touched nothing for so long is not looking, and needs no quick news.
const AWAY_MS = 120_000;
// Ages grow, and not every change shows in the queue's fingerprint.
const LIST_LASTS_MS = 60_000;

let touchedAt = performance.now();
for (const kind of ["keydown", "pointerdown", "pointermove", "wheel", "touchstart", "focus"]) {
  window.addEventListener(kind, () => (touchedAt = performance.now()), { passive: true });
}
const away = () => performance.now() - touchedAt > AWAY_MS;

function say(element, text) {
  // The same words again would be read aloud again.
  if (element && element.textContent !== text) element.textContent = text;
}

class SignedOut extends Error {}

// Asks `question` again and again while the page is seen; `use` gets what is new.
function follow(question, use) {
  let etag = "";
  let pause = 3;
  let failures = 0;
  let timer = 0;
  let turn = 0;
  const trouble = presence.querySelector("[data-trouble]");

  async function ask() {
    const headers = { Accept: "application/json", ...(etag && { "If-None-Match": etag }) };
    const answer = await fetch(question(), { headers, redirect: "error", cache: "no-store" });
    if (answer.status === 401 || answer.status === 403) throw new SignedOut();
    if (answer.status !== 304) {
      if (!answer.ok) throw new Error(answer.statusText);
      const news = await answer.json();
      etag = answer.headers.get("ETag") || "";
      pause = news.again_s;
      await use(news);
    } else {
      await use(null);
    }
  }

  async function round() {
    const mine = ++turn;
    clearTimeout(timer);
    if (document.hidden) return;
    try {
      await ask();
      failures = 0;
      say(trouble, "");
    } catch (error) {
      if (error instanceof SignedOut) {
        say(trouble, presence.dataset.signedOut);
        return;
      }
      failures += 1;
      if (failures > 2) say(trouble, presence.dataset.away);
    }
    // A page hidden and shown again meanwhile has begun a round of its own.
    if (mine !== turn) return;
    const slower = away() ? 5 : 2 ** Math.min(failures, 6);
    timer = setTimeout(round, Math.min(pause * slower, SLOWEST_S) * 1000);
  }

  document.addEventListener("visibilitychange", round);
  round();
}

// The queue

function followQueue(list) {
  const numbersOf = (card) => card.dataset.number.split(" ");
  const cards = () => [...list.querySelectorAll(".entry[data-number]")];
  let looking = {};
  let moved = null;
  let freshAt = performance.now();

  function question() {
    const asked = new URLSearchParams(cards().flatMap(numbersOf).map((each) => ["number", each]));
    return `${list.dataset.live}?${asked}`;
  }

  function showLooking() {
    for (const card of cards()) {
      const text = numbersOf(card).map((number) => looking[number]).find(Boolean) || "";
      let tag = card.querySelector(".looking");
      if (!tag && text) {
        tag = document.createElement("span");
        tag.className = "tag looking";
        (card.querySelector(".entry-facts") || card).append(tag);
      }
      if (tag && !text) tag.remove();
      else if (tag) say(tag, text);
    }
  }

  async function refresh() {
    const answer = await fetch(list.dataset.poll, {
      headers: { Accept: "text/html" },
      redirect: "error",
      cache: "no-store",
    });
    if (!answer.ok) throw new Error(answer.statusText);
    replace(list, await answer.text());
    freshAt = performance.now();
  }

  // Further pages begin at a place, not at the top: what they list does not move.
  const further = new URLSearchParams(location.search).has("after");
  follow(question, async (news) => {
    const known = moved;
    if (news) ({ moved, looking } = news);
    const stale = performance.now() - freshAt > LIST_LASTS_MS;
    if (!further && ((known !== null && known !== moved) || stale)) {
      try {
        await refresh();
      } catch (error) {
        moved = known; // asked again in the next round
        throw error;
      }
    }
    showLooking();
  });
}

// Puts fresh HTML in place of the old, and leaves people where they were: the focus, the checked
// boxes, what is open, and the card under their eyes.
function replace(list, html) {
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const order = [...list.querySelectorAll("[id].entry-link")].map((each) => each.id);
  const focusedLink = focused?.closest(".entry")?.querySelector(".entry-link")?.id;
  const checked = [...list.querySelectorAll("input:checked")].map((each) => [each.name, each.value]);
  const opened = [...list.querySelectorAll("details[id][open]")].map((each) => each.id);
  const seen = (each) => each.getBoundingClientRect().bottom > 0;
  const anchor = [...list.querySelectorAll("[id].entry-link")].find(seen);
  const anchorId = focused && seen(focused) && focused.id ? focused.id : anchor?.id;
  const topOf = (id) => document.getElementById(id)?.getBoundingClientRect().top;
  const before = anchorId && topOf(anchorId);

  list.innerHTML = html;

  for (const box of list.querySelectorAll("input[type=checkbox], input[type=radio]")) {
    if (checked.some(([name, value]) => box.name === name && box.value === value)) {
      box.checked = true;
      box.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }
  for (const id of opened) {
    const details = document.getElementById(id);
    if (details) details.open = true;
  }
  if (focused) {
    // When the card itself is gone, the one that stood after it is next.
    const at = order.indexOf(focusedLink);
    const nearby = at < 0 ? [] : [...order.slice(at), ...order.slice(0, at).reverse()];
    const landing = [focused.id, ...nearby].map((id) => id && document.getElementById(id));
    landing.find(Boolean)?.focus({ preventScroll: true });
  }
  const after = anchorId && topOf(anchorId);
  if (before !== undefined && after !== undefined) {
    window.scrollBy({ top: after - before, behavior: "instant" });
  }
  list.dispatchEvent(new CustomEvent("replaced", { bubbles: true }));
}

// The idea

function followIdea(place) {
  const moved = presence.querySelector("[data-moved]");
  const again = presence.querySelector("[data-look-again]");
  follow(
    () => place.dataset.live,
    (news) => {
      if (!news) return;
      say(place, news.looking);
      say(moved, news.moved && `${news.moved} ${moved.dataset.kept}`);
      again.hidden = !news.moved;
    },
  );
}

function keepLease(form) {
  // Made up for this opened page, so that it lets go of nothing that a later one took.
  const mine = crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000_000;
  let pause = 20;
  let timer = 0;
  let turn = 0;

  function body(act) {
    const fields = new FormData(form);
    fields.set("page", mine);
    fields.set("act", act);
    return fields;
  }

  async function keep() {
    const now = ++turn;
    clearTimeout(timer);
    if (document.hidden) return;
    if (!away()) {
      try {
        const asked = { method: "POST", body: body("take"), redirect: "error" };
        const answer = await fetch(form.action, asked);
        if (answer.status === 401 || answer.status === 403) return;
        if (answer.ok) pause = (await answer.json()).again_s;
      } catch {
        // Others will not see that one looks, until the desk answers again.
      }
    }
    if (now === turn) timer = setTimeout(keep, pause * 1000);
  }

  document.addEventListener("visibilitychange", keep);
  window.addEventListener("pageshow", (event) => event.persisted && keep());
  window.addEventListener("pagehide", () => navigator.sendBeacon(form.action, body("let-go")));
  keep();
}

const list = document.querySelector("#queue-list[data-live]");
const place = presence?.querySelector("[data-looking]");
const lease = presence?.querySelector("form[data-lease]");
if (presence && list) followQueue(list);
if (presence && place) followIdea(place);
if (lease) keepLease(lease);
