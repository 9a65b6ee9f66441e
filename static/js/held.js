// What a panel holds of its metric: of each run the whole at the density of the panel, while one looks closer a part in
// detail, and for groups means. It knows what is missing and asks for it; what is no longer wanted it takes back.

import { ask } from "./asking.js";
import { compose, merge } from "./series.js";

// A closer look reaches so far to either side, in parts of what is seen, so that one may pan and smoothing has a beginning.
const MARGIN = 1;
// A detail is looked at through a window between the whole of it and this part of it, then it is asked for anew.
const LEAST_PART = 1 / 8;
const NOTHING = { x: new Float64Array(), y: new Float64Array() };

export class Held {
  #whole = new Map();
  #detail = { range: null, of: new Map() };
  #means = { wanted: "", of: new Map() };
  #composed = new Map();
  #asking = new Set(); // of the runs whose whole is on its way
  #aborts = { whole: new AbortController(), detail: new AbortController(), means: new AbortController() };
  #address;

  // `address(runs, more)` is where the points of these runs are.
  constructor(address) { this.#address = address; }

  get isEmpty() { return !this.#whole.size && !this.#means.of.size; }

  forget() {
    for (const name of Object.keys(this.#aborts)) this.#renewed(name);
    this.#asking.clear();
    for (const map of [this.#whole, this.#detail.of, this.#means.of, this.#composed]) map.clear();
    this.#detail.range = null;
    this.#means.wanted = "";
  }

  // Answers that are no longer waited for; what is there stays.
  takeBack() {
    for (const name of Object.keys(this.#aborts)) this.#renewed(name);
    this.#asking.clear();
    if (!this.#detail.of.size) this.#detail.range = null;
    if (!this.#means.of.size) this.#means.wanted = "";
  }

  // From where to where the runs have points, whatever part is looked at.
  extent(runs) {
    const ends = runs.map((run) => this.#whole.get(run.id)?.x ?? NOTHING.x).filter((x) => x.length);
    return ends.length ? [Math.min(...ends.map((x) => x[0])), Math.max(...ends.map((x) => x.at(-1)))] : null;
  }

  of(id) {
    const [whole, detail] = [this.#whole.get(id), this.#detail.of.get(id)];
    if (!detail) return whole;
    if (!whole) return detail;
    if (!this.#composed.has(id)) this.#composed.set(id, compose(whole, detail, this.#detail.range));
    return this.#composed.get(id);
  }

  mean(id) { return this.#means.of.get(id); }

  // Ask for what these runs lack. Resolves to whether all arrived; `arrived` is called each time that something did.
  async fill(runs, { zoom, columns, arrived }) {
    const jobs = [];
    const missing = runs.filter((run) => !this.#whole.has(run.id) && !this.#asking.has(run.id));
    if (zoom) jobs.push(this.#closer(runs, zoom, columns, arrived));
    else if (this.#detail.range) { this.#renewed("detail"); this.#detail = { range: null, of: new Map() }; this.#composed.clear(); }
    if (missing.length) jobs.push(this.#entire(missing, columns, arrived));
    return (await Promise.all(jobs)).every(Boolean);
  }

  // Means of all these runs over the same stretches: another set of runs or another part is another question.
  async average(runs, { zoom, columns, arrived }) {
    const range = zoom && wider(zoom);
    const wanted = `${runs.map((run) => run.id).join()} ${zoom ?? ""} ${columns}`;
    if (this.#means.wanted === wanted) return true;
    const before = this.#means.wanted;
    this.#means.wanted = wanted;
    const answer = await this.#asked("means", runs, { as: "means", points: zoom ? columns * (1 + 2 * MARGIN) : columns, ...bounds(range) });
    if (answer === undefined) return true;
    if (!answer) { this.#means.wanted = before; return false; }
    this.#means.of = new Map(answer.map((one) => [one.run, one]));
    arrived();
    return true;
  }

  // What came since, of those that go on. True when there was anything.
  async follow(runs) {
    const known = runs.flatMap((run) => { const one = this.#whole.get(run.id) ?? this.#means.of.get(run.id); return one ? [{ run, one }] : []; });
    const asked = known.filter(({ one }) => one.cursor);
    if (!asked.length) return false;
    const answer = await this.#asked("whole", asked.map(({ run }) => run), { cursor: asked.map(({ one }) => one.cursor) });
    let isNew = false;
    for (const fresh of answer ?? []) {
      const { run, one } = asked.find((each) => each.run.id === fresh.run);
      isNew = isNew || fresh.x.length > 0 || fresh.is_reset || run.live !== fresh.is_live;
      run.live = fresh.is_live;
      if (fresh.is_reset) { this.#drop(run.id); continue; }
      one.cursor = fresh.cursor;
      this.#composed.delete(run.id);
      if (this.#whole.has(run.id)) this.#whole.set(run.id, { ...merge(one, fresh), cursor: fresh.cursor });
    }
    if (isNew) this.#means.wanted = "";
    return isNew;
  }

  #drop(id) {
    for (const map of [this.#whole, this.#detail.of, this.#composed]) map.delete(id);
  }

  async #entire(runs, columns, arrived) {
    for (const run of runs) this.#asking.add(run.id);
    const answer = await this.#asked("whole", runs, { points: columns });
    if (answer === undefined) return true;
    for (const run of runs) this.#asking.delete(run.id);
    if (!answer) return false;
    for (const one of answer) this.#whole.set(one.run, { ...one, isComplete: one.x.length <= columns });
    for (const run of runs) if (!this.#whole.has(run.id)) this.#whole.set(run.id, { ...NOTHING, isComplete: true });
    this.#composed.clear();
    arrived();
    return true;
  }

  async #closer(runs, zoom, columns, arrived) {
    const { range, of } = this.#detail;
    const part = range && (zoom[1] - zoom[0]) / (range[1] - range[0]);
    const isInside = range && zoom[0] >= range[0] && zoom[1] <= range[1] && part >= LEAST_PART;
    const lacking = runs.filter((run) => !this.#whole.get(run.id)?.isComplete && !(isInside && of.has(run.id)));
    if (!lacking.length) return true;
    const wanted = isInside ? range : wider(zoom);
    const answer = await this.#asked("detail", lacking, { points: columns * (1 + 2 * MARGIN), ...bounds(wanted) });
    if (answer === undefined) return true;
    if (!answer) return false;
    this.#detail = { range: wanted, of: new Map([...(isInside ? of : []), ...answer.map((one) => [one.run, one])]) };
    this.#composed.clear();
    arrived();
    return true;
  }

  // undefined when the question was taken back.
  async #asked(name, runs, more) {
    const { signal } = name === "whole" ? this.#aborts.whole : this.#renewed(name);
    try { return await ask(this.#address(runs, more), signal); } catch { return undefined; }
  }

  #renewed(name) {
    this.#aborts[name].abort();
    this.#aborts[name] = new AbortController();
    return this.#aborts[name];
  }
}

const wider = ([low, high]) => [low - (high - low) * MARGIN, high + (high - low) * MARGIN];
const bounds = (range) => (range ? { first: range[0], last: range[1] } : {});
