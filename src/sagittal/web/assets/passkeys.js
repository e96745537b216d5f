// Passkeys: asks the browser's authenticator, and sends us what it answers.

const decoded = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const encoded = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function asked(options) {
  const listed = (some) => (some ?? []).map((one) => ({ ...one, id: decoded(one.id) }));
  const made = { ...options, challenge: decoded(options.challenge) };
  if (options.user) made.user = { ...options.user, id: decoded(options.user.id) };
  if (options.excludeCredentials) made.excludeCredentials = listed(options.excludeCredentials);
  if (options.allowCredentials) made.allowCredentials = listed(options.allowCredentials);
  return made;
}

function answered(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = encoded(credential.response[name]);
  }
  const said = { id: credential.id, rawId: encoded(credential.rawId), type: credential.type, response };
  said.clientExtensionResults = credential.getClientExtensionResults();
  return JSON.stringify(said);
}

async function send(path, body) {
  const headers = { "content-type": "application/json", accept: "application/json" };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail ?? said.title);
  return said;
}

async function signIn(button) {
  const { ticket, options } = await send("/sign-in/passkey/begin", {});
  const credential = await navigator.credentials.get({ publicKey: asked(options) });
  const body = { ticket, response: answered(credential), next: button.dataset.next };
  window.location.assign((await send("/sign-in/passkey", body)).to);
}

async function add(button) {
  const label = document.getElementById("passkey-label").value;
  const { ticket, options } = await send("/account/passkeys/begin", {});
  const credential = await navigator.credentials.create({ publicKey: asked(options) });
  window.location.assign((await send("/account/passkeys", { ticket, response: answered(credential), label })).to);
}

const doings = { "sign-in": signIn, add };

for (const button of document.querySelectorAll("[data-passkey]")) {
  const place = document.querySelector("[data-passkey-said]");
  const isPossible = Boolean(window.PublicKeyCredential) && window.location.origin === button.dataset.origin;
  for (const one of document.querySelectorAll("[data-passkey-only]")) one.hidden = !isPossible;
  for (const one of document.querySelectorAll("[data-no-passkey]")) one.hidden = isPossible;
  button.hidden = !isPossible;
  button.addEventListener("click", async () => {
    button.disabled = true;
    place.textContent = "";
    try {
      await doings[button.dataset.passkey](button);
    } catch (error) {
      place.textContent = error instanceof DOMException ? place.dataset.failed : error.message;
    } finally {
      button.disabled = false;
    }
  });
}
