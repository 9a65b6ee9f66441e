// Of many thousand rows only those in sight are in the page. Others are asked for as one comes near them.
//
// <table data-rows="/alice/vision/rows?…" data-total="10000" data-start="0" data-window="100">

const BEYOND = 12;
const MOST_WINDOWS = 40;
const SETTLE = 60;
const AGAIN = 3000; // after an answer that did not come

const space = () => {
  const row = document.createElement("tr");
  row.className = "space";
  row.setAttribute("aria-hidden", "true");
  row.append(document.createElement("td"));
  return row;
};
const tall = (row, height) => {
  const text = `${height}px`;
  if (row.firstChild.style.height === text) return;
  row.firstChild.style.setProperty("height", text);
  row.hidden = !height;
};
// A run, or the head of a group, which goes by the id of a run too.
const keyOf = (row) => row.dataset.run ?? `group ${row.dataset.group}`;
export const placeOf = (row) => Number(row.getAttribute("aria-rowindex")) - 2;

// The row stays, with what was changed in it, so that nothing flickers and what has the focus keeps it.
const become = (element, fresh) => {
  for (const { name } of [...element.attributes]) if (!fresh.hasAttribute(name)) element.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  const [mine, its] = [[...element.childNodes], [...fresh.childNodes]];
  const isAlike = mine.length === its.length && mine.every((node, index) => node.nodeName === its[index].nodeName);
  if (!isAlike) { element.replaceChildren(...its); return; }
  mine.forEach((node, index) => {
    if (node.nodeType === Node.ELEMENT_NODE) become(node, its[index]);
    else if (node.data !== its[index].data) node.data = its[index].data;
  });
};

export class RowsInSight {
  #table; #body; #pane; #onRow; #height; #total; #size;
  #windows = new Map(); // the rows of each window, by its number, those used last at the end
  #asked = new Map();
  #round = 0; // answers to what was asked before a change are not wanted any more
  #above = space();
  #below = space();
  #timer = null;
  #isCutOff = false;

  constructor(table, onRow) {
    this.#table = table;
    this.#body = table.tBodies[0];
    this.#pane = table.closest(".runs");
    this.#onRow = onRow;
    this.#total = Number(table.dataset.total);
    this.#size = Number(table.dataset.window);
    const rows = [...this.#body.rows];
    for (const row of rows) onRow(row);
    this.#height = rows[0].getBoundingClientRect().height;
    this.#fixWidths();
    this.#pane.addEventListener("scroll", () => this.#show(), { passive: true });
    new ResizeObserver(() => this.#show()).observe(this.#pane);
    document.querySelector("[data-pager]")?.remove();
    const start = Number(table.dataset.start);
    if (!start && rows.length >= this.#total) {
      this.#windows.set(0, rows);
      this.#show();
      return;
    }
    // What stands in the page is shown until the whole first window is there.
    this.#ask(Math.floor(start / this.#size)).then(() => {
      this.#show();
      if (start) this.#pane.scrollTop = start * this.#height;
    });
  }

