// How a panel looks: what uPlot is told, and what is drawn over its lines.

import { frame } from "./series.js";
import { RUNNING_STEPS, tick, ticksOf } from "./figures.js";

const RING = 7;
export const DIM = 0.66;
const BEHIND = 0.28;
const BAND = 0.14;
const COLOURS = 12;
const DASHES = [[], [5, 3], [1, 3]];
const LEAST_DRAG = 6;
const LOGARITHMIC = 3;

export const colourClass = (run) => `run-${((run.colour - 1) % COLOURS) + 1}`;
const dash = (run) => DASHES[Math.floor((run.colour - 1) / COLOURS) % DASHES.length];
const thin = (colour, alpha) => colour.replace(/^rgb\((.+)\)$/, `rgba($1, ${alpha})`);
// Two pointers of one page move together; a drag is one panel's own.
const moves = (type) => type === "mousemove" || type === "mouseleave";

const behind = ({ run, extras }, theme) => {
  const colour = theme.of(colourClass(run));
  if (extras.length === 1) return [{ stroke: colour, alpha: BEHIND, width: 1, points: { show: false } }];
  return extras.map(() => ({ stroke: colour, width: 0, points: { show: false } }));
};

// Bands of several runs lie on each other, so each is fainter.
const bands = (lines, theme) => {
  const alpha = BAND / Math.sqrt(lines.filter((line) => line.extras.length === 2).length);
  const found = [];
  let place = 1;
  for (const { run, extras } of lines) {
    if (extras.length === 2) found.push({ series: [place + 1, place], fill: thin(theme.of(colourClass(run)), alpha), dir: -1 });
    place += extras.length;
  }
  return found;
};

const cursorPoint = (first) => (chart, i) => {
  if (i < first) return false;
  const point = document.createElement("div");
  point.className = "u-cursor-pt";
  return point;
};

export const look = ({ lines, theme, view, sync, first, axis, columns, family, hot, onPoint, onZoom, onReset }) => {
  const common = { stroke: theme.of("ink-3"), font: `11px ${family}`, ticks: { show: false } };
  const inSight = (chart) => {
    const [from, to] = chart.series[0].idxs ?? [0, undefined];
    return columns().map((values) => values.slice(from ?? 0, to == null ? undefined : to + 1));
  };
  const x = { time: axis === "_timestamp", distr: view.isLogX ? LOGARITHMIC : 1 };
  if (view.zoom) x.range = () => view.zoom;
  else if (view.isLogX) x.range = (_, low, high) => (low < high ? [low, high] : [low / 2, high * 2]);
  return {
    legend: { show: false },
    padding: [8, 14, 0, 0],
    focus: { alpha: 1 },
    cursor: {
      y: false, drag: { x: true, y: false, setScale: false, dist: LEAST_DRAG },
      bind: { dblclick: () => () => { onReset(); return null; } },
      sync: { key: `${sync} ${axis}`, setSeries: false, filters: { pub: moves, sub: moves } },
      hover: { prox: 12 },
      points: { show: cursorPoint(first), size: RING, width: 2, stroke: (chart, i) => chart.series[i].stroke(), fill: theme.of("sheet") },
    },
    scales: { x, y: { distr: view.isLogY ? LOGARITHMIC : 1, range: (chart) => frame(inSight(chart), { isLog: view.isLogY, isWhole: !view.zoom }) } },
    axes: [
      { ...common, size: 22, gap: 4, space: 58, grid: { show: false }, border: { show: true, stroke: theme.of("rule-strong"), width: 1 },
        ...(axis === "_runtime" && !view.isLogX ? { incrs: RUNNING_STEPS } : {}), values: (_, ticks, __, ___, every) => ticksOf(axis, ticks, every) },
      { ...common, size: 46, gap: 6, space: 34, grid: { stroke: theme.of("rule"), width: 1 }, values: (_, ticks) => ticks.map((one) => (one == null ? null : tick(one))) },
    ],
    bands: bands(lines, theme),
    series: [
      {},
      ...lines.flatMap((line) => behind(line, theme)),
      ...lines.map(({ run, one, isDense }) => ({
        label: run.name, width: isDense ? 1 : 1.5, dash: dash(run), stroke: theme.of(colourClass(run)),
        points: { show: one.x.length < 2, size: 4 }, // what no line would join
      })),
    ],
    hooks: {
      draw: [(chart) => over(chart, { lines, theme, first, hot: hot() }), (chart) => beyond(chart, { lines, theme, family })],
      setCursor: [onPoint],
      setSelect: [(chart) => zoomTo(chart, onZoom)],
    },
  };
};

