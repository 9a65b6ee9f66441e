// Name, tags and notes of a run, edited beside its row. The form is the one of the run's own page.

export class RowEditor {
  #pane; #float = document.createElement("div"); #opener = null;

  constructor(table) {
    this.#pane = table.closest(".runs");
    this.#float.className = "floating";
    this.#float.hidden = true;
    document.body.append(this.#float);
    document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !this.#float.hidden) this.#close(); });
    this.#pane.addEventListener("scroll", () => this.#close(), { passive: true });
  }

  async open(url, row, onSaved) {
    const response = await fetch(url, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!response?.ok) { location.assign(url); return; }
    this.#float.innerHTML = await response.text();
    this.#opener = row;
    const form = this.#float.querySelector("form");
    form.addEventListener("submit", (event) => { event.preventDefault(); this.#save(form, onSaved); });
    form.querySelector("[data-cancel]").addEventListener("click", (event) => { event.preventDefault(); this.#close(); });
    this.#float.hidden = false;
    const { bottom, top } = row.getBoundingClientRect();
    const { left } = row.querySelector(".name").getBoundingClientRect();
    const fits = bottom + this.#float.offsetHeight < innerHeight;
    this.#float.style.setProperty("left", `${Math.min(left, innerWidth - this.#float.offsetWidth - 8)}px`);
    this.#float.style.setProperty("top", `${fits ? bottom : Math.max(8, top - this.#float.offsetHeight)}px`);
    form.elements.name.select();
  }

  async #save(form, onSaved) {
    const button = form.querySelector("[type=submit]");
    button.setAttribute("aria-busy", "true");
    const response = await fetch(form.action, { method: "POST", headers: { "HX-Request": "true" }, body: new FormData(form) }).catch(() => null);
    if (!response?.ok) { form.submit(); return; } // the page says what is wrong
    await onSaved();
    this.#close();
  }

  #close() {
    if (this.#float.hidden) return;
    this.#float.hidden = true;
    this.#float.replaceChildren();
    this.#opener?.querySelector("[data-pen]")?.focus();
  }
}
