// Of many thousand rows only those in sight are in the page. Others are asked for as one comes near them.
//
// <table data-rows="/alice/vision/rows?…" data-total="10000" data-start="0" data-window="100">

const BEYOND = 12;
const MOST_WINDOWS = 40;
const SETTLE = 60;

const space = () => {
  const row = document.createElement("tr");
  row.className = "space";
  row.setAttribute("aria-hidden", "true");
  row.append(document.createElement("td"));
  return row;
};
const tall = (row, height) => {
  row.firstChild.style.setProperty("height", `${height}px`);
  row.hidden = !height;
};

export class RowsInSight {
  #table; #body; #pane; #onRow; #height; #total; #size;
  #windows = new Map(); // the rows of each window, by its number, those used last at the end
  #asked = new Set();
  #above = space();
  #below = space();
  #timer = null;

  constructor(table, onRow) {
    this.#table = table;
    this.#body = table.tBodies[0];
    this.#pane = table.closest(".runs");
    this.#onRow = onRow;
    this.#total = Number(table.dataset.total);
    this.#size = Number(table.dataset.window);
    for (const row of this.#body.rows) onRow(row);
    const start = Number(table.dataset.start);
    if (start + this.#body.rows.length >= this.#total && !start) return;
    this.#height = this.#body.rows[0].getBoundingClientRect().height;
    this.#fixWidths();
    this.#pane.addEventListener("scroll", () => this.#show(), { passive: true });
    new ResizeObserver(() => this.#show()).observe(this.#pane);
    document.querySelector("[data-pager]")?.remove();
    // What stands in the page is shown until the whole first window is there.
    this.#ask(Math.floor(start / this.#size)).then(() => {
      this.#show();
      if (start) this.#pane.scrollTop = start * this.#height;
    });
  }

  // Ask again for the window of this row, which was changed.
  async renew(row) {
    const place = Number(row.getAttribute("aria-rowindex")) - 2;
    const number = Math.floor(place / this.#size);
    const [fresh] = (await this.#fetch(number)).filter((one) => one.dataset.run === row.dataset.run);
    if (!fresh) return;
    const held = this.#windows.get(number);
    if (held) held.splice(held.indexOf(row), 1, fresh);
    this.#onRow(fresh);
    row.replaceWith(fresh);
  }

  // Rows that come and go must not move the columns.
  #fixWidths() {
    const heads = [...this.#table.tHead.rows[0].cells];
    const widths = heads.map((head) => head.getBoundingClientRect().width);
    heads.forEach((head, index) => head.style.setProperty("width", `${widths[index]}px`));
    this.#table.style.setProperty("min-width", `${widths.reduce((sum, width) => sum + width, 0)}px`);
    this.#table.classList.add("fixed");
    for (const row of [this.#above, this.#below]) row.firstChild.colSpan = heads.length;
  }

  async #fetch(number) {
    const url = new URL(this.#table.dataset.rows, location.href);
    url.searchParams.set("from", number * this.#size);
    const response = await fetch(url).catch(() => null);
    if (!response?.ok) return [];
    const holder = document.createElement("template");
    holder.innerHTML = await response.text();
    return [...holder.content.querySelectorAll("tr")].map((row) => document.importNode(row, true));
  }

  async #ask(number) {
    if (this.#asked.has(number)) return;
    this.#asked.add(number);
    const rows = await this.#fetch(number);
    this.#asked.delete(number);
    if (!rows.length) return;
    for (const row of rows) this.#onRow(row);
    this.#windows.set(number, rows);
    const oldest = [...this.#windows.keys()].slice(0, Math.max(0, this.#windows.size - MOST_WINDOWS));
    for (const each of oldest) this.#windows.delete(each);
  }

  #show() {
    if (!this.#windows.size) return;
    const top = Math.floor(this.#pane.scrollTop / this.#height);
    const inSight = Math.ceil(this.#pane.clientHeight / this.#height);
    const first = Math.max(0, Math.min(top - BEYOND, this.#total - 1));
    const last = Math.min(this.#total, top + inSight + BEYOND);
    const rows = [];
    const missing = new Set();
    for (let place = first; place < last; place += 1) {
      const number = Math.floor(place / this.#size);
      const row = this.#windows.get(number)?.[place % this.#size];
      if (row) rows.push(row);
      else { rows.push(this.#coming(place)); missing.add(number); }
    }
    const focused = document.activeElement?.closest?.("tr[data-run]");
    tall(this.#above, first * this.#height);
    tall(this.#below, (this.#total - last) * this.#height);
    if (focused && this.#body.contains(focused) && !rows.includes(focused)) focused.querySelector(":focus")?.blur();
    this.#place([this.#above, ...rows, this.#below]);
    clearTimeout(this.#timer);
    if (missing.size) this.#timer = setTimeout(() => this.#fill(missing), SETTLE);
  }

  // Only rows that are not there yet are moved, so that what has the focus keeps it.
  #place(wanted) {
    const stay = new Set(wanted);
    for (const row of [...this.#body.rows]) if (!stay.has(row)) row.remove();
    let at = this.#body.firstChild;
    for (const row of wanted) {
      if (row === at) at = at.nextSibling;
      else this.#body.insertBefore(row, at);
    }
  }

  #coming(place) {
    const row = space();
    row.className = "coming";
    row.setAttribute("aria-rowindex", place + 2);
    row.firstChild.colSpan = this.#above.firstChild.colSpan;
    return row;
  }

  async #fill(numbers) {
    await Promise.all([...numbers].map((number) => this.#ask(number)));
    this.#show();
  }
}
