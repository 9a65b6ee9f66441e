// The runs of a page, and which of them the charts show: the first ones, less those whose eye was closed, and those
// whose eye was opened.
//
// A run is an element with data-run (public id), data-colour (1 to 12; see below), data-name, and data-live while it goes on, but
// for the rows of a table: those say the same of themselves, once their eye is opened. The first runs of a project
// have a data-place; without one a run is shown on pages that have no eyes, and elsewhere when its eye was opened.
// Where runs are grouped, data-group and data-group-name stand beside it, and data-group-colour.

import { view } from "./view.js";

// The server says how many lines a panel may hold (apps/web/panels.py).
export const MOST_SHOWN = Number(document.querySelector("[data-most]")?.dataset.most) || 1;
const COLOURS = 12;
const PATTERNS = 3;
const hueOf = (run) => (run.colour - 1) % COLOURS;

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
    this.#tellApart();
    this.hasEyes = document.getElementById("drawn") !== null;
  }

  // Of runs of the same colour the second has dashes, the third dots: 12 more, 24 more.
  #tellApart() {
    const seen = new Map();
    for (const run of this.all) {
      const hue = hueOf(run);
      const count = seen.get(hue) ?? 0;
      run.colour = hue + 1 + COLOURS * (count % PATTERNS);
      seen.set(hue, count + 1);
    }
  }

  #add(run) {
    this.all.push(run);
    this.#tellApart();
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
    if (!this.of(id)) this.#add(fromElement(row));
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

  // Show these runs and no others; as many of them as the charts can hold.
  showOnly(rows) {
    const some = rows.slice(0, MOST_SHOWN);
    for (const row of some) if (!this.of(row.dataset.run)) this.#add(fromElement(row));
    view.set({ first: 0, hidden: new Set(), added: new Set(some.map((row) => row.dataset.run)) });
  }

  // Show the first runs of the table, so many of them.
  showFirst(count) { view.set({ first: count, hidden: new Set(), added: new Set() }); }

  // What the page says of its runs was renewed.
  renew() {
    const before = new Map(this.all.map((run) => [run.id, run]));
    const looks = () => this.shown.map((run) => `${run.id} ${run.live} ${run.name} ${run.group}`).join();
    const looked = looks();
    this.#read();
    // Whose eye was opened since the page was asked for is not among them.
    for (const id of view.added) if (!this.of(id) && before.has(id)) this.#add({ ...before.get(id), place: null });
    if (looks() !== looked) for (const listener of this.#listeners) listener();
  }

  heat(id) {
    for (const row of document.querySelectorAll("tr[data-run]")) row.classList.toggle("hot", row.dataset.run === id);
  }

  // Rows come and go, so the page listens for them.
  onHover(heat) {
    if (!this.hasEyes && this.all.length < 2) return;
    const rowOf = (event) => event.target.closest?.("tr[data-run]") ?? null;
    document.addEventListener("pointerover", (event) => { if (rowOf(event)) heat(rowOf(event).dataset.run); });
    document.addEventListener("pointerout", (event) => {
      const row = rowOf(event);
      if (row && !row.contains(event.relatedTarget)) heat(null);
    });
  }
}

export const runs = new Runs();
