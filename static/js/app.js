// One script for all pages. Everything here makes something quicker that also works without it.
// Listeners are delegated to the document, so what htmx swaps in needs no setup.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const on = (type, selector, listener) =>
  document.addEventListener(type, (event) => {
    const found = event.target.closest?.(selector);
    if (found) listener(found, event);
  });

// Private windows and full disks refuse storage; nothing here depends on it.
const store = {
  get(key) { try { return localStorage.getItem(key); } catch { return null; } },
  set(key, value) { try { localStorage.setItem(key, value); } catch { /* not kept */ } },
  drop(key) { try { localStorage.removeItem(key); } catch { /* nothing kept */ } },
};

// Said aloud and shown -------------------------------------------------------

const LINGER = 8000;
const UNDO_LINGER = 10000;

function letGo(toast) {
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => {
    if (toast.matches(":hover, :focus-within")) letGo(toast);
    else toast.remove();
  }, toast.querySelector("[data-undo]") ? UNDO_LINGER : LINGER);
}

function say(sentence, { isError = false } = {}) {
  const toast = document.createElement("div");
  toast.className = isError ? "toast is-error" : "toast";
  toast.dataset.toast = "";
  const text = document.createElement("p");
  text.textContent = sentence;
  toast.append(text);
  $("#toasts")?.append(toast);
  letGo(toast);
}

$$("[data-toast]").forEach(letGo);

// Menus and dialogs ------------------------------------------------------------

