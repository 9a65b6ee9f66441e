// Points as arrays of numbers: joined, smoothed, bounded, framed, averaged. Nothing here knows of a page.
//
// A line is {x, y} with x ascending; a y that is not finite is a gap. On a logarithmic axis both are logarithms.

const BUCKETS = 120;
// Smoothing counts distance in parts of the axis, so that it looks the same whatever the density of points is.
const PARTS = 1000;
// So much of a line's beginning may leave the frame.
const TRANSIENT = 0.06;
const ROOM = 0.06;

// The first place whose value is not below this one.
export const placeOf = (ascending, value) => {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] < value) low = middle + 1; else high = middle;
  }
  return low;
};

const joined = (parts) => {
  const whole = new Float64Array(parts.reduce((length, part) => length + part.length, 0));
  let place = 0;
  for (const part of parts) { whole.set(part, place); place += part.length; }
  return whole;
};

// Points of both by x, each x once: a point may come twice, and writers of a shared run take turns.
export const merge = (held, fresh) => {
  if (!fresh.x.length) return held;
  const [x, y] = [joined([held.x, fresh.x]), joined([held.y, fresh.y])];
  if (!held.x.length || fresh.x[0] > held.x.at(-1)) return { ...held, x, y };
  const points = new Map();
  x.forEach((at, i) => points.set(at, y[i]));
  const inOrder = Float64Array.from(points.keys()).sort();
  return { ...held, x: inOrder, y: inOrder.map((at) => points.get(at)) };
};

// A closer look at a part, set into what is known of the whole.
export const compose = (whole, detail, [first, last]) => {
  const [before, after] = [placeOf(whole.x, first), placeOf(whole.x, last + Number.EPSILON * Math.abs(last))];
  const of = (name) => joined([whole[name].subarray(0, before), detail[name], whole[name].subarray(after)]);
  return { ...whole, x: of("x"), y: of("y") };
};

// Values as an axis has them; NaN for what has no place on it.
export const placed = (values, isLog) => values.map(isLog ? (value) => (value > 0 && value < Infinity ? Math.log10(value) : NaN) : (value) => (Number.isFinite(value) ? value : NaN));

// What a logarithmic x axis can show of a line.
export const positive = (one) => {
  const from = placeOf(one.x, Number.MIN_VALUE);
  return from ? { ...one, x: one.x.subarray(from), y: one.y.subarray(from) } : one;
};

// Where a value was no number, and which of the infinities.
export const oddities = ({ x, y }) => {
  const found = { nan: [], up: [], down: [] };
  for (let i = 0; i < y.length; i += 1) {
    if (Number.isFinite(y[i])) continue;
    (y[i] === Infinity ? found.up : y[i] === -Infinity ? found.down : found.nan).push(x[i]);
  }
  return found;
};

// An exponential moving average whose memory is a distance on the axis. `span` is the length of the whole axis.
export const smooth = ({ x, y }, kept, span) => {
  let sum = 0;
  let weight = 0;
  let before = null;
  return y.map((value, i) => {
    if (!Number.isFinite(value)) return NaN;
    const fade = before === null ? 0 : kept ** (((x[i] - before) / span) * PARTS || 1e-9);
    before = x[i];
    sum = sum * fade + value * (1 - kept);
    weight = weight * fade + (1 - kept);
    return sum / weight;
  });
};

// The least and the most of each stretch of the axis, both at every x.
export const envelope = ({ x, y }) => {
  const low = new Float64Array(y.length).fill(NaN);
  const high = new Float64Array(y.length).fill(NaN);
  const width = (x.at(-1) - x[0]) / BUCKETS || 1;
  for (let start = 0; start < x.length;) {
    const bucket = Math.floor((x[start] - x[0]) / width);
    let end = start;
    let least = Infinity;
    let most = -Infinity;
    while (end < x.length && Math.floor((x[end] - x[0]) / width) === bucket) {
      if (Number.isFinite(y[end])) { least = Math.min(least, y[end]); most = Math.max(most, y[end]); }
      end += 1;
    }
    if (least <= most) { low.fill(least, start, end); high.fill(most, start, end); }
    start = end;
  }
  return { low, high };
};

// The value of a line at x between its points; NaN outside of them, for nothing is known there.
const between = (x, values, at) => {
  const i = placeOf(x, at);
  if (x[i] === at) return values[i];
  if (i === 0 || i === x.length) return NaN;
  return values[i - 1] + ((values[i] - values[i - 1]) * (at - x[i - 1])) / (x[i] - x[i - 1]);
};

// Several runs as one line: at each place the mean of the runs that reach it, each run weighing the same however often
// it logs, between the lowest and the highest of them. The server has averaged each run over the same stretches of the
// axis; where a run logged nothing in a stretch but before and after it, a straight line between these stands in.
export const together = (members) => {
  const x = Float64Array.from(new Set(members.flatMap((one) => [...one.x]))).sort();
  const [y, low, high] = [x.map(() => NaN), x.map(() => NaN), x.map(() => NaN)];
  x.forEach((at, i) => {
    let [sum, count] = [0, 0];
    for (const one of members) {
      const mean = between(one.x, one.y, at);
      if (Number.isNaN(mean)) continue;
      const [least, most] = [between(one.x, one.low, at), between(one.x, one.high, at)];
      low[i] = count ? Math.min(low[i], least) : least;
      high[i] = count ? Math.max(high[i], most) : most;
      sum += mean;
      count += 1;
    }
    if (count) y[i] = sum / count;
  });
  return { x, y, low, high };
};

const bounds = (columns, begins) => {
  let low = Infinity;
  let high = -Infinity;
  let count = 0;
  for (const [values, from, to] of columns) {
    for (let i = from + Math.ceil((to - from) * begins); i < to; i += 1) {
      const value = values[i];
      if (Number.isNaN(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
      count += 1;
    }
  }
  return [low, high, count];
};

// The y range of [values, from, to] as an axis has them. A short transient at the start of a long line may leave the
// frame, so that the rest can be read; of a short line all is shown.
export const frame = (columns, { isLog, isWhole }) => {
  const whole = bounds(columns, 0);
  if (!(whole[0] <= whole[1])) return isLog ? [-1, 0] : [0, 1];
  const rest = isWhole && !isLog ? bounds(columns, TRANSIENT) : whole;
  const isTransient = rest[2] > 100 && rest[1] > rest[0] && whole[1] - whole[0] > 2.5 * (rest[1] - rest[0]);
  const [low, high] = isTransient ? rest : whole;
  const pad = (high - low) * ROOM || (isLog ? Math.log10(2) : Math.abs(high) * 0.1 || 1);
  return [low - pad, high + pad];
};
