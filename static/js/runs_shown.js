// The runs of a page, and which of them the charts show: the first ones, less those whose eye was closed, and those
// whose eye was opened.

const MOST = 24;

const fromRow = (row) => ({
  id: row.dataset.run, name: row.dataset.name, colour: Number(row.dataset.colour), live: "live" in row.dataset,
});

export class Runs {
  #view;

  constructor(view) {
    this.#view = view;
    this.all = [...document.querySelectorAll("[data-run][data-colour]")].map(fromRow);
  }

  get shown() { return this.all.filter((run) => !this.#view.hidden.has(run.id)).slice(0, MOST); }

  heat(id) {
    for (const row of document.querySelectorAll("tr[data-run]")) row.classList.toggle("hot", row.dataset.run === id);
  }

  // Rows come and go, so their table listens for them.
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
