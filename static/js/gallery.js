// Walls of images: choosing many, looking at one, finding the place again. Everything here makes
// something quicker that also works without it: boxes, buttons and links are in the page.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

const form = $("#selection");
const viewer = $("#viewer");
const tiles = () => $$(".tile[data-image]");
const tileOf = (element) => element?.closest?.(".tile[data-image]");
const tileWith = (id) => id && $(`.tile[data-image="${CSS.escape(id)}"]`);
const link = (tile) => $("[data-view]", tile);
const box = (tile) => $(".pick", tile);
const heart = (tile) => $("[name=favourite]", tile);
const keysAreOn = () => { try { return localStorage.shortcuts !== "off"; } catch { return true; } };

// Posts as the button's form would; true when the page shows what was done.
const post = (button) => new Promise((done) => {
  button.form.addEventListener("htmx:afterRequest", ({ detail }) => {
    done(detail.successful && !detail.xhr.getResponseHeader("HX-Refresh"));
  }, { once: true });
  const values = button.name ? { [button.name]: button.value } : {};
  const url = button.getAttribute("formaction") ?? button.form.action;
  window.htmx.ajax("POST", url, { source: button.form, swap: "none", values });
});

// Choosing -------------------------------------------------------------------------------

const all = form?.elements.all;
const ticked = () => tiles().filter((tile) => box(tile).checked);
let anchor = null;

const total = () => $("[data-total] b")?.textContent;

function count() {
  const number = all?.checked ? `All ${total() ?? ""}` : ticked().length.toLocaleString("en");
  $("[data-count]").textContent = `${number} selected`;
  const bytes = all?.checked ? 0 : ticked().reduce((sum, tile) => sum + Number(tile.dataset.bytes), 0);
  const [unit, name] = bytes < 1e6 ? [1e3, "kB"] : [1e6, "MB"];
  const size = $("[data-size]");
  if (size) size.textContent = bytes ? `${(bytes / unit).toFixed(unit > 1e3 && bytes < 1e7 ? 1 : 0)} ${name}` : "";
}

function tick(tile, isOn = !box(tile).checked) {
  box(tile).checked = isOn;
  if (!isOn && all) all.checked = false;
  anchor = tile;
  count();
}

function tickTo(tile) {
  const every = tiles();
  const [first, last] = [every.indexOf(anchor ?? tile), every.indexOf(tile)].sort((a, b) => a - b);
  for (const one of every.slice(Math.max(first, 0), last + 1)) box(one).checked = true;
  count();
}

const choose = (isOn) => document.body.classList.toggle("is-choosing", isOn);

document.addEventListener("change", ({ target }) => {
  if (target === all) for (const tile of tiles()) box(tile).checked = all.checked;
  else if (target.matches(".pick")) tick(tileOf(target), target.checked);
  count();
});
form?.addEventListener("reset", () => { choose(false); anchor = null; setTimeout(count); });
document.addEventListener("htmx:afterSettle", () => {
  if (all?.checked) for (const tile of tiles()) box(tile).checked = true;
});

let press;
let isPressed = false; // long enough: the click that follows opens nothing
document.addEventListener("pointerdown", ({ target, pointerType }) => {
  const tile = tileOf(target);
  isPressed = false;
  if (pointerType === "touch" && tile && link(tile).contains(target)) {
    press = setTimeout(() => { isPressed = true; choose(true); tick(tile); }, 450);
  }
});
for (const end of ["pointerup", "pointercancel", "pointermove"]) {
  document.addEventListener(end, (event) => {
    if (end !== "pointermove" || Math.hypot(event.movementX, event.movementY) > 6) clearTimeout(press);
  });
}
document.addEventListener("contextmenu", (event) => { if (isPressed) event.preventDefault(); });

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-choose]")) choose();
  const tile = tileOf(event.target);
  if (!tile) return;
  if (event.target === box(tile)) {
    if (event.shiftKey) tickTo(tile);
  } else if (event.target.closest("[data-view]") && !event.altKey) {
    event.preventDefault();
    if (isPressed) isPressed = false;
    else if (event.shiftKey) tickTo(tile);
    else if (event.ctrlKey || event.metaKey || document.body.matches(".is-choosing")) tick(tile);
    else open(tile);
  }
});

// Doing ----------------------------------------------------------------------------------

document.addEventListener("submit", (event) => {
  const { target, submitter } = event;
  const action = submitter?.getAttribute("formaction") ?? target.getAttribute("action") ?? "";
  const isOurs = target === form || target.id === "one";
  if (target.gone) bringBack(target, submitter);
  else if (isOurs && submitter.name === "favourite") like(submitter);
  else if (isOurs && /\/(delete|erase|restore)\/$/.test(action)) remove(submitter);
  else if (viewer?.contains(target) && action.endsWith("/delete/")) $("[formaction$='/delete/']", shown).click();
  else return;
  event.preventDefault();
});

