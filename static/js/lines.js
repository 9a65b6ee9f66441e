// The runs of a panel as lines to draw, or their groups as means with bands.

import { colourClass, dash } from "./look.js";
import { envelope, oddities, placed, positive, smooth, together } from "./series.js";

const BAND = 0.14;
const FEW = 12; // so many lines may be thick
const SOME = 24; // so many may be opaque
const weight = (count) => ({ width: count > FEW ? 1 : 1.5, alpha: count > SOME ? 0.75 : 1 });

const shape = (one, { isLogX, isLogY }) => ({
  x: isLogX ? placed(one.x, true) : one.x,
  y: placed(one.y, isLogY),
  odd: isLogX ? { nan: [], up: [], down: [] } : oddities(one),
  hasUnplaced: isLogY && one.y.some((value) => value <= 0),
});

const bandOf = ({ low, high }, isLogY) => ({ low: placed(low, isLogY), high: placed(high, isLogY) });

// Smoothed, the line as it was logged lies behind it; where that would be a wall of ink, the band that it fills.
const smoothed = (line, one, view, { span, isDense, bandAlpha }) => {
  const main = placed(smooth(one, view.smoothing, span), view.isLogY);
  if (!isDense) return { ...line, y: main, behind: line.y };
  return { ...line, y: main, band: bandOf(envelope(one), view.isLogY), bandAlpha };
};

export const linesOf = (runs, seriesOf, view, { theme, columns, span, isMany }) => {
  const there = runs.filter((run) => seriesOf(run.id)?.x.length);
  const bandAlpha = BAND / Math.sqrt(there.length || 1);
  return there.map((run) => {
    const one = view.isLogX ? positive(seriesOf(run.id)) : seriesOf(run.id);
    const isDense = one.x.length > columns;
    const { width, alpha } = weight(there.length);
    const line = {
      id: run.id, run, one, isDense: isDense && isMany && !view.smoothing, isLive: run.live, alpha,
      colour: theme.of(colourClass(run)), dash: isDense && !view.smoothing ? [] : dash(run),
      width: isDense && isMany && !view.smoothing ? 1 : width, ...shape(one, view),
    };
    return view.smoothing ? smoothed(line, one, view, { span, isDense, bandAlpha }) : line;
  });
};

// One line a group: the mean of its runs, in the band between the lowest and the highest of them.
export const groupLines = (runs, seriesOf, view, { theme, span }) => {
  const groups = new Map();
  for (const run of runs) {
    if (!seriesOf(run.id)?.x.length) continue;
    const known = groups.get(run.group) ?? [];
    groups.set(run.group, [...known, run]);
  }
  const bandAlpha = BAND / Math.sqrt(Math.max(1, groups.size / 3));
  return [...groups].map(([id, members], place) => {
    const whole = together(members.map((run) => seriesOf(run.id)));
    const keep = view.isLogX ? positive(whole).x.length : whole.x.length;
    const one = Object.fromEntries(["x", "y", "low", "high"].map((name) => [name, whole[name].subarray(whole.x.length - keep)]));
    const run = { id: `group ${id}`, name: members[0].groupName ?? id ?? "", colour: members[0].groupColour ?? place + 1, live: false };
    const line = {
      id: run.id, run, members: new Set(members.map((member) => member.id)), one, isDense: false, isLive: false,
      colour: theme.of(colourClass(run)), dash: dash(run), ...weight(groups.size), ...shape(one, view),
      band: bandOf(one, view.isLogY), bandAlpha,
    };
    return view.smoothing ? { ...line, y: placed(smooth(one, view.smoothing, span), view.isLogY) } : line;
  });
};
