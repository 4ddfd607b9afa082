// Passkeys: the browser's own dialog stands between a form and its hidden field.

const SENTENCES = {
  NotAllowedError: "Nothing was done. Try again, or choose another way.",
  InvalidStateError: "This device has a passkey for you already.",
  SecurityError: "Passkeys need a name as the address of this studio, not a number, and https.",
};
const OTHERWISE = "This browser cannot use passkeys here. Choose another way.";

async function options({ dataset }) {
  if (!dataset.options) return JSON.parse(document.getElementById("passkey-options").textContent);
  const answer = await fetch(dataset.options, { headers: { Accept: "application/json" } });
  return (await answer.json()).request_options;
}

async function ask(form) {
  const { publicKey } = await options(form);
  const { credentials } = navigator;
  if (form.dataset.passkey === "get") {
    return credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
  }
  // One that knows its owner can sign in alone; one that cannot still is a second factor.
  publicKey.authenticatorSelection.residentKey = "preferred";
  return credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.passkey) return;
  event.preventDefault();
  const problem = form.querySelector("[role=alert]");
  problem.textContent = "";
  try {
    form.elements.credential.value = JSON.stringify(await ask(form));
    form.submit();
  } catch ({ name }) {
    problem.textContent = SENTENCES[name] ?? OTHERWISE;
  }
});
