// Choosing ideas in the queue. Without this file each box is checked by hand, and all works.

const boxes = () => [...document.querySelectorAll(".choose input")];
const all = document.querySelector("[data-choose-all]");

// A number on a button is how many the button is about: not those that nobody has named what is
// grave in, nor the one that the others are merged into.
function willBe(place) {
  return boxes().filter((box) => {
    if (!box.checked) return false;
    const number = box.value.split(":")[0];
    if ("published" in place.dataset && "grave" in box.dataset) return isNamed(number);
    return number !== place.dataset.but;
  }).length;
}

const naming = (number) => [...document.querySelectorAll(`[data-names="${number}"]`)];
const isNamed = (number) => naming(number).every((box) => box.checked);

// Who says that one shall be public in spite of what is in it means that one, too.
document.addEventListener("change", (event) => {
  const number = event.target.dataset?.names;
  if (!number) return;
  const own = boxes().find((box) => box.value.startsWith(`${number}:`));
  if (own && isNamed(number)) own.checked = true;
  count();
});

function count() {
  const chosen = boxes().filter((box) => box.checked).length;
  for (const each of document.querySelectorAll("[data-chosen]")) {
    const n = willBe(each);
    each.textContent = chosen ? `(${n})` : "";
  }
  if (all) {
    const box = all.querySelector("input");
    box.checked = chosen > 0 && chosen === boxes().length;
    box.indeterminate = chosen > 0 && !box.checked;
  }
}

if (all) {
  all.hidden = false;
  all.addEventListener("change", (event) => {
    event.stopPropagation();
    for (const box of boxes()) box.checked = event.target.checked;
    count();
  });
}

// The keys x and a belong to the card that has the focus: see desk.js for what data-key does.
document.addEventListener("focusin", (event) => {
  for (const each of document.querySelectorAll(".entry [data-key]")) delete each.dataset.key;
  const card = event.target.closest?.(".entry");
  const choose = card?.querySelector(".choose");
  const everyone = card?.querySelector(".decide-all");
  if (choose) choose.dataset.key = "x";
  if (everyone) everyone.dataset.key = "a";
});

// A box checked by its key leaves the focus on the card, where j and k go on.
let byKey = false;
document.addEventListener("keydown", (event) => (byKey = event.key.toLowerCase() === "x"), true);
document.addEventListener("pointerdown", () => (byKey = false), true);
document.addEventListener("change", (event) => {
  if (!event.target.closest(".choose")) return;
  count();
  if (byKey) event.target.closest(".entry")?.querySelector(".entry-link")?.focus();
});
document.addEventListener("replaced", count);
window.addEventListener("pageshow", count);
count();

// Enter on a box would send the form; without this file it is sent back with a question.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.closest?.(".items .choose")) event.preventDefault();
});
