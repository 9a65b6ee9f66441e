// How a panel looks: its axes and its crosshair, as uPlot is told. The lines are drawn by ink.js.

import { inUnit, RUNNING_STEPS, tick, ticksOf } from "./figures.js";

const COLOURS = 12;
const DASHES = [[], [5, 3], [1, 3]];
const LEAST_DRAG = 6;
const LOGARITHMIC = 3;

export const colourClass = (run) => `run-${((run.colour - 1) % COLOURS) + 1}`;
export const patternClass = (run) => ["", "dashed", "dotted"][Math.floor((run.colour - 1) / COLOURS) % DASHES.length];
export const dash = (run) => DASHES[Math.floor((run.colour - 1) / COLOURS) % DASHES.length];
// Two pointers of one page move together; a drag is one panel's own.
const moves = (type) => type === "mousemove" || type === "mouseleave";

// `ranges` gives the ranges of x and y that are shown now, in values.
export const look = ({ theme, view, sync, unit, axis, ranges, family, onPoint, onZoom, onReset }) => {
  const common = { stroke: theme.of("ink-3"), font: `11px ${family}`, ticks: { show: false } };
  return {
    legend: { show: false },
    padding: [8, 14, 0, 0],
    cursor: {
      y: false, points: { show: false }, drag: { x: true, y: false, setScale: false, dist: LEAST_DRAG },
      bind: {
        dblclick: () => () => { onReset(); return null; },
        mousedown: (chart, target, begin) => (event) => { if (event.button === 0 && !event.shiftKey) begin(event); },
      },
      sync: { key: `${sync} ${axis}`, setSeries: false, filters: { pub: moves, sub: moves } },
    },
    scales: {
      x: { time: false, distr: view.isLogX ? LOGARITHMIC : 1, range: () => ranges().x },
      y: { distr: view.isLogY ? LOGARITHMIC : 1, range: () => ranges().y },
    },
    axes: [
      { ...common, size: 22, gap: 4, space: 58, grid: { show: false }, border: { show: true, stroke: theme.of("rule-strong"), width: 1 },
        ...(axis === "_runtime" && !view.isLogX ? { incrs: RUNNING_STEPS } : {}), values: (_, ticks, __, ___, every) => ticksOf(axis, ticks, every) },
      { ...common, size: 46, gap: 6, space: 34, grid: { stroke: theme.of("rule"), width: 1 }, values: (_, ticks) => ticks.map((one) => (one == null ? null : inUnit(one, unit, tick))) },
    ],
    series: [{}, { show: false }],
    hooks: { setCursor: [onPoint], setSelect: [(chart) => zoomTo(chart, onZoom)] },
  };
};

// As many digits as the axis can tell apart.
export const rounded = ([low, high]) => {
  const digits = Math.max(0, Math.min(12, 3 - Math.floor(Math.log10(high - low))));
  return [Number(low.toFixed(digits)), Number(high.toFixed(digits))];
};

const zoomTo = (chart, onZoom) => {
  const { left, width } = chart.select;
  if (width < LEAST_DRAG) return;
  const [low, high] = [chart.posToVal(left, "x"), chart.posToVal(left + width, "x")];
  chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  onZoom([low, high]);
};
