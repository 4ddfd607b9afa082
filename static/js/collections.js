// Arranging by hand: dragging, and the arrows without leaving the page. The server decides; when
// it refuses, the page is read again.

const status = document.getElementById("status");
const list = (place) => place.parentElement;
const everyPlace = (root) => [...document.querySelectorAll("[data-places]")]
  .filter((one) => one.dataset.url === root.dataset.url)
  .flatMap((one) => [...one.children]);

function tell(place) {
  const all = everyPlace(list(place));
  status.textContent = `Now ${all.indexOf(place) + 1} of ${all.length}.`;
}

// The lists of further pages are lists of their own: it moves among the places of all of them.
function shift(place, move) {
  const all = everyPlace(list(place));
  const at = all.indexOf(place);
  const last = all.length - 1;
  const to = { first: 0, earlier: Math.max(0, at - 1), later: Math.min(last, at + 1), last }[move];
  if (to < at) all[to].before(place);
  else if (to > at) all[to].after(place);
  if (move === "last" && document.querySelector(".sentinel-more")) place.remove();
}

document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, successful, requestConfig } = event.detail;
  const place = elt.closest?.("[data-place]");
  if (!place) return;
  if (!successful) { setTimeout(() => location.reload(), 2000); return; }
  const button = requestConfig.triggeringEvent?.submitter;
  if (!button) return;
  shift(place, button.value);
  if (!place.isConnected) { status.textContent = "Now the last one."; return; }
  button.focus();
  tell(place);
});

// Dragging --------------------------------------------------------------------------------

let dragged = null;
let stoodAfter = null;

document.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.("[data-place]");
  if (!dragged) return;
  stoodAfter = previous(dragged);
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", "");
});

const previous = (place) => {
  const all = everyPlace(list(place));
  return all[all.indexOf(place) - 1] ?? null;
};

document.addEventListener("dragover", (event) => {
  const over = event.target.closest?.("[data-place]");
  if (!dragged || !over || list(over).dataset.url !== list(dragged).dataset.url) return;
  event.preventDefault();
  if (over === dragged) return;
  const box = over.getBoundingClientRect();
  if (event.clientX < box.x + box.width / 2) over.before(dragged);
  else over.after(dragged);
});

document.addEventListener("drop", (event) => { if (dragged) event.preventDefault(); });

document.addEventListener("dragend", () => {
  if (!dragged) return;
  const place = dragged;
  dragged = null;
  const now = previous(place);
  if (now === stoodAfter) return;
  const form = place.querySelector("form");
  window.htmx.ajax("POST", form.action, { source: form, swap: "none", values: { after: now?.dataset.place ?? "" } });
  tell(place);
});