function love(tile, isOn) {
  heart(tile).ariaPressed = isOn;
  heart(tile).value = isOn ? "off" : "on";
}

async function like(button) {
  const tile = tileOf(button);
  const isOn = button.value === "on";
  if (await post(button)) love(tile, isOn);
  if (tile === shown) describe(tile);
}

async function remove(button) {
  const one = button.form === form ? null : tileOf(button);
  const every = tiles();
  const gone = one ? [one] : ticked();
  button.closest("details")?.removeAttribute("open");
  if (!await post(button)) return;
  const after = every.slice(every.indexOf(gone[0])).find((tile) => !gone.includes(tile));
  const next = after ?? every.filter((tile) => !gone.includes(tile)).at(-1);
  const places = gone.map((tile) => [tile, tile.parentElement, tile.nextSibling]);
  for (const tile of gone) { tile.remove(); box(tile).checked = false; }
  for (const [, parent] of places) hideIfEmpty(parent);
  add(-gone.length);
  form.reset();
  const undo = $$("#toasts [data-undo]").at(-1);
  if (undo) undo.gone = places;
  if (viewer.open) next ? show(next) : viewer.close();
  else (next ? link(next) : $("#main")).focus();
}

// What the page says of how many there are; "10,000+" stays true.
function add(number) {
  const said = $("[data-total] b");
  const now = Number(said?.textContent.replaceAll(",", ""));
  if (said && !isNaN(now)) said.textContent = (now + number).toLocaleString("en");
}

function hideIfEmpty(list) {
  const day = list.closest(".gallery-day");
  if (!day) return;
  const left = $$(".tile", day).length;
  const said = $("[data-of-day]", day);
  day.hidden = !left;
  if (said) said.textContent = left;
}

async function bringBack(undo, button) {
  if (!await post(button)) return;
  // The last first: what each stood before is there again then.
  for (const [tile, parent, before] of undo.gone.reverse()) {
    parent.insertBefore(tile, before);
    hideIfEmpty(parent);
  }
  add(undo.gone.length);
  undo.closest("[data-toast]").remove();
  const tile = undo.gone.at(-1)[0];
  if (viewer.open) show(tile);
  else link(tile).focus();
}

// Looking at one ---------------------------------------------------------------------------

let shown = null;
let soon;

function open(tile) {
  show(tile, "pushState");
}

function show(tile, way = "replaceState") {
  shown = tile;
  const picture = $(".stage-picture img", viewer);
  const small = $("img", tile);
  const { href } = link(tile);
  picture.parentElement.className = [...tile.classList].find((name) => name.startsWith("r-"));
  picture.parentElement.href = `${href}original`;
  for (const name of ["width", "height", "alt"]) picture[name] = small.getAttribute(name);
  picture.src = small.currentSrc || small.src;
  const large = new Image();
  large.src = `${href}w1024`;
  large.decode().then(() => { if (shown === tile) picture.src = large.src; }, () => {});
  const every = tiles();
  const at = every.indexOf(tile);
  const isLast = at === every.length - 1 && !$(".sentinel-more");
  const most = total() ?? `${every.length.toLocaleString("en")}${$(".sentinel-more") ? "+" : ""}`;
  $("[role=status]", viewer).textContent = `${(at + 1).toLocaleString("en")} of ${most}`;
  $("[data-turn='-1']", viewer).disabled = at === 0;
  $("[data-turn='1']", viewer).disabled = isLast;
  for (const near of [every[at + 1], every[at - 1]]) if (near) new Image().src = `${link(near).href}w1024`;
  if (!viewer.open) {
    viewer.showModal();
    viewer.append($("#toasts")); // what lies below a dialog can be neither seen nor pressed
  }
  if (way && history.state?.viewer !== tile.dataset.image) history[way]({ viewer: tile.dataset.image }, "", href);
  clearTimeout(soon);
  soon = setTimeout(describe, 120, tile);
}

// The image's own page says everything about it; the viewer shows that page's parts.
async function describe(tile) {
  let answer;
  try { answer = await fetch(link(tile).href); } catch { return; }
  if (answer.redirected) return location.assign(answer.url);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (shown !== tile || !viewer.open) return;
  document.title = page.title;
  $(".bar-end .menu", page)?.remove();
  for (const part of [".bar-end", ".side"]) {
    const fresh = $(part, page);
    $(part, viewer).replaceChildren(...(fresh?.childNodes ?? [page.title]));
    window.htmx.process($(part, viewer));
  }
}

async function turn(by) {
  const every = tiles();
  const at = every.indexOf(shown) + by;
  if (at >= every.length && !await more()) return;
  const tile = tiles()[at];
  if (tile) show(tile);
}

