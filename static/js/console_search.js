// Searching a log on the server: the numbers of the lines that hold it, page after page, and which of them is looked at.

const WAIT = 250;
const MOST = 200_000;

// All numbers of lines that a query finds, some at a time: `each` hears of them as they come, and whether there are more.
export const findLines = async (source, query, after, signal, each) => {
  const numbers = [];
  let from = after;
  while (from !== null && numbers.length < MOST) {
    const url = new URL(`${source}/search`, location.href);
    url.search = query;
    url.searchParams.set("after", from);
    const response = await fetch(url, { signal });
    if (!response.ok) return numbers;
    const found = await response.json();
    for (const number of found.numbers) numbers.push(number);
    from = found.after;
    each(numbers, from !== null, found.reason);
  }
  return numbers;
};

export class Search {
  #form; #lines; #source; #output; #hits = []; #place = -1; #isMore = false; #timer = null; #stop = null; #only = null;
  #reason = document.querySelector("[data-reason]");

  constructor(form, lines, source) {
    this.#form = form;
    this.#lines = lines;
    this.#source = source;
    this.#output = form.querySelector("output");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.elements.q.addEventListener("input", () => this.#later());
    form.elements.pattern.addEventListener("change", () => this.#search());
    form.elements.only.addEventListener("change", () => this.#filter().then(() => this.#search()));
    form.elements.times.addEventListener("change", () => this.#hideTimes());
    form.elements.q.addEventListener("keydown", (event) => this.#key(event));
    for (const button of form.querySelectorAll("[data-step]")) {
      button.addEventListener("click", () => this.step(Number(button.dataset.step)));
    }
  }

  async start() {
    if (this.#form.elements.only.checked) await this.#filter();
    if (this.#form.elements.q.value) await this.#search();
  }

  // Lines came: what is searched for may be among them.
  async grew(from) {
    if (this.#form.elements.only.checked) await this.#filter();
    if (!this.#query("q")) return;
    const known = this.#hits.filter((number) => number < from);
    await this.#find(from, known);
  }

  step(by) {
    if (!this.#hits.length) return;
    this.#place = (this.#place + by + this.#hits.length) % this.#hits.length;
    this.#lines.to(this.#hits[this.#place], { centred: false });
    this.#say();
  }

  // From where one looks on, not from the beginning.
  #begin() {
    const from = this.#lines.looksAt;
    const place = this.#hits.findIndex((number) => number >= from);
    if (place >= 0) this.#place = place - 1;
    else if (this.#isMore) return;
    this.step(1);
  }

  #query(...names) {
    const asked = new URLSearchParams();
    const { q, pattern, only } = this.#form.elements;
    if (names.includes("q") && q.value) {
      asked.set("q", q.value);
      if (pattern.checked) asked.set("pattern", "1");
    }
    if (names.includes("only") && only.checked) asked.set("only", "stderr");
    return asked.toString();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#search(), WAIT);
  }

  #key(event) {
    if (event.key === "Escape" && event.target.value) { event.target.value = ""; this.#later(); }
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    if (this.#form.elements.q.value !== this.#searched) this.#search();
    else this.step(event.shiftKey ? -1 : 1);
  }

  #searched = "";

  async #search() {
    clearTimeout(this.#timer);
    this.#searched = this.#form.elements.q.value;
    this.#lines.mark(this.#query("q"));
    this.#hits = [];
    this.#place = -1;
    this.#stop?.abort();
    if (!this.#searched) { this.#isMore = false; this.#say(); return; }
    await this.#find(0, []);
  }

  async #find(from, known) {
    const stop = new AbortController();
    this.#stop = stop;
    this.#isMore = true;
    this.#say();
    const heard = (numbers, isMore, reason) => {
      if (stop.signal.aborted) return;
      this.#hits = known.concat(numbers);
      this.#isMore = isMore;
      this.#reason.textContent = reason;
      this.#form.elements.q.toggleAttribute("aria-invalid", Boolean(reason));
      if (this.#place < 0) this.#begin();
      this.#say();
    };
    await findLines(this.#source, this.#query("q", "only"), from, stop.signal, heard).catch(() => []);
  }

  async #filter() {
    const stop = new AbortController();
    this.#only?.abort();
    this.#only = stop;
    const query = this.#query("only");
    if (!query) { this.#lines.only(null); return; }
    const numbers = await findLines(this.#source, query, 0, stop.signal, () => {}).catch(() => null);
    if (numbers && !stop.signal.aborted) this.#lines.only(numbers);
  }

  #hideTimes() {
    this.#lines.pane.classList.toggle("timeless", this.#form.elements.times.checked);
  }

  #say() {
    const { of, many, none, more } = this.#output.dataset;
    const count = `${this.#hits.length}${this.#isMore ? "+" : ""}`;
    const words = this.#place < 0 ? many : of;
    const said = words.replace("{n}", this.#place + 1).replace("{m}", count);
    const nothing = this.#isMore ? more : none;
    this.#output.textContent = this.#hits.length ? said : nothing;
    this.#form.querySelector("[data-hits]").hidden = !this.#searched;
  }
}