const zoomTo = (chart, onZoom) => {
  const { left, width } = chart.select;
  if (width < LEAST_DRAG) return;
  const [low, high] = [chart.posToVal(left, "x"), chart.posToVal(left + width, "x")];
  chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  // As many digits as the axis can tell apart.
  const digits = Math.max(0, Math.min(12, 3 - Math.floor(Math.log10(high - low))));
  onZoom([Number(low.toFixed(digits)), Number(high.toFixed(digits))]);
};

// What lies over the lines: the hot one again with a halo, a ring at each live end, a mark where a value was NaN.
const over = (chart, { lines, theme, first, hot }) => {
  const { ctx } = chart;
  const ratio = devicePixelRatio;
  const { left, top, width, height } = chart.bbox;
  ctx.save();
  ctx.beginPath(); ctx.rect(left, top - 4 * ratio, width + 4 * ratio, height + 4 * ratio); ctx.clip();
  lines.forEach(({ run, isDense }, index) => {
    const path = chart.series[first + index]._paths?.stroke;
    if (run.id !== hot || !path) return;
    ctx.lineJoin = "round";
    ctx.strokeStyle = theme.of("sheet"); ctx.lineWidth = (isDense ? 3 : 5) * ratio; ctx.stroke(path);
    ctx.strokeStyle = theme.of(colourClass(run)); ctx.lineWidth = (isDense ? 1.5 : 2.5) * ratio; ctx.stroke(path);
  });
  ctx.lineWidth = 2 * ratio;
  for (const { run, one, main } of lines) {
    ctx.strokeStyle = theme.of("brick");
    for (const at of one.nan) {
      const x = chart.valToPos(at, "x", true);
      ctx.beginPath(); ctx.moveTo(x, top + height - 4 * ratio); ctx.lineTo(x, top + height); ctx.stroke();
    }
    const last = main.at(-1);
    if (!run.live || last == null) continue;
    ctx.strokeStyle = theme.of(colourClass(run)); ctx.fillStyle = theme.of("sheet");
    ctx.beginPath();
    ctx.arc(chart.valToPos(one.x.at(-1), "x", true), chart.valToPos(last, "y", true), 3 * ratio, 0, 2 * Math.PI);
    ctx.fill(); ctx.stroke();
  }
  ctx.restore();
};

// What the frame cuts off is named where the lines leave it: how high they have been, how low.
const beyond = (chart, { lines, theme, family }) => {
  const { x: wide, y: high } = chart.scales;
  const out = { above: [], below: [] };
  for (const { one, main } of lines) {
    main.forEach((value, i) => {
      if (value == null || one.x[i] < wide.min || one.x[i] > wide.max) return;
      if (value > high.max) out.above.push([one.x[i], value]);
      if (value < high.min) out.below.push([one.x[i], value]);
    });
  }
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.font = `${11 * devicePixelRatio}px ${family}`;
  ctx.fillStyle = theme.of("ink-3");
  ctx.textAlign = "start";
  ctx.textBaseline = "alphabetic";
  const write = (points, sign, pick, y) => {
    if (!points.length) return;
    const last = points.reduce((found, [at]) => Math.max(found, at), -Infinity);
    const far = points.reduce((found, [, value]) => pick(found, value), points[0][1]);
    ctx.fillText(`${sign} ${tick(far)}`, chart.valToPos(last, "x", true) + 14 * devicePixelRatio, y);
  };
  write(out.above, "↑", Math.max, bbox.top + 8 * devicePixelRatio);
  write(out.below, "↓", Math.min, bbox.top + bbox.height - 4 * devicePixelRatio);
  ctx.restore();
};