const title = document.title;
viewer?.addEventListener("close", () => {
  document.body.append($("#toasts"));
  document.title = title;
  const tile = shown;
  shown = null;
  if (history.state?.viewer) history.back();
  requestAnimationFrame(() => {
    tile.scrollIntoView({ block: "nearest" });
    link(tile).focus({ preventScroll: true });
  });
});
addEventListener("popstate", () => {
  const tile = tileWith(history.state?.viewer);
  if (tile) show(tile, "");
  else viewer?.close();
});
viewer?.addEventListener("click", ({ target }) => {
  const by = target.closest("[data-turn]")?.dataset.turn;
  if (by) turn(Number(by));
});
viewer?.addEventListener("htmx:afterRequest", ({ detail }) => {
  const isOn = detail.requestConfig.parameters.favourite;
  if (isOn && detail.successful) love(shown, isOn === "on");
});

let from = null;
const stage = viewer && $(".stage", viewer);
stage?.addEventListener("pointerdown", (event) => { from = event.pointerType === "touch" ? event : null; });
stage?.addEventListener("pointerup", (event) => {
  const [x, y] = from ? [event.clientX - from.clientX, event.clientY - from.clientY] : [0, 0];
  if (Math.abs(x) > 50 && Math.abs(x) > 2 * Math.abs(y)) turn(x < 0 ? 1 : -1);
});

// Keys -------------------------------------------------------------------------------------

function across(tile, key) {
  const every = tiles();
  if (key === "ArrowLeft" || key === "ArrowRight") return every[every.indexOf(tile) + (key === "ArrowLeft" ? -1 : 1)];
  // Up and down: the nearest one whose row is another.
  const here = tile.getBoundingClientRect();
  const sign = key === "ArrowUp" ? -1 : 1;
  const middle = (rect) => rect.left + rect.width / 2;
  const far = (rect) => Math.abs(middle(rect) - middle(here)) + 9 * Math.abs(rect.top - here.top);
  return every.map((one) => [one, one.getBoundingClientRect()])
    .filter(([, rect]) => sign * (rect.top - here.top) > here.height / 2)
    .sort(([, a], [, b]) => far(a) - far(b))[0]?.[0];
}

function look({ key }) {
  const every = tiles();
  if (key === "ArrowLeft") turn(-1);
  else if (key === "ArrowRight") turn(1);
  else if (key === "Home") show(every[0]);
  else if (key === "End") show(every.at(-1));
  else if (key === "Delete") $("[formaction$='/delete/']", shown)?.click();
  else if (!keysAreOn()) return false;
  else if (key === "f") heart(shown)?.click();
  else if (key === "c" || key === "u") $(`[data-key=${key}]`, viewer)?.click();
  else return false;
  return true;
}

function walk({ key, shiftKey, target }) {
  const tile = tileOf(target);
  if (key === "Escape") {
    if ($("details[data-menu][open]") || !form) return false;
    form.reset();
  } else if (key === "Delete") {
    const button = ticked().length ? $("[data-key=Delete]", form) : tile && $("[formaction$='/delete/']", tile);
    if (!button) return false;
    button.click();
  } else if (tile && key.startsWith("Arrow")) {
    const next = across(tile, key);
    if (!next) return false;
    if (shiftKey) { if (!ticked().includes(tile)) tick(tile, true); tick(next, true); }
    link(next).focus();
  } else if (tile && keysAreOn() && key.toLowerCase() === "x") tick(tile);
  else if (tile && keysAreOn() && key === "f") heart(tile)?.click();
  else return false;
  return true;
}

document.addEventListener("keydown", (event) => {
  const { target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.closest("input:not(.pick), textarea, select, [contenteditable], .menu-panel")) return;
  if ($("dialog[open]:not(#viewer)")) return;
  if (viewer?.open ? look(event) : walk(event)) event.preventDefault();
}, true);

// The place ---------------------------------------------------------------------------------

// The next page; true when it has come.
const more = () => new Promise((done) => {
  const sentinel = $(".sentinel-more");
  if (!sentinel) return done(false);
  const listen = ({ detail }) => {
    if (detail.requestConfig.elt !== sentinel) return;
    document.removeEventListener("htmx:afterRequest", listen);
    done(detail.successful);
  };
  document.addEventListener("htmx:afterRequest", listen);
  window.htmx.trigger(sentinel, "more");
});

let later;
addEventListener("scroll", () => { clearTimeout(later); later = setTimeout(remember, 150); }, { passive: true });
function remember() {
  const every = tiles();
  const first = every.find((tile) => tile.getBoundingClientRect().bottom > 100);
  if (!first || viewer?.open) return;
  history.replaceState({ at: first.dataset.image, top: first.getBoundingClientRect().top, count: every.length }, "");
}

// Back: what was loaded is loaded again, until the image is there that was on top.
async function comeBack() {
  count(); // some browsers tick the boxes again themselves
  const { at, top, count: wanted } = history.state ?? {};
  if (!at) return;
  while (!tileWith(at) && tiles().length < wanted && await more());
  const tile = tileWith(at);
  if (tile) scrollBy(0, tile.getBoundingClientRect().top - top);
}

if (viewer && tiles().length) {
  history.scrollRestoration = "manual";
  addEventListener("load", comeBack);
}
