// One metric of one or several runs: what it asks for, and what it shows of it.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { axisValue, figure, inUnit } from "./figures.js";
import { wireGestures } from "./gestures.js";
import { Held } from "./held.js";
import { Ink } from "./ink.js";
import { groupLines, linesOf } from "./lines.js";
import { colourClass, look, patternClass, rounded } from "./look.js";
import { mark } from "./marks.js";
import { PanelMenu } from "./panel_menu.js";
import { frame, placeOf } from "./series.js";
import { Tip } from "./tip.js";

const SAID = 5; // so many last values are said to whoever does not see
const OUTSIDE = 0.5; // so much of the frame may be panned beyond the ends

export class Panel {
  #figure; #plot; #at; #beside; #options; #tip; #menu; #held;
  #ink = new Ink("ink");
  #over = new Ink("ink over");
  #ring = document.createElement("span");
  #lines = []; // what is drawn
  #chart = null;
  #drawnAs = ""; // for which axis and scales the chart was made
  #ranges = { x: [0, 1], y: [0, 1] }; // as the axes are spaced: logarithms where they are logarithmic
  #hot = null;
  #isVisible = false;
  #heldFor = null;
  #painting = 0; // the frame that is to paint
  #awaited = 0; // so many answers are waited for

  constructor(figure, options) {
    this.#figure = figure;
    this.#plot = figure.querySelector(".plot");
    this.#at = figure.querySelector(".at");
    this.#beside = figure.querySelector(".beside");
    this.#options = options;
    this.#tip = options.isMany ? new Tip(figure) : null;
    this.#menu = new PanelMenu(figure, this);
    this.#held = new Held((runs, more) => `${options.source}?${this.#query(runs, more)}`);
    this.#ring.className = "point";
    wireGestures(this.#plot, this);
  }

  #written(value) { return inUnit(value, this.#figure.dataset.unit, figure); }

  get key() { return this.#figure.dataset.key; }
  get theme() { return this.#options.theme; }
  get over() { return this.#chart?.over ?? null; }
  get range() { return this.#ranges.x; }
  get isZoomed() { return this.#zoom !== null; }
  get shown() { return this.#lines.map((line) => line.run); }
  // The pictures that lie on each other, with where they lie.
  get layers() {
    if (!this.#chart) return [];
    const { left, top } = this.#chart.bbox;
    return [[this.#chart.ctx.canvas, 0, 0], [this.#ink.canvas, left, top], [this.#over.canvas, left, top]];
  }

  get axis() {
    const { view, stream } = this.#options;
    return view.x || this.#figure.dataset.axis || (stream ? "_runtime" : "_step");
  }

  get #runs() { return this.#options.runs(); }
  get #zoom() { return this.#options.view.zoomOf(this.axis); }
  get #isGrouped() { return this.#options.view.hasGroups && this.#runs.some((run) => run.group != null); }
  // As many columns of points as the panel has pixels across, in steps: a little wider is not another question.
  get #columns() { return Math.min(1500, Math.max(150, Math.ceil(this.#plot.clientWidth / 50) * 50)); }

  // What is out of sight is not drawn and asks for nothing; what came stays.
  setVisible(isVisible) {
    if (this.#isVisible === isVisible) return;
    this.#isVisible = isVisible;
    if (isVisible) { this.renew(); return; }
    this.#held.takeBack();
    this.#forget();
    this.#plot.replaceChildren();
  }

  setHot(id) {
    const line = id === null ? null : this.#lines.find((one) => one.id === id || one.members?.has(id));
    const hot = line?.id ?? null;
    if (this.#hot === hot) return;
    this.#hot = hot;
    if (!this.#chart) return;
    this.#figure.classList.toggle("has-hot", hot !== null);
    this.#mark(true);
    if (!this.#plot.matches(":hover")) this.#point(this.#chart);
  }

  fit() {
    if (!this.#chart) return;
    const { width, height } = this.#chart;
    const size = this.#size();
    if (size.width === width && size.height === height) return;
    this.#chart.setSize(size);
    this.#layOut();
    this.#draw();
  }

  redraw() {
    this.#drawnAs = "";
    if (this.#chart) this.#draw();
  }

  resetZoom() { this.#options.view.set({ zoom: null }); }

  // The view or the runs have changed: draw what is there, ask for what is missing.
  async renew() {
    if (!this.#isVisible) return;
    if (this.#heldFor !== this.axis) { this.#held.forget(); this.#heldFor = this.axis; }
    const asked = { zoom: this.#zoom, columns: this.#columns, arrived: () => { if (this.#isVisible) this.#draw(); } };
    const runs = this.#runs;
    this.#awaited += 1;
    this.#tellRest();
    if (!this.#held.isEmpty) this.#draw();
    else if (!this.#chart) this.#figure.setAttribute("aria-busy", "true");
    const hasAll = await (this.#isGrouped ? this.#held.average(runs, asked) : this.#held.fill(runs, asked));
    this.#figure.removeAttribute("aria-busy");
    if (!hasAll && this.#isVisible) this.#say(this.#figure.dataset.failed, () => this.renew());
    else if (!this.#chart && this.#isVisible && !this.#held.isEmpty) this.#draw();
    this.#awaited -= 1;
    this.#tellRest();
  }

  // Says on the figure that nothing is on its way and all that came is painted: who takes its picture waits for this.
  #tellRest() { this.#figure.toggleAttribute("data-rests", !this.#awaited && !this.#painting); }

  // Ask for what came since; only for a panel that is looked at.
  async follow() {
    if (!this.#isVisible) return;
    const live = this.#runs.filter((run) => run.live);
    if (live.length && await this.#held.follow(live)) await this.renew();
  }

  // ── What a hand does ──

  // Another part of the axis, while the hand moves. All panels over this axis go along.
  reach(range) {
    const within = this.#within(range);
    this.#options.view.glide(this.axis, this.#values(within, "isLogX"), this);
    this.glide(within);
  }

  glide(range) {
    if (!this.#chart) return;
    this.#ranges = { ...this.#ranges, x: range };
    const [min, max] = this.#values(range, "isLogX");
    this.#chart.setScale("x", { min, max });
    this.#ink.move(this.#lines, this.#ranges);
    this.#mark(false);
  }

  glideTo(axis, zoom) {
    if (axis !== this.axis || !this.#isVisible) return;
    this.glide(this.#options.view.isLogX ? zoom.map(Math.log10) : zoom);
  }

  settle() {
    const zoom = rounded(this.#values(this.#ranges.x, "isLogX"));
    if (zoom[0] < zoom[1]) this.#options.view.set({ zoom, zoomAxis: this.axis });
  }

  // No closer than numbers can tell apart, no further than a little beyond all there is.
  #within([low, high]) {
    const all = this.#held.extent(this.#runs);
    if (!all) return [low, high];
    const [first, last] = this.#options.view.isLogX ? all.map((x) => Math.log10(Math.max(x, Number.MIN_VALUE))) : all;
    const whole = last - first || 1;
    const span = Math.min(whole * (1 + OUTSIDE), Math.max(high - low, whole * 1e-6));
    const start = Math.min(Math.max(low, first - span * OUTSIDE), last + span * OUTSIDE - span);
    return [start, start + span];
  }

  // The address at which the same points are given as something else: "csv", "table".
  address(kind) {
    const zoom = this.#zoom;
    return `${this.#options.source}/${kind}?${this.#query(this.#runs, zoom ? { first: zoom[0], last: zoom[1] } : {})}`;
  }

  #query(runs, { cursor = [], ...more }) {
    const { source, stream } = this.#options;
    const query = new URLSearchParams({ key: this.key, x: this.axis, ...more });
    if (stream) query.set("stream", stream);
    if (!source.includes("/runs/")) for (const run of runs) query.append("run", run.id);
    for (const one of cursor) query.append("cursor", one);
    return query;
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
    cancelAnimationFrame(this.#painting);
    this.#painting = 0;
    this.#chart?.destroy();
    this.#chart = null;
    this.#drawnAs = "";
    this.#lines = [];
    this.#at.replaceChildren();
    this.#tip?.hide();
    this.#beside.hidden = true;
  }

  // ── Drawing ──

  #values(range, isLog) { return this.#options.view[isLog] ? range.map((value) => 10 ** value) : range; }

  #size() { return { width: this.#plot.clientWidth, height: this.#plot.clientHeight }; }

  #draw() {
    const { view, theme, isMany } = this.#options;
    const runs = this.#runs;
    const isGrouped = this.#isGrouped;
    const all = this.#held.extent(runs);
    const span = all ? all[1] - all[0] || 1 : 1;
    const options = { theme, span, isMany, columns: this.#plot.clientWidth };
    this.#lines = isGrouped ? groupLines(runs, (id) => this.#held.mean(id), view, options) : linesOf(runs, (id) => this.#held.of(id), view, options);
    if (!this.#lines.some((line) => line.x.length)) {
      const isAbsent = !this.#zoom && !this.#lines.length;
      this.#say(isAbsent ? this.#figure.dataset.empty : this.#figure.dataset.nothing);
      return;
    }
    this.#ranges.x = this.#wide();
    this.#ranges.y = frame(this.#inSight(), { isLog: view.isLogY, isWhole: !this.#zoom });
    this.#makeChart();
    this.#tell(runs, isGrouped);
    this.#paintSoon();
    if (!this.#plot.matches(":hover")) this.#showLast();
  }

  // One panel a frame: a page of them that all drew at once would hold up the hand.
  #paintSoon() {
    cancelAnimationFrame(this.#painting);
    const paint = () => {
      if (!this.#options.mayPaint()) { this.#painting = requestAnimationFrame(paint); return; }
      this.#ink.paint(this.#lines, this.#ranges);
      this.#mark(true);
      this.#painting = 0;
      this.#tellRest();
    };
    this.#painting = requestAnimationFrame(paint);
    this.#tellRest();
  }

  #wide() {
    const zoom = this.#zoom;
    if (zoom) return this.#options.view.isLogX ? zoom.map((x) => Math.log10(Math.max(x, 1e-300))) : [...zoom];
    const ends = this.#lines.filter((line) => line.x.length).map(({ x }) => [x[0], x.at(-1)]);
    const [low, high] = [Math.min(...ends.map(([first]) => first)), Math.max(...ends.map(([, last]) => last))];
    if (low < high) return [low, high];
    const room = this.#options.view.isLogX ? Math.log10(2) : Math.abs(low) * 0.1 || 0.5;
    return [low - room, high + room];
  }

  #inSight() {
    const [from, to] = this.#ranges.x;
    return this.#lines.flatMap(({ x, y, band }) => {
      const ends = [placeOf(x, from), placeOf(x, to + Math.abs(to) * Number.EPSILON)];
      return [y, ...(band ? [band.low, band.high] : [])].map((values) => [values, ...ends]);
    });
  }

  #makeChart() {
    const { theme, view, sync } = this.#options;
    const { axis } = this;
    const as = `${axis} ${view.isLogX} ${view.isLogY}`;
    if (this.#chart && this.#drawnAs === as) {
      const [[min, max], y] = [this.#values(this.#ranges.x, "isLogX"), this.#values(this.#ranges.y, "isLogY")];
      this.#chart.batch(() => {
        this.#chart.setScale("x", { min, max });
        this.#chart.setScale("y", { min: y[0], max: y[1] });
      });
      return;
    }
    const lines = this.#lines;
    this.#forget();
    [this.#lines, this.#drawnAs] = [lines, as];
    this.#plot.replaceChildren();
    const ranges = () => ({ x: this.#values(this.#ranges.x, "isLogX"), y: this.#values(this.#ranges.y, "isLogY") });
    const options = look({
      theme, view, sync, unit: this.#figure.dataset.unit, axis, ranges, family: getComputedStyle(this.#plot).fontFamily, onPoint: (chart) => this.#point(chart),
      onZoom: (zoom) => view.set({ zoom: rounded(zoom), zoomAxis: axis }), onReset: () => this.resetZoom(),
    });
    this.#chart = new uPlot({ ...this.#size(), ...options }, [ranges().x, [null, null]], this.#plot);
    this.#chart.over.before(this.#ink.canvas, this.#over.canvas);
    this.#chart.over.append(this.#ring);
    this.#layOut();
  }

  #layOut() {
    const ratio = devicePixelRatio;
    const { left, top, width, height } = this.#chart.bbox;
    const box = { left: left / ratio, top: top / ratio, width: width / ratio, height: height / ratio };
    for (const ink of [this.#ink, this.#over]) ink.fit(box, ratio);
  }

  #mark(isResting) {
    const { theme, view } = this.#options;
    mark(this.#over.canvas, this.#over.ctx, {
      lines: this.#lines, ranges: this.#ranges, hot: this.#hot, theme, isLogY: view.isLogY, ratio: devicePixelRatio, isResting,
      family: isResting ? getComputedStyle(this.#plot).fontFamily : "",
    });
  }

  // In words: what the chart ends with, which runs have no place on this axis, which values none on this scale.
  #tell(runs, isGrouped) {
    const { described, lacking, unplaced } = this.#figure.dataset;
    const last = this.#lines.slice(0, SAID).map(({ run, one }) => {
      const value = one.y.findLast((each) => !Number.isNaN(each));
      return value === undefined ? run.name : `${run.name} ${this.#written(value)}`;
    });
    const rest = this.#lines.length - last.length;
    this.#plot.setAttribute("aria-label", described.replace("{values}", () => last.join(", ") + (rest ? `, +${rest}` : "")));
    const words = [];
    const count = runs.length - this.#lines.length;
    if (this.axis !== "_step" && !isGrouped && count > 0) words.push(lacking.replace("{axis}", () => this.axis).replace("{count}", count));
    if (this.#lines.some((line) => line.hasUnplaced)) words.push(unplaced);
    this.#beside.textContent = words.join(" ");
    this.#beside.hidden = !words.length;
  }

  // ── The crosshair ──

  // The value of each line at, or last before, the crosshair; of none that had ended by then or not begun.
  #valuesAt(x) {
    const found = [];
    for (const { run, one, x: xs, y } of this.#lines) {
      if (!xs.length || x > xs.at(-1)) continue;
      let i = placeOf(xs, x);
      if (i === xs.length || xs[i] > x) i -= 1;
      while (i >= 0 && Number.isNaN(y[i])) i -= 1;
      if (i >= 0) found.push({ run, value: this.#options.view.isLogY ? 10 ** y[i] : y[i], at: one.x[i] });
    }
    return found;
  }

  #point(chart) {
    const { top, left } = chart.cursor;
    if (left == null || left < 0) { this.#showLast(); this.#tip?.hide(); this.#ring.hidden = true; return; }
    const { view, heat } = this.#options;
    const at = chart.posToVal(left, "x");
    const values = this.#valuesAt(view.isLogX ? Math.log10(at) : at);
    let near = values.find((one) => one.run.id === this.#hot) ?? values[0];
    if (this.#plot.matches(":hover") && values.length && this.#tip) {
      const away = (one) => Math.abs(chart.valToPos(one.value, "y") - top);
      near = values.reduce((best, one) => (away(one) < away(best) ? one : best));
      if (near.run.id !== this.#hot) heat(near.run.id, this);
      this.#tip.show({ x: axisValue(this.axis, near.at), key: this.key, values, near, left: left + chart.over.offsetLeft });
    } else {
      this.#tip?.hide();
    }
    this.#show(near);
    this.#ring.hidden = !near;
    if (!near) return;
    this.#ring.className = `point ${colourClass(near.run)}`;
    this.#ring.style.setProperty("transform", `translate(${chart.valToPos(near.at, "x")}px, ${chart.valToPos(near.value, "y")}px)`);
  }

  #showLast() {
    const [only] = this.#lines;
    const last = this.#lines.length === 1 ? only.y.findLast((value) => !Number.isNaN(value)) : undefined;
    this.#show(last === undefined ? null : { run: only.run, value: this.#options.view.isLogY ? 10 ** last : last });
  }

  #show(one) {
    this.#at.replaceChildren();
    if (!one) return;
    if (this.#options.isMany) {
      const swatch = document.createElement("span");
      swatch.className = `swatch ${colourClass(one.run)} ${patternClass(one.run)}`;
      this.#at.append(swatch);
    }
    const value = document.createElement("b");
    value.textContent = this.#written(one.value);
    this.#at.append(value);
  }
}