document.addEventListener("click", (event) => {
  for (const menu of $$("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

function closeMenu(menu) {
  menu.open = false;
  $("summary", menu).focus();
}

document.addEventListener("toggle", ({ target }) => {
  if (target.matches?.(".models[open]")) $("[data-find-model]", target)?.focus();
  // Not what is open from the start.
  if (target.matches?.(".proof [open]") && target.contains(document.activeElement)) $("textarea", target).focus();
}, true);

on("click", "[data-dialog]", (opener) => {
  opener.closest("details[data-menu]")?.removeAttribute("open");
  document.getElementById(opener.dataset.dialog)?.showModal();
});

on("click", "dialog", (dialog, event) => {
  if (event.target === dialog) dialog.close();
});

// Light and dark: shown at once, kept in the cookie that the server reads ---------------------

const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => {
  const { theme } = document.documentElement.dataset;
  return theme === "dark" || (theme !== "light" && systemIsDark.matches);
};

function showTheme(theme) {
  document.documentElement.dataset.theme = theme;
  $("meta[name=color-scheme]").content = theme === "auto" ? "light dark" : theme;
  for (const meta of $$("meta[name=theme-color]")) {
    const dark = theme === "auto" ? meta.media.includes("dark") : theme === "dark";
    meta.content = dark ? "#0e1213" : "#f4f2ef";
  }
  for (const button of $$("[data-theme-form] [aria-pressed]")) {
    button.setAttribute("aria-pressed", String(button.value === theme));
  }
}

on("submit", "[data-theme-form]", (form, event) => {
  event.preventDefault();
  const button = event.submitter;
  const theme = button.matches("[data-theme-toggle]") ? (isDark() ? "light" : "dark") : button.value;
  showTheme(theme);
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax${secure}`;
});

// Copy, reveal, step, dice ------------------------------------------------------------

on("click", "[data-copy]", async (button) => {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    say("Copied.");
  } catch {
    say("The browser did not allow copying. Select the text instead.", { isError: true });
  }
});

on("click", "[data-reveal]", (button) => {
  const input = document.getElementById(button.dataset.reveal);
  const shown = input.type === "password";
  input.type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
});

function put(input, value) {
  input.value = value;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

on("click", "[data-step]", (button) => {
  const input = document.getElementById(button.dataset.stepFor);
  const wanted = Number(input.value || 1) + Number(button.dataset.step);
  put(input, Math.min(Number(input.max || 16), Math.max(Number(input.min || 1), wanted)));
});

on("click", "[data-dice]", (button) => {
  const input = document.getElementById(button.dataset.dice);
  put(input, Math.floor(Math.random() * Number(input.max || 999999999)) + 1);
});

on("click", "[data-clear]", (button) => {
  const input = document.getElementById(button.dataset.clear);
  put(input, "");
  input.focus();
});

on("click", "[data-chips]", (group, event) => {
  if (event.target.matches("input")) group.classList.toggle("is-open", !group.classList.contains("is-open"));
});

// Composer -----------------------------------------------------------------------------

// Each person has a draft of their own: browsers are shared.
const DRAFT = (form) => `draft-${form.dataset.composer}`;
const composer = () => $("[data-composer]");

function count() {
  const counter = $("[data-counter]");
  if (!counter) return;
  const { length } = [...document.getElementById(counter.dataset.counter).value];
  const limit = Number(counter.dataset.limit) || Infinity;
  $("b", counter).textContent = length.toLocaleString("en");
  if (Number.isFinite(limit)) $("span", counter).textContent = limit.toLocaleString("en");
  counter.classList.toggle("is-over", length > limit);
}

// For browsers without `field-sizing`: rows is an attribute, styles are not ours to set.
function grow(textarea) {
  if (CSS.supports("field-sizing", "content")) return;
  textarea.rows = 1;
  while (textarea.scrollHeight > textarea.clientHeight + 4 && textarea.rows < 12) textarea.rows += 1;
}

function keepDraft() {
  const form = composer();
  if (!form) return;
  const kept = [...new FormData(form)].filter(
    ([name, value]) => typeof value === "string" && !["csrfmiddlewaretoken", "form_token", "confirm_price", "price_list", "made_from"].includes(name),
  );
  store.set(DRAFT(form), JSON.stringify(kept));
}

function fill(form, draft) {
  for (const [name, value] of draft) {
    const control = form.elements[name];
    if (!control || name === "model" || name === "confirm_price") continue;
    if (control instanceof RadioNodeList) {
      // Radios, or a switch: a checkbox behind a hidden field that says "off".
      const box = [...control].find((one) => one.type === "checkbox");
      if (box) box.checked = value === "on";
      else if ([...control].some((radio) => radio.value === value)) control.value = value;
    } else if (control.tagName === "SELECT") {
      if ([...control.options].some((option) => option.value === value)) control.value = value;
    } else control.value = value;
  }
}

let waitingDraft = null;
function restoreDraft() {
  const form = composer();
  // An answer of the server or a link such as Remix says more than the draft does.
  if (!form || "bound" in form.dataset || location.search) return;
  let draft;
  try { draft = JSON.parse(store.get(DRAFT(form))); } catch { /* not ours */ }
  if (!Array.isArray(draft)) return;
  const model = draft.find(([name]) => name === "model")?.[1];
  const radio = $$("[name=model]", form).find((choice) => choice.value === model);
  fill(form, draft);
  if (radio && !radio.checked) {
    waitingDraft = draft;
    radio.checked = true;
    showModel(radio);
    radio.dispatchEvent(new Event("change", { bubbles: true }));
  } else askPrice();
}

let askLater;
function askPrice() {
  clearTimeout(askLater);
  askLater = setTimeout(() => window.htmx?.trigger("#pay", "price"), 150);
}

function showModel(radio) {
  const { model, price, privacy } = radio.closest("[data-model]").dataset;
  $("[data-model-name]").textContent = model;
  $("[data-model-price]").textContent = price;
  $("[data-model-privacy]").textContent = privacy;
  const icon = (root) => $(".icon use", root);
  icon($(".model-chosen")).setAttribute("href", icon(radio.closest(".model")).getAttribute("href"));
}

// What is being put right, or has been sent, is no longer wrong.
function forgive(control) {
  if (control.getAttribute("aria-invalid") !== "true") return;
  control.removeAttribute("aria-invalid");
  control.removeAttribute("aria-describedby");
  control.closest(".is-wrong")?.classList.remove("is-wrong");
  document.getElementById(`${control.name}-error`)?.remove();
}

on("input", "[data-composer]", (form, event) => {
  if (event.target.matches("[data-find-model]")) return;
  forgive(event.target);
  if (event.target.matches("textarea")) { count(); grow(event.target); }
  if (event.target.type === "number") askPrice(); // before the button is pressed, not because of it
  keepDraft();
});

on("change", "[data-composer]", (form, event) => {
  const { name } = event.target;
  if (!name) return;
  // A ratio that is chosen now says more than the pixels of an earlier request.
  if (name === "aspect_ratio") for (const side of ["width", "height"]) if (form.elements[side]) form.elements[side].value = "";
  keepDraft();
  if (name === "model") showModel(event.target); // its answer brings the price along
  else if (!["prompt", "negative_prompt", "confirm_price"].includes(name)) askPrice();
});

// A picture dropped on the composer brings its settings.
on("dragover", "[data-composer]", (form, event) => {
  if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
});
on("drop", "[data-composer]", (form, event) => {
  const input = document.getElementById("from-file-input");
  if (!input || !event.dataTransfer?.files.length) return;
  event.preventDefault();
  input.files = event.dataTransfer.files;
  input.form.requestSubmit();
});

on("click", ".model input", (radio, event) => {
  // A click that comes from an arrow key has no place; then the menu stays open.
  if (event.detail) closeMenu(radio.closest("details"));
});

on("input", "[data-find-model]", (input) => {
  const wanted = input.value.trim().toLowerCase();
  for (const row of $$(".model")) row.hidden = !row.textContent.toLowerCase().includes(wanted);
});

on("keydown", "[data-find-model]", (input, event) => {
  if (event.key !== "Enter" && event.key !== "ArrowDown") return;
  event.preventDefault();
  const rows = $$(".model:not([hidden]) input");
  if (event.key === "Enter" && rows.length === 1) { rows[0].click(); closeMenu(input.closest("details")); }
  else (rows.find((radio) => radio.checked) ?? rows[0])?.focus();
});

// Condensed while scrolled and not in use. The spacer takes up what the form gives away,
// so nothing below it moves.
let isScrolled = false;
let isPressed = false;
function condense() {
  const form = composer();
  const spacer = $("[data-spacer]");
  // While a pointer is down nothing may move away from under it, or its click is lost.
  if (!form || !spacer || isPressed) return;
  const wanted = isScrolled && !form.matches(":focus-within");
  if (wanted === form.classList.contains("is-condensed")) return;
  const before = form.offsetHeight + spacer.clientHeight;
  form.classList.toggle("is-condensed", wanted);
  spacer.setAttribute("height", wanted ? Math.max(0, before - form.offsetHeight) : 0);
}

const sentinel = $("[data-sentinel]"); // stands where the form has scrolled away
if (sentinel) {
  new IntersectionObserver(([entry]) => {
    isScrolled = !entry.isIntersecting;
    condense();
  }).observe(sentinel);
  const condenseSoon = () => setTimeout(condense);
  document.addEventListener("focusin", condense);
  document.addEventListener("focusout", condenseSoon);
  document.addEventListener("pointerdown", () => { isPressed = true; }, true);
  for (const end of ["pointerup", "pointercancel"]) {
    document.addEventListener(end, () => { isPressed = false; condenseSoon(); }, true);
  }
  on("click", ".is-condensed .more > summary", (summary, event) => {
    // It is open already, only hidden: the click shows it.
    if (summary.parentElement.open) event.preventDefault();
  });
  // htmx reads the page when it is complete; before that a change would go unheard.
  const start = () => { restoreDraft(); count(); };
  if (document.readyState === "complete") start();
  else document.addEventListener("DOMContentLoaded", start);
  $$("[data-composer] textarea").forEach(grow);
}

// Waiting: seconds tick and the line grows; both stop where nobody looks -------------------

const stillness = matchMedia("(prefers-reduced-motion: reduce)");
const words = (seconds) =>
  seconds < 100 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
const since = (started) => Math.max(0, (Date.now() - Date.parse(started)) / 1000);

function tick() {
  if (document.hidden) return;
  for (const number of $$("[data-elapsed]")) {
    if (!number.dataset.elapsed) continue;
    const seconds = Math.floor(since(number.dataset.elapsed));
    const text = words(seconds);
    if (number.textContent !== text) number.textContent = text;
    const usual = number.parentElement.querySelector("[data-usual]");
    const most = Number(usual?.dataset.usual);
    if (most && seconds > most * 4 / 3) usual.textContent = "longer than usual, still running";
  }
  for (const wait of $$("[data-until]")) {
    const seconds = Math.ceil((Date.parse(wait.dataset.until) - Date.now()) / 1000);
    const text = seconds < 1 ? "a moment" : seconds < 95 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
    if (wait.textContent !== text) wait.textContent = text;
  }
  for (const line of $$("[data-water]")) {
    if (!line.dataset.started) continue;
    const seconds = since(line.dataset.started);
    // Without a history the axis is a minute, and then as long as it takes.
    const end = Number(line.dataset.high) * 4 / 3 || Math.max(60, seconds * 4 / 3);
    const at = `${Math.min(100, (seconds / end) * 100).toFixed(2)}%`;
    $(".elapsed line", line).setAttribute("x2", at);
    $(".elapsed circle", line).setAttribute("cx", at);
  }
}
setInterval(tick, stillness.matches ? 1000 : 100);
tick();

document.addEventListener("visibilitychange", () => {
  document.documentElement.classList.toggle("is-asleep", document.hidden);
  if (!document.hidden) {
    tick();
    if ($("#poller[hx-get]")) window.htmx?.trigger("#poller", "wake");
  }
});

// The viewer of a gallery gives an image's address to the gallery's own document. Reloaded, that is
// the image's page; from there Back changes the address alone.
const { pathname } = location;
addEventListener("popstate", () => {
  if (location.pathname !== pathname && !$("#viewer")) location.reload();
});

// htmx -----------------------------------------------------------------------------------

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.elt.id === "poller") event.preventDefault();
});

// An answer that comes while the page is being left finds nothing to swap any more.
let isLeaving = false;
addEventListener("pagehide", () => { isLeaving = true; });
addEventListener("pageshow", () => { isLeaving = false; });
document.addEventListener("htmx:beforeSwap", (event) => {
  if (isLeaving) event.detail.shouldSwap = false;
});

// An error answers with a sentence; a whole page inside a card would help nobody.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (xhr.status < 400 || xhr.status === 422) return;
  event.detail.shouldSwap = false;
  const isText = (xhr.getResponseHeader("content-type") ?? "").startsWith("text/plain");
  const sentence = isText ? xhr.responseText : "That did not work. Nothing you wrote is lost; try again in a moment.";
  if (event.detail.elt.id !== "poller") say(sentence, { isError: true });
});

// What stands on the button is what may be charged: the server compares, and sends nothing else.
document.addEventListener("htmx:configRequest", (event) => {
  const { elt, parameters, verb } = event.detail;
  if (verb === "post" && elt.matches("[data-composer]")) parameters.shown_price = $("#pay", elt)?.dataset.amount ?? "";
});

document.addEventListener("htmx:sendError", (event) => {
  if (event.detail.elt.id !== "poller") say("No connection. What you wrote is kept.", { isError: true });
});

// What had the focus keeps it: the same control in the new fragment, else the fragment's
// own link, else what stands in its place.
let held = null;
function holdFocus(target) {
  const focused = document.activeElement;
  if (!target?.contains?.(focused) || focused === document.body) return;
  const next = target.nextElementSibling ?? target.previousElementSibling;
  held = { id: focused.id, name: focused.name, value: focused.value, root: target.id, next: next?.id };
}
function giveFocus() {
  if (!held || (document.activeElement && document.activeElement !== document.body)) { held = null; return; }
  const root = document.getElementById(held.root);
  const same = document.getElementById(held.id)
    ?? $$("[name]", root ?? document.createElement("i")).find((control) =>
      control.name === held.name && (control.type !== "radio" || control.value === held.value));
  const link = $(".prompt a", root ?? document.getElementById(held.next) ?? document.createElement("i"));
  (same ?? link ?? $("#main")).focus({ preventScroll: true });
  held = null;
}
document.addEventListener("htmx:oobBeforeSwap", (event) => holdFocus(event.detail.target));
let moreWasOpen = false;
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!event.detail.shouldSwap) return;
  holdFocus(event.detail.target);
  moreWasOpen = Boolean($("[data-more][open]"));
});
document.addEventListener("htmx:afterSettle", () => {
  giveFocus();
  count();
  $$("[data-toast]").filter((toast) => !toast.timer).forEach(letGo);
});
document.addEventListener("htmx:afterRequest", () => setTimeout(giveFocus, 40));

document.addEventListener("htmx:afterSwap", (event) => {
  const form = composer();
  tick();
  if (event.detail.target.matches("#parameters, #composer") && moreWasOpen) $("[data-more]").open = true;
  if (form && event.detail.target.id === "parameters" && waitingDraft) {
    fill(form, waitingDraft);
    waitingDraft = null;
    askPrice();
  }
  if (event.detail.xhr?.status === 422 && form) {
    count();
    $("[aria-invalid=true]", form)?.focus();
  }
});

document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, successful } = event.detail;
  if (successful && elt.matches("[data-composer]")) {
    store.drop(DRAFT(elt));
    $$("[aria-invalid=true]", elt).forEach(forgive);
    $("[data-errors]", elt)?.remove();
  }
});

// Keys ------------------------------------------------------------------------------------

const SHORTCUTS = "shortcuts";
const keysAreOn = () => store.get(SHORTCUTS) !== "off";
for (const box of $$("[data-shortcuts]")) box.checked = keysAreOn();
on("change", "[data-shortcuts]", (box) => {
  if (box.checked) store.drop(SHORTCUTS);
  else store.set(SHORTCUTS, "off");
});

// The neighbouring page, or the neighbouring image of this one.
function walk(rel, step) {
  const link = $(`a[rel=${rel}]`);
  if (link) { link.click(); return; }
  const links = $$("[data-walk]");
  const at = links.findIndex((one) => one.closest("[data-keys]").contains(document.activeElement));
  links[Math.max(0, at + step)]?.focus();
}

// A key that an element names: of the image that has the focus, or of the only one.
function press(key) {
  const images = $$("[data-keys]");
  const image = document.activeElement?.closest("[data-keys]") ?? (images.length === 1 ? images[0] : null);
  const wanted = `[data-key="${CSS.escape(key)}"]`;
  const button = (image && $(wanted, image)) ?? $(`a${wanted}`);
  return button && (() => { button.focus(); button.click(); });
}
const keys = {
  "?": () => $("#shortcuts")?.showModal(),
  "/": () => (($("[data-search]") ?? $("[data-composer] textarea"))?.focus()),
  c: () => $("[data-copy][data-key=c]")?.click(),
  f: () => $("#favourite-button")?.click(),
  u: () => $("[data-toast] [data-key=u]")?.click(),
  ArrowLeft: () => walk("prev", -1),
  ArrowRight: () => walk("next", 1),
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = event.target.closest?.("details[data-menu][open]") ?? $("details[data-menu][open]");
    if (menu) { closeMenu(menu); return; }
  }
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const form = event.target.closest?.("[data-composer]");
    const button = form && $("#generate:not([aria-disabled])", form);
    if (button) { event.preventDefault(); form.requestSubmit(button); }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const isWriting = event.target.closest?.("input, textarea, select, [contenteditable], dialog[open]");
  const act = keys[event.key] ?? press(event.key);
  if (!act || isWriting || !keysAreOn()) return;
  event.preventDefault();
  act();
});
