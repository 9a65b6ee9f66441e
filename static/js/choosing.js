// Choosing runs: one, a range with shift, all that pass the filter; and what is done with the chosen.

import { placeOf } from "./rows_in_sight.js";

const AT_ONCE = 500;
const THIN = "\u2009";
const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, THIN);

export class Choosing {
  #chosen = new Map(); // rows by id; null for one that is not in the page
  #table; #strip; #rows; #all; #words; #empty; #last = null;

  constructor(table, strip, rows) {
    this.#table = table;
    this.#strip = strip;
    this.#rows = rows;
    this.#all = table.querySelector("[data-choose-all]");
    this.#words = strip.querySelector("[role=status]");
    this.#empty = this.#words.textContent;
    this.#all.hidden = false;
    this.#all.addEventListener("change", () => this.#chooseAll());
    table.addEventListener("click", (event) => { if (event.target.name === "runs") this.#click(event.target, event.shiftKey); });
    strip.addEventListener("reset", (event) => { event.preventDefault(); this.clear(); });
    strip.addEventListener("submit", (event) => this.#submit(event));
    // The browser may have kept boxes ticked from before.
    for (const box of table.querySelectorAll("input[name=runs]:checked")) this.#put(box.closest("tr"), true);
    this.#present();
  }

  has(id) { return this.#chosen.has(id); }

  get rows() { return [...this.#chosen.values()].filter(Boolean); }

  paint(row) {
    const isChosen = this.#chosen.has(row.dataset.run);
    if (isChosen) this.#chosen.set(row.dataset.run, row); // as it is now
    row.querySelector("input[name=runs]").checked = isChosen;
    row.setAttribute("aria-selected", isChosen);
  }

  toggle(row) {
    this.#last = placeOf(row);
    this.#put(row, !this.has(row.dataset.run));
    this.#present();
  }

  clear() {
    this.#chosen.clear();
    this.#present();
  }

  #put(row, isChosen) {
    if (isChosen) this.#chosen.set(row.dataset.run, row); else this.#chosen.delete(row.dataset.run);
  }

  async #click(box, isRange) {
    const row = box.closest("tr");
    const isChosen = box.checked;
    const from = this.#last;
    this.#last = placeOf(row);
    this.#put(row, isChosen);
    this.#present();
    if (!isRange || from === null) return;
    const [first, last] = [from, placeOf(row)].sort((a, b) => a - b);
    for (const each of await this.#rows.between(first, last)) if (each.dataset.run) this.#put(each, isChosen);
    this.#present();
  }

  async #chooseAll() {
    if (!this.#all.checked) { this.clear(); return; }
    const response = await fetch(this.#table.dataset.ids).catch(() => null);
    if (!response?.ok) { this.#present(); return; }
    const { runs } = await response.json();
    const known = new Map(this.#inPage().map((row) => [row.dataset.run, row]));
    for (const id of runs) this.#chosen.set(id, known.get(id) ?? null);
    this.#present();
  }

  #inPage() { return [...this.#table.querySelectorAll("tr[data-run]")]; }

  #present() {
    const { size } = this.#chosen;
    this.#words.textContent = size ? this.#words.dataset.words.replace("%", grouped(size)) : this.#empty;
    this.#strip.hidden = !size;
    this.#all.checked = size > 0 && size >= Number(this.#table.dataset.found);
    this.#all.indeterminate = size > 0 && !this.#all.checked;
    for (const button of this.#strip.querySelectorAll("[data-least]")) button.disabled = size < Number(button.dataset.least);
    for (const button of this.#strip.querySelectorAll("[data-most]")) button.disabled = size > Number(button.dataset.most);
    const mayGoOn = [...this.#chosen.values()].some((row) => !row || "live" in row.dataset);
    for (const button of this.#strip.querySelectorAll("[data-live-only]")) button.hidden = !mayGoOn;
    for (const row of this.#inPage()) this.paint(row);
  }

  // Rows out of sight are chosen as well, so the form does not send what is ticked but what is chosen.
  async #submit(event) {
    event.preventDefault();
    const button = event.submitter;
    const ids = [...this.#chosen.keys()];
    if (button.formMethod !== "post") { location.assign(`${button.hasAttribute("formaction") ? button.formAction : this.#strip.action}?runs=${ids.join(",")}`); return; }
    button.setAttribute("aria-busy", "true");
    for (let start = 0; start < ids.length; start += AT_ONCE) {
      this.#words.textContent = `${grouped(start)} / ${grouped(ids.length)}`;
      const body = new FormData(this.#strip, button);
      body.set("runs", ids.slice(start, start + AT_ONCE).join(","));
      const response = await fetch(button.formAction, { method: "POST", headers: { "HX-Request": "true" }, body }).catch(() => null);
      if (!response?.ok) { this.#failed(button); return; }
    }
    button.removeAttribute("aria-busy");
    button.closest("details")?.removeAttribute("open");
    await this.#rows.refresh();
    this.#present();
  }

  #failed(button) {
    button.removeAttribute("aria-busy");
    this.#words.textContent = this.#words.dataset.failed;
  }
}
