// A switch that is saved when it is turned. While it is being saved it holds still and its word says so; when that
// fails it goes back, and a note beside it says that nothing changed. The answer is the row as it is now, and whatever
// else of the page speaks of it.

const save = async (form, input) => {
  const word = form.querySelector("[data-word]");
  const before = word.textContent;
  const body = new FormData(form); // before the switch is held, for what is disabled is not sent
  form.querySelector(".note")?.remove();
  form.setAttribute("aria-busy", "true");
  input.disabled = true;
  word.textContent = form.dataset.saving;
  const response = await fetch(form.action, { method: "POST", headers: { "HX-Request": "true" }, body }).catch(() => null);
  form.removeAttribute("aria-busy");
  if (response?.headers.get("HX-Refresh") === "true") {
    location.reload();
    return;
  }
  if (response?.ok) {
    const [next, ...others] = document.createRange().createContextualFragment(await response.text()).children;
    form.replaceWith(next);
    for (const other of others) document.getElementById(other.id)?.replaceWith(other);
    wire(next);
    next.querySelector(".toggle").focus();
    return;
  }
  input.disabled = false;
  input.checked = !input.checked;
  word.textContent = before;
  form.append(form.querySelector("template").content.cloneNode(true));
  input.focus();
};

const wire = (form) => {
  const input = form.querySelector(".toggle");
  const button = form.querySelector("[data-save]");
  if (button) button.hidden = true;
  input.addEventListener("change", () => save(form, input));
};

for (const form of document.querySelectorAll("form[data-toggle]")) wire(form);
