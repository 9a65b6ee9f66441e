// One metric of one or several runs, drawn by uPlot.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { Tip } from "./tip.js";
import { figure as written, tick } from "./figures.js";

const RING = 7;
const DIM = 0.66;
const DASHES = [[], [5, 3], [1, 3]];
const COLOURS = 12;

const colourClass = (run) => `run-${((run.colour - 1) % COLOURS) + 1}`;
const dash = (run) => DASHES[Math.floor((run.colour - 1) / COLOURS) % DASHES.length];

// The y range of what is drawn. A short transient at the start may leave the frame, so that the rest can be read.
const frame = (columns) => {
  const least = (values) => values.reduce((low, value) => Math.min(low, value), Infinity);
  const most = (values) => values.reduce((high, value) => Math.max(high, value), -Infinity);
  const known = (values) => values.filter((value) => value != null);
  const all = columns.flatMap(known);
  if (!all.length) return [0, 1];
  const later = columns.flatMap((values) => known(values).slice(Math.ceil(known(values).length * 0.06)));
  const whole = [least(all), most(all)];
  const rest = later.length > 20 ? [least(later), most(later)] : whole;
  const [low, high] = whole[1] - whole[0] > 2.5 * (rest[1] - rest[0]) && rest[1] > rest[0] ? rest : whole;
  const pad = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [low - pad, high + pad];
};

// Points of both by x, each x once: a point may come twice, and writers of a shared run take turns.
const merge = (held, fresh) => {
  const points = new Map(held.x.map((x, i) => [x, held.y[i]]));
  fresh.x.forEach((x, i) => points.set(x, fresh.y[i]));
  const inOrder = [...points].sort((a, b) => a[0] - b[0]);
  held.x = inOrder.map(([x]) => x);
  held.y = inOrder.map(([, y]) => y);
  held.nan = [...new Set([...held.nan, ...fresh.nan])];
};

export class Panel {
  #figure; #plot; #at; #options; #tip;
  #series = new Map();
  #chart = null;
  #columns = [];
  #hot = null;
  #visible = false;
  #asked = false;

  constructor(figure, options) {
    this.#figure = figure;
    this.#plot = figure.querySelector(".plot");
    this.#at = figure.querySelector(".at");
    this.#options = options;
    this.#tip = options.runs.length > 1 ? new Tip(figure) : null;
  }

