// The review desk by keys: what they do, buttons and links of the page do as well.

const $ = (selector) => document.querySelector(selector);
const desk = $("[data-desk]");
const form = $("[data-decide]");
const link = $("[data-show]");
const note = form.elements.note;
const reasons = [...form.querySelectorAll("[data-reason]")];
const keysAreOn = () => { try { return localStorage.shortcuts !== "off"; } catch { return true; } };
const say = (sentence) => { $("#status").textContent = sentence; };

// The picture itself is loaded when it is asked for, not before.
function toggle() {
  const isVeiled = link.classList.toggle("is-veiled");
  link.querySelector("img").src = isVeiled ? link.dataset.blur : link.dataset.full;
  say(isVeiled ? "Blurred." : "Shown.");
}

link?.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  toggle();
});

// Reject, then the reason, or the other way round.
let isRejecting = false;

function reject() {
  if (reasons.some((one) => one.checked)) { form.querySelector("[data-reject]").click(); return; }
  isRejecting = true;
  form.querySelector("[data-reject]").focus();
  say("Choose a reason, 1 to 6.");
}

function choose(radio) {
  radio.checked = true;
  if (radio.value === "other") { note.required = true; note.focus(); return; }
  note.required = false;
  say(`${radio.parentElement.textContent.trim().slice(1)}. R rejects.`);
  if (isRejecting) reject();
}

form.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (button?.matches("[data-reject]") && !reasons.some((one) => one.checked)) {
    event.preventDefault();
    reject();
  } else if (form.dataset.sent) event.preventDefault();
  else form.dataset.sent = "yes";
});
addEventListener("pageshow", () => { delete form.dataset.sent; });

const keys = {
  " ": link && toggle,
  a: () => form.querySelector("[data-approve]")?.click(),
  r: reasons.length && reject,
  s: () => form.querySelector("[data-skip]").click(),
  u: () => ($("[data-toast] [data-key=u]") ?? $("[data-undo-last]"))?.click(),
};
reasons.forEach((radio, at) => { keys[at + 1] = () => choose(radio); });

// Before the keys of all pages.
document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (target === note) {
    if (key === "Escape") note.blur();
    if (key === "Enter" && (event.ctrlKey || event.metaKey)) reject();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || !keysAreOn()) return;
  if (target.closest("textarea, select, dialog[open], input:not([type=radio])")) return;
  if (key === " " && target.closest("button, summary, input")) return;
  const act = keys[key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  if (!event.repeat) act();
}, true);

// Ours for five minutes, and longer while somebody is here.
let claimedAt = -Infinity;
async function claim() {
  if (!desk.dataset.claim || Date.now() - claimedAt < 60000) return;
  claimedAt = Date.now();
  const { value } = form.elements.csrfmiddlewaretoken;
  const { status } = await fetch(desk.dataset.claim, { method: "POST", headers: { "X-CSRFToken": value } });
  if (status === 409) location.assign(desk.dataset.next);
}
for (const type of ["keydown", "pointermove"]) addEventListener(type, claim);
claim();
