// The runs of a page, and which of them the charts show: the first ones, less those whose eye was closed, and those
// whose eye was opened.
//
// A run is an element with data-run (public id), data-colour (1 to 36), data-name, and data-live while it goes on, but
// for the rows of a table: those say the same of themselves, once their eye is opened. The first runs of a project
// have a data-place; without one a run is shown on pages that have no eyes, and elsewhere when its eye was opened.
// Where runs are grouped, data-group and data-group-name stand beside it, and data-group-colour.

import { view } from "./view.js";

// The server says how many lines a panel may hold (apps/web/panels.py).
export const MOST_SHOWN = Number(document.querySelector("[data-most]")?.dataset.most) || 1;

const fromElement = ({ dataset }) => ({
  id: dataset.run, name: dataset.name, live: "live" in dataset, colour: Number(dataset.colour),
  place: Number(dataset.place) || null,
  group: dataset.group ?? null, groupName: dataset.groupName ?? null, groupColour: Number(dataset.groupColour) || null,
});

class Runs {
  #listeners = [];

  constructor() { this.#read(); }

  #read() {
    const elements = document.querySelectorAll("[data-run][data-colour]:not(tr)");
    this.all = [...elements].map(fromElement);
    this.hasEyes = document.getElementById("drawn") !== null;
  }

  get shown() { return this.all.filter((run) => this.isShown(run.id)).slice(0, MOST_SHOWN); }

  of(id) { return this.all.find((run) => run.id === id); }

  isShown(id) {
    const run = this.of(id);
    if (!run) return false;
    if (!this.hasEyes) return true;
    return view.added.has(id) || (run.place !== null && run.place <= view.first && !view.hidden.has(id));
  }

  // Open or close the eye of the run of this row. No more are opened than the charts can hold.
  toggle(row) {
    const id = row.dataset.run;
    const isShown = this.isShown(id);
    if (!isShown && this.shown.length >= MOST_SHOWN) return;
    if (!this.of(id)) this.all.push(fromElement(row));
    const { place } = this.of(id);
    const isFirst = place !== null && place <= view.first;
    const changes = { hidden: new Set(view.hidden), added: new Set(view.added) };
    if (isShown) { changes.added.delete(id); if (isFirst) changes.hidden.add(id); }
    else if (isFirst) changes.hidden.delete(id);
    else changes.added.add(id);
    view.set(changes);
  }

  // Listeners hear when runs came or went, or began or ended.
  onChange(listener) { this.#listeners.push(listener); }

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
