// The runs of a page, and which of them the charts show: the first ones, less those whose eye was closed, and those
// whose eye was opened.

import { view } from "./view.js";

const MOST = 24;
const FIRST_COLOURS = 12;

const fromElement = (element) => ({
  id: element.dataset.run, name: element.dataset.name, live: "live" in element.dataset,
  colour: Number(element.dataset.colour), isAdded: "added" in element.dataset,
});

class Runs {
  all = [...document.querySelectorAll("[data-run][data-colour]")].map(fromElement);

  get shown() { return this.all.filter((run) => this.isShown(run.id)).slice(0, MOST); }

  of(id) { return this.all.find((run) => run.id === id); }

  isShown(id) {
    const run = this.of(id);
    return Boolean(run) && (run.isAdded ? view.added.has(id) : !view.hidden.has(id));
  }

  // Open or close the eye of the run of this row. No more are opened than the charts can hold.
  toggle(row) {
    const { run: id, name } = row.dataset;
    const isShown = this.isShown(id);
    if (!isShown && this.shown.length >= MOST) return;
    if (!this.of(id)) {
      const colour = Math.max(FIRST_COLOURS, ...this.all.map((run) => run.colour)) + 1;
      this.all.push({ id, name, live: "live" in row.dataset, colour, isAdded: true });
    }
    const changes = { hidden: new Set(view.hidden), added: new Set(view.added) };
    const [list, has] = this.of(id).isAdded ? [changes.added, !isShown] : [changes.hidden, isShown];
    if (has) list.add(id); else list.delete(id);
    view.set(changes);
  }

  heat(id) {
    for (const row of document.querySelectorAll("tr[data-run]")) row.classList.toggle("hot", row.dataset.run === id);
  }

  // Rows come and go, so the page listens for them.
  onHover(heat) {
    if (this.all.length < 2) return;
    const rowOf = (event) => event.target.closest?.("tr[data-run]") ?? null;
    document.addEventListener("pointerover", (event) => { if (rowOf(event)) heat(rowOf(event).dataset.run); });
    document.addEventListener("pointerout", (event) => {
      const row = rowOf(event);
      if (row && !row.contains(event.relatedTarget)) heat(null);
    });
  }
}

export const runs = new Runs();
