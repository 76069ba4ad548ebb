// Inside the frame: tells the page around it how high the form is. Nothing else leaves it.
(() => {
  "use strict";
  if (parent === window) return;
  const tell = () =>
    parent.postMessage({ radslagHeight: document.documentElement.offsetHeight }, "*");
  new ResizeObserver(tell).observe(document.documentElement);
  addEventListener("load", tell);
})();
