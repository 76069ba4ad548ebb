// Passkeys: asks the desk for a question, the device for its answer, and sends that as a form.
// Without JavaScript, or in a browser that knows none, the forms stay hidden.

const known = window.PublicKeyCredential?.parseCreationOptionsFromJSON;

function tell(form, said) {
  const place = form.querySelector("[data-passkey-said]");
  place.textContent = said;
  place.hidden = false;
}

async function answer(form) {
  const asked = await fetch(form.dataset.passkey, {
    method: "POST",
    body: new FormData(form),
    headers: { Accept: "application/json" },
    redirect: "error",
  });
  if (!asked.ok) {
    const problem = await asked.json();
    return tell(form, problem.detail ?? problem.title);
  }
  const question = await asked.json();
  const made = form.dataset.passkeyMakes === undefined
    ? await navigator.credentials.get({
        publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(question),
      })
    : await navigator.credentials.create({
        publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(question),
      });
  form.elements.credential.value = JSON.stringify(made.toJSON());
  form.submit();
}

for (const form of known ? document.querySelectorAll("form[data-passkey]") : []) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    answer(form).catch(() => tell(form, form.dataset.passkeyFailed));
  });
}
