// One metric of one or several runs: what it asks for, and what it shows of it.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { colourClass, DIM, look } from "./look.js";
import { PanelMenu } from "./panel_menu.js";
import { envelope, merge, positive, smooth } from "./series.js";
import { Tip } from "./tip.js";
import { axisValue, figure as written } from "./figures.js";

// A zoomed panel asks for a little more on its left, where smoothing begins.
const LEAD = 0.1;

export class Panel {
  #figure; #plot; #at; #options; #tip; #menu;
  #held = new Map(); // what came, by run
  #lines = []; // what is drawn: {run, one, main, extras}
  #columns = []; // the values of each line, on the axis that all share
  #chart = null;
  #hot = null;
  #visible = false;
  #asked = null; // for what, and of which runs

  constructor(figure, options) {
    this.#figure = figure;
    this.#plot = figure.querySelector(".plot");
    this.#at = figure.querySelector(".at");
    this.#options = options;
    this.#tip = options.isMany ? new Tip(figure) : null;
    this.#menu = new PanelMenu(figure, this);
  }

  get key() { return this.#figure.dataset.key; }
  get canvas() { return this.#chart?.ctx.canvas ?? null; }
  get theme() { return this.#options.theme; }
  get isZoomed() { return this.#options.view.zoom !== null; }
  get runs() { return this.#options.runs(); }
  get shown() { return this.#lines.map((line) => line.run); }

  setVisible(visible) {
    this.#visible = visible;
    if (visible) this.renew();
  }

  setHot(id) {
    if (this.#hot === id) return;
    this.#hot = id;
    if (!this.#chart) return;
    this.#lines.forEach(({ run }, index) => { this.#chart.series[this.#first + index].alpha = !id || run.id === id ? 1 : DIM; });
    this.#chart.redraw(false);
    if (!this.#plot.matches(":hover")) this.#point(this.#chart);
  }

  // Another width is another density: what was a wall of ink may be a line.
  fit() {
    if (!this.#chart) return;
    const before = this.#chart.width;
    this.#chart.setSize(this.#size());
    if (Math.abs(this.#chart.width - before) > before / 3) this.#draw();
  }

  redraw() { if (this.#chart) this.#draw(); }

  resetZoom() { this.#options.view.set({ zoom: null }); }

  // The view or the runs have changed: ask for what is missing, draw what is there.
  async renew() {
    if (!this.#visible) return;
    const wanted = `${this.#options.view.x} ${this.#options.view.zoom ?? ""}`;
    if (this.#asked !== wanted) this.#held.clear();
    this.#asked = wanted;
    const missing = this.runs.filter((run) => !this.#held.has(run.id));
    if (missing.length) { await this.#load(missing, wanted); return; }
    this.#draw();
  }

  // Ask for what came since; only for a panel that is looked at and that has all before.
  async follow() {
    if (!this.#visible || this.#asked === null || this.#options.isMany || this.isZoomed) return;
    const held = [...this.#held.values()][0];
    if (!held?.x.length) { this.#held.clear(); await this.renew(); return; }
    const answer = await this.#fetch(this.runs, { cursor: held.cursor });
    const [fresh] = answer?.series ?? [];
    if (!fresh) return;
    if (fresh.is_reset) { this.#held.clear(); await this.renew(); return; }
    held.cursor = fresh.cursor;
    if (!fresh.x.length) return;
    merge(held, fresh);
    this.#chart.setData(this.#table());
    this.#showLast();
  }

  // The address at which the same points are given as something else: "csv", "table".
  address(kind) {
    const query = this.#query(this.runs, this.#range(0));
    query.delete("points");
    return `${this.#options.source}/${kind}?${query}`;
  }

  async #load(runs, wanted) {
    this.#figure.setAttribute("aria-busy", "true");
    const answer = await this.#fetch(runs, this.#range(LEAD));
    if (this.#asked !== wanted) return; // meanwhile something else was asked for
    this.#figure.removeAttribute("aria-busy");
    if (!answer) {
      this.#asked = null;
      this.#say(this.#figure.dataset.failed, () => this.renew());
      return;
    }
    for (const one of answer.series) this.#held.set(one.run, one);
    for (const run of runs) if (!this.#held.has(run.id)) this.#held.set(run.id, { x: [], y: [], nan: [] });
    this.#draw();
  }

  #range(lead) {
    const { zoom } = this.#options.view;
    return zoom ? { first: zoom[0] - (zoom[1] - zoom[0]) * lead, last: zoom[1] } : {};
  }

  #query(runs, more) {
    const { source, stream, points, view } = this.#options;
    const query = new URLSearchParams({ key: this.key, points: points(this.#figure), ...more });
    if (stream) query.set("stream", stream);
    if (view.x) query.set("x", view.x);
    if (!source.includes("/runs/")) for (const run of runs) query.append("run", run.id);
    return query;
  }

  async #fetch(runs, more) {
    try {
      const response = await fetch(`${this.#options.source}?${this.#query(runs, more)}`, { headers: { Accept: "application/json" } });
      return response.ok ? await response.json() : null;
    } catch { return null; }
  }

  #say(words, retry) {
    const line = document.createElement("p");
    line.className = "said";
    line.textContent = words;
    if (retry) {
      const button = document.createElement("button");
      button.type = "button"; button.className = "link"; button.textContent = this.#figure.dataset.retry;
      button.addEventListener("click", retry);
      line.append(" ", button);
    }
    this.#forget();
    this.#plot.replaceChildren(line);
  }

  #forget() {
    this.#chart?.destroy();
    this.#chart = null;
    this.#lines = [];
    this.#at.replaceChildren();
  }

  // The number of the first series that is a line; what lies behind the lines comes before it.
  get #first() { return 1 + this.#lines.reduce((count, line) => count + line.extras.length, 0); }

  // One column of x, then what lies behind the lines, then the lines. What a run does not have at a step is no gap;
  // what was NaN is.
  #table() {
    const { view } = this.#options;
    const there = this.runs.filter((run) => this.#held.get(run.id)?.x.length);
    const ends = there.map((run) => this.#held.get(run.id).x).map((x) => [x[0], x.at(-1)]);
    const span = Math.max(...ends.map(([, last]) => last)) - Math.min(...ends.map(([first]) => first)) || 1;
    this.#lines = there.map((run) => this.#line(run, positive(this.#held.get(run.id), view), span));
    const tables = this.#lines.map(({ one, main, extras }) => [one.x, main, ...extras]);
    const joined = tables.length > 1 ? uPlot.join(tables, tables.map((table) => table.map(() => 1))) : tables[0];
    const mains = [];
    const behind = [];
    let place = 1;
    for (const { extras } of this.#lines) {
      mains.push(joined[place]);
      behind.push(...joined.slice(place + 1, place + 1 + extras.length));
      place += 1 + extras.length;
    }
    this.#columns = mains;
    return [joined[0], ...behind, ...mains];
  }

  // Smoothed, the line as it was logged lies behind it; where that would be a wall of ink, the band that it fills.
  #line(run, one, span) {
    const { smoothing } = this.#options.view;
    const isDense = one.x.length > this.#plot.clientWidth;
    if (!smoothing) return { run, one, isDense: isDense && this.#options.isMany, main: one.y, extras: [] };
    return { run, one, isDense: false, main: smooth(one, smoothing, span), extras: isDense ? envelope(one) : [one.y] };
  }

  #size() { return { width: this.#plot.clientWidth, height: this.#plot.clientHeight }; }

  #draw() {
    const words = this.#options.view.zoom ? this.#figure.dataset.nothing : this.#figure.dataset.empty;
    if (!this.runs.some((run) => this.#held.get(run.id)?.x.length)) { this.#say(words); return; }
    const data = this.#table();
    if (!data[0].length) { this.#say(this.#figure.dataset.nothing); return; }
    const lines = this.#lines;
    this.#forget();
    this.#lines = lines;
    this.#plot.replaceChildren();
    const { theme, view, sync } = this.#options;
    const options = look({
      lines, theme, view, sync, first: this.#first, axis: this.#axis, columns: () => this.#columns,
      family: getComputedStyle(this.#plot).fontFamily, hot: () => this.#hot,
      onPoint: (chart) => this.#point(chart), onZoom: (zoom) => view.set({ zoom }), onReset: () => this.resetZoom(),
    });
    this.#chart = new uPlot({ ...this.#size(), ...options }, data, this.#plot);
    this.#showLast();
  }

  get #axis() { return this.#options.view.x || (this.#options.stream ? "_runtime" : "_step"); }

  // The value of each run at, or last before, the crosshair; of none that had ended by then.
  #valuesAt(index) {
    const x = this.#chart.data[0][index];
    return this.#lines.flatMap(({ run, one }, position) => {
      const column = this.#columns[position];
      let i = x <= one.x.at(-1) ? index : -1;
      while (i >= 0 && column[i] === undefined) i -= 1;
      return i >= 0 && column[i] != null ? [{ run, value: column[i] }] : [];
    });
  }

  #point(chart) {
    const { idx, top, left } = chart.cursor;
    if (idx == null || left < 0) { this.#showLast(); this.#tip?.hide(); return; }
    const values = this.#valuesAt(idx);
    const isHere = this.#plot.matches(":hover");
    let near = values.find((one) => one.run.id === this.#hot) ?? values[0];
    if (isHere && values.length > 1) {
      const away = (one) => Math.abs(chart.valToPos(one.value, "y") - top);
      near = values.reduce((best, one) => (away(one) < away(best) ? one : best));
      if (near.run.id !== this.#hot) this.#options.heat(near.run.id);
      this.#tip.show({ x: axisValue(this.#axis, chart.data[0][idx]), key: this.key, values, near, left: left + chart.over.offsetLeft });
    } else {
      this.#tip?.hide();
    }
    this.#show(near);
  }

  #showLast() {
    const [only] = this.#lines;
    const last = this.#lines.length === 1 ? only.main.findLast((value) => value != null) : undefined;
    this.#show(last === undefined ? null : { run: only.run, value: last });
  }

  #show(one) {
    this.#at.replaceChildren();
    if (!one) return;
    if (this.#options.isMany) {
      const swatch = document.createElement("span");
      swatch.className = `swatch ${colourClass(one.run)}`;
      this.#at.append(swatch);
    }
    const value = document.createElement("b");
    value.textContent = written(one.value);
    this.#at.append(value);
  }
}