  setVisible(visible) {
    this.#visible = visible;
    if (visible && !this.#asked) this.#load();
  }

  setHot(id) {
    if (this.#hot === id) return;
    this.#hot = id;
    if (!this.#chart) return;
    this.#shown().forEach((run, index) => { this.#chart.series[index + 1].alpha = !id || run.id === id ? 1 : DIM; });
    this.#chart.redraw(false);
    if (!this.#plot.matches(":hover")) this.#point(this.#chart);
  }

  fit() { if (this.#chart) this.#chart.setSize(this.#size()); }

  redraw() { if (this.#chart) this.#draw(); }

  // Ask for what came since; only for a panel that is looked at and that has all before.
  async follow() {
    if (!this.#visible || !this.#asked || this.#options.runs.length > 1) return;
    const held = [...this.#series.values()][0];
    if (!held) { await this.#load(); return; }
    const answer = await this.#fetch({ cursor: held.cursor });
    const [fresh] = answer?.series ?? [];
    if (!fresh) return;
    if (fresh.is_reset) { await this.#load(); return; }
    held.cursor = fresh.cursor;
    if (!fresh.x.length) return;
    merge(held, fresh);
    this.#chart.setData(this.#table());
    this.#showLast();
  }

  async #load() {
    this.#asked = true;
    this.#figure.setAttribute("aria-busy", "true");
    const answer = await this.#fetch({});
    this.#figure.removeAttribute("aria-busy");
    if (!answer) { this.#say(this.#figure.dataset.failed, () => this.#load()); return; }
    for (const one of answer.series) if (one.x.length) this.#series.set(one.run, one);
    if (!this.#series.size) { this.#say(this.#figure.dataset.empty); return; }
    this.#draw();
  }

  async #fetch(more) {
    const { source, stream, runs, points } = this.#options;
    const query = new URLSearchParams({ key: this.#figure.dataset.key, points: points(), ...more });
    if (stream) query.set("stream", stream);
    if (runs.length > 1 || !source.includes("/runs/")) for (const run of runs) query.append("run", run.id);
    try {
      const response = await fetch(`${source}?${query}`, { headers: { Accept: "application/json" } });
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
    this.#plot.replaceChildren(line);
  }

  #shown() { return this.#options.runs.filter((run) => this.#series.has(run.id)); }

  // One column of steps and one of values a run. What a run does not have at a step is no gap; what was NaN is.
  #table() {
    const tables = this.#shown().map((run) => { const one = this.#series.get(run.id); return [one.x, one.y]; });
    const joined = tables.length > 1 ? uPlot.join(tables, tables.map(() => [1, 1])) : tables[0];
    this.#columns = joined.slice(1);
    return joined;
  }

  #size() { return { width: this.#plot.clientWidth, height: this.#plot.clientHeight }; }

  #draw() {
    this.#chart?.destroy();
    this.#plot.replaceChildren();
    const data = this.#table();
    this.#chart = new uPlot({ ...this.#size(), ...this.#look() }, data, this.#plot);
    this.#showLast();
  }

  #look() {
    const { theme } = this.#options;
    const family = getComputedStyle(this.#plot).fontFamily;
    const axis = { stroke: theme.of("ink-3"), font: `11px ${family}`, ticks: { show: false } };
    const step = this.#figure.dataset.x;
    return {
      legend: { show: false },
      padding: [8, 14, 0, 0],
      focus: { alpha: 1 },
      cursor: {
        y: false, drag: { x: false, y: false, setScale: false },
        sync: { key: `ownlog-${step}`, setSeries: false },
        hover: { prox: 12 },
        points: { size: RING, width: 2, stroke: (chart, i) => chart.series[i].stroke(), fill: theme.of("sheet") },
      },
      scales: { x: { time: false }, y: { range: () => frame(this.#columns) } },
      axes: [
        { ...axis, size: 22, gap: 4, space: 58, grid: { show: false }, border: { show: true, stroke: theme.of("rule-strong"), width: 1 },
          values: (_, ticks) => ticks.map(tick) },
        { ...axis, size: 46, gap: 6, space: 34, grid: { stroke: theme.of("rule"), width: 1 }, values: (_, ticks) => ticks.map(tick) },
      ],
      series: [{}, ...this.#shown().map((run) => ({
        label: run.name, width: this.#isDense(run) ? 1 : 1.5, dash: dash(run), stroke: theme.of(colourClass(run)), points: { show: this.#isSparse(run), size: 4 },
      }))],
      hooks: {
        draw: [(chart) => this.#over(chart)],
        setCursor: [(chart) => this.#point(chart)],
      },
    };
  }

  // Noise that fills the width would bury its neighbours under a thick line.
  #isDense(run) { return this.#options.runs.length > 1 && this.#series.get(run.id).x.length > this.#plot.clientWidth; }

  // Points that no line would join are drawn as points.
  #isSparse(run) { return this.#series.get(run.id).x.length < 2; }

  // What lies over the lines: the hot one again with a halo, a ring at each live end, a mark where a value was NaN.
  #over(chart) {
    const { theme } = this.#options;
    const { ctx } = chart;
    const ratio = devicePixelRatio;
    const { left, top, width, height } = chart.bbox;
    ctx.save();
    ctx.beginPath(); ctx.rect(left, top, width, height); ctx.clip();
    this.#shown().forEach((run, index) => {
      const path = chart.series[index + 1]._paths?.stroke;
      if (run.id !== this.#hot || !path) return;
      ctx.lineJoin = "round";
      ctx.strokeStyle = theme.of("sheet"); ctx.lineWidth = (this.#isDense(run) ? 3 : 5) * ratio; ctx.stroke(path);
      ctx.strokeStyle = theme.of(colourClass(run)); ctx.lineWidth = (this.#isDense(run) ? 1.5 : 2.5) * ratio; ctx.stroke(path);
    });
    ctx.restore();
    ctx.save();
    ctx.lineWidth = 2 * ratio;
    for (const run of this.#shown()) {
      const one = this.#series.get(run.id);
      ctx.strokeStyle = theme.of("brick");
      for (const at of one.nan) {
        const x = chart.valToPos(at, "x", true);
        ctx.beginPath(); ctx.moveTo(x, top + height - 4 * ratio); ctx.lineTo(x, top + height); ctx.stroke();
      }
      const last = one.y.at(-1);
      if (!run.live || last == null) continue;
      ctx.strokeStyle = theme.of(colourClass(run)); ctx.fillStyle = theme.of("sheet");
      ctx.beginPath();
      ctx.arc(chart.valToPos(one.x.at(-1), "x", true), chart.valToPos(last, "y", true), 3 * ratio, 0, 2 * Math.PI);
      ctx.fill(); ctx.stroke();
    }
    ctx.restore();
  }

  // The value of each run at, or last before, the crosshair; of none that had ended by then.
  #valuesAt(index) {
    const x = this.#chart.data[0][index];
    return this.#shown().flatMap((run, position) => {
      const column = this.#columns[position];
      let i = x <= this.#series.get(run.id).x.at(-1) ? index : -1;
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
      this.#tip.show({ x: `${this.#figure.dataset.x} ${tick(chart.data[0][idx])}`, key: this.#figure.dataset.key, values, near, left: left + chart.over.offsetLeft });
    } else {
      this.#tip?.hide();
    }
    this.#show(near);
  }

  #showLast() {
    const runs = this.#shown();
    const last = runs.length === 1 ? this.#series.get(runs[0].id).y.findLast((value) => value != null) : undefined;
    this.#show(last === undefined ? null : { run: runs[0], value: last });
  }

  #show(one) {
    this.#at.replaceChildren();
    if (!one) return;
    if (this.#options.runs.length > 1) {
      const swatch = document.createElement("span");
      swatch.className = `swatch ${colourClass(one.run)}`;
      this.#at.append(swatch);
    }
    const value = document.createElement("b");
    value.textContent = written(one.value);
    this.#at.append(value);
  }
}