  get total() { return this.#total; }

  // Ask for other rows of the same runs: unfolded groups, for one.
  async ask(changes) {
    const url = new URL(this.#table.dataset.rows, location.href);
    for (const [name, value] of Object.entries(changes)) url.searchParams.set(name, value);
    this.#table.dataset.rows = `${url.pathname}${url.search}`;
    await this.refresh();
  }

  // The rows in sight as they are now; the others are asked for again when they are looked at.
  async refresh() {
    this.#round += 1;
    const round = this.#round;
    this.#asked.clear();
    const top = this.#firstInSight();
    const numbers = this.#numbersInSight();
    const answers = await Promise.all(numbers.map((number) => this.#fetch(number)));
    if (round !== this.#round || answers.some((rows) => rows === null)) return;
    const known = new Map([...this.#windows.values()].flat().map((row) => [keyOf(row), row]));
    this.#windows.clear();
    answers.forEach((rows, index) => {
      const held = rows.map((fresh) => {
        const row = known.get(keyOf(fresh));
        if (!row) return fresh;
        become(row, fresh);
        return row;
      });
      for (const row of held) this.#onRow(row);
      this.#windows.set(numbers[index], held);
    });
    this.#table.setAttribute("aria-rowcount", this.#total + 1);
    this.#stayAt(top);
    this.#show();
  }

  // The row at this place, brought into sight.
  async reach(place) {
    if (place < 0 || place >= this.#total) return null;
    const head = this.#table.tHead.getBoundingClientRect().height;
    const [top, height] = [place * this.#height, this.#pane.clientHeight - head - this.#height];
    if (top < this.#pane.scrollTop) this.#pane.scrollTop = top;
    if (top > this.#pane.scrollTop + height - this.#height) this.#pane.scrollTop = top - height + this.#height;
    await this.#ask(Math.floor(place / this.#size));
    this.#show();
    return this.#at(place) ?? null;
  }

  // All rows from one place to another, also those out of sight.
  async between(first, last) {
    const rows = [];
    for (let number = Math.floor(first / this.#size); number <= Math.floor(last / this.#size); number += 1) {
      await this.#ask(number);
      rows.push(...(this.#windows.get(number) ?? []));
    }
    return rows.filter((row) => placeOf(row) >= first && placeOf(row) <= last);
  }

  firstInSight() { return this.#at(Math.ceil(this.#pane.scrollTop / this.#height)) ?? null; }

  #at(place) { return this.#windows.get(Math.floor(place / this.#size))?.[place % this.#size]; }

  #range() {
    const top = Math.floor(this.#pane.scrollTop / this.#height);
    const inSight = Math.ceil(this.#pane.clientHeight / this.#height);
    return [Math.max(0, Math.min(top - BEYOND, this.#total - 1)), Math.min(this.#total, top + inSight + BEYOND)];
  }

  #numbersInSight() {
    const [first, last] = this.#range();
    const numbers = [];
    for (let number = Math.floor(first / this.#size); number <= Math.floor(Math.max(first, last - 1) / this.#size); number += 1) numbers.push(number);
    return numbers;
  }

  // One who has scrolled down keeps the row at the top; at the very top new rows push the others down.
  #firstInSight() {
    const row = this.#pane.scrollTop > 0 ? this.firstInSight() : null;
    return row && { key: keyOf(row), place: placeOf(row) };
  }

  #stayAt(top) {
    if (!top) return;
    const now = [...this.#windows.values()].flat().find((row) => keyOf(row) === top.key);
    if (now) this.#pane.scrollTop += (placeOf(now) - top.place) * this.#height;
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
    this.#isCutOff = !response?.ok;
    if (this.#isCutOff) return null;
    const holder = document.createElement("template");
    holder.innerHTML = await response.text();
    this.#total = Number(response.headers.get("X-Length"));
    return [...holder.content.querySelectorAll("tr")].map((row) => document.importNode(row, true));
  }

  #ask(number) {
    if (this.#windows.has(number)) return Promise.resolve();
    if (!this.#asked.has(number)) this.#asked.set(number, this.#receive(number));
    return this.#asked.get(number);
  }

  async #receive(number) {
    const round = this.#round;
    const rows = await this.#fetch(number);
    if (round !== this.#round) return;
    this.#asked.delete(number);
    if (!rows?.length) return;
    for (const row of rows) this.#onRow(row);
    this.#windows.set(number, rows);
    const oldest = [...this.#windows.keys()].slice(0, Math.max(0, this.#windows.size - MOST_WINDOWS));
    for (const each of oldest) this.#windows.delete(each);
  }

  #show() {
    if (!this.#windows.size) return;
    const [first, last] = this.#range();
    const rows = [];
    const missing = new Set();
    for (let place = first; place < last; place += 1) {
      const row = this.#at(place);
      if (row) rows.push(row);
      else { rows.push(this.#coming(place)); missing.add(Math.floor(place / this.#size)); }
    }
    const focused = document.activeElement?.closest?.("tr[aria-rowindex]");
    tall(this.#above, first * this.#height);
    tall(this.#below, (this.#total - last) * this.#height);
    if (focused && this.#body.contains(focused) && !rows.includes(focused)) focused.querySelector(":focus")?.blur();
    this.#place([this.#above, ...rows, this.#below]);
    clearTimeout(this.#timer);
    if (missing.size) this.#timer = setTimeout(() => this.#fill(missing), this.#isCutOff ? AGAIN : SETTLE);
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
