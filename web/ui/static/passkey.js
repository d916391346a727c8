// Forms marked data-passkey ask the browser for a passkey before they are sent:
// "create" for a new one, "get" for one there is. Their options are JSON in
// data-options; the answer goes into the field named response.
"use strict";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function optionsOf(form) {
  const options = JSON.parse(form.dataset.options);
  options.challenge = bytes(options.challenge);
  if (options.user) options.user.id = bytes(options.user.id);
  for (const list of [options.allowCredentials, options.excludeCredentials]) {
    for (const credential of list || []) credential.id = bytes(credential.id);
  }
  return options;
}

function answerOf(credential) {
  const { response } = credential;
  const told = { clientDataJSON: text(response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) told[name] = text(response[name]);
  }
  if (response.getTransports) told.transports = response.getTransports();
  return JSON.stringify({
    id: credential.id, rawId: text(credential.rawId), type: credential.type, response: told,
    authenticatorAttachment: credential.authenticatorAttachment || undefined, clientExtensionResults: {},
  });
}

// reasons are what people can do something about; a browser tells no more.
const reasons = {
  NotAllowedError: "That was cancelled, or took too long. Try again.",
  InvalidStateError: "This device has a passkey for you already.",
  NotSupportedError: "This device cannot make a passkey that checks who you are.",
  SecurityError: "Passkeys do not work at this address.",
};

function say(form, problem) {
  const place = form.querySelector("[role=alert]");
  place.textContent = reasons[problem.name] || "The passkey could not be used. Try again, or use something else.";
  place.hidden = false;
}

let waiting = null; // the request that autofill holds

async function ask(form, more) {
  const publicKey = optionsOf(form);
  const credential = form.dataset.passkey === "create"
    ? await navigator.credentials.create({ publicKey })
    : await navigator.credentials.get({ publicKey, ...more });
  form.elements.response.value = answerOf(credential);
  form.submit();
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) {
    form.hidden = true;
    continue;
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (waiting) waiting.abort();
    ask(form, {}).catch((problem) => say(form, problem));
  });
}

// A passkey may also be chosen where a code or a name is typed (conditional UI).
const offered = document.querySelector("[autocomplete~=webauthn]") && document.querySelector("form[data-passkey=get]");
if (offered && window.PublicKeyCredential && PublicKeyCredential.isConditionalMediationAvailable) {
  PublicKeyCredential.isConditionalMediationAvailable().then((available) => {
    if (!available) return;
    waiting = new AbortController();
    ask(offered, { mediation: "conditional", signal: waiting.signal }).catch(() => {});
  });
}
