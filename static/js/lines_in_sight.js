// Of a log of any length only the lines in sight are in the page. Others are asked for as one comes near them.

const BEYOND = 30;
const MOST_WINDOWS = 60;
const SETTLE = 50;
// Browsers draw nothing beyond some 17 million pixels: a longer log is scrolled through at a larger scale.
const MOST_PIXELS = 15_000_000;

export class LinesInSight {
  #pane; #pre; #source; #size; #height;
  #room = document.createElement("div");
  #lines = document.createElement("div");
  #windows = new Map(); // the lines of each window, by its number, those used last at the end
  #asked = new Set();
  #numbers = null; // the lines that are shown, when not all are
  #total = 0;
  #query = "";
  #at = null;
  #age = 0;
  #renewed = 0;
  #timer = null;
  #waiting = false;

  constructor(pane, { source, total, size, first }) {
    this.#pane = pane;
    this.#pre = pane.querySelector("pre");
    this.#source = source;
    this.#size = size;
    this.#total = total;
    const there = [...this.#pre.querySelectorAll(".line")];
    this.#height = there[0]?.getBoundingClientRect().height || 20;
    if (first !== null) this.#adopt(there, first);
    this.#room.className = "room";
    this.#lines.className = "lines";
    this.#pre.replaceChildren(this.#room, this.#lines);
    pane.classList.add("in-sight");
    this.#pre.addEventListener("scroll", () => this.#soon(), { passive: true });
    new ResizeObserver(() => this.#soon()).observe(this.#pre);
    this.#stretch();
  }

  get pane() { return this.#pre; }
  get total() { return this.#total; }
  get count() { return this.#numbers ? this.#numbers.length : this.#total; }
  // The line that was jumped to while it is in sight, or the first one in sight.
  get looksAt() {
    const first = Math.ceil(this.#top() / this.#height);
    const after = first + Math.floor(this.#pre.clientHeight / this.#height);
    const place = this.#at === null ? -1 : this.#placeOf(this.#at);
    if (place >= first && place < after) return this.#at;
    return this.#numbers ? this.#numbers[first] ?? 0 : first;
  }
  get isAtEnd() {
    return this.#pre.scrollTop + this.#pre.clientHeight >= this.#pre.scrollHeight - 2 * this.#height;
  }

  // What the server put into the page is there already.
  #adopt(lines, first) {
    for (let place = 0; place < lines.length; place += this.#size) {
      this.#windows.set((first + place) / this.#size, lines.slice(place, place + this.#size));
    }
  }

  // Lines that came or were written anew are asked for again when they are in sight.
  renew(total, stretches) {
    this.#total = total;
    this.#renewed += 1;
    for (const number of [...this.#windows.keys()]) {
      const lines = this.#windows.get(number);
      const numbers = lines.map((line) => Number(line.dataset.line) - 1);
      const low = this.#numbers ? Math.min(...numbers) : number * this.#size;
      const high = this.#numbers ? Math.max(...numbers) + 1 : (number + 1) * this.#size;
      if (stretches.some(([first, count]) => first < high && first + count > low)) lines.isOld = true;
    }
    this.#stretch();
    this.#show();
  }

  // All lines, or only those with these numbers.
  only(numbers) {
    this.#numbers = numbers;
    this.#forget();
  }

  // What is marked in lines from now on: a part of an address.
  mark(query) {
    if (query === this.#query) return;
    this.#query = query;
    this.#forget();
  }

  #forget() {
    this.#windows.clear();
    this.#asked.clear();
    this.#age += 1;
    this.#stretch();
    this.#show();
  }

  toEnd() {
    this.#pre.scrollTop = this.#pre.scrollHeight;
    this.#show();
  }

  // Bring a line into sight, and remember it as the one that is looked at.
  to(number, { centred = true } = {}) {
    this.#at = number;
    const place = this.#placeOf(number);
    const top = place * this.#height;
    const view = this.#pre.clientHeight;
    const now = this.#top();
    if (centred || top < now || top + this.#height > now + view) this.#scrollTo(top - view / 2);
    this.#show();
  }

  #placeOf(number) {
    if (!this.#numbers) return number;
    let low = 0;
    let high = this.#numbers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#numbers[middle] < number) low = middle + 1; else high = middle;
    }
    return low;
  }

  // ── Scale: one pixel of the scroll bar is `scale` pixels of lines, which is one for logs that fit ──

  #stretch() {
    this.#room.style.setProperty("height", `${Math.min(this.count * this.#height, MOST_PIXELS)}px`);
  }

  #scale() {
    const view = this.#pre.clientHeight;
    const all = this.count * this.#height;
    return all > MOST_PIXELS ? (all - view) / (MOST_PIXELS - view) : 1;
  }

  #top() { return this.#pre.scrollTop * this.#scale(); }

  #scrollTo(top) { this.#pre.scrollTop = Math.max(0, top / this.#scale()); }

  // ── What is in sight ──

  #soon() {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => { this.#waiting = false; this.#show(); });
  }

  #show() {
    const top = this.#top();
    const first = Math.max(0, Math.floor(top / this.#height) - BEYOND);
    const last = Math.min(this.count, Math.ceil((top + this.#pre.clientHeight) / this.#height) + BEYOND);
    const shown = [];
    const missing = new Set();
    for (let place = first; place < last; place += 1) {
      const number = Math.floor(place / this.#size);
      const held = this.#windows.get(number);
      const line = held?.[place % this.#size];
      if (!line || held.isOld) missing.add(number);
      shown.push(line ?? this.#coming(place));
    }
    this.#lines.style.setProperty("transform", `translateY(${this.#pre.scrollTop + first * this.#height - top}px)`);
    this.#put(shown);
    clearTimeout(this.#timer);
    if (missing.size) this.#timer = setTimeout(() => this.#fill(missing), SETTLE);
  }

  // Only lines that are not there yet are moved, so that what is selected stays selected.
  #put(wanted) {
    const stay = new Set(wanted);
    for (const line of [...this.#lines.children]) if (!stay.has(line)) line.remove();
    let at = this.#lines.firstChild;
    for (const line of wanted) {
      line.classList.toggle("at", Number(line.dataset.line) - 1 === this.#at);
      if (line === at) at = at.nextSibling;
      else this.#lines.insertBefore(line, at);
    }
  }

  #coming(place) {
    const line = document.createElement("span");
    line.className = "line coming";
    line.textContent = String((this.#numbers ? this.#numbers[place] : place) + 1);
    return line;
  }

  async #fill(numbers) {
    await Promise.all([...numbers].map((number) => this.#ask(number)));
    this.#soon();
  }

  async #ask(number) {
    if (this.#asked.has(number)) return;
    this.#asked.add(number);
    const age = this.#age;
    const renewed = this.#renewed;
    const lines = await this.#fetch(number);
    if (age !== this.#age) return;
    this.#asked.delete(number);
    if (!lines) return;
    // What was asked for before a change may be from before it.
    lines.isOld = renewed !== this.#renewed;
    this.#windows.delete(number);
    this.#windows.set(number, lines);
    const oldest = [...this.#windows.keys()].slice(0, Math.max(0, this.#windows.size - MOST_WINDOWS));
    for (const each of oldest) this.#windows.delete(each);
  }

  async #fetch(number) {
    const first = number * this.#size;
    const url = new URL(`${this.#source}/lines`, location.href);
    url.search = this.#query;
    if (this.#numbers) url.searchParams.set("numbers", this.#numbers.slice(first, first + this.#size).join());
    else { url.searchParams.set("first", first); url.searchParams.set("count", this.#size); }
    const response = await fetch(url).catch(() => null);
    if (!response?.ok) return null;
    const holder = document.createElement("template");
    holder.innerHTML = await response.text();
    return [...holder.content.querySelectorAll(".line")].map((line) => document.importNode(line, true));
  }
}
