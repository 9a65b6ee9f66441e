// Points as arrays: joined, smoothed, bounded, framed. Nothing here knows of a page.

const BUCKETS = 120;
// Smoothing counts distance in parts of the axis, so that it looks the same whatever the density of points is.
const PARTS = 1000;

// Points of both by x, each x once: a point may come twice, and writers of a shared run take turns.
export const merge = (held, fresh) => {
  const points = new Map(held.x.map((x, i) => [x, held.y[i]]));
  fresh.x.forEach((x, i) => points.set(x, fresh.y[i]));
  const inOrder = [...points].sort((a, b) => a[0] - b[0]);
  held.x = inOrder.map(([x]) => x);
  held.y = inOrder.map(([, y]) => y);
  held.nan = [...new Set([...held.nan, ...fresh.nan])];
};

// What a logarithmic axis can show.
export const positive = (one, { isLogX, isLogY }) => {
  if (!isLogX && !isLogY) return one;
  const places = [...one.x.keys()].filter((i) => !isLogX || one.x[i] > 0);
  const y = (i) => (isLogY && !(one.y[i] > 0) ? null : one.y[i]);
  return { ...one, x: places.map((i) => one.x[i]), y: places.map(y), nan: one.nan.filter((x) => !isLogX || x > 0) };
};

// An exponential moving average whose memory is a distance on the axis. `span` is the length of the whole axis.
export const smooth = ({ x, y }, kept, span) => {
  let sum = 0;
  let weight = 0;
  let before = null;
  return y.map((value, i) => {
    if (value == null) return value;
    const fade = before == null ? 0 : kept ** (((x[i] - before) / span) * PARTS || 1e-9);
    before = x[i];
    sum = sum * fade + value * (1 - kept);
    weight = weight * fade + (1 - kept);
    return sum / weight;
  });
};

// The least and the most of each stretch of the axis: [low, high], both at every x.
export const envelope = ({ x, y }) => {
  const low = new Array(y.length);
  const high = new Array(y.length);
  const width = (x.at(-1) - x[0]) / BUCKETS || 1;
  for (let start = 0; start < x.length;) {
    const bucket = Math.floor((x[start] - x[0]) / width);
    let end = start;
    let least = Infinity;
    let most = -Infinity;
    while (end < x.length && Math.floor((x[end] - x[0]) / width) === bucket) {
      if (y[end] != null) { least = Math.min(least, y[end]); most = Math.max(most, y[end]); }
      end += 1;
    }
    const known = least <= most;
    low.fill(known ? least : null, start, end);
    high.fill(known ? most : null, start, end);
    start = end;
  }
  return [low, high];
};

const bounds = (columns) => {
  let low = Infinity;
  let high = -Infinity;
  for (const values of columns) for (const value of values) if (value != null) { low = Math.min(low, value); high = Math.max(high, value); }
  return [low, high];
};

// The y range of what is drawn. A short transient at the start may leave the frame, so that the rest can be read.
export const frame = (columns, { isLog, isWhole }) => {
  const known = columns.map((values) => values.filter((value) => value != null));
  const whole = bounds(known);
  if (!(whole[0] <= whole[1])) return isLog ? [0.1, 1] : [0, 1];
  if (isLog) {
    const room = (whole[1] / whole[0]) ** 0.06 || 1;
    return whole[0] === whole[1] ? [whole[0] / 2, whole[1] * 2] : [whole[0] / room, whole[1] * room];
  }
  const later = known.map((values) => values.slice(Math.ceil(values.length * 0.06)));
  const rest = isWhole && later.flat().length > 20 ? bounds(later) : whole;
  const [low, high] = whole[1] - whole[0] > 2.5 * (rest[1] - rest[0]) && rest[1] > rest[0] ? rest : whole;
  const pad = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [low - pad, high + pad];
};
